"""Waves whose spectrum inside a window has two lobes: the frequency of either is not that of the wave.

An amplitude that passes through zero near the middle of a window, or a beat, splits the lobe of the one frequency that
there is: least squares settles on the higher of two halves, as sure of itself as of any other. Where zero is passed
further out, the lobe is whole but flat, and the curvature that the errors suppose is not there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compress import Block, Frames, blocks

_LEFT = 0.15  # of what a wave explains, left at least where its lobe is split or flat
_CELLS = 24  # in a half-width: windows so near share an answer
_STEP, _STEPS = 0.75, 11  # radians per half window: between the frequencies looked at, and how many on either side
_LOWEST = 0.5 * np.pi  # the least of them, radians per half window
_FASTEST = 0.95 * np.pi  # the most, radians from sample to sample
_OTHER = 0.6  # of the lobe, another as high as that
_SHARED = 1.0  # radians per half window: frequencies so near share a carrier
_NEAR = 3  # steps on either side, among which a wave of linear amplitude is looked for
_APART = 1.2  # radians per half window: further from the wave there is no telling its frequency
_VARIES, _CHANCE = 0.12, 15.0  # what a linear amplitude explains beside: of the wave, and over σ²


def split(
    kind: Any, t: np.ndarray, y: np.ndarray, windows: Frames, theta: np.ndarray, rest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether in windows (k,) another lobe stands beside that of the plain wave θ, which leaves the energy ``rest``;
    and how far from it a wave lies whose amplitude is linear there, where that explains much more."""
    out, step = np.zeros(rest.size, dtype=bool), np.zeros(rest.size)
    kappa = theta[1] * windows.half
    some = np.flatnonzero((rest > _LEFT * theta[0] ** 2 / 2 * windows.count) & (windows.count > kind.least + 3))
    some = some[kappa[some] >= _LOWEST]
    if not some.size:
        return out, step
    some, back = _cells(windows, some)
    two, away = np.zeros(some.size, dtype=bool), np.zeros(some.size)
    here, kappa, rest = windows[some], kappa[some], rest[some]
    carrier = _SHARED * np.round(kappa / _SHARED)
    for places, block in blocks(t, y, here, kind.basis, kind.size, carrier):
        delta = kappa[places] - carrier[places]
        two[places], away[places] = _judged(kind, block, kappa[places], delta, rest[places])
    own = back >= 0
    out[own], step[own] = two[back[own]], (away / here.half)[back[own]]
    return out, step


def _cells(windows: Frames, some: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the windows ``some`` one of each cell, and for every window its cell's number (−1: none)."""
    kind = np.round(4 * np.log2(windows.half[some])).astype(int)
    cell = np.floor(windows.middle[some] * (_CELLS / 2.0 ** (kind / 4))).astype(int)
    _, first, number = np.unique(np.stack([kind, cell]), axis=1, return_index=True, return_inverse=True)
    back = np.full(windows.lo.size, -1)
    back[some] = number.ravel()
    return some[first], back


def _judged(
    kind: Any, block: Block, kappa: np.ndarray, delta: np.ndarray, rest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether there are two lobes, and how far away in κ the wave of linear amplitude lies."""
    grid = _STEP * np.arange(-_STEPS, _STEPS + 1)
    at = kappa + grid[:, None]
    gain = np.array([kind.explained(block, delta + one) for one in grid])
    gain[(at < _LOWEST) | (at > _FASTEST / 2 * (block.count - 1))] = 0.0
    own = gain[_STEPS]
    top = (gain[1:-1] > gain[:-2]) & (gain[1:-1] > gain[2:]) & (gain[1:-1] > _OTHER * own)
    top[_STEPS - 2 : _STEPS + 1] = False
    near = grid[_STEPS - _NEAR : _STEPS + _NEAR + 1]
    most, left = np.array([kind.explained_linearly(block, delta + one) for one in near]).swapaxes(0, 1)
    best = np.clip(np.argmax(most, axis=0), 1, near.size - 2)
    before, here, after = (np.take_along_axis(most, best[None] + j, axis=0)[0] for j in (-1, 0, 1))
    bend = np.maximum(2 * here - before - after, 1e-300)
    away = near[best] + _STEP * np.clip((after - before) / (2 * bend), -1, 1)
    more, used = most.max(axis=0) - own, kind.least + 2
    # noise that hangs together may be louder about the wave
    local = left.min(axis=0) / np.maximum(np.minimum(block.c.shape[1], block.count) - used, 1)
    noise = np.maximum((rest - more) / (block.count - used), local)
    varies = (more > _VARIES * own) & (more > _CHANCE * noise)
    return top.any(axis=0) | (varies & (np.abs(away) > _APART)), np.where(varies, away, 0.0)
