"""Orders that are hard to see: tiny and huge scales, exact zeros, logarithms, steps beyond the doubles, and time."""

from __future__ import annotations

import math
import pickle
import time

import numpy as np
import pytest
import sympy as sp

from kymath import Exponential, Linear, NotApplicable, NotFinite, Polynomial, compare, parse
from kymath.cli import main
from kymath.convergence import convergence
from kymath.fit import fitted_order, leading_coefficient
from kymath.methods.bounded import OutOfTime, bounded, time_left, within

x = sp.Symbol("x")
R = sp.Rational


# -- zeros are exact, or they are none --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "family", "order", "constant"),
    [
        (x + x**7, None, 6, (0, 1, 0)),
        (sp.exp(x) + x**7, Exponential(), 6, (2, -1, -2)),
        (sp.exp(x) + 1000000 * x**9, Exponential(), 8, (2e6, -1e6, -2e6)),
        (sp.exp(x) + 1000000 * x**9, None, 2, (1 / 24, 1 / 6, 0)),
        (sp.exp(x) / 10**20, None, 2, (1e-20 / 24, 1e-20 / 6, 0)),
        (sp.exp(x) / 10**40, None, 2, (1e-40 / 24, 1e-40 / 6, 0)),
        (sp.exp(x / 10**12), None, 2, (1e-48 / 24, 1e-36 / 6, 0)),
        (sp.exp(x * 10**30), None, 2, (1e120 / 24, 1e90 / 6, 0)),
    ],
)
def test_no_error_is_lost_beside_larger_numbers(f, family, order, constant):
    found = convergence(f, 0, family)
    assert found.order == pytest.approx(order, abs=1e-4)
    assert found.predicted_order == order
    assert found.constant == pytest.approx(constant, rel=1e-3)
    assert found.predicted_constant == pytest.approx(constant, rel=1e-9)
    assert found.note == ""


@pytest.mark.parametrize(
    "h", [[1e-12, 1e-13, 1e-14, 1e-31, 1e-32], [1e-29, 1e-30, 1e-31, 1e-32], [1e-150, 1e-151, 1e-152]]
)
def test_steps_as_small_as_one_likes(h):
    found = convergence(sp.exp(x), 0, Linear(), h=h)
    assert (found.order, found.constant[0]) == pytest.approx((1, 0.5), abs=1e-6)
    assert found.error[0] == pytest.approx(np.array(h) / 2, rel=1e-8)
    assert convergence(sp.exp(x), 0, h=h).order == pytest.approx(2, abs=1e-6)


def test_a_member_of_the_family_has_exact_zeros():
    found = convergence(sp.exp(x), 0, Exponential())
    assert not np.any(found.error)
    assert math.isnan(found.order)


def test_errors_below_the_doubles_are_no_zeros():
    found = convergence(sp.exp(x), 1, Polynomial(3), h=[1e-300, 1e-301, 1e-302])
    assert found.theta[-1] == pytest.approx(math.e)
    assert np.all(found.error[1] > 0)
    found = convergence(sp.exp(x), 1, h=[1e-200, 1e-201, 1e-202])
    assert math.isnan(found.order)
    assert "smaller than doubles" in found.note
    with pytest.raises(NotFinite, match="spacing of doubles"):
        convergence(np.exp, 1, h=[1e-300, 1e-301, 1e-302])


@pytest.mark.parametrize("n", [20, 40])
def test_high_degrees(n):
    found = convergence(sp.exp(x), 1, Polynomial(n))
    assert found.order == pytest.approx(2, abs=1e-4)
    assert found.predicted_constant == pytest.approx(found.constant, rel=1e-3)
    assert found.constant[0] > 0
    assert found.note == ""


# -- the scale of f ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("f", "x0"), [(sp.sin(x), 10**12), (np.sin, 1e12), (sp.sin(x), 10**20), (sp.sin(x), 0.3)])
def test_steps_follow_f_and_not_the_point(f, x0):
    found = convergence(f, x0)
    exact = sp.Integer(x0) if x0 > 1 else sp.Float(x0, 40)
    wanted = (float(sp.sin(exact).evalf(20)) / 24, -float(sp.cos(exact).evalf(20)) / 6, 0)
    assert found.order == pytest.approx(2, abs=1e-3)
    assert found.constant == pytest.approx(wanted, rel=1e-4)


def test_no_order_where_none_shows():
    found = convergence(np.sin, 1e15, Linear())
    assert math.isnan(found.order)
    assert found.note
    found = convergence(lambda t: t**3 * np.sin(1 / t) if t else 0.0, 0, Linear())
    assert math.isnan(found.order)
    assert "no single power" in found.note


