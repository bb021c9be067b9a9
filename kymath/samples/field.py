"""The local fits between their nodes: the polynomials of two neighbouring nodes, blended by a quintic smoothstep."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from . import local
from .pyramid import Level

_CHUNK = 1 << 14
_NODES = 1 << 12
_GROUP, _AT_LEAST, _TERMS = 64, 16, 7  # samples that share a polynomial, and its coefficients


def smoothstep(s: np.ndarray) -> np.ndarray:
    """6s⁵ − 15s⁴ + 10s³: from 0 to 1 with two derivatives zero at both ends."""
    return s**3 * (10 + s * (6 * s - 15))


def curve(
    level: Level,
    windows: Callable[[np.ndarray], list[local.Windows]],
    degree: int,
    t: np.ndarray,
    channels: np.ndarray,
    matrix: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Jets (K, k, m), standard errors of θ for σ = 1 (K, k) and half-widths (k,) at sorted points t.

    ``windows`` gives the windows at some nodes; ``matrix`` (K, K) takes a jet to θ, for the errors. Where many points
    share a bin, the curve is read at Chebyshev points of short runs of them and interpolated there, to rounding.
    """
    blend = Blend.of(level, windows, degree, t, channels, matrix)
    orders, m = len(matrix), len(channels)
    out = np.empty((orders * (m + 1) + 1, len(t)))
    bins = max(1.0, (t[-1] - t[0]) / level.width) if len(t) else 1.0
    size = min(_GROUP, int(len(t) / bins / 8))
    done = len(t) // size * size if size >= _AT_LEAST else 0
    if done:
        _grouped(blend, t[:done].reshape(-1, size), out[:, :done].reshape(len(out), -1, size))
    for low in range(done, len(t), _CHUNK):
        out[:, low : low + _CHUNK] = blend(t[low : low + _CHUNK])
    jets = out[: orders * m].reshape(orders, m, len(t))
    return np.moveaxis(jets, 1, 2), out[orders * m : -1], out[-1]


