"""Curves planted in every layout's own format come back exactly; the formulas are checked by plain loops."""

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

import kymath as ky
from kymath import KYError
from kymath.bias.buckets import buckets
from kymath.inspector.checkpoint import open_checkpoint
from kymath.inspector.layouts import (
    LAYOUTS,
    UnknownLayout,
    alibi,
    author,
    bloom,
    condor,
    crossformer,
    find,
    fire,
    kerple,
    mpt,
    swin,
    swin_v2,
    t5,
)
from kymath.inspector.layouts import dynamic_position_bias as dpb

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


# -- what stands where -------------------------------------------------------------------------------------------------


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


PLANTED = {
    condor: ({"layers.0.attention.connection.slopes": np.array([0.5])}, {"window": 6}),
    author: (author_tensors(), {}),
    t5: ({f"encoder.{T5}": drawn(32, 2), f"decoder.{T5}": drawn(32, 2)}, {"num_heads": 2}),
    swin: ({"layers.0.blocks.1.attn.relative_position_bias_table": drawn(25, 2)}, {}),
    swin_v2: ({f"layers.0.blocks.0.attn.{k}": v for k, v in mlp("cpb_mlp", (2, 8, 3)).items()}, {"window_size": 4}),
    crossformer: (cross_tensors(), {}),
    kerple: ({"2.attention.rpe.bias_p": drawn(3, 1, 1), "2.attention.rpe.bias_a": drawn(3, 1, 1)}, {}),
    fire: (fire_tensors("transformer.fire."), {}),
    dpb: (mlp("rel_pos_bias.mlp", (1, 4, 4, 2)), {}),
    bloom: ({}, {"model_type": "bloom", "n_head": 4}),
    mpt: ({}, {"model_type": "mpt", "n_heads": 6, "attn_config": {"alibi": True, "alibi_bias_max": 8}}),
    alibi: ({}, {"alibi": True, "num_attention_heads": 4}),
}


def test_every_layout_is_planted():
    assert set(PLANTED) == set(LAYOUTS)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.NAME)
def test_one_layout_alone_knows_each_file(layout):
    tensors, config = PLANTED[layout]
    checkpoint = open_checkpoint(tensors) if tensors else empty()
    checkpoint.config.update(config)
    knows = [other.NAME for other in LAYOUTS if other.curves(checkpoint, None)]
    assert knows == [layout.NAME]
    curves = find(checkpoint, None)
    for curve in curves:
        assert curve.bias.shape == curve.lags.shape
        assert np.isfinite(curve.bias).all()
        np.testing.assert_allclose(curve(curve.positions), curve.bias, atol=1e-9)  # the function and the table agree
    names = [(curve.layout, curve.layer, curve.head, curve.axis) for curve in curves]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.NAME)
@pytest.mark.parametrize("window", [0, -3, 2**20 + 1, 10**30, True, 2.5, "12", [5]])
def test_an_absurd_window_is_refused(layout, window):
    tensors, config = PLANTED[layout]
    if layout is swin:  # the table has its own
        return
    with pytest.raises(KYError, match=r"window|groups"):
        read(tensors, window, **config)


@pytest.mark.parametrize("layout", [x for x in LAYOUTS if x not in (t5, swin)], ids=lambda layout: layout.NAME)
def test_exact_curves_can_be_differentiated(layout):
    tensors, config = PLANTED[layout]
    curve = read(tensors, **config)[0]
    assert curve.exact
    at, h = 0.437, 1e-6
    slope = ky.transform(curve, at, ky.Linear()).a
    assert slope == pytest.approx((curve(at + h) - curve(at - h)) / (2 * h), rel=1e-5, abs=1e-7)
    assert isinstance(complex(curve(at + 0j)), complex)
    assert complex(curve(at + 0j)).real == pytest.approx(float(curve(at)))


# -- T5 ----------------------------------------------------------------------------------------------------------------


def bucket_by_counting(lag, count, longest, causal):
    """T5's bucket in whole numbers: the largest k with (longest/exact)^k ≤ (lag/exact)^(count − exact)."""
    own, future = (count, 0) if causal else (count // 2, count // 2 if lag < 0 else 0)
    far = max(lag, 0) if causal else abs(lag)
    exact = own // 2
    if far < exact:
        return future + far
    k = 0
    while exact + k + 1 < own and Fraction(longest, exact) ** (k + 1) <= Fraction(far, exact) ** (own - exact):
        k += 1
    return future + exact + k


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("count", "longest"), [(32, 128), (8, 20), (16, 64), (64, 256), (12, 100)])
def test_buckets(count, longest, causal):
    lags = np.arange(0 if causal else -300, 300)
    wanted = [bucket_by_counting(int(lag), count, longest, causal) for lag in lags]
    assert buckets(lags, count, longest, causal=causal).tolist() == wanted


