"""Curves of one's own, and value, slope and curvature of whatever may be in a file."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from curves import curve, net

import kymath as ky
from kymath import KYError
from kymath.inspector import ConnectionCurve, ConnectionReport, inspect_connections
from kymath.inspector.readings import COLUMNS, NUMBERS, readings, table
from kymath.inspector.similarity import similarity

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


def test_outside_the_window_a_table_has_no_transform_and_a_function_is_extrapolated():
    lags = np.arange(15.0)
    with pytest.raises(ky.NotFinite):
        ky.transform(curve(-np.log1p(lags)).by_lag, 20, ky.Linear())
    net = curve(-lags, function=lambda t: 14 * (t - 1))
    assert ky.transform(net.by_lag, 20, ky.Linear()).a == pytest.approx(-1)  # it is defined there
    for at, told in ((-0.5, True), (1.25, True), (0, False), (0.5, False), (1.0, False)):
        found = net.transform(ky.Linear(), at=at)
        assert found.a == pytest.approx(14)
        assert ("outside the window, where nothing was trained" in found.message) is told


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
