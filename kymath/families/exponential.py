"""The exponential family: ∇_E."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arithmetic import elementary
from ..errors import Status
from .base import ConnectionFunction, Obstacle
from .spacing import equal_spacing


@dataclass(frozen=True, repr=False)
class Exponential(ConnectionFunction):
    """g = A exp(B s) + C, θ = (A, B, C): amplitude, growth rate, baseline.

    The osculating limit is B = f″/f′, A = f′²/f″, C = f − f′²/f″; it exists where f′ ≠ 0 and f″ ≠ 0.
    Raises ``NotApplicable`` for θ that are not three parameters. Source: Condor, Definition 3.11.

    >>> from kymath import Exponential
    >>> Exponential().from_jet((5.0, 6.0, 12.0))
    (3.0, 2.0, 2.0)
    """

    @property
    def names(self) -> tuple[str, ...]:
        return ("A", "B", "C")

    def __repr__(self) -> str:
        return "Exponential()"

    def __call__(self, s: Any, theta: Sequence[Any]) -> Any:
        a, b, c = self._check(theta)
        return a * elementary(s, a, b).exp(b * s) + c

    def jet(self, theta: Sequence[Any], order: int) -> tuple[Any, ...]:
        a, b, c = self._check(theta)
        return (a + c, *(a * b**k for k in range(1, order + 1)))

    def from_jet(self, values: Sequence[Any]) -> tuple[Any, ...]:
        f0, f1, f2 = values[:3]
        rate = f2 / f1
        amplitude = f1 / rate  # f′²/f″, whose square may lie beyond all floats
        return amplitude, rate, f0 - amplitude

    def obstacles(self, jet: Any) -> Iterator[Obstacle]:
        f0, f1, f2 = (jet.words(k) for k in range(3))
        flat, straight = jet.sign(1) == 0, jet.sign(2) == 0
        yield Obstacle(
            flat & straight,
            Status.NOT_UNIQUE,
            f"f′(x0) = 0 and f″(x0) = 0{jet.within(1, 2)}: the constant {f0} has this contact, and it is "
            "A exp(B s) + C with B = 0 and any A, or with A = 0 and any B.",
        )
        yield Obstacle(
            straight,
            Status.NO_CONTACT,
            f"f″(x0) = 0{jet.within(2)}: the best exponential degenerates to the straight line a s + b with a = {f1}, "
            f"b = {f0} (B → 0 while A and C grow without bound). Use Linear() there.",
        )
        yield Obstacle(
            flat,
            Status.NO_CONTACT,
            f"f′(x0) = 0{jet.within(1)} but f″(x0) = {f2}: an exponential that is level at x0 is constant, so none "
            "bends with f. Use Polynomial(2) or Harmonic() there.",
        )

    def through(
        self, nodes: Sequence[Any], h: Any, values: Sequence[Any], start: Sequence[Any] | None = None
    ) -> tuple[Any, ...]:
        spacing = equal_spacing(nodes)
        if spacing is None:
            return super().through(nodes, h, values, start)
        order, first, step = spacing
        y0, y1, y2 = (values[j] for j in order)
        lib = elementary(h, *values)
        if lib.where is np.where:
            with np.errstate(all="ignore"):
                ratio = (y2 - y1) / (y1 - y0)
                ratio = np.where((ratio > 0) & (ratio != 1), ratio, np.nan)
                return self._member(lib, ratio, y0, y1, h, first, step)
        return self._member(lib, (y2 - y1) / (y1 - y0), y0, y1, h, first, step)

    @staticmethod
    def _member(lib: Any, ratio: Any, y0: Any, y1: Any, h: Any, first: Any, step: Any) -> tuple[Any, ...]:
        z = lib.log(ratio) / step
        leftmost = (y1 - y0) / (ratio - 1)  # A exp(B s) at the leftmost node
        amplitude = leftmost * lib.exp(-first * z)
        return amplitude, z / h, y0 - leftmost
