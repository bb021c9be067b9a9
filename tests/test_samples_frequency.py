"""Frequencies in all windows of a series: what is shared among neighbours changes no answer."""

import numpy as np

import kymath as ky


def test_windows_that_begin_from_their_neighbours_answer_as_alone():
    t = np.linspace(0, 1, 2000)
    y = 1 + np.cos(300 * t + 8 * np.sin(6 * t)) + 0.01 * np.random.default_rng(4).normal(size=t.size)
    y[1000:] = np.flip(y[:1000])  # a break, at which neighbours differ
    together = ky.samples(t, y, ky.Harmonic(), bandwidth=0.03)
    alone = ky.samples(t, y, ky.Harmonic(), bandwidth=0.03, at=t[::67])
    assert np.array_equal(np.isfinite(together.omega[::67]), np.isfinite(alone.omega))
    np.testing.assert_allclose(together.omega[::67], alone.omega, rtol=1e-8)
    np.testing.assert_allclose(together.A[::67], alone.A, rtol=1e-7)


def field(n, bend):
    """Twenty-odd samples a turn, and a frequency that varies by ``bend``."""
    t = np.linspace(0, 1, n)
    w = 2 * np.pi * n / 25
    return t, 0.5 + np.cos(w * (t - bend * np.cos(9 * t) / 9)), w


def tied(e):
    out = e.copy()
    for i in range(1, out.size):
        out[i] += 0.7 * out[i - 1]
    return out


def test_what_a_plain_wave_misses_is_no_correlated_noise():
    t, y, _ = field(2000, 0.2)
    y = y + 1e-3 * np.random.default_rng(3).normal(size=t.size)
    for width in (0.02, 0.08):
        r = ky.samples(t, y, ky.Harmonic(), bandwidth=width)
        assert "correlated" not in r.message
        assert "varies inside" in r.message


def test_correlated_noise_is_noticed_in_given_windows_and_at_few_points():
    t, y, w = field(1000, 0.0)
    for seed in range(4):
        e = np.random.default_rng(seed).normal(size=t.size)
        for noise, correlated in ((e, False), (tied(e), True), (np.convolve(e, np.ones(5), "same"), True)):
            for at in (t, [0.4, 0.6]):
                r = ky.samples(t, y + 0.02 * noise, ky.Harmonic(), bandwidth=0.1, at=at)
                assert ("correlated" in r.message) == correlated
                assert "varies inside" not in r.message
                away = np.abs(r.omega - w) / r.errors["omega"]
                assert away.max() < 5
