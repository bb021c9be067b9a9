"""Whether the residuals of windows hang together, and by how much the errors grow then."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import correlation, misfit
from .compress import Frames, blocks
from .correlation import Correlation

MOST = 4096  # samples whose residuals are looked at where no answer is asked for at all of them
LEAST = 100
PERHAPS = "The noise may be correlated, and few windows have an answer: those of some uncertainty are withheld."
ALLOWED = "The noise is correlated over {}: the widths and the errors allow for it."
WIDENED = "The residuals are correlated: the errors are widened for it, and a width chosen from the data is too narrow."
MISSED = (
    "The wave varies inside these windows by more than the noise, which the errors, those of least squares, do not "
    "hold: take narrower windows, or none for a width from the data."
)
SPENT = 4.0  # samples that a window's fit spends
_TURNS, _SHORT = 6, 48  # of a stretch in which a wave may vary, and its samples at least
_ORDER, _COLUMNS = 6, 17  # of the wave there, and the samples that it spends


def stretch(t: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Some samples in a row, around the middle of the points."""
    first = int(np.searchsorted(t, np.median(at))) - MOST // 2
    return t[max(0, min(first, t.size - MOST)) :][:MOST]


def noise(t: np.ndarray, y: np.ndarray, values: np.ndarray, half: np.ndarray) -> Correlation | None:
    """The noise of y − values, both at the samples t, where it clearly hangs together; ``half``: the windows."""
    rest = y - values
    known = np.isfinite(rest)
    if t.size < LEAST or known.mean() < 0.5 or np.median(np.abs(rest[known])) <= 1e-9 * np.max(np.abs(y)):
        return None
    rest = rest[known]
    spent = SPENT * (t[-1] - t[0]) / (2 * float(np.nanmedian(half)))
    return correlation.hangs(rest[None] - rest.mean(), spent)


def wave(
    kind: Any, t: np.ndarray, y: np.ndarray, some: np.ndarray, omega: np.ndarray, scale: float, *given: Any
) -> tuple[np.ndarray, list[str]]:
    """By what the squared errors of a wave of frequencies ω (k,) grow where the noise hangs together, and what is to be
    told; ``scale``: the root mean square of the residuals; ``given``: points, half-widths and side of the windows."""
    swell, factor = np.ones(omega.size), np.ones(omega.size)
    notes: list[str] = []
    if not np.isfinite(omega).any():
        return factor, notes
    near = np.searchsorted(t, stretch(t, some))
    noise = beside(kind, t[near], y[near], float(np.nanmedian(omega)))
    if noise is not None:
        power = noise.spectrum(omega * float(np.median(np.diff(t))))
        swell = np.maximum(np.nan_to_num(power, nan=1.0), 1.0)
        # what the family misses is in the residuals too, and is no noise
        factor = 1 + (swell - 1) * min(1.0, (noise.short / scale) ** 2 if scale > 0 else 1.0)
        notes.append(WIDENED)
    if given:
        at, half, side = given
        lacks = misfit.missed(kind, t, y, at, half, side, omega, swell)
        if (lacks[kind.rate] > 0).any():
            notes.append(MISSED)
    return factor, notes


def level(
    t: np.ndarray, y: np.ndarray, some: np.ndarray, values: np.ndarray, half: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """The same of a family that ``values`` at some samples tell, whose noise counts with its power at frequency 0."""
    here = np.searchsorted(t, some)
    found = noise(t[here], y[here], values, half) if some.size else None
    return (np.ones(1), []) if found is None else (np.maximum(found.spectrum(0.0), 1.0), [WIDENED])


def beside(kind: Any, t: np.ndarray, y: np.ndarray, omega: float) -> Correlation | None:
    """The noise beside an oscillation near ω, where it clearly hangs together: what is left in stretches of a few
    turns by a wave whose amplitude, frequency and offset vary there. What the plain one misses is no noise."""
    turn = omega * (t[-1] - t[0]) / (t.size - 1)
    wanted = max(_SHORT, 2 * np.pi * _TURNS / turn) if turn > 0 else np.inf
    runs = max(4, int(t.size / wanted))
    size = t.size // runs
    if size < _SHORT:
        return None
    first = np.arange(runs) * size
    begin, end = t[first], t[first + size - 1]
    windows = Frames(first, first + size, first, first + size, (begin + end) / 2, (end - begin) / 2, np.zeros(runs))
    kappa = kind.carriers(t, y, windows, _ORDER)
    for places, block in blocks(t, y, windows, kind.basis, kind.size, kappa):
        kappa[places] += kind.locate(block, kappa[places], _ORDER)
    rows = first[:, None] + np.arange(size)
    u = (t[rows] - windows.middle[:, None]) / windows.half[:, None]
    q = np.linalg.qr(kind.basis(u, kappa[:, None])[..., :_COLUMNS])[0]
    rest = y[rows] - y[rows].mean(axis=1, keepdims=True)
    for _ in range(2):
        rest = rest - np.matmul(q, np.matmul(rest[:, None, :], q).swapaxes(1, 2))[..., 0]
    if np.median(np.abs(rest)) <= 1e-9 * np.max(np.abs(y)):
        return None
    # frequencies near the wave's went with it
    kept = np.abs(np.arange(size) - 2 * kappa[:, None] / np.pi) > _ORDER + 2
    return correlation.hangs(rest, 3.0, kept)
