"""R_E, the smallest rate with a bounded amplitude (Eq. 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arithmetic import elementary, fitting, written
from ..errors import NotApplicable
from ..evidence import Jet
from ..families import ConnectionFunction, Exponential, Obstacle
from .base import Rule, leaving, positive_bound, sign_obstacles


@dataclass(frozen=True, repr=False)
class SmallestRate(Rule):
    """The least |B| with |A| ≤ M among the θ with C1(h) and C2(h): the paper's R_E.

    With D = f(x0 + h) − f(x0) ≠ 0: A = M sgn D, B = log(1 + |D|/M)/h, C = f(x0) − A. From the right the limit is
    (M s, |f′|/M, f − M s) with s = sgn f′, from the left (−M s, −|f′|/M, f + M s): no two-sided limit where f′ ≠ 0.

    Raises ``NotApplicable`` without a positive bound M, and for a family without A and B. Source: Condor, Definition
    3.4, Eq. 4.

    >>> from kymath import SmallestRate, Exponential
    >>> A, B, C = SmallestRate(bound=2).solve(Exponential(), 1.0, 3.0, 0.5)
    >>> float(A), round(float(B), 6), float(C)
    (2.0, 1.386294, -1.0)
    """

    bound: Any = None

    def __post_init__(self) -> None:
        why = "Without it A could grow without end while B shrinks to 0, and no rate would be the smallest."
        positive_bound("SmallestRate", self.bound, why)

    def __repr__(self) -> str:
        return f"SmallestRate(bound={written(self.bound)})"

    def check(self, family: ConnectionFunction) -> None:
        if not {"A", "B"} <= set(family.names):
            raise NotApplicable(
                f"R_E chooses the smallest rate B with |A| ≤ M; {family!r} has the parameters "
                f"{', '.join(family.names)}. Use Exponential(), or another rule: Osculating(), MinimumNorm()."
            )

    def closed(self, family: ConnectionFunction) -> bool:
        return isinstance(family, Exponential)

    def solve(self, family: ConnectionFunction, f0: Any, f1: Any, h: Any) -> tuple[Any, ...]:
        self.check(family)
        if not self.closed(family):
            from .minimise import minimise

            return minimise(self, family, f0, (f1 - f0) / h, h)
        rise = f1 - f0
        m = fitting(self.bound, f0, f1, h)
        lib = elementary(rise, h, m)
        amplitude = m * lib.sign(rise)
        if lib.where is np.where:
            amplitude = np.where(rise == 0, np.nan, amplitude)[()]  # every (A, 0, f0 − A) does equally well
        return amplitude, lib.log1p(lib.abs(rise) / m) / h, f0 - amplitude

    def limit(self, family: ConnectionFunction, jet: Jet, side: str) -> tuple[Any, ...]:
        f0, f1 = jet.values[:2]
        m = fitting(self.bound, f0, f1)
        lib = elementary(f0, f1, m)
        amplitude = m * leaving(jet, side)
        rate = lib.abs(f1) / m
        return amplitude + 0 * f0, rate if side == "right" else -rate, f0 - amplitude

    def obstacles(self, family: ConnectionFunction, jet: Jet, side: str) -> Iterator[Obstacle]:
        return sign_obstacles(
            jet,
            side,
            f"f is constant beside x0, f = {jet.words(0)}: every A with |A| ≤ M does equally well, with B = 0.",
        )

    def objective(self, family: ConnectionFunction, theta: Sequence[Any]) -> Any:
        rate = theta[family.index("B")]
        return rate * rate

    def box(self, family: ConnectionFunction) -> list[tuple[float, float]]:
        box = super().box(family)
        box[family.index("A")] = (-float(self.bound), float(self.bound))
        return box
