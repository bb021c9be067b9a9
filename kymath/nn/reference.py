"""Eq. 38–49 as the paper writes them, window by window: the oracle, for any size that fits in memory."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def reach(window: int, causal: bool) -> tuple[int, int]:
    """How many tokens before and after its own a query sees."""
    return (window - 1, 0) if causal else (window // 2, window // 2)


def attend(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor, *, causal: bool, scale: float, edge: str, eps: float = 0.0
) -> Tensor:
    length, window = q.shape[2], bias.shape[1]
    kind = torch.promote_types(q.dtype, torch.float32)
    before, after = reach(window, causal)
    with torch.autocast(q.device.type, enabled=False):
        k_win = F.pad(k.to(kind), (0, 0, before, after)).unfold(2, window, 1)  # Eq. 40, 41: (B, H, L, D, W)
        v_win = F.pad(v.to(kind), (0, 0, before, after)).unfold(2, window, 1)
        scores = torch.einsum("bhld,bhldw->bhlw", q.to(kind), k_win) * scale  # Eq. 42
        if edge == "mask":
            token = torch.arange(length, device=q.device)[:, None] + torch.arange(window, device=q.device) - before
            scores = scores.masked_fill((token < 0) | (token >= length), -math.inf)
        log_alpha = torch.log_softmax(scores, -1)  # Eq. 43
        log_beta = torch.log_softmax(bias.to(kind), -1)  # Eq. 46
        # Eq. 47 and 48 by logarithms, relative to the largest: sharp scores do not underflow
        log_w = log_alpha + log_beta[:, None]
        top = log_w.detach().amax(-1, keepdim=True)
        w = torch.exp(log_w - top)
        total = w.sum(-1, keepdim=True)
        w = w / (total + eps * torch.exp(-top) if eps else total)
        return torch.einsum("bhlw,bhldw->bhld", w, v_win).to(q.dtype)  # Eq. 49
