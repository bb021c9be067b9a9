"""Rotary positions: pairs of neighbouring numbers turned by an angle that grows with the token's place."""

from __future__ import annotations

import torch
from torch import Tensor

BASE = 10_000.0


def rope_table(
    start: int,
    length: int,
    dim: int,
    device: torch.device | None = None,
    base: float = BASE,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """cos and sin of m · base^(−2i/dim) for the places m = start … start + length − 1: (length, dim/2, 2).

    The angles are of float64, since in float32 those of late places are wrong in the fourth digit; the table is of
    ``dtype``, at least float32.
    """
    where = "cpu" if device is not None and device.type == "mps" else device  # which has no float64
    speed = base ** (-torch.arange(0, dim, 2, dtype=torch.float64, device=where) / dim)
    angle = torch.arange(start, start + length, dtype=torch.float64, device=where)[:, None] * speed
    table = torch.stack((torch.cos(angle), torch.sin(angle)), -1)
    return table.to(torch.promote_types(dtype, torch.float32)).to(device)


def rotate(x: Tensor, table: Tensor) -> Tensor:
    """x (..., L, D) with the pairs (x_2i, x_2i+1) turned by ``rope_table``."""
    kind = torch.promote_types(x.dtype, torch.float32)
    a, b = x.to(kind).unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = table.to(kind).unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2).to(x.dtype)


def turned(x: Tensor, turn: Tensor | None, out: Tensor) -> None:
    """out = x, its pairs times the complex numbers ``turn`` (rows, D/2): the same without a copy between."""
    if turn is None:
        out.copy_(x)
    elif x.dtype == out.dtype == turn.real.dtype and _even(x) and _even(out):
        torch.mul(_pairs(x), turn, out=_pairs(out))
    else:
        rows = x.to(turn.real.dtype).contiguous()
        out.copy_(torch.view_as_real(_pairs(rows) * turn).flatten(-2))


def _pairs(x: Tensor) -> Tensor:
    return torch.view_as_complex(x.view(*x.shape[:-1], -1, 2))


def _even(x: Tensor) -> bool:
    """Whether the numbers of x lie in memory as pairs."""
    return x.stride(-1) == 1 and not any(step % 2 for step in (x.storage_offset(), *x.stride()[:-1]))