def test_t5_reads_the_past_half_of_the_encoder_and_all_of_the_decoder():
    past, future, whole = drawn(16, 3), np.full((16, 3), 9.9), drawn(32, 3, seed=2)
    curves = read({f"encoder.{T5}": np.vstack([past, future]), f"decoder.{T5}": whole}, 40, num_heads=3)
    assert [(c.layout, c.layer, c.head) for c in curves] == [
        *(("T5 decoder", 0, h) for h in range(3)), *(("T5 encoder, past half", 0, h) for h in range(3))
    ]  # fmt: skip
    for curve in curves:
        causal = "decoder" in curve.layout
        table = whole if causal else past
        same(curve, [table[bucket_by_counting(lag, 32, 128, causal), curve.head] for lag in range(40)])
        assert not curve.exact


def test_t5_takes_buckets_from_the_table_and_distances_from_the_configuration():
    table = drawn(8, 1)
    [curve] = read({f"model.decoder.{T5}": table}, 60, relative_attention_max_distance=20)
    same(curve, [table[bucket_by_counting(lag, 8, 20, True), 0] for lag in range(60)])


def test_umt5_has_a_table_in_every_layer():
    tables = {f"encoder.{T5}".replace("block.0", f"block.{i}"): drawn(32, 2, seed=i) for i in (0, 2, 10)}
    curves = read(tables, 5)
    assert [(c.layer, c.head) for c in curves] == [(0, 0), (0, 1), (2, 0), (2, 1), (10, 0), (10, 1)]
    same(curves[2], drawn(32, 2, seed=2)[:5, 0])


@pytest.mark.parametrize(
    "name",
    [
        "decoder/relpos_bias/rel_embedding",
        "target.decoder.relpos_bias.rel_embedding",
        "decoder/block_000/layer_000/SelfAttention/relative_attention_bias",
    ],
)
def test_the_original_tables_of_t5_lie_on_their_side(name):
    table = drawn(4, 32)
    same(read({name: table}, 6)[1], table[1, :6])


def test_mpnet_and_longt5():
    table = drawn(32, 2)
    assert read({"mpnet.encoder.relative_attention_bias.weight": table}, 4)[0].layout == "T5 encoder, past half"
    name = f"encoder.{T5}".replace("SelfAttention", "LocalSelfAttention")
    same(read({name: table}, 4)[0], table[:4, 0])


# -- Swin and CrossFormer ----------------------------------------------------------------------------------------------

SWIN = [
    "layers.{}.blocks.{}.attn.relative_position_bias_table",  # the authors, timm
    "swin.encoder.layers.{}.blocks.{}.attention.self.relative_position_bias_table",  # transformers
    "backbone.features.{}.{}.attn.relative_position_bias_table",  # torchvision
]


@pytest.mark.parametrize("name", SWIN)
def test_swin_lines_through_the_centre(name):
    m = 4
    table = np.zeros(((2 * m - 1) ** 2, 2))
    for head in range(2):
        for dy in range(1 - m, m):
            for dx in range(1 - m, m):
                table[(dy + m - 1) * (2 * m - 1) + dx + m - 1, head] = 100 * head + 10 * dy + dx
    curves = read({name.format(3, 1): table})
    assert [(c.layer, c.head, c.axis) for c in curves] == [
        ("3.1", h, axis) for h in range(2) for axis in ("horizontal", "vertical")
    ]
    for curve in curves:
        assert curve.lags.tolist() == list(range(1 - m, m))
        same(curve, 100 * curve.head + (10 if curve.axis == "vertical" else 1) * curve.lags)
        assert curve.image.shape == (2 * m - 1, 2 * m - 1)
        assert curve.image[0, -1] == 100 * curve.head - 10 * (m - 1) + (m - 1)
        assert curve.name == f"layer 3.1, head {curve.head}, {curve.axis}"
        assert curve(1.0) == pytest.approx(curve.bias[0])  # 1 is the lag furthest ahead


def test_swin_windows_of_other_shapes():
    oblong = read({SWIN[0].format(0, 0): np.arange(15.0)[:, None]}, window_size=[2, 3])
    assert [c.lags.size for c in oblong] == [5, 3]
    assert oblong[0].image.shape == (3, 5)
    name = "blocks.7.attn.relative_position_bias_table"
    beit = read({name: drawn(28, 1)})
    assert (beit[0].layout, beit[0].layer, beit[0].lags.size) == ("BEiT", 7, 5)
    single = read({name: np.ones((1, 2))})
    assert [c.bias.tolist() for c in single] == [[1.0]] * 4


def v2_by_loops(tensors, dy, dx, near, head):
    """Swin v2's bias of one displacement, term by term."""
    u = [math.copysign(math.log2(abs(8 * d / near) + 1) / math.log2(8), d) for d in (dy, dx)]
    total = tensors["2.bias"][head] if "2.bias" in tensors else 0.0
    for k in range(len(tensors["0.bias"])):
        inner = tensors["0.weight"][k][0] * u[0] + tensors["0.weight"][k][1] * u[1] + tensors["0.bias"][k]
        total += tensors["2.weight"][head][k] * max(inner, 0.0)
    return 16 / (1 + math.exp(-total))


