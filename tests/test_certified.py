"""Certified: enclosures hold the truth; settings come back; random expressions."""

from __future__ import annotations

import contextlib
import math
import threading
from itertools import pairwise

import cases
import flint
import mpmath as mp
import numpy as np
import oracle
import pytest
import sympy as sp
from enclosures import certify, holds, text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import special

import kymath as ky
from kymath import Status

x = sp.Symbol("x")
R = sp.Rational
TRUTH = 200  # digits

# name: NumPy code, SymPy expression, mpmath function, points, highest order
FUNCTIONS = {
    "exp": (np.exp, sp.exp(x), mp.exp, (0.0, 1.25, -3.0), 20),
    "log": (np.log, sp.log(x), mp.log, (0.5, 3.0), 20),
    "sin": (np.sin, sp.sin(x), mp.sin, (0.0, 1.0, 100.0), 20),
    "cos": (np.cos, sp.cos(x), mp.cos, (0.0, 0.7), 20),
    "tan": (np.tan, sp.tan(x), mp.tan, (0.0, 0.7), 12),
    "arcsin": (np.arcsin, sp.asin(x), mp.asin, (0.0, 0.4), 12),
    "arccos": (np.arccos, sp.acos(x), mp.acos, (0.0, -0.4), 12),
    "arctan": (np.arctan, sp.atan(x), mp.atan, (0.0, 2.5), 20),
    "sinh": (np.sinh, sp.sinh(x), mp.sinh, (0.0, 1.5), 20),
    "cosh": (np.cosh, sp.cosh(x), mp.cosh, (0.0, 1.5), 20),
    "tanh": (np.tanh, sp.tanh(x), mp.tanh, (0.0, 0.5, 20.0), 12),
    "arcsinh": (np.arcsinh, sp.asinh(x), mp.asinh, (0.0, -0.5), 12),
    "arccosh": (np.arccosh, sp.acosh(x), mp.acosh, (1.5, 4.0), 12),
    "arctanh": (np.arctanh, sp.atanh(x), mp.atanh, (0.0, 0.5), 12),
    "sqrt": (np.sqrt, sp.sqrt(x), mp.sqrt, (0.5, 3.0), 20),
    "cbrt": (np.cbrt, sp.cbrt(x), mp.cbrt, (0.5, 3.0), 12),
    "cbrt below 0": (np.cbrt, -sp.cbrt(-x), lambda t: -mp.cbrt(-t), (-0.5,), 8),
    "power": (lambda t: t**2.5, x ** R(5, 2), lambda t: t ** mp.mpf(2.5), (0.5, 3.0), 12),
    "reciprocal": (lambda t: 1 / t, 1 / x, lambda t: 1 / t, (0.05, -2.0), 20),
    "cube": (lambda t: t**3, x**3, lambda t: t**3, (0.0, -1.5), 5),
    "2 to the x": (lambda t: 2**t, 2**x, lambda t: mp.mpf(2) ** t, (0.5,), 20),
    "x to the x": (lambda t: t**t, x**x, lambda t: t**t, (0.5, 2.0), 10),
    "log1p": (np.log1p, sp.log(1 + x), mp.log1p, (0.0, 0.5), 12),
    "expm1": (np.expm1, sp.exp(x) - 1, mp.expm1, (0.0, 0.5), 12),
    "log2": (np.log2, sp.log(x, 2), lambda t: mp.log(t, 2), (0.75,), 8),
    "log10": (np.log10, sp.log(x, 10), lambda t: mp.log(t, 10), (0.75,), 8),
    "erf": (special.erf, sp.erf(x), mp.erf, (0.0, 0.7), 12),
    "erfc": (special.erfc, sp.erfc(x), mp.erfc, (0.0, 2.0), 12),
    "gamma": (special.gamma, sp.gamma(x), mp.gamma, (0.5, 3.3), 5),
    "loggamma": (special.gammaln, sp.loggamma(x), mp.loggamma, (0.5, 3.3), 4),
    "J0": (special.j0, sp.besselj(0, x), lambda t: mp.besselj(0, t), (0.0, 2.5), 8),
    "J3": (lambda t: special.jv(3, t), sp.besselj(3, x), lambda t: mp.besselj(3, t), (0.0, -1.5), 8),
    "J 1/2": (
        lambda t: special.jv(0.5, t), sp.besselj(R(1, 2), x), lambda t: mp.besselj(mp.mpf(0.5), t), (1.5,), 5,
    ),
    "damped": (
        lambda t: np.exp(-t) * np.sin(3 * t), sp.exp(-x) * sp.sin(3 * x), lambda t: mp.exp(-t) * mp.sin(3 * t),
        (0.0, 0.5), 20,
    ),
    "bell": (lambda t: 1 / (1 + t**2), 1 / (1 + x**2), lambda t: 1 / (1 + t * t), (0.0, 2.0), 20),
    "gauss": (lambda t: np.exp(-t * t / 2), sp.exp(-(x**2) / 2), lambda t: mp.exp(-t * t / 2), (0.0, 1.5), 20),
    "fast": (lambda t: np.cos(1e6 * t), sp.cos(10**6 * x), lambda t: mp.cos(10**6 * t), (0.5,), 12),
    "polynomial": (
        lambda t: np.polyval([1, -2, 3, 5], t), x**3 - 2 * x**2 + 3 * x + 5, lambda t: t**3 - 2 * t**2 + 3 * t + 5,
        (0.3,), 6,
    ),
    "product": (
        lambda t: np.sqrt(1 + t) * np.log(2 + t) / np.cosh(t), sp.sqrt(1 + x) * sp.log(2 + x) / sp.cosh(x),
        lambda t: mp.sqrt(1 + t) * mp.log(2 + t) / mp.cosh(t), (0.25,), 10,
    ),
    "hypot": (lambda t: np.hypot(t, 1), sp.sqrt(x**2 + 1), lambda t: mp.sqrt(t * t + 1), (0.0, 2.0), 10),
    "away from kinks": (
        lambda t: np.abs(t) + np.maximum(t, 1.0) * np.where(t < 3, t, 0), sp.Abs(x) + sp.Max(x, 1) * x,
        lambda t: t + t * t, (2.0,), 5,
    ),
    "arctan2": (lambda t: np.arctan2(t, 2.0), sp.atan(x / 2), lambda t: mp.atan2(t, 2), (0.5, -3.0), 8),
    "logistic": (special.expit, 1 / (1 + sp.exp(-x)), lambda t: 1 / (1 + mp.exp(-t)), (0.0, 2.0), 10),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_enclosures_hold_the_truth(name):
    code, expression, truth, points, order = FUNCTIONS[name]
    truth_digits = TRUTH if "gamma" not in name else TRUTH // 2  # mpmath needs seconds for Γ at thousands of digits
    for x0 in points:
        with mp.workdps(truth_digits):
            wanted = mp.taylor(truth, mp.mpf(x0), order)[::-1]
            largest = max(abs(w) for w in wanted)
        for f in (code, expression):
            for digits in (15, 60):
                found = certify(f, x0, ky.Polynomial(order), digits=digits)
                assert found.status[()] is Status.CONVERGED, found.message
                with mp.workdps(TRUTH):
                    small = mp.mpf(10) ** -digits
                    for ball, want, number, error in zip(
                        found.enclosures, wanted, found.theta, found.error, strict=True
                    ):
                        slack = mp.mpf(10) ** -(truth_digits * 9 // 20) * max(
                            abs(want), 1
                        )  # of mpmath's own differences
                        assert holds(ball, want, slack)
                        assert abs(number[()] - want) <= error[()] + slack
                        assert text(ball)[1] <= small * max(abs(want), largest * small) * 1.01
                        unit = mp.mpf(1.2e-15) if digits == 15 else small * mp.mpf("1.01")
                        assert error[()] <= unit * abs(number[()]) + largest * small**2 * 3


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
@pytest.mark.parametrize(("kind", "law"), cases.PAIRS, ids=str)
@pytest.mark.parametrize("side", ["both", "left", "right"])
def test_every_family_and_rule(case, kind, law, side):
    for point in case.points:
        for f, x0 in ((case.expression, point), (case.callable, float(point))):
            try:
                wanted = oracle.expected(case.mp, mp.mpf(point.p) / point.q, kind, law, side)
            except oracle.Fails as failure:
                found = certify(f, x0, cases.FAMILIES[kind], cases.RULES[law], side)
                refused = type(ky.errors.error_for(found.status[()])).__name__ == str(failure)
                assert refused, found.message
                assert found.enclosures is None
                continue
            found = certify(f, x0, cases.FAMILIES[kind], cases.RULES[law], side)
            assert found.status[()] is Status.CONVERGED, found.message
            assert found.jet.bound
            with mp.workdps(60):
                for ball, want in zip(found.enclosures, wanted, strict=True):
                    assert holds(ball, want, mp.mpf(10) ** -40)


def test_trigonometric_of_higher_degree_and_float_options():
    family = ky.Trigonometric(3, omega=0.3)
    found = certify(np.exp, 0.5, family, digits=20)
    with mp.workdps(60):
        w = mp.mpf(0.3)
        rows = []
        for k in range(7):
            cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[k % 4]
            rows.append([int(k == 0), *(v * (j * w) ** k for j in (1, 2, 3) for v in (cos, sin))])
        wanted = mp.lu_solve(mp.matrix(rows), mp.matrix([mp.exp(mp.mpf(0.5))] * 7))
        assert all(holds(ball, want, mp.mpf(10) ** -35) for ball, want in zip(found.enclosures, wanted, strict=True))


@pytest.mark.parametrize("digits", [10, 40])
def test_a_family_without_closed_form_is_solved_and_verified(digits):
    decay = ky.Family("A*exp(-s/tau) + C", "A tau C", positive="tau")
    found = certify(lambda t: 3 * np.exp(-2 * t) + 1, 0.5, decay, digits=digits)
    with mp.workdps(80):
        wanted = (3 / mp.e, mp.mpf(0.5), 1)
        assert all(holds(ball, want, 0) for ball, want in zip(found.enclosures, wanted, strict=True))
    assert all(text(ball)[1] < mp.mpf(10) ** -digits * 4 for ball in found.enclosures)


@pytest.mark.parametrize("digits", [15, 100, 1000])
def test_any_number_of_digits(digits):
    found = certify(sp.exp(x), sp.Integer(1), ky.Exponential(), digits=digits)
    with mp.workdps(digits + 20):
        assert holds(found.enclosures[0], mp.e, mp.mpf(10) ** -(digits + 15))
        assert text(found.enclosures[0])[1] < mp.mpf(10) ** -digits * 3
    assert float(found.theta[0]) == math.e
    assert 0 < found.error[0][()] < (2.3e-16 if digits == 15 else mp.mpf(10) ** -digits * 3)


# -- settings --------------------------------------------------------------------------------------------------------


def test_settings_come_back():
    flint.ctx.prec, flint.ctx.cap = 77, 13
    try:
        seen = []

        def f(t):
            seen.append((flint.ctx.prec, flint.ctx.cap))
            return np.exp(t)

        certify(f, 0.5, digits=100)
        assert seen[0][0] > 300
        assert (flint.ctx.prec, flint.ctx.cap) == (77, 13)
        for bad in (math.exp, lambda t: None, lambda t: [][1], lambda t: 1 / (t - t)):
            with contextlib.suppress(ky.KYError):
                certify(bad, 0.5)
            assert (flint.ctx.prec, flint.ctx.cap) == (77, 13)

        def interrupted(t):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            certify(interrupted, 0.5)
        assert (flint.ctx.prec, flint.ctx.cap) == (77, 13)
    finally:
        flint.ctx.prec, flint.ctx.cap = 53, 10


def test_threads_take_turns():
    wrong = []

    def work(digits):
        for _ in range(20):
            found = certify(np.exp, 1.0, digits=digits)
            if not text(found.enclosures[1])[1] < mp.mpf(10) ** -digits * 3:
                wrong.append(digits)

    threads = [threading.Thread(target=work, args=(d,)) for d in (10, 50, 200, 400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert flint.ctx.prec == 53


# -- random expressions ------------------------------------------------------------------------------------------------

UNARY = {
    "exp": (sp.exp, np.exp, mp.exp), "sin": (sp.sin, np.sin, mp.sin), "cos": (sp.cos, np.cos, mp.cos),
    "tanh": (sp.tanh, np.tanh, mp.tanh), "atan": (sp.atan, np.arctan, mp.atan),
    "asinh": (sp.asinh, np.arcsinh, mp.asinh), "erf": (sp.erf, special.erf, mp.erf),
    "root": (lambda u: sp.sqrt(1 + u**2), lambda u: np.sqrt(1 + u**2), lambda u: mp.sqrt(1 + u**2)),
    "log": (lambda u: sp.log(1 + u**2), lambda u: np.log(1 + u**2), lambda u: mp.log(1 + u**2)),
    "abs": (sp.Abs, np.abs, abs),
}  # fmt: skip
BINARY = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / (2 + b**2),
}
TREES = st.recursive(
    st.one_of(st.just("x"), st.integers(-3, 3), st.sampled_from([0.5, 0.1, -1.25])),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(sorted(UNARY)), inner), st.tuples(st.sampled_from(sorted(BINARY)), inner, inner)
    ),
    max_leaves=7,
)


