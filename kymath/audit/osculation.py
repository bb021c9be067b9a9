"""Condor, sections 3.4 and 3.6: the stated results, and the rule that gives them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from .claim import Fact, claim, corrected, near, printed, within
from .claim import conditional as under
from .measure import H, U, close, coefficient_at_zero, is_zero

F = sp.symbols("f0:9")
GENERIC = sum(F[k] * U**k / sp.factorial(k) for k in range(9))  # any smooth f, to the order that is looked at


# -- straight lines ----------------------------------------------------------------------------------------------------


@claim(
    "D3.9",
    "Definition 3.9, Eq. 16 to 18",
    "The linear transform is (f′, f).",
    "For every f differentiable at x0; for f twice so, the error of the slope is f″h/2 + O(h²).",
)
def linear(
    slope: Callable[[Any, Any, Any], Any] = lambda f0, f1, h: (f1 - f0) / h,
    limit: sp.Expr = F[1],
    error: sp.Expr = F[2] / 2,
) -> Iterator[Fact]:
    secant = sp.expand(slope(F[0], GENERIC.subs(U, H), H))
    yield printed(is_zero(secant.subs(H, 0) - limit), f"Generic f of degree 8: the slope tends to {secant.subs(H, 0)}.")
    yield printed(is_zero(secant.coeff(H, 1) - error), f"Its error begins with ({secant.coeff(H, 1)}) h.")
    slopes = [float(slope(0.0, h + h * h * math.sin(1 / h), h)) for h in (1e-3, 1e-6, -1e-6)]
    off = max(abs(v - 1) for v in slopes[1:])
    rest = sp.expand(secant - F[1] - F[2] * H / 2)
    yield corrected(
        off < 1e-5 and is_zero(rest.coeff(H, 0)) and is_zero(rest.coeff(H, 1)),
        f"x + x² sin(1/x) at 0, differentiable once: the slope is {near(off)} 1 at h = ±1e-6. Generic f: what "
        f"is left beyond f″h/2 begins with ({rest.coeff(H, 2)}) h².",
    )


# -- parabolas and Example 3.1 -----------------------------------------------------------------------------------------


def least_norm(values: Sequence[Any], n: int, h: Any) -> list[Any]:
    """(a_0, …, a_n) of R_P from the values at 0, h, 2h, … (it reads two of them)."""
    rise = values[1] - values[0]
    return [values[0], *(rise * h**k / sum(h ** (2 * j) for j in range(1, n + 1)) for k in range(1, n + 1))]


def through_nodes(values: Sequence[Any], n: int, h: Any) -> list[Any]:
    """(a_0, …, a_n) of the polynomial through the values at 0, h, …, nh."""
    poly = sp.Poly(sp.interpolate([(k * h, values[k]) for k in range(n + 1)], U), U)
    return [poly.coeff_monomial(U**k) for k in range(n + 1)]


@claim(
    "Eq20/Eq30-literal",
    "Eq. 3 with Eq. 20 and 30",
    "The least-norm parabola tends to the Taylor coefficients (f″/2, f′, f).",
    "The least-norm polynomial of degree n tends to (0, …, 0, f′, f); an osculating one tends to the Taylor "
    "coefficients.",
)
def printed_rule(
    rule: Callable[..., Sequence[Any]] = least_norm, degrees: Sequence[int] = (2, 3, 4, 5, 6)
) -> Iterator[Fact]:
    f = (1 + U) ** 3
    theta = rule([f.subs(U, k * H) for k in range(3)], 2, H)
    bend = sp.limit(theta[2], H, 0)
    yield printed(bend == 3, f"x³ at 1: a2(h) = {sp.factor(theta[2])} → {bend}, and f″/2 = 3.")
    for n in degrees:
        limits = [sp.limit(c, H, 0) for c in least_norm([F[0], GENERIC.subs(U, H)], n, H)]
        yield corrected(
            limits == [F[0], F[1]] + [0] * (n - 1), f"Degree {n}, any f: ({', '.join(map(str, limits[::-1]))})."
        )
    taylor = [sp.limit(c, H, 0) for c in through_nodes([f.subs(U, k * H) for k in range(3)], 2, H)]
    yield corrected(taylor == [1, 3, 3], f"Through three points the limit is ({', '.join(map(str, taylor[::-1]))}).")


@claim(
    "Ex3.1/Eq28-29",
    "Example 3.1, Eq. 27 to 30",
    "For x³ at 1, comparing coefficients gives a1(h) = 3 + h², a2(h) = 3 + h, and the solution is naturally unique.",
    "a1 = 3, a2 = 3 + h satisfies C2 and tends to (3, 3, 1): contact at 1 with one more point. C2 alone leaves a "
    "line of "
    "solutions, a2 = c, a1 = 3 + 3h + h² − ch, so every limit (c, 3, 1) can be reached.",
)
def example(a1: Any = 3 + H**2, a2: Any = 3 + H, extra: Sequence[sp.Expr] = ()) -> Iterator[Fact]:
    f = (1 + H) ** 3
    miss = sp.expand(a2 * H**2 + a1 * H + 1 - f)
    yield printed(miss == 0, f"Put into C2, the printed a1 and a2 leave the residual {miss}.")
    b1, b2, c = sp.symbols("b1 b2 c")
    free = 2 - sp.Matrix([b2 * H**2 + b1 * H - f + 1, *extra]).jacobian([b1, b2]).rank()
    yield printed(free == 0, f"C1 and C2 leave {free} parameter{'s' * (free != 1)} free.")
    right = sp.expand((3 + H) * H**2 + 3 * H + 1 - f)
    yield corrected(right == 0, f"With a1 = 3, a2 = 3 + h the residual of C2 is {right}.")
    line = sp.expand(c * H**2 + (3 + 3 * H + H**2 - c * H) * H + 1 - f)
    yield corrected(line == 0, f"With a2 = c, a1 = 3 + 3h + h² − ch it is {line} for every c.")


@claim(
    "P-osc-contact",
    "Eq. 35, with contact",
    "The polynomial with contact of order n − 1 at x0 that also satisfies C2 has a_k = f^(k)/k! for k < n, and "
    "a_n(h) → f^(n)/n! with the error f^(n+1) h/(n+1)!.",
    "The same.",
    own=True,
)
def contact_polynomial(
    limit: Callable[[int], sp.Expr] = lambda n: F[n] / sp.factorial(n),
    error: Callable[[int], sp.Expr] = lambda n: F[n + 1] / sp.factorial(n + 1),
) -> Iterator[Fact]:
    for n in range(1, 6):
        taylor = sum(F[k] * H**k / sp.factorial(k) for k in range(n))
        last = sp.expand((GENERIC.subs(U, H) - taylor) / H**n)
        good = is_zero(last.coeff(H, 0) - limit(n)) and is_zero(last.coeff(H, 1) - error(n))
        yield printed(good, f"n = {n}: a_n(h) = {last.coeff(H, 0)} + ({last.coeff(H, 1)}) h + ….")


NODE_SETS = ((0, 1), (0, 1, 2), (0, 1, -1), (0, 1, 2, 3), (0, 1, -1, 2), (-3, 0, 1, 2))


def node_error(k: int, n: int, nodes: Sequence[Any]) -> Any:
    """(−1)^{n−k} e_{n+1−k}(c) / (n+1)!, the factor of f^(n+1) h^{n+1−k} in the error of a_k."""
    product = sp.Poly(sp.prod(U + c for c in nodes), U)
    return (-1) ** (n - k) * product.coeff_monomial(U**k) / sp.factorial(n + 1)


@claim(
    "P-osc-nodes",
    "Eq. 35, with nodes",
    "The polynomial of degree n through n + 1 nodes x0 + c_j h has the errors "
    "a_k − f^(k)/k! = (−1)^{n−k} e_{n+1−k}(c) f^(n+1) h^{n+1−k}/(n+1)! + O(h^{n+2−k}).",
    "The same.",
    own=True,
)
def node_polynomial(formula: Callable[..., Any] = node_error, node_sets: Any = NODE_SETS) -> Iterator[Fact]:
    for nodes in node_sets:
        n = len(nodes) - 1
        poly = sp.Poly(sp.interpolate([(c * H, GENERIC.subs(U, c * H)) for c in nodes], U), U)
        good = True
        for k in range(n + 1):
            error = sp.expand(poly.coeff_monomial(U**k) - F[k] / sp.factorial(k))
            low = [error.coeff(H, j) for j in range(n + 2 - k)]
            good = good and not any(low[:-1]) and is_zero(low[-1] - formula(k, n, nodes) * F[n + 1])
        yield printed(
            good, f"Nodes {nodes}: the errors of a_0 … a_{n} {'begin' if good else 'do not begin'} with these terms."
        )


@claim(
    "P-resid-L2",
    "Eq. 3, another norm",
    "Among the parabolas with C1 and C2, the one nearest to f on [x0, x0 + h] in mean square tends to Taylor's: "
    "a1 = f′ − f‴h²/12 + …, a2 = f″/2 + f‴h/4 + ….",
    "The same: a norm of the residual along the way sees f″, a norm of θ does not.",
    own=True,
)
def nearest_in_mean(a1: sp.Expr = F[1] - F[3] * H**2 / 12, a2: sp.Expr = F[2] / 2 + F[3] * H / 4) -> Iterator[Fact]:
    bend, s = sp.symbols("bend s")
    f = GENERIC.subs(U, s * H)
    slope = (GENERIC.subs(U, H) - F[0]) / H - bend * H
    gap = sp.expand(F[0] + slope * s * H + bend * (s * H) ** 2 - f)
    normal = sp.integrate(sp.expand(gap * sp.diff(gap, bend)), (s, 0, 1))
    best = sp.expand(sp.cancel(sp.solve(normal, bend)[0]))
    first = sp.expand(slope.subs(bend, best))
    for name, found, formula, order in (("a1", first, a1, 2), ("a2", best, a2, 1)):
        kept = sum(found.coeff(H, j) * H**j for j in range(order + 1))
        yield printed(is_zero(kept - formula), f"Any f: {name} = {kept} + ….")
    bends = best.coeff(H, 0), sp.limit(least_norm([F[0], GENERIC.subs(U, H)], 2, H)[2], H, 0)
    yield corrected(
        bends[0].has(F[2]) and not bends[1].has(F[2]), f"a2 tends to {bends[0]} here, and to {bends[1]} with R_P."
    )


# -- exponentials ------------------------------------------------------------------------------------------------------


def exponential_from_jet(f0: Any, f1: Any, f2: Any) -> tuple[Any, Any, Any]:
    """(A, B, C) with the contact f, f′, f″."""
    return f1**2 / f2, f2 / f1, f0 - f1**2 / f2


@claim(
    "D3.11-osc",
    "Definition 3.11, osculating",
    "The exponential A exp(Bs) + C with the same f, f′, f″ at x0 exists and is B = f″/f′, A = f′²/f″, C = f − f′²/f″.",
    "Where f′ ≠ 0 and f″ ≠ 0. For f″ = 0, A and C grow without bound (sin at 0 with the nodes 0, 0, 1: A(h) ~ −3/h); "
    "for f′ = 0, f″ ≠ 0 there is none.",
    own=True,
)
def osculating_exponential(formula: Callable[..., Sequence[Any]] = exponential_from_jet) -> Iterator[Fact]:
    a, b, c, f0, f1, f2 = sp.symbols("A B C f0 f1 f2", nonzero=True)
    solution = sp.solve([a + c - f0, a * b - f1, a * b**2 - f2], [a, b, c], dict=True)
    good = len(solution) == 1 and all(
        is_zero(solution[0][v] - w) for v, w in zip((a, b, c), formula(f0, f1, f2), strict=True)
    )
    yield under(good, f"f′, f″ ≠ 0: SymPy finds {len(solution)} solution, B = {solution[0][b]}.")
    none = sp.solve([a * b, a * b**2 - 1], [a, b], dict=True)
    yield printed(bool(none), f"f′ = 0, f″ = 1: SymPy finds {len(none)} solutions.")
    steps = [mpmath.mpf(10) ** -k for k in (3, 6)]
    amplitudes = [float(contact_exponential(mpmath.sin(h) / h, mpmath.mpf(1), h)[0] * h) for h in steps]
    yield printed(
        abs(amplitudes[-1]) < 1e-3,
        f"sin at 0, nodes 0, 0, 1: h A(h) = {amplitudes[-1]:.6f} at h = 1e-6: A has no bound.",
    )


def contact_exponential(secant: Any, f1: Any, h: Any) -> tuple[Any, Any]:
    """(A, B) of the exponential with slope f1 at x0 and the secant slope given: (e^z − 1)/z = secant / f1, z = Bh."""
    with mpmath.workdps(50):
        target = secant / f1
        z = mpmath.findroot(lambda z: mpmath.expm1(z) / z - target, 2 * (target - 1) + mpmath.mpf(10) ** -30)
    return f1 * h / z, z / h


def node_exponential(values: Sequence[Any], h: Any) -> Any:
    """B of the exponential through three equally spaced values."""
    return mpmath.log((values[2] - values[1]) / (values[1] - values[0])) / h


@claim(
    "D3.11-osc-finite",
    "Definition 3.11, osculating at finite h",
    "Contact at x0 with C2, nodes 0, 1, 2 and nodes −1, 0, 1 give B(h) = β + K h + … with β = f″/f′ and K = β′/3, "
    "β′, 0, "
    "where β′ = f‴/f′ − β².",
    "The same; (e^z − 1)/z is increasing, so the first is solvable where D/(h f′) > 0.",
    own=True,
)
def exponential_at_finite_h(constants: Sequence[float] = (1 / 3, 1.0, 0.0)) -> Iterator[Fact]:
    def f(s: Any) -> Any:
        return mpmath.exp(s) + s**2 + s / 2

    f1, beta = mpmath.mpf(3) / 2, mpmath.mpf(2)  # f′ = 3/2, f″ = 3, f‴ = 1
    change = float(mpmath.mpf(2) / 3 - 4)
    rules = (
        ("contact", lambda h: contact_exponential((f(h) - f(0)) / h, f1, h)[1]),
        ("0, 1, 2", lambda h: node_exponential([f(k * h) for k in (0, 1, 2)], h)),
        ("−1, 0, 1", lambda h: node_exponential([f(k * h) for k in (-1, 0, 1)], h)),
    )
    for (name, rate), constant in zip(rules, constants, strict=True):
        found = coefficient_at_zero(rate, beta) / change
        yield printed(close(found, constant, 1e-5), f"{name}: K/β′ = {found:.6f}.")
    grid = np.linspace(-20, 20, 2001) + 1e-3
    quotient = np.expm1(grid) / grid
    steepest = float(np.min(np.diff(quotient)))
    yield corrected(
        steepest > 0 and quotient[0] > 0,
        f"At 2001 points of [−20, 20] (e^z − 1)/z rises by {steepest:.1e} at least from one to the next, from "
        f"{quotient[0]:.3f} to {quotient[-1]:.3g}: it takes the positive values D/(h f′) between once, and no other.",
    )


# -- harmonics ---------------------------------------------------------------------------------------------------------


def sine_from_jet(f0: Any, f1: Any, f2: Any) -> tuple[Any, ...]:
    """(A, ω, φ) of A sin(ωs + φ) with the contact f, f′, f″."""
    w = mpmath.sqrt(-f2 / f0)
    return mpmath.sqrt(f0**2 - f0 * f1**2 / f2), w, mpmath.arg(f1 / w + 1j * f0)


def sine_with_offset_from_jet(f0: Any, f1: Any, f2: Any, f3: Any) -> tuple[Any, ...]:
    """(A, ω, φ, C) of A sin(ωs + φ) + C with the contact f, f′, f″, f‴."""
    square = -f3 / f1
    w = mpmath.sqrt(square)
    amplitude = abs(f1) * mpmath.sqrt(f2**2 - f1 * f3) / abs(f3)
    return amplitude, w, mpmath.arg(f1 / w - 1j * f2 / square), f0 - f1 * f2 / f3


def _jet_gap(theta: Sequence[Any], jet: Sequence[Any]) -> float:
    """How far the jet of A sin(ωs + φ) + C is from the one asked for; infinite where θ is not real."""
    if any(mpmath.im(c) for c in theta):
        return math.inf
    a, w, p, *c = theta
    gaps = [abs(a * w**k * mpmath.sin(p + k * mpmath.pi / 2) + sum(c) * (k == 0) - v) for k, v in enumerate(jet)]
    return float(max(gaps))


def _jets(
    formula: Callable[..., Sequence[Any]], size: int, allowed: Callable[[Any], bool], seed: int
) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    jets = [[mpmath.mpf(v) for v in row] for row in rng.uniform(0.3, 2, (40, size)) * rng.choice([-1, 1], (40, size))]
    with mpmath.workdps(30):
        gaps = [(_jet_gap(formula(*jet), jet), allowed(jet)) for jet in jets]
    real = sum(gap < 1e-20 for gap, _ in gaps)
    yield printed(real == 40, f"Of 40 random jets {real} have a real solution.")
    inside = [gap for gap, good in gaps if good]
    yield under(
        max(inside) < 1e-20 and real == len(inside),
        f"They are the {len(inside)} with a positive ω²; there the formula meets the jet {within(max(inside))}.",
    )


@claim(
    "D3.8-osc-h3",
    "Eq. 11 without offset, osculating",
    "A sin(ωs + φ) with the same f, f′, f″ exists: ω² = −f″/f, A² = f² − f f′²/f″, φ = atan2(f, f′/ω).",
    "Where f ≠ 0 and −f″/f > 0.",
    own=True,
)
def osculating_sine(
    formula: Callable[..., Sequence[Any]] = sine_from_jet, allowed: Callable[[Any], bool] = lambda j: -j[2] / j[0] > 0
) -> Iterator[Fact]:
    yield from _jets(formula, 3, allowed, seed=8)


@claim(
    "D3.8-osc-h4",
    "Eq. 11 with offset, osculating",
    "A sin(ωs + φ) + C with the same f, f′, f″, f‴ exists: ω² = −f‴/f′, A = |f′| √(f″² − f′f‴)/|f‴|, "
    "φ = atan2(−f″/ω², f′/ω), C = f − f′f″/f‴.",
    "Where f′ ≠ 0 and −f‴/f′ > 0.",
    own=True,
)
def osculating_sine_with_offset(
    formula: Callable[..., Sequence[Any]] = sine_with_offset_from_jet,
    allowed: Callable[[Any], bool] = lambda j: -j[3] / j[1] > 0,
) -> Iterator[Fact]:
    yield from _jets(formula, 4, allowed, seed=9)
