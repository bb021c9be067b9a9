"""θ(h) − θ* at finite h: with as many digits as it takes where f is an expression, else in doubles with their noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import mpmath
import numpy as np
import sympy as sp

from .definition import theta_at
from .divided import divided_differences, multiplicities
from .families import ConnectionFunction, Linear, Polynomial
from .families.base import S
from .function import Function, X
from .methods.bounded import OutOfTime, bounded, time_left
from .result import KYTransform
from .rules import Osculating

EPS = float(np.finfo(float).eps)
TINY = 5e-324
SAME = mpmath.mpf(10) ** -8  # two precisions that agree so well: the difference is known
ZERO_DIGITS = 400  # a parameter in which so many digits show no difference has none
TRIED = 6  # times the digits are raised
Rows = tuple[np.ndarray, ...]


class Measured(NamedTuple):
    """θ(h), θ(h) − θ* and what rounding can do to it, along h; ``precise`` where digits were raised until it was known.

    A difference too small for a double is the smallest double, and its noise too.
    """

    h: np.ndarray
    theta: Rows
    difference: Rows
    noise: Rows
    precise: bool

    def at(self, keep: np.ndarray) -> Measured:
        """The steps to keep."""

        def kept(rows: Rows) -> Rows:
            return tuple(row[keep] for row in rows)

        return Measured(self.h[keep], kept(self.theta), kept(self.difference), kept(self.noise), self.precise)


def node_word(limit: KYTransform, nodes: tuple[Any, ...]) -> str:
    """The side whose nodes these are."""
    return "both" if nodes == limit.rule.nodes(limit.family, "both") else limit.side


def double(value: Any) -> float:
    """A number of any size as a float: infinite where it is too large, the smallest where it is too small but not 0."""
    try:
        number = float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    if number == 0 and value != 0:
        return TINY if value > 0 else -TINY
    return number


# -- with more digits, for expressions ---------------------------------------------------------------------------------


def precise(
    function: Function, limit: KYTransform, nodes: tuple[Any, ...], sign: int, h: np.ndarray, enough: int
) -> Measured | None:
    """θ(h) − θ* of an exact limit, from two precisions that agree; None where mpmath or the time does not suffice."""
    shape = (limit.family.size, len(h))
    theta, difference, noise = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)

    def work() -> None:
        steps = _Precise(function, limit, nodes)
        for k in np.argsort(-h, kind="stable"):
            theta[:, k], difference[:, k], noise[:, k] = steps.at(sign * float(h[k]))

    try:
        bounded(work, min(time_left(), 3600.0))
    except OutOfTime:
        if np.count_nonzero(np.all(np.isfinite(difference), axis=0)) < min(enough, len(h)):
            return None
    except (NotImplementedError, TypeError, ValueError, ArithmeticError, AttributeError, NameError, KeyError):
        return None  # a function that mpmath has not, or a rule without a closed form
    return Measured(h, tuple(theta), tuple(difference), tuple(noise), True)


class _Precise:
    """θ(h) − θ* step by step, from large h to small, each from two precisions."""

    def __init__(self, function: Function, limit: KYTransform, nodes: tuple[Any, ...]) -> None:
        self.function, self.limit, self.nodes, self.family = function, limit, nodes, limit.family
        self.zero: dict[int, bool] = {}  # parameters known to have a difference, or to have none
        self.first: float | None = None
        self.start: list[Any] | None = None
        osculating = isinstance(limit.rule, Osculating)
        self.solve = _solver(function, limit.family, nodes) if osculating else _two_point(function, limit)

    def at(self, step: float) -> tuple[list[float], list[float], list[float]]:
        self.first = step if self.first is None else self.first
        x0 = abs(double(self.limit.x0))
        digits = 40 + math.ceil((self.family.size + 2) * max(2.0, -math.log10(abs(step))))
        digits += math.ceil(max(0.0, math.log10(x0))) if x0 else 0
        size = self.family.size
        nothing = [math.nan] * size
        for _ in range(TRIED):
            low, high = self._pair(step, digits)
            if low is None or high is None:
                return nothing, nothing, nothing
            open_ = [i for i in range(size) if not _agree(low, high, i, digits)]
            if all(self._zero(i, digits) for i in open_):
                break
            digits *= 2
        theta, difference = ([double(c) for c in row] for row in high)
        doubt = [0.0 if abs(d) > 1e-300 or d == 0 else TINY for d in difference]
        for i in open_:
            if self.zero.get(i, False):
                difference[i], doubt[i] = 0.0, 0.0
            else:
                doubt[i] = abs(double(low[1][i] - high[1][i]))
        return theta, difference, doubt

    def _pair(self, step: float, digits: int) -> tuple[Any, Any]:
        return self._one(step, digits), self._one(step, digits + 30 + digits // 4)

    def _zero(self, i: int, digits: int) -> bool:
        """Whether the parameter has no difference at the largest step, in many more digits."""
        if i not in self.zero:
            assert self.first is not None
            low, high = self._pair(self.first, max(ZERO_DIGITS, 3 * digits))
            for j in range(self.family.size):
                known = low is not None and high is not None
                self.zero[j] = known and not _agree(low, high, j, max(ZERO_DIGITS, 3 * digits))
        return self.zero[i]

    def _one(self, step: float, digits: int) -> tuple[list[Any], list[Any]] | None:
        """θ(h) and θ(h) − θ* in so many digits."""
        with mpmath.workdps(digits):
            x0, wanted = number(self.limit.x0, digits), [number(c, digits) for c in self.limit.theta]
            width = mpmath.mpf(step)
            found = None
            for start in (self.start or self._doubles(step), wanted):
                found = self.solve(x0, width, start, digits) if start is not None else None
                if found is not None and _finite(found):
                    break
            if found is None or not _finite(found):
                return None
            self.start = list(found)
            theta = list(self.family.canonical(found))
            difference = [c - w for c, w in zip(theta, wanted, strict=True)]
            for i, name in enumerate(self.family.names):
                if name in self.family.angles:
                    turn = 2 * mpmath.pi
                    difference[i] -= turn * mpmath.nint(difference[i] / turn)
                    theta[i] %= turn
            return theta, difference

    def _doubles(self, step: float) -> list[Any] | None:
        limit = self.limit
        with np.errstate(all="ignore"):
            rows = theta_at(
                self.function, float(limit.x0), limit.family, limit.rule, np.array([step]), node_word(limit, self.nodes)
            )
        start = [mpmath.mpf(float(row[0])) for row in rows]
        return start if _finite(start) else None


def _agree(low: Any, high: Any, i: int, digits: int) -> bool:
    """Whether two precisions show the same difference of a parameter, and one that ``digits`` digits can show."""
    size = max(abs(c) for c in high[0])
    a, b = low[1][i], high[1][i]
    return bool(abs(a - b) <= SAME * abs(b) and abs(b) > mpmath.mpf(10) ** -digits * size)


def _finite(theta: Sequence[Any]) -> bool:
    return all(mpmath.isfinite(c) for c in theta)


def number(value: Any, digits: int) -> Any:
    """A SymPy number in mpmath's arithmetic."""
    if isinstance(value, mpmath.mpf):
        return value
    found = sp.N(value, digits)
    return mpmath.make_mpf(found._mpf_) if found.is_Float else _real(mpmath.mpmathify(found))


