"""Power series against mpmath's Taylor coefficients, and by their own identities in SymPy and NumPy."""

import math

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from kymath import series

N = 13  # orders 0 … 12

ELEMENTARY = {
    "exp": (series.exp, mp.exp, (-2.0, 0.0, 1.5)),
    "expm1": (series.expm1, mp.expm1, (-1.0, 1e-9, 2.0)),
    "log": (series.log, mp.log, (0.3, 1.0, 7.0)),
    "log1p": (series.log1p, mp.log1p, (-0.5, 1e-9, 3.0)),
    "sin": (series.sin, mp.sin, (-3.0, 0.0, 1.1)),
    "cos": (series.cos, mp.cos, (-3.0, 0.0, 1.1)),
    "tan": (series.tan, mp.tan, (-1.2, 0.0, 0.9)),
    "arcsin": (series.arcsin, mp.asin, (-0.9, 0.0, 0.5)),
    "arccos": (series.arccos, mp.acos, (-0.9, 0.0, 0.5)),
    "arctan": (series.arctan, mp.atan, (-2.0, 0.0, 0.5)),
    "sinh": (series.sinh, mp.sinh, (-2.0, 0.0, 0.5)),
    "cosh": (series.cosh, mp.cosh, (-2.0, 0.0, 0.5)),
    "tanh": (series.tanh, mp.tanh, (-8.0, 0.0, 0.5)),
    "arcsinh": (series.arcsinh, mp.asinh, (-2.0, 0.0, 0.5)),
    "arccosh": (series.arccosh, mp.acosh, (1.2, 5.0)),
    "arctanh": (series.arctanh, mp.atanh, (-0.9, 0.0, 0.5)),
    "sqrt": (series.sqrt, mp.sqrt, (0.1, 2.0, 40.0)),
    "cbrt": (series.cbrt, lambda t: mp.sign(t) * mp.cbrt(abs(t)), (0.1, 2.0, -3.0)),
    "erf": (series.erf, mp.erf, (-1.0, 0.0, 2.0)),
    "erfc": (series.erfc, mp.erfc, (-1.0, 0.0, 4.0)),
    "expit": (series.expit, lambda t: 1 / (1 + mp.exp(-t)), (-30.0, 0.0, 3.0)),
    "gamma": (series.gamma, mp.gamma, (0.6, 3.2, -0.7, -2.4)),
    "gammaln": (series.gammaln, lambda t: mp.log(abs(mp.gamma(t))), (0.6, 3.2, 11.0)),
    "digamma": (series.digamma, mp.digamma, (0.6, 3.2, -1.3)),
    "j0": (lambda u, n: series.besselj(0, u, n), lambda t: mp.besselj(0, t), (0.0, 2.0, 8.0)),
    "j2.5": (lambda u, n: series.besselj(2.5, u, n), lambda t: mp.besselj(2.5, t), (3.0, 8.0)),
}


def reference(g, x0, n=N):
    with mp.workdps(25):  # mpmath adds what the differences lose
        return [float(c) for c in mp.taylor(g, mp.mpf(x0), n - 1)]


@pytest.mark.parametrize("name", ELEMENTARY)
def test_elementary_functions_and_their_slopes(name):
    f, g, points = ELEMENTARY[name]
    for x0 in points:
        exact = reference(g, x0, N + 1)
        c, slope = f([x0, 1.0], N)
        size = max(map(abs, exact[:N]))
        for k in range(N):
            room = 2e-13 * max(abs(exact[k]), 0.02 * size * (1e-3 if k < 4 else 1))
            assert abs(c[k] - exact[k]) <= room, (x0, k, c[k], exact[k])
        for k in range(min(N - 1, len(slope))):
            assert slope[k] == pytest.approx((k + 1) * exact[k + 1], rel=1e-11, abs=1e-12 * size * (k + 1)), (x0, k)


@pytest.mark.parametrize("name", ELEMENTARY)
def test_of_a_curve(name):
    """g(u) for u = x0 + s/2 − s²/3 + s³/5, as mpmath sees it."""
    f, g, points = ELEMENTARY[name]
    x0 = points[-1]
    exact = reference(lambda s: g(mp.mpf(x0) + s / 2 - s**2 * mp.mpf(1 / 3) + s**3 * mp.mpf(0.2)), 0.0, 9)
    c, _ = f([x0, 0.5, -1 / 3, 0.2], 9)
    assert np.allclose(c, exact, rtol=1e-12, atol=1e-13 * max(map(abs, exact)))


