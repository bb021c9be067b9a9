"""FIRE: a small network of a normalised, learned logarithm of the lag."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .. import draw
from ..checks import check_count
from ..position import PositionBias
from .lags import lags


class FIRE(PositionBias):
    """c_h(lag) = f_h(ψ(|lag|) / log(1 + c' max(threshold, far) + 1e-6)), ψ(x) = log(1 + c' x), c' = |c| + 1e-6.

    f is a network 1 → 32 → H, and the 1e-6 keep the divisor above 0. ``far`` is the largest lag in the window, where
    the original has the query's place: a window looks alike from every place. The threshold is |L_multiplier · init_L|,
    learned, as is c. Source: Li et al., "Functional Interpolation for Relative Positions", ICLR 2024.

    >>> FIRE(4).table(15).shape
    torch.Size([4, 15])
    """

    init_L: Tensor

    def __init__(self, num_heads: int, *, causal: bool = True, width: int = 32, length: float = 512.0) -> None:
        super().__init__()
        check_count("num_heads", num_heads)
        check_count("width", width)
        self.causal = causal
        self.mlp = nn.Sequential(nn.Linear(1, width), nn.ReLU(), nn.Linear(width, num_heads))
        self.c = nn.Parameter(torch.empty(()))
        self.L_multiplier = nn.Parameter(torch.empty(()))
        self.register_buffer("init_L", torch.tensor(float(length)))
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        for layer in self.mlp:
            if isinstance(layer, nn.Linear):
                draw.linear(layer, generator)
                draw.uniform(layer.bias, layer.in_features**-0.5, generator)
        nn.init.constant_(self.c, 0.1)
        nn.init.ones_(self.L_multiplier)

    def table(self, window: int) -> Tensor:
        return self.slots(window, 0, window)

    def slots(self, window: int, first: int, last: int) -> Tensor:
        kind = torch.promote_types(self.c.dtype, torch.float32)
        lag = lags(window, self.causal, self.c.device).abs().to(kind)
        c = self.c.to(kind).abs() + 1e-6
        threshold = (self.L_multiplier * self.init_L).to(kind).abs()
        x = torch.log1p(c * lag[first:last]) / torch.log1p(c * torch.maximum(threshold, lag.max()) + 1e-6)
        weights = {name: weight.to(kind) for name, weight in self.mlp.named_parameters()}
        with torch.autocast(x.device.type, enabled=False):
            hidden = torch.relu(x[:, None] * weights["0.weight"][:, 0] + weights["0.bias"])
            return weights["2.weight"] @ hidden.T + weights["2.bias"][:, None]
