"""Waves in windows of a given width: sums that slide along the series say what a fit of each window says."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

import kymath as ky
from kymath.samples.harmonic import HarmonicWindows

N = 2000
T = 3 + np.arange(N) / N
WAVE = 2 * np.cos(300 * T + 6 * np.cos(5 * T)) + 7
HALF = 0.05  # some five turns in a window
NOISE = np.random.default_rng(4).standard_normal(N)


@pytest.mark.parametrize("side", ["both", "left"])
@pytest.mark.parametrize("offset", [True, False])
@pytest.mark.parametrize("sigma", [1e-3, 0.5])
def test_sums_are_the_fit_in_a_basis(side, offset, sigma, monkeypatch):
    y = WAVE - 7 * (not offset) + sigma * NOISE
    sums = ky.samples(T, y, ky.Harmonic(offset=offset), bandwidth=HALF, side=side)
    monkeypatch.setattr(HarmonicWindows, "evenly", lambda *given: iter(()))
    basis = ky.samples(T, y, ky.Harmonic(offset=offset), bandwidth=HALF, side=side)
    assert list(sums.status) == list(basis.status)
    known = np.isfinite(basis.omega)
    assert known.mean() > 0.9
    for name, error in basis.errors.items():
        apart = sums.parameters[name] - basis.parameters[name]
        apart = (apart + np.pi) % (2 * np.pi) - np.pi if name == "phi" else apart
        assert np.all(np.abs(apart)[known] < 1e-4 * error[known])
        assert np.allclose(sums.errors[name][known], error[known], rtol=1e-4)


@pytest.mark.parametrize("place", [2, 40, 700, 1500, N - 1])
def test_the_window_of_curve_fit(place):
    y = WAVE + 0.1 * NOISE
    r = ky.samples(T, y, ky.Harmonic(), bandwidth=HALF)
    inside = np.abs(T - T[place]) <= HALF * (1 + 1e-9)
    start = [r.parameters[name][place] for name in ("A", "omega", "phi", "C")]

    def wave(s, a, w, p, c):
        return a * np.cos(w * s + p) + c

    theta, covariance = curve_fit(
        wave, T[inside] - T[place], y[inside], np.array(start) * 1.001, ftol=1e-14, xtol=1e-14
    )
    error = np.sqrt(np.diag(covariance))
    assert np.all(np.abs(start - theta) < 1e-4 * error)
    mine = [r.errors[name][place] for name in ("A", "omega", "phi", "C")]
    assert np.allclose(mine, error, rtol=1e-4)


def test_without_noise():
    """What rounding leaves is no noise."""
    r = ky.samples(T, np.cos(300 * T) + 7, ky.Harmonic(), bandwidth=HALF)
    assert np.max(np.abs(r.omega - 300)) < 1e-8
    assert np.max(r.errors["omega"]) < 1e-8


def test_noise_alone_is_no_wave_that_varies():
    for seed in range(4):
        y = np.random.default_rng(seed).standard_normal(N)
        assert "varies" not in ky.samples(T, y, ky.Harmonic(), bandwidth=HALF).message


@pytest.mark.parametrize("scale", [1e-150, 1e-90, 1e90, 1e150])
def test_any_scale(scale):
    t = np.arange(600) * 0.1
    y = np.cos(3 * t) + 0.1 * np.random.default_rng(1).standard_normal(600)
    plain, scaled = (ky.samples(t, one, ky.Harmonic(), bandwidth=4.0) for one in (y, scale * y))
    assert scaled.success.all()
    assert np.allclose(scaled.omega, plain.omega, rtol=1e-9)
    assert np.allclose(scaled.errors["omega"], plain.errors["omega"], rtol=1e-6)


@pytest.mark.parametrize("omega", [24.0, 29.0, 31.0])  # half a turn from sample to sample is 31.4
def test_a_quick_wave_does_not_vary(omega):
    t = np.arange(600) * 0.1
    for seed in range(2):
        y = np.cos(omega * t + 1) + 0.3 * np.random.default_rng(seed).standard_normal(600)
        assert "varies" not in ky.samples(t, y, ky.Harmonic(), bandwidth=1.5).message
