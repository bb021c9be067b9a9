"""DynamicPositionBias: a net of the lag, with SiLU between its layers.

x-transformers: ``rel_pos.mlp.{k}.0`` (linear), ``.mlp.{k}.1`` (norm, where there is one), ``rel_pos.mlp.{depth}``, the
last linear layer. Older modules by the same author, zeta's too: ``mlp.0``, ``mlp.2``, …, ``mlp.{2n}``, read where the
module's name has "pos", "bias" or "dpb" in it, and no "emb": embeddings of positions are no biases. Input is the lag,
or its logarithm sign(lag) log(1 + |lag|), which the tensors do not tell: "dynamic_pos_bias_log_distance" (or
"log_distance") of the configuration does, else it is the lag. Lags from 0 on are read. No window: 128 tokens are shown,
or ``window``. Source: lucidrains/x-transformers, class ``DynamicPositionBias``; kyegomez/zeta,
``zeta/nn/biases/dynamic_position_bias.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ...bias.net import Net
from ...bias.pieces import silu
from ..checkpoint import Checkpoint
from ..curve import ConnectionCurve
from .nets import check_net, net_of
from .slots import USUAL, layer_of, of_lags, order, slots

NAME = "DynamicPositionBias"
LOOKS_FOR = "….rel_pos.mlp.{k}.0.weight and ….rel_pos.mlp.{depth}.weight (DynamicPositionBias)"
_NESTED = re.compile(r"(?P<at>(?:.*\.)?mlp)\.0\.0\.weight")
_FLAT = re.compile(r"(?P<at>(?:(?:.*\.)?[^.]*(?:pos|bias|dpb|DynamicPos)[^.]*\.)?mlp)\.0\.weight")
_EMBEDDING = re.compile(r"(?i:emb)[^.]*\.mlp\.")  # of positions


def curves(checkpoint: Checkpoint, window: int | None) -> list[ConnectionCurve]:
    logarithm = any(checkpoint.config.get(key) is True for key in ("dynamic_pos_bias_log_distance", "log_distance"))
    layout = f"{NAME}, of the logarithm" if logarithm else NAME
    nets = [(match, net) for name in checkpoint.shapes for match, net in _nets(checkpoint, name)]
    out = []
    for match, net in nets:
        place = slots(window, NAME, usual=USUAL, curves=len(nets) * net.heads)
        check_net(checkpoint, match.string, net, place.count)
        for head in range(net.heads):
            function = _of_logarithm(net.head(head)) if logarithm else net.head(head)
            out.append(of_lags(function, layer_of(match["at"]), head, layout, place))
    return sorted(out, key=order)


def _of_logarithm(net: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda lag: net(np.log1p(lag))


def _nets(checkpoint: Checkpoint, name: str) -> list[tuple[re.Match[str], Net]]:
    """The net that begins with this tensor, in a list; none where it is another's."""
    if len(checkpoint.shapes[name]) != 2 or checkpoint.shapes[name][1] != 1:  # one input: the lag
        return []
    if _EMBEDDING.search(name):
        return []
    if match := _NESTED.fullmatch(name):
        at, last = match["at"], 1
        while checkpoint.has(f"{at}.{last}.0.weight"):
            last += 1
        linears = [*(f"{at}.{k}.0" for k in range(last)), f"{at}.{last}"]
        norms = [f"{at}.{k}.1" for k in range(last)]
        normed = any(checkpoint.has(f"{norms[0]}.{part}") for part in ("weight", "gamma"))
        return [(match, net_of(checkpoint, linears, 1, silu, norms if normed else ()))]
    match = _FLAT.fullmatch(name)
    if not match or checkpoint.has(f"{match['at'].removesuffix('mlp')}L_multiplier"):  # FIRE's
        return []
    count = 0
    while checkpoint.has(f"{match['at']}.{2 * count}.weight"):
        count += 1
    if count < 2:
        return []
    return [(match, net_of(checkpoint, [f"{match['at']}.{2 * k}" for k in range(count)], 1, silu))]
