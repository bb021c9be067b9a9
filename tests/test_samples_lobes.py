"""Waves whose amplitude passes through zero inside a window that is given: no frequency there, or a wider error."""

import numpy as np
import pytest

import kymath as ky

T = np.linspace(-1, 1, 2001)
AMPLITUDES = {"t": T, "1 + 1.5 sin 6t": 1 + 1.5 * np.sin(6 * T)}


def fitted(amplitude, sigma, seed):
    """The answer for amplitude · cos 60 t with windows of five turns, and how many errors ω is off."""
    y = amplitude * np.cos(60 * T) + sigma * np.random.default_rng(seed).standard_normal(T.size)
    r = ky.samples(T, y, ky.Harmonic(), bandwidth=0.25)
    return r, np.abs(r.omega - 60) / r.errors["omega"]


@pytest.mark.parametrize("name", AMPLITUDES)
@pytest.mark.parametrize("sigma", [0.01, 0.1, 0.3])
def test_an_amplitude_that_passes_through_zero_misleads_no_frequency(name, sigma):
    r, away = fitted(AMPLITUDES[name], sigma, 21)
    assert np.nanmean(away > 5) < 0.03
    assert r.success.mean() > 0.4
    assert "no single frequency stands out" in r.message


@pytest.mark.parametrize("sigma", [0.01, 0.3, 0.7])
def test_a_constant_amplitude_keeps_its_answers_and_errors(sigma):
    r, away = fitted(1.0, sigma, 22)
    assert r.success.mean() > 0.99
    assert 0.85 < np.nanmean(away < 1.96) <= 1
    # of ω where amplitude and phase are free: √24 σ / (A n^{1/2} L), L the window, n its samples (Rife, Boorstyn 1974)
    middle = np.abs(T) < 0.7
    usual = np.sqrt(24) * sigma / (np.sqrt(501) * 0.5)
    assert 0.9 < np.median(r.errors["omega"][middle]) / usual < 1.15


def test_a_point_is_told_the_same_alone_and_among_others():
    y = AMPLITUDES["1 + 1.5 sin 6t"] * np.cos(60 * T) + 0.1 * np.random.default_rng(3).standard_normal(T.size)
    among = ky.samples(T, y, ky.Harmonic(), bandwidth=0.25)
    some = np.arange(0, T.size, 100)
    alone = [ky.samples(T, y, ky.Harmonic(), bandwidth=0.25, at=[T[i]]) for i in some]
    assert [bool(one.success[0]) for one in alone] == among.success[some].tolist()
    errors = [one.errors["omega"][0] for one in alone]
    np.testing.assert_allclose(errors, among.errors["omega"][some], rtol=1e-4)
