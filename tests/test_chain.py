"""The chain operator ⊗ and the arithmetic of results, against derivatives of the composed function itself.

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
from cases import BOUND, PAIRS, x
from cases import FAMILIES as TABLE
from cases import RULES as TABLE_RULES
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import kymath as ky
from kymath import nabla
from kymath.chain import compose, inverse
from kymath.chain.closed import closed_form
from kymath.chain.jets import finite_moves

R = sp.Rational
EXAMPLES = settings(
    derandomize=True, deadline=None, max_examples=40, database=None, suppress_health_check=list(HealthCheck)
)


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
USERS = ky.Family("p*exp(q*s)", "p q")  # solved by iteration: a tenth of a second and more for each answer
FAMILIES = [
    ky.Linear(),
    *(ky.Polynomial(n) for n in range(1, 6)),
    ky.Exponential(),
    ky.Trigonometric(1, omega=2),
    ky.Trigonometric(2, omega=R(1, 2)),
    ky.Harmonic(),
    ky.Harmonic(offset=False),
    USERS,
]


def made(family, theta, x0, *, error=None, rule=None, side="both"):
    """A result with the θ given."""
    status = ky.Status.CONVERGED
    if np.ndim(theta[0]):
        status = np.full(np.shape(theta[0]), status, dtype=object)
    error = tuple(0.0 * np.asarray(c, float) for c in theta) if error is None else tuple(error)
    return ky.KYTransform(tuple(theta), error, family, rule or ky.Osculating(), "made", side, x0, status, "")


def close(family, got, want, rtol=1e-10, atol=1e-12):
    for gap, value in zip(family.difference(got, [float(c) for c in want]), want, strict=True):
        assert abs(float(gap)) <= rtol * abs(float(value)) + atol


def outcome(work):
    try:
        return work()
    except ky.KYError as error:
        return type(error)


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


def mp_jet(family, f, g, u0, x0):
    """Derivatives of f∘g at x0, by mpmath from the formulas."""
    s = sp.Symbol("s")
    curve = [sp.lambdify(s, family.expression.xreplace(
        dict(zip(family.symbols, map(sp.Float, theta), strict=True))).xreplace({sp.Symbol("s"): s}), "mpmath")
        for theta in (f, g)]  # fmt: skip
    with mp.workdps(60):
        start = curve[1](mp.mpf(0))
        found = mp.taylor(lambda t: curve[0](curve[1](t) - start), mp.mpf(0), family.size - 1)
        return [c * mp.factorial(k) for k, c in enumerate(found)]


def osculating(family, values):
    """θ by the formulas of the oracle, None where there is none."""
    with mp.workdps(60):
        if isinstance(family, ky.Family):  # p exp(q s)
            return values[0], values[1] / values[0]
        if isinstance(family, ky.Trigonometric) and family.n == 2:
            rows = mp.matrix([[mp.mpf(float(b)) for b in family.basis_jet(k)] for k in range(5)])
            return tuple(mp.lu_solve(rows, mp.matrix(values)))
        kind = {ky.Linear: "linear", ky.Polynomial: "polynomial", ky.Exponential: "exponential",
                ky.Trigonometric: "trigonometric", ky.Harmonic: "harmonic"}[type(family)]  # fmt: skip
        if kind == "harmonic" and not family.offset:
            kind = "harmonic-plain"
        try:
            return oracle.osculating((kind, getattr(family, "n", None), getattr(family, "omega", None)), values)
        except oracle.Fails:
            return None


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


# -- arrays ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "rule"), [(f, ky.Osculating()) for f in FAMILIES[:-1]] + [(ky.Polynomial(3), ky.MinimumNorm())]
)
def test_arrays_are_their_elements(family, rule):
    points = np.linspace(-0.9, 1.1, 6).reshape(2, 3)
    f, g = (lambda t: np.exp(-t) * np.sin(3 * t)), (lambda t: np.tanh(t) + 0.1)
    F, G = ky.transform(f, g(points), family, rule), ky.transform(g, points, family, rule)
    got = F @ G
    assert got.success.shape == got.status.shape == got.theta[0].shape == points.shape
    for index in np.ndindex(points.shape):
        A, B = (
            made(family, [c[index] for c in r.theta], r.x0[index], error=[e[index] for e in r.error], rule=rule)
            for r in (F, G)
        )
        if not (F.success[index] and G.success[index]):
            assert not got.success[index]
            assert all(np.isnan(c[index]) for c in got.theta)
            continue
        one = compose(A, B, raises=False)
        if not one.success:
            assert got.status[index] is one.status
            continue
        for a, b in zip(got.theta, one.theta, strict=True):
            assert a[index] == pytest.approx(b, rel=1e-9)


def test_status_of_each_element():
    points = np.array([0.0, 0.5, 1.0])
    G = nabla.E[lambda t: np.exp(-t) + 0 * t](points)
    F = nabla.E[np.sin](np.exp(-points))
    lost = made(ky.Exponential(), F.theta, F.x0, error=F.error)
    lost.status[1] = ky.Status.NOT_UNIQUE
    got = lost @ G
    assert got.status[1] is ky.Status.NOT_UNIQUE
    assert np.isnan(got.A[1])
    assert got.success.tolist()[::2] == [True, True]
    with pytest.raises(ky.NotUnique, match="1 of 3 points"):
        compose(lost, G, raises=True)


# -- errors cover ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES[:-1], ids=repr)
@EXAMPLES
@given(data=st.data())
def test_errors_cover_whatever_is_within_the_errors(family, data):
    """θ_f and θ_g anywhere within their errors: θ of the answer stays within its own."""
    number = st.builds(lambda v, s: s * v, st.floats(0.3, 2.0), st.sampled_from([1.0, -1.0]))
    part = st.floats(-1, 1)
    scale = 10.0 ** data.draw(st.integers(-12, -3))
    f, g = ([data.draw(number) for _ in family.names] for _ in range(2))
    if isinstance(family, ky.Harmonic):
        f, g = ([abs(f[0]), abs(f[1]), *f[2:]] for f in (f, g))
        f, g = ([*t[:2], t[2] % (2 * math.pi), *t[3:]] for t in (f, g))
    e, d = ([scale * abs(c) for c in t] for t in (f, g))
    u0 = float(family(0.0, g))
    got = outcome(lambda: made(family, f, u0, error=e) @ made(family, g, 0.0, error=d))
    assume(not isinstance(got, type))
    f2 = [c + s * data.draw(part) for c, s in zip(f, e, strict=True)]
    g2 = [c + s * data.draw(part) for c, s in zip(g, d, strict=True)]
    want = osculating(family, mp_jet(family, f2, g2, u0, 0.0))
    assume(want is not None)
    for gap, error, value in zip(family.difference(got.theta, [float(c) for c in want]), got.error, want, strict=True):
        assert abs(float(gap)) <= error * (1 + 30 * scale) + 1e-15 * abs(float(value))


@EXAMPLES
@given(
    a=st.floats(0.3, 3),
    b=st.floats(-2, 2),
    x0=st.floats(-1, 1),
    family=st.sampled_from([ky.Polynomial(3), *FAMILIES[6:-1]]),
)
def test_errors_cover_for_black_boxes(a, b, x0, family):
    g, f = (lambda t, lib=np: lib.sin(a * t + b) + t / 3), (lambda t, lib=np: lib.exp(-t) + t * t)
    G = outcome(lambda: ky.transform(g, x0, family))
    F = outcome(lambda: ky.transform(f, float(g(x0)), family))
    assume(not isinstance(F, type) and not isinstance(G, type))
    got = outcome(lambda: F @ G)
    assume(not isinstance(got, type))
    with mp.workdps(50):
        found = mp.taylor(lambda t: f(g(t, mp), mp), mp.mpf(x0), family.size - 1)
    want = osculating(family, [c * mp.factorial(k) for k, c in enumerate(found)])
    for gap, error in zip(family.difference(got.theta, [float(c) for c in want]), got.error, strict=True):
        assert abs(float(gap)) <= error


def test_products_of_errors_are_seen():
    """A slope of 0 ± e after a slope of 0 ± d: nothing moves alone, together e·d."""
    moves = finite_moves(
        lambda p: np.array([p[0] * p[1]]), [np.zeros(()), np.zeros(())], [np.array(2.0), np.array(3.0)]
    )
    assert moves == [6.0]
    F = made(ky.Polynomial(1), (0.0, 1.0), 0.0, error=(1e-3, 0.0))
    G = made(ky.Polynomial(1), (0.0, 0.0), 0.0, error=(1e-2, 0.0))
    assert (F @ G).error[0] >= 1e-5


def test_a_base_point_known_within_an_error_only():
    """u0 = g(x0) ± e moves every derivative of f: the answer's error holds it."""
    F, e = nabla.P(2)[lambda t: np.exp(20 * t)](1.0), 1e-9
    G = made(ky.Polynomial(2), (0.0, 1.0, 1.0 + e), 0.0, error=(0.0, 0.0, 2 * e))
    got = F @ G
    for k in range(3):
        true = 20**k / math.factorial(k) * math.exp(20 * (1 + e))
        assert abs(got.coefficient(k) - true) <= got.error[2 - k]


