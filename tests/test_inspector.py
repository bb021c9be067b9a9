"""What the inspector says about curves, against plain loops, SciPy and mpmath."""

from __future__ import annotations

import csv
import itertools
import json
import math
import os

import mpmath as mp
import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.spatial.distance import jensenshannon

import kymath as ky
from kymath import KYError
from kymath.bias.swiglu import Curve
from kymath.inspector import ConnectionCurve, ConnectionReport, UnknownLayout, inspect_connections, trajectories
from kymath.inspector.drift import drift
from kymath.inspector.readings import COLUMNS, NUMBERS, readings, table
from kymath.inspector.similarity import clusters, paired, redundancy, similarity
from kymath.inspector.specialisation import initial_curves, numbers, random_curves, specialisation

BUCKETS = "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"


def curve(bias, lags=None, *, layer=0, head=0, function=None, layout="by hand", axis=""):
    bias = np.asarray(bias, dtype=float)
    lags = np.arange(float(bias.size)) if lags is None else np.asarray(lags, dtype=float)
    return ConnectionCurve(layer, head, layout, lags, bias, function, axis=axis)


def net(seed=0, hidden=16, window=15, scale=1.0, *, shift=True, **where):
    rng = np.random.default_rng(seed)
    shifts = rng.uniform(-1, 1, hidden) if shift else np.zeros(hidden)
    found = Curve(scale * rng.normal(size=hidden), rng.uniform(-3, 3, hidden), shifts, 0.7)
    return curve(found(1 - np.arange(window) / (window - 1)), function=found, **where)


# -- curves of one's own -----------------------------------------------------------------------------------------------


def test_curves_by_hand_become_arrays_of_doubles():
    one = ConnectionCurve(0, 0, "mine", [0, 1, 2], (0, -1, -np.inf))
    assert one.lags.dtype == one.bias.dtype == float
    assert one.visible.tolist() == [True, True, False]
    single = ConnectionCurve(0, 0, "mine", range(5), np.arange(5, dtype=np.float32))
    assert readings(single)["slope"] == pytest.approx(1)


def test_curves_by_hand_may_be_tensors():
    torch = pytest.importorskip("torch")
    bias = torch.nn.Parameter(torch.tensor([0.0, -0.5, -1.0], dtype=torch.bfloat16))
    one = ConnectionCurve(0, 0, "mine", torch.arange(3), bias)
    assert isinstance(one.bias, np.ndarray)
    assert one.bias.tolist() == [0, -0.5, -1]


@pytest.mark.parametrize(
    ("lags", "bias", "said"),
    [
        ([0, 1, 2], [0, 1], "3 lags and 2 biases"),
        ([0, 2, 1], [0, 1, 2], "ascend"),
        ([0, 1, 1], [0, 1, 2], "ascend"),
        ([0, np.nan, 2], [0, 1, 2], "ascend"),
        ([0, np.inf], [0, 1], "ascend"),
        ([], [], "one dimension"),
        ([0, 1], [[0, 1], [2, 3]], "bias of a curve have one dimension"),
        (0, 0, "lags of a curve have one dimension"),
        ([0, 1], ["a", "b"], "are numbers"),
        ([0, 1], [0, 1j], "are numbers"),
        ([0, 1], [0, None], "are numbers"),
        ([0, 1], [[0], [1, 2]], "are numbers"),
    ],
)
def test_what_is_no_curve_is_refused(lags, bias, said):
    with pytest.raises(KYError, match=said):
        ConnectionCurve(0, 0, "mine", lags, bias)


def test_the_slope_of_a_transform_has_the_sign_of_t():
    one = curve(-0.25 * np.arange(15.0))
    assert -one.transform(ky.Linear(), at=[0.5]).a[0] / 14 == pytest.approx(-0.25)
    exact = curve(one.bias, function=lambda t: 3.5 * t)
    assert -exact.transform(ky.Linear()).a / 14 == pytest.approx(readings(exact)["slope"])


def test_a_table_says_nothing_outside_its_lags():
    one = curve(-np.log1p(np.arange(15.0)))
    assert np.isnan(one.by_lag(40))
    assert np.isnan(one([-0.1, 0.5, 1.1])).tolist() == [True, False, True]
    assert one.by_lag(one.lags) == pytest.approx(one.bias)
    at_last = curve(one.bias, 0.1 * np.arange(15) + 0.3)  # lags that are no doubles
    assert np.isfinite(at_last.by_lag(at_last.lags)).all()
    single = curve([3.0])
    assert single.by_lag(0) == 3
    assert np.isnan(single.by_lag(np.array([0.0, 1.0]))).tolist() == [False, True]
    with pytest.raises(KYError, match="layer 0, head 0: no spline"):
        curve([0.0, -1.0, -np.inf]).by_lag(1)