@pytest.mark.parametrize(
    ("name", "config", "window", "m", "near"),
    [
        ("layers.1.blocks.0.attn.cpb_mlp", {"window_size": 4}, None, 4, 3),
        ("swinv2.encoder.layers.1.blocks.0.attention.self.continuous_position_bias_mlp", {}, 5, 5, 4),
        ("layers.1.blocks.0.attn.cpb_mlp", {"window_size": 8, "pretrained_window_sizes": [12, 6]}, None, 8, 5),
        ("layers.1.blocks.0.attn.cpb_mlp", {"window_size": 16, "image_size": 64, "patch_size": 4}, None, 8, 7),
        ("layers.1.blocks.0.attn.cpb_mlp", {}, None, 8, 7),
    ],
)
def test_swin_v2_is_its_net(name, config, window, m, near):
    tensors = mlp("", (2, 7, 2))
    tensors = {key.removeprefix("."): value for key, value in tensors.items() if key != ".2.bias"}
    curves = read({f"{name}.{key}": value for key, value in tensors.items()}, window, **config)
    assert [(c.layer, c.head, c.axis) for c in curves] == [
        ("1.0", h, axis) for h in range(2) for axis in ("horizontal", "vertical")
    ]
    for curve in curves:
        steps = range(1 - m, m)
        lines = [(0, d) if curve.axis == "horizontal" else (d, 0) for d in steps]
        same(curve, [v2_by_loops(tensors, *line, near, curve.head) for line in lines])
        same_image = [[v2_by_loops(tensors, dy, dx, near, curve.head) for dx in steps] for dy in steps]
        np.testing.assert_allclose(curve.image, same_image, rtol=1e-12)
        between = curve.by_lag(1.5)
        dy, dx = (0, 1.5) if curve.axis == "horizontal" else (1.5, 0)
        assert float(between) == pytest.approx(v2_by_loops(tensors, dy, dx, near, curve.head))


def test_swin_v2_takes_its_windows_from_the_stored_coordinates():
    tensors, m, near = {key.removeprefix("."): v for key, v in mlp("", (2, 7, 1)).items()}, 3, 5
    u = [math.copysign(math.log2(abs(8 * d / near) + 1) / 3, d) for d in range(1 - m, m)]
    table = np.stack(np.meshgrid(u, u, indexing="ij"), -1)[None]
    at = "layers.0.blocks.0.attn."
    named = {f"{at}cpb_mlp.{key}": value for key, value in tensors.items()}
    curves = read({**named, f"{at}relative_coords_table": table}, window_size=9)
    same(curves[1], [v2_by_loops(tensors, d, 0, near, 0) for d in range(1 - m, m)])


def dynamic_by_loops(tensors, at, dy, dx, head):
    """CrossFormer's bias of one displacement, term by term."""
    weight, bias = tensors[f"{at}pos_proj.weight"], tensors[f"{at}pos_proj.bias"]
    x = [w[0] * dy + w[1] * dx + b for w, b in zip(weight, bias, strict=True)]
    for k in (1, 2, 3):
        mean = sum(x) / len(x)
        spread = math.sqrt(sum((v - mean) ** 2 for v in x) / len(x) + 1e-5)
        scale, shift = tensors[f"{at}pos{k}.0.weight"], tensors[f"{at}pos{k}.0.bias"]
        x = [max((v - mean) / spread * s + b, 0.0) for v, s, b in zip(x, scale, shift, strict=True)]
        weight, bias = tensors[f"{at}pos{k}.2.weight"], tensors[f"{at}pos{k}.2.bias"]
        x = [sum(w * v for w, v in zip(row, x, strict=True)) + b for row, b in zip(weight, bias, strict=True)]
    return x[head]


def test_crossformer_is_its_net():
    tensors, at = cross_tensors(), "layers.1.blocks.0.attn.pos."
    stored = np.stack(np.meshgrid([-2.0, -1, 0, 1, 2], [-3.0, -2, -1, 0, 1, 2, 3], indexing="ij"), -1).reshape(-1, 2)
    for curve in read({**tensors, "layers.1.blocks.0.attn.biases": stored}):
        assert curve.lags.size == (5 if curve.axis == "vertical" else 7)
        lines = [(0, d) if curve.axis == "horizontal" else (d, 0) for d in curve.lags]
        same(curve, [dynamic_by_loops(tensors, at, *line, curve.head) for line in lines], 1e-10)
        assert curve.image[4, 6] == pytest.approx(dynamic_by_loops(tensors, at, 2, 3, curve.head))


# -- nets and formulas of the lag --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (3, 1, 1)])
def test_kerple(shape):
    p, a = np.array([1.5, 0.3, -2.0]), np.array([0.5, 2.0, 1e-9])  # the last are kept above 0.01
    tensors = {"attention.rpe.bias_p": p.reshape(shape), "attention.rpe.bias_a": a.reshape(shape)}
    for curve in read(tensors, 9):
        b, c = max(p[curve.head], 0.01), max(a[curve.head], 0.01)
        same(curve, [-b * math.log(1 + c * lag) for lag in range(9)])
        assert curve.layout == "KERPLE, logarithmic"
    for curve in read(tensors, 9, pos_emb="kerple_power_ap_0"):
        b, c = max(p[curve.head], 0.01), max(a[curve.head], 0.01)
        same(curve, [-c * lag**b for lag in range(9)])
        assert curve.layout == "KERPLE, power"


