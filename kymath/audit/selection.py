"""Condor, Definition 3.4: the three selection rules as printed, each against brute force."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath
import numpy as np

from .claim import Fact, claim, corrected, printed, within
from .claim import conditional as under
from .measure import close, distance, exponent

Theta = Callable[..., tuple[Any, ...]]


# -- polynomials: R_P --------------------------------------------------------------------------------------------------


def least_norm_coefficient(k: int, n: int, rise: float, h: float) -> float:
    """a_k(h) of R_P for degree n."""
    return rise * h**k / sum(h ** (2 * j) for j in range(1, n + 1))


@claim(
    "D3.4-RP",
    "Definition 3.4, Eq. 3",
    "For polynomials, the least ‖θ‖₂ under C1 and C2 selects one θ(h).",
    "It is a0 = f(x0), a_k = D h^k / (h² + h⁴ + … + h^{2n}) with D = f(x0 + h) − f(x0).",
)
def minimum_norm(
    formula: Callable[[int, int, float, float], float] = least_norm_coefficient, seed: int = 1
) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    worst = short = 0.0
    for n in range(1, 7):
        for rise, h in zip(rng.normal(size=10), rng.uniform(-1.5, 1.5, 10), strict=True):
            powers = np.array([h**k for k in range(1, n + 1)])
            theta = np.array([formula(k, n, rise, h) for k in range(1, n + 1)])
            reference = np.linalg.pinv(powers[None, :])[:, 0] * rise
            worst = max(worst, distance(theta, reference) / (1 + np.max(np.abs(reference))))
            geometric = [rise / h * h ** (k - 1) * (1 - h * h) / (1 - h ** (2 * n)) for k in range(1, n + 1)]
            short = max(short, distance(theta, geometric) / (1 + np.max(np.abs(theta))))
    yield printed(
        worst < 1e-10, f"Degrees 1 to 6, 60 random problems: the formula is the pseudoinverse's {within(worst)}."
    )
    yield corrected(short < 1e-10, f"Summed as a geometric series it agrees {within(short)}.")


# -- exponentials: R_E -------------------------------------------------------------------------------------------------


def smallest_rate(f0: Any, rise: Any, h: Any, m: Any) -> tuple[Any, Any, Any]:
    """(A, B, C) of R_E, in mpmath numbers."""
    amplitude = m * mpmath.sign(rise)
    return amplitude, mpmath.log1p(abs(rise) / m) / h, f0 - amplitude


def _least_feasible_rate(rise: float, h: float, m: float) -> float:
    """The least |B| with |A| = |D / (e^{Bh} − 1)| ≤ M, on both branches, by a scan and bisection."""
    out = math.inf
    for sign in (1.0, -1.0):

        def feasible(rate: float, sign: float = sign) -> bool:
            return rate > 0 and abs(math.expm1(sign * rate * h)) >= abs(rise) / m

        high = next((b for b in np.geomspace(1e-6, 700 / abs(h), 4000) if feasible(float(b))), math.inf)
        if high < math.inf:
            low = 0.0
            for _ in range(100):
                middle = (low + high) / 2
                low, high = (low, middle) if feasible(middle) else (middle, high)
            out = min(out, high)
    return out


@claim(
    "D3.4-RE",
    "Definition 3.4, Eq. 4",
    "The least |B| with |A| ≤ M selects one θ(h).",
    "Where D(h) ≠ 0: A = M sgn D, B = log(1 + |D|/M)/h, C = f(x0) − A. Where D(h) = 0 every (A, 0, f(x0) − A) serves.",
)
def rate_rule(formula: Theta = smallest_rate, seed: int = 2) -> Iterator[Fact]:
    serving = sum(abs(a) <= 2 and abs(a * math.expm1(0.0 * 0.5)) == 0 for a in np.linspace(-2, 2, 9))
    yield printed(serving == 1, f"D = 0: {serving} of 9 amplitudes have the least rate 0.")
    rng = np.random.default_rng(seed)
    worst = miss = 0.0
    for _ in range(20):
        f0, rise, h, m = rng.normal(), rng.normal(), rng.choice([-1, 1]) * rng.uniform(0.05, 1), rng.uniform(0.3, 3)
        a, b, c = (float(v) for v in formula(f0, rise, h, m))
        worst = max(worst, abs(abs(b) - _least_feasible_rate(rise, h, m)) / (1 + abs(b)))
        miss = max(miss, abs(a + c - f0), abs(a * math.exp(b * h) + c - f0 - rise))
    yield under(
        worst < 1e-9 and miss < 1e-9,
        f"D ≠ 0, 20 random problems: |B| is brute force's {within(worst)}, and C1, C2 are met {within(miss)}.",
    )
    ratio = min(-math.log(1 - r) / math.log(1 + r) for r in np.linspace(0.01, 0.99, 50))
    yield corrected(
        ratio > 1, f"−log(1 − r) exceeds log(1 + r) by a factor of {ratio:.3f} at least: the positive branch wins."
    )


@claim(
    "D3.4-RE-limit",
    "Eq. 23",
    "With R_E the limit h → 0 exists.",
    "One side at a time, for f′ ≠ 0 and s = sgn f′: (M s, |f′|/M, f − M s) from the right, (−M s, −|f′|/M, f + M s) "
    "from "
    "the left. Only A B = f′ comes from f.",
)
def rate_limit(formula: Theta = smallest_rate, m: float = 2.0) -> Iterator[Fact]:
    for name, f, f0, f1 in (("exp at 0", mpmath.exp, 1.0, 1.0), ("cos at 1", lambda t: mpmath.cos(1 + t), None, None)):
        f0 = float(f(mpmath.mpf(0))) if f0 is None else f0
        f1 = -math.sin(1) if f1 is None else f1
        with mpmath.workdps(40):
            start = f(mpmath.mpf(0))
            right, left = (
                [float(v) for v in formula(start, f(h) - start, h, m)]
                for h in (mpmath.mpf("1e-12"), mpmath.mpf("-1e-12"))
            )
        gap = abs(right[0] - left[0])
        yield printed(
            gap < 1e-6, f"{name}, M = {m:g}: A is {right[0]:.6g} at h = 1e-12 and {left[0]:.6g} at h = −1e-12."
        )
        s = math.copysign(1.0, f1)
        expected = ([m * s, abs(f1) / m, f0 - m * s], [-m * s, -abs(f1) / m, f0 + m * s])
        off = max(distance(right, expected[0]), distance(left, expected[1]))
        yield corrected(
            off < 1e-9, f"{name}: the one-sided limits are met {within(off)}, A B = {right[0] * right[1]:.6g}."
        )


FLAT: dict[str, Callable[[Any], Any]] = {
    "x²": lambda h: h**2,
    "x³": lambda h: h**3,
    "−x⁴": lambda h: -(h**4),
    "exp(−1/x²) sin(1/x)": lambda h: mpmath.exp(-1 / h**2) * mpmath.sin(1 / h),
}


def _one_sign(right: Sequence[int], left: Sequence[int]) -> bool:
    return len({*right, *left}) == 1


@claim(
    "D3.4-RE-f'=0",
    "Eq. 23 where f′ = 0",
    "With R_E the limit exists also where f′ = 0.",
    "It exists from both sides exactly where D(h) has one and the same sign on both sides near 0; then B → 0.",
)
def rate_limit_flat(
    criterion: Callable[[Sequence[int], Sequence[int]], bool] = _one_sign, m: float = 2.0
) -> Iterator[Fact]:
    steps = [mpmath.mpf(2) ** -k for k in range(3, 15)]
    agree = True
    for name, rise in FLAT.items():
        right, left = ([int(mpmath.sign(rise(s * h))) for h in steps] for s in (1, -1))
        amplitudes = [float(smallest_rate(0, rise(s * h), s * h, m)[0]) for s in (1, -1) for h in steps[-6:]]
        rate = float(smallest_rate(0, rise(steps[-1]), steps[-1], m)[1])
        exists = max(amplitudes) - min(amplitudes) < 1e-9
        yield printed(exists, f"{name}: A(h) lies in [{min(amplitudes):g}, {max(amplitudes):g}], B → {rate:.1e}.")
        agree = agree and exists == criterion(right, left) and abs(rate) < 1e-3
    yield under(agree, f"One sign of D on both sides, or not, tells the {len(FLAT)} cases apart.")


# -- harmonics: R_H ----------------------------------------------------------------------------------------------------


def _amplitude(rise: float, h: float, w: float) -> float:
    """The least A with A cos(ωs + φ) + C through two values that differ by the rise: a least-squares problem."""
    rows = np.array([[math.cos(w * h) - 1, -math.sin(w * h)]])
    solution = np.linalg.lstsq(rows, np.array([rise]), rcond=None)[0]
    return float(np.hypot(*solution)) if abs(rows @ solution - rise)[0] < 1e-9 * abs(rise) else math.inf


def _least_frequency(rise: float, h: float, bound: float) -> float:
    """The least ω > 0 whose amplitude stays within the bound, by a scan of [0, π/|h|] and bisection."""
    grid = np.linspace(0, math.pi / abs(h), 2001)[1:]
    high = next((w for w in grid if _amplitude(rise, h, w) <= bound), math.inf)
    low = high - grid[0]
    if not math.isfinite(high):
        return high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if middle > 0 and _amplitude(rise, h, middle) <= bound else (middle, high)
    return float(high)


@claim(
    "D3.4-RH-none",
    "Definition 3.4, Eq. 5",
    "The least |ω| selects one harmonic.",
    "Add A ≤ M, as in Eq. 4: then the least ω is (2/|h|) arcsin(|D|/2M).",
)
def no_least_frequency(bound: float = math.inf, rise: float = 0.5, h: float = 0.1) -> Iterator[Fact]:
    tried = [2.0**-k for k in range(30)]
    feasible = [w for w in tried if _amplitude(rise, h, w) <= bound]
    at_zero = _amplitude(rise, h, 0.0)
    least = min(feasible, default=math.inf)
    yield printed(
        least > tried[-1],
        f"D = {rise:g}, h = {h:g}: ω = {least:.1e} still serves, with A = {_amplitude(rise, h, tried[-1]):.1e}, and "
        "ω = 0 "
        f"{'serves too' if at_zero < math.inf else 'does not'}.",
    )
    found, formula = _least_frequency(rise, h, 2.0), 2 / h * math.asin(rise / 4)
    yield corrected(
        close(found, formula), f"With A ≤ 2 brute force finds the least ω = {found:.9g}, the formula {formula:.9g}."
    )


def smallest_frequency(f0: float, rise: float, h: float, m: float) -> tuple[float, float, float, float]:
    """(A, ω, φ, C) of A sin(ωs + φ) + C with the least ω, A ≤ M."""
    w = 2 / abs(h) * math.asin(abs(rise) / (2 * m))
    phase = (0.0 if h * rise > 0 else math.pi) - w * h / 2
    return m, w, phase % (2 * math.pi), f0 + rise / 2


@claim(
    "D3.4-RH-offset",
    "Eq. 5 for A sin(ωs + φ) + C, with A ≤ M",
    "The least |ω| with |A| ≤ M selects one A sin(ωs + φ) + C.",
    "Where 0 < |D| ≤ 2M: A = M, ω = (2/|h|) arcsin(|D|/2M), φ = (0 if hD > 0 else π) − ωh/2, C = f(x0) + D/2, with "
    "the limit "
    "(M, |f′|/M, 0 or π, f). For f′ > 0 the phase has this limit on the circle only: from the right it tends to 2π.",
)
def frequency_with_offset(formula: Theta = smallest_frequency, seed: int = 3) -> Iterator[Fact]:
    flat = sum(abs(a * math.sin(p) + 1.0 - a * math.sin(p) - 1.0) < 1e-12 for a in (0.0, 0.5, 1.0) for p in (0.0, 1.0))
    yield printed(flat == 1, f"D = 0: ω = 0 is reached by {flat} of 6 (A, φ) tried.")
    beyond = _least_frequency(4.5, 0.1, 2.0)
    yield printed(math.isfinite(beyond), f"|D| = 4.5 > 2M = 4: the least ω is {beyond}.")
    rng = np.random.default_rng(seed)
    worst = miss = 0.0
    for _ in range(20):
        f0, h, m = rng.normal(), rng.choice([-1, 1]) * rng.uniform(0.05, 1), rng.uniform(0.5, 3)
        rise = rng.choice([-1, 1]) * rng.uniform(0.05, 1.9) * m
        a, w, p, c = formula(f0, rise, h, m)
        worst = max(worst, abs(w - _least_frequency(rise, h, m)) / (1 + w))
        miss = max(miss, abs(a * math.sin(p) + c - f0), abs(a * math.sin(w * h + p) + c - f0 - rise), a - m)
    yield under(
        worst < 1e-9 and miss < 1e-9,
        f"0 < |D| ≤ 2M, 20 random problems: ω is brute force's {within(worst)}, C1 and C2 are met within {miss:.0e}.",
    )
    right, left = (formula(1.0, math.expm1(h), h, 2.0) for h in (1e-7, -1e-7))
    off = max(abs(right[1] - 0.5), abs(left[1] - 0.5), abs(right[3] - 1.0))
    apart = right[2] - left[2]
    yield under(
        off < 1e-6 and close(apart, 2 * math.pi, 1e-6),
        f"exp at 0, M = 2, h = ±1e-7: ω and C are at their limits 0.5 and 1 {within(off)}; the phases are "
        f"{apart:.6f} apart.",
    )


def plain_frequency(y0: float, y1: float, h: float, m: float) -> float:
    """ω of A sin(ωs + φ) with A = M."""
    return (math.asin(y1 / m) - math.asin(y0 / m)) / h


def _least_plain_frequency(y0: float, y1: float, h: float, m: float) -> float:
    """The least |ω| over amplitudes up to M, reflections and turns."""
    least = math.inf
    for a in np.linspace(max(abs(y0), abs(y1)), m, 400):
        first, last = math.asin(y0 / a), math.asin(y1 / a)
        for p in (first, math.pi - first):
            for q in (last, math.pi - last):
                least = min(least, *(abs(q - p + 2 * math.pi * k) / abs(h) for k in (-1, 0, 1)))
    return least


@claim(
    "D3.4-RH-nooffset",
    "Eq. 5 for A sin(ωs + φ)",
    "The least |ω| selects one A sin(ωs + φ).",
    "With |A| ≤ M and |f(x0)| < M: A = M, ω = (arcsin(f(x0+h)/M) − arcsin(f(x0)/M))/h, φ = arcsin(f(x0)/M), and "
    "ω → f′/√(M² − f²) from both sides.",
)
def frequency_without_offset(formula: Callable[..., float] = plain_frequency, seed: int = 4) -> Iterator[Fact]:
    free = [_least_plain_frequency(0.3, 0.5, 0.2, m) for m in (2.0, 20.0, 200.0, 2000.0)]
    yield printed(
        free[-1] > 0.9 * free[0],
        f"Amplitudes up to 2, 20, 200, 2000: the least ω is {', '.join(f'{w:.2g}' for w in free)}.",
    )
    rng = np.random.default_rng(seed)
    worst = 0.0
    for _ in range(20):
        m, h = rng.uniform(1, 3), rng.choice([-1, 1]) * rng.uniform(0.05, 0.5)
        y0, y1 = rng.uniform(-0.9, 0.9, 2) * m
        reference = _least_plain_frequency(y0, y1, h, m)
        worst = max(worst, abs(abs(formula(y0, y1, h, m)) - reference) / (1 + reference))
    yield under(worst < 1e-9, f"|A| ≤ M, 20 random problems: |ω| is brute force's {within(worst)}.")
    limit = math.cos(0.4) / math.sqrt(4 - math.sin(0.4) ** 2)
    off = max(abs(formula(math.sin(0.4), math.sin(0.4 + h), h, 2.0) - limit) for h in (1e-6, -1e-6))
    yield under(off < 1e-5, f"sin at 0.4, M = 2, h = ±1e-6: ω is within {off:.0e} of f′/√(M² − f²) = {limit:.6f}.")


@claim(
    "D3.4-RH-cos",
    "Eq. 5 for cosines",
    "The rule also gives a limit for the cosine forms of the harmonic.",
    "For A cos(ωs + φ) + C with A ≤ M it does: φ → 3π/2 where f′ > 0, π/2 where f′ < 0, from both sides. For A "
    "cos(ωs) + C, "
    "without a phase, ω grows like |h|^(−1/2) unless f′ = 0; then ω → √(|f″|/M).",
)
def frequency_of_cosines(
    formula: Callable[[float, float, float], float] = lambda rise, h, m: (
        2 / abs(h) * math.asin(math.sqrt(abs(rise) / (2 * m)))
    ),
    m: float = 2.0,
) -> Iterator[Fact]:
    steps = [10.0**-k for k in (4, 6, 8)]
    steep = [formula(math.expm1(h), h, m) for h in steps]
    grows = exponent(steps, steep)
    miss = max(
        abs(-m * math.cos(w * h) + m - math.expm1(h)) for h, w in zip(steps, steep, strict=True)
    )  # A = −M, C = f(x0) + M
    yield printed(
        abs(grows) < 0.01 and miss < 1e-9,
        f"A cos(ωs) + C, exp at 0: ω = {steep[-1]:.4g} at h = 1e-8, growing like h^{grows:.3f}; it joins the points "
        f"{within(miss)}.",
    )
    level = [formula(-2 * math.sin(h / 2) ** 2, h, m) for h in steps[:2]]
    yield under(
        miss < 1e-9 and close(level[-1], math.sqrt(1 / m), 1e-4),
        f"cos at 0, where f′ = 0: ω = {level[-1]:.6f} against √(1/M) = {math.sqrt(1 / m):.6f}.",
    )
    for name, sign, phase in (("exp", 1, 1.5 * math.pi), ("exp(−x)", -1, 0.5 * math.pi)):
        sides = [
            (smallest_frequency(1.0, math.expm1(sign * h), h, m)[2] - math.pi / 2) % (2 * math.pi)
            for h in (1e-7, -1e-7)
        ]
        off = distance(sides, [phase, phase])
        yield under(
            off < 1e-6, f"A cos(ωs + φ) + C, {name} at 0: both one-sided phases are within {off:.0e} of {phase:.6f}."
        )


# -- other norms -------------------------------------------------------------------------------------------------------

NORMS: dict[str, Callable[[float, float], float]] = {
    "l2": lambda a1, a2: math.hypot(a1, a2),
    "l1": lambda a1, a2: abs(a1) + abs(a2),
    "l∞": lambda a1, a2: max(abs(a1), abs(a2)),
}
NORM_LIMITS = {"l2": (0.0, 0.0), "l1": (0.0, 0.0), "l∞": (1.0, -1.0)}  # a2 / f′, from the right and the left


def _least_bend(norm: Callable[[float, float], float], slope: float, h: float) -> float:
    """a2 of the parabola through both points that the norm likes best: a convex search in one number."""
    low, high = -4.0, 4.0
    for _ in range(200):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, b) if norm(slope - a * h, a) < norm(slope - b * h, b) else (a, high)
    return (low + high) / 2


@claim(
    "L-norm-limit",
    "Definition 3.4, other norms",
    "Whatever fixed norm is made least, the limit is the least-norm θ with a0 = f, a1 = f′: a2 → 0 for l2 and l1, and "
    "a2 → sgn(h) f′ for l∞, which has no two-sided limit. f″ never enters.",
    "The same.",
    own=True,
)
def other_norms(limits: Any = None, norms: Any = None) -> Iterator[Fact]:
    limits = limits or NORM_LIMITS
    for name, norm in (norms or NORMS).items():
        for bend in (0.0, 5.0):  # f = s + bend s²
            found = [_least_bend(norm, 1.0 + bend * h, h) for h in (1e-6, -1e-6)]
            off = distance(found, limits[name])
            yield printed(
                off < 1e-4, f"{name}, f = s + {bend:g} s²: a2 = {found[0]:.5f} at h = 1e-6 and {found[1]:.5f} at −1e-6."
            )
