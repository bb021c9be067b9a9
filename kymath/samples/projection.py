"""Variable projection: one parameter that is not linear, the linear ones solved for, all windows at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .between import read, stencil

# (columns, their derivatives by the parameter), each a list of (k, K), for some windows
Columns = Callable[[np.ndarray, np.ndarray], tuple[list[np.ndarray], list[np.ndarray]]]
# what is explained, half its slope by the parameter, and half its curvature downwards, for some windows
Look = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]

_TINY = 1e-150
_ROUNDS, _SHORT = 24, 1e-7  # steps at most, and the relative length of the last
_EVERY = 8  # of windows that follow each other, one is fitted first
_MANY = 200  # of these, from which on they begin between some of their own
_NEAR = 0.2  # by which two of these may differ for those between to begin there
_CLOSE = 0.25  # of its length a window may move, step by step, from one of these to the next


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.vecdot(a, b))


class Linear:
    """Least squares c ≈ Σ_j x_j columns_j in every window: c (k, K), columns p arrays (k, K).

    ``x`` (p, k), ``rest`` (k, K) what is left, ``spread`` (p, p, k) with spread[i, j] the derivative of x_i by the
    j-th orthonormal coordinate: the covariance is σ² spread spreadᵀ. Gram–Schmidt, each column twice (Björck 1994).
    """

    def __init__(self, c: np.ndarray, columns: Sequence[np.ndarray]) -> None:
        p, k = len(columns), c.shape[0]
        q = np.zeros((p, *c.shape))
        r = np.zeros((p, p, k))
        for j, v in enumerate(columns):
            floor = 1e-12 * np.sqrt(dot(v, v)) + _TINY  # below: it depends on those before
            for _ in range(2 if j else 0):
                part = np.einsum("ikl,kl->ik", q[:j], v)
                r[:j, j] += part
                v = v - np.einsum("ik,ikl->kl", part, q[:j])
            norm = np.sqrt(dot(v, v))
            r[j, j] = np.maximum(norm, floor)
            q[j] = v / np.where(norm < floor, np.inf, norm)[:, None]
        self.c, self.q, self.r = c, q, r
        self.z = np.einsum("ikl,kl->ik", q, c)

    def first(self, p: int) -> Linear:
        """The fit by the first p columns alone."""
        out = object.__new__(Linear)
        out.c, out.q, out.r, out.z = self.c, self.q[:p], self.r[:p, :p], self.z[:p]
        return out

    @property
    def rest(self) -> np.ndarray:
        left = self.c - np.einsum("ik,ikl->kl", self.z, self.q)
        # once more: what is left of a noise-free window is rounding of the first
        return left - np.einsum("ik,ikl->kl", np.einsum("ikl,kl->ik", self.q, left), self.q)

    @property
    def x(self) -> np.ndarray:
        return _back(self.r, self.z[:, None])[:, 0]

    @property
    def spread(self) -> np.ndarray:
        p, _, k = self.r.shape
        return _back(self.r, np.broadcast_to(np.eye(p)[:, :, None], (p, p, k)))


def _back(r: np.ndarray, right: np.ndarray) -> np.ndarray:
    """R⁻¹ right for p × p upper triangles, (p, p, k) and (p, n, k)."""
    out = np.array(right, dtype=float)
    for i in range(r.shape[0] - 1, -1, -1):
        for j in range(i + 1, r.shape[0]):
            out[i] -= r[i, j] * out[j]
        out[i] /= r[i, i]
    return out


def _finite(x: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(x), x, 0.0)


def projected(c: np.ndarray, columns: Columns) -> Look:
    """How well c (k, K) is explained by columns that hang on one parameter."""

    def look(places: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return _look(c if places.size == len(c) else c[places], columns, places, x)

    return look


def refine(look: Look, start: np.ndarray, low: np.ndarray, high: np.ndarray, enough: float = _SHORT) -> np.ndarray:
    """The parameter (k,) that explains most, from ``start`` inside [low, high]; ``enough``: relative, the last step.

    Gauss–Newton on the projected residual with Kaufman's derivative, the step halved where it does not gain. Source:
    Golub & Pereyra, SIAM J. Numer. Anal. 10 (1973) 413; Kaufman, BIT 15 (1975) 49.
    """
    x = np.clip(start, low, high)
    active = np.arange(x.size)
    gain, slope, bend = look(active, x)
    damp = np.ones_like(x)
    with np.errstate(all="ignore"):
        step = _finite(slope / bend)
    for _ in range(_ROUNDS):
        ahead = np.clip(x[active] + damp[active] * step[active], low[active], high[active])
        moved = np.abs(ahead - x[active]) > enough * np.abs(x[active]) + 1e-13
        x[active[~moved]] = ahead[~moved]  # what a very short step gains is rounding
        active, ahead = active[moved], ahead[moved]
        if not active.size:
            break
        reached, ahead_slope, ahead_bend = look(active, ahead)
        better = reached >= gain[active] * (1 - 4e-16)
        won, lost = active[better], active[~better]
        with np.errstate(all="ignore"):  # the secant's curvature where it is sane: the last steps then square the error
            secant = (slope[won] - ahead_slope[better]) / (ahead[better] - x[won])
            sane = (secant > 0.2 * ahead_bend[better]) & (secant < 5 * ahead_bend[better])
            onward = ahead_slope[better] / np.where(sane, secant, ahead_bend[better])
        x[won], gain[won], slope[won] = ahead[better], reached[better], ahead_slope[better]
        step[won] = _finite(onward)
        damp[won] = 1
        damp[lost] /= 4
        active = np.sort(np.concatenate([won, lost[damp[lost] > 1e-4]]))
    return x


def refine_along(
    look: Look,
    starts: Callable[[np.ndarray], np.ndarray],
    low: np.ndarray,
    high: np.ndarray,
    way: np.ndarray,
    enough: float = _SHORT,
) -> np.ndarray:
    """The same where windows may follow each other: some begin where ``starts`` says for their places; where these
    come out near each other, and all along the ``way`` is short, those between begin between them."""
    every = np.arange(low.size)
    if low.size < 4 * _EVERY:
        return refine(look, starts(every), low, high, enough)
    few = every[::_EVERY]

    def fewer(places: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return look(few[places], x)

    if few.size < _MANY:
        found = refine(fewer, starts(few), low[few], high[few])
    else:
        found = refine_along(fewer, lambda places: starts(few[places]), low[few], high[few], way[few])
    first, weights = stencil(few, every)
    near = (np.abs(np.diff(found)) < _NEAR) & (np.diff(way[few]) < _CLOSE)
    near = near[first] & near[first + 1] & near[first + 2] & (way - way[few[first + 3]] < _CLOSE)
    start = read(found, first, weights)
    start[~near] = starts(every[~near])
    return refine(look, start, low, high, enough)


def _look(
    c: np.ndarray, columns: Columns, places: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the columns explain of c, half its slope by the parameter, and the Gauss–Newton curvature."""
    model, slopes = columns(places, x)
    fit = Linear(c, model)
    along = sum((a[:, None] * d for a, d in zip(fit.x, slopes, strict=True)), start=np.zeros_like(c))
    along = along - np.einsum("ik,ikl->kl", np.einsum("ikl,kl->ik", fit.q, along), fit.q)
    return dot(fit.z.T, fit.z.T), dot(along, c), dot(along, along)
