"""Samples rounded to a coarse step: that equal neighbours agree tells nothing of how far they are from the truth.

The rounding of samples that stay on one value hangs together, so that their mean is no better known than each of them:
σ for averages is that of the rounding, the step over √12 (Sheppard), times the root of how many in a row are equal.
"""

from __future__ import annotations

import numpy as np

_EQUAL = 0.1  # of the neighbours, below which noise or the signal moves faster than the step
_FEWEST = 3  # values that make a lattice
_COARSE = 4  # steps in the range for each sample: finer, all samples could have values of their own
_FINE = 1e-6  # of the range: what floats may be off


def quantum(y: np.ndarray) -> np.ndarray:
    """(m,) the step of y (n, m) where it is rounded coarsely, else 0."""
    out = np.zeros(y.shape[1])
    if len(y) <= _FEWEST:
        return out
    for j in np.flatnonzero((y[1:] == y[:-1]).mean(axis=0) > _EQUAL):
        values = np.unique(y[:, j])
        apart = np.diff(values)
        least = _FINE * (values[-1] - values[0])
        apart = apart[apart > least]
        if len(apart) + 1 < _FEWEST:
            continue
        step = apart.min()
        while (left := np.abs(apart - step * np.round(apart / step))).max() > least:  # as Euclid did
            step = left[left > least].min()
        if step * len(y) * _COARSE >= values[-1] - values[0]:
            out[j] = step
    return out


def floored(sigma: np.ndarray, y: np.ndarray, step: np.ndarray) -> np.ndarray:
    """σ (m,) of averages over samples y (n, m), no less than the rounding to ``step`` (m,) leaves."""
    for j in np.flatnonzero(sigma < step / np.sqrt(12)):
        edges = np.flatnonzero(np.diff(y[:, j], prepend=np.inf, append=np.inf))
        runs = np.diff(edges)
        sigma[j] = step[j] * np.sqrt((runs**2).sum() / runs.sum() / 12)
    return sigma
