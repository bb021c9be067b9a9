"""Kinds of curves: planted ones are found, random ones are none of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.signal import lombscargle

from kymath.inspector.batches import batches
from kymath.inspector.curve import ConnectionCurve
from kymath.inspector.fits import bump, exponential, fit, logarithm, refine, tent, wave
from kymath.inspector.kinds import KINDS, chance, kinds, nearest
from kymath.inspector.waves import waves


def curve(bias, lags=None):
    bias = np.asarray(bias, dtype=float)
    return ConnectionCurve(0, 0, "by hand", np.arange(float(bias.size)) if lags is None else lags, bias)


def sorted_rows(rows):
    """The kinds of many curves of one window."""
    (batch,) = batches([curve(row) for row in rows])
    return kinds(batch)


PLANTED = [
    ("flat", lambda x: 3 + 0 * x),
    ("flat", lambda x: 0.004 * np.sin(x)),
    ("linear", lambda x: -x / 4),
    ("linear", lambda x: -x / 256),
    ("linear", lambda x: 0.1 * x),
    ("log", lambda x: -np.log1p(x)),
    ("log", lambda x: -2 * np.log1p(0.5 * x)),
    ("exponential", lambda x: 2 * np.exp(-x / 3)),
    ("exponential", lambda x: -np.exp(-x / 5)),
    ("exponential", lambda x: np.exp((x - x[-1]) / 4)),
    ("periodic", lambda x: np.cos(2 * np.pi * x / 5 + 1)),
    ("periodic", lambda x: np.sin(2 * np.pi * x / (x.size / 1.0))),
    ("periodic", lambda x: np.cos(np.pi * x)),
    ("peak", lambda x: 2 * np.exp(-((x - 5) ** 2) / 8)),
    ("peak", lambda x: -((x - x.size / 3) ** 2) / 10),
    ("peak", lambda x: -np.abs(x - 0.4 * x.size) / 3),
    ("peak", lambda x: 4.0 * (x == 3)),
    ("other", lambda x: np.sin(x**2 / 7) + np.cos(1.3 * x) * x / 9),
]


@pytest.mark.parametrize("window", [15, 16, 31, 128])
@pytest.mark.parametrize(("kind", "bias"), PLANTED)
def test_a_planted_kind_is_found(kind, bias, window):
    found, residual = nearest(curve(bias(np.arange(float(window)))))
    assert found == kind
    assert found in KINDS
    if kind not in ("other", "flat"):
        assert residual < 1e-3


@pytest.mark.parametrize("window", [15, 31, 128])
@pytest.mark.parametrize(("kind", "bias"), [row for row in PLANTED if row[0] != "flat"])
def test_noise_of_one_percent_changes_nothing(kind, bias, window):
    rng = np.random.default_rng(1)
    clean = bias(np.arange(float(window)))
    rows = clean + 0.01 * np.ptp(clean) * rng.normal(size=(100, window)) / 2
    found = sorted_rows(rows)
    assert np.mean(found.kind == kind) > 0.97
    if kind != "other":
        assert np.median(found.residual) < 0.15


@pytest.mark.parametrize(("window", "smooth"), [(15, 0), (128, 0), (15, 1), (128, 1), (128, 2)])
def test_random_curves_are_other(window, smooth):
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(1000 if window < 100 else 500, window))
    if smooth:
        rows = rows.cumsum(axis=1)
    if smooth == 2:  # a random walk, smoothed
        rows = np.apply_along_axis(np.convolve, 1, rows, np.ones(5) / 5, "valid")
    found = sorted_rows(rows)
    assert np.mean(found.kind == "other") >= 0.99
    assert np.mean(np.isnan(found.frequency)) >= 0.95


def test_residual_is_what_is_left_over_the_rms():
    """Against a plain fit of a line."""
    x, rng = np.arange(40.0), np.random.default_rng(3)
    y = -0.3 * x + 0.2 * rng.normal(size=40)
    left = y - np.polyval(np.polyfit(x, y, 1), x)
    kind, residual = nearest(curve(y))
    assert kind == "linear"
    assert residual == pytest.approx(np.sqrt(np.sum(left**2) / np.sum((y - y.mean()) ** 2)), rel=1e-9)


def test_what_came_closest_and_what_a_line_leaves():
    x, rng = np.arange(40.0), np.random.default_rng(8)
    bent, rough = -np.log1p(x), -0.3 * x + 1.5 * rng.normal(size=40)
    found = sorted_rows([-x / 4, bent, rough, 0 * x, np.cos(2 * np.pi * x / 5)])
    assert found.kind.tolist() == ["linear", "log", "other", "flat", "periodic"]
    assert found.nearest[[0, 1, 3, 4]].tolist() == ["linear", "log", "flat", "periodic"]
    assert found.nearest[2] in KINDS[1:-1]
    assert found.residual[2] <= found.line[2]
    for row, left in zip((bent, rough), found.line[[1, 2]], strict=True):
        rest = row - np.polyval(np.polyfit(x, row, 1), x)
        assert left == pytest.approx(np.std(rest) / np.std(row))
    assert found.line[0] < 1e-9
    assert np.isnan(found.line[3])
    few = sorted_rows([[0.0, 1.0]])
    assert few.nearest[0] == ""
    assert np.isnan(few.line[0])


def test_a_constant_and_a_scale_change_no_kind():
    x = np.arange(16.0)
    for _, bias in PLANTED[2::3]:
        y = bias(x)
        if np.ptp(y) > 0.1:
            assert nearest(curve(y)) == pytest.approx(nearest(curve(y + 1000)), abs=1e-6)
            assert nearest(curve(y))[0] == nearest(curve(1e6 * y))[0] == nearest(curve(2.0**900 * y))[0]


@pytest.mark.parametrize("window", [5, 15, 128])
def test_logarithms_of_any_scale_are_logarithms(window):
    x = np.arange(float(window))
    for scale in (1e-2, 1e3, 1e4, 1e6, 1e8):  # KERPLE's a
        kind, residual = nearest(curve(-np.log1p(scale * x)))
        assert kind == "log"
        assert residual < 1e-9


def test_centred_windows_and_masked_slots():
    lags = np.arange(-6.0, 7.0)
    assert nearest(curve(-np.abs(lags) / 2, lags))[0] == "peak"
    assert nearest(curve(0.2 * lags, lags))[0] == "linear"
    assert nearest(curve(np.where(np.arange(20) > 12, -np.inf, -np.arange(20.0))))[0] == "linear"


@pytest.mark.parametrize("bias", [[0.0], [0.0, 1.0], [0.0, 1.0, 5.0], [0.0, 1.0, 5.0, 2.0]])
def test_few_slots_show_no_kind(bias):
    assert nearest(curve(bias))[0] == ("flat" if len(bias) == 1 else "other")


def test_curves_that_are_none():
    for bias in ([0.0, np.nan, 1.0], [np.inf, 0.0, 1.0], [-np.inf, -np.inf, -np.inf]):
        kind, residual = nearest(curve(bias))
        assert kind == "other"
        assert np.isnan(residual)


def test_chance_is_the_share_of_white_curves():
    """How often a line leaves at most 80 % of twelve white values: counted."""
    x, rng = np.arange(12.0), np.random.default_rng(4)
    y = rng.normal(size=(20000, 12))
    left = [
        np.sum((row - np.polyval(np.polyfit(x, row, 1), x)) ** 2) / np.sum((row - row.mean()) ** 2) for row in y[:4000]
    ]
    counted = np.mean(np.sqrt(left) <= 0.8)
    assert chance(np.array([0.8]), 12, 1, 1)[0] == pytest.approx(counted, abs=4 * np.sqrt(counted / 4000))
    assert chance(np.array([0.5]), 3, 2, 1)[0] == 1  # as many numbers as lags


# -- the fits ----------------------------------------------------------------------------------------------------------

X = np.arange(24.0)
MODELS = [
    (exponential, lambda x, a, c, p: a * np.exp(-np.exp(p) * x) + c, np.log(np.geomspace(1e-3, 10, 40))[:, None]),
    (logarithm, lambda x, a, c, p: a * np.log1p(np.exp(p) * x) + c, np.log(np.geomspace(1e-2, 100, 40))[:, None]),
    (tent, lambda x, a, c, p: -a * np.abs(x - p) + c, np.linspace(1, 22, 43)[:, None]),
]


@pytest.mark.parametrize(("shape", "model", "entries"), MODELS)
def test_fits_are_least_squares(shape, model, entries):
    """No residual is above that of SciPy's curve_fit started at the truth."""
    rng = np.random.default_rng(5)
    for p in entries[[18, 24, 30], 0]:
        y = model(X, 1.5, 0.3, p) + 0.02 * rng.normal(size=24)
        y = y - y.mean()
        ours = fit(X, y[None], shape, entries)
        theirs = curve_fit(model, X, y, [1.5, -0.5, p], maxfev=20000)[0]
        left = np.sqrt(np.sum((y - model(X, *theirs)) ** 2) / np.sum(y**2))
        assert ours.residual[0] <= left * (1 + 1e-6)


