"""ky.compare: it names the family that f belongs to, says undecided where it cannot, and never raises for a family."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp

from kymath import (
    Adaptive,
    BadFunction,
    Certified,
    Contour,
    Exponential,
    Family,
    Harmonic,
    KYTransform,
    Linear,
    NotApplicable,
    Polynomial,
    Status,
    Trigonometric,
    transform,
)
from kymath.compare import DEFAULT, FACTOR, compare
from kymath.function import Function

x = sp.Symbol("x")
R = sp.Rational
RNG = 20250801


def rationals(rng, count, low=-3, high=3):
    """Random fractions, none of them 0."""
    return [R(int(n), 7) for n in rng.choice([k for k in range(7 * low, 7 * high + 1) if k], count)]


MEMBERS = {  # family -> a member of it that is no member of a smaller one
    Linear(): lambda a, b, c, d, s: a * s + b,
    Polynomial(2): lambda a, b, c, d, s: a * s**2 + b * s + c,
    Polynomial(3): lambda a, b, c, d, s: a * s**3 + b * s**2 + c * s + d,
    Exponential(): lambda a, b, c, d, s: a * sp.exp(b * s) + c,
    Trigonometric(): lambda a, b, c, d, s: a * sp.cos(s) + b * sp.sin(s) + c,
    Harmonic(offset=False): lambda a, b, c, d, s: a * sp.cos((1 + abs(b)) * s + c),
    Harmonic(): lambda a, b, c, d, s: a * sp.cos((1 + abs(b)) * s + c) + d,
}


@pytest.mark.parametrize("family", MEMBERS, ids=repr)
@pytest.mark.parametrize("seed", range(2))
def test_members_are_recognised_exactly(family, seed):
    rng = np.random.default_rng([RNG, seed])
    *numbers, x0 = rationals(rng, 5)
    found = compare(MEMBERS[family](*numbers, x), x0)
    assert found.best is not None, found
    assert found.best.family == family
    assert (found.best.defect, found.best.error, found.best.contact) == (0.0, 0.0, 6)
    assert found.best is found[0]
    assert "exactly" in found.best.reason
    assert found.best.result.exact
    wanted = transform(MEMBERS[family](*numbers, x), x0, family).theta
    assert [float(c) for c in found.best.result.theta] == pytest.approx([float(c) for c in wanted])


@pytest.mark.parametrize("family", MEMBERS, ids=repr)
@pytest.mark.parametrize("seed", range(12))
def test_members_are_recognised_in_numbers(family, seed):
    rng = np.random.default_rng([RNG, seed])
    numbers = rng.uniform(0.3, 3, 4) * rng.choice([-1, 1], 4) * 10.0 ** rng.integers(-3, 4, 4) ** np.array([1, 0, 1, 1])
    numbers[2:] *= abs(numbers[0]) / np.max(np.abs(numbers[2:])) if family == Exponential() else 1
    f = sp.lambdify(x, MEMBERS[family](*numbers, x), "numpy")
    x0 = float(rng.uniform(-2, 2))
    found = compare(f, x0)
    assert found.best is not None, found
    assert found.best.family == family
    assert found.best.defect <= found.best.error <= 1e-6
    assert found.best.contact == 6


@pytest.mark.parametrize("family", [Exponential(), Trigonometric(), Harmonic(offset=False), Harmonic()], ids=repr)
@pytest.mark.parametrize("seed", range(4))
def test_real_values_alone_never_give_a_wrong_family(family, seed):
    rng = np.random.default_rng([RNG, seed])
    numbers = rng.uniform(0.5, 2, 4) * rng.choice([-1, 1], 4)
    g = sp.lambdify(x, MEMBERS[family](*numbers, x), "math")
    found = compare(lambda t: g(float(t)), float(rng.uniform(-1, 1)))
    assert found.rows[0].result.method == "adaptive"
    assert found.best is None or found.best.family == family


def test_a_float_point_of_an_expression():
    found = compare(2 * sp.exp(x) + 1, 0.3)
    assert found.best.family == Exponential()
    assert 0 <= found.best.defect <= found.best.error < 1e-12


# -- the order of the rows -------------------------------------------------------------------------------------------


def test_rows_best_first_and_the_defect_as_defined():
    found = compare(x**3, 1)
    assert [row.family for row in found[:5]] == [
        Polynomial(3), Polynomial(2), Trigonometric(), Exponential(), Linear(),
    ]  # fmt: skip
    assert {row.family for row in found} == set(DEFAULT)
    # c = 3, 3, 1: the length is where L³ is a tenth of 3 L + 3 L²
    length = (0.3 + math.sqrt(0.09 + 4 * 0.3)) / 2
    assert found.length == pytest.approx(length)
    size = 3 * length + 3 * length**2 + length**3
    by = {row.family: row for row in found}
    assert by[Polynomial(2)].defect == pytest.approx(length**3 / size)
    assert by[Linear()].defect == pytest.approx((3 * length**2 + length**3) / size)
    gaps = [6 - 12, -24, -48, -96]  # f‴ … of x³ less those of 3/2 exp(2 s) − 1/2
    wanted = sum(abs(g) * length**k / math.factorial(k) for k, g in enumerate(gaps, 3)) / size
    assert by[Exponential()].defect == pytest.approx(wanted)
    assert [by[f].contact for f in (Linear(), Polynomial(2), Exponential())] == [1, 2, 2]
    assert found.best.result.theta == (1, 3, 3, 1)


@pytest.mark.parametrize(("stretch", "height", "lift"), [(100, 1, 0), (R(1, 9), 7, 3), (1, R(1, 1000), -50)])
def test_units_play_no_part(stretch, height, lift):
    f = sp.exp(-x) / (1 + x)
    families = [Linear(), Polynomial(2), Polynomial(3), Exponential()]
    plain = compare(f, R(1, 2), families)
    other = compare(height * f.subs(x, x / stretch) + lift, stretch * R(1, 2), families)
    assert [row.family for row in other] == [row.family for row in plain]
    assert [row.defect for row in other] == pytest.approx([row.defect for row in plain])
    assert other.length == pytest.approx(stretch * plain.length)


def test_among_equals_the_fewest_parameters_then_the_first():
    found = compare(2 * x + 1, 0)
    assert [row.family for row in found[:3]] == [Linear(), Polynomial(2), Polynomial(3)]
    assert found.best.family == Linear()
    assert "fewest parameters" in found.verdict
    assert "the same curve as Linear(), with more" in found[1].reason
    both = [Trigonometric(), Harmonic(offset=False)]
    assert compare(sp.cos(x), 1, both).best.family == both[0]
    assert compare(sp.cos(x), 1, both[::-1]).best.family == both[1]
    assert compare(sp.exp(-(x**2)), 0, [Polynomial(3), Polynomial(2)]).best.family == Polynomial(2)  # not f, but equal


def test_accidents_of_one_order_are_seen_through():
    found = compare(sp.sin(x), 0, [Linear(), Polynomial(2)])  # f″ = 0, and f is no line
    assert found[0].contact == 2
    assert found[0].defect > 0.1
    found = compare(x**9 + sp.exp(x), 0)  # beyond the orders looked at
    assert found.best.contact == found.order == 6


def test_constants_and_lone_powers():
    assert compare(sp.Integer(7), 0).best.family == Linear()
    assert compare(lambda t: 7.0, 1.5).best.family == Linear()
    assert compare(lambda t: 0.0, 0.0).best.family == Linear()
    found = compare(x**4, 0)
    assert found.best is None
    assert "no family follows f" in found.verdict
    assert found.length == 1


def test_choices_are_borne_out_by_the_values_of_f():
    """Where a family is named, its curve is the nearest to f within the length, or one as near."""
    rng = np.random.default_rng(RNG)
    functions = [
        np.tanh,
        lambda t: np.exp(-t) * np.sin(3 * t),
        lambda t: np.log(3 + t),
        lambda t: t * np.exp(-t),
        lambda t: np.exp(np.sin(t)),
        lambda t: np.exp(-t) + np.exp(-3 * t),
        lambda t: np.exp(-t * t),
    ]
    decided = 0
    for f in functions:
        for x0 in rng.uniform(-1.5, 1.5, 6):
            found = compare(f, float(x0))
            if found.best is None:
                continue
            decided += 1
            t = x0 + np.linspace(-found.length, found.length, 101)
            errors = {row.family: np.max(np.abs(row.result(t) - f(t))) for row in found if row.success}
            assert errors[found.best.family] <= 1.5 * min(errors.values()), (x0, found)
    assert decided >= 5


# -- undecided, and failures -----------------------------------------------------------------------------------------


def test_alike_is_undecided():
    found = compare(x**x, 1)
    assert found.best is None
    assert found.verdict.startswith("undecided: Exponential() (0.056) and Polynomial(3) (0.091)")
    assert found[1].defect < FACTOR * found[0].defect
    assert found[0].success


@pytest.mark.parametrize("level", [1e-12, 1e-9, 1e-6, 1e-3])
@pytest.mark.parametrize("seed", range(2))
def test_noise_makes_it_undecided_not_wrong(level, seed):
    rng = np.random.default_rng([RNG, seed])
    x0 = float(rng.uniform(-1, 1))
    for g, family in (
        (lambda t: math.exp(0.8 * t) + 0.3, Exponential()),
        (lambda t: math.cos(2 * t + 0.3) + 0.2, Harmonic()),
        (lambda t: t * t - t, Polynomial(2)),
    ):
        found = compare(lambda t, g=g: g(t) + level * rng.standard_normal(), x0)
        assert found.best is None or found.best.family == family
        assert found.best is not None or found.verdict.startswith("undecided: ")
        for row in found:
            if row.family == family and row.success and not math.isnan(row.defect):
                assert row.defect <= row.error


@pytest.mark.parametrize(
    ("f", "x0", "status"),
    [
        (sp.Abs(x), 0, Status.NO_LIMIT),
        (sp.sqrt(x), 0, Status.NOT_FINITE),
        (sp.log(x), 0, Status.NOT_FINITE),
        (lambda t: 1 / t, 0.0, Status.NOT_FINITE),
        (np.abs, 0.0, Status.NO_LIMIT),
    ],
)
def test_where_nothing_applies(f, x0, status):
    found = compare(f, x0)
    assert found.best is None
    assert len(found) == len(DEFAULT)
    assert "no family applies" in found.verdict
    for row in found:
        assert not row.success
        assert row.result.status is status
        assert row.reason
        assert (row.contact, math.isnan(row.defect)) == (None, True)
    assert repr(found)


def test_families_that_do_not_apply_come_last_with_the_reason():
    found = compare(sp.sin(x), 0)
    failed = [row for row in found if not row.success]
    assert failed == list(found[-len(failed) :])
    assert {row.family for row in failed} == {Exponential(), Harmonic(offset=False)}
    by = {row.family: row for row in failed}
    assert by[Exponential()].result.status is Status.NO_CONTACT
    assert "Use Linear() there" in by[Exponential()].reason
    assert by[Harmonic(offset=False)].result.status is Status.NOT_UNIQUE
    assert all(isinstance(row.result, KYTransform) for row in found)


def test_too_few_derivatives_are_undecided():
    found = compare(sp.Abs(x) ** R(5, 2) + x, 0)
    assert found.best is None
    assert found.order == 2
    by = {row.family: row for row in found}
    assert (by[Linear()].contact, by[Linear()].defect) == (2, 0)
    assert math.isnan(by[Polynomial(2)].defect)
    assert not by[Polynomial(3)].success
    assert "too few" in found.verdict


def test_one_side():
    found = compare(sp.Abs(x) * sp.exp(x), 0, side="left")
    assert found.side == "left"
    assert found.best is None or found.best.result.side == "left"
    assert found[0].success
    assert compare(sp.Piecewise((sp.exp(2 * x), x >= 0), (0, True)), 0, side="right").best.family == Exponential()


# -- what is asked -----------------------------------------------------------------------------------------------------


def test_f_is_read_once_for_all_families():
    calls = []

    def f(t):
        calls.append(np.size(t))
        return np.exp(t) + 1

    found = compare(f, 0.5)
    seen = sum(calls)
    one = Function(lambda t: np.exp(t) + 1)
    transform(one, 0.5, Polynomial(6))
    assert found.nfev == one.nfev
    compare(f, 0.5, [Exponential()])
    assert sum(calls) == 2 * seen


@pytest.mark.parametrize("method", [Adaptive(), Contour(), Certified()], ids=repr)
def test_methods(method):
    if isinstance(method, Certified):
        pytest.importorskip("flint")
    found = compare(lambda t: 3 * np.exp(-2 * t) + 1, 0.2, method=method)
    assert found.best.family == Exponential()
    assert found.best.result.method == method.name
    assert not found.best.result.bound  # the derivatives are bounded; θ was made of them in doubles


def test_own_families():
    decay = Family("A*exp(-s/tau)", "A tau")
    for f, x0 in ((3 * sp.exp(-x / 2), 1), (lambda t: 3 * np.exp(-t / 2), 1.0)):
        found = compare(f, x0, [Exponential(), decay, Linear()])
        assert found.best.family == decay  # one parameter less
        assert "the same curve" in found[1].reason
    assert compare(x**5, 1, [Polynomial(4), Polynomial(5)]).best.family == Polynomial(5)
    assert compare(x**5, 1, [Polynomial(5), Polynomial(7)]).order == 10
    alone = compare(sp.exp(x), 0, Exponential())
    assert len(alone) == 1
    assert alone.best.family == Exponential()
    assert len(compare(x, 0, [Linear(), Linear()])) == 1


def test_refused():
    with pytest.raises(NotApplicable, match="one point"):
        compare(x**2, np.array([1.0, 2.0]))
    with pytest.raises(NotApplicable, match="one point"):
        compare(x**2, sp.Symbol("a"))
    with pytest.raises(NotApplicable, match="empty"):
        compare(x**2, 1, [])
    for families in ("linear", [Linear, Polynomial(2)], [3], 3):
        with pytest.raises(NotApplicable, match="families must be"):
            compare(x**2, 1, families)
    with pytest.raises(NotApplicable, match="side"):
        compare(x**2, 1, side="up")
    with pytest.raises(BadFunction):
        compare(lambda t: None, 1.0)
    with pytest.raises(BadFunction):
        compare("x**2", 1)


# -- the command line --------------------------------------------------------------------------------------------------


def test_special_functions():
    assert compare(sp.besselj(0, x), 1).verdict
    assert compare(sp.gamma(x), 2).verdict
