"""Contour: digits, evaluations and coverage against mpmath; what is not analytic; how f is called; shapes; noise."""

import cmath
import math

import mpmath as mp
import numpy as np
import pytest
import scipy.special as sc
import sympy as sp

import kymath as ky
from kymath.errors import BadFunction, Status
from kymath.function import Function
from kymath.methods.circle import nodes, read, table
from kymath.methods.contour import Contour

EIGHT = ky.Polynomial(8)
RULE = ky.Osculating()
SIZES = [math.factorial(k) for k in range(9)]


def jet(f, x0, family=EIGHT, side="both"):
    function = f if isinstance(f, Function) else Function(f)
    return Contour().evidence(function, np.asarray(x0, dtype=float), family, RULE, side)


def coefficients(f, x0, family=EIGHT):
    found = jet(f, x0, family)
    assert found.status[()] is Status.CONVERGED, found.message
    return [[float(v) / k for v, k in zip(row, SIZES, strict=False)] for row in (found.jet.values, found.jet.errors)]


def taylor(text, p, s, **constants):
    """Taylor coefficients of the formula in x/s, by mpmath in the scaled variable."""
    scope = {"x": None, "s": mp.mpf(s), **{k: mp.mpf(v) for k, v in constants.items()}}

    def g(w):
        scope["x"] = w * scope["s"]
        return eval(text, {"fn": mp, **scope})

    with mp.workdps(40):
        row = mp.taylor(g, mp.mpf(p) / scope["s"], 8)
        return [float(c / scope["s"] ** k) for k, c in enumerate(row)]


class NumPy:
    """The names of mpmath, for NumPy."""

    exp, log, sin, cos, tanh, cosh, sqrt, atan = np.exp, np.log, np.sin, np.cos, np.tanh, np.cosh, np.sqrt, np.arctan
    erf, gamma = sc.erf, sc.gamma


FORMS = [
    "fn.exp(-a*(x/s-b)**2/3)",
    "fn.sin(a*x/s)+b*fn.cos(2*x/s)",
    "1/(1+a*fn.exp(-b*x/s))",
    "fn.log(1+a*fn.exp(x/s))",
    "fn.sqrt(1+a*fn.sin(x/s)**2)",
    "(a+x/s)/(b+(x/s)**4)",
    "fn.atan(x/s-a)*fn.exp(-x/s/4)",
    "fn.tanh(x/s)**3+c",
    "fn.cosh(a*x/s)/fn.cosh(b*x/s+c)",
    "fn.erf(x/s)*fn.sin(a*x/s)",
    "fn.exp(a*fn.cos(b*x/s))",
    "(x/s)**3-a*(x/s)+b+c*fn.exp(x/s/3)",
    "fn.log(a+b*(x/s)**2)",
    "fn.sin(x/s)/(1+(x/s)**2)",
    "(1+a*fn.exp(fn.sin(x/s)))**-b",
]


@pytest.fixture(scope="module")
def campaign():
    rng = np.random.default_rng(2026)
    rows = []
    for i in range(300):
        text = FORMS[i % len(FORMS)]
        a, b, c = (float(v) for v in rng.uniform(0.3, 3, 3))
        s = float(10 ** rng.uniform(-2, 2))
        p = float(rng.uniform(-2.5, 2.5) * s)
        scope = {"fn": NumPy, "a": a, "b": b, "c": c, "s": s}
        f = eval(f"lambda x: {text}", scope)
        rows.append((jet(f, p), taylor(text, p, s, a=a, b=b, c=c)))
    return rows


def test_digits_on_random_functions(campaign):
    digits = []
    for found, truth in campaign:
        assert found.status[()] is Status.CONVERGED, found.message
        got = [float(v) / k for v, k in zip(found.jet.values, SIZES, strict=True)]
        digits.append(
            [16 if g == t else min(16, -math.log10(abs(g / t - 1) + 1e-17)) for g, t in zip(got, truth, strict=True)]
        )
    median = np.median(digits, axis=0)
    assert median[1] >= 15.8
    assert median[2] >= 15.6
    assert median[4] >= 15.3
    assert median[8] >= 14.8


