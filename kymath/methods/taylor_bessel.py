"""The Bessel functions Y, I and K of a jet.

Their derivatives are sums over neighbouring orders (DLMF 10.6.7, 10.29.5). For I and K no term of them cancels; the
errors are those that SciPy's functions have beside the amplitude, summed in the same way.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from .. import series
from .taylor_edges import unknown
from .taylor_jet import Jet


class Kind(NamedTuple):
    """One kind: Z_ν^(j) = (turn/2)^j Σ step^i C(j, i) Z_{ν−j+2i}, and units of rounding of SciPy's values."""

    step: int
    turn: int
    units: float  # at whole and half orders
    rough: float  # at other orders


KINDS = {"y": Kind(-1, 1, 48.0, 64.0), "i": Kind(1, 1, 24.0, 24.0), "k": Kind(1, -1, 24.0, 2048.0)}


@cache
def _scipy() -> Any:
    import scipy.special

    return scipy.special


def bessel(kind: str, order: Jet, u: Jet) -> Jet:
    """Y, I or K of a constant order, of u."""
    if len(order.c) > 1 or type(order.c[0]) is not float:
        u.run.escape("f varies the order of a Bessel function")
    run, x, nu = u.run, u.c[0], order.c[0]
    n, count = run.n, run.n + 1 if len(u.c) > 1 else 2
    with np.errstate(all="ignore"):
        values, errors = _derivatives(kind, nu, np.asarray(x, dtype=float), count)
    if type(x) is float:
        values, errors = [float(v) for v in values], [float(e) for e in errors]
        if not math.isfinite(values[0]):
            return unknown(u, values[0])
        if x == 0.0 and not nu.is_integer():  # a branch point
            run.flagged = True
            return unknown(u, values[0])
    elif not nu.is_integer():
        run.mark(x == 0.0)
    slope = [abs(c) for c in series.compose(series.derivative(values), u.c, n)]
    sizes = [x, *u.sizes()[1:]]
    own = series.compose([e + 4.0 * abs(v) for v, e in zip(values[:n], errors, strict=False)], sizes, n)
    out = Jet(series.compose(values[:n], u.c, n), own, run)
    moved = [u.errors()[0], *(x + y for x, y in zip(u.sizes()[1:], u.errors()[1:], strict=True))]
    out.e = series.add(own, [series.term(slope, moved, k) for k in range(len(own))])
    return out


def _derivatives(kind: str, nu: float, x: np.ndarray, count: int) -> tuple[list[Any], list[Any]]:
    """Z_ν^(j)(x)/j! for j < count, with their errors in units of 2^−53."""
    step, turn = KINDS[kind][:2]
    row = {shift: _value(kind, nu + shift, x) for shift in range(-count, count + 1)}
    rough = {shift: _error(kind, nu + shift, x, row, shift) for shift in range(1 - count, count)}
    values, errors = [], []
    for j in range(count):
        weight = [math.comb(j, i) * (0.5**j / math.factorial(j)) for i in range(j + 1)]
        shifts = range(-j, j + 1, 2)
        values.append(sum(turn**j * step**i * w * row[m] for i, (w, m) in enumerate(zip(weight, shifts, strict=True))))
        errors.append(sum(w * (rough[m] + (j + 2) * abs(row[m])) for w, m in zip(weight, shifts, strict=True)))
    return values, errors


def _value(kind: str, order: float, x: np.ndarray) -> Any:
    special = _scipy()
    if kind == "k":
        return special.kv(abs(order), x)
    if kind == "i":
        return special.iv(abs(order) if order.is_integer() else order, x)
    if order >= 0:
        return special.yv(order, x)
    cosine, sine = special.cosdg(-180.0 * order), special.sindg(-180.0 * order)
    first = cosine * special.yv(-order, x) if cosine else 0.0  # 0 · ∞ at half orders
    return first + sine * special.jv(-order, x)  # SciPy's own Y of negative orders has far fewer digits


def _error(kind: str, order: float, x: np.ndarray, row: dict[int, Any], shift: int) -> Any:
    """The error of one value: relative to it for K; to the amplitude for Y and I, which may have zeros."""
    units = (KINDS[kind].units if (2 * order).is_integer() else KINDS[kind].rough) + 2 * abs(order)
    size = abs(row[shift])
    if kind == "k":
        return units * size
    beside = np.minimum(abs(row[shift - 1]), abs(row[shift + 1]))
    if kind == "y":
        beside = np.minimum(beside, np.sqrt(8 / (np.pi * abs(x))))
        if order < 0 and not order.is_integer():  # from J, of which SciPy has fewer digits at such orders
            units = 1024.0
            if not (2 * order).is_integer():
                beside = beside + abs(_scipy().yv(-order, x))
    return units * (size + beside)
