"""Condor as kymath saves it: ``layers.{i}.attention.connection.*``, the configuration inside the file.

What lies under ``connection`` tells the bias: ``gate``, ``up``, ``down``, ``up_bias`` (H, hidden) and ``out_bias``
(H,) of the connection nets; ``level`` (H,), no bias; ``slopes`` (H,), ALiBi; ``bias_p``, ``bias_a`` (H,), KERPLE;
``weight`` (buckets, H), T5; ``mlp.*``, ``c``, ``L_multiplier``, ``init_L``, FIRE. Window and whether it is centred come
from the configuration, the window from ``window`` first. All but T5's are exact. Source: ``kymath.nn.biases``.
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
from .slots import from_function, of_distances, order, per_head, slots, tensor
from .t5 import of_buckets

NAME = "Condor"
LOOKS_FOR = "layers.{i}.attention.connection.{gate, level, slopes, weight, bias_p, mlp.0.weight} (kymath.nn)"
_KEY = re.compile(r"(?P<at>(?:(?:.*\.)?connection\.)?)(?P<what>gate|level|slopes|weight|bias_p|mlp\.0\.weight)")
_LAYER = re.compile(r"(?:^|\.)layers\.(\d+)\.")
_DISTANCE = 128  # of kymath.nn's T5


def curves(checkpoint: Checkpoint, window: int | None) -> list[ConnectionCurve]:
    found = [m for name in checkpoint.shapes if (m := _KEY.fullmatch(name)) and _is_ours(checkpoint, m)]
    out: list[ConnectionCurve] = []
    for match in found:
        at, what = match["at"], match["what"]
        layer = int(number[1]) if (number := _LAYER.search(at)) else 0
        shape = checkpoint.shapes[match.string]
        heads = (shape[-1:] if what == "weight" else shape[:1] if what != "mlp.0.weight" else (1,))[0] if shape else 1
        causal = checkpoint.config.get("causal", True)
        if not isinstance(causal, bool):
            raise KYError(f"{checkpoint.where}: the configuration has causal = {shown(causal)}, not true or false.")
        place = slots(
            window, NAME, usual=checkpoint.config.get("window"), causal=causal, curves=max(len(found) * heads, 1)
        )
        if what == "gate":
            out += [from_function(net, layer, head, NAME, place) for head, net in enumerate(_nets(checkpoint, at))]
        elif what == "weight":
            table = tensor(checkpoint, f"{at}weight", None, None)
            name = f"{NAME}, t5"
            out += of_buckets(checkpoint, match.string, table, _DISTANCE, layer, name, place, causal=causal)
        else:
            far = float(np.abs(place.lags).max())
            kind, functions = _by_distance(checkpoint, at, what, far)
            out += [of_distances(f, layer, head, f"{NAME}, {kind}", place) for head, f in enumerate(functions)]
    return sorted(out, key=order)


def _is_ours(checkpoint: Checkpoint, match: re.Match[str]) -> bool:
    at, what = match["at"], match["what"]
    if what == "gate":
        return checkpoint.has(f"{at}up", f"{at}down")
    if not at:  # a name as plain as "weight" says nothing by itself
        return False
    needed = {"bias_p": (f"{at}bias_a",), "mlp.0.weight": (f"{at}c", f"{at}L_multiplier")}
    return checkpoint.has(*needed.get(what, ()))


def _nets(checkpoint: Checkpoint, at: str) -> list[Curve]:
    gate = tensor(checkpoint, f"{at}gate", None, None)
    up, down = (tensor(checkpoint, at + part, *gate.shape) for part in ("up", "down"))
    shift, out_bias = np.zeros_like(gate), np.zeros(len(gate))
    if checkpoint.has(f"{at}up_bias"):
        shift = tensor(checkpoint, f"{at}up_bias", *gate.shape)
    if checkpoint.has(f"{at}out_bias"):
        out_bias = tensor(checkpoint, f"{at}out_bias", len(gate))
    return [Curve.of(gate[h], up[h], down[h], shift[h], float(out_bias[h])) for h in range(len(gate))]


def _by_distance(checkpoint: Checkpoint, at: str, what: str, far: float) -> tuple[str, list[Callable[[Any], Any]]]:
    """What kymath.nn calls the bias, and its functions of |lag|, one per head."""
    if what == "level":
        return "local", [Line(0.0) for _ in per_head(checkpoint, f"{at}level")]
    if what == "slopes":
        return "alibi", [Line(float(slope)) for slope in per_head(checkpoint, f"{at}slopes")]
    if what == "bias_p":
        p = per_head(checkpoint, f"{at}bias_p")
        a = per_head(checkpoint, f"{at}bias_a", p.size)
        return "kerple", [LogKernel(*pair) for pair in zip(p.tolist(), a.tolist(), strict=True)]
    return "fire", fire.functions(checkpoint, at, far, ours=True)
