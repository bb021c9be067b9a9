"""The connection functions: formulas, jets, values through nodes, ranges, and what a user's family may be."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import pytest
import sympy as sp
from scipy.interpolate import KroghInterpolator
from scipy.optimize import brentq

import kymath as ky
from kymath.evidence import Jet
from kymath.families import FAMILIES

R = sp.Rational
s = sp.Symbol("s")
DECAY = ky.Family("A*exp(-s/tau) + C", "A tau C", positive="tau")
LOGISTIC = ky.Family("L/(1 + exp(-k*s))", "L k", start=(2, 1))
POWER = ky.Family("p*(1 + s)**q", "p q")

#: family, its names, a θ, and the formula written out again
TABLE = [
    (ky.Linear(), ("a", "b"), (R(3, 2), -2), R(3, 2) * s - 2),
    (ky.Polynomial(1), ("a1", "a0"), (3, 1), 3 * s + 1),
    (ky.Polynomial(2), ("a2", "a1", "a0"), (3, R(-1, 2), 1), 3 * s**2 - s / 2 + 1),
    (ky.Polynomial(4), ("a4", "a3", "a2", "a1", "a0"), (1, 2, 3, 4, 5), s**4 + 2 * s**3 + 3 * s**2 + 4 * s + 5),
    (ky.Exponential(), ("A", "B", "C"), (2, R(-1, 3), 5), 2 * sp.exp(-s / 3) + 5),
    (ky.Trigonometric(), ("a0", "a1", "b1"), (1, 2, -3), 1 + 2 * sp.cos(s) - 3 * sp.sin(s)),
    (
        ky.Trigonometric(2, omega=R(1, 2)),
        ("a0", "a1", "b1", "a2", "b2"),
        (1, 2, 3, 4, 5),
        1 + 2 * sp.cos(s / 2) + 3 * sp.sin(s / 2) + 4 * sp.cos(s) + 5 * sp.sin(s),
    ),
    (ky.Harmonic(), ("A", "omega", "phi", "C"), (2, 3, sp.pi / 4, -1), 2 * sp.cos(3 * s + sp.pi / 4) - 1),
    (ky.Harmonic(offset=False), ("A", "omega", "phi"), (2, R(1, 2), 1), 2 * sp.cos(s / 2 + 1)),
    (DECAY, ("A", "tau", "C"), (2, 4, 1), 2 * sp.exp(-s / 4) + 1),
    (POWER, ("p", "q"), (2, 3), 2 * (1 + s) ** 3),
    (LOGISTIC, ("L", "k"), (3, 2), 3 / (1 + sp.exp(-2 * s))),
]
each = pytest.mark.parametrize(("family", "names", "theta", "formula"), TABLE, ids=[repr(row[0]) for row in TABLE])


# -- formulas --------------------------------------------------------------------------------------------------------


@each
def test_names_and_symbols(family, names, theta, formula):
    assert family.names == names
    assert family.size == len(names) == len(theta)
    assert family.symbols == tuple(sp.Symbol(n) for n in names)
    assert [family.index(n) for n in names] == list(range(len(names)))


@each
def test_sympy_evaluation(family, names, theta, formula):
    assert family.expression.free_symbols == {s, *family.symbols}
    with_values = family.expression.subs(dict(zip(family.symbols, theta, strict=True)))
    assert sp.simplify(with_values - formula) == 0
    assert sp.simplify(family(s, theta) - formula) == 0
    t = sp.Symbol("t")
    assert sp.simplify(family(t - 1, theta) - formula.subs(s, t - 1)) == 0
    assert sp.simplify(family(R(1, 3), theta) - formula.subs(s, R(1, 3))) == 0


@each
def test_numbers_and_arrays(family, names, theta, formula):
    numbers = tuple(float(c) for c in theta)
    points = np.linspace(-0.5, 0.9, 12).reshape(3, 4)
    values = family(points, numbers)
    assert values.shape == (3, 4)
    assert values.dtype == np.float64
    want = np.array([float(formula.subs(s, sp.Rational(p))) for p in points.reshape(-1)]).reshape(3, 4)
    np.testing.assert_allclose(values, want, rtol=1e-14)
    assert float(family(0.25, numbers)) == pytest.approx(float(formula.subs(s, R(1, 4))), rel=1e-14)


@each
def test_parameters_broadcast(family, names, theta, formula):
    columns = tuple(np.full((5, 1), float(c)) for c in theta)
    assert family(np.linspace(0, 1, 7), columns).shape == (5, 7)
    jet = family.jet(columns, 3)
    assert all(np.broadcast_shapes(np.shape(entry), (5, 1)) == (5, 1) for entry in jet)


@each
def test_jet_is_sympys_derivatives(family, names, theta, formula):
    jet = family.jet(theta, 6)
    assert len(jet) == 7
    for k, entry in enumerate(jet):
        want = sp.diff(formula, s, k).subs(s, 0) if k else formula.subs(s, 0)
        assert sp.simplify(entry - want) == 0
    numeric = family.jet(tuple(float(c) for c in theta), 6)
    for a, b in zip(numeric, jet, strict=True):
        assert float(a) == pytest.approx(float(b), rel=1e-13, abs=1e-13)


@each
def test_jacobian_is_sympys(family, names, theta, formula):
    numbers = [float(c) for c in theta]
    jet = [sp.diff(family.expression, s, k).subs(s, 0) if k else family.expression.subs(s, 0) for k in range(6)]
    at = dict(zip(family.symbols, theta, strict=True))
    want = np.array([[float(sp.diff(entry, p).subs(at)) for p in family.symbols] for entry in jet])
    np.testing.assert_allclose(family.jacobian(numbers), want[: family.size], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(family.jacobian(numbers, 5), want, rtol=1e-12, atol=1e-12)
    many = family.jacobian([np.full(4, c) for c in numbers])
    assert many.shape == (family.size, family.size, 4)


@each
def test_from_jet_inverts_jet(family, names, theta, formula):
    exact = family.from_jet(family.jet(tuple(sp.sympify(c) for c in theta), family.size - 1))
    assert all(sp.simplify(a - b) == 0 for a, b in zip(exact, theta, strict=True))
    numbers = np.array([[float(c)] * 3 for c in theta])
    found = family.from_jet(family.jet(tuple(numbers), family.size - 1))
    np.testing.assert_allclose(np.array(found, dtype=float), numbers, rtol=1e-9)


def test_expression_is_the_formula():
    assert str(ky.Exponential().expression) == "A*exp(B*s) + C"
    assert str(ky.Harmonic().expression) == "A*cos(omega*s + phi) + C"
    assert str(ky.Harmonic(offset=False).expression) == "A*cos(omega*s + phi)"
    assert str(ky.Polynomial(2).expression) == "a0 + a1*s + a2*s**2"
    assert str(ky.Linear().expression) == "a*s + b"


def test_registry():
    assert list(FAMILIES) == ["linear", "polynomial", "exponential", "trigonometric", "harmonic"]
    for kind in FAMILIES.values():
        assert isinstance(kind(), ky.ConnectionFunction)


@each
def test_wrong_number_of_parameters(family, names, theta, formula):
    with pytest.raises(ky.NotApplicable, match=f"{family.size} parameters"):
        family(0.0, (1.0,) * (family.size + 1))
    with pytest.raises(ky.NotApplicable):
        family.jet((1.0,) * (family.size - 1), 2)


# -- values ----------------------------------------------------------------------------------------------------------

EQUAL = [
    (ky.Polynomial(3), ky.Polynomial(3)),
    (ky.Polynomial(), ky.Polynomial(2)),
    (ky.Trigonometric(), ky.Trigonometric(1, omega=1)),
    (ky.Harmonic(), ky.Harmonic(offset=True)),
    (ky.Family("a*s+b", "a b"), ky.Family(sp.Symbol("a") * s + sp.Symbol("b"), ("a", "b"))),
    (ky.Family("a*s+b", "a, b"), ky.Family("b + a*s", ["a", "b"])),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_values_are_equal(one, other):
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ky.Polynomial(1), ky.Linear()),
        (ky.Polynomial(2), ky.Polynomial(3)),
        (ky.Trigonometric(1, omega=1), ky.Trigonometric(1, omega=2)),
        (ky.Harmonic(), ky.Harmonic(offset=False)),
        (ky.Family("a*s+b", "a b"), ky.Family("a*s+b", "b a")),
        (DECAY, ky.Family("A*exp(-s/tau) + C", "A tau C")),
        (ky.Family("a*s+b", "a b"), "Family('a*s + b', 'a b')"),
    ],
)
def test_different_values_differ(one, other):
    assert one != other


@pytest.mark.parametrize(
    "value",
    [row[0] for row in TABLE]
    + [
        ky.Trigonometric(2, omega=0.5),
        ky.Family("a*cos(w*s)", "a w", positive="a w", start=(1.0, 2)),
        ky.Family("a*sqrt(1+s) + Max(s, 0)*b + erf(s)*c", "a b c"),
        ky.Osculating(),
        ky.Osculating(nodes=(0, 1, -2)),
        ky.Osculating(nodes=(0, 1, 0.5)),
        ky.Osculating(nodes=(0, 0, 1)),
        ky.MinimumNorm(),
        ky.SmallestRate(bound=2),
        ky.SmallestFrequency(bound=1.5),
        ky.SmallestFrequency(bound=R(1, 2)),
        ky.Adaptive(),
        ky.Adaptive(h0=0.1, rho=0.3, solver="scipy"),
        ky.Symbolic(timeout=3),
    ],
    ids=repr,
)
def test_repr_evaluates(value):
    names = {name: getattr(ky, name) for name in ky.__all__} | {"Rational": sp.Rational, "Fraction": R}
    again = eval(repr(value), names)
    assert again == value
    assert hash(again) == hash(value)
    assert repr(again) == repr(value)
    assert "\n" not in repr(value)


@pytest.mark.parametrize(
    "value", [ky.Linear(), ky.Polynomial(2), ky.Exponential(), ky.Trigonometric(), ky.Harmonic(), DECAY]
)
def test_frozen(value):
    field = next(iter(inspect.signature(type(value)).parameters), "n")
    with pytest.raises((dataclasses.FrozenInstanceError, AttributeError)):
        setattr(value, field, 3)


@pytest.mark.parametrize("n", [0, -1, 41, 2.0, 2.5, True, None, "2", float("nan")])
def test_polynomial_degree(n):
    with pytest.raises(ky.NotApplicable, match="degree from 1 to 40"):
        ky.Polynomial(n)


@pytest.mark.parametrize("n", [0, -1, 21, 1.0, True, None, "1"])
def test_trigonometric_order(n):
    with pytest.raises(ky.NotApplicable, match="harmonics from 1 to 20"):
        ky.Trigonometric(n)


@pytest.mark.parametrize("omega", [0, -1, float("nan"), float("inf"), -sp.pi, sp.oo, sp.nan, 1j, "1", None, [1]])
def test_trigonometric_frequency(omega):
    with pytest.raises(ky.NotApplicable, match="positive frequency"):
        ky.Trigonometric(1, omega=omega)


@pytest.mark.parametrize("omega", [2, 0.5, sp.pi, R(1, 3), sp.sqrt(2), sp.Symbol("w"), sp.Symbol("w", positive=True)])
def test_trigonometric_frequencies_allowed(omega):
    family = ky.Trigonometric(1, omega=omega)
    assert hash(family) == hash(ky.Trigonometric(1, omega=omega))
    a0, a1, b1 = family.from_jet((sp.Integer(1), sp.Integer(2), sp.Integer(3)))
    w = sp.sympify(omega)
    for got, want in ((a0, 1 + 3 / w**2), (a1, -3 / w**2), (b1, 2 / w)):
        assert sp.simplify(sp.nsimplify(got - want)) == 0


@pytest.mark.parametrize("offset", [0, 1, None, "yes"])
def test_harmonic_offset(offset):
    with pytest.raises(ky.NotApplicable, match="True or False"):
        ky.Harmonic(offset=offset)


# -- the user's own --------------------------------------------------------------------------------------------------


def test_family_from_text_and_from_sympy_agree():
    A, tau = sp.symbols("A tau", positive=True)
    t = sp.Symbol("s", real=True)
    assert ky.Family(A * sp.exp(-t / tau), "A tau") == ky.Family("A*exp(-s/tau)", "A tau")


def test_family_has_its_own_parameters_in_results():
    x = sp.Symbol("x")
    result = ky.transform(3 * sp.exp(-x / 2) + 1, 0, DECAY)
    assert result.theta == (3, 2, 1)
    assert result.parameters == {"A": 3, "tau": 2, "C": 1}
    assert result.tau == 2


def test_family_positive_chooses():
    x = sp.Symbol("x")
    free = ky.Family("A*cos(w*s)", "A w")
    with pytest.raises(ky.NotUnique, match=r"positive|start"):
        ky.transform(2 * sp.exp(9 * x), 0, ky.Family("A*exp(w**2*s)", "A w"))
    chosen = ky.Family("A*exp(w**2*s)", "A w", positive="w")
    assert ky.transform(2 * sp.exp(9 * x), 0, chosen).theta == (2, 3)
    numeric = ky.transform(lambda t: 2 * np.exp(9 * t), 0.0, chosen)
    assert np.allclose(numeric.theta, (2, 3), atol=1e-8)
    assert free.box() == [(-np.inf, np.inf)] * 2
    assert chosen.box()[1][0] > 0


def test_family_start_chooses():
    near = ky.Family("A*exp(w**2*s)", "A w", start=(1.0, -2.0))
    result = ky.transform(lambda t: 2 * np.exp(9 * t), 0.0, near)
    assert np.allclose(result.theta, (2, -3), atol=1e-8)


def test_family_start_chooses_for_expressions_too():
    x = sp.Symbol("x")
    near = ky.Family("A*exp(w**2*s)", "A w", start=(1.0, -2.0))
    theta = ky.transform(2 * sp.exp(9 * x), 0, near).theta
    assert np.allclose([float(c) for c in theta], (2, -3))


def test_family_without_the_jet_asked_for():
    x = sp.Symbol("x")
    with pytest.raises(ky.NoContact, match=r"no member of Family\(.*jet \(-1, 1\)"):
        ky.transform(x - 1, 0, ky.Family("exp(p + q*s)", "p q"))
    with pytest.raises(ky.NoContact, match="no member of Family"):
        ky.transform(lambda t: t - 1, 0.0, ky.Family("exp(p + q*s)", "p q"))


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "A*exp(-s/tau) + D",
        "A.real*s + tau",
        "(lambda: s)() + A*tau",
        "A*s + tau; s",
        "2A*s + tau",
        "",
        "A*s + tau + (",
        "exec(A*s + tau)",
        "A**s**10**10**10 + tau",
    ],
)
def test_hostile_text_is_a_parse_error(text):
    with pytest.raises(ky.ParseError):
        ky.Family(text, "A tau")


@pytest.mark.parametrize(
    ("formula", "names", "options", "words"),
    [
        ("A*s", "", {}, "distinct parameter names"),
        ("A*s", "A A", {}, "distinct parameter names"),
        ("A*s", "A s", {}, "'s' cannot be a parameter"),
        ("A*s", "A 2b", {}, "'2b' cannot be a parameter"),
        ("A*s + b", "A b c", {}, r"\['c'\] do not occur"),
        (sp.Symbol("A") * s + sp.Symbol("z"), "A", {}, r"uses \['z'\]"),
        ("A*s + b", "A b", {"positive": "c"}, r"positive names \['c'\]"),
        ("A*s + b", "A b", {"start": (1,)}, "start needs 2 numbers"),
        (5.0, "A", {}, "text or SymPy"),
        (None, "A", {}, "text or SymPy"),
        (lambda s, A: A * s, "A", {}, "text or SymPy"),
    ],
)
def test_wrong_families(formula, names, options, words):
    with pytest.raises(ky.NotApplicable, match=words):
        ky.Family(formula, names, **options)


@pytest.mark.parametrize("start", [3, "ab", (1, "b"), (1, float("nan")), (1, None)])
def test_wrong_starts(start):
    with pytest.raises(ky.NotApplicable, match="start"):
        ky.Family("A*s + b", "A b", start=start)


@pytest.mark.parametrize("names", ["h x", "t H", "_f0 _h", "theta S", "f0 f1"])
def test_names_that_look_like_the_packages_own(names):
    first, second = names.split()
    family = ky.Family(f"{first}*exp({second}*s)", names)
    x = sp.Symbol("x")
    assert ky.transform(3 * sp.exp(2 * x), 0, family).theta == (3, 2)
    result = ky.transform(lambda t: 3 * np.exp(2 * t), 0.0, family)
    assert np.allclose(result.theta, (3, 2), atol=1e-8)
    theta = ky.MinimumNorm().solve(family, 3.0, 3 * np.exp(0.2), 0.1)
    assert np.allclose([float(c) for c in theta], (3, 2), atol=1e-8)


@pytest.mark.parametrize(
    ("formula", "linear"),
    [("a*s + b*exp(s)", True), ("a*b*s + b", False), ("a*sin(b*s)", False), ("a*sqrt(1 + s)", True)],
)
def test_linearity_is_seen(formula, linear):
    names = "a b" if "b" in formula else "a"
    assert ky.Family(formula, names).linear is linear


# -- through nodes ---------------------------------------------------------------------------------------------------

H = np.array([0.1, -0.2, 0.7])


def given(f, nodes, h):
    """f at the nodes, and its derivatives where they are repeated; f is a SymPy expression in s."""
    rows = []
    for j, c in enumerate(nodes):
        g = sp.lambdify(s, sp.diff(f, s, list(nodes[:j]).count(c)) if c in nodes[:j] else f, "numpy")
        rows.append(g(float(c) * h) + 0 * h)
    return rows


@pytest.mark.parametrize(
    "nodes", [(0, 1, -1, 2), (0, 1, 2, 3), (0, 1, 0.25, -3), (0, 0, 1, 1), (0, 0, 0, 1), (0, 1, 1, 1)]
)
def test_polynomial_through_is_krogh(nodes):
    f = sp.exp(s) * sp.cos(2 * s)
    theta = ky.Polynomial(3).through(nodes, H, given(f, nodes, H))
    for k, h in enumerate(H):
        rows = [float(row[k]) for row in given(f, nodes, H)]
        order = sorted(range(4), key=lambda j: nodes[j])
        oracle = KroghInterpolator([nodes[j] * h for j in order], [rows[j] for j in order]).derivatives(0.0, der=4)
        want = [oracle[m] / float(sp.factorial(m)) for m in (3, 2, 1, 0)]
        np.testing.assert_allclose([row[k] for row in theta], want, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    "nodes", [(0, 1, -1, 2, -2), (0, 1, 2, 3, 4), (0, 1, 0.5, -3, 2.5), (0, 0, 1, 1, 2), (0, 0, 0, 1, -1)]
)
def test_trigonometric_through_is_a_linear_system(nodes):
    f, w = sp.exp(-s) + s**2, 1.5
    theta = ky.Trigonometric(2, omega=w).through(nodes, H, given(f, nodes, H))
    basis = [sp.Integer(1), *(g(k * w * s) for k in (1, 2) for g in (sp.cos, sp.sin))]
    for k in range(len(H)):
        matrix = np.array([[float(entry[k]) for entry in given(b, nodes, H)] for b in basis]).T
        values = np.array([float(row[k]) for row in given(f, nodes, H)])
        want = np.linalg.solve(matrix, values)
        size = np.max(np.abs(want))
        np.testing.assert_allclose([row[k] for row in theta], want, atol=1e-13 * size * np.linalg.cond(matrix))


def exp_with_growth(ratio, power):
    """E with (E^power − 1)/(E − 1) = ratio."""
    return brentq(lambda e: sum(e**k for k in range(power)) - ratio, 1e-9, 1e9)


def test_exponential_through_unequal_nodes():
    f = sp.log(2 + s)
    y0, y1, y3 = given(f, (0, 1, 3), H)
    theta = np.array(ky.Exponential().through((0, 1, 3), H, [y0, y1, y3]))
    for k, h in enumerate(H):
        growth = exp_with_growth((y3[k] - y0[k]) / (y1[k] - y0[k]), 3)
        A = (y1[k] - y0[k]) / (growth - 1)
        np.testing.assert_allclose(theta[:, k], (A, np.log(growth) / h, y0[k] - A), rtol=1e-8)


def test_exponential_through_contact():
    f = sp.log(2 + s)
    y0, slope, y1 = given(f, (0, 0, 1), H)
    theta = np.array(ky.Exponential().through((0, 0, 1), H, [y0, slope, y1]))
    for k, h in enumerate(H):
        target = (y1[k] - y0[k]) / h / slope[k]
        z = brentq(lambda z, t=target: np.expm1(z) / z - t if z else 1 - t, -20, 20, xtol=1e-15)
        A = slope[k] * h / z
        np.testing.assert_allclose(theta[:, k], (A, z / h, y0[k] - A), rtol=1e-8)


@pytest.mark.parametrize("nodes", [(0, 1, -1), (0, 1, 2), (-1, 0, 1), (0, 1, 0.5)])
def test_exponential_through_equal_nodes(nodes):
    f = sp.log(2 + s)
    theta = ky.Exponential().through(nodes, H, given(f, nodes, H))
    for row, c in zip(given(f, nodes, H), nodes, strict=True):
        np.testing.assert_allclose(ky.Exponential()(c * H, theta), row, rtol=1e-12)


def test_exponential_through_has_no_member():
    y = [np.array([0.0, 0.0]), np.array([1.0, 1.0]), np.array([2.0, 0.5])]  # a straight line; up and down
    assert np.all(np.isnan(np.array(ky.Exponential().through((0, 1, 2), 1.0, y))))


def test_harmonic_plain_through_contact():
    f = 2 + sp.cos(3 * s) + s / 5
    family = ky.Harmonic(offset=False)
    y0, slope, y1 = given(f, (0, 0, 1), H)
    A, w, p = family.through((0, 0, 1), H, [y0, slope, y1])
    for k, h in enumerate(H):

        def defect(v, k=k, h=h):
            return y0[k] * np.cos(v * h) + slope[k] * np.sin(v * h) / v - y1[k]

        grid = np.linspace(1e-3, np.pi / abs(h), 4001)
        values = defect(grid)
        first = np.flatnonzero(values[:-1] * values[1:] < 0)[0]
        want = brentq(defect, grid[first], grid[first + 1])
        assert w[k] == pytest.approx(want, rel=1e-7)
        assert A[k] * np.cos(p[k]) == pytest.approx(y0[k], rel=1e-9)
        assert -A[k] * w[k] * np.sin(p[k]) == pytest.approx(slope[k], rel=1e-9)


#: a member, and node sets: equal, unequal and repeated; |ω h · widest gap| < π at every h
MEMBERS = [
    (ky.Exponential(), (2.0, -0.7, 1.0), [(0, 1, -1), (0, 1, 2), (0, 1, 3), (0, 0, 1), (0, 1, 1), (0, 1, 0.3)]),
    (ky.Exponential(), (-0.5, 1.3, 0.0), [(0, 1, -1), (0, 1, 2), (0, 1, -2), (0, 0, 1)]),
    (ky.Harmonic(offset=False), (2.0, 1.1, 5.0), [(0, 1, -1), (0, 1, 2), (0, 0, 1), (0, 1, 0.5)]),
    (
        ky.Harmonic(),
        (2.0, 1.1, 0.4, -3.0),
        [(0, 1, -1, 2), (0, 1, 2, 3), (0, 1, -1, -2), (0, 1, -3, 2), (0, 0, 1, 1), (0, 0, 0, 1), (0, 0, 1, -1)],
    ),
    (ky.Polynomial(2), (1.0, -2.0, 3.0), [(0, 1, -1), (0, 0, 1), (0, 1, 7)]),
    (ky.Linear(), (1.0, -2.0), [(0, 1)]),
    (ky.Trigonometric(1, omega=0.8), (1.0, 2.0, 3.0), [(0, 1, -1), (0, 0, 1), (0, 1, 2.5)]),
    (DECAY, (2.0, 1.5, 0.3), [(0, 1, -1), (0, 0, 1), (0, 1, 3)]),
    (LOGISTIC, (2.0, 1.5), [(0, 1)]),
    (POWER, (2.0, 1.7), [(0, 1)]),
]
MEMBER_NODES = [(family, theta, nodes) for family, theta, sets in MEMBERS for nodes in sets]


@pytest.mark.parametrize(("family", "theta", "nodes"), MEMBER_NODES, ids=str)
def test_through_finds_the_member(family, theta, nodes):
    values = given(family.expression.subs(dict(zip(family.symbols, theta, strict=True))), nodes, H)
    found = np.array(family.through(nodes, H, values), dtype=float)
    assert found.shape == (family.size, len(H))
    for row, want in zip(family.difference(tuple(found), [np.full(len(H), c) for c in theta]), theta, strict=True):
        assert np.max(np.abs(row)) < 1e-9 * (1 + abs(want)) / min(abs(H)) ** (family.size - 1)


def test_through_of_one_number_is_a_number():
    for family, theta, sets in MEMBERS:
        for nodes in sets:
            formula = family.expression.subs(dict(zip(family.symbols, theta, strict=True)))
            values = [float(row[0]) for row in given(formula, nodes, H[:1])]
            assert all(np.ndim(c) == 0 for c in family.through(nodes, 0.1, values))


def test_through_is_exact_for_exact_numbers():
    one, two, five = sp.Integer(1), sp.Integer(2), sp.Integer(5)
    assert ky.Polynomial(2).through((0, 1, 2), sp.Integer(1), (one, two, five)) == (1, 0, 1)
    assert ky.Exponential().through((0, 1, 2), sp.Integer(1), (one, two, sp.Integer(4))) == (1, sp.log(2), 0)
    A, w, p = ky.Harmonic(offset=False).through((0, 1, -1), sp.Integer(1), (two, one, one))
    assert (A, w, sp.simplify(p)) == (2, sp.pi / 3, 0)


# -- ranges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [True, False])
def test_harmonic_ranges(offset):
    rng = np.random.default_rng(7)
    family = ky.Harmonic(offset=offset)
    jets = rng.standard_normal((4, 2000))
    jets[3] = -np.abs(jets[3]) * np.sign(jets[1])
    jets[2 if not offset else 1] *= 1
    if not offset:
        jets[2] = -np.abs(jets[2]) * np.sign(jets[0])
    A, w, p = family.from_jet(tuple(jets))[:3]
    assert np.all(A >= 0)
    assert np.all(w >= 0)
    assert np.all((p >= 0) & (p < 2 * np.pi))
    back = np.array(family.jet(family.from_jet(tuple(jets)), family.size - 1))
    np.testing.assert_allclose(back, jets[: family.size], rtol=1e-10, atol=1e-10 * np.max(A))
    nodes = (0, 1, -1, 2)[: family.size]
    values = rng.standard_normal((family.size, 3000))
    theta = family.through(nodes, 0.3, tuple(values))
    found = np.all(np.isfinite(theta), axis=0)
    assert 300 < found.sum() < 3000
    A, w, p = (row[found] for row in theta[:3])
    assert np.all(A >= 0)
    assert np.all((w >= 0) & (w * 0.3 <= np.pi))
    assert np.all((p >= 0) & (p < 2 * np.pi))


@pytest.mark.parametrize("phi", [0, R(1, 3), sp.pi / 2, sp.pi, 4, 3 * sp.pi / 2, 6])
def test_harmonic_phase_is_kept_exactly(phi):
    x = sp.Symbol("x")
    result = ky.transform(2 * sp.cos(3 * x + phi), 0, ky.Harmonic(offset=False)) if sp.cos(phi) != 0 else None
    if result is not None:
        assert result.exact
        assert abs(sp.N(result.phi - phi, 20)) < 1e-15
        assert 0 <= result.phi < 2 * sp.pi


@pytest.mark.parametrize(
    ("theta", "want"),
    [
        ((-2.0, 1.0, 0.5, 3.0), (2.0, 1.0, 0.5 + np.pi, 3.0)),
        ((2.0, -1.0, 0.5, 3.0), (2.0, 1.0, 2 * np.pi - 0.5, 3.0)),
        ((2.0, 1.0, -0.5, 3.0), (2.0, 1.0, 2 * np.pi - 0.5, 3.0)),
        ((-2.0, -1.0, 7.0, 3.0), (2.0, 1.0, (np.pi - 7.0) % (2 * np.pi), 3.0)),
    ],
)
def test_harmonic_canonical_is_the_same_function(theta, want):
    family = ky.Harmonic()
    found = family.canonical(np.array(theta))
    np.testing.assert_allclose(found, want, rtol=1e-14)
    t = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(family(t, tuple(found)), family(t, theta), atol=1e-13)


def test_difference_takes_angles_the_shorter_way():
    family = ky.Harmonic()
    gap = family.difference((1.0, 1.0, 0.1, 0.0), (1.0, 1.0, 2 * np.pi - 0.1, 0.0))
    assert float(gap[2]) == pytest.approx(0.2)
    assert float(ky.Linear().difference((7.0, 0.0), (0.0, 0.0))[0]) == 7.0


# -- obstacles -------------------------------------------------------------------------------------------------------


def jet_of(*values):
    values = tuple(sp.sympify(v) for v in values)
    return Jet(values, tuple(sp.Integer(0) for _ in values))


#: family, jet, the first obstacle's exception, words of its message
OBSTACLES = [
    (ky.Exponential(), (5, 0, 0), "NotUnique", ["f′(x0) = 0", "f″(x0) = 0", "constant 5"]),
    (ky.Exponential(), (5, 2, 0), "NoContact", ["f″(x0) = 0", "straight line", "a = 2", "b = 5"]),
    (ky.Exponential(), (5, 0, 7), "NoContact", ["f′(x0) = 0", "f″(x0) = 7"]),
    (ky.Harmonic(), (5, 0, 3, 0), "NotUnique", ["f′(x0) = 0", "f‴(x0) = 0", "f″(x0) = 3", "ω is free"]),
    (ky.Harmonic(), (5, 0, 0, 0), "NotUnique", ["constant 5", "A = 0"]),
    (ky.Harmonic(), (5, 0, 1, 2), "NoContact", ["f′(x0) = 0", "f‴(x0) = 2"]),
    (ky.Harmonic(), (5, 1, 4, 0), "NoContact", ["f‴(x0) = 0", "parabola", "5", "(4/2)"]),
    (ky.Harmonic(), (5, 1, 4, 3), "NoContact", ["f′(x0) = 1", "f‴(x0) = 3", "hyperbolic", "cosh"]),
    (ky.Harmonic(offset=False), (0, 2, 0), "NotUnique", ["f(x0) = 0", "f″(x0) = 0", "slope 2"]),
    (ky.Harmonic(offset=False), (0, 2, 3), "NoContact", ["f(x0) = 0", "f″(x0) = 3"]),
    (ky.Harmonic(offset=False), (4, 0, 0), "NotUnique", ["constant 4", "ω = 0"]),
    (ky.Harmonic(offset=False), (4, 2, 0), "NoContact", ["f″(x0) = 0", "straight line", "4 + 2 s"]),
    (ky.Harmonic(offset=False), (4, 2, 3), "NoContact", ["f(x0) = 4", "f″(x0) = 3", "hyperbolic"]),
]


def polynomial_with(jet):
    x = sp.Symbol("x")
    return sum((sp.sympify(c) * x**k / sp.factorial(k) for k, c in enumerate(jet)), start=sp.Integer(0)) + 0 * x


@pytest.mark.parametrize(("family", "jet", "name", "words"), OBSTACLES, ids=str)
def test_obstacles_of_exact_jets(family, jet, name, words):
    first = next(o for o in family.obstacles(jet_of(*jet)) if o.where)
    assert first.status is getattr(ky, name).status
    for word in words:
        assert word in first.message
    with pytest.raises(getattr(ky, name)) as caught:
        ky.transform(polynomial_with(jet), 0, family)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(("family", "jet", "name", "words"), OBSTACLES, ids=str)
def test_obstacles_of_black_boxes(family, jet, name, words):
    f = sp.lambdify(sp.Symbol("x"), polynomial_with(jet) + 0 * sp.Symbol("x"), "numpy")
    with pytest.raises(getattr(ky, name)):
        ky.transform(lambda t: f(t) + 0.0 * t, 0.0, family)


@pytest.mark.parametrize("family", [ky.Linear(), ky.Polynomial(3), ky.Trigonometric(2, omega=3)])
def test_linear_families_reach_every_jet(family):
    assert list(family.obstacles(jet_of(*(0,) * family.size))) == []
    rng = np.random.default_rng(3)
    jets = rng.standard_normal((family.size, 50))
    back = family.jet(family.from_jet(tuple(jets)), family.size - 1)
    np.testing.assert_allclose(np.array(back), jets, atol=1e-12)


class Squared(ky.Polynomial):
    """A map that is not linear: a2 is a square."""

    def from_jet(self, values):
        return (values[2] ** 2, values[1], values[0])


class SquaredLimit(ky.Osculating):
    def limit(self, family, jet, side):
        return (jet.values[2] ** 2, jet.values[1], jet.values[0])


@pytest.mark.parametrize(("family", "rule"), [(Squared(2), ky.Osculating()), (ky.Polynomial(2), SquaredLimit())])
@pytest.mark.parametrize("x0", [2.0, np.array([2.0, 3.0])], ids=["point", "points"])
def test_a_map_of_ones_own_does_not_inherit_linear_errors(family, rule, x0):
    plain = ky.transform(lambda t: np.exp(3 * t), x0, ky.Polynomial(2), method=ky.Taylor())
    squared = ky.transform(lambda t: np.exp(3 * t), x0, family, rule, method=ky.Taylor(), check=False)
    assert np.all(squared.error[0] >= 2 * np.abs(2 * plain.a2) * plain.error[0])


def test_a_spread_of_ones_own_is_used():
    class Doubled(ky.Polynomial):
        def from_jet(self, values):
            return tuple(2 * c for c in super().from_jet(values))

        def spread(self, errors):
            return self.from_jet(errors)

    class Renamed(Squared):
        pass

    assert Doubled(1).spread((1.0, 2.0)) == (4.0, 2.0)
    assert Renamed(2).spread((1.0, 1.0, 1.0)) is None
    assert ky.Polynomial(2).spread((1.0, 1.0, 1.0)) == (0.5, 1.0, 1.0)


@pytest.mark.parametrize("size", [1e-290, 1e-165, 1e160, 1e300])
@pytest.mark.parametrize("f", [np.exp, np.sin])
def test_parameters_scale_with_f_as_far_as_floats_go(f, size):
    family = ky.Exponential() if f is np.exp else ky.Harmonic()
    one, far = (ky.transform(lambda t, s=s: s * f(t), 1.0, family) for s in (1.0, size))
    scale = [size if name in "AC" else 1.0 for name in family.names]
    for a, b, e, d, s in zip(one.theta, far.theta, one.error, far.error, scale, strict=True):
        assert abs(a * s - b) <= e * s + d
