"""Powers of balls: a constant exponent is taken exactly, as the fraction that it is."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from . import germs
from .balls import Ball, apply, as_ball
from .germs import Pole


def power(base: Any, exponent: Any) -> Ball:
    """base^exponent; a constant exponent is taken exactly."""
    p = _rational(exponent)
    if p is not None:
        return _pole_power(as_ball(base), p) or apply(_fixed(p), base)
    moving = as_ball(exponent)
    if moving.constant:
        return apply(_fixed(moving.parts[0]), base)
    return apply(germs.power_of, base, moving)


def _pole_power(base: Ball, p: Fraction) -> Ball | None:
    if p.denominator != 1 or not any(isinstance(part, Pole) for part in base.parts):
        return None
    if p == 0:
        return as_ball(1)
    result = base
    for _ in range(abs(int(p)) - 1):
        result = apply(germs.multiply, result, base)
    return result if p > 0 else apply(germs.divide, 1, result)


def _fixed(p: Any) -> Callable[..., Any]:
    return lambda side, a: germs.power(side, a, p)


def _rational(value: Any) -> Fraction | None:
    if isinstance(value, Fraction):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int)) or (isinstance(value, float) and np.isfinite(value)):
        return Fraction(value)
    if isinstance(value, Ball) and value.constant and value.parts[0].is_exact():
        mantissa, two = value.parts[0].man_exp()
        return Fraction(int(mantissa)) * Fraction(2) ** int(two)
    return None
