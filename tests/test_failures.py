"""Every named failure: raised for one point, a status for many, and never a number."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp

import kymath as ky
from kymath import Status, nabla

x = sp.Symbol("x")


def step(t):
    return 1.0 if t >= 0 else 0.0


def raising(t):
    raise RuntimeError("no values today")


def wiggle(t):
    return t * math.sin(1 / t) if t else 0.0


FAILING = [
    (sp.Abs(x), 0, {}, ky.NoLimit),
    (abs, 0, {}, ky.NoLimit),
    (abs, 0.0, {}, ky.NoLimit),
    (lambda t: t * abs(t), 0, {}, ky.NoLimit),
    (x * sp.Abs(x), 0, {}, ky.NoLimit),
    (step, 0, {}, ky.NoLimit),
    (np.sign, 0, {}, ky.NoLimit),
    (sp.sign(x), 0, {}, ky.NoLimit),
    (sp.Heaviside(x), 0, {}, ky.NoLimit),
    (lambda t: np.heaviside(t, 0.5), 0, {}, ky.NoLimit),
    (sp.floor(x), 1, {}, ky.NoLimit),
    (np.floor, 1, {}, ky.NoLimit),
    (wiggle, 0, {}, ky.NoLimit),
    (wiggle, 0, {"side": "right"}, ky.NoLimit),
    (np.sqrt, 0, {"side": "right"}, ky.Diverges),
    (sp.sqrt(x), 0, {"side": "right"}, ky.Diverges),
    (lambda t: np.sqrt(abs(t)), 0, {}, ky.Diverges),
    (np.cbrt, 0, {}, ky.Diverges),
    (math.sqrt, 0, {}, ky.NotFinite),
    (sp.sqrt(x), 0, {}, ky.NotFinite),
    (sp.log(x), 0, {}, ky.NotFinite),
    (np.log, 0, {}, ky.NotFinite),
    (math.log, 0, {}, ky.NotFinite),
    (np.log, 0, {"side": "right"}, ky.NotFinite),
    (lambda t: 1 / t, 0, {}, ky.NotFinite),
    (1 / x, 0, {}, ky.NotFinite),
    (np.log, -1, {}, ky.NotFinite),
    (lambda t: float("nan"), 0, {}, ky.NotFinite),
    (lambda t: float("inf"), 1, {}, ky.NotFinite),
    (lambda t: math.exp(t), 1e4, {}, ky.NotFinite),
    (raising, 0, {}, ky.BadFunction),
    (lambda t: None, 0, {}, ky.BadFunction),
    (lambda t: "1.0", 0, {}, ky.BadFunction),
    (lambda t: 1j * t, 0, {}, ky.BadFunction),
    (lambda t: np.array([t, t]), 0, {}, ky.BadFunction),
    (lambda t: [t], 0, {}, ky.BadFunction),
    (lambda a, b: a, 0, {}, ky.BadFunction),
    ("x**2", 0, {}, ky.BadFunction),
    (42j, 0, {}, ky.BadFunction),
    (x + sp.Symbol("y"), 0, {}, ky.BadFunction),
    (sp.I * x, 0, {}, ky.BadFunction),
    (np.exp, float("nan"), {}, ky.NotFinite),
    (np.exp, float("inf"), {}, ky.NotFinite),
    (np.exp, "1", {}, ky.NotApplicable),
    (np.exp, None, {}, ky.NotApplicable),
    (np.exp, 1j, {}, ky.NotApplicable),
    (np.exp, sp.Symbol("a"), {}, ky.NotApplicable),
    (np.exp, 0, {"side": "up"}, ky.NotApplicable),
    (np.exp, 0, {"method": ky.Symbolic()}, ky.NotApplicable),
    (np.exp, 0, {"method": "adaptive"}, ky.NotApplicable),
    (np.exp, 0, {"rule": "osculating"}, ky.NotApplicable),
]


@pytest.mark.parametrize(("f", "x0", "options", "kind"), FAILING)
def test_the_right_error_never_a_number(f, x0, options, kind):
    with pytest.raises(kind) as caught:
        ky.transform(f, x0, **options)
    assert type(caught.value) is kind
    message = str(caught.value)
    assert len(message) > 20
    assert isinstance(caught.value, ValueError)


def test_one_sided_results_are_carried():
    with pytest.raises(ky.NoLimit) as caught:
        nabla.P(2)[sp.Abs(x)](0)
    assert caught.value.left.theta == (0, -1, 0)
    assert caught.value.right.theta == (0, 1, 0)
    with pytest.raises(ky.NoLimit) as caught:
        nabla.P(2)[step](0)
    assert caught.value.left is None
    assert caught.value.right.theta == pytest.approx((0, 0, 1))


def test_the_cause_is_kept():
    with pytest.raises(ky.BadFunction, match="no values today") as caught:
        nabla.L[raising](0)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_not_reached_carries_the_best():
    with pytest.raises(ky.NotReached) as caught:
        ky.transform(np.exp, 1.0, method=ky.Adaptive(rtol=1e-30))
    assert caught.value.best.a1 == pytest.approx(math.e)


def test_failures_can_be_results():
    result = ky.transform(abs, 0, raises=False)
    assert not result.success
    assert result.status is Status.NO_LIMIT
    assert all(math.isnan(c) for c in result.theta)
    exact = ky.transform(sp.Abs(x), 0, raises=False)
    assert exact.status is Status.NO_LIMIT
    assert all(math.isnan(c) for c in exact.theta)


def test_arrays_carry_a_status_for_each_point():
    result = nabla.P(2)[lambda t: np.sqrt(np.abs(t - 1))](np.array([0.0, 1.0, 2.0]))
    assert [s is Status.CONVERGED for s in result.status] == [True, False, True]
    assert np.isnan(result.a1[1])
    assert result.success.tolist() == [True, False, True]
    with pytest.raises(ky.KYError, match="1 of 3"):
        ky.transform(lambda t: np.sqrt(np.abs(t - 1)), np.array([0.0, 1.0, 2.0]), raises=True)


def test_array_shapes():
    points = np.linspace(0.1, 1, 6).reshape(2, 3)
    result = nabla.E[np.exp](points)
    assert result.B.shape == result.error[0].shape == result.status.shape == result.nfev.shape == (2, 3)
    assert np.allclose(result.B, 1)
    empty = nabla.P[np.exp](np.array([]))
    assert empty.a1.shape == (0,)


EDGES = [
    (nabla.E, sp.sin(x), 0, ky.NoContact, r"straight line a s \+ b with a = 1, b = 0"),
    (nabla.E, sp.cos(x), 0, ky.NoContact, "level at x0"),
    (nabla.E, sp.Integer(3) + 0 * x, 0, ky.NotUnique, "constant 3"),
    (nabla.E, x**3, 0, ky.NotUnique, "B = 0 and any A"),
    (nabla.H, sp.exp(x), 0, ky.NoContact, "hyperbolic"),
    (nabla.H, x**2 + x, 0, ky.NoContact, "parabola"),
    (nabla.H, sp.cos(x), 0, ky.NotUnique, "ω is free"),
    (nabla.H, x**2 + x**3, 0, ky.NoContact, "even about it"),
    (nabla.H(offset=False), sp.exp(x), 0, ky.NoContact, "hyperbolic"),
    (nabla.H(offset=False), sp.sin(x), 0, ky.NotUnique, "ω is free"),
    (nabla.H(offset=False), x**2, 0, ky.NoContact, "no curvature where it crosses"),
    (nabla.H(offset=False), 1 + x, 0, ky.NoContact, "straight line"),
    (nabla.E(rule=ky.SmallestRate(2)), 0 * x + 5, 0, ky.NotUnique, "every A"),
    (nabla.H(rule=ky.SmallestFrequency(2)), 0 * x + 5, 0, ky.NotUnique, "ω = 0"),
    (nabla.H(offset=False, rule=ky.SmallestFrequency(1)), sp.exp(x), 1, ky.NoContact, r"M > \|f"),
]


@pytest.mark.parametrize(("operator", "f", "x0", "kind", "words"), EDGES)
def test_degenerate_cases_say_what_they_are(operator, f, x0, kind, words):
    with pytest.raises(kind, match=words):
        operator[f](x0)
    numeric = sp.lambdify(x, f, "math")
    with pytest.raises(kind):
        operator[lambda t: float(numeric(t))](x0)


def test_bounds_have_no_default():
    for rule in (ky.SmallestRate, ky.SmallestFrequency):
        with pytest.raises(ky.NotApplicable, match="needs a bound"):
            rule()
        with pytest.raises(ky.NotApplicable, match="M > 0"):
            rule(bound=-1)


def test_a_status_is_a_sentence():
    for status in Status:
        assert status.value.endswith(".")
        assert " " in status.value


@pytest.mark.parametrize("method", [None, ky.Symbolic(), ky.Certified(), ky.Precise(), ky.Taylor(), ky.Contour()])
@pytest.mark.parametrize("x0", [10**308, 1e308])
def test_numbers_too_large_for_sympy_are_a_named_failure(method, x0):
    """SymPy recurses without end in gamma(x) there."""
    try:
        result = ky.transform(sp.gamma(sp.Symbol("x")), x0, method=method)
    except (ky.NotReached, ky.NotFinite) as error:
        assert error.message.endswith(".")  # noqa: PT017
    else:
        assert isinstance(method, ky.Precise)
        assert result.success
