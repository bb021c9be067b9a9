"""Jumps of the curve itself, which no local polynomial follows: looked for, and told of.

A jump is one step between neighbours far larger than all steps about it, from a level that held on one side to one
that holds on the other: the straight lines through a few samples of each side, prolonged to the middle of the gap,
differ by about that step, and by far more than they scatter. A steep rise has steps as large beside its largest, an
outlier one that leads back, a burst of noise both; a random walk and rounded values have steps of one size throughout.
"""

from __future__ import annotations

import numpy as np

_SIDE = 8  # samples of a side
_USUAL = 8.0  # times the median step: worth a look
_BESIDE = 4.0  # times the largest step beside it, and what pairs of steps say of its gap; a square root's start: 2.4
_SCATTER = 6.0  # times what the two lines leave
_WIDER = 1.5  # times the widest gap beside it, beyond which the curve may have moved there
_LOOK, _MOST = 4096, 64  # steps that tell the median, and candidates of a channel
_NAMED = 3  # jumps that are told one by one


def found(t: np.ndarray, y: np.ndarray) -> list[float]:
    """The places where a channel of y (n, m) without gaps jumps, in order, each once."""
    if len(t) < 2 * _SIDE:
        return []
    steps = np.abs(np.diff(y, axis=0))
    some = steps[:: max(1, len(steps) // _LOOK)]
    usual, largest = np.median(some, axis=0), steps.max(axis=0)
    places: set[int] = set()
    for j in np.flatnonzero(largest > _USUAL * usual):
        places.update(_places(t, y[:, j], steps[:, j], float(usual[j])))
    return [_named(t, i) for i in sorted(places)]


def told(places: list[float]) -> str:
    """A sentence on them; none for none."""
    places = sorted(set(places))
    if not places:
        return ""
    listed = ", ".join(f"{x:.15g}" for x in places[:_NAMED])
    more = len(places) - _NAMED
    where = f"{listed} and {more} other place{'s' * (more > 1)}" if more > 0 else listed
    there = "there" if len(places) == 1 else "at each"
    return (
        f"The data jump near t = {where}: no smooth curve follows that, and the noise looks larger or correlated for "
        f'it. Cut the data {there} and fit each part by itself, or use side="left" before it and side="right" behind.'
    )


def _places(t: np.ndarray, y: np.ndarray, steps: np.ndarray, usual: float) -> list[int]:
    """The places i such that y jumps between t[i] and t[i + 1]."""
    moving = steps[steps > 0]
    if moving.size < steps.size:  # rounded values, or none that changes but once
        usual = float(np.median(moving)) if moving.size > 1 else 0.0
    high = np.flatnonzero(steps > _USUAL * usual)
    high = high[(high >= _SIDE - 1) & (high <= len(steps) - _SIDE)]
    if high.size > _MOST:
        high = np.sort(high[np.argpartition(steps[high], -_MOST)[-_MOST:]])
    if not high.size:
        return []
    rows = high[:, None] + np.arange(1 - _SIDE, _SIDE)  # the steps about each, itself in the middle
    gaps = t[rows + 1] - t[rows]
    beside = np.delete(steps[rows], _SIDE - 1, axis=1).max(axis=1)
    wide = gaps[:, _SIDE - 1] > _WIDER * np.delete(gaps, _SIDE - 1, axis=1).max(axis=1)
    low, top = (np.arange(first, first + _SIDE - 2) for first in (1 - _SIDE, 1))
    pairs = high[:, None] + np.r_[low, top]
    rise = np.abs(y[pairs + 2] - y[pairs]) / (t[pairs + 2] - t[pairs])
    beside = np.maximum(beside, rise.max(axis=1) * gaps[:, _SIDE - 1])
    high = high[(steps[high] > _BESIDE * beside) & ~wide]
    if not high.size:
        return []
    middle = (t[high] + t[high + 1]) / 2
    left, low, a = _line(t, y, high[:, None] + np.arange(1 - _SIDE, 1), middle)
    right, top, b = _line(t, y, high[:, None] + np.arange(1, _SIDE + 1), middle)
    across, step = right - left, y[high + 1] - y[high]
    share = across / step
    clear = np.abs(across) > _SCATTER * np.sqrt((a + b) * np.maximum(low, top))
    return [int(i) for i in high[clear & (share > 0.5) & (share < 2)]]


def _line(t: np.ndarray, y: np.ndarray, rows: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the straight line through each row of samples: its value at x, the scatter σ² about it, and its lever."""
    mean, level = t[rows].mean(axis=1), y[rows].mean(axis=1)
    s, v = t[rows] - mean[:, None], y[rows] - level[:, None]
    total = (s * s).sum(axis=1)
    slope = (s * v).sum(axis=1) / total
    scatter = ((v - slope[:, None] * s) ** 2).sum(axis=1) / (rows.shape[1] - 2)
    away = x - mean
    return level + slope * away, scatter, 1 / rows.shape[1] + away**2 / total


def _named(t: np.ndarray, i: int) -> float:
    """The middle of a gap with as many decimals as tell it from others."""
    decimals = int(np.ceil(-np.log10(t[i + 1] - t[i])))
    return float(np.round((t[i] + t[i + 1]) / 2, decimals))
