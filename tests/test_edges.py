"""Functions that once got a wrong number, a wrong refusal or a foreign exception; each must keep its right answer."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import sympy as sp

import kymath as ky

x = sp.Symbol("x")
R = sp.Rational
STEPS = ky.Adaptive()

REFUSED = [
    (sp.floor(10**6 * x) / 10**6, R(1, 2), None, ky.NoLimit),  # a jump far below the steps that look smooth
    (lambda t: np.floor(1e6 * t) / 1e6, 0.5, STEPS, ky.NoLimit),
    (lambda t: np.sin(t) + (1e-9 if t > 0.3 else 0.0), 0.3, STEPS, ky.NoLimit),
    (lambda t: np.where((t != 0) & (np.abs(t) < 1e-6), np.nan, t), 0.0, STEPS, ky.NotFinite),
    (np.vectorize(lambda t: 1 if t <= 1 else t**2), 1.0, STEPS, ky.NoLimit),  # cuts floats to integers
    (lambda t: t / math.log(abs(t)) if t else 0.0, 0.0, STEPS, ky.NotReached),  # converges like 1/log
    (lambda t: t * t * np.sin(1 / np.where(t == 0, np.inf, t)), 0.0, None, ky.NoLimit),  # an essential singularity
    (sp.Piecewise((x**2 * sp.sin(1 / x), sp.Ne(x, 0)), (0, True)), 0, None, ky.NoLimit),
    (sp.sqrt(x), sp.Symbol("a", negative=True), None, ky.NotFinite),
    (sp.log(x), sp.Symbol("a", zero=True), None, ky.NotFinite),
    (lambda t: np.array([1.0, 2.0]), 1.0, None, ky.BadFunction),  # the same two numbers whatever it is given
    (np.cumsum, 1.0, None, ky.BadFunction),
    (sp.DiracDelta(x), R(5, 2), None, ky.BadFunction),
    (sp.Derivative(sp.Function("g")(x), x), 1, None, ky.BadFunction),
    (sp.Integral(sp.sin(x**2), x), 1, None, ky.BadFunction),
    (np.exp, np.array([1 + 5j]), None, ky.NotApplicable),
    (np.exp, np.datetime64("2020"), None, ky.NotApplicable),
    (np.exp, np.ma.array([1.0, 2.0], mask=[0, 1]), None, ky.NotApplicable),
    (np.exp, np.array([True]), None, ky.NotApplicable),
    (np.exp, sp.Matrix([1]), None, ky.NotApplicable),
    (1, x**3, None, ky.NotApplicable),  # the arguments exchanged
]


@pytest.mark.parametrize(("f", "x0", "method", "kind"), REFUSED)
def test_refused_by_its_name(f, x0, method, kind):
    with pytest.raises(kind):
        ky.transform(f, x0, ky.Polynomial(2), method=method)


EXACT = [
    (sp.Piecewise((2 * x, sp.Abs(x) < R(1, 10**90)), (x, True)), 0, (2, 0)),
    (sp.Abs(x - R(1, 10**30)), 0, (-1, R(1, 10**30))),
    (sp.floor(10**50 * x), R(1, 2 * 10**50), (0, 0)),
    (sp.Abs(x), sp.Symbol("a", positive=True), (1, sp.Symbol("a", positive=True))),
]


@pytest.mark.parametrize(("f", "x0", "theta"), EXACT)
def test_exact_at_any_scale(f, x0, theta):
    result = ky.transform(f, x0, ky.Linear())
    assert result.exact
    assert result.theta == theta


SCALES = [
    (math.log, lambda t: 1 / t),
    (math.sqrt, lambda t: 0.5 / math.sqrt(t)),
    (lambda t: 1 / t, lambda t: -1 / t**2),
    (lambda t: t**1.5, lambda t: 1.5 * math.sqrt(t)),
]


@pytest.mark.parametrize("point", [1e-7, 1e-8, 1e-10, 1e-20])
@pytest.mark.parametrize(("f", "slope"), SCALES)
def test_beside_a_singularity_the_scale_is_found(f, slope, point):
    result = ky.transform(f, point, ky.Linear(), method=STEPS)
    assert abs(result.a - slope(point)) <= result.error[0]


def test_a_kink_at_1e_minus_9_is_not_at_0():
    result = ky.transform(lambda t: abs(t - 1e-9), 0.0, ky.Linear(), method=STEPS)
    assert abs(result.a + 1) <= result.error[0] < 1e-9


def test_values_near_the_end_of_the_floats_are_values():
    for scale in (1e300, 1e-290):
        result = ky.transform(lambda t, scale=scale: scale * t**2, 1.0, method=STEPS)
        assert np.allclose(np.array(result.theta) / scale, (1, 2, 1), rtol=1e-12)


def test_a_constant_is_not_looked_for_at_the_end_of_the_world():
    seen = []

    def constant(t):
        seen.append(np.max(np.abs(t)))
        return 5.0

    result = ky.transform(constant, 1.0, method=STEPS)
    assert result.theta == (0, 0, 5)
    assert max(seen) < 1e3


def test_a_parameter_near_zero_is_no_second_solution():
    family = ky.Family("A*exp(-s/tau)+C", "A tau C")
    result = ky.transform(lambda t: np.exp(2 * t), 0.25, family, method=STEPS)
    assert abs(result.tau + 0.5) <= result.error[1]


@pytest.mark.parametrize("formula", ["abs(A)*s+B", "floor(A)+B*s", "s**A+B"])
def test_formulas_rough_in_their_parameters_are_named(formula):
    for f in (lambda t: np.exp(2 * t), sp.exp(2 * x)):
        with pytest.raises(ky.KYError):
            ky.transform(f, 0.25, ky.Family(formula, "A B"))


def test_harmonics_at_finite_h_keep_their_ranges():
    found = ky.convergence(sp.exp(-x) * sp.sin(3 * x), R(1, 2), ky.Harmonic())
    assert np.nanmin(found.theta[0]) > 0
    assert np.nanmin(found.theta[1]) > 0


def test_a_wrong_family_of_ones_own_is_found_out():
    class Wrong(ky.Exponential):
        def from_jet(self, values):
            a, b, c = super().from_jet(values)
            return a, b + 1, c

    for f in (sp.sin(x), np.sin):
        with pytest.raises(ky.NotReached, match="contradicts the definition"):
            ky.transform(f, 1, Wrong())


def test_numbers_too_long_to_print():
    result = ky.transform(ky.parse("10**9999+x"), 1)
    assert result.a1 == 1
    assert "E+9999" in repr(result)


def test_nothing_is_warned_about():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ky.transform(lambda t: t, 1e300, ky.Linear(), method=STEPS, raises=False)
