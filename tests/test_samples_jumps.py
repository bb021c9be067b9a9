"""Jumps in a series: told where they are, and nowhere else."""

import numpy as np
import pytest

import kymath as ky
from kymath.samples import jumps, noise

N = 200
T = np.linspace(0, 20, N)


def noisy(seed: int, sigma: float = 0.02) -> np.ndarray:
    return sigma * np.random.default_rng(seed).standard_normal(N)


def test_a_jump_is_told_where_it_is():
    for seed in range(20):
        y = np.where(T < 12, 1.0, 3.0) + np.sin(T) + noisy(seed)
        assert jumps.found(T, y[:, None]) == [12.0]
    result = ky.samples(T, y, "linear")
    assert result.message.startswith("The data jump near t = 12: ")
    assert 'side="left" before it' in result.message
    assert "jump near" not in ky.samples(T, y, "linear", bandwidth=2.0).message
    left = ky.samples(T, y - np.sin(T), "linear", side="left", at=[11.95])
    assert abs(left.b[0] - 1) < 4 * left.errors["b"][0]
    assert left.errors["b"][0] < 0.3


def test_more_than_one_and_several_channels():
    y = np.outer(0.1 * np.floor(T / 4), [1.0, 0.0]) + np.stack([noisy(1, 0.002), noisy(2, 0.002)], axis=1)
    assert jumps.found(T, y) == [4.0, 8.0, 12.0, 16.0]
    assert "near t = 4, 8, 12 and 1 other place:" in ky.samples(T, y, "linear").message
    assert jumps.found(T, y[:, 1:]) == []
    assert jumps.found(T, np.where(T[:, None] < 12, 1.0, 3.0)) == [12.0]  # without any noise


def smooth(rise: float, r: np.random.Generator) -> np.ndarray:
    return 1 / (1 + np.exp(-(T - r.uniform(5, 15)) * 80 / rise))


def walk(r: np.random.Generator, stays: float) -> np.ndarray:
    y = np.zeros(N)
    for i, step in enumerate(r.standard_normal(N)):
        y[i] = stays * y[i - 1] + step
    return y


QUIET = {
    "noise": lambda r: r.standard_normal(N),
    "logistic": lambda r: smooth(12, r) + 0.01 * r.standard_normal(N),
    "logistic without noise": lambda r: smooth(12, r),
    "square root": lambda r: np.sqrt(np.maximum(0, T - T[r.integers(20, 180)])) + 0.01 * r.standard_normal(N),
    "kink": lambda r: np.abs(T - r.uniform(5, 15)),
    "peak": lambda r: np.exp(-((T - 10) ** 2) / 0.05) + 0.01 * r.standard_normal(N),
    "exponential": lambda r: np.exp(T) * (1 + 0.01 * r.standard_normal(N)),
    "walk": lambda r: walk(r, 1.0),
    "AR(0.95)": lambda r: walk(r, 0.95),
    "outliers": lambda r: 0.02 * r.standard_normal(N) + (r.random(N) < 0.03) * r.standard_normal(N),
    "Cauchy": lambda r: r.standard_cauchy(N),
    "burst": lambda r: r.standard_normal(N) * np.where(np.abs(T - 10) < 2, 1.0, 0.05),
    "rounded": lambda r: np.round(5 * np.sin(T * r.uniform(0.1, 1.0))),
    "counts": lambda r: r.poisson(0.3, N).astype(float),
}


@pytest.mark.parametrize("kind", QUIET)
def test_what_does_not_jump_is_not_told_to(kind):
    made = (QUIET[kind](np.random.default_rng(seed)) for seed in range(60))
    assert sum(bool(jumps.found(T, y[:, None])) for y in made) == 0


def test_a_wide_gap_is_no_jump():
    r = np.random.default_rng(0)
    for _ in range(30):
        t = np.sort(r.uniform(0, 20, N))
        t = t[(t < 9) | (t > 10)]
        assert jumps.found(t, np.sin(t)[:, None]) == []


def test_noise_is_not_correlated_over_more_than_the_series():
    one = noise.Noise(1.0, 40, 0.5)
    assert "over some 40 samples:" in noise.told([one], 160)
    assert "over much of the series:" in noise.told([one], 159)


def test_few_points_show_their_numbers():
    y = 1 + 2 * T + noisy(0)
    one = ky.samples(T, y, "linear", at=[3.0, 40.0])
    head, first, second = repr(one).splitlines()
    assert head == "samples of Linear() (2 points): 1 reached, a, b:"
    assert first.startswith("  t = 3: a = ")
    assert " ± " in first
    assert second == "  t = 40: NOT_FINITE"
    assert repr(ky.samples(T, y, "linear", at=3.0)).count("\n") == 1
    days = np.datetime64("2020-01-01") + np.arange(N)
    assert "\n  t = 2020-04-01" in repr(ky.samples(days, y, "linear", at=["2020-04-01"]))
    for many in (np.arange(6.0), np.arange(3.0)):
        several = ky.samples(T, np.stack([y, y], axis=1) if many.size < 6 else y, "linear", at=many)
        assert "\n" not in repr(several)
    assert "<br" not in one._repr_html_()
    assert "t = 3" not in one._repr_html_()
