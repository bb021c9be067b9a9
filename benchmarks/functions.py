"""The smooth functions: (name, form, x0), where a form takes a library and gives the function written in it."""

from __future__ import annotations

from typing import Any, NamedTuple

import mpmath as mp
from modules import MPMATH

DIGITS = 100  # of the references


class Smooth(NamedTuple):
    name: str
    form: Any
    x0: float

    def truth(self, order, digits=DIGITS):
        """The Taylor coefficients 0 … order at x0, from mpmath."""
        with mp.workdps(digits):
            return [float(c) for c in mp.taylor(self.form(MPMATH), mp.mpf(self.x0), order)]


ELEMENTARY = [
    Smooth("exp", lambda m: lambda t: m.exp(t), 1.0),
    Smooth("decay", lambda m: lambda t: m.exp(-t), 2.0),
    Smooth("log", lambda m: lambda t: m.log(t), 2.5),
    Smooth("sqrt", lambda m: lambda t: m.sqrt(t), 0.7),
    Smooth("x^2.5", lambda m: lambda t: t**2.5, 0.7),
    Smooth("sin", lambda m: lambda t: m.sin(t), 0.7),
    Smooth("cos", lambda m: lambda t: m.cos(t), 1.2),
    Smooth("tan", lambda m: lambda t: m.tan(t), 0.9),
    Smooth("arcsin", lambda m: lambda t: m.asin(t), 0.4),
    Smooth("arctan 20x", lambda m: lambda t: m.atan(20 * t), 0.02),
    Smooth("sinh", lambda m: lambda t: m.sinh(t), 1.1),
    Smooth("sech", lambda m: lambda t: 1 / m.cosh(t), 0.5),
    Smooth("tanh", lambda m: lambda t: m.tanh(t), 0.3),
    Smooth("logistic", lambda m: lambda t: 1 / (1 + m.exp(-4 * t)), 0.3),
    Smooth("1/(1 + x^2)", lambda m: lambda t: 1 / (1 + t * t), 0.5),
    Smooth("Runge", lambda m: lambda t: 1 / (1 + 25 * t * t), 0.1),
    Smooth("polynomial", lambda m: lambda t: t**5 - 3 * t**2 + 1, 0.5),
    Smooth("rational", lambda m: lambda t: (t**3 + 1) / (t**2 + 3), 0.8),
    Smooth("bell", lambda m: lambda t: m.exp(-t * t), 0.5),
    Smooth("exp(sin 3x)", lambda m: lambda t: m.exp(m.sin(3 * t)), 0.2),
    Smooth("log(2 + cos x)", lambda m: lambda t: m.log(2 + m.cos(t)), 0.4),
    Smooth("sin(x)/x", lambda m: lambda t: m.sin(t) / t, 0.8),
    Smooth("hyperbola", lambda m: lambda t: m.sqrt(1 + t * t), 1.5),
]

SPECIAL = [
    Smooth("erf", lambda m: lambda t: m.erf(t), 0.4),
    Smooth("erfc", lambda m: lambda t: m.erfc(t), 1.3),
    Smooth("gamma", lambda m: lambda t: m.gamma(t), 2.5),
    Smooth("log gamma", lambda m: lambda t: m.gammaln(t), 3.2),
    Smooth("digamma", lambda m: lambda t: m.digamma(t), 1.5),
    Smooth("Bessel J0", lambda m: lambda t: m.jv(0, t), 1.7),
    Smooth("Airy", lambda m: lambda t: m.airy(t), 0.5),
]

OSCILLATORY = [
    Smooth("sin 50x", lambda m: lambda t: m.sin(50 * t), 0.3),
    Smooth("cos 10^6 x", lambda m: lambda t: m.cos(1e6 * t), 3e-7),
    Smooth("chirp", lambda m: lambda t: m.sin(t * t), 5.0),
    Smooth("damped wave", lambda m: lambda t: m.exp(-t) * m.sin(3 * t), 0.5),
    Smooth("ripple", lambda m: lambda t: m.cos(t) + 0.01 * m.sin(100 * t), 0.4),
    Smooth("growing wave", lambda m: lambda t: m.exp(0.1 * t) * m.cos(20 * t), 1.0),
]

SCALED = [
    Smooth("narrow Gaussian", lambda m: lambda t: m.exp(-((1e3 * t) ** 2)), 4e-4),
    Smooth("narrow peak", lambda m: lambda t: 1 / (t * t + 1e-4), 0.02),
    Smooth("log near 0", lambda m: lambda t: m.log(t), 1e-3),
    Smooth("sqrt near 0", lambda m: lambda t: m.sqrt(t), 0.01),
    Smooth("1/x near 0", lambda m: lambda t: 1 / t, 0.05),
    Smooth("large offset", lambda m: lambda t: m.sin(t) + 1e5, 0.5),
    Smooth("tiny", lambda m: lambda t: 1e-12 * m.exp(t), 0.3),
    Smooth("steep", lambda m: lambda t: m.exp(50 * t), 0.2),
]

FAR = [
    Smooth("sin far out", lambda m: lambda t: m.sin(t), 1e4),
    Smooth("log far out", lambda m: lambda t: m.log(t), 1e6),
    Smooth("sqrt far out", lambda m: lambda t: m.sqrt(t), 1e8),
    Smooth("slow decay", lambda m: lambda t: m.exp(-t / 1000), 2e3),
]

SMOOTH = [*ELEMENTARY, *SPECIAL, *OSCILLATORY, *SCALED, *FAR]
