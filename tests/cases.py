"""The shared table: functions with points, families and rules. Every method is run through it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

import kymath as ky

x = sp.Symbol("x")


@dataclass(frozen=True)
class Case:
    """One function in the three forms in which it may be given, and where it is looked at."""

    name: str
    expression: sp.Expr
    callable: Any
    mp: Any
    points: tuple[Any, ...]


R = sp.Rational
CASES = [
    Case("cube", x**3, lambda t: t**3, lambda t: t**3, (sp.Integer(0), sp.Integer(1), R(-3, 2))),
    Case("sin", sp.sin(x), np.sin, mp.sin, (sp.Integer(0), R(1, 2), sp.Integer(2))),
    Case("exp", sp.exp(x), np.exp, mp.exp, (sp.Integer(0), sp.Integer(1), R(-1, 2))),
    Case(
        "damped",
        sp.exp(-x) * sp.sin(3 * x),
        lambda t: np.exp(-t) * np.sin(3 * t),
        lambda t: mp.exp(-t) * mp.sin(3 * t),
        (sp.Integer(0), R(1, 2), sp.Integer(1)),
    ),
    Case("tanh", sp.tanh(x), np.tanh, mp.tanh, (sp.Integer(0), R(1, 2), sp.Integer(-1))),
    Case(
        "bell",
        1 / (1 + x**2),
        lambda t: 1 / (1 + t**2),
        lambda t: 1 / (1 + t * t),
        (sp.Integer(0), R(1, 2), sp.Integer(2)),
    ),
]

#: (name, n, ω) for the oracle -> the family
FAMILIES = {
    ("linear", 1, None): ky.Linear(),
    ("polynomial", 2, None): ky.Polynomial(2),
    ("polynomial", 3, None): ky.Polynomial(3),
    ("exponential", None, None): ky.Exponential(),
    ("trigonometric", 1, 2): ky.Trigonometric(1, omega=2),
    ("harmonic", None, None): ky.Harmonic(),
    ("harmonic-plain", None, None): ky.Harmonic(offset=False),
}

BOUND = 4
RULES = {
    ("osculating", None): ky.Osculating(),
    ("minimum-norm", None): ky.MinimumNorm(),
    ("smallest-rate", BOUND): ky.SmallestRate(bound=BOUND),
    ("smallest-frequency", BOUND): ky.SmallestFrequency(bound=BOUND),
}


def fits(family: tuple[Any, ...], rule: tuple[Any, ...]) -> bool:
    """Whether the theory has a closed form for the pair."""
    kind, name = family[0], rule[0]
    return {
        "osculating": True,
        "minimum-norm": kind in ("linear", "polynomial", "trigonometric"),
        "smallest-rate": kind == "exponential",
        "smallest-frequency": kind.startswith("harmonic"),
    }[name]


PAIRS = [(f, r) for f in FAMILIES for r in RULES if fits(f, r)]
