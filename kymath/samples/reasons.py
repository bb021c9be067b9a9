"""Why a point has no answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import Status

NO_WAVE = 5  # the reason: no single frequency
_CLEAR = 0.01  # a frequency known this well needs no half period

_FEW = (Status.NOT_FINITE, "too few samples in the window")
_OUTSIDE = (Status.NOT_FINITE, "outside the data")


def table(kind: Any) -> list[tuple[Status, str]]:
    """Number → (status, sentence); 0 is success."""
    return [(Status.CONVERGED, ""), _FEW, kind.weak, kind.vague, *kind.flags, _OUTSIDE]


def judge(
    kind: Any, theta: np.ndarray, error: np.ndarray, variance: np.ndarray, freedom: np.ndarray, signal: np.ndarray,
    doubt: np.ndarray
) -> np.ndarray:  # fmt: skip
    """The number of the reason why a point has no answer, 0 where it has one; the first that holds."""
    reason = np.zeros(variance.size, dtype=int)
    unsure = kind.unsure(theta, error)
    for j in range(len(kind.flags) - 1, -1, -1):
        reason[doubt[:, j] & ~(kind.waived(j) & (unsure < _CLEAR))] = 4 + j
    reason[~(unsure < 0.5)] = 3
    reason[signal**2 < 25 * variance] = 2
    reason[(freedom <= 0) | ~np.isfinite(theta + error).all(axis=0)] = 3
    reason[freedom <= 0] = 1
    return reason