def _real(value: Any) -> Any:
    value = mpmath.mpmathify(value)
    if isinstance(value, mpmath.mpc):
        return value.real if value.imag == 0 else mpmath.nan
    return value


Solver = Callable[[Any, Any, Any, int], "list[Any] | None"]  # (x0, h, start, digits) → θ(h)


def _two_point(function: Function, limit: KYTransform) -> Solver:
    f = sp.lambdify(X, function.expression, "mpmath")

    def solve(x0: Any, h: Any, start: Any, digits: int) -> list[Any]:
        found = limit.rule.solve(limit.family, _real(f(x0)), _real(f(x0 + h)), h)
        return [number(c, digits) for c in found]

    return solve


def _solver(function: Function, family: ConnectionFunction, nodes: tuple[Any, ...]) -> Solver:
    """θ from the node equations, as divided differences, by Newton's iteration in mpmath's arithmetic."""
    orders = multiplicities(nodes)
    targets = [sp.lambdify(X, sp.diff(function.expression, X, r), "mpmath") for r in orders]
    curves = []
    for r in orders:
        g = sp.diff(family.expression, S, r)
        curves.append(sp.lambdify((S, *family.symbols), [g, *(sp.diff(g, p) for p in family.symbols)], "mpmath"))

    def solve(x0: Any, h: Any, start: Any, digits: int) -> list[Any] | None:
        exact = [c if isinstance(c, int) else number(sp.sympify(c, strict=True), digits) for c in nodes]
        values = [_real(t(x0 + c * h)) for c, t in zip(exact, targets, strict=True)]
        if not _finite(values):
            return None
        if isinstance(family, (Linear, Polynomial)):
            return list(family.through(exact, h, values))
        wanted = divided_differences(exact, h, values)
        theta, last = mpmath.matrix(list(start)), None
        for _ in range(60):
            table = [curve(c * h, *theta) for c, curve in zip(exact, curves, strict=True)]
            columns = [
                divided_differences(exact, h, [mpmath.mpf(row[j]) for row in table]) for j in range(family.size + 1)
            ]
            residual = mpmath.matrix([columns[0][k] - wanted[k] for k in range(family.size)])
            slopes = mpmath.matrix(family.size, family.size)
            for k in range(family.size):
                for j in range(family.size):
                    slopes[k, j] = columns[j + 1][k]
            move = mpmath.lu_solve(slopes, residual)
            theta = theta - move
            if _settled(move, last, theta, digits):
                return list(theta)
            last = move
        return None

    return solve


