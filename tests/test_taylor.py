"""Taylor: digits and coverage against mpmath, what users write, kinks, escapes, shapes, float32."""

import math
import time

import mpmath as mp
import numpy as np
import pytest
import scipy.special as sc
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import kymath as ky
from kymath.errors import Status
from kymath.function import Function
from kymath.methods.taylor import Escaped, Taylor

ORDERS = 8
EIGHT = ky.Polynomial(ORDERS)
RULE = ky.Osculating()


def jet(f, x0, order=2, side="both"):
    return Taylor().evidence(Function(f), np.asarray(x0, dtype=float), ky.Polynomial(max(order, 1)), RULE, side)


def values(f, x0, order=2, side="both"):
    found = jet(f, x0, order, side)
    assert found.status[()] is Status.CONVERGED, found.message
    return [float(v) for v in found.jet.values]


def truth(f, x0, order=ORDERS, digits=30):
    with mp.workdps(digits):
        return [c * mp.factorial(k) for k, c in enumerate(mp.taylor(f, mp.mpf(x0), order))]


#: name: NumPy code, the same for mpmath, points
FUNCTIONS = {
    "damped": (lambda t: np.exp(-t) * np.sin(3 * t), lambda t: mp.exp(-t) * mp.sin(3 * t), (0.0, 0.7, -2.3)),
    "runge": (lambda t: 1 / (1 + 25 * t**2), lambda t: 1 / (1 + 25 * t**2), (0.0, 0.3, -1.1)),
    "exp sin": (lambda t: np.exp(np.sin(t)), lambda t: mp.exp(mp.sin(t)), (0.2, 3.0, 11.5)),
    "tanh": (np.tanh, mp.tanh, (0.0, 0.5, 4.0)),
    "log1p square": (lambda t: np.log1p(t**2), lambda t: mp.log(1 + t**2), (0.4, 2.0)),
    "sqrt": (lambda t: np.sqrt(1 + t), lambda t: mp.sqrt(1 + t), (0.0, 3.7)),
    "cbrt": (lambda t: np.cbrt(t), lambda t: mp.cbrt(t), (0.8, 27.5)),
    "power": (lambda t: t**2.5, lambda t: t ** mp.mpf(2.5), (0.3, 4.1)),
    "negative power": (lambda t: t**-3, lambda t: t**-3, (0.3, -4.1)),
    "x to x": (lambda t: t**t, lambda t: t**t, (0.3, 2.2)),
    "two to x": (lambda t: 2.0**t, lambda t: mp.mpf(2) ** t, (0.3, -5.0)),
    "tan": (np.tan, mp.tan, (0.3, 1.4)),
    "arcsin": (np.arcsin, mp.asin, (0.1, -0.9)),
    "arccos": (np.arccos, mp.acos, (0.1, 0.8)),
    "arctan": (lambda t: np.arctan(3 * t), lambda t: mp.atan(3 * t), (0.1, 2.0)),
    "arcsinh": (np.arcsinh, mp.asinh, (0.1, 5.0)),
    "arccosh": (np.arccosh, mp.acosh, (1.5, 7.0)),
    "arctanh": (np.arctanh, mp.atanh, (0.1, -0.8)),
    "sinh": (lambda t: np.sinh(2 * t), lambda t: mp.sinh(2 * t), (0.1, 3.0)),
    "sech": (lambda t: 1 / np.cosh(t), mp.sech, (0.0, 2.0)),
    "gauss": (lambda t: np.exp(-(t**2) / 2), lambda t: mp.exp(-(t**2) / 2), (0.0, 1.3, 4.0)),
    "erf": (sc.erf, mp.erf, (0.0, 0.8)),
    "erfc": (sc.erfc, mp.erfc, (0.5, 3.0)),
    "gamma": (sc.gamma, mp.gamma, (0.7, 4.3, -1.4)),
    "gammaln": (sc.gammaln, lambda t: mp.log(mp.gamma(t)), (0.7, 12.3)),
    "j0": (sc.j0, lambda t: mp.besselj(0, t), (0.0, 1.5, 9.0)),
    "j1": (sc.j1, lambda t: mp.besselj(1, t), (0.5, 6.0)),
    "jv": (lambda t: sc.jv(2.5, t), lambda t: mp.besselj(2.5, t), (0.9, 7.0)),
    "expit": (sc.expit, lambda t: 1 / (1 + mp.exp(-t)), (0.0, 3.0, -20.0)),
    "planck": (lambda t: t**3 / np.expm1(t), lambda t: t**3 / mp.expm1(t), (0.5, 4.0)),
    "fast": (lambda t: np.cos(t / 1e-6), lambda t: mp.cos(t / mp.mpf(1e-6)), (0.0, 3e-7)),
    "large x": (np.sin, mp.sin, (1e4,)),
    "narrow": (lambda t: np.exp(-(((t - 1) / 1e-3) ** 2)),
               lambda t: mp.exp(-(((t - 1) / mp.mpf(1e-3)) ** 2)), (1.0, 1.0007)),
    "pole": (lambda t: 1 / t, lambda t: 1 / t, (0.05,)),
    "product": (lambda t: t * np.sin(t) * np.log(t), lambda t: t * mp.sin(t) * mp.log(t), (0.5, 3.0)),
    "rational": (lambda t: (t**3 - 2 * t + 1) / (t**2 + t + 2), lambda t: (t**3 - 2 * t + 1) / (t**2 + t + 2),
                 (0.1, 2.0)),
    "wave packet": (lambda t: np.cos(20 * t) * np.exp(-t * t), lambda t: mp.cos(20 * t) * mp.exp(-t * t), (0.1, 1.0)),
    "nested": (lambda t: np.sqrt(1 + np.sin(t) ** 2), lambda t: mp.sqrt(1 + mp.sin(t) ** 2), (0.3, 2.0)),
    "log log": (lambda t: np.log(np.log(t)), lambda t: mp.log(mp.log(t)), (3.0, 50.0)),
    "chirp": (lambda t: np.sin(t**2), lambda t: mp.sin(t**2), (0.5, 3.0)),
    "softplus": (lambda t: np.log1p(np.exp(t)), lambda t: mp.log1p(mp.exp(t)), (0.0, 2.0)),
    "polynomial": (np.polynomial.Polynomial([1, -2, 0, 3, 1]), lambda t: 1 - 2 * t + 3 * t**3 + t**4, (0.5, -2.0)),
    "hypot": (lambda t: np.hypot(t, 2.0), lambda t: mp.sqrt(t * t + 4), (0.5, -3.0)),
    "arctan2": (lambda t: np.arctan2(t, 1 - t), lambda t: mp.atan2(t, 1 - t), (0.2, 3.0)),
    "logaddexp": (lambda t: np.logaddexp(t, 1.0), lambda t: mp.log(mp.exp(t) + mp.e), (0.2, 3.0)),
    "log2": (lambda t: np.log2(t) + np.log10(t), lambda t: mp.log(t, 2) + mp.log10(t), (0.4, 9.0)),
    "arcosh of cosh": (lambda t: np.exp2(np.tanh(t)), lambda t: mp.mpf(2) ** mp.tanh(t), (0.4, 1.0)),
}  # fmt: skip