def test_transforms_of_a_table_at_its_ends():
    one = curve(-np.log1p(np.arange(15.0)))
    assert ky.transform(one.by_lag, 7, ky.Linear()).a == pytest.approx(-1 / 8, rel=1e-3)
    assert ky.transform(one, 1.0, ky.Linear(), side="left").a > 0
    assert ky.transform(one, 0.0, ky.Linear(), side="right").a > 0
    for at in (0.0, 1.0):
        with pytest.raises(ky.NotFinite):
            ky.transform(one, at, ky.Linear())


def test_transforms_of_a_function_at_its_ends_look_inside():
    f = lambda t: -3 * np.abs(1 - t) + 2 * np.abs(t)  # kinks at 0 and at 1
    one = curve(f(1 - np.arange(5.0) / 4), function=f)
    for at in (0, 1, 0.0, 1.0, 0.5):
        assert one.transform(ky.Linear(), at=at).a == pytest.approx(5)
    for at in ([1.0], [0.0, 0.0], [0.2, 0.5]):
        assert one.transform(ky.Linear(), at=at).a == pytest.approx(5)


def test_curves_take_plain_lists():
    for one in (curve([3.0]), curve([3.0], function=lambda t: 3 * t), curve([3.0, 1.0, 0.0])):
        assert one([1.0, 1.0]).tolist() == one.by_lag([0, 0]).tolist() == one.by_lag((0, 0)).tolist() == [3, 3]


# -- value, slope, curvature -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [2, 5, 15, 128])
def test_jet_of_a_net_is_that_of_its_closed_form(window):
    """Against mpmath's derivatives, per token of lag."""
    for seed, shift in ((1, True), (2, False)):
        one = net(seed, window=window, shift=shift)
        f = one.function

        def exactly(lag, f=f, window=window):
            t = 1 - lag / (window - 1)
            units = zip(f.weight.tolist(), f.up.tolist(), f.shift.tolist(), strict=True)
            return t * mp.fsum(w * (u * t + b) / (1 + mp.exp(-(u * t + b))) for w, u, b in units) + f.out

        middle = mp.mpf(window - 1) / 2
        row = readings(one)
        with mp.workdps(40):
            a0, a1, a2 = mp.taylor(exactly, middle, 2)
            assert row["value"] == pytest.approx(float(a0) - one.bias.mean(), abs=1e-12)
            assert row["slope"] == pytest.approx(float(a1), rel=1e-10)
            assert row["curvature"] == pytest.approx(float(a2), rel=1e-9)


def test_jet_of_other_functions_is_the_transform():
    f = lambda t: -np.log1p(3 * (1 - t) * 31)
    lags = np.arange(32.0)
    one = curve(-np.log1p(3 * lags), function=f)
    row, found = readings(one), ky.transform(f, 0.5, ky.Polynomial(2))
    assert row["slope"] == pytest.approx(-found.a1 / 31)
    assert row["slope"] == pytest.approx(-3 / (1 + 3 * 15.5))
    assert row["curvature"] == pytest.approx(found.a2 / 31**2)
    bent = curve(-np.abs(lags - 15.5), function=lambda t: -abs((1 - t) * 31 - 15.5))
    assert math.isnan(readings(bent)["slope"])  # there is none at a kink
    assert readings(bent)["value"] == pytest.approx(-bent.bias.mean())


def test_a_bend_in_the_middle_has_a_slope():
    """Swin v2: sign(x) log(1 + |x|) bends at the lag 0."""
    lags = np.arange(-6.0, 7.0)
    f = lambda t: np.sign(0.5 - t) * np.log1p(12 * np.abs(0.5 - t))
    row = readings(curve(np.sign(lags) * np.log1p(np.abs(lags)), lags, function=f))
    assert (row["value"], row["slope"]) == pytest.approx((0, 1), abs=1e-9)
    assert math.isnan(row["curvature"])
    step = readings(curve(np.sign(lags), lags, function=lambda t: np.sign(0.5 - t)))
    assert step["value"] == pytest.approx(0)
    assert math.isnan(step["slope"])
    gap = readings(curve(np.abs(lags), lags, function=lambda t: t * np.nan))
    assert math.isnan(gap["value"])


