"""Waves whose spectrum inside a window has two lobes: the frequency of either is not that of the wave.

An amplitude that passes through zero near the middle of a window, or a beat, splits the lobe of the one frequency that
there is: least squares settles on the higher of two halves, as sure of itself as of any other. Where zero is passed
further out, the lobe is whole but flat, and the curvature that the errors suppose is not there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compress import Block, Frames, blocks, frames

_LEFT = 0.15  # of what a wave explains, left at least where its lobe is split or flat
_CELLS, _SIZES = 24, 64  # in a half-width, and half-widths in an octave: windows so near and so alike share an answer
_STEP, _STEPS = 0.75, 11  # radians per half window: between the frequencies looked at, and how many on either side
_LOWEST = 0.5 * np.pi  # the least of them, radians per half window
_FASTEST = 0.95 * np.pi  # the most, radians from sample to sample
_OTHER = 0.6  # of the lobe, another as high as that
_SHARED = 1.0  # radians per half window: frequencies so near share a carrier
_NEAR = 3  # steps on either side, among which a wave of linear amplitude is looked for
_APART = 1.2  # radians per half window: further from the wave there is no telling its frequency
_VARIES, _CHANCE = 0.12, 15.0  # what a linear amplitude explains beside: of the wave, and over σ²


def split(
    kind: Any, t: np.ndarray, y: np.ndarray, at: np.ndarray, half: np.ndarray, side: str, theta: np.ndarray,
    rest: np.ndarray, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Whether in the windows at points (k,), of ``count`` samples, another lobe stands beside that of the plain wave θ,
    which leaves the energy ``rest``; and how far from it a wave lies whose amplitude is linear there, where that
    explains much more. What the windows of a cell are told is told of the one in its middle."""
    out, step = np.zeros(rest.size, dtype=bool), np.zeros(rest.size)
    some = np.flatnonzero((rest > _LEFT * theta[0] ** 2 / 2 * count) & (count > kind.least + 3))
    some = some[theta[1, some] * half[some] >= _LOWEST]
    if not some.size:
        return out, step
    size = np.round(_SIZES * np.log2(half[some])).astype(int)
    length = 2.0 ** (size / _SIZES)
    cell = np.floor((at[some] - t[0]) * (_CELLS / length)).astype(int)
    _, first, number = np.unique(np.stack([size, cell]), axis=1, return_index=True, return_inverse=True)
    middle = t[0] + (cell[first] + 0.5) * length[first] / _CELLS
    windows = frames(t, np.minimum(middle, t[-1]), length[first], side, False)
    two, away = _told(kind, t, y, windows)
    number = number.ravel()
    out[some], step[some] = two[number], away[number]
    return out, step


def _told(kind: Any, t: np.ndarray, y: np.ndarray, windows: Frames) -> tuple[np.ndarray, np.ndarray]:
    """Of each window whether it has two lobes, and how far away in ω the wave of linear amplitude lies."""
    two, away = np.zeros(windows.lo.size, dtype=bool), np.zeros(windows.lo.size)
    enough = np.flatnonzero(windows.count > kind.least + 3)
    if not enough.size:
        return two, away
    windows = windows[enough]
    kappa, rest = np.zeros(enough.size), np.zeros(enough.size)
    carrier = kind.carriers(t, y, windows, kind.plain)
    for places, block in blocks(t, y, windows, kind.basis, kind.size, carrier):
        delta = kind.locate(block, carrier[places], kind.plain)
        kappa[places] = carrier[places] + delta
        (answer,) = kind.answers(block, windows[places], delta, carrier[places], (kind.plain,)).values()
        rest[places] = answer.rest
    carrier = _SHARED * np.round(kappa / _SHARED)
    for places, block in blocks(t, y, windows, kind.basis, kind.size, carrier):
        delta = kappa[places] - carrier[places]
        two[enough[places]], away[enough[places]] = _judged(kind, block, kappa[places], delta, rest[places])
    away[enough] /= windows.half
    return two, away


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
