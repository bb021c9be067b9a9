"""Laws of the transform, on random smooth functions, points, steps, families and rules."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import kymath as ky
from kymath.definition import theta_at
from kymath.function import Function

settings.register_profile(
    "laws",
    derandomize=True,
    deadline=None,
    max_examples=25,
    database=None,
    phases=(Phase.explicit, Phase.generate),  # what fails is small already, and shrinking it takes minutes
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("laws")

x = sp.Symbol("x")
R = sp.Rational

# -- what is random --------------------------------------------------------------------------------------------------

size = st.floats(0.2, 2.0)
signed = st.builds(lambda v, s: s * v, size, st.sampled_from([1.0, -1.0]))
point = st.integers(-1536, 1536).map(lambda k: k / 1024)  # tiny x0 have a test of their own
step = st.builds(lambda v, s: s * v, st.floats(0.05, 0.6), st.sampled_from([1.0, -1.0]))
rational = st.builds(lambda p, q: R(p, q), st.integers(1, 9), st.integers(1, 9))
signed_rational = st.builds(lambda r, s: s * r, rational, st.sampled_from([1, -1]))


class Smooth:
    """a exp(b t) + c sin(d t + e) + p t² + q t + r, and the same in mpmath."""

    def __init__(self, a, b, c, d, e, p, q, r):
        self.numbers = (a, b, c, d, e, p, q, r)

    def __call__(self, t, lib=np):
        a, b, c, d, e, p, q, r = self.numbers
        return a * lib.exp(b * t) + c * lib.sin(d * t + e) + (p * t + q) * t + r

    def jet(self, t, count):
        with mp.workdps(50):
            found = mp.taylor(lambda u: self(u, mp), mp.mpf(t), count - 1)
            return [float(c * mp.factorial(k)) for k, c in enumerate(found)]

    def __repr__(self):
        return f"Smooth{self.numbers}"


smooth = st.builds(Smooth, signed, signed, signed, signed, point, signed, signed, signed)

NODES = {
    2: [(0, 1)],
    3: [(0, 1, -1), (0, 1, 2), (0, 1, 0.5), (0, 1, 3)],
    4: [(0, 1, -1, 2), (0, 1, 2, 3), (0, 1, -2, 3)],
    5: [(0, 1, -1, 2, -2), (0, 1, 2, 3, 4)],
}
FAMILIES = [
    ky.Linear(),
    ky.Polynomial(2),
    ky.Polynomial(4),
    ky.Exponential(),
    ky.Trigonometric(1, omega=1.5),
    ky.Trigonometric(2, omega=0.7),
    ky.Harmonic(),
    ky.Harmonic(offset=False),
    ky.Family("p*exp(q*s)", "p q"),
]
TWO_POINT = [
    (ky.Linear(), ky.MinimumNorm()),
    (ky.Polynomial(2), ky.MinimumNorm()),
    (ky.Polynomial(5), ky.MinimumNorm()),
    (ky.Trigonometric(2, omega=1.5), ky.MinimumNorm()),
    (ky.Family("a*exp(s) + b*s + c", "a b c"), ky.MinimumNorm()),
    (ky.Exponential(), ky.SmallestRate(bound=3)),
    (ky.Harmonic(), ky.SmallestFrequency(bound=20)),
    (ky.Harmonic(offset=False), ky.SmallestFrequency(bound=50)),
]


def worst(values, wanted):
    return float(np.max(np.abs(np.asarray(values, float) - np.asarray(wanted, float)) / (1 + np.abs(wanted))))


# -- the conditions hold ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
@given(f=smooth, x0=point, h=step, data=st.data())
def test_the_member_meets_f_at_every_node(family, f, x0, h, data):
    nodes = data.draw(st.sampled_from(NODES[family.size]))
    theta = theta_at(Function(f), x0, family, ky.Osculating(nodes=nodes), [h])
    assume(np.all(np.isfinite(theta)))
    s = np.array([float(c) * h for c in nodes])
    scale = max(1.0, *(abs(float(c[0])) for c in theta))
    got = np.array([float(family(t, tuple(float(c[0]) for c in theta))) for t in s])
    assert np.max(np.abs(got - f(x0 + s))) <= 1e-9 * scale


@pytest.mark.parametrize(("family", "rule"), TWO_POINT, ids=repr)
@given(f=smooth, x0=point, h=step)
def test_C1_and_C2(family, rule, f, x0, h):
    f0, f1 = float(f(x0)), float(f(x0 + h))
    assume(f0 != f1)
    theta = tuple(float(c) for c in rule.solve(family, f0, f1, h))
    assert np.all(np.isfinite(theta))
    scale = max(1.0, abs(f0), abs(f1))
    assert abs(float(family(0.0, theta)) - f0) <= 1e-9 * scale
    assert abs(float(family(h, theta)) - f1) <= 1e-9 * scale
    rows = theta_at(Function(f), x0, family, rule, [h, h / 3])
    assert all(row.shape == (2,) for row in rows)
    assert worst([row[0] for row in rows], theta) < 1e-9


@pytest.mark.parametrize(
    "family", [ky.Polynomial(2), ky.Polynomial(3), ky.Trigonometric(1, omega=2), ky.Trigonometric(2)]
)
@given(f0=signed, f1=signed, h=step)
def test_the_least_norm_is_the_pseudoinverse(family, f0, f1, h):
    columns = np.eye(family.size)
    matrix = np.array([[float(family(t, tuple(column))) for column in columns] for t in (0.0, h)])
    want = np.linalg.pinv(matrix) @ [f0, f1]
    assert worst(ky.MinimumNorm().solve(family, f0, f1, h), want) < 1e-9


# -- exactness on the family -----------------------------------------------------------------------------------------

REGULAR = {
    "linear": (ky.Linear(), st.tuples(signed, signed)),
    "polynomial": (ky.Polynomial(3), st.tuples(signed, signed, signed, signed)),
    "exponential": (ky.Exponential(), st.tuples(signed, signed, signed)),
    "trigonometric": (ky.Trigonometric(1, omega=1.5), st.tuples(signed, signed, signed)),
    "harmonic": (ky.Harmonic(), st.tuples(size, size, st.floats(0.1, 6.1), signed)),
    "harmonic-plain": (ky.Harmonic(offset=False), st.tuples(size, size, st.floats(0.1, 6.1))),
}


@pytest.mark.parametrize("name", REGULAR)
@given(data=st.data(), h=step, x0=point)
def test_osculating_returns_the_member_at_every_h(name, data, h, x0):
    family, thetas = REGULAR[name]
    theta = data.draw(thetas)
    nodes = data.draw(st.sampled_from(NODES[family.size]))
    if name.startswith("harmonic"):
        ordered = sorted(nodes)
        spacing = ordered[1] - ordered[0]
        assume(np.allclose(np.diff(ordered), spacing))  # unequal nodes may have several members
        assume(theta[1] * abs(h) * spacing < 3.0)
        assume(abs(math.sin(theta[2])) > 0.1)
        assume(abs(math.cos(theta[2])) > 0.1)
    found = theta_at(Function(lambda t: family(t - x0, theta)), x0, family, ky.Osculating(nodes=nodes), [h])
    gap = [float(np.abs(d[0])) for d in family.difference(found, [np.array([c]) for c in theta])]
    assert (
        max(gap)
        < 1e-12 * (4 / abs(h * min(theta[1], 1.0) if name.startswith("harm") else h)) ** (family.size - 1) + 1e-12
    )


EXACT = {
    "linear": (ky.Linear(), st.tuples(signed_rational, signed_rational)),
    "polynomial": (ky.Polynomial(2), st.tuples(signed_rational, signed_rational, signed_rational)),
    "exponential": (ky.Exponential(), st.tuples(signed_rational, signed_rational, signed_rational)),
    "trigonometric": (ky.Trigonometric(1, omega=2), st.tuples(signed_rational, signed_rational, signed_rational)),
    "harmonic": (
        ky.Harmonic(),
        st.tuples(rational, rational, st.sampled_from([R(1, 2), R(2), R(4), sp.pi / 3]), rational),
    ),
    "plain": (
        ky.Harmonic(offset=False),
        st.tuples(rational, rational, st.sampled_from([R(1, 2), R(2), R(4), sp.pi / 3])),
    ),
}


@pytest.mark.parametrize("name", EXACT)
@settings(max_examples=4)
@given(data=st.data(), x0=signed_rational)
def test_osculating_returns_the_member_exactly(name, data, x0):
    family, thetas = EXACT[name]
    theta = data.draw(thetas)
    result = ky.transform(family(x - x0, theta), x0, family)
    assert result.exact
    assert all(abs(sp.N(a - b, 30)) < 1e-25 for a, b in zip(result.theta, theta, strict=True))


@pytest.mark.parametrize("name", REGULAR)
@settings(max_examples=25)
@given(data=st.data(), x0=point)
def test_osculating_returns_the_member_within_its_error(name, data, x0):
    family, thetas = REGULAR[name]
    theta = data.draw(thetas)
    f = lambda t: family(t - x0, theta)
    result = ky.transform(f, x0, family, raises=False)
    if not result.success:
        assert name.startswith("harmonic")
        assert abs(math.sin(2 * theta[2])) < 0.1  # only near a crest or a zero is the jet not enough
        return
    gaps = family.difference(result.theta, theta)
    for gap, error, value in zip(gaps, result.error, theta, strict=True):
        # the member itself is rounded at x0 and in t − x0
        assert abs(float(gap)) <= error + 8e-16 * (abs(value) + abs(x0))


# -- limit = J⁻¹(jet), and its determinant ---------------------------------------------------------------------------


@given(f0=signed, f1=signed, f2=signed)
def test_exponential_from_its_jet(f0, f1, f2):
    A, B, C = ky.Exponential().from_jet((f0, f1, f2))
    assert worst((A, B, C), (f1**2 / f2, f2 / f1, f0 - f1**2 / f2)) < 1e-12
    assert np.linalg.det(ky.Exponential().jacobian((A, B, C))) == pytest.approx(A * B**2, rel=1e-9)


@given(A=size, w=size, p=st.floats(0, 6.28), C=signed)
def test_harmonic_determinants(A, w, p, C):
    """Rows (cos, −ωsin, −ω²cos, ω³sin) and their derivatives, expanded by hand: ±2A²ω⁴·sin², ω⁵ with offset."""
    plain = np.array([
        [np.cos(p), 0, -A * np.sin(p)],
        [-w * np.sin(p), -A * np.sin(p), -A * w * np.cos(p)],
        [-(w**2) * np.cos(p), -2 * A * w * np.cos(p), A * w**2 * np.sin(p)],
    ])  # fmt: skip
    np.testing.assert_allclose(ky.Harmonic(offset=False).jacobian((A, w, p)), plain, atol=1e-12)
    # column A by w²: third row + w² first leaves (0, −2Aw cos p, 0)
    want = 2 * A * w * np.cos(p) * (np.cos(p) * -A * w * np.cos(p) - A * np.sin(p) * w * np.sin(p))
    assert np.linalg.det(plain) == pytest.approx(want, rel=1e-9, abs=1e-12)
    assert want == pytest.approx(-2 * A**2 * w**2 * np.cos(p), rel=1e-9, abs=1e-12)
    full = ky.Harmonic().jacobian((A, w, p, C))
    assert abs(np.linalg.det(full)) == pytest.approx(2 * A**2 * w**5 * abs(np.sin(p)), rel=1e-8, abs=1e-10)


@given(f0=signed, f1=signed, f2=signed, w=size)
def test_harmonics_from_their_jets(f0, f1, f2, w):
    A, omega, p, C = ky.Harmonic().from_jet((f0, f1, f2, -(w**2) * f1))
    assert worst((omega, A * np.cos(p), A * np.sin(p), C), (w, -f2 / w**2, -f1 / w, f0 + f2 / w**2)) < 1e-10
    A, omega, p = ky.Harmonic(offset=False).from_jet((f0, f1, -(w**2) * f0))
    assert worst((omega, A * np.cos(p), A * np.sin(p)), (w, f0, -f1 / w)) < 1e-10


@given(f0=signed, f1=signed, f2=signed, w=size)
def test_linear_families_from_their_jets(f0, f1, f2, w):
    assert worst(ky.Polynomial(2).from_jet((f0, f1, f2)), (f2 / 2, f1, f0)) < 1e-12
    assert worst(ky.Trigonometric(1, omega=w).from_jet((f0, f1, f2)), (f0 + f2 / w**2, -f2 / w**2, f1 / w)) < 1e-10


# -- symmetries ------------------------------------------------------------------------------------------------------

SYMMETRIC = [ky.Polynomial(3), ky.Exponential(), ky.Trigonometric(1, omega=1.5), ky.Harmonic(offset=False)]


def close(one, other, wanted=None, loose=1.0):
    """Two results agree within both errors; ``wanted`` replaces the first θ, with errors scaled alike."""
    theta, factor = (one.theta, np.ones(one.family.size)) if wanted is None else wanted
    gaps = one.family.difference(theta, other.theta)
    for gap, a, b, k, value in zip(gaps, one.error, other.error, factor, other.theta, strict=True):
        if abs(float(gap)) > loose * (abs(k) * a + b) + 1e-14 * (1 + abs(value)):
            return False
    return True


@pytest.mark.parametrize("family", SYMMETRIC, ids=repr)
@settings(max_examples=8)
@given(f=smooth, x0=point, c=st.sampled_from([1.0, -0.5, 3.25]))
def test_shift_of_x(family, f, x0, c):
    x0 = round(x0 * 64) / 64  # so that x0 + c is exact
    one = ky.transform(f, x0, family, raises=False)
    other = ky.transform(lambda t: f(t - c), x0 + c, family, raises=False)
    assert one.status is other.status
    if one.success:
        assert close(one, other)


@pytest.mark.parametrize("family", SYMMETRIC, ids=repr)
@settings(max_examples=8)
@given(f=smooth, x0=point, k=st.sampled_from([2.0, 0.125, 1000.0]))
def test_scale_of_f(family, f, x0, k):
    one = ky.transform(f, x0, family, raises=False)
    other = ky.transform(lambda t: k * f(t), x0, family, raises=False)
    assert one.status is other.status
    if one.success:
        same = {"B", "omega", "phi"}
        factor = np.array([1.0 if name in same else k for name in family.names])
        assert close(one, other, (np.array(one.theta) * factor, factor))


@pytest.mark.parametrize("family", SYMMETRIC, ids=repr)
@settings(max_examples=8)
@given(f=smooth, x0=point, k=st.sampled_from([2.0, 0.125, 1024.0]))
def test_scale_of_x(family, f, x0, k):
    if isinstance(family, ky.Trigonometric):
        other_family = ky.Trigonometric(1, omega=1.5 * k)
        factor = np.ones(3)
    else:
        other_family = family
        powers = {"a3": 3, "a2": 2, "a1": 1, "B": 1, "omega": 1}
        factor = np.array([k ** powers.get(name, 0) for name in family.names])
    one = ky.transform(f, x0, family, raises=False)
    other = ky.transform(lambda t: f(k * t), x0 / k, other_family, raises=False)
    assert one.status is other.status
    if one.success:
        assert close(one, other, (np.array(one.theta) * factor, factor))


@pytest.mark.parametrize("family", SYMMETRIC, ids=repr)
@settings(max_examples=8)
@given(f=smooth, x0=point)
def test_mirror(family, f, x0):
    one = ky.transform(f, x0, family, raises=False, side="right")
    other = ky.transform(lambda t: f(-t), -x0, family, raises=False, side="left")
    assert one.status is other.status
    if not one.success:
        return
    theta = np.array(one.theta)
    for j, name in enumerate(family.names):
        if name in ("a3", "B", "b1") or (name == "a1" and isinstance(family, ky.Polynomial)):
            theta[j] = -theta[j]
        if name == "phi":
            theta[j] = (2 * np.pi - theta[j]) % (2 * np.pi)
    assert close(one, other, (theta, np.ones(family.size)))


@given(f0=signed, rise=signed, h=step, M=st.floats(2.1, 9))
def test_mirror_of_the_two_point_rules(f0, rise, h, M):
    A, B, C = ky.SmallestRate(bound=M).solve(ky.Exponential(), f0, f0 + rise, h)
    assert worst(ky.SmallestRate(bound=M).solve(ky.Exponential(), f0, f0 + rise, -h), (A, -B, C)) < 1e-14
    A, w, p, C = ky.SmallestFrequency(bound=M).solve(ky.Harmonic(), f0, f0 + rise, h)
    A2, w2, p2, C2 = ky.SmallestFrequency(bound=M).solve(ky.Harmonic(), f0, f0 + rise, -h)
    assert worst((A2, w2, C2), (A, w, C)) < 1e-14
    assert math.cos(p + p2) == pytest.approx(1, abs=1e-12)


# -- the two-point rules against brute force -------------------------------------------------------------------------


@given(f0=signed, rise=signed, h=step, M=size)
def test_R_E_is_the_least_rate_of_all(f0, rise, h, M):
    A, B, _ = ky.SmallestRate(bound=M).solve(ky.Exponential(), f0, f0 + rise, h)
    amplitude = np.linspace(-M, M, 20001)
    with np.errstate(all="ignore"):
        rates = np.abs(np.log(1 + rise / amplitude) / h)
    least = np.nanmin(rates)
    assert abs(B) == pytest.approx(least, rel=1e-9)
    assert float(A) == pytest.approx(amplitude[np.nanargmin(rates)])


@settings(max_examples=20)
@given(f0=signed, rise=signed, h=step, M=st.floats(1.05, 4))
def test_R_H_with_offset_is_the_least_frequency_of_all(f0, rise, h, M):
    """A member at ω reaches a rise of at most 2A |sin(ωh/2)|, over all phases: scanned, not derived."""
    _, w, _, _ = ky.SmallestFrequency(bound=M).solve(ky.Harmonic(), f0, f0 + rise, h)
    phases = np.linspace(0, 2 * np.pi, 721)
    for amplitude in np.linspace(0.02 * M, M, 50):
        below = np.linspace(0, float(w) * (1 - 1e-4), 60)[:, None]
        reach = np.abs(amplitude * (np.cos(below * h + phases) - np.cos(phases)))
        assert np.max(reach) < abs(rise)


@settings(max_examples=20)
@given(f0=st.floats(-0.9, 0.9), f1=st.floats(-0.9, 0.9), h=step, M=st.floats(1, 3))
def test_R_H_without_offset_is_the_least_frequency_of_all(f0, f1, h, M):
    assume(abs(f0 - f1) > 0.05)
    A, w, _ = ky.SmallestFrequency(bound=M).solve(ky.Harmonic(offset=False), f0, f1, h)
    amplitude = np.linspace(max(abs(f0), abs(f1)), M, 2001)
    start = np.arccos(np.clip(f0 / amplitude, -1, 1))
    end = np.arccos(np.clip(f1 / amplitude, -1, 1))
    # phases ±start go to ±end (mod 2π): the shortest way of all
    ways = [np.abs(np.angle(np.exp(1j * (a * start - b * end)))) for a in (1, -1) for b in (1, -1)]
    assert float(w) == pytest.approx(np.min(ways) / abs(h), rel=1e-9)
    assert float(A) == M


# -- what a rule sees ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("family", "rule"), TWO_POINT, ids=repr)
@settings(max_examples=5)
@given(f0=signed_rational, f1=signed_rational, bend=signed_rational, third=signed_rational)
def test_two_point_limits_do_not_see_the_second_derivative(family, rule, f0, f1, bend, third):
    straight, bent = f0 + f1 * x, f0 + f1 * x + bend * x**2 + third * x**3
    for side in ("left", "right"):
        one, other = (ky.transform(f, 0, family, rule, side=side) for f in (straight, bent))
        assert all(abs(sp.N(a - b)) < 1e-14 for a, b in zip(one.theta, other.theta, strict=True))
    f = sp.lambdify(x, bent, "numpy")
    number = ky.transform(f, 0.0, family, rule, side="right")
    gaps = family.difference(number.theta, [float(c) for c in other.theta])
    for gap, error, value in zip(gaps, number.error, other.theta, strict=True):
        assert abs(float(gap)) <= error + 1e-15 * (1 + abs(float(value)))


@given(f=smooth, x0=point, h=step)
def test_finite_h_rules_read_f_at_their_nodes_only(f, x0, h):
    seen = []

    def watched(t):
        seen.extend(np.atleast_1d(t).tolist())
        return f(t)

    for family, rule in TWO_POINT[1:3]:
        theta_at(Function(watched), x0, family, rule, [h])
        assert set(seen) <= {x0, x0 + h}
    seen.clear()
    theta_at(Function(watched), x0, ky.Polynomial(2), ky.Osculating(nodes=(0, 1, 3)), [h])
    assert set(seen) == {x0, x0 + h, x0 + 3 * h}


@pytest.mark.parametrize("x0", [1e-6, -1e-12, 1e-15, 1e-17, -1e-30, 1e-70, 1e-300, 5e-324])
@pytest.mark.parametrize("family", [ky.Polynomial(2), ky.Exponential(), ky.Trigonometric()], ids=repr)
def test_tiny_points_are_as_good_as_0(family, x0):
    at = ky.transform(np.exp, 0.0, family)
    near = ky.transform(np.exp, x0, family)
    for a, b, c, d in zip(at.theta, near.theta, at.error, near.error, strict=True):
        assert abs(a - b) <= c + d + 4 * abs(x0)
        assert d <= 100 * c + 1e-12


# -- errors cover ----------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(f=smooth, x0=point, side=st.sampled_from(["both", "both", "right", "left"]))
def test_errors_cover(f, x0, side):
    result = ky.transform(f, x0, ky.Polynomial(4), side=side, raises=False)
    if not result.success:
        assert side != "both"  # from both sides four derivatives of such functions are always found
        return
    jet = f.jet(x0, 5)
    for k, got, error in zip(range(4, -1, -1), result.theta, result.error, strict=True):
        # f itself rounds, in each of its terms
        assert abs(got - jet[k] / math.factorial(k)) <= error + (2e-15 if k == 0 else 0)
        assert error <= 1e-3 * (1 + abs(got)) * (1 if side == "both" else 100)


@settings(max_examples=20)
@given(f=smooth, x0=point)
def test_errors_cover_for_arrays(f, x0):
    points = x0 + np.linspace(-1, 1, 7)
    result = ky.transform(f, points, ky.Polynomial(3))
    assert result.success.all()
    for i, t in enumerate(points):
        jet = f.jet(t, 4)
        for k, row, error in zip(range(3, -1, -1), result.theta, result.error, strict=True):
            assert abs(row[i] - jet[k] / math.factorial(k)) <= error[i] + (2e-15 if k == 0 else 0)


@pytest.mark.parametrize("family", [ky.Exponential(), ky.Harmonic(), ky.Harmonic(offset=False)], ids=repr)
@settings(max_examples=20)
@given(f=smooth, x0=point)
def test_errors_cover_beyond_polynomials(family, f, x0):
    result = ky.transform(f, x0, family, raises=False)
    assume(result.success)
    jet = [mp.mpf(c) for c in f.jet(x0, family.size)]
    want = [float(c) for c in family.from_jet(jet)]
    for gap, error, value in zip(family.difference(result.theta, want), result.error, want, strict=True):
        assert abs(float(gap)) <= error + 1e-14 * (1 + abs(value))
