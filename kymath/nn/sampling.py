"""From logits to the next token, and when to stop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from .checks import number, whole

SEEDS = -(2**63), 2**64 - 1  # what torch takes


class Sampler:
    """Draws tokens (B,) from logits (B, vocab): temperature, top-k, top-p, with a generator of its own.

    Computed in float64. Of equal logits at the end of the ``top_k`` the first are kept, and the likeliest always is.
    Raises ``ValueError`` that names the argument, and for logits that are no distribution (nan, +∞, or −∞ alone).

    >>> Sampler(0.0)(torch.tensor([[0.1, 2.0, 0.3]]))
    tensor([1])
    """

    def __init__(
        self,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.temperature = number("temperature", temperature)
        if self.temperature < 0:
            raise ValueError(f"temperature = {temperature} must be at least 0 (0 takes the likeliest).")
        self.top_k = None if top_k is None else whole("top_k", top_k, 1)
        self.top_p = None if top_p is None else number("top_p", top_p)
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p = {top_p} must lie in (0, 1].")
        self.generator = torch.Generator(device)
        if seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(whole("seed", seed, *SEEDS))

    def __call__(self, logits: Tensor) -> Tensor:
        top = logits.amax(-1, keepdim=True)
        if not bool(torch.isfinite(top).all()):
            raise ValueError(
                "the logits hold nan or ∞, so no token can be drawn: the weights of the model are damaged."
            )
        if self.temperature == 0:
            return logits.argmax(-1)
        kind = torch.float32 if logits.device.type == "mps" else torch.float64
        p = torch.softmax((logits.to(kind) - top) / self.temperature, -1)
        share = 1.0 if self.top_p is None else self.top_p
        if share == 1 and (self.top_k is None or self.top_k >= p.shape[-1]):
            return torch.multinomial(p, 1, generator=self.generator)[:, 0]
        p, order = p.sort(dim=-1, descending=True, stable=True)
        p = p[:, : self.top_k]
        if share < 1:
            before = p.cumsum(-1) - p  # what the likelier ones hold
            drop = before >= share * p.sum(-1, keepdim=True)
            drop[:, :1] = False
            p = p.masked_fill(drop, 0)
        return order.gather(-1, torch.multinomial(p, 1, generator=self.generator))[:, 0]


class Stop:
    """Which of B texts have met a token of ``stop``; what they are given from then on is that token again."""

    def __init__(self, stop: int | Iterable[int] | None, vocab: int) -> None:
        """Raises ``ValueError`` for anything but token ids."""
        given: Any = () if stop is None else stop if isinstance(stop, Iterable) else (stop,)
        self.tokens = [whole("stop", token, 0, vocab - 1) for token in given]
        self.last: Tensor | None = None
        self.done: Tensor | None = None

    def __call__(self, new: Tensor) -> Tensor:
        """The tokens (B,) that stand where ``new`` were drawn."""
        if not self.tokens:
            return new
        if self.done is not None and self.last is not None:
            new = torch.where(self.done, self.last, new)
        self.last, self.done = new, torch.isin(new, torch.tensor(self.tokens, device=new.device))
        return new

    @property
    def all(self) -> bool:
        """Whether every text has ended."""
        return self.done is not None and bool(self.done.all())
