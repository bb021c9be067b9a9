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

from .pyramid import ORDERS, Level, moving

_AT_ONCE = 384  # windows solved together: what they need stays in the cache
SINGULAR = 1e-10  # a pivot below this part of its diagonal: the samples do not carry the degree


_CHANCE = 4.0  # variances, beyond which a step is more than noise
_THIN, _SOUND = 4, 1e-5  # samples for each parameter, and the part of a pivot, that running sums must leave


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

    def moved(self, by: np.ndarray, orders: int) -> Fits:
        """The same polynomials, read at a distance from the nodes; all derivatives must be known."""
        steps = [by**i / math.factorial(i) for i in range(len(self.derivatives))]
        rows = [sum(s * d for s, d in zip(steps, self.derivatives[k:], strict=False)) for k in range(orders)]
        return Fits(self.coefficients, np.array(rows), self.noise)

    def covariance(self, degree: int) -> np.ndarray:
        """(K, K, k): the covariance of the derivatives for σ = 1 at one degree."""
        d = self.derivatives[:, : degree + 1]
        return np.einsum("iak,abk,jbk->ijk", d, self.noise[: degree + 1, : degree + 1], d, optimize=True)

    def last(self, degree: int, matrix: np.ndarray, sigma: np.ndarray) -> np.ndarray:
        """(K, k, m): the squares, beyond noise of σ, of what a degree adds to θ: no less may the next one hide."""
        d = np.tensordot(matrix, self.derivatives[:, degree], axes=1)[..., None]
        rise = self.noise[degree, degree][:, None] * sigma**2
        return np.nan_to_num(d**2 * np.maximum(self.coefficients[degree] ** 2 - _CHANCE * rise, 0))

    def errors(self, degree: int, matrix: np.ndarray) -> np.ndarray:
        """(K, k): standard errors for σ = 1 of θ = matrix @ jet at one degree."""
        d = np.tensordot(matrix, self.derivatives[:, : degree + 1], axes=1)
        with np.errstate(invalid="ignore"):
            half = sum(d[:, a, None] * self.noise[a, : degree + 1] for a in range(degree + 1))
            return np.sqrt(np.maximum((half * d).sum(axis=1), 0))


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


def beyond(bins: int, half: int, nodes: np.ndarray, right: bool) -> list[Windows]:
    """As ``one_side``, but none of the bin beside the node: a point in that bin sees nothing of its other side."""
    some = one_side(bins, half - 1, nodes + (1 if right else -1), right)
    return [
        Windows(Shape(w.shape.bins, -1 if right else w.shape.bins + 1, half), *moved)
        for w in some
        for moved in [(w.nodes + (-1 if right else 1), w.first)]
    ]


class Sums(NamedTuple):
    """G and H (D+1, D+1, k), b (D+1, k, m) and the derivatives of φ at the nodes (K, D+1, k); H may be empty."""

    gram: np.ndarray
    spread: np.ndarray
    right: np.ndarray
    basis: np.ndarray


def fits(level: Level, windows: list[Windows], degree: int, orders: int, spread: bool = True) -> Fits:
    """The fits of all windows, in the order in which ``windows`` lists their nodes; ``spread``: with covariances."""
    return solved(*sums(level, windows, degree, orders, spread))


