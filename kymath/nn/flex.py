"""The same attention through torch's FlexAttention: a compiled kernel, opt-in, on CUDA."""

from __future__ import annotations

import torch
from torch import Tensor

from .reference import reach


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, *, causal: bool, scale: float, edge: str) -> Tensor:
    """On CUDA only, and with edge="mask": elsewhere its backward pass, or the compiler that it needs, is missing."""
    if q.device.type != "cuda":
        raise ValueError(
            f'backend="flex" cannot run here: FlexAttention trains on CUDA only, and q is on {q.device.type}. '
            'Use backend="blocked".'
        )
    if edge != "mask":
        raise ValueError(
            f'backend="flex" has no edge={edge!r}: its mask leaves the padding out. Use backend="blocked".'
        )
    if q.shape[-1] < 16:
        raise ValueError(
            f'backend="flex" needs heads of at least 16 numbers, not {q.shape[-1]}. Use backend="blocked".'
        )
    return compute(q, k, v, bias, causal=causal, scale=scale, compiled=True)


def compute(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, *, causal: bool, scale: float, compiled: bool) -> Tensor:
    """The kernel's two functions of a pair of places: what it adds to the score, and what it leaves out."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    before, after = reach(bias.shape[1], causal)
    length = q.shape[2]

    def add(score: Tensor, b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        return score + bias[h, (j - i + before).clamp(0, before + after)]

    def seen(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        return (j - i >= -before) & (j - i <= after)

    mask = create_block_mask(seen, None, None, length, length, device=q.device, _compile=compiled)
    run = torch.compile(flex_attention) if compiled else flex_attention
    return run(q, k, v, score_mod=add, block_mask=mask, scale=scale)
