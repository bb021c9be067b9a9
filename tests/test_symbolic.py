"""Symbolic(): exact limits, symbols as points, kinks from each side, time limits that hold."""

from __future__ import annotations

import contextlib
import sys
import threading
import time

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import kymath as ky
from kymath.methods import symbolic
from kymath.methods.bounded import OutOfTime, bounded

R = sp.Rational
x = sp.Symbol("x")
h = sp.Symbol("h", positive=True)
DECAY = ky.Family("A*exp(-s/tau) + C", "A tau C")
ALL = [
    ky.Linear(),
    ky.Polynomial(3),
    ky.Exponential(),
    ky.Trigonometric(1, omega=2),
    ky.Trigonometric(1, omega=sp.Symbol("w", positive=True)),
    ky.Harmonic(),
    ky.Harmonic(offset=False),
    DECAY,
]


def exact(result):
    assert result.exact
    assert result.error == (0,) * result.family.size
    for c in result.theta:
        assert isinstance(c, sp.Basic)
        assert not c.has(sp.Float, sp.Limit, sp.AccumBounds, sp.nan, sp.zoo)
    return result.theta


def derivative(f, point, k):
    """f^(k) at a point in 40 digits, from mpmath's Taylor series of the evaluated function."""
    g = sp.lambdify(x, f, "mpmath")
    with mp.workdps(50):
        return mp.taylor(g, mp.mpf(sp.Rational(point).p) / sp.Rational(point).q, k)[k] * mp.factorial(k)


# -- symbols ---------------------------------------------------------------------------------------------------------


P = sp.Symbol("p")
POINTS = [(family, P) for family in ALL] + [(ALL[1], x), (ALL[2], sp.Symbol("p", real=True))]


@pytest.mark.parametrize(("family", "symbol"), POINTS, ids=str)
def test_a_symbolic_point(family, symbol):
    f = x**2 + sp.exp(-x) if family is DECAY else sp.exp(-x) * sp.sin(3 * x) + x
    w = sp.Symbol("w", positive=True)
    general = exact(ky.transform(f, symbol, family))
    for point in (R(3, 4),):
        special = exact(ky.transform(f, point, family))
        for name, a, b in zip(family.names, general, special, strict=True):
            gap = sp.N((a.subs(symbol, point) - b).subs(w, R(7, 5)), 30)
            if name in family.angles:
                gap = sp.sin(gap / 2)
            assert abs(gap) < 1e-20, name


@pytest.mark.parametrize("point", [R(3, 4), P])
def test_a_users_family_is_as_quick_and_short_as_the_formula(point):
    f = sp.exp(-x) * sp.sin(3 * x) + x
    theta = exact(ky.transform(f, point, DECAY))
    f1, f2 = sp.diff(f, x).subs(x, point), sp.diff(f, x, 2).subs(x, point)
    assert abs(sp.N((theta[1] + f1 / f2).subs(P, R(1, 3)), 30)) < 1e-20
    assert theta[1].count_ops() <= 2 * sp.simplify(-f1 / f2).count_ops()


def test_a_symbolic_point_of_the_paper():
    p = sp.Symbol("p")
    assert ky.transform(x**3, p, ky.Polynomial(2)).theta == (3 * p, 3 * p**2, p**3)
    assert ky.curvature(sp.sin(x), p) == -sp.sin(p) / 2
    assert ky.transform(3 * sp.exp(-2 * x) + 5, p, ky.Exponential()).theta == (3 * sp.exp(-2 * p), -2, 5)
    assert ky.transform(sp.exp(x), p, ky.Polynomial(2), ky.MinimumNorm()).theta == (0, sp.exp(p), sp.exp(p))


def test_an_expression_as_point():
    p = sp.Symbol("p")
    assert ky.transform(x**2, p**2 + 1, ky.Linear()).theta == (2 * (p**2 + 1), (p**2 + 1) ** 2)


def test_a_symbol_needs_an_expression():
    with pytest.raises(ky.NotApplicable, match="symbolic point needs a SymPy expression"):
        ky.transform(np.sin, sp.Symbol("p"))


# -- exact -----------------------------------------------------------------------------------------------------------

