"""T5: a learned number per head and bucket of lags."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..position import PositionBias
from .lags import lags


class T5Bias(PositionBias):
    """c_h(lag) = weight[bucket(lag), h]; half of the buckets hold one lag each, the rest grow as its logarithm.

    Lags of ``max_distance`` and more share the last bucket. Centred windows use half of the buckets for the future.
    ``weight`` is (buckets, H). Source: Raffel et al., JMLR 21 (2020) 140, and its public code for the buckets.

    >>> T5Bias(4).table(15).shape
    torch.Size([4, 15])
    >>> T5Bias(4).bucket(torch.tensor([3, 15, 16, 17, 100, 999]))
    tensor([ 3, 15, 16, 16, 30, 31])
    """

    def __init__(self, num_heads: int, *, causal: bool = True, buckets: int = 32, max_distance: int = 128) -> None:
        super().__init__()
        self.causal, self.buckets, self.max_distance = causal, buckets, max_distance
        self.weight = nn.Parameter(torch.empty(buckets, num_heads))
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        nn.init.normal_(self.weight, std=0.02, generator=generator)

    def bucket(self, lag: Tensor) -> Tensor:
        """The row of ``weight`` for lags (past positive)."""
        count = self.buckets if self.causal else self.buckets // 2
        future = torch.zeros_like(lag) if self.causal else (lag < 0).long() * count
        far = lag.clamp(min=0) if self.causal else lag.abs()
        exact = count // 2
        grown = torch.log(far.clamp(min=1).float() / exact) / math.log(self.max_distance / exact) * (count - exact)
        return future + torch.where(far < exact, far, (exact + grown.long()).clamp(max=count - 1))

    def table(self, window: int) -> Tensor:
        return self.weight[self.bucket(lags(window, self.causal, self.weight.device))].T
