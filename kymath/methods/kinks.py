"""A kink exactly at x0, which a smooth fit would smooth away: seen in what the fit leaves over, and taken out.

A·sgn(s)·s^p has a jump of the p-th derivative. Fitted by a polynomial on an interval it leaves a misfit of known shape,
in the values further in as in the fit's own; least squares tell A and how sure it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .circle import column
from .interval import UNIT, Interval, read, table
from .shrinkage import Estimate, taylor

KINKS = 6  # the highest p; 0, a step, is looked for too
SURE = 8.0  # standard deviations from which on a kink is there
MAYBE = 1.2  # and from which on it may be what looks like noise
LEAST = 6.0  # machine epsilons of f: values known no better show no smaller kink
CALM = 12.0  # times what rounding must leave: more noise than that is looked into by other means
TURNS = 4
GAIN = 1e-3  # to this a kink that is taken off brings the noise down, or to what rounding must leave
ALIKE = 4.0  # orders that leave so many times the least noise may be the right one too


@dataclass
class Values:
    """f − f(x0) at distances s from a point, or from many: those of the widest interval, and those further in."""

    x: np.ndarray
    radius: np.ndarray
    f0: np.ndarray
    size: np.ndarray  # rms of f on the widest interval
    s: np.ndarray
    y: np.ndarray
    inner_s: np.ndarray
    inner_y: np.ndarray
    eps: float

    def at(self, take: np.ndarray) -> Values:
        """Those of the points of a mask, as of many."""
        rows = {name: row[take] for name, row in vars(self).items() if name != "eps"}
        return Values(**rows, eps=self.eps)

    def read(self) -> Interval:
        return read(self.y, self.size, self.s, self.x, self.radius, self.eps)

    def without(self, size: np.ndarray, p: int) -> Values:
        """The values with size·sgn(s)·(s/R)^p taken off."""

        def left(s: np.ndarray, y: np.ndarray) -> np.ndarray:
            return y - size[:, None] * np.sign(s) * (s / self.radius[:, None]) ** p

        y, inner = left(self.s, self.y), left(self.inner_s, self.inner_y)
        if p == 0:
            inner[self.inner_s == 0] = np.nan  # f(x0) itself may lie on either side of a step, or between
        return Values(self.x, self.radius, self.f0, self.size, self.s, y, self.inner_s, inner, self.eps)


class _Shapes(NamedTuple):
    columns: np.ndarray  # (N, 1 + KINKS): sgn(t)·t^p at the nodes, as Chebyshev coefficients
    squares: np.ndarray
    jump: np.ndarray  # (order + 1, 1 + KINKS): 1 where the order is that of the jump


@lru_cache(maxsize=64)
def _shapes(count: int, order: int) -> _Shapes:
    columns = (table(count).long @ _columns(table(count).nodes)).astype(float)
    jump = np.arange(order + 1)[:, None] == np.arange(KINKS + 1)
    return _Shapes(columns, columns**2, jump.astype(float))


def _columns(t: np.ndarray) -> np.ndarray:
    """sgn(t)·t^p for p = 0 … KINKS."""
    out = np.empty((*t.shape, KINKS + 1))
    out[..., 0] = np.sign(t)
    out[..., 1:] = t[..., None]
    return np.multiply.accumulate(out, axis=-1, out=out)


def _chebyshev(t: np.ndarray, count: int) -> np.ndarray:
    """T_j(t) for j < count, −1 ≤ t ≤ 1: the real parts of the powers of t + i√(1 − t²)."""
    out = np.empty((*t.shape, count), dtype=complex)
    out[..., 0], power = 1.0, out[..., 1:]
    power.real, power.imag = t[..., None], np.sqrt(1 - t * t)[..., None]
    return np.multiply.accumulate(out, axis=-1, out=out).real.copy()


class Misfit:
    """What a fit leaves over, and how much of it each kink would explain."""

    off: np.ndarray  # (…) some value lies where the fit cannot be
    size: np.ndarray  # (…, 1 + KINKS): A·R^p by least squares, for each p alone
    doubt: np.ndarray  # its standard deviation
    surest: np.ndarray  # (…) the largest size over its doubt
    noise: np.ndarray  # (…) of one value
    moved: np.ndarray  # (…, order + 1, 1 + KINKS): by how much a kink of size 1 has moved each coefficient, in R^-n

    def __init__(self, values: Values, wide: Interval, fit: Estimate, order: int) -> None:
        count = wide.count
        shapes = _shapes(count, order)
        t, y = values.inner_s / column(values.radius), values.inner_y
        inside = (np.abs(t) <= 1) & np.isfinite(y)
        t, y = t * inside, np.where(inside, y, 0.0)
        v = _chebyshev(t, count)
        missed = (y - (v @ fit.c[..., None])[..., 0]) * inside
        rounding = (UNIT * values.eps) * (np.abs(y) + column(np.abs(values.f0)))
        own = np.maximum(column(wide.noise * math.sqrt(count / 2)), rounding)
        allowed = own * own + ((v * v) @ fit.left[..., None])[..., 0]
        self.noise = own.T[0]
        self.off = (np.abs(missed) > 9 * np.sqrt(allowed) + 3 * fit.error[..., :1]).any(axis=-1)
        shrunk = 1 - fit.weight[..., 1:]
        shrunk *= shrunk
        half = column((count / 2) / self.noise**2)  # Parseval
        smoothed = fit.weight[..., None] * shapes.columns
        left = (_columns(t) - v @ smoothed) * inside[..., None]
        weighted = left / allowed[..., None]
        power = (weighted * left).sum(axis=-2) + half * (shrunk @ shapes.squares[1:])
        seen = (missed[..., None, :] @ weighted)[..., 0, :] + half * ((shrunk * wide.c[..., 1:]) @ shapes.columns[1:])
        self.size = seen / power
        self.doubt = 1 / np.sqrt(power) + column(LEAST * values.eps * (np.abs(values.f0) + wide.size))
        self.surest = np.abs(self.size / self.doubt).max(axis=-1)
        self.moved = np.abs(taylor(count, order).a.T @ smoothed) + shapes.jump

    @property
    def kinked(self) -> np.ndarray:
        return self.surest > SURE

    @property
    def allowance(self) -> np.ndarray:
        """(…, order + 1): what a kink too small to be sure of may have done to each coefficient, in R^-n."""
        return (self.moved[..., 1:] * (2 * np.abs(self.size[..., None, 1:]))).max(axis=-1)


@dataclass
class Kinked:
    """Points at which f is smooth but for one kink: the coefficients of the smooth part, and the jump."""

    value: np.ndarray  # (P, order + 1)
    error: np.ndarray
    found: np.ndarray  # whether one kink explains it
    p: np.ndarray  # the order of the derivative that jumps
    surely: np.ndarray  # no other order would do as well
    size: np.ndarray  # half the jump, as a Taylor coefficient


class _Taken(NamedTuple):
    """What is left when the kink of one order is taken off."""

    value: np.ndarray
    error: np.ndarray
    size: np.ndarray
    noise: np.ndarray  # inf where it is not smooth
    floor: np.ndarray


def without_kink(values: Values, order: int) -> Kinked:
    """The kink A·sgn(s)·s^p, p = 0 … KINKS, that leaves a smooth function behind when it is taken off."""
    before = values.read().noise
    taken = [_taken(values, p, order) for p in range(KINKS + 1)]
    noise = np.array([one.noise for one in taken])
    noise[noise > np.maximum(CALM * taken[0].floor, GAIN * before)] = np.inf
    best = noise.argmin(axis=0)
    points = np.arange(len(best))
    found = np.isfinite(noise[best, points])
    value, error = (np.array([getattr(one, name) for one in taken]) for name in ("value", "error"))
    rivals = np.isfinite(noise) & (noise <= ALIKE * noise[best, points])
    apart = np.abs(value - value[best, points]) * rivals[..., None]
    error = error[best, points] + np.where(found[:, None], apart.max(axis=0), np.inf)
    sizes = np.array([one.size for one in taken])[best, points]
    return Kinked(value[best, points], error, found, best, rivals.sum(axis=0) == 1, sizes)


def _taken(values: Values, p: int, order: int) -> _Taken:
    total, now = np.zeros(len(values.x)), values
    for turn in range(TURNS + 1):  # what the kink did to the noise level is gone only when it is
        wide = now.read()
        fit = Estimate(wide, order)
        misfit = Misfit(now, wide, fit, order)
        if turn < TURNS:
            total = total + misfit.size[:, p]
            now = values.without(total, p)
    bad = wide.bad | misfit.off | misfit.kinked | (wide.plateau > CALM * wide.floor)
    bad |= np.abs(total) <= SURE * misfit.doubt[:, p]
    error = fit.error + (misfit.allowance + 4 * misfit.moved[..., p] * misfit.doubt[:, p, None]) * fit.scale
    return _Taken(fit.value, error, total / values.radius**p, np.where(bad, np.inf, wide.noise), wide.floor)
