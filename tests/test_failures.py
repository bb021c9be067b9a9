"""Every named failure: raised for one point, a status for many, and never a number."""

from __future__ import annotations

import math
import re

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


def test_where_only_one_side_is_finite_the_way_to_ask_for_it_is_told():
    for f, x0 in ((x ** sp.Rational(3, 2), 0), (lambda t: t**1.5, 0.0)):
        with pytest.raises(ky.NotFinite, match=r'on the left\)\. Ask for one side: side="right"\.$'):
            nabla.L[f](x0)
        assert nabla.L[f](x0, raises=False).right.a == nabla.L[f](x0, side="right").a == 0
    for f in (sp.sqrt(x), sp.cbrt(x), sp.log(x)):
        with pytest.raises(ky.NotFinite) as told:  # the other side has no answer either
            nabla.L[f](0)
        assert "Ask for" not in str(told.value)


def test_a_vertical_tangent_is_called_one():
    with pytest.raises(ky.Diverges, match=r"order 1 tends to ∞ on the right \(a vertical tangent\)\."):
        nabla.L[sp.sqrt(x)](0, side="right")
    with pytest.raises(ky.NotFinite, match=r"on the left\)\. the divided .* on the right \(a vertical tangent\)\."):
        nabla.L[sp.sqrt(x)](0)
    with pytest.raises(ky.Diverges) as told:
        nabla.P(2)[x ** sp.Rational(3, 2)](0, side="right")
    assert "order 2" in str(told.value)
    assert "tangent" not in str(told.value)


def _advised(message):
    """The family that a message says to use, read as it is printed."""
    found = re.search(r"Use Family\('([^']+)', '([^']+)', positive='(\w+)'\) there", message)
    return ky.Family(found[1], found[2], positive=found[3])


@pytest.mark.parametrize("offset", [True, False])
@pytest.mark.parametrize("f", [sp.cosh(x) ** 2, sp.exp(x), lambda t: np.cosh(t) ** 2])
def test_the_hyperbolic_family_that_is_advised_has_the_contact(f, offset):
    point = 1.0 if callable(f) and not isinstance(f, sp.Basic) else 1
    with pytest.raises(ky.NoContact) as told:
        ky.transform(f, point, ky.Harmonic(offset=offset))
    r = ky.transform(f, point, _advised(str(told.value)))
    at = f.subs(x, 1) if isinstance(f, sp.Basic) else f(1.0)
    assert float(r(point)) == pytest.approx(float(at), rel=1e-13)
    assert float(r.k) > 0
