"""The attention node (X, Y, A, R): a layer whose weights are attended to, and a reasoning kernel."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import NotApplicable, ShapeMismatch
from .operator import entrywise

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": nn.functional.gelu,
    "identity": lambda z: z,
}


def tensor(array: Any, like: Tensor) -> Tensor:
    """A tensor as it is; an array or a list in the precision and on the device of ``like``."""
    if isinstance(array, Tensor):
        return array
    try:
        return torch.as_tensor(np.asarray(array), dtype=like.dtype, device=like.device)
    except (TypeError, ValueError) as error:
        raise ShapeMismatch(f"a tensor or an array of numbers is expected: {str(error)[:120]}.") from error


class AttentionMechanism(nn.Module):
    """A: X × Y → [0, 1] by scores A_yx = sigmoid(⟨q_y, k_x⟩ + c); ``forward()`` is its matrix (outputs, inputs).

    Each input and each output has ``rank`` learned numbers, k_x and q_y.
    """

    def __init__(
        self, in_features: int, out_features: int, *, rank: int = 4, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.keys = nn.Parameter(torch.randn(in_features, rank, generator=generator) / math.sqrt(rank))
        self.queries = nn.Parameter(torch.randn(out_features, rank, generator=generator) / math.sqrt(rank))
        self.level = nn.Parameter(torch.tensor(1.0))

    def forward(self) -> Tensor:
        return torch.sigmoid(self.queries @ self.keys.T + self.level)


class AttentionNode(nn.Module):
    """Z = R(σ(W X + b)) with the attention-aware weights W = W_base ∘ A.

    ``in_features`` and ``out_features`` are the sizes of the node's spaces X and Y; ``activation`` σ is "relu", "tanh",
    "sigmoid", "gelu" or "identity"; ``reasoning`` is the kernel R, any function (batch, out) → (batch, out), identity
    if None. Section 8.1's ⊗_α is read as the entrywise product: the scalar of section 2.2 gives no layer.
    ``generator`` draws the first weights.

    ``node(X)`` takes (…, in_features) to (…, out_features). Raises ``ShapeMismatch`` for other sizes,
    ``NotApplicable`` for an activation that is not known.

    Source: cross-synthesis paper, sections 3.1, 3.2.1 and 8.1.

    >>> AttentionNode(3, 2)(torch.zeros(5, 3)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        activation: str = "relu",
        reasoning: Callable[[Tensor], Tensor] | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if in_features < 1 or out_features < 1:
            raise ShapeMismatch(
                f"in_features and out_features must be at least 1; {in_features} and {out_features} were given."
            )
        if activation not in ACTIVATIONS:
            raise NotApplicable(f"activation = {activation!r}: {', '.join(ACTIVATIONS)} are known.")
        self.in_features, self.out_features, self.activation = in_features, out_features, activation
        self.reasoning = reasoning
        self.mechanism = AttentionMechanism(in_features, out_features, generator=generator)
        bound = 1 / math.sqrt(in_features)
        self.base = nn.Parameter((torch.rand(out_features, in_features, generator=generator) * 2 - 1) * bound)
        self.bias = nn.Parameter((torch.rand(out_features, generator=generator) * 2 - 1) * bound)

    def weights(self) -> Tensor:
        """W_base ∘ A, (out_features, in_features)."""
        return entrywise(self.base, self.mechanism())

    def forward(self, X: Any) -> Tensor:
        X = tensor(X, self.base)
        if not X.ndim or X.shape[-1] != self.in_features:
            raise ShapeMismatch(f"the node takes (batch, {self.in_features}); {tuple(X.shape)} was given.")
        Z = ACTIVATIONS[self.activation](nn.functional.linear(X, self.weights(), self.bias))
        return Z if self.reasoning is None else self.reasoning(Z)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, activation={self.activation!r}"
