"""All of it for one setting: every contender at every length, and what follows from that."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from .contenders import CONTENDERS, Setting, contenders, layer, tokens
from .memory import bytes_per_token
from .timing import exponent, forward, times

_PACKAGES = ("kymath", "torch", "triton", "local-attention")


@dataclass(frozen=True)
class Row:
    """One contender at one length: seconds of a forward pass, and of forward and backward."""

    contender: str
    length: int
    forward: float
    both: float


@dataclass(frozen=True)
class Measured:
    """What :func:`measure` found; ``memory`` is (length, bytes for each token or None) by contender."""

    setting: Setting
    device: str
    threads: int
    versions: dict[str, str]
    rows: tuple[Row, ...]
    memory: dict[str, tuple[int, float | None]]

    @property
    def names(self) -> tuple[str, ...]:
        """The contenders that were measured at any length."""
        present = {row.contender for row in self.rows}
        return tuple(name for name in CONTENDERS if name in present)

    def of(self, name: str) -> tuple[Row, ...]:
        """The rows of one contender, by length."""
        return tuple(row for row in self.rows if row.contender == name)

    def ratio(self, name: str, length: int, what: str = "both") -> float:
        """The time of a contender by that of causal SDPA; ``what`` is "forward" or "both"."""
        mine, theirs = (
            next(getattr(row, what) for row in self.of(one) if row.length == length) for one in (name, "sdpa")
        )
        return mine / theirs

    def exponent(self, name: str, what: str = "both") -> float | None:
        """How the time of a contender grows with the length; None for one length."""
        rows = self.of(name)
        return exponent([row.length for row in rows], [getattr(row, what) for row in rows])

    def record(self) -> dict[str, Any]:
        """All of it as JSON has it: seconds, bytes, ratios to SDPA."""
        return {
            "setting": asdict(self.setting),
            "device": self.device,
            "threads": self.threads,
            "versions": self.versions,
            "times": [
                {
                    **asdict(row),
                    "forward_ratio": self.ratio(row.contender, row.length, "forward"),
                    "both_ratio": self.ratio(row.contender, row.length),
                }
                for row in self.rows
            ],
            "exponents": {n: {what: self.exponent(n, what) for what in ("forward", "both")} for n in self.names},
            "memory": {n: {"length": at, "bytes_per_token": found} for n, (at, found) in self.memory.items()},
        }


def measure(
    setting: Setting,
    lengths: Sequence[int],
    *,
    seconds: float = 5.0,
    rounds: int = 3,
    memory: bool = True,
    watch: Callable[[int, int, str], None] | None = None,
) -> Measured:
    """Time every contender at every length (see :func:`times`), and its memory at its longest one.

    ``watch(done, total, text)`` is told what comes next. The number of threads is what it was before afterwards.

    Raises ``ValueError`` for lengths below 1, and for a backend that cannot run here, before anything is measured.

    >>> found = measure(Setting(d_model=32, num_heads=4), [16, 32], seconds=0, rounds=1, memory=False)
    >>> found.ratio("sdpa", 32)
    1.0
    """
    lengths = sorted(set(lengths))
    if not lengths or lengths[0] < 1:
        raise ValueError(f"lengths = {lengths}: give whole numbers of tokens, at least 1 each.")
    if setting.backend != "auto":
        forward(layer("ky", setting), tokens(setting, 16)[0])  # one that cannot run here says so
    longest = {name: length for length in lengths for name in contenders(setting, length)}
    total = len(lengths) + (len(longest) if memory else 0)
    told = watch or (lambda done, total, text: None)
    rows: list[Row] = []
    with _threads(setting.threads):
        for done, length in enumerate(lengths):
            told(done, total, f"time at L = {length}")
            layers = {name: layer(name, setting) for name in contenders(setting, length)}
            found = times(layers, *tokens(setting, length), seconds=seconds, rounds=rounds)
            rows += [Row(name, length, *pair) for name, pair in found.items()]
        threads = torch.get_num_threads()
    bytes_: dict[str, tuple[int, float | None]] = {}
    for done, (name, length) in enumerate(longest.items() if memory else (), len(lengths)):
        told(done, total, f"memory of {name} at L = {length}")
        bytes_[name] = (length, bytes_per_token(name, setting, length))
    return Measured(setting, device_name(setting.device), threads, versions(), tuple(rows), bytes_)


def device_name(device: str) -> str:
    """The kind of the device: "cpu", or the model of a GPU."""
    return torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else device


def versions() -> dict[str, str]:
    """Of Python and of the packages that matter, those that are installed."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
