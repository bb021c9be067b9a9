"""The attention layer: projections, rotary positions, the window, and decoding with a cache."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from . import draw
from .attention import BACKENDS, EDGES, check_choice, check_window, chosen, ky_attention, visible
from .biases import position_bias
from .blocked import attend_packed
from .cache import WindowCache
from .position import PositionBias
from .rope import rope_table, rotate


class KYAttention(nn.Module):
    """Multi-head attention within a window, with a learned connection curve per head: (B, L, d) -> (B, L, d).

    y = out(softmax_j(q_i·k_ij/√D + c_h(t_j)) v_ij), q, k, v from one weight ``qkv`` (3d, d), no biases, q and k turned
    by their places (``rope``). ``window`` counts the tokens that a query sees, its own included; ``causal=False``
    centres it (for encoders: it sees the future). ``edge`` and ``backend`` as in :func:`ky_attention`.

    ``bias`` is what stands for c: "ky" (:class:`ConnectionNet` with ``hidden`` units and ``connection_bias``), the
    baselines "local" (none), "alibi", "t5", "kerple", "fire", or a :class:`PositionBias`. It is kept as
    ``connection``. ``generator`` draws the first weights.

    Raises ``ValueError`` that names the argument. Source: Condor, section 4.2.

    >>> layer = KYAttention(d_model=32, num_heads=4, window=15)
    >>> layer(torch.zeros(2, 100, 32)).shape
    torch.Size([2, 100, 32])
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        window: int = 15,
        *,
        causal: bool = True,
        rope: bool = True,
        edge: str = "mask",
        backend: str = "auto",
        bias: str | PositionBias = "ky",
        hidden: int = 128,
        connection_bias: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_heads(d_model, num_heads, rope)
        check_window(window, causal)
        check_choice("edge", edge, EDGES)
        check_choice("backend", backend, BACKENDS)
        self.d_model, self.num_heads, self.window = d_model, num_heads, window
        self.causal, self.rope, self.edge, self.backend = causal, rope, edge, backend
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)
        if isinstance(bias, str):
            bias = position_bias(bias, num_heads, causal=causal, hidden=hidden, connection_bias=connection_bias)
        self.connection = bias
        if generator is not None:
            self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the weights again: linear layers within 1/√d, the bias its own way."""
        draw.linear(self.qkv, generator)
        draw.linear(self.out, generator)
        self.connection.reset_parameters(generator)

    def forward(self, x: Tensor, cache: WindowCache | None = None) -> Tensor:
        """x (B, L, d) -> (B, L, d). With a cache, x holds the new tokens only and the cache is updated in place."""
        if x.ndim != 3 or x.shape[2] != self.d_model:
            raise ValueError(f"x has the shape {tuple(x.shape)}: give (batch, length, {self.d_model}).")
        length = x.shape[1]
        qkv = self.qkv(x).view(x.shape[0], length, 3, self.num_heads, self.d_model // self.num_heads)
        bias = self.connection.table(self.window)
        start = 0 if cache is None else cache.seen
        turn = rope_table(start, length, qkv.shape[-1], x.device) if self.rope else None
        scale = qkv.shape[-1] ** -0.5
        if cache is None and chosen(self.backend, qkv) == "blocked":
            bias = visible(bias, length, self.causal, self.edge)
            y = attend_packed(qkv, bias, turn, causal=self.causal, scale=scale, edge=self.edge)
        else:
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            if turn is not None:
                q, k = rotate(q, turn), rotate(k, turn)
            y = (self._all(q, k, v, bias) if cache is None else self._new(q, k, v, bias, cache)).transpose(1, 2)
        return self.out(y.flatten(2))

    def _all(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        return ky_attention(q, k, v, bias, causal=self.causal, edge=self.edge, backend=self.backend)

    def _new(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, cache: WindowCache) -> Tensor:
        """The new tokens' part of the full pass."""
        if not self.causal:
            raise ValueError("cache: with causal=False a token sees the future, so nothing can be decoded one by one.")
        expected = (q.shape[0], self.num_heads, self.window, q.shape[3])
        if tuple(cache.keys.shape) != expected:
            raise ValueError(f"cache holds keys of the shape {tuple(cache.keys.shape)}; this call needs {expected}.")
        if q.shape[2] == 1:
            cache.append(k, v)
            return cache.attend_last(q, bias, scale=q.shape[3] ** -0.5, edge=self.edge)
        k_past, v_past = cache.past(self.window - 1)
        cache.append(k, v)
        past = k_past.shape[2]
        # the tokens before ask nothing: their rows of q are 0, and what they get is dropped
        q = torch.cat((torch.zeros_like(k_past, dtype=q.dtype), q), 2)
        k, v = torch.cat((k_past.to(k.dtype), k), 2), torch.cat((v_past.to(v.dtype), v), 2)
        return self._all(q, k, v, bias)[:, :, past:]

    def new_cache(self, batch: int) -> WindowCache:
        """An empty cache for ``batch`` streams: O(W) memory whatever is decoded."""
        weight = self.qkv.weight
        dim = self.d_model // self.num_heads
        return WindowCache(batch, self.num_heads, self.window, dim, dtype=weight.dtype, device=weight.device)

    def extra_repr(self) -> str:
        return f"{self.d_model}, {self.num_heads}, window={self.window}, causal={self.causal}, edge={self.edge!r}"


def check_heads(d_model: int, num_heads: int, rope: bool) -> None:
    """Refuse a width that the heads do not share evenly."""
    for name, value in (("d_model", d_model), ("num_heads", num_heads)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} = {value!r} must be a whole number, at least 1.")
    if d_model % num_heads:
        raise ValueError(f"d_model = {d_model} is not divisible by num_heads = {num_heads}.")
    if rope and d_model // num_heads % 2:
        raise ValueError(
            f"d_model = {d_model} gives heads of {d_model // num_heads} numbers, and rope turns pairs: "
            "make d_model / num_heads even, or pass rope=False."
        )
