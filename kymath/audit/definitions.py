"""Condor, section 3: the definitions, and what they take for granted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import sympy as sp

from ..families import Exponential, Family, Harmonic, Linear, Polynomial, Trigonometric
from ..rules import MinimumNorm, Osculating, Rule, SmallestFrequency, SmallestRate
from ..rules.minimise import minimum
from ..transform import transform
from .claim import Fact, claim, corrected, meaning, printed, within
from .claim import conditional as under
from .measure import X, distance, is_zero, jet_of

FAMILIES = (Linear(), Polynomial(2), Exponential(), Trigonometric(1), Harmonic(offset=False), Harmonic())
BENT = sp.exp(X) + X**2
TWO_POINT = (
    (Linear(), Osculating()),
    (Polynomial(2), MinimumNorm()),
    (Exponential(), SmallestRate(bound=2)),
    (Harmonic(), SmallestFrequency(bound=2)),
    (Harmonic(offset=False), SmallestFrequency(bound=4)),
)


def _collision(family: Any, s: float) -> tuple[float, float]:
    """Two points opposite each other on a circle of parameters with the same g(s; θ): their gap in g and in θ."""
    centre = np.full(family.size, 1.5)

    def g(angle: float) -> float:
        theta = centre.copy()
        theta[:2] += np.array([math.cos(angle), math.sin(angle)])[: family.size]
        return float(family(s, tuple(theta)))

    def gap(angle: float) -> float:
        return g(angle) - g(angle + math.pi)

    low, high = 0.0, math.pi  # gap(π) = −gap(0)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if gap(middle) * gap(low) > 0 else (low, middle)
    apart = 2.0 if family.size > 1 else abs(2 * math.cos(low))
    return abs(gap(low)), apart


@claim(
    "D3.2(2)",
    "Definition 3.2, condition 2",
    "At every fixed t the map θ → g(t; θ) is one-to-one.",
    "Ask that θ be known from the whole function g(·; θ), locally det DJ ≠ 0: no map from two or more real "
    "parameters to "
    "one number is continuous and one-to-one.",
)
def one_to_one(families: Sequence[Any] = FAMILIES, points: Sequence[float] = (0.0, 0.7)) -> Iterator[Fact]:
    clear, worst = [], 0.0
    for family in families:
        found = [_collision(family, s) for s in points]
        clear.append(not any(gap < 1e-12 and apart > 1e-6 for gap, apart in found))
        worst = max(worst, *(gap for gap, _ in found))
    yield meaning(
        any(clear),
        f"On a circle of parameters, bisection finds two opposite θ, 2 apart, with the same g(t; θ) in "
        f"{len(clear) - sum(clear)} of {len(clear)} families (largest gap left {worst:.0e}).",
    )
    yield printed(all(clear), f"{sum(clear)} of {len(clear)} families are free of such pairs.")
    theta = (1.3, 0.7, 0.4, 0.2, 0.9)
    dets = [abs(float(np.linalg.det(f.jacobian(theta[: f.size])))) for f in families]
    yield corrected(min(dets) > 1e-6, f"|det DJ| at a generic θ is at least {min(dets):.3g}: there θ is identifiable.")


A_, B_, C_, W_, P_ = sp.symbols("A B C w p", real=True)
_U = sp.Symbol("u", real=True)
DETERMINANTS = {
    "exponential": (A_ * sp.exp(B_ * _U) + C_, (A_, B_, C_), A_ * B_**2),
    "sine": (A_ * sp.sin(W_ * _U + P_), (A_, W_, P_), -2 * A_**2 * W_**2 * sp.sin(P_)),
    "sine with offset": (A_ * sp.sin(W_ * _U + P_) + C_, (A_, W_, P_, C_), 2 * A_**2 * W_**5 * sp.cos(P_)),
}


@claim(
    "D3.2-ident",
    "Definition 3.2, corrected",
    "θ is not known from g(·; θ) where det DJ = 0 (A B² for the exponential, −2A²ω² sin φ and 2A²ω⁵ cos φ for the "
    "sine), "
    "and four signs of (A, ω, φ) write the same sine.",
    "Restrict to A B ≠ 0, and to A > 0, ω > 0, φ modulo 2π.",
    own=True,
)
def identifiable(determinants: Any = None, shift: Any = sp.pi, seed: int = 34) -> Iterator[Fact]:
    for name, (g, theta, formula) in (determinants or DETERMINANTS).items():
        jet = [sp.diff(g, _U, k).subs(_U, 0) for k in range(len(theta))]
        det = sp.simplify(sp.Matrix(jet).jacobian(theta).det())
        yield printed(is_zero(det - formula), f"det DJ of the {name} is {sp.factor(det)}.")
    sine = A_ * sp.sin(W_ * _U + P_)
    twins = ((-A_, W_, P_ + shift), (A_, -W_, shift - P_), (-A_, -W_, -P_))
    equal = [is_zero(sp.expand_trig(a * sp.sin(w * _U + p) - sine)) for a, w, p in twins]
    yield printed(all(equal), f"{sum(equal)} of 3 other (A, ω, φ) give the same sine.")
    rng, worst = np.random.default_rng(seed), 0.0
    for family in (Exponential(), Harmonic(offset=False), Harmonic()):
        for _ in range(30):
            drawn = rng.uniform((0.2, 0.2, 0, -1), (2, 2, 2 * math.pi, 1))
            if isinstance(family, Exponential):
                drawn = rng.choice([-1, 1], 4) * drawn
            member = tuple(float(c) for c in drawn[: family.size])
            found = family.from_jet(family.jet(member, family.size - 1))
            worst = max(worst, float(np.max(np.abs(family.difference(found, member)))))
    yield corrected(worst < 1e-6, f"With these restrictions 90 random θ are found again from g {within(worst)}.")


@claim(
    "D3.3",
    "Definition 3.3, Eq. 1 and 2",
    "The parameters are asked to satisfy C1(h) and C2(h): the curve passes through f(x0) and f(x0 + h).",
    "For any limit, g must be differentiable in t as well; Definition 3.2 asks for it in θ only.",
)
def constraints(rules: Any = TWO_POINT, seed: int = 33) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    worst = 0.0
    for family, rule in rules:
        for f0, rise, h in zip(*rng.uniform(0.1, 1.0, (3, 20)), strict=True):
            for step in (h, -h):
                theta = rule.solve(family, f0, f0 + rise, step)
                worst = max(worst, abs(float(family(0.0, theta)) - f0), abs(float(family(step, theta)) - f0 - rise))
    yield printed(worst < 1e-12, f"{len(rules)} rules, 40 random problems each: C1 and C2 are met {within(worst)}.")
    right, left = (h / abs(h) for h in (1e-9, -1e-9))
    yield corrected(
        right != left,
        f"g = a|t − x0| + b is smooth in θ, and joins the points of f = t with a = {right:g} and {left:g}.",
    )


@claim(
    "T3.5",
    "Theorem 3.5",
    "Any regularisation condition makes θ(h) unique for every h ≠ 0.",
    "It does where the objective is strictly convex and the solutions of C1, C2 form a plane (R_P for polynomials); "
    "otherwise uniqueness is to be shown family by family.",
)
def unique(families: Sequence[Any] = (Family("(a**2 + b**2)*s + c", "a b c"),), rise: float = 0.0) -> Iterator[Fact]:
    for family in families:
        found = minimum(MinimumNorm(), family, 0.0, 1.0, 1.0)
        alone = found is not None and found.unique
        least = math.nan if found is None else found.objective
        yield printed(
            alone, f"{family.expression}: least |θ|² {least:.6g}, reached by {'one θ' if alone else 'many θ'}."
        )
    amplitudes = np.linspace(-2, 2, 9)
    level = [float(Exponential()(1.0, (a, 0.0, 1.0 - a))) for a in amplitudes]
    equal = sum(abs(y - 1.0 - rise) < 1e-12 for y in level)
    yield printed(equal <= 1, f"R_E where f(x0 + h) − f(x0) = {rise:g}: {equal} of 9 amplitudes serve with B = 0.")
    worst = 0.0
    for n in range(2, 6):
        rows = np.array([[0.5**k for k in range(n, 0, -1)]])
        least_norm = np.linalg.pinv(rows)[:, 0]
        along = np.linalg.svd(rows)[2][1:]  # the directions that keep C2
        worst = max(worst, float(np.max(np.abs(along @ least_norm))))
    yield corrected(
        worst < 1e-12, f"R_P, degrees 2 to 5: every other solution is longer (inner products below {worst:.0e})."
    )


@claim(
    "D3.6(2)",
    "Definition 3.6, condition 2",
    "That g(x0; θ(h)) tends to f(x0) is a condition to be asked for.",
    "It may be dropped: C1(h) says it at every h already. Condition 1 is what defines existence.",
)
def consistency(rules: Any = TWO_POINT, f: sp.Expr = BENT) -> Iterator[Fact]:
    call = sp.lambdify(X, f)
    worst = 0.0
    for family, rule in rules:
        for h in (0.5, 1e-2, 1e-5, -1e-5):
            theta = rule.solve(family, call(0.3), call(0.3 + h), h)
            worst = max(worst, abs(float(family(0.0, theta)) - call(0.3)))
    yield printed(worst < 1e-12, f"|g(x0; θ(h)) − f(x0)| is at most {worst:.0e}, for {len(rules)} rules at 4 steps h.")
    sides = [SmallestRate(bound=2).solve(Exponential(), call(0.3), call(0.3 + h), h) for h in (1e-6, -1e-6)]
    apart = distance(*sides)
    off = max(abs(float(Exponential()(0.0, theta)) - call(0.3)) for theta in sides)
    yield corrected(
        off < 1e-12 < 1 < apart,
        f"R_E, M = 2, h = ±1e-6: the two θ(h) are {apart:.3g} apart, so that there is no limit, and condition 2 is met "
        f"{within(off)}: it decides nothing.",
    )


SMOOTH = (
    (sp.exp(X), 0, Polynomial(2), Osculating()),
    (sp.exp(X), 0, Exponential(), Osculating()),
    (sp.sin(X), 1, Polynomial(2), MinimumNorm()),
    (sp.exp(X), 0, Exponential(), SmallestRate(bound=2)),
    (sp.sin(X), 0, Exponential(), Osculating()),
)


def _theta(f: sp.Expr, x0: Any, family: Any, rule: Rule, h: float) -> list[float]:
    call = sp.lambdify(X, f)
    nodes = rule.nodes(family)
    return [float(c) for c in rule.at(family, nodes, h, [float(call(float(x0) + float(c) * h)) for c in nodes])]


@claim(
    "D3.7",
    "Definition 3.7, Eq. 6",
    "The transform of a KY-differentiable f is the limit of θ(h).",
    "Define it where θ(h) is unique for small h and converges; “KY-differentiable” then means just that.",
)
def limit_of_theta(cases: Any = SMOOTH) -> Iterator[Fact]:
    results = [transform(f, x0, family, rule, raises=False) for f, x0, family, rule in cases]
    reached = [bool(result.success) for result in results]
    names = ", ".join(
        f"{r.symbol}[{c[0]}]({c[1]})" for r, c, good in zip(results, cases, reached, strict=True) if not good
    )
    yield printed(
        all(reached), f"Of {len(reached)} smooth functions {len(reached) - sum(reached)} have no limit: {names}."
    )
    gaps = []
    for result, case in zip(results, cases, strict=True):
        if result.success:
            f, x0, family, rule = case
            gaps += [
                distance(_theta(f, x0, family, rule, h), result.theta) for h in (2.0**-14, 3.0**-9, -(5.0**-6), -1e-4)
            ]
    yield under(
        bool(gaps) and max(gaps) < 2e-3,
        f"For the {sum(reached)} others, θ(h) on four different sequences is within "
        f"{max(gaps, default=math.nan):.1e} of it.",
    )


def _readings(jet: Sequence[float]) -> dict[str, float]:
    """ω of ∇_H under the formulas that its name allows."""
    return {
        "A cos(ωs + φ) + C": float(Harmonic().from_jet(jet)[1]),
        "A cos(ωs + φ)": float(Harmonic(offset=False).from_jet(jet[:3])[1]),
        "the first with least ω, A ≤ 2": abs(jet[1]) / 2,
    }


@claim(
    "D3.8",
    "Definition 3.8, Eq. 7 to 11",
    "There are five named transforms, ∇_L, ∇_Pⁿ, ∇_E, ∇_T and ∇_H.",
    "Give ∇_T and ∇_H a connection function, such as A cos(ωs + φ) + C, and one selection rule; then they are defined.",
)
def five_names(readings: Callable[[Sequence[float]], dict[str, float]] = _readings) -> Iterator[Fact]:
    f = sp.cos(3 * X) / 2 + 1 + X / 10
    jet = [float(v) for v in jet_of(f, sp.Rational(1, 5), 3)]
    found = readings(jet)
    listed = ", ".join(f"{name}: ω = {value:.4g}" for name, value in found.items())
    spread = max(found.values()) - min(found.values())
    yield meaning(spread < 1e-9, f"No formula is printed for ∇_H, and its readings disagree for {f} at 1/5: {listed}.")
    yield printed(spread < 1e-9, f"The readings lie {spread:.3g} apart.")
    near = _theta(f, 0.2, Harmonic(), Osculating((-1, 0, 1, 2)), 1e-3)
    gap = distance(near, Harmonic().from_jet(jet))
    yield corrected(gap < 1e-2, f"With formula and rule fixed, θ(h) at h = 0.001 is within {gap:.1e} of one limit.")


@claim(
    "Eq13",
    "Eq. 13",
    "The quadratic coefficient of ∇_P² is the curvature.",
    "It is f″/2; the curvature of the graph is f″/(1 + f′²)^(3/2).",
)
def curvature_name(alias: Callable[[sp.Expr, Any], Any] | None = None) -> Iterator[Fact]:
    alias = alias or (lambda f, x0: transform(f, x0, Polynomial(2)).coefficient(2))
    for f, x0 in ((X**2, 1), (sp.exp(X), 0)):
        f1, f2 = (float(v) for v in jet_of(f, x0, 2)[1:])
        named, bend = float(alias(f, x0)), _circle(sp.lambdify(X, f), float(x0))
        yield printed(
            abs(named - bend) < 1e-6,
            f"{f} at {x0}: coefficient {named:.6g}, 1/radius of the osculating circle {bend:.6g}.",
        )
        yield corrected(abs(bend - f2 / (1 + f1 * f1) ** 1.5) < 1e-6, f"f″ = {f2:g}, f′ = {f1:g}.")


def _circle(f: Callable[[float], float], x0: float, h: float = 1e-4) -> float:
    """1 / radius of the circle through three near points of the graph."""
    a, b, c = ((x0 + k * h, f(x0 + k * h)) for k in (-1, 0, 1))
    twice = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
    return 2 * twice / (math.dist(a, b) * math.dist(b, c) * math.dist(a, c))
