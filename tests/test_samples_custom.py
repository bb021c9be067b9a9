"""A family of one's own whose width is chosen: it follows what varies, or says that it cannot."""

import numpy as np
import pytest

import kymath as ky
from kymath.errors import Status

GROWTH = ky.Family("A*exp(B*s)", "A B")


def logistic(t):
    value = 1.2 / (1 + np.exp(-0.9 * (t - 5)))
    return value, 0.9 * (1 - value / 1.2)


CASES = {
    "logistic": (np.linspace(0, 10, 96), logistic, lambda f: 0.01),
    "waves of growth": (
        np.arange(60.0),
        lambda t: (100 * np.exp(3 * np.sin(t / 12)), np.cos(t / 12) / 4),
        lambda f: 0.05 * f,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_intervals_cover_where_the_parameters_vary(name):
    t, curve, noise = CASES[name]
    value, rate = curve(t)
    inside = []
    for seed in range(6):
        r = ky.samples(t, value + noise(value) * np.random.default_rng(seed).standard_normal(t.size), GROWTH)
        assert r.success.mean() > 0.9
        away = np.abs(r.B - rate)[r.success] / r.errors["B"][r.success]
        assert away.max() < 5
        inside.append(np.mean(away < 1.96))
    assert np.mean(inside) > 0.88


def test_where_the_family_does_not_hold_there_is_no_number():
    sick = [3, 8, 26, 76, 225, 298, 258, 233, 189, 128, 68, 29, 14, 4]
    r = ky.samples(np.arange(1, 15), sick, GROWTH)
    assert not r.success.any()
    assert set(r.status) == {Status.NO_CONTACT}
    assert "does not hold" in r.message


def test_too_few_samples_show_nothing():
    t = np.arange(5.0)
    r = ky.samples(t, np.exp(t / 3), GROWTH)
    assert not r.success.any()
    assert "too few" in r.message


def test_a_family_that_holds_is_fitted_to_the_whole_series():
    t = np.linspace(0, 3, 200)
    wide = []
    for seed in range(5):
        y = 2 * np.exp(-t) + 0.02 * np.random.default_rng(seed).standard_normal(t.size)
        r = ky.samples(t, y, GROWTH)
        assert np.abs((r.B + 1) / r.errors["B"]).max() < 4
        wide.append(r.bandwidth.max() > 2.9)
    assert sum(wide) >= 3


def test_correlated_noise_is_noticed_at_few_points():
    t = np.linspace(0, 10, 1500)
    e = np.random.default_rng(0).standard_normal(t.size)
    for noise, correlated in ((e, False), (np.convolve(e, np.ones(5) / 5, mode="same"), True)):
        r = ky.samples(t, 2 * np.exp(-t / 4) + 0.02 * noise, GROWTH, at=[3.0, 5.0])
        assert ("correlated" in r.message) == correlated