@pytest.mark.parametrize(
    "f",
    [
        lambda t: t * t * math.log(abs(t)) if t else 0.0,
        sp.Piecewise((x**2 * sp.log(sp.Abs(x)), sp.Ne(x, 0)), (0, True)),
    ],
)
def test_a_logarithm_is_no_power(f):
    found = convergence(f, 0, Linear())
    assert math.isnan(found.order)
    assert math.isnan(found.constant[0])
    assert "logarithm" in found.note


def test_an_order_against_the_prediction_is_not_told():
    found = convergence(sp.sin(x) + 10**8 * x**5, 0, Linear(), h=[0.5, 0.4, 0.3, 0.2])
    assert math.isnan(found.order)
    assert "no single power" in found.note or "not like" in found.note


@pytest.mark.parametrize("size", [1e200, 1e-170, 1e-200, 1e-300])
@pytest.mark.parametrize(("family", "order"), [(Linear(), 1), (Polynomial(2), 2)])
def test_huge_and_tiny_functions(size, family, order):
    found = convergence(lambda t: size * np.exp(t), 0, family)
    assert found.order == pytest.approx(order, abs=1e-3)
    assert found.predicted_constant == pytest.approx(found.constant, rel=1e-3)
    assert np.all(found.norm > 0)


def test_beyond_the_doubles():
    with pytest.raises(NotApplicable, match="doubles"):
        convergence(sp.exp(x), 1, h=[10**400])
    with pytest.raises(NotApplicable, match="beyond them"):
        convergence(x**3, 10**400)
    with pytest.raises(NotFinite, match="Scale f"):
        convergence(sp.exp(x * 10**200), 0)
    with pytest.raises(NotFinite, match="Scale f"):
        convergence(x**2, 10**200)


# -- the fit -----------------------------------------------------------------------------------------------------------


def test_fit_tells_why_not():
    h = 0.5 ** np.arange(1, 30)
    assert fitted_order(h, 3 * h**2 + h**3).why == ""
    assert "do not fall" in fitted_order(h, 1 + 0 * h).why
    assert "drifts" in fitted_order(h, h * -np.log(h)).why
    assert "no single power" in fitted_order(h, h ** (1.5 + 0.4 * np.cos(np.arange(29)))).why
    assert leading_coefficient([1e-200, 1e-201, 1e-202], [3e-300, 3e-301, 3e-302], 1.0) == pytest.approx(3e-100)


# -- pickles and time --------------------------------------------------------------------------------------------------


def test_pickles():
    for f in (sp.exp(x), np.exp):
        found = convergence(f, 0.0)
        assert pickle.loads(pickle.dumps(found)).order == found.order
        rows = compare(f, 0.0)
        assert repr(pickle.loads(pickle.dumps(rows))) == repr(rows)


def test_one_budget_for_all_that_is_bounded():
    assert time_left() == math.inf
    with within(0.3):
        began = time.monotonic()
        for _ in range(3):
            with pytest.raises(OutOfTime):
                bounded(lambda: bounded(lambda: time.sleep(0.01) or [0 for _ in iter(int, 1)], 50.0), 50.0)
        assert time.monotonic() - began < 5
    assert bounded(lambda: 1, 1.0) == 1


@pytest.mark.parametrize("text", ["x**x**x", "exp(sin(x)**2)*besselj(0,x)/(1+x**2)"])
def test_comparison_in_bounded_time(text):
    began = time.monotonic()
    found = compare(parse(text), R(4, 3))
    assert found[0].success
    assert time.monotonic() - began < 60  # some 20 on an idle machine


@pytest.mark.parametrize(
    "words",
    [
        "convergence exp(x) --at 0 --h 1e400",
        "convergence exp(x) --at 0 --h 1e-400",
        "convergence x**3 --at 1e400",
        "transform exp(x) --at 0 --formula A*exp(s*B)+s --parameters A,B --start 1e999,1",
        "transform exp(x) --at 0 --nodes 0,1,1e400",
        "transform exp(x) --at 0 --family exponential --rule smallest-rate --bound 1e400",
        "compare x**3 --at 1 --family trigonometric --omega 1e400",
        "convergence exp(x) --at 0 --h log(-1)",
    ],
)
def test_command_refuses_what_no_double_holds(words, capsys):
    assert main(words.split()) == 2
    err = capsys.readouterr().err
    assert "internal" not in err
    assert err.startswith("kymath: ")
