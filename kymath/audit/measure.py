"""What several checks measure with: jets of test functions, residuals of C1 and C2, orders."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy as sp

X = sp.Symbol("x")
U = sp.Symbol("u")
H = sp.Symbol("h", positive=True)


def jet_of(f: sp.Expr, x0: Any, order: int) -> list[sp.Expr]:
    """(f, f′, …, f^(order)) at x0."""
    return [sp.diff(f, X, k).subs(X, x0) for k in range(order + 1)]


def precise(f: sp.Expr) -> Callable[[Any], Any]:
    """f as a function of mpmath numbers."""
    return sp.lambdify(X, f, "mpmath")


def values_at(f: sp.Expr, x0: Any, nodes: Sequence[Any], h: Any) -> list[Any]:
    """f(x0 + c h) at the nodes, in mpmath numbers."""
    call = precise(f)
    return [mpmath.mpf(call(mpmath.mpf(x0) + c * h)) for c in nodes]


def residual(family: Any, theta: Sequence[Any], nodes: Sequence[Any], h: Any, values: Sequence[Any]) -> float:
    """The largest |g(c h; θ) − y|: how far a curve misses the points it was meant to join."""
    return max(abs(float(family(c * h, theta) - y)) for c, y in zip(nodes, values, strict=True))


def distance(first: Any, second: Any) -> float:
    """The largest difference between two lists of numbers; nan where one of them is."""
    return float(np.max(np.abs(np.asarray(first, float) - np.asarray(second, float))))


def exponent(h: Sequence[Any], size: Sequence[Any]) -> float:
    """α in size ≈ K h^α, from the two smallest steps."""
    ratio = mpmath.log(abs(size[-1]) / abs(size[-2])) / mpmath.log(h[-1] / h[-2])
    return float(ratio)


def coefficient_at_zero(value: Callable[[Any], Any], limit: Any, h: float = 1e-8, digits: int = 60) -> float:
    """lim (value(h) − limit) / h, by one extrapolation in mpmath arithmetic."""
    with mpmath.workdps(digits):
        step = mpmath.mpf(h)
        return float(4 * (value(step / 2) - limit) / step - (value(step) - limit) / step)


def is_zero(expression: Any) -> bool:
    """Whether a SymPy expression is identically 0."""
    return bool(sp.simplify(expression) == 0)


def close(a: Any, b: Any, tolerance: float = 1e-9) -> bool:
    """Whether two numbers agree, relative to the larger of b and 1; never for nan."""
    a, b = float(a), float(b)
    return math.isfinite(a) and abs(a - b) <= tolerance * max(1.0, abs(b))
