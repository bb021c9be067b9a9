"""Swin, second version: a net of the displacement in a window of patches, so the curves are exact functions.

c_h(dy, dx) = 16 sigmoid(mlp(u(dy), u(dx))_h), u(d) = sign(d) log2(1 + |8 d/(N − 1)|) / log2 8, with one hidden layer
and ReLU. M is the window, N the one it was trained with (``pretrained_window_sizes``, else M). Keys:
``….attn.cpb_mlp.{0,2}`` (the authors, timm, torchvision), ``….continuous_position_bias_mlp.{0,2}`` (transformers). M
and N are read from ``relative_coords_table`` where it is stored; else M is ``window`` (patches along a side, at most
64), else ``window_size`` of the configuration, no larger than the stage's image, else 8. Curves and image as in the
first version. Source: microsoft/Swin-Transformer, ``models/swin_transformer_v2.py``; ``modeling_swinv2.py`` of
transformers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ...bias.pieces import relu, sigmoid, signed_log
from ...errors import KYError
from ..checkpoint import Checkpoint, shown
from ..curve import ConnectionCurve
from .nets import check_net, net_of
from .slots import check_heads, numbers_of, of_plane, order, tensor
from .swin import heads_at, label

NAME = "Swin v2"
LOOKS_FOR = "….attn.cpb_mlp.0.weight or ….continuous_position_bias_mlp.0.weight (Swin v2)"
_KEY = re.compile(r"(?P<at>(?:.*\.)?)(?P<net>cpb_mlp|continuous_position_bias_mlp)\.0\.weight")
_WIDEST = 64  # patches along a side
_USUAL = 8
_ROUNDED = 1e-4
_FAR = 100.0  # of a coordinate, which is of the order of 1
_NEAR, _HIGH = 8.0, 16.0  # the scale of the coordinates, and of the bias


def curves(checkpoint: Checkpoint, window: int | None) -> list[ConnectionCurve]:
    found = [match for name in checkpoint.shapes if (match := _KEY.fullmatch(name))]
    out = []
    for match in found:
        at = match["at"]
        net = net_of(checkpoint, [f"{at}{match['net']}.{k}" for k in (0, 2)], 2, relu)
        check_heads(checkpoint, f"{at}{match['net']}.2.weight", net.heads, heads_at(checkpoint, at))
        side, scales = _window(checkpoint, at, window)
        points = math.prod(2 * m - 1 for m in side)
        check_net(checkpoint, match.string, net, points, net.heads * len(found))
        near = [_NEAR / max(scale, 1.0) for scale in scales]
        places = [_coordinate(np.arange(1.0 - m, m), scale) for m, scale in zip(side, near, strict=True)]
        with np.errstate(all="ignore"):  # of_plane refuses what is not finite
            images = _HIGH * sigmoid(net.at(np.stack(np.meshgrid(*places, indexing="ij"), -1)))
        for head in range(net.heads):
            along = tuple(_function(net.head(head, axis), near[axis]) for axis in (0, 1))
            out += of_plane(images[..., head], label(at), head, NAME, (along[0], along[1]))
    return sorted(out, key=order)


def _coordinate(lag: Any, scale: float) -> Any:
    return signed_log(scale * lag) / math.log(_NEAR)


def _function(net: Callable[[Any], Any], scale: float) -> Callable[[Any], Any]:
    return lambda lag: _HIGH * sigmoid(net(_coordinate(lag, scale)))


def _window(checkpoint: Checkpoint, at: str, window: int | None) -> tuple[list[int], list[float]]:
    """M along both axes, and the N − 1 that their coordinates are divided by."""
    name = f"{at}relative_coords_table"
    if window is None and checkpoint.has(name):
        table = tensor(checkpoint, name, 1, None, None, 2)[0]
        side = [length // 2 + 1 for length in table.shape[:2]]
        largest = table[-1, -1]
        if all(length % 2 for length in table.shape[:2]) and ((largest > 0) & (largest < _FAR)).all():
            return side, [_trained(m, u) for m, u in zip(side, largest.tolist(), strict=True)]
    stage = next(iter(numbers_of(at)), 0)
    side = _pair(checkpoint, "window_size", checkpoint.config.get("window_size", _USUAL) if window is None else window)
    if window is None:
        side = [min(m, most) for m, most in zip(side, _image(checkpoint, stage), strict=True)]
    trained = checkpoint.config.get("pretrained_window_sizes")
    before = trained[stage] if isinstance(trained, (list, tuple)) and stage < len(trained) else 0
    if before in (0, None):
        return side, [m - 1.0 for m in side]
    return side, [n - 1.0 for n in _pair(checkpoint, "pretrained_window_sizes", before)]


def _trained(side: int, largest: float) -> float:
    """N − 1 from the largest coordinate; a whole number, but for the rounding of a table in single precision."""
    found = (side - 1) * _NEAR / np.expm1(largest * math.log(_NEAR))
    return float(round(found)) if abs(found - round(found)) < _ROUNDED else float(found)


def _image(checkpoint: Checkpoint, stage: int) -> list[int]:
    """Patches along the sides of that stage's image; a window is never larger."""
    if any(checkpoint.config.get(name) is None for name in ("image_size", "patch_size")):
        return [_WIDEST, _WIDEST]
    image, patch = (_pair(checkpoint, name, checkpoint.config[name], 2**20) for name in ("image_size", "patch_size"))
    return [max((a // b) >> stage, 1) for a, b in zip(image, patch, strict=True)]


def _pair(checkpoint: Checkpoint, name: str, value: Any, most: int = _WIDEST) -> list[int]:
    both = list(value) if isinstance(value, (list, tuple)) else [value, value]
    if len(both) != 2 or not all(type(side) is int and 1 <= side <= most for side in both):
        raise KYError(
            f"{checkpoint.where}: {name} = {shown(value)}; patches along a side, from 1 to {most}, were looked for."
        )
    return both
