"""The phase of an oscillation, counted along the whole series: windows of a few turns, joined where they agree.

The width is the one at which a wave of linear amplitude and phase has its frequency surest, with what it leaves taken
for noise. Each window's phase must lead to its neighbour's at the frequencies that both have: then the turns between
them are counted for certain.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compress import blocks, frames

_RATIO = 1.5
_SAMPLE = 48  # windows by which a width is judged
_LEAST = 12  # turns in the series
_AGREE = 1.0  # radians by which neighbours may differ
_PART = 0.9  # of the windows, in which a frequency is as sure as said
_ORDER = 1
_WIDER = 3


def count(kind: Any, t: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """Φ(t) (n,), increasing, or None where there is no one phase all along."""
    group = kind.thinning(t, y, 1, max(1, t.size // 500))
    if group > 1:
        whole = t.size // group * group
        thin, means = (one[:whole].reshape(-1, group).mean(axis=1) for one in (t, y))
    else:
        thin, means = t, y
    half = _width(kind, thin, means)
    if half is None:
        return None
    for _ in range(_WIDER):  # a wave that is clear in nearly all windows is so in wider ones
        nodes = np.linspace(thin[0], thin[-1], int(np.ceil((thin[-1] - thin[0]) / half * 2)) + 1)
        theta, _, good = _fits(kind, thin, means, nodes, half)
        if good.all():
            break
        half *= _RATIO
    else:
        return None
    step, omega, phase = nodes[1] - nodes[0], theta[1], theta[2]
    turn = (omega[1:] + omega[:-1]) / 2 * step
    off = np.diff(phase) - turn
    off -= 2 * np.pi * np.round(off / (2 * np.pi))
    phase = phase[0] + np.concatenate([[0.0], np.cumsum(turn + off)])
    if np.abs(off).max() > _AGREE or phase[-1] - phase[0] < 2 * np.pi * _LEAST:
        return None
    return _joined(nodes, phase, omega, t)


def _width(kind: Any, t: np.ndarray, y: np.ndarray) -> float | None:
    """The half-width, or None where no width shows a wave all along."""
    spacing, reach = float(np.median(np.diff(t))), (t[-1] - t[0]) / 2
    half, best, least = 6.0 * spacing, None, np.inf
    while half < reach / 4:
        nodes = np.linspace(t[0], t[-1], int(np.clip((t[-1] - t[0]) / half, 12, _SAMPLE)))
        _, error, good = _fits(kind, t, y, nodes, half)
        if good.mean() > 0.95:
            unsure = float(np.quantile(error[good], _PART))
            if unsure < least:
                best, least = float(half), unsure
            elif unsure > 3 * least:
                break
        half *= _RATIO
    return best


def _fits(
    kind: Any, t: np.ndarray, y: np.ndarray, nodes: np.ndarray, half: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """θ (4, k), the error of ω, and where there is a wave for certain."""
    windows = frames(t, nodes, np.full(nodes.size, half), "both")
    carrier = kind.carriers(t, y, windows, _ORDER)
    theta = np.full((len(kind.names), nodes.size), np.nan)
    error, good = np.full(nodes.size, np.inf), np.zeros(nodes.size, dtype=bool)
    for places, block in blocks(t, y, windows, kind.basis, kind.size, carrier):
        start = kind.locate(block, carrier[places], _ORDER)
        one = kind.answers(block, windows[places], start, carrier[places], (_ORDER,))[_ORDER]
        scale = one.rest / np.maximum(one.freedom, 1)
        error[places], theta[:, places] = one.lever[1] * np.sqrt(scale), one.theta
        # a spurious wave would count turns that are not there
        clear = (one.signal**2 > 25 * scale) & (one.theta[1] > 0) & (one.freedom >= 4)
        good[places] = clear & ~one.doubt[:, 0]
    return theta, error, good


def _joined(nodes: np.ndarray, phase: np.ndarray, omega: np.ndarray, t: np.ndarray) -> np.ndarray | None:
    """The cubics through phases and frequencies (Hermite); None where they run backwards."""
    step = nodes[1] - nodes[0]
    k = np.clip(((t - nodes[0]) / step).astype(int), 0, nodes.size - 2)
    x = (t - nodes[k]) / step
    rise = phase[k + 1] - phase[k]
    first, last = omega[k] * step, omega[k + 1] * step
    out = phase[k] + x * (first + x * (3 * rise - 2 * first - last + x * (first + last - 2 * rise)))
    return out if (np.diff(out) > 0).all() else None
