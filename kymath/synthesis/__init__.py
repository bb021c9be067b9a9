"""Cross-synthesis of attention nodes: the second paper's parts, on torch, with their shapes and conditions mended.

What is plain arithmetic (:func:`cross_synthesis`, :func:`semantic_alpha`, :func:`weighted_log_likelihood`,
:func:`fed_back`, :class:`FusionMap`, the data manager) takes NumPy arrays as well as tensors and works without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .classifier import Classifier, load_classifier
    from .contraction import FusionMap, fed_back
    from .controller import AttentionNodeController
    from .fusion import HierarchicalFusion
    from .graph import AttentionGraph
    from .likelihood import weighted_log_likelihood
    from .manager import AdaptiveDataManager
    from .net import SynthesisNet
    from .node import AttentionNode
    from .operator import cross_synthesis, semantic_alpha
    from .workflow import Workflow

__all__ = [
    "cross_synthesis",
    "semantic_alpha",
    "AttentionNode",
    "HierarchicalFusion",
    "AttentionGraph",
    "AttentionNodeController",
    "Workflow",
    "AdaptiveDataManager",
    "weighted_log_likelihood",
    "SynthesisNet",
    "Classifier",
    "load_classifier",
    "FusionMap",
    "fed_back",
]

_HOMES = {
    "cross_synthesis": "operator",
    "semantic_alpha": "operator",
    "AttentionNode": "node",
    "HierarchicalFusion": "fusion",
    "AttentionGraph": "graph",
    "AttentionNodeController": "controller",
    "Workflow": "workflow",
    "AdaptiveDataManager": "manager",
    "weighted_log_likelihood": "likelihood",
    "SynthesisNet": "net",
    "Classifier": "classifier",
    "load_classifier": "classifier",
    "FusionMap": "contraction",
    "fed_back": "contraction",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'kymath.synthesis' has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    except ModuleNotFoundError as missing:
        if missing.name != "torch":
            raise
        raise ImportError(
            f"kymath.synthesis.{name} needs PyTorch. Install it with: pip install 'kymath[torch]'"
        ) from missing


def __dir__() -> list[str]:
    return sorted(__all__)
