"""The training loop: step, validate, save; whatever ends it, the last checkpoint is whole."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import KYError
from ..files import write_whole
from . import state, summary
from .engine import engine, peak_memory_mb, within_memory
from .examples import rows_of
from .interruption import Interruption
from .journal import Journal
from .place import SETTINGS, TOKENIZER, check_free, held
from .settings import Settings
from .state import Progress
from .validation import summed_loss, validate
from .watch import Watch
from .words import counted
from .work import Work, prepared, restored

LEAK = (
    "causal=False: the window is centred on its token (Eq. 40's padding), so every position reads the token that it is "
    "to predict. The loss is no measure of a language model."
)
MUCH = 0.2  # of the tokens left out: more is worth a warning


class Interrupted(KYError):
    """The run was asked to stop; all of it up to ``step`` is saved."""

    step: int = 0


def train(
    settings: Settings,
    out: str | Path,
    *,
    data_dir: str | Path | None = None,
    device: str | None = None,
    save_every: int = 200,
    resume: bool = False,
    tensorboard: bool = False,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Train a model and return the record that ``summary.json`` holds.

    The folder ``out`` gets ``checkpoint.safetensors`` (for :func:`kymath.nn.load_condor`), ``training.safetensors``
    (what ``resume`` goes on from), both after each epoch and each ``save_every`` steps, ``metrics.jsonl``,
    ``settings.json``, ``tokenizer.json`` and ``summary.json``. ``data_dir`` holds ``wikitext-2/`` and ``gpt2-bpe/``;
    without it both are fetched. ``device`` is "cpu", "cuda", "cuda:1", "mps" or None, the best there is.

    A resumed run ends as an uninterrupted one would, on a CPU to the last bit.

    Raises ``Interrupted`` after Ctrl-C or SIGTERM (one more, a second later, is heard at once), ``Unreadable`` for
    data, ``KYError`` where the loss is no number, memory does not suffice, a file cannot be written, ``out`` holds
    files that the run would overwrite, or no run to resume, or one that is being written. Source: Condor, section 6.1.
    """
    begin, out, watch = time.monotonic(), Path(out), watch or Watch()
    if save_every < 1:
        raise ValueError(f"save_every = {save_every} must be at least 1.")
    folder = Folder(out, saved_at=0)
    with engine(device, settings.half) as accelerator:  # all that _train made is gone before its processes part
        return _train(settings, folder, accelerator, data_dir, save_every, resume, tensorboard, watch, begin)


def _train(
    settings: Settings,
    folder: Folder,
    accelerator: Any,
    data_dir: str | Path | None,
    save_every: int,
    resume: bool,
    tensorboard: bool,
    watch: Watch,
    begin: float,
) -> dict[str, Any]:
    out = folder.path
    with ExitStack() as held_on:
        if accelerator.is_main_process:
            if not resume:
                with folder.writing():
                    out.mkdir(parents=True, exist_ok=True)
            held_on.enter_context(held(out))
        saved = _saved(settings, out, resume)
        held_on.enter_context(within_memory(folder.kept))
        if not settings.causal:
            watch.caution(LEAK)
        work, tokenizer = prepared(settings, accelerator, None if data_dir is None else Path(data_dir))
        progress = Progress() if saved is None else restored(work, saved)
        folder.saved_at = progress.step
        watch.note(_place(out, progress.step, work.total, resume))
        if settings.half and accelerator.mixed_precision == "no":
            watch.note("fp16 needs CUDA: this run computes in float32.")
        watch.note(work.outline())
        if work.left_out() > MUCH:
            watch.caution(work.cut())
        elif work.train.cut:
            watch.note(work.cut())
        accelerator.wait_for_everyone()  # all have looked at the folder before one changes it
        with folder.writing():
            if accelerator.is_main_process:
                _first_files(out, settings, tokenizer)
            journal = Journal(out, progress.step, writes=accelerator.is_main_process, tensorboard=tensorboard)
        try:
            _run(work, progress, journal, folder, save_every, begin - progress.seconds, watch)
        finally:
            journal.close()
        measured = journal.validation(progress.step)
        assert measured is not None  # the last thing that _run does
        record = summary.summary_of(work, progress, measured)
        if accelerator.is_main_process:
            with folder.writing():
                write_whole(out / summary.NAME, _json(record))
        return record


def saved_settings(out: str | Path) -> Settings:
    """The settings of the run in a folder. Raises ``KYError`` where there is none to resume."""
    return state.read(Path(out)).settings


