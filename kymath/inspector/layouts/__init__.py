"""Where known models keep their position biases: one layout a file, one line here.

A layout is a module with ``NAME``, ``LOOKS_FOR`` (the keys it wants, for people) and ``curves(checkpoint, window)``,
which gives the curves, or none where the checkpoint is another's. Our own and the author's files are read as such; of
all others the learned biases of every layout are taken together, for a model may have several (images read by Swin,
text written by T5); only where there are none do those count that follow from the configuration alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

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
_LIKELY = ("bias", "rel", "pos")  # in names of position biases: those are listed first


class UnknownLayout(KYError):
    """A checkpoint that can be read and holds no position bias of a known layout; ``lines`` are those of its text."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = list(lines)
        super().__init__(" ".join(self.lines))


def find(checkpoint: Checkpoint, window: int | None = None, layouts: Sequence[Any] = LAYOUTS) -> list[ConnectionCurve]:
    """The curves of a checkpoint.

    ``window`` in tokens (patches along a side for Swin v2); None: the model's own, else the layout's usual one.
    ``layouts`` may have some of one's own, which count as learned: ``(*LAYOUTS, mine)``. Raises ``UnknownLayout`` where
    no layout finds any, ``KYError`` for tensors that one knows and that do not fit.

    >>> import numpy as np
    >>> from kymath.inspector.checkpoint import open_checkpoint
    >>> table = open_checkpoint({"decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight": np.eye(32, 2)})
    >>> [(curve.layout, curve.head, curve.bias[:3].tolist()) for curve in find(table, window=4)]
    [('T5 decoder', 0, [1.0, 0.0, 0.0]), ('T5 decoder', 1, [0.0, 1.0, 0.0])]
    """
    learned = [layout for layout in layouts if layout not in (*OWN, *COMPUTED)]
    for layout in (one for one in OWN if one in layouts):
        if found := layout.curves(checkpoint, window):
            return found
    if found := [curve for layout in learned for curve in layout.curves(checkpoint, window)]:
        return found
    for layout in (one for one in COMPUTED if one in layouts):
        if found := layout.curves(checkpoint, window):
            return found
    raise UnknownLayout(_unknown(checkpoint, layouts))


def _unknown(checkpoint: Checkpoint, layouts: Sequence[Any]) -> list[str]:
    likely = sorted(checkpoint.shapes, key=lambda name: not any(word in name.lower() for word in _LIKELY))
    names = [shown(name) for name in likely[:_NAMES]]
    more = ", …" if len(checkpoint.shapes) > _NAMES else ""
    count = len(checkpoint.shapes)
    tensors = f"{count} tensor{'s' * (count != 1)} ({', '.join(names)}{more})" if names else "no tensors"
    kind = checkpoint.config.get("model_type") or checkpoint.config.get("attention")
    config = f"a configuration{f' of {shown(kind)}' if kind else ''}" if checkpoint.config else "no configuration"
    return [
        f"{checkpoint.where}: no position bias of a known layout.",
        f"Found: {tensors} and {config}.",
        "Looked for:",
        *(f"{layout.LOOKS_FOR};" for layout in layouts[:-1]),
        *(f"{layout.LOOKS_FOR}." for layout in layouts[-1:]),
        "To go on, make the curves by hand, ConnectionReport([ConnectionCurve(…), …]) (docs/inspect.md), or write a "
        "layout, inspect_connections(file, layouts=[mine]) (docs/inspect-layouts.md).",
    ]
