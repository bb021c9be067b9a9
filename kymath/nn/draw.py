"""First values of parameters, from the generator that is passed."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def uniform(weight: Tensor, bound: float, generator: torch.Generator | None) -> None:
    """Uniform on [−bound, bound]."""
    nn.init.uniform_(weight, -bound, bound, generator=generator)


def linear(layer: nn.Linear, generator: torch.Generator | None) -> None:
    """torch's own first values of a linear layer without bias: uniform within 1/√(inputs)."""
    uniform(layer.weight, 1 / math.sqrt(layer.in_features), generator)
