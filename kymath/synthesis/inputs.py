"""Examples as a network reads them, a batch at a time: images scaled and shifted a little, texts as their terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .data import Part
from .terms import Terms

_SHIFT = 2  # pixels, in training


class Images:
    """Images (N, C, H, W) of bytes, scaled by the mean and deviation of the training images."""

    def __init__(self, shape: tuple[int, int, int], mean: Sequence[float], scale: Sequence[float]) -> None:
        self.shape = shape
        self.mean, self.scale = torch.tensor(mean)[:, None, None], torch.tensor(scale)[:, None, None]

    @classmethod
    def of(cls, training: Tensor) -> Images:
        """As some thousand of the training images have it."""
        sampled = training[:: max(1, len(training) // 5000)].float()
        scale = sampled.std((0, 2, 3)).clamp_min(1.0)  # black images have none
        return cls(tuple(training.shape[1:]), sampled.mean((0, 2, 3)).tolist(), scale.tolist())  # type: ignore[arg-type]

    def stored(self, inputs: Tensor) -> Tensor:
        return inputs

    def batch(self, stored: Tensor, rows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The rows as floats; with a generator each shifted by up to two pixels, which a digit or a thing bears."""
        images = (stored[rows].float() - self.mean) / self.scale
        return images if generator is None else _shifted(images, generator)


class Texts:
    """Texts as the numbers of their terms, one after the other."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms

    def stored(self, inputs: Sequence[str]) -> tuple[Tensor, Tensor]:
        """All terms in one tensor, and where each text begins and the last ends."""
        found = [self.terms(text) for text in inputs]
        ends = torch.tensor([0] + [len(terms) for terms in found]).cumsum(0)
        return torch.cat(found), ends

    def batch(
        self, stored: tuple[Tensor, Tensor], rows: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """The rows' terms and where each begins, as ``EmbeddingBag`` takes them."""
        terms, ends = stored
        pieces = [terms[ends[row] : ends[row + 1]] for row in rows.tolist()]
        starts = torch.tensor([0] + [len(piece) for piece in pieces[:-1]], dtype=torch.int32).cumsum(0)
        return torch.cat(pieces), starts.to(torch.int32)


@dataclass(frozen=True)
class Examples:
    """A part of a data set, read once."""

    inputs: Images | Texts
    stored: Any
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: Tensor, generator: torch.Generator | None = None) -> Any:
        """The rows as the encoder takes them."""
        return self.inputs.batch(self.stored, rows, generator)


def examples(inputs: Images | Texts, part: Part) -> Examples:
    """A part as these inputs read it."""
    return Examples(inputs, inputs.stored(part.inputs), part.labels)  # type: ignore[arg-type]


def inputs_for(kind: str, training: Any) -> Images | Texts:
    """How the training part's inputs are read."""
    return Images.of(training) if kind == "images" else Texts(Terms.of(training))


def _shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image moved by up to ``_SHIFT`` pixels, what comes in being as at the border."""
    count, _, height, breadth = images.shape
    padded = torch.nn.functional.pad(images, (_SHIFT,) * 4, mode="replicate")
    down, right = torch.randint(0, 2 * _SHIFT + 1, (2, count, 1), generator=generator)
    rows, columns = down + torch.arange(height), right + torch.arange(breadth)
    every = torch.arange(count)[:, None, None]
    return padded[every, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
