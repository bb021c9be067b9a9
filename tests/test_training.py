"""Training: what a run leaves, that it learns, and what stops it."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="kymath.training needs torch")

from small_runs import Stops, metrics, one_thread, same_weights, small, weights  # noqa: E402, F401

import kymath.files as whole_files  # noqa: E402
from kymath import KYError, NotApplicable  # noqa: E402
from kymath.nn import load_condor  # noqa: E402
from kymath.training import Settings, Unreadable, train  # noqa: E402
from kymath.training.examples import Examples  # noqa: E402
from kymath.training.reading import lines_of  # noqa: E402
from kymath.training.tokens import tokenizer_for  # noqa: E402

WORDS = ("ky", "standard", "local", "alibi", "t5", "kerple", "fire")

FIELDS = {
    "loss", "loss_per_token", "perplexity", "unigram_perplexity", "tokens_per_second", "peak_memory_mb", "parameters",
    "seconds", "steps", "epochs", "seed", "preset", "attention", "window", "tokenizer", "vocab_size", "device",
}  # fmt: skip


# -- runs --------------------------------------------------------------------------------------------------------------


def test_a_run_and_what_it_leaves(text, tmp_path):
    out = tmp_path / "deep" / "out"
    before = torch.get_rng_state()
    record = train(small(text, epochs=3, lr=0.02), out, save_every=7)
    assert torch.equal(torch.get_rng_state(), before)
    assert set(record) == FIELDS
    assert json.loads((out / "summary.json").read_text()) == record
    assert {path.name for path in out.iterdir()} == {
        "checkpoint.safetensors", "training.safetensors", "metrics.jsonl", "summary.json", "settings.json",
        "tokenizer.json",
    }  # fmt: skip
    model = load_condor(out / "checkpoint.safetensors")
    assert record["parameters"] == sum(p.numel() for p in model.parameters())
    assert (record["steps"], record["epochs"], record["window"], record["vocab_size"]) == (30, 3, 4, 256)
    assert (record["device"], record["preset"], record["attention"], record["tokenizer"]) == (
        "cpu",
        "tiny",
        "ky",
        "byte",
    )
    assert record["perplexity"] == math.exp(record["loss"])
    assert min(record[name] for name in ("tokens_per_second", "peak_memory_mb", "seconds")) > 0

    # the losses again, one line at a time, from the files alone
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
    losses = []
    for line in lines_of(str(text), None)[1]:
        ids = torch.tensor(tokenizer.encode(line).ids[:12])
        with torch.no_grad():
            losses.append(torch.nn.functional.cross_entropy(model(ids[None, :-1])[0], ids[1:], reduction="none"))
    assert record["loss_per_token"] == pytest.approx(float(torch.cat(losses).mean()), rel=1e-5)
    assert record["loss"] == pytest.approx(float(torch.cat(losses).mean()), rel=1e-5)  # one batch here

    steps = [r for r in metrics(out) if "lr" in r]
    assert [r["step"] for r in steps] == list(range(1, 31))
    assert [r["epoch"] for r in steps] == [1] * 10 + [2] * 10 + [3] * 10
    assert steps[0]["lr"] == 0.02
    assert steps[-1]["loss"] < steps[0]["loss"] - 1
    checks = [r for r in metrics(out) if "validation_loss" in r]
    assert [r["step"] for r in checks] == [10, 20, 30]
    assert checks[-1]["validation_loss"] == record["loss"] < checks[0]["validation_loss"]


def test_the_loss_is_the_mean_of_the_batches(text, tmp_path):
    """Validation of four lines in batches of three: the last batch, of one line, counts as much as the first."""
    record = train(small(text, batch=3, max_steps=2), tmp_path / "out")
    model = load_condor(tmp_path / "out" / "checkpoint.safetensors")
    valid = Examples.of(tokenizer_for("byte", [], 0, None), lines_of(str(text), None)[1], 12)
    means = []
    for rows in ([0, 1, 2], [3]):
        inputs, targets = valid.batch(rows)
        means.append(float(torch.nn.functional.cross_entropy(model(inputs).transpose(1, 2), targets).detach()))
    assert record["loss"] == pytest.approx(sum(means) / 2, rel=1e-5)
    assert record["loss"] != pytest.approx(record["loss_per_token"], rel=1e-5)
    assert record["steps"] == 2


@pytest.mark.parametrize("attention", WORDS)
def test_every_attention_trains(attention, text, tmp_path):
    record = train(small(text, attention=attention, max_steps=2), tmp_path / "out")
    assert math.isfinite(record["loss"])
    assert record["window"] == (None if attention == "standard" else 4)
    assert load_condor(tmp_path / "out" / "checkpoint.safetensors").config.attention == attention


def test_equal_seeds_give_equal_runs(text, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(small(text, seed=seed, max_steps=4), tmp_path / name)
    assert same_weights(tmp_path / "a", tmp_path / "b")
    assert not same_weights(tmp_path / "a", tmp_path / "c")


def test_the_symmetric_window_says_what_it_reads(text, tmp_path):
    settings = small(text, causal=False, window=5, max_steps=2)
    with pytest.warns(UserWarning, match="reads the token that it is to predict"):
        train(settings, tmp_path / "out")
    assert not load_condor(tmp_path / "out" / "checkpoint.safetensors").config.causal


def test_the_symmetric_window_reads_its_targets(tmp_path):
    """Letters drawn at random: no model can know the next one better than by 1 in 26, and this one does."""
    letters = np.random.default_rng(0).choice(list("abcdefghijklmnopqrstuvwxyz"), (200, 31))
    text = tmp_path / "letters.txt"
    text.write_text("\n".join(map("".join, letters)))
    losses = []
    for name, causal in (("leaking", False), ("causal", True)):
        shape = {"d_model": 32, "num_layers": 1, "num_heads": 2, "max_len": 31, "window": 5, "tokenizer": "byte"}
        settings = Settings.of("tiny", **shape, data=str(text), causal=causal, batch=16, epochs=6, lr=0.02)
        watch = Stops(0, None)
        watch.caution = lambda said: None
        losses.append(train(settings, tmp_path / name, watch=watch)["loss"])
    assert losses[0] < 1 < math.log(26) - 0.1 < losses[1]


# -- what stops a run --------------------------------------------------------------------------------------------------


def test_a_loss_that_is_no_number(text, tmp_path, monkeypatch):
    import kymath.training.loop as loop

    true, calls = loop.summed_loss, []

    def breaks(model, inputs, targets):
        calls.append(1)
        return true(model, inputs, targets) * (math.nan if len(calls) == 8 else 1)

    monkeypatch.setattr(loop, "summed_loss", breaks)
    with pytest.raises(
        KYError, match=r"loss is nan .*at step 8.*last good checkpoint, of step 6, is kept.*smaller --lr"
    ):
        train(small(text), tmp_path, save_every=3)
    assert all(torch.isfinite(value).all() for value in weights(tmp_path).values())
    assert metrics(tmp_path)[-1]["step"] == 7
    monkeypatch.undo()
    assert train(small(text), tmp_path, resume=True)["steps"] == 20


@pytest.mark.parametrize(("written", "kept"), [(3, None), (4, 3), (5, 3), (6, 6)])
def test_a_full_disk(text, tmp_path, monkeypatch, written, kept):
    """After tokenizer, settings and metrics each checkpoint is two files, the state and the model."""
    true, calls = os.fsync, []

    def full(handle):
        calls.append(1)
        if len(calls) > written:
            raise OSError(28, "No space left on device")
        true(handle)

    monkeypatch.setattr(whole_files.os, "fsync", full)
    words = f"The last good checkpoint, of step {kept}, is kept" if kept else "No checkpoint had been written"
    with pytest.raises(KYError, match=rf"could not be written: No space left on device\. {words}"):
        train(small(text), tmp_path, save_every=3)
    monkeypatch.undo()
    assert not list(tmp_path.glob(".*"))
    train(small(text), tmp_path / "whole")
    train(small(text), tmp_path, resume=kept is not None)
    assert same_weights(tmp_path, tmp_path / "whole")


def test_devices_that_are_not_here(text, tmp_path):
    for device, words in (("cuda:99", "is not here; there is cpu"), ("tpu", "'tpu'"), ("meta", "is not here")):
        with pytest.raises(NotApplicable, match=words):
            train(small(text), tmp_path / "out", device=device)


def test_lines_without_targets(tmp_path, monkeypatch):
    class Fake:
        load_dataset = staticmethod(lambda *name, split: {"text": ["x", "y"]})

    monkeypatch.setitem(sys.modules, "datasets", Fake)
    with pytest.raises(Unreadable, match="no line of the training part has two tokens"):
        train(small("wikitext-2"), tmp_path / "out")


def test_tensorboard(text, tmp_path):
    pytest.importorskip("tensorboard", reason="--tensorboard needs tensorboard")
    train(small(text, max_steps=2), tmp_path, tensorboard=True)
    assert list((tmp_path / "tensorboard").glob("events.*"))


def test_torch_is_not_loaded_by_kymath():
    code = "import sys, kymath, kymath.cli; assert not {'torch', 'kymath.training', 'accelerate'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
