"""The chain operator ⊗ against derivatives of the composed function itself, in closed form, for two points.

The oracle knows nothing of kymath: mpmath's Taylor coefficients of t ↦ f(g(t)) at 60 digits, SymPy's own composition.
"""

from __future__ import annotations

import math
from dataclasses import replace

import mpmath as mp
import numpy as np
import oracle
import pytest
import sympy as sp
from cases import FAMILIES as TABLE
from cases import PAIRS, x
from cases import RULES as TABLE_RULES
from composed import EXAMPLES, FAMILIES, USERS, close, made, mp_jet, osculating, outcome
from hypothesis import given
from hypothesis import strategies as st

import kymath as ky
from kymath import nabla
from kymath.chain import compose
from kymath.chain.closed import closed_form

R = sp.Rational


class Pair:
    """f after g, at x0, each as an expression, as NumPy code and in mpmath."""

    def __init__(self, f, g, x0):
        self.f, self.g, self.x0 = f, g, sp.sympify(x0)
        self.u0 = g.subs(x, self.x0)
        self.fog = f.subs(x, g)
        self.call = [sp.lambdify(x, e, "numpy") for e in (f, g)]
        self.mp = sp.lambdify(x, self.fog, "mpmath")


SMOOTH = [
    Pair(sp.exp(x), sp.sin(x), R(1, 3)),
    Pair(sp.sin(x), sp.exp(-x) + x / 2, R(1, 2)),
    Pair(1 / (1 + x**2), sp.tanh(2 * x), R(1, 4)),
    Pair(sp.log(2 + x), 1 - x**2, R(2, 3)),
]
EXACT = [  # where SymPy's derivatives are short
    Pair(sp.exp(x), sp.sin(x), 0),
    Pair(sp.sin(x + 1), x / 2 + x**2 / 3 - x**3, 0),
    Pair(sp.sqrt(x), 4 - 2 * x / (1 + x**2), 0),
]


# -- it is the transform of f∘g ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
@pytest.mark.parametrize("pair", EXACT, ids=lambda p: str(p.fog))
def test_exact_results_compose_exactly(family, pair):
    want = outcome(lambda: ky.transform(pair.fog, pair.x0, family, check=False))
    got = outcome(
        lambda: ky.transform(pair.f, pair.u0, family, check=False) @ ky.transform(pair.g, pair.x0, family, check=False)
    )
    if isinstance(want, type) or isinstance(got, type):
        if got is not want:  # f or g may have no θ where f∘g has one
            assert any(
                isinstance(outcome(lambda a=a, b=b: ky.transform(a, b, family, check=False)), type)
                for a, b in ((pair.f, pair.u0), (pair.g, pair.x0))
            )
        return
    assert got.exact
    assert got.error == (0,) * family.size
    for a, b in zip(got.theta, want.theta, strict=True):
        assert abs(sp.N(a - b, 60, maxn=2000)) < sp.Float("1e-50")


@pytest.mark.parametrize("pair", SMOOTH, ids=lambda p: str(p.fog))
@pytest.mark.parametrize(("family", "rule"), PAIRS, ids=str)
@pytest.mark.parametrize("side", ["both", "right", "left"])
def test_numbers_compose_to_the_transform_of_the_composition(pair, family, rule, side):
    one, by = TABLE[family], TABLE_RULES[rule]
    inner = outcome(lambda: ky.transform(pair.call[1], float(pair.x0), one, by, side=side))
    outer = outcome(
        lambda: ky.transform(pair.call[0], float(pair.u0), one, by, side="both" if by.sided is False else side)
    )
    if isinstance(inner, type) or isinstance(outer, type):
        pytest.skip("f or g has no θ there")
    try:
        want = oracle.expected(pair.mp, mp.mpf(pair.x0.p) / pair.x0.q, family, rule, side)
    except oracle.Fails as failure:
        with pytest.raises(getattr(ky, str(failure))):
            outer @ inner
        return
    got = outer @ inner
    assert (got.side, got.rule, got.family, got.x0) == (side, by, one, float(pair.x0))
    gaps = one.difference(got.theta, [float(c) for c in want])
    for gap, error, value in zip(gaps, got.error, want, strict=True):
        assert abs(float(gap)) <= error
        if side == "both":
            assert error <= 1e-9 * (1 + abs(float(value)))


