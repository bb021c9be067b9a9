"""What one cycle of n nodes costs, and the two structures of α with which a fusion costs less than n²."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import NotApplicable, ShapeMismatch
from .arrays import Array, arrays, check_filled, library


@dataclass(frozen=True)
class Products:
    """The products of one cycle, step by step."""

    forward: int  #: W_i X, n nodes from m numbers to p
    cross: int  #: ⟨Z_i, Z_j⟩ of all pairs
    fusion: int  #: C β

    @property
    def total(self) -> int:
        return self.forward + self.cross + self.fusion


def products(n: int, m: int, p: int) -> Products:
    """n m p + n² p + n² products of n nodes with m inputs and p outputs, for one input.

    An α that is no number adds n² (one a pair) or n² p (one a component) to ``cross``, which changes no order.

    Raises ``NotApplicable`` for sizes below 1.

    Source: cross-synthesis paper, section 9.1, whose n² m + n² lacks the forward pass and has m in place of p.

    >>> products(2, 1, 10**6).total
    6000004
    """
    _check(n, m, p)
    return Products(n * m * p, n * n * p, n * n)


def memory(n: int, m: int, p: int, *, elementwise: bool = False) -> int:
    """n m p + n² numbers that are kept: the weights and the cross matrix; n² p more with α for each component.

    Raises ``NotApplicable`` for sizes below 1.

    Source: cross-synthesis paper, section 9.2, whose n m p + n² m is an upper bound.

    >>> memory(2, 3, 5), memory(2, 3, 5, elementwise=True)
    (34, 54)
    """
    _check(n, m, p)
    return n * m * p + n * n + (n * n * p if elementwise else 0)


def toeplitz_products(n: int, p: int = 1) -> int:
    """Products of :func:`fused_toeplitz` by a transform of radix 2, complex ones: (2p + 1)(N/2) log₂ N + N p.

    N = 2^⌈log₂(2n − 1)⌉ is the length that holds a convolution without wrapping: one transform of the taps, p there
    and p back, and N products between.

    >>> toeplitz_products(1024) / (1024 * 10)
    3.5
    """
    _check(n, p)
    levels = (2 * n - 2).bit_length()
    return (2 * p + 1) * 2**levels // 2 * levels + 2**levels * p


def fused_toeplitz(taps: Any, Z: Any) -> np.ndarray:
    """Σ_j α_ij Z_j with α_ij = taps[i − j + n − 1], which depends on i − j only, in O(p n log n) by FFT.

    ``taps`` (2n − 1,), ``Z`` (n, p) or (n,), one row a node; the result has Z's shape. The n × n matrix is never made.
    NumPy only.

    Raises ``ShapeMismatch``, ``EmptyData``, ``NotApplicable`` for tensors.

    Source: cross-synthesis paper, Corollary 1, which claims O(n log n) of every α; ``scipy.linalg.matmul_toeplitz``.

    >>> fused_toeplitz([0.0, 1.0, 0.5], [1.0, 2.0]).round(12)  # α = [[1, 0], [0.5, 1]]
    array([1. , 2.5])
    """
    if library(taps, Z) is not np:
        raise NotApplicable("fused_toeplitz takes NumPy arrays: pass tensor.detach().cpu().numpy().")
    t, z = arrays(("taps", taps), ("Z", Z))
    if t.ndim != 1 or z.ndim not in (1, 2) or len(t) != 2 * len(z) - 1:
        raise ShapeMismatch(
            f"taps (2n − 1,) and Z (n, p) or (n,) must agree in n; {tuple(t.shape)} and {tuple(z.shape)} were given."
        )
    check_filled("Z", z)
    from scipy.linalg import matmul_toeplitz  # takes a fifth of a second to import

    n = len(z)
    return np.asarray(matmul_toeplitz((t[n - 1 :], t[n - 1 :: -1]), z))


def fused_low_rank(left: Any, right: Any, Z: Any) -> Array:
    """Σ_j α_ij Z_j with α = left · right of rank r, in 2 n r p products: left (right Z).

    ``left`` (n, r), ``right`` (r, n), ``Z`` (…, n, p); the result has Z's shape. Arrays may be tensors.

    Raises ``ShapeMismatch``, ``EmptyData``.

    Source: cross-synthesis paper, Corollary 1.

    >>> fused_low_rank([[1.0], [2.0]], [[1.0, 1.0]], [[1.0], [3.0]])
    array([[4.],
           [8.]])
    """
    u, v, z = arrays(("left", left), ("right", right), ("Z", Z))
    n = z.shape[-2] if z.ndim > 1 else None
    if u.ndim != 2 or tuple(u.shape) != tuple(v.shape)[::-1] or len(u) != n:
        raise ShapeMismatch(
            f"left (n, r), right (r, n) and Z (…, n, p) must go together; {tuple(u.shape)}, {tuple(v.shape)} and "
            f"{tuple(z.shape)} were given."
        )
    for name, array in (("left", u), ("Z", z)):
        check_filled(name, array)
    return u @ (v @ z)


def _check(*sizes: int) -> None:
    if min(sizes) < 1:
        raise NotApplicable(f"the numbers of nodes, inputs and outputs must be at least 1; {sizes} were given.")