def test_two_parameters_are_fitted_together():
    y = np.exp(-((X - 7.3) ** 2) / (2 * 2.1**2))
    found = refine(
        X, (y - y.mean())[None], bump, np.array([[8.0, np.log(3.0)]]), np.array([1, -1.0]), np.array([22, 4.0])
    )
    assert found.p[0] == pytest.approx([7.3, np.log(2.1)], rel=1e-8)
    assert found.constants[0, 0] == pytest.approx(1)
    assert found.residual[0] < 1e-9


def test_the_wave_is_the_best_of_all_frequencies():
    """Against SciPy's spectrum of least squares with a floating mean, at many frequencies; with a gap, too."""
    rng = np.random.default_rng(6)
    for x in (X, np.delete(X, [3, 4, 9])):
        y = np.cos(2 * np.pi * 0.137 * x) + 0.5 * rng.normal(size=x.size)
        y = y - y.mean()
        f = np.linspace(0.04, 0.5, 4001)
        power = lombscargle(x, y, 2 * np.pi * f, floating_mean=True, normalize=True)
        found = waves(x, y[None])
        assert found.p[0, 0] == pytest.approx(f[power.argmax()], abs=2e-4)
        assert found.residual[0] ** 2 == pytest.approx(1 - power.max(), abs=1e-5)


def test_slopes_of_the_shapes():
    """∂b/∂p against differences."""
    h = 1e-6
    for shape, p in ((exponential, [-1.2]), (logarithm, [-0.4]), (tent, [6.3]), (wave, [0.11]), (bump, [6.3, 0.9])):
        at = np.array([p])
        _, slopes = shape(X, at)
        for j in range(at.shape[1]):
            step = h * np.eye(at.shape[1])[j]
            up, down = shape(X, at + step)[0], shape(X, at - step)[0]
            for k, column in enumerate(slopes[j]):
                assert column == pytest.approx((up[k] - down[k]) / (2 * h), abs=1e-5)
