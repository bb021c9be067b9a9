"""What a plain oscillation misses inside windows whose width is given: its step to a wave that may vary there.

Where that step is no chance, the standard errors should hold it. What it leaves in the residuals has widened them
already, as those of any least-squares fit, so that only what goes beyond is lacking.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compress import blocks, frames

_ORDER = 3  # the lowest whose frequency sees how the field bends
_FREEDOM, _POOLED = 4, 8.0  # degrees of freedom: at least, and of the series' noise that is lent to a window
_TURNS = 2.5  # in a window: in fewer, what varies passes for another wave
_SHARED = 2.0  # radians per half window: frequencies so near share a carrier
_QUICK = 0.8 * np.pi  # from sample to sample: a quicker one that varies passes for its mirror beyond half a turn
_DENSITY, _LEAST, _MOST = 4.0, 24, 600  # nodes in a half-width, and all
_SURE, _HERE = 6.0, 15.0  # a mean of squares beyond chance, over 1: for one window, and for one of many
_TWICE = 2.0  # the bias² that is seen, in the errors


def missed(
    kind: Any, t: np.ndarray, y: np.ndarray, at: np.ndarray, half: np.ndarray, side: str, omega: np.ndarray,
    swell: np.ndarray
) -> np.ndarray:  # fmt: skip
    """(p, k) what the squared errors at the points lack, where frequencies ω were found; ``swell`` (k,): the noise's
    power at them, over that of white noise."""
    line = np.argsort(at, kind="stable")
    span, wide = float(np.ptp(at)), float(np.median(half))
    count = int(np.clip(_DENSITY * span / wide, _LEAST, _MOST)) + 1
    some = line[np.unique(np.round(np.linspace(0, at.size - 1, min(count, at.size))).astype(int))]
    step, chance, clean, told = _steps(kind, t, y, at[some], half[some], side, omega[some])
    chance, clean, told = (one * swell[some] for one in (chance, clean, told))
    with np.errstate(all="ignore"):
        share = step**2 / chance
    known = np.isfinite(share)
    share = np.where(known, share, 0.0)
    everywhere = share.sum(axis=1) > known.sum(axis=1) * (1 + _SURE / np.sqrt(max(1.0, span / (2 * wide))))
    number = np.maximum(_beside(known.astype(float)), 1)
    mean = _beside(share) / number
    seen = (mean > 1 + _HERE) | (everywhere[:, None] & (mean > 1))
    bias = _beside(np.where(known, step**2 - chance, 0.0)) / number
    lacks = np.where(seen, np.maximum(clean + _TWICE * np.maximum(bias, 0) - told, 0), 0.0)
    return np.array([np.interp(at, at[some], np.nan_to_num(one)) for one in lacks])


def _beside(values: np.ndarray) -> np.ndarray:
    """Sums over each node and its neighbours."""
    wide = np.pad(values, ((0, 0), (1, 1)))
    return np.asarray(wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:])


def _steps(
    kind: Any, t: np.ndarray, y: np.ndarray, at: np.ndarray, half: np.ndarray, side: str, omega: np.ndarray
) -> tuple[np.ndarray, ...]:
    """(p, k) the steps, their variances by noise, and the plain fit's own: by noise alone, and as it is told."""
    windows = frames(t, at, half, side, False)
    steps, more, lever = (np.full((len(kind.names), at.size), np.nan) for _ in range(3))
    rest, freedom, own = (np.full(at.size, np.nan) for _ in range(3))
    kappa = omega * windows.half
    slow = 2 * kappa < _QUICK * (windows.count - 1)
    enough = np.flatnonzero((windows.count >= kind.least) & (kappa >= _TURNS * np.pi) & slow)
    windows, kappa = windows[enough], kappa[enough]
    carrier = _SHARED * np.round(kappa / _SHARED)
    for places, block in blocks(t, y, windows, kind.basis, kind.size, carrier):
        near, here, now = carrier[places], windows[places], enough[places]
        # a wave that may vary does so about any frequency nearby
        plain, free = (kind.answers(block, here, kappa[places] - near, near, (q,))[q] for q in (0, _ORDER))
        step = free.theta - plain.theta
        step[2] -= 2 * np.pi * np.round(step[2] / (2 * np.pi))
        steps[:, now], lever[:, now] = step, plain.lever**2
        more[:, now] = np.maximum(free.lever**2 - plain.lever**2, 1e-6 * plain.lever**2)
        rest[now], freedom[now], own[now] = free.rest, free.freedom, plain.rest / plain.freedom
    rest = np.where(freedom >= _FREEDOM, rest, np.nan)
    floor = (1e-12 * np.max(np.abs(y))) ** 2
    ratio = rest / freedom
    pooled = np.median(ratio[np.isfinite(ratio)]) if np.isfinite(ratio).any() else np.nan
    noise = np.maximum((rest + _POOLED * pooled) / (freedom + _POOLED), floor)
    return steps, more * noise, lever * np.minimum(noise, own), lever * own