@pytest.mark.parametrize("family", FAMILIES[:-1], ids=repr)
@EXAMPLES
@given(data=st.data())
def test_random_regular_jets(family, data):
    """Members after members: f = g(·; θ_f), g = g(·; θ_g), composed by mpmath."""
    number = st.builds(lambda v, s: s * v, st.floats(0.3, 2.0), st.sampled_from([1.0, -1.0]))

    def member():
        theta = [data.draw(number) for _ in family.names]
        return [abs(c) if name in ("A", "omega", "phi") and "omega" in family.names else c
                for name, c in zip(family.names, theta, strict=True)]  # fmt: skip

    f, g = member(), member()
    x0 = 0.25
    u0 = float(family(0.0, g))
    values = mp_jet(family, f, g, u0, x0)
    want = osculating(family, values)
    got = outcome(lambda: made(family, f, u0) @ made(family, g, x0))
    if want is None:
        assert got in (ky.NoContact, ky.NotUnique, ky.NotReached)
        return
    if isinstance(got, type):  # within rounding of having none
        assert got is ky.NoContact
        return
    size = [max(abs(float(c)), 1e-3) for c in want]
    for gap, scale, error in zip(family.difference(got.theta, [float(c) for c in want]), size, got.error, strict=True):
        assert abs(float(gap)) <= error + 1e-15 * scale
        if error < 1e-11 * scale:  # not near the edge of the regular set
            assert abs(float(gap)) <= 1e-10 * scale


def test_a_family_of_ones_own():
    F, G = (made(USERS, theta, at, error=(1e-9, 1e-9)) for theta, at in (((1.5, -0.7), 0.8), ((0.8, 1.3), 0.0)))
    got = F @ G
    close(USERS, got.theta, (1.5, -0.7 * 0.8 * 1.3))
    assert 1e-9 < max(got.error) < 1e-8


@pytest.mark.parametrize("n", range(1, 6))
def test_polynomials_are_truncated_composition(n):
    """T3.14-osc-poly: the coefficients of Σ a_m (Σ c_j s^j)^m mod s^{n+1}, multiplied out by SymPy."""
    a, c, s = sp.symbols(f"a:{n + 1}"), sp.symbols(f"c:{n + 1}"), sp.Symbol("s")
    F = replace(made(ky.Polynomial(n), a[::-1], c[0], error=(0,) * (n + 1)), exact=True)
    G = replace(made(ky.Polynomial(n), c[::-1], 0, error=(0,) * (n + 1)), exact=True)
    rise = sum(c[j] * s**j for j in range(1, n + 1))
    want = sp.Poly(sp.expand(sum(a[m] * rise**m for m in range(n + 1))), s)
    for k in range(n + 1):
        assert sp.expand((F @ G).coefficient(k) - want.coeff_monomial(s**k)) == 0


def test_a_symbol_for_x0():
    got = nabla.P(3)[sp.exp(x)](sp.sin(x)) @ nabla.P(3)[sp.sin(x)](x)
    for k in range(4):
        want = sp.diff(sp.exp(sp.sin(x)), x, k) / sp.factorial(k)
        assert sp.simplify(got.coefficient(k) - want) == 0
    assert got.exact


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_associative(family):
    """(F ⊗ G) ⊗ H = F ⊗ (G ⊗ H), on waves: each family has their limits."""
    for seed in range(20):  # until all four compositions exist, which no law promises
        rng = np.random.default_rng(seed)
        waves = [rng.uniform(0.5, 1.5, family.size) for _ in range(3)]
        x0, u0, v0 = 0.3, float(family(0.0, waves[2])), float(family(0.0, waves[1]))
        F, G, H = (made(family, theta, at) for theta, at in zip(waves, (v0, u0, x0), strict=True))
        one, two = outcome(lambda F=F, G=G, H=H: (F @ G) @ H), outcome(lambda F=F, G=G, H=H: F @ (G @ H))
        if not isinstance(one, type) and not isinstance(two, type):
            break
    assert one.x0 == two.x0 == x0
    for gap, a, b in zip(family.difference(one.theta, two.theta), one.error, two.error, strict=True):
        assert abs(float(gap)) <= a + b


