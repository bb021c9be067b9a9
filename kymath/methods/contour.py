"""Cauchy integrals on circles about x0, for analytic callables that accept complex numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from ..errors import Status
from ..evidence import Evidence, Jet, statuses
from ..families import ConnectionFunction
from ..function import Function
from ..rules import Rule
from .base import Method
from .circle import BESIDE, KINKS, Circle, Pair, choose, column, every, kinked, nodes, predicted, read, rounded, some
from .complex_call import ComplexCall, Refused
from .taylor_pass import FACTORIALS, leaving

BLOCK = 2048  # points x0 at a time
FIRST, SECOND, THIRD = 8, 18, 48  # nodes on the upper half circle, in turn
SHRINK = 2.0 ** -np.array([3.0, 4.0, 5.0, 6.0, 8.0])
CLIMB, CLIMBS = 64.0, 3
MOST = 32  # the highest derivative
NEAR = np.array([-(2.0**-3), 2.0**-3, -(2.0**-10), 2.0**-10, -(2.0**-20), 2.0**-20])  # of x0's own scale
LOOK = 9  # coefficients looked at to see which way f leaves x0

_ORDERS = np.arange(float(len(FACTORIALS)))
_SIZES = np.array(FACTORIALS, dtype=np.longdouble)

SINGULAR = "f is not analytic around x0: no circle about it was free of singularities (a kink at x0 is one)"
RADIUS = "f is not analytic around x0: part of it depends on the radius of a circle about it, as |z| does"
REAL = "f is not analytic around x0: real values beside it do not lie where the circle says"
KINK = "the real values on the two sides of x0 do not join smoothly (a kink, or |z|)"
CENTRE = "f at x0 is not the mean of f on a circle around it"

NOT_ANALYTIC = (
    sp.Abs, sp.sign, sp.Heaviside, sp.Max, sp.Min, sp.floor, sp.ceiling, sp.frac, sp.Mod, sp.Piecewise, sp.DiracDelta,
    sp.re, sp.im, sp.arg, sp.conjugate,
)  # fmt: skip


@dataclass(frozen=True)
class Contour(Method):
    """f^(n)(x0) = n!/(2πi) ∮ f(z)/(z − x0)^{n+1} dz by the trapezoidal rule on circles about x0.

    For analytic f that accept complex numbers (NumPy or cmath code, expressions). All derivatives come from one set of
    at most 90 values as a rule: three circles of 8, 18 and 48 nodes in the upper half plane (the lower half is their
    mirror image, which is checked), each on the radius that the coefficients seen so far predict to be the best, and
    fourteen real values. Coefficients of negative index are 0 for analytic f: what is found there is the noise and the
    error. A radius with a singularity inside is given up for a smaller one. |z|, real parts, branch cuts and kinks at
    x0 are refused (``NOT_APPLICABLE``, with the reason): the circles disagree with each other, with their negative
    coefficients, or with the real values on both sides of x0. Errors are estimates.

    Sources: Lyness & Moler, SIAM J. Numer. Anal. 4 (1967) 202; Fornberg, ACM TOMS 7 (1981) 512; Bornemann, Found.
    Comput. Math. 11 (2011) 1.

    >>> import numpy as np
    >>> import kymath as ky
    >>> from kymath.function import Function
    >>> evidence = Contour().evidence(
    ...     Function(lambda t: np.exp(2 * t)), np.asarray(0.0), ky.Polynomial(2), ky.Osculating(), "both"
    ... )
    >>> [round(float(v), 14) for v in evidence.jet.values]
    [1.0, 2.0, 4.0]
    """

    name = "contour"

    def why_not(self, function: Function, family: ConnectionFunction, rule: Rule) -> str:
        if not rule.closed(family):
            return f"Contour() gives a jet, and {rule!r} has no closed form for {family!r}: use Adaptive()."
        if rule.entries(family) - 1 > MOST:
            return f"Contour() gives derivatives up to order {MOST}; {family!r} asks for more."
        if function.expression is not None:
            heads = sorted({type(e).__name__ for e in function.expression.atoms(*NOT_ANALYTIC)})
            if heads:
                return f"Contour() needs an analytic function; {', '.join(heads)} is not: use Symbolic() or Adaptive()."
        return ""

    def evidence(
        self, function: Function, x0: np.ndarray, family: ConnectionFunction, rule: Rule, side: str
    ) -> Evidence:
        count = max(rule.entries(family), 2)
        shape, before = x0.shape, function.nfev
        x = np.asarray(x0, dtype=float).reshape(-1 if shape else ())
        found = _Found(x.shape, count)
        call = ComplexCall(function)
        with np.errstate(all="ignore"):
            try:
                for part in [slice(i, i + BLOCK) for i in range(0, x.size, BLOCK)] if shape else [...]:
                    _block(call, x[part][()], found, part)  # one point is a number: arithmetic costs next to nothing
                    found.nfev[part] = call.spent
            except Refused as why:
                found.values[:] = found.errors[:] = np.nan
                found.status[...] = Status.NOT_APPLICABLE
                found.message = f"{why}: use Adaptive()."
        if x.size:  # what no point asked for in particular goes to the first
            found.nfev.flat[0] += function.nfev - before - int(found.nfev.sum() if shape else found.nfev)
        rows = tuple(found.rows.reshape(len(found.rows), *shape))
        jet = Jet(rows[:count], rows[count : 2 * count], rows[-2], rows[-1])
        message = found.message if not shape or call.refused else ""
        return Evidence(jet, None, None, found.status.reshape(shape), message, found.nfev.reshape(shape))


class _Found:
    """The answer at all points: rows of values, of errors, and of the two signs."""

    def __init__(self, shape: tuple[int, ...], count: int) -> None:
        self.rows = np.full((2 * count + 2, *shape), np.nan)
        self.values, self.errors = self.rows[:count], self.rows[count : 2 * count]
        self.status = statuses(shape)
        self.nfev = np.zeros(shape, dtype=int)
        self.message = ""


# -- one block of points -----------------------------------------------------------------------------------------------


def _draw(call: ComplexCall, x: np.ndarray, r: np.ndarray, half: int, on: np.ndarray) -> Circle:
    """A circle about each point of ``on``; about the others one that is bad."""
    whole = every(on)
    part, radius = (x, r) if whole else (x[on], r[on])
    call.spent = call.spent + (half if whole else half * on)
    z = nodes(part, radius, half)
    values = call.beyond(z)
    circle = read(values, z, part, radius, call.eps)
    if np.count_nonzero(values.imag) <= values.size - half:
        real = (values.imag == 0).all(axis=-1)
        circle.bad = circle.bad | real & (values != values[..., :1]).any(axis=-1)
    fresh, call.fresh = call.fresh, False
    if fresh and some(on) and not circle.bad.flat[0]:
        k = FIRST // 2 - 1
        slack = 64 * call.eps * abs(values.flat[k]) + 40 * FIRST * float(circle.noise.flat[0])
        why = call.mirrored(complex(z.flat[k]), complex(values.flat[k]), slack)
        if why == "mirror":
            raise call.refuse("f(z̄) is not the conjugate of f(z), so f is not the real function of a real number")
        if why == "array":
            call.whole = False
            return _draw(call, x, r, half, on)
    return circle if whole else circle.spread(on, r)


def _search(call: ComplexCall, x: np.ndarray) -> tuple[Circle, np.ndarray, Circle | None]:
    """A first circle that f is analytic in, a radius for each point that is too large, and the smaller circle from
    which the way went up where so little was seen that f may live on a larger scale (or be a polynomial)."""
    size = abs(x)
    r = rounded(choose((size > 0) & (size < 1), size, np.float64(1.0)) / 4)
    limit: Any = np.inf
    on = np.isfinite(x)
    kept = circle = _draw(call, x, r, FIRST, on)
    if every(on & ~circle.bad & (circle.last > 3)):
        return circle, limit, None
    small: Circle | None = None
    tries, climbs = np.zeros((2, *x.shape), dtype=int)
    for _ in range(len(SHRINK) + CLIMBS + 1):
        good = on & ~circle.bad
        kept = circle.where(good, kept)
        limit = np.where(on & circle.bad, r, limit)
        climbing = good & (circle.last <= 3) & (climbs < CLIMBS) & (limit > 64 * r)
        shrinking = on & circle.bad & kept.bad & (tries < len(SHRINK))
        factor = np.where(shrinking, SHRINK[np.minimum(tries, len(SHRINK) - 1)], 1.0)
        starting = climbing & (climbs == 0)
        if some(starting):
            small = circle if small is None else circle.where(starting, small)
        up = np.minimum(CLIMB * r, np.sqrt(r * np.minimum(limit, 1e300)))
        r = rounded(np.where(climbing, up, r * factor))
        climbs, tries = climbs + climbing, tries + shrinking
        on = climbing | shrinking
        if not some(on):
            break
        circle = _draw(call, x, r, FIRST, on)
    if small is not None and not every(climbs > 0):
        small = replace(small, noise=np.where(climbs > 0, small.noise, np.inf))
    return kept, limit, small


def _next(call: ComplexCall, x: np.ndarray, from_: Circle, limit: np.ndarray, half: int, order: float) -> Circle:
    """The next circle; where it turns out bad, nearer to the one before."""
    on = ~from_.bad
    r = predicted(from_, half, order)
    r = choose(r > limit, limit, r)
    circle = _draw(call, x, r, half, on)
    for attempt in range(2):
        again = on & circle.bad
        if not some(again):
            break
        r = rounded(np.where(circle.bad, np.sqrt(r * from_.r) if attempt == 0 else from_.r, r))
        circle = circle.where(~again, _draw(call, x, r, half, again))
    return circle


def _block(call: ComplexCall, x: np.ndarray, found: _Found, part: Any) -> None:
    count = found.values.shape[0]
    top = count - 1
    call.spent, call.fresh = np.zeros(x.shape, dtype=int)[()], True
    first, limit, small = _search(call, x)
    if every(first.bad):
        _fail(call, x, found, part, first.bad, SINGULAR)
        return
    second = _next(call, x, first, limit, SECOND, min(2.5, 0.5 + top / 2))
    fine = ~second.bad
    if not some(fine):
        _fail(call, x, found, part, ~fine, SINGULAR)
        return
    third = _next(call, x, second, limit, THIRD, 0.75 * top)
    fine = fine & ~third.bad
    if not some(fine):
        _fail(call, x, found, part, ~fine, SINGULAR)
        return
    judged = _Judge(call, x, first, Pair(second, third), small, max(count + 1, LOOK), fine)
    call.spent = call.spent + 2 * BESIDE.size * fine
    judged.report(found, part, count)
    wrong = ~fine | judged.missing | judged.wrong
    if some(wrong):
        _fail(call, x, found, part, wrong, judged.why or SINGULAR, judged.missing, fine)


def _fail(
    call: ComplexCall, x: np.ndarray, found: _Found, part: Any, wrong: np.ndarray, why: str,
    missing: np.ndarray | None = None, looked: np.ndarray | None = None,
) -> None:  # fmt: skip
    """What is said of the points that got no answer: f is not finite there, or it is not analytic."""
    status = found.status[part]
    status[wrong] = Status.NOT_APPLICABLE
    found.rows[:, part][:, wrong] = np.nan
    unseen = wrong if looked is None else wrong & ~looked
    lost = np.array(False & wrong if missing is None else missing)
    if some(unseen):
        call.spent = call.spent + unseen
        lost[unseen] = ~(np.isfinite(call.real(x[unseen])) & np.isfinite(x[unseen]))
    status[lost] = Status.NOT_FINITE
    found.message = "f is not a finite real number at x0 or beside it." if some(lost) else f"{why}: use Adaptive()."


class _Judge:
    """The coefficients of the best circle for each order, held against the other circles and against real values."""

    def __init__(
        self, call: ComplexCall, x: np.ndarray, first: Circle, circles: Pair, small: Circle | None,
        count: int, fine: np.ndarray,
    ) -> None:  # fmt: skip
        n = _ORDERS[:count]
        was = call.eps
        at = column(x) + circles.r * BESIDE
        if every(fine):
            value = call.real(at)
        else:
            value = np.full(at.shape, np.nan)
            value[:, fine] = call.real(at[:, fine])
        self.value, eps = value, call.eps
        grown = max(eps / was, 1.0)  # real answers may be less precise than complex ones
        total = np.add.reduce(value, axis=(0, -1))
        known = total == total
        self.missing = fine & ~known
        scale = circles.r**n
        found = circles.low(count) / scale
        error = circles.error / scale
        best = error[1] <= error[0]
        apart = np.abs((found[1] - found[0]).astype(float))
        both = error[0] + error[1]
        drift = (3 * apart + both)[..., :KINKS] / (2 * circles.gap)
        part, off, missed = circles.misfit(x, at, value, eps)
        part = np.fmin(part / scale[..., :KINKS], drift * circles.r)
        error *= grown
        error[..., :KINKS] += part
        error[..., 1 : KINKS + 1] += part / circles.r  # A·|s|·s^n has no derivative of order n + 1
        c, e = np.where(best, found[1], found[0]), np.where(best, error[1], error[0])
        both, size = error[0] + error[1], np.abs(c.astype(float))
        differ = apart > 1.5 * both + 4 * eps * size
        t = column(first.r) ** n[:3]
        strange = np.abs(first.a[..., :3] - c[..., :3] * t) > column(1e-2 * first.size)
        if some(differ):
            e += 2 * apart * differ
            strange |= apart[..., :3] > 100 * both[..., :3] + 1e-12 * size[..., :3]
        off = off & known
        self.wrong, self.why = off & fine, ""
        if some(self.wrong):
            self.why = KINK if kinked(missed[:, self.wrong]) else REAL
        if some(strange):
            self.wrong = self.wrong | strange.any(axis=-1) & fine & known
            self.why = self.why or RADIUS
        if small is not None:
            more = min(count, FIRST)
            t = column(small.r) ** n[:more]
            value_, mine = small.low(more) / t, grown * column(small.error) / t
            apart = np.abs(value_ - c[..., :more]).astype(float)
            mine += 2 * apart * (apart > 1.5 * (mine + e[..., :more]))
            better = mine < e[..., :more]
            c[..., :more], e[..., :more] = np.where(better, value_, c[..., :more]), np.minimum(mine, e[..., :more])
            size = np.abs(c).astype(float)
        e += eps * size
        e[..., :-1] += column(0.5 * eps * abs(x)) * (size[..., 1:] * n[1:])
        self.c, self.e = c, e
        self._centre(value[0].T[0], fine & known)
        if some(first.last == 0):
            still = (size[..., 1:] <= e[..., 1:]).all(axis=-1) & fine & known & ~self.wrong
            if some(still):
                self._constant(call, x, value[0].T[0], still)

    def _constant(self, call: ComplexCall, x: np.ndarray, f0: np.ndarray, still: np.ndarray) -> None:
        """A constant is looked at close to x0 too: a function of small support is one on every wide circle."""
        x, f0 = x[still], f0[still]
        scale = np.abs(x)
        scale[scale == 0] = 1.0
        beside = call.real(column(x) + column(np.minimum(scale, 1.0)) * NEAR)
        call.spent = call.spent + len(NEAR) * still
        moved = ~(np.abs(beside - column(f0)) <= 10 * self.e[still][..., :1] + 1e-9 * column(np.abs(f0))).all(axis=-1)
        if moved.any():
            self.wrong = np.array(self.wrong)
            self.wrong[still] = moved
            self.why = self.why or REAL

    def _centre(self, f0: np.ndarray, known: np.ndarray) -> None:
        """f(x0) against the circle's mean: beside an essential singularity the circle sees another function."""
        mean, slope, error, size = self.c.T[0], self.c.T[1], self.e.T[0], np.abs(f0)
        near = np.abs(mean - f0) <= 10 * error + 1e-9 * size
        wrong = ~near & known
        if some(f0 == 0):
            wrong = wrong | (f0 == 0) & (error > 0) & (error > 1e-6 * np.abs(slope)) & known
        if some(wrong):
            self.wrong = self.wrong | wrong
            self.why = self.why or CENTRE

    def report(self, found: _Found, part: Any, count: int) -> None:
        """Derivatives and directions, into the answer."""
        size = _SIZES[:count]
        found.values[:, part] = (self.c[..., :count] * size).T
        found.errors[:, part] = (self.e[..., :count] * size).T
        slope = self.c.T[1].astype(float)
        left, right = found.rows[-2, part], found.rows[-1, part]
        right[...] = np.sign(slope)
        left[...] = -right
        open_ = np.abs(slope) <= self.e.T[1]
        if not some(open_):
            return
        c, e = self.c[open_, :LOOK].astype(float).T, self.e[open_, :LOOK].T
        for side, out in ((-1, left), (1, right)):
            sign = np.array(leaving(list(c), list(e), side), dtype=float)
            beside = np.sign(self.value - self.value[..., :1])[:, open_][..., BESIDE * side > 0]
            same = (beside == beside[0, :, :1]).all(axis=(0, -1))
            out[open_] = np.where(sign == 0, np.where(same, beside[0, :, 0], np.nan), sign)
