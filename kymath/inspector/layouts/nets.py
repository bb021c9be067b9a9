"""Small nets of a checkpoint: the linear layers of an ``nn.Sequential``, in the order of their numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...bias.net import Net, Norm
from ..checkpoint import Checkpoint
from .slots import check_heads, check_size, tensor


def net_of(
    checkpoint: Checkpoint,
    linears: Sequence[str],
    inputs: int,
    act: Callable[[Any], Any],
    norms: Sequence[str] = (),
) -> Net:
    """The net with these linear layers (names without ``.weight``), and as many norms between them, or none.

    A missing bias is 0. Raises ``KYError`` that names a tensor that does not follow from the one before, or has more
    heads than a model has.
    """
    weights, biases = [], []
    for name in linears:
        weight = tensor(checkpoint, f"{name}.weight", None, inputs)
        inputs = weight.shape[0]
        has = checkpoint.has(f"{name}.bias")
        biases.append(tensor(checkpoint, f"{name}.bias", inputs) if has else np.zeros(inputs))
        weights.append(weight)
    check_heads(checkpoint, f"{linears[-1]}.weight", inputs, None)
    inner = [weight.shape[0] for weight in weights[:-1]]
    between: list[Norm | None] = [None] * len(inner)
    if norms:
        between = [_norm(checkpoint, name, count) for name, count in zip(norms, inner, strict=True)]
    return Net(tuple(weights), tuple(biases), tuple(between), act)


def check_net(checkpoint: Checkpoint, name: str, net: Net, points: int, curves: int = 1) -> None:
    """Refuse a net that is too wide for so many points; ``name`` is a tensor of it."""
    check_size(checkpoint, name, points, width=max(map(len, net.weights)), curves=curves)


def _norm(checkpoint: Checkpoint, name: str, count: int) -> Norm:
    scale = next((f"{name}.{part}" for part in ("weight", "gamma") if checkpoint.has(f"{name}.{part}")), None)
    has = checkpoint.has(f"{name}.bias")
    return (
        np.ones(count) if scale is None else tensor(checkpoint, scale, count),
        tensor(checkpoint, f"{name}.bias", count) if has else np.zeros(count),
    )
