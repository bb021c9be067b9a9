"""The folder of a run: whose files are in it, one run at a time, what is said about it."""

import os
import signal

import pytest

torch = pytest.importorskip("torch", reason="kymath.training needs torch")

from small_runs import Stops, killed, one_thread, signalled, small  # noqa: E402, F401

import kymath.files as whole_files  # noqa: E402
from kymath import KYError  # noqa: E402
from kymath.training import Interrupted, Watch, train  # noqa: E402


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
