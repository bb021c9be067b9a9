"""Learned connection functions, read from the parameters of trained models: no forward pass, and no torch for files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .checkpoint import Checkpoint, open_checkpoint
from .curve import ConnectionCurve
from .drift import Trajectories, trajectories
from .layouts import LAYOUTS, UnknownLayout, find
from .readings import readings
from .report import ConnectionReport


def inspect_connections(
    model_or_path: Any, *, window: int | None = None, layouts: Iterable[Any] = ()
) -> ConnectionReport:
    """The position biases that a model adds to its attention scores, as functions of the lag, one for each head.

    ``model_or_path``: a safetensors file, its index of shards, a folder with one of them (or with a ``config.json``
    alone, for ALiBi), a mapping of names to arrays, or a model with ``state_dict``. Only the tensors that hold biases
    are read, no class of the model is needed, and nothing runs. ``window`` in tokens: how far back a bias without a
    window of its own is read, and at most the model's own where it has one; None for the layout's own or its usual one
    (15 for the author's code, 128 else). ``layouts``: some of one's own, looked for beside those that are known; each
    has ``NAME``, ``LOOKS_FOR`` and ``curves(checkpoint, window)``, which gets a :class:`Checkpoint`.

    Returns a :class:`ConnectionReport`. Raises ``UnknownLayout`` (a ``KYError``) where no known layout finds a bias,
    with what was looked for and what was found; ``KYError`` for what cannot be read; ``OSError`` where there is no
    file. Source: Condor, Eq. 36–49: the bias is the log weight that a connection function gives to a slot.

    >>> import numpy as np
    >>> key = "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    >>> falls, flat = -0.5 * np.arange(32.0), np.zeros(32)
    >>> report = inspect_connections({key: np.stack([falls, flat], axis=1)}, window=8)  # T5: a row per bucket of lags
    >>> report
    2 connection curves of the tensors (T5 decoder)
    >>> [(row["head"], row["kind"], round(row["slope"], 6), round(row["mean_lag"], 2)) for row in report.table()]
    [(0, 'linear', -0.5, 1.39), (1, 'flat', 0.0, 3.5)]
    """
    checkpoint = open_checkpoint(model_or_path)
    return ConnectionReport(find(checkpoint, window, (*LAYOUTS, *layouts)), checkpoint.where)


__all__ = [
    "Checkpoint",
    "ConnectionCurve",
    "ConnectionReport",
    "Trajectories",
    "UnknownLayout",
    "inspect_connections",
    "readings",
    "trajectories",
]