@pytest.mark.parametrize("window", [2, 3, 4, 5, 6, 7, 15, 64, 128, 513])
def test_tables_give_planted_slopes(window):
    lags = np.arange(float(window))
    row = readings(curve(7 - lags / 8))
    assert row["slope"] == pytest.approx(-1 / 8, rel=1e-9)
    assert row["value"] == pytest.approx(0, abs=1e-9)
    if window > 2:
        middle = (window - 1) / 2
        row = readings(curve(0.3 * (lags - 2) ** 2))
        assert row["slope"] == pytest.approx(0.6 * (middle - 2), rel=1e-6, abs=1e-9)
        assert row["curvature"] == pytest.approx(0.3, rel=1e-6)
        row = readings(curve(-np.log1p(lags)))
        assert row["slope"] == pytest.approx(-1 / (1 + middle), rel=0.01 if window > 7 else 0.15)
    else:
        assert math.isnan(row["curvature"])


def test_centred_windows_count_lags_from_ahead():
    lags = np.arange(-6.0, 7.0)
    row = readings(curve(0.25 * lags, lags))
    assert row["slope"] == pytest.approx(0.25)
    assert row["mean_lag"] == pytest.approx(
        sum(w * x for w, x in zip(curve(0.25 * lags, lags).weights, lags, strict=True))
    )


# -- weights -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [4, 5, 15, 128, 300])
@pytest.mark.parametrize("rate", [0.003, 0.02, 0.1, 0.25, 0.7, 2.0])
@pytest.mark.parametrize("floor", [0.0, 0.3])
def test_planted_decays_come_back(window, rate, floor):
    weights = np.exp(-rate * np.arange(window))
    row = readings(curve(np.log(weights / weights.sum() + floor / window)))
    assert row["decay_rate"] == pytest.approx(rate, rel=0.01)
    assert row["half_life"] == pytest.approx(math.log(2) / rate, rel=0.01)


def test_decay_is_scipys_fit_of_the_weights():
    lags, rng = np.arange(40.0), np.random.default_rng(3)
    for _ in range(5):
        one = curve(np.log(np.exp(-0.2 * lags) + 0.1 + 0.02 * rng.random(40)))
        theirs = curve_fit(lambda x, a, r, c: a * np.exp(-r * x) + c, lags, one.weights, [0.1, 0.2, 0.01])[0]
        assert readings(one)["decay_rate"] == pytest.approx(theirs[1], rel=1e-6)


def test_no_decay_is_said_to_be_none():
    lags, rng = np.arange(64.0), np.random.default_rng(4)
    for bias in (
        0 * lags,  # flat
        0.1 * lags,  # growing
        np.log(200 - lags),  # a line of weights
        np.log(100 - 0.02 * lags**2),  # falling faster and faster
        -((lags - 20) ** 2) / 50,
        np.cos(lags),
        np.where(lags == 0, 50.0, 0.0),  # all on one slot: no rate can be told
    ):
        row = readings(curve(bias))
        assert math.isnan(row["decay_rate"])
        assert math.isnan(row["half_life"])
    rows = table([curve(rng.normal(size=64)) for _ in range(200)])
    assert np.mean([math.isnan(row["decay_rate"]) for row in rows]) > 0.99


@pytest.mark.parametrize("window", [15, 31, 128])
@pytest.mark.parametrize("periods", [1.0, 1.3, 2.0, 3.7, 6.0])
def test_planted_frequencies_come_back(window, periods):
    lags, rng = np.arange(float(window)), np.random.default_rng(5)
    for phase, noise in ((0.0, 0.0), (1.0, 0.005), (2.5, 0.0), (4.0, 0.005)):
        bias = 2 * np.cos(2 * np.pi * periods * lags / window + phase) + noise * rng.normal(size=window)
        row = readings(curve(bias + 5))
        assert row["frequency"] == pytest.approx(periods / window, rel=0.01)
        assert row["period"] == pytest.approx(window / periods, rel=0.01)


def test_fall_is_the_share_that_the_weights_lose():
    lags = np.arange(15.0)
    nearly = np.log(1 + 0.01 * np.exp(-lags))  # a fast decay of next to nothing
    slow = curve(-0.02 * lags)
    rows = table([curve(nearly), slow, curve(np.zeros(15)), curve(np.where(lags > 3, -np.inf, -lags)), curve([1.0])])
    assert [row["fall"] for row in rows] == pytest.approx(
        [1 - math.exp(nearly[-1] - nearly[0]), 1 - math.exp(-0.28), 0, 1 - math.exp(-3), 0]
    )
    assert rows[0]["half_life"] < 1 < 30 < rows[1]["half_life"]  # the fall tells which of both matters
    assert rows[0]["fall"] < 0.01 < 0.2 < rows[1]["fall"]


