"""Training of :class:`kymath.nn.Condor` language models: the paper's protocol, exact resumption, plain files.

``train(Settings.of("tiny"), "out")`` is all of it; ``kymath train`` is its face on the command line.
"""

from __future__ import annotations

try:
    import torch  # noqa: F401
except ImportError as missing:
    raise ImportError("kymath.training needs PyTorch. Install it with: pip install 'kymath[train]'") from missing

from .loop import Interrupted, saved_settings, train
from .reading import Unreadable
from .settings import PRESETS, Settings
from .watch import Watch
from .writing import continuation, language_model

__all__ = [
    "train",
    "Settings",
    "PRESETS",
    "saved_settings",
    "Watch",
    "Interrupted",
    "Unreadable",
    "language_model",
    "continuation",
]
