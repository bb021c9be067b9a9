"""Oscillations of many turns are followed, or said to be missed: never smoothed away with small errors."""

import numpy as np
import pytest

import kymath as ky

TURN = 2 * np.pi


def slope_of_a_sine(samples, turns, *, sigma=0.1, seed=0, amplitude=1.0):
    """The answer for sin(2πt) and its truth."""
    n = samples * turns
    t = np.arange(n) / samples
    y = amplitude * np.sin(TURN * t) + sigma * np.random.default_rng(seed).standard_normal(n)
    return ky.samples(t, y, ky.Polynomial(2)), amplitude * TURN * np.cos(TURN * t)


@pytest.mark.parametrize("turns", [12, 20, 30, 60, 100, 200])
@pytest.mark.parametrize("samples", [10, 15, 25, 50])
def test_a_sine_of_many_turns(samples, turns):
    r, truth = slope_of_a_sine(samples, turns, seed=samples + turns)
    z = np.abs(r.a1 - truth) / r.errors["a1"]
    assert np.sqrt(np.mean((r.a1 - truth) ** 2)) < 0.3 * TURN
    assert np.mean(z < 1.96) > 0.8


def test_days_of_the_week():
    t = np.arange(1, 366.0)
    y = 20 + 5 * np.sin(TURN * t / 7) + 0.5 * np.random.default_rng(1).standard_normal(t.size)
    r = ky.samples(t, y, ky.Polynomial(2))
    z = np.abs(r.a1 - 5 * TURN / 7 * np.cos(TURN * t / 7)) / r.errors["a1"]
    assert np.mean(z < 1.96) > 0.8 or "oscillation" in r.message


def test_a_wave_in_one_part_of_the_series():
    t = np.linspace(0, 10, 4000)
    wave = np.where(t < 3, np.sin(TURN * 8 * t), 0.0)
    slope = np.where(t < 3, TURN * 8 * np.cos(TURN * 8 * t), 0.0)
    r = ky.samples(t, wave + 0.05 * np.random.default_rng(2).standard_normal(t.size), ky.Polynomial(2))
    inside = np.abs(t - 3) > 0.1
    z = np.abs(r.a1 - slope) / r.errors["a1"]
    assert np.mean(z[inside] < 1.96) > 0.85


def test_half_of_a_long_series():
    """At some lengths all windows once met the wave at the same phase."""
    n = 50_000
    t = np.linspace(0, 500, n)
    y = np.sin(t) + 0.1 * np.random.default_rng(0).standard_normal(n)
    for some in (slice(None), slice(n * 3 // 8, None), slice(n // 2, None)):
        r = ky.samples(t[some], y[some], ky.Polynomial(2))
        z = np.abs(r.a1 - np.cos(t[some])) / r.errors["a1"]
        assert np.mean(z < 1.96) > 0.9


@pytest.mark.parametrize("noise", ["white", "ar", "ma"])
def test_noise_is_no_wave(noise):
    """What follows a slow curve under noise of any colour does not speak of oscillations."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        white = rng.standard_normal(2000)
        if noise == "ar":
            for i in range(1, white.size):
                white[i] += 0.7 * white[i - 1]
        elif noise == "ma":
            white = np.convolve(white, np.ones(5) / 5, mode="same")
        t = np.linspace(0, 1, white.size)
        assert "oscillation" not in ky.samples(t, np.exp(t) + 0.05 * white, ky.Polynomial(2)).message


def test_outliers_are_told():
    rng = np.random.default_rng(1)
    t = np.linspace(0, 10, 500)
    y = np.sin(t) + 0.05 * rng.standard_normal(t.size)
    assert "far from the curve" not in ky.samples(t, y, ky.Polynomial(2)).message
    y[[50, 250, 400]] += 2
    assert "3 samples lie far from the curve" in ky.samples(t, y, ky.Polynomial(2)).message
    assert "3 of 500 samples were set aside" in ky.samples(t, y, ky.Polynomial(2), robust=True).message
