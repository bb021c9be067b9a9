"""The same attention as one Triton kernel forward and two backward, with sums that are the same every time."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .reference import reach

BLOCK = 64  # rows a program holds


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, *, causal: bool, scale: float, edge: str) -> Tensor:
    """On CUDA; elsewhere only through Triton's interpreter, which is for tests."""
    if importlib.util.find_spec("triton") is None:
        raise ValueError('backend="triton" cannot run here: triton is not installed. Use backend="blocked".')
    if q.device.type != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
        raise ValueError(
            f'backend="triton" cannot run here: it needs CUDA, and q is on {q.device.type}. Use backend="blocked" '
            "(TRITON_INTERPRET=1 in the environment runs the kernels without a GPU, slowly)."
        )
    if q.dtype == torch.float64:
        raise ValueError('backend="triton" computes in float32 and q is float64. Use backend="blocked".')
    return _Fused.apply(q, k, v, bias, causal, scale, edge == "mask")


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, causal: bool, scale: float, mask: bool
    ) -> Tensor:
        from . import kernels

        q, k, v, bias = (x.contiguous() for x in (q, k, v, bias))
        out = torch.empty_like(q)
        lse = torch.empty(q.shape[:3], dtype=torch.float32, device=q.device)
        ctx.save_for_backward(q, k, v, bias, out, lse)
        ctx.rest = (causal, scale, mask)
        grid, sizes, shape = _launch(q, bias, causal, scale)
        if out.numel():
            kernels.forward[grid](q, k, v, bias, out, lse, *sizes, **shape, MASK=mask)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        from . import kernels

        q, k, v, bias, out, lse = ctx.saved_tensors
        causal, scale, mask = ctx.rest
        grad = grad.contiguous()
        dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        dot = (grad.float() * out.float()).sum(-1)
        grid, sizes, shape = _launch(q, bias, causal, scale)
        part = torch.zeros((*q.shape[:2], grid[0], bias.shape[1]), dtype=torch.float32, device=q.device)
        given = (q, k, v, bias, lse, dot, grad)
        if out.numel():
            kernels.backward_queries[grid](*given, dq, part, *sizes, **shape, MASK=mask)
            kernels.backward_keys[grid](*given, dk, dv, *sizes, **shape)
        return dq, dk, dv, part.sum((0, 2)).to(bias.dtype), None, None, None


def _launch(
    q: Tensor, bias: Tensor, causal: bool, scale: float
) -> tuple[tuple[int, int], tuple[Any, ...], dict[str, int]]:
    """The grid of programs, the sizes that every kernel takes, and those that it is compiled for."""
    batch, heads, length, dim = q.shape
    window = bias.shape[1]
    grid = (-(-length // BLOCK), batch * heads)
    sizes = (heads, length, dim, window, reach(window, causal)[0], scale)
    return grid, sizes, {"BLOCK": BLOCK, "DIM": 1 << max(dim - 1, 0).bit_length()}
