"""The jet of a black box at points where it is smooth, from real values at Chebyshev nodes on three intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..function import Function
from .circle import column, every, rounded, some
from .interval import Interval, choose, grown, predicted, read, table
from .kinks import CALM, MAYBE, Misfit, Values, without_kink
from .noise import on_stairs
from .shrinkage import Estimate, together
from .taylor_pass import leaving

FIRST, SECOND, THIRD = 8, 16, 28  # nodes on the three intervals
SHRINK = np.array([1 / 8, 1 / 32, 2.0**-10, 2.0**-17, 2.0**-24])
CLIMB, CLIMBS = 64.0, 3
LOUD = 40.0  # times what rounding must leave: noise, a tail still to fall, or a kink
NEARER = 0.7  # of a radius at which the coefficients have not come to rest
TINY = 1e-6  # a point so close to 0 has its own scale only if f shows it
AROUND = 4.0  # times what four values beside x0 miss by is the error of f(x0)
DERIVATIVES = 4  # derivatives that tell what they should be
NONE = -1  # no derivative jumps
LOOK = np.array([-(2.0**-7), 2.0**-7, -(2.0**-24), 2.0**-24])  # close to x0, in radii of the first interval


@dataclass
class Smooth:
    """What was found at one point or at many: (order + 1, …) Taylor coefficients, where ``ok``.

    At one point the other fields are numbers, and no arrays.
    """

    value: np.ndarray
    error: np.ndarray
    ok: np.ndarray
    enough: np.ndarray  # the errors are small against what the coefficients are, or could be
    radius: np.ndarray
    noise: np.ndarray  # of one value of f: standard deviation
    calm: np.ndarray  # the noise is no more than rounding must leave
    left: np.ndarray  # sgn(f(x0 + s) − f(x0)) for small s < 0; 0 where f is constant, nan where that is not known
    right: np.ndarray  # and for small s > 0
    p: np.ndarray  # the derivative that jumps at x0, NONE if none does
    jump: np.ndarray  # half of what it jumps by, as a Taylor coefficient
    lost: np.ndarray  # a kink is there, but not to be told which derivative jumps
    stairs: np.ndarray  # f takes whole multiples of one step: rounded, or a staircase
    nfev: np.ndarray


@dataclass
class _Drawn:
    """Values of f about each point, and the distances from it at which they were really taken."""

    s: np.ndarray
    f: np.ndarray

    def where(self, take: np.ndarray, other: _Drawn) -> _Drawn:
        if every(take) or not some(take):
            return self if every(take) else other
        return _Drawn(np.where(take[:, None], self.s, other.s), np.where(take[:, None], self.f, other.f))


class _Sampler:
    """f about a point, or about each of many: the values, and the count."""

    def __init__(self, function: Function, x: np.ndarray) -> None:
        self.function, self.x = function, x
        self.nfev = np.zeros(x.shape, dtype=int)[()]
        self.f0: Any = np.nan
        self.unit: Any = np.float64(1.0)
        size = np.abs(x)  # an eighth of the scale that x0 suggests, to begin with; beside 0 that is only one of two
        self.own = rounded(np.minimum(np.maximum(choose(size == 0, np.float64(1.0), size), 1e-290), 1.0) / 8)
        self.start = choose(size < TINY, np.float64(0.125), self.own)
        self.stairs: Any = np.zeros(x.shape, dtype=bool)[()]  # f takes few values, all whole multiples of one

    def interval(self, radius: np.ndarray, count: int, on: np.ndarray, extra: np.ndarray) -> _Drawn:
        """f at the distances ``extra`` (…, k) from the points and at ``count`` nodes, of those that are ``on``."""
        whole = every(on)
        x, r, more = (self.x, radius, extra) if whole else (self.x[on], radius[on], extra[on])
        x = column(x)
        at = x + np.concatenate([more, column(r) * table(count).nodes], axis=-1)
        s, f = at - x, self.function(at)
        self.nfev = self.nfev + (at.shape[-1] if whole else at.shape[-1] * on)
        if not whole:
            shape = (*self.x.shape, at.shape[-1])
            all_f, all_s = np.full(shape, np.nan), np.zeros(shape)
            all_f[on], all_s[on] = f, s
            s, f = all_s, all_f
        return _Drawn(s, f / column(self.unit))

    def measure(self, drawn: _Drawn) -> None:
        """All values are taken in one unit, a power of two; the first of them is f(x0)."""
        exponent = np.frexp(np.fmax.reduce(np.abs(drawn.f), axis=-1, initial=0.0))[1]
        self.unit = np.ldexp(1.0, np.minimum(np.maximum(exponent, -1020), 1020))
        drawn.f /= column(self.unit)
        self.f0 = drawn.f.T[0].copy()

    def read(self, drawn: _Drawn, radius: np.ndarray, count: int) -> Interval:
        f, s = drawn.f[..., -count:], drawn.s[..., -count:]
        size = np.sqrt((f * f) @ table(count).mean)
        return read(f - column(self.f0), size, s, self.x, radius, self.function.eps)


def smooth_jet(function: Function, x: np.ndarray, order: int) -> Smooth:
    """Taylor coefficients 0 … order at the number x, or at the points x (P,), and where they can be believed."""
    with np.errstate(all="ignore"):
        sampler = _Sampler(function, x)
        first, inner, limit = _search(sampler)
        none, look = np.empty((*x.shape, 0)), column(np.minimum(first.radius, sampler.start)) * LOOK
        second, further = _next(sampler, first, limit, SECOND, min(2.5, 0.5 + order / 2), none)
        third, widest = _next(sampler, second, limit, THIRD, max(0.75 * order, 1.5), look)
        third, widest = _settled(sampler, third, widest, look)
        centre, f0 = np.zeros((*x.shape, 1)), column(sampler.f0)
        if f0.ndim < centre.ndim:
            f0 = f0 + centre
        parts = (widest.s[..., LOOK.size :], inner.s, further.s, widest.s[..., : LOOK.size], centre)
        values = (widest.f[..., LOOK.size :], inner.f, further.f, widest.f[..., : LOOK.size], f0)
        drawn = _Drawn(np.concatenate(parts, axis=-1), np.concatenate(values, axis=-1))
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
    r, on = sampler.start, np.isfinite(x)
    limit: Any = np.inf
    kept: Interval | None = None
    values: _Drawn | None = None
    tries, climbs = np.zeros((2, *x.shape), dtype=int)
    for turn in range(len(SHRINK) + CLIMBS + 1):
        drawn = sampler.interval(r, FIRST, on, np.zeros((*x.shape, 1 if turn == 0 else 0)))
        if turn == 0:
            sampler.measure(drawn)
        interval = sampler.read(drawn, r, FIRST)
        if turn == 0 and some(interval.bad):
            sampler.stairs = on_stairs(drawn.f * column(sampler.unit))
        drawn = _Drawn(drawn.s[..., -FIRST:], drawn.f[..., -FIRST:])
        good = on & ~interval.bad
        if kept is None or values is None:
            kept, values = interval, drawn
        else:
            kept, values = interval.where(good, kept), drawn.where(good, values)
        if every(good & (interval.last > 3)):
            break
        limit = np.where(on & interval.bad, r, limit)[()]
        little = good & (interval.last <= 3) & (interval.last > 0)
        climbing = little & (climbs < CLIMBS) & (limit > CLIMB * r) & (grown(interval, CLIMB) < CLIMB)
        shrinking = on & interval.bad & kept.bad & (tries < len(SHRINK)) & np.isfinite(sampler.f0)
        small = sampler.start * SHRINK[np.minimum(tries, len(SHRINK) - 1)]
        small = choose((tries == len(SHRINK) - 1) & (sampler.own < small), sampler.own, small)
        r = rounded(choose(climbing, CLIMB * r, choose(shrinking, small, r)))
        climbs, tries = climbs + climbing, tries + shrinking
        on = climbing | shrinking
        if not some(on):
            break
    assert kept is not None
    assert values is not None
    constant = kept.last == 0  # as far as was seen: not looked for at the end of the world
    if some(constant):
        limit = np.where(constant, np.minimum(limit, 64 * np.maximum(np.abs(x), 1.0)), limit)[()]
    return kept, values, limit


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
        if not some(again):
            break
        r = rounded(choose(again, np.sqrt(r * before.radius) if attempt == 0 else before.radius, r))
        redrawn = sampler.interval(r, count, again, extra)
        interval = interval.where(~again, sampler.read(redrawn, r, count))
        drawn = drawn.where(~again, redrawn)
    interval.bad = interval.bad | ~on
    return interval, drawn


def _settled(sampler: _Sampler, interval: Interval, drawn: _Drawn, extra: np.ndarray) -> tuple[Interval, _Drawn]:
    """The interval a little nearer where its coefficients still fall: what has not come to rest may be another wave."""
    falling = ~interval.bad & (interval.noise > CALM * interval.floor) & (interval.plateau < interval.noise)
    if not some(falling):
        return interval, drawn
    r = rounded(choose(falling, NEARER * interval.radius, interval.radius))
    redrawn = sampler.interval(r, interval.count, falling, extra)
    again = sampler.read(redrawn, r, interval.count)
    better = falling & ~again.bad & (again.noise < interval.noise)
    return again.where(better, interval), redrawn.where(better, drawn)


def _missed_beside(value: np.ndarray, s: np.ndarray, y: np.ndarray) -> np.ndarray:
    """By how much f(x0) and the values beside it disagree with the derivatives: what rounding inside f leaves there."""
    rise = value[..., DERIVATIVES, None] * s
    for n in range(DERIVATIVES - 1, 0, -1):
        rise += value[..., n, None]
        rise *= s
    return np.asarray(np.maximum.reduce(np.abs(y - rise), axis=-1))[()]


def _placed(row: np.ndarray, where: np.ndarray, new: np.ndarray | bool) -> np.ndarray:
    """A row with other entries in some places."""
    out = np.array(row)
    out[where] = new
    return out[()]


def _judged(sampler: _Sampler, intervals: tuple[Interval, Interval, Interval], drawn: _Drawn, order: int) -> Smooth:
    x, f0, eps, unit = sampler.x, sampler.f0, sampler.function.eps, sampler.unit
    first, second, third = intervals
    asked, order = order, max(order, DERIVATIVES)
    widest = Estimate(third, order)
    value, error = together(Estimate(second, order), widest)
    s, y = drawn.s, drawn.f - column(f0)
    inner_s, inner_y = s[..., THIRD:], y[..., THIRD:]
    values = Values(x, third.radius, f0, third.size, s[..., :THIRD], y[..., :THIRD], inner_s, inner_y, eps)
    misfit = Misfit(values, third, widest, order)
    error = error + misfit.allowance * widest.scale
    known = np.isfinite(np.add.reduce(y, axis=-1))
    bad = first.bad | second.bad | third.bad | ~known
    calm, off = third.noise <= CALM * third.floor, misfit.off
    kinked = misfit.kinked & ~bad
    p, jump, lost = np.full(x.shape, NONE)[()], np.zeros(x.shape)[()], np.zeros(x.shape, dtype=bool)[()]
    centre = _missed_beside(value, s[..., -5:-1], y[..., -5:-1])
    suspect = kinked | ((third.noise > LOUD * third.floor) & (misfit.surest > MAYBE) & known)
    if some(suspect):
        one = without_kink(values.at(suspect), order)
        here = one.found
        solved = _placed(lost, suspect, here)
        value[solved], error[solved] = one.value[here], one.error[here]
        p, jump = _placed(p, solved, one.p[here]), _placed(jump, solved, one.size[here])
        centre = _placed(centre, solved, (eps * third.size)[solved])
        lost = _placed(lost, solved, ((one.p <= order) & ~one.surely)[here])
        calm, kinked, bad, off = calm | solved, kinked & ~solved, bad & ~solved, off & ~solved
    # f(x0) is known but for the rounding inside f, which the values beside it tell; and the rounding of x0
    value[..., 0], error[..., 0] = f0, AROUND * centre
    value, error, order = value[..., : asked + 1], error[..., : asked + 1], asked
    orders, size = np.arange(order + 1), np.abs(value)
    error += eps * size
    error[..., :-1] += column(eps * np.abs(x)) * (size[..., 1:] * orders[1:])
    moves = column(third.variation) * widest.scale[..., : order + 1]
    enough = (error <= np.maximum(0.5 * size, 1e-2 * moves))[..., 1:].all(axis=-1)
    constant = third.variation <= 30 * third.floor
    if some(constant):  # by nature it could move by a millionth of itself on its own scale
        own = column(1e-8 * np.abs(f0)) * column(sampler.start) ** -orders
        enough = enough | (constant & (error <= own)[..., 1:].all(axis=-1))
        bad = bad | (constant & sampler.stairs)
    ok = ~(bad | off | kinked) & np.isfinite(np.add.reduce(error, axis=-1))
    step = (orders == column(p)) * column(jump) if some(p >= 0) else 0.0
    left = _direction(value - step, error, inner_y, inner_s, -1)
    right = _direction(value + step, error, inner_y, inner_s, 1)
    return Smooth(
        value.T * unit, error.T * unit, ok, enough, third.radius, misfit.noise * unit, calm, left, right, p,
        jump * unit, lost, sampler.stairs, sampler.nfev,
    )  # fmt: skip


def _direction(value: np.ndarray, error: np.ndarray, y: np.ndarray, s: np.ndarray, side: int) -> np.ndarray:
    """The way f leaves x0 on one side: by the first coefficient that is not 0, or by the values."""
    slope = value.T[1]
    way, open_ = side * np.sign(slope), np.abs(slope) <= error.T[1]
    if not some(open_):
        return way
    beside = np.where(s[open_] * side > 0, np.sign(y[open_]), np.nan)
    low, high = np.fmin.reduce(beside, axis=-1), np.fmax.reduce(beside, axis=-1)
    sign = leaving(list(value[open_].T), list(error[open_].T), side)
    return _placed(way, open_, np.where(sign != 0, sign, np.where(low == high, low, np.nan)))
