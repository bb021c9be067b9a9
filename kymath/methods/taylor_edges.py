"""Powers of jets, and what happens where the leading coefficients vanish: 0/0, poles, roots at zero.

s^m(u_m + u_{m+1} s + …) is treated as such: common powers of s cancel, even powers come out of a square root with the
sign of the side, and what is not finite becomes inf (certainly unbounded) or nan (not known). The pass is flagged.
"""

from __future__ import annotations

import math
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from .. import series
from ..series.numbers import functions
from .taylor_jet import Jet
from .taylor_run import UNIT

ARCS = {"arcsin": "asin", "arccos": "acos", "arccosh": "acosh"}
MOST_SQUARED = 64  # whole powers up to this one are products


def divided(a: Jet, b: Jet) -> Jet:
    """a / b: the error is that of a, of b times the quotient, and the rounding, over b."""
    run, first = a.run, b.c[0]
    if type(first) is float:
        if first == 0.0:
            return divided_at_zero(a, b)
    else:
        run.mark(first == 0)
    c = series.divide(a.c, b.c, run.n)
    size, low = [abs(x) for x in c], b.sizes()
    if len(a.c) == 1 and type(a.c[0]) is float and a.c[0] == 1.0:
        slope = size
    else:
        slope = [abs(x) for x in series.divide([1.0], b.c, run.n)] if len(b.c) > 1 else [1 / low[0]]
    rough = low if b.e is None else [x + y for x, y in zip(low, b.e, strict=True)]
    e = [series.term(size, rough, k) for k in range(len(c))]
    if a.e is not None:
        e = series.add(e, a.e)
    return Jet(c, [series.term(slope, e, k) for k in range(len(c))], run)


def chained(u: Jet, name: str, slope: Jet) -> Jet:
    """g(u) from g′(u) as a jet, whose errors are followed too: they tell where a coefficient of it passes through 0."""
    first = getattr(functions(u.c[0]), name)(u.c[0])
    e0 = 4.0 * abs(first) + (0.0 if u.e is None else u.e[0] * abs(slope.c[0]))
    if len(u.c) == 1:
        return Jet([first], [e0], u.run)
    rise = Jet(series.derivative(u.c), None if u.e is None else series.derivative(u.e), u.run) * slope
    c = [first, *(x / k for k, x in enumerate(rise.c[: u.run.n - 1], 1))]
    e = [e0, *(x / k + abs(y) for k, (x, y) in enumerate(zip(rise.errors(), c[1:], strict=False), 1))]
    return Jet(c, e, u.run)


def valuation(u: Jet) -> int:
    """How many leading coefficients are zero, within their errors."""
    for k, x in enumerate(u.c):
        if not abs(x) <= (0.0 if u.e is None or k == 0 else 2 * UNIT * u.e[k]):
            return k
    return len(u.c)


def _shifted(u: Jet, m: int, n: int) -> Jet:
    return Jet([*u.c[m:n]] or [0.0], None if u.e is None else [*u.e[m:n]] or [0.0], u.run)


def unknown(u: Jet, first: float = math.nan) -> Jet:
    """A jet of which only the first coefficient, if that, is known."""
    return Jet([first, *[math.nan] * (u.run.n - 1)], [0.0, *[math.nan] * (u.run.n - 1)], u.run)


def divided_at_zero(a: Jet, b: Jet) -> Jet:
    """a / b where b vanishes at x0: the common power of s is cancelled; what is left over is a pole."""
    run = a.run
    run.flagged = True
    if type(a.c[0]) is not float:
        run.escape("f divides an array by a jet that vanishes")
    low, high = valuation(b), valuation(a)
    if low == len(b.c):
        if low == run.n:
            run.lost = max(run.lost, low)  # it may be a higher power of s: to be looked at with more coefficients
        return unknown(a)
    if high == len(a.c) and a.e is None and all(x == 0 for x in a.c):
        return Jet([0.0], None, run)
    if high < low:
        sign = math.copysign(1.0, a.c[high]) * math.copysign(1.0, b.c[low]) * run.side ** (low - high)
        return unknown(a, sign * math.inf)
    run.lost = max(run.lost, low)
    whole = len(a.c) < run.n and len(b.c) < run.n  # polynomials: nothing is lost by shifting
    top, bottom = _shifted(a, low, run.n), _shifted(b, low, run.n)
    out = divided(top, bottom)
    if whole:
        return out
    known = run.n - low
    gap = [math.nan] * (run.n - known)
    pad = [0.0] * max(0, known - len(out.c))
    return Jet([*out.c[:known], *pad, *gap], [*out.errors()[:known], *pad, *gap], run)


def raised(base: Jet, exponent: Jet) -> Jet:
    """base ** exponent, for a constant exponent (whole, or real) or for a jet."""
    run, p = base.run, exponent.c[0]
    if len(exponent.c) > 1 or exponent.e is not None:
        return (
            (exponent * base.through("log")).through("exp")
            if len(base.c) > 1 or base.e
            else _constant_base(base, exponent)
        )
    if type(p) is not float:
        if np.all(p == np.floor(p)) and np.all(p >= 0) and p.size <= MOST_SQUARED and p.max(initial=0) <= MOST_SQUARED:
            return _array_of_powers(base, p)
        return (exponent * base.through("log")).through("exp")
    if p.is_integer() and (p == -1 or 0 <= p <= 4 or (abs(p) <= MOST_SQUARED and _may_vanish(base))):
        power = whole_power(base, int(abs(p)))
        return power if p >= 0 else divided(Jet([1.0], None, run), power)
    if p == 0.5:
        return root(base)
    if type(base.c[0]) is float and base.c[0] == 0.0:
        return power_at_zero(base, p)
    if type(base.c[0]) is not float:
        run.mark(base.c[0] == 0)
    return _real_power(base, p)


