"""Errors of the transform of data: that they cover, that correlated noise is told, that outliers do no harm."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

import kymath as ky
from kymath.samples import noise, robust
from kymath.samples.series import Series


def CHIRP(t):
    return np.sin(2 * np.pi * (2 * t + 5 * t**2))


def SINES(t):
    return np.sin(10 * t) + 0.5 * np.sin(31 * t + 1) + 0.2 * np.cos(70 * t)


SIGNALS = {
    "chirp": CHIRP,
    "sines": SINES,
    "bump": lambda t: 1 / (1 + ((t - 0.4) / 0.05) ** 2) + t,
    "growth": lambda t: np.exp(4 * t) / 20,
    "step": lambda t: 1 / (1 + np.exp(-80 * (t - 0.45))),
    "cubic": lambda t: 2 * t**3 - 3 * t**2 + t,
}


def slope(f, t):
    return (f(t + 1e-6) - f(t - 1e-6)) / 2e-6


def measured(f, n, sigma, seed=0, spread=False):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.uniform(0, 1, n)) if spread else np.linspace(0, 1, n)
    return t, f(t) + sigma * rng.standard_normal(n)


def covered(f, t, r, margin=0.03):
    """The shares of the points where the 95 % intervals of a0 and a1 hold the truth."""
    inside = (t > margin) & (t < 1 - margin)
    return [
        float(np.mean((np.abs(found - truth) < 1.96 * error)[inside]))
        for found, truth, error in ((r.a0, f(t), r.error[2]), (r.a1, slope(f, t), r.error[1]))
    ]


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize(("n", "sigma", "spread"), [(150, 0.01, False), (2000, 0.03, True), (10_000, 1e-3, False)])
def test_intervals_cover(name, n, sigma, spread):
    share = []
    for seed in range(2):
        t, y = measured(SIGNALS[name], n, sigma, 40 + seed, spread)
        share += covered(SIGNALS[name], t, ky.samples(t, y, ky.Polynomial(2)))
    assert np.mean(share) > 0.85


@pytest.mark.parametrize("rho", [0.7, 0.9])
def test_intervals_cover_with_correlated_noise(rho):
    share = []
    for seed in range(2):
        t = np.linspace(0, 1, 20_000)
        e = lfilter([1], [1, -rho], np.random.default_rng(seed).standard_normal(len(t)))
        r = ky.samples(t, CHIRP(t) + 0.05 * e, ky.Polynomial(2))
        assert "correlated" in r.message
        share += covered(CHIRP, t, r)
    assert np.mean(share) > 0.85


def test_a_short_series_cannot_tell_correlated_noise_and_says_so():
    t = np.linspace(0, 1, 200)
    e = lfilter([1], [1, -0.9], np.random.default_rng(3).standard_normal(len(t)))
    r = ky.samples(t, np.exp(3 * t) / 20 + 0.05 * e, ky.Polynomial(2))
    assert "correlated" in r.message or "hangs together" in r.message
    assert "may be too small" in r.message


def test_white_noise_is_not_called_correlated():
    called = 0
    for seed in range(100):
        t, y = measured(SINES, 2000, 0.1, seed)
        called += noise.measure(t, y[:, None])[0].block > 1
    assert called <= 4


@pytest.mark.parametrize("name", ["chirp", "growth"])
def test_noise_is_measured(name):
    t, y = measured(SIGNALS[name], 5000, 0.2, spread=True)
    assert noise.measure(t, y[:, None])[0].sigma == pytest.approx(0.2, rel=0.06)


@pytest.mark.parametrize("n", [200, 4000])
def test_outliers(n):
    rng = np.random.default_rng(5)
    t, y = measured(SINES, n, 0.02)
    wrong = y.copy()
    where = rng.choice(n, n // 12, replace=False)
    wrong[where] += rng.choice([-1, 1], len(where)) * rng.uniform(1, 20, len(where))
    clean = ky.samples(t, y, ky.Polynomial(2))
    r = ky.samples(t, wrong, ky.Polynomial(2), robust=True)
    truth, inside = slope(SINES, t), slice(n // 20, -n // 20)

    def rms(r):
        return np.sqrt(np.mean((r.a1 - truth)[inside] ** 2))

    assert rms(r) < 1.6 * rms(clean)
    assert rms(ky.samples(t, wrong, ky.Polynomial(2))) > 3 * rms(clean)


def test_nothing_is_an_outlier_among_clean_samples():
    t, y = measured(CHIRP, 4000, 0.05)
    series = robust.cleaned(Series.of(t, y), lambda t, y, x: CHIRP(x))
    assert np.isnan(series.y).sum() < 3
