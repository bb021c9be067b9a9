"""The six families against SymPy; their values; the user's own."""

from __future__ import annotations

import dataclasses
import inspect

import numpy as np
import pytest
import sympy as sp
from own_families import DECAY, LOGISTIC, POWER

import kymath as ky
from kymath.families import FAMILIES

R = sp.Rational
s = sp.Symbol("s")

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
