"""Condor, section 3.7: the chain rule, operator by operator."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import sympy as sp

from ..families import Exponential, Harmonic, Linear, Polynomial
from ..rules import MinimumNorm, SmallestFrequency, SmallestRate
from .claim import Fact, claim, corrected, near, printed, within
from .claim import conditional as under
from .measure import U, X, close, distance, is_zero, jet_of

Jet = Sequence[Any]


def composed(f: Jet, g: Jet) -> list[Any]:
    """The jet of f∘g to the third order, Faà di Bruno: f at u0 = g(x0), g at x0."""
    f0, f1, f2, f3 = f
    _, g1, g2, g3 = g
    return [f0, f1 * g1, f2 * g1**2 + f1 * g2, f3 * g1**3 + 3 * f2 * g1 * g2 + f1 * g3]


# -- osculating rules --------------------------------------------------------------------------------------------------


def composed_parabola(f: Sequence[Any], g: Sequence[Any]) -> tuple[Any, Any, Any]:
    """(a2, a1, a0) of f∘g from those of f at g(x0) and of g at x0."""
    return f[0] * g[1] ** 2 + f[1] * g[0], f[1] * g[1], f[2]


@claim(
    "T3.14-osc-poly",
    "Theorem 3.14, polynomials",
    "There is a chain operator for polynomials: (a2 c1² + a1 c2, a1 c1, a0) for parabolas.",
    "For the osculating rule: power series are composed and cut off at degree n.",
)
def polynomial_chain(formula: Callable[..., Sequence[Any]] = composed_parabola) -> Iterator[Fact]:
    a, c = sp.symbols("a2 a1 a0"), sp.symbols("c2 c1 c0")
    s = c[1] * U + c[0] * U**2  # g − g(x0)
    whole = sp.Poly(sp.expand(a[0] * s**2 + a[1] * s + a[2]), U)
    good = all(is_zero(whole.coeff_monomial(U**k) - formula(a, c)[2 - k]) for k in range(3))
    yield printed(
        good, f"Any two parabolas: the product has degree {whole.degree()}, its first 3 coefficients are compared."
    )
    f, g = sp.log(1 + X), sp.exp(X) - sp.cos(X) + 1
    family = Polynomial(2)
    parts = [family.from_jet(jet_of(f, 1, 2)), family.from_jet(jet_of(g, 0, 2))]
    true = family.from_jet(jet_of(f.subs(X, g), 0, 2))
    gap = distance([float(v) for v in formula(*parts)], [float(v) for v in true])
    yield printed(gap < 1e-12, f"log(1 + u) after exp(x) − cos(x) + 1 at 0: {near(gap)} its own parabola.")
    for n in (2, 3, 4):
        f_, g_ = sp.symbols(f"f0:{n + 2}"), sp.symbols(f"g0:{n + 2}")
        kept = []
        for size in (n + 1, n + 2):  # cut off at degree n, and one term more in both
            inner = sum(g_[k] * U**k for k in range(1, size))
            outer = sp.Poly(sp.expand(sum(f_[k] * inner**k for k in range(size))), U)
            kept.append([outer.coeff_monomial(U**k) for k in range(n + 1)])
        equal = sum(sp.expand(v - w) == 0 for v, w in zip(*kept, strict=True))
        yield corrected(
            equal == n + 1, f"Degree {n}: terms beyond it change {n + 1 - equal or 'none'} of the {n + 1} coefficients."
        )


def composed_exponential(f: Sequence[Any], g: Sequence[Any]) -> tuple[Any, Any, Any]:
    """(A, B, C) of f∘g; f: (A, B, C) at u0 = g(x0), g: (a, b, c) at x0."""
    factor = 1 + g[0] * f[1]
    return f[0] * g[0] * f[1] / factor, g[1] * factor, f[2] + f[0] / factor


@claim(
    "T3.14-osc-exp",
    "Theorem 3.14, exponentials",
    "There is a chain operator for exponentials: B = b(1 + aB), A = A aB/(1 + aB), C = C + A/(1 + aB).",
    "For the osculating rule where 1 + aB ≠ 0; it is associative where it is defined.",
)
def exponential_chain(formula: Callable[..., Sequence[Any]] = composed_exponential) -> Iterator[Fact]:
    family = Exponential()
    f, g, k = (sp.symbols(names, nonzero=True) for names in ("A B C", "a b c", "p q r"))
    jets = [[*family.jet(theta, 3)] for theta in (f, g)]
    true = family.from_jet(composed(*jets)[:3])
    gaps = [is_zero(v - w) for v, w in zip(formula(f, g), true, strict=True)]
    yield under(all(gaps), f"Faà di Bruno's formula on the two jets gives {sum(gaps)} of its 3 components.")
    left, right = formula(formula(f, g), k), formula(f, formula(g, k))
    same = [is_zero(v - w) for v, w in zip(left, right, strict=True)]
    yield under(all(same), f"(f ⊗ g) ⊗ k = f ⊗ (g ⊗ k) in {sum(same)} of 3 components.")
    lost = composed(jet_of(sp.exp(X), -1, 3), jet_of(-sp.exp(X), 0, 3))[2]
    yield printed(lost != 0, f"exp(u) after −exp(x) at 0: both have a transform, but (f∘g)″ = {lost}.")


def composed_sine(f: Sequence[float], g: Sequence[float]) -> tuple[float, tuple[float, ...]]:
    """W² and (A, W, φ) of f∘g for A sin(ωs + φ), f at u0 = a sin q."""
    big, o, p = f
    a, w, q = g
    square = w**2 * ((o * a * math.cos(q)) ** 2 + o * a * math.sin(q) / math.tan(p))
    f0, f1 = big * math.sin(p), big * o * math.cos(p) * a * w * math.cos(q)
    if square <= 0:
        return square, ()
    return square, (math.hypot(f0, f1 / math.sqrt(square)), math.sqrt(square), math.atan2(f0, f1 / math.sqrt(square)))


def composed_sine_with_offset(f: Sequence[float], g: Sequence[float]) -> tuple[float, tuple[float, ...]]:
    """W² and (A, W, φ, C) of f∘g for A sin(ωs + φ) + C."""
    big, o, p, up = f
    a, w, q, _ = g
    square = w**2 * (1 + (o * a * math.cos(q)) ** 2 - 3 * o * a * math.tan(p) * math.sin(q))
    f1 = big * o * math.cos(p) * a * w * math.cos(q)
    f2 = -big * o**2 * math.sin(p) * (a * w * math.cos(q)) ** 2 - big * o * math.cos(p) * a * w**2 * math.sin(q)
    if square <= 0:
        return square, ()
    root = math.sqrt(square)
    phase = math.atan2(-f2 / square, f1 / root)
    return square, (math.hypot(f1 / root, f2 / square), root, phase, big * math.sin(p) + up + f2 / square)


def _sine_jet(theta: Sequence[float]) -> list[float]:
    a, w, p, *c = theta
    return [a * w**k * math.sin(p + k * math.pi / 2) + (sum(c) if k == 0 else 0.0) for k in range(4)]


@claim(
    "T3.14-osc-harm",
    "Theorem 3.14, harmonics",
    "There is a chain operator for harmonics.",
    "For the osculating rule where W² > 0: W² = ω²[(oa cos q)² + oa sin q cot p] without offset, and "
    "ω²[1 + (oa cos q)² − 3 oa tan p sin q] with one.",
)
def harmonic_chain(
    plain: Any = composed_sine, offset: Any = composed_sine_with_offset, seed: int = 11
) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    for name, formula, size in (("without offset", plain, 3), ("with offset", offset, 4)):
        worst, kept, wrong = 0.0, 0, 0
        for _ in range(200):
            f, g = (list(rng.uniform(0.3, 1.4, size)) for _ in range(2))
            true = composed(_sine_jet(f), _sine_jet(g))
            square, theta = formula(f, g)
            real = -true[2] / true[0] if size == 3 else -true[3] / true[1]
            wrong += (square > 0) != (real > 0)
            if theta and real > 0:
                kept += 1
                worst = max(worst, distance(_sine_jet(theta)[:size], true[:size]) / (1 + max(map(abs, true))))
        yield printed(kept == 200, f"{name}: {kept} of 200 random pairs have a composition in the family.")
        yield under(
            wrong == 0 and worst < 1e-9,
            f"They are those with W² > 0 ({wrong} exceptions); jets met {within(worst)}.",
        )
    square = offset((1.0, 1.0, 1.3, 0.0), (1.0, 1.0, 1.0, 0.0))[0]
    yield printed(square > 0, f"oa = 1, p = 1.3, q = 1 with offset: W²/ω² = {square:.2f}.")


# -- the rules as printed ----------------------------------------------------------------------------------------------

M = 3.0
LITERAL: dict[str, tuple[Callable[[float, float], tuple[float, ...]], Callable[..., tuple[float, ...]]]] = {
    "R_P": (lambda f0, f1: (0.0, f1, f0), lambda f, g, u0: (0.0, f[1] * g[1], f[2])),
    "R_E, right": (
        lambda f0, f1: (math.copysign(M, f1), abs(f1) / M, f0 - math.copysign(M, f1)),
        lambda f, g, u0: (f[0] * g[0] / M, M * f[1] * g[1], f[2] + f[0] - f[0] * g[0] / M),
    ),
    "R_H with offset": (
        lambda f0, f1: (M, abs(f1) / M, 0.0 if f1 > 0 else math.pi, f0),
        lambda f, g, u0: (M, M * f[1] * g[1], (f[2] + g[2]) % (2 * math.pi), f[3]),
    ),
    "R_H without offset": (
        lambda f0, f1: (M, f1 / math.sqrt(M**2 - f0**2), math.asin(f0 / M)),
        lambda f, g, u0: (M, f[1] * g[1] * math.sqrt(M**2 - u0**2), f[2]),
    ),
}


@claim(
    "T3.14-literal",
    "Theorem 3.14 with the printed rules",
    "A chain operator exists for the printed rules wherever their limits do.",
    "The same: the limits hold f and f′ only, and secant slopes multiply, d(f∘g; h) = d(f; k) d(g; h) with "
    "k = g(x0 + h) − g(x0).",
)
def literal_chain(operators: Any = None, seed: int = 12) -> Iterator[Fact]:
    f, g, gap = (lambda u: math.exp(u / 2)), (lambda t: math.sin(t) + t * t), 0.0
    for h in (0.3, 0.01, -0.2):
        k = g(1 + h) - g(1)
        gap = max(gap, abs((f(g(1 + h)) - f(g(1))) / h - (f(g(1) + k) - f(g(1))) / k * k / h))
    yield printed(gap < 1e-12, f"exp(u/2) after sin(x) + x² at 1: the secant slopes multiply {within(gap)}.")
    rng = np.random.default_rng(seed)
    for name, (limit, chain) in (operators or LITERAL).items():
        worst = 0.0
        for _ in range(50):
            f0, u0 = rng.uniform(-2, 2, 2)
            f1, g1 = rng.uniform(0.2, 2, 2) * rng.choice([-1, 1], 2)
            worst = max(worst, distance(chain(limit(f0, f1), limit(u0, g1), u0), limit(f0, f1 * g1)))
        yield printed(worst < 1e-12, f"{name}: 50 random compositions are met {within(worst)}.")
    h, moved = 1e-7, 0.0
    for family, rule in (
        (Polynomial(2), MinimumNorm()),
        (Exponential(), SmallestRate(bound=M)),
        (Harmonic(), SmallestFrequency(bound=M)),
        (Harmonic(offset=False), SmallestFrequency(bound=M)),
    ):
        one, two = (rule.solve(family, 1.0, 1.0 + 0.7 * h + q * h * h, h) for q in (-2, 5))
        moved = max(moved, float(np.max(np.abs(family.difference(one, two)))))
    yield corrected(
        moved < 1e-4, f"1 + 0.7s − 2s² and 1 + 0.7s + 5s²: at h = 1e-7 the four θ(h) differ by {moved:.0e} at most."
    )


@claim(
    "T3.14-info",
    "Theorem 3.14, Eq. 31",
    "The transforms of f and g determine that of f∘g, whatever the families.",
    "They do exactly where both families carry at least as many derivatives as the target: min(N_f, N_g) ≥ N.",
)
def enough(carried: Callable[[int], int] = lambda n: n) -> Iterator[Fact]:
    one, two = X, X + X**2
    linear = [Linear().from_jet(jet_of(f, 0, 1)) for f in (one, two)]
    bent = [Polynomial(2).from_jet(jet_of(f.subs(X, X), 0, 2)) for f in (one, two)]
    yield printed(
        linear[0] != linear[1] or bent[0] == bent[1],
        f"u and u + u² have the linear transforms {linear[0]} and {linear[1]}; after x, their parabolas have a2 = "
        f"{bent[0][0]} "
        f"and {bent[1][0]}.",
    )
    p, q = sp.symbols("p q")
    for n in (1, 2, 3, 4):
        m = carried(n)  # how many derivatives both sources carry: what lies beyond must not be seen
        f, g = sp.exp(X) + p * X**m, sp.sin(X) + q * X**m
        seen = [v for v in jet_of(f.subs(X, g), 0, n - 1) if sp.expand(v).free_symbols]
        yield under(
            not seen,
            f"Adding terms of degree {m} to f and g changes {len(seen) or 'none'} of the derivatives of f∘g of order "
            f"below {n}; order 0 is its value.",
        )


@claim(
    "T3.15",
    "Theorem 3.15, Eq. 32",
    "∇_L[f∘g](x0) = (a_f c_g, a_f d_g + b_f).",
    "(a_f c_g, b_f), with parameters centred at the base point. The printed form is right for intercepts b = f(u0) − "
    "f′(u0) u0.",
)
def linear_chain(
    formula: Callable[..., tuple[Any, Any]] = lambda f, g: (f[0] * g[0], f[0] * g[1] + f[1]),
) -> Iterator[Fact]:
    family = Linear()
    f, g = X**2, X + 1
    parts = family.from_jet(jet_of(f, 2, 1)), family.from_jet(jet_of(g, 1, 1))
    true = family.from_jet(jet_of(f.subs(X, g), 1, 1))
    found = formula(*parts)
    yield printed(
        tuple(found) == tuple(true), f"u² after x + 1 at 1: the formula gives {tuple(found)}, f∘g has {tuple(true)}."
    )
    mended = parts[0][0] * parts[1][0], parts[0][1]
    yield corrected(mended == tuple(true), f"(a_f c_g, b_f) = {mended}.")
    (a, b), (c, d) = ((s, v - s * at) for (s, v), at in zip(parts, (2, 1), strict=True))
    intercept = true[1] - true[0] * 1
    yield corrected(
        a * d + b == intercept,
        f"With intercepts b_f = {b}, d_g = {d} the printed form gives {a * d + b}, true {intercept}.",
    )
    yield corrected(a * c == true[0], f"The slope is {a * c}.")


@claim(
    "S3.9(2)",
    "Section 3.9, principle 2",
    "For composite functions the base points must match: u0 = g(x0).",
    "The same.",
)
def base_points(shift: float = 0.125) -> Iterator[Fact]:
    f, g = sp.exp(X), sp.sin(X) + 1
    inner, u0 = jet_of(g, 1, 3), g.subs(X, 1)
    true = [float(v) for v in jet_of(f.subs(X, g), 1, 3)]
    gaps = [
        distance([float(v) for v in composed(jet_of(f, at, 3), inner)], true) for at in (u0, u0 + sp.Rational(shift))
    ]
    yield printed(
        gaps[0] < 1e-9, f"exp after sin(x) + 1 at 1, f taken at u0 = g(x0): the jet is met {within(gaps[0])}."
    )
    yield printed(not close(gaps[1], 0, 1e-9), f"f taken {shift:g} beside it: the jet is {gaps[1]:.3g} off.")
