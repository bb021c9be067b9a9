"""The fewest samples and the largest numbers: an answer, or NaN with its status, and no exception."""

import warnings

import numpy as np
import pytest

import kymath as ky


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def sound(r):
    """Values and errors are finite where a point is said to have an answer, and NaN elsewhere."""
    for values in (*r.theta, *r.error):
        np.testing.assert_array_equal(np.isfinite(values), r.success)
        np.testing.assert_array_equal(np.isnan(values), ~r.success)
    return r


def test_channels_of_two_samples_beside_longer_ones():
    y = np.array([[0.0, 1, 0, 5], [1, 2, 1, 6], [0, np.nan, np.nan, np.nan]])
    for side in ("both", "left", "right"):
        r = sound(ky.samples([0.0, 1, 2], y, "linear", side=side))
        assert not r.success[:, 1:].any()
    assert sound(ky.samples([0.0, 1, 2], y, "linear", bandwidth=3.0)).success[:, 0].all()


@pytest.mark.parametrize("size", [3e-200, 1.0, 1e200])
def test_windows_with_one_sample_more_than_parameters(size):
    t = np.linspace(0, 10, 20)
    family = ky.Family("A*cos(w*s)+B*sin(w*s)", "A B w")
    assert not sound(ky.samples(t, np.full(20, size), family, bandwidth=0.93, at=[1.0, 2.0])).success.any()
    r = sound(ky.samples(t, size * np.exp(-t / 2), ky.Family("A*exp(B*s) + C", "A B C"), bandwidth=1.2, at=t[3:-3]))
    if size == 1:  # four samples in a window
        np.testing.assert_allclose(r.B, -0.5, rtol=1e-3)


def test_pieces_whose_noise_squared_is_more_than_doubles_hold():
    rng = np.random.default_rng(0)
    t = np.cumsum(10.0 ** rng.uniform(-12, 2, 40))
    u = (t - t[0]) / (t[-1] - t[0]) * 10
    y = np.exp(-u / 2) + 0.02 * rng.standard_normal(40)
    sound(ky.samples(t, 1e200 * y, ky.Polynomial(4), side="left", at=[50.0]))
    t = np.r_[np.linspace(0, 1, 40), np.linspace(5, 6, 40)]
    y = np.exp(-t) + 0.02 * rng.standard_normal(80)
    plain, scaled = (sound(ky.samples(t, size * y, "linear")) for size in (1.0, 2.0**600))
    for name in "ab":
        np.testing.assert_allclose(scaled.errors[name] / 2.0**600, plain.errors[name], rtol=1e-6)
    np.testing.assert_allclose(scaled.noise / 2.0**600, plain.noise, rtol=1e-6)


@pytest.mark.parametrize("size", [0.0, 3e-200, 1e-160])
@pytest.mark.parametrize("family", [ky.Family("A*exp(B*s)", "A B"), ky.Family("A*cos(w*s)+B*sin(w*s)", "A B w")])
def test_data_whose_squares_are_below_doubles_tell_no_rate(size, family):
    for bandwidth in ("auto", 2.0):
        r = sound(ky.samples(np.linspace(0, 10, 40), np.full(40, size), family, bandwidth=bandwidth, at=[5.0]))
        assert not r.success.any()


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9, 1e60])
def test_a_linear_family_of_ones_own_is_the_polynomial_in_any_unit_of_t(unit):
    t = np.arange(7) * unit
    y = np.random.default_rng(0).standard_normal(7)
    r = sound(ky.samples(t, y, ky.Family("A*s**2+B*s+C", "A B C"), side="right", bandwidth=6 * unit))
    p = sound(ky.samples(t, y, ky.Polynomial(2), side="right", bandwidth=6 * unit))
    assert r.success.sum() == 5
    for own, known in zip((*r.theta, *r.error), (*p.theta, *p.error), strict=True):
        np.testing.assert_allclose(own, known, rtol=1e-9)


def test_outliers_are_not_looked_for_where_nothing_can_be_fitted():
    t = np.arange(250.0)
    sound(ky.samples(t, np.where(t > 125, 1e307, 0), "linear", side="left", robust=True, at=[10.0]))
