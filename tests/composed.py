"""Families to compose in, results made by hand, and θ of f∘g by mpmath."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import oracle
import pytest
import sympy as sp
from hypothesis import HealthCheck, settings

import kymath as ky

R = sp.Rational
EXAMPLES = settings(
    derandomize=True, deadline=None, max_examples=40, database=None, suppress_health_check=list(HealthCheck)
)

USERS = ky.Family("p*exp(q*s)", "p q")  # solved by iteration: a tenth of a second and more for each answer
FAMILIES = [
    ky.Linear(),
    *(ky.Polynomial(n) for n in range(1, 6)),
    ky.Exponential(),
    ky.Trigonometric(1, omega=2),
    ky.Trigonometric(2, omega=R(1, 2)),
    ky.Harmonic(),
    ky.Harmonic(offset=False),
    USERS,
]


def made(family, theta, x0, *, error=None, rule=None, side="both"):
    """A result with the θ given."""
    status = ky.Status.CONVERGED
    if np.ndim(theta[0]):
        status = np.full(np.shape(theta[0]), status, dtype=object)
    error = tuple(0.0 * np.asarray(c, float) for c in theta) if error is None else tuple(error)
    return ky.KYTransform(tuple(theta), error, family, rule or ky.Osculating(), "made", side, x0, status, "")


def close(family, got, want, rtol=1e-10, atol=1e-12):
    for gap, value in zip(family.difference(got, [float(c) for c in want]), want, strict=True):
        assert abs(float(gap)) <= rtol * abs(float(value)) + atol


def outcome(work):
    try:
        return work()
    except ky.KYError as error:
        return type(error)


def refused(work, kind, words):
    with pytest.raises(kind) as caught:
        work()
    for word in words:
        assert word in str(caught.value)


def mp_jet(family, f, g, u0, x0):
    """Derivatives of f∘g at x0, by mpmath from the formulas."""
    s = sp.Symbol("s")
    curve = [sp.lambdify(s, family.expression.xreplace(
        dict(zip(family.symbols, map(sp.Float, theta), strict=True))).xreplace({sp.Symbol("s"): s}), "mpmath")
        for theta in (f, g)]  # fmt: skip
    with mp.workdps(60):
        start = curve[1](mp.mpf(0))
        found = mp.taylor(lambda t: curve[0](curve[1](t) - start), mp.mpf(0), family.size - 1)
        return [c * mp.factorial(k) for k, c in enumerate(found)]


def osculating(family, values):
    """θ by the formulas of the oracle, None where there is none."""
    with mp.workdps(60):
        if isinstance(family, ky.Family):  # p exp(q s)
            return values[0], values[1] / values[0]
        if isinstance(family, ky.Trigonometric) and family.n == 2:
            rows = mp.matrix([[mp.mpf(float(b)) for b in family.basis_jet(k)] for k in range(5)])
            return tuple(mp.lu_solve(rows, mp.matrix(values)))
        kind = {ky.Linear: "linear", ky.Polynomial: "polynomial", ky.Exponential: "exponential",
                ky.Trigonometric: "trigonometric", ky.Harmonic: "harmonic"}[type(family)]  # fmt: skip
        if kind == "harmonic" and not family.offset:
            kind = "harmonic-plain"
        try:
            return oracle.osculating((kind, getattr(family, "n", None), getattr(family, "omega", None)), values)
        except oracle.Fails:
            return None
