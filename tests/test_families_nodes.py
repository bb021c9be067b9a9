"""The member of a family through given nodes."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from own_families import DECAY, LOGISTIC, POWER
from scipy.interpolate import KroghInterpolator
from scipy.optimize import brentq

import kymath as ky

s = sp.Symbol("s")

H = np.array([0.1, -0.2, 0.7])


def given(f, nodes, h):
    """f at the nodes, and its derivatives where they are repeated; f is a SymPy expression in s."""
    rows = []
    for j, c in enumerate(nodes):
        g = sp.lambdify(s, sp.diff(f, s, list(nodes[:j]).count(c)) if c in nodes[:j] else f, "numpy")
        rows.append(g(float(c) * h) + 0 * h)
    return rows


@pytest.mark.parametrize(
    "nodes", [(0, 1, -1, 2), (0, 1, 2, 3), (0, 1, 0.25, -3), (0, 0, 1, 1), (0, 0, 0, 1), (0, 1, 1, 1)]
)
def test_polynomial_through_is_krogh(nodes):
    f = sp.exp(s) * sp.cos(2 * s)
    theta = ky.Polynomial(3).through(nodes, H, given(f, nodes, H))
    for k, h in enumerate(H):
        rows = [float(row[k]) for row in given(f, nodes, H)]
        order = sorted(range(4), key=lambda j: nodes[j])
        oracle = KroghInterpolator([nodes[j] * h for j in order], [rows[j] for j in order]).derivatives(0.0, der=4)
        want = [oracle[m] / float(sp.factorial(m)) for m in (3, 2, 1, 0)]
        np.testing.assert_allclose([row[k] for row in theta], want, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    "nodes", [(0, 1, -1, 2, -2), (0, 1, 2, 3, 4), (0, 1, 0.5, -3, 2.5), (0, 0, 1, 1, 2), (0, 0, 0, 1, -1)]
)
def test_trigonometric_through_is_a_linear_system(nodes):
    f, w = sp.exp(-s) + s**2, 1.5
    theta = ky.Trigonometric(2, omega=w).through(nodes, H, given(f, nodes, H))
    basis = [sp.Integer(1), *(g(k * w * s) for k in (1, 2) for g in (sp.cos, sp.sin))]
    for k in range(len(H)):
        matrix = np.array([[float(entry[k]) for entry in given(b, nodes, H)] for b in basis]).T
        values = np.array([float(row[k]) for row in given(f, nodes, H)])
        want = np.linalg.solve(matrix, values)
        size = np.max(np.abs(want))
        np.testing.assert_allclose([row[k] for row in theta], want, atol=1e-13 * size * np.linalg.cond(matrix))


def exp_with_growth(ratio, power):
    """E with (E^power − 1)/(E − 1) = ratio."""
    return brentq(lambda e: sum(e**k for k in range(power)) - ratio, 1e-9, 1e9)


def test_exponential_through_unequal_nodes():
    f = sp.log(2 + s)
    y0, y1, y3 = given(f, (0, 1, 3), H)
    theta = np.array(ky.Exponential().through((0, 1, 3), H, [y0, y1, y3]))
    for k, h in enumerate(H):
        growth = exp_with_growth((y3[k] - y0[k]) / (y1[k] - y0[k]), 3)
        A = (y1[k] - y0[k]) / (growth - 1)
        np.testing.assert_allclose(theta[:, k], (A, np.log(growth) / h, y0[k] - A), rtol=1e-8)


def test_exponential_through_contact():
    f = sp.log(2 + s)
    y0, slope, y1 = given(f, (0, 0, 1), H)
    theta = np.array(ky.Exponential().through((0, 0, 1), H, [y0, slope, y1]))
    for k, h in enumerate(H):
        target = (y1[k] - y0[k]) / h / slope[k]
        z = brentq(lambda z, t=target: np.expm1(z) / z - t if z else 1 - t, -20, 20, xtol=1e-15)
        A = slope[k] * h / z
        np.testing.assert_allclose(theta[:, k], (A, z / h, y0[k] - A), rtol=1e-8)


@pytest.mark.parametrize("nodes", [(0, 1, -1), (0, 1, 2), (-1, 0, 1), (0, 1, 0.5)])
def test_exponential_through_equal_nodes(nodes):
    f = sp.log(2 + s)
    theta = ky.Exponential().through(nodes, H, given(f, nodes, H))
    for row, c in zip(given(f, nodes, H), nodes, strict=True):
        np.testing.assert_allclose(ky.Exponential()(c * H, theta), row, rtol=1e-12)


def test_exponential_through_has_no_member():
    y = [np.array([0.0, 0.0]), np.array([1.0, 1.0]), np.array([2.0, 0.5])]  # a straight line; up and down
    assert np.all(np.isnan(np.array(ky.Exponential().through((0, 1, 2), 1.0, y))))


def test_harmonic_plain_through_contact():
    f = 2 + sp.cos(3 * s) + s / 5
    family = ky.Harmonic(offset=False)
    y0, slope, y1 = given(f, (0, 0, 1), H)
    A, w, p = family.through((0, 0, 1), H, [y0, slope, y1])
    for k, h in enumerate(H):

        def defect(v, k=k, h=h):
            return y0[k] * np.cos(v * h) + slope[k] * np.sin(v * h) / v - y1[k]

        grid = np.linspace(1e-3, np.pi / abs(h), 4001)
        values = defect(grid)
        first = np.flatnonzero(values[:-1] * values[1:] < 0)[0]
        want = brentq(defect, grid[first], grid[first + 1])
        assert w[k] == pytest.approx(want, rel=1e-7)
        assert A[k] * np.cos(p[k]) == pytest.approx(y0[k], rel=1e-9)
        assert -A[k] * w[k] * np.sin(p[k]) == pytest.approx(slope[k], rel=1e-9)


#: a member, and node sets: equal, unequal and repeated; |ω h · widest gap| < π at every h
MEMBERS = [
    (ky.Exponential(), (2.0, -0.7, 1.0), [(0, 1, -1), (0, 1, 2), (0, 1, 3), (0, 0, 1), (0, 1, 1), (0, 1, 0.3)]),
    (ky.Exponential(), (-0.5, 1.3, 0.0), [(0, 1, -1), (0, 1, 2), (0, 1, -2), (0, 0, 1)]),
    (ky.Harmonic(offset=False), (2.0, 1.1, 5.0), [(0, 1, -1), (0, 1, 2), (0, 0, 1), (0, 1, 0.5)]),
    (
        ky.Harmonic(),
        (2.0, 1.1, 0.4, -3.0),
        [(0, 1, -1, 2), (0, 1, 2, 3), (0, 1, -1, -2), (0, 1, -3, 2), (0, 0, 1, 1), (0, 0, 0, 1), (0, 0, 1, -1)],
    ),
    (ky.Polynomial(2), (1.0, -2.0, 3.0), [(0, 1, -1), (0, 0, 1), (0, 1, 7)]),
    (ky.Linear(), (1.0, -2.0), [(0, 1)]),
    (ky.Trigonometric(1, omega=0.8), (1.0, 2.0, 3.0), [(0, 1, -1), (0, 0, 1), (0, 1, 2.5)]),
    (DECAY, (2.0, 1.5, 0.3), [(0, 1, -1), (0, 0, 1), (0, 1, 3)]),
    (LOGISTIC, (2.0, 1.5), [(0, 1)]),
    (POWER, (2.0, 1.7), [(0, 1)]),
]
MEMBER_NODES = [(family, theta, nodes) for family, theta, sets in MEMBERS for nodes in sets]


@pytest.mark.parametrize(("family", "theta", "nodes"), MEMBER_NODES, ids=str)
def test_through_finds_the_member(family, theta, nodes):
    values = given(family.expression.subs(dict(zip(family.symbols, theta, strict=True))), nodes, H)
    found = np.array(family.through(nodes, H, values), dtype=float)
    assert found.shape == (family.size, len(H))
    for row, want in zip(family.difference(tuple(found), [np.full(len(H), c) for c in theta]), theta, strict=True):
        assert np.max(np.abs(row)) < 1e-9 * (1 + abs(want)) / min(abs(H)) ** (family.size - 1)


def test_through_of_one_number_is_a_number():
    for family, theta, sets in MEMBERS:
        for nodes in sets:
            formula = family.expression.subs(dict(zip(family.symbols, theta, strict=True)))
            values = [float(row[0]) for row in given(formula, nodes, H[:1])]
            assert all(np.ndim(c) == 0 for c in family.through(nodes, 0.1, values))


def test_through_is_exact_for_exact_numbers():
    one, two, five = sp.Integer(1), sp.Integer(2), sp.Integer(5)
    assert ky.Polynomial(2).through((0, 1, 2), sp.Integer(1), (one, two, five)) == (1, 0, 1)
    assert ky.Exponential().through((0, 1, 2), sp.Integer(1), (one, two, sp.Integer(4))) == (1, sp.log(2), 0)
    A, w, p = ky.Harmonic(offset=False).through((0, 1, -1), sp.Integer(1), (two, one, one))
    assert (A, w, sp.simplify(p)) == (2, sp.pi / 3, 0)
