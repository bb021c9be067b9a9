"""Low derivatives at very many points: one set of eleven nodes for all, on a radius that a few probes suggest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..function import Function
from .chebyshev import best_radius
from .interval import UNIT, table, taylor_table

NODES = 11  # an odd number, so that x0 is one of them
BLOCK = 8192  # points at a time: what belongs to them stays in the cache
BINS = 48
SAMPLE = 4096  # points by which the bins are judged
MANY = 2048  # points from which on this pays
MOST = 4  # the highest derivative
FALLS = 0.02  # by so much the coefficients of a smooth f fall over four nodes, at the least
LOUD = 12.0  # times what rounding must leave
PRECISE = 1e-9  # errors above this part of the coefficient are left to the full search


@dataclass
class Many:
    """Taylor coefficients (order + 1, P) with errors, and where they can be believed."""

    value: np.ndarray
    error: np.ndarray
    ok: np.ndarray


class _Plan(NamedTuple):
    nodes: np.ndarray  # (N − 1,), without 0
    rows: np.ndarray  # values − f(x0) to the coefficients 1 … order, and to four Chebyshev coefficients
    spread: np.ndarray  # (order, 2): to their errors from the noise of a value and from the last coefficients


@lru_cache(maxsize=8)
def _plan(order: int) -> _Plan:
    known = table(NODES)
    place = np.arange(NODES) != NODES // 2
    chebyshev = known.long[:, place]
    taylor = taylor_table(NODES - 1, order)[1:].astype(np.longdouble) @ chebyshev
    tail = chebyshev[[NODES - 6, NODES - 5, NODES - 2, NODES - 1]]
    gain = 4 * np.sqrt((taylor**2).sum(axis=1)).astype(float)
    growth = np.array([2.0 * NODES**n / math.factorial(n) for n in range(1, order + 1)])
    rows = np.concatenate([taylor, tail]).astype(float)
    return _Plan(known.nodes[place], rows, np.column_stack([gain, growth]))


def many_jets(function: Function, x: np.ndarray, order: int) -> Many:
    """Coefficients 0 … order at the points x (P,).

    Nodes in common make it one matrix product. Each point is judged by itself: its last Chebyshev coefficients must
    have fallen, and its errors be small. What does not pass is left to the full search.
    """
    plan = _plan(order)
    value, error = np.empty((order + 1, x.size)), np.empty((order + 1, x.size))
    ok = np.empty(x.size, dtype=bool)
    with np.errstate(all="ignore"):
        radius = _radii(function, x, order)
        for i in range(0, x.size, BLOCK):
            part = slice(i, min(i + BLOCK, x.size))
            _block(function, x[part], radius[part], plan, value[:, part], error[:, part], ok[part])
    return Many(value, error, ok)


def _block(
    function: Function, x: np.ndarray, r: np.ndarray, plan: _Plan, value: np.ndarray, error: np.ndarray, ok: np.ndarray
) -> None:
    at = np.empty((NODES, x.size))
    at[0] = x
    np.multiply(plan.nodes[:, None], r, out=at[1:])
    at[1:] += x
    f = function(at)
    f0 = f[0]
    f[1:] -= f0
    found = plan.rows @ f[1:]
    moved, order, power = np.abs(found), len(plan.spread), 1 / r
    before, tail = np.maximum(moved[-4], moved[-3]), np.maximum(moved[-2], moved[-1])
    size = np.abs(f[1]) + np.abs(f[-1]) + moved[0]
    noise = UNIT * function.eps * (np.abs(f0) + size + np.abs(x) * power * moved[0])
    doubt = plan.spread @ np.stack([noise, tail])
    np.less_equal(tail, np.maximum(FALLS * before, LOUD * noise), out=ok)
    least = 0.1 * size + 1e-6 * np.abs(f0)
    ok &= (doubt <= PRECISE * np.maximum(moved[:order], least)).all(axis=0)
    ok &= (moved[0] > doubt[0]) | (f[1:] == 0).all(axis=0)  # it is seen which way f leaves x0
    value[0], error[0] = f0, function.eps * np.abs(f0)
    scale = power
    for n in range(order):
        np.multiply(found[n], scale, out=value[n + 1])
        np.multiply(doubt[n], scale, out=error[n + 1])
        scale = scale * power
    error[0] += function.eps * np.abs(x * value[1]) + 4 * np.maximum(noise, tail)
    ok &= np.isfinite(value.sum(axis=0) + error.sum(axis=0))


class _Bins:
    """Bins of equal width along x, or along log(1 + |x|/q) where x spreads over magnitudes."""

    def __init__(self, sample: np.ndarray, q: float | None) -> None:
        self.q = q
        along = self._along(sample)
        self.low, high = along.min(), along.max()
        self.scale = BINS / (high - self.low) if high > self.low else 0.0

    def _along(self, x: np.ndarray) -> np.ndarray:
        return x if self.q is None else np.copysign(np.log1p(np.abs(x) / self.q), x)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        place = (self._along(x) - self.low) * self.scale
        return np.clip(np.nan_to_num(place), 0, BINS - 1).astype(np.intp)


def _radii(function: Function, x: np.ndarray, order: int) -> np.ndarray:
    """For each point a radius on which the nodes do well, from probes in bins along x; nan where none is known."""
    sample = x[:: max(1, x.size // SAMPLE)]
    sample = np.sort(sample[np.isfinite(sample)])
    radius = np.full(BINS, np.nan)
    if not sample.size:
        return np.full(x.size, np.nan)
    sizes = np.sort(np.abs(sample))
    least = float(sizes[sizes > 0][: sizes.size // 20 + 1].max(initial=0.0)) or 1.0
    choices = (_Bins(sample, None), _Bins(sample, least))
    bins = min(choices, key=lambda one: np.bincount(one(sample)).max())  # the fullest holds the least
    where = bins(sample)
    occupied = np.unique(where)
    probes = [sample[where == one][[0, np.count_nonzero(where == one) // 2, -1]] for one in occupied]
    found = best_radius(function, np.concatenate(probes), NODES - 1, max(order, 1.0))
    found = np.where(np.isfinite(found), found, np.inf).reshape(-1, 3).min(axis=1)
    radius[occupied] = np.where(np.isfinite(found), found, np.nan)
    return radius[bins(x)]
