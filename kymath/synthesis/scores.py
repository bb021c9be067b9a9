"""What a classifier is worth: accuracy, F1, latency."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import EmptyData, ShapeMismatch


def accuracy(predicted: Tensor, labels: Tensor) -> float:
    """The share of right answers.

    >>> accuracy(torch.tensor([0, 1, 1]), torch.tensor([0, 1, 0])).__round__(4)
    0.6667
    """
    _check(predicted, labels)
    return float((predicted == labels).double().mean())


def f1(predicted: Tensor, labels: Tensor, classes: int) -> float:
    """The mean over the classes of F1 = 2 TP/(2 TP + FP + FN), "macro"; a class that nobody has or names counts as 0.

    >>> f1(torch.tensor([0, 1, 1]), torch.tensor([0, 1, 0]), 2).__round__(4)
    0.6667
    """
    _check(predicted, labels)
    named, present, right = (
        torch.bincount(found, minlength=classes).double() for found in (predicted, labels, labels[predicted == labels])
    )
    return float((2 * right / (named + present).clamp_min(1)).mean())


def latency_ms(answer: Callable[[int], object], count: int = 100) -> float:
    """Milliseconds from one example to its class, the median of ``count`` examples one after the other."""
    times = []
    for example in range(-5, count):  # the first few warm up
        begun = time.perf_counter()
        answer(max(example, 0))
        times.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(times[5:])


def _check(predicted: Tensor, labels: Tensor) -> None:
    if predicted.shape != labels.shape:
        raise ShapeMismatch(
            f"answers and labels must be as many; {tuple(predicted.shape)} and {tuple(labels.shape)} were given."
        )
    if not len(labels):
        raise EmptyData("there is no example to be scored on.")
