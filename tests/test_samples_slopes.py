"""ky.samples for linear families: windows of one width at once, and what lies beside a jump."""

import numpy as np
import pytest

import kymath as ky
from kymath.samples import choice, exact, few, linear, local, long, pyramid


def times(kind, n, rng):
    if kind == "even":
        return np.linspace(0, 1, n)
    t = np.sort(rng.random(n))
    return t if kind == "random" else t[(t < 0.4) | (t > 0.52)]


@pytest.mark.parametrize("kind", ["even", "random", "gap"])
@pytest.mark.parametrize("side", ["both", "left", "right"])
@pytest.mark.parametrize(("degree", "half"), [(0, 0.03), (1, 0.05), (2, 0.004), (2, 0.05), (2, 0.7), (3, 0.05)])
def test_running_sums_are_the_sums_of_the_windows(kind, side, degree, half):
    rng = np.random.default_rng(4)
    t = times(kind, 3000, rng)
    y = np.stack([np.sin(20 * t), 5 * t**2], axis=1) + 1e-3 * rng.standard_normal((len(t), 2))
    matrix = np.eye(degree + 1)
    jets, errors, noises = linear.given(t, y, t, np.full(len(t), half), matrix, side)
    some = np.arange(0, len(t), 37)
    fits = exact.fits(t, y, t[some], np.full(len(some), half), degree, degree + 1, side)
    expected, error = fits.at(degree), fits.errors(degree, matrix)
    sigma = np.array([n.sigma for n in noises])
    np.testing.assert_array_equal(np.isfinite(errors[0, some, 0]), np.isfinite(error[0]))
    np.testing.assert_allclose(errors[:, some], error[..., None] * sigma, rtol=1e-6)
    away = np.abs(jets[:, some] - expected) / (error[..., None] * 1e-3)
    assert np.nanmax(away) < 1e-4


@pytest.mark.parametrize("n", [5000, 20_000])
def test_running_sums_far_from_zero(n):
    t = 1e6 + np.linspace(0, 1, n)
    y = 1e6 + np.sin(6 * (t - 1e6))
    r = ky.samples(t, y, ky.Polynomial(2), bandwidth=0.01, at=t[n // 20 : -n // 20])
    assert r.success.all()
    np.testing.assert_allclose(r.a1, 6 * np.cos(6 * (r.t - 1e6)), atol=2e-2)


def beside(n, side):
    """A series, where one side is that asked for, and the same with other values on the other side."""
    rng = np.random.default_rng(n)
    t = np.sort(rng.random(n))
    y = (np.sin(9 * t) + 0.01 * rng.standard_normal(n))[:, None]
    safe = t >= 0.5 if side == "right" else t < 0.5
    return t, y, np.where(safe[:, None], y, y + 1e3), safe


@pytest.mark.parametrize("n", [1000, 10_000])
@pytest.mark.parametrize("half", [12, 20])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("level", [0, 1, 3])
def test_one_side_sees_nothing_of_the_other(monkeypatch, n, half, side, level):
    t, y, other, safe = beside(n, side)
    part = choice.Part(0.0, 1.0, choice.Candidate(3, level, half), np.zeros(3), np.ones(3))
    monkeypatch.setattr(choice, "choose", lambda basis, sigma, side: [[part]])
    a, b = (long.curve(t, v, np.eye(3), side, np.ones(1), 1, np.inf)[0](t)[0] for v in (y, other))
    assert np.isfinite(a[:, safe]).mean() > 0.5
    np.testing.assert_array_equal(a[:, safe], b[:, safe])


@pytest.mark.parametrize("side", ["left", "right"])
def test_means_of_neighbours_do_not_cross_either(monkeypatch, side):
    t, y, other, safe = beside(1000, side)
    chosen = few.Choice(3, 0.1, 1.0, 5.0)
    monkeypatch.setattr(few, "choose", lambda *given: [chosen])
    a, b = (few.curve(t, v, np.eye(3), side)[0](t)[0] for v in (y, other))
    assert np.isfinite(a[0, safe]).mean() > 0.9
    assert np.nanmax(np.abs(a[0, safe] - b[0, safe])) < 1e-6


@pytest.mark.parametrize("n", [1000, 10_000])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("even", [True, False])
def test_errors_beside_a_jump_hold(n, side, even):
    rng = np.random.default_rng(n)
    t = np.linspace(0, 1, n) if even else np.sort(rng.random(n))
    y = np.sin(9 * t) + 2 * (t >= 0.5031) + 0.01 * rng.standard_normal(n)
    r = ky.samples(t, y, ky.Polynomial(2), side=side)
    near = (t >= 0.5031) & (t < 0.55) if side == "right" else (t < 0.5031) & (t > 0.45)
    off = np.abs(r.a1 - 9 * np.cos(9 * t)) / r.errors["a1"]
    assert np.nanmean(off[near] > 5) < 0.01


def test_sums_of_several_sets_are_solved_together():
    t = np.linspace(0, 1, 2000)
    level = pyramid.build(t, np.sin(9 * t)[:, None], 0.0, 1 / 64, 64, 0)[0]
    sets = [choice.windows(level, half, np.arange(10, 50), "both") for half in (12, 20)]
    found = local.together([local.sums(level, windows, 5, 3) for windows in sets])
    for windows, fits in zip(sets, found, strict=True):
        alone = local.fits(level, windows, 5, 3)
        np.testing.assert_array_equal(fits.coefficients, alone.coefficients)
        np.testing.assert_array_equal(fits.variances(), alone.variances())


@pytest.mark.parametrize("seed", [0, 1])
def test_moving_means_in_a_long_series(seed):
    """The first fit follows them, its residuals say too much of them, and only the third knows the noise."""
    n = 10_000
    t = np.linspace(0, 1, n)
    a, b = np.exp(-(((t - 0.4) / 0.08) ** 2)), 0.5 * np.exp(-(((t - 0.7) / 0.05) ** 2))
    slope = -2 * (t - 0.4) / 0.08**2 * a - 2 * (t - 0.7) / 0.05**2 * b
    noise = np.convolve(np.random.default_rng(seed).normal(size=n + 4), np.ones(5) / 5, "valid")
    r = ky.samples(t, a + b + 0.01 * (a + b).std() * noise / noise.std(), ky.Polynomial(2))
    assert np.sqrt(np.mean((r.a1 - slope) ** 2) / np.mean(slope**2)) < 0.01
    assert np.mean(np.abs(r.a1 - slope) < 1.96 * r.errors["a1"]) > 0.88
    assert "correlated" in r.message


def test_moving_means_are_no_wave():
    """What the first, narrow fit leaves of them looks like one: the noise must be known before waves are looked for."""
    n = 10_000
    t = np.linspace(0, 1, n)
    for seed in range(3):
        noise = np.convolve(np.random.default_rng(seed).normal(size=n + 4), np.ones(5) / 5, "valid")
        clean = np.exp(-3 * t) * np.sin(35 * t)
        r = ky.samples(t, clean + 0.01 * clean.std() * noise / noise.std(), ky.Polynomial(2))
        slope = np.exp(-3 * t) * (35 * np.cos(35 * t) - 3 * np.sin(35 * t))
        assert np.sqrt(np.mean((r.a1 - slope) ** 2) / np.mean(slope**2)) < 0.01
        assert np.mean(np.abs(r.a1 - slope) < 1.96 * r.errors["a1"]) > 0.88