def test_digits_and_coverage():
    """15.5 digits in the median (15.48 at n = 7); errors that cover in ≥ 99 % and are no larger than need be."""
    digits, misses, count, loose = {k: [] for k in range(ORDERS + 1)}, [], 0, []
    for name, (f, g, points) in FUNCTIONS.items():
        for x0 in points:
            found = jet(f, x0, ORDERS)
            assert found.status[()] is Status.CONVERGED, (name, x0, found.message)
            for k, exact in enumerate(truth(g, x0, digits=80)):
                value, error = float(found.jet.values[k]), float(found.jet.errors[k])
                miss = float(abs(mp.mpf(value) - exact))
                count += 1
                if miss > error + 1e-35:
                    misses.append((name, x0, k, miss, error))
                if abs(exact) > 1e-20:  # below, it is the noise of the reference
                    digits[k].append(min(16.0, -math.log10(max(miss / float(abs(exact)), 1e-17))))
                    loose.append(error / float(abs(exact)))
    medians = [float(np.median(digits[k])) for k in digits]
    assert min(medians) >= 15.45, medians
    assert min(medians[k] for k in (1, 2, 4, 8)) >= 15.5, medians
    assert len(misses) <= 0.005 * count, misses
    assert np.median(loose) < 1e-14, np.median(loose)


#: points beside which a coefficient passes through 0, where it is less than the terms that it is a sum of
CANCELLING = {
    "tanh": (np.tanh, mp.tanh, (0.7, -1.5929387899810563, -2.7074537356369914)),
    "expit": (sc.expit, lambda t: 1 / (1 + mp.exp(-t)),
              (-2.6351837222516634, -1.2851917194711504, 0.020183793321987054, -0.6455720139913312)),
    "arcsin": (np.arcsin, mp.asin, (-0.01046547190238611, 0.003)),
    "arccos": (np.arccos, mp.acos, (-0.01046547190238611, 0.003)),
    "tan": (np.tan, mp.tan, (0.001, -0.02)),
    "power": (lambda t: (2 + t * t) ** 1.3, lambda t: (2 + t * t) ** mp.mpf(1.3), (2.9950566903904283, -0.9, 1.7)),
    "sums": (lambda t: np.tanh(t) + np.abs(t - 5) * (t - 5) ** 3,
             lambda t: mp.tanh(t) + abs(t - 5) * (t - 5) ** 3, (0.7, -1.5929387899810563)),
}  # fmt: skip


@pytest.mark.parametrize("name", CANCELLING)
def test_coefficients_that_pass_through_zero_are_covered(name):
    f, g, points = CANCELLING[name]
    for x0 in points:
        result = ky.transform(f, x0, EIGHT, method=Taylor())
        many = ky.transform(f, np.array([x0, x0]), EIGHT, method=Taylor())
        with mp.workdps(50):
            exact = mp.taylor(g, mp.mpf(x0), ORDERS)
        for k in range(ORDERS + 1):
            for value, error in (
                (result.coefficient(k), result.error[-1 - k]),
                (many.coefficient(k)[1], many.error[-1 - k][1]),
            ):
                assert abs(mp.mpf(float(value)) - exact[k]) <= error + 1.2e-16 * abs(value), (x0, k, value, error)


@pytest.mark.parametrize("name", ["damped", "runge", "tanh", "gamma", "jv", "power", "x to x", "erfc", "arctan2"])
def test_arrays_agree_with_single_points(name):
    f, _, _ = FUNCTIONS[name]
    x = np.linspace(0.31, 0.93, 12).reshape(3, 4)
    found = jet(f, x, 5)
    assert found.status.shape == x.shape
    assert found.jet.values[3].shape == x.shape
    for place in np.ndindex(*x.shape):
        alone = jet(f, x[place], 5)
        for k in range(6):
            room = alone.jet.errors[k] + found.jet.errors[k][place]
            assert abs(alone.jet.values[k] - found.jet.values[k][place]) <= room


