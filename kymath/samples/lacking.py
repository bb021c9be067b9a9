"""Where a fit follows the series less well than elsewhere: at a kink, or where it bends more sharply for a while.

The bias that the choice tells is a mean over some windows. What it hides in one place the residuals show: the same
family fitted to them in narrower windows, of several widths, should be 0 within its errors. Where it is not, its square
joins the squared errors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import local

_NODES = 400
_NARROWER, _RATIO, _LEAST = 0.5, 0.6, 8.0  # the widest of the half-widths, in the fit's; the next; samples in the last
_WIDTHS = 8
CLEAR = 8.0  # of −2 log likelihood, beyond what the best of all windows of a width has by chance
_MOST = 4  # parameters whose powers keep their digits


class Lacking(NamedTuple):
    """Squared errors (N, k) of θ beside those of the noise, at knots."""

    at: np.ndarray
    squares: np.ndarray

    def along(self, x: np.ndarray) -> np.ndarray:
        """(N, points)"""
        return np.array([np.interp(x, self.at, row) for row in self.squares])


def of(
    t: np.ndarray, rest: np.ndarray, half: float, matrix: np.ndarray, sigma: np.ndarray, block: int
) -> Lacking | None:
    """From the residuals (n,) of a fit with half-widths about ``half``; ``sigma`` (n,) is the noise for long means,
    which hangs together over ``block`` samples. None where nothing is to be seen."""
    span, n = float(t[-1] - t[0]), len(t)
    if len(matrix) > _MOST or not np.isfinite(rest).all() or not half > 0:
        return None
    at = np.linspace(t[0], t[-1], min(_NODES, n))
    loud = np.interp(at, t, sigma)
    squares = np.zeros((len(matrix), len(at)))
    width = min(_NARROWER * half, span / 4)
    for _ in range(_WIDTHS):
        if width * n < _LEAST * max(1, block) * span:
            break
        jets, lever = local.sliding(t, rest[:, None], at, width, matrix, "both")
        step = np.tensordot(matrix, jets[..., 0], axes=1)
        noise = lever * loud
        with np.errstate(invalid="ignore"):
            clear = (step**2 > (CLEAR + 2 * np.log(span / width)) * noise**2).any(axis=0) & np.isfinite(noise).all(
                axis=0
            )
        if clear.any():
            # the misfit reaches as far as the window that shows it
            reach = max(1, int(width / span * len(at)))
            near = np.convolve(clear, np.ones(2 * reach + 1), mode="same") > 0.5
            seen = np.where(near & np.isfinite(step), step**2 - noise**2, 0.0)
            squares = np.maximum(squares, _largest(np.nan_to_num(seen), reach // 2))
        width *= _RATIO
    return Lacking(at, squares) if squares.any() else None


def _largest(values: np.ndarray, reach: int) -> np.ndarray:
    """(K, k): the largest within so many neighbours."""
    padded = np.pad(values, ((0, 0), (reach, reach)))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=1).max(axis=-1))
