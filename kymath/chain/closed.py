"""The chain operator in closed form, where the theory has one: the second road, which checks the first.

f has the parameters in capital letters at u0, g those in small letters at x0. The general road by jets serves every
family and is as accurate; these formulas are what a reader recognises, and :func:`kymath.compose` compares its
answer with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..arithmetic import elementary, fitting
from ..families import ConnectionFunction, Exponential, Harmonic, Linear, Polynomial
from ..rules import MinimumNorm, Osculating, Rule, SmallestFrequency, SmallestRate

Theta = Sequence[Any]


def closed_form(
    family: ConnectionFunction, rule: Rule, side: str = "right"
) -> Callable[[Theta, Theta], tuple[Any, ...]] | None:
    """θ_f, θ_g ↦ θ of f∘g for a family and rule, None where there is no closed form; f and g from one side.

    >>> closed_form(Exponential(), Osculating())((3, 2, 1), (4, 5, -1))  # 3 exp(2s) + 1 after 4 exp(5s) − 1
    (2.6666666666666665, 45, 1.3333333333333333)
    """
    if isinstance(rule, (Osculating, MinimumNorm)) and isinstance(family, Linear):
        return linear
    if isinstance(rule, MinimumNorm) and isinstance(family, Polynomial):
        return least_norm
    if isinstance(rule, Osculating) and family == Polynomial(2):
        return parabola
    if isinstance(rule, Osculating) and isinstance(family, Exponential):
        return exponential
    if isinstance(rule, Osculating) and isinstance(family, Harmonic):
        return harmonic if family.offset else harmonic_without_offset
    if isinstance(rule, SmallestRate) and isinstance(family, Exponential):
        return lambda f, g: smallest_rate(f, g, rule.bound if side == "right" else -rule.bound)
    if isinstance(rule, SmallestFrequency) and isinstance(family, Harmonic):
        if family.offset:
            return lambda f, g: smallest_frequency(f, g, rule.bound)
        return lambda f, g: smallest_frequency_without_offset(f, g, rule.bound)
    return None


def linear(f: Theta, g: Theta) -> tuple[Any, ...]:
    """(a_f c_g, b_f): Theorem 3.15 in the convention g = a s + b with s = t − x0."""
    return f[0] * g[0], f[1]


def parabola(f: Theta, g: Theta) -> tuple[Any, ...]:
    """(a2 c1² + a1 c2, a1 c1, a0)"""
    (a2, a1, a0), (c2, c1, _) = f, g
    return a2 * c1**2 + a1 * c2, a1 * c1, a0


def exponential(f: Theta, g: Theta) -> tuple[Any, ...]:
    """B_F = b (1 + aB), A_F = A aB/(1 + aB), C_F = C + A/(1 + aB), where 1 + aB ≠ 0."""
    (A, B, C), (a, b, _) = f, g
    bend = 1 + a * B
    return A * (a * B) / bend, b * bend, C + A / bend


def harmonic(f: Theta, g: Theta) -> tuple[Any, ...]:
    """W² = w² [1 + (Ω a sin φ_g)² + 3 Ω a cot φ_f cos φ_g], with C_F = A cos φ_f + C + F2/W²."""
    (A, omega, phi, C), (a, w, q, _) = f, g
    lib = elementary(A, omega, phi, C, a, w, q)
    square = frequency(f, g)
    f1 = A * omega * lib.sin(phi) * a * w * lib.sin(q)
    f2 = A * omega * lib.sin(phi) * a * w**2 * lib.cos(q) - A * lib.cos(phi) * (omega * a * w * lib.sin(q)) ** 2
    W = lib.sqrt(square)
    cos, sin = -f2 / square, -f1 / W
    return lib.sqrt(cos**2 + sin**2), W, lib.angle(sin, cos), A * lib.cos(phi) + C - cos


def harmonic_without_offset(f: Theta, g: Theta) -> tuple[Any, ...]:
    """W² = w² [(Ω a sin φ_g)² − Ω a tan φ_f cos φ_g], with A_F cos φ_F = A cos φ_f."""
    (A, omega, phi), (a, w, q) = f, g
    lib = elementary(A, omega, phi, a, w, q)
    W = lib.sqrt(frequency_without_offset(f, g))
    cos, sin = A * lib.cos(phi), -A * omega * lib.sin(phi) * a * w * lib.sin(q) / W
    return lib.sqrt(cos**2 + sin**2), W, lib.angle(sin, cos)


def frequency(f: Theta, g: Theta) -> Any:
    """W² of :func:`harmonic`."""
    (_, omega, phi, _), (a, w, q, _) = f, g
    lib = elementary(omega, phi, a, w, q)
    return w**2 * (1 + (omega * a * lib.sin(q)) ** 2 + 3 * omega * a * lib.cos(q) * lib.cos(phi) / lib.sin(phi))


def frequency_without_offset(f: Theta, g: Theta) -> Any:
    """W² of :func:`harmonic_without_offset`."""
    (_, omega, phi), (a, w, q) = f, g
    lib = elementary(omega, phi, a, w, q)
    return w**2 * ((omega * a * lib.sin(q)) ** 2 - omega * a * lib.cos(q) * lib.sin(phi) / lib.cos(phi))


# -- the two-point rules: slopes multiply ------------------------------------------------------------------------------


def least_norm(f: Theta, g: Theta) -> tuple[Any, ...]:
    """(0, …, 0, a1_f a1_g, a0_f)"""
    return (*(0 * c for c in f[:-2]), f[-2] * g[-2], f[-1])


def smallest_rate(f: Theta, g: Theta, bound: Any) -> tuple[Any, ...]:
    """(A_f A_g/M, M B_f B_g, C_f + A_f − A_f A_g/M), both from the right, with −M from the left; f has one slope."""
    (A, B, C), (a, b, _) = f, g
    m = fitting(bound, *f, *g)
    amplitude = A * a / m
    return amplitude, m * B * b, C + A - amplitude


def smallest_frequency(f: Theta, g: Theta, bound: Any) -> tuple[Any, ...]:
    """(M, M ω_f ω_g, φ, C_f): rising (φ = 3π/2) where f and g both rise or both fall, else π/2."""
    m = fitting(bound, *f, *g)
    lib = elementary(*f, *g)
    return m + 0 * f[1], m * f[1] * g[1], _phase(f, g, 3 * lib.pi / 2, lib.pi / 2), f[3]


def smallest_frequency_without_offset(f: Theta, g: Theta, bound: Any) -> tuple[Any, ...]:
    """(M, ω_f ω_g √(M² − u0²), φ), with φ as f has it where g rises, else 2π − φ."""
    m = fitting(bound, *f, *g)
    lib = elementary(*f, *g)
    u0 = g[0] * lib.cos(g[2])
    start = lib.asin(f[0] * lib.cos(f[2]) / m)
    frequency = f[1] * g[1] * lib.sqrt(m**2 - u0**2)
    return m + 0 * f[1], frequency, _phase(f, g, 3 * lib.pi / 2 + start, lib.pi / 2 - start)


def _phase(f: Theta, g: Theta, rising: Any, falling: Any) -> Any:
    lib = elementary(*f, *g)
    return lib.where(lib.sin(f[2]) * lib.sin(g[2]) > 0, rising, falling)


# -- what composition can lose -----------------------------------------------------------------------------------------


def condition(f: Theta, g: Theta, family: ConnectionFunction, rule: Rule) -> tuple[str, Any] | None:
    """The quantity that the closed form needs to be positive or not 0, and its value."""
    if not isinstance(rule, Osculating):
        return None
    if isinstance(family, Exponential):
        return "B = b (1 + aB) needs 1 + aB ≠ 0", 1 + g[0] * f[1]
    if isinstance(family, Harmonic) and family.offset:
        return "W² = w² [1 + (Ω a sin φ_g)² + 3 Ω a cot φ_f cos φ_g] must be positive", frequency(f, g)
    if isinstance(family, Harmonic):
        text = "W² = w² [(Ω a sin φ_g)² − Ω a tan φ_f cos φ_g] must be positive"
        return text, frequency_without_offset(f, g)
    return None
