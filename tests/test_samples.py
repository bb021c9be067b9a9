"""The transform of data for families linear in θ, against least squares window by window, and against the truth."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kymath as ky
from kymath import Status
from kymath.samples import choice, field, local, pyramid


def window_fit(t, y, x, h, degree, low=-np.inf, high=np.inf):
    """The oracle: numpy.polyfit with the square roots of the weights 1 − u², and its derivatives' sandwich errors."""
    u = (t - x) / h
    weight = np.where((t >= low) & (t <= high), np.maximum(1 - u**2, 0), 0)
    inside = weight > 0
    s, w = u[inside], weight[inside]
    beta = np.polyfit(s, y[inside], degree, w=np.sqrt(w))[::-1]
    a = np.vander(s, degree + 1, increasing=True)
    inverse = np.linalg.inv(a.T @ (w[:, None] * a))
    covariance = inverse @ (a.T @ (w[:, None] ** 2 * a)) @ inverse
    scale = h ** -np.arange(degree + 1)
    return beta * scale, np.sqrt(np.diag(covariance)) * scale


SIGNALS = {
    "chirp": lambda t: np.sin(2 * np.pi * (2 * t + 5 * t**2)),
    "bump": lambda t: 1 / (1 + ((t - 0.4) / 0.05) ** 2) + t,
    "sines": lambda t: np.sin(10 * t) + 0.5 * np.sin(31 * t + 1) + 0.2 * np.cos(70 * t),
    "growth": lambda t: np.exp(4 * t) / 20,
}


def slope(f, t):
    return (f(t + 1e-6) - f(t - 1e-6)) / 2e-6


def measured(name, n, sigma, seed=0, spread=False):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.uniform(0, 1, n)) if spread else np.linspace(0, 1, n)
    return t, SIGNALS[name](t) + sigma * rng.standard_normal(n)


# -- a given bandwidth: least squares, window by window ------------------------------------------------------------


@pytest.mark.parametrize("degree", [1, 2, 4])
@pytest.mark.parametrize("spread", [False, True])
def test_given_bandwidth_is_least_squares(degree, spread):
    t, y = measured("chirp", 300, 0.1, spread=spread)
    x = np.linspace(t[0], t[-1], 23)
    r = ky.samples(t, y, ky.Polynomial(degree), bandwidth=0.12, at=x)
    assert r.success.all()
    assert (r.bandwidth == 0.12).all()
    for i, place in enumerate(x):
        beta, error = window_fit(t, y, place, 0.12, degree)
        for k in range(degree + 1):
            assert r.coefficient(k)[i] == pytest.approx(beta[k], rel=1e-8, abs=1e-8)
            assert r.error[degree - k][i] == pytest.approx(error[k] * r.noise, rel=1e-6)


@pytest.mark.parametrize(("side", "low", "high"), [("right", 0.0, np.inf), ("left", -np.inf, 0.0)])
def test_one_sided(side, low, high):
    t, y = measured("sines", 400, 0.05)
    x = np.linspace(0.2, 0.8, 7)
    r = ky.samples(t, y, ky.Polynomial(2), bandwidth=0.1, at=x, side=side)
    for i, place in enumerate(x):
        beta, _ = window_fit(t, y, place, 0.1, 2, place + low, place + high)
        np.testing.assert_allclose([r.a0[i], r.a1[i], r.a2[i]], beta, rtol=1e-8)


def test_a_kink_has_two_slopes():
    t = np.linspace(-1, 1, 401)
    y = np.abs(t) + 1e-3 * np.random.default_rng(1).standard_normal(401)
    for side, expected in (("right", 1.0), ("left", -1.0)):
        for bandwidth in ("auto", 0.5):
            r = ky.samples(t, y, ky.Linear(), at=[0.0], side=side, bandwidth=bandwidth)
            assert r.a[0] == pytest.approx(expected, abs=0.05)


def test_a_bandwidth_for_each_point():
    t, y = measured("growth", 200, 0.01)
    x, h = np.array([0.3, 0.6]), np.array([0.1, 0.3])
    r = ky.samples(t, y, ky.Linear(), bandwidth=h, at=x)
    for i in range(2):
        beta, _ = window_fit(t, y, x[i], h[i], 1)
        assert r.a[i] == pytest.approx(beta[1], rel=1e-9)


