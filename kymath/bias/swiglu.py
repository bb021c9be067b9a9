"""A connection curve as a function of NumPy: no torch, so that whatever stands for a number may pass through it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .pieces import silu


@dataclass(frozen=True, eq=False)
class Curve:
    """c(t) = t Σ_m weight_m silu(up_m t + shift_m) + out, with silu(x) = x/(1 + exp(−x)): Eq. 36–37 in closed form.

    ``weight``, ``up`` and ``shift`` are (hidden,) arrays. t is a real or complex number or array, or anything that
    NumPy's arithmetic and ``np.exp`` accept (a jet).
    """

    weight: np.ndarray
    up: np.ndarray
    shift: np.ndarray
    out: float = 0.0

    @classmethod
    def of(cls, gate: Any, up: Any, down: Any, up_bias: Any = None, out_bias: float = 0.0) -> Curve:
        """From one head's parameters as they are stored, (hidden,) each."""
        weight, up = np.asarray(gate, dtype=float) * np.asarray(down, dtype=float), np.asarray(up, dtype=float)
        return cls(weight, up, np.zeros_like(up) if up_bias is None else np.asarray(up_bias, dtype=float), out_bias)

    def __repr__(self) -> str:
        return f"Curve(hidden={len(self.weight)})"

    def __call__(self, t: Any) -> Any:
        if isinstance(t, (int, float, complex, np.generic)) or type(t) is np.ndarray:
            inner = np.multiply.outer(t, self.up) + self.shift
            return (silu(inner) @ self.weight) * t + self.out
        units = zip(self.weight.tolist(), self.up.tolist(), self.shift.tolist(), strict=True)
        return sum(w * silu(u * t + b) for w, u, b in units) * t + self.out
