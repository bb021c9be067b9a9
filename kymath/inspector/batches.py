"""Curves of one window side by side, as arrays: what is asked of thousands of heads is asked of all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .curve import ConnectionCurve

_CELLS = 2**21  # numbers of one batch


@dataclass(frozen=True)
class Batch:
    """Curves (rows) over their visible lags (n,), those with a finite bias; ``index`` says which curves they are.

    ``shape`` (rows, n) is the bias less its mean, over ``size`` (rows,), a power of two that keeps it within about ±1;
    ``level`` (rows,) is the mean taken off, over ``size`` too. ``weights`` (rows, n) are those of the visible slots.
    """

    index: np.ndarray
    lags: np.ndarray
    shape: np.ndarray
    level: np.ndarray
    size: np.ndarray
    weights: np.ndarray
    middle: float  # of the whole window

    @property
    def spread(self) -> np.ndarray:
        """Largest less smallest bias, in nats."""
        return self.in_nats(np.ptp(self.shape, axis=1))

    def in_nats(self, values: np.ndarray) -> np.ndarray:
        """Numbers (…, rows) times ``size``; what doubles do not hold is infinite."""
        with np.errstate(over="ignore"):
            return np.asarray(values * self.size)


def batches(curves: Sequence[ConnectionCurve]) -> Iterator[Batch]:
    """The curves by window and by what of it is visible, some million numbers at a time; broken ones are left out."""
    groups: dict[tuple[bytes, bytes], list[int]] = {}
    for i, curve in enumerate(curves):
        if not curve.broken:
            groups.setdefault((curve.lags.tobytes(), curve.visible.tobytes()), []).append(i)
    for members in groups.values():
        step = max(1, _CELLS // curves[members[0]].lags.size)
        for first in range(0, len(members), step):
            yield _batch(curves, members[first : first + step])


def _batch(curves: Sequence[ConnectionCurve], members: list[int]) -> Batch:
    one = curves[members[0]]
    seen = one.visible
    bias = np.stack([curves[i].bias[seen] for i in members])
    largest = np.max(np.abs(bias), axis=1)
    # a power of two changes no digit, and sums of the largest numbers stay finite
    size = np.ldexp(1.0, np.clip(np.frexp(largest)[1], -1000, 1000))
    shape = bias / size[:, None]
    level = shape.mean(axis=1)
    return Batch(
        index=np.array(members),
        lags=one.lags[seen],
        shape=shape - level[:, None],
        level=level,
        size=size,
        weights=np.stack([curves[i].weights[seen] for i in members]),
        middle=float(one.lags[0] + one.lags[-1]) / 2,
    )