def test_no_wave_is_said_to_be_none():
    lags = np.arange(64.0)
    for bias in (0 * lags, -lags / 4, np.exp(-lags / 9), -np.log1p(lags), -((lags - 30) ** 2), np.cos(2 * lags / 64)):
        assert math.isnan(readings(curve(bias))["frequency"])


def test_what_is_looked_at():
    """Against plain loops."""
    rng = np.random.default_rng(6)
    bias = rng.normal(size=15)
    total = sum(math.exp(b) for b in bias)
    weights = [math.exp(b) / total for b in bias]
    row = readings(curve(bias))
    assert row["mean_lag"] == pytest.approx(sum(w * x for x, w in enumerate(weights)))
    assert row["entropy"] == pytest.approx(-sum(w * math.log(w) for w in weights))
    assert row["effective_window"] == pytest.approx(math.exp(row["entropy"]))
    assert readings(curve(np.zeros(20)))["effective_window"] == pytest.approx(20)


# -- whatever may be in a file -----------------------------------------------------------------------------------------

STRANGE = [
    lambda x: 0 * x,
    lambda x: -x / 3,
    lambda x: np.where(x >= x.size / 2, -np.inf, -x),
    lambda x: np.where(x < x.size / 2, -np.inf, -x),
    lambda x: np.where(x == 0, 0.0, -np.inf),
    lambda x: np.full_like(x, -np.inf),
    lambda x: np.where(x == 0, np.nan, x),
    lambda x: np.where(x == 0, np.inf, x),
    lambda x: np.where(x % 2, 1.7e308, -1.7e308),
    lambda x: -1e305 * x,
    lambda x: 1e-310 * x,
    lambda x: 1e9 + np.sin(x),
    lambda x: np.where(x == 0, 1e4, -x),
]


@pytest.mark.parametrize("window", [1, 2, 3, 4, 5, 15])
@pytest.mark.parametrize("bias", STRANGE)
def test_strange_curves_have_rows(bias, window):
    one = curve(bias(np.arange(float(window))))
    row = readings(one)
    assert tuple(row) == COLUMNS
    broken = np.isnan(one.bias).any() or (one.bias == np.inf).any() or not np.isfinite(one.bias).any()
    assert broken == one.broken == math.isnan(row["entropy"])
    if broken:
        assert all(math.isnan(row[name]) for name in NUMBERS)
        assert np.isnan(one.weights).all()
        assert np.isnan(one.centred).all()
    else:
        assert one.weights.sum() == pytest.approx(1)
        assert 1 - 1e-9 <= row["effective_window"] <= window + 1e-9
        assert similarity([one, one]).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("window", [1, 2, 3, 15, 40])
def test_a_constant_changes_nothing(window):
    rng = np.random.default_rng(7)
    for bias in (rng.normal(size=window), -np.arange(window) / 5, np.cos(np.arange(window))):
        one, two = readings(curve(bias)), readings(curve(bias + 100))
        for name in (*NUMBERS, "residual"):
            assert two[name] == pytest.approx(one[name], rel=1e-6, abs=1e-9, nan_ok=True)
        assert one["kind"] == two["kind"]


def test_parameters_that_are_no_numbers():
    tensors = {f"layers.0.attention.connection_nets.0.w{i}.weight": np.full((3, 1), np.nan) for i in (1, 3)}
    with pytest.raises(KYError, match=r"connection_nets\.0\.w1\.weight"):
        inspect_connections({**tensors, "layers.0.attention.connection_nets.0.w2.weight": np.ones((1, 3))})
    report = ConnectionReport([curve([0.0, np.nan], layer=4, head=2), curve([0.0, 1.0])])
    assert report.broken == ["layer 4, head 2"]
    assert math.isnan(report.table()[0]["slope"])
    huge = net(8, scale=1e200)
    assert np.isfinite(readings(huge)["entropy"])


def test_rows_do_not_depend_on_their_company():
    mixed = [net(1), curve(-np.arange(15.0)), curve(np.arange(6.0)), net(2, window=20), curve([0.0, np.nan])]
    assert [row["layout"] for row in table(mixed)] == [one.layout for one in mixed]
    for one, row in zip(mixed, table(mixed), strict=True):
        alone = readings(one)
        assert {k: v for k, v in row.items() if k in ("layer", "head", "kind")}.items() <= alone.items()
        assert [row[k] for k in NUMBERS] == pytest.approx([alone[k] for k in NUMBERS], rel=1e-9, abs=1e-12, nan_ok=True)
    assert table([]) == []


# -- between heads -----------------------------------------------------------------------------------------------------


