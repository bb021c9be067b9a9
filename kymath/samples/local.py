"""Local polynomials by weighted least squares, many windows at once, every degree at once.

A window is a run of bins; its frame u ∈ [−1, 1] carries orthonormal Legendre polynomials φ_a. For a point c of the
frame and a half-width H (both in bins) the weight of a sample is K = 1 − (distance/H)² (Epanechnikov 1969). The fit of
degree p solves G β = b, G = Σ K φφᵀ, b = Σ K φ y; with H = Σ K² φφᵀ its covariance is σ² G⁻¹ H G⁻¹. Cholesky's factor
of G holds those of all lower degrees, so one factor serves them all. Source: Fan and Gijbels, *Local Polynomial
Modelling and Its Applications* (1996), section 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial import legendre

from .pyramid import ORDERS, Level

SINGULAR = 1e-10  # a pivot below this part of its diagonal: the samples do not carry the degree


class Shape(NamedTuple):
    """A window up to a shift: its bins, where in them its point lies, the half-width of the kernel (in bins)."""

    bins: int
    point: int
    reach: int


class Windows(NamedTuple):
    """Windows of one shape: of each the node and its first bin."""

    shape: Shape
    nodes: np.ndarray
    first: np.ndarray


@dataclass(frozen=True, eq=False)
class Fits:
    """Fits at k nodes, all degrees up to D: what a degree needs of them is read by the methods.

    ``coefficients`` (D+1, k, m) belong to the polynomials ψ = L⁻¹φ, orthonormal on the samples; ``derivatives``
    (K, D+1, k) are the derivatives of ψ at the nodes; ``noise`` (D+1, D+1, k) is the covariance of the coefficients for
    σ = 1; ``frame`` (k,) is the half-length of the frame in units of t.
    """

    coefficients: np.ndarray
    derivatives: np.ndarray
    noise: np.ndarray

    def jets(self) -> np.ndarray:
        """(D+1, K, k, m): for each degree the derivatives at the nodes, NaN where the samples do not carry it."""
        terms = self.coefficients[:, None] * np.moveaxis(self.derivatives, 1, 0)[..., None]
        return np.cumsum(terms, axis=0)

    def variances(self) -> np.ndarray:
        """(D+1, K, k): their variances for σ = 1."""
        size = self.noise.shape[0]
        below = (2 * np.tril(np.ones((size, size)), -1) + np.eye(size))[..., None] * self.noise
        out = np.empty((size, *self.derivatives.shape[::2]))
        for i, d in enumerate(self.derivatives):  # each degree adds a row of the triangle
            out[:, i] = np.cumsum(d * np.einsum("abk,bk->ak", below, d), axis=0)
        return np.where(np.isnan(out), np.nan, np.maximum(out, 0))

    def rises(self) -> tuple[np.ndarray, np.ndarray]:
        """Twice (D-1, K, k): for σ = 1 the variance of what degree p + 1, and p + 2, adds to degree p."""
        d, noise = self.derivatives, self.noise
        one = np.einsum("iak,aak->aik", d**2, noise)
        two = np.einsum("iak,iak,ak->aik", d[:, :-1], d[:, 1:], self._beside())
        return np.maximum(one[1:-1], 0), np.maximum(one[1:-1] + one[2:] + 2 * two[1:], 0)

    def _beside(self) -> np.ndarray:
        """(D, k): the covariances of neighbouring coefficients."""
        i = np.arange(len(self.noise) - 1)
        return self.noise[i, i + 1]

    def at(self, degree: int) -> np.ndarray:
        """(K, k, m): the derivatives at the nodes of one degree."""
        return np.einsum("iak,akm->ikm", self.derivatives[:, : degree + 1], self.coefficients[: degree + 1])

    def leverages(self) -> np.ndarray:
        """(D+1, k): how much of a sample at the node its own fit takes, for each degree (K = 1 there)."""
        return np.cumsum(self.derivatives[0] ** 2, axis=0)

    def covariance(self, degree: int) -> np.ndarray:
        """(K, K, k): the covariance of the derivatives for σ = 1 at one degree."""
        d = self.derivatives[:, : degree + 1]
        return np.einsum("iak,abk,jbk->ijk", d, self.noise[: degree + 1, : degree + 1], d, optimize=True)

    def errors(self, degree: int, matrix: np.ndarray) -> np.ndarray:
        """(K, k): standard errors for σ = 1 of θ = matrix @ jet at one degree."""
        with np.errstate(invalid="ignore"):
            square = np.einsum("pi,ijk,pj->pk", matrix, self.covariance(degree), matrix)
            return np.sqrt(np.maximum(square, 0))


def both_sides(bins: int, half: int, nodes: np.ndarray, widen: bool) -> list[Windows]:
    """The windows of ``half`` bins to each side; beside an end shorter, or, widened, shifted into the series."""
    full = nodes[(nodes >= half) & (nodes <= bins - half)]
    out = [Windows(Shape(2 * half, half, half), full, full - half)] if len(full) else []
    for j in nodes[(nodes < half) | (nodes > bins - half)]:
        if widen:
            size = min(2 * half, bins)
            first = min(max(int(j) - half, 0), bins - size)
            point = int(j) - first
            shape = Shape(size, point, max(half, point, size - point))
        else:
            first = max(int(j) - half, 0)
            shape = Shape(min(int(j) + half, bins) - first, int(j) - first, half)
        if shape.bins > 0:
            out.append(Windows(shape, np.array([j]), np.array([first])))
    return out


def one_side(bins: int, half: int, nodes: np.ndarray, right: bool) -> list[Windows]:
    """The windows of ``half`` bins to one side only; beside the end shorter."""
    full = nodes[nodes <= bins - half] if right else nodes[nodes >= half]
    shape = Shape(half, 0 if right else half, half)
    out = [Windows(shape, full, full if right else full - half)] if len(full) else []
    for j in nodes[nodes > bins - half] if right else nodes[nodes < half]:
        size = bins - int(j) if right else int(j)
        if 0 < size < half:
            point, first = (0, int(j)) if right else (size, 0)
            out.append(Windows(Shape(size, point, half), np.array([j]), np.array([first])))
    return out


def fits(level: Level, windows: list[Windows], degree: int, orders: int, spread: bool = True) -> Fits:
    """The fits of all windows, in the order in which ``windows`` lists their nodes; ``spread``: with covariances."""
    m = level.total.shape[-1]
    k = sum(len(w.nodes) for w in windows)
    size = degree + 1
    gram, square = np.empty((size, size, k)), np.empty((size, size, k if spread else 0))
    right, basis = np.empty((size, k, m)), np.empty((orders, size, k))
    product = products(degree)
    at = 0
    for shape, nodes, first in windows:
        here = slice(at, at + len(nodes))
        at += len(nodes)
        half = 2 * degree + 1
        moments = weights(shape, degree)
        rows = first[:, None] + np.arange(shape.bins)
        # Σ K φ_k and Σ K² φ_k, k ≤ 2D
        ones = level.count[0][rows].reshape(len(nodes), -1) @ (moments if spread else moments[:, :half])
        gram[..., here] = (product @ ones[:, :half].T).reshape(size, size, -1)
        if spread:
            square[..., here] = (product @ ones[:, half:].T).reshape(size, size, -1)
        values = np.moveaxis(level.total[0][rows].reshape(len(nodes), -1, m), 2, 0).reshape(m * len(nodes), -1)
        right[:, here] = (values @ moments[:, :size]).reshape(m, len(nodes), size).T
        scale = (2.0 / (shape.bins * level.width)) ** np.arange(orders)
        basis[..., here] = (derivatives(shape, degree, orders) * scale[:, None])[..., None]
    return solved(gram, square, right, basis)


def solved(gram: np.ndarray, spread: np.ndarray, right: np.ndarray, basis: np.ndarray) -> Fits:
    """Fits from G and H (D+1, D+1, k), b (D+1, k, m) and the derivatives of φ at the nodes (K, D+1, k).

    Forward elimination, one column after another for all windows together, turns b into the coefficients, the
    derivatives of φ into those of ψ, and H into L⁻¹HL⁻ᵀ. A pivot lost in rounding leaves NaN from its degree on.
    """
    size, k, m = right.shape
    own = spread.shape[2] == k  # or no covariances are wanted
    diagonal = np.einsum("aak->ak", gram).copy()
    # the columns that follow the elimination side by side: G, b, the derivatives, and H
    work = np.concatenate(
        [gram, np.moveaxis(right, 2, 1), np.moveaxis(basis, 1, 0), *([spread] if own else [])], axis=1
    )
    noise = np.empty((size, size, 0))
    with np.errstate(all="ignore"):
        for j in range(size):
            pivot = work[j, j]
            root = np.sqrt(np.where(pivot > SINGULAR * diagonal[j], pivot, np.nan))
            work[j, j:] /= root
            if j + 1 < size:
                factor = work[j, j + 1 : size]  # by symmetry the column below the pivot
                work[j + 1 :, j + 1 :] -= factor[:, None] * work[j, None, j + 1 :]
        if own:
            noise = np.ascontiguousarray(work[:, -size:].transpose(1, 0, 2))  # (L⁻¹H)ᵀ = H L⁻ᵀ
            for j in range(size):
                noise[j] /= work[j, j]
                if j + 1 < size:
                    noise[j + 1 :] -= work[j, j + 1 : size, None] * noise[j][None]
    coefficients = np.moveaxis(work[:, size : size + m], 1, 2)
    return Fits(coefficients, np.moveaxis(work[:, size + m : size + m + len(basis)], 1, 0), noise)


@lru_cache(maxsize=1024)
def weights(shape: Shape, degree: int) -> np.ndarray:
    """(bins·14, 2(2D+1)): from the moments of a window's bins to Σ K φ_k and Σ K² φ_k, k ≤ 2D, in its frame.

    On a bin K φ_k is replaced by its projection on degree 13, which at the degrees in use is exact to rounding.
    """
    places, dual, basis = _frame(shape.bins, degree)
    kernel = (1 - ((places - shape.point) / shape.reach) ** 2)[..., None]
    once = kernel * basis
    out = np.matmul(dual, np.concatenate([once, kernel * once], axis=-1)).reshape(shape.bins * ORDERS, -1)
    out.flags.writeable = False
    return out


@lru_cache(maxsize=64)
def _frame(bins: int, degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gauss points of every bin (bins, 24), the projection on a bin's moments, and φ_k at the points, k ≤ 2D."""
    v, weight = legendre.leggauss(24)
    dual = (legendre.legvander(v, ORDERS - 1) * weight[:, None]) * (np.arange(ORDERS) + 0.5)
    places = np.arange(bins)[:, None] + (v + 1) / 2
    return places, dual.T, orthonormal(2 * places / bins - 1, 2 * degree)


