"""Entropy, and the mixture that keeps it: what Theorem 1 can say."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeMismatch
from .arrays import Array, arrays, check_filled, check_share, check_simplex, library


def entropy(p: Any) -> Array:
    """H(p) = −Σ p log₂ p over the last axis, in bits, with 0 log 0 = 0.

    ``p`` (…, k) is on the simplex; the result has the shape (…) and lies in [0, log₂ k].

    Raises ``NotADistribution`` for p that is negative or does not sum to 1, ``ShapeMismatch`` for a single number,
    ``EmptyData`` for none.

    Source: C. E. Shannon, Bell System Technical Journal 27 (1948) 379.

    >>> entropy([0.5, 0.25, 0.25])
    np.float64(1.5)
    """
    (p,) = arrays(("p", p))
    _check("p", p)
    lib = library(p)
    return 0.0 - (p * lib.log2(lib.where(p > 0, p, 1.0))).sum(-1)  # 0.0, not −0.0, where it is certain


def mixture(first: Any, second: Any, share: Any) -> Array:
    """l P + (1 − l) Q with l = ``share`` in [0, 1], a number or one for each distribution, (…).

    As H is concave, H(mixture) ≥ l H(P) + (1 − l) H(Q) ≥ min(H(P), H(Q)): the guarantee that Theorem 1 claims of the
    cross-synthesis, which can lower H to 0. For the cross-synthesis itself see ``reduce="normalise"`` of
    :func:`cross_synthesis`, a product.

    ``first`` and ``second`` have one shape (…, k) and are on the simplex over the last axis.

    Raises ``NotADistribution`` for what is no distribution or a share outside [0, 1], ``ShapeMismatch``, ``EmptyData``.

    Source: cross-synthesis paper, Theorem 1; Cover and Thomas, Elements of Information Theory, theorem 2.7.3.

    >>> mixture([1.0, 0.0], [0.0, 1.0], 0.25)
    array([0.25, 0.75])
    """
    p, q, weight = arrays(("first", first), ("second", second), ("share", share))
    if p.shape != q.shape or (weight.ndim and weight.shape != p.shape[:-1]):
        raise ShapeMismatch(
            "first and second must have one shape (…, k) and share be a number or have the shape (…); "
            f"{tuple(p.shape)}, {tuple(q.shape)} and {tuple(weight.shape)} were given."
        )
    _check("first", p)
    _check("second", q)
    check_share("share", weight)
    weight = weight[..., None]
    return weight * p + (1 - weight) * q


def _check(name: str, p: Array) -> None:
    if not p.ndim:
        raise ShapeMismatch(f"{name} must be a distribution (…, k); a single number was given.")
    check_filled(name, p)
    check_simplex(name, p)
