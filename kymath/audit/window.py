"""The paper's attention in NumPy (Eq. 38 to 49), one head, written for checking and not for speed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray


def softmax(x: Any) -> Array:
    """exp(x) / Σ exp(x) along the last axis; −∞ has no weight."""
    x = np.asarray(x, float)
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def weights(
    q: Array, k: Array, bias: Array, *, centre: int | None = None, edge: str = "mask", eps: float = 0.0
) -> Array:
    """w (L, L): what each token gives to the others. ``centre`` is the slot of the token itself, the middle by default.

    ``edge``: "mask" leaves slots outside the sequence out; "zero" pads with zero keys, which take weight and give none.
    """
    length, width = len(q), len(bias)
    centre = (width - 1) // 2 if centre is None else centre
    beta = softmax(bias)
    out = np.zeros((length, length))
    for i in range(length):
        places = i - centre + np.arange(width)
        inside = (places >= 0) & (places < length)
        scores = np.zeros(width)
        scores[inside] = k[places[inside]] @ q[i] / math.sqrt(q.shape[1])
        if edge == "mask":
            scores[~inside] = -np.inf
        product = softmax(scores) * beta
        out[i, places[inside]] = (product / (product.sum() + eps))[inside]
    return out


def full(q: Array, k: Array) -> Array:
    """Standard attention's weights."""
    return softmax(q @ k.T / math.sqrt(q.shape[1]))


class Net:
    """Random projections, and the output of one layer of one head."""

    def __init__(self, d: int, rng: np.random.Generator, scale: float = 1.0) -> None:
        self.q, self.k, self.v = rng.normal(size=(3, d, d)) * scale / math.sqrt(d)

    def weights(self, x: Array, bias: Array, **options: Any) -> Array:
        return weights(x @ self.q, x @ self.k, bias, **options)

    def __call__(self, x: Array, bias: Array, **options: Any) -> Array:
        return self.weights(x, bias, **options) @ (x @ self.v)


def jacobian(f: Callable[[Array], Array], x: Array, h: float = 1e-6) -> Array:
    """∂f/∂x by central differences: (*f.shape, *x.shape)."""
    columns = []
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = h
        columns.append((f(x + step) - f(x - step)) / (2 * h))
    return np.moveaxis(np.array(columns), 0, -1).reshape(*columns[0].shape, *x.shape)
