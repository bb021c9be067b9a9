"""A wave that is one polynomial along the series is found as one, and its errors hold what may hide beyond."""

import numpy as np
import pytest

import kymath as ky

TURN = 2 * np.pi


def noise(n, seed, hanging):
    e = np.random.default_rng(seed).standard_normal(n + 50)
    for i in range(1, n + 50 if hanging else 0):
        e[i] = 0.7 * e[i - 1] + 0.51**0.5 * e[i]
    return 0.01 * e[50:]


@pytest.mark.parametrize(("n", "turns", "hanging"), [(300, 16, False), (1000, 53, True), (10_000, 160, False)])
def test_a_constant_frequency_is_one_number(n, turns, hanging):
    t = np.linspace(0, 1, n)
    for seed in range(4):
        r = ky.samples(t, np.cos(TURN * turns * t + 1) + noise(n, seed, hanging), ky.Harmonic())
        least = 0.01 * (2 if hanging else 1) * np.sqrt(24 / n)  # Cramér and Rao's bound
        assert np.ptp(r.omega) < 1e-9 * TURN * turns
        assert np.abs(r.omega - TURN * turns).max() < 4 * least


def test_a_linear_frequency_of_few_turns():
    t = np.linspace(0, 1, 300)
    truth = TURN * (9 + 7 * t)
    for seed in range(6):
        r = ky.samples(t, np.cos(TURN * (9 * t + 3.5 * t**2)) + noise(300, seed, False), ky.Harmonic())
        assert np.abs(np.diff(r.omega, 2)).max() < 1e-6 * TURN  # one line
        assert np.abs((r.omega - truth) / r.errors["omega"]).max() < 5


@pytest.mark.parametrize("degree", [2, 3])
def test_a_drift_that_cannot_be_seen_is_within_the_errors(degree):
    n = 300
    t = np.linspace(0, 1, n)
    drift = np.zeros(degree + 1)
    drift[degree] = 1.5 * 0.01 * np.sqrt(2 * (2 * degree + 1) / n)  # 1.5 standard deviations
    x = 2 * t - 1
    truth = TURN * 16 + 2 * np.polynomial.legendre.legval(x, np.polynomial.legendre.legder(drift))
    away = []
    for seed in range(6):
        y = np.cos(TURN * 16 * t + np.polynomial.legendre.legval(x, drift)) + noise(n, seed, False)
        r = ky.samples(t, y, ky.Harmonic())
        away.append(np.abs(r.omega - truth) / r.errors["omega"])
    assert np.max(away) < 6
    assert np.mean(np.array(away) < 1.96) > 0.7
