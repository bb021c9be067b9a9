"""KERPLE, the logarithmic kernel: two learned numbers per head."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..checks import check_count
from ..position import PositionBias
from .lags import lags


class KerpleLog(PositionBias):
    """c_h(lag) = −p_h log(1 + a_h |lag|) with learned p, a > 0 (kept above 0.01).

    Parameters ``bias_p`` and ``bias_a`` (H,). Source: Chi et al., "KERPLE", NeurIPS 2022, the logarithmic variant.

    >>> KerpleLog(4).table(15)[:, -1]  # the own token
    tensor([-0., -0., -0., -0.], grad_fn=<SelectBackward0>)
    """

    def __init__(self, num_heads: int, *, causal: bool = True) -> None:
        super().__init__()
        check_count("num_heads", num_heads)
        self.causal = causal
        self.bias_p = nn.Parameter(torch.empty(num_heads))
        self.bias_a = nn.Parameter(torch.empty(num_heads))
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        nn.init.uniform_(self.bias_p, 0.0, 2.0, generator=generator)
        nn.init.uniform_(self.bias_a, 0.0, 1.0, generator=generator)

    def table(self, window: int) -> Tensor:
        kind = torch.promote_types(self.bias_p.dtype, torch.float32)
        p, a = (x.to(kind).clamp(min=1e-2)[:, None] for x in (self.bias_p, self.bias_a))
        return -p * torch.log1p(a * lags(window, self.causal, p.device).abs())
