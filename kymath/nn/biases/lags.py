"""How far each slot of a window lies behind the query."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_window


def lags(window: int, causal: bool, device: torch.device) -> Tensor:
    """(W,) whole numbers, the own token 0, the past positive; causal: W − 1 … 0, centred: (W−1)/2 … −(W−1)/2."""
    check_window(window, causal=True)  # a centred one without a middle is for the attention to refuse
    newest = 0 if causal else -(window // 2)
    return torch.arange(newest + window - 1, newest - 1, -1, device=device)
