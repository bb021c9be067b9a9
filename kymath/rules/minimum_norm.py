"""R_P, the least norm of the parameters (Eq. 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..arithmetic import dot, fitting
from ..errors import Status
from ..evidence import Jet
from ..families import ConnectionFunction
from .base import Obstacle, Rule

_DEPENDENT = 1e-14  # of the product of the squares


@dataclass(frozen=True)
class MinimumNorm(Rule):
    """The least ‖θ‖₂ among the θ with C1(h) and C2(h): the paper's R_P.

    For families linear in θ, θ(h) is the least-norm solution of two linear equations, and its limit the least-norm θ
    with g = f and g′ = f′ at x0: (0, …, 0, f′, f) for polynomials, whatever f″ is. Other families are minimised by
    SciPy, which ``Adaptive`` does; with another method they are ``NotApplicable``.

    Source: Condor, Definition 3.4, Eq. 3.

    >>> from kymath import MinimumNorm, Polynomial
    >>> MinimumNorm().solve(Polynomial(2), 1.0, 8.0, 1.0)    # x³ at 1, h = 1
    (3.5, 3.5, 1.0)
    """

    sided = False

    def check(self, family: ConnectionFunction) -> None:
        return None

    def closed(self, family: ConnectionFunction) -> bool:
        return family.linear

    def solve(self, family: ConnectionFunction, f0: Any, f1: Any, h: Any) -> tuple[Any, ...]:
        if not family.linear:
            from .minimise import minimise

            return minimise(self, family, f0, (f1 - f0) / h, h)
        first = [fitting(b, f0, f1, h) for b in family.basis_jet(0)]  # type: ignore[attr-defined]
        last = family.basis(h)  # type: ignore[attr-defined]
        at, there = fitting(family.shift_jet(0), f0, f1, h), family.shift(h)
        slopes = [(b - a) / h for a, b in zip(first, last, strict=True)]
        return _least(first, slopes, f0 - at, (f1 - f0 - (there - at)) / h)

    def limit(self, family: ConnectionFunction, jet: Jet, side: str) -> tuple[Any, ...]:
        f0, f1 = jet.values[:2]
        at, rate = (fitting(family.shift_jet(k), f0, f1) for k in (0, 1))
        return _least(family.basis_jet(0), family.basis_jet(1), f0 - at, f1 - rate)  # type: ignore[attr-defined]

    def obstacles(self, family: ConnectionFunction, jet: Jet, side: str) -> Iterator[Obstacle]:
        if not family.linear:
            return
        row, slope = (family.basis_jet(k) for k in (0, 1))  # type: ignore[attr-defined]
        if any(getattr(b, "free_symbols", None) for b in (*row, *slope)):
            return
        row, slope = ([float(b) for b in some] for some in (row, slope))
        aa, ab, bb = dot(row, row), dot(row, slope), dot(slope, slope)
        yield Obstacle(
            aa * bb - ab * ab <= _DEPENDENT * aa * bb,
            Status.NO_CONTACT,
            f"value and slope at x0 are tied to each other in all members of {family}, so f and f′ there do not tell "
            "the limit of the least-norm θ(h). Use Osculating(), or a family with both.",
        )

    def objective(self, family: ConnectionFunction, theta: Sequence[Any]) -> Any:
        return dot(theta, theta)


def _least(row: Sequence[Any], slope: Sequence[Any], f0: Any, f1: Any) -> tuple[Any, ...]:
    """The least-norm θ with row·θ = f0 and slope·θ = f1: Bᵀ(BBᵀ)⁻¹(f0, f1)."""
    row, slope = ([fitting(b, f0, f1) for b in basis] for basis in (row, slope))
    aa, ab, bb = dot(row, row), dot(row, slope), dot(slope, slope)
    det = aa * bb - ab * ab
    u, v = (bb * f0 - ab * f1) / det, (aa * f1 - ab * f0) / det
    return tuple(u * a + v * b for a, b in zip(row, slope, strict=True))
