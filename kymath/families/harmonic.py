"""One free oscillation, with or without an offset: ∇_H."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arithmetic import TWO_PI, elementary, wrap
from ..errors import NotApplicable, Status
from .base import ConnectionFunction, Obstacle
from .spacing import equal_spacing


@dataclass(frozen=True, repr=False)
class Harmonic(ConnectionFunction):
    """g = A cos(ω s + φ) + C with A ≥ 0, ω ≥ 0, φ ∈ [0, 2π), θ = (A, ω, φ, C); without offset θ = (A, ω, φ).

    The osculating limit is, with offset, ω² = −f‴/f′, A cos φ = −f″/ω², A sin φ = −f′/ω, C = f + f″/ω² (where f′ ≠ 0
    and −f‴/f′ > 0); without, ω² = −f″/f, A cos φ = f, A sin φ = −f′/ω (where −f″/f > 0).

    Raises ``NotApplicable`` for an offset that is not True or False. Source: Condor, Eq. 11, names ∇_H without a
    formula; the formula is this project's.

    >>> from kymath import Harmonic
    >>> A, omega, phi, C = Harmonic().from_jet((1.0, -6.0, 0.0, 24.0))
    >>> float(A), float(omega), round(float(phi), 6), float(C)
    (3.0, 2.0, 1.570796, 1.0)
    """

    offset: bool = True
    angles = frozenset({"phi"})

    def __post_init__(self) -> None:
        if not isinstance(self.offset, bool):
            raise NotApplicable(f"Harmonic(offset=…) takes True or False; {self.offset!r} was given.")

    @property
    def names(self) -> tuple[str, ...]:
        return ("A", "omega", "phi", "C") if self.offset else ("A", "omega", "phi")

    def __repr__(self) -> str:
        return "Harmonic()" if self.offset else "Harmonic(offset=False)"

    def canonical(self, theta: Sequence[Any]) -> tuple[Any, ...]:
        a, w, p = theta[:3]
        lib = elementary(a, w, p)
        if w < 0:  # A cos(−ωs + φ) = A cos(ωs − φ)
            w, p = -w, -p
        if a < 0:
            a, p = -a, p + lib.pi
        return (a, w, wrap(p) if lib.where is np.where else p, *theta[3:])

    def box(self) -> list[tuple[float, float]]:
        ranges = [(0.0, np.inf), (0.0, np.inf), (0.0, TWO_PI), (-np.inf, np.inf)]
        return ranges[: self.size]

    def __call__(self, s: Any, theta: Sequence[Any]) -> Any:
        a, w, p, *c = self._check(theta)
        wave = a * elementary(s, a, w, p).cos(w * s + p)
        return wave + c[0] if c else wave

    def jet(self, theta: Sequence[Any], order: int) -> tuple[Any, ...]:
        a, w, p, *c = self._check(theta)
        lib = elementary(a, w, p)
        cos, sin = a * lib.cos(p), a * lib.sin(p)
        turns = (cos, -sin, -cos, sin)
        out = [w**k * turns[k % 4] if k else cos for k in range(order + 1)]
        if c:
            out[0] = out[0] + c[0]
        return tuple(out)

    def from_jet(self, values: Sequence[Any]) -> tuple[Any, ...]:
        lib = elementary(*values)
        if not self.offset:
            f0, f1, f2 = values[:3]
            w = lib.sqrt(-f2 / f0)
            cos, sin = f0, -f1 / w
            return lib.hypot(sin, cos), w, lib.angle(sin, cos)
        f0, f1, f2, f3 = values[:4]
        square = -f3 / f1
        w = lib.sqrt(square)
        cos, sin = -f2 / square, -f1 / w
        return lib.hypot(sin, cos), w, lib.angle(sin, cos), f0 - cos

    def obstacles(self, jet: Any) -> Iterator[Obstacle]:
        return self._with_offset(jet) if self.offset else self._without_offset(jet)

    def _with_offset(self, jet: Any) -> Iterator[Obstacle]:
        f0, f1, f2, f3 = (jet.words(k) for k in range(4))
        level, bent, third = jet.sign(1) == 0, jet.sign(2) != 0, jet.sign(3) == 0
        yield Obstacle(
            level & third & bent,
            Status.NOT_UNIQUE,
            f"f′(x0) = 0 and f‴(x0) = 0{jet.within(1, 3)}: f has a crest or trough with f″(x0) = {f2}, and ω is free: "
            "every ω > 0 with A = |f″|/ω² has this contact. Use Harmonic(offset=False), or a Polynomial.",
        )
        yield Obstacle(
            level & third,
            Status.NOT_UNIQUE,
            f"f′(x0) = f″(x0) = f‴(x0) = 0{jet.within(1, 2, 3)}: the constant {f0} has this contact, with A = 0 "
            "and any ω and φ.",
        )
        yield Obstacle(
            level,
            Status.NO_CONTACT,
            f"f′(x0) = 0{jet.within(1)} but f‴(x0) = {f3}: a harmonic that is level at x0 is even about it, so none "
            "has this contact.",
        )
        yield Obstacle(
            third,
            Status.NO_CONTACT,
            f"f‴(x0) = 0{jet.within(3)}: the best harmonic degenerates to the parabola {f0} + {f1} s + ({f2}/2) s² "
            "(ω → 0 while A grows without bound). Use Polynomial(2) there.",
        )
        yield Obstacle(
            jet.sign(1) == jet.sign(3),
            Status.NO_CONTACT,
            f"−f‴/f′ must be positive, and f′(x0) = {f1}, f‴(x0) = {f3}: the curve with this contact is hyperbolic, "
            "with k² = f‴/f′. Use Family('A*cosh(k*s) + B*sinh(k*s) + C', 'A B k C', positive='k') there.",
        )

    def _without_offset(self, jet: Any) -> Iterator[Obstacle]:
        f0, f1, f2 = (jet.words(k) for k in range(3))
        zero, level, straight = jet.sign(0) == 0, jet.sign(1) == 0, jet.sign(2) == 0
        yield Obstacle(
            zero & straight,
            Status.NOT_UNIQUE,
            f"f(x0) = 0 and f″(x0) = 0{jet.within(0, 2)}: f crosses zero with slope {f1}, and ω is free: every "
            "ω > 0 with A = |f′|/ω has this contact. Use Harmonic() with its offset.",
        )
        yield Obstacle(
            zero,
            Status.NO_CONTACT,
            f"f(x0) = 0{jet.within(0)} but f″(x0) = {f2}: a harmonic without offset has no curvature where it crosses "
            "zero. Use Harmonic() with its offset.",
        )
        yield Obstacle(
            straight & level,
            Status.NOT_UNIQUE,
            f"f′(x0) = 0 and f″(x0) = 0{jet.within(1, 2)}: the constant {f0} has this contact, with ω = 0 and any A, φ "
            "such that A cos φ is its value.",
        )
        yield Obstacle(
            straight,
            Status.NO_CONTACT,
            f"f″(x0) = 0{jet.within(2)}: the best harmonic degenerates to the straight line {f0} + {f1} s (ω → 0 while "
            "A grows without bound). Use Linear() there.",
        )
        yield Obstacle(
            jet.sign(0) == jet.sign(2),
            Status.NO_CONTACT,
            f"−f″/f must be positive, and f(x0) = {f0}, f″(x0) = {f2}: the curve with this contact is hyperbolic, "
            "with k² = f″/f. Use Family('A*cosh(k*s) + B*sinh(k*s)', 'A B k', positive='k') there.",
        )

    def through(
        self, nodes: Sequence[Any], h: Any, values: Sequence[Any], start: Sequence[Any] | None = None
    ) -> tuple[Any, ...]:
        spacing = equal_spacing(nodes)
        if spacing is None:
            return super().through(nodes, h, values, start)
        order, first, step = spacing
        lib = elementary(h, *values)
        y = [values[j] for j in order]
        with np.errstate(all="ignore"):
            solve = self._prony_offset if self.offset else self._prony
            return solve(lib, y, h, first, step)

    @staticmethod
    def _prony(lib: Any, y: Sequence[Any], h: Any, first: Any, step: Any) -> tuple[Any, ...]:
        """Three equally spaced values: cos β = (y0 + y2) / 2 y1 with β = ω·spacing in (0, π)."""
        beta = lib.acos((y[0] + y[2]) / (2 * y[1]))
        w = beta / lib.abs(step * h)
        turn = w * step * h  # β with the sign of h
        sin, cos = -(y[2] - y[0]) / (2 * lib.sin(turn)), y[1]
        middle = w * (first + step) * h
        return lib.hypot(sin, cos), w, _shifted(lib, sin, cos, middle)

    @staticmethod
    def _prony_offset(lib: Any, y: Sequence[Any], h: Any, first: Any, step: Any) -> tuple[Any, ...]:
        """Four equally spaced values: cos β = (y3 − y2 + y1 − y0) / 2(y2 − y1)."""
        cosine = (y[3] - y[2] + y[1] - y[0]) / (2 * (y[2] - y[1]))
        beta = lib.acos(cosine)
        w = beta / lib.abs(step * h)
        turn = w * step * h
        half = turn / 2
        sin = -(y[2] - y[1]) / (2 * lib.sin(half))
        cos = (y[0] + y[3] - y[1] - y[2]) / (2 * (lib.cos(3 * half) - lib.cos(half)))
        middle = w * (2 * first + 3 * step) * h / 2
        offset = (y[1] + y[2]) / 2 - cos * lib.cos(half)
        return lib.hypot(sin, cos), w, _shifted(lib, sin, cos, middle), offset


def _shifted(lib: Any, sin: Any, cos: Any, middle: Any) -> Any:
    """φ from A cos and A sin of the phase at the middle node: turned back by ω·middle."""
    c, s = lib.cos(middle), lib.sin(middle)
    return lib.angle(sin * c - cos * s, cos * c + sin * s)
