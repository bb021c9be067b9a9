"""Adaptive: as many digits as real values hold, kinks and noise told apart, very many points at once."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

import kymath as ky
from kymath.function import Function
from kymath.methods.chebyshev import smooth_jet

STEPS = ky.Adaptive()

SMOOTH = [  # NumPy code, mpmath code, x0
    (np.exp, mp.exp, 0.3),
    (np.sin, mp.sin, 1e4),
    (np.tanh, mp.tanh, -0.8),
    (lambda t: 1 / (1 + t * t), lambda t: 1 / (1 + t * t), 0.6),
    (lambda t: np.exp(np.sin(3 * t)), lambda t: mp.exp(mp.sin(3 * t)), 0.25),
    (np.log, mp.log, 2e-4),
    (np.sqrt, mp.sqrt, 40.0),
    (lambda t: 1 / t, lambda t: 1 / t, 0.07),
    (lambda t: np.cos(1e6 * t), lambda t: mp.cos(10**6 * t), 4e-7),
    (lambda t: np.exp(-((1e3 * t) ** 2)), lambda t: mp.exp(-((1000 * t) ** 2)), 6e-4),
    (lambda t: np.sin(t) + 1e5, lambda t: mp.sin(t) + 10**5, 0.4),
    (lambda t: np.arctan(20 * t), lambda t: mp.atan(20 * t), 0.03),
    (lambda t: np.sin(1e-3 * t), lambda t: mp.sin(t / 1000), 10.0),
]


def truths(code, x0, order):
    with mp.workdps(60):
        return [float(c) for c in mp.taylor(code, mp.mpf(x0), order)]


class Counted:
    def __init__(self, f):
        self.f, self.points = f, 0

    def __call__(self, t):
        self.points += np.size(t)
        return self.f(t)


def test_digits_evaluations_and_errors_on_smooth_functions():
    digits, spent = [], []
    for code, precise, x0 in SMOOTH:
        f = Counted(code)
        result = ky.transform(f, x0, ky.Polynomial(8), method=STEPS)
        truth = truths(precise, x0, 8)[::-1]
        spent.append(result.nfev)
        assert result.nfev == f.points
        for value, error, wanted in zip(result.theta, result.error, truth, strict=True):
            assert abs(value - wanted) <= error
        off = [abs(result.coefficient(n) / truth[8 - n] - 1) for n in (1, 2, 4, 8)]
        digits.append([min(-math.log10(max(e, 1e-17)), 16) for e in off])
    assert np.median(spent) <= 60
    assert np.all(np.median(digits, axis=0) >= (14.3, 12.9, 10.3, 6.3))  # a little less than is reached


def test_scalars_and_arrays_of_one_function_tell_the_same():
    whole = ky.transform(lambda t: np.exp(np.sin(3 * t)), 0.25, ky.Polynomial(6), method=STEPS)
    alone = ky.transform(lambda t: math.exp(math.sin(3 * t)), 0.25, ky.Polynomial(6), method=STEPS)
    again = ky.transform(lambda t: np.exp(np.sin(3 * t)), 0.25, ky.Polynomial(6), method=STEPS)
    assert whole.theta == again.theta
    assert whole.error == again.error
    for a, b, e in zip(whole.theta, alone.theta, whole.error, strict=True):
        assert abs(a - b) <= 0.5 * e
    assert alone.nfev == whole.nfev


@pytest.mark.parametrize("p", range(1, 6))
@pytest.mark.parametrize("size", [1.0, 1e-2, 1e-4, 1e-6, 1e-9])
@pytest.mark.parametrize("method", [STEPS, None], ids=["adaptive", "none"])
def test_a_kink_at_x0_is_refused_or_covered(p, size, method):
    """f smooth plus A|s|s^(p−1): p-th derivatives jump, all others are those of the smooth part."""
    for code, precise, x0 in [*SMOOTH[2:5], (np.cos, mp.cos, -1.1)]:

        def kinked(t, code=code, x0=x0):
            return code(t) + size * np.abs(t - x0) * (t - x0) ** (p - 1)

        for order in (2, 4):
            result = ky.transform(kinked, x0, ky.Polynomial(order), method=method, raises=False)
            if not result.success:
                assert result.status in (ky.Status.NO_LIMIT, ky.Status.NOT_REACHED)
                continue
            truth = truths(precise, x0, order)
            for n in range(order + 1):
                beside = (truth[n] - size, truth[n] + size) if n == p else (truth[n],)
                error = result.error[order - n]
                assert all(abs(result.coefficient(n) - one) <= error + 2e-16 * abs(one) for one in beside)


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("size", [1e-1, 1e-3, 1e-5])
def test_a_kink_well_above_the_noise_is_named(p, size):
    def kinked(t):
        return np.cos(t) + size * np.abs(t - 0.3) * (t - 0.3) ** (p - 1)

    with pytest.raises(ky.NoLimit) as caught:
        ky.transform(kinked, 0.3, ky.Polynomial(3), method=STEPS)
    left, right = caught.value.left, caught.value.right
    jump = right.coefficient(p) - left.coefficient(p)
    assert abs(jump - 2 * size) <= left.error[3 - p] + right.error[3 - p]
    assert np.isclose(jump, 2 * size, rtol=1e-2)


def test_smooth_functions_are_not_called_kinked():
    rng = np.random.default_rng(7)
    for code, _, x0 in SMOOTH:
        for point in x0 * (1 + 0.3 * rng.uniform(-1, 1, 8)):
            for order in (2, 5, 8):
                found = smooth_jet(Function(code), np.array([point]), order)
                assert not (found.ok[0] and found.p[0] >= 0)


def hashed(t):
    """A standard normal number for each double, the same one always."""
    bits = np.atleast_1d(np.asarray(t, dtype=float)).view(np.uint64)
    with np.errstate(over="ignore"):
        parts = []
        for odd in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9):
            mixed = (bits ^ (bits >> np.uint64(30))) * np.uint64(odd)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            parts.append(((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(float) / 2.0**53)
    return np.sqrt(-2 * np.log(parts[0] + 1e-300)) * np.cos(2 * np.pi * parts[1])


@pytest.mark.parametrize("x0", [0.5, 0.9, 1.2])
@pytest.mark.parametrize(
    ("name", "f", "wanted"),
    [
        ("rounded", lambda t: np.round(np.sin(t), 6), 1e-4),
        ("float32", lambda t: np.sin(np.asarray(t, dtype=np.float32)), 1e-4),
        ("1e-8", lambda t: np.sin(t) + 1e-8 * hashed(t).reshape(np.shape(t)), 1e-4),
        ("1e-4", lambda t: np.sin(t) + 1e-4 * hashed(t).reshape(np.shape(t)), 2e-2),
    ],
)
def test_under_noise_the_trend_is_told_with_its_error(name, f, wanted, x0):
    result = ky.transform(f, x0, ky.Polynomial(2), method=STEPS)
    assert abs(result.a1 - math.cos(x0)) <= result.errors["a1"] <= wanted
    assert abs(result.a2 + math.sin(x0) / 2) <= result.errors["a2"]


def test_very_many_points_are_as_good_as_one():
    rng = np.random.default_rng(3)
    x = rng.uniform(0.1, 3, 20000)
    for f, slope in ((lambda t: np.exp(np.sin(3 * t)), lambda t: 3 * np.cos(3 * t) * np.exp(np.sin(3 * t))),
                     (np.log, lambda t: 1 / t)):  # fmt: skip
        f = Counted(f)
        result = ky.transform(f, x, ky.Polynomial(2), method=STEPS)
        assert result.success.all()
        assert f.points == result.nfev.sum() <= 12 * x.size
        truth = slope(x.astype(np.longdouble))
        assert np.all(np.abs(result.a1 - truth) <= result.errors["a1"])
        assert np.median(np.abs(result.a1 / truth - 1)) < 1e-12
        for k in (0, 777):
            one = ky.transform(f.f, float(x[k]), ky.Polynomial(2), method=STEPS)
            assert abs(one.a2 - result.a2[k]) <= one.errors["a2"] + result.errors["a2"][k]


def test_among_many_points_each_kink_and_hole_is_found():
    x = np.linspace(-2, 2, 4001)  # 0 is one of them
    result = ky.transform(np.abs, x, ky.Polynomial(2), method=STEPS)
    assert result.status[2000] is ky.Status.NO_LIMIT
    assert np.array_equal(np.delete(result.a1, 2000), np.delete(np.sign(x), 2000)) or np.allclose(
        np.delete(result.a1, 2000), np.delete(np.sign(x), 2000), atol=1e-12
    )
    roots = ky.transform(np.sqrt, x, ky.Polynomial(1), method=STEPS)
    assert not roots.success[x <= 0].any()
    assert roots.success[x > 1e-3].all()
    assert np.allclose(roots.a1[x > 0.1], 0.5 / np.sqrt(x[x > 0.1]), rtol=1e-11)
    flat = ky.transform(lambda t: np.maximum(t, 0.0) * 0 + 3.0, x, ky.Polynomial(2), method=STEPS)
    assert flat.success.all()
    assert not flat.a1.any()


def test_many_points_over_many_magnitudes():
    x = np.geomspace(1e-6, 1e6, 5000)
    result = ky.transform(np.log, x, ky.Polynomial(2), method=STEPS)
    assert result.success.all()
    assert np.allclose(result.a1 * x, 1, rtol=1e-10)
    assert np.all(np.abs(result.a1 - 1 / x) <= result.errors["a1"])


def test_the_step_is_public():
    h, accuracy, noise = STEPS.choose_step(np.sin, 1e4)
    assert 0.1 < h < 30  # not 1e4
    assert abs(math.cos(1e4) - ky.transform(np.sin, 1e4, ky.Linear(), method=STEPS).a) <= accuracy < 1e-9
    assert 1e-14 < noise < 1e-11  # of the argument's rounding
    h, accuracy, noise = STEPS.choose_step(lambda t: np.round(np.sin(t), 6), 0.5)
    assert 1e-7 < noise < 1e-6
    three = STEPS.choose_step(np.exp, np.array([0.0, 1.0, 2.0]), order=3)
    assert three.h.shape == (3,)
    with pytest.raises(ky.NoLimit):
        STEPS.choose_step(np.abs, 0.0)
    with pytest.raises(ky.NotApplicable, match="from 1 to 20"):
        STEPS.choose_step(np.exp, 0.0, order=0)


@pytest.mark.parametrize("x", [0.0, 0.3, -1.7, 1e-300, 123456.7])
def test_one_point_is_told_what_many_are(x):
    """A number goes through the same arithmetic as an array."""
    for f in (lambda t: np.exp(np.sin(3 * t)), lambda t: np.sin(t) + 1e-3 * np.abs(t), lambda t: t**3 - 2 * t, np.sqrt):
        one = ky.transform(f, x, ky.Polynomial(4), method=ky.Adaptive(), raises=False)
        many = ky.transform(f, np.array([x, x]), ky.Polynomial(4), method=ky.Adaptive(), raises=False)
        assert many.status[1] is one.status
        for single, row, error in zip(one.theta, many.theta, many.error, strict=True):
            assert (math.isnan(single) and math.isnan(row[1])) or abs(single - row[1]) <= error[1]


def odd_power(t, p):
    return np.sign(t) * np.abs(t) ** p


def at_zero(f):
    """f with 0 for its value at 0, where it is not defined."""
    return lambda t: np.where(t == 0, 0.0, f(np.where(t == 0, 1.0, t)))


ROUGH = [  # each once got a number, with an error that looked sure
    (lambda t: math.sin(5 * t) + 0.01 * abs(t) ** 0.5, 0.0, 1),  # the cusp is even, the slope odd
    (lambda t: np.exp(t) + 0.01 * np.abs(t - 1) ** 0.9, 1.0, 1),
    (lambda t: np.sin(5 * t) + 0.1 * odd_power(t - 1, 1.5), 1.0, 2),
    (at_zero(lambda t: np.exp(t) - 1 + 1e-3 * t * np.sin(2 * np.pi * np.log2(np.abs(t)))), 0.0, 1),  # in step with 2^−k
    (at_zero(lambda t: t * (1 + 0.3 * np.sin(2 * np.pi * np.log2(np.abs(t))))), 0.0, 1),
    (lambda t: np.sin(t) + 1e-3 * (t == 0.3), 0.3, 1),  # f(x0) alone is elsewhere
    (lambda t: np.cos(t) + 1e-9 * (t == 0), 0.0, 1),
    (lambda t: t * np.abs(t) ** 1e-3, 0.0, 1),
    (at_zero(lambda t: np.exp(t) - 1 + 1e-3 * t * np.log(np.abs(t))), 0.0, 1),
    (lambda t: np.round(np.exp(t), 3), 0.3, 1),  # flat beside x0, and yet not
    (lambda t: np.sin(t) + 1e-6 * np.sign(t - 0.7), 0.7, 1),
    (lambda t: np.sin(t) + 1e-8 * np.sign(t - 0.7), 0.7, 2),
    (lambda t: np.sin(t) + 1e-12 * (t > 0.3), 0.3, 1),
]


@pytest.mark.parametrize(("f", "x0", "order"), ROUGH)
def test_no_number_where_there_is_no_derivative(f, x0, order):
    assert not ky.transform(f, x0, ky.Polynomial(order), method=STEPS, raises=False).success


@pytest.mark.parametrize("size", [1e-9, 1e-7, 1e-5])
@pytest.mark.parametrize("pace", [11.2, 19.8, 32.0, 76.7])
def test_a_small_fast_wave_is_no_noise(size, pace):
    for x0 in (-2.2, -1.553, 0.4, 1.9):
        for order in (1, 4, 8):
            result = ky.transform(
                lambda t: np.exp(-t) + size * np.cos(pace * t), x0, ky.Polynomial(order), method=STEPS, raises=False
            )
            if result.success:
                with mp.workdps(40):
                    truth = mp.taylor(lambda t: mp.exp(-t) + mp.mpf(size) * mp.cos(mp.mpf(pace) * t), mp.mpf(x0), order)
                for n in range(order + 1):
                    assert abs(result.coefficient(n) - float(truth[n])) <= result.error[order - n]


@pytest.mark.parametrize("x0", [1e-5, 1e-12, 1e-20, -1e-45, 1e-300])
def test_a_point_beside_zero_says_nothing_of_the_scale(x0):
    result = ky.transform(math.exp, x0, ky.Polynomial(2), method=STEPS)
    assert abs(result.a1 - 1) <= max(2e-5, result.errors["a1"])
    assert result.errors["a1"] < 1e-10


def test_cubics_keep_their_slope():
    rng = np.random.default_rng(2)
    for _ in range(40):
        k = rng.normal(size=4)
        x0 = float(rng.uniform(-2, 2))
        result = ky.transform(
            lambda t, k=k: float(k[0] + k[1] * t + k[2] * t * t + k[3] * t**3), x0, ky.Polynomial(2), method=STEPS
        )
        assert abs(result.a1 - (k[1] + 2 * k[2] * x0 + 3 * k[3] * x0**2)) <= result.errors["a1"] < 1e-10


def test_no_phantom_kinks_in_cosines():
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        a, phase, level, x0 = rng.uniform(0.5, 5), rng.uniform(0, 6), rng.uniform(-3, 3), float(rng.uniform(-2, 2))
        result = ky.transform(lambda t: a * math.cos(t + phase) + level, x0, method=STEPS, raises=False)  # noqa: B023
        refused += not result.success
    assert refused <= 1


@pytest.mark.parametrize("side", ["both", "left", "right"])
@pytest.mark.parametrize("x0", [488729845009.0127, 1591840819974.0312, -3.3e9 + 0.25])
@pytest.mark.parametrize("f", [np.floor, np.round])
def test_a_staircase_far_from_zero_has_no_slope_of_one(f, x0, side):
    """From afar floor is the identity, and whole steps see nothing else."""
    result = ky.transform(f, x0, ky.Linear(), method=ky.Adaptive(), side=side, raises=False)
    assert not result.success or result.a == 0


@pytest.mark.parametrize(
    ("f", "truth"),
    [
        (lambda t: math.exp(t) - 2 + math.cos(t), lambda t: mp.exp(t) - 2 + mp.cos(t)),
        (lambda t: 1 - math.cos(t), lambda t: 1 - mp.cos(t)),
        (lambda t: math.sin(t) - t, lambda t: mp.sin(t) - t),
    ],
)
def test_the_error_of_the_value_holds_what_cancels_inside_f(f, truth):
    for x in np.random.default_rng(3).uniform(-0.2, 0.2, 40):
        result = ky.transform(f, float(x), ky.Polynomial(3), method=ky.Adaptive(), raises=False)
        with mp.workdps(40):
            assert not result.success or abs(truth(mp.mpf(float(x))) - mp.mpf(result.a0)) <= 1.2 * result.error[-1]
