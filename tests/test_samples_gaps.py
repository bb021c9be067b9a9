"""Wide gaps part a series: what lies in them has no answer, and the sides are as if alone."""

import numpy as np
import pytest

import kymath as ky


@pytest.mark.parametrize(("speed", "low", "high"), [(9, 4.5, 5.5), (9, 3, 6), (1, 1, 9)])
def test_nothing_is_told_of_a_gap_wider_than_the_windows(speed, low, high):
    t = np.linspace(0, 10, 2000)
    y = np.sin(speed * t) + 0.05 * np.random.default_rng(0).standard_normal(t.size)
    gap = (t > low) & (t < high)
    y[gap] = np.nan
    r = ky.samples(t, y, ky.Polynomial(2))
    assert not r.success[gap].any()
    assert r.success[~gap].all()
    off = np.abs(r.a1 - speed * np.cos(speed * t))[~gap] / r.errors["a1"][~gap]
    assert np.mean(off > 5) == 0
    assert np.mean(off < 1.96) > 0.85
    assert "too few samples" in r.message


def test_a_gap_that_windows_reach_over_is_none():
    t = np.linspace(0, 10, 2000)
    y = np.sin(t) + 0.05 * np.random.default_rng(0).standard_normal(t.size)
    y[(t > 4) & (t < 4.5)] = np.nan
    r = ky.samples(t, y, ky.Polynomial(2))
    assert r.success.all()
    assert np.mean(np.abs(r.a1 - np.cos(t)) < 5 * r.errors["a1"]) == 1


@pytest.mark.parametrize("turns", [2, 5, 9])
def test_errors_of_few_turns_are_not_zero(turns):
    t = np.linspace(0, 1, 400)
    y = np.cos(2 * np.pi * turns * t) + 0.05 * np.random.default_rng(turns).standard_normal(t.size)
    r = ky.samples(t, y, ky.Harmonic())
    assert (r.errors["omega"][r.success] > 0).all()


def test_a_gap_between_waves_leaves_no_wrong_frequency():
    t = np.linspace(0, 10, 2000)
    y = np.cos(6 * t + 0.2 * t**2) + 0.1 * np.random.default_rng(0).standard_normal(t.size)
    gap = (t > 4) & (t < 5)
    y[gap] = np.nan
    r = ky.samples(t, y, ky.Harmonic(), bandwidth=0.7)
    off = np.abs(r.omega - (6 + 0.4 * t))
    assert not (r.success & (off > 5 * r.errors["omega"]))[gap].any()
    assert r.status[np.argmin(np.abs(t - 4.5))] == ky.Status.NOT_REACHED
    assert r.success[(t < 3.9) | (t > 5.1)].all()
    assert "no single frequency stands out" in r.message


@pytest.mark.parametrize(("length", "answered"), [(0.2, 1.0), (0.9, 0.0)])
def test_a_gap_is_bridged_where_the_pieces_tell_the_frequency(length, answered):
    rng = np.random.default_rng(1)
    t = np.sort(rng.uniform(0, 10, 1500))
    y = 2 + np.cos(12 * t) + 0.05 * rng.standard_normal(t.size)
    gap = (t > 5) & (t < 5 + length)
    y[gap] = np.nan
    r = ky.samples(t, y, ky.Harmonic(), bandwidth=0.5, at=np.linspace(5.02, 4.98 + length, 50))
    assert (np.abs(r.omega - 12) < 5 * r.errors["omega"])[r.success].all()
    assert r.success.mean() == pytest.approx(answered, abs=0.05)
