"""Every case × family × rule: symbolic answers exact, numerical ones within their own error."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from cases import CASES, FAMILIES, PAIRS, RULES
from oracle import Fails, expected

import kymath as ky

SIDED = ("smallest-rate", "smallest-frequency")


def questions():
    for case in CASES:
        for point in case.points:
            for family, rule in PAIRS:
                sides = ("both", "right", "left") if rule[0] in SIDED else ("both",)
                for side in sides:
                    yield pytest.param(
                        case, point, family, rule, side, id=f"{case.name}@{point}-{family[0]}-{rule[0]}-{side}"
                    )


def oracle(case, point, family, rule, side):
    with mp.workdps(60):
        return expected(case.mp, mp.mpf(point.p) / point.q, family, rule, side)


def answers(arguments, case, point, family, rule, side):
    """The transform's and the oracle's; None where the oracle says that there is none, and the transform the same."""
    try:
        theta = oracle(case, point, family, rule, side)
    except Fails as failure:
        with pytest.raises(getattr(ky, str(failure))):
            ky.transform(*arguments, side=side)
        return None
    return ky.transform(*arguments, side=side), theta


@pytest.mark.parametrize(("case", "point", "family", "rule", "side"), list(questions()))
def test_symbolic_is_exact(case, point, family, rule, side):
    arguments = (case.expression, point, FAMILIES[family], RULES[rule], ky.Symbolic())
    if (both := answers(arguments, case, point, family, rule, side)) is None:
        return
    result, theta = both
    assert result.exact
    assert result.error == (0,) * len(theta)
    with mp.workdps(40):
        for got, want in zip(result.theta, theta, strict=True):
            assert not got.has(sp.Float)
            assert abs(mp.mpf(str(sp.N(got, 40))) - want) <= mp.mpf(10) ** -25 * (1 + abs(want))


@pytest.mark.parametrize(("case", "point", "family", "rule", "side"), list(questions()))
@pytest.mark.parametrize("form", ["float", "callable"])
def test_numbers_are_within_their_error(case, point, family, rule, side, form):
    f = case.expression if form == "float" else case.callable
    arguments = (f, float(point), FAMILIES[family], RULES[rule])
    if (both := answers(arguments, case, point, family, rule, side)) is None:
        return
    result, theta = both
    assert result.success
    assert not result.exact
    for name, got, error, want in zip(result.family.names, result.theta, result.error, theta, strict=True):
        off = abs(got - float(want))
        if name in result.family.angles:
            off = min(off, 2 * np.pi - off)
        assert off <= error + 2e-16 * abs(float(want)), name
        assert error <= 1e-5 * (1 + abs(float(want))), name


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f[0])
def test_arrays_are_their_elements(case, family):
    points = np.array([float(p) for p in case.points])
    many = ky.transform(case.callable, points, FAMILIES[family])
    for k, point in enumerate(points):
        one = ky.transform(case.callable, float(point), FAMILIES[family], raises=False)
        assert many.status[k] is one.status
        for row, errors, value, error in zip(many.theta, many.error, one.theta, one.error, strict=True):
            if one.success:
                assert abs(row[k] - value) <= errors[k] + error
            else:
                assert np.isnan(row[k])
