"""Noise of running means, and places that a fit follows less well than the rest."""

import numpy as np
import pytest

import kymath as ky
from kymath.samples import averaged


def running(rng, n, count=5):
    return np.convolve(rng.standard_normal(n + count - 1), np.full(count, count**-0.5), "valid")


def covered(r, slope):
    away = np.abs(r.a1 - slope) / r.errors["a1"]
    return np.mean(away < 1.96), np.mean(away > 5)


@pytest.mark.parametrize("n", [300, 1000])
def test_running_means_are_no_signal(n):
    rng = np.random.default_rng(n)
    t = np.linspace(0, 1, n)
    shares = []
    for start, rise in ((1.2, 4.5), (2.0, 6.0), (2.7, 7.5)):
        phase = 2 * np.pi * (start * t + rise * t**2)
        slope = 2 * np.pi * (start + 2 * rise * t) * np.cos(phase)
        r = ky.samples(t, np.sin(phase) + 0.007 * running(rng, n), ky.Polynomial(2))
        assert "correlated" in r.message
        assert "oscillation" not in r.message
        shares.append(covered(r, slope))
    cover, far = np.mean(shares, axis=0)
    assert cover > 0.88
    assert far < 0.005


@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_the_length_of_the_means_is_found(count):
    rng = np.random.default_rng(count)
    t = np.linspace(0, 1, 400)
    for _ in range(5):
        found = averaged.of(np.sin(9 * t) + 0.01 * running(rng, 400, count))
        assert found is not None
        assert found.reach == count
        assert found.sigma == pytest.approx(0.01, rel=0.15)


@pytest.mark.parametrize("scale", [0, 1e-3, 1e-1])
def test_other_noise_is_not_taken_for_means(scale):
    rng = np.random.default_rng(3)
    t = np.linspace(0, 1, 300)
    curves = [np.sin(9 * t), np.abs(t - 0.4), np.exp(3 * t), np.sin(7 * t) + 0.5 * np.sin(60 * t), np.round(t, 2)]
    for curve in curves:
        falling = np.convolve(rng.standard_normal(400), 0.7 ** np.arange(100), "valid")[:300]
        for noise in (rng.standard_normal(300), falling, rng.standard_normal(300) * np.exp(2 * t)):
            assert averaged.of(curve + scale * noise) is None


def test_the_errors_grow_at_a_kink():
    t = np.linspace(0, 1, 1000)
    slope = 2.0 * (t > 0.55) - 1
    far = []
    for seed in range(3):
        noise = np.random.default_rng(seed).standard_normal(1000)
        r = ky.samples(t, np.abs(t - 0.55) + 0.014 * noise, ky.Polynomial(2))
        far.append(covered(r, slope)[1])
    assert np.mean(far) < 0.012
