"""ALiBi: a fixed straight line per head."""

from __future__ import annotations

import torch
from torch import Tensor

from ...bias.slopes import alibi_slopes
from ..position import PositionBias
from .lags import lags


class ALiBi(PositionBias):
    """c_h(lag) = −m_h |lag| with fixed slopes m_h, 2^(−8/H) … 2^(−8) where H is a power of two.

    For another H: the slopes of the next smaller power, then every other one of the next larger. Source: Press, Smith &
    Lewis, "Train Short, Test Long", ICLR 2022.

    >>> ALiBi(8).slopes[:3]
    tensor([0.5000, 0.2500, 0.1250])
    """

    slopes: Tensor

    def __init__(self, num_heads: int, *, causal: bool = True) -> None:
        super().__init__()
        self.causal = causal
        self.register_buffer("slopes", torch.tensor(alibi_slopes(num_heads)))

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """There are none."""

    def table(self, window: int) -> Tensor:
        return -self.slopes[:, None] * lags(window, self.causal, self.slopes.device).abs()
