"""Sums, products, quotients and inverses of results."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import oracle
import pytest
import sympy as sp
from cases import BOUND, x
from composed import FAMILIES, close, made, osculating, outcome, refused

import kymath as ky
from kymath import nabla
from kymath.chain import inverse

R = sp.Rational


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
    refused(work, kind, words)


def test_zeros_among_many_points():
    got = nabla.P(2)[np.exp](np.array([0.0, 1.0])) / nabla.P(2)[np.sin](np.array([0.0, 1.0]))
    assert got.status.tolist() == [ky.Status.NOT_FINITE, ky.Status.CONVERGED]
    got = inverse(nabla.P(2)[np.cos](np.array([0.0, 1.0])))
    assert got.status.tolist() == [ky.Status.DIVERGES, ky.Status.CONVERGED]
