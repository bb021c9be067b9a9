"""KERPLE: ``bias_p`` and ``bias_a``, one number per head, under whatever name the module has.

Both kernels share these keys. The power kernel is known by a ``pos_emb`` of the configuration that names it, or by one
of the two missing (a = 1, p = 1); else the kernel is the logarithmic one. The power kernel may also multiply the scores
(``wei_p``, ``wei_a``), which is no bias and left out: the layout says so. No window: 128 tokens are shown, or
``window``. Source: ``ParallelKerpleLog`` and ``ParallelKerplePower`` in chijames/KERPLE,
``megatron/model/positional_embeddings.py``.
"""

from __future__ import annotations

import re

import numpy as np

from ...bias.kerple import LogKernel, PowerKernel
from ..checkpoint import Checkpoint
from ..curve import ConnectionCurve
from .slots import USUAL, check_heads, layer_of, of_lags, order, per_head, slots

NAME = "KERPLE"
LOOKS_FOR = "….bias_p and ….bias_a (KERPLE)"
_KEY = re.compile(r"(?P<at>(?:.*\.)?)bias_[pa]")


def curves(checkpoint: Checkpoint, window: int | None) -> list[ConnectionCurve]:
    places = sorted({match["at"] for name in checkpoint.shapes if (match := _KEY.fullmatch(name))})
    named = "power" in str(checkpoint.config.get("pos_emb", "")).lower()
    out = []
    for at in places:
        both = checkpoint.has(f"{at}bias_p", f"{at}bias_a")
        given = [per_head(checkpoint, at + name) for name in ("bias_p", "bias_a") if checkpoint.has(at + name)]
        if both:
            given[1] = per_head(checkpoint, f"{at}bias_a", given[0].size)
        p, a = given if both else _completed(given[0], checkpoint.has(f"{at}bias_p"))
        check_heads(checkpoint, f"{at}bias_{'p' if checkpoint.has(f'{at}bias_p') else 'a'}", p.size, None)
        kernel = PowerKernel if named or not both else LogKernel
        layout = f"{NAME}, {'power' if kernel is PowerKernel else 'logarithmic'}"
        if checkpoint.has(f"{at}wei_p") or checkpoint.has(f"{at}wei_a"):
            layout += ", its factor of the scores left out"
        window_at = slots(window, NAME, usual=USUAL, curves=len(places) * p.size)
        for head in range(p.size):
            out.append(of_lags(kernel(float(p[head]), float(a[head])), layer_of(at), head, layout, window_at))
    return sorted(out, key=order)


def _completed(given: np.ndarray, is_p: bool) -> tuple[np.ndarray, np.ndarray]:
    return (given, np.ones_like(given)) if is_p else (np.ones_like(given), given)