# -- Bessel functions --------------------------------------------------------------------------------------------------

BESSEL = {"y": (sc.yv, mp.bessely, -1, 1), "i": (sc.iv, mp.besseli, 1, 1), "k": (sc.kv, mp.besselk, 1, -1)}


def _bessel_derivative(kind, nu, x, j):
    """Z_ν^(j)(x) at 40 digits (DLMF 10.6.7, 10.29.5)."""
    _, g, step, turn = BESSEL[kind]
    with mp.workdps(40):
        return (mp.mpf(turn) / 2) ** j * sum(step**i * mp.binomial(j, i) * g(nu - j + 2 * i, x) for i in range(j + 1))


@pytest.mark.parametrize("kind", BESSEL)
@pytest.mark.parametrize("nu", [0, 1, 3, 12, 0.5, 2.5, 0.74, -0.3, -1.5, -2])
def test_bessel_functions_are_covered(kind, nu):
    f = lambda t: BESSEL[kind][0](nu, t)
    x = np.array([0.04, 0.3, 1.95, 7.7, 31.0])
    many = jet(f, x, ORDERS)
    for i, x0 in enumerate(x):
        found = Taylor().checked(Function(f), np.asarray(x0), jet(f, x0, ORDERS))
        assert found.status[()] is Status.CONVERGED
        for k in range(ORDERS + 1):
            exact = _bessel_derivative(kind, mp.mpf(nu), mp.mpf(float(x0)), k)
            for value, error in (
                (found.jet.values[k], found.jet.errors[k]),
                (many.jet.values[k][i], many.jet.errors[k][i]),
            ):
                assert abs(mp.mpf(float(value)) - exact) <= error, (x0, k, value, error)
                if kind != "y" and nu >= 0:  # no zeros
                    assert error <= 2e-12 * abs(exact)


@pytest.mark.parametrize(
    ("f", "kind", "nu"),
    [(sc.y0, "y", 0), (sc.y1, "y", 1), (lambda t: sc.yn(2, t), "y", 2), (sc.i0, "i", 0), (sc.i1, "i", 1),
     (sc.k0, "k", 0), (sc.k1, "k", 1), (lambda t: sc.kn(2, t), "k", 2)],
)  # fmt: skip
def test_bessel_functions_of_functions(f, kind, nu):
    result = ky.transform(lambda t: f(2 + np.sin(3 * t)), 0.4, EIGHT, method=Taylor())
    with mp.workdps(40):
        exact = mp.taylor(lambda t: BESSEL[kind][1](nu, 2 + mp.sin(3 * t)), mp.mpf(0.4), ORDERS)
    for k in range(ORDERS + 1):
        assert abs(mp.mpf(float(result.coefficient(k))) - exact[k]) <= result.error[-1 - k], k


def test_bessel_functions_at_the_edges():
    assert values(sc.i0, 0.0, 4) == [1, 0, 0.5, 0, 0.375]
    assert values(sc.i1, -0.0, 2) == [0, 0.5, 0]
    x = sp.symbols("x")
    assert values(sp.besselk(0, x), 0.7, 1) == values(sc.k0, 0.7, 1)
    for f in (sc.y0, sc.k0, sc.k1, lambda t: sc.yv(0.5, t)):
        assert jet(f, 0.0).status[()] is Status.NOT_FINITE
        assert jet(f, -1.0).status[()] is Status.NOT_FINITE
        assert jet(f, np.array([-1.0, 0.0, 1.0])).status.tolist() == [Status.NOT_FINITE] * 2 + [Status.CONVERGED]
    assert jet(lambda t: sc.iv(0.5, t), 0.0).status[()] is not Status.CONVERGED
    with pytest.raises(Escaped):
        jet(lambda t: sc.kv(t, 1.0), 0.7)


# -- what users write --------------------------------------------------------------------------------------------------


def _loop(t):
    total = 0
    for k in range(1, 6):
        total += t**k / k
    return total


def _closure(c):
    def inner(t):
        return c * t

    def outer(t):
        return np.sin(inner(t)) + inner(t) ** 2

    return outer


