"""Beside an end of the data: a given width is cut off by the end, a chosen one says how far it reaches."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

import kymath as ky

FORMS = {
    "wave": (ky.Harmonic(), lambda s, a, w, p, c: a * np.cos(w * s + p) + c, lambda t: np.cos(8 * t + 0.1 * t**2), 1.0),
    "decay": (ky.Exponential(), lambda s, a, b, c: a * np.exp(b * s) + c, lambda t: np.exp(-t / 2), 3.0),
    "own": (ky.Family("A*exp(B*s)", "A B"), lambda s, a, b: a * np.exp(b * s), lambda t: np.exp(-t / 2), 1.0),
}


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("n", [60, 1400])
@pytest.mark.parametrize("name", FORMS)
def test_the_end_cuts_a_given_width_off(name, n, spread):
    family, formula, curve, half = FORMS[name]
    rng = np.random.default_rng(3)
    t = np.sort(rng.uniform(0, 4, n)) if spread else np.linspace(0, 4, n)
    y = curve(t) + 1e-3 * rng.standard_normal(n)
    r = ky.samples(t, y, family, bandwidth=half)
    assert (r.bandwidth == half).all()
    for j in (0, 1, n // 30, n // 10, n // 5, n - 1 - n // 15, n - 2, n - 1):
        theta = np.array([one[j] for one in r.theta])
        if not np.isfinite(theta).all():
            continue
        inside = np.abs(t - t[j]) <= half * (1 + 1e-9)
        start = theta * (1 + 1e-3)
        best, _ = curve_fit(formula, t[inside] - t[j], y[inside], start, xtol=1e-15, ftol=1e-15, gtol=1e-15)
        np.testing.assert_allclose(theta, best, rtol=3e-5, atol=1e-6)
    assert r.success[[0, n // 5]].all()


@pytest.mark.parametrize("name", ["wave", "decay"])
@pytest.mark.parametrize("half", [1.5, 3.8])
def test_windows_that_both_ends_cut_off(name, half):
    """Windows nearly as long as the series lack samples on one side or the other, and many are held together."""
    family, formula, curve, _ = FORMS[name]
    t = np.linspace(0, 4, 2000)
    y = curve(t) + 1e-2 * np.random.default_rng(4).standard_normal(t.size)
    at = np.array([0, 1, 90, 95, 99, 130, 700, 1300, 1880, 1903, 1906, 1998, 1999])
    r = ky.samples(t, y, family, bandwidth=half)
    for j in at[r.success[at]]:
        theta = np.array([one[j] for one in r.theta])
        inside = np.abs(t - t[j]) <= half * (1 + 1e-9)
        best, spread = curve_fit(formula, t[inside] - t[j], y[inside], theta, xtol=1e-14, ftol=1e-14, gtol=1e-14)
        assert (np.abs(theta - best) < 1e-3 * np.sqrt(np.diag(spread))).all()
    assert r.success[at].sum() > 9


@pytest.mark.parametrize("family", [ky.Exponential(), ky.Family("A*exp(B*s) + C", "A B C")])
def test_a_chosen_width_given_again_holds_the_same_samples(family):
    """A window that moved in at the end reaches further from its point, and the bandwidth says how far."""
    t = np.linspace(0, 10, 400)
    y = np.exp(-t / 3) + 0.001 * np.random.default_rng(1).standard_normal(t.size)
    width = ky.samples(t, y, family).bandwidth
    assert width[0] == pytest.approx(10)
    assert width[200] == pytest.approx(5, rel=0.01)
    assert width[-1] == pytest.approx(10)


@pytest.mark.parametrize("seed", range(3))
def test_a_few_turns_have_errors(seed):
    """Too few to be followed: windows, whose errors hold at least the noise."""
    t = np.linspace(0, 1, 300)
    y = np.cos(2 * np.pi * (4 * t + 1.5 * t**2)) + 0.05 * np.random.default_rng(seed).standard_normal(300)
    r = ky.samples(t, y, ky.Harmonic())
    away = np.abs(r.omega - 2 * np.pi * (4 + 3 * t))[r.success] / r.errors["omega"][r.success]
    assert np.mean(away < 1.96) > 0.8
    assert away.max() < 5


T = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
WAVES = {  # value, slope and half the second derivative
    "three sines": (
        np.sin(T) + 0.5 * np.cos(3 * T) + 0.2 * np.sin(5 * T),
        np.cos(T) - 1.5 * np.sin(3 * T) + np.cos(5 * T),
        -(np.sin(T) + 4.5 * np.cos(3 * T) + 5 * np.sin(5 * T)) / 2,
    ),
    "a hump": (
        np.exp(4 * np.cos(T - 2) - 4),
        -4 * np.sin(T - 2) * np.exp(4 * np.cos(T - 2) - 4),
        (8 * np.sin(T - 2) ** 2 - 2 * np.cos(T - 2)) * np.exp(4 * np.cos(T - 2) - 4),
    ),
}


@pytest.mark.parametrize(("name", "noise", "seed"), [("three sines", 0.1, 5), ("a hump", 1e-3, 2), ("a hump", 1e-3, 3)])
def test_what_noise_hides_beside_an_end_is_in_the_errors(name, noise, seed):
    """Coefficients that the noise covers bend the end: errors of the noise alone were up to 32 times too small."""
    truth = WAVES[name]
    r = ky.samples(T, truth[0] + noise * np.random.default_rng(seed).standard_normal(T.size), ky.Polynomial(2))
    ends = np.r_[:50, -50:0]
    for theta, true, most in zip(("a0", "a1", "a2"), truth, (4, 5, 8), strict=True):
        away = np.abs(r.parameters[theta] - true) / r.errors[theta]
        assert away[ends].max() < most


@pytest.mark.parametrize("n", [200, 400, 1000, 3000])
@pytest.mark.parametrize("end", [5.0, 2 * np.pi])
def test_without_noise_the_errors_hold_what_arithmetic_loses(n, end):
    """No noise is seen that hangs together either: means of neighbours are not on the curve."""
    t = np.linspace(0, end, n)
    r = ky.samples(t, np.sin(t), ky.Polynomial(2))
    truth = np.sin(t), np.cos(t), -np.sin(t) / 2
    for theta, true, near in zip(("a0", "a1", "a2"), truth, (1e-12, 1e-10, 1e-8), strict=True):
        off = np.abs(r.parameters[theta] - true)
        assert (off < 5 * r.errors[theta]).all()
        assert off.max() < near
        assert np.median(r.errors[theta]) < near