EXACT = [
    (sp.sin(x), sp.pi / 3, ky.Polynomial(2), (-sp.sqrt(3) / 4, R(1, 2), sp.sqrt(3) / 2)),
    (sp.sqrt(x), 2, ky.Linear(), (sp.sqrt(2) / 4, sp.sqrt(2))),
    (sp.log(x), 3, ky.Exponential(), (-1, R(-1, 3), 1 + sp.log(3))),
    (sp.exp(-(x**2)), 1, ky.Polynomial(2), (sp.exp(-1), -2 * sp.exp(-1), sp.exp(-1))),
    (sp.atan(x), 1, ky.Polynomial(3), (R(1, 12), R(-1, 4), R(1, 2), sp.pi / 4)),
    (sp.erf(x), 0, ky.Linear(), (2 / sp.sqrt(sp.pi), 0)),
    (sp.gamma(x), 1, ky.Linear(), (-sp.EulerGamma, 1)),
    (sp.besselj(0, x), 0, ky.Harmonic(offset=False), (1, sp.sqrt(2) / 2, 0)),
    (2 * sp.cos(3 * x + 1) + 4, 0, ky.Harmonic(), (2, 3, 1, 4)),
    (2 * sp.cos(3 * x - 1), 0, ky.Harmonic(offset=False), (2, 3, 2 * sp.pi - 1)),
    (5 * sp.exp(-x / 7) - 1, 0, DECAY, (5, 7, -1)),
    (sp.exp(x), sp.log(2), ky.Polynomial(1), (2, 2)),
    (x**3 / 10, R(1, 3), ky.Linear(), (R(1, 30), R(1, 270))),
    (0.1 * x, 1, ky.Linear(), (sp.Rational(0.1), sp.Rational(0.1))),
]


@pytest.mark.parametrize(("f", "point", "family", "theta"), EXACT, ids=str)
def test_exact_and_simplified(f, point, family, theta):
    found = exact(ky.transform(f, point, family))
    for got, want in zip(found, theta, strict=True):
        assert sp.simplify(got - want) == 0
        assert got.count_ops() <= sp.sympify(want).count_ops() + 3


@pytest.mark.parametrize("point", [R(1, 3), R(-2, 7), 2])
@pytest.mark.parametrize(
    "f",
    [
        sp.exp(sp.sin(x)),
        sp.log(3 + x) * sp.cos(x),
        1 / (1 + x**2),
        sp.tanh(x / 2) + sp.atan(x),
        sp.erf(x),
        sp.sqrt(4 + x),
    ],
    ids=str,
)
def test_against_mpmath(f, point):
    theta = exact(ky.transform(f, point, ky.Polynomial(4)))
    for k, got in zip(range(4, -1, -1), theta, strict=True):
        with mp.workdps(40):
            want = derivative(f, point, k) / mp.factorial(k)
            assert abs(mp.mpf(str(sp.N(got, 40))) - want) < mp.mpf(10) ** -25 * (1 + abs(want))


def test_equations():
    a, b = sp.symbols("a b")
    assert ky.Symbolic().system(sp.sin(x), 0, ky.Linear()) == [sp.Eq(b, 0), sp.Eq(a * h + b, sp.sin(h))]
    rule = ky.Osculating(nodes=(0, 0, 1))
    A, B, C = sp.symbols("A B C")
    first, second, third = ky.Symbolic().system(sp.exp(2 * x), 0, ky.Exponential(), rule)
    assert first == sp.Eq(A + C, 1)
    assert second == sp.Eq(A * B, 2)
    assert sp.simplify(third.lhs - third.rhs - (A * sp.exp(B * h) + C - sp.exp(2 * h))) == 0


def test_the_equations_solved_and_the_limit_taken_give_the_answer():
    """The definition by hand: solve the printed system at h, let h → 0."""
    for f, family in (
        (x**3, ky.Polynomial(2)),
        (sp.exp(x), ky.Polynomial(3)),
        (1 / (1 + x), ky.Trigonometric(1, omega=2)),
    ):
        solved = sp.solve(ky.Symbolic().system(f, 1, family), family.symbols, dict=True)[0]
        theta = ky.transform(f, 1, family).theta
        for symbol, want in zip(family.symbols, theta, strict=True):
            assert sp.simplify(sp.limit(solved[symbol], h, 0) - want) == 0


def test_system_and_symbolic_need_an_expression():
    with pytest.raises(ky.NotApplicable, match="needs a SymPy expression"):
        ky.Symbolic().system(np.sin, 0, ky.Linear())
    with pytest.raises(ky.NotApplicable, match="needs a SymPy expression"):
        ky.transform(np.sin, 0, ky.Linear(), method=ky.Symbolic())
    with pytest.raises(ky.NotApplicable, match="no closed form"):
        ky.transform(sp.sin(x), 0, ky.Harmonic(), ky.MinimumNorm(), ky.Symbolic())


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), None, "2"])
def test_timeout_must_be_positive(timeout):
    with pytest.raises(ky.NotApplicable, match="positive number of seconds"):
        ky.Symbolic(timeout=timeout)


