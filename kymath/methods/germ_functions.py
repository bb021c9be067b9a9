"""What germs are put through: hyperbolic, inverse and special functions, kinks and steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from flint import arb, arb_series, ctx

from ..errors import Status
from .germs import (
    Fault,
    Short,
    Tie,
    Undecided,
    ball,
    certain_sign,
    decided,
    finite,
    logarithm,
    outside,
    power,
    series,
    sign,
)


def integrated(slope: Any, first: Any) -> Any:
    """The germ with this derivative and this value at x0."""
    rest = slope.integral().coeffs()
    return series([first, *rest[1:]], slope.prec + 1)


def hyperbolic(side: int | None, u: Any) -> tuple[Any, Any]:
    """(sinh u, cosh u) by the addition theorem, so that zeros stay exactly zero."""
    s, c = u[0].sinh_cosh()
    sinh, cosh, factorial = [], [], 1
    for k in range(max(u.prec, 1)):
        factorial *= k or 1
        sinh.append((c if k % 2 else s) / factorial)
        cosh.append((s if k % 2 else c) / factorial)
    return composed(sinh, u), composed(cosh, u)


def composed(coefficients: list[Any], u: Any) -> Any:
    """Σ c_k (u − u(x0))^k."""
    moved = series([arb(0), *u.coeffs()[1:]], u.prec)
    if all(c.is_zero() for c in moved.coeffs()):
        return finite(series(coefficients[:1], u.prec), "a composition")
    return finite(arb_series(coefficients, prec=u.prec)(moved), "a composition")


def tanh(side: int | None, u: Any) -> Any:
    s, c = hyperbolic(side, u)
    out = (s / c).coeffs() or [arb(0)]
    return series([u[0].tanh(), *out[1:]], u.prec)


def asinh(side: int | None, u: Any) -> Any:
    return integrated(u.derivative() * _low(1 + u * u).rsqrt(), u[0].asinh()) if u.prec > 1 else series([u[0].asinh()])


def atanh(side: int | None, u: Any) -> Any:
    _within(1 - u[0] * u[0], "atanh")
    if decided(1 - u[0] * u[0], "1 − u² in atanh") <= 0:
        return outside("atanh of a number outside (−1, 1)")
    return integrated(u.derivative() / _low(1 - u * u), u[0].atanh()) if u.prec > 1 else series([u[0].atanh()])


def _within(gap: Any, name: str) -> None:
    if certain_sign(gap) is None:
        raise Undecided(f"cannot tell the argument of {name} from the end of its domain")


def _low(u: Any) -> Any:
    return arb_series(u.coeffs(), prec=max(u.prec - 1, 0))


def at_the_end(name: str, low: int, high: int | None) -> Callable[..., Any]:
    """asin, acos and acosh: analytic inside their domain, like a square root at its ends."""

    def call(side: int | None, u: Any) -> Any:
        gaps = [u - low] if high is None else [u - low, high - u]
        for gap in gaps:
            _within(gap[0], name)
        signs = [decided(gap[0], name) for gap in gaps]
        if min(signs) < 0:
            return outside(f"{name} of a number outside its domain")
        if min(signs) > 0:
            return finite(inside(u), name)
        if side is None:
            raise Tie
        if side and sign(side, gaps[signs.index(0)], name) < 0:
            return outside(f"{name} of a number outside its domain")
        return series([getattr(u[0], name)()], 1)

    def inside(u: Any) -> Any:
        if name != "acosh":
            return getattr(u, name)()
        if u.prec < 2:
            return series([u[0].acosh()])
        return integrated(u.derivative() * _low(u * u - 1).rsqrt(), u[0].acosh())

    return call


def cbrt(side: int | None, u: Any) -> Any:
    way = sign(side, u, "the argument of cbrt")
    if way == 0:
        return series([0])
    return power(side, u * way, Fraction(1, 3)) * way


def gamma(name: str) -> Callable[..., Any]:
    def call(side: int | None, u: Any) -> Any:
        first = u[0]
        if not first > 0:
            whole = first.is_exact() and first.floor() == first
            if name == "gammaln" and not whole and decided(first, "the argument of lgamma") < 0:
                value = gamma("gamma")(side, u)  # log |Γ|
                return logarithm(side, value * decided(value[0], "Γ"))
            if whole:
                return outside("Γ at a pole: zero or a negative whole number") if side == 0 else _tie_or(side)
        return finite(u.lgamma() if name == "gammaln" else u.gamma(), "gamma")

    return call


def _tie_or(side: int | None) -> Any:
    if side is None:
        raise Tie
    return Fault(Status.NOT_REACHED, "Γ is infinite beside x0 as h → 0")


def bessel(side: int | None, order: Any, u: Any) -> Any:
    """J_ν(u): at 0 the power series, elsewhere J_ν^(k) = 2^−k Σ (−1)^j C(k, j) J_(ν−k+2j)."""
    if any(not order[k].is_zero() for k in range(1, order.prec)):
        raise Undecided("the order of a Bessel function depends on x")
    nu, first = order[0], u[0]
    whole = nu.unique_fmpz() if nu.is_exact() and nu.floor() == nu else None
    if whole is None and decided(first, "the argument of a Bessel function") <= 0:
        return outside("J of an order that is no whole number, at zero or a negative number")
    count = max(u.prec, 1)
    coefficients = []
    if first.is_zero() and whole is not None:
        n = abs(int(whole))
        flip = -1 if int(whole) < 0 and n % 2 else 1
        for k in range(count):
            j, odd = divmod(k - n, 2)
            value = Fraction(flip * (-1) ** j, math.factorial(j) * math.factorial(j + n) * 2**k) if j >= 0 else 0
            coefficients.append(arb(0) if odd or j < 0 else ball(value))
    else:
        table = {m: first.bessel_j(nu + m) for m in range(-count, count + 1)}
        for k in range(count):
            total = sum(((-1) ** j * math.comb(k, j) * table[2 * j - k] for j in range(k + 1)), start=arb(0))
            coefficients.append(total / (2**k * math.factorial(k)))
    return composed(coefficients, u)


def sinc(side: int | None, u: Any) -> Any:
    """sin(u)/u with sinc(0) = 1."""
    if not u[0].is_zero():
        return finite(u.sin() / u, "sinc")
    count = max(u.prec, 1)
    taylor = [arb(0) if k % 2 else ball(Fraction((-1) ** (k // 2), math.factorial(k + 1))) for k in range(count)]
    return composed(taylor, u)


# -- kinks and steps -------------------------------------------------------------------------------------------------


def absolute(side: int | None, u: Any) -> Any:
    if side == 0:
        return series([abs(u[0])], 1)
    try:
        way = sign(side, u, "the argument of abs")
    except Short:
        return u  # zero as far as it is known, and so is its absolute value
    return u * way if way else series([0])


def extreme(which: int) -> Callable[..., Any]:
    def call(side: int | None, a: Any, b: Any) -> Any:
        try:
            way = sign(side, a - b, "the two arguments of a maximum or minimum")
        except Short:
            return a if a.prec <= b.prec else b
        return a if way * which >= 0 else b

    return call


def signum(side: int | None, u: Any) -> Any:
    return series([sign(side, u, "the argument of sign")], ctx.cap)


def floor(side: int | None, u: Any) -> Any:
    first = u[0]
    whole = first.floor().unique_fmpz()
    if whole is None:
        raise Undecided("cannot tell the argument of floor from a whole number")
    if not first.is_exact() and (first - whole).contains(0):
        raise Undecided("cannot tell the argument of floor from a whole number")
    below = 0
    if side != 0 and first == whole:
        below = 1 if sign(side, u - arb(whole), "the argument of floor") < 0 else 0
    return series([arb(whole) - below], ctx.cap)
