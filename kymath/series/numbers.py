"""The elementary and special functions that fit the numbers at hand: floats, arrays, SymPy's or mpmath's."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import numpy as np
import sympy as sp

POWER_NAMES = ("exp", "expm1", "log", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan",
               "asinh", "acosh", "atanh", "sqrt", "erf", "erfc")  # fmt: skip


def _safe(f: Callable[[float], float]) -> Callable[[float], float]:
    """A function of the math module as IEEE arithmetic has it: inf and nan instead of exceptions."""

    def call(x: float) -> float:
        try:
            return f(x)
        except OverflowError:
            return math.inf if f is not math.sinh or x > 0 else -math.inf
        except ValueError:
            return math.nan

    return call


class _Floats:
    """Python floats, by the math module."""

    pi = math.pi

    @staticmethod
    def power(x: float, p: Any) -> float:
        try:
            return x**p if x >= 0 or float(p).is_integer() else math.nan
        except OverflowError:
            return math.inf
        except ZeroDivisionError:
            return math.inf

    @staticmethod
    def cbrt(x: float) -> float:
        return math.cbrt(x)

    @staticmethod
    def expit(x: float) -> float:
        return 1 / (1 + math.exp(-x)) if x > 0 else (lambda e: e / (1 + e))(math.exp(x))

    @staticmethod
    def gamma(x: float) -> float:
        return float(_special().gamma(x))

    @staticmethod
    def gammaln(x: float) -> float:
        return float(_special().gammaln(x))

    @staticmethod
    def polygamma(j: int, x: float) -> float:
        return float(_Arrays.polygamma(j, x))

    @staticmethod
    def besselj(order: float, x: float) -> float:
        return float(_special().jv(order, x))


for _name in POWER_NAMES:
    setattr(_Floats, _name, staticmethod(_safe(getattr(math, _name))))


@cache
def _special() -> Any:
    """scipy.special, loaded when it is first needed."""
    import scipy.special

    return scipy.special


class _Arrays:
    """NumPy arrays and scalars."""

    pi = np.pi
    exp, expm1, log, log1p = np.exp, np.expm1, np.log, np.log1p
    sin, cos, tan, sinh, cosh, tanh = np.sin, np.cos, np.tan, np.sinh, np.cosh, np.tanh
    asin, acos, atan, asinh, acosh, atanh = np.arcsin, np.arccos, np.arctan, np.arcsinh, np.arccosh, np.arctanh
    sqrt, cbrt, power = np.sqrt, np.cbrt, np.power

    @staticmethod
    def erf(x: Any) -> Any:
        return _special().erf(x)

    @staticmethod
    def erfc(x: Any) -> Any:
        return _special().erfc(x)

    @staticmethod
    def expit(x: Any) -> Any:
        return _special().expit(x)

    @staticmethod
    def gamma(x: Any) -> Any:
        return _special().gamma(x)

    @staticmethod
    def gammaln(x: Any) -> Any:
        return _special().gammaln(x)

    @staticmethod
    def polygamma(j: int, x: Any) -> Any:
        special = _special()
        if j == 0:
            return special.digamma(x)
        with np.errstate(all="ignore"):
            right = (-1) ** (j + 1) * math.factorial(j) * special.zeta(j + 1, np.where(x > 0, x, 1.0))
            if np.all(np.asarray(x) > 0):
                return right
            return np.where(np.asarray(x) > 0, right, _reflected(j, x))

    @staticmethod
    def besselj(order: Any, x: Any) -> Any:
        return _special().jv(order, x)


def _reflected(j: int, x: Any) -> Any:
    """ψ^(j) left of 0, by ψ(x) = ψ(x + m) − Σ 1/(x + i): each step adds −(−1)^j j!/(x + i)^{j+1}."""
    x = np.asarray(x, dtype=float)
    steps = int(min(np.max(np.where(np.isfinite(x), np.ceil(-x) + 1, 0), initial=0), 200))
    total = np.zeros_like(x)
    for i in range(max(steps, 0)):
        total = total - np.where(x + i <= 0, (-1.0) ** j * math.factorial(j) / (x + i) ** (j + 1), 0.0)
    shifted = np.where(x > 0, x, x + np.floor(-x) + 1)
    start = (-1) ** (j + 1) * math.factorial(j) * _special().zeta(j + 1, np.where(shifted > 0, shifted, 1.0))
    return np.where(x < -190, np.nan, start + total)


class _SymPy:
    """SymPy numbers and expressions."""

    pi = sp.pi
    exp, log, sin, cos, tan, sinh, cosh, tanh = sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.sinh, sp.cosh, sp.tanh
    asin, acos, atan, asinh, acosh, atanh = sp.asin, sp.acos, sp.atan, sp.asinh, sp.acosh, sp.atanh
    sqrt, erf, erfc, gamma, gammaln, besselj = sp.sqrt, sp.erf, sp.erfc, sp.gamma, sp.loggamma, sp.besselj
    polygamma, cbrt = sp.polygamma, staticmethod(lambda x: sp.sign(x) * sp.Abs(x) ** sp.Rational(1, 3))
    expm1, log1p = staticmethod(lambda x: sp.exp(x) - 1), staticmethod(lambda x: sp.log(1 + x))
    expit, power = staticmethod(lambda x: 1 / (1 + sp.exp(-x))), staticmethod(lambda x, p: x**p)


class _MpMath:
    """mpmath numbers."""

    exp, expm1, log, log1p = mpmath.exp, mpmath.expm1, mpmath.log, mpmath.log1p
    sin, cos, tan, sinh, cosh, tanh = mpmath.sin, mpmath.cos, mpmath.tan, mpmath.sinh, mpmath.cosh, mpmath.tanh
    asin, acos, atan, asinh = mpmath.asin, mpmath.acos, mpmath.atan, mpmath.asinh
    acosh, atanh, sqrt, erf, erfc = mpmath.acosh, mpmath.atanh, mpmath.sqrt, mpmath.erf, mpmath.erfc
    gamma, gammaln, polygamma, besselj = mpmath.gamma, mpmath.loggamma, mpmath.psi, mpmath.besselj
    cbrt = staticmethod(lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)))
    expit, power = staticmethod(lambda x: 1 / (1 + mpmath.exp(-x))), staticmethod(lambda x, p: x**p)
    pi = mpmath.pi


def functions(x: Any) -> Any:
    """The functions for a number: the math module's for floats, else NumPy's, SymPy's or mpmath's."""
    if type(x) is float:
        return _Floats
    if isinstance(x, (np.ndarray, np.generic)):
        return _Arrays
    if isinstance(x, sp.Basic):
        return _SymPy
    if isinstance(x, mpmath.mpf):
        return _MpMath
    return _Floats
