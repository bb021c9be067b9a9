"""Bins of the series with their moments, merged pairwise to ever wider bins.

A bin keeps Σ P_q(v) and Σ P_q(v) y for the Legendre polynomials P_q, q < 14, in its own coordinate v ∈ [−1, 1], so
nothing large is ever subtracted (cumulative moments lose all digits on a long series). Two bins merge by a matrix,
P_q((v ∓ 1)/2) = Σ_r T[q, r] P_r(v). Each sum is kept whole and signed by the half its sample belongs to (pattern 0110),
from which the two halves follow.

Windows of one width need no bins: their sums follow from running sums (``moving``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre

ORDERS = 14
_CHUNK = 1 << 15
_GOLDEN = (5**0.5 - 1) / 2
_SLIDE = 1 << 12  # windows of a run, and the samples of running sums: longer ones lose digits


@dataclass(frozen=True, eq=False)
class Level:
    """Equal bins from ``start`` on: ``count`` (2, bins, 14) and ``total`` (2, bins, 14, m); axis 0: whole, signed."""

    start: float
    width: float
    count: np.ndarray
    total: np.ndarray

    @property
    def bins(self) -> int:
        return self.count.shape[1]

    def edges(self, j: np.ndarray) -> np.ndarray:
        return self.start + self.width * j

    def half(self, which: int) -> Level:
        """The level of one half of the samples, 0 or 1, in place of all (no halves of its own)."""
        sign = 1 - 2 * which
        return Level(
            self.start,
            self.width,
            (self.count[:1] + sign * self.count[1:]) / 2,
            (self.total[:1] + sign * self.total[1:]) / 2,
        )


def build(
    t: np.ndarray, y: np.ndarray, start: float, width: float, bins: int, levels: int, block: int = 1
) -> list[Level]:
    """The levels over [start, start + bins·width], the finest first; each has half as many bins as the one before.

    ``block`` is the number of neighbouring samples that stay in one half.
    """
    t = t - start
    place = np.clip((t / width).astype(np.int64), 0, bins - 1)
    channels = y.shape[1]
    count, total = np.zeros((2, bins, ORDERS)), np.zeros((2, bins, ORDERS, channels))
    bounds = np.searchsorted(place, np.arange(bins + 1))
    step = max(1, _CHUNK // (1 + channels))
    rows = 1 + channels
    low = 0
    while low < len(t):
        # whole bins, as many as fit a chunk
        last = int(np.searchsorted(bounds, min(low + step, len(t)), side="right")) - 1
        high = int(bounds[last]) if bounds[last] > low else int(bounds[place[low] + 1])
        own = place[low:high]
        v = 2 * (t[low:high] - width * own) / width - 1
        sign = 1.0 - 2.0 * ((((np.arange(low, high) // block) + 1) // 2) % 2)
        first = np.flatnonzero(np.diff(own, prepend=-1))
        into = own[first]
        columns = np.empty((2 * rows, high - low))  # 1, y, and both signed
        columns[0], columns[1:rows] = 1.0, y[low:high].T
        np.multiply(columns[:rows], sign, out=columns[rows:])
        term = np.empty_like(columns)
        before, now = np.zeros_like(v), np.ones_like(v)
        for q in range(ORDERS):
            sums = np.add.reduceat(np.multiply(columns, now, out=term), first, axis=1)
            count[:, into, q] = sums[[0, rows]]
            total[0, into, q], total[1, into, q] = sums[1:rows].T, sums[rows + 1 :].T
            before, now = now, ((2 * q + 1) / (q + 1)) * v * now - (q / (q + 1)) * before
        low = high
    pyramid = [Level(start, width, count, total)]
    for _ in range(levels):
        count, total = _merged(count), _merged(total)
        width *= 2
        pyramid.append(Level(start, width, count, total))
    return pyramid


def _merged(moments: np.ndarray) -> np.ndarray:
    left, right = merging()
    a, b = moments[:, 0::2], moments[:, 1::2]
    if moments.ndim == 3:
        return a @ left.T + b @ right.T
    return np.matmul(left, a) + np.matmul(right, b)


@lru_cache(maxsize=1)
def merging() -> tuple[np.ndarray, np.ndarray]:
    """T for the left and the right child: P_q((v ∓ 1)/2) = Σ_r T[q, r] P_r(v)."""
    v, weight = legendre.leggauss(ORDERS)
    basis = legendre.legvander(v, ORDERS - 1)
    dual = (basis * weight[:, None]) * (np.arange(ORDERS) + 0.5)
    left = legendre.legvander((v - 1) / 2, ORDERS - 1).T @ dual
    right = legendre.legvander((v + 1) / 2, ORDERS - 1).T @ dual
    return left, right


def moving(
    t: np.ndarray, y: np.ndarray, x: np.ndarray, half: float, side: str, powers: int
) -> Iterator[tuple[slice, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Σ u^k, k ≤ 2·powers, and Σ u^k y, k ≤ powers, over the samples of windows of one width, at sorted points x.

    Yields for a run of windows its slice, both sums (k, windows) and (k, channels, windows), and centre and radius of
    their frames: u ∈ [−1, 1] from a window's first sample to its last. A window holds one edge of blocks as long as
    itself: its sums about that edge are one difference of running sums on each side, and nothing large cancels.
    """
    length = half * (2 if side == "both" else 1)
    origin = t[0] - _GOLDEN * length  # far from all even samples: one on the edge behind would count as on that before
    left = x if side == "right" else x - half
    low = np.searchsorted(t, left, side="left")
    high = np.searchsorted(t, x if side == "left" else x + half, side="right")
    block = np.floor((t - origin) / length)
    edge = np.ceil((left - origin) / length)
    middle = np.clip(np.searchsorted(block, edge), low, high)
    count, m = 2 * powers + 1, y.shape[1]
    longest = int((high - low).max(initial=0))
    size, most = max(_SLIDE, 4 * longest), max(_SLIDE, longest)
    start = 0
    while start < len(x):
        first = min(int(np.searchsorted(block, edge[start] - 1)), int(low[start]))
        stop = min(int(np.searchsorted(high, first + size, side="right")), start + most)
        stop = max(stop, start + 1)
        here = slice(start, stop)
        some = slice(first, max(int(high[stop - 1]), first + 1))
        start = stop
        v = (t[some] - origin) / length - block[some]
        rows = np.zeros((2, count + m * (powers + 1), len(v) + 1))  # about the edge before, and the edge behind
        for about, w in zip(rows, (v, v - 1), strict=True):
            power = np.ones_like(w)
            for k in range(count):
                about[k, 1:] = power
                if k <= powers:
                    np.multiply(y[some].T, power, out=about[count + k * m : count + (k + 1) * m, 1:])
                power = power * w
            np.cumsum(about, axis=1, out=about)
        a, b, c = low[here] - first, middle[here] - first, high[here] - first
        sums = rows[0][:, c] - rows[0][:, b] + rows[1][:, b] - rows[1][:, a]
        ends = t[np.minimum(low[here], len(t) - 1)], t[np.maximum(high[here] - 1, 0)]
        centre, radius = (ends[0] + ends[1]) / 2, np.maximum((ends[1] - ends[0]) / 2, 1e-9 * half)
        shift, stretch = (centre - origin) / length - edge[here], length / radius
        ones, values = sums[:count], sums[count:].reshape(powers + 1, m, -1)
        for moments in (ones, values):
            for i in range(1, len(moments)):  # Σ (v − s)^k from Σ v^k, a Pascal triangle
                for k in range(len(moments) - 1, i - 1, -1):
                    moments[k] -= shift * moments[k - 1]
            for k in range(1, len(moments)):
                moments[k:] *= stretch
        yield here, ones, values, centre, radius