def sums(level: Level, windows: list[Windows], degree: int, orders: int, spread: bool = True) -> Sums:
    """What the fits of windows are made of. Windows of as many bins go together, wherever in them their points lie."""
    m, size, half = level.total.shape[-1], degree + 1, 2 * degree + 1
    counts = [len(w.nodes) for w in windows]
    bins, point, reach = (np.repeat([w.shape[i] for w in windows], counts) for i in range(3))
    first = np.concatenate([w.first for w in windows]) if windows else np.empty(0, dtype=int)
    k = len(first)
    ones, values = np.empty((k, half + (4 if spread else 2))), np.empty((m, k, size + 2))
    order = np.argsort(bins, kind="stable")
    for some in np.split(order, np.flatnonzero(np.diff(bins[order])) + 1) if k else ():
        rows = first[some, None] + np.arange(bins[some[0]])
        moments = _frame(rows.shape[1], 2 * degree + 4)
        ones[some] = level.count[0][rows].reshape(len(rows), -1) @ moments[:, : ones.shape[1]]
        parts = np.moveaxis(level.total[0][rows].reshape(len(rows), -1, m), 2, 0).reshape(m * len(rows), -1)
        values[:, some] = (parts @ moments[:, : size + 2]).reshape(m, len(rows), -1)
    u, slope = 2 * point / bins - 1, bins / (2 * reach)
    kernel = np.array([1 - (slope * u) ** 2, 2 * slope**2 * u, -(slope**2)])  # K = 1 − (slope (v − u))²
    product = products(degree)
    gram = (product @ _weighted(ones[:, : half + 2], kernel).T).reshape(size, size, -1)
    square = np.empty((size, size, 0))
    if spread:
        square = (product @ _weighted(ones, squared(kernel)).T).reshape(size, size, -1)
    right = _weighted(values, kernel).transpose(2, 1, 0)
    places, back = np.unique(u, return_inverse=True)
    scale = (2 / (bins * level.width)) ** np.arange(orders)[:, None]
    basis = derivatives_at(places, degree, orders)[..., back] * scale[:, None]
    return Sums(gram, square, right, basis)


def squared(kernel: np.ndarray) -> np.ndarray:
    """The square of c₀ + c₁v + c₂v²: (3, k) → (5, k)."""
    a, b, c = kernel
    return np.array([a**2, 2 * a * b, b**2 + 2 * a * c, 2 * b * c, c**2])


