"""Condor as kymath saves it: ``layers.{i}.attention.connection.*``, the configuration inside the file.

What lies under ``connection`` tells the bias: ``gate``, ``up``, ``down``, ``up_bias`` (H, hidden) and ``out_bias``
(H,) of the connection nets; ``level`` (H,), no bias; ``slopes`` (H,), ALiBi; ``bias_p``, ``bias_a`` (H,), KERPLE;
``weight`` (buckets, H), T5; ``mlp.*``, ``c``, ``L_multiplier``, ``init_L``, FIRE. Window and whether it is centred come
from the configuration; a smaller ``window`` shows the slots nearest to the query, a larger one is refused. Tensors
without a configuration are read with ``window`` for the model's own. Under ``connection`` of other modules only the
nets are read. All but T5's are exact. Source: ``kymath.nn.biases``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ...bias.kerple import LogKernel
from ...bias.slopes import Line
from ...bias.swiglu import Curve
from ...errors import KYError
from ..checkpoint import Checkpoint, shown
from ..curve import ConnectionCurve
from . import fire
from .slots import check_heads, check_size, from_function, of_distances, order, per_head, slots, tensor, whole
from .t5 import of_buckets

NAME = "Condor"
LOOKS_FOR = "layers.{i}.attention.connection.{gate, level, slopes, weight, bias_p, mlp.0.weight} (kymath.nn)"
_KEY = re.compile(r"(?P<at>(?:(?:.*\.)?connection\.)?)(?P<what>gate|level|slopes|weight|bias_p|mlp\.0\.weight)")
_LAYER = re.compile(r"(?:^|\.)layers\.(\d+)\.")
_SIDES = {"weight": 2, "mlp.0.weight": 2}  # of other tensors one: a number per head
_BUCKETS = 32
_DISTANCE = 128  # of kymath.nn's T5


def curves(checkpoint: Checkpoint, window: int | None) -> list[ConnectionCurve]:
    sized = window is not None or checkpoint.config.get("window") is not None
    found = [m for name in checkpoint.shapes if (m := _KEY.fullmatch(name)) and _is_ours(checkpoint, m, sized)]
    if not found:
        return []
    known = whole(checkpoint, "window")
    out: list[ConnectionCurve] = []
    for match in found:
        at, what = match["at"], match["what"]
        layer = int(number[1]) if (number := _LAYER.search(at)) else 0
        shape = checkpoint.shapes[match.string]
        if what == "mlp.0.weight":
            heads = fire.heads_of_net(checkpoint, at)
        else:
            heads = (*shape, 1)[len(shape) - 1 if shape and what == "weight" else 0]
        check_heads(checkpoint, match.string, heads, None)
        causal = checkpoint.config.get("causal", True)
        if not isinstance(causal, bool):
            raise KYError(f"{checkpoint.where}: the configuration has causal = {shown(causal)}, not true or false.")
        size = window if known is None else known
        trained = slots(size, f"{checkpoint.where}: {NAME}", causal=causal, curves=max(len(found) * heads, 1))
        place = trained.cut(window, checkpoint.where)
        if what == "gate":
            check_size(checkpoint, match.string, place.count, width=(*shape, 1)[1])
            nets = enumerate(_nets(checkpoint, at))
            out += [from_function(net, layer, head, NAME, place, trained) for head, net in nets]
        elif what == "weight":
            table = tensor(checkpoint, f"{at}weight", None, None)
            name = f"{NAME}, t5"
            out += of_buckets(checkpoint, match.string, table, _DISTANCE, layer, name, place, causal=causal)
        else:
            far = float(np.abs(trained.lags).max())
            kind, functions = _by_distance(checkpoint, at, what, far, place.count)
            out += [of_distances(f, layer, head, f"{NAME}, {kind}", place) for head, f in enumerate(functions)]
    return sorted(out, key=order)


def _is_ours(checkpoint: Checkpoint, match: re.Match[str], sized: bool) -> bool:
    """Whether the tensor is of Condor; ``sized``: a window is known. Others' may be called "connection", too."""
    at, what = match["at"], match["what"]
    ours = checkpoint.ours or _ours_by_name(at)
    if what == "gate":
        parts = [checkpoint.shapes.get(f"{at}{part}", ()) for part in ("gate", "up", "down")]
        alike = len(set(parts)) == 1 and len(parts[0]) == 2
        return all(parts) if ours else bool(at) and alike and sized
    if not at or not ours or len(checkpoint.shapes[match.string]) != _SIDES.get(what, 1):
        return False
    if what == "weight" and not checkpoint.ours and not (sized and checkpoint.shapes[match.string][0] == _BUCKETS):
        return False
    needed = {"bias_p": (f"{at}bias_a",), "mlp.0.weight": (f"{at}c", f"{at}L_multiplier")}
    return checkpoint.has(*needed.get(what, ()))


def _ours_by_name(at: str) -> bool:
    return at.endswith("attention.connection.")


def _nets(checkpoint: Checkpoint, at: str) -> list[Curve]:
    gate = tensor(checkpoint, f"{at}gate", None, None)
    up, down = (tensor(checkpoint, at + part, *gate.shape) for part in ("up", "down"))
    shift, out_bias = np.zeros_like(gate), np.zeros(len(gate))
    if checkpoint.has(f"{at}up_bias"):
        shift = tensor(checkpoint, f"{at}up_bias", *gate.shape)
    if checkpoint.has(f"{at}out_bias"):
        out_bias = tensor(checkpoint, f"{at}out_bias", len(gate))
    with np.errstate(over="ignore"):  # what is not finite is refused with the curve
        return [Curve.of(gate[h], up[h], down[h], shift[h], float(out_bias[h])) for h in range(len(gate))]


def _by_distance(
    checkpoint: Checkpoint, at: str, what: str, far: float, points: int
) -> tuple[str, list[Callable[[Any], Any]]]:
    """What kymath.nn calls the bias, and its functions of |lag|, one per head."""
    if what == "level":
        return "local", [Line(0.0) for _ in per_head(checkpoint, f"{at}level")]
    if what == "slopes":
        return "alibi", [Line(float(slope)) for slope in per_head(checkpoint, f"{at}slopes")]
    if what == "bias_p":
        p = per_head(checkpoint, f"{at}bias_p")
        a = per_head(checkpoint, f"{at}bias_a", p.size)
        return "kerple", [LogKernel(*pair) for pair in zip(p.tolist(), a.tolist(), strict=True)]
    return "fire", fire.functions(checkpoint, at, far, points, ours=True)
