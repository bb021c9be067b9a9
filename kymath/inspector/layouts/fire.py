"""FIRE: ``c``, ``L_multiplier``, ``init_L`` and a net ``mlp`` of the normalised logarithm of the lag.

c_h(lag) = mlp(ψ(lag) / (ψ(max(|L_multiplier · init_L|, far)) + 10⁻⁶)), ψ(x) = log(1 + |c x|). ``far`` stands for the
query's place and is the window's last lag, so a window beyond the threshold is read as its last token sees it. Where
``init_L`` is not stored it is 512. No window: 128 tokens are shown, or ``window``. Source: Li et al., "Functional
Interpolation for Relative Positions", ICLR 2024; mcleish7/arithmetic, ``cramming/architectures/embeddings.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ...bias.fire import Fire
from ...bias.pieces import relu
from ..checkpoint import Checkpoint
from ..curve import ConnectionCurve
from .nets import check_net, net_of
from .slots import USUAL, layer_of, of_lags, order, slots, tensor

NAME = "FIRE"
LOOKS_FOR = "….L_multiplier with ….c, ….init_L and ….mlp.{0,2}.weight (FIRE)"
_KEY = re.compile(r"(?P<at>(?:.*\.)?)L_multiplier")
_LENGTH = 512.0


def curves(checkpoint: Checkpoint, window: int | None) -> list[ConnectionCurve]:
    places = [match["at"] for name in checkpoint.shapes if (match := _KEY.fullmatch(name))]
    out = []
    for at in places:
        if not checkpoint.has(f"{at}c", f"{at}mlp.0.weight"):
            continue
        heads = heads_of_net(checkpoint, at)
        place = slots(window, NAME, usual=USUAL, curves=len(places) * heads)
        for head, function in enumerate(functions(checkpoint, at, place.count - 1, place.count)):
            out.append(of_lags(function, layer_of(at), head, NAME, place))
    return sorted(out, key=order)


def heads_of_net(checkpoint: Checkpoint, at: str) -> int:
    return int(checkpoint.shapes.get(f"{at}mlp.2.weight", (1,))[0])


def functions(
    checkpoint: Checkpoint, at: str, far: float, points: int, *, ours: bool = False
) -> list[Callable[[Any], Any]]:
    """The bias by lag for every head, to be asked at so many ``points``; ``ours``: kymath's, with c off 0 elsewhere."""
    c, multiplier = (abs(float(_scalar(checkpoint, at + name))) for name in ("c", "L_multiplier"))
    length = float(_scalar(checkpoint, f"{at}init_L")) if checkpoint.has(f"{at}init_L") else _LENGTH
    reach = max(abs(multiplier * length), far)
    if ours:
        c += 1e-6
        scale = float(np.log1p(c * reach + 1e-6))
    else:
        scale = float(np.log1p(c * reach)) + 1e-6
    net = net_of(checkpoint, [f"{at}mlp.0", f"{at}mlp.2"], 1, relu)
    check_net(checkpoint, f"{at}mlp.0.weight", net, points)
    return [Fire(net.head(head), c, scale) for head in range(net.heads)]


def _scalar(checkpoint: Checkpoint, name: str) -> float:
    shape = checkpoint.shapes.get(name, ())
    return float(tensor(checkpoint, name, *([1] * len(shape))).reshape(()))
