"""Taylor: digits and coverage against mpmath, Bessel functions, shapes, types, counts, cost."""

import math
import time

import mpmath as mp
import numpy as np
import pytest
import scipy.special as sc
import sympy as sp
from jets import EIGHT, FUNCTIONS, ORDERS, jet, truth, values

import kymath as ky
from kymath.errors import Status
from kymath.function import Function
from kymath.methods.taylor import Escaped, Taylor

RULE = ky.Osculating()


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


def composed(outer, inner):
    """The coefficients of f(u(t)) from those of f at u0 and of u − u0, by Horner's rule: any numbers."""
    out = [0] * len(inner)
    for c in reversed(outer):
        out = [sum(a * b for a, b in zip(out[: k + 1], inner[k::-1], strict=True)) for k in range(len(inner))]
        out[0] += c
    return out


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
        t = mp.mpf(0.4)
        inner = [0, *(3**k * mp.sin(3 * t + k * mp.pi / 2) / mp.factorial(k) for k in range(1, ORDERS + 1))]
        u = 2 + mp.sin(3 * t)
        outer = [_bessel_derivative(kind, nu, u, k) / mp.factorial(k) for k in range(ORDERS + 1)]
        exact = composed(outer, inner)
        assert mp.almosteq(exact[2], mp.taylor(lambda t: BESSEL[kind][1](nu, 2 + mp.sin(3 * t)), t, 2)[2], 1e-15)
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