def test_wide_windows_of_a_long_series_come_from_bins():
    t, y = measured("chirp", 20_001, 0.1)
    level = pyramid.build(t, y[:, None], 0.0, 0.1 / 20, 200, 0)[0]
    jets, error, _ = field.curve(
        level, lambda nodes: local.both_sides(200, 20, nodes, widen=False), 2, t[::100], np.array([0]), np.eye(3)
    )
    for i in (0, 1, 50, 100, 150, 200):  # at bin edges the bins give the window itself
        beta, sandwich = window_fit(t, y, t[100 * i], 0.1, 2)
        np.testing.assert_allclose(jets[:, i, 0], beta * [1, 1, 2], rtol=1e-8)
        np.testing.assert_allclose(error[:, i], sandwich * [1, 1, 2], rtol=1e-8)


# -- the pyramid and its fits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("half", "degree"), [(12, 9), (14, 13), (20, 17)])
@pytest.mark.parametrize("level", [0, 1])
def test_fits_from_moments(half, degree, level):
    t, y = measured("sines", 3000, 0.1, spread=True)
    levels = pyramid.build(t, y[:, None] + 5, 0.0, 1 / 128, 128, 2)
    node = np.array([0, 3, levels[level].bins // 2, levels[level].bins])
    shapes = local.both_sides(levels[level].bins, half, node, widen=True)
    fits = local.fits(levels[level], shapes, degree, 2)
    jets, variances = fits.jets(), fits.variances()
    order = np.concatenate([w.nodes for w in shapes])
    assert sorted(order) == list(node)
    for i, j in enumerate(order):
        w = next(w for w in shapes if j in w.nodes)
        first = w.first[list(w.nodes).index(j)] * levels[level].width
        h = w.shape.reach * levels[level].width
        last = first + w.shape.bins * levels[level].width
        for p in (3, 7):
            beta, error = window_fit(t, y + 5, j * levels[level].width, h, p, first, last)
            np.testing.assert_allclose(jets[p, :, i, 0], beta[:2], rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(np.sqrt(variances[p, :, i]), error[:2], rtol=1e-5)


def test_nothing_is_lost_far_from_zero():
    t, y = measured("chirp", 2000, 0.01)
    near = ky.samples(t, y, ky.Polynomial(2))
    far = ky.samples(t + 1e6, y + 1e6, ky.Polynomial(2))
    np.testing.assert_allclose(far.a1, near.a1, rtol=1e-5, atol=1e-4)


def test_a_merged_bin_is_the_bin_of_all():
    t, y = measured("bump", 500, 0.1, spread=True)
    fine = pyramid.build(t, y[:, None], 0.0, 1 / 64, 64, 3)
    wide = pyramid.build(t, y[:, None], 0.0, 1 / 8, 8, 0)
    np.testing.assert_allclose(fine[3].count, wide[0].count, atol=1e-11)
    np.testing.assert_allclose(fine[3].total, wide[0].total, atol=1e-11)
    one, two = (fine[0].half(k) for k in (0, 1))
    np.testing.assert_allclose(one.total + two.total, fine[0].total[:1], atol=1e-12)


# -- everything chosen ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [12, 50, 200, 3000])
@pytest.mark.parametrize("spread", [False, True])
def test_exact_polynomials(n, spread):
    rng = np.random.default_rng(n)
    t = np.sort(rng.uniform(-2, 3, n)) if spread else np.linspace(-2, 3, n)
    r = ky.samples(t, 2 * t**2 - 3 * t + 1, ky.Polynomial(2))
    np.testing.assert_allclose(r.a2, 2, atol=1e-7)
    np.testing.assert_allclose(r.a1, 4 * t - 3, atol=1e-8)
    np.testing.assert_allclose(r.a0, 2 * t**2 - 3 * t + 1, atol=1e-10)


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize(("n", "sigma"), [(200, 0.02), (4000, 0.05)])
def test_no_worse_than_the_best_savitzky_golay(name, n, sigma):
    """The peer's degree and window are tuned against the truth; here nothing is known."""
    from scipy.signal import savgol_filter

    t, y = measured(name, n, sigma, seed=3)
    truth, inside = slope(SIGNALS[name], t), (t > 0.05) & (t < 0.95)
    peer = min(
        float(np.sqrt(np.mean((savgol_filter(y, w, p, deriv=1, delta=t[1]) - truth)[inside] ** 2)))
        for p in (2, 4, 6)
        for w in {int(w) // 2 * 2 + 1 for w in np.geomspace(9, n // 2, 20)}
    )
    r = ky.samples(t, y, ky.Polynomial(2))
    ours = float(np.sqrt(np.mean((r.a1 - truth)[inside] ** 2)))
    assert ours <= 1.2 * peer


@pytest.mark.parametrize("f", [lambda t: np.log(1 + 9 * t), lambda t: np.sqrt(t + 0.02)], ids=["log", "root"])
@pytest.mark.parametrize("n", [1000, 8000])
def test_a_signal_that_bends_at_one_end(f, n):
    """Windows as long as the series, and ends of their own: beside a peer tuned inside, and once more at the ends."""
    from scipy.signal import savgol_filter

    t = np.linspace(0, 1, n)
    truth, inside = slope(f, t[1:-1]), ((t > 0.05) & (t < 0.95))[1:-1]

    def wrong(found):
        square = (found[1:-1] - truth) ** 2
        return [np.sqrt(square[inside].mean()), np.sqrt(square[~inside].mean())]

    ratios = []
    for seed in (70, 71, 72):
        y = f(t) + 0.01 * np.random.default_rng(seed).standard_normal(n)
        peers = [
            wrong(savgol_filter(y, w, p, deriv=1, delta=t[1]))
            for p in (2, 4, 6)
            for w in {int(w) // 2 * 2 + 1 for w in np.geomspace(n // 20, n - 2, 10)}
        ]
        ratios.append(np.array(wrong(ky.samples(t, y, ky.Polynomial(2)).a1)) / np.min(peers, axis=0))
    middle, ends = np.exp(np.log(ratios).mean(axis=0))
    assert middle <= 1.2
    assert ends <= 4


def test_other_linear_families():
    t, y = measured("sines", 4000, 0.01)
    p = ky.samples(t, y, ky.Polynomial(2))
    q = ky.samples(t, y, ky.Trigonometric(1, omega=2))
    np.testing.assert_allclose(q.b1, p.a1 / 2, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(q.a1, -p.a2 / 2, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(q.error[2], p.error[1] / 2, rtol=1e-6)
    own = ky.samples(t, y, ky.Family("p*s + q", "p q"), bandwidth=0.05)
    line = ky.samples(t, y, ky.Linear(), bandwidth=0.05)
    np.testing.assert_allclose(own.p, line.a, rtol=1e-12)
    np.testing.assert_allclose(own.error[0], line.error[0], rtol=1e-12)


@pytest.mark.parametrize("n", [150, 1500])
def test_channels_are_what_each_alone_is(n):
    t, y = measured("chirp", n, 0.05)
    both = np.stack([y, np.cos(3 * t) + 0.01 * np.random.default_rng(8).standard_normal(n)], axis=1)
    r = ky.samples(t, both, ky.Polynomial(2))
    assert r.a1.shape == r.error[0].shape == r.status.shape == r.bandwidth.shape == (n, 2)
    assert r.noise.shape == (2,)
    assert "2 channels" in repr(r)
    for j in range(2):
        alone = ky.samples(t, both[:, j], ky.Polynomial(2))
        assert alone.a1.shape == (n,)
        assert alone.noise.shape == ()
        np.testing.assert_allclose(r.a1[:, j], alone.a1, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(r.error[1][:, j], alone.error[1], rtol=1e-6)


# -- gaps, places -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [200, 3000])
def test_gaps(n):
    t, y = measured("sines", n, 0.02)
    hole = y.copy()
    hole[n // 2 : n // 2 + n // 40] = np.nan
    hole[:3] = np.nan
    r = ky.samples(t, np.stack([hole, y], axis=1), ky.Polynomial(2))
    assert np.isfinite(r.a1[3:]).all()  # the fit goes across, with a larger error
    assert (r.status[:3, 0] == Status.NOT_FINITE).all()
    assert np.isnan(r.a1[:3, 0]).all()
    assert r.success[:, 1].all()
    dropped = ky.samples(t[np.isfinite(hole)], hole[np.isfinite(hole)], ky.Polynomial(2), at=t[3:])
    np.testing.assert_allclose(dropped.a1, r.a1[3:, 0], rtol=1e-9)
    middle = n // 2 + n // 80
    assert r.error[1][middle, 0] > r.error[1][middle, 1]


def test_windows_without_data():
    t, y = measured("chirp", 500, 0.02)
    y[100:300] = np.nan
    r = ky.samples(t, y, ky.Polynomial(2), bandwidth=0.05)
    assert (r.status[130:270] == Status.NOT_FINITE).all()
    assert np.isnan(r.a2[130:270]).all()
    assert r.success[:95].all()
    with pytest.raises(ky.NotFinite, match="points have no answer, the first at t = 0"):
        r.raise_for_status()
    empty = ky.samples(t, np.stack([y, np.full(500, np.nan)], axis=1), ky.Linear())
    assert not empty.success[:, 1].any()
    assert empty.success[:95, 0].all()


def test_at_any_points():
    t, y = measured("growth", 1000, 0.01)
    x = np.array([[0.9, 0.1], [np.nan, 1.5], [0.0, 1.0]])
    r = ky.samples(t, y, ky.Polynomial(2), at=x)
    assert r.a1.shape == (3, 2)
    assert r.success.tolist() == [[True, True], [False, False], [True, True]]
    whole = ky.samples(t, y, ky.Polynomial(2), at=[0.1, 0.9])
    np.testing.assert_allclose([r.a1[0, 1], r.a1[0, 0]], whole.a1, rtol=1e-9)


@pytest.mark.parametrize("n", [30, 2000])
def test_constant_data(n):
    r = ky.samples(np.arange(float(n)), np.full(n, 7.0), ky.Polynomial(2))
    np.testing.assert_allclose(r.a0, 7, rtol=1e-12)
    np.testing.assert_allclose(r.a1, 0, atol=1e-9)
    assert r.success.all()


# -- properties -----------------------------------------------------------------------------------------------------

FEW = settings(max_examples=4, deadline=None)
NUMBER = st.floats(-100, 100, allow_nan=False)


@FEW
@given(shift=st.integers(-1000, 1000), power=st.integers(-20, 20), n=st.sampled_from([60, 900]))
def test_shift_of_t_and_scale_of_y(shift, power, n):
    t, y = measured("bump", n, 0.05)
    t = np.round(t * 2**20) / 2**20  # so that the shift is exact
    r, s = ky.samples(t, y, ky.Polynomial(2)), ky.samples(t + shift, y * 2.0**power, ky.Polynomial(2))
    for a, b in zip(r.theta + r.error, s.theta + s.error, strict=True):
        np.testing.assert_allclose(b, a * 2.0**power, rtol=1e-6, atol=1e-6 * 2.0**power * np.abs(a).max())


@FEW
@given(a=NUMBER, b=NUMBER, c=NUMBER, spread=st.booleans())
def test_a_polynomial_of_the_family_moves_theta_by_itself(a, b, c, spread):
    t, y = measured("sines", 150, 0.05, spread=spread)
    r = ky.samples(t, y, ky.Polynomial(2), bandwidth=0.1)
    s = ky.samples(t, y + a * t**2 + b * t + c, ky.Polynomial(2), bandwidth=0.1)
    np.testing.assert_allclose(s.a2 - r.a2, a, atol=1e-6)
    np.testing.assert_allclose(s.a1 - r.a1, 2 * a * t + b, atol=1e-7)
    np.testing.assert_allclose(s.a0 - r.a0, a * t**2 + b * t + c, atol=1e-9)


# -- the result -----------------------------------------------------------------------------------------------------


def test_the_result_shows_itself():
    t, y = measured("growth", 100, 0.01)
    r = ky.samples(t, y, ky.Polynomial(2))
    assert repr(r) == "samples of Polynomial(2) (100 points): 100 reached, a2, a1, a0"
    assert "<table>" in r._repr_html_()
    assert "median" in r._repr_html_()
    assert list(r.parameters) == list(r.errors) == ["a2", "a1", "a0"]
    assert "a2" in dir(r)
    assert r.raise_for_status() is r
    assert r.family == ky.Polynomial(2)
    with pytest.raises(AttributeError, match="no 'a7'; its parameters are a2, a1, a0"):
        _ = r.a7
    with pytest.raises(ky.NotApplicable, match="takes k from 0 to 2"):
        r.coefficient(3)
    with pytest.raises(ky.NotApplicable, match="polynomials"):
        ky.samples(t, y, ky.Trigonometric()).coefficient(1)


def test_the_choice_is_told():
    t, y = measured("bump", 4000, 0.02)
    r = ky.samples(t, y, ky.Polynomial(2))
    assert r.bandwidth[1600] < r.bandwidth[3200]  # narrower where the signal bends
    assert (r.bandwidth > 0).all()
    assert r.noise == pytest.approx(0.02, rel=0.1)


def test_windows_by_side():
    level = pyramid.build(np.linspace(0, 1, 100), np.zeros((100, 1)), 0.0, 1 / 32, 32, 0)[0]
    right = choice.windows(level, 12, np.arange(33), "right")
    assert all(w.shape.point == 0 for w in right)
    left = choice.windows(level, 12, np.arange(33), "left")
    assert all(w.shape.point == w.shape.bins for w in left)


def test_import_stays_light():
    code = (
        "import sys, kymath as ky, numpy as np; ky.samples(np.arange(9.), np.arange(9.), ky.Linear());"
        "assert not {'scipy.optimize', 'xarray', 'dask', 'pandas', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
