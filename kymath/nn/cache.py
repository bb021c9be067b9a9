"""What decoding remembers: the last W keys and values, or all of them for full attention."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .checks import kind_of


class WindowCache:
    """A ring of the last W keys and values (B, H, W, D) of one layer: O(W) memory whatever was decoded.

    ``seen`` tokens went in; the token at place p lies in slot p mod W. It holds no gradients. Made by
    :meth:`kymath.nn.KYAttention.new_cache`.

    >>> from kymath.nn import KYAttention
    >>> cache = KYAttention(8, 2, window=3).new_cache(batch=1)
    >>> cache.keys.shape, cache.seen
    (torch.Size([1, 2, 3, 4]), 0)
    """

    def __init__(
        self, batch: int, heads: int, window: int, dim: int, *, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.keys = torch.zeros(batch, heads, window, dim, dtype=dtype, device=device)
        self.values = torch.zeros_like(self.keys)
        self.window = window
        self.seen = 0

    def append(self, k: Tensor, v: Tensor) -> None:
        """Put in new keys and values (B, H, L, D); only the last W are kept."""
        length = k.shape[2]
        kept = min(length, self.window)
        slots = torch.arange(self.seen + length - kept, self.seen + length, device=k.device) % self.window
        if torch.is_grad_enabled():  # a backward pass may still want the ring as it was
            self.keys, self.values = self.keys.clone(), self.values.clone()
        for ring, new in ((self.keys, k), (self.values, v)):
            ring[:, :, slots] = new[:, :, length - kept :].detach().to(ring.dtype)
        self.seen += length

    def past(self, count: int) -> tuple[Tensor, Tensor]:
        """The last min(count, seen, W) keys and values, the oldest first."""
        kept = min(count, self.seen, self.window)
        slots = torch.arange(self.seen - kept, self.seen, device=self.keys.device) % self.window
        return self.keys[:, :, slots], self.values[:, :, slots]

    def attend_last(self, q: Tensor, bias: Tensor, *, scale: float, edge: str) -> Tensor:
        """What the newest token, of query q (B, H, 1, D), sees: no key is moved, the bias turns with the ring.

        bias (H, n) holds the newest n slots of the window, those of all tokens that were seen, or all W.
        """
        kind = torch.promote_types(q.dtype, torch.float32)
        with torch.autocast(q.device.type, enabled=False):
            age = (self.seen - 1 - torch.arange(self.window, device=q.device)) % self.window
            scores = (q.to(kind) @ self.keys.to(kind).transpose(2, 3)) * scale
            scores = scores + bias.to(kind)[:, None, (bias.shape[1] - 1 - age).clamp(min=0)]
            if edge == "mask" and self.seen < self.window:
                scores = scores.masked_fill(age >= self.seen, -math.inf)
            return (torch.softmax(scores, -1) @ self.values.to(kind)).to(q.dtype)


class FullCache:
    """All keys and values of one layer, for full attention: memory grows with every token.

    >>> from kymath.nn import Condor, CondorConfig
    >>> model = Condor(CondorConfig(vocab_size=10, d_model=8, num_layers=1, num_heads=2, attention="standard"))
    >>> model.new_cache(batch=1)[0].seen
    0
    """

    def __init__(self) -> None:
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    @property
    def seen(self) -> int:
        return 0 if self.keys is None else self.keys.shape[2]

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Put in new keys and values (B, H, L, D); returns all of them."""
        k, v = k.detach(), v.detach()
        if self.keys is not None and self.values is not None:
            k, v = torch.cat((self.keys, k), 2), torch.cat((self.values, v), 2)
        self.keys, self.values = k, v
        return k, v


def check_cache(cache: object, kind: type, expected: tuple[int | None, ...], device: torch.device) -> None:
    """Refuse what is no cache of ``kind`` with keys of the shape ``expected`` (B, H, W, D), None being any size."""
    if not isinstance(cache, kind):
        raise ValueError(f"cache is {kind_of(cache)}, and this layer needs a {kind.__name__}: make it by new_cache().")
    keys = cache.keys  # type: ignore[attr-defined]
    if keys is None:
        return
    found = tuple(keys.shape)
    if len(found) != 4 or any(b is not None and a != b for a, b in zip(found, expected, strict=True)):
        wanted = ", ".join("any" if n is None else str(n) for n in expected)
        raise ValueError(f"cache holds keys of the shape {found}; this call needs ({wanted}).")
    if keys.device != device:
        raise ValueError(f"cache is on {keys.device} and the input on {device}: make one by new_cache() there.")
