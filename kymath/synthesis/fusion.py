"""Hierarchical fusion: a learned convex combination of nodes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ShapeMismatch
from .node import tensor


class HierarchicalFusion(nn.Module):
    """Σ_j β_j Z_j with learned weights β = softmax(scores) on the simplex.

    Weights that only sum to 1, as section 3.2.3 asks, may leave the hull of the nodes (β = (2, −1)); a softmax cannot,
    so the norm of what is fused is at most the largest of the nodes', as Lemma 1 uses it.

    ``fusion(Z)`` with Z (…, n, p) gives the pair (fused (…, p), β (n,)). All β are 1/n at first.

    Raises ``ShapeMismatch`` for another number of nodes.

    Source: cross-synthesis paper, sections 3.2.3 and 5.1.

    >>> fused, beta = HierarchicalFusion(2)(torch.tensor([[1.0, 3.0], [3.0, 5.0]]))
    >>> fused.tolist(), beta.tolist()
    ([2.0, 4.0], [0.5, 0.5])
    """

    def __init__(self, num_nodes: int) -> None:
        super().__init__()
        if num_nodes < 1:
            raise ShapeMismatch(f"num_nodes must be at least 1; {num_nodes} was given.")
        self.scores = nn.Parameter(torch.zeros(num_nodes))

    def forward(self, Z: Any) -> tuple[Tensor, Tensor]:
        Z = tensor(Z, self.scores)
        if Z.ndim < 2 or Z.shape[-2] != len(self.scores):
            raise ShapeMismatch(
                f"Z must have the shape (…, {len(self.scores)}, p), one row a node; {tuple(Z.shape)} was given."
            )
        beta = torch.softmax(self.scores, 0)
        return beta @ Z, beta
