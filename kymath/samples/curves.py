"""Smooth curves through values at unequal places: local polynomials, degree and width chosen along the series.

What degree p misses shows as its difference d from degree p + 2 in the same window: d² less what noise makes of it is
the squared bias (Fan and Gijbels, J. R. Statist. Soc. B 57, 1995). The choice has the least bias² + variance with half
a deviation of its estimate on top, first for the whole series; halves of it, and halves of these, choose for themselves
where that gains two deviations. The errors hold the bias² that was measured, doubled, and part of its scatter. The
noise is the least that any candidate leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .between import read, stencil
from .compress import legendre

_TOP = 8  # degree
_NODES = 192
_LEAF = 12  # nodes in the smallest part that chooses for itself
_RATIO = 1.3
_DENSITY = 12  # nodes per half window
_SPARE = 3  # samples in a window beyond the degree's
_GAIN = 3.0  # standard deviations
_SURE = 4.0  # and twice as many where there is but one window: squares have long tails
_SLOW, _UNSEEN = 2.0, 0.15  # what the errors hold of the squared bias that is seen, and of its standard deviation
_UNSEEN_END = 0.5  # and of that within a half-width of an end, where all windows hold the same samples


@dataclass(frozen=True)
class Curve:
    """At points (k,): value and slope with their errors, and the half-width of the windows."""

    value: np.ndarray
    slope: np.ndarray
    value_error: np.ndarray
    slope_error: np.ndarray
    half: np.ndarray


@dataclass(frozen=True)
class Local:
    """Local polynomials at nodes (k,): ``base`` (k,) + Σ c (k, D+1) times orthonormal ones, of which ``value`` and
    ``slope`` are those at the node; ``rest``: what each degree leaves; ``count``: samples in the window."""

    base: np.ndarray
    c: np.ndarray
    value: np.ndarray
    slope: np.ndarray
    rest: np.ndarray
    count: np.ndarray


def local(
    t: np.ndarray, y: np.ndarray, lever: np.ndarray, nodes: np.ndarray, half: float, side: str, top: int
) -> Local:
    """Windows of one width; at an end they move in and keep their length."""
    left, right = nodes - half * (side != "right"), nodes + half * (side != "left")
    if side == "both":
        move = np.maximum(t[0] - left, 0) - np.maximum(right - t[-1], 0)
        left, right = left + move, right + move
    slack = 1e-9 * half
    lo, hi = np.searchsorted(t, left - slack), np.searchsorted(t, right + slack, "right")
    count = hi - lo
    index = lo[:, None] + np.arange(max(int(count.max()), top + 1))
    inside = index < hi[:, None]
    index = np.minimum(index, t.size - 1)
    middle = (left + right) / 2
    u = np.where(inside, (t[index] - middle[:, None]) / half, 0.0)
    weight = np.where(inside, 1 / lever[index], 0.0)
    base = np.average(np.where(inside, y[index], 0.0), axis=1, weights=inside + 1e-300)
    values = np.where(inside, y[index] - base[:, None], 0.0) * weight
    q, r = np.linalg.qr(legendre(u, top) * weight[..., None])
    c = np.matmul(values[:, None, :], q)[:, 0]
    left_over = values - np.matmul(q, c[..., None])[..., 0]
    last = np.einsum("ij,ij->i", left_over, left_over)
    energy = np.cumsum((c * c)[:, ::-1], axis=1)[:, ::-1]
    rest = last[:, None] + np.concatenate([energy[:, 1:], np.zeros((c.shape[0], 1))], axis=1)
    u0 = (nodes - middle) / half
    plain = legendre(u0, top)
    slope = np.zeros_like(plain)
    for k in range(1, top + 1):  # P_k′ = P_{k−2}′ + (2k − 1) P_{k−1}
        slope[:, k] = (slope[:, k - 2] if k > 1 else 0) + (2 * k - 1) * plain[:, k - 1]
    diagonal = np.einsum("kii->ki", r)
    # too few samples for that degree, or none at all
    diagonal[~(np.abs(diagonal) > 1e-9 * np.abs(diagonal[:, :1]))] = 1e100
    inverse = np.linalg.inv(r)
    value = np.einsum("ki,kij->kj", plain, inverse)
    slope = np.einsum("ki,kij->kj", slope, inverse) / half
    value[count == 0], slope[count == 0] = np.nan, np.nan
    return Local(base, c, value, slope, rest, count)


@dataclass(frozen=True)
class Seen:
    """Candidates (c,) at the nodes (c, k): bias² and its standard deviation by noise, variance; NaN: none there."""

    half: np.ndarray
    degree: np.ndarray
    bias: np.ndarray
    chance: np.ndarray
    variance: np.ndarray
    apart: np.ndarray  # independent windows per node

    def risks(self, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
        """(c,) the risk over some nodes, and its scatter: more than a deviation where windows are few."""
        part = slice(low, high)
        bias, chance, variance = (one[:, part] for one in (self.bias, self.chance, self.variance))
        free = np.clip(self.apart * (high - low), 1, high - low)
        spread = chance.mean(axis=1) / np.sqrt(free)
        bias = bias.mean(axis=1)
        for p in np.unique(self.degree):  # what is sure at a narrow window holds at wider ones too
            of = self.degree == p
            bias[of] = np.maximum(bias[of], np.fmax.accumulate((bias - (_SURE + _SURE / free) * spread)[of]))
        total = variance.mean(axis=1) + np.maximum(bias, 0) + spread / 2
        return np.where(np.isfinite(total), total, np.inf), spread * (1 + 2 / free)

    def tree(self) -> np.ndarray:
        """The candidate of each node."""
        which = np.zeros(self.bias.shape[1], dtype=int)
        total = self.risks(0, which.size)[0]
        stack = [(0, which.size, int(np.argmin(total)))]
        while stack:
            low, high, held = stack.pop()
            which[low:high] = held
            middle = (low + high) // 2
            if middle - low < _LEAF:
                continue
            for a, b in ((low, middle), (middle, high)):
                total, spread = self.risks(a, b)
                mine = int(np.argmin(total))
                gain = total[held] - total[mine]
                stack.append((a, b, mine if gain > _GAIN * np.hypot(spread[held], spread[mine]) else held))
        return which


def along(t: np.ndarray, y: np.ndarray, lever: np.ndarray, at: np.ndarray, side: str, slope: bool) -> Curve | None:
    """The curve at points; ``slope``: chosen for its slope, else for its value. ``lever``: errors of y for σ = 1."""
    nodes = np.linspace(t[0], t[-1], _NODES)
    span = float(t[-1] - t[0])
    reach = span / 2 if side == "both" else span
    half, levels, rows = (_SPARE + 1) / 2 * span / t.size, [], []
    while True:
        half = min(half, reach)
        step = max(1, int(_NODES / np.clip(6 * span / half, 12, _NODES)))
        found = local(t, y, lever, nodes[::step], half, side, _TOP + 2)
        near = np.minimum((np.arange(_NODES) + step // 2) // step, found.count.size - 1)
        by = found.slope if slope else found.value
        for p in range(int(slope), _TOP + 1):
            enough = found.count > p + _SPARE
            if enough.mean() < 0.5:
                break
            left = float(np.sum((found.count - p - 1)[enough]))
            if left > min(40, t.size / 3):
                levels.append(np.sum(found.rest[enough, p]) / left)
            d = (found.c[:, p + 1 : p + 3] * by[:, p + 1 : p + 3]).sum(axis=1)
            noise = (by[:, p + 1 : p + 3] ** 2).sum(axis=1)
            variance = np.where(enough, (by[:, : p + 1] ** 2).sum(axis=1), np.nan)
            apart = 0.5 * (p + 1) * span / half / _NODES
            rows.append((half, p, (d * d)[near], noise[near], variance[near], apart))
        if half >= reach:
            break
        half *= _RATIO
    if not levels:
        return None
    rounding = 4 * np.finfo(float).eps * np.max(np.abs(y)) / np.min(lever)
    sigma2 = max(min(levels), rounding**2)
    halves, degrees, square, noise, variance, free = (np.array(one) for one in zip(*rows, strict=True))
    noise, variance = sigma2 * noise, sigma2 * variance
    seen = Seen(halves, degrees, square - noise, np.sqrt(2) * noise, variance, free)
    return _read(t, y, lever, nodes, seen, np.sqrt(sigma2), at, side)


def _excess(seen: Seen, j: int, nodes: np.ndarray) -> np.ndarray:
    """What a candidate's bias adds to its variance, in units of that, at the nodes: windows within a half-width."""
    chance = seen.chance[j]  # it sets the scale: windows at an end are many times worse than those inside
    with np.errstate(all="ignore"):
        bias, size = (np.nan_to_num(one, posinf=0.0) for one in (seen.bias[j] / chance, chance / seen.variance[j]))
    wide = int(np.clip(seen.half[j] / (nodes[1] - nodes[0]), 1, nodes.size // 2))
    index = np.clip(np.arange(-wide, wide + 1) + np.arange(nodes.size)[:, None], 0, nodes.size - 1)
    away = np.minimum(nodes - nodes[0], nodes[-1] - nodes)
    unseen = np.where(away < seen.half[j], _UNSEEN_END, _UNSEEN)
    return (np.maximum(_SLOW * bias[index].mean(axis=1), 0) + unseen) * size


def _read(
    t: np.ndarray,
    y: np.ndarray,
    lever: np.ndarray,
    nodes: np.ndarray,
    seen: Seen,
    sigma: float,
    at: np.ndarray,
    side: str,
) -> Curve:
    which = seen.tree()
    pick = which[np.searchsorted((nodes[1:] + nodes[:-1]) / 2, at)]
    out = np.empty((4, at.size))
    for j in np.unique(pick):
        some = np.flatnonzero(pick == j)
        half, p = float(seen.half[j]), int(seen.degree[j])
        low, high = at[some].min(), at[some].max()
        count = int(np.ceil((high - low) / half * _DENSITY)) + 6
        direct = 2 * count > some.size
        places = at[some] if direct else np.linspace(low, high, count)
        found = local(t, y, lever, places, half, side, p)
        swell = sigma * np.sqrt(1 + np.interp(places, nodes, _excess(seen, int(j), nodes)))
        rows = [found.base + (found.c * found.value).sum(axis=1), (found.c * found.slope).sum(axis=1)]
        rows += [swell * np.sqrt((by**2).sum(axis=1)) for by in (found.value, found.slope)]
        out[:, some] = rows if direct else read(np.array(rows), *stencil(places, at[some]))
    return Curve(out[0], out[1], out[2], out[3], seen.half[pick])
