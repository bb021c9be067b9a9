"""Certified in many digits."""

from __future__ import annotations

import math

import flint
import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import kymath as ky

x = sp.Symbol("x")
R = sp.Rational

COEFFICIENTS = {  # NumPy code, SymPy expression, f^(k)(t)/k! for mpmath
    "exp": (np.exp, sp.exp(x), lambda t, k: mp.exp(t) / mp.factorial(k)),
    "sin": (np.sin, sp.sin(x), lambda t, k: mp.sin(t + k * mp.pi / 2) / mp.factorial(k)),
    "log": (np.log, sp.log(x), lambda t, k: -((-1 / t) ** k) / k if k else mp.log(t)),
    "pole": (lambda t: 1 / (4 + t), 1 / (4 + x), lambda t, k: (-1) ** k / (4 + t) ** (k + 1)),
}  # fmt: skip


def within(theta, error, wanted, digits):
    """|θ − truth| ≤ error ≤ 10^−digits of the largest parameter, all of them mpf."""
    with mp.workdps(90):
        scale = max(abs(w) for w in wanted)
        for got, bound, want in zip(theta, error, wanted, strict=True):
            assert type(got) is mp.mpf
            assert type(bound) is mp.mpf
            assert abs(got - want) <= bound + scale * mp.mpf(10) ** -85  # of the truth itself
            assert bound <= mp.mpf(10) ** -digits * scale


@pytest.mark.parametrize("digits", [16, 30, 50])
@pytest.mark.parametrize("degree", [1, 2, 5, 13, 20])
@pytest.mark.parametrize("name", COEFFICIENTS)
def test_polynomials_in_many_digits(name, degree, digits):
    code, expression, coefficient = COEFFICIENTS[name]
    family, method = ky.Polynomial(degree), ky.Certified(digits=digits)
    for f, x0 in ((expression, R(3, 10)), (expression, 0.3), (code, 0.3), (code, 2)):
        found = ky.transform(f, x0, family, method=method)
        assert found.bound
        assert f"every parameter to {digits} digits" in found.message
        with mp.workdps(90):
            t = mp.mpf(x0.p) / x0.q if isinstance(x0, sp.Basic) else mp.mpf(x0)
            wanted = [coefficient(t, k) for k in range(degree, -1, -1)]
        within(found.theta, found.error, wanted, digits)
    assert mp.mp.dps == 15
    assert (flint.ctx.prec, flint.ctx.cap) == (53, 10)


def atan_limits(t):
    """θ of arctan at t for each family, from f, f′, f″ and f‴ by hand."""
    u = 1 + t * t
    f, f1, f2, f3 = mp.atan(t), 1 / u, -2 * t / u**2, (6 * t * t - 2) / u**3
    w = mp.sqrt(-f3 / f1)
    b = f2 / f1
    return {
        ky.Linear(): (f1, f),
        ky.Exponential(): (f1 / b, b, f - f1 / b),
        ky.Harmonic(): (mp.hypot(f1 / w, f2 / w**2), w, mp.atan2(-f1 / w, -f2 / w**2) % (2 * mp.pi), f + f2 / w**2),
        ky.Trigonometric(1, omega=2): (f + f2 / 4, -f2 / 4, f1 / 2),
        ky.Trigonometric(1, omega=0.3): (f + f2 / mp.mpf(0.3) ** 2, -f2 / mp.mpf(0.3) ** 2, f1 / mp.mpf(0.3)),
    }


@pytest.mark.parametrize("digits", [16, 30, 50])
def test_families_in_many_digits(digits):
    method = ky.Certified(digits=digits)
    points = np.array([[0.3, -0.2], [0.125, 0.5]])
    with mp.workdps(90):
        exact = atan_limits(mp.mpf(3) / 10)
        coded = {place: atan_limits(mp.mpf(float(points[place]))) for place in np.ndindex(points.shape)}
    for family, wanted in exact.items():
        found = ky.transform(sp.atan(x), R(3, 10), family, method=method)
        within(found.theta, found.error, wanted, digits)
        many = ky.transform(np.arctan, points, family, method=method)
        assert all(c.dtype == object and c.shape == points.shape for c in (*many.theta, *many.error))
        for place, each in coded.items():
            within([c[place] for c in many.theta], [e[place] for e in many.error], each[family], digits)
        one = ky.transform(np.arctan, 0.3, family, method=method)
        assert one.theta == tuple(c[0, 0] for c in many.theta)
        assert repr(one).startswith(one.symbol)
        assert float(one(0.5)) == pytest.approx(math.atan(0.5), abs=0.05)


def test_failures_in_many_digits():
    found = ky.transform(np.log, np.array([1.0, -1.0]), ky.Linear(), method=ky.Certified(digits=30))
    assert found.success.tolist() == [True, False]
    assert (found.theta[0][0], found.theta[1][0]) == (1, 0)
    assert mp.isnan(found.theta[0][1])
    with pytest.raises(ky.NoLimit) as caught:
        ky.transform(np.abs, 0.0, ky.Linear(), method=ky.Certified(digits=30))
    assert caught.value.left.theta == (-1, 0)
    assert type(caught.value.right.theta[0]) is mp.mpf
    exact = ky.transform(lambda t: 2 * t, 0.5, ky.Linear(), method=ky.Certified(digits=30))
    assert (exact.theta, exact.error) == ((2, 1), (0, 0))


def test_floats_to_15_digits():
    for x0 in (R(3, 10), 0.3):
        found = ky.transform(sp.exp(x), x0, ky.Polynomial(2), method=ky.Certified(digits=15))
        assert {type(c) for c in (*found.theta, *found.error)} == {float}
    found = ky.transform(np.exp, np.array([0.3, 1.0]), ky.Polynomial(2), method=ky.Certified())
    assert {c.dtype for c in (*found.theta, *found.error)} == {np.dtype(float)}


def test_many_digits_whatever_the_settings_are():
    calm = ky.transform(sp.exp(x), R(3, 10), ky.Polynomial(2), method=ky.Certified(digits=40))
    flint.ctx.prec, flint.ctx.cap = 20, 3
    try:
        with mp.workdps(5):
            odd = ky.transform(sp.exp(x), R(3, 10), ky.Polynomial(2), method=ky.Certified(digits=40))
            assert mp.mp.dps == 5
        assert (flint.ctx.prec, flint.ctx.cap) == (20, 3)
    finally:
        flint.ctx.prec, flint.ctx.cap = 53, 10
    assert odd.theta == calm.theta
    assert odd.error == calm.error
