"""Where known models keep their position biases: one layout a file, one line here.

A layout is a module with ``NAME``, ``LOOKS_FOR`` (the keys it wants, for people) and ``curves(checkpoint, window)``,
which gives the curves, or none where the checkpoint is another's. Our own and the author's files are read as such; of
all others the learned biases of every layout are taken together, for a model may have several (images read by Swin,
text written by T5); only where there are none do those count that follow from the configuration alone.
"""

from __future__ import annotations

from ...errors import KYError
from ..checkpoint import Checkpoint, shown
from ..curve import ConnectionCurve
from . import (
    alibi,
    author,
    bloom,
    condor,
    crossformer,
    dynamic_position_bias,
    fire,
    kerple,
    mpt,
    swin,
    swin_v2,
    t5,
)

OWN = (condor, author)
LEARNED = (t5, swin, swin_v2, crossformer, kerple, fire, dynamic_position_bias)
COMPUTED = (bloom, mpt, alibi)
LAYOUTS = (*OWN, *LEARNED, *COMPUTED)
_NAMES = 6  # that a message lists


class UnknownLayout(KYError):
    """A checkpoint that can be read and holds no position bias of a known layout."""


def find(checkpoint: Checkpoint, window: int | None) -> list[ConnectionCurve]:
    """The curves of a checkpoint.

    ``window`` in tokens (patches along a side for Swin v2); None: the model's own, else the layout's usual one. Raises
    ``UnknownLayout`` where no layout finds any, ``KYError`` for tensors that one knows and that do not fit.

    >>> import numpy as np
    >>> from kymath.inspector.checkpoint import open_checkpoint
    >>> table = open_checkpoint({"decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight": np.eye(32, 2)})
    >>> [(curve.layout, curve.head, curve.bias[:3].tolist()) for curve in find(table, window=4)]
    [('T5 decoder', 0, [1.0, 0.0, 0.0]), ('T5 decoder', 1, [0.0, 1.0, 0.0])]
    """
    for layout in OWN:
        if found := layout.curves(checkpoint, window):
            return found
    if found := [curve for layout in LEARNED for curve in layout.curves(checkpoint, window)]:
        return found
    for layout in COMPUTED:
        if found := layout.curves(checkpoint, window):
            return found
    raise UnknownLayout(_unknown(checkpoint))


def _unknown(checkpoint: Checkpoint) -> str:
    names = [shown(name) for name in list(checkpoint.shapes)[:_NAMES]]
    more = ", …" if len(checkpoint.shapes) > _NAMES else ""
    count = len(checkpoint.shapes)
    tensors = f"{count} tensor{'s' * (count != 1)} ({', '.join(names)}{more})" if names else "no tensors"
    kind = checkpoint.config.get("model_type") or checkpoint.config.get("attention")
    config = f"a configuration{f' of {shown(kind)}' if kind else ''}" if checkpoint.config else "no configuration"
    wanted = "; ".join(layout.LOOKS_FOR for layout in LAYOUTS)
    return (
        f"{checkpoint.where}: no position bias of a known layout. Found: {tensors} and {config}. Looked for: {wanted}."
    )
