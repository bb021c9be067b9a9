"""BLOOM: ALiBi, known by the kind of the model alone: ``"model_type": "bloom"`` and ``n_head`` in ``config.json``.

BLOOM adds slope · (place of the key), which a softmax cannot tell from −slope · lag. Its slopes are ALiBi's for any
number of heads. No window: 128 tokens are shown, or ``window``. Source: ``modeling_bloom.py`` of transformers.
"""

from __future__ import annotations

from ...bias.slopes import alibi_slopes
from ..checkpoint import Checkpoint
from ..curve import ConnectionCurve
from .alibi import straight
from .slots import heads_of

NAME = "BLOOM"
LOOKS_FOR = 'config.json with "model_type": "bloom" and n_head'


def curves(checkpoint: Checkpoint, window: int | None) -> list[ConnectionCurve]:
    if checkpoint.config.get("model_type") != "bloom":
        return []
    return straight(alibi_slopes(heads_of(checkpoint, NAME)), NAME, window)
