"""What the attention costs beside its rivals: time, memory for each token, how the time grows with the length."""

from __future__ import annotations

from .contenders import CONTENDERS, DTYPES, Setting, contenders, layer
from .measured import Measured, Row, measure
from .memory import bytes_per_token
from .timing import exponent, times

__all__ = [
    "measure",
    "Measured",
    "Row",
    "Setting",
    "CONTENDERS",
    "DTYPES",
    "contenders",
    "layer",
    "times",
    "exponent",
    "bytes_per_token",
]