def _settled(move: Any, last: Any, theta: Any, digits: int) -> bool:
    """Whether each parameter stands still, or moves as rounding does, once Newton's iteration has come near."""
    if last is None:
        return False
    near = mpmath.mpf(10) ** -(digits // 4)
    size = mpmath.norm(theta) or mpmath.mpf(1)
    small = mpmath.mpf(10) ** -digits
    return all(
        abs(m) <= small * abs(c) or (abs(m) <= near * size and 2 * abs(m) >= abs(before))
        for m, before, c in zip(move, last, theta, strict=True)
    )


# -- in doubles --------------------------------------------------------------------------------------------------------


def in_doubles(
    function: Function,
    limit: KYTransform,
    nodes: tuple[Any, ...],
    sign: int,
    h: np.ndarray,
    jet: Sequence[float],
    doubt: Sequence[float],
) -> Measured:
    """θ(h) − θ* in doubles; NaN where h is so small that nodes fall together."""
    family, x0 = limit.family, float(limit.x0)
    reference = [np.full(h.shape, float(c)) for c in limit.theta]
    with np.errstate(all="ignore"):
        theta = theta_at(function, x0, family, limit.rule, sign * h, node_word(limit, nodes))
        points = [x0 + float(c) * sign * h for c in dict.fromkeys(nodes)]
        met = np.any([p == q for j, p in enumerate(points) for q in points[:j]], axis=0)
        theta = tuple(np.where(met, np.nan, row) for row in theta)
        noise = _noise(function, x0, limit, nodes, sign * h, theta, jet, doubt)
        noise = tuple(n + float(e) for n, e in zip(noise, limit.error, strict=True))
        difference = tuple(np.asarray(d) for d in family.difference(theta, reference))
    return Measured(h, theta, difference, noise, False)


def _noise(
    function: Function,
    x0: float,
    limit: KYTransform,
    nodes: tuple[Any, ...],
    h: np.ndarray,
    theta: Rows,
    jet: Sequence[float],
    doubt: Sequence[float],
) -> Rows:
    """How far θ(h) moves when each value of f moves by its rounding: tried out, one value after another."""
    total = [np.zeros(h.shape) for _ in theta]
    orders = multiplicities(nodes)
    unknown = any(r and (c or r >= len(jet)) for c, r in zip(nodes, orders, strict=True))
    if unknown or not limit.rule.closed(limit.family):
        return tuple(total)
    points = [x0 + float(c) * h for c in nodes]
    rows = [np.full(h.shape, jet[r]) if r else function(p) for p, r in zip(points, orders, strict=True)]
    values = [k for k, r in enumerate(orders) if r == 0]
    for j, row in enumerate(rows):
        size = function.eps * np.abs(row)
        if orders[j]:
            size = size + doubt[orders[j]]
        else:
            slopes = [np.abs((row - rows[k]) / (points[j] - points[k])) for k in values if k != j]
            steepest = np.max([np.where(np.isfinite(slope), slope, 0.0) for slope in slopes], axis=0)
            size = size + _misplaced(x0, float(nodes[j]) * h) * steepest
        found = limit.rule.at(limit.family, nodes, h, [*rows[:j], row + size, *rows[j + 1 :]])
        moved = [np.broadcast_to(np.asarray(c, float), h.shape) for c in found]
        for sum_, d in zip(total, limit.family.difference(moved, theta), strict=True):
            sum_ += np.abs(np.nan_to_num(d, nan=0.0, posinf=0.0, neginf=0.0))
    return tuple(total)


def _misplaced(x0: float, step: np.ndarray) -> np.ndarray:
    """How far the double x0 + step lies from the sum (Knuth), with the rounding of the step itself."""
    point = x0 + step
    back = point - x0
    return np.abs((x0 - (point - back)) + (step - back)) + EPS / 2 * np.abs(step)
