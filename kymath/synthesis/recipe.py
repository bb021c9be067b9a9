"""How a network is made and trained for each kind of data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from ..errors import NotApplicable
from .encoders import ImageEncoder, TextEncoder
from .inputs import Images, Texts
from .net import PlainNet, SynthesisNet


@dataclass(frozen=True)
class Recipe:
    """Sizes and steps; the same for the synthesis and for what stands beside it."""

    epochs: int
    batch: int
    lr: float  #: at its largest, one cycle of warming up and cooling down
    dropout: float
    nodes: int
    width: int  #: numbers that a node gives
    weight_decay: float = 0.01

    def but(self, **asked: Any) -> Recipe:
        """With other values where they are not None; ``NotApplicable`` names one that cannot be."""
        known = {name: value for name, value in asked.items() if value is not None}
        for name, value in known.items():
            if name in ("epochs", "batch", "nodes", "width") and value < 1:
                raise NotApplicable(f"{name} must be at least 1; {value} was given.")
            if name in ("epochs", "batch", "nodes", "width") and (isinstance(value, bool) or int(value) != value):
                raise NotApplicable(f"{name} must be a whole number; {value} was given.")
        made = replace(self, **{name: type(getattr(self, name))(value) for name, value in known.items()})
        if not 0 < made.lr < 10:
            raise NotApplicable(f"lr must be above 0 and below 10; {made.lr} was given.")
        if made.nodes * made.width > _MOST:
            raise NotApplicable(f"nodes × width must be at most {_MOST:,}; {made.nodes:,} × {made.width:,} was given.")
        return made


RECIPES = {
    "images": Recipe(epochs=6, batch=128, lr=2e-3, dropout=0.1, nodes=6, width=32),
    "texts": Recipe(epochs=3, batch=256, lr=5e-3, dropout=0.5, nodes=6, width=16),
}
_FEATURES = 32  # of a text
_MOST = 100_000  # numbers that all nodes give together


NETWORKS = ("synthesis", "fusion", "baseline")


def network(
    name: str, recipe: Recipe, inputs: Images | Texts, classes: int, generator: torch.Generator | None = None
) -> SynthesisNet | PlainNet:
    """One of three networks, drawn from the generator, which draws the same first encoder for each.

    ``synthesis`` is the paper's; ``fusion`` the same without the cross-synthesis; ``baseline`` the encoder and one
    plain hidden layer with as many parameters.
    """
    encoder: ImageEncoder | TextEncoder
    if isinstance(inputs, Texts):
        encoder = TextEncoder(len(inputs.terms), _FEATURES, generator=generator)
    else:
        encoder = ImageEncoder(inputs.shape, generator=generator)
    if name != "baseline":
        return SynthesisNet(
            encoder.features, classes, nodes=recipe.nodes, width=recipe.width, encoder=encoder,
            synthesis=name == "synthesis", dropout=recipe.dropout, generator=generator,
        )  # fmt: skip
    with torch.device("meta"):  # only to be counted
        parameters = size(network("synthesis", recipe, inputs, classes))
    return PlainNet(
        encoder.features, classes, parameters=parameters, encoder=encoder, dropout=recipe.dropout, generator=generator
    )


def size(network: nn.Module) -> int:
    """How many parameters are trained."""
    return sum(parameter.numel() for parameter in network.parameters())
