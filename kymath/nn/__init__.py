"""KY-attention in torch: causal window attention with one learned bias per head and lag.

The paper's weights αβ/Σαβ are softmax(scores + c) exactly, so everything here passes on one table (heads, window).
"""

from __future__ import annotations

try:
    import torch  # noqa: F401
except ImportError as missing:
    raise ImportError("kymath.nn needs PyTorch. Install it with: pip install 'kymath[torch]'") from missing

from .attention import ky_attention
from .biases import FIRE, ALiBi, KerpleLog, NoBias, T5Bias
from .cache import FullCache, WindowCache
from .condor import Condor
from .config import CondorConfig
from .connection import ConnectionNet
from .files import condor_from_author, load_condor, save_condor
from .module import KYAttention
from .position import PositionBias

__all__ = [
    "ky_attention",
    "ConnectionNet",
    "KYAttention",
    "Condor",
    "CondorConfig",
    "save_condor",
    "load_condor",
    "condor_from_author",
    "WindowCache",
    "FullCache",
    "PositionBias",
    "NoBias",
    "ALiBi",
    "T5Bias",
    "KerpleLog",
    "FIRE",
]