def test_distances_are_scipys():
    rng = np.random.default_rng(9)
    heads = [curve(3 * rng.normal(size=15)) for _ in range(40)] + [curve(np.where(np.arange(15) > 3, -np.inf, 0.0))]
    found = similarity(heads)
    for i, one in enumerate(heads):
        for j, two in enumerate(heads):
            assert found[i, j] == pytest.approx(jensenshannon(one.weights, two.weights, 2), abs=1e-7)
    assert np.array_equal(found, found.T)
    assert similarity(heads[:3], heads[3:]) == pytest.approx(found[:3, 3:], abs=1e-12)
    assert paired(heads[:5], heads[5:10]) == pytest.approx(np.diagonal(found[:5, 5:10]), abs=1e-12)


def test_blocks_join(monkeypatch):
    rng = np.random.default_rng(10)
    heads = [curve(rng.normal(size=9)) for _ in range(30)]
    whole = similarity(heads)
    monkeypatch.setattr("kymath.inspector.similarity._CELLS", 9 * 16)
    assert similarity(heads) == pytest.approx(whole, abs=1e-12)


def test_other_windows_are_compared_over_all_lags():
    one, two = curve(-0.3 * np.arange(15.0)), curve(-0.1 * np.arange(8.0))
    apart, masked = curve(np.zeros(3), [20, 21, 22]), curve([-np.inf, 0.0], [7, 30])
    found = similarity([one, two, apart, masked, curve([np.nan, 1.0])])
    padded = np.append(two.weights, np.zeros(7))
    assert found[0, 1] == found[1, 0] == pytest.approx(jensenshannon(one.weights, padded, 2), abs=1e-7)
    assert found[0, 2:4] == pytest.approx([1, 1])  # no lag in common; one, with no weight on it
    assert np.isnan(found[4]).all()
    assert np.diagonal(found)[:4].tolist() == [0, 0, 0, 0]


def test_partners_are_compared_over_common_lags():
    """The same head read over two windows has not moved."""
    long, short = curve(-0.3 * np.arange(15.0)), curve(-0.3 * np.arange(8.0))
    other, apart, masked = (
        curve(-0.1 * np.arange(8.0)),
        curve(np.zeros(3), [20, 21, 22]),
        curve([-np.inf, 0.0], [7, 30]),
    )
    found = paired([long] * 4, [short, other, apart, masked])
    expected = jensenshannon(long.weights[:8], other.weights, 2)  # which scales to 1
    assert found[:2] == pytest.approx([0, expected], abs=1e-7)
    assert np.isnan(found[2:]).all()  # no lag in common; one, with no weight on it


def test_distances_across_windows_are_a_metric():
    rng = np.random.default_rng(12)
    heads = [curve(np.zeros(4)), curve([0.0] * 4 + [20.0] * 4), curve([0.0] * 4 + [-20.0] * 4)]
    found = similarity(heads)
    assert found[0] == pytest.approx([0, 1, 0], abs=1e-3)  # the second looks beyond the first's window
    assert redundancy(found).heads == 2
    assert clusters(found).tolist() == [0, 1, 0]
    sizes = rng.integers(2, 9, size=20)
    heads += [curve(3 * rng.normal(size=n), np.arange(n) - rng.integers(0, 3)) for n in sizes]
    d = similarity(heads)
    assert (d[:, None] <= d[:, :, None] + d[None] + 1e-7).all()


def test_clusters_and_repeated_heads():
    falls = [curve(-m * np.arange(15.0)) for m in (0.5, 0.51, 0.02, 0.5, 3.0)]
    distances = similarity([*falls, curve([np.nan] * 15)])
    assert clusters(distances).tolist() == [0, 0, 1, 0, 2, -1]
    assert clusters(distances, cut=1.1).tolist() == [0, 0, 0, 0, 0, -1]
    found = redundancy(distances)
    assert found.heads == 3
    assert found.nearest[[0, 3]].tolist() == [3, 0]
    assert found.distance[0] == 0
    assert found.nearest[5] == -1
    assert clusters(np.zeros((1, 1))).tolist() == [0]
    assert redundancy(np.zeros((1, 1))).heads == 0
    assert clusters(np.full((2, 2), np.nan)).tolist() == [-1, -1]
    assert clusters(np.zeros((0, 0))).tolist() == []


# -- Theorem 5.8 -------------------------------------------------------------------------------------------------------


