"""An oscillation whose phase can be counted along the whole series: turn by turn, then smooth curves through the turns.

With the phase Φ known roughly (see :mod:`kymath.samples.carrier`), each turn's samples give a level, an amplitude and a
phase by linear least squares. Phase, log amplitude and level are then smooth series of their own, however often the
wave turns inside a window: local polynomials of them reach over hundreds of turns. ω is the slope of the phase. Noise
of neighbouring turns is independent as long as it does not hang together over a turn, and its size is read from the
turns themselves, so that noise correlated from sample to sample counts with its spectrum at ω.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import carrier, whole
from .curves import Curve, along

_MOST = 4000  # blocks; more turns are taken several together
_SAMPLES = 8  # of a block
_LEAST = 10  # blocks
_WEAK = 0.3  # error of log A, beyond which there is no amplitude to speak of
_OFF = 1.0  # radians by which a turn may be off the phase counted
_BACK = 0.1  # and by which it may turn back where two parts of a curve meet


@dataclass(frozen=True)
class Turns:
    """Blocks of whole turns (b,): time, values (3, b) of phase, log amplitude and level, and their standard errors for
    σ = 1."""

    t: np.ndarray
    values: np.ndarray
    lever: np.ndarray

    def curves(self, count: int, at: np.ndarray, side: str) -> list[Curve] | None:
        """The smooth curves through the first values; the phase's is chosen for its slope."""
        out = []
        for j in range(count):
            one = along(self.t, self.values[j], self.lever[j], at, side, j == 0)
            if one is None:
                return None
            out.append(one)
        return out


@dataclass(frozen=True)
class Followed:
    """θ and errors (p, k), where the amplitude is lost in the noise (k,), the half-widths (k,) of ω, σ, and notes."""

    theta: np.ndarray
    error: np.ndarray
    weak: np.ndarray
    half: np.ndarray
    sigma: float
    notes: tuple[str, ...]


def followed(kind: Any, t: np.ndarray, y: np.ndarray, at: np.ndarray, side: str) -> Followed | None:
    """The harmonic at points; None where turns cannot be counted all along."""
    phase = carrier.count(kind, t, y)
    if phase is None:
        return None
    size, curves = np.ones(t.size), None
    smooth: whole.Whole | None = None
    for last in (False, True):  # the phase counted is rough between its nodes: once more, about the smooth one
        blocks = turns(t, y, phase, size)
        counted = np.interp(blocks.t, t, phase)
        if blocks.t.size < _LEAST or np.abs(blocks.values[0] - counted).max() > _OFF:
            return None
        if not last:
            off, log, level = (np.interp(t, blocks.t, one) for one in (blocks.values[0] - counted, *blocks.values[1:]))
            smooth = whole.fit(t, y, phase + off, np.exp(log), level)
            if smooth is not None and side == "both":
                return _smooth(kind, smooth, at)
        curves = blocks.curves(2 + last, t, "both")
        if curves is None:
            return None
        phase, size = np.maximum.accumulate(curves[0].value), np.exp(curves[1].value)
        if (phase - curves[0].value).max() > _BACK:
            return None
    assert curves is not None
    rest = y - curves[2].value - size * np.cos(phase)
    if side != "both" or not np.array_equal(at, t):
        curves = blocks.curves(3, at, side)
        if curves is None:
            return None
    turn, log, base = curves
    size = np.exp(log.value)
    theta = np.array([size, turn.slope, np.mod(turn.value, 2 * np.pi), base.value])
    error = np.array([size * log.value_error, turn.slope_error, turn.value_error, base.value_error])
    names = len(kind.names)
    sigma = float(np.sqrt(np.mean(rest**2)))
    notes = _correlated(rest) if sigma > 1e-9 * np.max(np.abs(y)) else ()
    return Followed(theta[:names], error[:names], log.value_error > _WEAK, turn.half, sigma, notes)


def _smooth(kind: Any, found: whole.Whole, at: np.ndarray) -> Followed:
    phase, size, level = (found.value(j, at) for j in range(3))
    error = found.errors(at)
    theta = np.array([size, found.slope(at), np.mod(phase, 2 * np.pi), level])
    errors = np.array([error[1], error[3], error[0], error[2]])
    names = len(kind.names)
    notes = () if found.said is None else _correlated(found.rest)
    sigma = float(np.sqrt(np.mean(found.rest**2)))
    half = np.full(at.size, found.span / 2)
    return Followed(theta[:names], errors[:names], error[1] > _WEAK * size, half, sigma, notes)


def _correlated(rest: np.ndarray) -> tuple[str, ...]:
    """Whether the residuals hang together. The turns hold what the noise has at ω, and so do the errors."""
    rest = rest - rest.mean()
    near = float(np.mean(rest[1:] * rest[:-1]) / np.mean(rest**2))
    if abs(near) < max(0.1, 4 / np.sqrt(rest.size)):
        return ()
    return (
        f"The residuals are correlated ({near:.2f} from one sample to the next): the errors are those of the noise at "
        "the frequency itself.",
    )


def turns(t: np.ndarray, y: np.ndarray, phase: np.ndarray, size: np.ndarray) -> Turns:
    """Level, amplitude and phase of every turn, or of some together, by least squares about Φ and A known roughly."""
    count = (phase[-1] - phase[0]) / (2 * np.pi)
    together = max(1, int(np.ceil(_SAMPLES * count / t.size)), int(np.ceil(count / _MOST)))
    number = np.floor((phase - phase[0]) / (2 * np.pi * count) * max(1, round(count / together)) * (1 - 1e-12)).astype(
        int
    )
    begin = np.flatnonzero(np.diff(number, prepend=-1))
    held = np.diff(begin, append=t.size)
    cosine, sine = size * np.cos(phase), size * np.sin(phase)
    middle = float(y.mean())
    columns = (np.ones(t.size), cosine, -sine)
    gram = np.empty((begin.size, 3, 3))
    right = np.empty((begin.size, 3))
    for i in range(3):
        right[:, i] = np.add.reduceat(columns[i] * (y - middle), begin)
        for j in range(i, 3):
            gram[:, i, j] = gram[:, j, i] = np.add.reduceat(columns[i] * columns[j], begin)
    centre = np.add.reduceat(t, begin) / held
    good = held >= 5
    good[good] &= np.linalg.cond(gram[good]) < 1e3
    gram, right, centre = gram[good], right[good], centre[good]
    inverse = np.linalg.inv(gram)
    level, a, b = np.einsum("kij,kj->ik", inverse, right)
    square = a * a + b * b
    around = np.zeros((3, centre.size, 3))  # of phase, log amplitude, level by the coefficients
    around[0, :, 1], around[0, :, 2] = -b / square, a / square
    around[1, :, 1], around[1, :, 2] = a / square, b / square
    around[2, :, 0] = 1
    lever = np.sqrt(np.einsum("cki,kij,ckj->ck", around, inverse, around))
    off = np.arctan2(b, a)
    values = np.array(
        [np.interp(centre, t, phase) + off, np.log(square) / 2 + np.interp(centre, t, np.log(size)), level + middle]
    )
    return Turns(centre, values, lever)
