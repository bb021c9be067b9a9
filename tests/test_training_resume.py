"""Interruptions, and resumption that is exact."""

import pickle
import signal

import pytest

torch = pytest.importorskip("torch", reason="kymath.training needs torch")

import safetensors.torch as safetensors  # noqa: E402
from small_runs import Stops, killed, metrics, one_thread, same_weights, signalled, small  # noqa: E402, F401

from kymath import KYError  # noqa: E402
from kymath.training import Interrupted, interruption, saved_settings, train  # noqa: E402


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
