"""Series that end where they begin: one Fourier series along all of them, and only there."""

import numpy as np
import pytest

import kymath as ky

FAMILY = ky.Polynomial(2)


def curve(t, rng, modes, *, open_by=0.0):
    """Value and slope of a closed curve of period 1; ``open_by`` lets its slope jump from the end to the begin."""
    y, slope = open_by * (t * t - t), open_by * (2 * t - 1)
    for k in range(1, modes + 1):
        a, b = rng.standard_normal(2) / k
        w = 2 * np.pi * k
        y, slope = y + a * np.cos(w * t) + b * np.sin(w * t), slope + w * (b * np.cos(w * t) - a * np.sin(w * t))
    return y, slope


def least_squares(t, y, modes):
    """The slope by NumPy's least squares, told how many turns there are."""
    w = 2 * np.pi * np.arange(1, modes + 1)
    wave = np.outer(t, w)
    columns = np.hstack([np.ones((t.size, 1)), np.cos(wave), np.sin(wave)])
    slopes = np.hstack([np.zeros((t.size, 1)), -w * np.sin(wave), w * np.cos(wave)])
    return slopes @ np.linalg.lstsq(columns, y, rcond=None)[0]


@pytest.mark.parametrize("n", [300, 2000, 30_000])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("quiet", [1.0, 0.2])
def test_a_closed_curve_is_as_near_as_least_squares_told_its_turns(n, last, quiet):
    rng = np.random.default_rng([n, last, int(10 * quiet)])
    t = np.linspace(0, 1, n, endpoint=last)
    clean, slope = curve(t, rng, 6)
    size = np.linspace(quiet, 1, n)  # noise that is louder towards the end
    y = clean + 0.003 * size * rng.standard_normal(n)
    r = ky.samples(t, y, FAMILY)
    best = least_squares(t, y, 6) - slope
    assert np.sqrt(np.mean((r.a1 - slope) ** 2)) < 1.3 * np.sqrt(np.mean(best**2))
    assert np.mean(np.abs(r.a1 - slope) < 1.96 * r.errors["a1"]) > 0.9
    assert np.allclose(r.bandwidth, (t[-1] - t[0]) / 2)


@pytest.mark.parametrize("open_by", [0.01, 0.03, 0.1, 0.3, 1.0])
def test_ends_that_meet_by_chance_are_no_period(open_by):
    rng = np.random.default_rng(int(1000 * open_by))
    beyond, covered = 0, []
    for n in (300, 1000):
        for sigma in (0.001, 0.01):
            t = np.linspace(0, 1, n)
            y, slope = curve(t, rng, 3, open_by=open_by)
            r = ky.samples(t, y + sigma * rng.standard_normal(n), FAMILY)
            away = np.abs(r.a1 - slope) / r.errors["a1"]
            beyond += int(np.sum(away > 5))
            covered.append(np.mean(away < 1.96))
    assert beyond == 0
    assert np.mean(covered) > 0.85


def test_channels_choose_for_themselves_and_points_do_not_matter():
    rng = np.random.default_rng(3)
    t = np.linspace(0, 1, 500)
    closed, _ = curve(t, rng, 4)
    y = np.stack([closed, np.exp(2 * t)], axis=1) + 0.002 * rng.standard_normal((500, 2))
    r = ky.samples(t, y, FAMILY)
    assert np.allclose(r.bandwidth[:, 0], 0.5)
    assert np.allclose(r.a1[:, 0], ky.samples(t, y[:, 0], FAMILY).a1, rtol=1e-9)
    some = ky.samples(t, y, FAMILY, at=t[::7])
    assert np.allclose(some.a1, r.a1[::7], rtol=1e-9)
    assert np.allclose(some.errors["a2"], r.errors["a2"][::7], rtol=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_noise_that_hangs_together_is_in_the_errors(seed):
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, 800)
    clean, slope = curve(t, rng, 3)
    noise = np.convolve(rng.standard_normal(900), 0.7 ** np.arange(40))[:800]
    r = ky.samples(t, clean + 0.01 * noise, FAMILY)
    assert np.mean(np.abs(r.a1 - slope) < 1.96 * r.errors["a1"]) > 0.85
    assert "correlated" in r.message
    assert np.sqrt(np.mean(r.errors["a1"] ** 2)) < 30 * np.sqrt(np.mean((r.a1 - slope) ** 2))


@pytest.mark.parametrize("seed", [1, 5, 6])
def test_steps_inside_that_look_like_noise_keep_a_curve_from_being_closed(seed):
    """A fit across them takes them for noise that hangs together, which is far larger than the waves beyond."""
    t = np.linspace(0, 1, 600, endpoint=False)
    step = 0.25 * ((t > 0.35) & (t < 0.65))
    y = np.sin(2 * np.pi * t) + step + 0.05 * np.random.default_rng(seed).standard_normal(t.size)
    assert np.ptp(ky.samples(t, y, FAMILY).bandwidth) > 0
