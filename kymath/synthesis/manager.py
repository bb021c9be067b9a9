"""The adaptive data manager: points drawn by the attention they get, and evened out until the sample is worth its size.

NumPy alone: torch is not imported here, though data and the controller's output may be tensors.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import EmptyData, NotADistribution, NotApplicable, ShapeMismatch
from .arrays import as_numpy, library

_CHUNK = 4096  # points handed to the controller at a time, so that memory stays bounded


@dataclass(frozen=True, eq=False)
class Refinement:
    """One step of the refinement."""

    weights: np.ndarray  #: (N,) of all points, mixed with uniform ones
    quality: float  #: of the sample that was drawn by them


class AdaptiveDataManager:
    """Samples of a dataset in which a point is as likely as the attention it gets.

    ============== =======================================================================================
    step           reading
    ============== =======================================================================================
    attention      a_i = norm of the controller's fused output for point i
    weights        w = a / Σ a; 1/N each where all a are 0
    sampling       sample_size points one after another by w, none twice; points of weight 0 come last
    quality        q = (Σ w)² / (k Σ w²) over the k points drawn, in (0, 1]: the share of the sample that is
                   left as its effective size (Kish); 1 if they weigh the same
    refinement     while q < threshold: w ← (w + 1/N)/2, and draw again
    ============== =======================================================================================

    ``controller`` has ``execute_cycle``, which takes a batch of points and gives one row (or number) for each, such as
    :class:`AttentionNodeController`; ``threshold`` lies in (0, 1]; ``rng`` is a ``numpy.random.Generator`` or a seed.
    ``manage_dataset(data)`` takes an array or a tensor (N, …) or a list of N points and returns the sample, of the same
    kind (of a list a list). It leaves

    - ``attention`` (N,), the weights before any refinement, and ``weights`` (N,), those that the sample was drawn by,
    - ``indices`` (sample_size,), where its points stand in the data, and ``quality``,
    - ``refinements``, one :class:`Refinement` a step, none where the first sample was good enough.

    Points go to the controller 4096 at a time; those of a list without a common shape one by one.

    A draw below the threshold is not kept, so where there were refinements the heaviest points come less often than
    their weights alone would have it.

    Mended from the printed code: the threshold is a parameter, what refinement gives is used and kept, the points are
    not sent one by one. It always ends, as uniform weights have q = 1.

    Raises ``NotApplicable`` for a sample size below 1 or above N, a threshold outside (0, 1], an rng that is none;
    ``EmptyData`` for no points; ``ShapeMismatch`` for a controller that does not give one row a point;
    ``NotADistribution`` for output that is not finite.

    Source: cross-synthesis paper, section 7.2; L. Kish, Survey Sampling, Wiley 1965 (the effective sample size).

    >>> class Controller:
    ...     def execute_cycle(self, x):
    ...         return x
    >>> manager = AdaptiveDataManager(Controller(), sample_size=2, threshold=0.9, rng=0)
    >>> manager.manage_dataset(np.array([[0.0], [1.0], [9.0]]))
    array([[9.],
           [1.]])
    >>> manager.attention, manager.weights.round(3), round(manager.quality, 3), len(manager.refinements)
    (array([0. , 0.1, 0.9]), array([0.25 , 0.275, 0.475]), 0.934, 2)
    """

    def __init__(self, controller: Any, *, sample_size: int, threshold: float, rng: np.random.Generator | int) -> None:
        if not callable(getattr(controller, "execute_cycle", None)):
            raise NotApplicable(f"controller must have execute_cycle(points); {type(controller).__name__} has none.")
        if isinstance(sample_size, bool) or not isinstance(sample_size, int | np.integer) or sample_size < 1:
            raise NotApplicable(f"sample_size must be a whole number from 1; {sample_size!r} was given.")
        if not 0 < threshold <= 1:
            raise NotApplicable(f"threshold must lie in (0, 1], as the quality does; {threshold!r} was given.")
        if isinstance(rng, bool) or not (
            isinstance(rng, np.random.Generator) or (isinstance(rng, int | np.integer) and rng >= 0)
        ):
            raise NotApplicable(f"rng must be a numpy.random.Generator or a seed, 0 or above; {rng!r} was given.")
        self.controller = controller
        self.sample_size, self.threshold = int(sample_size), float(threshold)
        self.rng = np.random.default_rng(rng)
        self.attention = self.weights = np.zeros(0)
        self.indices = np.zeros(0, int)
        self.quality = 0.0  # before anything was managed; after that it is above 0
        self.refinements: tuple[Refinement, ...] = ()

    def manage_dataset(self, data: Any) -> Any:
        """A sample of the data; see the class."""
        count = _count(data)
        if self.sample_size > count:
            raise NotApplicable(
                f"sample_size = {self.sample_size} is more than the {count} points of the data: none is drawn twice."
            )
        attention = self.attention_weights(data)
        weights, steps = attention, list[Refinement]()
        indices = self._draw(weights)
        quality = effective_share(weights[indices])
        while quality < self.threshold:
            share = 0.5 ** (len(steps) + 1)
            weights = share * attention + (1 - share) / count  # as halving step after step, without its rounding
            indices = self._draw(weights)
            quality = effective_share(weights[indices])
            steps.append(Refinement(weights, quality))
        self.attention, self.weights, self.indices = attention.copy(), weights.copy(), indices
        self.quality, self.refinements = quality, tuple(steps)
        return [data[i] for i in indices.tolist()] if not hasattr(data, "shape") else data[indices]

    def attention_weights(self, data: Any) -> np.ndarray:
        """The weights (N,) that the controller gives to the points; they sum to 1."""
        torch = sys.modules.get("torch")
        with nullcontext() if torch is None else torch.no_grad():
            norms = np.concatenate([self._norms(points, rows) for points, rows in _batches(data)])
        if not np.isfinite(norms).all():
            worst = int(np.argmin(np.isfinite(norms)))
            raise NotADistribution(
                f"the controller's output for point {worst} is not finite, so it has no weight: look at that point, "
                "or at what the controller has learned."
            )
        largest = norms.max()
        return np.full(len(norms), 1 / len(norms)) if largest == 0 else (norms / largest) / (norms / largest).sum()

    def _norms(self, points: Any, rows: int) -> np.ndarray:
        """The norm of the output for each point of a batch; ``rows`` = 0 for a point that goes alone."""
        output = as_numpy(self.controller.execute_cycle(points))
        if output.dtype.kind not in "biuf" or (rows and output.shape[:1] != (rows,)):
            raise ShapeMismatch(
                f"the controller must give one row of real numbers for each of {rows or 1} points; it gave the shape "
                f"{output.shape} of {output.dtype}."
            )
        flat = output.astype(float).reshape(rows or 1, -1)
        largest = np.abs(flat).max(axis=1, initial=0.0)
        with np.errstate(over="ignore", invalid="ignore"):  # infinities are told as such
            return largest * np.linalg.norm(flat / np.where(largest > 0, largest, 1)[:, None], axis=1)

    def _draw(self, weights: np.ndarray) -> np.ndarray:
        """Indices (sample_size,), none twice."""
        some = np.flatnonzero(weights)
        first = self.rng.choice(some, min(len(some), self.sample_size), replace=False, p=weights[some])
        none = np.flatnonzero(weights == 0)
        return np.concatenate([first, self.rng.choice(none, self.sample_size - len(first), replace=False)])


def effective_share(weights: np.ndarray) -> float:
    """(Σ w)² / (k Σ w²) of k weights ≥ 0, not all 0: from 1/k, where one has it all, to 1.

    Source: L. Kish, Survey Sampling, Wiley 1965.

    >>> effective_share(np.array([1.0, 1.0, 0.0, 0.0]))
    0.5
    """
    w = weights / weights.max()  # equal weights give 1 to the last digit
    return min(1.0, float(w.sum() ** 2 / (len(w) * (w**2).sum())))


def _count(data: Any) -> int:
    """How many points there are."""
    lib = library(data)
    known = isinstance(data, np.ndarray | list | tuple) or (lib is not np and isinstance(data, lib.Tensor))
    if not known or not getattr(data, "ndim", 1) or getattr(data, "is_sparse", False):
        kind = type(data).__name__
        raise ShapeMismatch(f"data must be an array or a tensor (N, …) or a list of points; {kind} is none of them.")
    count = len(data)
    if not count or 0 in getattr(data, "shape", ()):
        raise EmptyData("data holds no points: give at least one.")
    return count


def _batches(data: Any) -> Iterator[tuple[Any, int]]:
    """What goes to the controller in one call, with the number of points in it, 0 for a point that goes alone."""
    for start in range(0, len(data), _CHUNK):
        part = data[start : start + _CHUNK]
        whole = part if hasattr(part, "shape") else _stacked(part)
        if whole is None:
            yield from ((point, 0) for point in part)
        else:
            yield (whole if whole.ndim > 1 else whole.reshape(-1, 1)), len(whole)


def _stacked(points: Sequence[Any]) -> Any:
    """The points as one array of numbers, None where they have no common shape."""
    lib = library(*points)
    try:
        made = lib.stack([lib.asarray(point) for point in points])
    except (TypeError, ValueError, RuntimeError):
        return None
    return None if lib is np and made.dtype.kind not in "biuf" else made