def _grouped(blend: Blend, t: np.ndarray, out: np.ndarray) -> None:
    """Fill out (fields, rows, size) at the points t (rows, size)."""
    size = t.shape[1]
    nodes = np.cos(np.pi * (np.arange(_TERMS) + 0.5) / _TERMS)[::-1]
    dual = np.linalg.inv(np.vander(nodes, increasing=True)).T
    centre, radius = (t[:, :1] + t[:, -1:]) / 2, (t[:, -1:] - t[:, :1]) / 2
    even = np.linspace(-1, 1, size)
    alike = float(np.abs(centre + radius * even - t).max()) <= 4 * np.finfo(float).eps * float(np.abs(t).max())
    powers = np.vander(even, _TERMS, increasing=True).T
    step = max(1, _CHUNK // size)
    for low in range(0, len(t), step):
        rows = slice(low, low + step)
        read = blend((centre[rows] + radius[rows] * nodes).ravel()).reshape(len(out), -1, _TERMS)
        terms = read @ dual
        if alike:
            np.matmul(terms, powers, out=out[:, rows])
            continue
        u = (t[rows] - centre[rows]) / radius[rows]
        for field, term in zip(out, terms, strict=True):
            here = field[rows]
            here[...] = term[:, -1:]
            for k in range(_TERMS - 2, -1, -1):
                here *= u
                here += term[:, k : k + 1]
    place = blend.place(t[:, [0, -1]])
    across = np.flatnonzero(place[:, 0] != place[:, 1])  # a node between: the curve is not one polynomial there
    step = max(1, _CHUNK // size)
    for low in range(0, len(across), step):
        some = across[low : low + step]
        out[:, some] = blend(t[some].ravel()).reshape(len(out), -1, size)


class Blend(NamedTuple):
    """The curve, to be called with points: (K·m + K + 1, k), the jets, the errors of θ for σ = 1, the half-width."""

    level: Level
    orders: int
    row: np.ndarray  # of each bin edge its node
    taylor: np.ndarray
    error: np.ndarray
    reach: np.ndarray

    @classmethod
    def of(
        cls,
        level: Level,
        windows: Callable[[np.ndarray], list[local.Windows]],
        degree: int,
        t: np.ndarray,
        channels: np.ndarray,
        matrix: np.ndarray,
    ) -> Blend:
        used = np.zeros(level.bins + 1, dtype=bool)
        edges = np.searchsorted(t, level.edges(np.arange(level.bins + 1)))
        edges[0], edges[-1] = 0, len(t)
        filled = np.diff(edges) > 0
        # rounding may place a point in the bin beside
        used[:-1] |= filled
        used[1:] |= filled
        used[1:-1] |= used[2:] | used[:-2]
        needed = np.flatnonzero(used)
        taylor, error, reach = _nodes(level, windows, degree, needed, channels, matrix)
        return cls(level, len(matrix), np.cumsum(used) - 1, taylor, error, reach)

    def place(self, t: np.ndarray) -> np.ndarray:
        return np.clip(((t - self.level.start) / self.level.width).astype(np.int64), 0, self.level.bins - 1)

    def __call__(self, t: np.ndarray) -> np.ndarray:
        place = self.place(t)
        i, j = self.row[place], self.row[place + 1]
        s = (t - self.level.start) / self.level.width - place
        w = smoothstep(np.clip(s, 0, 1))
        known = np.isfinite(self.error[0])
        w = np.where(known[j], np.where(known[i], w, 1.0), 0.0)  # where one node has no fit, the other stands alone
        s, beside = s - ~known[i], s - known[j]
        i, j = np.where(known[i], i, j), np.where(known[j], j, i)
        a, b = _values(self.taylor, i, s, self.orders), _values(self.taylor, j, beside, self.orders)
        b -= a
        b *= w
        a += b
        a *= (self.level.width ** -np.arange(self.orders, dtype=float))[:, None, None]
        error = self.error[:, i] + w * (self.error[:, j] - self.error[:, i])
        reach = self.reach[i] + w * (self.reach[j] - self.reach[i])
        return np.concatenate([a.reshape(-1, len(t)), error, reach[None]])


def _nodes(
    level: Level,
    windows: Callable[[np.ndarray], list[local.Windows]],
    degree: int,
    nodes: np.ndarray,
    channels: np.ndarray,
    matrix: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At the nodes: Taylor coefficients in bins (D+1, k, m), errors of θ for σ = 1 (K, k), half-widths (k,)."""
    k, orders = len(nodes), len(matrix)
    taylor = np.full((degree + 1, k, len(channels)), np.nan)
    error, reach = np.full((orders, k), np.nan), np.full(k, np.nan)
    own = Level(level.start, level.width, level.count, level.total[..., channels])
    powers = level.width ** np.arange(degree + 1)
    for low in range(0, k, _NODES):
        shapes = windows(nodes[low : low + _NODES])
        if not shapes:
            continue
        at = np.searchsorted(nodes, np.concatenate([w.nodes for w in shapes]))
        fits = local.fits(own, shapes, degree, degree + 1)
        jets = np.einsum("iak,akm->ikm", fits.derivatives, fits.coefficients)
        taylor[:, at] = local.taylor(jets * powers[:, None, None])
        covariance = fits.covariance(degree)[:orders, :orders]
        with np.errstate(invalid="ignore"):
            error[:, at] = np.sqrt(np.maximum(np.einsum("pi,ijk,pj->pk", matrix, covariance, matrix), 0))
        reach[at] = np.concatenate([np.full(len(w.nodes), w.shape.reach * level.width) for w in shapes])
    return taylor, error, reach


def _values(taylor: np.ndarray, node: np.ndarray, s: np.ndarray, orders: int) -> np.ndarray:
    """(K, m, k): the derivatives at distance s (in bins) from the nodes."""
    top = len(taylor) - 1
    own = np.moveaxis(taylor, 1, 2)
    out = np.zeros((orders, taylor.shape[2], len(node)))
    for power in range(top, -1, -1):  # Horner, all derivatives in one pass: out[k] holds the k-th over k!
        for k in range(min(orders - 1, top - power), 0, -1):
            out[k] *= s
            out[k] += out[k - 1]
        out[0] *= s
        out[0] += own[power][:, node]
    for k in range(2, orders):
        out[k] *= float(math.factorial(k))
    return out
