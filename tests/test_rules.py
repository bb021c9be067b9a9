"""The selection rules at finite h and in the limit, as the paper prints them and as they had to be repaired."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp

import kymath as ky
from kymath import nabla
from kymath.definition import theta_at
from kymath.function import Function
from kymath.methods.symbolic import Symbolic

R = sp.Rational
x = sp.Symbol("x")
h = sp.Symbol("h", positive=True)
HALF = sp.pi / 2


# -- what a rule is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [ky.SmallestRate, ky.SmallestFrequency])
def test_a_missing_bound_says_why(rule):
    with pytest.raises(ky.NotApplicable, match=rf"{rule.__name__} needs a bound: .*M > 0.*(no minimiser|without end)"):
        rule()


@pytest.mark.parametrize("rule", [ky.SmallestRate, ky.SmallestFrequency])
@pytest.mark.parametrize(
    "bound", [0, -1, 0.0, float("inf"), float("nan"), sp.oo, sp.nan, -sp.pi, 1j, "2", [1], sp.Integer(0)], ids=repr
)
def test_an_invalid_bound(rule, bound):
    with pytest.raises(ky.NotApplicable, match=r"finite number M > 0; .* was given"):
        rule(bound=bound)


@pytest.mark.parametrize("rule", [ky.SmallestRate, ky.SmallestFrequency])
@pytest.mark.parametrize("bound", [1, 0.5, np.float64(2), R(1, 3), sp.pi, sp.sqrt(2)], ids=repr)
def test_bounds_allowed(rule, bound):
    assert rule(bound=bound) == rule(bound=bound)
    assert hash(rule(bound=bound)) == hash(rule(bound=bound))


@pytest.mark.parametrize(
    ("rule", "family", "words"),
    [
        (ky.SmallestRate(bound=1), ky.Polynomial(2), r"R_E .*Polynomial\(2\) has the parameters .*Exponential\(\)"),
        (ky.SmallestRate(bound=1), ky.Harmonic(), r"R_E .*Harmonic\(\)"),
        (ky.SmallestRate(bound=1), ky.Trigonometric(), "R_E"),
        (ky.SmallestFrequency(bound=1), ky.Exponential(), r"R_H .*Exponential\(\) has the parameters"),
        (ky.SmallestFrequency(bound=1), ky.Linear(), "R_H"),
        (ky.Osculating(nodes=(0, 1)), ky.Polynomial(2), "has 3 parameters, so the osculating rule needs 3 nodes"),
        (ky.Osculating(nodes=(0, 1, 2)), ky.Linear(), "needs 2 nodes"),
    ],
)
def test_rules_that_do_not_apply(rule, family, words):
    with pytest.raises(ky.NotApplicable, match=words):
        ky.transform(sp.exp(x), 0, family, rule)
    with pytest.raises(ky.NotApplicable, match=words):
        ky.transform(np.exp, np.array([0.0, 1.0]), family, rule)
    with pytest.raises(ky.NotApplicable):
        ky.convergence(sp.exp(x), 0, family, rule)


@pytest.mark.parametrize(
    ("rule", "family"),
    [
        (ky.SmallestRate(bound=1), ky.Polynomial(2)),
        (ky.SmallestFrequency(bound=1), ky.Exponential()),
        (ky.Osculating(), ky.Polynomial(2)),
    ],
)
def test_solve_of_a_rule_that_does_not_apply(rule, family):
    with pytest.raises(ky.NotApplicable):
        rule.solve(family, 1.0, 2.0, 0.5)


@pytest.mark.parametrize(
    "nodes",
    [
        (),
        (0,),
        (1, 2),
        (0, 2),
        (0, -1),
        (0.0, 2, 3),
        (0, 1, float("nan")),
        (0, 1, float("inf")),
        (0, 1, "a"),
        5,
        (0, 1, 1j),
    ],
    ids=repr,
)
def test_nodes_that_are_none(nodes):
    with pytest.raises(ky.NotApplicable, match="nodes"):
        ky.Osculating(nodes=nodes)


def test_nodes():
    rule = ky.Osculating()
    assert rule.nodes(ky.Linear()) == (0, 1)
    assert rule.nodes(ky.Polynomial(4)) == (0, 1, -1, 2, -2)
    assert rule.nodes(ky.Polynomial(3), "right") == (0, 1, 2, 3)
    assert ky.Osculating(nodes=(0, 1, 0, 2)).nodes(ky.Harmonic()) == (0, 0, 1, 2)
    assert ky.Osculating(nodes=[0.0, 1.0, -1.0]) == ky.Osculating(nodes=(0, 1, -1))
    assert ky.Osculating(nodes=np.array([0, 1, -1])) == ky.Osculating(nodes=(0, 1, -1))


@pytest.mark.parametrize("nodes", [(0, 1, 2), (0, 1, -1), (0, 0, 1), (0, 1, 1), (0, 1, 0.5), (-3, 0, 1)])
def test_nodes_do_not_change_the_limit(nodes):
    rule = ky.Osculating(nodes=nodes)
    assert ky.transform(x**3, 1, ky.Polynomial(2), rule).theta == (3, 3, 1)
    assert ky.transform(sp.exp(2 * x) + sp.exp(x), 0, ky.Exponential(), rule).theta == (R(9, 5), R(5, 3), R(1, 5))
    numbers = ky.transform(lambda t: t**3, 1.0, ky.Polynomial(2), rule)
    assert np.allclose(numbers.theta, (3, 3, 1), atol=1e-8)


# -- R_P, Eq. 3 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", range(1, 7))
def test_printed_R_P_at_finite_h(n):
    f0, D = sp.symbols("f0 D")
    theta = ky.MinimumNorm().solve(ky.Polynomial(n), f0, f0 + D, h)
    total = sum(h ** (2 * j) for j in range(1, n + 1))
    for k, got in zip(range(n, -1, -1), theta, strict=True):
        want = D * h**k / total if k else f0
        assert sp.simplify(got - want) == 0
    numbers = ky.MinimumNorm().solve(ky.Polynomial(n), 2.0, 3.5, 0.25)
    total = sum(0.25 ** (2 * j) for j in range(1, n + 1))
    np.testing.assert_allclose(numbers, [1.5 * 0.25**k / total for k in range(n, 0, -1)] + [2.0], rtol=1e-13)


@pytest.mark.parametrize("n", range(1, 7))
@pytest.mark.parametrize("f", [sp.exp(x), x**3, sp.sin(x) + x**2])
def test_printed_R_P_in_the_limit(n, f):
    result = nabla.P(n, rule=ky.MinimumNorm())[f](1)
    want = (*[0] * (n - 1), sp.diff(f, x).subs(x, 1), f.subs(x, 1))
    assert all(sp.simplify(a - b) == 0 for a, b in zip(result.theta, want, strict=True))
    assert result.exact


def test_R_P_needs_one_derivative_only():
    f = x * sp.Abs(x) + x
    assert nabla.P(2, rule=ky.MinimumNorm())[f](0).theta == (0, 1, 0)
    with pytest.raises(ky.NoLimit):
        nabla.P(2)[f](0)


def test_R_P_of_the_trigonometric_family():
    assert ky.transform(sp.exp(x), 0, ky.Trigonometric(1, omega=2), ky.MinimumNorm()).theta == (
        R(1, 2),
        R(1, 2),
        R(1, 2),
    )
    w, t = 1.3, 0.4
    a = np.array([[1, 1, 0], [1, np.cos(w * t), np.sin(w * t)]])
    want = np.linalg.pinv(a) @ [2.0, -1.0]
    got = ky.MinimumNorm().solve(ky.Trigonometric(1, omega=w), 2.0, -1.0, t)
    np.testing.assert_allclose(got, want, rtol=1e-13)


def test_minimum_norm_of_an_affine_family():
    family = ky.Family("a*s + b*s**2 + c + 1 + 2*s", "a b c")  # linear in θ but for 1 + 2 s
    theta = ky.MinimumNorm().solve(family, 1.0, 4.0, 0.5)
    assert float(family(0.0, theta)) == pytest.approx(1.0)
    assert float(family(0.5, theta)) == pytest.approx(4.0)
    matrix = np.array([[0, 0, 1], [0.5, 0.25, 1]])
    want = np.linalg.pinv(matrix) @ [0.0, 2.0]
    np.testing.assert_allclose([float(c) for c in theta], want, rtol=1e-8, atol=1e-9)
    limit = ky.transform(sp.exp(3 * x), 0, family, ky.MinimumNorm())
    assert limit.theta == (1, 0, 0)


# -- Example 3.1 -----------------------------------------------------------------------------------------------------


def test_example_3_1():
    """The printed θ(h) = (3 + h, 3 + h², 1) solves C2 only up to 3h; its limit is that of the nodes 0, 1, −1."""
    assert nabla.P(2)[x**3](1).theta == (3, 3, 1)
    assert ky.curvature(x**3, 1) == 3
    assert ky.slope(x**3, 1) == 3
    assert ky.value(x**3, 1) == 1
    for step in (0.5, 0.1, -0.25):
        a2, a1, a0 = ky.Polynomial(2).through((0, 1, -1), step, [1.0, (1 + step) ** 3, (1 - step) ** 3])
        assert (a2, a1, a0) == pytest.approx((3, 3 + step**2, 1))
        contact = ky.Polynomial(2).through((0, 0, 1), step, [1.0, 3.0, (1 + step) ** 3])
        assert contact == pytest.approx((3 + step, 3, 1))


def test_example_3_1_under_the_rule_it_names():
    theta = ky.MinimumNorm().solve(ky.Polynomial(2), sp.Integer(1), (1 + h) ** 3, h)
    assert all(sp.simplify(a - b) == 0 for a, b in zip(
        theta, ((h**2 + 3 * h + 3) * h / (1 + h**2), (h**2 + 3 * h + 3) / (1 + h**2), 1), strict=True
    ))  # fmt: skip
    assert tuple(sp.limit(c, h, 0) for c in theta) == (0, 3, 1)
    assert nabla.P(2, rule=ky.MinimumNorm())[x**3](1).theta == (0, 3, 1)


def test_system_is_the_papers():
    first, second = Symbolic().system(x**3, 1, ky.Polynomial(2), ky.MinimumNorm())
    a0, a1, a2 = sp.symbols("a0 a1 a2")
    assert first == sp.Eq(a0, 1)
    assert sp.expand(second.lhs - second.rhs - (a2 * h**2 + a1 * h + a0 - (1 + h) ** 3)) == 0


# -- R_E, Eq. 4 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("f0", [-1.0, 0.0, 2.5])
@pytest.mark.parametrize("rise", [-3.0, -0.01, 0.2, 5.0])
@pytest.mark.parametrize("step", [-0.5, 0.1, 2.0])
@pytest.mark.parametrize("M", [0.5, 4])
def test_R_E_at_finite_h(f0, rise, step, M):
    A, B, C = ky.SmallestRate(bound=M).solve(ky.Exponential(), f0, f0 + rise, step)
    assert float(A) == pytest.approx(M * np.sign(rise))
    assert float(B) == pytest.approx(math.log1p(abs(rise) / M) / step, rel=1e-12)
    assert float(C) == pytest.approx(f0 - A)
    for amplitude in np.linspace(-M, M, 401):  # every member that joins the points, by its amplitude
        inside = 1 + rise / amplitude if amplitude else -1
        if inside > 0:
            assert abs(B) <= abs(math.log(inside) / step) * (1 + 1e-12)


def test_R_E_limits():
    rule, family = ky.SmallestRate(bound=2), ky.Exponential()
    f = 1 + 3 * x - x**2
    right = ky.transform(f, 0, family, rule, side="right")
    left = ky.transform(f, 0, family, rule, side="left")
    assert right.theta == (2, R(3, 2), -1)
    assert left.theta == (-2, R(-3, 2), 3)
    falling = ky.transform(-f, 0, family, rule, side="right")
    assert falling.theta == (-2, R(3, 2), 1)
    with pytest.raises(ky.NoLimit) as caught:
        ky.transform(f, 0, family, rule)
    assert caught.value.left.theta == left.theta
    assert caught.value.right.theta == right.theta
    assert caught.value.left.side == "left"
    for word in ("A = -2", "B = -3/2", "A = 2", "B = 3/2", 'side="right"'):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("f", "theta"),
    [(x**2, (2, 0, -2)), (-(x**2), (-2, 0, 2)), (1 + x**4, (2, 0, -1)), (sp.cos(x), (-2, 0, 3))],
)
def test_R_E_where_f_is_level(f, theta):
    result = ky.transform(f, 0, ky.Exponential(), ky.SmallestRate(bound=2))
    assert result.theta == theta
    numbers = ky.transform(sp.lambdify(x, f, "numpy"), 0.0, ky.Exponential(), ky.SmallestRate(bound=2))
    assert np.allclose(numbers.theta, [float(c) for c in theta], atol=1e-7)


def test_R_E_at_a_level_inflection():
    with pytest.raises(ky.NoLimit) as caught:
        ky.transform(x**3, 0, ky.Exponential(), ky.SmallestRate(bound=2))
    assert caught.value.right.theta == (2, 0, -2)
    assert caught.value.left.theta == (-2, 0, 2)


def test_R_E_error_is_of_first_order():
    f = Function(sp.exp(x) + x**2)
    M, f1, f2 = 2.0, 1.0, 3.0
    steps = np.array([1e-3, 1e-4])
    B = theta_at(f, 0.0, ky.Exponential(), ky.SmallestRate(bound=M), steps)[1]
    np.testing.assert_allclose((B - f1 / M) / steps, f2 / (2 * M) - f1**2 / (2 * M**2), rtol=1e-2)


# -- R_H, Eq. 5 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("f0", [-0.4, 0.0, 0.3])
@pytest.mark.parametrize("rise", [-0.9, -0.01, 0.2, 1.0])
@pytest.mark.parametrize("step", [-0.5, 0.1, 2.0])
@pytest.mark.parametrize("M", [0.5, 4])
def test_R_H_with_offset_at_finite_h(f0, rise, step, M):
    A, w, p, C = ky.SmallestFrequency(bound=M).solve(ky.Harmonic(), f0, f0 + rise, step)
    assert float(A) == M
    assert w == pytest.approx(2 / abs(step) * math.asin(abs(rise) / (2 * M)), rel=1e-12)
    assert float(C) == pytest.approx(f0 + rise / 2)
    start = 3 * np.pi / 2 if step * rise > 0 else np.pi / 2
    assert p == pytest.approx(start - w * step / 2, rel=1e-12)
    assert 0 <= p < 2 * np.pi
    assert M * np.cos(p) + C == pytest.approx(f0, abs=1e-12)
    assert M * np.cos(w * step + p) + C == pytest.approx(f0 + rise, abs=1e-12)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("step", [0.5, -0.5])
def test_R_H_at_the_largest_rise(sign, step):
    """|D| = 2M: half a wave joins the points, and φ still lies in [0, 2π)."""
    A, w, p, C = ky.SmallestFrequency(bound=1).solve(ky.Harmonic(), 0.0, 2.0 * sign, step)
    assert w == pytest.approx(np.pi / abs(step))
    assert 0 <= p < 2 * np.pi
    assert A * np.cos(p) + C == pytest.approx(0, abs=1e-12)
    assert float(C) == sign


@pytest.mark.parametrize("family", [ky.Harmonic(), ky.Harmonic(offset=False)])
def test_R_H_beyond_its_bound_has_no_member(family):
    assert np.all(np.isnan([float(c) for c in ky.SmallestFrequency(bound=1).solve(family, 0.0, 2.5, 0.5)][1:3]))


@pytest.mark.parametrize("f0", [-0.4, 0.0, 0.3])
@pytest.mark.parametrize("f1", [-0.45, 0.1, 0.49])
@pytest.mark.parametrize("step", [-0.5, 0.1])
def test_R_H_without_offset_at_finite_h(f0, f1, step):
    M = 0.5
    A, w, p = ky.SmallestFrequency(bound=M).solve(ky.Harmonic(offset=False), f0, f1, step)
    assert float(A) == M
    assert w == pytest.approx(abs(math.asin(f1 / M) - math.asin(f0 / M)) / abs(step), rel=1e-12)
    assert 0 <= p < 2 * np.pi
    assert M * np.cos(p) == pytest.approx(f0, abs=1e-12)
    assert M * np.cos(w * step + p) == pytest.approx(f1, abs=1e-12)


@pytest.mark.parametrize(
    ("f", "offset", "theta"),
    [
        (1 + 3 * x, True, (2, R(3, 2), 3 * HALF, 1)),
        (1 - 3 * x, True, (2, R(3, 2), HALF, 1)),
        (x**3, True, (2, 0, 3 * HALF, 0)),
        (-(x**3), True, (2, 0, HALF, 0)),
        (1 + 3 * x, False, (2, sp.sqrt(3), 3 * HALF + sp.pi / 6, None)),
        (1 - 3 * x, False, (2, sp.sqrt(3), sp.pi / 3, None)),
    ],
)
def test_R_H_limits(f, offset, theta):
    family, rule = ky.Harmonic(offset=offset), ky.SmallestFrequency(bound=2)
    for side in ("both", "right", "left"):
        result = ky.transform(f, 0, family, rule, side=side)
        assert all(sp.simplify(a - b) == 0 for a, b in zip(result.theta, theta, strict=False))
    numbers = ky.transform(sp.lambdify(x, f, "numpy"), 0.0, family, rule)
    assert np.allclose(numbers.theta, [float(c) for c in theta[: family.size]], atol=1e-7)


@pytest.mark.parametrize("offset", [True, False])
def test_R_H_jumps_at_a_crest(offset):
    f = R(1, 2) - x**2
    with pytest.raises(ky.NoLimit) as caught:
        ky.transform(f, 0, ky.Harmonic(offset=offset), ky.SmallestFrequency(bound=1))
    left, right = caught.value.left, caught.value.right
    assert left.omega == right.omega == 0
    assert sp.simplify(left.phi - right.phi) != 0
    assert "phi" in str(caught.value)


@pytest.mark.parametrize(("level", "words"), [(2, "with a slope"), (3, "M = 2")])
def test_R_H_without_offset_needs_a_larger_bound(level, words):
    with pytest.raises(ky.NoContact) as caught:
        ky.transform(level + x, 0, ky.Harmonic(offset=False), ky.SmallestFrequency(bound=2))
    for word in (words, f"= {level}", "M = 2", "Harmonic()"):
        assert word in str(caught.value)
    with pytest.raises(ky.NoContact):
        ky.transform(lambda t: level + t, 0.0, ky.Harmonic(offset=False), ky.SmallestFrequency(bound=2))


# -- where there is no answer ----------------------------------------------------------------------------------------

SIDED = [(ky.Exponential(), ky.SmallestRate(bound=2)), (ky.Harmonic(), ky.SmallestFrequency(bound=2))]


@pytest.mark.parametrize(("family", "rule"), SIDED)
@pytest.mark.parametrize("f", [sp.Integer(7), sp.Piecewise((7, x < 1), (x + 6, True))], ids=str)
def test_locally_constant(family, rule, f):
    function = sp.Lambda(x, f)
    with pytest.raises(ky.NotUnique, match="constant beside x0, f = 7"):
        ky.transform(function, 0, family, rule)
    with pytest.raises(ky.NotUnique):
        ky.transform(lambda t: np.where(t < 1, 7.0, t + 6.0), 0.0, family, rule)


@pytest.mark.parametrize(("family", "rule"), SIDED)
def test_constant_on_one_side(family, rule):
    f = sp.Max(x, 0)
    assert ky.transform(f, 0, family, rule, side="right").success
    with pytest.raises(ky.NotUnique):
        ky.transform(f, 0, family, rule, side="left")
    with pytest.raises((ky.NoLimit, ky.NotUnique)):
        ky.transform(f, 0, family, rule)


@pytest.mark.parametrize("family", [ky.Exponential(), ky.Harmonic()])
def test_osculating_constant(family):
    with pytest.raises(ky.NotUnique, match="constant 7"):
        ky.transform(sp.Lambda(x, 7), 0, family)
    with pytest.raises(ky.NotUnique):
        ky.transform(lambda t: 7.0 + 0 * t, 0.0, family)


@pytest.mark.parametrize(("family", "rule"), SIDED)
def test_solve_where_the_rise_is_zero(family, rule):
    assert np.any(np.isnan([float(c) for c in rule.solve(family, 1.0, 1.0, 0.5)]))


@pytest.mark.parametrize(("family", "rule"), SIDED)
def test_a_sign_that_never_settles(family, rule):
    f = lambda t: t * t * np.sin(1 / np.where(t == 0, np.inf, t))
    with pytest.raises((ky.NoLimit, ky.NotReached)):
        ky.transform(f, 0.0, family, rule)


@pytest.mark.parametrize(
    ("f", "left", "right"),
    [
        (sp.Abs(x), (0, -1, 0), (0, 1, 0)),
        (x * sp.Abs(x), (-1, 0, 0), (1, 0, 0)),
        (sp.Max(x, 0) ** 2, (0, 0, 0), (1, 0, 0)),
        (sp.Abs(x) * sp.cos(x), (0, -1, 0), (0, 1, 0)),
    ],
    ids=str,
)
@pytest.mark.parametrize("form", ["expression", "callable"])
def test_no_limit_carries_the_sides(f, left, right, form):
    given, x0 = (f, 0) if form == "expression" else (sp.lambdify(x, f, "numpy"), 0.0)
    with pytest.raises(ky.NoLimit) as caught:
        ky.transform(given, x0, ky.Polynomial(2))
    for side, want in (("left", left), ("right", right)):
        one = getattr(caught.value, side)
        assert one.side == side
        assert one.success
        assert np.allclose([float(c) for c in one.theta], want, atol=1e-8)
        alone = ky.transform(given, x0, ky.Polynomial(2), side=side)
        assert np.allclose([float(c) for c in alone.theta], want, atol=1e-8)


def test_no_limit_says_none_where_a_side_has_none():
    with pytest.raises(ky.NoLimit) as caught:
        ky.transform(sp.Heaviside(x), 0, ky.Linear())
    assert caught.value.left is None or caught.value.right is None
    with pytest.raises(ky.Diverges) as caught:
        ky.transform(sp.sign(x) * sp.Abs(x) ** R(1, 3), 0, ky.Linear())
    assert caught.value.left is None
    assert caught.value.right is None


def test_one_of_two_sides_bends_so_that_only_it_has_a_member():
    f = sp.Piecewise((sp.exp(x), x >= 0), (1 + x, True))
    with pytest.raises(ky.NoLimit) as caught:
        ky.transform(f, 0, ky.Exponential())
    assert caught.value.right.theta == (1, 1, 0)
    assert caught.value.left is None


@pytest.mark.parametrize("nodes", [("0", "1", "0.5"), (0, 1, b"2"), (0, 1, True)])
def test_nodes_are_no_text(nodes):
    with pytest.raises(ky.NotApplicable, match="finite real numbers"):
        ky.Osculating(nodes=nodes)


@pytest.mark.parametrize("f", [sp.cos(x), sp.exp(x), np.cos])
def test_value_and_slope_that_are_tied_have_no_least_norm(f):
    even = ky.Family("a + b*s**2", "a b")
    with pytest.raises(ky.NoContact, match="tied to each other"):
        ky.transform(f, 0, even, ky.MinimumNorm())
