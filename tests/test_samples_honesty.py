"""Errors of the transform of data: that they cover, that noise is told for what it is; and what a long series takes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.signal import lfilter

import kymath as ky
from kymath.samples import correlation, linear, noise, robust
from kymath.samples.series import Series


def CHIRP(t):
    return np.sin(2 * np.pi * (2 * t + 5 * t**2))


def SINES(t):
    return np.sin(10 * t) + 0.5 * np.sin(31 * t + 1) + 0.2 * np.cos(70 * t)


SIGNALS = {
    "chirp": CHIRP,
    "sines": SINES,
    "bump": lambda t: 1 / (1 + ((t - 0.4) / 0.05) ** 2) + t,
    "growth": lambda t: np.exp(4 * t) / 20,
    "step": lambda t: 1 / (1 + np.exp(-80 * (t - 0.45))),
    "cubic": lambda t: 2 * t**3 - 3 * t**2 + t,
}


def slope(f, t):
    return (f(t + 1e-6) - f(t - 1e-6)) / 2e-6


def measured(f, n, sigma, seed=0, spread=False):
    rng = np.random.default_rng(seed)
    t = np.sort(rng.uniform(0, 1, n)) if spread else np.linspace(0, 1, n)
    return t, f(t) + sigma * rng.standard_normal(n)


def covered(f, t, r, margin=0.03):
    """The shares of the points where the 95 % intervals of a0 and a1 hold the truth."""
    inside = (t > margin) & (t < 1 - margin)
    return [
        float(np.mean((np.abs(found - truth) < 1.96 * error)[inside]))
        for found, truth, error in ((r.a0, f(t), r.error[2]), (r.a1, slope(f, t), r.error[1]))
    ]


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize(("n", "sigma", "spread"), [(150, 0.01, False), (2000, 0.03, True), (10_000, 1e-3, False)])
def test_intervals_cover(name, n, sigma, spread):
    share = []
    for seed in range(2):
        t, y = measured(SIGNALS[name], n, sigma, 40 + seed, spread)
        share += covered(SIGNALS[name], t, ky.samples(t, y, ky.Polynomial(2)))
    assert np.mean(share) > 0.85


@pytest.mark.parametrize("rho", [0.7, 0.9])
def test_intervals_cover_with_correlated_noise(rho):
    share = []
    for seed in range(2):
        t = np.linspace(0, 1, 20_000)
        e = lfilter([1], [1, -rho], np.random.default_rng(seed).standard_normal(len(t)))
        r = ky.samples(t, CHIRP(t) + 0.05 * e, ky.Polynomial(2))
        assert "correlated" in r.message
        share += covered(CHIRP, t, r)
    assert np.mean(share) > 0.85


def test_a_short_series_cannot_tell_correlated_noise_and_says_so():
    t = np.linspace(0, 1, 200)
    e = lfilter([1], [1, -0.9], np.random.default_rng(3).standard_normal(len(t)))
    r = ky.samples(t, np.exp(3 * t) / 20 + 0.05 * e, ky.Polynomial(2))
    assert "correlated" in r.message or "hangs together" in r.message
    assert "may be too small" in r.message


def test_white_noise_is_not_called_correlated():
    called = 0
    for seed in range(100):
        t, y = measured(SINES, 2000, 0.1, seed)
        called += noise.measure(t, y[:, None])[0].block > 1
    assert called <= 4


def tied(kind, shape, seed):
    """Noise of variance one: "ar" with 0.7 from one sample to the next, "ma" over ten samples, or white."""
    e = np.random.default_rng(seed).standard_normal((shape[0] + 200, shape[1]))
    if kind == "ar":
        e = lfilter([1], [1, -0.7], e, axis=0) * np.sqrt(1 - 0.49)
    elif kind == "ma":
        e = lfilter(np.ones(10) / np.sqrt(10), [1], e, axis=0)
    return e[200:]


GENTLE = (
    lambda t: np.sin(7 * t + np.cos(5 * t)),
    lambda t: np.exp(-(((t - 0.6) / 0.2) ** 2)),
    lambda t: np.cosh(3 * t),
)


@pytest.mark.parametrize(("kind", "n", "repeats"), [("ar", 200, 8), ("ma", 1000, 1)])
def test_a_short_series_with_correlated_noise(kind, n, repeats):
    t = np.linspace(0, 1, n)
    truth = np.repeat(np.stack([f(t) for f in GENTLE], axis=1), repeats, axis=1)
    y = truth + 0.1 * truth.std(axis=0) * tied(kind, truth.shape, 11)
    jets, errors, _, noises = linear.automatic(t, y, t, np.diag([1.0, 1.0, 0.5])[::-1], "both")
    assert np.mean([v.block > 1 for v in noises]) > 0.9
    assert np.mean(np.abs(jets[0] - truth) < 1.96 * errors[2]) > 0.85


def test_a_short_series_with_white_noise_is_not_warned_of():
    t = np.linspace(0, 1, 200)
    truth = np.repeat(np.stack([f(t) for f in (*GENTLE, CHIRP)], axis=1), 12, axis=1)
    y = truth + 0.05 * tied("white", truth.shape, 12)
    noises = linear.automatic(t, y, t, np.diag([1.0, 1.0, 0.5])[::-1], "both")[3]
    assert np.mean([v.block > 1 or v.blind for v in noises]) <= 0.05


@pytest.mark.parametrize("n", [200, 1500])
@pytest.mark.parametrize("loud", [lambda t: 9 ** (t - 1), lambda t: np.where(t > 0.5, 1, 0.25)], ids=["rise", "jump"])
def test_errors_follow_noise_that_is_larger_in_some_places(n, loud):
    t = np.linspace(0, 1, n)
    truth = np.repeat(np.stack([f(t) for f in GENTLE], axis=1), 4, axis=1)
    y = truth + 0.1 * truth.std(axis=0) * loud(t)[:, None] * tied("white", truth.shape, 15)
    jets, errors = linear.automatic(t, y, t, np.diag([1.0, 1.0, 0.5])[::-1], "both")[:2]
    parts = np.array_split(np.abs(jets[0] - truth) < 1.96 * errors[2], 3)
    assert min(part.mean() for part in parts) > 0.8
    assert 0.87 < np.mean([part.mean() for part in parts]) < 0.99


@pytest.mark.parametrize("n", [100, 300, 3000, 50_000])
def test_white_noise_is_of_one_size(n):
    rng = np.random.default_rng(n)
    t, rows = np.linspace(0, 1, n), noise.blocks(n)
    found = [noise.local(t, rows, rng.standard_normal(n)[rows] ** 2) is not None for _ in range(400)]
    assert np.mean(found) <= 0.05


def test_the_cosine_transform():
    from scipy.fft import dct

    for n in (1, 2, 7, 8, 201):
        x = np.random.default_rng(n).standard_normal((3, n))
        np.testing.assert_allclose(correlation.cosines(x), dct(x, norm="ortho", axis=1), atol=1e-12)
        np.testing.assert_allclose(correlation.from_cosines(correlation.cosines(x[0])), x[0], atol=1e-12)


@pytest.mark.parametrize("n", [30, 200, 420])
@pytest.mark.parametrize("side", ["left", "right"])
def test_one_side(n, side):
    t, share = np.linspace(0, 1, n), []
    for seed, f in enumerate(GENTLE):
        y = f(t) + 0.03 * np.std(f(t)) * np.random.default_rng(50 + seed).standard_normal(n)
        r = ky.samples(t, y, ky.Polynomial(2), side=side)
        enough = np.arange(n) >= 2 if side == "left" else np.arange(n) < n - 2  # three samples carry a parabola
        assert r.success[enough].all()
        if not r.success.all():
            assert "too few samples on the side" in r.message
        warned = "noise" in ky.samples(t, y, ky.Polynomial(2)).message  # thirty samples show little of any noise
        assert not warned or n < 200
        assert ("noise" in r.message) == warned
        share += [np.mean((np.abs(a - b) < 1.96 * e)[enough]) for a, b, e in (
            (r.a0, f(t), r.error[2]), (r.a1, slope(f, t), r.error[1]))]  # fmt: skip
    assert np.mean(share) > 0.85


@pytest.mark.parametrize("side", ["left", "right"])
def test_one_side_is_warned_of_correlated_noise(side):
    t = np.linspace(0, 1, 200)
    r = ky.samples(t, GENTLE[0](t) + 0.1 * tied("ar", (200, 1), 16)[:, 0], ky.Polynomial(2), side=side)
    assert "noise" in r.message


def test_the_long_run_variance_is_read_from_residuals():
    e = tied("ar", (4000, 1), 13).T
    found = correlation.judge(e, 0)
    assert found.short == pytest.approx(1, rel=0.1)
    assert found.long == pytest.approx(np.sqrt(1.7 / 0.3), rel=0.15)
    assert correlation.judge(tied("white", (4000, 1), 14).T, 0).gain < correlation.CLEAR


@pytest.mark.parametrize("name", ["chirp", "growth"])
def test_noise_is_measured(name):
    t, y = measured(SIGNALS[name], 5000, 0.2, spread=True)
    assert noise.measure(t, y[:, None])[0].sigma == pytest.approx(0.2, rel=0.06)


@pytest.mark.parametrize("n", [200, 4000])
def test_outliers(n):
    rng = np.random.default_rng(5)
    t, y = measured(SINES, n, 0.02)
    wrong = y.copy()
    where = rng.choice(n, n // 12, replace=False)
    wrong[where] += rng.choice([-1, 1], len(where)) * rng.uniform(1, 20, len(where))
    clean = ky.samples(t, y, ky.Polynomial(2))
    r = ky.samples(t, wrong, ky.Polynomial(2), robust=True)
    truth, inside = slope(SINES, t), slice(n // 20, -n // 20)

    def rms(r):
        return np.sqrt(np.mean((r.a1 - truth)[inside] ** 2))

    assert rms(r) < 1.6 * rms(clean)
    assert rms(ky.samples(t, wrong, ky.Polynomial(2))) > 3 * rms(clean)


def test_nothing_is_an_outlier_among_clean_samples():
    t, y = measured(CHIRP, 4000, 0.05)
    series = robust.cleaned(Series.of(t, y), lambda t, y, x: CHIRP(x))
    assert np.isnan(series.y).sum() < 3


def test_a_long_series_takes_little_memory_and_no_scipy():
    code = (
        "import sys, tracemalloc, kymath as ky, numpy as np; n = 1_000_000; t = np.linspace(0, 1, n);"
        "y = np.sin(9 * t) + 0.01 * np.random.default_rng(1).standard_normal(n); tracemalloc.start();"
        "ky.samples(t, y, ky.Polynomial(2)); assert tracemalloc.get_traced_memory()[1] < 200 * n;"
        "assert not {'scipy.fft', 'scipy.special'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("side", ["both", "left"])
def test_an_answer_does_not_depend_on_the_blocks_that_it_is_read_in(monkeypatch, side):
    t, y = measured(SIGNALS["bump"], 5000, 0.02)
    whole = ky.samples(t, y, ky.Polynomial(2), side=side)
    monkeypatch.setattr(linear, "_BLOCK", 700)
    blocks = ky.samples(t, y, ky.Polynomial(2), side=side)
    for a, b in zip(whole.theta + whole.error, blocks.theta + blocks.error, strict=True):
        assert np.isfinite(a[2 if side == "left" else 0 :]).all()  # the first two have too few samples on their left
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7 * np.nanmax(np.abs(a)))


def test_one_series_gives_one_column_whatever_its_noise_turns_out_to_be():
    """White as the pseudo-residuals see it, moving means as the residuals do: fitted twice, once each way."""
    t = np.linspace(0, 1, 1000)
    for seed in range(3):
        e = np.random.default_rng(seed).normal(size=(1004, 2))
        noise = sum(e[k : k + 1000] for k in range(5)) / np.sqrt(5)
        y = np.sin(6 * t)[:, None] + 0.03 * noise
        one, both = ky.samples(t, y[:, 0], ky.Polynomial(2)), ky.samples(t, y, ky.Polynomial(2))
        assert one.theta[0].shape == (1000,)
        np.testing.assert_allclose(both.theta[0][:, 0], one.theta[0], atol=0.05)
