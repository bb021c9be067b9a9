"""What no layout takes: tensors that do not fit, names that others use, numbers too large, too much at once."""

import math

import numpy as np
import pytest
from layouts import SWIN, T5, author_tensors, condor_tensors, cross_tensors, drawn, fire_tensors, mlp, read, same

from kymath import KYError
from kymath.inspector.checkpoint import open_checkpoint
from kymath.inspector.layouts import LAYOUTS, UnknownLayout, find

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
