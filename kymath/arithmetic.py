"""One set of elementary functions over floats, arrays, SymPy and mpmath numbers.

The closed forms of families and rules are written once; :func:`elementary` hands them the functions that fit the
numbers at hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import mpmath
import numpy as np
import sympy as sp

TWO_PI = 2 * np.pi


class _NumPy:
    exp, log, log1p, expm1 = np.exp, np.log, np.log1p, np.expm1
    sin, cos, asin, acos = np.sin, np.cos, np.arcsin, np.arccos
    sqrt, abs, sign, hypot = np.sqrt, np.abs, np.sign, np.hypot
    pi = np.pi
    where = staticmethod(np.where)

    @staticmethod
    def angle(sine: Any, cosine: Any) -> Any:
        """The angle in [0, 2π) with the given sine and cosine (times a common positive factor)."""
        return wrap(np.arctan2(sine, cosine))


def wrap(angle: Any) -> Any:
    """A float angle, carried into [0, 2π)."""
    turned = np.mod(angle, TWO_PI)
    return np.where(turned >= TWO_PI, 0.0, turned)  # a tiny negative angle rounds up to 2π


class _SymPy:
    exp, log, sin, cos, asin, acos = sp.exp, sp.log, sp.sin, sp.cos, sp.asin, sp.acos
    sqrt, abs, sign = sp.sqrt, sp.Abs, sp.sign
    pi = sp.pi

    @staticmethod
    def hypot(x: Any, y: Any) -> Any:
        return sp.sqrt(x * x + y * y)

    @staticmethod
    def log1p(x: Any) -> Any:
        return sp.log(1 + x)

    @staticmethod
    def expm1(x: Any) -> Any:
        return sp.exp(x) - 1

    @staticmethod
    def where(condition: Any, yes: Any, no: Any) -> Any:
        if isinstance(condition, sp.Basic) and condition.free_symbols:
            return sp.Piecewise((yes, condition), (no, True))
        return yes if condition else no

    @staticmethod
    def angle(sine: Any, cosine: Any) -> Any:
        angle = sp.atan2(sine, cosine)
        sign = exact_sign(sine)
        if sign is None:
            return sp.Mod(angle, 2 * sp.pi)
        return angle + 2 * sp.pi if sign < 0 else angle


class _MpMath:
    exp, log, log1p, expm1 = mpmath.exp, mpmath.log, mpmath.log1p, mpmath.expm1
    sin, cos, asin, acos = mpmath.sin, mpmath.cos, mpmath.asin, mpmath.acos
    sqrt, abs, sign, hypot = mpmath.sqrt, mpmath.fabs, mpmath.sign, mpmath.hypot
    pi = mpmath.pi
    where = staticmethod(_SymPy.where)

    @staticmethod
    def angle(sine: Any, cosine: Any) -> Any:
        angle = mpmath.atan2(sine, cosine)
        return angle + 2 * mpmath.pi if angle < 0 else angle


def is_exact(value: Any) -> bool:
    """True for SymPy expressions that hold no floating-point number."""
    return isinstance(value, sp.Basic) and not value.has(sp.Float)


def elementary(*values: Any) -> Any:
    """The elementary functions for these numbers: SymPy's, mpmath's or NumPy's.

    >>> elementary(0.0).exp(0.0), elementary(sp.pi).cos(sp.pi)
    (np.float64(1.0), -1)
    """
    if any(isinstance(v, sp.Basic) for v in values):
        return _SymPy
    if any(isinstance(v, mpmath.mpf) for v in values):
        return _MpMath
    return _NumPy


def fitting(value: Any, *others: Any) -> Any:
    """An option in the numbers it meets: a float among floats and arrays, itself among exact ones."""
    if isinstance(value, sp.Basic) and value.is_number:
        if any(isinstance(o, (float, np.ndarray, np.generic)) for o in others):
            return float(value)
        if any(isinstance(o, mpmath.mpf) for o in others):
            return mpmath.mpf(sp.N(value, mpmath.mp.dps + 5)._mpf_)
    return value


def written(value: Any) -> str:
    """An option as Python reads it back."""
    if isinstance(value, sp.Rational) and not value.is_integer:
        return f"Rational({value.p}, {value.q})"
    return repr(value)


def exact_sign(value: Any) -> int | None:
    """−1, 0 or 1 for an exact constant, None where it depends on a symbol.

    >>> import sympy as sp
    >>> exact_sign(sp.sqrt(2) - sp.Rational(3, 2)), exact_sign(sp.sin(1) ** 2 + sp.cos(1) ** 2 - 1)
    (-1, 0)
    """
    value = sp.sympify(value, strict=True)
    if value.is_zero:
        return 0
    if value.is_positive:
        return 1
    if value.is_negative:
        return -1
    if value.free_symbols:
        return 0 if sp.simplify(value) == 0 else None
    approximate = value.evalf(30, maxn=400)
    if approximate.is_real and approximate._prec > 1 and abs(approximate) > sp.Float("1e-25"):
        return 1 if approximate > 0 else -1
    if sp.simplify(value) == 0 or approximate == 0 or approximate._prec == 1:
        return 0  # evalf at 400 digits could not tell it from zero
    return 1 if approximate > 0 else -1


def dot(row: Iterable[Any], column: Iterable[Any]) -> Any:
    """Σ row_k column_k over any numbers."""
    return sum((a * b for a, b in zip(row, column, strict=True)), start=0)
