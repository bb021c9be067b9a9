"""dask arrays pass through: nothing is computed before it is asked for, and then it is what NumPy arrays give."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import kymath as ky

da = pytest.importorskip("dask.array")


def test_each_block_is_what_the_array_gives():
    x = np.linspace(-2, 2, 5001)
    for method in (None, ky.Adaptive()):
        lazy = ky.transform(np.abs, da.from_array(x, chunks=2000), ky.Polynomial(2), method=method)
        whole = ky.transform(np.abs, x, ky.Polynomial(2), method=method)
        assert lazy.a1.chunks == ((2000, 2000, 1001),)
        assert "not computed yet" in repr(lazy)
        assert lazy._repr_latex_() is None
        assert "not computed" in lazy._repr_html_()
        np.testing.assert_allclose(lazy.a1.compute(), whole.a1, atol=1e-11)
        assert (lazy.status.compute() == whole.status).all()
        assert np.array_equal(lazy.success.compute(), whole.success)
        assert lazy.status.compute()[2500] is ky.Status.NO_LIMIT
        assert lazy.nfev.sum().compute() > 0


def test_nothing_is_evaluated_before():
    calls = []

    def f(t):
        calls.append(np.size(t))
        return np.exp(t)

    result = ky.transform(f, da.linspace(0, 1, 100, chunks=25).reshape(10, 10), ky.Exponential())
    assert not calls
    assert result.B.shape == (10, 10)
    result.B.compute()
    assert calls


def test_what_cannot_be_is_said():
    x = da.ones(4)
    with pytest.raises(ky.NotApplicable, match="when it is computed"):
        ky.transform(np.exp, x, raises=True)
    with pytest.raises(ky.NotApplicable, match="not computed yet"):
        ky.transform(np.exp, x).raise_for_status()
    with pytest.raises(ky.NotApplicable, match="real numbers"):
        ky.transform(np.exp, x + 1j)


def test_dask_is_not_loaded_by_kymath():
    code = "import sys, kymath as ky, numpy as np; ky.transform(np.exp, np.ones(3)); assert 'dask' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