# -- kinks, from each side -------------------------------------------------------------------------------------------

#: f, order of the polynomial, θ from the left, θ from the right; an exception's name where there is none
KINKS = [
    (sp.Abs(x), 1, (-1, 0), (1, 0)),
    (sp.Abs(x), 2, (0, -1, 0), (0, 1, 0)),
    (x * sp.Abs(x), 1, (0, 0), (0, 0)),
    (x * sp.Abs(x), 2, (-1, 0, 0), (1, 0, 0)),
    (sp.Max(x, 0) ** 3, 2, (0, 0, 0), (0, 0, 0)),
    (sp.Max(x, 0) ** 3, 3, (0, 0, 0, 0), (1, 0, 0, 0)),
    (sp.Min(x, x**2), 1, (1, 0), (0, 0)),
    (sp.sign(x), 1, "Diverges", "Diverges"),
    (sp.Heaviside(x), 1, "Diverges", "Diverges"),
    (sp.Heaviside(x, 1), 1, "Diverges", (0, 1)),
    (sp.floor(x), 1, "Diverges", (0, 0)),
    (sp.ceiling(x), 1, (0, 0), "Diverges"),
    (x - sp.floor(x), 1, "Diverges", (1, 0)),
    (sp.Piecewise((sp.sin(x), x < 0), (x, True)), 2, (0, 1, 0), (0, 1, 0)),
    (sp.Piecewise((sp.sin(x), x < 0), (x, True)), 3, (R(-1, 6), 0, 1, 0), (0, 0, 1, 0)),
    (sp.Piecewise((0, x < 0), (sp.exp(x), True)), 1, "Diverges", (1, 1)),
    (ky.parse("cbrt(x)"), 1, "Diverges", "Diverges"),
    (ky.parse("cbrt(x)**4"), 1, (0, 0), (0, 0)),
    (sp.sqrt(x), 1, "NotFinite", "Diverges"),
    (x * sp.sqrt(x), 1, "NotFinite", (0, 0)),
    (x * sp.sqrt(x), 2, "NotFinite", "Diverges"),
    (sp.log(x), 1, "NotFinite", "NotFinite"),
    (1 / x, 1, "NotFinite", "NotFinite"),
    (sp.sqrt(sp.Abs(x)), 1, "Diverges", "Diverges"),
    (sp.Abs(sp.sin(x)) * sp.Abs(x), 2, (1, 0, 0), (1, 0, 0)),
    (sp.exp(-sp.Abs(x)), 2, (R(1, 2), 1, 1), (R(1, 2), -1, 1)),
    (sp.Abs(x**2 - x), 2, (1, -1, 0), (-1, 1, 0)),
    (sp.Piecewise((sp.exp(-1 / x**2), sp.Ne(x, 0)), (0, True)), 2, (0, 0, 0), (0, 0, 0)),
]


@pytest.mark.parametrize(("f", "n", "left", "right"), KINKS, ids=str)
def test_kinks(f, n, left, right):
    function = sp.Lambda(x, f)
    found = {}
    for side, want in (("left", left), ("right", right)):
        if isinstance(want, str):
            with pytest.raises(getattr(ky, want)):
                ky.transform(function, 0, ky.Polynomial(n), side=side)
        else:
            found[side] = exact(ky.transform(function, 0, ky.Polynomial(n), side=side))
            assert found[side] == want
    if left == right and not isinstance(left, str):
        assert exact(ky.transform(function, 0, ky.Polynomial(n))) == left
        return
    with pytest.raises(ky.KYError) as caught:
        ky.transform(function, 0, ky.Polynomial(n))
    if "NotFinite" in (left, right):
        assert isinstance(caught.value, ky.NotFinite)
        return
    assert isinstance(caught.value, ky.NoLimit)  # Diverges is one
    for side in ("left", "right"):
        one = getattr(caught.value, side)
        assert (one.theta == found[side]) if side in found else (one is None)


@pytest.mark.parametrize("form", ["x", "y", "real"])
def test_the_variables_name_and_assumptions_do_not_matter(form):
    v = sp.Symbol("y") if form == "y" else sp.Symbol("x", real=True) if form == "real" else x
    assert ky.transform(v * sp.Abs(v), 0, ky.Linear()).theta == (0, 0)
    positive = sp.Symbol("z", positive=True)
    assert ky.transform(positive**2, -1, ky.Linear()).theta == (-2, 1)
    with pytest.raises(ky.NoLimit):
        ky.transform(sp.sqrt(v**2), 0, ky.Linear())


