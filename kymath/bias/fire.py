"""FIRE: a small net of a normalised, learned logarithm of the lag."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Fire:
    """net(log(1 + c · lag) / scale).

    Source: Li et al., "Functional Interpolation for Relative Positions", ICLR 2024.
    """

    net: Callable[[Any], Any]
    c: float
    scale: float

    def __call__(self, lag: Any) -> Any:
        return self.net(np.log1p(self.c * lag) / self.scale)
