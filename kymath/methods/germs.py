"""Germs: truncated power series of enclosures at x0, on one side or at the point itself, and what can be done to them.

A germ is an ``arb_series`` (its ``prec`` says how many coefficients are known) or a :class:`Fault`. Every operation
takes ``side`` first: −1 and 1 for the germ left and right of x0, 0 for the value at x0, None where all three are one
germ. Decisions (the sign of a first coefficient, a division by it) are taken only where they are certain: a
coefficient decides if its ball excludes zero, or is exactly zero. Where the side matters and is None, the operation
raises :class:`Tie`; where the ball cannot decide, :class:`Undecided`; where too few coefficients are known,
:class:`Short`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, arb_series, ctx, fmpq, fmpz

from ..errors import Status


class Tie(Exception):
    """The answer depends on the side, and the three germs were one."""


class Undecided(Exception):
    """The balls are too wide to decide; more digits may help."""


class Short(Exception):
    """All known coefficients are exactly zero; more of them may help."""


@dataclass(frozen=True)
class Fault:
    """No germ: f has no value here, or no power series."""

    status: Status
    message: str


@dataclass(frozen=True)
class Pole(Fault):
    """A germ that tends to ±∞ like a power of x − x0."""

    sign: int = 0


def pole(sign: int) -> Pole:
    return Pole(Status.NOT_REACHED, "a part of f is infinite beside x0 as h → 0, and has no power series there", sign)


def outside(message: str) -> Fault:
    return Fault(Status.NOT_FINITE, message)


# -- numbers -------------------------------------------------------------------------------------------------------


def ball(value: Any) -> Any:
    """The enclosure of a real number: binary numbers exactly, fractions to the working precision.

    >>> ball(0.1).is_exact(), ball(Fraction(1, 10)).is_exact()
    (True, False)
    """
    if isinstance(value, arb):
        return value
    if isinstance(value, int):
        return arb(fmpz(value))
    if isinstance(value, float):
        return arb(value)
    top, bottom = value.as_integer_ratio()
    return arb(fmpq(fmpz(int(top)), fmpz(int(bottom))))


def certain_sign(number: Any) -> int | None:
    """−1, 0 (exactly zero) or 1; None where the ball cannot tell."""
    if number > 0:
        return 1
    if number < 0:
        return -1
    return 0 if number.is_zero() else None


def decided(number: Any, what: str) -> int:
    sign = certain_sign(number)
    if sign is None:
        raise Undecided(f"cannot tell {what} from 0")
    return sign


# -- series --------------------------------------------------------------------------------------------------------


def series(coefficients: list[Any], prec: int | None = None) -> Any:
    return arb_series(coefficients, prec=ctx.cap if prec is None else max(0, min(prec, ctx.cap)))


def finite(germ: Any, what: str) -> Any:
    """The germ itself, if all its balls are finite."""
    if all(germ[k].is_finite() for k in range(germ.prec)):
        return germ
    raise Undecided(f"the enclosure of {what} has no finite radius")


def valuation(germ: Any, what: str) -> int:
    """The index of the first coefficient that is not exactly zero; it must be certain. Short where all are zero."""
    for k in range(germ.prec):
        if decided(germ[k], what):
            return k
    raise Short(f"{what} is 0 to order {germ.prec - 1}")


def exact(germ: Any) -> bool:
    return all(germ[k].is_exact() for k in range(germ.prec))


def zeros(germ: Any) -> int:
    """How many first coefficients are exactly zero."""
    return next((k for k in range(germ.prec) if not germ[k].is_zero()), germ.prec)


def same(a: Any, b: Any) -> bool:
    """Whether two germs are equal for certain, in all coefficients that are known."""
    return a.prec == b.prec and exact(a) and exact(b) and all(a[k] == b[k] for k in range(a.prec))


def sign(side: int | None, u: Any, what: str) -> int:
    """The certain sign of u beside x0 (or at x0, for side 0)."""
    first = decided(u[0], what)
    if first or side == 0:
        return first
    if side is None:
        raise Tie
    k = valuation(u, what)
    return decided(u[k], what) * side**k


# -- arithmetic ------------------------------------------------------------------------------------------------------


def add(side: int | None, a: Any, b: Any) -> Any:
    return a + b


def subtract(side: int | None, a: Any, b: Any) -> Any:
    return a - b


def multiply(side: int | None, a: Any, b: Any) -> Any:
    cap = ctx.cap
    if (a.prec == cap and b.prec == cap) or side == 0:
        return a * b
    prec = min(a.prec + zeros(b), b.prec + zeros(a))
    return series((series(a.coeffs()) * series(b.coeffs())).coeffs()[:prec], prec)


def divide(side: int | None, a: Any, b: Any) -> Any:
    if decided(b[0], "a denominator at x0"):
        return a / b
    if side is None:
        raise Tie
    if side == 0:
        return outside("a division by zero at x0")
    low = valuation(b, "a denominator beside x0")
    high = zeros(a)
    if high < low:
        if high == a.prec:
            raise Short("a numerator is 0 as far as it is known")
        return pole(decided(a[high], "a numerator beside x0") * decided(b[low], "a denominator") * side ** (low - high))
    return shifted(a, low) / shifted(b, low)


def shifted(a: Any, low: int) -> Any:
    """a / x^low, for a germ that begins with so many zeros."""
    return arb_series(a.coeffs()[low:], prec=a.prec - low)


def power(side: int | None, a: Any, p: Fraction | Any) -> Any:
    """a^p for a constant p: an exact ``Fraction``, or a ball."""
    if isinstance(p, Fraction) and p.denominator == 1:
        n = int(p)
        if n < 0:
            return divide(side, series([1], a.prec), power(side, a, Fraction(-n)))
        return a**n if a.prec == ctx.cap or side == 0 else _by_squares(side, a, n)
    first = decided(a[0], "the base of a power at x0")
    if first > 0:
        if p == Fraction(1, 2):
            return finite(a.sqrt(), "a root")
        return finite(a ** ball(p), "a power")
    if first < 0:
        return outside("a negative number is raised to a power that is no whole number")
    if side is None:
        raise Tie
    rising = p > 0 if isinstance(p, Fraction) else decided(p, "an exponent") > 0
    if side == 0:
        return series([0]) if rising else outside("0 is raised to a negative power at x0")
    return _branch(side, a, p)


def _by_squares(side: int | None, a: Any, n: int) -> Any:
    result = series([1])
    while n:
        if n & 1:
            result = multiply(side, result, a)
        a, n = (multiply(side, a, a) if n > 1 else a), n >> 1
    return result


def _branch(side: int, a: Any, p: Fraction | Any) -> Any:
    """a^p beside x0 where a(x0) = 0: |x|^(v p)·(…)^p; known below the first power of |x| that is not whole."""
    low = valuation(a, "the base of a power beside x0")
    lead = side**low
    if decided(a[low], "the base of a power beside x0") * lead < 0:
        return outside("a negative number is raised to a power that is no whole number")
    rate = low * p
    if isinstance(rate, Fraction) and rate.denominator == 1:
        n = int(rate)
        if n < 0:
            return pole(1)
        rest = power(side, shifted(a, low) * lead, p)
        known = rest.prec + n
        return series([*[arb(0)] * n, *(side**n * c for c in rest.coeffs())][:known], known)
    if (rate < 0) if isinstance(rate, Fraction) else decided(rate, "an exponent") < 0:
        return pole(1)
    top = math.ceil(rate) if isinstance(rate, Fraction) else rate.ceil().unique_fmpz()
    if top is None:
        raise Undecided("cannot tell an exponent from a whole number")
    return series([], int(top))


def power_of(side: int | None, a: Any, b: Any) -> Any:
    """a^b where the exponent moves too."""
    return exponential(side, multiply(side, b, logarithm(side, a)))


# -- functions -------------------------------------------------------------------------------------------------------


def plain(name: str) -> Callable[..., Any]:
    """A function analytic wherever its enclosure is finite, as python-flint has it."""

    def call(side: int | None, u: Any) -> Any:
        return finite(getattr(u, name)(), name)

    return call


exponential = plain("exp")


def expm1(side: int | None, u: Any) -> Any:
    coefficients = exponential(side, u).coeffs() or [arb(0)]
    return series([u[0].expm1(), *coefficients[1:]], u.prec)


def logarithm(side: int | None, u: Any) -> Any:
    first = decided(u[0], "the argument of a logarithm at x0")
    if first > 0:
        return finite(u.log(), "log")
    if first == 0 and side is None:
        raise Tie
    if first == 0 and side and sign(side, u, "the argument of a logarithm") > 0:
        return Fault(Status.NOT_REACHED, "a logarithm is infinite beside x0 as h → 0, and has no power series there")
    return outside(f"a logarithm of {'0' if first == 0 else 'a negative number'}")
