"""Long windows: read in pieces they give the same, and between nodes few fits are needed."""

import importlib

import numpy as np
import pytest

import kymath as ky

compress = importlib.import_module("kymath.samples.compress")
windows = importlib.import_module("kymath.samples.windows")


def decay(n, seed=1):
    t = np.linspace(0, 1, n)
    y = 1 + np.exp(-4 * t + 0.3 * np.sin(6 * t))
    return t, y + 1e-3 * np.random.default_rng(seed).standard_normal(n)


@pytest.mark.parametrize("family", [ky.Exponential(), ky.Harmonic()], ids=repr)
def test_pieces_of_a_long_window_hold_what_the_whole_does(family, monkeypatch):
    t, y = decay(40_000)
    y = y if isinstance(family, ky.Exponential) else y + np.cos(90 * t)
    at = np.array([0.31, 0.45, 0.5, 0.66])
    pieces = ky.samples(t, y, family, bandwidth=0.3, at=at)
    monkeypatch.setattr(compress, "_LONG", 10**9)
    whole = ky.samples(t, y, family, bandwidth=0.3, at=at)
    for one, other, error in zip(pieces.theta, whole.theta, whole.error, strict=True):
        assert np.isfinite(one).all()
        assert np.abs(one - other).max() < 1e-6 * error.min()


def test_where_a_cubic_between_nodes_is_no_answer_nodes_are_finer(monkeypatch):
    fitted = []
    plain = windows._direct

    def counted(kind, t, y, at, *given):
        fitted.append(at.size)
        return plain(kind, t, y, at, *given)

    monkeypatch.setattr(windows, "_direct", counted)
    t, y = decay(100_000)
    r = ky.samples(t, y, ky.Exponential())
    assert np.isfinite(r.B).mean() > 0.9
    assert sum(fitted) < 2000  # of 100,000 points
