"""Every layout knows its own files: planted curves come back exactly, whatever the window; layouts of one's own."""

import numpy as np
import pytest
from layouts import T5, author_tensors, condor_tensors, cross_tensors, drawn, empty, fire_tensors, mlp, read, same

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

# -- what stands where -------------------------------------------------------------------------------------------------

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


# -- layouts of one's own ----------------------------------------------------------------------------------------------


def test_the_sentence_names_likely_tensors_first_and_has_lines():
    tensors = {**{f"blocks.{i}.weight": np.zeros(2) for i in range(10)}, "x.Rel_table": np.zeros(2)}
    with pytest.raises(UnknownLayout) as caught:
        read(tensors)
    error = caught.value
    assert "Found: 11 tensors (x.Rel_table, blocks.0.weight" in str(error)
    assert str(error) == " ".join(error.lines)
    assert len(error.lines) == 4 + len(LAYOUTS)
    assert "layouts=[mine]" in error.lines[-1]


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
