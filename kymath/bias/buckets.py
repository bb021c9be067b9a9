"""T5's buckets: which number of a head's table a lag reads."""

from __future__ import annotations

import math

import numpy as np


def buckets(lags: np.ndarray, count: int, max_distance: int, *, causal: bool) -> np.ndarray:
    """The row (0 … count − 1) for each lag, the past positive.

    Half of the rows hold one lag each; the rest grow as its logarithm, up to ``max_distance``, and the last holds all
    beyond. A table that is not causal keeps its second half for the future. Needs max_distance > count/2 (count/4).
    Source: Raffel et al., JMLR 21 (2020) 140, and its public code, in whose single precision this is computed.

    >>> buckets(np.array([0, 15, 16, 17, 31, 127, 1000]), 32, 128, causal=True).tolist()
    [0, 15, 16, 16, 21, 31, 31]
    """
    lags = np.asarray(lags, dtype=np.int64)
    own = count if causal else count // 2
    future = np.zeros_like(lags) if causal else (lags < 0) * own
    far = np.maximum(lags, 0) if causal else np.abs(lags)
    exact = own // 2
    ratio = np.maximum(far, 1).astype(np.float32) / np.float32(exact)
    grown = np.log(ratio) / np.float32(math.log(max_distance / exact)) * np.float32(own - exact)
    return np.asarray(future + np.where(far < exact, far, np.minimum(exact + grown.astype(np.int64), own - 1)))
