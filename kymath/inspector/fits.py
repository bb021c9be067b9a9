"""Least squares of one shape for many curves at once: variable projection from the best entry of a dictionary.

A shape is A b(x; p) + C, or A b_1 + B b_2 + C: the constants enter linearly and are projected out, so the search is
over p alone (Golub & Pereyra, *SIAM J. Numer. Anal.* 10, 1973; Kaufman's step). Rows are curves, columns lags.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Columns = list[np.ndarray]  # of (rows, lags)
Shape = Callable[[np.ndarray, np.ndarray], tuple[Columns, list[Columns]]]  # (lags, p): b_k, and ∂b_k/∂p_j by j, then k

_CELLS = 2**21  # numbers held at a time
_MOST = 30  # steps
_STILL = 1e-9  # a step shorter than this, relative to the way the parameter has, is none


class Fit(NamedTuple):
    """Of each row: p (rows, q), the constants A and B (rows, columns), and two numbers about what is left.

    ``residual`` is its rms over that of y, ``jumps`` its von Neumann ratio Σ (r_i − r_{i−1})² / Σ r_i²: about 2 for
    white noise, near 0 for what has a shape of its own (*Ann. Math. Statist.* 12, 1941).
    """

    p: np.ndarray
    constants: np.ndarray
    residual: np.ndarray
    jumps: np.ndarray


def exponential(x: np.ndarray, p: np.ndarray) -> tuple[Columns, list[Columns]]:
    """exp(−r x), p = log r."""
    rx = np.exp(p[:, :1]) * x
    fall = np.exp(-rx)
    return [fall], [[-rx * fall]]


def logarithm(x: np.ndarray, p: np.ndarray) -> tuple[Columns, list[Columns]]:
    """log(1 + s x), p = log s."""
    sx = np.exp(p[:, :1]) * x
    return [np.log1p(sx)], [[sx / (1 + sx)]]


def wave(x: np.ndarray, p: np.ndarray) -> tuple[Columns, list[Columns]]:
    """cos(2π f x) and sin(2π f x), p = f."""
    turn = 2 * np.pi * x
    cos, sin = np.cos(p[:, :1] * turn), np.sin(p[:, :1] * turn)
    return [cos, sin], [[-turn * sin, turn * cos]]


def bump(x: np.ndarray, p: np.ndarray) -> tuple[Columns, list[Columns]]:
    """exp(−((x − c)/w)²/2), p = (c, log w)."""
    width = np.exp(p[:, 1:])
    z = (x - p[:, :1]) / width
    top = np.exp(-z * z / 2)
    return [top], [[top * z / width], [top * z * z]]


def tent(x: np.ndarray, p: np.ndarray) -> tuple[Columns, list[Columns]]:
    """−|x − c|, p = c."""
    return [-np.abs(x - p[:, :1])], [[np.sign(x - p[:, :1])]]


def polynomial(x: np.ndarray, y: np.ndarray, degree: int) -> Fit:
    """The polynomial of a degree, at most one less than there are lags; constants: of 1, u, u², … with u in [−½, ½]."""
    u = (x - x.mean()) / max(np.ptp(x), 1e-300)
    q, r = np.linalg.qr(np.vander(u, min(degree, len(x) - 1) + 1, increasing=True))
    rest = y - (y @ q) @ q.T
    return Fit(np.empty((len(y), 0)), np.linalg.solve(r, (y @ q).T).T, *_left(rest, y))


def fit(x: np.ndarray, y: np.ndarray, shape: Shape, dictionary: np.ndarray, *, positive: bool = False) -> Fit:
    """The shape nearest to each row of centred y (rows, n), its parameters within those of the dictionary (d, q).

    ``positive`` wants A > 0 (a shape of one column). Where no entry has it, A is 0 and the residual 1.
    """
    start = nearest_entry(x, y, shape, dictionary, positive=positive)
    return refine(x, y, shape, start, dictionary.min(axis=0), dictionary.max(axis=0))


def nearest_entry(
    x: np.ndarray, y: np.ndarray, shape: Shape, dictionary: np.ndarray, *, positive: bool = False
) -> np.ndarray:
    """The entry that explains the most of each row."""
    energy, chosen = np.full(len(y), -1.0), np.zeros(len(y), dtype=int)
    size = max(1, _CELLS // max(len(x), len(y)))
    for first in range(0, len(dictionary), size):
        columns = _orthonormal(shape(x, dictionary[first : first + size])[0])
        scores = [y @ column.T for column in columns]
        total = np.sum([np.maximum(s, 0) ** 2 if positive else s * s for s in scores], axis=0)
        here = total.argmax(axis=1)
        found = np.take_along_axis(total, here[:, None], axis=1)[:, 0]
        better = found > energy
        energy[better], chosen[better] = found[better], first + here[better]
    return np.asarray(dictionary[chosen])


def refine(x: np.ndarray, y: np.ndarray, shape: Shape, p: np.ndarray, low: np.ndarray, high: np.ndarray) -> Fit:
    """Damped Gauss–Newton steps in p from the values given, within bounds, row by row until they stand still."""
    p = np.clip(p, low, high)
    size = max(1, _CELLS // max(len(x), 1))
    starts = range(0, max(len(y), 1), size)
    parts = [_refined(x, y[i : i + size], shape, p[i : i + size], low, high) for i in starts]
    return Fit(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _refined(x: np.ndarray, y: np.ndarray, shape: Shape, p: np.ndarray, low: np.ndarray, high: np.ndarray) -> Fit:
    p, way = p.copy(), np.maximum(high - low, 1e-300)
    constants, rest, steps = _projected(x, y, shape, p)
    energy, damping = np.sum(rest**2, axis=1), np.full(len(y), 1e-3)
    active = np.arange(len(y))
    for _ in range(_MOST):
        if not len(active):
            break
        step = _step(steps[active] * way[:, None], rest[active], damping[active]) * way
        trial = np.clip(p[active] + step, low, high)
        new_constants, new_rest, new_steps = _projected(x, y[active], shape, trial)
        new_energy = np.sum(new_rest**2, axis=1)
        good = new_energy <= energy[active]
        still = np.max(np.abs(trial - p[active]) / way, axis=1) < _STILL
        kept = active[good]
        p[kept], constants[kept], rest[kept], steps[kept] = (
            a[good] for a in (trial, new_constants, new_rest, new_steps)
        )
        energy[kept] = new_energy[good]
        damping[active] = np.where(good, damping[active] / 8, damping[active] * 16)
        active = active[~still]
    return Fit(p, constants, *_left(rest, y))


def _step(slopes: np.ndarray, rest: np.ndarray, damping: np.ndarray) -> np.ndarray:
    """Marquardt's step from slopes (rows, q, n), scaled to length 1."""
    length = np.sqrt(np.sum(slopes**2, axis=2))
    length = np.where(length > 1e-150, length, 1.0)
    unit = slopes / length[:, :, None]
    square = unit @ unit.transpose(0, 2, 1)
    square = square + np.maximum(damping, 1e-9)[:, None, None] * np.eye(slopes.shape[1])
    aim = np.einsum("rqn,rn->rq", unit, rest)
    return np.asarray(np.linalg.solve(square, aim[:, :, None])[..., 0] / length)


