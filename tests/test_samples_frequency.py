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
