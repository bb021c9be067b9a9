"""The curves of others' models: the formulas are checked by plain loops, and T5 against transformers."""

import math
from fractions import Fraction

import numpy as np
import pytest
from layouts import SWIN, T5, cross_tensors, drawn, fire_tensors, mlp, read, same

from kymath.bias.buckets import buckets
from kymath.inspector.checkpoint import open_checkpoint
from kymath.inspector.layouts import find

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
