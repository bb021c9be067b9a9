"""How alike heads are: Jensen–Shannon distances of their weights, groups of them, and heads that repeat another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .curve import ConnectionCurve

CUT = 0.1  # a distance at which clusters part
EQUAL = 0.05  # a distance below which two heads look at the same tokens
_CELLS = 2**18  # numbers held at a time


class Redundancy(NamedTuple):
    """``heads`` have another within ``within``; of each head its nearest other (−1: none) and how far it is."""

    heads: int
    nearest: np.ndarray
    distance: np.ndarray
    within: float


def similarity(curves: Sequence[ConnectionCurve], others: Sequence[ConnectionCurve] | None = None) -> np.ndarray:
    """Jensen–Shannon distances of the weights of all pairs, (heads, heads), or (heads, others).

    d(p, q)² = H((p + q)/2) − (H(p) + H(q))/2 with the entropy H in bits: 0 for equal weights, 1 for weights on
    different tokens; d is a metric (Endres & Schindelin, *IEEE Trans. Inf. Theory* 49, 2003). A lag that one of
    two windows lacks has the weight 0 there, so heads of any windows are compared by all their weights. NaN for curves
    with NaN in them. Distances below 10⁻⁷ are not told from 0.

    Beside the answer (8 bytes a pair: 0.7 GB for 9216 heads) some ten megabytes are held.

    >>> lags = np.arange(3.0)
    >>> heads = [ConnectionCurve(0, h, "by hand", lags, b) for h, b in enumerate(np.log([[8, 1, 1], [1, 1, 8]]))]
    >>> similarity(heads).round(3).tolist()
    [[0.0, 0.669], [0.669, 0.0]]
    """
    same = others is None
    columns = curves if others is None else others
    groups, other_groups = _by_window(curves), _by_window(columns)
    if len(groups) == len(other_groups) == 1:  # the answer itself, which may be large, and no copy
        return _distances(*_over_union(curves, columns), same)
    out = np.full((len(curves), len(columns)), np.nan)
    for i, rows in enumerate(groups):
        for j, cols in enumerate(other_groups):
            if same and j < i:
                continue
            p, q = _over_union([curves[k] for k in rows], [columns[k] for k in cols])
            found = _distances(p, q, same and i == j)
            out[np.ix_(rows, cols)] = found
            if same and i != j:
                out[np.ix_(cols, rows)] = found.T
    return out


def paired(curves: Sequence[ConnectionCurve], others: Sequence[ConnectionCurve]) -> np.ndarray:
    """The distance of each curve to its partner, (heads,); see :func:`similarity`.

    Over the lags that both have, the weights there scaled to sum 1: a head read over two windows has not moved. NaN
    where there are no such lags, or no weight on them.
    """
    out = np.full(len(curves), np.nan)
    groups: dict[tuple[bytes, bytes], list[int]] = {}
    for i, (one, two) in enumerate(zip(curves, others, strict=True)):
        groups.setdefault((one.lags.tobytes(), two.lags.tobytes()), []).append(i)
    for rows in groups.values():
        p, q = _common([curves[i] for i in rows], [others[i] for i in rows])
        out[rows] = _distance((p + q) / 2, _entropy(p), _entropy(q))
    return out


def clusters(distances: np.ndarray, *, cut: float = CUT) -> np.ndarray:
    """Groups of heads: labels (heads,) from 0 in the order of their first heads, −1 for heads without distances.

    Average linkage (SciPy), cut where the mean distance of two groups passes ``cut``: 0.1 is that of two exponential
    decays over many tokens whose rates are as 4 to 5. For n heads some 8 n² bytes are held
    beside the distances.

    >>> clusters(np.array([[0, 0.5, 0.02], [0.5, 0, 0.5], [0.02, 0.5, 0]])).tolist()
    [0, 1, 0]
    """
    labels = np.full(len(distances), -1)
    good = _known(distances)
    if good.size < 2:
        labels[good] = 0
        return labels
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    condensed = squareform(distances if good.size == len(distances) else distances[np.ix_(good, good)], checks=False)
    found = fcluster(linkage(condensed, "average"), cut, "distance")
    _, first, inverse = np.unique(found, return_index=True, return_inverse=True)
    labels[good] = np.argsort(np.argsort(first))[inverse]
    return labels


def redundancy(distances: np.ndarray, *, within: float = EQUAL) -> Redundancy:
    """How many heads are nearly equal to another one, whose weights lie within a distance of 0.05.

    Heads that are all nearly uniform count as equal, whatever the shapes of their small biases: their weights are.

    >>> redundancy(np.array([[0, 0.5, 0.02], [0.5, 0, 0.5], [0.02, 0.5, 0]])).heads
    2
    """
    count = len(distances)
    nearest, distance = np.full(count, -1), np.full(count, np.nan)
    for i, row in enumerate(distances):
        others = np.where(np.isnan(row), np.inf, row)
        others[i] = np.inf
        if count > 1 and np.isfinite(others.min()):
            nearest[i], distance[i] = int(others.argmin()), float(others.min())
    return Redundancy(int(np.sum(distance <= within)), nearest, distance, within)


def _known(distances: np.ndarray) -> np.ndarray:
    """The heads whose distances are all there, after those without any are left out."""
    good = np.flatnonzero(~np.isnan(np.diagonal(distances)))
    while good.size:
        missing = np.array([np.isnan(distances[i, good]).sum() for i in good])
        if not missing.any():
            break
        good = np.delete(good, int(missing.argmax()))
    return good


def _by_window(curves: Sequence[ConnectionCurve]) -> list[list[int]]:
    groups: dict[bytes, list[int]] = {}
    for i, curve in enumerate(curves):
        groups.setdefault(curve.lags.tobytes(), []).append(i)
    return list(groups.values())


def _over_union(one: Sequence[ConnectionCurve], two: Sequence[ConnectionCurve]) -> tuple[np.ndarray, np.ndarray]:
    """The weights over the lags that either window has, 0 where a window lacks one: over fewer, d is no metric."""
    lags = np.union1d(one[0].lags, two[0].lags)
    weights = []
    for curves in (one, two):
        slots = np.searchsorted(lags, curves[0].lags)
        padded = np.zeros((len(curves), lags.size))
        for row, curve in zip(padded, curves, strict=True):
            row[slots] = curve.weights
        weights.append(padded)
    return weights[0], weights[1]


def _common(one: Sequence[ConnectionCurve], two: Sequence[ConnectionCurve]) -> tuple[np.ndarray, np.ndarray]:
    """The weights over the lags that both windows have, of sum 1; NaN where there is nothing to scale."""
    both, here, there = np.intersect1d(one[0].lags, two[0].lags, return_indices=True)
    whole = both.size == one[0].lags.size == two[0].lags.size
    weights = []
    for curves, slots in ((one, here), (two, there)):
        some = np.stack([curve.weights[slots] for curve in curves])
        total = some.sum(axis=1, keepdims=True)
        if not whole:
            some = some / np.where(total > 0, total, np.nan)
        weights.append(some if both.size else np.full((len(curves), 1), np.nan))
    return weights[0], weights[1]


def _entropy(p: np.ndarray) -> np.ndarray:
    """H in nats over the last axis; scipy.special.entr would take five times as long."""
    logs = np.maximum(p, 1e-300)
    np.log(logs, out=logs)
    return np.asarray(-np.einsum("...j,...j->...", p, logs))


def _distance(mixed: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """d from the mixture (…, lags) and the entropies of its halves, in nats."""
    return np.sqrt(np.maximum(_entropy(mixed) - (first + second) / 2, 0) / np.log(2))


def _distances(p: np.ndarray, q: np.ndarray, same: bool) -> np.ndarray:
    """All pairs of rows, block by block; where both are the same rows only once, and 0 for each with itself."""
    out = np.empty((len(p), len(q)))
    hp, hq = _entropy(p), _entropy(q)
    side = max(1, int(np.sqrt(_CELLS / p.shape[1])))
    p, q = p / 2, q / 2
    for i in range(0, len(p), side):
        for j in range(i if same else 0, len(q), side):
            rows, cols = slice(i, i + side), slice(j, j + side)
            mixed = p[rows, None] + q[None, cols]
            out[rows, cols] = _distance(mixed, hp[rows, None], hq[None, cols])
            if same:
                out[cols, rows] = out[rows, cols].T
    if same:
        out[np.diag_indices(len(p))] = np.where(np.isnan(hp), np.nan, 0.0)
    return out