# -- where sympy.limit has trouble -----------------------------------------------------------------------------------


@pytest.mark.parametrize("point", [R(1, 2), 2])
@pytest.mark.parametrize("f", [sp.tanh(x), sp.log(1 + x), x**x, sp.exp(sp.exp(-x)), sp.atan(1 / x)], ids=str)
def test_sympys_troubles_with_the_exponential_family(f, point):
    result = ky.transform(f, point, ky.Exponential())
    A, B, C = exact(result)
    with mp.workdps(40):
        f0, f1, f2 = (derivative(f, point, k) for k in range(3))
        for got, want in ((A, f1**2 / f2), (B, f2 / f1), (C, f0 - f1**2 / f2)):
            assert abs(mp.mpf(str(sp.N(got, 40))) - want) < mp.mpf(10) ** -25 * (1 + abs(want))


def test_x_to_the_x_at_its_trough():
    with pytest.raises(ky.NoContact, match="Polynomial"):
        ky.transform(x**x, sp.exp(-1), ky.Exponential())
    a2, a1, a0 = exact(ky.transform(x**x, sp.exp(-1), ky.Polynomial(2)))
    assert sp.simplify(a1) == 0
    assert abs(sp.N(a2 - sp.exp(1 - sp.exp(-1)) / 2, 30)) < 1e-25
    assert abs(sp.N(a0 - sp.exp(-sp.exp(-1)), 30)) < 1e-25


@pytest.mark.parametrize(
    ("f", "point", "family"),
    [
        (sp.tanh(x), 0, ky.Exponential()),
        (sp.sin(x), 0, ky.Exponential()),
        (sp.cos(x), 0, ky.Exponential()),
        (sp.sinh(x), 1, ky.Harmonic()),
        (sp.log(x), 2, ky.Harmonic()),
    ],
    ids=str,
)
def test_no_contact_is_said(f, point, family):
    with pytest.raises(ky.NoContact):
        ky.transform(f, point, family)


# -- time ------------------------------------------------------------------------------------------------------------


def ours():
    return [t for t in threading.enumerate() if t.name == "kymath-bounded"]


def endless():
    count = 0
    while True:
        count += 1


def stubborn():
    while True:
        try:
            sp.integrate(sp.exp(x**3) * sp.sin(x) / (1 + sp.log(x) ** 2), x)
        except Exception:
            continue


def hanging():
    return sp.simplify(sum((sp.sin(x + k) ** 7 * sp.cos(k * x + 1) ** 5 for k in range(40)), start=sp.Integer(0)))


def big():
    return sp.expand((1 + x + sp.Symbol("y") + sp.Symbol("z")) ** 400)


@pytest.mark.parametrize("work", [endless, stubborn, hanging, big])
def test_bounded_really_stops(work):
    before, precision = set(ours()), mp.mp.prec
    with pytest.raises(OutOfTime):
        bounded(work, 0.2)
    assert set(ours()) <= before
    assert mp.mp.prec == precision
    assert sp.integrate(x**2, x) == x**3 / 3  # SymPy still works


def test_bounded_by_work_stops_what_works_and_waits_for_what_waits():
    """However busy the machine is: who waits for it does no work."""

    def patient():
        time.sleep(0.4)
        return "done"

    assert bounded(patient, 60.0, busy=0.2) == "done"
    with pytest.raises(OutOfTime):
        bounded(endless, 60.0, busy=0.2)
    with pytest.raises(OutOfTime):
        bounded(patient, 0.1, busy=60.0)


def test_the_limit_is_taken_as_well_where_the_machine_is_busy(monkeypatch):
    take = sp.limit

    def waited(*args):
        time.sleep(0.4)
        return take(*args)

    monkeypatch.setattr(symbolic, "_LIMIT_BUSY", 1.0)  # three limits wait longer, and work less
    monkeypatch.setattr(sp, "limit", waited)
    quiet = "symbolic: the limit of the constraint system by SymPy; checked by numbers."
    assert ky.transform(x**2 + 3 * x, 2, method=ky.Symbolic()).message == quiet


def test_bounded_restores_precision():
    def work():
        with mp.workdps(500):
            endless()

    precision = mp.mp.prec
    with pytest.raises(OutOfTime):
        bounded(work, 0.1)
    assert mp.mp.prec == precision


