"""Cauchy integrals on circles about x0, for analytic callables that accept complex numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import sympy as sp

from ..errors import Status
from ..evidence import Evidence, Jet, statuses
from ..families import ConnectionFunction
from ..function import Function
from ..rules import Rule
from .base import Method
from .circle import Circle, misfit, nodes, predicted, read, rounded
from .complex_call import ComplexCall, Refused
from .taylor_pass import FACTORIALS, leaving

BLOCK = 2048  # points x0 at a time
FIRST, SECOND, THIRD = 8, 18, 48  # nodes on the upper half circle, in turn
SHRINK = 2.0 ** -np.array([3.0, 4.0, 5.0, 6.0, 8.0])
CLIMB, CLIMBS = 64.0, 3
INNER, OUTER = (0.2437, 0.6113, 0.8531), (0.5071, 0.8039)  # the real points, in radii of the second and third circle
MOST = 32  # the highest derivative
LOOK = 9  # coefficients looked at to see which way f leaves x0

_AT = (
    np.array([0.0, *(sign * f for f in INNER for sign in (1, -1))]),
    np.array([sign * f for f in OUTER for sign in (1, -1)]),
)
_SIZES = np.array(FACTORIALS, dtype=np.longdouble)

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
    eleven real values. Coefficients of negative index are 0 for analytic f: what is found there is the noise and the
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
        x0 = np.asarray(x0, dtype=float)
        flat, before = x0.reshape(-1), function.nfev
        found = _Found(flat.size, count)
        call = ComplexCall(function)
        with np.errstate(all="ignore"):
            try:
                for i in range(0, flat.size, BLOCK):
                    _block(call, flat[i : i + BLOCK], found, slice(i, min(i + BLOCK, flat.size)))
                _at_the_centre(call, flat, found)
            except Refused as why:
                found.values[:] = found.errors[:] = np.nan
                found.status[:] = Status.NOT_APPLICABLE
                found.message = f"{why}: use Adaptive()."
        if flat.size:
            found.nfev[0] += function.nfev - before - int(found.nfev.sum())
        rows = [row.reshape(x0.shape) for row in (*found.values, *found.errors, found.left, found.right)]
        jet = Jet(tuple(rows[:count]), tuple(rows[count : 2 * count]), rows[-2], rows[-1])
        message = found.message if x0.ndim == 0 or call.refused else ""
        return Evidence(jet, None, None, found.status.reshape(x0.shape), message, found.nfev.reshape(x0.shape))


def _at_the_centre(call: ComplexCall, x0: np.ndarray, found: _Found) -> None:
    """f(x0) itself against the circle's mean: beside an essential singularity the circle sees another function."""
    f0 = call.real(x0)
    gap = np.abs(found.values[0] - f0)
    allowed = 10 * found.errors[0] + 1e-9 * np.abs(f0)
    wild = found.errors[0] > 1e-6 * np.maximum(np.abs(f0), np.abs(found.values[1]))
    wrong = (found.status == Status.CONVERGED) & (~(gap <= allowed) | (wild & (f0 == 0)))
    if wrong.any():
        found.status[wrong] = Status.NOT_APPLICABLE
        found.message = "f at x0 is not the mean of f on a circle around it: use Adaptive()."


class _Found:
    """The answer at all points."""

    def __init__(self, size: int, count: int) -> None:
        self.values, self.errors = np.full((count, size), np.nan), np.full((count, size), np.nan)
        self.left, self.right = np.full(size, np.nan), np.full(size, np.nan)
        self.status = statuses((size,), Status.CONVERGED)
        self.nfev = np.zeros(size, dtype=int)
        self.message = ""


# -- one block of points -----------------------------------------------------------------------------------------------


def _draw(
    call: ComplexCall, x: np.ndarray, r: np.ndarray, half: int, nfev: np.ndarray, on: np.ndarray, low: int = 0
) -> Circle:
    """A circle about each point of ``on``; about the others one that is bad."""
    every = bool(on.all())
    part, radius = (x, r) if every else (x[on], r[on])
    nfev[on] += half
    z, shift = nodes(part, radius, half)
    values = call.beyond(z)
    circle = read(values, shift, part, radius, call.eps, low)
    real = (values.imag == 0).all(axis=1)
    if real.any():
        circle.bad |= real & (values != values[:, :1]).any(axis=1)
    if nfev[0] == half and half == FIRST and not circle.bad[0]:
        k = FIRST // 2 - 1
        slack = 64 * call.eps * abs(values[0, k]) + 40 * FIRST * float(circle.noise[0])
        why = call.mirrored(complex(z[0, k]), complex(values[0, k]), slack)
        nfev[0] += 1
        if why == "mirror":
            raise call.refuse("f(z̄) is not the conjugate of f(z), so f is not the real function of a real number")
        if why == "array":
            call.whole = False
            nfev[0] += 1
            return _draw(call, x, r, half, nfev, on)
    if every:
        return circle
    none, wide = np.zeros(len(x)), np.zeros((len(x), 2 * half))
    more = np.zeros((len(x), low), dtype=np.longdouble)
    whole = Circle(r, wide, more, *np.zeros((4, len(x))), none.astype(int), none == 0, call.eps)  # type: ignore[call-arg]
    for name in ("a", "low", "size", "floor", "noise", "error", "last", "bad"):
        getattr(whole, name)[on] = getattr(circle, name)
    return whole


