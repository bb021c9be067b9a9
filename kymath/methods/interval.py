"""Chebyshev coefficients of values about x0: the sums, what they say about f, and the radius to try next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .circle import choose, column, cosines, every, later_halves, some

UNIT = 0.3  # standard deviation of rounding to nearest, in units of the machine epsilon
RESOLVED = 1e-3  # of the variation of f on the interval: what the coefficients at the end may reach
GRID = 2.0 ** np.arange(-5, 7.01, 0.125)
FEW = 64  # points for which the sums are taken in the longest floating type


class Table(NamedTuple):
    """What belongs to one number of nodes."""

    nodes: np.ndarray  # first-kind Chebyshev nodes, ascending; 0 is none of them
    weights: np.ndarray  # values to coefficients
    long: np.ndarray  # the same in the longest floating type there is, a row for each coefficient
    slopes: np.ndarray  # values to those of R·f′
    end: int  # where the coefficients begin that should hold nothing but noise
    orders: np.ndarray  # 0 … N − 1
    until: np.ndarray  # until[k]: 1 up to the k-th coefficient
    fit: np.ndarray  # fit[k]: mean and slope by least squares of what lies from k/2 to k
    middle: np.ndarray  # the mean of those indices
    sums: np.ndarray  # squares of coefficients to the squares of what is asked of them
    centre: np.ndarray  # T_j(0)
    mean: np.ndarray  # values to their mean


@lru_cache(maxsize=32)
def table(count: int) -> Table:
    """The sums over the nodes, with cosines to all digits: an error in them would be one in each sum."""
    turn, cosine = 4 * count, cosines(count)
    j, odd = np.arange(count), 2 * np.arange(count)[::-1] + 1
    long = cosine[np.outer(odd, j) % turn]  # cos(jθ_k), nodes ascending
    sine = cosine[(np.outer(odd, j) - count) % turn]  # sin(jθ_k)
    weights = long * 2 / count
    weights[:, 0] /= 2
    slopes = weights @ ((j * sine) / cosine[(odd - count) % turn][:, None]).T
    end = count - max(count // 4, 3)
    index = np.arange(count)
    until, level, middle, fall = later_halves(count)
    far = end - (count - end)
    sums = np.zeros((count, 5))
    sums[end:, 0] = 1 / (count - end)
    sums[1:, 1] = 1
    sums[-2:, 2] = 1 / 2
    sums[far:end, 3] = 1 / (end - far)
    sums[:, 4] = index**2
    return Table(
        long[:, 1].astype(float), weights.astype(float), weights.T.copy(), slopes.astype(float), end, index, until,
        np.stack([level, fall], axis=1), middle, sums, np.array([1.0, 0.0, -1.0, 0.0])[index % 4],
        np.full(count, 1 / count),
    )  # fmt: skip


@lru_cache(maxsize=64)
def taylor_table(degree: int, order: int) -> np.ndarray:
    """A[n, j] = T_j^(n)(0)/n!, so that Σ_j A[n, j] c_j is the n-th Taylor coefficient at the centre."""
    out = np.zeros((order + 1, degree + 1))
    before, now = np.zeros(order + 1), np.zeros(order + 1)
    before[0] = 1.0
    if order >= 1:
        now[1] = 1.0
    for j in range(degree + 1):
        out[:, j] = before
        following = -before
        following[1:] += 2 * now[:-1]
        before, now = now, following
    return out


@dataclass
class Interval:
    """f on [x0 − R, x0 + R] about a point, or about each of many: f − f(x0) = Σ_j c_j T_j(s/R), and whether that can be
    believed. At one point the fields without j are numbers, and no arrays.
    """

    radius: np.ndarray
    c: np.ndarray
    envelope: np.ndarray  # the largest |c_j| from here on, of those above the noise
    size: np.ndarray  # rms of f
    variation: np.ndarray  # rms of f − f(x0)
    floor: np.ndarray  # standard deviation in c that rounding of f and of its argument must leave
    noise: np.ndarray  # the one that is there, at most
    plateau: np.ndarray  # the one to be expected of other radii
    last: np.ndarray  # the last coefficient above the noise
    level: np.ndarray  # |c_j| falls as exp(level − fall·j)
    fall: np.ndarray
    bad: np.ndarray  # not resolved, or not finite

    @property
    def count(self) -> int:
        return self.c.shape[-1]

    def where(self, take: np.ndarray, other: Interval) -> Interval:
        """This one where ``take`` holds, else the other, of as many nodes."""
        if every(take) or not some(take):
            return self if every(take) else other
        rows = {
            name: np.where(take[:, None] if value.ndim > 1 else take, value, getattr(other, name))
            for name, value in vars(self).items()
        }
        return Interval(**rows)


def read(y: np.ndarray, size: np.ndarray, s: np.ndarray, x: np.ndarray, radius: np.ndarray, eps: float) -> Interval:
    """The coefficients from y = f(x + s) − f(x), (…, N), where |f| has the rms ``size``."""
    count = y.shape[-1]
    known, finite = table(count), None
    if not math.isfinite(np.vdot(y, y)):
        finite = np.isfinite(y).all(axis=-1)
        y = np.where(column(finite), y, 0.0)
    distance = np.abs(x) / radius
    if some(distance > 0.125):  # the nodes were rounded: one step with the slope of what is found
        y = y + (known.nodes - s / column(radius)) * (y @ known.slopes)
    c = np.inner(y, known.long).astype(float) if x.size <= FEW else y @ known.weights
    square = c * c
    tail, variation, near, before, slope = np.sqrt(square @ known.sums).T
    floor = (UNIT * eps * math.sqrt(2 / count)) * (size + 0.5 * distance * slope) + 1e-60
    centre, above = np.abs(c @ known.centre), 30 * floor
    bad = (tail > RESOLVED * variation) & (tail > above)
    bad = bad | (centre > 30 * RESOLVED * variation) & (centre > above)  # f(x0) is one of the values
    if count > 8:
        bad = bad | (near > before + above)  # they fall, or are noise
    if finite is not None:
        bad = bad | ~finite
    falls = (near <= 0.2 * before) & (tail <= 0.5 * before)  # then the end is no noise but what is still to fall
    noise = np.maximum(choose(falls, np.minimum(tail, 2 * near), tail), floor)
    plateau = choose(falls, 2 * floor, noise)
    last = np.maximum.reduce((square > column(25 * noise * noise)) * known.orders, axis=-1)
    seen = np.abs(c) * known.until[last]
    envelope = np.maximum.accumulate(seen[..., ::-1], axis=-1)[..., ::-1]
    logs = np.log(envelope + 1e-300)
    level, slope = (known.fit[last] @ logs[..., None])[..., 0].T
    fall, middle, few = -slope, known.middle[last], last <= 3
    if some(few):  # a polynomial, as far as can be seen: straight to the noise behind it
        top = np.take_along_axis(logs, last[..., None], axis=-1)[..., 0]
        fall = choose(few, np.maximum(top - np.log(floor), 0) + 1.5, fall)
        level, middle = choose(few, top, level), choose(few, last, middle)
    fall = np.maximum(fall, 1e-3)
    level = level + fall * middle
    return Interval(radius, c, envelope, size, variation, floor, noise, plateau, last, level, fall, bad)


def grown(at: Interval, times: float) -> np.ndarray:
    """By how much f, and rounding in it, are larger on a radius so many times as large, by the first coefficients."""
    first = np.abs(at.c[..., 1:4])
    return (at.size + first @ (0.5 * (2 * times) ** np.array([1.0, 2.0, 3.0]))) / (at.size + 1e-300)


@lru_cache(maxsize=64)
def _powers(order: float) -> np.ndarray:
    return GRID**-order


def predicted(at: Interval, count: int, order: float) -> np.ndarray:
    """The radius at which ``count`` nodes give the coefficient of this order best, as the present ones fall.

    A singularity at i·ρ makes |c_j| fall as e^{−j·asinh(ρ/R)}: error(λR)·λ^order = noise·m^{n+½} + truncation, with m
    the last coefficient above the noise. Bernstein's ellipse: Trefethen, Approximation Theory and Practice, ch. 8.
    """
    slope = np.arcsinh(column(np.sinh(-at.fall)) / GRID)
    noise = at.plateau * math.sqrt(at.count / count)
    m = np.minimum(np.maximum(column(np.log(3 * noise) - at.level) / slope, 1.0), count)
    beyond = np.exp(column(at.level) + slope * count) / np.expm1(slope)
    rounding = noise / (math.sqrt(2 * (2 * order + 1)) * 2.0 * float(count) ** order)
    few = at.last <= 3
    if some(few):  # a polynomial, as far as can be seen: it grows, and rounding with it
        growth = np.stack([grown(at, max(times, 1.0)) for times in GRID], axis=-1)
        rounding = column(rounding) * choose(column(few), growth, 1.0)
    else:
        rounding = column(rounding)
    cost = (rounding * m ** (order + 0.5) - beyond) * _powers(order)
    return at.radius * GRID[cost.argmin(axis=-1)]
