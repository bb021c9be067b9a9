"""What the doubles of t and y cannot hold: all of the error where the data are free of noise."""

from __future__ import annotations

import numpy as np

from . import exact

_EPS = float(np.finfo(float).eps)
_SOME, _WORK = 33, 1e6  # points that are fitted sample by sample, and samples in all of their windows
_QUIET = 1e-7  # of y: noise beyond hides what running sums lose
_TIMES = 3.0  # the largest loss at some points, for that at all


def rounded(t: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The error of a sample of y (n,) or (n, m), per channel: y's own rounding, and that of t where y is steepest.

    It may be alike in neighbours, so no mean takes it away.
    """
    steps = np.diff(t)
    steps = np.maximum(steps, np.median(steps)) if steps.size else steps  # two times that nearly meet tell no slope
    slope = np.max(np.abs(np.diff(y, axis=0)).T / steps, axis=-1, initial=0.0)
    return np.asarray(_EPS * (np.max(np.abs(y), axis=0) + np.max(np.abs(t)) * slope))


def lost(
    t: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    half: np.ndarray,
    jets: np.ndarray,
    matrix: np.ndarray,
    side: str,
    sigma: np.ndarray,
) -> np.ndarray:
    """(N, m) what running sums or bins lose of θ, as fits sample by sample show it; of channels with noise none."""
    floor = np.zeros((len(matrix), y.shape[1]))
    quiet = np.flatnonzero(sigma <= _QUIET * np.max(np.abs(y), axis=0))
    if not len(quiet) or not len(x):
        return floor
    low, high = exact.reach(t, x, half, side)
    count = int(np.clip(_WORK / max(float(np.mean(high - low)), 1.0), 3, _SOME))
    some = np.unique(np.linspace(0, len(x) - 1, count).astype(int))
    jet = exact.fits(t, y[:, quiet], x[some], half[some], len(matrix) - 1, len(matrix), side, spread=False).at(
        len(matrix) - 1
    )
    off = np.abs(np.tensordot(matrix, jets[:, some][..., quiet] - jet, axes=1))
    floor[:, quiet] = _TIMES * np.max(np.nan_to_num(off), axis=1)
    return floor
