"""Short series: a wave is signal however few samples a cycle has, noise that hangs together is noise."""

import numpy as np
import pytest

import kymath as ky
from kymath.samples import exact, few


@pytest.mark.parametrize("noise", [0.1, 0.6])
@pytest.mark.parametrize("cycles", [12, 20, 30])
def test_a_wave_of_ten_samples_a_cycle_is_followed(cycles, noise):
    rng = np.random.default_rng(cycles)
    t = np.arange(10 * cycles) / 10
    r = ky.samples(t, np.sin(2 * np.pi * t) + noise * rng.standard_normal(t.size), ky.Polynomial(2))
    off = np.abs(r.a1 - 2 * np.pi * np.cos(2 * np.pi * t)) / r.errors["a1"]
    assert np.mean(off < 1.96) > 0.85
    assert np.mean(off > 5) < 0.01


def test_noise_that_hangs_together_stays_noise():
    near = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        t, noise = np.linspace(0, 1, 300), rng.standard_normal(300)
        for i in range(1, 300):
            noise[i] += 0.6 * noise[i - 1]
        r = ky.samples(t, 3 * np.sin(3 * t) + 0.3 * noise, ky.Polynomial(2))
        assert "correlated" in r.message or "short" in r.message
        near.append(np.mean(np.abs(r.a1 - 9 * np.cos(3 * t)) < 1.96 * r.errors["a1"]))
    assert np.mean(near) > 0.8


def test_only_spectra_that_fall_are_noise():
    lag = np.arange(5)
    covariance = np.stack([0.8**lag, np.cos(0.6 * lag) * 0.97**lag], axis=1)
    falling = few._autoregressions(covariance)[1]
    assert falling[1:, 0].any()
    assert not falling[2:, 1].any()


def test_a_line_is_told_from_noise():
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((40, 200))
    assert not any(few._line(one[None], 5.0) for one in noise)
    wave = 1.5 * np.sin(0.63 * np.arange(200))
    assert all(few._line((one + wave)[None], 5.0) for one in noise)


@pytest.mark.parametrize("n", [6, 15, 40, 130])
@pytest.mark.parametrize("side", ["both", "left", "right"])
@pytest.mark.parametrize("even", [True, False])
def test_shared_windows_are_those_of_single_ones(n, side, even):
    rng = np.random.default_rng(n)
    t = np.linspace(5, 8, n) if even else np.sort(rng.uniform(5, 8, n))
    y = np.stack([np.sin(t), rng.standard_normal(n)], axis=1)
    degree = min(7, n - 2)
    halves = np.array([few.reach(t, t, half, side) for half in (2.3 * 3 / n, 0.7, 1.6, 3.1, 6.0)])
    coefficients, basis = exact.everywhere(t, y, halves, degree, side)
    for i, half in enumerate(halves):
        one = exact.fits(t, y, t, half, degree, 1, side)
        expected = one.jets()[:, 0]
        found = np.cumsum(coefficients[:, :, i] * basis[:, None, i], axis=0).swapaxes(1, 2)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(
            np.cumsum(basis[:, i] ** 2, axis=0), np.cumsum(one.derivatives[0] ** 2, axis=0), rtol=1e-6
        )
