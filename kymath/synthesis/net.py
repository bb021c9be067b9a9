"""A classifier of attention nodes: nodes → cross-synthesis → fusion → head; and a plain network beside it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ShapeMismatch
from .cross import crossed
from .fusion import HierarchicalFusion
from .node import AttentionNode, tensor


class SynthesisNet(nn.Module):
    """Class scores from n attention nodes that are cross-synthesised and fused.

    ==================== ============================================ ==================
    step                 formula                                      shape
    ==================== ============================================ ==================
    encoder              h = encoder(x), or x                         (batch, inputs)
    nodes (3.2.1)        Z_i = σ(W_i h + b_i)                         (batch, n, p)
    cross-synthesis      C_ij = α_ij ⟨Z_i, Z_j⟩/√p (3.2.2, 6.1)       (batch, n, n)
    its attention (2.1)  Z′ = Z + softmax_j(C) Z                      (batch, n, p)
    fusion (3.2.3)       z = Σ_j β_j Z′_j, β on the simplex           (batch, p)
    head                 scores = U z + c                             (batch, classes)
    ==================== ============================================ ==================

    α = sigmoid of learned numbers (n, n), so it lies in [0, 1]. ``synthesis=False`` leaves the cross-synthesis out
    (Z′ = Z), to see what it does. ``encoder`` is any module; ``dropout`` acts on h and z; ``generator`` draws the
    first weights.

    ``net(x)`` raises ``ShapeMismatch`` for inputs of another size. Source: cross-synthesis paper, sections 3, 6 and 8,
    read as the table says; the paper prints no network.

    >>> SynthesisNet(4, 3, nodes=2, width=8)(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        in_features: int,
        classes: int,
        *,
        nodes: int = 8,
        width: int = 64,
        activation: str = "relu",
        encoder: nn.Module | None = None,
        synthesis: bool = True,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        for name, value, least in (("classes", classes, 2), ("nodes", nodes, 1)):
            if value < least:
                raise ShapeMismatch(f"{name} must be at least {least}; {value} was given.")
        self.encoder = nn.Identity() if encoder is None else encoder
        self.nodes = nn.ModuleList(
            AttentionNode(in_features, width, activation=activation, generator=generator) for _ in range(nodes)
        )
        self.alpha_scores = nn.Parameter(torch.zeros(nodes, nodes)) if synthesis else None
        self.fusion = HierarchicalFusion(nodes)
        self.head = linear(width, classes, generator)
        self.dropout = nn.Dropout(dropout)

    @property
    def alpha(self) -> Tensor | None:
        """The synthesis parameters α (n, n), None without synthesis."""
        return None if self.alpha_scores is None else torch.sigmoid(self.alpha_scores)

    def forward(self, x: Any) -> Tensor:
        return self.head(self.dropout(self.features(x)))

    def features(self, x: Any) -> Tensor:
        """What the head sees, (batch, width)."""
        x = tensor(x, self.head.weight) if isinstance(x, np.ndarray | list) else x
        h = self.dropout(self.encoder(x))
        Z = torch.stack([node(h) for node in self.nodes], dim=-2)
        alpha = self.alpha
        if alpha is not None:
            Z = Z + torch.softmax(crossed(Z, alpha), -1) @ Z
        return self.fusion(Z)[0]


class PlainNet(nn.Module):
    """The baseline: the same encoder and one hidden layer, as wide as the number of parameters allows."""

    def __init__(
        self,
        in_features: int,
        classes: int,
        *,
        parameters: int,
        encoder: nn.Module | None = None,
        dropout: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.encoder = nn.Identity() if encoder is None else encoder
        spent = sum(p.numel() for p in self.encoder.parameters())
        width = max(1, round((parameters - spent - classes) / (in_features + 1 + classes)))
        self.hidden = linear(in_features, width, generator)
        self.head = linear(width, classes, generator)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Any) -> Tensor:
        h = self.dropout(self.encoder(x))
        if h.shape[-1] != self.hidden.in_features:
            raise ShapeMismatch(f"the network takes (batch, {self.hidden.in_features}); {tuple(h.shape)} was given.")
        return self.head(self.dropout(torch.relu(self.hidden(h))))


def linear(inputs: int, outputs: int, generator: torch.Generator | None) -> nn.Linear:
    """A linear layer whose first values come from the generator, uniform within 1/√inputs as torch's own."""
    layer = nn.utils.skip_init(
        nn.Linear, inputs, outputs, device=torch.get_default_device()
    )  # torch's own would draw from its global generator
    bound = 1 / math.sqrt(inputs)
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -bound, bound, generator=generator)
    return layer