WRITTEN = {
    "loop": (_loop, lambda t: sum(t**k / k for k in range(1, 6))),
    "closure": (_closure(1.5), lambda t: mp.sin(1.5 * t) + (1.5 * t) ** 2),
    "where": (lambda t: np.where(t > 0.2, np.exp(t), -t), mp.exp),
    "clip": (lambda t: np.clip(np.sin(t), -0.9, 0.9), mp.sin),
    "method clip": (lambda t: t.clip(0, 1) ** 2 if hasattr(t, "clip") else min(max(t, 0), 1) ** 2, lambda t: t**2),
    "asarray": (lambda t: np.asarray(t) ** 2 * np.exp(-np.asarray(t)), lambda t: t**2 * mp.exp(-t)),
    "polyval": (lambda t: np.polyval([2, 0, -1, 3], t), lambda t: 2 * t**3 - t + 3),
    "poly1d": (np.poly1d([2, 0, -1, 3]), lambda t: 2 * t**3 - t + 3),
    "Chebyshev": (np.polynomial.Chebyshev([1, 2, 3], domain=[0, 2]),
                  lambda t: 1 + 2 * (t - 1) + 3 * (2 * (t - 1) ** 2 - 1)),
    "horner": (lambda t: np.polynomial.polynomial.polyval(t, [1, 2, 3]), lambda t: 1 + 2 * t + 3 * t**2),
    "sum of array": (lambda t: np.sum(np.arange(1.0, 4) * np.sin(np.arange(1, 4) * t)),
                     lambda t: sum(k * mp.sin(k * t) for k in (1, 2, 3))),
    "dot": (lambda t: np.dot([1.0, 2.0], np.cos(np.array([1.0, 3.0]) * t)), lambda t: mp.cos(t) + 2 * mp.cos(3 * t)),
    "matmul": (lambda t: np.array([1.0, 2.0]) @ np.exp(np.array([1.0, -1.0]) * t),
               lambda t: mp.exp(t) + 2 * mp.exp(-t)),
    "array of jets": (lambda t: np.array([t, t**2, 1.0]).sum(), lambda t: t + t**2 + 1),
    "branch": (lambda t: t**2 if t > 0.1 else -t, lambda t: t**2),
    "maximum": (lambda t: np.maximum(t, 0.1) ** 3, lambda t: t**3),
    "minimum": (lambda t: np.minimum(t, 9) * t, lambda t: t**2),
    "abs": (lambda t: np.abs(t - 3) * abs(t), lambda t: (3 - t) * t),
    "sign": (lambda t: np.sign(t) * t**2, lambda t: t**2),
    "piecewise": (lambda t: np.piecewise(t, [t < 0.1, t >= 0.1], [lambda u: -u, lambda u: u**2]), lambda t: t**2),
    "select": (lambda t: np.select([t < 0.1, t < 0.2], [t, 2 * t], np.sin(t)), mp.sin),
    "floor": (lambda t: t - np.floor(t), lambda t: t),
    "mod": (lambda t: np.mod(t, 0.5) ** 2, lambda t: t**2),
    "float32 constant": (lambda t: np.float32(0.5) * t**2, lambda t: t**2 / 2),
    "sinc": (np.sinc, mp.sincpi if hasattr(mp, "sincpi") else lambda t: mp.sin(mp.pi * t) / (mp.pi * t)),
    "zeros_like": (lambda t: np.zeros_like(t) + t**2, lambda t: t**2),
    "in place": (lambda t: _in_place(t), lambda t: (t + 1) * 2),
    "logistic": (lambda t: 1.0 / (1.0 + np.exp(-t)), lambda t: 1 / (1 + mp.exp(-t))),
    "newton": (lambda t: _newton(t), mp.sqrt),
    "vander": (lambda t: np.sum([c * t**k for k, c in enumerate([1, 2, 3])]), lambda t: 1 + 2 * t + 3 * t**2),
}  # fmt: skip


def _in_place(t):
    y = t + 1
    y *= 2
    return y


def _newton(t):
    y = 1.0
    for _ in range(8):
        y = 0.5 * (y + t / y)
    return y


@pytest.mark.parametrize("name", WRITTEN)
def test_what_users_write(name):
    f, g = WRITTEN[name]
    found = jet(f, 0.3, 6)
    assert found.status[()] is Status.CONVERGED
    for k, exact in enumerate(truth(g, 0.3, 6)):
        miss = float(abs(mp.mpf(float(found.jet.values[k])) - exact))
        assert miss <= float(found.jet.errors[k]) + 1e-300, (k, found.jet.values[k], exact)


@pytest.mark.parametrize("name", ["where", "clip", "polyval", "Chebyshev", "maximum", "abs", "floor", "mod", "branch",
                                  "sinc", "newton", "piecewise", "array of jets"])  # fmt: skip
def test_what_users_write_on_arrays(name):
    f, g = WRITTEN[name]
    x = np.array([0.3, 0.31, 0.42])
    found = jet(f, x, 3)
    assert (found.status == Status.CONVERGED).all()
    for j, x0 in enumerate(x):
        for k, exact in enumerate(truth(g, x0, 3)):
            assert abs(found.jet.values[k][j] - float(exact)) <= found.jet.errors[k][j] + 1e-15 * abs(float(exact))


def test_axes_behind_the_points():
    k = np.arange(1.0, 4)
    f = lambda t: np.sum(np.sin(t[..., None] * k) / k, axis=-1)
    found = jet(f, np.array([0.3, 0.7]), 1)
    assert np.allclose(found.jet.values[1], np.cos(np.outer([0.3, 0.7], k)).sum(axis=1), rtol=1e-15)


# -- kinks -------------------------------------------------------------------------------------------------------------


def _sides(f, x0, order):
    found = jet(f, x0, order)
    one = lambda e: [float(v) for v in e.jet.values]
    return found.status[()], one(found.left), one(found.right), found.message


