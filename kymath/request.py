"""What was asked of ``transform``: whether it makes sense, and x0 as exact or floating numbers."""

from __future__ import annotations

import math
import numbers
from typing import Any, TypedDict

import numpy as np
import sympy as sp

from .arithmetic import is_exact
from .errors import NotApplicable, NotFinite
from .evidence import Side
from .families import ConnectionFunction
from .methods import Method
from .rules import Rule

SIDES = ("both", "right", "left")


class Options(TypedDict, total=False):
    """What :func:`kymath.transform` takes by name, for functions that hand it on."""

    rule: Rule | None
    method: Method | None
    side: Side
    check: bool
    raises: bool | None


def check_request(family: Any, rule: Any, method: Any, side: str) -> None:
    wrong = "{0} must be {1}; {2!r} was given."
    if not isinstance(family, ConnectionFunction):
        raise NotApplicable(wrong.format("family", "a family such as Polynomial(2) or Exponential()", family))
    if not isinstance(rule, Rule):
        raise NotApplicable(wrong.format("rule", "a rule such as Osculating() or MinimumNorm()", rule))
    if method is not None and not isinstance(method, Method):
        raise NotApplicable(wrong.format("method", "a method such as Symbolic() or Adaptive(), or None", method))
    if side not in SIDES:
        raise NotApplicable(f'side must be "both", "right" or "left"; {side!r} was given.')


def point_of(x0: Any) -> tuple[Any, bool]:
    """x0 as an exact SymPy value, or as a float array; and whether it is one point."""
    if type(x0) is float and math.isfinite(x0):  # what nearly every call asks for, without delay
        return np.asarray(x0), True
    if isinstance(x0, (bool, np.bool_, str, bytes)) or x0 is None:
        raise NotApplicable(f"x0 must be a number, a SymPy symbol or an array of numbers; {x0!r} was given.")
    if isinstance(x0, (sp.Basic, numbers.Rational)) and not isinstance(x0, sp.MatrixBase):
        exact = (
            sp.Rational(x0.numerator, x0.denominator)
            if isinstance(x0, numbers.Rational)
            else sp.sympify(x0, strict=True)
        )
        if exact.has(sp.nan, sp.oo, -sp.oo, sp.zoo) or exact.is_real is False:
            raise NotFinite(f"x0 must be a finite real number; {x0} was given.")
        if is_exact(exact):
            return exact, True
        return np.asarray(float(exact)), True
    if isinstance(x0, (np.ma.MaskedArray, sp.MatrixBase)) or np.asarray(x0).dtype.kind not in "iufO":
        raise NotApplicable(f"x0 must be a real number, a SymPy symbol or an array of real numbers; {x0!r} was given.")
    try:
        array = np.asarray(x0, dtype=float)
    except (TypeError, ValueError) as error:
        raise NotApplicable(f"x0 must be a number, a SymPy symbol or an array of numbers; {x0!r} was given.") from error
    scalar = not isinstance(x0, (np.ndarray, list, tuple))
    if scalar and not np.isfinite(array):
        raise NotFinite(f"x0 must be a finite real number; {x0!r} was given.")
    return array, scalar


def floats(point: Any, x0: Any) -> np.ndarray:
    if isinstance(point, np.ndarray):
        return point
    if point.free_symbols:
        raise NotApplicable(f"a symbolic point needs a SymPy expression and Symbolic(); x0 = {x0} has no number.")
    return np.asarray(float(point))
