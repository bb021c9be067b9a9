"""``kymath synthesis train``: the network, and beside it the plain one of equal size, on a data set."""

from __future__ import annotations

import json
import operator
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

try:
    import torch
except ImportError as missing:
    raise ImportError("kymath.synthesis needs PyTorch here. Install it with: pip install 'kymath[torch]'") from missing

from ..errors import KYError, NotApplicable
from ..files import write_whole
from ..training.interruption import Interruption
from ..training.place import held
from ..training.watch import Watch
from ..training.words import counted
from .classifier import Classifier, packed
from .data import Task, load
from .fitting import Fitting
from .inputs import Examples, examples, inputs_for
from .recipe import RECIPES, network

SUMMARY, METRICS, MODEL = "summary.json", "metrics.jsonl", "{}.safetensors"
OTHERS = ("baseline", "fusion")
FEW = 100  # steps


class Stopped(KYError):
    """The run was asked to stop; what is finished is in its folder."""


def train(
    data: str = "mnist",
    out: str | Path | None = None,
    *,
    data_dir: str | Path | None = None,
    seed: int = 0,
    epochs: int | None = None,
    batch: int | None = None,
    lr: float | None = None,
    nodes: int | None = None,
    width: int | None = None,
    share: float = 1.0,
    beside: tuple[str, ...] = ("baseline",),
    device: str = "cpu",
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Train a :class:`SynthesisNet` and what stands beside it, and return the record of ``summary.json``.

    ``data`` is "mnist", "imdb", "cifar10" or a folder; ``data_dir`` is where the first three lie, fetched if None.
    ``beside`` names what is trained after it with the same recipe and seed: "baseline", one plain hidden layer on the
    same encoder with as many parameters, and "fusion", the same nodes without cross-synthesis. ``share`` below 1 lets
    the data manager choose the examples of each epoch. With ``out`` the folder gets ``summary.json``,
    ``metrics.jsonl`` and each network's ``.safetensors``.

    The record has ``accuracy``, ``f1`` (mean over the classes), ``latency_ms`` (one example, median), ``parameters``,
    ``seconds`` (of training) and ``seed``, and the same under the names of ``beside``. All of it but the times is the
    same again for the same seed, machine and number of threads.

    Raises ``Unreadable``, ``EmptyData``, ``NotApplicable`` for an option that cannot be, ``KYError`` for a loss that is
    no number or a folder that cannot be written or holds a run, ``Stopped`` after Ctrl-C or SIGTERM.
    """
    watch, data, device = watch or Watch(), os.fspath(data), str(device)
    share, seed = float(share), operator.index(seed)
    _check(share, beside, device, seed)
    names = ("synthesis", *beside)
    folder = None if out is None else _Folder(Path(out), names)
    with ExitStack() as held_on:
        stop = held_on.enter_context(Interruption())
        held_on.enter_context(_seeded(device))
        held_on.enter_context(_within_memory())
        task = load(data, None if data_dir is None else Path(data_dir))
        recipe = RECIPES[task.kind].but(epochs=epochs, batch=batch, lr=lr, nodes=nodes, width=width)
        inputs = inputs_for(task.kind, task.train.inputs)
        watch.note(f"{task.name}: {len(task.train):,} examples to learn from, {len(task.test):,} to be tried on.")
        read, unseen = examples(inputs, task.train), examples(inputs, task.test)
        if folder is not None:  # all that was asked for is known to be possible
            held_on.enter_context(folder.taken())
        record: dict[str, Any] = {}
        for name in names:
            torch.manual_seed(seed)  # the dropout
            made = network(name, recipe, inputs, len(task.classes), torch.Generator().manual_seed(seed))
            fitting = Fitting(made, read, recipe, seed=seed, share=share, device=device)
            measured = _measured(name, fitting, task, unseen, folder, stop, watch)
            if folder is not None:
                folder.write(MODEL.format(name), packed(Classifier(name, made, recipe, inputs, task.classes)))
            record |= measured if name == "synthesis" else {name: measured}
        record |= {"data": task.name, "device": device, **vars(recipe), "share": share}
        if folder is not None:
            folder.write(SUMMARY, _json(record))
    return record


def _measured(
    name: str, fitting: Fitting, task: Task, unseen: Examples, folder: _Folder | None, stop: Interruption, watch: Watch
) -> dict[str, Any]:
    lines: list[str] = []
    found: dict[str, float] = {}

    def tell(step: dict[str, Any], total: int) -> None:
        step = {"network": name, **step}
        lines.append(json.dumps(step) + "\n")
        watch.step(step, total)
        if stop.asked:
            raise Stopped(f"interrupted in {name}, at step {step['step']} of {total}.")

    def after(epoch: int) -> None:
        found.update(fitting.tried(unseen))
        tried = {"network": name, "epoch": epoch, **found, **fitting.managed()}
        lines.append(json.dumps(tried) + "\n")
        if folder is not None:
            folder.append(METRICS, lines)
            lines.clear()
        watch.validated(tried)
        if stop.asked:
            raise Stopped(f"interrupted in {name}, after epoch {epoch}.")

    if fitting.total < FEW:
        watch.caution(
            f"{name}: {counted(fitting.total, 'step')} in all is little to learn from; a smaller --batch or more "
            "--epochs makes more."
        )
    fitting.run(tell, after)
    return {
        **found,
        **fitting.managed(),
        "latency_ms": round(fitting.latency_ms(task.test), 4),
        "parameters": fitting.parameters,
        "seconds": round(fitting.seconds, 2),
        "seed": fitting.order.initial_seed(),
    }


def _check(share: float, beside: tuple[str, ...], device: str, seed: int) -> None:
    if not 0 < share <= 1:
        raise NotApplicable(f"share must be above 0 and at most 1; {share} was given.")
    if strange := [name for name in beside if name not in OTHERS]:
        raise NotApplicable(f"beside = {strange[0]!r}: {', '.join(OTHERS)} are known.")
    if not 0 <= seed < 2**63:
        raise NotApplicable(f"seed must be between 0 and 2⁶³; {seed} was given.")
    try:
        torch.empty(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch without CUDA asserts
        raise NotApplicable(f"device = {device!r} is not here: {str(error).splitlines()[0][:120]}") from error


@contextmanager
def _seeded(device: str) -> Iterator[None]:
    """torch's own random state, which dropout draws from, is put back at the end."""
    with torch.random.fork_rng([device] if device.startswith("cuda") else []):
        yield


@contextmanager
def _within_memory() -> Iterator[None]:
    """Memory that does not suffice ends the run with a sentence."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise KYError(
            "the memory does not suffice for this network and these examples: fewer --nodes, a smaller --width or "
            "--batch takes less."
        ) from error


class _Folder:
    """Where a run is written: a place without files that it would overwrite."""

    def __init__(self, path: Path, networks: tuple[str, ...]) -> None:
        self.path = path
        self.files = (SUMMARY, METRICS, *map(MODEL.format, networks))
        self._check()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """The folder for this run alone, begun with an empty journal."""
        with self._writing():
            self.path.mkdir(parents=True, exist_ok=True)
        with held(self.path):
            self._check()
            self.write(METRICS, b"")
            yield

    def append(self, name: str, lines: list[str]) -> None:
        with self._writing(), (self.path / name).open("a", encoding="utf-8") as file:
            file.writelines(lines)

    def write(self, name: str, data: bytes) -> None:
        with self._writing():
            write_whole(self.path / name, data)

    def _check(self) -> None:
        with self._writing():
            found = [name for name in self.files if os.path.lexists(self.path / name)]
            if found == [METRICS] and (self.path / METRICS).stat().st_size == 0:
                found = []  # of a run that was stopped before its first epoch ended
        if found:
            raise KYError(
                f"{self.path} holds {', '.join(found)} already, which this run would overwrite: give another folder "
                "with --out, or move them away."
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # a zero byte in a name is a ValueError
            why = getattr(error, "strerror", None) or error
            raise KYError(f"{getattr(error, 'filename', None) or self.path} could not be written: {why}.") from error


def _json(record: dict[str, Any]) -> bytes:
    return (json.dumps(record, indent=2, allow_nan=False) + "\n").encode()
