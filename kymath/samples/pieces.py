"""A series with wide gaps, cut where nothing connects the two sides.

A gap is no gap to windows that are wider; but whether they may be is for the two sides to say, each by itself. So the
sides are fitted apart first, and joined where both chose windows that reach over the gap.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from . import noise
from .result import Curve, Found

WIDE = 12.0  # times the usual spacing: a gap
LEAST = 12  # samples of a side that can choose for itself

Chosen = tuple[Curve, list[noise.Noise]]


def cuts(t: np.ndarray) -> list[int]:
    """The places i such that t[i − 1] and t[i] lie on the two sides of a gap."""
    spacing = np.diff(t)
    wide = np.flatnonzero(spacing > WIDE * np.median(spacing)) + 1
    kept: list[int] = []
    for i in wide:
        if i - (kept[-1] if kept else 0) >= LEAST and len(t) - i >= LEAST:
            kept.append(int(i))
    return kept


def fitted(t: np.ndarray, y: np.ndarray, fit: Callable[[np.ndarray, np.ndarray], Chosen]) -> Chosen:
    """The curve of ``fit(t, y)`` for each piece, NaN in the gaps between, and the noise of each channel."""
    edges = [0, *cuts(t), len(t)]
    if len(edges) == 2:
        return fit(t, y)
    spans = list(pairwise(edges))
    found = [fit(t[a:b], y[a:b]) for a, b in spans]
    joined = [spans[0]]
    for (_, b), left, (a, end), right in zip(spans, found, spans[1:], found[1:], strict=False):
        reach = min(float(curve(t[i : i + 1])[2].min()) for curve, i in ((left[0], b - 1), (right[0], a)))
        if reach > t[a] - t[b - 1]:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((a, end))
    known = dict(zip(spans, found, strict=True))
    parts = [known[one] if one in known else fit(t[slice(*one)], y[slice(*one)]) for one in joined]
    if len(parts) == 1:
        return parts[0]
    counts = [b - a for a, b in joined]
    together = [noise.together(some, counts) for some in zip(*(noises for _, noises in parts), strict=True)]

    def read(x: np.ndarray) -> Found:
        pieces = []
        for (curve, _), (a, b) in zip(parts, joined, strict=True):
            here = slice(*np.searchsorted(x, [t[a], np.nextafter(t[b - 1], np.inf)]))
            if here.stop > here.start:
                pieces.append((here, curve(x[here])))
        orders, _, channels = parts[0][0](t[:1])[0].shape
        shape = orders, len(x), channels
        jets, errors, widths = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape[1:], np.nan)
        for here, (jet, error, width) in pieces:
            jets[:, here], errors[:, here], widths[here] = jet, error, width
        return jets, errors, widths

    return read, together
