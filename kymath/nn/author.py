"""The keys of the author's checkpoints, and what they are called here."""

from __future__ import annotations

import math
import re

import torch
from torch import Tensor

from ..errors import KYError
from .checks import listed
from .config import CondorConfig

PREFIX = "_orig_mod."  # what torch.compile puts before every key
IGNORED = ("freqs_cis",)  # a table that is computed here
NET = re.compile(r"layers\.(\d{1,6})\.attention\.connection_nets\.(\d{1,6})\.w1\.weight")


def author_config(tensors: dict[str, Tensor], window: int) -> tuple[CondorConfig, dict[str, Tensor]]:
    """The configuration that the shapes imply, and the tensors under their plain names."""
    plain = {name.removeprefix(PREFIX): value for name, value in tensors.items()}
    if len(plain) < len(tensors):
        raise KYError(f"a key is there twice, with {PREFIX} before it and without.")
    plain = {name: value for name, value in plain.items() if name.rpartition(".")[2] not in IGNORED}
    nets = [match for match in map(NET.fullmatch, plain) if match]
    if not nets:
        raise KYError("no key layers.0.attention.connection_nets.0.w1.weight: not a checkpoint of the author's code.")
    layers, heads = ({int(match[group]) for match in nets} for group in (1, 2))
    for what, found in (("layers", layers), ("connection_nets", heads)):
        if found != set(range(len(found))):
            raise KYError(f"the numbers after {what} have a gap or do not begin at 0.")
    if "task_head.weight" in plain and "lm_head.weight" not in plain:
        plain["lm_head.weight"] = plain.pop("task_head.weight")
    vocab, width = _shape(plain, "token_embedding.weight")
    config = CondorConfig(
        vocab_size=vocab,
        d_model=width,
        num_layers=len(layers),
        num_heads=len(heads),
        window=window,
        edge="reference",
        hidden=_shape(plain, nets[0].string)[0],
        connection_bias=False,
        ffn_hidden=_shape(plain, "layers.0.ffn.w1.weight")[0],
    )
    return config, plain


def author_weights(tensors: dict[str, Tensor], config: CondorConfig) -> dict[str, Tensor]:
    """The same weights under the names of :class:`kymath.nn.Condor`; what is not known keeps its name.

    Raises ``KYError`` that names what is missing, or of another size, as the author's code does.
    """
    _check_attention(tensors, config)
    out = dict(tensors)
    for i in range(config.num_layers):
        at = f"layers.{i}.attention."
        out[f"{at}qkv.weight"] = torch.cat([out.pop(f"{at}{part}_proj.weight") for part in "qkv"])
        out[f"{at}out.weight"] = out.pop(f"{at}out_proj.weight")
        # w2(w3 t · silu(w1 t)): w1 is the paper's up, w3 its gate
        for part, name in (("up", "w1"), ("down", "w2"), ("gate", "w3")):
            nets = [out.pop(f"{at}connection_nets.{h}.{name}.weight") for h in range(config.num_heads)]
            out[f"{at}connection.{part}"] = torch.stack([net.reshape(-1) for net in nets])
    return out


def _check_attention(tensors: dict[str, Tensor], config: CondorConfig) -> None:
    """Those weights that get other names here; the others are looked at when the model is built."""
    shapes: dict[str, tuple[int, ...]] = {}
    d, hidden = config.d_model, config.hidden
    for i in range(config.num_layers):
        at = f"layers.{i}.attention."
        shapes |= {f"{at}{part}_proj.weight": (d, d) for part in ("q", "k", "v", "out")}
        for h in range(config.num_heads):
            net = f"{at}connection_nets.{h}."
            shapes |= {f"{net}w1.weight": (hidden, 1), f"{net}w2.weight": (1, hidden), f"{net}w3.weight": (hidden, 1)}
    missing = [name for name in shapes if name not in tensors]
    if missing:
        raise KYError(f"missing {listed(missing)}.")
    for name, shape in shapes.items():
        found = tuple(tensors[name].shape)
        if found != shape and (name.endswith("_proj.weight") or math.prod(found) != hidden):
            raise KYError(f"{name} has the shape {found}, and the others need {shape}.")
    kinds = {str(tensors[name].dtype) for name in shapes}
    if len(kinds) > 1:  # joining would make them one
        raise KYError(f"its weights are of different types: {', '.join(sorted(kinds))}.")


def _shape(tensors: dict[str, Tensor], name: str) -> tuple[int, int]:
    if name not in tensors:
        raise KYError(f"missing {name}.")
    shape = tuple(tensors[name].shape)
    if len(shape) != 2:
        raise KYError(f"{name} has the shape {shape} and must have two sides.")
    return shape[0], shape[1]
