"""Outliers left out: found against running medians, then judged again by a fit to the rest.

The first pass is Hampel's identifier (F. R. Hampel, J. Am. Stat. Assoc. 69, 1974), which withstands outliers but also
takes sharp bends for them; the second gives back what lies within 4.5 scales of the fit. The scale is
1.4826 × the median absolute residual.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .series import Series

_NEAR, _FAR = 11, 101  # samples in the running median, and in that of its residuals
_FIRST, _LAST = 5.0, 4.5
_PASSES = 2

Smooth = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def cleaned(series: Series, smooth: Smooth) -> Series:
    """The series with its outliers turned into gaps; ``smooth(t, y, x)`` fits one channel y (n, 1) at x."""
    out = np.zeros(series.y.shape, dtype=bool)
    for j in range(series.channels):
        present = np.isfinite(series.y[:, j])
        t, y = series.t[present], series.y[present, j]
        bad = hampel(y)
        for _ in range(_PASSES):
            if np.count_nonzero(~bad) < 8:
                break
            fitted = smooth(t[~bad], y[~bad, None], t)
            residual = np.abs(y - fitted)
            if not np.isfinite(residual).any():
                break
            scale = 1.4826 * float(np.nanmedian(residual))
            again = np.where(np.isnan(residual), bad, residual > _LAST * scale)
            if not scale > 0 or (again == bad).all():
                break
            bad = again
        out[np.flatnonzero(present)[bad], j] = True
    return series.without(out)


def hampel(y: np.ndarray) -> np.ndarray:
    """Which samples lie far from the running median, by the running scale of their neighbourhood."""
    from scipy.ndimage import median_filter

    distance = np.abs(y - median_filter(y, _NEAR, mode="nearest"))
    scale = 1.4826 * median_filter(distance, min(_FAR, len(y)), mode="nearest")
    return distance > _FIRST * np.maximum(scale, 1e-12 * np.abs(y).max(initial=0.0))
