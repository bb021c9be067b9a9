"""Planted checkpoints, and how they are read."""

from itertools import pairwise

import numpy as np

from kymath.inspector.checkpoint import open_checkpoint
from kymath.inspector.layouts import find

T5 = "block.0.layer.0.SelfAttention.relative_attention_bias.weight"


def drawn(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


def read(tensors, window=None, /, **config):
    checkpoint = open_checkpoint(tensors) if tensors else empty()
    checkpoint.config.update(config)
    return find(checkpoint, window)


def empty():
    return open_checkpoint({"word_embeddings.weight": np.zeros((3, 2))})


def same(curve, wanted, tolerance=1e-12):
    np.testing.assert_allclose(curve.bias, wanted, rtol=tolerance, atol=tolerance)


def mlp(at, sizes, seed=3):
    """Linear layers at.0, at.2, …"""
    out = {}
    for k, (inputs, outputs) in enumerate(pairwise(sizes)):
        out[f"{at}.{2 * k}.weight"] = drawn(outputs, inputs, seed=seed + k)
        out[f"{at}.{2 * k}.bias"] = drawn(outputs, seed=seed + k + 10)
    return out


def fire_tensors(at=""):
    return {
        f"{at}c": np.array(0.2),
        f"{at}L_multiplier": np.array(-0.5),
        f"{at}init_L": np.array(60.0),
        **mlp(f"{at}mlp", (1, 6, 3)),
    }


def cross_tensors(at="layers.1.blocks.0.attn.pos."):
    norms = {}
    for k in (1, 2, 3):
        norms[f"{at}pos{k}.0.weight"], norms[f"{at}pos{k}.0.bias"] = drawn(5, seed=k), drawn(5, seed=k + 20)
        norms[f"{at}pos{k}.2.weight"] = drawn(2 if k == 3 else 5, 5, seed=k + 30)
        norms[f"{at}pos{k}.2.bias"] = drawn(2 if k == 3 else 5, seed=k + 40)
    return {f"{at}pos_proj.weight": drawn(5, 2, seed=50), f"{at}pos_proj.bias": drawn(5, seed=51), **norms}


def author_tensors():
    net = "layers.2.attention.connection_nets.0"
    return {f"{net}.w1.weight": drawn(4, 1), f"{net}.w2.weight": drawn(1, 4, seed=2), f"{net}.w3.weight": drawn(4, 1)}


SWIN = [
    "layers.{}.blocks.{}.attn.relative_position_bias_table",  # the authors, timm
    "swin.encoder.layers.{}.blocks.{}.attention.self.relative_position_bias_table",  # transformers
    "backbone.features.{}.{}.attn.relative_position_bias_table",  # torchvision
]


def condor_tensors():
    parts = {"gate": (2, 4), "up": (2, 4), "down": (2, 4), "up_bias": (2, 4), "out_bias": (2,)}
    return {f"layers.0.attention.connection.{k}": drawn(*v, seed=i) for i, (k, v) in enumerate(parts.items())}
