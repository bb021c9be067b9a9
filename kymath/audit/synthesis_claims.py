"""The cross-synthesis paper, sections 2 to 5: its operator, lemma and theorem, by the functions of the package."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..synthesis.contraction import FusionMap, changes, fed_back, norms
from ..synthesis.cost import fused_low_rank, fused_toeplitz, toeplitz_products
from ..synthesis.cross import fuse, fused_by
from ..synthesis.entropy import entropy, mixture
from ..synthesis.operator import cross_synthesis
from .claim import Claim, Fact, corrected, printed, within
from .claim import claim as any_claim
from .claim import conditional as under

Array = np.ndarray
claim: Callable[..., Callable[[Callable[..., Iterator[Fact]]], Claim]] = functools.partial(
    any_claim, paper="cross-synthesis"
)


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
    rows = cross_synthesis(random, np.ones((5, 4)), 1.0, reduce="normalise").sum(axis=1)
    yield under(np.allclose(rows, 1), f"Normalised, the rows of a random 5 × 4 sum to 1 {within(abs(rows - 1).max())}.")


@claim(
    "CS-S2.2",
    "Section 2.2",
    "The cross-synthesis of two attention matrices is Σ α W1 W2.",
    "A number, for equal shapes: bilinear, symmetric, in [0, Σα]. A matrix comes from α ∘ W1 ∘ W2, renormalised.",
)
def operator(formula: Callable[..., float] = cross_synthesis, seed: int = 61) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    worst, off, inside = 0.0, 0.0, True
    for _ in range(50):
        a, b, c, alpha = rng.uniform(size=(4, 3, 4))
        made, mixed = formula(a, b, alpha), formula((a + 2 * c) / 3, b, alpha)  # a mixture stays in [0, 1]
        worst = max(worst, abs(made - formula(b, a, alpha)), abs(3 * mixed - made - 2 * formula(c, b, alpha)))
        off = max(off, abs(made - sum(alpha[i, k] * a[i, k] * b[i, k] for i, k in np.ndindex(3, 4))))
        inside = inside and 0 <= made <= alpha.sum()
    yield printed(
        worst < 1e-12 and inside, f"50 random triples: bilinear and symmetric {within(worst)}, and in [0, Σα]."
    )
    yield printed(off < 1e-12, f"It is the printed sum {within(off)}.")
    fits = _fits(lambda: formula(np.ones((2, 3)), np.ones((3, 2)), np.ones((2, 3))))
    yield corrected(not fits, f"Shapes 2 × 3 and 3 × 2 {'go' if fits else 'do not go'} together.")


@claim(
    "CS-S3.2",
    "Section 3.2",
    "Nodes are combined by Z_i Z_jᵀ/√d and a sum with weights β that add up to 1, which stays within the largest.",
    "With one d, equal numbers of rows, and β ≥ 0.",
)
def fusion(beta: Sequence[float] = (2.0, -1.0), rows: tuple[int, int] = (3, 5), seed: int = 62) -> Iterator[Fact]:
    value = abs(float(fused_by(np.array([1.0, -1.0]), np.array(beta))))  # fuse itself refuses such weights
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
        weights, z = rng.dirichlet(np.ones(4)), rng.normal(size=(3, 3, 4))  # the last axis counts the nodes
        worst = max(worst, float(np.linalg.norm(fuse(z, weights)) / np.linalg.norm(z, axis=(0, 1)).max()))
    yield under(worst <= 1, f"β ≥ 0, equal shapes, 100 random cases: at most {worst:.3f} of the largest norm.")


# -- Lemma 1 -----------------------------------------------------------------------------------------------------------


def _followed(q: float, starts: int, seed: int) -> tuple[FusionMap, Array]:
    """A map T of the corrected lemma for n = 3 nodes, d = 4, R = 1, and its way from random points on the sphere."""
    rng = np.random.default_rng(seed)
    made = FusionMap.drawn(3, 4, q, rng=rng)
    z = rng.normal(size=(starts, 3, 4, 4))
    return made, made.iterate(z / norms(z)[..., None, None], 200)


@claim(
    "CS-L1",
    "Lemma 1",
    "With bounded weights the hierarchical fusion converges.",
    "Boundedness gives no convergence; a contraction does, such as the map of the corrected lemma below.",
)
def lemma(update: Callable[[float], float] = lambda z: math.tanh(-3 * z), seed: int = 67) -> Iterator[Fact]:
    fused = fed_back(update)
    yield printed(
        abs(fused[-1] - fused[-2]) < 1e-9,
        f"z ← tanh(−3z), fusion (1 + z)/2: after 300 steps {fused[-2]:.4f}, {fused[-1]:.4f}.",
    )
    size = fed_back(lambda z: 2 * z, steps=100)[-1]
    yield corrected(
        size > 1e20, f"With W = 2, bounded, and the identity as activation, the fusion is {size:.0e} after 100 steps."
    )
    _, way = _followed(0.8, 2, seed)
    apart, last = float(np.max(np.abs(way[-1, 0] - way[-1, 1]))), float(changes(way)[-1].max())
    ends = f"within {apart:.0e} of each other" if apart else "at one place"
    yield corrected(
        apart < 1e-9 and last < 1e-9,
        f"A contraction, T of the corrected lemma with q = 0.8: 200 steps from two starts end {ends}, and the last one "
        f"moves them {f'by {last:.0e}' if last else 'no more'}.",
    )


@claim(
    "CS-L1-fix",
    "Lemma 1, corrected",
    "T(Z)_i = σ(Σ_j β_j Z_i Z_jᵀ U/√d + B_i), with σ 1-Lipschitz, σ(0) = 0, β convex, 2R‖U‖/√d ≤ q < 1 and "
    "R²‖U‖/√d + ‖B‖ ≤ R, has one fixed point in the ball of radius R, reached at the rate q^t.",
    "The same.",
    own=True,
)
def contraction(q: float = 0.8, starts: int = 5, seed: int = 63) -> Iterator[Fact]:
    made, way = _followed(q, starts, seed)
    change = changes(way)
    heard = change[:-1] > 1e-12  # below that it is rounding
    slowest = float((change[1:][heard] / change[:-1][heard]).max())
    spread, reached = float(np.max(np.abs(way[-1] - way[-1, :1]))), float(norms(way).max())
    yield printed(
        made.condition(1.0) and spread < 1e-9 and slowest <= made.rate(1.0) and reached <= 1 + 1e-12,
        f"q = {made.rate(1.0):g}, {starts} starts: the ends agree {within(spread)}, changes shrink by {slowest:.3f} "
        "or better, and the ball is not left.",
    )


# -- Theorem 1 ---------------------------------------------------------------------------------------------------------


def product(p: Array, q: Array) -> Array:
    """The entrywise product, renormalised: the cross-synthesis of two rows."""
    return cross_synthesis(p[None], q[None], 1.0, reduce="normalise")[0]


@claim(
    "CS-T1",
    "Theorem 1",
    "Cross-synthesis preserves entropy: H = H_i + H_j − I, and H ≥ min(H_i, H_j).",
    "The first is the entropy of the pair (X, Y), which is ≥ max. A mixture l P + (1 − l) Q has H ≥ min; a product "
    "has not.",
)
def entropy_kept(
    combine: Callable[[Array, Array], Array] = product,
    made: Sequence[float] = (0.75, 0.25),
    mix: Callable[[Array, Array, Array], Array] = mixture,
    seed: int = 64,
) -> Iterator[Fact]:
    z = entropy(made)
    yield printed(abs(z - 2) < 1e-9, f"Fair bits X, Y and Z = XY: H(Z) = {z:.3f}, H(X) + H(Y) − I = 2.")
    p, q = np.array([0.49, 0.49, 0.02]), np.array([0.02, 0.49, 0.49])
    got, least = entropy(combine(p, q)), min(entropy(p), entropy(q))
    yield printed(
        got >= least, f"(.49, .49, .02) with (.02, .49, .49): H = {got:.3f}, the smaller of the two {least:.3f}."
    )
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.ones(4) / 2, (2, 300))
    slack = float((entropy(mix(p, q, rng.uniform(size=300))) - np.minimum(entropy(p), entropy(q))).min())
    yield corrected(slack >= 0, f"300 random mixtures: H exceeds the smaller entropy by {slack:.1e} at least.")


@claim(
    "CS-C1",
    "Corollary 1",
    "n nodes cost O(n log n).",
    "The full cross matrix has n² entries. A fused vector costs O(n log n) per component with a Toeplitz α, by FFT, "
    "and O(n r) with an α of rank r.",
)
def scalability(
    entries: Callable[[int], int] = lambda n: n * n,
    fused: Callable[[Array, Array], Array] = fused_toeplitz,
    seed: int = 65,
) -> Iterator[Fact]:
    ratios = [entries(n) / (n * math.log2(n)) for n in (64, 1024, 16384)]
    yield printed(
        ratios[-1] < 2 * ratios[0],
        f"Entries over n log n for n = 64, 1024, 16384: {', '.join(f'{r:.0f}' for r in ratios)}.",
    )
    rng, worst, sizes = np.random.default_rng(seed), 0.0, (64, 256, 1024)
    for n in sizes:
        taps, z = rng.normal(size=2 * n - 1), rng.normal(size=n)
        direct = np.array([taps[i : i + n] @ z[::-1] for i in range(n)])  # Σ_j α_ij z_j, α_ij = taps[i − j + n − 1]
        worst = max(worst, float(np.max(np.abs(direct - fused(taps, z)))))
    shares = [toeplitz_products(n) / (n * math.log2(n)) for n in sizes]
    yield corrected(
        worst < 1e-9 and shares == sorted(shares, reverse=True),
        f"Toeplitz α, n = 64, 256, 1024: FFT and direct sum agree {within(worst)}; a transform of radix 2 takes "
        f"{', '.join(f'{s:.1f}' for s in shares)} times n log n products.",
    )
    n, r = 64, 3
    left, right, z = rng.normal(size=(n, r)), rng.normal(size=(r, n)), rng.normal(size=(n, 1))
    off = float(np.max(np.abs((left @ right) @ z - fused_low_rank(left, right, z))))
    yield corrected(
        off < 1e-10,
        f"Rank {r}, n = {n}: the {left.size + right.size} = 2 n r products of U (V z) give (U V) z {within(off)}.",
    )
