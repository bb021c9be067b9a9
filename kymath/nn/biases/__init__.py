"""Position biases for the window: one a file, one contract.

Each is a :class:`kymath.nn.PositionBias`, made from the number of heads and, where it matters, ``causal``.
:class:`kymath.nn.ConnectionNet` is one too.
"""

from __future__ import annotations

from ..connection import ConnectionNet
from ..position import PositionBias
from .alibi import ALiBi
from .fire import FIRE
from .kerple import KerpleLog
from .none import NoBias
from .t5 import T5Bias

__all__ = ["NoBias", "ALiBi", "T5Bias", "KerpleLog", "FIRE", "BIASES", "position_bias"]

BIASES = ("ky", "local", "alibi", "t5", "kerple", "fire")


def position_bias(
    name: str, num_heads: int, *, causal: bool = True, hidden: int = 128, connection_bias: bool = True
) -> PositionBias:
    """The bias called ``name``; ``hidden`` and ``connection_bias`` are the connection network's.

    Raises ``ValueError`` for another name.

    >>> position_bias("alibi", 2).table(3)
    tensor([[-0.1250, -0.0625, -0.0000],
            [-0.0078, -0.0039, -0.0000]])
    """
    if name == "ky":
        return ConnectionNet(num_heads, hidden, bias=connection_bias)
    if name == "local":
        return NoBias(num_heads)
    if name == "alibi":
        return ALiBi(num_heads, causal=causal)
    if name == "t5":
        return T5Bias(num_heads, causal=causal)
    if name == "kerple":
        return KerpleLog(num_heads, causal=causal)
    if name == "fire":
        return FIRE(num_heads, causal=causal)
    raise ValueError(f"bias = {name!r} is not one of {', '.join(map(repr, BIASES))}.")