def test_bounds():
    certified = ky.Certified()
    F, G = (nabla.P(3)[f](t, method=certified) for f, t in ((np.exp, 0.0), (np.sin, 0.0)))
    got = F @ G
    assert got.bound
    want = (-0.0, 0.5, 1.0, 1.0)
    assert all(abs(a - b) <= e for a, b, e in zip(got.theta, want, got.error, strict=True))
    assert not (nabla.P(3)[np.exp](0.0) @ G).bound
    assert (nabla.P(3)[sp.exp(x)](0) @ G).bound  # exact is as good as a bound
    assert (F * F).bound
    assert not (nabla.E[np.exp](0.0, method=certified) @ nabla.E[np.expm1](0.0, method=certified)).bound


# -- families and rules ------------------------------------------------------------------------------------------------


def test_other_families():
    """T3.14-info: as many derivatives as the answer needs must be known of both."""
    got = compose(nabla.P(3)[sp.exp(x)](0), nabla.E[sp.exp(x) - 1](0), family=ky.Exponential())
    assert got.theta == nabla.E[sp.exp(sp.exp(x) - 1)](0).theta
    got = compose(nabla.H[np.sin](0.5), nabla.P(4)[lambda t: t + 0.5](0.0), family=ky.Polynomial(2))
    close(ky.Polynomial(2), got.theta, (-math.sin(0.5) / 2, math.cos(0.5), math.sin(0.5)))
    assert compose(nabla.P(4)[sp.exp(x)](0), nabla.P(2)[sp.sin(x)](0), family=ky.Linear()).theta == (1, 1)