def test_errors_cover_and_are_of_use(campaign):
    covered, total, ratios = 0, 0, []
    for found, truth in campaign:
        for k, t in enumerate(truth):
            v, e = float(found.jet.values[k]) / SIZES[k], float(found.jet.errors[k]) / SIZES[k]
            covered += abs(v - t) <= e
            total += 1
            ratios.append(e / abs(t) if k in (1, 2, 4, 8) else np.nan)
    assert covered >= 0.995 * total
    assert np.nanmedian(ratios) < 3e-14


def test_evaluations(campaign):
    assert np.median([int(found.nfev) for found, _ in campaign]) <= 90


def test_scale_is_found():
    for f, x0, slope in (
        (lambda x: np.cos(x * 1e6), 3e-7, -1e6 * math.sin(0.3)),
        (lambda x: np.sin(x * 1e6), 0.0, 1e6),
        (lambda x: np.sin(x / 1e7), 0.0, 1e-7),
        (lambda x: np.exp(-(((x - 1) / 1e-4) ** 2)), 1.00003, None),
        (lambda x: 1 / x, 0.05, -400.0),
        (np.log, 1e-9, 1e9),
        (np.sqrt, 1e-9, 0.5 / math.sqrt(1e-9)),
    ):
        values, errors = coefficients(f, x0)
        if slope is None:
            slope = -2 * (x0 - 1) / 1e-8 * float(f(x0))
        assert abs(values[1] - slope) <= errors[1] + 4e-16 * abs(slope)
        assert errors[1] <= 1e-10 * abs(slope)


def test_polynomials_and_constants():
    for f, x0, truth in (
        (lambda x: 3 * x + 1, 2.0, [7, 3, 0, 0]),
        (lambda x: x, 0.0, [0, 1, 0, 0]),
        (np.polynomial.Polynomial([1, 2, 3, 4.0]), 0.5, [3.25, 8, 9, 4]),
        (lambda x: 3.0, 0.4, [3, 0, 0, 0]),
        (lambda x: 0 * x, 0.4, [0, 0, 0, 0]),
    ):
        values, errors = coefficients(f, x0)
        for v, e, t in zip(values, errors, truth, strict=False):
            assert abs(v - t) <= e
            assert e <= 1e-13


@pytest.mark.parametrize(
    ("f", "x0"),
    [
        (np.abs, 0.0),
        (np.abs, 0.3),
        (lambda x: np.sin(x) + np.abs(x - 0.3), 0.3),
        (lambda x: x * abs(x), 0.0),
        (lambda x: np.maximum(x, 0) ** 3, 0.0),
        (lambda x: np.where(x > 0, 1.0 + 0 * x, 0 * x), 0.0),
        (np.sign, 0.0),
        (lambda x: np.exp(-1 / x**2 if np.iscomplexobj(x) else -1 / np.where(x == 0, 1e-9, x) ** 2), 0.0),
        (np.conj, 0.4),
        (np.real, 0.4),
        (lambda x: x.real**2, 0.4),
        (lambda x: abs(x) ** 2, 0.4),
        (lambda x: np.sqrt(x * x), 0.0),
        (np.sqrt, 0.0),
        (lambda x: np.maximum(np.sin(x), 0.3), math.asin(0.3)),
        (lambda x: np.sin(x) + 1e-3 * np.abs(np.sin(x)) ** 5, 0.0),
        (lambda x: np.sin(x) + 1e-12 / (x - 0.501), 0.5),
        (lambda x: x - np.mean(x), 0.5),
        (lambda x: np.asarray(x).astype(float) ** 2, 0.5),
        (math.sin, 0.5),
        (lambda x: float(x) ** 2, 0.5),
        (lambda x: {}[x], 0.5),
        (lambda x: None, 0.5),
        (lambda x: "a", 0.5),
        (lambda x: np.array([1.0, 2.0, 3.0]), 0.5),
        (lambda x: x**2 if x > 0 else -x, 0.5),
        (lambda x: np.interp(x, [0, 1, 2], [0, 1, 4]), 0.5),
    ],
)
def test_refused(f, x0):
    function = Function(f)
    found = jet(function, x0)
    assert found.status[()] is Status.NOT_APPLICABLE
    assert "Adaptive" in found.message
    assert all(np.isnan(v) for v in found.jet.values)
    assert int(found.nfev) == function.nfev


