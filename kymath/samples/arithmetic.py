"""Data that hold no noise beyond rounding: how far a fit is off, its residuals show.

A fit loses digits in its own arithmetic, which no averaging regains, and has some bias: both are far beyond the errors
that follow from the rounding of the samples. The largest residuals about a point tell by how much.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import noise
from .result import Curve

_STRETCHES, _LEAST = 64, 8  # stretches along the series, and samples in one


class Left(NamedTuple):
    """The largest residuals about some places."""

    at: np.ndarray
    size: np.ndarray

    def swell(self, x: np.ndarray, error: np.ndarray) -> np.ndarray:
        """(k,) what multiplies the errors at x, of which ``error`` (k,) is that of the value."""
        with np.errstate(all="ignore"):
            ratio = np.interp(x, self.at, self.size) / error
        return np.fmax(1.0, np.where(np.isfinite(ratio), ratio, 1.0))


def left(t: np.ndarray, y: np.ndarray, curve: Curve, channels: list[int]) -> dict[int, Left]:
    """Of some channels of y (n, m)."""
    if not channels:
        return {}
    rows = noise.stretches(len(t)).ravel()
    rest = np.nan_to_num(np.abs(y[rows][:, channels] - curve(t[rows])[0][0][:, channels]))
    first = np.arange(0, rows.size, max(_LEAST, rows.size // _STRETCHES))
    most = np.pad(np.maximum.reduceat(rest, first), ((1, 1), (0, 0)))
    most = np.maximum(np.maximum(most[:-2], most[2:]), most[1:-1])
    middle = np.add.reduceat(t[rows], first) / np.diff(first, append=rows.size)
    return {j: Left(middle, most[:, i]) for i, j in enumerate(channels)}