def test_perspectives_are_mutual_information():
    """Against the sum over the joint distribution of head and lag."""
    rng = np.random.default_rng(11)
    heads = [curve(2 * rng.normal(size=7), head=h) for h in range(4)]
    joint = np.stack([one.weights for one in heads]) / 4
    by_lag = joint.sum(axis=0)
    bits = sum(joint[h, x] * math.log2(joint[h, x] / (by_lag[x] / 4)) for h in range(4) for x in range(7))
    found = numbers(heads)
    assert found["perspectives"] == pytest.approx(2**bits)
    pairs = [jensenshannon(heads[i].weights, heads[j].weights, 2) for i in range(4) for j in range(i)]
    assert found["distance"] == pytest.approx(np.mean(pairs))
    means = [sum(w * x for x, w in enumerate(one.weights)) for one in heads]
    assert found["shortest"] == pytest.approx(min(means))
    assert found["longest"] == pytest.approx(max(means))


def test_perspectives_from_one_to_the_number_of_heads():
    alone = [curve(np.where(np.arange(6) == h, 0.0, -np.inf), head=h) for h in range(6)]
    assert numbers(alone)["perspectives"] == pytest.approx(6)
    assert numbers(alone)["distance"] == pytest.approx(1)
    alike = numbers([curve(np.arange(6.0), head=h) for h in range(3)])
    assert (alike["perspectives"], alike["distance"]) == pytest.approx((1, 0), abs=1e-7)
    assert math.isnan(numbers([curve([0.0, 1.0])])["distance"])
    assert math.isnan(numbers([curve([0.0, np.nan])])["longest"])


def test_specialised_heads_stand_out():
    lags = np.arange(15.0)
    f = net().function  # for its size
    heads = [curve(-m * lags, head=h, layer=3, function=f) for h, m in enumerate((2.0, 0.5, 0.1, 0.0))]
    (row,) = specialisation(heads, np.random.default_rng(0))
    assert (row["layer"], row["heads"]) == (3, 4)
    assert row["distance"] > 3 * row["initial_distance"]
    assert row["longest"] - row["shortest"] > 4 > row["initial_longest"] - row["initial_shortest"]
    again = specialisation(heads, np.random.default_rng(0))
    assert again == [row]
    (against,) = specialisation(heads, np.random.default_rng(0), heads)
    assert against["initial_distance"] == row["distance"]
    with pytest.raises(KYError, match="0 heads of layer 3"):
        specialisation(heads, np.random.default_rng(0), [net()])
    tables = [curve(-m * lags, head=h) for h, m in enumerate((1.0, 0.1))]
    assert math.isnan(specialisation(tables, np.random.default_rng(0))[0]["initial_distance"])  # no net to draw