def test_a_kink_is_named():
    for f, x0 in ((lambda x: np.sin(x) + np.abs(x - 0.3), 0.3), (lambda x: x * abs(x), 0.0)):
        assert "two sides of x0 do not join smoothly (a kink, or |z|): use Adaptive()" in jet(f, x0).message
    other = jet(
        lambda x: np.sin(x) if np.iscomplexobj(x) else np.sin(x) + 1e-3 * x, 0.3
    )  # smooth, but another function
    assert other.status[()] is Status.NOT_APPLICABLE
    assert "two sides" not in other.message


def test_analytic_around_the_point_is_enough():
    values, _ = coefficients(lambda x: np.sqrt(x * x), 0.3)
    assert values[1] == pytest.approx(1.0, abs=1e-14)
    values, _ = coefficients(lambda x: np.maximum(np.sin(x), 0), 1.0)
    assert values[1] == pytest.approx(math.cos(1), abs=1e-12)


@pytest.mark.parametrize("f", [lambda x: x * np.nan, lambda x: 1 / 0, lambda x: np.log(x - 2), lambda x: 1 / (x - 0.5)])
def test_not_finite(f):
    assert jet(f, 0.5).status[()] is Status.NOT_FINITE


@pytest.mark.parametrize("f", [lambda x: x * 1j, lambda x: x + 1j])
def test_complex_answers_for_real_numbers(f):
    with pytest.raises(BadFunction, match="complex"):
        jet(f, 0.5)


SMOOTH = [
    (np.sin, mp.sin),
    (lambda x: 1 / (1 + x * x), lambda x: 1 / (1 + x * x)),
    (lambda x: np.exp(-x) * np.sin(3 * x), lambda x: mp.exp(-x) * mp.sin(3 * x)),
    (lambda x: np.cos(20 * x), lambda x: mp.cos(20 * x)),
    (lambda x: 1 / (0.01 + x * x), lambda x: 1 / (mp.mpf(0.01) + x * x)),
]


def test_a_tiny_kink_is_refused_or_covered():
    refused = 0
    for f, g in SMOOTH:
        for x0 in (0.0, 0.3, -1.37):
            truth = [float(c) for c in mp.taylor(g, mp.mpf(x0), 8)]
            for size in 10.0 ** -np.arange(0, 15):
                for p in range(1, 6):
                    found = jet(lambda x, f=f, x0=x0, A=size, p=p: f(x) + A * abs(x - x0) * (x - x0) ** (p - 1), x0)
                    if found.status[()] is not Status.CONVERGED:
                        refused += 1
                        continue
                    for k in range(p + 1):
                        v, e = float(found.jet.values[k]) / SIZES[k], float(found.jet.errors[k]) / SIZES[k]
                        jump = size if k == p else 0.0  # the derivatives of order p from the two sides
                        assert abs(v - truth[k]) + jump <= e + 2e-16 * abs(truth[k]), (size, p, x0, k)
    assert refused >= 0.75 * 15 * 15 * 5


