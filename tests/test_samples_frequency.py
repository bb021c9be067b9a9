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


def modulated(n, turns, seed, level):
    """A wave whose frequency and amplitude vary smoothly, with white noise: t, y and the frequency."""
    t = np.linspace(0, 1, n)
    w = 2 * np.pi * turns
    phase = w * (t - 0.2 * np.cos(11 * t + seed) / 11)
    y = 0.5 + (1 + 0.3 * np.sin(8 * t)) * np.cos(phase)
    return t, y + level * np.random.default_rng(seed).normal(size=n), w * (1 + 0.2 * np.sin(11 * t + seed))


def test_a_short_series_of_a_smooth_wave_is_followed_to_its_noise():
    """What the curves through fifteen turns missed was called correlated noise, and the errors knew nothing of it."""
    held, far = [], []
    for seed in range(8):
        t, y, w = modulated(300, 17, seed, 1e-3)
        r = ky.samples(t, y, ky.Harmonic())
        away = np.abs(r.omega - w) / r.errors["omega"]
        held.append(np.mean(away < 1.96))
        far.append(np.mean(away > 5))
        assert "correlated" not in r.message
        assert np.sqrt(np.mean((r.omega - w) ** 2)) < 2e-3 * w.max()
    assert np.mean(held) > 0.85
    assert np.mean(far) == 0


def test_a_long_wave_is_known_at_its_ends():
    for seed in range(3):
        t, y, w = modulated(20_000, 150, seed, 1e-3)
        r = ky.samples(t, y, ky.Harmonic())
        away = np.abs(r.omega - w) / r.errors["omega"]
        assert away.max() < 5
        assert np.mean(away[np.minimum(t, 1 - t) < 0.05] < 1.96) > 0.7


def test_a_constant_frequency_is_known_as_well_as_from_all_samples():
    for n, turns in ((300, 16), (2000, 100)):
        off, sure = [], []
        for seed in range(4):
            rng = np.random.default_rng(seed)
            t, w = np.linspace(0, 1, n), 2 * np.pi * turns
            r = ky.samples(t, np.cos(w * t + seed) + 0.01 * rng.normal(size=n), ky.Harmonic())
            off.append(r.omega - w)
            sure.append(np.max(np.abs(r.omega - w) / r.errors["omega"]))
        assert np.sqrt(np.mean(np.square(off))) < 2 * 0.01 * np.sqrt(24 / n)  # the least error there can be, twice
        assert max(sure) < 4


def test_a_kink_of_the_frequency_is_no_polynomial():
    t = np.linspace(0, 1, 3000)
    w = 2 * np.pi * 100
    phase = w * (t + 0.15 * (t - 0.45) * np.abs(t - 0.45))
    for level in (0.001, 0.02):
        r = ky.samples(t, np.cos(phase) + level * np.random.default_rng(1).normal(size=t.size), ky.Harmonic())
        away = np.abs(r.omega - w * (1 + 0.3 * np.abs(t - 0.45))) / r.errors["omega"]
        assert np.mean(away < 1.96) > 0.9


def test_a_wave_in_correlated_noise_is_no_other_wave():
    away = []
    for seed in range(6):
        e = np.random.default_rng([seed, 300]).standard_normal(400)
        for i in range(1, e.size):
            e[i] = 0.7 * e[i - 1] + 0.51**0.5 * e[i]
        t = np.linspace(0, 10, 300)
        y = 0.5 + np.sin(3.3 * t + 0.4) * np.exp(-0.03 * t) + 0.1 * e[100:]
        r = ky.samples(t, y, ky.Harmonic())
        assert not (r.A[r.success] > 0.7 * np.ptp(y)).any()
        away.append((np.abs(r.omega - 3.3) / r.errors["omega"])[r.success])
    assert np.mean(np.concatenate(away) > 5) < 0.005


def test_times_of_any_size_close_no_curve_with_an_exception():
    for size in (1e150, 1e160, 1e300):
        t = np.linspace(0, 10, 200)
        r = ky.samples(t * size, np.sin(t), ky.Polynomial(2))
        assert np.max(np.abs(r.a0 - np.sin(t))) < 1e-6
