"""The fewest samples and the largest numbers: an answer, or NaN with its status, and no exception."""

import warnings

import numpy as np
import pytest

import kymath as ky


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def sound(r):
    """Values and errors are finite where a point is said to have an answer, and NaN elsewhere."""
    for values in (*r.theta, *r.error):
        np.testing.assert_array_equal(np.isfinite(values), r.success)
        np.testing.assert_array_equal(np.isnan(values), ~r.success)
    return r


def test_channels_of_two_samples_beside_longer_ones():
    y = np.array([[0.0, 1, 0, 5], [1, 2, 1, 6], [0, np.nan, np.nan, np.nan]])
    for side in ("both", "left", "right"):
        r = sound(ky.samples([0.0, 1, 2], y, "linear", side=side))
        assert not r.success[:, 1:].any()
    assert sound(ky.samples([0.0, 1, 2], y, "linear", bandwidth=3.0)).success[:, 0].all()