def test_kerple_with_one_parameter_and_with_a_factor():
    same(read({"rpe.bias_a": np.array([0.5])}, 4)[0], [0, -0.5, -1, -1.5])
    same(read({"rpe.bias_p": np.array([2.0])}, 4)[0], [0, -1, -4, -9])
    [curve] = read({"rpe.bias_p": np.ones(1), "rpe.wei_a": np.ones(1)}, 4)
    assert "left out" in curve.layout


@pytest.mark.parametrize("window", [20, 50])
def test_fire(window):
    tensors = fire_tensors()
    for curve in read({f"layers.3.attn.fire.{key}": value for key, value in tensors.items()}, window):
        reach = max(0.5 * 60.0, window - 1)
        wanted = []
        for lag in range(window):
            x = math.log(0.2 * lag + 1) / (math.log(0.2 * reach + 1) + 1e-6)
            units = [
                max(w[0] * x + b, 0.0) for w, b in zip(tensors["mlp.0.weight"], tensors["mlp.0.bias"], strict=True)
            ]
            row, bias = tensors["mlp.2.weight"][curve.head], tensors["mlp.2.bias"][curve.head]
            wanted.append(sum(w * u for w, u in zip(row, units, strict=True)) + bias)
        same(curve, wanted)
        assert curve.layer == 3


def silu(x):
    return x / (1 + math.exp(-x))


