"""Time: the shortest of many repetitions, the layers taking turns, so that what disturbs one disturbs all."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

_MOST_ROUNDS = 1000


def times(
    layers: Mapping[str, nn.Module], x: Tensor, grad: Tensor, *, seconds: float = 5.0, rounds: int = 3
) -> dict[str, tuple[float, float]]:
    """Seconds of a forward pass without a graph, and of forward and backward, by name.

    x is (B, L, d) and grad the gradient of the result. Everyone runs once unmeasured, then in turn until ``seconds``
    have gone by, at least ``rounds`` times.
    """
    best = dict.fromkeys(layers, (math.inf, math.inf))
    for one in layers.values():
        both(one, x, grad)
        forward(one, x)
    begin, done = time.perf_counter(), 0
    while done < rounds or (time.perf_counter() - begin < seconds and done < _MOST_ROUNDS):
        for name, one in layers.items():
            alone, whole = best[name]
            alone = min(alone, _timed(forward, one, x))
            one.zero_grad(set_to_none=True)
            x.grad = None
            best[name] = alone, min(whole, _timed(both, one, x, grad))
        done += 1
    return best


def forward(one: nn.Module, x: Tensor) -> None:
    with torch.no_grad():
        one(x)


def both(one: nn.Module, x: Tensor, grad: Tensor) -> None:
    one(x).backward(grad)


def _timed(call: Callable[..., None], one: nn.Module, x: Tensor, *rest: Tensor) -> float:
    _settle(x.device)
    begin = time.perf_counter()
    call(one, x, *rest)
    _settle(x.device)
    return time.perf_counter() - begin


def _settle(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def exponent(lengths: Sequence[int], seconds: Sequence[float]) -> float | None:
    """p of seconds ∝ lengths^p, by least squares on logarithms; None for fewer than two lengths.

    >>> round(exponent([256, 512, 1024], [1.0, 4.0, 16.0]), 6)
    2.0
    """
    if len(set(lengths)) < 2:
        return None
    x, y = [math.log(n) for n in lengths], [math.log(s) for s in seconds]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return slope / sum((a - mean_x) ** 2 for a in x)
