"""ALiBi: nothing is learned, so the curves follow from the number of heads in ``config.json``, alike in every layer.

Recognised by ``"position_embedding_type": "alibi"`` or ``"alibi": true`` (Falcon). Falcon divides the sum of scores and
bias by √(head dimension), so its slopes are smaller by that; it also rounds them to bfloat16, which is left out here.
ALiBi has no window: 128 tokens are shown, or ``window``. Source: Press, Smith & Lewis, "Train Short, Test Long", ICLR
2022, and its public code for other numbers of heads; ``modeling_falcon.py`` of transformers.
"""

from __future__ import annotations

from ...bias.slopes import Line, alibi_slopes
from ...errors import KYError
from ..checkpoint import Checkpoint
from ..curve import ConnectionCurve
from .slots import USUAL, heads_of, of_lags, slots, whole

NAME = "ALiBi"
LOOKS_FOR = 'config.json with "alibi": true or "position_embedding_type": "alibi", and the number of heads'
_FALCON = ("falcon", "RefinedWeb", "RefinedWebModel")


def curves(checkpoint: Checkpoint, window: int | None) -> list[ConnectionCurve]:
    config = checkpoint.config
    if config.get("alibi") is not True and config.get("position_embedding_type") != "alibi":
        return []
    heads = heads_of(checkpoint, NAME)
    if config.get("model_type") not in _FALCON:
        return straight(alibi_slopes(heads), NAME, window)
    width = whole(checkpoint, "hidden_size", "n_embed")
    if width is None or width < heads:
        raise KYError(f"{checkpoint.where}: Falcon's slopes need hidden_size, at least the number of heads.")
    return straight([m / (width // heads) ** 0.5 for m in alibi_slopes(heads)], "ALiBi (Falcon)", window)


def straight(slopes: list[float], layout: str, window: int | None) -> list[ConnectionCurve]:
    """A line for every head, in a layer that stands for all."""
    at = slots(window, layout, usual=USUAL, curves=len(slopes))
    return [of_lags(Line(slope), 0, head, layout, at) for head, slope in enumerate(slopes)]
