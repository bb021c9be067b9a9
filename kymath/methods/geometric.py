"""Derivatives on one side or both from values at geometric steps h_k = h0 ρ^k, by Richardson's extrapolation.

On a window of q consecutive steps the values of a series Σ c_j h^{p_j} with known exponents p_j determine its first q
coefficients: one matrix for all windows and all points, since the steps are geometric. The exponents are 1, 2, 3, … for
f(x0 ± h) − f(x0), 1, 3, 5, … for its odd and 2, 4, 6, … for its even part.

Richardson, *Phil. Trans. R. Soc. A* 210 (1911); Ridders, *Adv. Eng. Softw.* 4 (1982), for the error from neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

MOST = 9  # steps in one window, beyond the order


@dataclass(frozen=True)
class Estimates:
    """Estimates of one coefficient: (Q, K, P) for Q window lengths, K first steps and P points."""

    value: np.ndarray
    truncation: np.ndarray
    rounding: np.ndarray
    h: np.ndarray  # (K, P), the largest step of each window

    @property
    def error(self) -> np.ndarray:
        error = 2 * (self.truncation + self.rounding)
        return np.where(np.isfinite(self.value) & ~np.isnan(error), error, np.inf)


@lru_cache(maxsize=256)
def window_weights(rho: float, exponents: tuple[int, ...]) -> np.ndarray:
    """W with c_j h0^{p_j} = Σ_i W[j, i] g(h0 ρ^i): the inverse of [ρ^{i p_j}], rows by exponent.

    >>> window_weights(0.5, (1, 2))                        # h g′ = 4 g(h/2) − g(h)
    array([[-1.,  4.],
           [ 2., -4.]])
    """
    matrix = np.array([[rho ** (i * p) for p in exponents] for i in range(len(exponents))])
    # columns scaled by their largest entry are 1 already; long double keeps the inverse to double precision
    identity = np.eye(len(exponents), dtype=np.longdouble)
    return _gauss(matrix.astype(np.longdouble), identity).astype(float)


def _gauss(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    a, b = matrix.copy(), right.copy()
    n = len(a)
    for k in range(n):
        pivot = k + int(np.argmax(np.abs(a[k:, k])))
        a[[k, pivot]], b[[k, pivot]] = a[[pivot, k]], b[[pivot, k]]
        for i in range(n):
            if i != k:
                factor = a[i, k] / a[k, k]
                a[i] -= factor * a[k]
                b[i] -= factor * b[k]
    return b / np.diag(a)[:, None]


def coefficient(
    g: np.ndarray, noise: np.ndarray, h: np.ndarray, rho: float, exponents: Sequence[int], order: int
) -> Estimates:
    """Estimates of the coefficient of h^order from g(h_k), (K, P), with noise (K, P) at the steps h (K, P)."""
    place = list(exponents).index(order)
    levels = len(g)
    tables: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for q in range(place + 1, min(len(exponents), place + MOST, levels) + 1):
        row = window_weights(rho, tuple(exponents[:q]))[place]
        count = levels - q + 1
        scale = h[:count] ** -order
        value = sum(row[i] * g[i : i + count] for i in range(q)) * scale
        rounding = sum(abs(row[i]) * noise[i : i + count] for i in range(q)) * scale
        tables[q] = (value, rounding)
    shape = (len(tables), *g.shape)
    values, truncations, roundings = np.full(shape, np.nan), np.full(shape, np.inf), np.full(shape, np.inf)
    for place, (q, (value, rounding)) in enumerate(tables.items()):
        count = len(value)
        jump = np.full(value.shape, np.inf)
        if count > 1:
            jump[:-1] = np.abs(value[:-1] - value[1:])
        truncation = jump.copy()
        if q - 1 in tables:
            lower = tables[q - 1][0]
            truncation = np.maximum(truncation, np.abs(value - lower[1 : count + 1]))
        gain = rho ** (exponents[q] - order if q < len(exponents) else exponents[-1] + 1 - order)
        values[place, :count], roundings[place, :count] = value, rounding
        truncations[place, :count] = _steady(truncation, gain, rho**order) * _slowness(jump, rounding)
    return Estimates(values, truncations, roundings, h)


def _steady(truncation: np.ndarray, gain: float, loss: float) -> np.ndarray:
    """The largest of a window's difference and what its two neighbours lead one to expect: luck is no accuracy.

    From one window to the next smaller one truncation falls by ``gain``, and noise grows by 1/``loss``.
    """
    out = truncation.copy()
    out[1:] = np.fmax(out[1:], truncation[:-1] * gain)
    out[:-1] = np.fmax(out[:-1], np.where(np.isfinite(truncation[1:]), truncation[1:] * loss, 0.0))
    return np.where(np.isnan(truncation), np.inf, out)


def _slowness(jump: np.ndarray, rounding: np.ndarray) -> np.ndarray:
    """r / (1 − r) where the jumps between windows shrink only by r: what is still to come (Remark 3.1, repaired)."""
    ratio = np.full(jump.shape, np.inf)
    if len(jump) > 2:
        ratio[1:-1] = jump[1:-1] / jump[:-2]
        ratio[2:-1] = np.fmax(ratio[2:-1], ratio[1:-2])  # one good step is no proof
    noisy = jump <= 4 * rounding
    factor = np.where(ratio < 0.9, ratio / np.where(ratio < 0.9, 1 - ratio, 1.0), np.inf)
    factor[0] = 4.0  # nothing to compare the first window with
    return np.where(noisy, 1.0, np.maximum(factor, 1.0))


class Pick(NamedTuple):
    """The best window of each point: value, error, its largest step, and whether rounding limits it."""

    value: np.ndarray
    error: np.ndarray
    h: np.ndarray
    noisy: np.ndarray


def pick(estimates: Estimates) -> Pick:
    """The window with the least error among those that all smaller windows bear out.

    The limit is h → 0: where a window of larger steps contradicts what smaller steps say, beyond both errors, it
    looks at something else (a wave seen too seldom, a tail that is flat), and however sure it is, it is not taken.
    """
    error = estimates.error
    lengths = np.argmin(error, axis=0)
    value, least, rounding = (
        np.take_along_axis(a, lengths[None], axis=0)[0] for a in (estimates.value, error, estimates.rounding)
    )
    known = np.isfinite(least)
    value = np.where(known, value, 0.0)
    sound = known.copy()
    for k in range(len(value) - 1):
        gap = np.abs(value[k] - value[k + 1 :])
        sound[k] &= ~np.any(known[k + 1 :] & (gap > 4 * (least[k] + least[k + 1 :])), axis=0)
    best = np.argmin(np.where(sound, least, np.inf), axis=0)
    points = np.arange(value.shape[1])
    found = np.where(sound[best, points], value[best, points], np.nan)
    size = np.where(sound[best, points], least[best, points], np.inf)
    rivals = (error <= 4 * size) & sound  # windows about as sure: what they disagree by is not known
    with np.errstate(invalid="ignore"):
        apart = np.where(rivals, np.abs(estimates.value - found), 0.0)
    size = np.maximum(size, np.max(apart, axis=(0, 1), initial=0.0))
    return Pick(found, size, estimates.h[best, points], 4 * rounding[best, points] > size)
