"""Rates of exponentials in noise that hangs together: noticed, and allowed for."""

from __future__ import annotations

import numpy as np
import pytest

import kymath as ky
from kymath.samples import correlation
from kymath.samples.compress import blocks, frames
from kymath.samples.exponential import ExponentialWindows


def noise(kind, n, seed):
    e = np.random.default_rng(seed).standard_normal(n + 100)
    if kind == "MA(5)":
        return np.convolve(e, np.full(5, 5**-0.5), "same")[100:]
    for i in range(1, e.size) if kind == "AR(0.7)" else ():
        e[i] = 0.7 * e[i - 1] + 0.51**0.5 * e[i]
    return e[100:]


@pytest.mark.parametrize("kind", ["AR(0.7)", "MA(5)"])
def test_correlated_noise_neither_misleads_nor_narrows(kind):
    t = np.linspace(0, 1, 1000)
    r = ky.samples(t, np.exp(-3 * t) + 3e-3 * noise(kind, t.size, 1), ky.Exponential())
    assert "correlated" in r.message
    assert r.success.mean() > 0.9
    assert np.nanmax(np.abs(r.B + 3)) < 0.3
    assert np.nanmean(np.abs(r.B + 3) < 3 * r.errors["B"]) > 0.9


def test_white_noise_is_not_called_correlated():
    t = np.linspace(0, 1, 1000)
    found = [correlation.of(t, np.exp(-3 * t) + 3e-3 * noise("white", t.size, k)) for k in range(40)]
    assert sum(one is not None for one in found) <= 2


@pytest.mark.parametrize("seed", [30, 47, 57, 68, 70, 72])
def test_correlated_noise_that_a_close_fit_follows_is_noticed(seed):
    t, y, rate = grown(-4.0, 0.8, seed, 300, 0.0)
    r = ky.samples(t, y + 0.01 * y.std() * noise("AR(0.7)", t.size, seed), ky.Exponential())
    away = np.abs(r.B - rate) / r.errors["B"]
    assert "correlated" in r.message
    assert r.success.mean() > 0.75
    assert (away[r.success] < 1.96).mean() > 0.6
    assert np.nanmax(away) < 4


def test_where_few_windows_have_an_answer_chance_has_picked_them(monkeypatch):
    monkeypatch.setattr(correlation, "of", lambda t, y: None)  # as if nobody noticed
    for seed in (30, 47, 68, 70, 72):
        t, y, rate = grown(-4.0, 0.8, seed, 300, 0.0)
        r = ky.samples(t, y + 0.01 * y.std() * noise("AR(0.7)", t.size, seed), ky.Exponential())
        assert not (np.abs(r.B - rate)[r.success] > 1.96 * r.errors["B"][r.success]).any()


def bend(n, seed, level=0.01):
    """Growth that turns to decay, the rate 3.7 tanh(7 (1/2 − t)): odd about the middle, which blinds every other
    order."""
    t = np.linspace(0, 1, n)
    slope = np.cosh(7 * (t - 0.5)) ** (-3.7 / 7)
    y = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2)]) / n
    return t, y + level * y.std() * np.random.default_rng(seed).standard_normal(n), -3.7 * np.tanh(7 * (t - 0.5))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_odd_curve_is_not_followed_too_widely(seed):
    t, y, truth = bend(1000, seed)
    r = ky.samples(t, y, ky.Exponential())
    away = np.abs(r.B - truth) / r.errors["B"]
    known = np.isfinite(away)
    assert known.mean() > 0.75
    assert (away[known] > 5).mean() < 0.01
    assert (away[known] < 1.96).mean() > 0.6


@pytest.mark.parametrize("seed", [2, 3])
def test_a_constant_rate_in_a_long_series_with_correlated_noise_uses_it_all(seed):
    t = np.linspace(0, 1, 10_000)
    r = ky.samples(t, np.exp(4 * t) + 0.15 * noise("AR(0.7)", t.size, seed), ky.Exponential())
    assert "correlated" in r.message
    assert r.success.mean() > 0.99
    assert np.nanmax(np.abs(r.B - 4)) < 0.1


def grown(rate, spread, seed, n, scale=0.01):
    """A series whose rate is ``rate`` (1 + spread (t − 1/2)), and the rate."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, n)
    fine = np.linspace(0, 1, 20 * n - 19)
    slope = np.exp(rate * (fine + spread * (fine**2 - fine) / 2))
    steps = (slope[1:] + slope[:-1]) / 2 * (fine[1] - fine[0])
    clean = np.concatenate([[0.0], np.cumsum(steps)])[::20]
    return t, clean + scale * clean.std() * rng.standard_normal(n), rate * (1 + spread * (t - 0.5))


@pytest.mark.parametrize("seed", [5, 17])
def test_a_rate_that_is_constant_is_one_rate_from_end_to_end(seed):
    t, y, rate = grown(4.9, 0.0, seed, 400)
    r = ky.samples(t, y, ky.Exponential())
    assert np.ptp(r.B) < 1e-9
    assert np.max(np.abs(r.B - rate) / r.errors["B"]) < 3


@pytest.mark.parametrize(("seed", "drift"), [(7, 0.02), (10, 0.02), (18, 0.02), (7, 0.05), (20, 0.05), (25, 0.05)])
def test_a_slope_of_the_rate_below_the_noise_is_in_its_error(seed, drift):
    t, y, rate = grown(3.5, drift, seed, 400)
    r = ky.samples(t, y, ky.Exponential())
    assert np.max(np.abs(r.B - rate) / r.errors["B"]) < 2.5


def told(seed, bend):
    """The rate at the end of one window of −3 t + bend (t − 1/2)²: of orders 2 and 3, and of both as it is told."""
    t, y, _ = grown(-3.0, 0.0, seed, 400, 0.003)
    y = y + bend * y.std() * (t - 0.5) ** 2
    kind, windows = ExponentialWindows(), frames(t, np.array([0.95]), np.array([0.5]), "both")
    ((_, block),) = blocks(t, y, windows, kind.basis, kind.size, np.zeros(1))
    beta = kind.locate(block, np.zeros(1), 2)
    plain, both = (kind.answers(block, windows, beta, np.zeros(1), (2, 3), tamed) for tamed in (False, True))
    assert both[2].lever[1, 0] < both[3].lever[1, 0]
    return plain[2].theta[1, 0], plain[3].theta[1, 0], both[2].theta[1, 0]


def test_a_term_that_is_noise_costs_little_and_one_that_stands_out_stays():
    away = np.array([told(seed, 0.0) for seed in range(60)]) + 3
    _, noisy, mine = np.sqrt(np.mean(away**2, axis=0))
    assert mine < 0.5 * noisy
    lower, higher, mine = told(0, 1.0)
    assert abs(mine - higher) < 0.05 * abs(lower - higher)


@pytest.mark.parametrize("seed", range(3))
def test_a_burst_in_a_flat_series_is_told(seed):
    t = np.linspace(0, 100, 3000)
    at = 50 + 0.7 * np.array([-3, -2, -1.5, 1.5, 2, 3])
    y = 1 / (1 + np.exp(-(t - 50) / 0.7)) + 0.01 * np.random.default_rng(seed).standard_normal(t.size)
    r = ky.samples(t, y, ky.Exponential(), at=at)
    assert r.success.all()
    assert np.max(np.abs(r.B + np.tanh((at - 50) / 1.4) / 0.7) / r.errors["B"]) < 4
