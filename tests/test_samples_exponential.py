"""Rates of exponentials in noise that hangs together: noticed, and allowed for."""

from __future__ import annotations

import numpy as np
import pytest

import kymath as ky
from kymath.samples import correlation


def noise(kind, n, seed):
    e = np.random.default_rng(seed).standard_normal(n + 100)
    if kind == "MA(5)":
        return np.convolve(e, np.full(5, 5**-0.5), "same")[100:]
    for i in range(1, e.size) if kind == "AR(0.7)" else ():
        e[i] = 0.7 * e[i - 1] + 0.51**0.5 * e[i]
    return e[100:]


@pytest.mark.parametrize("kind", ["AR(0.7)", "MA(5)"])
def test_correlated_noise_neither_misleads_nor_narrows(kind):
    t = np.linspace(0, 1, 1000)
    r = ky.samples(t, np.exp(-3 * t) + 3e-3 * noise(kind, t.size, 1), ky.Exponential())
    assert "correlated" in r.message
    assert r.success.mean() > 0.9
    assert np.nanmax(np.abs(r.B + 3)) < 0.3
    assert np.nanmean(np.abs(r.B + 3) < 3 * r.errors["B"]) > 0.9


def test_white_noise_is_not_called_correlated():
    t = np.linspace(0, 1, 1000)
    found = [correlation.of(t, np.exp(-3 * t) + 3e-3 * noise("white", t.size, k)) for k in range(40)]
    assert sum(one is not None for one in found) <= 2