KINKS = {
    "abs": (np.abs, 0.0, 1, [0, -1], [0, 1]),
    "x|x|": (lambda t: t * np.abs(t), 0.0, 2, [0, 0, -2], [0, 0, 2]),
    "relu": (lambda t: np.maximum(t, 0), 0.0, 2, [0, 0, 0], [0, 1, 0]),
    "relu cubed": (lambda t: np.maximum(t, 0) ** 3, 0.0, 3, [0, 0, 0, 0], [0, 0, 0, 6]),
    "where": (lambda t: np.where(t < 1, t, 2 * t - 1), 1.0, 1, [1, 1], [1, 2]),
    "if": (lambda t: t if t < 1 else 2 * t - 1, 1.0, 1, [1, 1], [1, 2]),
    "clip": (lambda t: np.clip(t, -1, 1), 1.0, 1, [1, 1], [1, 0]),
    "root of square": (lambda t: np.sqrt(t**2), 0.0, 1, [0, -1], [0, 1]),
    "sign": (lambda t: np.sign(t) * np.sin(t), 0.0, 1, [0, -1], [0, 1]),
    "small kink": (lambda t: np.exp(t) + 1e-9 * np.abs(t - 0.3), 0.3, 1,
                   [math.exp(0.3), math.exp(0.3) - 1e-9], [math.exp(0.3), math.exp(0.3) + 1e-9]),
    "kink by rounding": (lambda t: np.abs(t * t - 0.1 * 0.1), 0.1, 1, [0, -0.2], [0, 0.2]),
    "kink nearer than rounding": (lambda t: np.abs(np.sin(t)), math.pi, 1, [0, -1], [0, 1]),
    "minimum of two": (lambda t: np.minimum(np.sin(t), np.tan(t)), 0.0, 3, [0, 1, 0, 2], [0, 1, 0, -1]),
}  # fmt: skip


@pytest.mark.parametrize("name", KINKS)
def test_kinks_have_two_sides(name):
    f, x0, order, left, right = KINKS[name]
    status, from_left, from_right, message = _sides(f, x0, order)
    assert status is Status.NO_LIMIT
    assert "differ" in message
    assert np.allclose(from_left, left, rtol=1e-14, atol=1e-15)
    assert np.allclose(from_right, right, rtol=1e-14, atol=1e-15)
    for side, exact in (("left", left), ("right", right)):
        assert np.allclose(values(f, x0, order, side), exact, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("p", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-6, 1e-9])
def test_kink_of_any_order_on_a_smooth_function(p, size):
    f = lambda t: np.sin(t) + size * np.abs(t - 0.7) * (t - 0.7) ** (p - 1)
    assert values(f, 0.7, p - 1 if p > 1 else 0)[0] == pytest.approx(math.sin(0.7), rel=1e-15) if p > 1 else True
    assert jet(f, 0.7, p).status[()] is Status.NO_LIMIT


def test_harmless_kinks_converge():
    assert values(lambda t: t * np.abs(t), 0.0, 1) == [0, 0]
    assert values(lambda t: np.where(t > 0, t**3, -(t**3)), 0.0, 2) == [0, 0, 0]
    assert values(lambda t: np.abs(t) ** 2, 0.0, 4) == [0, 0, 2, 0, 0]


def test_jumps():
    step = lambda t: np.where(t > 0, 1.0, 0.0)
    assert jet(step, 0.0, 1).status[()] is Status.NO_LIMIT
    assert jet(step, 0.0, 1, "right").status[()] is Status.DIVERGES
    assert values(step, 0.0, 1, "left") == [0, 0]
    assert values(step, 0.5, 2) == [1, 0, 0]
    assert jet(np.floor, 2.0, 1).status[()] is Status.NO_LIMIT
    assert values(np.floor, 2.0, 1, "right") == [2, 0]


def test_value_given_at_a_removable_point():
    f = lambda t: np.where(t == 0, 1.0, np.sin(t) / np.where(t == 0, 1.0, t))
    assert np.allclose(values(f, 0.0, 4), [1, 0, -1 / 3, 0, 1 / 5], rtol=1e-15)
    assert jet(lambda t: np.sin(t) / t, 0.0).status[()] is Status.NOT_FINITE
    wrong = lambda t: np.where(t == 0, 2.0, np.sin(t) / np.where(t == 0, 1.0, t))
    assert jet(wrong, 0.0).status[()] in (Status.NO_LIMIT, Status.DIVERGES)
    assert values(np.sinc, 0.0, 1) == [1, 0]


@pytest.mark.parametrize(
    "f",
    [
        lambda t: np.exp(-1 / np.square(t)),
        lambda t: 0.0 if t == 0 else np.exp(-1 / t**2),
        lambda t: np.where(t == 0, 0.0, np.exp(-1 / np.where(t == 0, 1.0, t) ** 2)),
    ],
)
def test_flat_function(f):
    found = Taylor().evidence(Function(f), np.asarray(0.0), EIGHT, RULE, "both")
    assert found.status[()] is Status.CONVERGED
    assert [float(v) for v in found.jet.values] == [0] * 9
    assert (found.jet.left, found.jet.right) == (1, 1)


@pytest.mark.parametrize(
    ("f", "x0", "side", "status"),
    [
        (np.sqrt, 0.0, "right", Status.DIVERGES),
        (np.sqrt, 0.0, "both", Status.NOT_FINITE),
        (lambda t: t**1.5, 0.0, "right", Status.DIVERGES),
        (np.cbrt, 0.0, "both", Status.DIVERGES),
        (np.log, 0.0, "both", Status.NOT_FINITE),
        (np.log, -1.0, "both", Status.NOT_FINITE),
        (lambda t: 1 / t, 0.0, "both", Status.NOT_FINITE),
        (np.arcsin, 1.0, "left", Status.DIVERGES),
        (np.arcsin, 1.0, "right", Status.NOT_FINITE),
        (lambda t: np.cos(np.sqrt(t)), 0.0, "right", Status.NOT_REACHED),
    ],
)
def test_edges_of_the_domain(f, x0, side, status):
    assert jet(f, x0, 2, side).status[()] is status


