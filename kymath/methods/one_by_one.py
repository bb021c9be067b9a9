"""One point after another, for the methods that take a SymPy number or an array of floats in digits of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import sympy as sp

from ..errors import BadFunction, NotApplicable, Status
from .base import TOO_DEEP

P = TypeVar("P")


def one_by_one(
    name: str, x0: Any, take: Callable[[Any], P], failed: Callable[[Status, str], P]
) -> tuple[Iterator[P], tuple[int, ...]]:
    """What ``take`` finds at each point, in order, and the shape of x0; ``failed`` makes the answer where it cannot."""
    if isinstance(x0, sp.Basic):
        if x0.free_symbols:
            raise NotApplicable(f"{name}() needs a number for x0; {x0} has none. Use Symbolic().")
        points, shape = [x0], ()
    else:
        array = np.asarray(x0, dtype=float)
        points, shape = [float(t) for t in array.reshape(-1)], array.shape

    def at(point: Any) -> P:
        if isinstance(point, float) and not np.isfinite(point):
            return failed(Status.NOT_FINITE, f"x0 = {point} is not a finite number.")
        try:
            return take(point)
        except BadFunction as error:
            if shape == ():
                raise
            return failed(Status.BAD_FUNCTION, error.message)
        except RecursionError:
            return failed(Status.NOT_REACHED, TOO_DEEP)

    return map(at, points), shape
