"""Certified at kinks and edges, on code that escapes, and what it refuses."""

from __future__ import annotations

import importlib
import math

import flint
import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from enclosures import certify, holds
from scipy import special

import kymath as ky
from kymath import Status
from kymath.function import Function
from kymath.methods.certified import Certified

x = sp.Symbol("x")
R = sp.Rational


def test_numbers_are_what_they_are():
    coded = certify(lambda t: 0.1 * t, 0.5, ky.Linear(), digits=30).enclosures[0]
    assert coded == flint.arb(0.1)
    tenth = certify(x / 10, sp.Integer(2), ky.Linear(), digits=30).enclosures[0]
    with mp.workdps(60):
        assert holds(tenth, mp.mpf(1) / 10, mp.mpf(10) ** -58)
    assert not tenth.contains(flint.arb(0.1))
    exactly = certify(x**2, R(1, 3), ky.Linear(), digits=30).enclosures[1]
    with mp.workdps(60):
        assert holds(exactly, mp.mpf(1) / 9, mp.mpf(10) ** -58)
    found = certify(sp.cos(x), sp.pi / 3, ky.Linear(), digits=40)
    assert found.enclosures[1].contains(flint.arb(0.5))
    assert float(found.theta[1]) == 0.5
    assert float(found.error[1]) < 1e-39


@pytest.mark.parametrize(
    ("f", "family", "left", "right"),
    [
        (np.abs, ky.Linear(), (-1, 0), (1, 0)),
        (sp.Abs(x), ky.Linear(), (-1, 0), (1, 0)),
        (lambda t: t * abs(t), ky.Polynomial(2), (-1, 0, 0), (1, 0, 0)),
        (lambda t: np.maximum(t, 0) ** 3, ky.Polynomial(3), (0, 0, 0, 0), (1, 0, 0, 0)),
        (lambda t: np.cos(t) + abs(t) * 1e-9, ky.Linear(), (-1e-9, 1), (1e-9, 1)),
        (lambda t: np.sqrt(t * t), ky.Linear(), (-1, 0), (1, 0)),
        (lambda t: t if t > 0 else -2 * t, ky.Linear(), (-2, 0), (1, 0)),
        (sp.Max(x, 2 * x), ky.Linear(), (1, 0), (2, 0)),
        (sp.Piecewise((x, x < 0), (3 * x, True)), ky.Linear(), (1, 0), (3, 0)),
        (lambda t: np.where(t > 0, 1.0, 0.0), ky.Linear(), (0, 0), None),
        (lambda t: 1.0 if t > 0 else 0.0, ky.Linear(), (0, 0), None),
        (np.sign, ky.Linear(), None, None),
        (sp.Heaviside(x), ky.Linear(), None, None),
        (sp.floor(x), ky.Linear(), None, (0, 0)),
        (lambda t: np.where(t > 0, t**1.5, t), ky.Polynomial(2), (0, 1, 0), None),
    ],
)
def test_kinks_and_steps_at_x0(f, family, left, right):
    found = certify(f, sp.Integer(0) if isinstance(f, sp.Basic) else 0.0, family)
    assert found.status[()] is Status.NO_LIMIT, found.message
    for side, want in ((found.left, left), (found.right, right)):
        assert (side is None) == (want is None)
        if want is not None:
            assert tuple(float(c) for c in side.theta) == want


@pytest.mark.parametrize(
    ("f", "family", "theta"),
    [
        (lambda t: abs(t) ** 3 + np.cos(t), ky.Polynomial(2), (-0.5, 0, 1)),
        (lambda t: np.where(t == 0, 1.0, np.sin(t) / np.where(t == 0, 1.0, t)), ky.Linear(), (0, 1)),
        (np.sinc, ky.Linear(), (0, 1)),
        (lambda t: np.where(t == 0, 0.0, np.exp(-1 / np.where(t == 0, 1.0, t) ** 2)), ky.Polynomial(4), (0,) * 5),
        (lambda t: math.pi if t is None else np.exp(t), ky.Linear(), (1, 1)),
        (lambda t: np.sum(np.array([1.0, 2, 3]) * t ** np.arange(3)), ky.Polynomial(2), (3, 2, 1)),
        (np.polynomial.Polynomial([1, 2, 3]), ky.Polynomial(2), (3, 2, 1)),
        (lambda t: ((t > -1) & (t < 1)) * t**2 + np.clip(t, -1, 1), ky.Polynomial(2), (1, 1, 0)),
        (lambda t: np.cos(t) if t >= 0 else 1 - t**2 / 2, ky.Polynomial(3), (0, -0.5, 0, 1)),
        (lambda t: 3, ky.Linear(), (0, 3)),
        (lambda t: np.dot([1.0, 2.0], [t, t * t]), ky.Polynomial(2), (2, 1, 0)),
    ],
)
def test_smooth_enough_at_x0(f, family, theta):
    found = certify(f, 0.0, family)
    assert found.status[()] is Status.CONVERGED, found.message
    assert tuple(float(c) for c in found.theta) == theta


