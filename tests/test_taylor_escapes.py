"""Taylor on code that leaves the jet behind, and on points and numbers out of the ordinary."""

import math

import numpy as np
import pytest
import scipy.special as sc
from jets import FUNCTIONS, jet, values

import kymath as ky
from kymath.errors import Status
from kymath.function import Function
from kymath.methods.taylor import Escaped, Taylor

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
