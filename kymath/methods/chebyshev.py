"""The jet of a black box at points where it is smooth, from real values at Chebyshev nodes on three intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..function import Function
from .circle import rounded
from .interval import Interval, predicted, read, table
from .kinks import CALM, MAYBE, Misfit, Values, without_kink
from .shrinkage import Estimate, together
from .taylor_pass import leaving

FIRST, SECOND, THIRD = 8, 16, 28  # nodes on the three intervals
SHRINK = np.array([1 / 8, 1 / 32, 2.0**-10, 2.0**-17, 2.0**-24])
CLIMB, CLIMBS = 64.0, 3
LOUD = 40.0  # times what rounding must leave: noise, a tail still to fall, or a kink
LOOK = np.array([-(2.0**-7), 2.0**-7, -(2.0**-24), 2.0**-24])  # close to x0, in radii of the first interval


@dataclass
class Smooth:
    """What was found at P points: (order + 1, P) Taylor coefficients, where ``ok``."""

    value: np.ndarray
    error: np.ndarray
    ok: np.ndarray
    enough: np.ndarray  # the errors are small against what the coefficients are, or could be
    radius: np.ndarray
    noise: np.ndarray  # of one value of f: standard deviation
    calm: np.ndarray  # the noise is no more than rounding must leave
    left: np.ndarray  # sgn(f(x0 + s) − f(x0)) for small s < 0; 0 where f is constant, nan where that is not known
    right: np.ndarray  # and for small s > 0
    p: np.ndarray  # the derivative that jumps at x0, 0 if none does
    jump: np.ndarray  # half of what it jumps by, as a Taylor coefficient
    lost: np.ndarray  # a kink is there, but not to be told which derivative jumps
    nfev: np.ndarray


class _Sampler:
    """f about P points: the abscissae that were really used, the values, and the count."""

    def __init__(self, function: Function, x: np.ndarray) -> None:
        self.function, self.x = function, x
        self.nfev = np.zeros(x.size, dtype=int)
        self.f0 = np.full(x.size, np.nan)
        self.unit = np.ones(x.size)  # a power of two: all values are taken in it

    def interval(self, radius: np.ndarray, count: int, on: np.ndarray, extra: np.ndarray) -> _Drawn:
        """f at the distances ``extra`` (P, k) from the points and at ``count`` nodes, of those that are ``on``."""
        every = bool(on.all())
        x, r, more = (self.x, radius, extra) if every else (self.x[on], radius[on], extra[on])
        at = x[:, None] + np.concatenate([more, r[:, None] * table(count).nodes], axis=1)
        s, f = at - x[:, None], self.function(at)
        self.nfev[on] += at.shape[1]
        if not every:
            whole, places = np.full((self.x.size, at.shape[1]), np.nan), np.zeros((self.x.size, at.shape[1]))
            whole[on], places[on] = f, s
            f, s = whole, places
        return _Drawn(s, f / self.unit[:, None])

    def measured(self, f: np.ndarray) -> np.ndarray:
        most = np.max(np.where(np.isfinite(f), np.abs(f), 0.0), axis=1)
        self.unit = np.ldexp(1.0, np.clip(np.frexp(most)[1], -1020, 1020))
        return self.unit

    def read(self, drawn: _Drawn, radius: np.ndarray, count: int) -> Interval:
        f, s = drawn.f[:, -count:], drawn.s[:, -count:]
        y = f - self.f0[:, None]
        size = np.sqrt((f * f) @ np.full(count, 1 / count))
        return read(y, size, s, self.x, radius, self.function.eps)


@dataclass
class _Drawn:
    s: np.ndarray
    f: np.ndarray

    def where(self, take: np.ndarray, other: _Drawn) -> _Drawn:
        if take.all():
            return self
        return _Drawn(np.where(take[:, None], self.s, other.s), np.where(take[:, None], self.f, other.f))


def smooth_jet(function: Function, x: np.ndarray, order: int) -> Smooth:
    """Taylor coefficients 0 … order at the points x (P,), and where they can be believed."""
    with np.errstate(all="ignore"):
        sampler = _Sampler(function, x)
        first, inner, limit = _search(sampler)
        none, look = np.empty((x.size, 0)), np.minimum(first.radius, _start(x))[:, None] * LOOK
        second, further = _next(sampler, first, limit, SECOND, min(2.5, 0.5 + order / 2), none)
        third, widest = _next(sampler, second, limit, THIRD, max(0.75 * order, 1.5), look)
        drawn = _Drawn(
            np.concatenate([widest.s[:, LOOK.size :], inner.s, further.s, widest.s[:, : LOOK.size]], axis=1),
            np.concatenate([widest.f[:, LOOK.size :], inner.f, further.f, widest.f[:, : LOOK.size]], axis=1),
        )
        return _judged(sampler, (first, second, third), drawn, order)


def best_radius(function: Function, x: np.ndarray, count: int, order: float) -> np.ndarray:
    """The radius about each of the points x (P,) on which ``count`` nodes do best for this order; nan if there is none.

    What _next would take for a third interval, without its values.
    """
    with np.errstate(all="ignore"):
        sampler = _Sampler(function, x)
        first, _, limit = _search(sampler)
        second, _ = _next(sampler, first, limit, SECOND, order, np.empty((x.size, 0)))
        radius = rounded(np.minimum(predicted(second, count, order), 0.9 * limit))
        return np.where(second.bad, np.nan, radius)


def _search(sampler: _Sampler) -> tuple[Interval, _Drawn, np.ndarray]:
    """A first interval on which f is resolved, its values, and a radius that is too large for each point."""
    x = sampler.x
    r, limit, on = _start(x), np.full(x.size, np.inf), np.isfinite(x)
    kept: Interval | None = None
    values: _Drawn | None = None
    tries, climbs = np.zeros((2, x.size), dtype=int)
    for turn in range(len(SHRINK) + CLIMBS + 1):
        drawn = sampler.interval(r, FIRST, on, np.zeros((x.size, 1 if turn == 0 else 0)))
        if turn == 0:
            drawn.f /= sampler.measured(drawn.f)[:, None]
            sampler.f0 = drawn.f[:, 0].copy()
        interval = sampler.read(drawn, r, FIRST)
        drawn = _Drawn(drawn.s[:, -FIRST:], drawn.f[:, -FIRST:])
        good = on & ~interval.bad
        if kept is None or values is None:
            kept, values = interval, drawn
        else:
            kept, values = interval.where(good, kept), drawn.where(good, values)
        if (good & (interval.last > 3)).all():
            break
        limit = np.where(on & interval.bad, r, limit)
        little = good & (interval.last <= 3) & (interval.last > 0)
        climbing = little & (climbs < CLIMBS) & (limit > CLIMB * r)
        shrinking = on & interval.bad & kept.bad & (tries < len(SHRINK)) & np.isfinite(sampler.f0)
        small = _start(x) * SHRINK[np.minimum(tries, len(SHRINK) - 1)]
        r = rounded(np.where(climbing, CLIMB * r, np.where(shrinking, small, r)))
        climbs += climbing
        tries += shrinking
        on = climbing | shrinking
        if not on.any():
            break
    assert kept is not None
    assert values is not None
    constant = kept.last == 0  # as far as was seen: not looked for at the end of the world
    if constant.any():
        limit = np.where(constant, np.minimum(limit, 64 * np.maximum(np.abs(x), 1.0)), limit)
    return kept, values, limit


def _start(x: np.ndarray) -> np.ndarray:
    """An eighth of the scale that x0 suggests, to begin with."""
    size = np.abs(x)
    return rounded(np.clip(np.where(size == 0, 1.0, size), 1e-290, 1.0) / 8)


def _next(
    sampler: _Sampler, before: Interval, limit: np.ndarray, count: int, order: float, extra: np.ndarray
) -> tuple[Interval, _Drawn]:
    """The next interval; where it turns out bad, one nearer to the one before."""
    on = ~before.bad
    r = rounded(np.minimum(predicted(before, count, order), 0.9 * limit))
    drawn = sampler.interval(r, count, on, extra)
    interval = sampler.read(drawn, r, count)
    for attempt in range(2):
        again = on & interval.bad
        if not again.any():
            break
        r = rounded(np.where(again, np.sqrt(r * before.radius) if attempt == 0 else before.radius, r))
        redrawn = sampler.interval(r, count, again, extra)
        interval = interval.where(~again, sampler.read(redrawn, r, count))
        drawn = drawn.where(~again, redrawn)
    interval.bad |= ~on
    return interval, drawn


def _judged(sampler: _Sampler, intervals: tuple[Interval, Interval, Interval], drawn: _Drawn, order: int) -> Smooth:
    x, eps, f0 = sampler.x, sampler.function.eps, sampler.f0
    third = intervals[2]
    widest = Estimate(third, order)
    value, error = together(Estimate(intervals[1], order), widest)
    size = np.sqrt((drawn.f * drawn.f)[:, :THIRD] @ np.full(THIRD, 1 / THIRD))
    y = drawn.f - f0[:, None]
    values = Values(x, third.radius, f0, size, drawn.s[:, :THIRD], y[:, :THIRD], drawn.s[:, THIRD:], y[:, THIRD:], eps)
    misfit = Misfit(values, third, widest, order)
    error = error + misfit.allowance * widest.scale
    known = np.isfinite(y).all(axis=1)
    bad = intervals[0].bad | intervals[1].bad | third.bad | ~known
    calm = third.plateau <= CALM * third.floor
    p, jump, lost = np.zeros(x.size, dtype=int), np.zeros(x.size), np.zeros(x.size, dtype=bool)
    kinked = misfit.kinked & ~bad
    suspect = kinked | ((third.noise > LOUD * third.floor) & (misfit.surest > MAYBE) & known)
    solved = np.empty(0, dtype=int)
    if suspect.any():
        index = np.flatnonzero(suspect)
        one = without_kink(values.at(index), order)
        solved = index[one.found]
        value[solved], error[solved] = one.value[one.found], one.error[one.found]
        p[solved], jump[solved] = one.p[one.found], one.size[one.found]
        lost[solved] = (one.p <= order)[one.found] & ~one.surely[one.found]
        calm[solved], kinked[solved], bad[solved] = True, False, False
    off = misfit.off
    off[solved] = False
    # f(x0) is known, and the rounding of x0 inside f, and of the result
    orders = np.arange(order + 1)
    value[:, 0], error[:, 0] = f0, eps * np.abs(f0)
    error += eps * np.abs(value)
    error[:, :-1] += eps * np.abs(x)[:, None] * np.abs(value[:, 1:]) * orders[1:]
    moves = (third.variation + 1e-6 * np.abs(f0))[:, None] * widest.scale
    enough = ((error <= 0.5 * np.abs(value)) | (error <= 1e-2 * moves))[:, 1:].all(axis=1)
    ok = ~(bad | off | kinked) & np.isfinite(error).all(axis=1)
    step = np.where(orders == p[:, None], jump[:, None], 0.0)
    left = _direction(value - step, error, y[:, THIRD:], drawn.s[:, THIRD:], -1)
    right = _direction(value + step, error, y[:, THIRD:], drawn.s[:, THIRD:], 1)
    unit = sampler.unit
    return Smooth(
        value.T * unit, error.T * unit, ok, enough, third.radius, misfit.noise * unit, calm, left, right, p,
        jump * unit, lost, sampler.nfev,
    )  # fmt: skip


def _direction(value: np.ndarray, error: np.ndarray, y: np.ndarray, s: np.ndarray, side: int) -> np.ndarray:
    """The way f leaves x0 on one side: by the first coefficient that is not 0, or by the values."""
    way = side * np.sign(value[:, 1])
    open_ = np.abs(value[:, 1]) <= error[:, 1]
    if open_.any():
        beside = np.where(s[open_] * side > 0, np.sign(y[open_]), np.nan)
        low, high = np.fmin.reduce(beside, axis=1), np.fmax.reduce(beside, axis=1)
        sign = leaving(list(value[open_].T), list(error[open_].T), side)
        way[open_] = np.where(sign != 0, sign, np.where(low == high, low, np.nan))
    return way
