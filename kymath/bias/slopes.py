"""Straight biases: the fixed slopes of ALiBi and of MPT."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Line:
    """−slope · lag, in nats per token."""

    slope: float

    def __call__(self, lag: Any) -> Any:
        return -self.slope * lag


def alibi_slopes(heads: int) -> list[float]:
    """m_h = 2^(−8h/H), h = 1 … H, for powers of two; else those of the next smaller power, then every other one of the
    next larger.

    Source: Press, Smith & Lewis, "Train Short, Test Long", ICLR 2022, and its public code.

    >>> alibi_slopes(3)
    [0.0625, 0.00390625, 0.25]
    """
    whole = 2 ** math.floor(math.log2(heads))
    first = [2.0 ** (-8 * (h + 1) / whole) for h in range(whole)]
    return first + [2.0 ** (-4 * (2 * h + 1) / whole) for h in range(heads - whole)]


def mpt_slopes(heads: int, steepest: float = 8.0) -> list[float]:
    """2^(−steepest · h/H) for powers of two; else of the next larger power, the even h first, then the odd.

    With the usual ``steepest`` 8 these are ALiBi's for every number of heads.

    Source: ``build_mpt_alibi_tensor`` of transformers, after MPT's own code; ``steepest`` is its ``alibi_bias_max``.

    >>> mpt_slopes(5) == alibi_slopes(5)
    True
    >>> mpt_slopes(3, 4)
    [0.25, 0.0625, 0.5]
    """
    whole = 2 ** math.ceil(math.log2(heads))
    found = [2.0 ** (-steepest * (h + 1) / whole) for h in range(whole)]
    return found if whole == heads else (found[1::2] + found[::2])[:heads]
