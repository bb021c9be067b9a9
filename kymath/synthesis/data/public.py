"""The public data sets, fetched by ``datasets``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...errors import NotApplicable
from ...training.reading import HINT, Unreadable
from .examples import Kind, Part


@dataclass(frozen=True)
class Source:
    """A data set on the hub: its title, where it is, and the column of its examples; labels are in ``label``.

    Source of the names: the cards of the three data sets on the hub.
    """

    title: str
    address: str
    column: str
    kind: Kind


SOURCES = {
    "mnist": Source("MNIST", "ylecun/mnist", "image", "images"),
    "imdb": Source("IMDB", "stanfordnlp/imdb", "text", "texts"),
    "cifar10": Source("CIFAR-10", "uoft-cs/cifar10", "img", "images"),
}


def fetched(name: str) -> tuple[Part, Part]:
    """The training and the test part of a public data set.

    Raises ``NotApplicable`` where ``datasets`` is not installed, and ``Unreadable`` where it cannot fetch.
    """
    source = SOURCES[name]
    try:
        import datasets
    except ImportError as missing:
        raise NotApplicable(f"{source.title} is fetched by datasets: pip install 'kymath[train]'. {HINT}") from missing
    try:
        train, test = (part(datasets.load_dataset(source.address, split=split), source) for split in ("train", "test"))
    except Exception as error:  # whatever a network, a cache or a hub can do
        raise Unreadable(
            f"{source.title} could not be fetched: {' '.join(str(error).split())[:200]}. {HINT}"
        ) from error
    return train, test


def part(rows: Any, source: Source) -> Part:
    """The rows of a ``datasets.Dataset`` as examples; a batch at a time, for an image takes room while it is open."""
    inputs: list[Any] = []
    labels: list[int] = []
    for batch in rows.iter(batch_size=1000):
        found = batch[source.column]
        inputs.extend(found if source.kind == "texts" else (np.asarray(image) for image in found))
        labels.extend(batch["label"])
    return Part(inputs if source.kind == "texts" else _images(inputs), torch.tensor(labels, dtype=torch.int64))


def _images(pictures: list[np.ndarray]) -> torch.Tensor:
    """(H, W) or (H, W, C) each, as (N, C, H, W)."""
    stacked = torch.from_numpy(np.stack(pictures))
    return stacked.unsqueeze(1) if stacked.ndim == 3 else stacked.permute(0, 3, 1, 2).contiguous()
