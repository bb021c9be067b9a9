"""Cross-attention of nodes Z_i Z_jᵀ/√d and its fusion Σ_j β_j Z_cross^(i,j), for nodes that hold one vector each."""

from __future__ import annotations

import math
from typing import Any

from ..errors import NotADistribution, ShapeMismatch
from .arrays import Array, arrays, check_filled, check_share, check_simplex, library


def cross_matrix(Z: Any, alpha: Any = 1.0) -> Array:
    """C_ij = Σ_k α_ijk Z_ik Z_jk / √p between n nodes.

    ``Z`` (…, n, p) holds one vector of p numbers a node; ``alpha``, in [0, 1], is a number, (n, n), one for a pair of
    nodes, or (n, n, p), one for each component too. The result has the shape (…, n, n).

    Raises ``ShapeMismatch``, ``NotADistribution`` for α outside [0, 1], ``EmptyData``.

    Source: cross-synthesis paper, sections 3.2.2 and 6.1, with the 1/√d that the pseudocode leaves out and one meaning
    of α's axes.

    >>> cross_matrix([[1.0, 0.0, 0.0, 0.0], [3.0, 4.0, 0.0, 0.0]])
    array([[ 0.5,  1.5],
           [ 1.5, 12.5]])
    """
    z, weight = arrays(("Z", Z), ("alpha", alpha))
    if z.ndim < 2:
        raise ShapeMismatch(f"Z must have the shape (…, nodes, components); {tuple(z.shape)} was given.")
    n, p = z.shape[-2:]
    if tuple(weight.shape) not in ((), (n, n), (n, n, p)):
        raise ShapeMismatch(
            f"alpha must be a number or have the shape {(n, n)} or {(n, n, p)} for {n} nodes of {p} components; "
            f"{tuple(weight.shape)} was given."
        )
    check_filled("Z", z)
    check_share("alpha", weight)
    C = crossed(z, weight)
    if not bool(library(C).isfinite(C).all()):
        raise NotADistribution(f"the products of Z are beyond the range of {z.dtype}: scale Z down.")
    return C


def crossed(z: Array, alpha: Array) -> Array:
    """The same without its checks, for the inside of a network."""
    scale = math.sqrt(z.shape[-1])
    if alpha.ndim == 3:
        return library(z).einsum("ijk,...ik,...jk->...ij", alpha, z, z) / scale
    return alpha * (z @ z.swapaxes(-2, -1)) / scale


def fuse(C: Any, beta: Any) -> Array:
    """Σ_j β_j C_ij, the matrix C (…, n, n) applied to the weights β (n,) or (…, n) on the simplex.

    Raises ``ShapeMismatch``, ``NotADistribution`` for weights that are negative or do not sum to 1, ``EmptyData``.

    Source: cross-synthesis paper, section 3.2.3; the pseudocode of 6.1 sums over the wrong axis.

    >>> fuse([[1.0, 2.0], [2.0, 5.0]], [0.25, 0.75])
    array([1.75, 4.25])
    """
    c, weights = arrays(("C", C), ("beta", beta))
    if c.ndim < 2 or not weights.ndim or c.shape[-1] != weights.shape[-1]:
        raise ShapeMismatch(
            f"C (…, i, j) and beta (…, j) must agree in j; {tuple(c.shape)} and {tuple(weights.shape)} were given."
        )
    check_filled("C", c)
    check_filled("beta", weights)
    check_simplex("beta", weights)
    for one, other in zip(c.shape[-3::-1], weights.shape[-2::-1], strict=False):
        if one != other and 1 not in (one, other):
            raise ShapeMismatch(
                f"C (…, i, j) and beta (…, j) must have batches that go together; {tuple(c.shape)} and "
                f"{tuple(weights.shape)} were given."
            )
    return fused_by(c, weights)


def fused_by(C: Array, beta: Array) -> Array:
    """The same without its checks, for weights that a softmax gave."""
    return (C @ beta[..., None])[..., 0]
