"""The machine a run is on: one process or many, by ``accelerate``; its device, its memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch

from ..errors import KYError, NotApplicable


@contextmanager
def engine(device: str | None, half: bool) -> Iterator[Any]:
    """An ``accelerate.Accelerator`` on the device (None: the best there is), fp16 if ``half`` and CUDA is there.

    Started by ``accelerate launch`` it joins the other processes. What it keeps for the whole process, and torch's
    random state, are put back.
    """
    try:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState, PartialState
    except ImportError as missing:
        raise NotApplicable("training needs accelerate: pip install 'kymath[train]'.") from missing
    kind = _checked(device)
    cuda = kind == "cuda" or (kind is None and torch.cuda.is_available())
    if device is not None and device.startswith("cuda:"):
        torch.cuda.set_device(torch.device(device))
    ours = not PartialState._shared_state  # else the caller had one before
    if os.environ.get("WORLD_SIZE", "1") != "1":
        # loaded later (DDP does), its default arguments would hold the processes' group for ever, and gloo's threads
        # with it: one that lets go of a tensor while Python ends aborts the process
        import_module("torch.distributed.nn.functional")
    accelerator = Accelerator(cpu=kind == "cpu", mixed_precision="fp16" if half and cuda else "no")
    try:
        if kind is not None and accelerator.device.type != kind:
            raise NotApplicable(f"device = {device!r}: accelerate chose {accelerator.device} here.")
        if accelerator.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        with torch.random.fork_rng([accelerator.device] if accelerator.device.type == "cuda" else []):
            yield accelerator
    finally:
        if ours:
            if accelerator.num_processes > 1:
                accelerator.free_memory()  # models hold the group, too
            accelerator.end_training()
            AcceleratorState._reset_state(reset_partial_state=True)


@contextmanager
def within_memory(kept: Callable[[], str]) -> Iterator[None]:
    """Memory that does not suffice ends the run with a sentence, at whose end ``kept`` tells what is saved."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        torchs = isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)
        if not (torchs or isinstance(error, MemoryError)):
            raise
        raise KYError(
            "the memory does not suffice for this model and batch: a smaller --batch, --max-len, --width, --layers or "
            f"--vocab-size takes less. {kept()}"
        ) from error


def peak_memory_mb(accelerator: Any) -> float:
    """Most memory held so far in MiB, of the process that held most: CUDA's, or else the whole process'."""
    if accelerator.device.type == "cuda":
        most = torch.cuda.max_memory_allocated() / 2**20
    else:
        most = _resident_mb()
    return float(accelerator.gather(torch.tensor([most], device=accelerator.device)).max())


def _resident_mb() -> float:
    if sys.platform == "win32":
        import psutil  # which accelerate needs too

        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 2**20 if sys.platform == "darwin" else most / 2**10


def _checked(device: str | None) -> str | None:
    """The device's kind, if it is there."""
    if device is None:
        return None
    try:
        asked = torch.device(device)
    except RuntimeError:
        raise NotApplicable(f"device = {device!r}: give cpu, cuda, cuda:1 or mps.") from None
    here = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (asked.index or 0) >= here.get(asked.type, 0):
        names = [name for name, count in here.items() if count]
        raise NotApplicable(f"device = {device!r} is not here; there is {', '.join(names)}.")
    return asked.type
