"""R_H, the smallest frequency with a bounded amplitude (Eq. 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arithmetic import elementary, exact_sign, fitting, wrap, written
from ..errors import NotApplicable, Status
from ..evidence import Jet
from ..families import ConnectionFunction, Harmonic, Obstacle
from .base import Rule, leaving, positive_bound, sign_obstacles


@dataclass(frozen=True, repr=False)
class SmallestFrequency(Rule):
    """The least ω with A ≤ M, φ ∈ [0, 2π) among the θ with C1(h) and C2(h): the paper's R_H.

    The paper prints no bound; without one ω → 0 while A → ∞ and there is no minimiser. With offset, D = f(x0+h) − f(x0)
    and 0 < |D| ≤ 2M: A = M, ω = (2/|h|) arcsin(|D|/2M), φ = (3π/2 if hD > 0 else π/2) − ωh/2, C = f(x0) + D/2, with the
    limit (M, |f′|/M, 3π/2 if f′ > 0 else π/2, f). Without offset, |f| < M: A = M,
    ω = |arcsin(f(x0+h)/M) − arcsin(f/M)|/|h| with the limit |f′|/√(M² − f²).

    Raises ``NotApplicable`` without a positive bound M, and for a family without A and omega. Source: Condor,
    Definition 3.4, Eq. 5.

    >>> from kymath import SmallestFrequency, Harmonic
    >>> A, omega, phi, C = SmallestFrequency(bound=1).solve(Harmonic(), 0.0, 1.0, 1.0)
    >>> round(float(omega), 6), float(C)                         # 2 arcsin(1/2) = π/3
    (1.047198, 0.5)
    """

    bound: Any = None

    def __post_init__(self) -> None:
        why = (
            "As printed (Eq. 5) the rule has no minimiser: ω tends to 0 while the amplitude A = D / (2 sin(ωh/2)) "
            "grows without end."
        )
        positive_bound("SmallestFrequency", self.bound, why)

    def __repr__(self) -> str:
        return f"SmallestFrequency(bound={written(self.bound)})"

    def check(self, family: ConnectionFunction) -> None:
        if not {"A", "omega"} <= set(family.names):
            raise NotApplicable(
                f"R_H chooses the smallest frequency omega with A ≤ M; {family!r} has the parameters "
                f"{', '.join(family.names)}. Use Harmonic(), or another rule: Osculating(), MinimumNorm()."
            )

    def closed(self, family: ConnectionFunction) -> bool:
        return isinstance(family, Harmonic)

    def solve(self, family: ConnectionFunction, f0: Any, f1: Any, h: Any) -> tuple[Any, ...]:
        self.check(family)
        if not isinstance(family, Harmonic):
            from .minimise import minimise

            return minimise(self, family, f0, (f1 - f0) / h, h)
        m, rise = fitting(self.bound, f0, f1, h), f1 - f0
        lib = elementary(rise, h, m)
        with np.errstate(all="ignore"):
            return self._offset(lib, f0, rise, h, m) if family.offset else self._plain(lib, f0, f1, h, m)

    @staticmethod
    def _offset(lib: Any, f0: Any, rise: Any, h: Any, m: Any) -> tuple[Any, ...]:
        if lib.where is np.where:
            rise = np.where(rise == 0, np.nan, rise)[()]  # every member with ω = 0 does equally well
        w = 2 * lib.asin(lib.abs(rise) / (2 * m)) / lib.abs(h)
        phase = lib.where(rise * h > 0, 3 * lib.pi / 2, lib.pi / 2) - w * h / 2  # ω|h| ≤ π: in [0, 2π]
        if lib.where is np.where:
            phase = wrap(phase)
        return m + 0 * w, w, phase, f0 + rise / 2 + 0 * w

    @staticmethod
    def _plain(lib: Any, f0: Any, f1: Any, h: Any, m: Any) -> tuple[Any, ...]:
        start = lib.asin(f0 / m)
        turned = (lib.asin(f1 / m) - start) / h
        if lib.where is np.where:
            turned = np.where(f1 == f0, np.nan, turned)[()]
        rising = 3 * lib.pi / 2 + start  # A cos(ωs + φ) = A sin(ωs + start)
        phase = lib.where(turned > 0, rising, lib.pi / 2 - start)
        return m + 0 * turned, lib.abs(turned), phase + 0 * turned

    def limit(self, family: ConnectionFunction, jet: Jet, side: str) -> tuple[Any, ...]:
        f0, f1 = jet.values[:2]
        m = fitting(self.bound, f0, f1)
        lib = elementary(f0, f1, m)
        slope = leaving(jet, side)
        rising = (slope > 0) if side == "right" else (slope < 0)
        with np.errstate(invalid="ignore"):
            if "C" in family.names:
                phase = lib.where(rising, 3 * lib.pi / 2, lib.pi / 2)
                return m + 0 * f0, lib.abs(f1) / m, phase + 0 * f0, f0
            start = lib.asin(f0 / m)
            phase = lib.where(rising, 3 * lib.pi / 2 + start, lib.pi / 2 - start)
            return m + 0 * f0, lib.abs(f1) / lib.sqrt(m * m - f0 * f0), phase

    def obstacles(self, family: ConnectionFunction, jet: Jet, side: str) -> Iterator[Obstacle]:
        if isinstance(family, Harmonic) and not family.offset:
            f0 = jet.values[0]
            if jet.exact:
                outside: Any = exact_sign(self.bound - abs(f0)) in (-1, 0)
            else:
                outside = ~(np.abs(np.asarray(f0, float)) < float(self.bound))
            yield Obstacle(
                outside,
                Status.NO_CONTACT,
                f"no A cos(ω s + φ) with A ≤ M = {self.bound} passes through f(x0) = {jet.words(0)} with a slope: give "
                "a bound M > |f(x0)|, or use Harmonic() with its offset.",
            )
        yield from sign_obstacles(
            jet, side, f"f is constant beside x0, f = {jet.words(0)}: ω = 0 with many A, φ does equally well."
        )

    def objective(self, family: ConnectionFunction, theta: Sequence[Any]) -> Any:
        w = theta[family.index("omega")]
        return w * w

    def box(self, family: ConnectionFunction) -> list[tuple[float, float]]:
        box = super().box(family)
        box[family.index("A")] = (0.0, float(self.bound))
        box[family.index("omega")] = (0.0, np.inf)
        return box
