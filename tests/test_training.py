"""Training: the protocol's numbers by hand, exact resumption, interruptions, what stops a run, many processes."""

import json
import math
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="kymath.training needs torch")
pytest.importorskip("accelerate", reason="kymath.training needs accelerate")
pytest.importorskip("tokenizers", reason="kymath.training needs tokenizers")
safetensors = pytest.importorskip("safetensors.torch", reason="checkpoints need safetensors")

from small_models import one_thread  # noqa: E402, F401

import kymath.files as whole_files  # noqa: E402
from kymath import KYError, NotApplicable  # noqa: E402
from kymath.nn import load_condor  # noqa: E402
from kymath.training import (  # noqa: E402
    Interrupted,
    Settings,
    Unreadable,
    Watch,
    continuation,
    interruption,
    language_model,
    saved_settings,
    train,
)
from kymath.training.examples import IGNORED, Examples, rows_of, unigram_perplexity  # noqa: E402
from kymath.training.reading import lines_of  # noqa: E402
from kymath.training.tokens import tokenizer_for  # noqa: E402

WORDS = ("ky", "standard", "local", "alibi", "t5", "kerple", "fire")
SMALL = {"d_model": 8, "num_layers": 1, "num_heads": 2, "max_len": 12, "window": 4, "tokenizer": "byte", "batch": 4}
FIELDS = {
    "loss", "loss_per_token", "perplexity", "unigram_perplexity", "tokens_per_second", "peak_memory_mb", "parameters",
    "seconds", "steps", "epochs", "seed", "preset", "attention", "window", "tokenizer", "vocab_size", "device",
}  # fmt: skip
DATA = os.environ.get("KYMATH_DATA")


@pytest.fixture
def text(tmp_path):
    """Forty-four lines, four of them for validation."""
    path = tmp_path / "text.txt"
    words = ("one", "two", "three", "four", "a longer one")
    path.write_text("\n\n".join(f"{words[k % 5]} {k} {words[k % 3]}" for k in range(44)), encoding="utf-8")
    return path


def small(text, **changes):
    return Settings.of("tiny", **{**SMALL, "epochs": 2, "data": str(text), **changes})


def weights(out):
    return safetensors.load_file(out / "checkpoint.safetensors")


def metrics(out, *left_out):
    records = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in r.items() if name not in left_out} for r in records]


def same_weights(a, b):
    a, b = weights(a), weights(b)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# -- settings, lines, tokens, batches ----------------------------------------------------------------------------------


def test_the_presets():
    paper = Settings.of("table1")
    assert (paper.d_model, paper.num_layers, paper.num_heads, paper.window) == (512, 8, 16, 15)
    assert (paper.batch, paper.epochs, paper.lr, paper.weight_decay, paper.clip) == (16, 3, 5e-4, 0.01, 1.0)
    assert (paper.max_len, paper.tokenizer, paper.half, paper.config(50257).ffn_width) == (256, "gpt2", True, 1536)
    tiny = Settings.of("tiny", seed=None, lr=0.1)
    assert (tiny.seed, tiny.lr, tiny.tokenizer, tiny.vocab_size) == (0, 0.1, "bpe", 2048)
    assert Settings.from_dict(json.loads(json.dumps(paper.as_dict()))) == paper