@pytest.mark.parametrize(
    "side",
    [
        lambda s, p: np.where(s.real > 0, s**p, 0 * s),
        lambda s, p: np.maximum(s, 0) ** p,
        lambda s, p: np.sqrt(s**2) * s ** (p - 1),
    ],
)
def test_one_side_alone_is_refused_or_covered(side):
    refused = 0
    for size in (1.0, 1e-3, 1e-6, 1e-9):
        for p in range(1, 6):
            found = jet(lambda x, A=size, p=p: np.sin(x) + A * side(x - 0.3, p), 0.3)
            if found.status[()] is not Status.CONVERGED:
                refused += 1
                continue
            for k in range(p + 1):
                v, e = float(found.jet.values[k]) / SIZES[k], float(found.jet.errors[k]) / SIZES[k]
                jump = size / 2 if k == p else 0.0
                assert abs(v - math.sin(0.3 + k * math.pi / 2) / SIZES[k]) <= e + 1e-16
                assert jump <= e or k < p
    assert refused >= 16


def test_noise_is_in_the_error():
    def hashed(x):
        q = np.sin(x.real * 1e5 + np.imag(x) * 3.3e5) * 43758.5453
        return q - np.floor(q) - 0.5

    for f, level in (
        (lambda x: np.round(np.sin(x), 6), 1e-6),
        (lambda x: np.sin(x) + 1e-8 * hashed(x), 1e-8),
        (lambda x: np.sin(x) + 1e-4 * hashed(x), 1e-4),
        (lambda x: (1e8 + np.sin(x)) - 1e8, 1e-8),
        (lambda x: np.sin(x.astype(np.complex64 if np.iscomplexobj(x) else np.float32)), 1e-7),
    ):
        for x0 in (0.0, 0.5, -2.0):
            found = jet(f, x0)
            if found.status[()] is not Status.CONVERGED:
                continue
            for k in range(9):
                truth = math.sin(x0 + k * math.pi / 2)
                assert abs(float(found.jet.values[k]) - truth) <= float(found.jet.errors[k]) + 1e-15
                assert float(found.jet.errors[k]) >= 1e-3 * level
    found = jet(lambda x: np.sin(x.astype(np.complex64)), 0.5)  # complex, with nothing imaginary
    assert found.status[()] is Status.CONVERGED
    assert 1e-8 < float(found.jet.errors[1]) < 1e-5


def test_scalar_code_answers_as_vectorised_code():
    def scalar(t):
        return cmath.exp(-t) * cmath.sin(3 * t)

    one, many = Function(scalar), Function(lambda t: np.exp(-t) * np.sin(3 * t))
    a, b = jet(one, 0.5), jet(many, 0.5)
    assert int(a.nfev) == one.nfev
    assert int(b.nfev) == many.nfev
    for v, w, e in zip(a.jet.values, b.jet.values, b.jet.errors, strict=True):
        assert abs(float(v) - float(w)) <= float(e)


def test_nfev_is_counted():
    count = 0

    def f(t):
        nonlocal count
        count += np.size(t)
        return np.exp(t)

    for x0 in (0.3, 0.0, [0.1, 0.2, 3.0]):
        count = 0
        assert int(np.sum(jet(f, x0).nfev)) == count


def test_arrays():
    x0 = np.array([[0.3, -1.0, 2.0], [0.5, np.nan, 1e-3]])
    found = jet(np.log, x0, ky.Polynomial(3))
    assert found.status.shape == x0.shape == found.jet.values[0].shape == found.nfev.shape
    assert found.status[0, 1] is found.status[1, 1] is Status.NOT_FINITE
    for i in ((0, 0), (0, 2), (1, 0), (1, 2)):
        assert found.status[i] is Status.CONVERGED
        alone = jet(np.log, x0[i], ky.Polynomial(3))
        for v, w, e in zip(found.jet.values, alone.jet.values, alone.jet.errors, strict=True):
            assert abs(v[i] - float(w)) <= float(e)
    assert np.isnan(found.jet.values[1][0, 1])


def test_one_call_a_stage():
    calls = 0

    def f(t):
        nonlocal calls
        calls += 1
        return np.exp(-t)

    found = jet(f, np.linspace(1, 2, 50))
    assert all(s is Status.CONVERGED for s in found.status)
    assert calls <= 5  # three circles, one node's mirror image, and the real points
    assert np.allclose(found.jet.values[3], -np.exp(-np.linspace(1, 2, 50)), rtol=1e-14)