def _search(call: ComplexCall, x: np.ndarray, nfev: np.ndarray, low: int) -> tuple[Circle, np.ndarray, Circle | None]:
    """A first circle that f is analytic in, a radius for each point that is too large, and the smaller circle from
    which the way went up where so little was seen that f may live on a larger scale (or be a polynomial)."""
    size = np.abs(x)
    size[size == 0] = 1.0
    r = rounded(np.minimum(size, 1.0) / 4)
    limit = np.full(x.size, np.inf)
    on = np.isfinite(x)
    kept: Circle | None = None
    small: Circle | None = None
    tries, climbs = np.zeros((2, x.size), dtype=int)
    for _ in range(len(SHRINK) + CLIMBS + 1):
        circle = _draw(call, x, r, FIRST, nfev, on, min(low, FIRST))
        good = on & ~circle.bad
        kept = circle if kept is None else circle.where(good, kept)
        if (good & (circle.last > 3)).all():
            break
        limit = np.where(on & circle.bad, r, limit)
        climbing = good & (circle.last <= 3) & (climbs < CLIMBS) & (limit > 64 * r)
        shrinking = on & circle.bad & kept.bad & (tries < len(SHRINK))
        factor = np.where(shrinking, SHRINK[np.minimum(tries, len(SHRINK) - 1)], 1.0)
        starting = climbing & (climbs == 0)
        if starting.any():
            small = circle if small is None else circle.where(starting, small)
        up = np.minimum(CLIMB * r, np.sqrt(r * np.minimum(limit, 1e300)))
        r = rounded(np.where(climbing, up, r * factor))
        climbs += climbing
        tries += shrinking
        on = climbing | shrinking
        if not on.any():
            break
    assert kept is not None
    if small is not None and not (climbs > 0).all():
        small = replace(small, error=np.where(climbs > 0, small.error, np.inf))
    return kept, limit, small


def _next(
    call: ComplexCall,
    x: np.ndarray,
    from_: Circle,
    limit: np.ndarray,
    half: int,
    order: float,
    nfev: np.ndarray,
    low: int,
) -> Circle:
    """The next circle; where it turns out bad, nearer to the one before."""
    on = ~from_.bad
    r = np.minimum(predicted(from_, half, order), limit)
    circle = _draw(call, x, r, half, nfev, on, low)
    for attempt in range(2):
        again = on & circle.bad
        if not again.any():
            break
        r = rounded(np.where(circle.bad, np.sqrt(r * from_.r) if attempt == 0 else from_.r, r))
        circle = circle.where(~again, _draw(call, x, r, half, nfev, again, low))
    return circle


def _block(call: ComplexCall, x: np.ndarray, found: _Found, part: slice) -> None:
    count = found.values.shape[0]
    top = count - 1
    nfev = found.nfev[part]
    low = max(count + 1, LOOK)
    first, limit, small = _search(call, x, nfev, low)
    if first.bad.all():
        _fail(call, x, found, part, first.bad, "")
        return
    second = _next(call, x, first, limit, SECOND, min(2.5, 0.5 + top / 2), nfev, low)
    fine = ~second.bad
    if not fine.any():
        _fail(call, x, found, part, ~fine, "")
        return
    third = _next(call, x, second, limit, THIRD, 0.75 * top, nfev, low)
    fine &= ~third.bad
    if not fine.any():
        _fail(call, x, found, part, ~fine, "")
        return
    judged = _Judge(call, x, first, (second, third), small, low, fine)
    nfev[fine] += 1 + 2 * (len(INNER) + len(OUTER))
    judged.report(found, part, count)
    wrong = ~fine | judged.missing | judged.wrong
    if wrong.any():
        _fail(call, x, found, part, wrong, judged.why, judged.missing, fine)


