"""The connection network of Eq. 36–37: one small SwiGLU of the position per head, all heads at once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..bias.swiglu import Curve
from .checks import check_count, check_tensor, check_window, whole
from .draw import uniform
from .position import PositionBias

_LEAST, _MOST = 64, 4096  # positions at a time: the hidden units of a wide window weigh more than the attention


class ConnectionNet(PositionBias):
    """c_h(t) = Σ_m down_hm · gate_hm t · silu(up_hm t + up_bias_hm) + out_bias_h for t in [0, 1].

    Positions (W,) give a table (H, W): 0 is the oldest slot of the window, 1 the query's own token. ``bias=True`` is
    the paper's network; ``bias=False`` is its code's, whose curve starts with value and slope 0. A lag of n tokens is
    t = 1 − n/(W − 1), so the slope a1 over t is −a1/(W − 1) per token. Computed in float32 at least, autocast or not.
    Parameters: ``gate``, ``up``, ``down`` and ``up_bias`` (H, hidden), ``out_bias`` (H,).

    The output bias shifts a head's whole curve, which a softmax does not see: its gradient is rounding noise, on which
    training lets it wander, and its value means nothing.

    Raises ``ValueError`` that names the argument. Source: Condor, Eq. 36, 37, 44 and 45.

    >>> net = ConnectionNet(4, hidden=16)
    >>> net.table(15).shape
    torch.Size([4, 15])
    """

    def __init__(
        self, num_heads: int, hidden: int = 128, *, bias: bool = True, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        for name, value in (("num_heads", num_heads), ("hidden", hidden)):
            check_count(name, value)
        self.num_heads, self.hidden = num_heads, hidden
        self.gate = nn.Parameter(torch.empty(num_heads, hidden))
        self.up = nn.Parameter(torch.empty(num_heads, hidden))
        self.down = nn.Parameter(torch.empty(num_heads, hidden))
        self.up_bias = nn.Parameter(torch.empty(num_heads, hidden)) if bias else None
        self.out_bias = nn.Parameter(torch.empty(num_heads)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """As linear layers of 1 → hidden → 1 are drawn; the output bias, which no softmax sees, is 0."""
        for weight in (self.gate, self.up, self.up_bias):
            if weight is not None:
                uniform(weight, 1.0, generator)
        uniform(self.down, self.hidden**-0.5, generator)
        if self.out_bias is not None:
            nn.init.zeros_(self.out_bias)

    def forward(self, positions: Tensor) -> Tensor:
        check_tensor("positions", positions)
        if positions.ndim != 1:
            raise ValueError(f"positions have the shape {tuple(positions.shape)}: give one dimension, (W,).")
        kind = self._kind()
        with torch.autocast(positions.device.type, enabled=False):
            t = positions.to(kind)
            inner = self.up.to(kind)[:, :, None] * t
            if self.up_bias is not None:
                inner = inner + self.up_bias.to(kind)[:, :, None]
            # the gate is linear in t, so it joins the last weight
            weight = (self.gate.to(kind) * self.down.to(kind))[:, None]
            out = torch.bmm(weight, F.silu(inner))[:, 0] * t
            return out if self.out_bias is None else out + self.out_bias.to(kind)[:, None]

    def table(self, window: int) -> Tensor:
        """The bias (H, W) at t_j = j/(W − 1), j = 0 … W − 1; a window of one slot is at t = 1. Source: Eq. 44."""
        check_window(window, causal=True)
        return self.slots(window, 0, window)

    def slots(self, window: int, first: int, last: int) -> Tensor:
        device = self.gate.device
        if window == 1:
            return self(torch.ones(1, device=device))[:, first:last]
        where = "cpu" if device.type == "mps" else device  # which has no float64
        t = torch.arange(first, last, dtype=torch.float64, device=where).div(window - 1).to(device, self._kind())
        size = min(max((last - first) // 8, _LEAST), _MOST)
        if last - first <= size:
            return self(t)
        pieces = [checkpoint(self, part, use_reentrant=False, preserve_rng_state=False) for part in t.split(size)]
        return torch.cat(pieces, 1)

    def _kind(self) -> torch.dtype:
        """What is computed in: at least float32."""
        return torch.promote_types(self.gate.dtype, torch.float32)

    def curve(self, head: int) -> Curve:
        """One head's c(t) as a NumPy function in closed form, for instance for ``ky.transform``.

        It is defined outside [0, 1] too; there it is extrapolation, which no training saw.

        >>> import kymath as ky
        >>> curve = ConnectionNet(2, hidden=8, bias=False).curve(0)
        >>> ky.transform(curve, 0.0, ky.Polynomial(1)).a0  # without biases value and slope are 0 at the oldest slot
        0.0

        Raises ``ValueError`` for a head that is not there.
        """
        head = whole("head", head, -self.num_heads, self.num_heads - 1)

        def numbers(weight: Tensor | None) -> list[float] | None:
            return None if weight is None else weight.detach()[head].double().cpu().tolist()

        out = 0.0 if self.out_bias is None else float(self.out_bias.detach()[head])
        return Curve.of(numbers(self.gate), numbers(self.up), numbers(self.down), numbers(self.up_bias), out)

    def extra_repr(self) -> str:
        return f"{self.num_heads}, hidden={self.hidden}, bias={self.up_bias is not None}"