@pytest.mark.parametrize("name", ELEMENTARY)
def test_arrays_as_numbers(name):
    f, _, points = ELEMENTARY[name]
    x = np.array(points)
    c, _ = f([x, 1.0, 0.25], 7)
    for j, x0 in enumerate(points):
        alone, _ = f([x0, 1.0, 0.25], 7)
        for k in range(7):
            here = np.broadcast_to(c[k], x.shape)[j]
            assert here == pytest.approx(alone[k], rel=1e-12, abs=1e-13 * max(map(abs, alone))), (x0, k)


@pytest.mark.parametrize("name", ["exp", "sin", "cos", "sinh", "cosh", "tanh", "tan", "arctan", "log1p", "sqrt", "erf",
                                  "arcsin", "arctanh", "expm1", "log", "cbrt", "expit"])  # fmt: skip
def test_exact_in_sympy(name):
    x = sp.symbols("x")
    x0 = sp.Integer(1) if name in ("log", "sqrt", "cbrt") else sp.Integer(0)
    forms = {"arctan": sp.atan, "log1p": lambda u: sp.log(1 + u), "arcsin": sp.asin, "arctanh": sp.atanh,
             "cbrt": sp.cbrt, "expm1": lambda u: sp.exp(u) - 1, "expit": lambda u: 1 / (1 + sp.exp(-u))}  # fmt: skip
    g = forms.get(name) or getattr(sp, name)
    c, _ = getattr(series, name)([x0, sp.Integer(1)], 6)
    for k in range(6):
        exact = sp.diff(g(x), x, k).subs(x, x0) / sp.factorial(k)
        assert not sp.sympify(c[k]).has(sp.Float)
        assert sp.simplify(c[k] - exact) == 0


def test_mpmath_numbers():
    with mp.workdps(40):
        c, _ = series.exp([mp.mpf(1), mp.mpf(2)], 5)
        assert mp.almosteq(c[4], mp.e * 16 / 24, rel_eps=mp.mpf(10) ** -38)


@pytest.mark.parametrize("p", [0.5, -1.5, 3.0, -2.0, 1 / 3])
def test_power(p):
    exact = reference(lambda s: (2 + s - s**2) ** mp.mpf(p), 0.0)
    assert np.allclose(series.power([2.0, 1.0, -1.0], p, N), exact, rtol=1e-12, atol=1e-13)


NUMBERS = st.lists(st.integers(-6, 6).map(float), min_size=1, max_size=7)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(NUMBERS, NUMBERS, NUMBERS)
def test_ring(a, b, c):
    full = lambda u, n=8: np.array([*u, *[0.0] * n][:n])
    mul = lambda u, v: series.multiply(u, v, 8)
    assert np.array_equal(full(mul(a, b)), full(np.convolve(a, b)))
    assert np.array_equal(full(mul(a, series.add(b, c))), full(series.add(mul(a, b), mul(a, c))))
    assert np.array_equal(full(series.subtract(series.add(a, b), b)), full(a))
    if b[0] != 0:
        back = mul(series.divide(a, b, 8), b)
        size = max(map(abs, series.divide(a, b, 8))) * max(map(abs, b))
        assert np.allclose(full(back), full(a), rtol=0, atol=1e-13 * (1 + size))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.fractions(-3, 3, max_denominator=5), min_size=3, max_size=6).filter(lambda u: u[1] != 0))
def test_reversion_is_the_inverse_of_composition(u):
    u = [sp.Rational(c.numerator, c.denominator) for c in u]
    u[0] = sp.Integer(0)
    v = series.revert(u, 6)
    assert [sp.sympify(c) for c in series.compose(u, v, 6)] == [0, 1, 0, 0, 0, 0][: len(series.compose(u, v, 6))]


def test_composition():
    outer = reference(mp.exp, 1.0, 9)
    inner = [1.0, 0.3, -0.2, 0.1]
    expected, _ = series.exp(inner, 9)
    assert np.allclose(series.compose(outer, inner, 9), expected, rtol=1e-14)


def test_derivative_and_integral():
    u = [1.0, 2.0, 3.0]
    assert series.derivative(series.integral(u, 7.0)) == u
    assert series.value(series.exp([0.0, 1.0], 20)[0], 1.0) == pytest.approx(math.e, rel=1e-15)


def test_identities():
    u = [0.4, 1.0, 0.3, -0.2]
    s, _ = series.sin(u, 8)
    c, _ = series.cos(u, 8)
    one = series.add(series.multiply(s, s, 8), series.multiply(c, c, 8))
    assert np.allclose(one, [1, *[0] * 7], atol=1e-15)
    e, _ = series.exp(u, 8)
    back, _ = series.log(e, 8)
    assert np.allclose(back, [*u, *[0.0] * 4], atol=1e-14)


def test_infinities_instead_of_exceptions():
    assert series.exp([1e4, 1.0], 2)[0][0] == math.inf
    assert math.isnan(series.log([-1.0, 1.0], 2)[0][0])
