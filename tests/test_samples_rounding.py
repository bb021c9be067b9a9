"""Data without noise: no error is told that is smaller than what rounding and arithmetic leave."""

from __future__ import annotations

import numpy as np
import pytest

import kymath as ky


def _worst(r, truth) -> float:
    """The largest |θ − truth| in errors, of all points with an answer."""
    sure = r.success
    assert sure.mean() > 0.9
    away = [np.abs(value - true)[sure] for value, true in zip(r.theta, truth, strict=True)]
    return max(float(np.max(d / np.maximum(e[sure], 1e-300))) for d, e in zip(away, r.error, strict=True))


@pytest.mark.parametrize(("scale", "offset", "start"), [(1, 0, 0), (1e-6, 0, 1e6), (1e6, 0, 0), (1e3, 1e6, 1e3)])
@pytest.mark.parametrize("n", [60, 1000])
def test_given_polynomial(n, scale, offset, start):
    t = start + np.linspace(0, 2, n)
    u = t - start
    y = offset + scale * (1.3 - 0.7 * u + 1.9 * u**2)
    truth = scale * 1.9 + 0 * u, scale * (3.8 * u - 0.7), y
    for side in ("both", "left", "right"):
        assert _worst(ky.samples(t, y, ky.Polynomial(2), bandwidth=0.3, side=side), truth) < 5


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_window_of_whole_steps_from_one_sample_to_another(side):
    t = np.linspace(0, 2, 301)  # 0.9 is 135 steps: a sample lies on the border of the block behind
    r = ky.samples(t, 1 + t, ky.Linear(), bandwidth=0.9, side=side)
    assert np.abs(r.a - 1)[r.success].max() < 1e-10


@pytest.mark.parametrize("n", [60, 1000])
@pytest.mark.parametrize("start", [0.0, 1e6])
def test_given_exponential_and_wave(n, start):
    t = start + np.linspace(0, 2, n)
    u = t - start
    y = 2 + np.exp(1.7 * (u - 1))
    r = ky.samples(t, y, ky.Exponential(), bandwidth=0.9)
    assert _worst(r, (y - 2, 1.7 + 0 * u, 2 + 0 * u)) < 5
    phase = np.mod(22 * u + 1, 2 * np.pi)
    r = ky.samples(t, 2 * np.cos(phase), ky.Harmonic(), bandwidth=0.5)
    assert _worst(r, _wave(r, phase)) < 5


def _wave(r, phase):
    """The truth, its phase on the turn of the answer's."""
    near = r.phi + np.angle(np.exp(1j * (phase - r.phi)))
    return 2 + 0 * phase, 22 + 0 * phase, near, 0 * phase


@pytest.mark.parametrize("side", ["left", "right"])
def test_an_exponential_is_not_read_off_a_cubic_beside_windows_without_an_answer(side):
    t = np.linspace(0, 2, 301)
    y = 2 + 3 * np.exp(1.7 * (t - 1))
    assert _worst(ky.samples(t, y, ky.Exponential(), side=side), (y - 2, 1.7 + 0 * t, 2 + 0 * t)) < 5


def test_a_wave_of_one_side_is_followed_to_the_end():
    t = np.linspace(0, 2, 1000)
    r = ky.samples(t, 1 + 2 * np.cos(np.mod(25 * t, 2 * np.pi)), ky.Harmonic(), side="right")
    assert np.nanmax(np.abs(r.omega - 25)) < 1e-3


@pytest.mark.parametrize("n", [60, 301])
def test_chosen_polynomial_through_a_peak(n):
    t = np.linspace(-1, 1, n)
    f = 1 / (1 + 25 * t**2)
    truth = (1875 * t**2 - 25) * f**3, -50 * t * f**2, f
    assert _worst(ky.samples(t, f, ky.Polynomial(2)), truth) < 5


def test_chosen_polynomial_of_a_wave():
    t = np.linspace(-1, 1, 1000)
    truth = -12.5 * np.cos(5 * t), -5 * np.sin(5 * t), np.cos(5 * t)
    assert _worst(ky.samples(t, np.cos(5 * t), ky.Polynomial(2)), truth) < 5


def test_the_last_points_of_one_side_do_not_claim_what_three_samples_cannot_tell():
    t = np.linspace(0, 2, 301)
    r = ky.samples(t, np.sin(3 * t), ky.Linear(), side="right")
    last = r.success & (t > 1.97)
    assert last.any()
    assert np.all(np.abs(r.a - 3 * np.cos(3 * t))[last] < 5 * r.errors["a"][last])


def test_noise_is_all_of_the_error_where_there_is_some():
    t = np.linspace(0, 2, 1000)
    y = np.sin(3 * t) + 1e-3 * np.random.default_rng(1).standard_normal(1000)
    near = ky.samples(t, y, ky.Linear(), bandwidth=0.2)
    far = ky.samples(t, y + 1e3, ky.Linear(), bandwidth=0.2)
    assert np.allclose(near.errors["a"], far.errors["a"], rtol=1e-6)
