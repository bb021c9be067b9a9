"""What ball arithmetic finds at x0: the germs of f, a jet whose signs are certain or unknown, and a verified root."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import arb, arb_mat

from ..evidence import Jet, prime
from ..families import ConnectionFunction
from ..families.base import S
from .ball_expression import evaluate
from .balls import Ball, as_ball
from .germs import Fault, Undecided, certain_sign


class Germs:
    """f left of x0, at x0 and right of x0 (None where not asked for), and the results they are parts of."""

    def __init__(self, parts: list[Any], runs: list[Any]) -> None:
        self.parts, self.runs = parts, runs

    def continuous(self, way: int) -> bool:
        """Whether f(x0) is for certain the limit of f on that side: no step was taken between them."""
        at, beside = self.runs[1], self.runs[way + 1]
        return at is beside and isinstance(at, Ball) and (at.single or at.continuous)

    @property
    def smooth(self) -> bool:
        """Whether the germs of the two sides are one."""
        left, right = self.runs[0], self.runs[2]
        return left is right and isinstance(left, Ball) and left.parts[0] is left.parts[2]

    def known(self, way: int) -> int:
        part = self.parts[way + 1]
        return 10**6 if isinstance(part, arb) else part.prec


@dataclass(frozen=True)
class Truth:
    """True, False or not known, for a sentence about signs."""

    answer: bool | None
    what: str = ""

    def __and__(self, other: Truth) -> Truth:
        if self.answer is False or other.answer is False:
            return Truth(False)
        return self if self.answer is None else other

    def __invert__(self) -> Truth:
        return Truth(None if self.answer is None else not self.answer, self.what)


class Sign:
    """The sign of an enclosure: −1, 0 where it is exactly zero, 1, or None."""

    def __init__(self, sign: int | None, what: str) -> None:
        self.sign, self.what = sign, what

    def __eq__(self, other: object) -> Truth:  # type: ignore[override]
        theirs = other.sign if isinstance(other, Sign) else other
        if self.sign is None or theirs is None:
            return Truth(None, self.what if self.sign is None or not isinstance(other, Sign) else other.what)
        return Truth(self.sign == theirs)

    def __ne__(self, other: object) -> Truth:  # type: ignore[override]
        return ~(self == other)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class BallJet(Jet):
    """A jet in doubles with the enclosures behind it; it is asked for signs, and those are certain."""

    enclosures: tuple[Any, ...] = ()

    def sign(self, k: int) -> Any:
        return Sign(certain_sign(self.enclosures[k]), f"{prime(k)} from 0")


# -- families without a closed form ------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _system(family: ConnectionFunction) -> tuple[list[sp.Expr], list[list[sp.Expr]]]:
    names = family.symbols
    rows = [sp.sympify(e, strict=True) for e in family.jet(names, family.size - 1)]
    return rows, [[sp.diff(e, p) for p in names] for e in rows]


def verified_root(family: ConnectionFunction, jet: BallJet) -> tuple[Any, ...]:
    """Enclosures of a θ with J(θ) = jet: Newton's iteration, then Krawczyk's test that a box holds exactly one root.

    Source: Krawczyk, Computing 4 (1969); Rump, Acta Numerica 19 (2010), section 13.
    """
    rows, slopes = _system(family)
    wanted = jet.enclosures[: family.size]
    start = family.from_jet(tuple(jet.values[: family.size]))
    middle = [arb(float(c)) for c in start]
    if not all(c.is_finite() for c in middle):
        raise Undecided("no member of the family was found near the jet of f, or several: the start of an iteration")
    size = family.size

    def at(theta: list[Any], formulas: list[Any]) -> list[Any]:
        known: dict[sp.Basic, Ball] = {p: Ball(c) for p, c in zip(family.symbols, theta, strict=True)}
        known[S] = as_ball(0)
        out = [evaluate(e, known).parts[0] for e in formulas]
        if any(isinstance(v, Fault) or not v.is_finite() for v in out):
            raise Undecided("the family has no finite jet near θ")
        return out

    def jacobian(theta: list[Any]) -> Any:
        return arb_mat(size, size, at(theta, [e for row in slopes for e in row]))

    def step(theta: list[Any], inverse: Any) -> Any:
        residual = [(a - b) for a, b in zip(at(theta, rows), wanted, strict=True)]
        return inverse * arb_mat(size, 1, residual)

    def inverted(matrix: Any) -> Any:
        try:
            return matrix.inv().mid()
        except ZeroDivisionError:
            raise Undecided("the equations for θ are singular: the problem is ill-conditioned") from None

    for _ in range(40):
        inverse = inverted(jacobian(middle))
        move = step(middle, inverse)
        following = [(middle[j] - move[j, 0]).mid() for j in range(size)]
        done = all(
            bool(abs(move[j, 0]) <= abs(middle[j]) * arb(2) ** -30) or move[j, 0].contains(0) for j in range(size)
        )
        middle = following
        if done and all(move[j, 0].contains(0) or bool(abs(move[j, 0]) < arb(2) ** -200) for j in range(size)):
            break
    inverse = inverted(jacobian(middle))
    move = step(middle, inverse)
    radius = [
        2 * abs(move[j, 0]).abs_upper() + (abs(middle[j]) + arb(2) ** -400) * arb(2) ** -2000 for j in range(size)
    ]
    for _ in range(8):
        box = [m + arb(0, r) for m, r in zip(middle, radius, strict=True)]
        contraction = arb_mat(size, size, [int(i == j) for i in range(size) for j in range(size)])
        contraction -= inverse * jacobian(box)
        spread = contraction * arb_mat(size, 1, [b - m for b, m in zip(box, middle, strict=True)])
        image = [middle[j] - move[j, 0] + spread[j, 0] for j in range(size)]
        if all(b.contains_interior(i) for b, i in zip(box, image, strict=True)):
            return tuple(image)
        radius = [4 * r for r in radius]
    raise Undecided("the θ found could not be verified: the problem is ill-conditioned")


__all__ = ["BallJet", "Germs", "Sign", "Truth", "verified_root"]