@lru_cache(maxsize=64)
def products(degree: int) -> np.ndarray:
    """((D+1)², 2D+1): φ_a φ_b = Σ_k of these times φ_k."""
    u, weight = legendre.leggauss(2 * degree + 2)
    basis = orthonormal(u, 2 * degree)
    low = basis[:, : degree + 1]
    out = np.einsum("u,ua,ub,uk->abk", weight, low, low, basis, optimize=True) / 2
    out = out.reshape(-1, 2 * degree + 1)
    out.flags.writeable = False
    return out


def orthonormal(u: np.ndarray, degree: int) -> np.ndarray:
    """(…, degree + 1): √(2a+1) P_a(u), of mean square one over [−1, 1]."""
    return legendre.legvander(u, degree) * np.sqrt(2 * np.arange(degree + 1) + 1)


@lru_cache(maxsize=1024)
def derivatives(shape: Shape, degree: int, orders: int) -> np.ndarray:
    """(K, D+1): the derivatives of φ_a by u at the window's point, K = orders."""
    out = derivatives_at(np.array(2 * shape.point / shape.bins - 1), degree, orders)
    out.flags.writeable = False
    return out


def derivatives_at(u: np.ndarray, degree: int, orders: int) -> np.ndarray:
    """(K, D+1, …): the derivatives of √(2a+1) P_a at u, from P′_{a+1} = P′_{a−1} + (2a+1) P_a."""
    out = np.zeros((orders, degree + 1, *u.shape))
    out[0] = np.moveaxis(legendre.legvander(np.atleast_1d(u), degree), -1, 0).reshape(out[0].shape)
    for k in range(1, orders):
        for a in range(degree):
            out[k, a + 1] = (2 * a + 1) * out[k - 1, a]
            if a:
                out[k, a + 1] += out[k, a - 1]
    return out * np.sqrt(2 * np.arange(degree + 1) + 1).reshape(-1, *([1] * u.ndim))


def taylor(values: np.ndarray) -> np.ndarray:
    """Derivatives along the first axis → Taylor coefficients."""
    factor = np.array([1.0 / math.factorial(k) for k in range(len(values))])
    return values * factor.reshape(-1, *([1] * (values.ndim - 1)))
