"""Precise: as many digits as asked, errors that cover, doubles found out, settings that come back."""

from __future__ import annotations

import math

import cases
import mpmath as mp
import numpy as np
import oracle
import pytest
import sympy as sp
from scipy import special

import kymath as ky
from kymath import Status
from kymath.function import Function
from kymath.methods.precise import Precise

x = sp.Symbol("x")
R = sp.Rational


def precise(f, x0, family=None, rule=None, side="both", digits=30):
    at = x0 if isinstance(x0, sp.Basic) else np.asarray(x0, dtype=float)
    found = Precise(digits).evidence(Function(f), at, family or ky.Polynomial(2), rule or ky.Osculating(), side)
    assert mp.mp.dps == 15
    return found


SMOOTH = [
    (mp.exp, 1.0), (mp.sin, 0.5), (mp.log, 0.25), (mp.tanh, -0.75), (mp.erf, 0.5), (lambda t: 1 / (1 + t * t), 2.0),
    (lambda t: t**3 - 0.1 * t, 0.5), (lambda t: mp.exp(-t) * mp.sin(3 * t), 0.0), (lambda t: 1 / t, 0.05),
    (mp.sin, 1e4), (lambda t: mp.cos(t * 10**6), 0.5), (lambda t: mp.besselj(0, t), 2.0), (lambda t: t**t, 0.5),
    (lambda t: mp.exp(-(((t - 1) * 10**5) ** 2)), 1.00001), (mp.atan, 0.0), (mp.cosh, 3.0),
]  # fmt: skip


@pytest.mark.parametrize("digits", [15, 50])
@pytest.mark.parametrize("k", range(len(SMOOTH)))
def test_digits_and_errors(k, digits):
    f, x0 = SMOOTH[k]
    found = precise(f, x0, ky.Polynomial(4), digits=digits)
    assert found.status[()] is Status.CONVERGED, found.message
    with mp.workdps(400):
        wanted = mp.taylor(f, mp.mpf(x0), 4)[::-1]
        largest = max(abs(w) for w in wanted)
        for got, error, want in zip(found.theta, found.error, wanted, strict=True):
            assert isinstance(got[()], mp.mpf)
            assert abs(got[()] - want) <= error[()]
            assert error[()] <= mp.mpf(10) ** -digits * max(10 * abs(want), largest)


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
@pytest.mark.parametrize(("kind", "law"), cases.PAIRS, ids=str)
def test_every_family_and_rule(case, kind, law):
    for point in case.points[:2]:
        for f in (case.expression, case.mp):
            x0 = point if f is case.expression else float(point)
            try:
                wanted = oracle.expected(case.mp, mp.mpf(point.p) / point.q, kind, law, "both")
            except oracle.Fails as failure:
                found = precise(f, x0, cases.FAMILIES[kind], cases.RULES[law])
                refused = type(ky.errors.error_for(found.status[()])).__name__ == str(failure)
                assert refused, found.message
                continue
            found = precise(f, x0, cases.FAMILIES[kind], cases.RULES[law])
            assert found.status[()] is Status.CONVERGED, found.message
            with mp.workdps(60):
                for got, error, want in zip(found.theta, found.error, wanted, strict=True):
                    assert abs(got[()] - want) <= error[()] + mp.mpf(10) ** -45


def test_exact_points_and_other_families():
    found = precise(sp.sin(x), sp.sqrt(2), ky.Harmonic(), digits=40)
    with mp.workdps(60):
        wanted = (1, 1, mp.sqrt(2) + 3 * mp.pi / 2, 0)
        assert all(abs(a[()] - b) < mp.mpf(10) ** -39 for a, b in zip(found.theta, wanted, strict=True))
    decay = ky.Family("A*exp(-s/tau) + C", "A tau C", positive="tau")
    found = precise(lambda t: 3 * mp.exp(-2 * t) + 1, 0.5, decay, digits=40)
    with mp.workdps(60):
        wanted = (3 / mp.e, mp.mpf(0.5), 1)
        assert all(abs(a[()] - b) < mp.mpf(10) ** -39 for a, b in zip(found.theta, wanted, strict=True))
    found = precise(mp.exp, 0.5, ky.Trigonometric(2, omega=0.5), digits=30)  # its matrix has thirds in it
    with mp.workdps(60):
        f = mp.exp(mp.mpf(0.5))
        s = ky.Trigonometric(2, omega=sp.Rational(1, 2)).from_jet((1, 1, 1, 1, 1))
        assert all(abs(a[()] - f * mp.mpf(b.p) / b.q) < mp.mpf(10) ** -28 for a, b in zip(found.theta, s, strict=True))


@pytest.mark.parametrize(
    "f",
    [
        math.sin,
        lambda t: math.exp(2 * t) * t,
        lambda t: float(t) ** 2,
        lambda t: mp.mpf(float(t)) + mp.sin(t),
        lambda t: math.sin(mp.sin(t)) * t,
        lambda t: float(mp.exp(t)) + t,
        lambda t: float(mp.exp(t)) * 1e-6 + mp.sin(t),
        lambda t: float(mp.sin(t)),
        lambda t: np.float64(mp.exp(t)),
        np.exp,
        lambda t: np.sin(t) ** 2,
        lambda t: special.jv(0, t),
    ],
)
@pytest.mark.parametrize("x0", [0.0, 1.0, -0.3, 1e5])
def test_doubles_inside_are_found_out(f, x0):
    if x0 == 1e5 and f is not math.sin:
        x0 = 100.0
    with pytest.raises(ky.NotApplicable, match=r"doubles|mpmath numbers"):
        precise(f, x0)
    assert mp.mp.dps == 15