def _may_vanish(base: Jet) -> bool:
    return type(base.c[0]) is not float or abs(base.c[0]) < 1e-3


def _constant_base(base: Jet, exponent: Jet) -> Jet:
    """b ** u = exp(u log b), with the first coefficient as the power function has it."""
    b = base.c[0]
    with np.errstate(all="ignore"):
        log = math.log(b) if type(b) is float and b > 0 else np.log(np.asarray(b, dtype=float))
    if np.ndim(log) == 0:
        log = float(log)
    return exponent.scaled(log, own=2.0).through("exp")


def whole_power(base: Jet, p: int) -> Jet:
    """base ** p by repeated squaring."""
    if p == 0:
        return Jet([1.0], None, base.run)
    result: Jet | None = None
    while True:
        if p & 1:
            result = base if result is None else result * base
        p >>= 1
        if not p:
            return result  # type: ignore[return-value]
        base = base * base


def _array_of_powers(base: Jet, p: np.ndarray) -> Jet:
    """base ** p for an array of whole exponents: each power once, put in its places."""
    total: Any = None
    for q in np.unique(p):
        piece = whole_power(base, int(q)) * (p == q).astype(float)
        total = piece if total is None else total + piece
    return total if total is not None else base * p


def _real_power(base: Jet, p: float) -> Jet:
    run, u = base.run, base.c
    c = series.power(u, p, run.n)
    slope = [p * x for x in series.divide(c, u, run.n)]
    moved = [*base.errors()[:1], *(2.0 * abs(x) + y for x, y in zip(u[1:], base.errors()[1:], strict=True))]
    size = [abs(x) for x in slope]
    return Jet(c, [series.term(size, moved, k) + 4.0 * x for k, x in enumerate(_power_terms(u, c, p))], run)


def _power_terms(u: list[Any], c: list[Any], p: float) -> list[Any]:
    """The coefficients of u^p as sums of the sizes of the terms that :func:`kymath.series.power` adds."""
    size, low = [abs(x) for x in c], [abs(x) for x in u]
    out = size[:1]
    for k in range(1, len(c)):
        parts = [abs(p * j - (k - j)) * low[j] * size[k - j] for j in range(1, min(k, len(u) - 1) + 1)]
        out.append(reduce(add, parts) / (k * low[0]))
    return out


def power_at_zero(u: Jet, p: float) -> Jet:
    """u ** p where u vanishes at x0, p not a small whole number: |s|^{mp} (±u_m + …)^p on the side of the pass."""
    run = u.run
    m = valuation(u)
    if m == len(u.c):
        if m < run.n:
            return Jet([0.0], None, run) if p > 0 else unknown(u)
        run.flagged, run.lost = True, max(run.lost, m)
        zeros = min(max(math.ceil(m * p), 0), run.n)
        gap = [math.nan] * (run.n - zeros)
        return Jet([*[0.0] * zeros, *gap], [*[0.0] * zeros, *gap], run)
    run.flagged = True
    turn = float(run.side**m)
    if u.c[m] * turn < 0:
        return unknown(u)
    q = m * p
    if abs(q - round(q)) < 1e-12 and q >= 0:
        whole = round(q)
        inner = raised(_shifted(u, m, run.n).times_sign(turn), Jet([p], None, run))
        side = float(run.side**whole)
        exact = len(u.c) < run.n and p == 0.5 and len(inner.c) == 1
        known = run.n - m + whole
        c = [*[0.0] * whole, *(x * side for x in inner.c)]
        e = [*[0.0] * whole, *inner.errors()]
        if known < run.n and not exact:
            run.lost = max(run.lost, m - whole)
            c = [*c[:known], *[math.nan] * (run.n - known)]
            e = [*e[:known], *[math.nan] * (run.n - known)]
        return Jet(c[: run.n], e[: run.n], run)
    if q < 0:
        return unknown(u, math.inf)
    zeros = min(math.ceil(q), run.n)
    return Jet([*[0.0] * zeros, *[math.inf] * (run.n - zeros)], [0.0] * run.n, run)


def root(u: Jet) -> Jet:
    """√u."""
    if type(u.c[0]) is float and u.c[0] == 0.0:
        return power_at_zero(u, 0.5)
    return u.through("sqrt")


def cube_root(u: Jet) -> Jet:
    """The real cube root, of either sign."""
    if type(u.c[0]) is float and u.c[0] == 0.0:
        sign = u.sign()
        return power_at_zero(u.times_sign(sign), 1 / 3).times_sign(sign)
    return u.through("cbrt")


def arc(u: Jet, name: str) -> Jet:
    """arcsin, arccos and arcosh by their slopes; at an end of the domain the slope alone tells what is there."""
    run, short = u.run, ARCS[name]
    below, above = (u - 1.0, u + 1.0) if name == "arccosh" else (1.0 - u, 1.0 + u)
    at_end = type(u.c[0]) is float and abs(u.c[0]) == 1.0
    slope = (below * above) ** -0.5 if at_end else 1.0 / root(below * above)
    if name == "arccos":
        slope = -slope
    if not at_end:
        return chained(u, short, slope)
    run.flagged = True
    if math.isnan(slope.c[0]):
        return unknown(u)
    c = series.elementary.chain(getattr(functions(u.c[0]), short)(u.c[0]), slope.c, u.c, run.n)
    return Jet(c, [2 * abs(c[0]), *[math.nan] * (len(c) - 1)], run)
