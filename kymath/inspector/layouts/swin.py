"""Swin, first version: ``relative_position_bias_table``, a number per head and displacement in a window of patches.

The table ((2M − 1)², H) is an image for every head; its two lines through the centre are the curves, lags −(M − 1) …
M − 1 in patches, below 0: below the query, or to its right. The whole image is kept in ``image``. Keys: the authors',
timm's and torchvision's ``….attn.relative_position_bias_table``, transformers' ``….attention.self.…``; the layer is
"stage.block". BEiT's tables (three rows more, for its class token, which are left out) are read too. A window that is
not square is taken from ``window_size`` of the configuration. ``window`` changes nothing: the table has its own.
Source: microsoft/Swin-Transformer, ``models/swin_transformer.py``; ``modeling_swin.py``, ``modeling_beit.py`` of
transformers.
"""

from __future__ import annotations

import math
import re

from ...errors import KYError
from ..checkpoint import Checkpoint, shown
from ..curve import ConnectionCurve
from .slots import check_heads, check_size, numbers_of, of_plane, order, tensor

NAME = "Swin"
LOOKS_FOR = "layers.{i}.blocks.{j}.attn.relative_position_bias_table (Swin, BEiT)"
_KEY = re.compile(r"(?P<at>(?:.*\.)?)relative_position_bias_table")
_CLASS_TOKEN = 3  # rows of BEiT's


def curves(checkpoint: Checkpoint, window: int | None) -> list[ConnectionCurve]:
    found = [match for name in checkpoint.shapes if (match := _KEY.fullmatch(name))]
    out = []
    for match in found:
        name = match.string
        table = tensor(checkpoint, name, None, None)
        rows, heads = table.shape
        check_heads(checkpoint, name, heads, heads_at(checkpoint, match["at"]))
        height, width, layout = _sides(checkpoint, name, rows)
        check_size(checkpoint, name, height * width, width=heads, curves=heads * len(found))
        for head in range(heads):
            image = table[: height * width, head].reshape(height, width)
            out += of_plane(image, label(match["at"]), head, layout)
    return sorted(out, key=order)


def label(at: str) -> int | str:
    """The layer: its number, or "stage.block"."""
    numbers = numbers_of(at)
    return ".".join(map(str, numbers)) if len(numbers) > 1 else next(iter(numbers), 0)


def heads_at(checkpoint: Checkpoint, at: str) -> int | None:
    """The heads that the configuration gives that stage, None where it gives none."""
    heads = checkpoint.config.get("num_heads")
    stage = next(iter(numbers_of(at)), 0)
    found = heads[stage] if isinstance(heads, (list, tuple)) and stage < len(heads) else None
    return found if isinstance(found, int) else None


def _sides(checkpoint: Checkpoint, name: str, rows: int) -> tuple[int, int, str]:
    pair = checkpoint.config.get("window_size")
    if isinstance(pair, (list, tuple)) and len(pair) == 2 and all(type(side) is int and side > 0 for side in pair):
        height, width = (2 * side - 1 for side in pair)
        if height * width == rows:
            return height, width, NAME
    for extra, layout in ((0, NAME), (_CLASS_TOKEN, "BEiT")):
        side = math.isqrt(max(rows - extra, 0))
        if side % 2 and side * side == rows - extra:
            return side, side, layout
    raise KYError(
        f"{checkpoint.where}: {shown(name)} has {rows} rows; (2M − 1)² of a square window, or those of window_size in "
        "config.json, were looked for."
    )