@dataclass
class Folder:
    """Where a run is written, and the step of the last checkpoint in it."""

    path: Path
    saved_at: int

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A file that cannot be written ends the run with a sentence."""
        try:
            yield
        except OSError as error:
            where, why = error.filename or self.path, error.strerror or error
            raise KYError(f"{where} could not be written: {why}. {self.kept()}") from error

    def kept(self) -> str:
        if not self.saved_at:
            return "No checkpoint had been written."
        return f"The last good checkpoint, of step {self.saved_at}, is kept in {self.path}; --resume goes on from it."


def _saved(settings: Settings, out: Path, resume: bool) -> state.Saved | None:
    if not resume:
        check_free(out, settings)
        return None
    saved = state.read(out)
    if saved.settings != settings:
        old, new = saved.settings.as_dict(), settings.as_dict()
        differ = ", ".join(f"{name} = {old[name]!r}, not {new[name]!r}" for name in old if old[name] != new[name])
        raise KYError(f"the run in {out} has {differ}: resume it as it was begun, or start another.")
    return saved


def _place(out: Path, step: int, total: int, resume: bool) -> str:
    if step == total:
        return f"{out}: this run is finished; all of its {counted(total, 'step')} were done."
    return f"{out}: resumed at step {step} of {total}." if resume else f"{out}: a new run, written to this folder."


def _first_files(out: Path, settings: Settings, tokenizer: Any) -> None:
    (out / summary.NAME).unlink(missing_ok=True)  # it comes again at the end
    write_whole(out / SETTINGS, _json(settings.as_dict()))  # first: it says whose the others are
    write_whole(out / TOKENIZER, tokenizer.to_str().encode())


def _json(record: dict[str, Any]) -> bytes:
    return (json.dumps(record, indent=2, allow_nan=False) + "\n").encode()


# -- the loop ----------------------------------------------------------------------------------------------------------


def _run(
    work: Work, progress: Progress, journal: Journal, folder: Folder, save_every: int, begin: float, watch: Watch
) -> None:
    """From ``progress`` to the last step and its validation; ``begin`` is when it would have begun without breaks."""
    with Interruption() as stop:
        while True:
            if work.ends_epoch(progress.step) and journal.validation(progress.step) is None:
                record = _validated(work, progress, stop, watch)
                with folder.writing():
                    journal.write(record)
                watch.validated(record)
            progress.seconds = time.monotonic() - begin
            if progress.step == work.total:
                return
            record, asked = _step(work, progress, stop, folder)
            with folder.writing():
                journal.write(record)
            watch.step(record, work.total)
            if asked or work.ends_epoch(progress.step) or progress.step % save_every == 0:
                progress.seconds = time.monotonic() - begin
                _save(work, progress, folder)
            if asked:
                raise Interrupted(f"interrupted at step {progress.step} of {work.total}.", step=progress.step)


def _step(work: Work, progress: Progress, stop: Interruption, folder: Folder) -> tuple[dict[str, Any], bool]:
    """One step of the optimiser: its record, and whether some process was asked to stop."""
    s, accelerator, begin = work.settings, work.accelerator, time.monotonic()
    rows = rows_of(progress.step, len(work.train), s.batch, s.seed)
    given = work.train.batch(rows, accelerator.process_index, accelerator.num_processes)
    inputs, targets = (x.to(accelerator.device) for x in given)
    wanted = work.train.targets(rows)
    rate = s.rate(progress.step, work.total)
    for group in work.optimiser.param_groups:
        group["lr"] = rate
    loss = summed_loss(work.model, inputs, targets)
    # each process has some of the batch's tokens, and gradients are averaged over the processes
    accelerator.backward(loss * (accelerator.num_processes / wanted))
    norm = accelerator.clip_grad_norm_(work.model.parameters(), s.clip)
    norm = float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)  # FSDP's is spread out
    both = torch.stack((loss.detach(), torch.tensor(float(stop.asked), device=loss.device)))
    total, asked = accelerator.reduce(both, "sum").tolist()
    mean = total / wanted
    if not (math.isfinite(mean) and (math.isfinite(norm) or accelerator.scaler is not None)):
        raise KYError(
            f"the loss is {mean:.4g} and its gradient {norm:.4g} at step {progress.step + 1}, so the run stops. "
            f"{folder.kept()} A smaller --lr is the usual remedy; here it was {rate:.3g}."
        )
    work.optimiser.step()  # in fp16 one whose gradients overflowed is left out
    work.optimiser.zero_grad()
    progress.step += 1
    progress.tokens += wanted
    progress.training_seconds += time.monotonic() - begin
    record = {
        "step": progress.step,
        "epoch": work.epoch(progress.step),
        "loss": mean,
        "lr": rate,
        "gradient_norm": norm if math.isfinite(norm) else None,
        "tokens": progress.tokens,
        "seconds": round(progress.training_seconds, 3),
    }
    return record, asked > 0


def _validated(work: Work, progress: Progress, stop: Interruption, watch: Watch) -> dict[str, Any]:
    def tick(done: int, total: int) -> None:
        watch.validating(done, total)
        if stop.asked and work.accelerator.num_processes == 1:  # several would wait for each other
            raise Interrupted(f"interrupted while validating after step {progress.step}.", step=progress.step)

    measured = validate(work.model, work.valid, work.settings.batch, work.accelerator, tick)
    return {"step": progress.step, "epoch": work.epoch(progress.step), **measured}


def _save(work: Work, progress: Progress, folder: Folder) -> None:
    accelerator = work.accelerator
    if accelerator.device.type == "cuda" or not progress.peak_memory_mb:  # a process' later peak is the saving
        progress.peak_memory_mb = max(progress.peak_memory_mb, peak_memory_mb(accelerator))
    progress.scaler = None if accelerator.scaler is None else accelerator.scaler.state_dict()
    writes = accelerator.is_main_process
    with folder.writing():
        model, optimiser = work.model, work.optimiser.optimizer
        weights = state.write(folder.path, work.settings, work.digest, progress, model, optimiser, writes=writes)
        folder.saved_at = progress.step
        if writes:
            state.write_model(folder.path, work.config, weights)