def test_overflow_is_no_divergence():
    assert jet(np.log, 1e-300).status[()] is Status.NOT_REACHED


def test_domain_error_on_one_side():
    def f(t):
        if t < 0:
            raise ValueError("negative")
        return t**2

    assert jet(f, 0.0).status[()] is Status.NOT_FINITE
    assert values(f, 0.0, 2, "right") == [0, 0, 2]


# -- which way f leaves x0 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x0", "left", "right"),
    [
        (np.exp, 0.0, -1, 1), (lambda t: -t, 2.0, 1, -1), (np.cos, 0.0, -1, -1), (lambda t: t**3, 0.0, -1, 1),
        (lambda t: t**4, 0.0, 1, 1), (lambda t: 3.0 + 0 * t, 1.0, 0, 0), (lambda t: 5.0, 1.0, 0, 0),
        (lambda t: t**10, 0.0, 1, 1), (lambda t: t * np.abs(t), 0.0, -1, 1), (lambda t: -np.abs(t) ** 3, 0.0, -1, -1),
    ],
)  # fmt: skip
def test_directions(f, x0, left, right):
    found = jet(f, x0, 1)
    assert (found.jet.left, found.jet.right) == (left, right)
    many = jet(f, np.array([x0, x0]), 1)
    assert many.jet.left.tolist() == [left] * 2
    assert many.jet.right.tolist() == [right] * 2


# -- escapes -----------------------------------------------------------------------------------------------------------


def _caught(t):
    try:
        return math.exp(t)
    except TypeError:
        return 1.0


def _caught_well(t):
    try:
        return math.exp(t)
    except TypeError:
        return np.exp(t)


def _caught_badly(t):
    try:
        return math.sin(t)
    except TypeError:
        return 0.5 * t


@pytest.mark.parametrize(
    "f",
    [
        lambda t: math.exp(t), lambda t: float(t) ** 2, lambda t: t * int(t + 1), _caught, _caught_badly,
        lambda t: np.asarray(t, dtype=float) ** 2, lambda t: sc.airy(t)[0], lambda t: np.interp(t, [0, 1], [0, 1]),
        lambda t: np.sort(t), lambda t: t.item(), lambda t: sum(t), lambda t: np.linalg.norm(t),
        lambda t: np.round(np.sin(t), 6), lambda t: np.floor(t * 1e6) / 1e6,
        lambda t: np.float64(t), lambda t: np.array([t], dtype=float)[0], lambda t: {0.7: 1.0}[t],
    ],
)  # fmt: skip
def test_escapes_are_detected(f):
    with pytest.raises(Escaped):
        jet(f, 0.7)


def test_escape_that_is_put_right():
    assert values(_caught_well, 0.5, 1) == pytest.approx([math.exp(0.5)] * 2, rel=1e-15)


@pytest.mark.parametrize("f", [lambda t: t[::-1] * 2, lambda t: np.cumsum(t)])
def test_points_are_not_mixed(f):
    with pytest.raises(Escaped):
        jet(f, np.array([0.1, 0.2, 0.5]))


def test_a_mean_over_the_points_is_a_mean_of_one():
    assert jet(lambda t: t - np.mean(t), np.array([0.1, 0.2, 0.5])).jet.values[1].tolist() == [0, 0, 0]


def test_check_against_real_values():
    function = Function(np.exp)
    found = jet(np.exp, 0.3)
    assert Taylor().checked(function, np.asarray(0.3), found).status[()] is Status.CONVERGED

    class Sly:
        def __call__(self, t):
            return np.exp(t) if isinstance(t, (float, np.ndarray)) else np.sin(t)

    found = jet(Sly(), 0.3)
    assert Taylor().checked(Function(Sly()), np.asarray(0.3), found).status[()] is Status.NOT_REACHED
    x = np.linspace(0, 1, 40)
    found = jet(Sly(), x)
    assert (Taylor().checked(Function(Sly()), x, found).status == Status.NOT_REACHED).all()


def test_check_accepts_the_functions_of_the_table():
    for name, (f, _, points) in FUNCTIONS.items():
        for x0 in points:
            found = Taylor().checked(Function(f), np.asarray(x0), jet(f, x0))
            assert found.status[()] is Status.CONVERGED, (name, x0)
    for f, x0 in ((lambda t: t**4, 0.0), (lambda t: t**10, 0.0), (np.exp, -700.0), (lambda t: 1e200 * t, 1.0)):
        assert Taylor().checked(Function(f), np.asarray(x0), jet(f, x0)).status[()] is Status.CONVERGED


# -- out of the ordinary -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [None, Taylor()])
@pytest.mark.parametrize(
    ("f", "x0", "slope"),
    [
        (np.log, 1e60, 1e-60), (np.log, 1e300, 1e-300), (np.sin, 1e100, None), (np.sqrt, 1e200, 0.5e-100),
        (np.sqrt, 1e250, 0.5e-125), (lambda t: t * t, 1e120, 2e120), (lambda t: t * t, -1e120, -2e120),
        (lambda t: 1 / t, 1e100, -1e-200), (lambda t: np.exp(-((t / 1e90) ** 2)), 1e90, -2e-90 / math.e),
        (lambda t: 3 * t, 1e307, 3.0),
    ],
)  # fmt: skip
def test_far_out(f, x0, slope, method):
    for order in (2, 8):
        alone = ky.transform(f, x0, ky.Polynomial(order), method=method)
        many = ky.transform(f, np.array([x0, 1.0]), ky.Polynomial(order), method=method)
        assert many.status.tolist() == [Status.CONVERGED] * 2
        if slope is not None:
            assert alone.coefficient(1) == pytest.approx(slope, rel=1e-14, abs=0)
            assert many.coefficient(1)[0] == pytest.approx(slope, rel=1e-14, abs=0)