def _fail(
    call: ComplexCall, x: np.ndarray, found: _Found, part: slice, wrong: np.ndarray, why: str,
    missing: np.ndarray | None = None, looked: np.ndarray | None = None,
) -> None:  # fmt: skip
    """What is said of the points that got no answer: f is not finite there, or it is not analytic."""
    status = found.status[part]
    status[wrong] = Status.NOT_APPLICABLE
    found.values[:, part][:, wrong] = found.errors[:, part][:, wrong] = np.nan
    found.left[part][wrong] = found.right[part][wrong] = np.nan
    unseen = wrong if looked is None else wrong & ~looked
    lost = np.zeros(x.size, dtype=bool) if missing is None else missing.copy()
    if unseen.any():
        found.nfev[part][unseen] += 1
        lost[unseen] = ~(np.isfinite(call.real(x[unseen])) & np.isfinite(x[unseen]))
    status[lost] = Status.NOT_FINITE
    found.message = (
        "f is not a finite real number at x0 or beside it."
        if lost.any()
        else f"f is not analytic around x0: {why or 'no circle about it was free of singularities'}. Use Adaptive()."
    )


class _Judge:
    """The coefficients of the best circle for each order, held against the other circles and against real values."""

    def __init__(
        self, call: ComplexCall, x: np.ndarray, first: Circle, circles: tuple[Circle, Circle], small: Circle | None,
        count: int, fine: np.ndarray,
    ) -> None:  # fmt: skip
        n = np.arange(count)
        self.fine, self.why = fine, ""
        was = call.eps
        r = np.array([circles[0].r, circles[1].r])
        at = x[:, None] + np.concatenate([r[0, :, None] * _AT[0], r[1, :, None] * _AT[1]], axis=1)
        self.s = s = at - x[:, None]
        if fine.all():
            self.value = value = call.real(at)
        else:
            self.value = value = np.full(s.shape, np.nan)
            value[fine] = call.real(at[fine])
        eps = call.eps
        grown = max(eps / was, 1.0)  # real answers may be less precise than complex ones
        known = np.isfinite(value).all(axis=1)
        self.missing = fine & ~known
        scale = r[..., None] ** n
        found = np.array([circles[0].low, circles[1].low]) / scale
        error = np.array([circles[0].error, circles[1].error])[..., None] / scale
        best = error[1] <= error[0]
        apart = np.abs(found[1] - found[0])
        noise = 3 * np.array([circles[0].noise, circles[1].noise])[..., None] / scale
        drift = (1.5 * apart + noise[0] + noise[1]) / np.abs(r[1] - r[0])[:, None]
        kink, off = misfit(circles, r, x, s, value, drift * r[..., None] * scale, eps)
        self.wrong = off & fine & known
        if self.wrong.any():
            self.why = "real values beside x0 do not lie where the circle says (a kink, or |z|)"
        error = grown * error + kink / scale
        self.c, self.e = np.where(best, found[1], found[0]), np.where(best, error[1], error[0])
        both = error[0] + error[1]
        differ = apart > 1.5 * both + 4 * eps * np.abs(self.c)
        if differ.any():
            self.e += 2 * apart * differ
        lowest = first.a[:, :3] / first.r[:, None] ** n[:3]
        strange = np.abs(lowest - self.c[:, :3]) * first.r[:, None] ** n[:3] > 1e-2 * first.size[:, None]
        strange |= apart[:, :3] > 100 * both[:, :3] + 1e-12 * np.abs(self.c[:, :3])
        if strange.any():
            self.wrong |= strange.any(axis=1) & fine & known
            self.why = self.why or "two radii give different values (part of f depends on the radius, as |z| does)"
        if small is not None:
            some = min(count, small.low.shape[1])
            c, e = self.c[:, :some], self.e[:, :some]
            t = small.r[:, None] ** n[:some]
            mine = grown * small.error[:, None] / t
            value_, apart = small.low / t, np.abs(small.low / t - c)
            mine += 2 * apart * (apart > 1.5 * (mine + e))
            self.c[:, :some], self.e[:, :some] = np.where(mine < e, value_, c), np.minimum(mine, e)
        following = np.zeros(self.c.shape)
        following[:, :-1] = np.abs(self.c[:, 1:]) * n[1:]
        self.e += eps * np.abs(self.c) + 0.5 * eps * np.abs(x)[:, None] * following

    def report(self, found: _Found, part: slice, count: int) -> None:
        """Derivatives and directions, into the answer."""
        size = _SIZES[:count]
        found.values[:, part] = (self.c[:, :count] * size).T
        found.errors[:, part] = (self.e[:, :count] * size).T
        slope = self.c[:, 1].astype(float)
        right = np.sign(slope)
        found.left[part], found.right[part] = -right, right
        open_ = np.abs(slope) <= self.e[:, 1]
        if not open_.any():
            return
        c, e = self.c[open_, :LOOK].astype(float).T, self.e[open_, :LOOK].astype(float).T
        for side, out in ((-1, found.left), (1, found.right)):
            sign = np.array(leaving(list(c), list(e), side), dtype=float)
            beside = np.sign(self.value - self.value[:, :1])[open_][:, self.s[0] * side > 0]
            same = (beside == beside[:, :1]).all(axis=1)
            out[part][open_] = np.where(sign == 0, np.where(same, beside[:, 0], np.nan), sign)
