"""Families that are not linear in θ, along sampled series: each window against an independent fit of it."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit

import kymath as ky
from kymath.errors import Status
from kymath.samples.windows import fit

SHAPES = {
    "exponential": (ky.Exponential(), lambda s, a, b, c: a * np.exp(b * s) + c),
    "harmonic": (ky.Harmonic(), lambda s, a, w, p, c: a * np.cos(w * s + p) + c),
    "no offset": (ky.Harmonic(offset=False), lambda s, a, w, p: a * np.cos(w * s + p)),
    "custom": (
        ky.Family("A*exp(-s/tau) + C", "A tau C", positive="tau"),
        lambda s, a, tau, c: a * np.exp(-s / tau) + c,
    ),
}


class Data:
    def __init__(self, t, y):
        self.t, self.y = np.asarray(t, float), np.asarray(y, float).reshape(len(t), -1)


def run(t, y, family, width=None, at=None, side="both", robust=False):
    theta, error, status, widths, noise, message = fit(Data(t, y), family, width, t if at is None else at, side, robust)
    return np.array(theta)[..., 0], np.array(error)[..., 0], status[:, 0], widths[:, 0], noise[0], message


def wave(name, t, rng, noise):
    clean = {
        "exponential": 2 + 1.5 * np.exp(-0.3 * t + 0.02 * np.sin(t)),
        "harmonic": 1 + (2 + 0.1 * t) * np.cos(5 * t + 0.05 * t * t),
        "no offset": (2 + 0.1 * t) * np.cos(5 * t + 0.05 * t * t),
        "custom": 2 + 1.5 * np.exp(-0.3 * t + 0.02 * np.sin(t)),
    }[name]
    return clean + noise * rng.normal(size=t.size)


@pytest.mark.parametrize("spacing", ["uniform", "scattered", "gaps"])
@pytest.mark.parametrize("name", SHAPES)
def test_a_given_width_is_the_least_squares_fit_of_that_window(name, spacing):
    rng = np.random.default_rng(7)
    t = np.linspace(0, 12, 600) if spacing != "scattered" else np.sort(rng.uniform(0, 12, 600))
    y = wave(name, t, rng, 1e-3)
    if spacing == "gaps":
        y[rng.choice(600, 60, replace=False)] = np.nan
    family, formula = SHAPES[name]
    at = t[[150, 222, 300, 431]]
    theta, error, status, _, _, _ = run(t, y, family, 1.5, at)
    assert all(one is Status.CONVERGED for one in status)
    for j, x in enumerate(at):
        inside = (np.abs(t - x) <= 1.5 + 1e-12) & np.isfinite(y)
        best, covariance = curve_fit(
            formula, t[inside] - x, y[inside], theta[:, j] * (1 + 1e-3), xtol=1e-15, ftol=1e-15, gtol=1e-15
        )
        np.testing.assert_allclose(theta[:, j], best, rtol=2e-6)
        np.testing.assert_allclose(error[:, j], np.sqrt(np.diag(covariance)), rtol=1e-4)


@pytest.mark.parametrize("name", ["exponential", "harmonic"])
def test_a_window_is_stationary_in_fifty_digits(name):
    rng = np.random.default_rng(11)
    t = np.linspace(0, 10, 401)
    y = wave(name, t, rng, 1e-3)
    family, _ = SHAPES[name]
    theta = run(t, y, family, 1.0, t[[200]])[0][:, 0]
    s, value = t[160:241] - t[200], y[160:241]
    symbols = [mpmath.mpf(float(c)) for c in theta]
    with mpmath.workdps(50):

        def residual(*c):
            if name == "exponential":
                return [v - (c[0] * mpmath.exp(c[1] * mpmath.mpf(x)) + c[2]) for x, v in zip(s, value, strict=True)]
            return [v - (c[0] * mpmath.cos(c[1] * mpmath.mpf(x) + c[2]) + c[3]) for x, v in zip(s, value, strict=True)]

        def slope(*c):
            out = []
            for i in range(len(c)):
                h = mpmath.mpf(10) ** -20
                up, down = list(c), list(c)
                up[i], down[i] = up[i] + h, down[i] - h
                out.append(sum((a * a - b * b) for a, b in zip(residual(*up), residual(*down), strict=True)) / (2 * h))
            return out

        exact = mpmath.findroot(slope, symbols, tol=1e-25)
    np.testing.assert_allclose(theta, [float(c) for c in exact], rtol=1e-8)


@pytest.mark.parametrize("n", [60, 300])
@pytest.mark.parametrize("width", [None, 2.0])
def test_data_without_noise_come_out_to_rounding(n, width):
    t = np.linspace(0, 10, n)
    theta = run(t, 5 + 2 * np.exp(-0.3 * t), ky.Exponential(), width)[0]
    np.testing.assert_allclose(theta, [2 * np.exp(-0.3 * t), np.full(n, -0.3), np.full(n, 5)], rtol=1e-9)
    theta = run(t, 5 + 2 * np.cos(3 * t + 1), ky.Harmonic(), width)[0]
    np.testing.assert_allclose(theta[[0, 1, 3]], np.array([[2], [3], [5]]) * np.ones(n), rtol=1e-10)
    turn = np.mod(theta[2] - (3 * t + 1) + np.pi, 2 * np.pi) - np.pi
    np.testing.assert_allclose(turn, 0, atol=1e-9)
    assert ((theta[2] >= 0) & (theta[2] < 2 * np.pi)).all()


def test_intervals_cover_a_rate_that_varies():
    t = np.linspace(0, 100, 20000)
    turn = 2 * np.pi / 100
    rate = -0.05 - 0.015 * np.sin(turn * t)
    bend = -0.015 * turn * np.cos(turn * t)
    curve = 1 + 2 * np.exp(-0.05 * t + 0.015 / turn * (np.cos(turn * t) - 1))
    truth = rate + bend / rate  # f″/f′: what the osculating exponential has
    inside = []
    for seed in range(6):
        y = curve + 1e-3 * np.random.default_rng(seed).normal(size=t.size)
        theta, error, status, _, noise, _ = run(t, y, ky.Exponential(), at=t[::100])
        away = np.abs(theta[1] - truth[::100]) / error[1]
        inside.append(np.mean(away[np.isfinite(away)] < 1.96))
        assert np.mean([one is Status.CONVERGED for one in status]) > 0.95
        assert np.nanmedian(np.abs(theta[1] / truth[::100] - 1)) < 0.01
        assert noise == pytest.approx(1e-3, rel=0.05)
    assert 0.8 < np.mean(inside) <= 1


def test_a_chirp_is_followed():
    t = np.linspace(0, 100, 20000)
    y = (
        2
        + 3 * np.cos(2 * np.pi * (10 * t - 40 * np.cos(0.05 * t)))
        + 1e-3 * np.random.default_rng(1).normal(size=t.size)
    )
    truth = 2 * np.pi * (10 + 2 * np.sin(0.05 * t))
    theta, error, *_ = run(t, y, ky.Harmonic())
    assert np.sqrt(np.mean((theta[1] / truth - 1) ** 2)) < 2e-5
    assert 0.85 < np.mean(np.abs(theta[1] - truth) < 1.96 * error[1]) < 0.99


def test_channels_do_not_see_each_other():
    rng = np.random.default_rng(3)
    t = np.linspace(0, 10, 400)
    y = np.stack([wave("exponential", t, rng, 1e-2), wave("exponential", t, rng, 1e-3) * 3], axis=1)
    y[50:60, 1] = np.nan
    both = np.array(fit(Data(t, y), ky.Exponential(), 2.0, t, "both", False)[0])
    for j in range(2):
        np.testing.assert_array_equal(both[:, :, j], run(t, y[:, j], ky.Exponential(), 2.0)[0])


def test_what_the_data_do_not_tell_is_not_told():
    rng = np.random.default_rng(5)
    t = np.linspace(0, 10, 500)
    noise = 1e-3 * rng.normal(size=t.size)
    theta, _, status, _, _, message = run(t, 5 + noise, ky.Exponential(), 1.0)
    assert np.isnan(theta).mean() > 0.99
    assert "flat" in message
    assert Status.NOT_UNIQUE in status
    theta, *_, message = run(t, 5 + 3 * t, ky.Exponential(), 1.0)
    assert np.isnan(theta).all()
    assert "straight" in message
    theta, _, status, _, _, message = run(t, 5 + np.cos(0.5 * t) + noise, ky.Harmonic(), 0.5)
    assert np.isnan(theta).mean() > 0.98
    assert "half a period" in message
    theta, *_, message = run(t, 5 + noise, ky.Harmonic(), 1.0)
    assert np.isnan(theta).mean() > 0.99
    assert "noise" in message
    empty = np.where((t > 3) & (t < 6), np.nan, np.exp(-t))
    theta, _, status, _, _, message = run(t, empty, ky.Exponential(), 0.5)
    assert all(one is Status.NOT_FINITE for one in status[(t > 3.6) & (t < 5.4)])
    assert "too few samples" in message
    theta, _, status, _, _, message = run(t, np.exp(-t), ky.Exponential(), 0.5, np.array([-1.0, 5.0, 11.0]))
    assert np.isfinite(theta[1]).tolist() == [False, True, False]
    assert status[2] is Status.NOT_FINITE
    assert "outside" in message
    assert np.isnan(run(t, np.full(t.size, np.nan), ky.Exponential())[0]).all()


def test_sides_use_their_own_samples():
    t = np.linspace(0, 10, 501)
    y = np.where(t < 5, 2 * np.exp(-0.5 * t), 2 * np.exp(0.5 * (t - 10)))
    at = np.array([5.0])
    assert run(t, y, ky.Exponential(), 2.0, at, "left")[0][1, 0] == pytest.approx(-0.5, abs=0.2)
    assert run(t, y, ky.Exponential(), 2.0, at, "right")[0][1, 0] == pytest.approx(0.5, abs=1e-9)


def test_outliers_are_set_aside():
    rng = np.random.default_rng(8)
    t = np.linspace(0, 10, 400)
    y = 1 + 2 * np.cos(3 * t) + 0.01 * rng.normal(size=t.size)
    y[rng.choice(400, 12, replace=False)] += 3
    plain = run(t, y, ky.Harmonic(), 1.5)[0]
    kept, _, _, _, noise, message = run(t, y, ky.Harmonic(), 1.5, robust=True)
    assert np.abs(kept[1] - 3).max() < 0.05 < np.abs(plain[1] - 3).max()
    assert noise == pytest.approx(0.01, rel=0.2)
    assert "outliers" in message


def test_correlated_noise_is_noticed():
    rng = np.random.default_rng(9)
    t = np.linspace(0, 100, 5000)
    noise = np.zeros(t.size)
    for i in range(1, t.size):
        noise[i] = 0.7 * noise[i - 1] + 1e-3 * rng.normal()
    y = 5 + 2 * np.exp(-0.05 * t)
    _, narrow, *_, message = run(t, y + 1e-3 * rng.normal(size=t.size), ky.Exponential(), 10.0)
    assert "correlated" not in message
    theta, error, *_, message = run(t, y + noise, ky.Exponential(), 10.0)
    assert "correlated" in message
    assert np.nanmedian(error[1] / narrow[1]) > 2
    assert np.nanmean(np.abs(theta[1] + 0.05) < 1.96 * error[1]) > 0.8


def test_long_windows_on_unequal_spacing_agree_with_fits_one_by_one():
    rng = np.random.default_rng(4)
    t = np.sort(rng.uniform(0, 10, 5000))
    y = 2 + 1.5 * np.exp(-0.3 * t) + 1e-3 * rng.normal(size=t.size)
    read = run(t, y, ky.Exponential(), 2.0)
    direct = run(t, y, ky.Exponential(), 2.0, t[100:4900:200])
    away = np.abs(read[0][:, 100:4900:200] - direct[0]) / direct[1]
    assert np.median(away) < 0.1  # windows half a node apart differ by a few samples
    assert np.max(away) < 0.6


def test_a_user_family_with_its_width_chosen():
    rng = np.random.default_rng(2)
    t = np.linspace(-3, 3, 240)
    y = 3 / (1 + (t - 0.4) ** 2 / 0.5**2) + 1e-3 * rng.normal(size=t.size)
    family = ky.Family("A/(1 + (s - m)**2/w**2)", "A m w", positive="w")
    theta, error, *_ = run(t, y, family, at=t[::20])
    np.testing.assert_allclose(theta[1] + t[::20], 0.4, atol=0.01)
    np.testing.assert_allclose(theta[2], 0.5, atol=0.01)
    assert np.isfinite(error).all()


T = np.linspace(0, 8, 161)
NOISE = 1e-3 * np.random.default_rng(0).normal(size=T.size)
GROWTH = 1 + 0.5 * np.exp(0.35 * T) + NOISE
SWING = 1 + 0.5 * np.cos(4 * T) + NOISE
power = st.floats(-3, 3).map(lambda e: 10.0**e)


@settings(max_examples=15, deadline=None)
@given(shift=st.floats(-100, 100), stretch=power, size=power, sign=st.sampled_from([1, -1]), lift=st.floats(-50, 50))
def test_units_of_t_and_y_do_not_matter(shift, stretch, size, sign, lift):
    at = T[10:-10:20]
    a, b, c = run(T, GROWTH, ky.Exponential(), 1.5, at)[0]
    moved = run(
        stretch * (T + shift), sign * size * (GROWTH + lift), ky.Exponential(), 1.5 * stretch, stretch * (at + shift)
    )
    np.testing.assert_allclose(moved[0][0], sign * size * a, rtol=1e-5)
    np.testing.assert_allclose(moved[0][1], b / stretch, rtol=1e-5)
    np.testing.assert_allclose(moved[0][2], sign * size * (c + lift), atol=1e-5 * size * 60)


@settings(max_examples=15, deadline=None)
@given(shift=st.floats(-100, 100), stretch=power, size=power, lift=st.floats(-50, 50))
def test_units_do_not_matter_to_a_wave(shift, stretch, size, lift):
    at = T[10:-10:20]
    a, w, p, c = run(T, SWING, ky.Harmonic(), 1.5, at)[0]
    moved = run(stretch * (T + shift), size * (SWING + lift), ky.Harmonic(), 1.5 * stretch, stretch * (at + shift))[0]
    np.testing.assert_allclose(moved[0], size * a, rtol=1e-6)
    np.testing.assert_allclose(moved[1], w / stretch, rtol=1e-6)
    np.testing.assert_allclose(np.cos(moved[2] - p), 1, atol=1e-9)
    np.testing.assert_allclose(moved[3], size * (c + lift), atol=1e-6 * size * 60)


CURVES = {
    "logistic": (lambda t: 1000 / (1 + np.exp(-0.15 * (t - 50))), lambda t: -0.15 * np.tanh(0.075 * (t - 50)), 1.0),
    "two rates": (
        lambda t: 3 * np.exp(-0.15 * t) + np.exp(-0.02 * t),
        lambda t: (
            -(
                (0.0675 * np.exp(-0.15 * t) + 0.0004 * np.exp(-0.02 * t))
                / (0.45 * np.exp(-0.15 * t) + 0.02 * np.exp(-0.02 * t))
            )
        ),
        1e-3,
    ),
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("n", [101, 2001, 20001])
def test_intervals_of_a_chosen_width_cover(n, name):
    curve, rate, noise = CURVES[name]
    t = np.linspace(0, 100, n)
    inside, known = [], []
    for seed in range(8):  # a field through its turn scatters from series to series
        y = curve(t) + noise * np.random.default_rng(100 + seed).normal(size=n)
        theta, error, *_ = run(t, y, ky.Exponential())
        ok = np.isfinite(theta[1])
        known.append(ok.mean())
        inside.append(np.mean(np.abs(theta[1] - rate(t))[ok] < 1.96 * error[1][ok]))
    assert np.mean(known) > 0.6
    assert np.mean(inside) > (0.85 if (name, n) == ("logistic", 101) else 0.88)


@pytest.mark.parametrize(("name", "most"), [("line", 0.01), ("step", 0.04)])
def test_where_nothing_bends_no_rate_is_told(name, most):
    t = np.linspace(0, 1, 300)
    clean = 3 * t if name == "line" else (t > 0.5) * 1.0
    wrong = []
    for seed in range(6):
        y = clean + 0.02 * np.random.default_rng(seed).normal(size=t.size)
        theta, error, *_ = run(t, y, ky.Exponential())
        with np.errstate(invalid="ignore"):
            wrong.append(np.mean(np.abs(theta[1]) > 1.96 * error[1]))
    assert np.mean(wrong) < most


@pytest.mark.parametrize("noise", [0, 1e-9, 1e-3, 1])
@pytest.mark.parametrize("width", [None, 10.0])
def test_no_error_is_beyond_what_it_measures(width, noise):
    """A and C have poles where f″ vanishes: a number that is not known is withheld, not given with a vast error."""
    t = np.linspace(0, 100, 2001)
    y = CURVES["logistic"][0](t) + noise * np.random.default_rng(4).normal(size=t.size)
    theta, error, status, *_ = run(t, y, ky.Exponential(), width)
    ok = np.array([one is Status.CONVERGED for one in status])
    assert ok.any()
    assert np.array_equal(ok, np.isfinite(theta).all(axis=0) & np.isfinite(error).all(axis=0))
    assert (error[1, ok] <= 0.5 * np.abs(theta[1, ok])).all()
    assert (error[0, ok] <= np.abs(theta[0, ok])).all()


def test_nodes_are_read_through_the_poles_of_the_parameters():
    """f″ vanishes at 50, where A and C have a pole: f, f′ and f″ are what a cubic reads between the nodes."""
    rng = np.random.default_rng(6)
    t = np.sort(rng.uniform(0, 100, 6000))
    y = CURVES["logistic"][0](t) + rng.normal(size=t.size)
    theta = run(t, y, ky.Exponential(), 15.0)[0]
    some = np.r_[600:2700:150, 3300:5400:150]
    alone, size, *_ = run(t, y, ky.Exponential(), 15.0, t[some])
    away = (np.abs(theta[:2, some] - alone[:2]) / size[:2])[:, np.isfinite(theta[0, some]) & np.isfinite(alone[0])]
    assert away.shape[1] > 10
    assert np.median(away) < 0.15  # windows half a node apart differ by some forty of their samples
    assert away.max() < 1


@pytest.mark.parametrize("family", [ky.Exponential(), ky.Harmonic()])
def test_zeros_have_no_answer(family):
    t = np.linspace(0, 10, 500)
    for y in (0 * t, 0 * t + 5):
        theta, _, status, _, _, message = run(t, y, family)
        assert np.isnan(theta).all()
        assert Status.CONVERGED not in status
        assert message


@pytest.mark.parametrize("tied", [False, True])
def test_a_frequency_is_followed_over_many_turns(tied):
    """Noise that hangs together from sample to sample costs what it has at ω, no more."""
    t = np.linspace(0, 1, 3000)
    truth = 2 * np.pi * (100 + 25 * np.sin(9 * t))
    inside = []
    for seed in range(6):
        e = np.random.default_rng(seed).normal(size=t.size)
        if tied:
            for i in range(1, t.size):
                e[i] += 0.7 * e[i - 1]
        y = 1 + (1 + 0.2 * t) * np.cos(2 * np.pi * (100 * t - 25 / 9 * np.cos(9 * t))) + 0.01 * e
        theta, error, *_, message = run(t, y, ky.Harmonic())
        assert ("correlated" in message) == tied
        assert np.sqrt(np.mean((theta[1] / truth - 1)[150:-150] ** 2)) < (4e-4 if tied else 2e-4)
        inside.append(np.mean(np.abs(theta[1] - truth) < 1.96 * error[1]))
    assert np.mean(inside) > 0.88


@pytest.mark.parametrize("n", [300, 3000])
def test_what_wanders_or_decays_has_no_frequency(n):
    t = np.linspace(0, 1, n)
    for seed in range(4):
        e = np.random.default_rng(40 + seed).normal(size=n)
        for y in (np.cumsum(e), np.exp(-3 * t) + 0.02 * e):
            theta, _, status, *_ = run(t, y, ky.Harmonic())
            assert np.isnan(theta).mean() > 0.9
            assert np.mean([one is Status.CONVERGED for one in status]) < 0.1
