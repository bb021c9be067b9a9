"""Waves on both sides of a gap: how often they turn inside it may be anyone's guess.

Where a window holds a wide gap, what it leaves of y has minima at frequencies 2π apart in the gap. The short pieces
beside it may not tell these apart; the least of them is then as sure of itself as any, and may be the wrong one.
"""

from __future__ import annotations

import numpy as np

from .compress import Frames

_SHARE, _USUAL = 0.1, 10.0  # a wide gap: of its window, and times the spacing
_TURNS = 3.0  # in the gap, more or less, that are looked at
_STEP, _OWN = 0.1, 0.3  # radians per half window: between frequencies, and within which they are the answer itself
_ERRORS = 6.0  # within so many of its errors, and half a turn in the gap, others are no contradiction
_CHANCE = 25.0  # a sum of squares, over σ², that is no chance
_ROUGH = 0.01  # what a parabola through three frequencies may be off
_CELLS = 500_000  # samples times frequencies at a time


def ambiguous(
    t: np.ndarray,
    y: np.ndarray,
    windows: Frames,
    found: tuple[np.ndarray, np.ndarray],
    rest: np.ndarray,
    variance: np.ndarray,
    offset: bool,
) -> np.ndarray:
    """Whether in windows (k,) with a gap another frequency does as well as the one ``found`` (ω and its error), which
    leaves the sum of squares ``rest``; ``offset``: beside a constant."""
    out = np.zeros(rest.size, dtype=bool)
    gaps = np.diff(t)
    wide = np.flatnonzero(gaps > _USUAL * np.median(gaps))
    first, last = np.searchsorted(wide, windows.lo), np.searchsorted(wide, windows.hi - 1)
    some = np.flatnonzero((last > first) & np.isfinite(found[0] + found[1] + variance) & (windows.count > 0))
    if not some.size:
        return out
    ends = np.stack([first[some], last[some]], axis=1).ravel()
    largest = np.maximum.reduceat(np.append(gaps[wide], 0.0), ends)[::2]
    kept = largest > 2 * _SHARE * windows.half[some]
    some, largest = some[kept], largest[kept]
    # windows of one gap overlap: one grid of frequencies, and sums along the samples, serve all of them
    for gap in np.unique(largest):
        here = some[largest == gap]
        out[here] = _others(
            t, y, windows[here], found[0][here], found[1][here], rest[here], variance[here], gap, offset
        )
    return out


def _others(
    t: np.ndarray,
    y: np.ndarray,
    windows: Frames,
    omega: np.ndarray,
    error: np.ndarray,
    rest: np.ndarray,
    variance: np.ndarray,
    gap: float,
    offset: bool,
) -> np.ndarray:
    begin, end = int(windows.lo.min()), int(windows.hi.max())
    lo, hi, step = windows.lo - begin, windows.hi - begin, _STEP / float(windows.half.max())
    u, values = t[begin:end] - t[begin:end].mean(), y[begin:end] - y[begin:end].mean()
    count = hi - lo

    def sums(rows: np.ndarray) -> np.ndarray:
        along = np.concatenate([np.zeros((*rows.shape[:-1], 1)), np.cumsum(rows, axis=-1)], axis=-1)
        return np.asarray(along[..., hi] - along[..., lo])

    level = sums(values) / count if offset else np.zeros(count.size)
    if not offset:
        values = y[begin:end]
    explained = sums(values**2) - count * level**2 - rest
    reach = _TURNS * 2 * np.pi / gap
    near = np.maximum(np.minimum(_ERRORS * error, np.pi / gap), _OWN / windows.half)
    own, other = np.full(count.size, -np.inf), np.full(count.size, -np.inf)
    # frequencies far above the others' are the fits of nothing: off the grid, they are refused
    low, high = max(float(omega.min()) - reach, 0.0), min(float(omega.max()), 2 * float(np.median(omega))) + reach
    every = np.arange(low, max(high, low) + 3 * step, step)
    for part in np.array_split(np.arange(1, every.size - 1), min(every.size * u.size // _CELLS + 1, every.size - 2)):
        grid = every[part[0] - 1 : part[-1] + 2]
        turn = np.exp(1j * grid[:, None] * u)
        one, two, right = sums(turn), sums(turn**2), sums(turn * values)
        right -= level * one
        cc, ss, cs = (count + two.real) / 2, (count - two.real) / 2, two.imag / 2
        if offset:
            cc, ss = cc - one.real**2 / count, ss - one.imag**2 / count
            cs = cs - one.real * one.imag / count
        det = cc * ss - cs**2
        gain = (ss * right.real**2 - 2 * cs * right.real * right.imag + cc * right.imag**2) / det
        gain = np.where(det > 1e-10 * count**2, gain, 0.0)
        before, now, after = gain[:-2], gain[1:-1], gain[2:]
        bend = np.maximum(2 * now - before - after, 1e-300)
        top = now + np.where((now >= before) & (now >= after), (after - before) ** 2 / (8 * bend), 0.0)
        away = np.abs(grid[1:-1, None] - omega)
        own = np.maximum(own, np.where(away <= step, top, -np.inf).max(axis=0))
        other = np.maximum(other, np.where(away > near, top, -np.inf).max(axis=0))
    # a fit that has not come to its end leaves more than it says
    explained = np.minimum(explained, own * (1 + _ROUGH))
    return np.asarray(other > explained - _CHANCE * variance)
