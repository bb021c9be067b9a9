"""Samples rounded to a coarse step, whose neighbours are equal: that is no absence of noise."""

import numpy as np
import pytest

import kymath as ky
from kymath.samples import lattice

LAYOUTS = {
    "one cluster": np.r_[np.arange(15) * 0.005, np.linspace(5, 10, 15)],
    "bursts": np.sort(np.concatenate([c + np.arange(14) * 0.01 for c in (0, 2.5, 5, 7.5, 10)])),
    "short bursts": np.sort(np.concatenate([c + np.arange(6) * 0.01 for c in (0, 1, 2, 3, 4, 5, 6, 7.5, 9, 10)])),
    "gaps": np.r_[np.linspace(0, 1, 20), np.linspace(4, 5, 20), np.linspace(9, 10, 20)],
    "even": np.linspace(0, 10, 200),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("step", [0.05, 0.1])
def test_intervals_cover_where_neighbours_are_equal(layout, step):
    t = LAYOUTS[layout]
    off = []
    for move in (0.0, 0.01, 0.02, 0.03):
        r = ky.samples(t, np.round((np.exp(-t / 4) + move) / step) * step - move, "linear")
        assert (r.errors["a"] > 1e-4).all()
        off += [np.abs(r.a + np.exp(-t / 4) / 4) / r.errors["a"], np.abs(r.b - np.exp(-t / 4)) / r.errors["b"]]
    assert np.mean(np.array(off) > 1.96) < 0.1
    assert np.max(off) < 5


def test_integers_that_are_exact_stay_so():
    whole = np.arange(40.0)
    for t in (whole, np.r_[whole, whole + 200]):
        for y, slope in ((3 * t + 1, 3), (t**2 - 5 * t, 2 * t - 5), ((t - 20) ** 2, 2 * t - 40)):
            r = ky.samples(t, y, "linear")
            assert (r.errors["a"] < 1e-12 * np.abs(y).max()).all()  # rounding alone
            np.testing.assert_allclose(r.a, slope, atol=1e-8)
        r = ky.samples(t, 0 * t + 7, "linear")
        assert (r.a == 0).all()
        assert (r.errors["a"] < 1e-14).all()


def test_the_step_is_seen():
    t = np.linspace(0, 10, 60)
    slow = np.sin(t / 2)
    columns = {
        0.1: np.round(slow, 1),
        0.25: np.round(slow * 4) / 4 + 1 / 3,
        0.2: np.array([0.0, 0.4, 1.0])[np.minimum((t / 4).astype(int), 2)],  # no neighbours are one step apart
    }
    nothing = [slow, np.maximum(slow, 0), 1.0 * (slow > 0), 0 * t, np.floor(t * 100)]
    found = lattice.quantum(np.stack([*columns.values(), *nothing], axis=1))
    np.testing.assert_allclose(found, [*columns, 0, 0, 0, 0, 0], rtol=1e-6)
