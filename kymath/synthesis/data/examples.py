"""Labelled examples, and what is asked of them before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ...errors import EmptyData, ShapeMismatch
from ...training.reading import Unreadable
from ...training.words import counted

Kind = Literal["images", "texts"]
CLASSES = 1000  # as ImageNet has; more are a number or a name of each example rather than its class


@dataclass(frozen=True, eq=False)
class Part:
    """Examples and their labels.

    ``inputs`` are images, uint8 (N, C, H, W) with 0 black and 255 white, or a list of N texts; ``labels`` are int64
    (N,). Raises ``ShapeMismatch`` where the two do not go together.

    >>> part = Part(["good", "bad", "fine"], torch.tensor([1, 0, 1]))
    >>> len(part), part.take(torch.tensor([2, 0])).inputs
    (3, ['fine', 'good'])
    """

    inputs: Tensor | list[str]
    labels: Tensor

    def __post_init__(self) -> None:
        if isinstance(self.inputs, Tensor) and self.inputs.ndim != 4:
            raise ShapeMismatch(f"images must have the shape (N, C, H, W); {tuple(self.inputs.shape)} was given.")
        if self.labels.ndim != 1 or len(self.inputs) != len(self.labels):
            raise ShapeMismatch(
                f"each example has one label: {counted(len(self.inputs), 'example')} and labels of the shape "
                f"{tuple(self.labels.shape)} were given."
            )

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Tensor) -> Part:
        """The examples with these numbers, whole numbers (k,), in their order; one may be named more than once.

        Raises ``ShapeMismatch`` for indices of another kind and ``IndexError`` for a number that no example has.
        """
        if indices.ndim != 1 or indices.dtype not in (torch.int64, torch.int32):
            raise ShapeMismatch(
                f"indices must be whole numbers of the shape (k,); {indices.dtype} of the shape "
                f"{tuple(indices.shape)} was given."
            )
        if isinstance(self.inputs, Tensor):
            return Part(self.inputs[indices], self.labels[indices])
        return Part([self.inputs[index] for index in indices.tolist()], self.labels[indices])


@dataclass(frozen=True, eq=False)
class Task:
    """A data set for classification; a label is the place of its name in ``classes``."""

    name: str
    kind: Kind
    classes: tuple[str, ...]
    train: Part
    test: Part


def task(name: str, classes: tuple[str, ...] | None, train: Part, test: Part) -> Task:
    """The two parts as a checked task.

    Without ``classes`` the labels of the training part are the classes: they are numbered 0, 1, … in their order, and
    each is named by the number that it was (so 1 to 5 stars, or −1 and 1, will do).

    Raises ``EmptyData`` for a part without examples, images without pixels, or a training part of fewer than two
    classes; ``ShapeMismatch`` for images of two sizes; ``Unreadable`` for a label that names no class, and for more
    than 1000 classes.
    """
    for part, called in ((train, "training"), (test, "test")):
        if not len(part):
            raise EmptyData(f"{name}: the {called} part has no example; one is least.")
    if isinstance(train.inputs, Tensor) and isinstance(test.inputs, Tensor):
        sizes = [tuple(part.inputs.shape[1:]) for part in (train, test) if isinstance(part.inputs, Tensor)]
        if sizes[0] != sizes[1]:
            raise ShapeMismatch(
                f"{name}: the training images have the shape {sizes[0]}, the test images {sizes[1]}; one was expected."
            )
        if 0 in sizes[0]:
            raise EmptyData(f"{name}: images of the shape {sizes[0]} have no pixels.")
    known = train.labels.unique()
    if len(known) < 2:
        raise EmptyData(
            f"{name}: every training example has the label {int(known[0])}; a classifier needs two classes."
        )
    if classes is not None:
        _check_labels(name, "training", train.labels, torch.arange(len(classes)))
    elif len(known) > CLASSES:
        raise Unreadable(
            f"{name}: the training part has {len(known):,} different labels; {CLASSES:,} classes are the most: give "
            "each example the number of its class."
        )
    _check_labels(name, "test", test.labels, known)
    if classes is None:
        classes = tuple(str(value) for value in known.tolist())
        train, test = (Part(part.inputs, torch.searchsorted(known, part.labels)) for part in (train, test))
    return Task(name, "images" if isinstance(train.inputs, Tensor) else "texts", classes, train, test)


def _check_labels(name: str, called: str, labels: Tensor, allowed: Tensor) -> None:
    strange = ~torch.isin(labels, allowed)
    if bool(strange.any()):
        at = int(strange.nonzero()[0])
        values = ", ".join(str(value) for value in allowed[:12].tolist()) + (", …" if len(allowed) > 12 else "")
        where = "of the data set" if called == "training" else "of the training part"
        raise Unreadable(
            f"{name}: example {at + 1:,} of the {called} part has the label {int(labels[at])}; the labels {where} are "
            f"{values}."
        )
