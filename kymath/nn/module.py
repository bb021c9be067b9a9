"""The attention layer: projections, rotary positions, the window, and decoding with a cache."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from . import draw
from .attention import BACKENDS, EDGES, chosen, ky_attention, unseen, visible
from .biases import BIASES, position_bias
from .blocked import attend_packed
from .cache import WindowCache, check_cache
from .checks import check_choice, check_heads, check_tensor, check_window
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
        elif not isinstance(bias, PositionBias):
            raise ValueError(
                f"bias = {bias!r} is no bias of the attention: give one of {', '.join(map(repr, BIASES))}, or a "
                "PositionBias. (The linear layers have no bias.)"
            )
        elif not any(weight.is_meta for weight in bias.parameters()):  # which have no numbers to make a table of
            with torch.no_grad():
                self._check_table(bias.slots(window, window - 1, window), 1)
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
        check_tensor("x", x)
        if x.ndim != 3 or x.shape[2] != self.d_model:
            raise ValueError(f"x has the shape {tuple(x.shape)}: give (batch, length, {self.d_model}).")
        if cache is not None:
            self.check_cache(cache, x.shape[0], x.device)
        length = x.shape[1]
        qkv = self.qkv(x).view(x.shape[0], length, 3, self.num_heads, self.d_model // self.num_heads)
        start = 0 if cache is None else cache.seen
        bias = self._bias(start + length)
        turn = rope_table(start, length, qkv.shape[-1], x.device, dtype=qkv.dtype) if self.rope else None
        scale = qkv.shape[-1] ** -0.5
        if cache is None and chosen(self.backend, qkv, bias) == "blocked":
            bias = visible(bias, length, self.causal, self.edge)
            y = attend_packed(qkv, bias, turn, causal=self.causal, scale=scale, edge=self.edge)
        else:
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            if turn is not None:
                q, k = rotate(q, turn), rotate(k, turn)
            y = (self._all(q, k, v, bias) if cache is None else self._new(q, k, v, bias, cache)).transpose(1, 2)
        return self.out(y.flatten(2))

    def _bias(self, length: int) -> Tensor:
        """The table for ``length`` tokens; of a window that is wider, only the slots that they can see."""
        window = self.window
        rest = unseen(window, length, self.causal) if self.edge == "mask" else 0
        first, last = rest, window if self.causal else window - rest
        bias = self.connection.table(window) if not rest else self.connection.slots(window, first, last)
        self._check_table(bias, last - first)
        return bias

    def _check_table(self, table: Tensor, slots: int) -> None:
        check_tensor("bias: its table", table)
        if tuple(table.shape) != (self.num_heads, slots):
            raise ValueError(
                f"bias: its table has the shape {tuple(table.shape)}, and {self.num_heads} heads with {slots} slots "
                f"need ({self.num_heads}, {slots})."
            )

    def _all(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        return ky_attention(q, k, v, bias, causal=self.causal, edge=self.edge, backend=self.backend)

    def _new(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, cache: WindowCache) -> Tensor:
        """The new tokens' part of the full pass."""
        if q.shape[2] == 1:
            cache.append(k, v)
            return cache.attend_last(q, bias, scale=q.shape[3] ** -0.5, edge=self.edge)
        new = k, v
        k_past, v_past = cache.past(self.window - 1)
        past = k_past.shape[2]
        # the tokens before ask nothing: their rows of q are 0, and what they get is dropped
        q = torch.cat((torch.zeros_like(k_past, dtype=q.dtype), q), 2)
        k, v = torch.cat((k_past.to(k.dtype), k), 2), torch.cat((v_past.to(v.dtype), v), 2)
        y = self._all(q, k, v, bias)[:, :, past:]
        cache.append(*new)
        return y

    def check_cache(self, cache: object, batch: int, device: torch.device) -> None:
        """Refuse what this layer cannot decode ``batch`` streams with."""
        if not self.causal:
            raise ValueError("cache: with causal=False a token sees the future, so nothing can be decoded one by one.")
        dim = self.d_model // self.num_heads
        check_cache(cache, WindowCache, (batch, self.num_heads, self.window, dim), device)

    def new_cache(self, batch: int) -> WindowCache:
        """An empty cache for ``batch`` streams: O(W) memory whatever is decoded."""
        weight = self.qkv.weight
        dim = self.d_model // self.num_heads
        return WindowCache(batch, self.num_heads, self.window, dim, dtype=weight.dtype, device=weight.device)

    def extra_repr(self) -> str:
        return f"{self.d_model}, {self.num_heads}, window={self.window}, causal={self.causal}, edge={self.edge!r}"
