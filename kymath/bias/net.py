"""A small net of one number or two, as position biases use it, without torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Norm = tuple[np.ndarray, np.ndarray]  # scale, shift
EPS = 1e-5  # of layer norms


@dataclass(frozen=True, eq=False)
class Net:
    """x ↦ W_n act(norm(… W_1 x + b_1)) + b_n.

    ``weights`` (out, in) and ``biases`` (out,) are of the linear layers; ``norms`` of the layer norms between them,
    None where there is none. ``act`` takes arrays, complex ones and jets.

    >>> relu = lambda x: np.maximum(x, 0.0)
    >>> net = Net((np.eye(1), np.array([[2.0], [3.0]])), (np.zeros(1), np.zeros(2)), (None,), relu)
    >>> float(net.head(1)(0.5)), net.at(np.array([[1.0], [-1.0]])).tolist()
    (1.5, [[2.0, 3.0], [0.0, 0.0]])
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    norms: tuple[Norm | None, ...]
    act: Callable[[Any], Any]

    @property
    def heads(self) -> int:
        return int(self.weights[-1].shape[0])

    def at(self, points: np.ndarray) -> np.ndarray:
        """(…, in) ↦ (…, out)."""
        x = self._inner(points @ self.weights[0].T + self.biases[0], many=True)
        return np.asarray(x @ self.weights[-1].T + self.biases[-1])

    def head(self, head: int, axis: int = 0) -> Callable[[Any], Any]:
        """One output as a function of one input, the other inputs 0."""
        first, last, shift = self.weights[0][:, axis], self.weights[-1][head], float(self.biases[-1][head])

        def curve(t: Any) -> Any:
            many = isinstance(t, np.ndarray) and t.ndim > 0
            x = (t[..., None] * first if many else t * first) + self.biases[0]
            return self._inner(x, many) @ last + shift

        return curve

    def _inner(self, x: Any, many: bool) -> Any:
        """From the first layer's sums to what the last layer reads; units along the last axis."""
        for weight, bias, norm in zip(self.weights[1:-1], self.biases[1:-1], self.norms[:-1], strict=True):
            x = self.act(_normed(x, norm, many)) @ weight.T + bias
        return self.act(_normed(x, self.norms[-1], many))


def _normed(x: Any, norm: Norm | None, many: bool) -> Any:
    if norm is None:
        return x
    count = len(norm[0])
    x = x - _over(np.sum(x, axis=-1) / count, many)
    size = _over(np.sum(x * x, axis=-1) / count, many)
    return x / np.sqrt(size + EPS) * norm[0] + norm[1]


def _over(x: Any, many: bool) -> Any:
    return x[..., None] if many else x
