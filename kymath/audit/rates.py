"""Condor, sections 3.5, 3.8 and 3.9: existence, orders of convergence, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from ..convergence import convergence
from ..divided import divided_differences
from ..families import Exponential, Harmonic, Linear, Polynomial, Trigonometric
from ..rules import MinimumNorm, Osculating, SmallestFrequency, SmallestRate
from ..transform import transform
from .claim import Fact, claim, corrected, near, printed, within
from .claim import conditional as under
from .measure import X, close, distance, exponent, jet_of, precise, values_at

COUNTEREXAMPLES = (
    (X, 1, Exponential(), SmallestRate(bound=2)),
    (sp.Integer(3) + 0 * X, 1, Exponential(), SmallestRate(bound=2)),
    (sp.sin(X), 0, Exponential(), Osculating()),
    (sp.exp(X), 0, Harmonic(), Osculating()),
)


@claim(
    "T3.12",
    "Theorem 3.12",
    "If f is of class Cⁿ at x0 and g has n independent parameters, the transform exists.",
    "For R_P, f differentiable at x0 suffices. For the osculating rule: f of class C^(N−1), its jet equal to the jet "
    "of some "
    "θ*, and det DJ(θ*) ≠ 0.",
)
def existence(cases: Any = COUNTEREXAMPLES, members: int = 10, seed: int = 10) -> Iterator[Fact]:
    for f, x0, family, rule in cases:
        result = transform(f, x0, family, rule, raises=False)
        yield printed(
            result.success,
            f"{f} at {x0}, {family.size} parameters, {rule!r}, {family!r}: "
            f"{result.status.name.lower().replace('_', ' ')}.",
        )
    steps = [10.0**-k for k in (2, 4, 6)]
    kinked = [distance(MinimumNorm().solve(Polynomial(2), 0.0, h * h * math.sin(1 / h), h), (0, 0, 0)) for h in steps]
    yield corrected(
        kinked[-1] < 1e-5,
        f"R_P, x² sin(1/x) at 0, differentiable once: |θ(h)| = {kinked[-1]:.1e} at h = {steps[-1]:.0e}.",
    )
    rng, worst = np.random.default_rng(seed), 0.0
    for family in (Exponential(), Harmonic(), Polynomial(3)):
        for _ in range(members):
            theta = tuple(rng.uniform(0.4, 1.5, family.size))
            worst = max(worst, distance(family.from_jet(family.jet(theta, family.size - 1)), theta))
    yield corrected(worst < 1e-9, f"θ* is found from its jet where det DJ ≠ 0, {3 * members} times, {within(worst)}.")


# -- orders ------------------------------------------------------------------------------------------------------------

PAIRS = (
    (Linear(), (0, 1)),
    (Polynomial(2), (0, 1, 2)),
    (Polynomial(2), (0, 1, -2)),
    (Polynomial(3), (0, 1, 2, 3)),
    (Polynomial(3), (0, 1, -1, 2)),
    (Trigonometric(1), (0, 1, 2)),
    (Exponential(), (0, 1, 2)),
    (Exponential(), (0, 1, -1)),
    (Harmonic(offset=False), (0, 1, 2)),
    (Harmonic(offset=False), (0, 1, -1)),
    (Harmonic(), (0, 1, 2, 3)),
    (Harmonic(), (0, 1, -1, 2)),
)
WAVE = sp.sin(X) + X**4 / 50 + sp.Rational(1, 10)  # every family has contact with it at 1/2


def _leading(family: Any, nodes: Sequence[int]) -> tuple[list[float], Callable[[float], list[float]]]:
    """lim (θ(h) − θ*)/h as measured, in mpmath arithmetic, and the formula as a function of the weight of the nodes."""
    n, x0 = family.size, sp.Rational(1, 2)
    with mpmath.workdps(60):
        jet = [mpmath.mpf(sp.N(v, 60)) for v in jet_of(WAVE, x0, n)]
        limit = family.from_jet(jet[:n])

        def quotient(h: Any) -> list[Any]:
            values = values_at(WAVE, mpmath.mpf(1) / 2, nodes, h)

            def gaps(*theta: Any) -> list[Any]:
                missed = [family(c * h, theta) - y for c, y in zip(nodes, values, strict=True)]
                return divided_differences(nodes, h, missed)  # as large as the gaps between the derivatives

            theta = mpmath.findroot(gaps, limit)
            return [(a - b) / h for a, b in zip(theta, limit, strict=True)]

        h = mpmath.mpf("1e-6")
        coarse, fine = quotient(h), quotient(h / 2)
        measured = [float(2 * b - a) for a, b in zip(coarse, fine, strict=True)]
        theta = tuple(float(c) for c in limit)
        defect = float(jet[n] - family.jet(limit, n)[n])
    column = np.linalg.inv(family.jacobian(theta))[:, -1] * defect
    return measured, lambda weight: list(weight * column)


@claim(
    "T3.13-general",
    "Theorem 3.13, sharpened",
    "With N nodes x0 + c_j h, θ(h) = θ* + h mean(c) (f^(N) − g^(N)(x0; θ*)) DJ(θ*)⁻¹ e_N + O(h²).",
    "The same.",
    own=True,
)
def leading_term(
    weight: Callable[[Sequence[int]], float] = lambda nodes: sum(nodes) / len(nodes), pairs: Any = PAIRS
) -> Iterator[Fact]:
    for family, nodes in pairs:
        measured, formula = _leading(family, nodes)
        expected = formula(weight(nodes))
        off = distance(measured, expected)
        size = max(abs(v) for v in expected)
        yield printed(
            off < 1e-4 * (1 + size), f"{family!r}, {nodes}: leading term of size {size:.4g}, met {within(off)}."
        )


SMOOTH = sp.exp(X) + X**2 / 3 + X**4 / 24
TABLE = (
    ("straight line", Linear(), Osculating(), 1),
    ("R_P, degree 2", Polynomial(2), MinimumNorm(), 1),
    ("R_E from the right", Exponential(), SmallestRate(bound=2), 1),
    ("R_H, A ≤ 2", Harmonic(), SmallestFrequency(bound=2), 1),
    ("parabola, contact", Polynomial(2), Osculating((0, 0, 1)), 1),
    ("parabola, nodes 0, 1, 2", Polynomial(2), Osculating((0, 1, 2)), 1),
    ("parabola, nodes 0, 1, −1", Polynomial(2), Osculating((0, 1, -1)), 2),
    ("exponential, nodes 0, 1, 2", Exponential(), Osculating((0, 1, 2)), 1),
    ("exponential, nodes 0, 1, −1", Exponential(), Osculating((0, 1, -1)), 2),
    ("cubic, nodes −3, 0, 1, 2", Polynomial(3), Osculating((-3, 0, 1, 2)), 2),
)


@claim(
    "T3.13-rates",
    "Theorem 3.13, Eq. 24",
    "Under appropriate regularisation, ‖θ(h) − θ*‖ = O(h^α) for some α > 0.",
    "For f of class C^(N+1) and a regular θ*: α = 1 in general, and at least 2 exactly where the nodes have mean 0 or "
    "f agrees with its limit curve to one order more; more where it agrees further.",
)
def rates(table: Any = TABLE) -> Iterator[Fact]:
    steps = [10.0**-k for k in (4, 6, 8)]
    grows = exponent(steps, [2 / h * math.asin(math.sqrt(math.expm1(h) / 4)) for h in steps])
    yield printed(grows > 0, f"R_H for A cos(ωs) + C, exp at 0: ω(h) goes like h^{grows:.3f}.")
    for name, family, rule, order in table:
        found = convergence(SMOOTH, 0, family, rule)
        yield under(abs(found.order - order) < 0.02, f"{name}: α = {found.order:.4f}.")
    further = convergence(X**2 + X**5, 0, Polynomial(2), Osculating((0, 1, -1))).order
    yield under(further > 2.5, f"x² + x⁵ at 0, parabola, nodes 0, 1, −1, agrees further: α = {further:.4f}.")


@claim(
    "T3.13-holder",
    "Theorem 3.13, low smoothness",
    "If f^(N−1) is only Hölder continuous with exponent γ, the order is α = γ.",
    "The same.",
    own=True,
)
def hoelder(order: Callable[[int, float], float] = lambda n, gamma: gamma) -> Iterator[Fact]:
    steps = [mpmath.mpf(10) ** -k for k in (5, 6)]
    for n in (2, 3, 4):
        found = []
        for gamma in (0.25, 0.5, 0.75):
            family, nodes = Polynomial(n - 1), tuple(range(n))
            size = [
                max(abs(c) for c in family.through(nodes, h, [mpmath.mpf(c * h) ** (n - 1 + gamma) for c in nodes]))
                for h in steps
            ]
            found.append(exponent(steps, size))
        off = max(abs(a - order(n, g)) for a, g in zip(found, (0.25, 0.5, 0.75), strict=True))
        listed = ", ".join(f"{a:.4f}" for a in found)
        yield printed(off < 1e-3, f"N = {n}, |x|^(N−1+γ) at 0 with γ = 0.25, 0.5, 0.75: α = {listed}.")


def slow_slope(h: Any) -> Any:
    """D(h)/h at 0 for the f with f′(t) = 1/log(1/t): E1(log 1/h)/h, which falls more slowly than any power of h."""
    return mpmath.e1(mpmath.log(1 / h)) / h


@claim(
    "T3.13-norate",
    "Theorem 3.13 for f of class C¹",
    "Some α > 0 exists already for continuously differentiable f.",
    "A Hölder modulus of f′ is needed: for f′ = 1/log(1/t) the error falls only like 1/log(1/h).",
)
def no_rate(error: Callable[[Any], Any] = slow_slope) -> Iterator[Fact]:
    local = []
    for k in (5, 50, 500, 5000):
        h = mpmath.mpf(10) ** -k
        local.append(exponent([h, h / 2], [error(h), error(h / 2)]))
    listed = ", ".join(f"{a:.2g}" for a in local)
    yield printed(
        local[-1] > local[0] / 10, f"The exponent of the error at h = 1e-5, 1e-50, 1e-500, 1e-5000: {listed}."
    )
    h = mpmath.mpf(10) ** -5000
    product = float(slow_slope(h) * mpmath.log(1 / h))
    yield corrected(close(product, 1, 1e-3), f"Error times log(1/h) at h = 1e-5000: {product:.5f}.")


# -- what is recovered -------------------------------------------------------------------------------------------------


@claim(
    "T3.16/Eq33",
    "Theorem 3.16, Eq. 33",
    "f′ is the slope of ∇_L and the coefficient 1 of ∇_P².",
    "The same; under the other rules it is the slope of the limit curve.",
)
def slope_recovered(expected: Callable[[Sequence[Any]], Any] = lambda jet: jet[1]) -> Iterator[Fact]:
    with mpmath.workdps(40):
        h = mpmath.mpf("1e-10")
        f = precise(sp.exp(X))
        x0 = mpmath.mpf("0.5")
        wanted = expected([f(x0)] * 3)
        y = [f(x0), f(x0 + h), f(x0 + 2 * h)]
        slopes = {
            "∇_L": Linear().through((0, 1), h, y[:2])[0],
            "∇_P² by R_P": MinimumNorm().solve(Polynomial(2), y[0], y[1], h)[1],
            "∇_P² osculating": Polynomial(2).through((0, 1, 2), h, y)[1],
        }
        for name, found in slopes.items():
            off = float(abs(found - wanted))
            yield printed(
                off < 1e-9, f"exp at 0.5, h = 1e-10: the slope of {name} is within {off:.1e} of {float(wanted):.6f}."
            )
    others: tuple[tuple[Any, Any], ...] = (
        (Polynomial(4), MinimumNorm()),
        (Exponential(), Osculating()),
        (Exponential(), SmallestRate(bound=2)),
        (Harmonic(), SmallestFrequency(bound=5)),
        (Harmonic(offset=False), SmallestFrequency(bound=5)),
    )
    half, worst = sp.Rational(1, 2), 0.0
    for family, rule in others:
        theta = [float(c) for c in transform(sp.exp(X), half, family, rule, side="right").theta]
        worst = max(worst, abs(float(family.jet(theta, 1)[1]) - float(wanted)))
    yield corrected(worst < 1e-9, f"{len(others)} other rules: the limit curve's slope is f′ {within(worst)}.")


@claim(
    "T3.16/Eq34-35",
    "Theorem 3.16, Eq. 34 and 35",
    "f″ = 2 [∇_P²]_2 and [∇_Pⁿ]_k = f^(k)/k!, with the printed rule.",
    "State it for the osculating rule.",
)
def bend_recovered(rule: Callable[[Sequence[Any], Any], Any] | None = None) -> Iterator[Fact]:
    rule = rule or (lambda y, h: MinimumNorm().solve(Polynomial(2), y[0], y[1], h)[0])
    with mpmath.workdps(40):
        h = mpmath.mpf("1e-8")
        y = [mpmath.exp(mpmath.mpf("0.5") + k * h) for k in range(5)]
        bend, wanted = float(rule(y, h)), float(y[0]) / 2
        yield printed(close(bend, wanted, 1e-6), f"exp at 0.5, h = 1e-8: a2 = {bend:.4g}, and f″/2 = {wanted:.4f}.")
        for n in (2, 3, 4):
            theta = Polynomial(n).through(tuple(range(n + 1)), h, y[: n + 1])
            off = max(abs(float(theta[n - k]) - float(y[0]) / math.factorial(k)) for k in range(n + 1))
            yield corrected(off < 1e-6, f"Through {n + 1} points, degree {n}: {near(off)} f^(k)/k!.")


# -- when to stop ------------------------------------------------------------------------------------------------------


def _stopped(theta: Callable[[int], float], eps: float, first: int = 1) -> tuple[int, float]:
    """The first k with |θ(h_{k+1}) − θ(h_k)| < ε, and θ there."""
    k = next(k for k in range(first, 5000) if abs(theta(k + 1) - theta(k)) < eps)
    return k + 1, theta(k + 1)


@claim(
    "R3.1",
    "Remark 3.1",
    "When ‖θ(h_{k+1}) − θ(h_k)‖ < ε, the limit is reached.",
    "Where the error goes like K h^α, it is about ρ^α/(1 − ρ^α) times the last increment. Look at both signs of h, "
    "and not "
    "below the h at which rounding takes over.",
)
def stopping(
    stretch: Callable[[float, float], float] = lambda rho, alpha: rho**alpha / (1 - rho**alpha), slack: float = 10.0
) -> Iterator[Fact]:
    h = 1e-17
    slopes = [(math.exp(1 + step) - math.exp(1)) / step for step in (h, h / 2)]
    off = abs(slopes[1] - math.e)
    yield printed(
        off < slack * 1e-6,
        f"exp at 1 in doubles, h = 1e-17 and its half: slopes {slopes[0]:g} and {slopes[1]:g}, {off:.3f} off.",
    )
    k, value = _stopped(lambda k: float(slow_slope(mpmath.mpf(2) ** -k)), 1e-4)
    yield printed(
        value < slack * 1e-4, f"f′ = 1/log(1/t), ε = 1e-4: it stops at h = 2^-{k} with the error {value / 1e-4:.0f} ε."
    )
    k, value = _stopped(
        lambda k: float(SmallestRate(bound=2).solve(Exponential(), 1.0, math.exp(2.0**-k), 2.0**-k)[0]), 1e-6
    )
    left = float(SmallestRate(bound=2).solve(Exponential(), 1.0, math.exp(-(2.0**-k)), -(2.0**-k))[0])
    yield printed(
        abs(value - left) < slack * 1e-6, f"R_E on exp, h > 0: it stops at A = {value:g}; from the left A = {left:g}."
    )
    for name, theta, limit, alpha in (
        ("exp at 1, slope", lambda h: (math.exp(1 + h) - math.e) / h, math.e, 1),
        ("the same, centred", lambda h: (math.exp(1 + h) - math.exp(1 - h)) / (2 * h), math.e, 2),
    ):
        rho, h = 0.25, 2.0**-8
        error, increment = abs(theta(rho * h) - limit), abs(theta(rho * h) - theta(h))
        guess = increment * stretch(rho, alpha)
        yield corrected(
            close(guess / error, 1, 0.02), f"{name}: error {error:.3e}, told from the increment {guess:.3e}."
        )
