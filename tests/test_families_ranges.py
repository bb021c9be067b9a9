"""Where parameters lie, and jets that no member of a family has."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import kymath as ky
from kymath.evidence import Jet

R = sp.Rational
s = sp.Symbol("s")


# -- ranges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [True, False])
def test_harmonic_ranges(offset):
    rng = np.random.default_rng(7)
    family = ky.Harmonic(offset=offset)
    jets = rng.standard_normal((4, 2000))
    jets[3] = -np.abs(jets[3]) * np.sign(jets[1])
    jets[2 if not offset else 1] *= 1
    if not offset:
        jets[2] = -np.abs(jets[2]) * np.sign(jets[0])
    A, w, p = family.from_jet(tuple(jets))[:3]
    assert np.all(A >= 0)
    assert np.all(w >= 0)
    assert np.all((p >= 0) & (p < 2 * np.pi))
    back = np.array(family.jet(family.from_jet(tuple(jets)), family.size - 1))
    np.testing.assert_allclose(back, jets[: family.size], rtol=1e-10, atol=1e-10 * np.max(A))
    nodes = (0, 1, -1, 2)[: family.size]
    values = rng.standard_normal((family.size, 3000))
    theta = family.through(nodes, 0.3, tuple(values))
    found = np.all(np.isfinite(theta), axis=0)
    assert 300 < found.sum() < 3000
    A, w, p = (row[found] for row in theta[:3])
    assert np.all(A >= 0)
    assert np.all((w >= 0) & (w * 0.3 <= np.pi))
    assert np.all((p >= 0) & (p < 2 * np.pi))


@pytest.mark.parametrize("phi", [0, R(1, 3), sp.pi / 2, sp.pi, 4, 3 * sp.pi / 2, 6])
def test_harmonic_phase_is_kept_exactly(phi):
    x = sp.Symbol("x")
    result = ky.transform(2 * sp.cos(3 * x + phi), 0, ky.Harmonic(offset=False)) if sp.cos(phi) != 0 else None
    if result is not None:
        assert result.exact
        assert abs(sp.N(result.phi - phi, 20)) < 1e-15
        assert 0 <= result.phi < 2 * sp.pi


@pytest.mark.parametrize(
    ("theta", "want"),
    [
        ((-2.0, 1.0, 0.5, 3.0), (2.0, 1.0, 0.5 + np.pi, 3.0)),
        ((2.0, -1.0, 0.5, 3.0), (2.0, 1.0, 2 * np.pi - 0.5, 3.0)),
        ((2.0, 1.0, -0.5, 3.0), (2.0, 1.0, 2 * np.pi - 0.5, 3.0)),
        ((-2.0, -1.0, 7.0, 3.0), (2.0, 1.0, (np.pi - 7.0) % (2 * np.pi), 3.0)),
    ],
)
def test_harmonic_canonical_is_the_same_function(theta, want):
    family = ky.Harmonic()
    found = family.canonical(np.array(theta))
    np.testing.assert_allclose(found, want, rtol=1e-14)
    t = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(family(t, tuple(found)), family(t, theta), atol=1e-13)


def test_difference_takes_angles_the_shorter_way():
    family = ky.Harmonic()
    gap = family.difference((1.0, 1.0, 0.1, 0.0), (1.0, 1.0, 2 * np.pi - 0.1, 0.0))
    assert float(gap[2]) == pytest.approx(0.2)
    assert float(ky.Linear().difference((7.0, 0.0), (0.0, 0.0))[0]) == 7.0


# -- obstacles -------------------------------------------------------------------------------------------------------


def jet_of(*values):
    values = tuple(sp.sympify(v) for v in values)
    return Jet(values, tuple(sp.Integer(0) for _ in values))


#: family, jet, the first obstacle's exception, words of its message
OBSTACLES = [
    (ky.Exponential(), (5, 0, 0), "NotUnique", ["f′(x0) = 0", "f″(x0) = 0", "constant 5"]),
    (ky.Exponential(), (5, 2, 0), "NoContact", ["f″(x0) = 0", "straight line", "a = 2", "b = 5"]),
    (ky.Exponential(), (5, 0, 7), "NoContact", ["f′(x0) = 0", "f″(x0) = 7"]),
    (ky.Harmonic(), (5, 0, 3, 0), "NotUnique", ["f′(x0) = 0", "f‴(x0) = 0", "f″(x0) = 3", "ω is free"]),
    (ky.Harmonic(), (5, 0, 0, 0), "NotUnique", ["constant 5", "A = 0"]),
    (ky.Harmonic(), (5, 0, 1, 2), "NoContact", ["f′(x0) = 0", "f‴(x0) = 2"]),
    (ky.Harmonic(), (5, 1, 4, 0), "NoContact", ["f‴(x0) = 0", "parabola", "5", "(4/2)"]),
    (ky.Harmonic(), (5, 1, 4, 3), "NoContact", ["f′(x0) = 1", "f‴(x0) = 3", "hyperbolic", "cosh"]),
    (ky.Harmonic(offset=False), (0, 2, 0), "NotUnique", ["f(x0) = 0", "f″(x0) = 0", "slope 2"]),
    (ky.Harmonic(offset=False), (0, 2, 3), "NoContact", ["f(x0) = 0", "f″(x0) = 3"]),
    (ky.Harmonic(offset=False), (4, 0, 0), "NotUnique", ["constant 4", "ω = 0"]),
    (ky.Harmonic(offset=False), (4, 2, 0), "NoContact", ["f″(x0) = 0", "straight line", "4 + 2 s"]),
    (ky.Harmonic(offset=False), (4, 2, 3), "NoContact", ["f(x0) = 4", "f″(x0) = 3", "hyperbolic"]),
]


def polynomial_with(jet):
    x = sp.Symbol("x")
    return sum((sp.sympify(c) * x**k / sp.factorial(k) for k, c in enumerate(jet)), start=sp.Integer(0)) + 0 * x


@pytest.mark.parametrize(("family", "jet", "name", "words"), OBSTACLES, ids=str)
def test_obstacles_of_exact_jets(family, jet, name, words):
    first = next(o for o in family.obstacles(jet_of(*jet)) if o.where)
    assert first.status is getattr(ky, name).status
    for word in words:
        assert word in first.message
    with pytest.raises(getattr(ky, name)) as caught:
        ky.transform(polynomial_with(jet), 0, family)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(("family", "jet", "name", "words"), OBSTACLES, ids=str)
def test_obstacles_of_black_boxes(family, jet, name, words):
    f = sp.lambdify(sp.Symbol("x"), polynomial_with(jet) + 0 * sp.Symbol("x"), "numpy")
    with pytest.raises(getattr(ky, name)):
        ky.transform(lambda t: f(t) + 0.0 * t, 0.0, family)


@pytest.mark.parametrize("family", [ky.Linear(), ky.Polynomial(3), ky.Trigonometric(2, omega=3)])
def test_linear_families_reach_every_jet(family):
    assert list(family.obstacles(jet_of(*(0,) * family.size))) == []
    rng = np.random.default_rng(3)
    jets = rng.standard_normal((family.size, 50))
    back = family.jet(family.from_jet(tuple(jets)), family.size - 1)
    np.testing.assert_allclose(np.array(back), jets, atol=1e-12)


class Squared(ky.Polynomial):
    """A map that is not linear: a2 is a square."""

    def from_jet(self, values):
        return (values[2] ** 2, values[1], values[0])


class SquaredLimit(ky.Osculating):
    def limit(self, family, jet, side):
        return (jet.values[2] ** 2, jet.values[1], jet.values[0])


@pytest.mark.parametrize(("family", "rule"), [(Squared(2), ky.Osculating()), (ky.Polynomial(2), SquaredLimit())])
@pytest.mark.parametrize("x0", [2.0, np.array([2.0, 3.0])], ids=["point", "points"])
def test_a_map_of_ones_own_does_not_inherit_linear_errors(family, rule, x0):
    plain = ky.transform(lambda t: np.exp(3 * t), x0, ky.Polynomial(2), method=ky.Taylor())
    squared = ky.transform(lambda t: np.exp(3 * t), x0, family, rule, method=ky.Taylor(), check=False)
    assert np.all(squared.error[0] >= 2 * np.abs(2 * plain.a2) * plain.error[0])


def test_a_spread_of_ones_own_is_used():
    class Doubled(ky.Polynomial):
        def from_jet(self, values):
            return tuple(2 * c for c in super().from_jet(values))

        def spread(self, errors):
            return self.from_jet(errors)

    class Renamed(Squared):
        pass

    assert Doubled(1).spread((1.0, 2.0)) == (4.0, 2.0)
    assert Renamed(2).spread((1.0, 1.0, 1.0)) is None
    assert ky.Polynomial(2).spread((1.0, 1.0, 1.0)) == (0.5, 1.0, 1.0)


@pytest.mark.parametrize("size", [1e-290, 1e-165, 1e160, 1e300])
@pytest.mark.parametrize("f", [np.exp, np.sin])
def test_parameters_scale_with_f_as_far_as_floats_go(f, size):
    family = ky.Exponential() if f is np.exp else ky.Harmonic()
    one, far = (ky.transform(lambda t, s=s: s * f(t), 1.0, family) for s in (1.0, size))
    scale = [size if name in "AC" else 1.0 for name in family.names]
    for a, b, e, d, s in zip(one.theta, far.theta, one.error, far.error, scale, strict=True):
        assert abs(a * s - b) <= e * s + d
