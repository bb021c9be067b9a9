"""From logits to the next token."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class Sampler:
    """Draws tokens (B,) from logits (B, vocab): temperature, top-k, top-p, with a generator of its own.

    Raises ``ValueError`` that names the argument.

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
        if not 0 <= temperature < math.inf:
            raise ValueError(f"temperature = {temperature} must be a number, at least 0 (0 takes the likeliest).")
        if top_k is not None and top_k < 1:
            raise ValueError(f"top_k = {top_k} must be at least 1.")
        if top_p is not None and not 0 < top_p <= 1:
            raise ValueError(f"top_p = {top_p} must lie in (0, 1].")
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self.generator = torch.Generator(device)
        if seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(seed)

    def __call__(self, logits: Tensor) -> Tensor:
        if self.temperature == 0:
            return logits.argmax(-1)
        logits = logits.float() / self.temperature
        if self.top_k is not None and self.top_k < logits.shape[-1]:
            least = logits.topk(self.top_k, -1).values[:, -1:]
            logits = logits.masked_fill(logits < least, -math.inf)
        if self.top_p is not None and self.top_p < 1:
            p, order = torch.softmax(logits, -1).sort(dim=-1, descending=True, stable=True)
            before = p.cumsum(-1) - p  # what the likelier ones hold
            drop = torch.zeros_like(p, dtype=torch.bool).scatter(-1, order, before >= self.top_p)
            logits = logits.masked_fill(drop, -math.inf)
        return torch.multinomial(torch.softmax(logits, -1), 1, generator=self.generator)[:, 0]