def test_u_and_u_plus_u2_agree_in_lines_and_differ_in_parabolas():
    for outer in (x, x + x**2):
        assert (nabla.L[outer](0) @ nabla.L[x](0)).theta == (1, 0)
    assert nabla.P(2)[x](0).theta != nabla.P(2)[x + x**2](0).theta


def test_nodes_need_not_agree():
    F, G = (nabla.P(2, rule=ky.Osculating(nodes=n))[f](0) for n, f in (((0, 1, 2), sp.exp(x)), ((0, 0, 1), sp.sin(x))))
    assert (F @ G).rule == ky.Osculating()
    assert (F @ nabla.P(2, rule=F.rule)[sp.sin(x)](0)).rule == F.rule
    assert compose(F, G, family=ky.Exponential(), check=False).theta == nabla.E[sp.exp(sp.sin(x))](0).theta


FAILURES = [
    ("families", lambda: nabla.P(2)[sp.exp(x)](0) @ nabla.L[sp.sin(x)](0), ky.NotApplicable,
     ["Polynomial(2)", "Linear()", "compose(F, G, family=…)"]),
    ("too few", lambda: compose(nabla.P(2)[sp.exp(x)](0), nabla.L[sp.sin(x)](0), family=ky.Exponential()),
     ky.NotApplicable, ["Exponential() needs 3", "G, a result of Linear()", "f″(x0) is missing", "Polynomial(2)"]),
    ("too few of a rule", lambda: compose(*[nabla.P(2, rule=ky.MinimumNorm())[x](0)] * 2, family=ky.Harmonic()),
     ky.NotApplicable, ["no closed form"]),
    ("rules", lambda: nabla.P(2)[sp.exp(x)](0) @ nabla.P(2, rule=ky.MinimumNorm())[sp.sin(x)](0), ky.NotApplicable,
     ["Osculating()", "MinimumNorm()"]),
    ("bounds", lambda: made(ky.Exponential(), (4.0, 1.0, -4.0), 0.0, rule=ky.SmallestRate(4), side="right")
     @ made(ky.Exponential(), (3.0, 1.0, -3.0), 0.0, rule=ky.SmallestRate(3), side="right"), ky.NotApplicable,
     ["SmallestRate(bound=4)", "SmallestRate(bound=3)"]),
    ("base point", lambda: nabla.P(2)[np.exp](1.0) @ nabla.P(2)[np.sin](0.0), ky.BasePointMismatch,
     ["u0 = 1", "g(0) = 0", "u0 = g(x0)"]),
    ("base point, exact", lambda: nabla.P(2)[sp.exp(x)](R(1, 2)) @ nabla.P(2)[sp.sin(x)](R(1, 2)), ky.BasePointMismatch,
     ["u0 = 1/2", "sin(1/2)"]),
    ("base point, symbol", lambda: nabla.P(2)[sp.exp(x)](x) @ nabla.P(2)[sp.sin(x)](x), ky.BasePointMismatch,
     ["sin(x)"]),
    ("base point, array", lambda: nabla.P(2)[np.exp](np.array([0.0, 0.7])) @ nabla.P(2)[np.sin](np.array([0.0, 0.5])),
     ky.BasePointMismatch, ["u0 = 0.7", "index (1,)"]),
    ("shapes", lambda: nabla.L[np.exp](np.zeros(2)) @ nabla.L[np.sin](np.zeros(3)), ky.NotApplicable, ["(2,)", "(3,)"]),
    ("1 + aB = 0", lambda: nabla.E[sp.exp(x)](-1) @ nabla.E[-sp.exp(x)](0), ky.NoContact,
     ["B = b (1 + aB) needs 1 + aB ≠ 0", "it is 0", "straight line", "Linear()"]),
    ("1 + aB = 0, numbers", lambda: nabla.E[np.exp](-1.0) @ nabla.E[lambda t: -np.exp(t)](0.0), ky.NoContact,
     ["1 + aB"]),
    ("W² < 0, plain", lambda: made(ky.Harmonic(False), (1.0, 1.0, 1.0), math.cos(1.0)) @ made(
        ky.Harmonic(False), (1.0, 1.0, 1.0), 0.0), ky.NoContact, ["W² = w² [(Ω a sin φ_g)² − Ω a tan φ_f cos φ_g]"]),
    ("f1 = 0", lambda: compose(nabla.P(2)[x**2](0), nabla.P(2)[x](0), family=ky.Exponential()), ky.NoContact,
     ["f∘g", "f′(x0) = 0", "f″(x0) = 2"]),
    ("constant", lambda: compose(nabla.P(2)[x**3](0), nabla.P(2)[x](0), family=ky.Exponential()), ky.NotUnique,
     ["f∘g"]),
    ("family", lambda: compose(nabla.L[x](0), nabla.L[x](0), family="linear"), ky.NotApplicable, ["'linear'"]),
    ("no results", lambda: compose(np.sin, nabla.L[x](0)), ky.NotApplicable, ["two results"]),
    ("a symbol and a number", lambda: nabla.L[sp.exp(x)](x) @ nabla.L[np.sin](0.0), ky.NotApplicable, ["symbol"]),
    ("nothing to compose", lambda: ky.transform(sp.Abs(x), 0, ky.Linear(), raises=False) @ nabla.L[x](0), ky.NoLimit,
     []),
    ("ill-conditioned", lambda: made(ky.Exponential(), (1.0, 1.0, 0.0), 0.0, error=(0.9, 0.9, 0.9)) @ made(
        ky.Exponential(), (1.0, 1.0, -1.0), 0.0, error=(0.5, 0.5, 0.5)), ky.KYError, []),
]  # fmt: skip