def test_bounded_hands_on_what_was_raised():
    with pytest.raises(ZeroDivisionError):
        bounded(lambda: 1 / 0, 5.0)
    assert bounded(lambda: None, 5.0) is None


def test_bounded_works_in_any_thread():
    seen = []

    def run():
        try:
            bounded(endless, 0.1)
        except OutOfTime as error:
            seen.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert len(seen) == 1
    assert not ours()


def test_bounded_ends_cleanly_however_short_the_time(monkeypatch):
    escaped = []
    monkeypatch.setattr(threading, "excepthook", escaped.append)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # interruptions everywhere
    try:
        for k in range(200):
            with contextlib.suppress(OutOfTime):
                bounded(endless if k % 2 else lambda: sum(range(500)), k * 2e-6)
    finally:
        sys.setswitchinterval(interval)
    assert not ours()
    assert not escaped


def test_bounded_goes_on_to_interrupt_what_keeps_it_to_itself():
    def stubborn():
        for _ in range(6):
            with contextlib.suppress(BaseException):
                endless()

    with pytest.raises(OutOfTime):
        bounded(stubborn, 0.05, grace=0.1)
    end = time.monotonic() + 30
    while ours() and time.monotonic() < end:
        time.sleep(0.02)
    assert not ours()


def test_bounded_work_inside_bounded_work_ends_too(monkeypatch):
    escaped = []
    monkeypatch.setattr(threading, "excepthook", escaped.append)
    for k in range(12):
        with pytest.raises(OutOfTime):
            bounded(lambda: bounded(lambda: bounded(endless, 50.0), 50.0), 0.002 * k)
    end = time.monotonic() + 30
    while any(t.name.startswith("kymath-") for t in threading.enumerate()) and time.monotonic() < end:
        time.sleep(0.02)
    assert not [t for t in threading.enumerate() if t.name.startswith("kymath-")]
    assert not escaped


def test_a_timeout_is_not_reached_and_says_so():
    f = sp.tanh(sp.sin(sp.exp(x) * x)) ** x + sp.exp(sp.sin(sp.exp(x + 1)))
    with pytest.raises(ky.NotReached, match=r"0\.01 seconds|SymPy"):
        ky.transform(f, R(1, 3), ky.Polynomial(12), method=ky.Symbolic(timeout=0.01))
    assert not ours()


def test_without_a_method_numbers_take_over():
    f = sp.Piecewise((sp.exp(-1 / x**2) * sp.sin(1 / x), sp.Ne(x, 0)), (0, True)) + x
    result = ky.transform(f, 0, ky.Linear())
    assert result.success
    assert float(result.a) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("f", "n"),
    [
        (sp.exp(sp.sin(sp.exp(sp.cos(x)))), 4),
        (sp.tanh(x) ** 5 / (1 + sp.log(2 + sp.sin(x)) ** 2), 3),
        (sp.sqrt(1 + sp.sqrt(1 + sp.sqrt(1 + x))), 4),
        (sp.gamma(1 + x) * sp.besselj(0, x), 3),
    ],
    ids=str,
)
def test_nested_functions_in_bounded_time(f, n):
    result = ky.transform(f, R(1, 2), ky.Polynomial(n))
    for k, got in zip(range(n, -1, -1), result.theta, strict=True):
        want = float(derivative(f, R(1, 2), k) / mp.factorial(k))
        assert float(got) == pytest.approx(want, rel=1e-10, abs=1e-12)


# -- floats ----------------------------------------------------------------------------------------------------------


def test_a_float_point_gives_floats_with_their_rounding():
    result = ky.transform(sp.exp(x), 0.1, ky.Polynomial(2))
    assert not result.exact
    for got, error, want in zip(result.theta, result.error, (np.exp(0.1) / 2, np.exp(0.1), np.exp(0.1)), strict=True):
        assert isinstance(got, float)
        assert 0 < error < 1e-15
        assert abs(got - want) <= 2 * error


def test_check_finds_wrong_limits_before_they_are_returned(monkeypatch):
    monkeypatch.setattr(sp, "limit", lambda *a, **k: sp.Integer(17))
    assert ky.transform(sp.sin(x), 0, ky.Linear()).theta == (1, 0)
    with pytest.raises(ky.NotReached):
        ky.transform(sp.sqrt(sp.Abs(x)) ** 3, 0, ky.Linear(), method=ky.Symbolic())
