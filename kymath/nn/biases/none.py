"""No bias: plain local attention."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import check_count, check_window
from ..position import PositionBias


class NoBias(PositionBias):
    """c = 0: every slot of the window alike. Source: Condor, Theorem 5.1 (constant g).

    >>> NoBias(1).table(3)
    tensor([[0., 0., 0.]])
    """

    level: Tensor

    def __init__(self, num_heads: int) -> None:
        super().__init__()
        check_count("num_heads", num_heads)
        self.register_buffer("level", torch.zeros(num_heads))

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """There are none."""

    def table(self, window: int) -> Tensor:
        check_window(window, causal=True)
        return self.level[:, None].repeat(1, window)