def _projected(x: np.ndarray, y: np.ndarray, shape: Shape, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The constants, what is left of y, and how the model moves with p outside the span of the shape (rows, q, n)."""
    basis, slopes = shape(x, p)
    q = _orthonormal(basis)
    parts = [np.sum(one * y, axis=1) for one in q]
    rest = y - sum(one * part[:, None] for one, part in zip(q, parts, strict=True))
    constants = _solved(basis, q, parts)
    moves = []
    for along in slopes:
        move = sum(one * constants[:, k, None] for k, one in enumerate(along))
        move = move - np.mean(move, axis=1, keepdims=True)
        for one in q:
            move = move - one * np.sum(one * move, axis=1, keepdims=True)
        moves.append(move)
    return constants, rest, np.stack(moves, axis=1)


def _orthonormal(columns: Columns) -> Columns:
    """Each row's columns without constants, orthonormal; 0 where there is nothing left of one."""
    out: Columns = []
    for column in columns:
        free = column - column.mean(axis=1, keepdims=True)
        before = np.sqrt(np.sum(column**2, axis=1, keepdims=True))
        for one in out:
            free = free - one * np.sum(one * free, axis=1, keepdims=True)
        norm = np.sqrt(np.sum(free**2, axis=1, keepdims=True))
        out.append(np.where(norm > 1e-12 * before, free / np.maximum(norm, 1e-300), 0.0))
    return out


def _solved(basis: Columns, q: Columns, parts: Columns) -> np.ndarray:
    """The factors of the basis from those of its orthonormal columns."""
    out = np.zeros((len(parts[0]), len(q)))
    for k in reversed(range(len(q))):
        size = np.sum(q[k] * basis[k], axis=1)
        later = sum(out[:, j] * np.sum(q[k] * basis[j], axis=1) for j in range(k + 1, len(q)))
        out[:, k] = np.where(size > 0, (parts[k] - later) / np.where(size > 0, size, 1.0), 0.0)
    return out


def _left(rest: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``residual`` and ``jumps`` of a fit."""
    whole, left = np.sum(y**2, axis=1), np.sum(rest**2, axis=1)
    jumps = np.sum(np.diff(rest, axis=1) ** 2, axis=1)
    return np.sqrt(left / np.where(whole > 0, whole, 1.0)), jumps / np.where(left > 0, left, 1.0)
