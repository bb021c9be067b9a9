"""Whether the residuals of windows hang together, and by how much the errors grow then."""

from __future__ import annotations

import numpy as np

from . import correlation
from .correlation import Correlation

MOST = 4096  # samples whose residuals are looked at where no answer is asked for at all of them
LEAST = 100
SPENT = 4.0  # samples that a window's fit spends


def stretch(t: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Some samples in a row, around the middle of the points."""
    first = int(np.searchsorted(t, np.median(at))) - MOST // 2
    return t[max(0, min(first, t.size - MOST)) :][:MOST]


def noise(t: np.ndarray, y: np.ndarray, values: np.ndarray, half: np.ndarray) -> Correlation | None:
    """The noise of y − values, both at the samples t, where it clearly hangs together; ``half``: the windows."""
    rest = y - values
    known = np.isfinite(rest)
    if t.size < LEAST or known.mean() < 0.5 or np.median(np.abs(rest[known])) <= 1e-9 * np.max(np.abs(y)):
        return None
    rest = rest[known]
    spent = SPENT * (t[-1] - t[0]) / (2 * float(np.nanmedian(half)))
    return correlation.hangs(rest[None] - rest.mean(), spent)
