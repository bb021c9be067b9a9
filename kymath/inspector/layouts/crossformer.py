"""CrossFormer's dynamic position bias: a net of the displacement in a group of patches, so the curves are exact.

c_h(dy, dx) = pos3(pos2(pos1(pos_proj(dy, dx))))_h; each of pos1 … pos3 is a layer norm, ReLU and a linear layer. Keys:
``….attn.pos.pos_proj``, ``….attn.pos.pos{1,2,3}.{0,2}``; the group's side is read from ``….attn.biases`` where it is
stored, else it is ``window`` (at most 64), else 7. Curves and image as in Swin. Networks with residual steps have the
same keys; none are taken, as in the public models. Source: cheerss/CrossFormer, ``models/crossformer.py``.
"""

from __future__ import annotations

import math
import re

import numpy as np

from ...bias.pieces import relu
from ...errors import KYError
from ..checkpoint import Checkpoint, shown
from ..curve import ConnectionCurve
from .nets import check_net, net_of
from .slots import of_plane, order, slots, tensor
from .swin import label

NAME = "CrossFormer"
LOOKS_FOR = "….attn.pos.pos_proj.weight and ….attn.pos.pos{1,2,3}.2.weight (CrossFormer)"
_KEY = re.compile(r"(?P<at>(?:.*\.)?)(?P<net>[^.]+)\.pos_proj\.weight")
_WIDEST = 64
_USUAL = 7


def curves(checkpoint: Checkpoint, window: int | None) -> list[ConnectionCurve]:
    found = [
        match
        for name, shape in checkpoint.shapes.items()
        if (match := _KEY.fullmatch(name))
        and len(shape) == 2
        and shape[1] == 2
        and checkpoint.has(name.replace("pos_proj", "pos3.2"))
    ]
    out = []
    for match in found:
        at = f"{match['at']}{match['net']}."
        linears = [f"{at}pos_proj", *(f"{at}pos{k}.2" for k in (1, 2, 3))]
        net = net_of(checkpoint, linears, 2, relu, [f"{at}pos{k}.0" for k in (1, 2, 3)])
        places = [np.arange(1.0 - side, side) for side in _group(checkpoint, match["at"], window)]
        points = math.prod(map(len, places))
        check_net(checkpoint, match.string, net, points, net.heads * len(found))
        with np.errstate(all="ignore"):  # of_plane refuses what is not finite
            images = net.at(np.stack(np.meshgrid(*places, indexing="ij"), -1))
        for head in range(net.heads):
            out += of_plane(images[..., head], label(at), head, NAME, (net.head(head, 0), net.head(head, 1)))
    return sorted(out, key=order)


def _group(checkpoint: Checkpoint, at: str, window: int | None) -> list[int]:
    stored = next((at + name for name in ("biases", "rpe_biases") if checkpoint.has(at + name)), None)
    if window is not None or stored is None:
        side = slots(window, NAME, usual=_USUAL).count
        sides, what = np.full(2, side), f"window = {side}"
    else:
        sides, what = tensor(checkpoint, stored, None, 2).max(0) + 1, shown(stored)
    if not ((sides >= 1) & (sides <= _WIDEST) & (sides == np.rint(sides))).all():
        raise KYError(f"{checkpoint.where}: {what}: groups of 1 to {_WIDEST} patches along a side were looked for.")
    return [int(side) for side in sides]