# -- closed forms, the second road -------------------------------------------------------------------------------------

M = 5
CLOSED = [
    (ky.Linear(), ky.Osculating()),
    (ky.Polynomial(2), ky.Osculating()),
    (ky.Exponential(), ky.Osculating()),
    (ky.Harmonic(), ky.Osculating()),
    (ky.Harmonic(offset=False), ky.Osculating()),
    (ky.Polynomial(3), ky.MinimumNorm()),
    (ky.Exponential(), ky.SmallestRate(bound=M)),
    (ky.Harmonic(), ky.SmallestFrequency(bound=M)),
    (ky.Harmonic(offset=False), ky.SmallestFrequency(bound=M)),
]


@pytest.mark.parametrize(("family", "rule"), CLOSED, ids=str)
@pytest.mark.parametrize("slopes", [(1.5, 0.7), (-0.4, 1.2)])
def test_closed_forms_are_the_jets_road(family, rule, slopes):
    """On the limits of waves f(t) = 2 cos(…), g(t) = 1.5 cos(…) + c t³, which every family and rule here has."""
    side = "right" if isinstance(rule, ky.SmallestRate) else "both"
    u0 = 1.5 * math.cos(0.6)
    outer = lambda t: 2 * np.cos(slopes[0] * (t - u0) + 0.8)
    inner = lambda t: 1.5 * np.cos(slopes[1] * t + 0.6) + 0.1 * t**3
    F, G = (ky.transform(f, at, family, rule, side=side) for f, at in ((outer, u0), (inner, 0.0)))
    got = outcome(lambda: compose(F, G, check=False))
    with np.errstate(invalid="ignore"):
        want = closed_form(family, rule)(F.theta, G.theta)
    if isinstance(got, type):
        assert got is ky.NoContact
        assert not all(map(math.isfinite, want))
        return
    if isinstance(rule, ky.SmallestRate) and slopes[1] > 0:  # g falls: the form takes f to have one slope at u0
        assert F.function is not None
    close(family, got.theta, want, rtol=1e-11)


def test_harmonic_closed_form_is_the_papers_sine_form():
    """Section 3 of the theory writes sines: p = φ + π/2. Its W² for Ω a = 1, p = 1.3, q = 1 is −7.80 w²."""
    F = made(ky.Harmonic(), (1.0, 2.0, 1.3 - math.pi / 2 + 2 * math.pi, 0.0), 0.5 * math.sin(1.0))
    G = made(ky.Harmonic(), (0.5, 3.0, 1.0 - math.pi / 2 + 2 * math.pi, 0.0), 0.0)
    with pytest.raises(ky.NoContact, match=r"W² = w² .* must be positive .* it is -70\.2"):
        F @ G  # −7.80127 · 9


# -- two-point rules: slopes multiply ----------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("g", [1 + sp.sin(x), 1 - sp.sin(x), 1 + x**2, 1 - x**2, 1 - x**3], ids=str)
@pytest.mark.parametrize(
    "f", [sp.exp(x), sp.exp(-x), sp.Abs(x - 1), (x - 1) ** 2, (x - 1) ** 3, -((x - 1) ** 2)], ids=str
)
def test_smallest_rate_sees_the_side_to_which_g_goes(f, g, side):
    rule = ky.SmallestRate(bound=3)
    F, G = (ky.transform(a, b, ky.Exponential(), rule, side=side) for a, b in ((f, 1), (g, 0)))
    want = ky.transform(f.subs(x, g), 0, ky.Exponential(), rule, side=side)
    assert all(sp.simplify(a - b) == 0 for a, b in zip((F @ G).theta, want.theta, strict=True))