def _weighted(moments: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Σ K φ_k from Σ φ_k (…, k, …) with K = Σ_i c_i v^i, c (i, k); the last axis loses the degree of K."""
    size = moments.shape[-1] - len(kernel) + 1
    out = kernel[0][:, None] * moments[..., :size]
    for i in range(1, len(kernel)):
        out += kernel[i][:, None] * (moments[..., : size + i] @ _raising(size, i))
    return out


@lru_cache(maxsize=64)
def _raising(size: int, power: int) -> np.ndarray:
    """(size + power, size): v^power φ_k in terms of φ."""
    k = np.arange(1, size + power)
    off = k / np.sqrt(4.0 * k**2 - 1)
    out = np.linalg.matrix_power(np.diag(off, 1) + np.diag(off, -1), power)[:, :size]
    out.flags.writeable = False
    return out


def together(parts: list[Sums]) -> list[Fits]:
    """The fits of several sets of windows, solved as one."""
    found, start = [], 0
    while start < len(parts):
        stop, count = start + 1, parts[start].gram.shape[-1]
        alike = parts[start].spread.shape[-1] > 0
        while stop < len(parts) and count < _AT_ONCE and (parts[stop].spread.shape[-1] > 0) == alike:
            count += parts[stop].gram.shape[-1]
            stop += 1
        run = parts[start:stop]
        fits = solved(*(np.concatenate(a, axis=2 if i != 2 else 1) for i, a in enumerate(zip(*run, strict=True))))
        at = 0
        for part in run:
            here = slice(at, at + part.gram.shape[-1])
            at = here.stop
            found.append(Fits(fits.coefficients[:, here], fits.derivatives[..., here], fits.noise[..., here]))
        start = stop
    return found


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


def sliding(
    t: np.ndarray, y: np.ndarray, x: np.ndarray, half: float, matrix: np.ndarray, side: str
) -> tuple[np.ndarray, np.ndarray]:
    """Jets (K, k, m) and errors of θ for σ = 1 (K, k) of degree K − 1 at sorted points, from running sums of powers.

    The errors are NaN where a window is cut short, thin, or holds a gap: there sums of powers lose their digits.
    """
    orders = len(matrix)
    degree, full = orders - 1, half * (1 if side == "both" else 0.5)
    jets, error = np.empty((orders, len(x), y.shape[1])), np.empty((orders, len(x)))
    powers = from_powers(2 * degree)
    product = products(degree) @ powers
    for here, ones, values, centre, radius in moving(t, y, x, half, side, degree + 2):
        slope, away = radius / half, (centre - x[here]) / half  # K = 1 − (slope u + away)²
        kernel = np.array([1 - away**2, -2 * slope * away, -(slope**2)])
        gram, spread = (
            (product @ sum(c * ones[i : i + 2 * degree + 1] for i, c in enumerate(k))).reshape(orders, orders, -1)
            for k in (kernel, squared(kernel))
        )
        right = sum(c * values[i : i + orders] for i, c in enumerate(kernel))
        right = np.tensordot(powers[:orders, :orders], right, axes=1).swapaxes(1, 2)
        basis = derivatives_at((x[here] - centre) / radius, degree, orders)
        basis *= radius ** -np.arange(orders, dtype=float)[:, None, None]
        found = solved(gram, spread, right, basis)
        with np.errstate(all="ignore"):
            pivot = (basis[degree, degree] / found.derivatives[degree, degree]) ** 2
            sound = (ones[0] > _THIN * orders) & (radius > 0.45 * full) & (pivot > _SOUND * gram[degree, degree])
        jets[:, here] = found.at(degree)
        error[:, here] = np.where(sound, found.errors(degree, matrix), np.nan)
    return jets, error


@lru_cache(maxsize=256)
def _frame(bins: int, degree: int) -> np.ndarray:
    """(bins·14, degree + 1): from the moments of a window's bins to Σ φ_k in its frame.

    On a bin φ_k is replaced by its projection on degree 13, which at the degrees in use is exact to rounding.
    """
    v, weight = legendre.leggauss(24)
    dual = (legendre.legvander(v, ORDERS - 1) * weight[:, None]) * (np.arange(ORDERS) + 0.5)
    places = np.arange(bins)[:, None] + (v + 1) / 2
    out = np.matmul(dual.T, orthonormal(2 * places / bins - 1, degree)).reshape(bins * ORDERS, -1)
    out.flags.writeable = False
    return out


@lru_cache(maxsize=64)
def from_powers(degree: int) -> np.ndarray:
    """(degree + 1, degree + 1): φ_k = Σ_j of these times u^j."""
    size = degree + 1
    rows = [np.pad(legendre.leg2poly(row), (0, degree - k)) for k, row in enumerate(np.eye(size))]
    return np.array(rows) * np.sqrt(2 * np.arange(size) + 1)[:, None]


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


def derivatives_at(u: np.ndarray, degree: int, orders: int) -> np.ndarray:
    """(K, D+1, …): the derivatives of √(2a+1) P_a at u."""
    basis = np.moveaxis(orthonormal(u, degree), -1, 0)
    return np.tensordot(_deriving(degree, orders), basis, axes=1)


@lru_cache(maxsize=64)
def _deriving(degree: int, orders: int) -> np.ndarray:
    """(K, D+1, D+1): the derivatives of φ_a in terms of φ, from P′_{a+1} = P′_{a−1} + (2a+1) P_a."""
    out = np.zeros((orders, degree + 1, degree + 1))
    out[0] = np.eye(degree + 1)
    for k in range(1, orders):
        for a in range(degree):
            out[k, a + 1] = (2 * a + 1) * out[k - 1, a]
            if a:
                out[k, a + 1] += out[k, a - 1]
    norm = np.sqrt(2 * np.arange(degree + 1) + 1)
    out *= norm[:, None] / norm
    out.flags.writeable = False
    return out


def taylor(values: np.ndarray) -> np.ndarray:
    """Derivatives along the first axis → Taylor coefficients."""
    factor = np.array([1.0 / math.factorial(k) for k in range(len(values))])
    return values * factor.reshape(-1, *([1] * (values.ndim - 1)))
