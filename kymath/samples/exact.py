"""The local fit at given points with a given half-width, sample by sample: what a window says, without bins.

The work grows with the samples in all windows together; the pyramid replaces it where that is too much.

Windows that hold the same samples, and on even samples windows of one shape, share more. With q the polynomials that
are orthonormal on those samples, u q is of the degrees beside that of q (the three-term recurrence), so that with the
kernel 1 − ((u − v)/w)² a window's Gram matrix has five diagonals, and its factor three.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import local

_CHUNK = 1 << 17
_SHARE = 4  # windows, from which it pays that they share
_ROUNDINGS = 4  # by which even samples may be off


def reach(t: np.ndarray, x: np.ndarray, half: np.ndarray, side: str) -> tuple[np.ndarray, np.ndarray]:
    """The first sample of each window and the first behind it."""
    low = np.searchsorted(t, x if side == "right" else x - half, side="left")
    high = np.searchsorted(t, x if side == "left" else x + half, side="right")
    return low, high


def fits(
    t: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    half: np.ndarray,
    degree: int,
    orders: int,
    side: str = "both",
    spread: bool = True,
) -> local.Fits:
    """The fits at x of all degrees up to ``degree``; NaN without samples. ``spread``: with covariances."""
    low, high = reach(t, x, half, side)
    m, size = y.shape[1], degree + 1
    out = local.Fits(
        np.full((size, len(x), m), np.nan),
        np.full((orders, size, len(x)), np.nan),
        np.full((size, size, len(x)), np.nan),
    )
    start = 0
    while start < len(x):
        longest = np.maximum.accumulate(high[start:] - low[start:])
        fitting = np.flatnonzero(longest * np.arange(1, len(longest) + 1) * (m + 2 * size) > _CHUNK)
        stop = start + max(1, int(fitting[0]) if len(fitting) else len(longest))
        here = slice(start, stop)
        start = stop
        most = int((high[here] - low[here]).max())
        if most <= 0:
            continue
        rows = low[here, None] + np.arange(most)
        inside = rows < high[here, None]
        rows = np.minimum(rows, len(t) - 1)
        distance = (t[rows] - x[here, None]) / half[here, None]
        kernel = np.where(inside, np.maximum(1 - distance**2, 0), 0)
        # the frame is where the samples are: a window that an end cuts short stays well conditioned
        first, last = t[np.minimum(low[here], len(t) - 1)], t[np.maximum(high[here] - 1, 0)]
        centre, radius = (first + last) / 2, np.maximum((last - first) / 2, 1e-9 * half[here])
        basis = local.orthonormal(np.clip((t[rows] - centre[:, None]) / radius[:, None], -1, 1), degree)
        weighted = (kernel[..., None] * basis).transpose(0, 2, 1)
        gram, right = np.moveaxis(np.matmul(weighted, basis), 0, 2), np.matmul(weighted, y[rows])
        square = np.empty((size, size, 0))
        if spread:
            square = np.moveaxis(np.matmul(weighted, weighted.transpose(0, 2, 1)), 0, 2)
        at = (x[here] - centre) / radius
        moved = local.derivatives_at(at, degree, orders) * radius ** -np.arange(orders)[:, None, None].astype(float)
        found = local.solved(gram, square, right.transpose(1, 0, 2), moved)
        out.coefficients[:, here], out.derivatives[..., here] = found.coefficients, found.derivatives
        if spread:
            out.noise[..., here] = found.noise
    return out


def rescue(
    t: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    matrix: np.ndarray,
    side: str,
    jets: np.ndarray,
    errors: np.ndarray,
    widths: np.ndarray,
    sigma: np.ndarray,
) -> None:
    """Where the windows that were chosen hold too few samples: the family on the nearest samples that carry it."""
    orders, away = len(matrix), np.full(len(x), float(t[-1] - t[0]) / len(t))
    before = np.searchsorted(t, x, side="right") - orders
    behind = np.searchsorted(t, x, side="left") + orders - 1
    if side != "right":
        away = np.maximum(away, x - t[np.maximum(before, 0)])
    if side != "left":
        away = np.maximum(away, t[np.minimum(behind, len(t) - 1)] - x)
    some = np.flatnonzero(~np.isfinite(errors[0]).all(axis=1))
    half = 2 * away[some]
    found = fits(t, y, x[some], half, orders - 1, orders, side)
    missing = ~np.isfinite(errors[0][some])
    value, error = found.at(orders - 1), found.errors(orders - 1, matrix)
    jets[:, some] = np.where(missing, value, jets[:, some])
    hidden = np.sqrt(found.last(orders - 1, matrix, sigma)) / np.maximum(sigma, 1e-100)
    errors[:, some] = np.where(missing, np.hypot(error[..., None], hidden), errors[:, some])
    widths[some] = np.where(missing, half[:, None], widths[some])


def everywhere(
    t: np.ndarray, y: np.ndarray, halves: np.ndarray, degree: int, side: str
) -> tuple[np.ndarray, np.ndarray]:
    """Fits at all samples, with half-widths (w, n): coefficients (D+1, m, w, n) and polynomials there (D+1, w, n)."""
    n, m = y.shape
    at, even = np.arange(n), regular(t)
    runs: dict[tuple[int, int], list[np.ndarray]] = {}
    parts, places, alone = [], [], []
    flat = halves.ravel()
    frames: dict[tuple[int, int], _Frame] = {}

    def frame(first: int, last: int) -> _Frame:
        key = (0, last - first) if even else (first, last)
        if key not in frames:
            frames[key] = _frame(t[slice(*key)], degree)
        return frames[key]

    for i, half in enumerate(halves):
        low, high = reach(t, t, half, side)
        rest = np.ones(n, dtype=bool)
        for end in (0, -1):  # beside an end all windows hold the samples there
            run = rest & (low == low[end]) & (high == high[end])
            if np.count_nonzero(run) >= _SHARE:
                runs.setdefault((int(low[end]), int(high[end])), []).append(i * n + at[run])
                rest &= ~run
        like = {"both": n // 2, "left": n - 1, "right": 0}[side]  # a whole window, where there is any
        move = at - like
        same = rest & (low == low[like] + move) & (high == high[like] + move) & (half == half[like])
        if even and np.count_nonzero(same) >= _SHARE:
            window = int(low[like]), int(high[like])
            one, (v, w) = frame(*window), _placed(t[slice(*window)], t[like : like + 1], half[like : like + 1])
            kernel = _kernel(v, w)
            samples = np.lib.stride_tricks.sliding_window_view(y, len(one.u), axis=0)[low[same]]
            parts.append(_alike(one, kernel, v, (samples @ (one.powers @ kernel * one.q)).T))
            places.append(i * n + at[same])
            rest &= ~same
        alone.append(i * n + at[rest])
    for (first, last), some in runs.items():
        place = np.concatenate(some)
        one, (v, w) = frame(first, last), _placed(t[first:last], t[place % n], flat[place])
        kernel = _kernel(v, w)
        sums = (one.powers.T[:, None] * y[first:last].T) @ one.q
        parts.append(_alike(one, kernel, v, sums.T @ kernel))
        places.append(place)
    coefficients, basis = np.empty((degree + 1, m, len(flat))), np.empty((degree + 1, len(flat)))
    if parts:
        place = np.concatenate(places)
        coefficients[..., place], basis[:, place] = _solved(parts, degree)
    place = np.concatenate(alone)
    if len(place):
        found = fits(t, y, t[place % n], flat[place], degree, 1, side, spread=False)
        coefficients[..., place], basis[:, place] = found.coefficients.swapaxes(1, 2), found.derivatives[0]
    return coefficients.reshape(degree + 1, m, -1, n), basis.reshape(degree + 1, -1, n)


def regular(t: np.ndarray) -> bool:
    """Whether the samples are even, as far as t can hold it."""
    even = t[0] + (t[-1] - t[0]) / max(len(t) - 1, 1) * np.arange(len(t))
    return bool(np.max(np.abs(t - even)) <= _ROUNDINGS * np.finfo(float).eps * np.max(np.abs(t)))


class _Frame(NamedTuple):
    """Samples u of [−1, 1] (L,), their powers (L, 3), q (L, D+1), and R with φ = q R.

    ``bands`` (3, D+1, 3): the diagonals j, j and j, j + 1 and j, j + 2 of Σ q q, Σ u q q, Σ u² q q; ``squares``
    (D+1, 3) are Σ φ², Σ u φ², Σ u² φ² over R², below which part a pivot is lost.
    """

    u: np.ndarray
    powers: np.ndarray
    q: np.ndarray
    change: np.ndarray
    bands: np.ndarray
    squares: np.ndarray


def _frame(t: np.ndarray, degree: int) -> _Frame:
    u = _placed(t, t, t)[0]
    powers = np.stack([np.ones_like(u), u, u**2], axis=1)
    phi = local.orthonormal(u, min(degree, len(t) - 1))
    q, change = np.linalg.qr(phi)
    size, once = q.shape[1], u[:, None] * q
    bands = np.zeros((3, size, 3))
    bands[0, :, 0] = 1
    for k, product in ((1, q.T @ once), (2, once.T @ once)):
        for i in range(min(3, size)):
            bands[i, : size - i, k] = np.diagonal(product, i)
    with np.errstate(all="ignore"):
        squares = (phi**2).T @ powers / np.diagonal(change)[:, None] ** 2
    return _Frame(u, powers, q, change, bands, squares)


def _placed(t: np.ndarray, x: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points and half-widths in the frame of the samples t."""
    centre, radius = (t[0] + t[-1]) / 2, (t[-1] - t[0]) / 2 or 1.0
    return (x - centre) / radius, half / radius


