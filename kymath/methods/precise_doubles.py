"""Code that computes in doubles, found out; and roots of the jet equations in many digits."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import sympy as sp
from mpmath import mpf
from mpmath.ctx_mp import MPContext


def watched(f: Callable[[Any], Any], x0: float) -> bool:
    """Whether f turns its argument into a float: it is called with a number that notices.

    The number belongs to an mpmath context of its own, so nothing global is touched.

    >>> import math
    >>> watched(math.sin, 1.0), watched(mpmath.sin, 1.0)
    (True, False)
    """
    context = MPContext()
    context.prec = 120
    seen: list[bool] = []

    def noticed(self: Any) -> float:
        seen.append(True)
        return mpmath.libmp.to_float(self._mpf_)

    context.mpf.__float__ = noticed
    with mpmath.workprec(120), contextlib.suppress(Exception):  # what it was shows itself in the proper call
        f(context.mpf(x0))
    return bool(seen)


def computes_in_doubles(value: Callable[[Any], Any], x0: Any, way: int, jet: Sequence[Any]) -> bool:
    """Whether f is a staircase beside x0, with steps as wide as those of doubles.

    A smooth f leaves its Taylor polynomial like η^n at the distance η; where f does not, it is searched for a jump.
    """
    taylor = [v / mpmath.factorial(k) for k, v in enumerate(jet)]
    order = len(taylor)
    least = mpf(10) ** (10 - mpmath.mp.dps) * max(abs(v) for v in (*jet, mpf(1)))
    for scale in {mpf(1), mpf(2) ** int(mpmath.mag(x0)) if x0 else mpf(1)}:
        before = None
        for j in range(18, 3, -1):
            eta = scale * mpf(10) ** -j
            at = value(x0 + way * eta)
            if at is None:
                return False
            left_over = abs(at - mpmath.polyval(taylor[::-1], way * eta))
            strange = left_over > least and (before is None or left_over < before * mpf(10) ** (order - 1.5))
            if before is None:
                steps = sum(abs(c) * eta**k for k, c in enumerate(taylor[1:], start=1))
                strange = strange and left_over > steps * eta ** (order - 1.5) / scale ** (order - 1.5)
            if strange and _jumps(value, x0, x0 + way * eta):
                return True
            before = left_over
    return False


def _jumps(value: Callable[[Any], Any], low: Any, high: Any) -> bool:
    """Whether halving the interval, towards the half that its slope does not explain, ends in a jump."""
    width = abs(high - low)
    step = width * mpf(10) ** -60 * mpmath.sign(high - low)
    x0, a, b = low, value(low), value(high)
    for _ in range(130):
        middle = (low + high) / 2
        c, moved = value(middle), value(low + step)
        if a is None or b is None or c is None or moved is None:
            return False
        slope = (moved - a) / step
        first, second = abs(c - a - slope * (middle - low)), abs(b - c - slope * (high - middle))
        if first >= second:
            high, b = middle, c
        else:
            low, a = middle, c
    explained = abs(slope * (high - low))
    return bool(abs(b - a) > 1000 * explained and abs(b - a) > 0 and abs(low - x0) > width * mpf(10) ** -20)


def root(
    rows: Sequence[sp.Expr], names: Sequence[sp.Symbol], start: Sequence[float]
) -> Callable[[Any], tuple[Any, ...] | None]:
    """θ with J(θ) = jet by Newton's iteration at the working precision, from a start in doubles."""
    jet = sp.lambdify(names, list(rows), "mpmath")
    slopes = sp.lambdify(names, [[sp.diff(e, p) for p in names] for e in rows], "mpmath")

    def solve(values: Any) -> tuple[Any, ...] | None:
        theta = mpmath.matrix([mpf(c) for c in start])
        if not all(mpmath.isfinite(c) for c in theta):
            return None
        size = mpf(10) ** (-mpmath.mp.dps + 5)
        for _ in range(60):
            try:
                residual = mpmath.matrix([a - b for a, b in zip(jet(*theta), values, strict=False)])
                move = mpmath.lu_solve(mpmath.matrix(slopes(*theta)), residual)
            except (ZeroDivisionError, ValueError, TypeError):
                return None
            theta = theta - move
            if all(abs(m) <= size * (abs(c) + size) for m, c in zip(move, theta, strict=True)):
                return tuple(theta)
        return None

    return solve
