"""The chain operator: arrays, errors that cover, families and rules that it serves or refuses."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from cases import x
from composed import EXAMPLES, FAMILIES, close, made, mp_jet, osculating, outcome, refused
from hypothesis import assume, given
from hypothesis import strategies as st

import kymath as ky
from kymath import nabla
from kymath.chain import compose
from kymath.chain.jets import finite_moves

R = sp.Rational


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
    refused(work, kind, words)


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
