"""The attention-weighted likelihood."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeMismatch
from .arrays import Array, arrays, check_filled, softmax


def weighted_log_likelihood(log_probs: Any, scores: Any) -> Array:
    """L(θ) = Σ_i w_i log P(d_i | θ) with w = softmax(scores), to be maximised.

    ``log_probs`` and ``scores`` have one shape (…, k), k data points; the result has the shape (…). The scores must not
    be fitted together with θ: all weight would go to the point that is likeliest already. Pass ``scores.detach()``.

    Raises ``ShapeMismatch``, and ``EmptyData`` for no data points.

    Source: cross-synthesis paper, section 7.1.

    >>> weighted_log_likelihood([-1.0, -3.0], [0.0, 0.0])
    np.float64(-2.0)
    """
    logs, weights = arrays(("log_probs", log_probs), ("scores", scores))
    if not logs.ndim or logs.shape != weights.shape:
        raise ShapeMismatch(
            f"log_probs and scores must have one shape (…, k); {tuple(logs.shape)} and {tuple(weights.shape)} were "
            "given."
        )
    check_filled("log_probs", logs)
    return (softmax(weights) * logs).sum(-1)