@pytest.mark.parametrize("logarithm", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_dynamic_position_bias(nested, logarithm):
    tensors = mlp("mlp", (1, 4, 5, 2))
    named = tensors
    if nested:  # x-transformers: mlp.0.0, mlp.1.0, mlp.2
        places = {"mlp.0": "mlp.0.0", "mlp.2": "mlp.1.0", "mlp.4": "mlp.2"}
        named = {f"{places[key[:5]]}{key[5:]}": value for key, value in tensors.items()}
    curves = read({f"attn_layers.rel_pos.{key}": v for key, v in named.items()}, 7, log_distance=logarithm)
    assert len(curves) == 2
    for curve in curves:
        wanted = []
        for lag in range(7):
            x = [math.log(lag + 1) if logarithm else float(lag)]
            for k in (0, 2, 4):
                rows = zip(tensors[f"mlp.{k}.weight"], tensors[f"mlp.{k}.bias"], strict=True)
                x = [sum(w * v for w, v in zip(row, x, strict=True)) + b for row, b in rows]
                x = [silu(v) for v in x] if k < 4 else x
            wanted.append(x[curve.head])
        same(curve, wanted)


def slopes_by_the_paper(heads):
    """ALiBi's slopes as the recursion of its public code."""
    if heads & (heads - 1) == 0:
        start = 2 ** (-(2 ** -(math.log2(heads) - 3)))
        return [start * start**i for i in range(heads)]
    below = 1
    while 2 * below < heads:
        below *= 2
    return slopes_by_the_paper(below) + slopes_by_the_paper(2 * below)[0::2][: heads - below]


@pytest.mark.parametrize("heads", [1, 2, 3, 6, 8, 12, 16, 40, 71, 112])
def test_alibi_and_its_kin(heads):
    slopes = slopes_by_the_paper(heads)
    configs = {
        "ALiBi": {"position_embedding_type": "alibi", "num_attention_heads": heads},
        "BLOOM": {"model_type": "bloom", "n_head": heads},
        "MPT": {"attn_config": {"alibi": True}, "n_heads": heads},
    }
    for layout, config in configs.items():
        curves = read({}, 5, **config)
        assert [(c.layout, c.layer, c.head) for c in curves] == [(layout, 0, h) for h in range(heads)]
        for curve, slope in zip(curves, slopes, strict=True):
            same(curve, [-slope * lag for lag in range(5)])
    falcon = {"model_type": "falcon", "alibi": True, "num_attention_heads": heads, "hidden_size": 64 * heads}
    for curve, slope in zip(read({}, 5, **falcon), slopes, strict=True):  # scores and bias are divided by √64
        same(curve, [-slope * lag / 8 for lag in range(5)])
    assert len(read({}, **configs["BLOOM"])[0].lags) == 128  # the usual window


def test_mpt_takes_its_steepest_slope():
    curves = read({}, 3, attn_config={"alibi": True, "alibi_bias_max": 16}, n_heads=3)
    assert [-c.bias[1] for c in curves] == [2.0**-8, 2.0**-16, 2.0**-4]


def test_a_model_may_have_several():
    image, text = "vision.layers.0.blocks.0.attn.relative_position_bias_table", f"text.decoder.{T5}"
    curves = read({image: drawn(9, 2), text: drawn(32, 2)}, alibi=True, num_attention_heads=2)
    assert {c.layout for c in curves} == {"T5 decoder", "Swin"}


# -- what does not fit -------------------------------------------------------------------------------------------------

WRONG = {
    "a table that is no square": ({SWIN[0].format(0, 0): drawn(24, 2)}, {}, r"layers\.0\..* has 24 rows"),
    "an even side": ({SWIN[0].format(0, 0): drawn(16, 2)}, {}, "16 rows"),
    "a table of one side": ({SWIN[0].format(0, 0): drawn(25)}, {}, r"shape \(25,\)"),
    "other heads in Swin": ({SWIN[0].format(0, 0): drawn(25, 3)}, {"num_heads": [2, 4]}, "3 heads"),
    "an empty table": ({f"decoder.{T5}": np.zeros((32, 0))}, {}, r"decoder\.block"),
    "other heads in T5": ({f"decoder.{T5}": drawn(32, 3)}, {"num_heads": 4}, "3 heads, and the configuration 4"),
    "too few buckets": ({f"decoder.{T5}": drawn(1, 3)}, {}, "1 buckets"),
    "buckets beyond the distance": ({f"decoder.{T5}": drawn(300, 3)}, {}, "300 buckets"),
    "odd buckets": ({f"encoder.{T5}": drawn(31, 3)}, {}, "31 buckets"),
    "a distance of text": ({f"decoder.{T5}": drawn(32, 3)}, {"relative_attention_max_distance": "far"}, "far"),
    "KERPLE in two sizes": ({"rpe.bias_p": drawn(3), "rpe.bias_a": drawn(4)}, {}, r"rpe\.bias_a has the shape \(4,\)"),
    "KERPLE of a matrix": ({"rpe.bias_p": drawn(3, 2), "rpe.bias_a": drawn(3)}, {}, r"rpe\.bias_p"),
    "FIRE without its end": ({k: v for k, v in fire_tensors().items() if "mlp.2" not in k}, {}, r"2\.weight is mi"),
    "FIRE with layers that do not meet": ({**fire_tensors(), "mlp.2.weight": drawn(3, 5)}, {}, r"mlp\.2\.weight"),
    "FIRE with many c": ({**fire_tensors(), "c": drawn(2)}, {}, r"c has the shape \(2,\)"),
    "Swin v2 of one input": ({"layers.0.attn.cpb_mlp.0.weight": drawn(4, 1)}, {}, r"cpb_mlp\.0\.weight"),
    "a net without its end": ({"rel_pos.mlp.0.0.weight": drawn(4, 1)}, {}, r"rel_pos\.mlp\.1\.weight"),
    "not a number": ({f"decoder.{T5}": np.full((32, 2), np.nan)}, {}, "not a number"),
    "words": ({f"decoder.{T5}": np.full((32, 2), "x")}, {}, "not real numbers"),
    "complex numbers": ({f"decoder.{T5}": np.full((32, 2), 1j)}, {}, "not real numbers"),
    "Condor in two sizes": (
        {f"layers.0.attention.connection.{k}": drawn(2, n) for k, n in (("gate", 4), ("up", 4), ("down", 5))},
        {"window": 5},
        r"connection\.down",
    ),
    "Condor without a window": ({"layers.0.attention.connection.slopes": drawn(2)}, {}, "give window="),
    "neither": ({"layers.0.attention.connection.slopes": drawn(2)}, {"window": 3, "causal": 1}, "causal"),
    "the author's net in two sizes": (
        {**author_tensors(), "layers.2.attention.connection_nets.0.w2.weight": drawn(1, 5)}, {}, r"w2\.weight"
    ),
    "many heads": ({}, {"alibi": True, "num_attention_heads": 10**9}, "num_attention_heads = 1000000000"),
    "heads that are no number": ({}, {"alibi": True, "num_attention_heads": math.nan}, "num_attention_heads = nan"),
    "no heads": ({}, {"model_type": "bloom"}, "heads"),
    "minus heads": ({}, {"model_type": "bloom", "n_head": -1}, "n_head = -1"),
    "heads that are true": ({}, {"model_type": "bloom", "n_head": True}, "n_head = True"),
    "a steep text": ({}, {"attn_config": {"alibi": True, "alibi_bias_max": "8"}, "n_heads": 2}, "alibi_bias_max"),
    "Falcon without a width": ({}, {"alibi": True, "num_attention_heads": 2, "model_type": "falcon"}, "hidden_size"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_named(case):
    tensors, config, match = WRONG[case]
    with pytest.raises(KYError, match=match) as caught:
        read(tensors, **config)
    assert not isinstance(caught.value, UnknownLayout)


def test_curves_that_would_fill_the_memory_are_refused():
    with pytest.raises(KYError, match="too much at once"):
        read({"rpe.bias_p": np.ones(1000), "rpe.bias_a": np.ones(1000)}, 2**20)


def test_an_unknown_checkpoint_says_what_was_looked_for():
    with pytest.raises(UnknownLayout) as caught:
        read({f"blocks.{i}.weight": np.zeros(2) for i in range(10)}, model_type="llama")
    said = str(caught.value)
    assert "10 tensors (blocks.0.weight, blocks.1.weight" in said
    assert "llama" in said
    assert all(layout.LOOKS_FOR in said for layout in LAYOUTS)


# -- what kymath.nn saves ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("attention", ["ky", "local", "alibi", "t5", "kerple", "fire"])
def test_everything_that_condor_saves(attention, causal, tmp_path):
    torch = pytest.importorskip("torch", reason="kymath.nn needs torch")
    pytest.importorskip("safetensors")
    from kymath.nn import Condor, CondorConfig, save_condor

    config = CondorConfig(
        20, 12, 2, 3, window=9, attention=attention, causal=causal, rope=False, ffn_hidden=8, hidden=5
    )
    model = Condor(config, generator=torch.Generator().manual_seed(0)).double()
    save_condor(model, tmp_path / "model.safetensors")
    for source in (tmp_path / "model.safetensors", model):
        curves = find(open_checkpoint(source), None)
        assert [(c.layer, c.head) for c in curves] == [(i, h) for i in range(2) for h in range(3)]
        for curve in curves:
            table = model.layers[curve.layer].attention.connection.table(9)[curve.head].detach().numpy()
            np.testing.assert_allclose(curve.bias, table[::-1], rtol=1e-12, atol=1e-12)  # slot 0 is the oldest
            assert curve.lags.tolist() == list(range(9) if causal else range(-4, 5))
            assert curve.exact == (attention != "t5")


def test_t5_and_kymath_count_buckets_alike():
    torch = pytest.importorskip("torch", reason="kymath.nn needs torch")
    from kymath.nn.biases import T5Bias

    for causal in (True, False):
        lags = np.arange(0 if causal else -500, 500)
        there = T5Bias(1, causal=causal).bucket(torch.from_numpy(lags))
        assert there.tolist() == buckets(lags, 32, 128, causal=causal).tolist()


def test_a_single_layer_of_ours_knows_its_window():
    pytest.importorskip("torch", reason="kymath.nn needs torch")
    from kymath.nn import KYAttention

    assert len(find(open_checkpoint(KYAttention(8, 2, window=5)), None)[0].bias) == 5


# -- windows -----------------------------------------------------------------------------------------------------------


def condor_tensors():
    parts = {"gate": (2, 4), "up": (2, 4), "down": (2, 4), "up_bias": (2, 4), "out_bias": (2,)}
    return {f"layers.0.attention.connection.{k}": drawn(*v, seed=i) for i, (k, v) in enumerate(parts.items())}


OURS = {
    "ky": condor_tensors(),
    "alibi": {"layers.0.attention.connection.slopes": drawn(2)},
    "kerple": {f"layers.0.attention.connection.bias_{k}": np.ones(2) for k in "pa"},
    "t5": {"layers.0.attention.connection.weight": drawn(32, 2)},
    "fire": fire_tensors("layers.0.attention.connection."),
}


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("kind", OURS)
def test_a_smaller_window_cuts_and_a_larger_one_is_refused(kind, causal):
    config = {"window": 15, "causal": causal}
    whole, part = (read(OURS[kind], window, **config) for window in (None, 5))
    first = 0 if causal else 5
    for long, short in zip(whole, part, strict=True):
        assert short.lags.tolist() == (list(range(5)) if causal else [-2, -1, 0, 1, 2])
        same(short, long.bias[first : first + 5])
        assert short.exact == long.exact
        np.testing.assert_allclose(short(short.positions), short.bias, atol=1e-12)
        if short.exact:
            assert float(short.by_lag(1.3)) == pytest.approx(float(long.by_lag(1.3)), abs=1e-12)
    same(read(OURS[kind], 1, **config)[0], whole[0].bias[whole[0].lags == 0])
    with pytest.raises(KYError, match=r"window = 16.* window of 15 .*at most 15"):
        read(OURS[kind], 16, **config)


def test_without_a_configuration_the_window_is_the_models_own():
    known, given = read(condor_tensors(), window=7), read(condor_tensors(), 7)
    for one, two in zip(known, given, strict=True):
        same(one, two.bias)
    ends = [read(author_tensors(), window)[0] for window in (15, 30)]
    assert ends[0].bias[-1] == pytest.approx(ends[1].bias[-1])  # the position 0, whatever the window


@pytest.mark.parametrize("window", ["15", 0, [3]])
def test_a_window_of_our_own_that_is_none_names_the_file(window):
    with pytest.raises(KYError, match="the tensors: the configuration has window = "):
        read(condor_tensors(), window=window)


# -- names that others use, too ----------------------------------------------------------------------------------------

OTHERS = {
    "a linear layer": {"blocks.0.connection.weight": drawn(8, 4)},
    "one of the same name as ours": {"encoder.attention.connection.weight": drawn(8, 4)},
    "a level": {"connection.level": drawn(3), "a.connection.level": drawn(2, 2)},
    "slopes": {"connection.slopes": drawn(3)},
    "slopes in two dimensions": {"a.attention.connection.slopes": drawn(3, 3)},
    "a gated layer": {"gate": drawn(3, 3), "up": drawn(3, 3), "down": drawn(3, 3)},
    "gated layers": {f"mlp.connection.{k}": drawn(3, 3) for k in ("gate", "up", "down")},
    "an embedding of positions": mlp("pos_embed.mlp", (1, 4, 2)),
    "an embedding with norms": {"pos_embed.mlp.0.0.weight": drawn(4, 1), "pos_embed.mlp.1.weight": drawn(2, 4)},
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_is_called_alike_hides_nothing(case):
    table = drawn(32, 2)
    curves = read({**OTHERS[case], f"decoder.{T5}": table}, None)
    assert [c.layout for c in curves] == ["T5 decoder"] * 2
    with pytest.raises(UnknownLayout):
        read(OTHERS[case])


def test_a_linear_layer_named_as_ours_is_none_with_a_window_either():
    tensors = {**OTHERS["one of the same name as ours"], f"decoder.{T5}": drawn(32, 2)}
    assert [c.layout for c in read(tensors, 9)] == ["T5 decoder"] * 2


def test_our_own_modules_are_known_by_their_class():
    pytest.importorskip("torch", reason="kymath.nn needs torch")
    from kymath.nn import ConnectionNet, KYAttention

    net = ConnectionNet(2, 4).double()
    [curve, _] = find(open_checkpoint(net), 6)
    np.testing.assert_allclose(curve.bias, net.table(6)[0].detach().numpy()[::-1], rtol=1e-12)
    assert find(open_checkpoint(KYAttention(8, 2, window=5, bias="alibi")), None)[0].layout == "Condor, alibi"
    embedded = {f"blocks.1.attn.{key}": value for key, value in KYAttention(8, 2).state_dict().items()}
    assert len(find(open_checkpoint(embedded), 15)) == 2


def test_a_t5_table_on_its_side_is_turned_where_the_configuration_tells():
    table = drawn(32, 4)
    for config in ({"num_heads": 4}, {"relative_attention_num_buckets": 32}):
        for given in (table, table.T):
            same(read({f"decoder.{T5}": given}, 6, **config)[1], table[:6, 1])
        same(read({"decoder/relpos_bias/rel_embedding": table}, 6, **config)[1], table[:6, 1])


def test_swin_v2_in_single_precision_has_whole_windows():
    at, m = "layers.0.blocks.0.attn.", 8
    u = np.float32(np.log2(8 * np.arange(1.0 - m, m) / 11 * np.sign(np.arange(1.0 - m, m)) + 1) / 3)
    table = np.stack(np.meshgrid(np.sign(np.arange(1.0 - m, m)) * u, u, indexing="ij"), -1)[None]
    tensors = {f"{at}{key}": value for key, value in mlp("cpb_mlp", (2, 7, 1)).items()}
    stored = read({**tensors, f"{at}relative_coords_table": np.float32(np.abs(table) * np.sign(table))})
    for one, two in zip(stored, read(tensors, window_size=8, pretrained_window_sizes=[12]), strict=True):
        assert one.bias.tolist() == two.bias.tolist()


# -- numbers that are finite and too large -----------------------------------------------------------------------------

HUGE = {
    "KERPLE": {"rpe.bias_p": np.full(1, 1e308), "rpe.bias_a": np.full(1, 1e308)},
    "FIRE": {**fire_tensors(), "c": np.array(1e308), "L_multiplier": np.array(1e308), "init_L": np.array(1e308)},
    "FIRE's net": {**fire_tensors(), "mlp.0.weight": np.full((6, 1), 1e308), "mlp.2.weight": np.full((3, 6), 1e308)},
    "slopes": {"layers.0.attention.connection.slopes": np.array([1e308])},
    "a net": {key: np.full_like(value, 1e200) for key, value in condor_tensors().items()},
    "the author's": {key: np.full_like(value, 1e200) for key, value in author_tensors().items()},
    "CrossFormer": {key: np.full_like(value, 1e300) for key, value in cross_tensors().items()},
}


@pytest.mark.parametrize("case", HUGE)
def test_numbers_too_large_are_refused_in_a_sentence(case):
    with pytest.raises(KYError, match=r"infinite or not a number|not finite"):
        read(HUGE[case], window=9)


def test_a_number_of_text_is_shown_in_quotes():
    with pytest.raises(KYError, match='num_attention_heads = "8"'):
        read({}, alibi=True, num_attention_heads="8")


# -- layouts of one's own ----------------------------------------------------------------------------------------------


def test_the_sentence_names_likely_tensors_first_and_has_lines():
    tensors = {**{f"blocks.{i}.weight": np.zeros(2) for i in range(10)}, "x.Rel_table": np.zeros(2)}
    with pytest.raises(UnknownLayout) as caught:
        read(tensors)
    error = caught.value
    assert "Found: 11 tensors (x.Rel_table, blocks.0.weight" in str(error)
    assert str(error) == " ".join(error.lines)
    assert len(error.lines) == 4 + len(LAYOUTS)
    assert "layouts=(*LAYOUTS, mine)" in error.lines[-1]


class Mine:
    NAME, LOOKS_FOR = "mine", "blocks.{i}.my_table"

    @staticmethod
    def curves(checkpoint, window):
        names = [name for name in checkpoint.shapes if name.endswith("my_table")]
        return [ky.inspector.ConnectionCurve(0, 0, "mine", np.arange(3.0), checkpoint.read(name)) for name in names]


def test_a_layout_of_ones_own():
    checkpoint = open_checkpoint({"blocks.0.my_table": np.arange(3.0), f"decoder.{T5}": drawn(32, 1)})
    assert {c.layout for c in find(checkpoint, layouts=(*LAYOUTS, Mine))} == {"mine", "T5 decoder"}
    assert [c.layout for c in find(checkpoint, layouts=[Mine])] == ["mine"]
    assert [c.layout for c in find(checkpoint)] == ["T5 decoder"]
    with pytest.raises(UnknownLayout, match=r"my_table\. To go on"):
        find(empty(), layouts=[Mine])


# -- against transformers ----------------------------------------------------------------------------------------------


def test_a_t5_of_transformers_is_read_as_it_computes(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.T5Config(
        vocab_size=20, d_model=16, d_kv=4, d_ff=16, num_layers=2, num_heads=3,
        relative_attention_num_buckets=16, relative_attention_max_distance=40,
    )  # fmt: skip
    model = transformers.T5ForConditionalGeneration(config)
    model.save_pretrained(tmp_path)
    curves = find(open_checkpoint(tmp_path), 50)
    assert len(curves) == 6
    for curve in curves:
        part = model.decoder if "decoder" in curve.layout else model.encoder
        bias = part.block[0].layer[0].SelfAttention.compute_bias(50, 50).detach().numpy()[0, curve.head]
        np.testing.assert_allclose(curve.bias, bias[-1, ::-1], rtol=1e-6)


# -- too much at once --------------------------------------------------------------------------------------------------


def hollow(**shapes):
    """A checkpoint of zeros that take no memory."""
    return {name: np.broadcast_to(np.zeros(()), shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("shapes", "named"),
    [
        ({"layers.0.blocks.0.attn.relative_position_bias_table": (1, 2**20)}, "relative_position_bias_table"),
        ({f"decoder.{T5}": (32, 4097)}, "relative_attention_bias"),
        ({"x.bias_p": (2**18, 1, 1), "x.bias_a": (2**18, 1, 1)}, "bias_p has 262144 heads"),
        ({"x.bias_a": (2**18, 1, 1)}, "bias_a has 262144 heads"),
        ({"a.cpb_mlp.0.weight": (4, 2), "a.cpb_mlp.2.weight": (2**18, 4)}, "cpb_mlp.2.weight has 262144 heads"),
        ({"a.cpb_mlp.0.weight": (2**20, 2), "a.cpb_mlp.2.weight": (1, 2**20)}, "cpb_mlp.0.weight has 1048576 units"),
        ({"rel_pos.mlp.0.weight": (2**21, 1), "rel_pos.mlp.2.weight": (1, 2**21)}, "2097152 units at 128 points"),
        ({"rel_pos.mlp.0.weight": (4, 1), "rel_pos.mlp.2.weight": (2**18, 4)}, "mlp.2.weight has 262144 heads"),
        (
            {"a.pos.pos_proj.weight": (2, 2)}
            | {f"a.pos.pos{k}.2.weight": (2**18 if k == 3 else 2, 2) for k in (1, 2, 3)},
            "pos3.2.weight has 262144 heads",
        ),
        (
            {"f.L_multiplier": (), "f.c": (), "f.mlp.0.weight": (2**21, 1), "f.mlp.2.weight": (1, 2**21)},
            "f.mlp.0.weight has 2097152 units",
        ),
    ],
)
def test_too_many_heads_or_units_are_refused_before_anything_is_computed(shapes, named):
    with pytest.raises(KYError, match=named):
        read(hollow(**shapes))


def test_the_wide_net_of_a_wide_window_is_refused():
    nets = {f"layers.0.attention.connection.{part}": (4, 2**16) for part in ("gate", "up", "down")}
    with pytest.raises(KYError, match="65536 units at 1048576 points"):
        read(hollow(**nets), 2**20)
    author_nets = {f"layers.0.attention.connection_nets.0.w{i}.weight": (2**16, 1) for i in (1, 2, 3)}
    with pytest.raises(KYError, match="65536 units at 1048576 points"):
        read(hollow(**author_nets), 2**20)


def test_images_of_many_layers_are_bounded_together():
    layers = [f"layers.{k}.attn.cpb_mlp" for k in range(40)]
    nets = {f"{at}.{k}.weight": shape for at in layers for k, shape in ((0, (1, 2)), (2, (4096, 1)))}
    with pytest.raises(KYError, match="163840 curves: too much at once"):
        read(hollow(**nets), 64)


@pytest.mark.parametrize("heads", [[3, 6], "8", None, True, 2.5])
def test_t5_passes_over_heads_of_another_model(heads):
    swin_table = {"layers.0.blocks.0.attn.relative_position_bias_table": drawn(9, 3)}
    found = read({f"decoder.{T5}": drawn(32, 2)} | swin_table, num_heads=heads)
    assert [curve.layout for curve in found].count("T5 decoder") == 2
    with pytest.raises(KYError, match="the configuration 4"):
        read({f"decoder.{T5}": drawn(32, 2)}, num_heads=heads, num_attention_heads=4)
