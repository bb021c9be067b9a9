"""KERPLE's kernels of the lag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .pieces import magnitude

LEAST, MOST = 1e-2, 2.0  # the public code keeps its parameters so, as it runs


@dataclass(frozen=True)
class LogKernel:
    """−p log(1 + a · lag), p and a kept above 0.01. Source: Chi et al., "KERPLE", NeurIPS 2022.

    >>> float(LogKernel(2.0, 1.0)(np.e - 1))
    -2.0
    """

    p: float
    a: float

    def __call__(self, lag: Any) -> Any:
        return -max(self.p, LEAST) * np.log1p(max(self.a, LEAST) * lag)


@dataclass(frozen=True)
class PowerKernel:
    """−a |lag|^p, a kept above 0.01 and p in 0.01 … 2. Source: Chi et al., "KERPLE", NeurIPS 2022.

    >>> float(PowerKernel(2.0, 0.5)(3.0))
    -4.5
    """

    p: float
    a: float

    def __call__(self, lag: Any) -> Any:
        return -max(self.a, LEAST) * magnitude(lag) ** min(max(self.p, LEAST), MOST)