def test_far_out_what_does_not_meet_is_seen():
    class Sly:
        def __call__(self, t):
            return np.log(t) if isinstance(t, (float, np.ndarray)) else np.log(t) + 1e-3 * np.sin(np.log(t / 1e60))

    for x0 in (1e60, 1e200):
        assert Taylor().checked(Function(Sly()), np.asarray(x0), jet(Sly(), x0)).status[()] is Status.NOT_REACHED


@pytest.mark.parametrize("f", [lambda t: 10**400, lambda t: 10**400 + 0 * t])
@pytest.mark.parametrize("method", [None, Taylor(), ky.Adaptive(), ky.Contour()])
def test_whole_numbers_beyond_the_range_of_floats(f, method):
    with pytest.raises(ky.NotFinite):
        ky.transform(f, 0.5, method=method)
    assert ky.transform(f, np.array([0.5, 1.0]), method=method).status.tolist() == [Status.NOT_FINITE] * 2


@pytest.mark.parametrize("method", [None, Taylor(), ky.Adaptive()])
def test_masked_results_are_their_values(method):
    f = lambda t: np.ma.masked_array(t * t, mask=np.asarray(t) > 0.6)
    result = ky.transform(f, np.array([0.1, 0.5, 0.9]), ky.Polynomial(2), method=method)
    assert result.status.tolist() == [Status.CONVERGED] * 2 + [Status.NOT_FINITE]
    assert np.allclose(result.coefficient(1)[:2], [0.2, 1.0], rtol=1e-9)
    with pytest.raises(ky.NotFinite):
        ky.transform(f, 0.9, method=method)
    found = Function(f)(np.array([0.1, 0.5, 0.9]))
    assert type(found) is np.ndarray
    assert np.isnan(found).tolist() == [False, False, True]


@pytest.mark.parametrize("method", [None, ky.Adaptive()])
def test_an_object_that_refuses_to_be_a_number(method):
    class Odd:
        def __float__(self):
            raise RuntimeError("no")

    for x0 in (0.5, np.array([0.5, 1.0])):
        with pytest.raises(ky.BadFunction, match="Odd"):
            ky.transform(lambda t: Odd(), x0, method=method)
    with pytest.raises(ky.NotApplicable):
        ky.transform(lambda t: Odd(), 0.5, method=Taylor())


# -- shapes, types, counts ---------------------------------------------------------------------------------------------


def test_status_of_each_element():
    x = np.array([[-1.0, 0.0], [1.0, 4.0]])
    found = jet(np.sqrt, x)
    assert found.status.tolist() == [[Status.NOT_FINITE] * 2, [Status.CONVERGED] * 2]
    assert found.jet.values[1][1].tolist() == [0.5, 0.25]
    found = jet(np.abs, np.array([-2.0, 0.0, 3.0, 0.0]))
    assert found.status.tolist() == [Status.CONVERGED, Status.NO_LIMIT, Status.CONVERGED, Status.NO_LIMIT]
    assert found.jet.values[1][[0, 2]].tolist() == [-1, 1]


def test_empty_and_not_finite_points():
    assert jet(np.sin, np.empty((0, 3))).status.shape == (0, 3)
    found = jet(np.sin, np.array([0.0, np.nan, np.inf]))
    assert found.status.tolist() == [Status.CONVERGED, Status.NOT_FINITE, Status.NOT_FINITE]


def test_many_blocks_with_kinks():
    x = np.linspace(-1, 1, 40_001)
    found = jet(np.abs, x, 1)
    assert (found.status != Status.CONVERGED).sum() == 1
    assert found.jet.values[1][:3].tolist() == [-1, -1, -1]
    assert found.jet.values[1][-1] == 1


def test_constants_on_arrays():
    found = jet(lambda t: 3.0 + 0 * t, np.linspace(0, 1, 5))
    assert found.jet.values[0].tolist() == [3] * 5
    found = jet(lambda t: np.full(np.shape(t), 2.0), np.linspace(0, 1, 5))
    assert found.jet.values[0].tolist() == [2] * 5
    assert found.jet.values[1].tolist() == [0] * 5


def test_float32_is_told():
    f = lambda t: np.sin(t.astype(np.float32)) if hasattr(t, "astype") else np.sin(np.float32(t))
    found = jet(f, np.array([0.3, 0.5]))
    assert (found.jet.errors[1] > 1e-8).all()
    function = Function(lambda t: np.float32(2) * t)  # a float32 answer to a Python float
    evidence = Taylor().evidence(function, np.asarray(0.3), ky.Polynomial(1), RULE, "both")
    assert Taylor().checked(function, np.asarray(0.3), evidence).jet.errors[1] >= 0


def test_counts():
    calls = []

    def f(t):
        calls.append(np.size(t))
        return t**2

    found = jet(f, 0.5)
    assert int(found.nfev) == sum(calls) == 1
    calls.clear()
    found = jet(f, np.linspace(0.1, 1, 50))
    assert int(found.nfev.sum()) == sum(calls)
    calls.clear()
    kinked = lambda t: np.abs(f(t) - 0.25)
    found = jet(kinked, 0.5)
    assert int(found.nfev) == sum(calls)


