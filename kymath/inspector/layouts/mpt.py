"""MPT: ALiBi with slopes of its own, by ``attn_config.alibi`` and ``n_heads`` in ``config.json``.

``attn_config.alibi_bias_max`` (8) is the steepest exponent; transformers' own MPT always takes 8. No window: 128 tokens
are shown, or ``window``. Source: ``build_mpt_alibi_tensor`` in ``modeling_mpt.py`` of transformers, after MPT's code.
"""

from __future__ import annotations

from ...bias.slopes import mpt_slopes
from ...errors import KYError
from ..checkpoint import Checkpoint, shown
from ..curve import ConnectionCurve
from .alibi import straight
from .slots import heads_of

NAME = "MPT"
LOOKS_FOR = 'config.json with "attn_config": {"alibi": true} and n_heads'


def curves(checkpoint: Checkpoint, window: int | None) -> list[ConnectionCurve]:
    attention = checkpoint.config.get("attn_config")
    if not isinstance(attention, dict) or attention.get("alibi") is not True:
        return []
    steepest = attention.get("alibi_bias_max", 8)
    if isinstance(steepest, bool) or not isinstance(steepest, (int, float)) or not 0 < steepest <= 64:
        raise KYError(f"{checkpoint.where}: alibi_bias_max = {shown(steepest)}; a number up to 64 was looked for.")
    return straight(mpt_slopes(heads_of(checkpoint, NAME), steepest), NAME, window)
