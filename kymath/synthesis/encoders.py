"""What turns examples into the features that nodes read: images by two convolutions, texts by averaged embeddings."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class ImageEncoder(nn.Module):
    """Two convolutions that halve the size each: (batch, channels, H, W) → (batch, features), by ReLU."""

    def __init__(
        self, shape: tuple[int, int, int], *, width: int = 16, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        channels, height, breadth = shape
        here = torch.get_default_device()
        self.first = nn.utils.skip_init(nn.Conv2d, channels, width, 5, stride=2, padding=2, device=here)
        self.second = nn.utils.skip_init(nn.Conv2d, width, 2 * width, 3, stride=2, padding=1, device=here)
        for layer in (self.first, self.second):
            bound = 1 / math.sqrt(layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1])
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=generator)
        self.features = 2 * width * _quarter(height) * _quarter(breadth)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(torch.relu(self.first(x)))).flatten(1)


class TextEncoder(nn.Module):
    """The mean of the embeddings of a text's terms: a pair (terms, first place of each text) → (batch, features)."""

    def __init__(self, terms: int, features: int, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.features = features
        self.embedding = nn.utils.skip_init(
            nn.EmbeddingBag, terms, features, mode="mean", device=torch.get_default_device()
        )
        nn.init.normal_(self.embedding.weight, std=0.1, generator=generator)

    def forward(self, x: tuple[Tensor, Tensor]) -> Tensor:
        return self.embedding(*x)


def _quarter(size: int) -> int:
    """What two strides of two leave."""
    return -(-size // 4)
