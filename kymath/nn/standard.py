"""The opponent: full causal attention by torch's own kernel, with the same projections and positions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import draw
from .cache import FullCache, check_cache
from .checks import check_heads, check_tensor
from .rope import rope_table, rotate


class StandardAttention(nn.Module):
    """Multi-head attention over the whole past: (B, L, d) -> (B, L, d), q, k, v from one weight.

    >>> StandardAttention(d_model=32, num_heads=4)(torch.zeros(2, 100, 32)).shape
    torch.Size([2, 100, 32])
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        *,
        causal: bool = True,
        rope: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_heads(d_model, num_heads, rope)
        self.d_model, self.num_heads, self.causal, self.rope = d_model, num_heads, causal, rope
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)
        if generator is not None:
            self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        draw.linear(self.qkv, generator)
        draw.linear(self.out, generator)

    def forward(self, x: Tensor, cache: FullCache | None = None) -> Tensor:
        check_tensor("x", x)
        if x.ndim != 3 or x.shape[2] != self.d_model:
            raise ValueError(f"x has the shape {tuple(x.shape)}: give (batch, length, {self.d_model}).")
        if cache is not None:
            self.check_cache(cache, x.shape[0], x.device)
        q, k, v = self.qkv(x).unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        seen = 0 if cache is None else cache.seen
        length = x.shape[1]
        if self.rope:
            q, k = self._turn(q, k, rope_table(seen, length, q.shape[-1], x.device, dtype=q.dtype))
        causal, mask = self.causal, None
        if cache is not None:
            k, v = cache.append(k, v)
            if seen:
                place = torch.arange(seen, seen + length, device=x.device)
                mask, causal = torch.arange(seen + length, device=x.device) <= place[:, None], False
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return self.out(y.transpose(1, 2).flatten(2))

    def check_cache(self, cache: object, batch: int, device: torch.device) -> None:
        """Refuse what this layer cannot decode ``batch`` streams with."""
        if not self.causal:
            raise ValueError("cache: with causal=False a token sees the future, so nothing can be decoded one by one.")
        dim = self.d_model // self.num_heads
        check_cache(cache, FullCache, (batch, self.num_heads, None, dim), device)

    @staticmethod
    def _turn(q: Tensor, k: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
        if torch.compiler.is_compiling() or q.dtype != table.dtype:
            return rotate(q, table), rotate(k, table)
        turn = torch.view_as_complex(table)  # one pass in place of several
        return turned_copy(q, turn), turned_copy(k, turn)

    def new_cache(self, batch: int) -> FullCache:
        """An empty cache; it grows with every token."""
        return FullCache()

    def extra_repr(self) -> str:
        return f"{self.d_model}, {self.num_heads}, causal={self.causal}"


def turned_copy(x: Tensor, turn: Tensor) -> Tensor:
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turn).flatten(-2)