def test_random_layers_have_a_spread():
    heads = [net(h, head=h) for h in range(4)]
    (row,) = specialisation(heads, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    draws = [numbers(random_curves(heads, rng))["distance"] for _ in range(200)]
    assert row["random_spread"] == pytest.approx(np.std(draws), rel=0.5)
    assert row["random_distance"] == pytest.approx(np.mean(draws), abs=4 * np.std(draws) / np.sqrt(30))
    assert row["initial_spread"] > 0
    assert row["shortest"] <= row["middle"] <= row["longest"]
    (against,) = specialisation(heads, np.random.default_rng(0), heads)
    assert math.isnan(against["initial_spread"])
    with pytest.raises(KYError, match="two draws"):
        specialisation(heads, rng, draws=1)


def test_broken_heads_are_left_out_on_both_sides():
    heads = [curve(-m * np.arange(8.0), head=h) for h, m in enumerate((0.1, 0.7, 2.0))]
    broken = curve([np.nan] * 8, head=1)
    (row,) = specialisation(heads, np.random.default_rng(0), [heads[2], broken, heads[0]])
    assert row["heads"] == 2
    assert row["distance"] == row["initial_distance"] == numbers([heads[0], heads[2]])["distance"]
    (row,) = specialisation([heads[0], broken, heads[2]], np.random.default_rng(0), heads)
    assert row["distance"] == row["initial_distance"] == numbers([heads[0], heads[2]])["distance"]
    (row,) = specialisation([heads[0], broken, heads[2]], np.random.default_rng(0))
    assert row["heads"] == 2


def test_initial_curves_of_other_heads_and_windows_are_refused():
    heads, rng = [curve(np.zeros(8), head=h) for h in range(2)], np.random.default_rng(0)
    with pytest.raises(KYError, match="have a head 5 where the trained ones have 1"):
        specialisation(heads, rng, [heads[0], curve(np.zeros(8), head=5)])
    with pytest.raises(KYError, match="8 lags from 0 to 7, and initially 9"):
        specialisation(heads, rng, [heads[0], curve(np.zeros(9), head=1)])


def test_random_curves_are_as_large_as_the_heads():
    heads = [net(12, scale=4), curve(np.where(np.arange(9) > 5, -np.inf, -np.arange(9.0))), curve(np.zeros(4))]
    for head, fresh in zip(heads, random_curves(heads, np.random.default_rng(1)), strict=True):
        seen = head.visible
        assert np.array_equal(fresh.visible, seen)
        assert np.std(fresh.bias[seen]) == pytest.approx(np.std(head.bias[seen]))


def test_fresh_nets_are_drawn_as_torch_draws_them():
    torch = pytest.importorskip("torch")
    from kymath.nn import ConnectionNet

    heads, rng = [net(hidden=32, head=h) for h in range(400)], np.random.default_rng(2)
    ours = np.stack([one.centred for one in initial_curves(heads, rng)])
    theirs = ConnectionNet(400, 32, generator=torch.Generator().manual_seed(0)).table(15).detach().double().numpy()
    theirs = (theirs - theirs.mean(axis=1, keepdims=True))[:, ::-1]
    assert ours.std(axis=0) == pytest.approx(theirs.std(axis=0), rel=0.2)
    plain = initial_curves([net(shift=False)], rng)[0].function
    assert not plain.shift.any()


# -- along a run -------------------------------------------------------------------------------------------------------


def test_drift_from_the_initial_curves():
    rng = np.random.default_rng(13)
    first = [curve(rng.normal(size=8), head=h) for h in range(3)]
    moved = [curve(one.bias * 2 + 5, head=one.head) for one in first[::-1]]
    rows = drift([*moved, curve(np.zeros(8), head=9)], first)
    for row, new in zip(rows, moved, strict=False):
        old = first[row["head"]]
        assert row["moved"] == pytest.approx(jensenshannon(old.weights, new.weights, 2))
        assert row["moved_nats"] == pytest.approx(np.sqrt(np.mean((new.centred - old.centred) ** 2)))
    assert math.isnan(rows[3]["moved"])
    assert math.isnan(rows[3]["moved_nats"])
    with pytest.raises(KYError, match="no head is in all checkpoints"):
        drift(moved, [curve(np.zeros(8), layer=7)])
    assert drift([], first) == []


def test_trajectories_of_a_run():
    lags = np.arange(10.0)
    reports = [
        ConnectionReport([curve(-m * k * lags, head=h) for h, m in enumerate((0.2, 0.0))], f"step {k}")
        for k in range(4)
    ]
    way = trajectories(reports)
    assert way.labels == ["step 0", "step 1", "step 2", "step 3"]
    assert way.keys == [(0, 0, "", "by hand"), (0, 1, "", "by hand")]
    assert way.reading("slope") == pytest.approx(np.array([[0, -0.2, -0.4, -0.6], [0, 0, 0, 0]]), abs=1e-9)
    assert way.reading("kind").tolist()[0] == ["flat", "linear", "linear", "linear"]
    weights = [report.curves[0].weights for report in reports]
    assert way.from_first[0] == pytest.approx([jensenshannon(weights[0], w, 2) for w in weights], abs=1e-7)
    steps = [jensenshannon(a, b, 2) for a, b in itertools.pairwise(weights)]
    assert way.steps[0] == pytest.approx([0, *steps], abs=1e-7)
    assert way.length == pytest.approx([sum(steps), 0], abs=1e-6)
    assert repr(way) == "2 heads along 4 checkpoints (step 0 … step 3)"
    assert trajectories([r.curves for r in reports], labels=[0, 10, 20, 30]).labels == ["0", "10", "20", "30"]
    with pytest.raises(KYError, match="no reading 'speed'"):
        way.reading("speed")
    with pytest.raises(KYError, match="no reports"):
        trajectories([])
    with pytest.raises(KYError, match="2 labels were given for 4"):
        trajectories(reports, [1, 2])
    with pytest.raises(KYError, match="no head is in all"):
        trajectories([reports[0], [curve(lags, layer=5)]])


def test_a_run_is_given_by_its_files_too(tmp_path):
    save = pytest.importorskip("safetensors.numpy").save_file
    runs = [{BUCKETS: np.stack([-m * np.arange(32.0), np.zeros(32)], axis=1)} for m in (0.0, 0.5)]
    for k, tensors in enumerate(runs):
        save(tensors, tmp_path / f"{k}.safetensors")
    files = [tmp_path / f"{k}.safetensors" for k in range(2)]
    first, last = reports = [inspect_connections(file) for file in files]
    for given in (files, [str(file) for file in files], runs):
        assert trajectories(given).from_first == pytest.approx(trajectories(reports).from_first)
        assert last.drift(given[0]) == last.drift(first)
        rows = [last.specialisation(np.random.default_rng(0), one)[0]["initial_distance"] for one in (given[0], first)]
        assert rows[0] == rows[1]
    assert trajectories(files).labels == [first.source, last.source]
    for strange in (3, [1, 2], None):
        with pytest.raises(KYError, match="has no curves; give a report"):
            last.drift(strange)
    with pytest.raises(KYError, match="has no curves; give a report"):
        last.specialisation(np.random.default_rng(0), 3)
    for strange in (files[0], str(files[0]), first, 3):
        with pytest.raises(KYError, match="trajectories: give a list"):
            trajectories(strange)
    with pytest.raises(KYError, match="trajectories: int has no curves"):
        trajectories([1, 2])
    with pytest.raises(OSError):
        trajectories([tmp_path / "none.safetensors"])


def test_the_initial_curves_of_a_run_come_from_its_seed():
    torch = pytest.importorskip("torch")
    from kymath.nn import Condor, CondorConfig

    config = CondorConfig(vocab_size=5, d_model=8, num_layers=1, num_heads=2)
    first, again, other = (Condor(config, generator=torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    report = inspect_connections(first)
    assert [row["moved"] for row in report.drift(again)] == [0, 0]
    assert min(row["moved"] for row in report.drift(other)) > 0


# -- the report --------------------------------------------------------------------------------------------------------


def test_report_of_tensors():
    falls = np.stack([-0.5 * np.arange(32.0), np.zeros(32)], axis=1)
    report = inspect_connections({BUCKETS: falls}, window=12)
    assert [one.lags.size for one in report.curves] == [12, 12]
    assert report.layouts == ["T5 decoder"]
    row = report.table()[0]
    assert (row["kind"], row["layer"], row["head"]) == ("linear", 0, 0)
    assert row["decay_rate"] == pytest.approx(0.5, rel=1e-6)
    assert report.similarity().shape == (2, 2)
    assert report.clusters().tolist() == [0, 1]
    assert report.redundancy().heads == 0
    assert report.curve(0, 1) is report.curve("0", "1") is report.curves[1]
    with pytest.raises(KYError, match="no layer 4, head 0"):
        report.curve(4, 0)
    assert report.specialisation(np.random.default_rng(0))[0]["heads"] == 2
    assert report.drift(report)[0]["moved"] == 0
    row["slope"] = 7.0
    assert report.table()[0]["slope"] != 7.0  # rows are copies


def test_unknown_and_strange_sources(tmp_path):
    with pytest.raises(UnknownLayout, match="Looked for"):
        inspect_connections({"weight": np.zeros((3, 3))})
    with pytest.raises(KYError, match="model_or_path"):
        inspect_connections(3)
    with pytest.raises(OSError):
        inspect_connections(tmp_path / "nothing.safetensors")


def test_json_and_csv(tmp_path):
    one, two = curve([0.0, -1.0, -np.inf, -3.0]), curve([np.nan, 1.0], layout="a, b", head=1)
    report = ConnectionReport([one, two], "by hand")
    report.to_json(tmp_path / "r.json")
    said = json.loads((tmp_path / "r.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert said == report.as_dict()
    assert said["layouts"] == ["by hand", "a, b"]
    first, second = said["curves"]
    assert first["bias"] == [0.0, -1.0, None, -3.0]
    assert first["slope"] == pytest.approx(report.table()[0]["slope"])
    assert second["entropy"] is None
    report.to_csv(tmp_path / "r.csv")
    rows = list(csv.DictReader((tmp_path / "r.csv").open()))
    assert list(rows[0]) == list(COLUMNS)
    assert rows[1]["layout"] == "a, b"
    assert rows[1]["slope"] == ""
    assert float(rows[0]["mean_lag"]) == report.table()[0]["mean_lag"]
    assert sorted(os.listdir(tmp_path)) == ["r.csv", "r.json"]  # nothing is left beside them


def test_files_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    report = ConnectionReport([curve([0.0, 1.0])], "by hand")
    target = tmp_path / "r.json"
    target.write_text("old")

    def full(_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        report.to_json(target)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["r.json"]
    with pytest.raises(OSError):
        report.to_csv(tmp_path / "no" / "where.csv")


@pytest.mark.slow
def test_a_model_of_9216_heads():
    rng = np.random.default_rng(14)
    heads = [net(i, hidden=128, window=128, layer=i // 96, head=i % 96) for i in range(4608)]
    heads += [curve(rng.normal(size=128), layer=i // 96, head=i % 96) for i in range(4608, 9216)]
    report = ConnectionReport(heads)
    assert len(report.table()) == 9216