@pytest.mark.parametrize(
    ("f", "x0", "family", "left", "right"),
    [
        (abs, 0.0, ky.Linear(), (-1, 0), (1, 0)),
        (sp.Abs(x), sp.Integer(0), ky.Linear(), (-1, 0), (1, 0)),
        (lambda t: t * abs(t), 0.0, ky.Polynomial(2), (-1, 0, 0), (1, 0, 0)),
        (lambda t: abs(t) * mp.mpf(2) ** -80 + t, 0.0, ky.Linear(), (1 - 2.0**-80, 0), (1 + 2.0**-80, 0)),
        (lambda t: 1.0 if t > 0 else 0.0, 0.0, ky.Linear(), (0, 0), None),
        (sp.Max(x, 1), sp.Integer(1), ky.Linear(), (0, 1), (1, 1)),
        (sp.floor(x), sp.Integer(2), ky.Linear(), None, (0, 2)),
        (sp.Heaviside(x), sp.Integer(0), ky.Linear(), None, None),
        (sp.Piecewise((x, x < 0), (x**2, True)), sp.Integer(0), ky.Linear(), (1, 0), (0, 0)),
    ],
)
def test_kinks_and_steps(f, x0, family, left, right):
    found = precise(f, x0, family)
    assert found.status[()] is Status.NO_LIMIT, found.message
    for side, want in ((found.left, left), (found.right, right)):
        assert (side is None) == (want is None)
        if want is not None:
            assert tuple(float(c[()]) for c in side.theta) == pytest.approx(want)


@pytest.mark.parametrize(
    ("f", "x0", "side", "status"),
    [
        (lambda t: 1 / t, 0.0, "both", Status.NOT_FINITE),
        (sp.log(x), sp.Integer(0), "both", Status.NOT_FINITE),
        (sp.log(x), sp.Integer(-1), "both", Status.NOT_FINITE),
        (sp.sqrt(x), sp.Integer(0), "both", Status.NOT_FINITE),
        (sp.sqrt(x), sp.Integer(0), "right", Status.DIVERGES),
        (sp.sqrt(sp.Abs(x)), sp.Integer(0), "both", Status.DIVERGES),
        (lambda t: t**2 * mp.sin(1 / t) if t else t, 0.0, "both", Status.NO_LIMIT),
        (lambda t: mp.sin(1 / t) if t else t, 0.0, "right", Status.DIVERGES),
    ],
)
def test_refusals(f, x0, side, status):
    found = precise(f, x0, side=side)
    assert found.status[()] is status, found.message


def test_limits_that_exist_without_derivatives():
    found = precise(lambda t: t**4 * mp.sin(1 / t) if t else t, 0.0)
    assert found.status[()] is Status.CONVERGED
    assert all(c[()] == 0 for c in found.theta)
    flat = precise(lambda t: mp.exp(-1 / t**2) if t else t, 0.0, ky.Polynomial(4))
    assert all(c[()] == 0 for c in flat.theta)


@pytest.mark.parametrize("out", [None, "text", [1], {}])
def test_bad_functions(out):
    with pytest.raises(ky.BadFunction):
        precise(lambda t: out, 0.5)
    with pytest.raises(ky.BadFunction, match="complex"):
        precise(lambda t: 1j * t + 1j, 0.5)
    with pytest.raises(ky.BadFunction, match="IndexError"):
        precise(lambda t: [][1], 0.5)


def test_precision_comes_back():
    def f(t):
        mp.mp.dps = 7  # a staircase by the user's own choice
        return mp.exp(t)

    with pytest.raises(ky.NotApplicable):
        precise(f, 0.5)
    assert mp.mp.dps == 15

    def interrupted(t):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        precise(interrupted, 0.5)
    assert mp.mp.dps == 15
    with mp.workdps(40):
        Precise(30).evidence(Function(mp.exp), np.asarray(1.0), ky.Linear(), ky.Osculating(), "both")
        assert mp.mp.dps == 40


def test_many_points_and_counts():
    calls = []

    def f(t):
        calls.append(t)
        return mp.sqrt(t) if t >= 0 else mp.nan

    found = precise(f, np.array([1.0, -1.0, 4.0]), ky.Linear())
    np.testing.assert_array_equal(found.status, [Status.CONVERGED, Status.NOT_FINITE, Status.CONVERGED])
    assert [float(c) for c in found.theta[0][[0, 2]]] == [0.5, 0.25]
    assert int(found.nfev.sum()) == len(calls)  # the watched call included


@pytest.mark.parametrize("digits", [0, -1, 2.5, True, "15", 10**6])
def test_options(digits):
    with pytest.raises(ky.NotApplicable, match=r"Precise\(digits=…\) takes a whole number"):
        Precise(digits)
    assert repr(Precise()) == "Precise(digits=50)"
    assert "no closed form" in Precise().why_not(Function(x), ky.Exponential(), ky.MinimumNorm())
