"""The language model of the paper: a decoder of pre-normed blocks, each an attention and a SwiGLU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..bias.swiglu import Curve
from . import draw
from .cache import FullCache, WindowCache
from .checks import check_tensor, kind_of, whole
from .config import CondorConfig
from .connection import ConnectionNet
from .module import KYAttention
from .sampling import Sampler, Stop
from .standard import StandardAttention

Cache = WindowCache | FullCache
EPS = 1e-5  # of the norms


class FeedForward(nn.Module):
    """SwiGLU: w2(silu(w1 x) · w3 x)."""

    def __init__(self, d_model: int, width: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(d_model, width, bias=False)
        self.w2 = nn.Linear(width, d_model, bias=False)
        self.w3 = nn.Linear(d_model, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Layer(nn.Module):
    """x + attention(norm1(x)), then x + ffn(norm2(x))."""

    def __init__(self, config: CondorConfig, backend: str) -> None:
        super().__init__()
        c = config
        self.norm1 = nn.RMSNorm(c.d_model, eps=EPS)
        self.attention: KYAttention | StandardAttention
        if c.attention == "standard":
            self.attention = StandardAttention(c.d_model, c.num_heads, causal=c.causal, rope=c.rope)
        else:
            self.attention = KYAttention(
                c.d_model, c.num_heads, c.window, causal=c.causal, rope=c.rope, edge=c.edge, backend=backend,
                bias=c.attention, hidden=c.hidden, connection_bias=c.connection_bias,
            )  # fmt: skip
        self.norm2 = nn.RMSNorm(c.d_model, eps=EPS)
        self.ffn = FeedForward(c.d_model, c.ffn_width)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        x = x + self.attention(self.norm1(x), cache)
        return x + self.ffn(self.norm2(x))


class Condor(nn.Module):
    """Token ids (B, L) -> logits (B, L, vocab).

    Embedding, ``config.num_layers`` layers x + attention(norm(x)), x + ffn(norm(x)) with RMSNorm and a SwiGLU, a last
    norm, an untied head. ``generator`` draws the first weights (torch's own way for each kind of layer); without it
    they come from torch's default generator. ``backend`` as in :func:`ky_attention`.

    Raises ``ValueError`` for ids that are not (B, L) token ids, and for a cache that is not of this model. Source:
    Condor, section 6.1.

    >>> model = Condor(CondorConfig(vocab_size=100, d_model=32, num_layers=2, num_heads=4))
    >>> model(torch.tensor([[1, 2, 3]])).shape
    torch.Size([1, 3, 100])
    """

    def __init__(
        self, config: CondorConfig, *, backend: str = "auto", generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.layers = nn.ModuleList(Layer(config, backend) for _ in range(config.num_layers))
        self.final_norm = nn.RMSNorm(config.d_model, eps=EPS)
        self.lm_head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        if generator is not None:
            self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights again."""
        nn.init.normal_(self.token_embedding.weight, generator=generator)
        for layer in self._each():
            layer.attention.reset_parameters(generator)
            for linear in (layer.ffn.w1, layer.ffn.w2, layer.ffn.w3):
                draw.linear(linear, generator)
        draw.linear(self.lm_head, generator)

    def forward(self, ids: Tensor, cache: list[Cache] | None = None) -> Tensor:
        return self.lm_head(self.features(ids, cache))

    def features(self, ids: Tensor, cache: list[Cache] | None = None) -> Tensor:
        """What the head reads, (B, L, d). With a cache: of the new tokens ``ids``."""
        _check_ids(ids)
        if cache is not None:
            self._check_cache(cache, ids)
        try:
            x = self.token_embedding(ids)
        except IndexError:  # on the CPU; elsewhere looking would cost a wait
            raise ValueError(f"ids: a token is not in 0 … {self.config.vocab_size - 1}.") from None
        for i, layer in enumerate(self.layers):
            x = layer(x, None if cache is None else cache[i])
        return self.final_norm(x)

    def _check_cache(self, cache: list[Cache], ids: Tensor) -> None:
        if not isinstance(cache, (list, tuple)):
            raise ValueError(f"cache is {kind_of(cache)}: make it by new_cache().")
        if len(cache) != len(self.layers):
            raise ValueError(f"cache has {len(cache)} layers and the model {len(self.layers)}: use new_cache().")
        for layer, one in zip(self._each(), cache, strict=True):
            layer.attention.check_cache(one, ids.shape[0], ids.device)
        seen = {one.seen for one in cache}
        if len(seen) > 1:
            raise ValueError(
                f"cache: its layers have seen {min(seen)} to {max(seen)} tokens, since a call before ended in an error "
                "halfway. Begin again with new_cache()."
            )

    def curve(self, layer: int, head: int) -> Curve:
        """The connection curve c(t) of one head as a NumPy function, for instance for ``ky.transform``.

        See :meth:`kymath.nn.ConnectionNet.curve`. Raises ``ValueError`` for a layer or head that is not there, and
        where ``attention`` is not "ky".

        >>> model = Condor(CondorConfig(vocab_size=100, d_model=32, num_layers=2, num_heads=4))
        >>> model.curve(1, 3)
        Curve(hidden=128)
        """
        count = len(self.layers)
        attention = cast(Layer, self.layers[whole("layer", layer, -count, count - 1)]).attention
        net = getattr(attention, "connection", None)
        if not isinstance(net, ConnectionNet):
            raise ValueError(f'attention = {self.config.attention!r} has no connection networks: only "ky" has curves.')
        return net.curve(head)

    def new_cache(self, batch: int) -> list[Cache]:
        """An empty cache per layer; of the window's size, except for attention="standard", where it grows."""
        return [layer.attention.new_cache(batch) for layer in self._each()]

    def _each(self) -> Iterator[Layer]:
        return cast(Iterator[Layer], iter(self.layers))

    def generate(
        self,
        ids: Tensor,
        max_new_tokens: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: int | Iterable[int] | None = None,
    ) -> Tensor:
        """The prompt ids (B, L) and up to ``max_new_tokens`` drawn after it, (B, L + new).

        Each token is drawn from softmax(logits / temperature), cut to the ``top_k`` likeliest and to the fewest that
        hold ``top_p`` of the probability; temperature 0 takes the likeliest. Equal seeds give equal tokens; None draws
        anew. Memory of the cache does not grow.

        ``stop`` is a token id, or several: a text ends with the first of them that is drawn, and all end when the last
        one does. Where a text has ended before the others, its stop token is repeated.

        Raises ``ValueError`` that names the argument, and where the logits are not finite.

        >>> model = Condor(CondorConfig(vocab_size=100, d_model=32, num_layers=2, num_heads=4))
        >>> model.generate(torch.tensor([[1, 2, 3]]), 5, seed=0).shape
        torch.Size([1, 8])
        """
        new = self.stream(ids, max_new_tokens, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed, stop=stop)
        return torch.cat([ids, *(token[:, None].to(ids.dtype) for token in new)], 1)

    def stream(
        self,
        ids: Tensor,
        max_new_tokens: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: int | Iterable[int] | None = None,
    ) -> Iterator[Tensor]:
        """As :meth:`generate`, one token (B,) at a time as it is drawn."""
        if not self.config.causal:
            raise ValueError("causal=False: a model that sees the future cannot continue a text.")
        count = whole("max_new_tokens", max_new_tokens, 0)
        check_tensor("ids", ids)
        if ids.ndim != 2 or ids.shape[1] < 1:
            raise ValueError(f"ids have the shape {tuple(ids.shape)}: a prompt is (batch, length), at least one token.")
        _check_ids(ids)
        if ids.numel() and not (int(ids.min()) >= 0 and int(ids.max()) < self.config.vocab_size):
            raise ValueError(f"ids: a token is not in 0 … {self.config.vocab_size - 1}.")
        sampler = Sampler(temperature, top_k, top_p, seed, ids.device)
        return self._stream(ids, count, sampler, Stop(stop, self.config.vocab_size))

    def _stream(self, ids: Tensor, count: int, sampler: Sampler, stop: Stop) -> Iterator[Tensor]:
        cache = self.new_cache(ids.shape[0])
        for _ in range(count):
            with torch.no_grad():  # not around the yield: the caller's mode is its own
                token = stop(sampler(self.lm_head(self.features(ids, cache)[:, -1])))
            yield token
            if stop.all:
                return
            ids = token[:, None]


def _check_ids(ids: Tensor) -> None:
    check_tensor("ids", ids)
    if ids.ndim != 2 or ids.dtype not in (torch.int64, torch.int32):
        raise ValueError(
            f"ids are {ids.dtype} of the shape {tuple(ids.shape)}: give (batch, length) of int64 or int32."
        )