def _kernel(v: np.ndarray, w: np.ndarray) -> np.ndarray:
    """(3, k): 1 − ((u − v)/w)² in powers of u."""
    return np.array([1 - (v / w) ** 2, 2 * v / w**2, -1 / w**2])


class _Alike(NamedTuple):
    """Windows that share a frame: the diagonals of G (3, s, k or 1), Σ K q y (s, m, k), q at the points (s, k or 1)."""

    gram: np.ndarray
    right: np.ndarray
    basis: np.ndarray
    least: np.ndarray


def _alike(frame: _Frame, kernel: np.ndarray, v: np.ndarray, right: np.ndarray) -> _Alike:
    basis = np.linalg.solve(frame.change.T, local.orthonormal(v, len(frame.change) - 1).T)
    return _Alike(frame.bands @ kernel, right, basis, local.SINGULAR * frame.squares @ kernel)


def _solved(parts: list[_Alike], degree: int) -> tuple[np.ndarray, np.ndarray]:
    """The coefficients (D+1, m, k) of the fits and their polynomials at the points (D+1, k), as ``Fits`` has them.

    NaN where the samples do not carry a degree.
    """
    size, m = degree + 1, parts[0].right.shape[1]
    k = sum(part.right.shape[2] for part in parts)
    gram, right, basis, least = (np.full((*s, k), np.nan) for s in ((3, size), (size, m), (size,), (size,)))
    at = 0
    for part in parts:
        here, s = slice(at, at + part.right.shape[2]), len(part.basis)
        at = here.stop
        gram[:, :s, here], right[:s, :, here], basis[:s, here], least[:s, here] = part
    with np.errstate(all="ignore"):
        for j in range(size):
            for i in range(1, min(j, 2) + 1):  # gram[i] turns into the factor's diagonal i
                factor = gram[i, j - i]
                gram[0, j] -= factor**2
                basis[j] -= factor * basis[j - i]
                right[j] -= factor * right[j - i]
            if j:
                gram[1, j] -= gram[1, j - 1] * gram[2, j - 1]
            root = np.sqrt(np.where(gram[0, j] > least[j], gram[0, j], np.nan))
            gram[1:, j] /= root
            basis[j] /= root
            right[j] /= root
    return right, basis
