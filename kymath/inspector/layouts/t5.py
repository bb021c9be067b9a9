"""T5 and its kin: ``relative_attention_bias``, a number per head and bucket of lags.

T5 keeps one table in block 0 of the encoder and one of the decoder, shared by all layers; umT5 one in every layer. Of
the encoder's table the half for the past is read, of the decoder's all; the layout says which. Keys: transformers'
(T5, mT5, umT5, LongT5, Switch; MPNet's one table), Mesh TensorFlow's and t5x' (there (heads, buckets)). The number of
buckets is the table's; ``relative_attention_max_distance`` (128) is in ``config.json``. A table on its side is turned
where ``num_heads`` or ``relative_attention_num_buckets`` there says so. No window: 128 tokens are
shown, or ``window``. Source: ``modeling_t5.py``, ``modeling_umt5.py``, ``modeling_mpnet.py`` and
``convert_t5x_checkpoint_to_pytorch.py`` of transformers.
"""

from __future__ import annotations

import re

import numpy as np

from ...bias.buckets import buckets
from ...errors import KYError
from ..checkpoint import Checkpoint, shown
from ..curve import ConnectionCurve
from .slots import USUAL, Slots, check_heads, layer_of, order, slots, tensor, whole

NAME = "T5"
LOOKS_FOR = (
    "encoder|decoder.block.{i}.layer.0.SelfAttention.relative_attention_bias.weight, "
    "encoder.relative_attention_bias.weight (MPNet), or encoder|decoder/relpos_bias/rel_embedding (t5x)"
)
_ROWS = re.compile(  # (buckets, heads)
    r"(?:.*\.)?(?P<part>encoder|decoder)\.(?:block\.(?P<layer>\d+)\.layer\.\d+\.(?:Local|TransientGlobal)?SelfAttention\.)?"
    r"relative_attention_bias\.weight"
)
_COLUMNS = re.compile(  # (heads, buckets)
    r"(?:.*[./])?(?P<part>encoder|decoder)[./]"
    r"(?:block_(?P<layer>\d+)[./]layer_\d+[./]SelfAttention[./]relative_attention_bias|relpos_bias[./]rel_embedding)"
)
_HEADS = ("num_heads", "num_attention_heads")


def curves(checkpoint: Checkpoint, window: int | None) -> list[ConnectionCurve]:
    found = [
        (name, match, turned)
        for pattern, turned in ((_ROWS, False), (_COLUMNS, True))
        for name in checkpoint.shapes
        if (match := pattern.fullmatch(name))
    ]
    out = []
    for name, match, turned in found:
        table = tensor(checkpoint, name, None, None)
        table = _upright(checkpoint, table.T if turned else table)
        check_heads(checkpoint, name, table.shape[1], _heads(checkpoint))
        causal = match["part"] == "decoder"
        at = slots(window, NAME, usual=USUAL, curves=len(found) * table.shape[1])
        longest = whole(checkpoint, "relative_attention_max_distance") or 128
        layout = f"{NAME} {'decoder' if causal else 'encoder, past half'}"
        out += of_buckets(checkpoint, name, table, longest, layer_of(match["layer"]), layout, at, causal=causal)
    return sorted(out, key=order)


def _upright(checkpoint: Checkpoint, table: np.ndarray) -> np.ndarray:
    """(buckets, heads), also of a table that lies on its side, where the configuration tells."""
    wanted = whole(checkpoint, "relative_attention_num_buckets"), _heads(checkpoint)

    def fits(shape: tuple[int, ...]) -> bool:
        return all(count in (None, side) for count, side in zip(wanted, shape, strict=True))

    return table.T if fits(table.shape[::-1]) and not fits(table.shape) else table


def _heads(checkpoint: Checkpoint) -> int | None:
    """Of the configuration; what is no whole number there is another's (Swin's heads are a list)."""
    return whole(checkpoint, *(name for name in _HEADS if type(checkpoint.config.get(name)) is int))


def of_buckets(
    checkpoint: Checkpoint,
    name: str,
    table: np.ndarray,
    longest: int,
    layer: int,
    layout: str,
    at: Slots,
    *,
    causal: bool,
) -> list[ConnectionCurve]:
    """The heads of a table (buckets, heads)."""
    count = table.shape[0]
    own = count if causal else count // 2
    if own < 2 or longest <= own // 2 or (not causal and count % 2):
        raise KYError(
            f"{checkpoint.where}: {shown(name)} has {count} buckets, which do not fit distances up to {longest}."
        )
    rows = buckets(at.lags, count, longest, causal=causal)
    return [ConnectionCurve(layer, head, layout, at.lags, table[rows, head]) for head in range(table.shape[1])]
