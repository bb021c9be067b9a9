"""f at complex and at real points: how it is called, how often, and in what precision it answers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np
import sympy as sp

from ..errors import BadFunction
from ..function import Function, X


class Refused(TypeError):
    """f cannot be followed into the complex plane; the sentence says why."""


def plain(out: np.ndarray, dtype: type) -> np.ndarray:
    """A plain array of the values, nan where they are masked."""
    if isinstance(out, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(out), np.nan, np.asarray(out)).astype(dtype)
    return out.astype(dtype)


@cache
def _unit(dtype: np.dtype) -> float:
    """The machine epsilon of a floating type."""
    return float(np.finfo(dtype).eps)


@lru_cache(maxsize=256)
def _code(expression: sp.Expr) -> Callable[[Any], Any]:
    return sp.lambdify(X, expression, ["scipy", "numpy"], cse=True)


class ComplexCall:
    """f at complex and at real points, an array at once where it allows that."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.f = function.original if function.expression is None else _code(function.expression)
        self.whole: bool | None = None  # takes arrays
        self.eps = _unit(np.dtype(float))
        self.refused = False
        self.spent: Any = 0  # evaluations for each point
        self.fresh = True  # no circle was drawn yet

    def refuse(self, why: str) -> Refused:
        self.refused = True
        return Refused(why)

    def beyond(self, z: np.ndarray) -> np.ndarray:
        flat = z.reshape(-1)
        if self.whole is None:
            with warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                try:
                    out = self._array(flat)
                    self.whole = True
                except Exception:  # whatever it was, the scalar call shows it or does without
                    self.whole = False
                    out = self._numbers(flat)
            return out.reshape(z.shape)
        if self.whole:
            try:
                return self._array(flat).reshape(z.shape)
            except Exception as error:
                raise self.refuse(f"f raised {type(error).__name__} ({error}) for complex numbers") from error
        return self._numbers(flat).reshape(z.shape)

    def _array(self, z: np.ndarray) -> np.ndarray:
        self.function.nfev += z.size
        out = self.f(z.copy())
        if not isinstance(out, np.ndarray) and self.function.expression is not None:
            out = np.full(z.shape, complex(out))
        if not isinstance(out, np.ndarray) or out.shape != z.shape or out.dtype.kind not in "cfiub":
            raise TypeError("f takes no arrays")
        if out.dtype.kind in "fc":
            self.eps = max(self.eps, _unit(out.dtype))
        return plain(out, complex)

    def _numbers(self, z: np.ndarray) -> np.ndarray:
        return np.array([self._number(complex(p)) for p in z], dtype=complex)

    def _number(self, z: complex) -> complex:
        self.function.nfev += 1
        try:
            out = self.f(z)
            if isinstance(out, (str, bytes)) or np.ndim(out) != 0:
                raise TypeError(f"it returned {type(out).__name__}")
            self._precision(out)
            return complex(out)
        except (OverflowError, ZeroDivisionError, ValueError):
            return complex(math.nan, math.nan)
        except Exception as error:
            raise self.refuse(f"f takes no complex numbers ({type(error).__name__}: {error})") from error

    def _precision(self, out: Any) -> None:
        if isinstance(out, (np.inexact, np.ndarray)) and out.dtype.kind in "fc":
            self.eps = max(self.eps, _unit(out.dtype))

    def mirrored(self, z: complex, value: complex, slack: float) -> str:
        """Why f(z̄) is not the conjugate of f(z), or that f of an array is not f of its elements; empty if all is well.

        Numbers are given alone here, so that the one value sees both.
        """
        try:
            other = self._number(z.conjugate())
        except Refused:
            if not self.whole:
                raise
            self.refused = False
            other = complex(self._array(np.array([z.conjugate()]))[0])
        if abs(other.conjugate() - value) <= slack:
            return ""
        if self.whole and abs(self._number(z) - value) > slack:
            return "array"
        return "mirror"

    def real(self, x: np.ndarray) -> np.ndarray:
        """f at real points: NaN where it is not finite."""
        flat = x.reshape(-1)
        if self.whole and self.function.expression is None:
            try:
                out: Any = self.f(flat.copy())
                if isinstance(out, np.ndarray) and out.dtype.kind == "c" and not out.imag.any():
                    out = out.real
                if isinstance(out, np.ndarray) and out.shape == flat.shape and out.dtype.kind in "fiub":
                    self.function.nfev += flat.size
                    self._precision(out)
                    out = plain(out, float)
                    if not math.isfinite(np.vdot(out, out)):
                        out[~np.isfinite(out)] = np.nan
                    return out.reshape(x.shape)
            except Exception:  # the function object says it better
                pass
            self.function.nfev += flat.size
        elif not self.whole:
            return np.array([self._plain(float(p)) for p in flat]).reshape(x.shape)
        out = self.function(x)
        self.eps = max(self.eps, self.function.eps)
        return out

    def _plain(self, x: float) -> float:
        self.function.nfev += 1
        try:
            out: Any = self.f(x)
            if isinstance(out, (complex, np.complexfloating)):  # cmath has no other numbers
                if out.imag == 0:
                    return float(out.real) if math.isfinite(out.real) else math.nan
                raise BadFunction(f"f({x:g}) returned {out}; f must return one real number for each number.")
            self._precision(out)
            value = float(out)
            return value if math.isfinite(value) else math.nan
        except BadFunction:
            raise
        except (ValueError, ArithmeticError):
            return math.nan
        except Exception:
            self.function.nfev -= 1
            return float(self.function(np.asarray(x)))  # says what is wrong