def test_the_learning_rate_is_torchs_cosine():
    settings = Settings.of("table1")
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=settings.lr)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 30)
    for step in range(30):
        assert settings.rate(step, 30) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9, abs=1e-15)
        optimiser.step()
        theirs.step()
    assert settings.rate(30, 30) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"attention": "linear"}, "attention = 'linear'"),
        ({"tokenizer": "words"}, "tokenizer = 'words'"),
        ({"batch": 0}, "batch = 0"),
        ({"epochs": 1.5}, "epochs = 1.5"),
        ({"max_steps": 0}, "max_steps = 0"),
        ({"max_len": 1}, "max_len = 1"),
        ({"lr": 0.0}, r"lr = 0\.0"),
        ({"lr": 1e300}, r"lr = 1e\+300 must be a number above 0 and at most 1000"),
        ({"lr": 10**400}, "lr = 1000"),
        ({"clip": 0}, "clip = 0 must"),
        ({"weight_decay": 1e9}, "must be a number from 0 to 1000"),
        ({"batch": 1 << 40}, "must be a whole number from 1 to 1048576"),
        ({"d_model": 10**18}, "d_model = 1000000000000000000 must"),
        ({"half": 1}, "half = 1 must be True or False"),
        ({"layers": 1}, "layers is not one of the fields tokenizer, d_model, num_layers,"),
        ({"lr": math.nan}, "lr = nan"),
        ({"weight_decay": -1.0}, r"weight_decay = -1\.0"),
        ({"seed": -1}, "seed = -1"),
        ({"window": 0}, "window = 0"),
        ({"window": 4, "causal": False}, "window = 4"),
        ({"attention": "standard", "causal": False}, 'attention="standard" has none'),
        ({"edge": "zeros"}, "edge = 'zeros'"),
    ],
)
def test_bad_settings_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        Settings.of("tiny", **change)


def test_other_presets_and_other_fields_are_refused():
    with pytest.raises(ValueError, match="preset = 'huge'"):
        Settings.of("huge")
    for fields in ({}, [], {**Settings.of("tiny").as_dict(), "more": 1}):
        with pytest.raises(ValueError, match="not the settings"):
            Settings.from_dict(fields)


def test_lines_of_a_file_and_of_a_folder(tmp_path, text):
    first, last = lines_of(str(text), None)
    assert (len(first), len(last)) == (40, 4)
    assert last[-1] == "four 43 two\n"
    folder = tmp_path / "wikitext-2"
    folder.mkdir()
    (folder / "train.txt").write_text(" a \n \n b \r\n")
    (folder / "valid.txt").write_text(" c \n")
    assert lines_of("wikitext-2", tmp_path) == ([" a \n", " b \n"], [" c \n"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"caf\xe9\nb\n", "not text in UTF-8.*at byte 3"),
        (b"one\n\n \n", "has 1 line with"),
        (b"a\nb\0\n", "not text: byte 3 is zero"),
        (b"a\0b\0", "byte 1 is zero"),
        (b"", "has 0 lines with"),
    ],
)
def test_data_that_cannot_be_read(tmp_path, content, words):
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Unreadable, match=words):
        lines_of(str(path), None)
    with pytest.raises(Unreadable, match=r"train\.txt: No such file"):
        lines_of("wikitext-2", tmp_path)


