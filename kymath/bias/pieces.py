"""Functions with a bend, for numbers, arrays and jets; a complex number continues the piece that it lies beside."""

from __future__ import annotations

from typing import Any

import numpy as np


def _is_complex(x: Any) -> bool:
    return isinstance(x, complex) or (isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "c")


def relu(x: Any) -> Any:
    """max(x, 0)."""
    return np.where(np.real(x) > 0, x, 0.0) if _is_complex(x) else np.maximum(x, 0.0)


def magnitude(x: Any) -> Any:
    """|x|."""
    return np.where(np.real(x) < 0, -x, x) if _is_complex(x) else np.abs(x)


def signed_log(x: Any) -> Any:
    """sign(x) log(1 + |x|)."""
    sign = np.where(np.real(x) < 0, -1.0, 1.0) if _is_complex(x) else np.sign(x)
    return sign * np.log1p(magnitude(x))


def sigmoid(x: Any) -> Any:
    """1/(1 + exp(−x))."""
    return _expit(x) if _is_real(x) else 1 / (1 + np.exp(-x))


def silu(x: Any) -> Any:
    """x/(1 + exp(−x))."""
    return x * _expit(x) if _is_real(x) else x / (1 + np.exp(-x))


def _is_real(x: Any) -> bool:
    return isinstance(x, float) or (isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "f")


def _expit(x: Any) -> Any:
    from scipy.special import expit  # without overflow

    return expit(x)