def test_mixed_array():
    x0 = np.array([-0.5, 0.0, 0.5])
    found = jet(lambda x: np.where(x.real > 0, x**3, 0 * x), x0)
    assert [s is Status.CONVERGED for s in found.status] == [True, False, True]
    assert found.jet.values[2][2] == pytest.approx(3.0, abs=1e-11)


def test_no_points():
    assert jet(np.exp, np.empty(0)).status.shape == (0,)


def test_expressions():
    x = sp.Symbol("x")
    values, errors = coefficients(sp.sin(x) * sp.exp(x), 0.5)
    truth = sp.series(sp.sin(x) * sp.exp(x), x, sp.Rational(1, 2), 9).removeO()
    assert abs(values[3] - float(sp.diff(truth, x, 3).subs(x, sp.Rational(1, 2)) / 6)) <= errors[3]
    assert coefficients(sp.Integer(3), 0.5)[0][0] == 3
    assert "Abs" in Contour().why_not(Function(sp.Abs(x)), EIGHT, RULE)
    assert "Max" in Contour().why_not(Function(sp.Max(x, 1)), EIGHT, RULE)
    assert Contour().why_not(Function(sp.exp(x)), EIGHT, RULE) == ""


def test_why_not():
    assert "order" in Contour().why_not(Function(np.exp), ky.Polynomial(40), RULE)
    assert Contour().why_not(Function(np.exp), EIGHT, RULE) == ""
    assert repr(Contour()) == "Contour()"
    assert hash(Contour()) == hash(Contour())


def test_high_orders():
    found = jet(np.exp, 0.3, ky.Polynomial(20))
    for v, e in zip(found.jet.values, found.jet.errors, strict=True):
        assert abs(float(v) - math.exp(0.3)) <= float(e) <= 1e-9


def test_directions_and_sides():
    assert (float(jet(np.sin, 0.0).jet.left), float(jet(np.sin, 0.0).jet.right)) == (-1, 1)
    assert (float(jet(np.cos, 0.0).jet.left), float(jet(np.cos, 0.0).jet.right)) == (-1, -1)
    cube = jet(lambda x: (x - 0.5) ** 3 + 1, 0.5)
    assert (float(cube.jet.left), float(cube.jet.right)) == (-1, 1)
    flat = jet(lambda x: 3.0 + 0 * x, 0.5)
    assert (float(flat.jet.left), float(flat.jet.right)) == (0, 0)
    for side in ("right", "left"):
        assert float(jet(np.exp, 0.3, side=side).jet.values[1]) == float(jet(np.exp, 0.3).jet.values[1])


def test_deterministic():
    assert [float(v) for v in jet(np.exp, 0.3).jet.values] == [float(v) for v in jet(np.exp, 0.3).jet.values]


def test_circle_coefficients():
    x, r = np.array([0.5]), np.array([0.25])
    z = nodes(x, r, 18)
    circle = read(np.exp(z), z, x, r, 2.0**-52)
    truth = [math.exp(0.5) * 0.25**k / math.factorial(k) for k in range(9)]
    assert np.allclose(circle.a[0, :9], truth, rtol=0, atol=1e-15)
    assert np.allclose(circle.low(9)[0].astype(float), truth, rtol=0, atol=2e-16)
    assert not circle.bad[0]
    unit = table(48).unit
    assert np.allclose(np.abs(unit), 1, atol=2e-16)
    assert unit[0].imag > 0


@pytest.mark.parametrize(
    "f",
    [
        lambda t: t * t if abs(t) < 0.1 else 0 * t,
        lambda t: np.where(np.abs(t) < 0.2, np.sin(t), 0),
        lambda t: np.where(np.abs(t) < 1e-5, np.sin(t), 0),
    ],
)
def test_a_function_of_small_support_is_not_zero(f):
    result = ky.transform(f, 0.0, method=ky.Contour(), raises=False)
    assert result.status is ky.Status.NOT_APPLICABLE
