"""Condor, section 3: what two values of f, or m of them, can tell about f, whatever the rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from ..families import Exponential, Harmonic, Linear, Polynomial, Trigonometric
from ..rules import MinimumNorm, Osculating, SmallestFrequency, SmallestRate
from ..transform import transform
from .claim import Fact, claim, corrected, near, printed, within
from .measure import X, distance, jet_of, precise

CONVERGENT = (
    (Linear(), Osculating(), "both"),
    (Polynomial(2), MinimumNorm(), "both"),
    (Polynomial(4), MinimumNorm(), "both"),
    (Trigonometric(1), MinimumNorm(), "both"),
    (Polynomial(3), Osculating(), "both"),
    (Exponential(), Osculating(), "both"),
    (Exponential(), SmallestRate(bound=2), "right"),
    (Exponential(), SmallestRate(bound=2), "left"),
    (Harmonic(), SmallestFrequency(bound=5), "both"),
    (Harmonic(offset=False), SmallestFrequency(bound=5), "both"),
)


@claim(
    "L-contact",
    "Definition 3.6, what it implies",
    "If θ(h) tends to θ* and g is smooth, the limit curve touches f: g(x0; θ*) = f(x0) and g′(x0; θ*) = f′(x0), "
    "whatever "
    "the rule.",
    "The same: subtract C1 from C2, divide by h, and use the mean value theorem.",
    own=True,
)
def contact(rules: Any = CONVERGENT, expected: Callable[[Sequence[float]], Sequence[float]] = tuple) -> Iterator[Fact]:
    f = sp.exp(X) + X**2
    jet = [float(v) for v in jet_of(f, sp.Rational(1, 2), 1)]
    worst = 0.0
    for family, rule, side in rules:
        theta = [float(c) for c in transform(f, sp.Rational(1, 2), family, rule, side=side).theta]
        worst = max(worst, distance(family.jet(theta, 1), expected(jet)))
    yield printed(worst < 1e-9, f"{len(rules)} limits of exp(x) + x² at 1/2: (g, g′) is (f, f′) {within(worst)}.")
    call, h, gap, between = sp.lambdify(X, f), 0.1, 0.0, 0
    for family, rule, side in rules:
        step = -h if side == "left" else h
        nodes = rule.nodes(family)
        theta = rule.at(family, nodes, step, [float(call(0.5 + float(c) * step)) for c in nodes])
        secant = (call(0.5 + step) - call(0.5)) / step
        gap = max(gap, abs(float(family(step, theta) - family(0.0, theta)) / step - secant))
        s = np.linspace(0, step, 9)[:, None] + np.array([-1e-5, 1e-5])
        slopes = np.array([(float(family(b, theta)) - float(family(a, theta))) / 2e-5 for a, b in s])
        between += bool(slopes.min() - 1e-6 <= secant <= slopes.max() + 1e-6)
    yield corrected(
        gap < 1e-9 and between == len(rules),
        f"h = ±{h:g}: C2 less C1 over h is met {within(gap)}, and g′ takes that value in between for {between} of "
        f"{len(rules)} rules.",
    )


Selection = Callable[[Any, Any, Any, Any], Any]  # a2 from h, the secant slope d, and, for one that peeks, p and q
SELECTIONS: dict[str, Selection] = {
    "least norm": lambda h, d, p, q: h * d / (1 + h * h),
    "d": lambda h, d, p, q: d,
    "(d − 1/2)/h": lambda h, d, p, q: (d - 0.5) / h,
    "sin(d/h²)": lambda h, d, p, q: np.sin(d / h**2),
    "0": lambda h, d, p, q: 0 * d,
}


def share_found(rule: Selection, h: float, eps: float, count: int) -> float:
    """The share of the quadratics ps + qs², p in [0, 1], q in [−1, 1], whose q the rule finds within ε at step h.

    By integration in the coordinates (d, q), d = p + qh: over d by the midpoint rule, and over q exactly where the miss
    is linear in q, as it is for a rule that sees d only.
    """
    d = ((np.arange(count) + 0.5) / count * (1 + 2 * h) - h)[:, None]
    low, high = np.maximum(-1, (d - 1) / h), np.minimum(1, d / h)  # where p = d − qh is in [0, 1]
    q = low + np.maximum(high - low, 0) * np.linspace(0, 1, 9)
    miss = np.broadcast_to(rule(h, d, d - q * h, q), q.shape) - q
    rise = np.diff(miss)
    inside = np.abs(np.diff(np.clip(miss, -eps, eps)))
    found = np.divide(inside, np.abs(rise), out=(np.abs(miss[:, :-1]) < eps).astype(float), where=rise != 0)
    return float((found * np.diff(q)).sum() * (1 + 2 * h) / count / 2)


@claim(
    "L-order-barrier",
    "Eq. 20, its limit",
    "A rule that reads only h, f(x0) and f(x0 + h) finds f″/2 for almost no quadratic: of the f = ps + qs² with p in "
    "[0, 1], "
    "q in [−1, 1] at most a share ε(1 + 2h) is found within ε at step h.",
    "The same.",
    own=True,
)
def barrier(selections: dict[str, Selection] = SELECTIONS, count: int = 4000) -> Iterator[Fact]:
    for name, rule in selections.items():
        shares = [
            share_found(rule, h, eps, count) / (eps * (1 + 2 * h)) for h in (0.1, 0.01, 0.001) for eps in (0.1, 0.02)
        ]
        yield printed(
            max(shares) < 1 + 1e-9, f"a2 = {name}: {max(shares):.3f} of the bound at most, over 6 pairs (h, ε)."
        )


@claim(
    "L-order-barrier-gen",
    "Eq. 20, its limit",
    "A limit taken from two values depends on f and f′ alone: (p, q) → (p − τh, q + τ) changes f = ps + qs² but "
    "neither of "
    "the values read.",
    "The same; m values determine at most f, f′, …, f^(m−1).",
    own=True,
)
def shear(rules: Any = CONVERGENT[1:3] + CONVERGENT[6:9]) -> Iterator[Fact]:
    p, q, h, tau, s = sp.symbols("p q h tau s")
    change = (p * s + q * s**2 - (p - tau * h) * s - (q + tau) * s**2).subs(s, h)
    yield printed(sp.expand(change) == 0, f"The two quadratics differ at s = h by {sp.expand(change)}.")
    for family, rule, side in rules:
        limits = [
            [float(c) for c in transform(1 + 3 * X + bend * X**2, 0, family, rule, side=side).theta]
            for bend in (-2, 0, 5)
        ]
        spread = float(np.max(np.ptp(limits, axis=0)))
        yield printed(
            spread < 1e-12, f"{rule!r}, {family!r}, {side}: for q = −2, 0, 5 the limits differ by {spread:.2g}."
        )
    for m in (2, 3, 4):
        nodes = [k * h for k in range(m)]
        change = sp.expand(sp.prod(s - node for node in nodes))
        unseen = not any(sp.expand(change.subs(s, node)) for node in nodes)
        jet = [sp.diff(change, s, k).subs({s: 0, h: 0}) for k in range(m + 1)]
        yield corrected(
            unseen and not any(jet[:m]) and jet[m] != 0,
            f"A change of f that {m} values do not show moves f, …, f^({m}) by {', '.join(map(str, jet))} as h → 0.",
        )


@claim(
    "L-aliasing",
    "Eq. 5, where it is really needed",
    "ω and ω + 2πk/h agree at all nodes, so a rule with more nodes must take the least ω.",
    "Take the principal branch of the arc cosine: it gives back every ω with |ωh| < π.",
    own=True,
)
def aliasing(period: Callable[[float], float] = lambda h: 2 * math.pi / h, seed: int = 6) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    worst = gap = back = 0.0
    nodes = np.arange(-3, 4)
    family = Harmonic()
    for _ in range(40):
        h, phi = rng.uniform(0.1, 1), rng.uniform(0.5, 2.5)
        w = rng.uniform(0.1, 0.9) * math.pi / h
        for k in (1, 2, -1):
            worst = max(worst, distance(np.cos((w + k * period(h)) * nodes * h + phi), np.cos(w * nodes * h + phi)))
        values = [float(family(c * h, (1.5, w + period(h), phi, 0.3))) for c in (-1, 0, 1, 2)]
        gap = max(gap, abs(float(family.through((-1, 0, 1, 2), h, values)[1]) - w) / w)
        own = [float(family(c * h, (1.5, w, phi, 0.3))) for c in (-1, 0, 1, 2)]
        back = max(back, abs(float(family.through((-1, 0, 1, 2), h, own)[1]) - w) / w)
    yield printed(worst < 1e-12, f"40 random ω at 7 nodes, k = 1, 2, −1: the values agree {within(worst)}.")
    yield printed(gap < 1e-8, f"From the values of ω + 2π/h the principal branch gives ω back {within(gap)}.")
    yield corrected(back < 1e-8, f"From those of ω itself, 0.1 < |ωh|/π < 0.9, it gives ω back {within(back)}.")


LEAST_NORM = MinimumNorm()
EXACT = (
    (Polynomial(3), (0, 1, -1, 2)),
    (Exponential(), (0, 1, 2)),
    (Exponential(), (0, 1, -1)),
    (Harmonic(offset=False), (0, 1, -1)),
    (Harmonic(), (0, 1, -1, 2)),
)


@claim(
    "L-exactness",
    "Definition 3.4, on the family itself",
    "If f is a member of the family, an osculating rule gives its θ at every h (a harmonic's where |ωh| < π); the "
    "printed "
    "rules miss s² and exp(s).",
    "The same.",
    own=True,
)
def exactness(
    through: Callable[[Any, Any, Any, Any], Any] = lambda family, nodes, h, values: family.through(nodes, h, values),
    literal: Any = LEAST_NORM,
    seed: int = 7,
) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    for family, nodes in EXACT:
        worst = 0.0
        for _ in range(30):
            theta = tuple(float(c) for c in rng.uniform((0.5, 0.3, 0.5, -1), (2, 2, 2.5, 1))[: family.size])
            h = float(rng.uniform(0.2, 0.7))
            found = through(family, nodes, h, [float(family(c * h, theta)) for c in nodes])
            worst = max(worst, float(np.max(np.abs(family.difference(found, theta)))))
        yield printed(worst < 1e-8, f"{family!r}, nodes {nodes}: 30 random members are given back {within(worst)}.")
    h = 0.1
    bend = float(literal.solve(Polynomial(2), 0.0, h * h, h)[0])
    yield printed(abs(bend - 1) > 0.1, f"R_P on s² at h = {h:g} gives a2 = {bend:.4f}, not 1.")
    rate = float(SmallestRate(bound=2).solve(Exponential(), 1.0, math.exp(h), h)[1])
    yield printed(abs(rate - 1) > 0.1, f"R_E with M = 2 on exp at h = {h:g} gives B = {rate:.4f}, not 1.")


@claim(
    "P-mnode-minnorm",
    "Eq. 3 with more nodes",
    "With m nodes, degree n ≥ m and the least norm the limit is (f, f′, …, f^(m−1)/(m−1)!, 0, …, 0); the paper's "
    "rule is m = 2.",
    "The same.",
    own=True,
)
def more_nodes(
    expected: Callable[[int, int], float] = lambda k, m: 1 / math.factorial(k) if k < m else 0.0,
) -> Iterator[Fact]:
    f = precise(sp.exp(X))  # at 0 all derivatives are 1
    with mpmath.workdps(80):
        h = mpmath.mpf("1e-9")
        for m in (2, 3, 4):
            worst = 0.0
            for n in range(m, m + 3):
                rows = mpmath.matrix(m, n + 1)
                for j in range(m):
                    for k in range(n + 1):
                        rows[j, k] = (j * h) ** k
                values = mpmath.matrix([f(j * h) for j in range(m)])
                theta = rows.T * mpmath.lu_solve(rows * rows.T, values)
                worst = max(worst, max(abs(float(theta[k]) - expected(k, m)) for k in range(n + 1)))
            yield printed(worst < 1e-7, f"m = {m}, n = {m} to {m + 2}, exp at 0, h = 1e-9: {near(worst)} that limit.")
