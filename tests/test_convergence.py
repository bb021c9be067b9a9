"""Orders and leading coefficients against the closed forms of mathematics.md 2.8, with derivatives by mpmath."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import sympy as sp

from kymath import (
    Exponential,
    Family,
    Harmonic,
    Linear,
    MinimumNorm,
    NotApplicable,
    NotFinite,
    Osculating,
    Polynomial,
    SmallestFrequency,
    SmallestRate,
    Trigonometric,
)
from kymath.convergence import convergence
from kymath.fit import fitted_order, leading_coefficient

x = sp.Symbol("x")
R = sp.Rational
FUNCTIONS = {
    "exp": (sp.exp(x), mpmath.exp, R(1, 3)),
    "wave": (sp.exp(-x) * sp.sin(3 * x), lambda t: mpmath.exp(-t) * mpmath.sin(3 * t), R(1, 2)),
    "bell": (1 / (1 + x**2), lambda t: 1 / (1 + t * t), 1),
}


def jet(name, count):
    """f, f′, … by mpmath, which knows nothing of kymath."""
    _, f, x0 = FUNCTIONS[name]
    with mpmath.workdps(40):
        return [float(mpmath.diff(f, mpmath.mpf(x0.p) / x0.q if x0 != 1 else mpmath.mpf(1), k)) for k in range(count)]


def elementary_symmetric(c, k):
    return float(np.poly(c)[k] * (-1) ** k)


# -- polynomials: table 2.8 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("side", ["right", "left"])
def test_straight_line_has_order_1_and_half_the_second_derivative(name, side):
    f, _, x0 = FUNCTIONS[name]
    found = convergence(f, x0, Linear(), side=side)
    sign = 1 if side == "right" else -1
    assert found.order == pytest.approx(1, abs=1e-4)
    assert found.predicted_order == 1
    assert found.constant == pytest.approx((sign * jet(name, 3)[2] / 2, 0), rel=1e-6)
    assert found.predicted_constant == pytest.approx(found.constant, rel=1e-6)
    assert math.isnan(found.orders[1])
    assert np.all(found.h > 0)


@pytest.mark.parametrize("name", ["exp", "wave"])  # the bell has f‴(1) = 0
@pytest.mark.parametrize("nodes", [(0, 1, 2), (0, 1, 3), (0, R(1, 2), 1)])
def test_polynomial_nodes_table(name, nodes):
    f, _, x0 = FUNCTIONS[name]
    n = 2
    found = convergence(f, x0, Polynomial(n), Osculating(tuple(float(c) for c in nodes)))
    f3 = jet(name, 4)[3]
    order_of = {k: n + 1 - k for k in range(1, n + 1)}
    for k in (1, 2):
        assert found.orders[n - k] == pytest.approx(order_of[k], abs=1e-3)
    e1 = elementary_symmetric([float(c) for c in nodes], 1)
    assert found.constant[0] == pytest.approx(e1 * f3 / 6, rel=1e-5)
    assert found.predicted_constant == pytest.approx(found.constant, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_central_nodes_have_order_2(name):
    f, _, x0 = FUNCTIONS[name]
    found = convergence(f, x0, Polynomial(2))  # 0, 1, −1: a2 = f2/2 + f4 h²/24, a1 = f1 + f3 h²/6
    values = jet(name, 5)
    assert found.nodes == (0, 1, -1)
    assert found.order == pytest.approx(2, abs=1e-4)
    wanted = (values[4] / 24, values[3] / 6, 0)
    assert found.constant == pytest.approx(wanted, rel=1e-6, abs=1e-12)
    assert found.predicted_constant == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert found.predicted_order == 2


@pytest.mark.parametrize("name", ["exp", "wave"])
def test_contact_has_order_1_and_the_next_taylor_coefficient(name):
    f, _, x0 = FUNCTIONS[name]
    found = convergence(f, x0, Polynomial(2), Osculating((0, 0, 1)))
    assert found.order == pytest.approx(1, abs=1e-4)
    assert found.constant == pytest.approx((jet(name, 4)[3] / 6, 0, 0), rel=1e-6)
    assert found.predicted_constant == pytest.approx(found.constant, rel=1e-6)


def test_order_rises_where_the_defect_vanishes():
    found = convergence(1 / (1 + x**2), 1, Polynomial(2), Osculating((0, 1, 2)))  # f‴(1) = 0
    assert found.order == pytest.approx(2, abs=1e-3)
    assert found.predicted_order == 2
    assert found.predicted_constant == pytest.approx(found.constant, rel=1e-4, abs=1e-9)
    assert found.constant[0] == pytest.approx(7 * jet("bell", 5)[4] / 24, rel=1e-4)  # H_2(0, 1, 2) = 7


# -- exponential and harmonic ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("nodes", "share"), [((0, 0, 1), 1 / 3), ((0, 1, 2), 1.0)])
@pytest.mark.parametrize("name", ["wave", "bell"])
def test_exponential_rate(name, nodes, share):
    f, _, x0 = FUNCTIONS[name]
    found = convergence(f, x0, Exponential(), Osculating(nodes))
    _, f1, f2, f3 = jet(name, 4)
    beta = f2 / f1
    assert found.order == pytest.approx(1, abs=1e-3)
    assert found.constant[1] == pytest.approx(share * (f3 / f1 - beta**2), rel=1e-4)
    assert found.predicted_constant == pytest.approx(found.constant, rel=1e-4)


def test_exponential_central_nodes_second_order_by_an_independent_road():
    f, g, x0 = FUNCTIONS["bell"]
    found = convergence(f, x0, Exponential())
    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -12
        ratio = (g(1 + h) - g(mpmath.mpf(1))) / (g(mpmath.mpf(1)) - g(1 - h))
        rate = float((mpmath.log(ratio) / h + 1) / h**2)  # B* = −1
    assert found.constant[1] == pytest.approx(rate, rel=1e-6)
    assert found.predicted_constant == pytest.approx((1 / 8, 5 / 12, -1 / 8))
    assert found.constant == pytest.approx(found.predicted_constant, rel=1e-5)


@pytest.mark.parametrize(
    ("nodes", "order", "mean"),
    [((0, 0, 0, 1), 1, 0.25), ((0, 1, 2, 3), 1, 1.5), (None, 1, 0.5), ((-3, 0, 1, 2), 2, 0.0)],
)
def test_harmonic_orders(nodes, order, mean):
    f, _, x0 = FUNCTIONS["wave"]
    found = convergence(f, x0, Harmonic(), Osculating(nodes))
    assert found.order == pytest.approx(order, abs=1e-3)
    assert found.predicted_order == order
    assert found.predicted_constant == pytest.approx(found.constant, rel=1e-3)
    if order == 1:  # mean(c) (f4 − g4) DJ⁻¹ e_4, with DJ by differences of the closed form
        _, f1, _, _, f4 = jet("wave", 5)
        A, w, p, _ = (float(c) for c in found.limit.theta)
        defect = f4 - A * w**4 * math.cos(p)
        # ω depends on the jet through −f3/f1 only: ∂ω/∂f3 = −1/(2 ω f1)
        assert found.constant[1] == pytest.approx(-mean * defect / (2 * w * f1), rel=1e-3)


@pytest.mark.parametrize(
    ("family", "rule"),
    [
        (Trigonometric(1, omega=2), None),
        (Trigonometric(), MinimumNorm()),
        (Polynomial(3), MinimumNorm()),
        (Harmonic(offset=False), None),
        (Harmonic(offset=False), Osculating((0, 1, 2))),
        (Polynomial(4), None),
        (Polynomial(3), Osculating((0, 0, 1, 1))),
        (Family("A*exp(-s/tau) + C", "A tau C"), None),
    ],
)
@pytest.mark.parametrize("side", ["right", "left"])
def test_prediction_meets_measurement(family, rule, side):
    f, x0 = sp.exp(-x) * sp.sin(3 * x) + 1, R(1, 2)
    found = convergence(f, x0, family, rule, side=side)
    assert found.order == pytest.approx(found.predicted_order, abs=1e-3)
    assert found.predicted_constant == pytest.approx(found.constant, rel=1e-3, abs=1e-6)


# -- the paper's rules as printed -----------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["right", "left"])
def test_minimum_norm(side):
    f, _, x0 = FUNCTIONS["bell"]
    sign = 1 if side == "right" else -1
    found = convergence(f, x0, Polynomial(2), MinimumNorm(), side=side)
    _, f1, f2 = jet("bell", 3)
    assert found.order == pytest.approx(1, abs=1e-4)
    assert found.constant == pytest.approx((sign * f1, sign * f2 / 2, 0), rel=1e-5)
    assert found.predicted_constant == pytest.approx(found.constant, rel=1e-5)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_smallest_rate_both_sides(name):
    f, _, x0 = FUNCTIONS[name]
    m = 2
    _, f1, f2 = jet(name, 3)
    s = math.copysign(1, f1)
    right = convergence(f, x0, Exponential(), SmallestRate(m))
    left = convergence(f, x0, Exponential(), SmallestRate(m), side="left")
    assert right.constant == pytest.approx((0, s * f2 / (2 * m) - f1**2 / (2 * m * m), 0), rel=1e-5)
    assert left.constant == pytest.approx((0, s * f2 / (2 * m) + f1**2 / (2 * m * m), 0), rel=1e-5)  # times −h
    for found in (right, left):
        assert found.predicted_constant == pytest.approx(found.constant, rel=1e-5)
        assert found.predicted_order == 1


@pytest.mark.parametrize("offset", [True, False])
def test_smallest_frequency(offset):
    f, _, x0 = FUNCTIONS["bell"]
    m = 2
    found = convergence(f, x0, Harmonic(offset), SmallestFrequency(m))
    f0, f1, f2 = jet("bell", 3)
    s = math.copysign(1, f1)
    if offset:
        wanted = (0, s * f2 / (2 * m), -abs(f1) / (2 * m), f1 / 2)
    else:
        root = math.sqrt(m * m - f0 * f0)
        wanted = (0, s * (f2 / root + f0 * f1**2 / root**3) / 2, 0)
    assert found.predicted_constant == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    norm = max(abs(c) for c in wanted)
    assert found.constant == pytest.approx(wanted, rel=1e-5, abs=1e-6 * norm)


# -- less smooth, exact, black boxes --------------------------------------------------------------------------------


@pytest.mark.parametrize("gamma", [R(3, 10), R(1, 2), R(9, 10)])
@pytest.mark.parametrize("n", [1, 2])
def test_hoelder_order(gamma, n):
    found = convergence(sp.Abs(x) ** (n + gamma), 0, Polynomial(n))
    assert found.order == pytest.approx(float(gamma), abs=1e-6)
    assert math.isnan(found.predicted_order)
    assert found.predicted_constant is None
    assert "not smooth enough" in found.note


def test_hoelder_order_of_a_black_box():
    found = convergence(lambda t: np.abs(t) ** 1.3, 0.0, Linear())
    assert found.order == pytest.approx(0.3, abs=1e-3)


def test_member_of_the_family_has_no_error():
    found = convergence(sp.exp(x), 0, Exponential())
    assert math.isnan(found.order)
    assert found.predicted_constant == (0, 0, 0)
    assert "agrees" in found.note
    assert "agrees" in repr(found)


def test_one_sided_nodes_where_the_sides_differ():
    assert convergence(sp.Abs(x) + x**3, 0).nodes == (0, 1, 2)
    assert convergence(x ** R(7, 2), 0).nodes == (0, 1, 2)  # not real on the left
    assert convergence(sp.exp(x), 0).nodes == (0, 1, -1)


@pytest.mark.parametrize(
    ("family", "order"), [(Linear(), 1), (Polynomial(2), 2), (Polynomial(4), 2), (Exponential(), 2), (Harmonic(), 1)]
)
def test_black_boxes(family, order):
    def f(t):
        return np.exp(-t) * np.sin(3 * t)

    found = convergence(f, 0.5, family)
    assert found.order == pytest.approx(order, abs=0.02)
    assert found.predicted_order == order
    scale = max(abs(c) for c in found.predicted_constant)
    assert found.constant == pytest.approx(found.predicted_constant, abs=2e-3 * scale)
    assert np.max(found.noise[0]) > 0


def test_own_steps_and_shapes():
    h = [0.2, 0.05, 0.1, 0.025]
    found = convergence(x**3, 1, Polynomial(2), h=h)
    assert found.h.tolist() == h
    assert [row.shape for row in (*found.theta, *found.error, found.norm)] == [(4,)] * 7
    assert found.theta[1] == pytest.approx(3 + np.square(h), rel=1e-15)
    assert found.order == pytest.approx(2, abs=1e-9)
    assert found.limit.theta == (3, 3, 1)
    assert math.isnan(convergence(x**3, 1, h=[0.1, 0.2]).order)


def test_small_steps_are_no_worse():
    found = convergence(sp.sin(x), R(1, 2), Polynomial(3), h=[1e-8, 1e-9, 1e-10, 1e-11])
    assert found.order == pytest.approx(1, abs=1e-6)


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("h", [[], 0.1, [[0.1, 0.2]], [0.1, -0.1], [0.1, 0], [0.1, math.nan], "steps", [0.1, math.inf]])
def test_bad_steps(h):
    with pytest.raises(NotApplicable, match=r"positive numbers"):
        convergence(x**3, 1, h=h)


def test_bad_sides_and_points():
    with pytest.raises(NotApplicable, match="right"):
        convergence(x**3, 1, side="both")
    with pytest.raises(NotApplicable, match="one point"):
        convergence(x**3, np.array([1.0, 2.0]))
    with pytest.raises(NotApplicable, match="one point"):
        convergence(x**3, sp.Symbol("a"))
    with pytest.raises(NotFinite, match="nodes"):
        convergence(sp.sqrt(x) * x**3, 0, Polynomial(2), Osculating((0, 1, -1)))


# -- the fit --------------------------------------------------------------------------------------------------------


def test_fit_finds_the_order_between_truncation_and_noise():
    rng = np.random.default_rng(7)
    h = 0.5 * 2.0 ** -np.arange(24)
    noise = 1e-13 / h
    error = np.abs(3 * h**2 + 5 * h**3 + noise * rng.uniform(-1, 1, h.size))
    order = fitted_order(h, error, noise)
    assert order.order == pytest.approx(2, abs=5e-3)
    assert order.constant == pytest.approx(3, rel=0.05)
    assert leading_coefficient(h, 3 * h**2 + 5 * h**3, 2.0, noise) == pytest.approx(3, rel=1e-4)


def test_fit_says_when_it_knows_nothing():
    assert math.isnan(fitted_order([0.1, 0.2], [1, 2]).order)
    assert math.isnan(fitted_order([0.1, 0.2, 0.4], [1e-20, 1e-20, 1e-20], 1e-16).order)
    assert leading_coefficient([0.1, 0.2, 0.4], [0, 0, 0], 1.0) == 0