@pytest.mark.parametrize(
    "f", [lambda t: math.exp(-0.7 * t) * math.cos(2 * t), lambda t: t * t if t > 0.5 else np.sin(t)]
)
@pytest.mark.parametrize("x0", [0.7, np.linspace(0.1, 2, 7), np.linspace(0.1, 2, 50)])
def test_what_was_tried_in_vain_is_counted(f, x0):
    """An array of numbers counts its points, a jet 1; a block of jets that was followed, its points (test_counts)."""
    calls = 0

    def counted(t):
        nonlocal calls
        calls += np.size(t) if isinstance(t, np.ndarray) else 1
        return f(t)

    assert np.sum(ky.transform(counted, x0, ky.Polynomial(4)).nfev) == calls


def test_expressions_run_as_numpy_code():
    x = sp.symbols("x")
    cases = [
        (sp.exp(-x) * sp.sin(3 * x), 0.7), (sp.besselj(0, x), 0.7), (sp.gamma(x) * sp.erf(x), 0.7),
        (sp.Max(x, 0) ** 2, 0.7), (sp.Piecewise((x**2, x > 0), (0, True)), 0.7), (sp.cbrt(x), 2.0),
        (sp.Integer(3), 1.0),
        (sp.asin(x) + sp.acosh(x + 2), 0.2), (x ** sp.Rational(1, 3), 0.5), (sp.floor(x) + x, 0.5),
    ]  # fmt: skip
    for e, x0 in cases:
        found = jet(e, x0, 3)
        assert found.status[()] is Status.CONVERGED
        for k, (v, error) in enumerate(zip(found.jet.values, found.jet.errors, strict=True)):
            exact = float(sp.N(sp.diff(e, x, k).subs(x, sp.Float(x0, 30)), 30)) if not e.has(sp.floor) else None
            assert exact is None or abs(v - exact) <= error + 2e-16 * abs(exact), (e, k)
    assert jet(sp.Abs(x), 0.0).status[()] is Status.NO_LIMIT
    assert jet(sp.Max(x, 0), np.array([-1.0, 0.0, 1.0])).status.tolist().count(Status.NO_LIMIT) == 1


def test_why_not():
    assert Taylor().why_not(Function(np.sin), ky.Polynomial(2), RULE) == ""
    assert repr(Taylor()) == "Taylor()"


# -- random code -------------------------------------------------------------------------------------------------------

UNARY = [
    (np.sin, mp.sin), (np.cos, mp.cos), (lambda u: np.exp(-u * u), lambda u: mp.exp(-u * u)), (np.tanh, mp.tanh),
    (np.arctan, mp.atan), (lambda u: np.log(2 + u * u), lambda u: mp.log(2 + u * u)),
    (lambda u: np.sqrt(1 + u**2), lambda u: mp.sqrt(1 + u**2)), (lambda u: u**3, lambda u: u**3),
    (np.arcsinh, mp.asinh), (sc.erf, mp.erf), (sc.expit, lambda u: 1 / (1 + mp.exp(-u))),
    (lambda u: 1 / (2 + u * u), lambda u: 1 / (2 + u * u)),
]  # fmt: skip
TREES = st.recursive(
    st.one_of(st.just(("x",)), st.floats(-3, 3).map(lambda c: ("c", round(c, 3)))),
    lambda inner: st.one_of(
        st.tuples(st.just("f"), st.integers(0, len(UNARY) - 1), inner),
        st.tuples(st.sampled_from("+-*"), inner, inner),
    ),
    max_leaves=6,
)


def _evaluate(tree, x, kind):
    head = tree[0]
    if head == "x":
        return x
    if head == "c":
        return tree[1] + 0 * x if kind == 0 else mp.mpf(tree[1])
    if head == "f":
        return UNARY[tree[1]][kind](_evaluate(tree[2], x, kind))
    a, b = (_evaluate(t, x, kind) for t in tree[1:])
    return a + b if head == "+" else a - b if head == "-" else a * b


@settings(max_examples=120, deadline=None, derandomize=True)
@given(TREES, st.floats(-2, 2).map(lambda v: round(v, 4)))
def test_random_expressions_are_covered(tree, x0):
    f = lambda t: _evaluate(tree, t, 0) + 0 * t
    found = jet(f, x0, 5)
    assert found.status[()] is Status.CONVERGED
    for k, exact in enumerate(truth(lambda t: _evaluate(tree, t, 1) + 0 * t, x0, 5)):
        with mp.workdps(60):
            miss = float(abs(mp.mpf(float(found.jet.values[k])) - exact))
        assert miss <= 1.5 * float(found.jet.errors[k]) + 1e-40 + 1e-40 * abs(float(exact)), (
            k,
            found.jet.values[k],
            exact,
        )


# -- cost --------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_million_points_cost_little_more_than_differences():
    f = lambda t: np.exp(-t) * np.sin(3 * t)
    x, h = np.linspace(0.1, 2, 10**6), 1e-4

    def differences():
        a, b, c = f(x - h), f(x), f(x + h)
        return b, (c - a) / (2 * h), (a - 2 * b + c) / h**2

    def best(call):
        times = []
        for _ in range(7):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return min(times)

    assert best(lambda: jet(f, x)) <= 1.7 * best(differences)  # 1.3 measured on a quiet machine
