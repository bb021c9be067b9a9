"""The cross-synthesis operator ⊗_α of two attention matrices, in its three readings."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..errors import NotADistribution, NotApplicable, ShapeMismatch
from .arrays import Array, arrays, check_filled, check_share, check_simplex, library, number, softmax, split

Reduction = Literal["sum", "none", "normalise"]


def cross_synthesis(Wj: Any, Wk: Any, alpha: Any, *, reduce: Reduction = "sum") -> Array:
    """The cross-synthesis W_j ⊗_α W_k of two attention matrices of equal shape.

    ========= ================================================= =================================
    reduce    value                                             shape, of inputs (…, x, y)
    ========= ================================================= =================================
    sum       Σ_il α_il W_j,il W_k,il, as section 2.2 prints it  (…)
    none      α ∘ W_j ∘ W_k, as sections 8.1 and 8.2 use it      (…, x, y)
    normalise the same with its rows on the simplex              (…, x, y), each row sums to 1
    ========= ================================================= =================================

    All entries lie in [0, 1]; ``alpha`` has the shape (x, y), that of the matrices, or is one number. "normalise" is a
    product of experts, computed so that small entries do not underflow. NumPy arrays give NumPy, tensors give tensors
    that can be differentiated.

    Raises ``ShapeMismatch`` for shapes that differ, ``NotADistribution`` for entries outside [0, 1] and for a row
    without weight that is to be normalised, ``EmptyData`` for matrices without entries.

    Source: cross-synthesis paper, sections 2.2 and 8.

    >>> cross_synthesis([[0.5, 0.5]], [[0.2, 0.8]], 1.0)
    np.float64(0.5)
    >>> cross_synthesis([[0.5, 0.5]], [[0.2, 0.8]], 1.0, reduce="normalise")
    array([[0.2, 0.8]])
    """
    if reduce not in ("sum", "none", "normalise"):
        raise NotApplicable(f'reduce = {reduce!r}: "sum", "none" and "normalise" are known.')
    first, second, weight = arrays(("Wj", Wj), ("Wk", Wk), ("alpha", alpha))
    if first.ndim < 2 or first.shape != second.shape:
        raise ShapeMismatch(
            f"Wj and Wk must be matrices of equal shape (…, x, y); {tuple(first.shape)} and {tuple(second.shape)} were "
            "given."
        )
    if weight.ndim and weight.shape not in (first.shape, first.shape[-2:]):
        raise ShapeMismatch(
            f"alpha must be one number or have the shape {tuple(first.shape[-2:])} of the matrices; "
            f"{tuple(weight.shape)} was given."
        )
    for name, array in (("Wj", first), ("Wk", second), ("alpha", weight)):
        check_filled(name, array)
        check_share(name, array)
    if reduce == "normalise":
        return _rows(weight, first, second)
    product = entrywise(first, second, weight)
    return product.sum((-2, -1)) if reduce == "sum" else product


def cross_domains(A: Any, B: Any, alpha: Any, *, reduce: Reduction = "sum") -> Array:
    """The cross-synthesis A ⊗_α B of two domains, whose α, of the shape (x, y), must sum to 1 over all pairs.

    With ``reduce="sum"`` it is a weighted mean of products, so it lies in [0, 1]. α comes from :func:`semantic_alpha`.

    Raises what :func:`cross_synthesis` raises, and ``NotADistribution`` for an α that does not sum to 1.

    Source: cross-synthesis paper, section 8.2 and Theorem 1.

    >>> cross_domains([[1.0, 0.5]], [[1.0, 0.5]], semantic_alpha([[0.0, 0.0]], tau=1.0))
    np.float64(0.625)
    """
    (weight,) = arrays(("alpha", alpha))
    if weight.ndim != 2:
        raise ShapeMismatch(f"alpha must have the shape (x, y) of the two matrices; {tuple(weight.shape)} was given.")
    check_filled("alpha", weight)
    check_simplex("alpha", weight, (-2, -1))
    return cross_synthesis(A, B, alpha, reduce=reduce)


def entrywise(first: Array, second: Array, alpha: Array | float = 1.0) -> Array:
    """α ∘ W_j ∘ W_k of any real matrices: section 8.1 applies it to a layer's weights, which are no probabilities."""
    return alpha * first * second


def semantic_alpha(distances: Any, tau: float) -> Array:
    """α_ij = exp(−d_ij/τ) / Σ_kl exp(−d_kl/τ), the softmax of −d/τ over all pairs.

    ``distances`` (…, x, y) are ≥ 0 and ``tau`` > 0 has their unit; each matrix of the result sums to 1.

    Raises ``ShapeMismatch`` for less than two axes, ``NotADistribution`` for negative distances or τ ≤ 0,
    ``EmptyData`` for no distances.

    Source: cross-synthesis paper, section 8.2.

    >>> semantic_alpha([[0.0, 1.0], [1.0, 0.0]], tau=0.1).round(4)
    array([[0.5, 0. ],
           [0. , 0.5]])
    """
    (d,) = arrays(("distances", distances))
    if d.ndim < 2:
        raise ShapeMismatch(f"distances must be a matrix (x, y) between concepts; {tuple(d.shape)} was given.")
    check_filled("distances", d)
    if number(d.min()) < 0:
        raise NotADistribution(f"distances must be at least 0; {number(d.min()):.6g} is one of them.")
    if not 0 < tau < float("inf"):
        raise NotADistribution(f"tau must be above 0 and finite; {tau!r} was given.")
    lib = library(d)
    d = d - lib.amin(d, axis=(-2, -1), keepdims=True)  # so that the nearest pair keeps its weight for a small τ
    tau = max(tau, float(lib.finfo(d.dtype).smallest_normal))
    with np.errstate(over="ignore"):  # exp(−∞) = 0 is right
        scores = -d / tau
    return softmax(scores.reshape(*d.shape[:-2], -1)).reshape(d.shape)


def _rows(*factors: Array) -> Array:
    """The product of the factors with its rows on the simplex; the powers of 2 are kept apart, so it cannot vanish."""
    lib = library(*factors)
    product, exponents = split(factors[0])
    for factor in factors[1:]:
        mantissas, more = split(factor)
        product, rest = split(product * mantissas)
        exponents = exponents + more + rest
    if not bool((product > 0).any(-1).all()):
        raise NotADistribution(
            'a row of α ∘ Wj ∘ Wk has no weight at all and cannot be normalised: take reduce="none", or mix the '
            "matrices instead of multiplying them."
        )
    largest = lib.amax(lib.where(product > 0, exponents, -np.inf), axis=-1, keepdims=True)
    bound = -float(np.log2(lib.finfo(product.dtype).smallest_normal))
    product = product * lib.exp2(lib.clip(exponents - largest, -bound, bound))
    return product / product.sum(-1, keepdims=True)
