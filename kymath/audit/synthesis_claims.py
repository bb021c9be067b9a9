"""The cross-synthesis paper: its operator, lemma, theorem, pseudocode and costs."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .claim import Claim, Fact, corrected, printed
from .claim import claim as any_claim
from .claim import conditional as under

Array = np.ndarray
claim: Callable[..., Callable[[Callable[..., Iterator[Fact]]], Claim]] = functools.partial(
    any_claim, paper="cross-synthesis"
)


def operator(first: Array, second: Array, alpha: Array) -> float:
    """W1 ⊗_α W2 of section 2.2, a number."""
    return float(np.sum(alpha * first * second))


def _fits(compute: Callable[[], Any]) -> bool:
    """Whether the shapes go together."""
    try:
        compute()
    except ValueError:
        return False
    return True


@claim(
    "CS-S2.1",
    "Section 2.1",
    "A matrix with entries in [0, 1] represents an attention distribution.",
    "With its rows (or all of it) normalised to the sum 1.",
)
def distribution(normalise: Callable[[Array], Array] = lambda w: w, seed: int = 60) -> Iterator[Fact]:
    w = normalise(np.ones((2, 2)))
    yield printed(np.allclose(w.sum(axis=1), 1), f"All ones, 2 × 2: the rows sum to {w.sum(axis=1)[0]:g}.")
    random = np.random.default_rng(seed).uniform(size=(5, 4))
    rows = (random / random.sum(axis=1, keepdims=True)).sum(axis=1)
    yield under(
        np.allclose(rows, 1), f"Normalised, the rows of a random 5 × 4 sum to 1 within {abs(rows - 1).max():.0e}."
    )


@claim(
    "CS-S2.2",
    "Section 2.2",
    "The cross-synthesis of two attention matrices is Σ α W1 W2.",
    "A number, for equal shapes: bilinear, symmetric, in [0, Σα]. A matrix comes from α ∘ W1 ∘ W2, renormalised.",
)
def cross_synthesis(formula: Callable[..., float] = operator, seed: int = 61) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    worst, inside = 0.0, True
    for _ in range(50):
        a, b, c, alpha = rng.uniform(size=(4, 3, 4))
        worst = max(worst, abs(formula(a, b, alpha) - formula(b, a, alpha)))
        worst = max(worst, abs(formula(a + 2 * c, b, alpha) - formula(a, b, alpha) - 2 * formula(c, b, alpha)))
        inside = inside and 0 <= formula(a, b, alpha) <= alpha.sum()
    yield printed(
        worst < 1e-12 and inside, f"50 random triples: bilinear and symmetric within {worst:.0e}, and in [0, Σα]."
    )
    fits = _fits(lambda: formula(np.ones((2, 3)), np.ones((3, 2)), np.ones((2, 3))))
    yield corrected(not fits, f"Shapes 2 × 3 and 3 × 2 {'go' if fits else 'do not go'} together.")


@claim(
    "CS-S3.2",
    "Section 3.2",
    "Nodes are combined by Z_i Z_jᵀ/√d and a sum with weights β that add up to 1, which stays within the largest.",
    "With one d, equal numbers of rows, and β ≥ 0.",
)
def fusion(beta: Sequence[float] = (2.0, -1.0), rows: tuple[int, int] = (3, 5), seed: int = 62) -> Iterator[Fact]:
    value = abs(beta[0] * 1.0 + beta[1] * -1.0)
    yield printed(value <= 1 + 1e-12, f"β = {tuple(beta)}, matrices ±1: the sum is {value:g}, the largest norm 1.")
    first, second = rows
    fits = _fits(lambda: np.ones((first, first)) + np.ones((first, second)))
    yield printed(
        fits,
        f"Nodes with {first} and {second} rows: {first} × {first} and {first} × {second} "
        f"{'can' if fits else 'cannot'} be added.",
    )
    rng, worst = np.random.default_rng(seed), 0.0
    for _ in range(100):
        weights, z = rng.dirichlet(np.ones(4)), rng.normal(size=(4, 3, 3))
        total = np.linalg.norm(np.einsum("j,jab->ab", weights, z))
        worst = max(worst, float(total / np.linalg.norm(z, axis=(1, 2)).max()))
    yield under(worst <= 1, f"β ≥ 0, equal shapes, 100 random cases: at most {worst:.3f} of the largest norm.")


# -- Lemma 1 -----------------------------------------------------------------------------------------------------------


def _contraction(q: float, starts: int, seed: int) -> tuple[Callable[[Array], Array], list[Array]]:
    """The map T of the corrected lemma for n = 3 nodes, d = 4, R = 1, and random starts in the ball."""
    rng = np.random.default_rng(seed)
    n, d, radius = 3, 4, 1.0
    u = rng.normal(size=(d, d))
    u *= q * math.sqrt(d) / (2 * radius * np.linalg.norm(u, 2))
    b = rng.normal(size=(n, d, d))
    b *= ((radius - radius**2 * np.linalg.norm(u, 2) / math.sqrt(d)) / np.linalg.norm(b, axis=(1, 2)))[:, None, None]
    beta = rng.dirichlet(np.ones(n))

    def step(z: Array) -> Array:
        return np.tanh(np.einsum("j,iab,jcb,cd->iad", beta, z, z, u) / math.sqrt(d) + b)

    z = rng.normal(size=(starts, n, d, d))
    return step, list(radius * z / np.linalg.norm(z, axis=(2, 3))[:, :, None, None])


@claim(
    "CS-L1",
    "Lemma 1",
    "With bounded weights the hierarchical fusion converges.",
    "Boundedness gives no convergence; a contraction does, such as the map of the corrected lemma below.",
)
def lemma(update: Callable[[float], float] = lambda z: math.tanh(-3 * z), seed: int = 67) -> Iterator[Fact]:
    z = 0.4
    fused = []
    for _ in range(300):
        z = update(z)
        fused.append(0.5 + z / 2)
    yield printed(
        abs(fused[-1] - fused[-2]) < 1e-9,
        f"z ← tanh(−3z), fusion (1 + z)/2: after 300 steps {fused[-2]:.4f}, {fused[-1]:.4f}.",
    )
    w, linear = np.full((1, 1), 2.0), np.ones((1, 1))
    for _ in range(100):
        linear = w @ linear
    size = float(linear[0, 0])
    yield corrected(
        size > 1e20, f"With W = 2, bounded, and the identity as activation, Z is {size:.0e} after 100 steps."
    )
    step, starts = _contraction(0.8, 2, seed)
    ends = []
    for start in starts:
        for _ in range(200):
            start = step(start)
        ends.append(start)
    apart, last = (float(np.max(np.abs(a - b))) for a, b in (ends, (ends[0], step(ends[0]))))
    yield corrected(
        apart < 1e-9 and last < 1e-9,
        f"A contraction, T of the corrected lemma with q = 0.8: 200 steps from two starts end within {apart:.0e} of "
        f"each other, and one more moves them by {last:.0e}.",
    )


@claim(
    "CS-L1-fix",
    "Lemma 1, corrected",
    "T(Z)_i = σ(Σ_j β_j Z_i Z_jᵀ U/√d + B_i), with σ 1-Lipschitz, σ(0) = 0, β convex, 2R‖U‖/√d ≤ q < 1 and "
    "R²‖U‖/√d + ‖B‖ ≤ R, has one fixed point in the ball of radius R, reached at the rate q^t.",
    "The same.",
)
def contraction(q: float = 0.8, starts: int = 5, seed: int = 63) -> Iterator[Fact]:
    step, begun = _contraction(q, starts, seed)
    ends, fastest = [], 0.0
    for z in begun:
        last = None
        for _ in range(200):
            new = step(z)
            change = float(np.linalg.norm(new - z, axis=(1, 2)).max())
            if last is not None and last > 1e-12:
                fastest = max(fastest, change / last)
            z, last = new, change
        ends.append(z)
    spread = max(float(np.max(np.abs(end - ends[0]))) for end in ends)
    yield printed(
        spread < 1e-9 and fastest <= q < 1,
        f"q = {q:g}, {starts} starts: the ends agree within {spread:.0e}, changes shrink by {fastest:.3f} or better.",
    )


# -- Theorem 1 ---------------------------------------------------------------------------------------------------------


def _entropy(p: Any) -> float:
    p = np.asarray(p, float)
    return float(-(p[p > 0] * np.log2(p[p > 0])).sum())


def product(p: Array, q: Array) -> Array:
    """The entrywise product, renormalised."""
    return p * q / (p * q).sum()


@claim(
    "CS-T1",
    "Theorem 1",
    "Cross-synthesis preserves entropy: H = H_i + H_j − I, and H ≥ min(H_i, H_j).",
    "The first is the entropy of the pair (X, Y), which is ≥ max. A mixture l P + (1 − l) Q has H ≥ min; a product "
    "has not.",
)
def entropy_kept(
    combine: Callable[[Array, Array], Array] = product, made: Sequence[float] = (0.75, 0.25), seed: int = 64
) -> Iterator[Fact]:
    z = _entropy(made)
    yield printed(abs(z - 2) < 1e-9, f"Fair bits X, Y and Z = XY: H(Z) = {z:.3f}, H(X) + H(Y) − I = 2.")
    p, q = np.array([0.49, 0.49, 0.02]), np.array([0.02, 0.49, 0.49])
    got, least = _entropy(combine(p, q)), min(_entropy(p), _entropy(q))
    yield printed(
        got >= least, f"(.49, .49, .02) with (.02, .49, .49): H = {got:.3f}, the smaller of the two {least:.3f}."
    )
    rng, slack = np.random.default_rng(seed), math.inf
    for _ in range(300):
        p, q = rng.dirichlet(np.ones(4) / 2, 2)
        weight = rng.uniform()
        slack = min(slack, _entropy(weight * p + (1 - weight) * q) - min(_entropy(p), _entropy(q)))
    yield corrected(slack >= 0, f"300 random mixtures: H exceeds the smaller entropy by {slack:.1e} at least.")


def _transformed(x: Array) -> tuple[Array, int]:
    """The discrete Fourier transform of 2^k numbers, and how many products it takes."""
    n = len(x)
    if n == 1:
        return x.astype(complex), 0
    (even, first), (odd, second) = _transformed(x[::2]), _transformed(x[1::2])
    turned = np.exp(-2j * np.pi * np.arange(n // 2) / n) * odd
    return np.concatenate([even + turned, even - turned]), first + second + turned.size


def _convolved(taps: Array, z: Array) -> tuple[Array, int]:
    """The convolution of two vectors by three transforms, and how many products it takes."""
    size = 1 << (len(taps) + len(z)).bit_length()
    (a, first), (b, second) = (_transformed(np.pad(v, (0, size - len(v)))) for v in (taps, z))
    back, third = _transformed(np.conj(a * b))
    return np.conj(back).real / size, first + second + third + size


@claim(
    "CS-C1",
    "Corollary 1",
    "n nodes cost O(n log n).",
    "The full cross matrix has n² entries. A fused vector costs O(n log n) per component with a Toeplitz α, by FFT, "
    "and O(n r) with an α of rank r.",
)
def scalability(entries: Callable[[int], int] = lambda n: n * n, seed: int = 65) -> Iterator[Fact]:
    ratios = [entries(n) / (n * math.log2(n)) for n in (64, 1024, 16384)]
    yield printed(
        ratios[-1] < 2 * ratios[0],
        f"Entries over n log n for n = 64, 1024, 16384: {', '.join(f'{r:.0f}' for r in ratios)}.",
    )
    rng = np.random.default_rng(seed)
    worst, shares = 0.0, []
    for n in (64, 256, 1024):
        taps, z = rng.normal(size=2 * n - 1), rng.normal(size=n)
        direct = np.array([taps[i : i + n] @ z[::-1] for i in range(n)])  # Σ_j α_ij z_j, α_ij = taps[i − j + n − 1]
        fast, spent = _convolved(taps, z)
        worst = max(worst, float(np.max(np.abs(direct - fast[n - 1 : 2 * n - 1]))))
        shares.append(spent / (n * math.log2(n)))
    yield corrected(
        worst < 1e-9 and shares == sorted(shares, reverse=True),
        f"Toeplitz α, n = 64, 256, 1024: FFT and direct sum agree within {worst:.0e}; its products are "
        f"{', '.join(f'{s:.1f}' for s in shares)} times n log n.",
    )
    n, r = 64, 3
    left, right, z = rng.normal(size=(n, r)), rng.normal(size=(r, n)), rng.normal(size=n)
    off = float(np.max(np.abs((left @ right) @ z - left @ (right @ z))))
    yield corrected(
        off < 1e-10,
        f"Rank {r}, n = {n}: the {left.size + right.size} = 2 n r products of U (V z) give (U V) z within {off:.0e}.",
    )