@pytest.mark.parametrize("offset", [True, False])
@pytest.mark.parametrize("g", [1 + sp.sin(x), 1 - sp.sin(x), 1 - x**3], ids=str)
@pytest.mark.parametrize("f", [sp.exp(x), sp.exp(-x), (x - 1) ** 3], ids=str)
def test_smallest_frequency(f, g, offset):
    family, rule = ky.Harmonic(offset), ky.SmallestFrequency(bound=5)
    F, G = ky.transform(f, 1, family, rule), ky.transform(g, 0, family, rule)
    want = ky.transform(f.subs(x, g), 0, family, rule)
    assert all(sp.simplify(a - b) == 0 for a, b in zip((F @ G).theta, want.theta, strict=True))


def test_slopes_multiply_at_finite_h():
    """T3.14-literal: d_F(h) = d_f(k) d_g(h) with k = g(x0 + h) − g(x0), exactly."""
    h = sp.Symbol("h")
    f, g = x**3 - x, x**2 + x
    k = sp.expand(g.subs(x, 2 + h) - g.subs(x, 2))
    d = lambda q, at, step: (q.subs(x, at + step) - q.subs(x, at)) / step
    assert sp.simplify(d(f.subs(x, g), 2, h) - d(f, g.subs(x, 2), k) * d(g, 2, h)) == 0


def test_a_one_sided_outer_result_without_its_function_is_refused():
    F = made(ky.Linear(), (1.0, 0.0), 0.0, side="right")
    G = ky.transform(lambda t: -t, 0.0, ky.Linear(), side="right")
    with pytest.raises(ky.NotApplicable, match="from the right, but g leaves u0"):
        F @ G
    assert (F @ ky.transform(lambda t: 2 * t, 0.0, ky.Linear(), side="right")).a == pytest.approx(2.0)


def test_a_kink_is_seen_from_the_side_to_which_g_goes():
    for a, slope in ((1, -1), (-1, 1)):
        G = nabla.L[a * x](0, side="left")
        got = nabla.L[sp.Abs(x)](0, side="left") @ G
        assert got.a == slope * a * a * (1 if a > 0 else -1) == nabla.L[sp.Abs(a * x)](0, side="left").a
    with pytest.raises(ky.NoLimit):
        nabla.L[sp.Abs(x)](0, side="right") @ nabla.L[2 * x](0)
    assert (nabla.P(2)[sp.Abs(x)](0, side="right") @ nabla.P(2)[x**2](0)).a2 == 1


# -- Theorem 3.15 ------------------------------------------------------------------------------------------------------


def test_theorem_3_15():
    """Printed: (a_f c_g, a_f d_g + b_f). For f = u², g = x + 1 at 1 it gives 12; the value is 4."""
    F, G = nabla.L[x**2](2), nabla.L[x + 1](1)
    assert (F @ G).theta == (F.a * G.a, F.b) == nabla.L[(x + 1) ** 2](1).theta == (4, 4)
    assert F.a * G.b + F.b == 12
    u0, x0 = 2, 1  # lines written by slope and intercept: a t + (b − a x0)
    f_intercept, g_intercept = F.b - F.a * u0, G.b - G.a * x0
    assert F.a * g_intercept + f_intercept == (F @ G).b - (F @ G).a * x0


@pytest.mark.parametrize("pair", SMOOTH, ids=lambda p: str(p.fog))
def test_theorem_3_15_holds_for_intercepts(pair):
    F, G = nabla.L[pair.f](pair.u0), nabla.L[pair.g](pair.x0)
    a, b = (F @ G).theta
    printed = F.a * (G.b - G.a * pair.x0) + (F.b - F.a * pair.u0)
    assert sp.simplify(printed - (b - a * pair.x0)) == 0