@pytest.mark.parametrize(
    ("f", "x0", "side", "status", "words"),
    [
        (np.log, 0.0, "both", Status.NOT_FINITE, "logarithm of 0"),
        (np.log, -1.0, "both", Status.NOT_FINITE, "negative"),
        (np.sqrt, 0.0, "both", Status.NOT_FINITE, "on the left"),
        (np.sqrt, 0.0, "right", Status.DIVERGES, "grows without bound on the right"),
        (np.sqrt, -1.0, "both", Status.NOT_FINITE, "negative"),
        (lambda t: 1 / t, 0.0, "both", Status.NOT_FINITE, "division by zero"),
        (np.arcsin, 2.0, "both", Status.NOT_FINITE, "asin"),
        (np.arcsin, 1.0, "left", Status.DIVERGES, "grows"),
        (special.gamma, -1.0, "both", Status.NOT_FINITE, "Γ"),
        (sp.Abs(x) ** R(1, 2), sp.Integer(0), "both", Status.DIVERGES, "grows"),
        (lambda t: np.where(t > 0, 1.0, 0.0), 0.0, "right", Status.DIVERGES, "jumps"),
        (sp.Abs(x**2 - 2), sp.sqrt(2), "both", Status.NOT_REACHED, "cannot tell the argument of abs from 0"),
        (lambda t: np.where(t == 0, 0.0, t**4 * np.sin(1 / np.where(t == 0, 1.0, t))), 0.0, "both",
         Status.NOT_REACHED, "infinite beside x0"),
    ],
)  # fmt: skip
def test_refusals(f, x0, side, status, words):
    found = certify(f, x0, side=side)
    assert found.status[()] is status, found.message
    assert words in found.message
    assert found.enclosures is None
    assert np.isnan(float(found.theta[0]))


def test_existence_must_be_certain():
    bent = certify(lambda t: 2 * t, 0.3, ky.Exponential())
    assert bent.status[()] is Status.NO_CONTACT
    near = certify(lambda t: np.exp(t) - np.exp(t) * np.cos(t) ** 2 - np.exp(t) * np.sin(t) ** 2, 0.5, ky.Exponential())
    assert near.status[()] is Status.NOT_REACHED
    assert "cannot tell f" in near.message
    proven = certify(sp.sin(x), sp.pi / 2, ky.Exponential())  # f′ = cos(π/2), which SymPy knows to be 0
    assert proven.status[()] is Status.NO_CONTACT
    tiny = certify(lambda t: t + 1e-40 * t**2, 0.0, ky.Exponential())
    assert tiny.status[()] is Status.CONVERGED
    assert float(tiny.theta[1]) == pytest.approx(2e-40)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (math.exp, "Python float"),
        (lambda t: float(t) ** 2, "Python float"),
        (lambda t: np.asarray(t, dtype=float) ** 2, "Python float"),
        (lambda t: np.interp(t, [0, 1], [0, 1]), "interp"),
        (lambda t: special.zeta(t + 2), "zeta"),
        (lambda t: t.real, "real"),
        (lambda t: 1j * t, "complex"),
        (lambda t: {0.5: 1.0}[t], "unhashable"),
        (lambda t: np.round(t), "round"),
        (lambda t: sum(t), "iterates"),
    ],
)
def test_code_that_escapes(f, words):
    with pytest.raises(ky.NotApplicable, match=words):
        certify(f, 0.5)


def test_an_escape_that_the_code_swallows():
    def f(t):
        try:
            return math.exp(t)
        except TypeError:
            return 7.0

    with pytest.raises(ky.NotApplicable, match="Python float"):
        certify(f, 0.5)


@pytest.mark.parametrize("out", [None, "text", [1.0], np.zeros(3)])
def test_bad_functions(out):
    with pytest.raises(ky.BadFunction):
        certify(lambda t: out, 0.5)


def test_many_points_and_counts():
    function = Function(lambda t: np.log(t))
    points = np.array([[1.0, -1.0], [2.0, np.nan]])
    found = Certified().evidence(function, points, ky.Linear(), ky.Osculating(), "both")
    assert found.theta[0].shape == (2, 2)
    np.testing.assert_array_equal(
        found.status, [[Status.CONVERGED, Status.NOT_FINITE], [Status.CONVERGED, Status.NOT_FINITE]]
    )
    assert float(found.theta[0][1, 0]) == 0.5
    assert np.isnan(found.theta[0][0, 1])
    assert int(found.nfev.sum()) == function.nfev
    assert len(found.enclosures[0, 0]) == 2


@pytest.mark.parametrize("digits", [0, -1, 2.5, True, "15", 10**6])
def test_options(digits):
    with pytest.raises(ky.NotApplicable, match=r"Certified\(digits=…\) takes a whole number"):
        Certified(digits)
    assert Certified(20) == Certified(digits=20)
    assert repr(Certified()) == "Certified(digits=15)"


def test_what_it_is_not_for(monkeypatch):
    expression = Function(sp.exp(x))
    assert "no closed form" in Certified().why_not(expression, ky.Exponential(), ky.MinimumNorm())
    assert "order 20" in Certified().why_not(expression, ky.Polynomial(21), ky.Osculating())
    assert Certified().why_not(expression, ky.Polynomial(20), ky.Osculating()) == ""
    with pytest.raises(ky.NotApplicable, match="needs a number"):
        certify(sp.exp(x), sp.Symbol("a"))

    def missing(name, *more):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ky.NotApplicable, match=r"pip install 'kymath\[certified\]'"):
        certify(sp.exp(x), 1.0)
