"""Labelled examples to train on: MNIST, IMDB, CIFAR-10, or a folder of one's own in one of their layouts."""

from __future__ import annotations

try:
    import torch  # noqa: F401
except ImportError as missing:
    raise ImportError("kymath.synthesis.data needs PyTorch. Install it with: pip install 'kymath[torch]'") from missing

from .examples import Part, Task
from .place import load

__all__ = ["load", "Task", "Part"]
