"""What every family and rule must give, from 60-digit derivatives and the closed forms written out again.

Nothing here uses kymath's mathematics: derivatives are mpmath's, formulas are plain text of the theory.
"""

from __future__ import annotations

import mpmath as mp

DIGITS = 60


def jet(f, x0, count):
    """(f, f′, …) at x0, as many as asked, by mpmath's Taylor coefficients."""
    with mp.workdps(DIGITS):
        return [c * mp.factorial(k) for k, c in enumerate(mp.taylor(f, mp.mpf(x0), count - 1))]


def is_zero(v):
    return abs(v) < mp.mpf(10) ** -20


class Fails(Exception):
    """The name of the exception that must come instead of a number."""


def osculating(family, f):
    kind, n, omega = family
    if kind == "linear":
        return (f[1], f[0])
    if kind == "polynomial":
        return tuple(f[k] / mp.factorial(k) for k in range(n, -1, -1))
    if kind == "exponential":
        if is_zero(f[1]) and is_zero(f[2]):
            raise Fails("NotUnique")
        if is_zero(f[1]) or is_zero(f[2]):
            raise Fails("NoContact")
        return (f[1] ** 2 / f[2], f[2] / f[1], f[0] - f[1] ** 2 / f[2])
    if kind == "trigonometric":  # n = 1
        return (f[0] + f[2] / omega**2, -f[2] / omega**2, f[1] / omega)
    if kind == "harmonic":
        return with_offset(f)
    if kind == "harmonic-plain":
        return without_offset(f)
    raise AssertionError(kind)


def phase(sin, cos):
    angle = mp.atan2(sin, cos)
    return angle if angle >= 0 else angle + 2 * mp.pi


def with_offset(f):
    if is_zero(f[1]):
        raise Fails("NotUnique" if is_zero(f[3]) else "NoContact")
    if -f[3] / f[1] <= 0 or is_zero(f[3]):
        raise Fails("NoContact")
    w = mp.sqrt(-f[3] / f[1])
    cos, sin = -f[2] / w**2, -f[1] / w
    return (mp.hypot(cos, sin), w, phase(sin, cos), f[0] + f[2] / w**2)


def without_offset(f):
    if is_zero(f[0]):
        raise Fails("NotUnique" if is_zero(f[2]) else "NoContact")
    if is_zero(f[2]):
        raise Fails("NotUnique" if is_zero(f[1]) else "NoContact")
    if -f[2] / f[0] < 0:
        raise Fails("NoContact")
    w = mp.sqrt(-f[2] / f[0])
    return (mp.hypot(f[0], f[1] / w), w, phase(-f[1] / w, f[0]))


def minimum_norm(family, f):
    kind, n, _ = family
    if kind == "linear":
        return (f[1], f[0])
    if kind == "polynomial":
        return (0,) * (n - 1) + (f[1], f[0])
    if kind == "trigonometric":  # n = 1: least a0² + a1² + b1² with a0 + a1 = f, ω b1 = f′
        return (f[0] / 2, f[0] / 2, f[1] / family[2])
    raise AssertionError(kind)


def way(f, side):
    """sgn D(h) beside x0: the first derivative that is not 0."""
    for k, value in enumerate(f[1:], start=1):
        if not is_zero(value):
            return int(mp.sign(value)) * (1 if side == "right" else (-1) ** k)
    raise Fails("NotUnique")


def smallest_rate(f, m, side):
    s = way(f, side)
    rate = abs(f[1]) / m
    return (m * s, rate if side == "right" else -rate, f[0] - m * s)


def smallest_frequency(family, f, m, side):
    rising = way(f, side) * (1 if side == "right" else -1) > 0
    if family[0] == "harmonic":
        return (m, abs(f[1]) / m, 3 * mp.pi / 2 if rising else mp.pi / 2, f[0])
    if abs(f[0]) >= m:
        raise Fails("NoContact")
    root = mp.sqrt(m * m - f[0] ** 2)
    angle = mp.acos(f[0] / m)
    return (m, abs(f[1]) / root, 2 * mp.pi - angle if rising else angle)


def expected(f, x0, family, rule, side):
    """θ as mpmath numbers, or ``Fails`` with the exception's name."""
    with mp.workdps(DIGITS):
        count = 9
        derivatives = jet(f, x0, count)
        name, bound = rule
        if name == "osculating":
            return osculating(family, derivatives)
        if name == "minimum-norm":
            return minimum_norm(family, derivatives)
        one = smallest_rate if name == "smallest-rate" else None
        take = (
            (lambda s: one(derivatives, bound, s))
            if one
            else (lambda s: smallest_frequency(family, derivatives, bound, s))
        )
        if side != "both":
            return take(side)
        left, right = take("left"), take("right")
        if any(abs(mp.sin((a - b) / 2)) > mp.mpf(10) ** -15 for a, b in zip(left, right, strict=True)):
            raise Fails("NoLimit")
        return right