@pytest.mark.parametrize("content", ["\ufeffone\ntwo\nthree\n", "one\rtwo\rthree", "one\r\n\r\ntwo\r\nthree\r\n"])
def test_marks_of_order_and_all_line_ends(tmp_path, content):
    path = tmp_path / "text.txt"
    path.write_bytes(content.encode())
    assert lines_of(str(path), None) == (["one\n", "two\n"], ["three\n"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_data_without_an_end_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(Unreadable, match="is a pipe or a device"):
            lines_of(str(path), None)


def test_wikitext_by_the_library(monkeypatch):
    """The library is not asked for the network here: what is passed to it is."""
    asked = []

    class Fake:
        @staticmethod
        def load_dataset(*name, split):
            asked.append((*name, split))
            return {"text": ["", " one \n"]}

    monkeypatch.setitem(sys.modules, "datasets", Fake)
    assert lines_of("wikitext-2", None) == ([" one \n"], [" one \n"])
    assert asked == [("Salesforce/wikitext", "wikitext-2-v1", part) for part in ("train", "validation")]
    monkeypatch.setattr(Fake, "load_dataset", lambda *name, split: 1 / 0)
    with pytest.raises(Unreadable, match=r"could not be fetched: division by zero.*--data-dir"):
        lines_of("wikitext-2", None)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(NotApplicable, match=r"pip install 'kymath\[train\]'"):
        lines_of("wikitext-2", None)


@pytest.mark.parametrize("word", ["bpe", "byte"])
def test_tokens_give_the_text_back(word):
    lines = ["Ein Maß für α → β\n", "\t  two  blanks\n", "🙂\x00\n"]
    made = tokenizer_for(word, ["the cat and the hat\n"] * 9, 300, None)
    for line in lines:
        assert made.decode(made.encode(line).ids) == line
    assert made.get_vocab_size() == 256 if word == "byte" else made.get_vocab_size() > 256
    again = tokenizer_for(word, ["the cat and the hat\n"] * 9, 300, None)
    assert again.to_str() == made.to_str()
    if word == "byte":
        assert len(made.encode("Maß\n").ids) == 5


@pytest.mark.skipif(not DATA, reason="KYMATH_DATA names no folder with gpt2-bpe/")
def test_gpt2_tokens():
    made = tokenizer_for("gpt2", [], 0, Path(str(DATA)))
    assert made.get_vocab_size() == 50257
    assert made.encode("Hello world, it's 2024.\n").ids == [15496, 995, 11, 340, 338, 48609, 13, 198]
    assert made.decode([15496, 995]) == "Hello world"


def test_gpt2_files_that_are_none(tmp_path):
    with pytest.raises(Unreadable, match=r"encoder\.json: No such file"):
        tokenizer_for("gpt2", [], 0, tmp_path)
    (tmp_path / "gpt2-bpe").mkdir()
    for name in ("encoder.json", "vocab.bpe"):
        (tmp_path / "gpt2-bpe" / name).write_text("[1, 2")
    with pytest.raises(Unreadable, match="not GPT-2's tokens"):
        tokenizer_for("gpt2", [], 0, tmp_path)


def examples(*lines, max_len=5):
    return Examples.of(tokenizer_for("byte", [], 0, None), lines, max_len)


def test_batches_are_shifted_and_padded():
    made = examples("abc", "x", "abcdefgh", "hi")
    assert (len(made), made.cut) == (3, 3)  # "x" has no target, "fgh" is beyond the length
    inputs, targets = made.batch([0, 1, 2])
    assert inputs.shape == targets.shape == (3, 4)
    a, b, c = made.one(0).tolist()
    assert inputs[0].tolist() == [a, b, 0, 0]
    assert targets[0].tolist() == [b, c, IGNORED, IGNORED]
    assert targets[1].ne(IGNORED).all()
    assert made.targets([0, 1, 2]) == int(targets.ne(IGNORED).sum()) == 7
    assert made.wanted().tolist() == targets[targets.ne(IGNORED)].tolist()


def test_processes_share_a_batch():
    made = examples("abc", "abcdefgh", "hi", "there", "you")
    inputs, targets = made.batch([4, 2, 1, 0, 3])
    shares = [made.batch([4, 2, 1, 0, 3], k, 3) for k in range(3)]
    assert {x.shape for x, _ in shares} == {(2, 4)}  # alike in all, as collective work must be
    assert torch.equal(torch.cat([x for x, _ in shares])[:5], inputs)
    assert torch.equal(torch.cat([y for _, y in shares])[:5], targets)
    assert shares[2][1][1].eq(IGNORED).all()


def test_each_epoch_has_each_line_once_in_an_order_of_its_own():
    epochs = [[k for step in range(e * 4, e * 4 + 4) for k in rows_of(step, 14, 4, seed=3)] for e in range(3)]
    assert all(sorted(rows) == list(range(14)) for rows in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert rows_of(0, 14, 4, seed=3) != rows_of(0, 14, 4, seed=4)


def test_unigram_perplexity_by_hand():
    a, b = examples("xab", "xab"), examples("xac")  # targets a b a b; a c
    p = [(2 + 1) / (4 + 256), (0 + 1) / (4 + 256)]
    assert unigram_perplexity(a, b, 256) == pytest.approx(math.exp(-np.log(p).mean()), rel=1e-12)


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


# -- the folder -------------------------------------------------------------------------------------------------------


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["summary.json", "metrics.jsonl", "checkpoint.safetensors", "settings.json",
                                  "tokenizer.json"])  # fmt: skip
def test_files_of_others_are_kept(text, tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("{}")
    with pytest.raises(KYError, match=rf"holds {name}, which this run would overwrite: give another folder"):
        train(small(text, max_steps=1), tmp_path / "out")
    assert contents(tmp_path / "out") == {name: b"{}"}


def test_a_run_that_stopped_early_may_begin_again(text, tmp_path):
    out, settings = tmp_path / "out", small(text, max_steps=3)
    with pytest.raises(ZeroDivisionError):
        train(settings, out, watch=Stops(2, killed))
    assert set(contents(out)) == {"settings.json", "tokenizer.json", "metrics.jsonl"}
    before = contents(out)
    with pytest.raises(KYError, match="which this run would overwrite"):
        train(small(text, max_steps=3, seed=1), out)
    assert contents(out) == before
    assert train(settings, out)["steps"] == 3
    (out / "training.safetensors").unlink()  # a folder that was tidied up: the model in it stays
    with pytest.raises(KYError, match=r"holds checkpoint\.safetensors, metrics\.jsonl"):
        train(settings, out)


def test_one_run_at_a_time(text, tmp_path):
    pytest.importorskip("fcntl", reason="no locks of folders here")
    settings, out = small(text, max_steps=3), tmp_path / "out"

    def also():
        for resume in (False, True):
            with pytest.raises(KYError, match="another run is writing here; wait until it ends"):
                train(settings, out, resume=resume, watch=Watch())

    train(settings, out, watch=Stops(2, also))
    train(settings, out, resume=True)  # it is free again
    (out / ".metrics.jsonl.0a1b2c3d.part").touch()  # as a killed run leaves it
    train(settings, out, resume=True)
    assert not list(out.glob(".*"))


def test_folders_without_locks(text, tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl", reason="no locks of folders here")

    def none(handle, how):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", none)
    assert train(small(text, max_steps=1), tmp_path)["steps"] == 1


def test_drafts_do_not_collide(tmp_path, monkeypatch):
    path, true, seen = tmp_path / "file", os.fsync, []

    def other(handle):
        true(handle)
        seen.append({p.name for p in tmp_path.glob(".*")})
        if len(seen) == 1:
            whole_files.write_whole(path, b"second")

    monkeypatch.setattr(whole_files.os, "fsync", other)
    whole_files.write_whole(path, b"first")
    assert [len(names) for names in seen] == [1, 2]
    assert contents(tmp_path) == {"file": b"first"}


class Notes(Watch):
    """What is said, and a warning as it would be on standard error."""

    def __init__(self):
        self.notes, self.cautions = [], []
        self.note, self.caution = self.notes.append, self.cautions.append


def test_where_a_run_is_and_how_far(text, tmp_path):
    out, settings, seen = tmp_path / "out", small(text, max_steps=3), Notes()
    with pytest.raises(Interrupted):
        train(settings, out, watch=Stops(1, signalled(signal.SIGTERM)))
    for _ in range(2):
        train(settings, out, resume=True, watch=seen)
    assert [said for said in seen.notes if str(out) in said] == [
        f"{out}: resumed at step 2 of 3.",
        f"{out}: this run is finished; all of its 3 steps were done.",
    ]
    train(small(text, max_steps=1), tmp_path / "new", watch=seen)
    assert seen.notes[-3].endswith("new: a new run, written to this folder.")
    assert seen.notes[-2].endswith("40 lines to train on, 4 to validate; 1 step.")
    assert "16% of the tokens lie beyond the 12th of their line and are left out: raise --max-len" in seen.notes[-1]
    assert seen.cautions == []


def test_much_that_is_left_out_is_a_warning(text, tmp_path):
    with pytest.warns(UserWarning, match="of the tokens lie beyond the 2nd of their line and are left out") as caught:
        train(small(text, max_steps=1, max_len=2), tmp_path / "out")
    assert caught[0].filename == __file__
    whole = Notes()
    train(small(text, max_steps=1, max_len=99), tmp_path / "whole", watch=whole)
    assert not any("left out" in said for said in whole.notes)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you …"),
                                   torch.OutOfMemoryError("CUDA out of memory")])  # fmt: skip
def test_memory_that_does_not_suffice(text, tmp_path, monkeypatch, error):
    import kymath.training.loop as loop

    true, calls = loop.summed_loss, []

    def breaks(model, inputs, targets):
        calls.append(1)
        if len(calls) == 5:
            raise error
        return true(model, inputs, targets)

    monkeypatch.setattr(loop, "summed_loss", breaks)
    with pytest.raises(KYError, match=r"memory does not suffice.*--batch.*good checkpoint, of step 3, is kept"):
        train(small(text), tmp_path, save_every=3)


# -- a trained model writes --------------------------------------------------------------------------------------------


def test_what_a_model_writes(text, tmp_path):
    train(small(text, lr=0.02), tmp_path)
    model, tokenizer = language_model(tmp_path)
    again, _ = language_model(tmp_path / "checkpoint.safetensors")
    assert model.config == again.config
    wanted = model.generate(torch.tensor([tokenizer.encode("one").ids]), 300, seed=3)[0, 3:].tolist()
    ids, pieces = zip(*continuation(model, tokenizer, "one", 300, one_line=False, seed=3), strict=True)
    assert list(ids) == wanted
    assert "".join(pieces) == tokenizer.decode(wanted)
    line = wanted[: wanted.index(tokenizer.encode("\n").ids[0]) + 1]
    ids, pieces = zip(*continuation(model, tokenizer, "one", 300, seed=3), strict=True)
    assert list(ids) == line
    assert "".join(pieces).count("\n") == 1
    assert list(continuation(model, tokenizer, "", 2, temperature=0.0))  # from the beginning of a line
    with pytest.raises(ValueError, match="top_k = 0"):
        list(continuation(model, tokenizer, "one", 2, top_k=0))


class Says:
    """In place of a model: draws the bytes of a text."""

    def __init__(self, tokens):
        self.tokens = tokens

    def stream(self, ids, count, **how):
        return (torch.tensor([token]) for token in self.tokens[:count])


def test_characters_come_when_they_are_whole():
    made = tokenizer_for("byte", [], 0, None)
    ids = made.encode("a→🙂b").ids
    pieces = [piece for _, piece in continuation(Says(ids), made, "", 99)]
    assert pieces == ["a", "", "", "→", "", "", "", "🙂", "b"]
    broken = [ids[1], ids[0], ids[1], ids[2]]
    assert [piece for _, piece in continuation(Says(broken), made, "", 4)] == ["", "\ufffda", "", "\ufffd"]
    merged = tokenizer_for("bpe", ["so \n\n", "so \n\n"] * 5, 300, None)
    ids = merged.encode("so \n\n").ids
    assert "".join(piece for _, piece in continuation(Says(ids), merged, "", 99)) == "so \n"


def test_models_without_their_text(text, tmp_path, monkeypatch):
    out = tmp_path / "out"
    train(small(text, max_steps=1), out)
    for path in ("nowhere", "nowhere/checkpoint.safetensors"):
        with pytest.raises(Unreadable, match="No such file"):
            language_model(tmp_path / path)
    tokenizer = out / "tokenizer.json"
    good = tokenizer.read_text()
    for bad, words in (
        ("{", "is no tokenizer"),
        ("\0", "is not text"),
        (json.dumps({**json.loads(good), "decoder": None}), "not of byte-level tokens"),
        (tokenizer_for("bpe", ["the cat\n"] * 3, 300, None).to_str(), "256 tokens, and the tokenizer beside it has 2"),
    ):
        tokenizer.write_text(bad)
        with pytest.raises(Unreadable, match=words):
            language_model(out)
    tokenizer.unlink()
    with pytest.raises(Unreadable, match=r"holds no tokenizer\.json"):
        language_model(out)
    (out / "settings.json").write_text('{"tokenizer": "gpt2"}')
    with pytest.raises(Unreadable, match=r"encoder\.json: No such file"):
        language_model(out, data_dir=tmp_path)


# -- interruption and resumption ---------------------------------------------------------------------------------------


class Stops(Watch):
    """Does something after a step, or in a validation after it."""

    def __init__(self, step, do, *, validating=False):
        self.at, self.do, self.validating_too, self.now = step, do, validating, 0

    def step(self, record, total):
        self.now = record["step"]
        if self.now == self.at and not self.validating_too:
            self.do()

    def validating(self, done, total):
        if self.now == self.at and self.validating_too:
            self.do()


def signalled(number):
    return lambda: os.kill(os.getpid(), number)


def killed():
    raise ZeroDivisionError("as if the power had gone")


@pytest.mark.parametrize(
    ("step", "do", "validating", "resumes_from"),
    [
        (1, signalled(signal.SIGTERM), False, 2),
        (9, signalled(signal.SIGINT), False, 10),
        (20, signalled(signal.SIGINT), True, 20),
        (10, signalled(signal.SIGTERM), True, 10),
        (8, killed, False, 6),
        (20, killed, True, 20),
    ],
)
def test_resumption_is_exact(text, tmp_path, step, do, validating, resumes_from):
    settings, whole, parted = small(text), tmp_path / "whole", tmp_path / "parted"
    expected = train(settings, whole, save_every=3)
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises((Interrupted, ZeroDivisionError)) as caught:
        train(settings, parted, save_every=3, watch=Stops(step, do, validating=validating))
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    if do is not killed:
        assert caught.value.step == resumes_from
    assert not (parted / "summary.json").exists()
    assert saved_settings(parted) == settings
    seen = Stops(0, None)
    record = train(settings, parted, save_every=3, resume=True, watch=seen)
    timed = ("seconds", "tokens_per_second", "peak_memory_mb")
    assert {k: v for k, v in record.items() if k not in timed} == {k: v for k, v in expected.items() if k not in timed}
    assert same_weights(whole, parted)
    assert metrics(parted, "seconds") == metrics(whole, "seconds")


def twice():
    signalled(signal.SIGINT)()
    signalled(signal.SIGTERM)()


def test_a_second_signal_is_heard_at_once(text, tmp_path, monkeypatch):
    with pytest.raises(Interrupted):  # within a second it is the echo of the first
        train(small(text), tmp_path / "a", watch=Stops(3, twice))
    monkeypatch.setattr(interruption, "ECHO", -1.0)
    with pytest.raises(KeyboardInterrupt):
        train(small(text), tmp_path / "b", watch=Stops(3, twice))


def test_a_finished_run_resumed_is_finished(text, tmp_path):
    first = train(small(text, max_steps=3), tmp_path)
    again = train(small(text, max_steps=3), tmp_path, resume=True)
    assert again["loss"] == first["loss"]
    assert again["steps"] == 3


def test_what_cannot_be_resumed_says_so(text, tmp_path):
    settings, out = small(text, max_steps=3), tmp_path / "out"
    with pytest.raises(KYError, match="nothing to resume"):
        train(settings, out, resume=True)
    train(settings, out)
    with pytest.raises(KYError, match="holds a run already"):
        train(settings, out)
    with pytest.raises(KYError, match=r"has lr = 0\.002, not 0\.1: resume it as it was begun"):
        train(small(text, max_steps=3, lr=0.1), out, resume=True)
    text.write_text(text.read_text().replace("one", "ten"))
    with pytest.raises(KYError, match="not what the run began with"):
        train(settings, out, resume=True)
    state = out / "training.safetensors"
    good = state.read_bytes()
    for bad, words in (
        (good[: len(good) // 2], "not a safetensors file, or is damaged"),
        (pickle.dumps({"x": 1}), "pickle .*so kymath does not"),
        (safetensors.save({"x": torch.zeros(1)}, {"format": "other"}), "no state of a run"),
        (safetensors.save({"x": torch.zeros(1)}), "no state of a run"),
        (safetensors.save({"x": torch.zeros(1)}, {"format": "kymath.training", "run": "{}"}), "no state of a run"),
    ):
        state.write_bytes(bad)
        with pytest.raises(KYError, match=words):
            train(settings, out, resume=True)


def test_a_state_of_another_model_does_not_fit(text, tmp_path):
    settings = small(text, max_steps=3)
    train(settings, tmp_path)
    path = tmp_path / "training.safetensors"
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = safetensors.load_file(path)
    del tensors["model.lm_head.weight"]
    path.write_bytes(safetensors.save(tensors, metadata))
    with pytest.raises(KYError, match=r"does not fit the model: lm_head.weight has the shape None"):
        train(settings, tmp_path, resume=True)


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


# -- several processes -------------------------------------------------------------------------------------------------


def test_two_processes_train_as_one(text, tmp_path):
    """accelerate launch, DDP over gloo: the batch is shared, so the steps are those of one process."""
    words = ["--max-steps", "6", "--batch", "5", "--max-len", "12", "--tokenizer", "byte", "--window", "4"]
    alone = train(Settings.of("tiny", data=str(text), tokenizer="byte", max_steps=6, batch=5, max_len=12, window=4),
                  tmp_path / "one", device="cpu")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
         "--num_machines", "1",
         "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0", "-m", "kymath", "train",
         "--device", "cpu", "--data", str(text), "--out", str(tmp_path / "two"), *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("2 processes") == 1  # one speaks
    both = json.loads((tmp_path / "two" / "summary.json").read_text())
    assert both["loss"] == pytest.approx(alone["loss"], rel=1e-4)
    ours, theirs = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert ours.keys() == theirs.keys()
    assert all((ours[name] - theirs[name]).abs().max() < 1e-3 for name in ours)
    assert [r["step"] for r in metrics(tmp_path / "two")] == [1, 2, 3, 4, 5, 6, 6]


SHARDED = """
import sys
from pathlib import Path
import torch, torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from kymath.nn import Condor, CondorConfig
from kymath.training import Settings, state

dist.init_process_group("gloo")
mesh, out = init_device_mesh("cpu", (2,)), Path(sys.argv[1])
config = CondorConfig(vocab_size=50, d_model=16, num_layers=2, num_heads=2)

def make(seed, sharded=True):
    model = Condor(config, generator=torch.Generator().manual_seed(seed))
    for layer in [*model.layers, model] if sharded else []:
        fully_shard(layer, mesh=mesh)
    return model, torch.optim.AdamW(model.parameters(), lr=1e-2)

def steps(model, optimiser, first):
    losses = []
    for k in range(first, first + 3):
        ids = torch.randint(0, 50, (2, 9), generator=torch.Generator().manual_seed(k))
        loss = model(ids).logsumexp(-1).mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    return losses

run = make(0)
steps(*run, 0)
state.write(out, Settings.of("tiny"), "", state.Progress(3), *run, writes=dist.get_rank() == 0)
dist.barrier()
wanted = steps(*run, 3)
for sharded in (True, False):
    other = make(7, sharded)
    state.restore(state.read(out), config, *other)
    assert steps(*other, 3) == wanted, (sharded, wanted)
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_sharded_weights_are_saved_whole_and_restored(tmp_path):
    """FSDP2 over two processes: the state goes on exactly, sharded again or not."""
    (tmp_path / "script.py").write_text(SHARDED)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
         str(tmp_path / "script.py"), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
