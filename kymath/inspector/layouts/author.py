"""The author's code of Condor: ``layers.{i}.attention.connection_nets.{h}.w{1,2,3}.weight``; no window is stored.

The model's window is taken to be ``window``, else the paper's 15 tokens: positions are spread over it. Curves are
exact. Source: the author's public code.
"""

from __future__ import annotations

import re

import numpy as np

from ...bias.swiglu import Curve
from ..checkpoint import Checkpoint
from ..curve import ConnectionCurve
from .slots import check_size, from_function, order, per_head, slots

NAME = "Condor, the author's code"
LOOKS_FOR = "layers.{i}.attention.connection_nets.{h}.w1.weight (the author's code)"
_KEY = re.compile(r"(?P<at>(?:.*\.)?layers\.(?P<layer>\d+)\.attention\.connection_nets\.(?P<head>\d+))\.w1\.weight")
_WINDOW = 15  # of the paper; the file does not say


def curves(checkpoint: Checkpoint, window: int | None) -> list[ConnectionCurve]:
    found = [match for name in checkpoint.shapes if (match := _KEY.fullmatch(name))]
    out = []
    for match in found:
        # w2(w3 t · silu(w1 t)): w1 is the paper's up, w3 its gate; (hidden, 1), (1, hidden), (hidden, 1)
        up = per_head(checkpoint, f"{match['at']}.w1.weight")
        down, gate = (per_head(checkpoint, f"{match['at']}.w{i}.weight", up.size) for i in (2, 3))
        at = slots(window, NAME, usual=_WINDOW, curves=len(found))
        check_size(checkpoint, match.string, at.count, width=up.size)
        with np.errstate(over="ignore"):  # what is not finite is refused with the curve
            net = Curve.of(gate, up, down)
        out.append(from_function(net, int(match["layer"]), int(match["head"]), NAME, at))
    return sorted(out, key=order)