@pytest.mark.parametrize(("work", "kind", "words"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_failures(work, kind, words):
    with pytest.raises(kind) as caught:
        work()
    for word in words:
        assert word in str(caught.value)


def test_at_is_for_results_only():
    with pytest.raises(TypeError):
        nabla.L[x](0) @ 2
    with pytest.raises(TypeError):
        nabla.L[x](0) + "1"


def test_no_exception_when_none_is_wanted():
    got = compose(nabla.E[np.exp](-1.0), nabla.E[lambda t: -np.exp(t)](0.0), raises=False)
    assert got.status is ky.Status.NO_CONTACT
    assert all(map(math.isnan, got.theta))


def test_how_it_shows_itself():
    assert repr(nabla.P(2)[np.exp](0.0) @ nabla.P(2)[np.sin](0.0)).startswith("∇_P²[exp∘sin](0): a2 = 0.5 ±")
    f, g = (lambda t: np.exp(t)), (lambda t: np.sin(t))
    assert repr(nabla.P(2)[f](0.0) @ nabla.P(2)[g](0.0)).startswith("∇_P²[f∘g](0)")
    got = nabla.L[sp.exp(x)](0) @ nabla.L[sp.sin(x)](0)
    assert repr(got) == "∇_L[exp(sin(x))](0): a = 1, b = 1 (exact)"
    assert (got.method, got.nfev, got.steps) == ("chain", 0, ())
    assert got(0.5) == 1.5


# -- sums, products, quotients, inverses -------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
@pytest.mark.parametrize("word", ["+", "-", "*", "/"])
def test_arithmetic(family, word):
    f, g = sp.exp(-x / 2) + x**2, sp.cos(x) + 2 + x**3
    act = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}[word]
    call = [sp.lambdify(x, e, "numpy") for e in (f, g)]
    F, G = (outcome(lambda c=c: ky.transform(c, 0.4, family)) for c in call)
    if isinstance(F, type) or isinstance(G, type):
        pytest.skip("f or g has no θ there")
    both = sp.lambdify(x, act(f, g), "mpmath")
    want = osculating(family, oracle.jet(both, 0.4, family.size))
    got = outcome(lambda: act(F, G))
    if want is None:
        assert got in (ky.NoContact, ky.NotUnique)
        return
    for gap, error, value in zip(family.difference(got.theta, [float(c) for c in want]), got.error, want, strict=True):
        assert abs(float(gap)) <= error <= 1e-9 * (1 + abs(float(value)))


def test_arithmetic_is_exact_for_exact_results():
    F, G = nabla.P(3)[sp.exp(x)](0), nabla.P(3)[sp.cos(x)](0)
    for got, f in ((F + G, sp.exp(x) + sp.cos(x)), (F - G, sp.exp(x) - sp.cos(x)), (F * G, sp.exp(x) * sp.cos(x)),
                   (F / G, sp.exp(x) / sp.cos(x)), (2 * F, 2 * sp.exp(x)), (1 - G, 1 - sp.cos(x)), (-F, -sp.exp(x)),
                   (F + R(1, 3), sp.exp(x) + R(1, 3)), (1 / F, sp.exp(-x)), (F / 4, sp.exp(x) / 4)):  # fmt: skip
        assert got.exact
        assert got.theta == nabla.P(3)[f](0).theta
        assert repr(got).split(":")[1] == repr(nabla.P(3)[f](0)).split(":")[1]


def test_numbers_beside_results():
    F = nabla.E[np.exp](0.0)
    for got, want in ((np.float64(2) * F + 1, (2, 1, 1)), (1.5 - F, (-1, 1, 1.5)), (1 / F, (1, -1, 0))):
        close(ky.Exponential(), got.theta, want)
    points = np.array([0.0, 1.0])
    got = 2 * nabla.P(2)[np.exp](points) / 4
    np.testing.assert_allclose(got.a1, np.exp(points) / 2, rtol=1e-12)
    assert got.x0 is points or np.array_equal(got.x0, points)


def test_inverse():
    got = inverse(nabla.P(4)[sp.exp(x)](0))
    assert got.theta == nabla.P(4)[sp.log(x)](1).theta
    assert (got.x0, got.exact) == (1, True)
    got = inverse(nabla.P(4)[np.exp](0.3))
    want = oracle.jet(mp.log, math.exp(0.3), 5)
    for k in range(5):
        assert abs(got.coefficient(k) - float(want[k]) / math.factorial(k)) <= got.error[4 - k] < 1e-10
    there = nabla.P(3)[np.sinh](np.array([0.2, 1.0]))
    np.testing.assert_allclose(inverse(there).a2, nabla.P(3)[np.arcsinh](np.sinh([0.2, 1.0])).a2, rtol=1e-10)
    assert (inverse(nabla.P(3)[sp.sinh(x)](1)) @ nabla.P(3)[sp.sinh(x)](1)).theta == (0, 0, 1, 1)


ARITHMETIC_FAILURES = [
    (lambda: nabla.L[x](0) + nabla.L[x](1), ky.BasePointMismatch, ["one x0", "0 and 1"]),
    (lambda: nabla.L[x](0) * nabla.P(2)[x](0), ky.NotApplicable, ["one family"]),
    (lambda: nabla.P(2)[sp.exp(x)](0) / nabla.P(2)[sp.sin(x)](0), ky.NotFinite, ["g(x0) = 0"]),
    (lambda: 1 / nabla.P(2)[np.sin](0.0), ky.NotFinite, ["g(x0) = 0"]),
    (lambda: nabla.E[sp.exp(x)](0) - nabla.E[sp.exp(x)](0), ky.NotUnique, ["constant 0"]),
    (lambda: nabla.L[sp.Abs(x)](0, side="left") + nabla.L[sp.Abs(x)](0, side="right"), ky.NotApplicable, ["left"]),
    (lambda: made(ky.Exponential(), (BOUND, 1.0, 0.0), 0.0, rule=ky.SmallestRate(BOUND), side="right") + 1,
     ky.NotApplicable, ["depend on the side"]),
    (lambda: inverse(nabla.P(2)[sp.cos(x)](0)), ky.Diverges, ["f′(x0) = 0", "vertical"]),
    (lambda: inverse(nabla.P(2)[np.cos](0.0)), ky.Diverges, ["f′(x0) = "]),
    (lambda: inverse(nabla.L[sp.Abs(x)](0, side="right")), ky.NotApplicable, ["both sides"]),
]  # fmt: skip


@pytest.mark.parametrize(("work", "kind", "words"), ARITHMETIC_FAILURES)
def test_arithmetic_failures(work, kind, words):
    with pytest.raises(kind) as caught:
        work()
    for word in words:
        assert word in str(caught.value)


def test_zeros_among_many_points():
    got = nabla.P(2)[np.exp](np.array([0.0, 1.0])) / nabla.P(2)[np.sin](np.array([0.0, 1.0]))
    assert got.status.tolist() == [ky.Status.NOT_FINITE, ky.Status.CONVERGED]
    got = inverse(nabla.P(2)[np.cos](np.array([0.0, 1.0])))
    assert got.status.tolist() == [ky.Status.DIVERGES, ky.Status.CONVERGED]
