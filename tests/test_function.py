"""What may stand for f."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp

import kymath as ky
from kymath import nabla
from kymath.function import Function

x = sp.Symbol("x")


def counted(f):
    def call(t):
        call.points += np.size(t)
        return f(t)

    call.points = 0
    return call


@pytest.mark.parametrize("f", [np.sin, math.sin], ids=["vectorised", "scalar"])
def test_nfev_is_what_was_counted(f):
    call = counted(f)
    result = nabla.P(2)[call](0.4)
    assert result.nfev == call.points


def test_nfev_of_arrays_adds_up():
    call = counted(np.sin)
    result = nabla.P(2)[call](np.linspace(0.1, 2, 7))
    assert int(result.nfev.sum()) == call.points


def test_scalar_and_vectorised_forms_agree():
    one, many = (nabla.P(3)[f](0.4, method=ky.Adaptive()) for f in (math.sin, np.sin))
    assert one.theta == many.theta
    assert one.error == many.error
    chosen = nabla.P(3)[np.sin](0.4)
    assert all(abs(a - b) <= e for a, b, e in zip(chosen.theta, one.theta, one.error, strict=True))


HELD = [
    np.polynomial.Polynomial([1, 2, 3]),
    np.polynomial.Chebyshev([1, 2, 0.5]),
    np.poly1d([3, 2, 1]),
    lambda t: mpmath.exp(t),
    lambda t: Fraction(t) ** 2,
    lambda t: 3,
    lambda t: t if t > 0 else t + 0.0,
    sp.Lambda(x, x**2 + 1),
    sp.Integer(2),
    3,
    2.5,
]


@pytest.mark.parametrize("f", HELD)
def test_things_people_hold(f):
    assert nabla.P(2)[f](0.5).success


def test_scipy_objects():
    from scipy.interpolate import CubicSpline
    from scipy.stats import norm

    t = np.linspace(0, 3, 30)
    spline = CubicSpline(t, np.sin(t))
    assert ky.slope(spline, 1.03) == pytest.approx(float(spline(1.03, 1)), rel=1e-9)
    assert ky.slope(norm.cdf, 0.3) == pytest.approx(norm.pdf(0.3), rel=1e-9)


def test_a_callable_that_mixes_its_points_is_called_one_by_one():
    def centred(t):
        return t - np.mean(t)

    function = Function(centred)
    assert function(np.array([1.0, 2.0, 4.0])).tolist() == [0.0, 0.0, 0.0]


def test_float32_is_seen_in_the_error():
    def single(t):
        return np.sin(np.float32(t)).astype(np.float32)

    result = nabla.P(2)[single](0.7)
    assert abs(result.a1 - math.cos(0.7)) <= result.error[1]
    assert result.error[1] > 1e-7


def test_inputs_are_not_changed():
    points = np.linspace(0, 1, 5)
    before = points.copy()

    def greedy(t):
        t *= 2
        return np.sin(t)

    nabla.P(2)[greedy](points)
    assert (points == before).all()


def test_exactness_follows_x0():
    assert nabla.P(2)[x**3](1).exact
    assert nabla.P(2)[x**3](Fraction(1, 2)).theta == (sp.Rational(3, 2), sp.Rational(3, 4), sp.Rational(1, 8))
    assert nabla.P(2)[x**3](sp.sqrt(2)).a0 == 2 * sp.sqrt(2)
    floating = nabla.P(2)[x**3](1.0)
    assert not floating.exact
    assert isinstance(floating.a2, float)
    assert floating.theta == (3.0, 3.0, 1.0)
    assert all(e >= 0 for e in floating.error)


def test_symbols_give_formulas():
    a = sp.Symbol("a")
    result = nabla.P(2)[sp.exp(2 * x)](a)
    assert result.theta == (2 * sp.exp(2 * a), 2 * sp.exp(2 * a), sp.exp(2 * a))
    assert result.exact
    own = nabla.L[x**2](x)
    assert own.theta == (2 * x, x**2)


def test_the_result_reads_well():
    result = nabla.P(2)[x**3](1)
    assert repr(result) == "∇_P²[x**3](1): a2 = 3, a1 = 3, a0 = 1 (exact)"
    assert result.coefficient(2) == ky.curvature(x**3, 1) == 3
    assert (ky.slope(x**3, 1), ky.value(x**3, 1)) == (3, 1)
    assert result.parameters == {"a2": 3, "a1": 3, "a0": 1}
    t = sp.Symbol("t")
    assert sp.expand(result.expression - (1 + 3 * (t - 1) + 3 * (t - 1) ** 2)) == 0
    assert result(2) == 7
    assert result(2.0) == 7.0
    assert np.allclose(result(np.array([1.0, 2.0])), [1, 7])
    assert r"\nabla_{P}^{2}" in result._repr_latex_()
    assert "<table>" in result._repr_html_()
    with pytest.raises(AttributeError, match="its parameters are a2, a1, a0"):
        _ = result.B
    with pytest.raises(ky.NotApplicable, match="0 to 2"):
        result.coefficient(3)


def test_steps_are_the_papers_scheme():
    result = nabla.P(2)[np.exp](0.5)
    steps = result.steps
    assert len(steps) >= 8
    assert steps[1].h == pytest.approx(steps[0].h / 2)
    h = steps[2].h
    central = (math.exp(0.5 + h) - math.exp(0.5 - h)) / (2 * h)
    assert steps[2].theta[1] == pytest.approx(central, rel=1e-12)
    assert result.order == pytest.approx(2, abs=0.05)
    assert nabla.L[np.exp](0.5).order == pytest.approx(1, abs=0.05)


def test_results_can_be_copied_and_pickled():
    import copy
    import pickle

    result = nabla.P(2)[x**3](1)
    assert copy.deepcopy(result).theta == result.theta
    again = pickle.loads(pickle.dumps(ky.transform(x**3, 1).parameters))
    assert again == result.parameters


def test_import_is_light():
    heavy = "('torch', 'matplotlib', 'scipy.optimize', 'xarray', 'dask', 'pandas')"
    code = f"import sys, kymath; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


# -- torch -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", ["module", "tensors only", "float32", "numbers and tensors"])
@pytest.mark.parametrize("method", [None, ky.Adaptive()])
def test_torch_functions(make, method):
    torch = pytest.importorskip("torch", reason="functions of tensors need torch")
    f = {
        "module": torch.nn.Sequential(torch.nn.Flatten(0), torch.nn.Tanh()),
        "tensors only": torch.tanh,
        "float32": lambda t: t.tanh().to(torch.float32),
        "numbers and tensors": lambda t: torch.tanh(torch.as_tensor(t)),
    }[make]
    exact = [np.tanh(0.5), 1 - np.tanh(0.5) ** 2, -np.tanh(0.5) * (1 - np.tanh(0.5) ** 2)]
    for x0 in (0.5, np.array([0.5, 0.5, 0.5])):
        result = ky.transform(f, x0, ky.Polynomial(2), method=method)
        for k, value in enumerate(exact):
            error = np.asarray(result.error[-1 - k])
            assert (np.abs(result.theta[-1 - k] - value) <= error).all()
            single = make == "float32" or (make == "numbers and tensors" and method is None)  # numbers become float32
            assert (error <= (1e-4 if single else 1e-11)).all()


def test_that_torch_is_there_costs_no_evaluations():
    pytest.importorskip("torch", reason="functions of tensors need torch")
    asked = []
    result = ky.transform(lambda t: asked.append(t) or math.tanh(t), 0.5, ky.Polynomial(2), method=ky.Adaptive())
    assert len(asked) == 1 + result.nfev - 2  # the array of two that was tried first counts as two points