def build(tree, kind, t):
    if tree == "x":
        return t
    if not isinstance(tree, tuple):
        if kind == 0:
            return sp.Rational(*float(tree).as_integer_ratio())
        return mp.mpf(tree) if kind == 2 else tree + 0 * t  # NumPy works out np.exp(1) in doubles, before any ball
    if len(tree) == 2:
        return UNARY[tree[0]][kind](build(tree[1], kind, t))
    return BINARY[tree[0]](build(tree[1], kind, t), build(tree[2], kind, t))


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(tree=TREES, x0=st.sampled_from([0.3, -1.75, 0.0, 2.0]), order=st.integers(1, 6), coded=st.booleans())
def test_random_expressions(tree, x0, order, coded):
    f = (lambda t: build(tree, 1, t)) if coded else build(tree, 0, x)
    if not coded and (not isinstance(f, sp.Expr) or f.has(sp.nan, sp.zoo)):
        return
    found = certify(f, x0, ky.Polynomial(order), side="right")
    if found.status[()] is not Status.CONVERGED:
        assert found.status[()] is Status.NOT_REACHED
        return
    with mp.workdps(TRUTH):
        h = mp.mpf(10) ** -25  # forward differences: abs may have its kink at x0
        t = mp.mpf(x0)
        values = [build(tree, 2, t + k * h) for k in range(order + 4)]
        differences = list(values)
        newton = [values[0]]
        for k in range(1, order + 4):
            differences = [(b - a) / (k * h) for a, b in pairwise(differences)]
            newton.append(differences[0])
        power = [newton[-1]]
        for j in range(order + 2, -1, -1):
            raised = [newton[j], *power]
            for k, c in enumerate(power):
                raised[k] -= c * j * h
            power = raised
        size = max(1, *(abs(c) for c in power))
        for ball, want in zip(found.enclosures[::-1], power, strict=False):
            assert holds(ball, want, mp.mpf(10) ** -45 * size**4)
