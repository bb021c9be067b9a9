"""How a network is made and trained for each kind of data."""

from __future__ import annotations

from collections.abc import Callable
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
        if not 0 < known.get("lr", self.lr) < 10:
            raise NotApplicable(f"lr must be above 0 and below 10; {known['lr']} was given.")
        return replace(self, **known)


RECIPES = {
    "images": Recipe(epochs=6, batch=128, lr=2e-3, dropout=0.1, nodes=6, width=32),
    "texts": Recipe(epochs=3, batch=256, lr=5e-3, dropout=0.5, nodes=6, width=16),
}
_FEATURES = 32  # of a text


def networks(recipe: Recipe, inputs: Images | Texts, classes: int, seed: int) -> dict[str, Callable[[], nn.Module]]:
    """The three networks by their names; each is made from the seed alone, with the same first encoder.

    ``synthesis`` is the paper's; ``fusion`` the same without the cross-synthesis; ``baseline`` the encoder and one
    plain hidden layer with as many parameters.
    """

    def start() -> tuple[torch.Generator, Any]:
        generator = torch.Generator().manual_seed(seed)
        if isinstance(inputs, Texts):
            return generator, TextEncoder(len(inputs.terms), _FEATURES, generator=generator)
        return generator, ImageEncoder(inputs.shape, generator=generator)

    def nodes(synthesis: bool) -> SynthesisNet:
        generator, encoder = start()
        return SynthesisNet(
            encoder.features, classes, nodes=recipe.nodes, width=recipe.width, encoder=encoder, synthesis=synthesis,
            dropout=recipe.dropout, generator=generator,
        )  # fmt: skip

    def plain() -> PlainNet:
        generator, encoder = start()
        return PlainNet(
            encoder.features, classes, parameters=size(nodes(True)), encoder=encoder, dropout=recipe.dropout,
            generator=generator,
        )  # fmt: skip

    return {"synthesis": lambda: nodes(True), "fusion": lambda: nodes(False), "baseline": plain}


def size(network: nn.Module) -> int:
    """How many parameters are trained."""
    return sum(parameter.numel() for parameter in network.parameters())
