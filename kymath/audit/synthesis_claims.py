"""The cross-synthesis paper: its operator, lemma, theorem, pseudocode and costs."""

from __future__ import annotations

import functools
import math
import symtable
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .claim import Claim, Fact, corrected, decidable, meaning, printed
from .claim import claim as any_claim
from .claim import conditional as under
from .window import softmax

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


@claim(
    "CS-L1",
    "Lemma 1",
    "With bounded weights the hierarchical fusion converges.",
    "Boundedness gives no convergence; a contraction does (the corrected lemma below).",
)
def lemma(update: Callable[[float], float] = lambda z: math.tanh(-3 * z)) -> Iterator[Fact]:
    z = 0.4
    fused = []
    for _ in range(300):
        z = update(z)
        fused.append(0.5 + z / 2)
    yield printed(
        abs(fused[-1] - fused[-2]) < 1e-9,
        f"z ← tanh(−3z), fusion (1 + z)/2: after 300 steps {fused[-2]:.4f}, {fused[-1]:.4f}.",
    )
    w = 1.0
    for _ in range(100):
        w = 2 * w
    yield corrected(w > 1e20, f"With W = 2 and the identity as activation it is {w:.0e} after 100 steps.")


@claim(
    "CS-L1-fix",
    "Lemma 1, corrected",
    "T(Z)_i = σ(Σ_j β_j Z_i Z_jᵀ U/√d + B_i), with σ 1-Lipschitz, σ(0) = 0, β convex, 2R‖U‖/√d ≤ q < 1 and "
    "R²‖U‖/√d + ‖B‖ ≤ R, has one fixed point in the ball of radius R, reached at the rate q^t.",
    "The same (Banach).",
)
def contraction(q: float = 0.8, starts: int = 5, seed: int = 63) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    n, d, radius = 3, 4, 1.0
    u = rng.normal(size=(d, d))
    u *= q * math.sqrt(d) / (2 * radius * np.linalg.norm(u, 2))
    b = rng.normal(size=(n, d, d))
    b *= ((radius - radius**2 * np.linalg.norm(u, 2) / math.sqrt(d)) / np.linalg.norm(b, axis=(1, 2)))[:, None, None]
    beta = rng.dirichlet(np.ones(n))

    def step(z: Array) -> Array:
        return np.tanh(np.einsum("j,iab,jcb,cd->iad", beta, z, z, u) / math.sqrt(d) + b)

    ends, fastest = [], 0.0
    for _ in range(starts):
        z = rng.normal(size=(n, d, d))
        z *= radius / np.linalg.norm(z, axis=(1, 2))[:, None, None]
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


@claim(
    "CS-C1",
    "Corollary 1",
    "n nodes cost O(n log n).",
    "The full cross matrix has n² entries. A fused vector with a Toeplitz α costs O(n log n) per component by FFT, "
    "one of "
    "rank r O(n r).",
)
def scalability(entries: Callable[[int], int] = lambda n: n * n, seed: int = 65) -> Iterator[Fact]:
    ratios = [entries(n) / (n * math.log2(n)) for n in (64, 1024, 16384)]
    yield printed(
        ratios[-1] < 2 * ratios[0],
        f"Entries over n log n for n = 64, 1024, 16384: {', '.join(f'{r:.0f}' for r in ratios)}.",
    )
    rng = np.random.default_rng(seed)
    n, taps, z = 64, rng.normal(size=127), rng.normal(size=64)
    direct = np.array([sum(taps[i - j + n - 1] * z[j] for j in range(n)) for i in range(n)])
    fast = np.fft.irfft(np.fft.rfft(taps, 256) * np.fft.rfft(z, 256), 256)[n - 1 : 2 * n - 1]
    off = float(np.max(np.abs(direct - fast)))
    yield corrected(off < 1e-10, f"Toeplitz α, n = 64: FFT and direct sum agree within {off:.0e}.")


# -- pseudocode --------------------------------------------------------------------------------------------------------


@claim(
    "CS-S6.1",
    "Section 6.1",
    "The controller's fusion computes Σ_j β_j Z_cross^(i,j) of section 3.2.3.",
    "C @ β does; the printed sum weights the columns and adds the rows.",
)
def controller(code: Callable[[Array, Array], Array] = lambda c, beta: np.sum(beta * c, axis=0)) -> Iterator[Fact]:
    c, beta = np.array([[1.0, 2.0], [2.0, 5.0]]), np.array([0.25, 0.75])
    definition = np.array([sum(beta[j] * c[i, j] for j in range(2)) for i in range(2)])
    found = code(c, beta)
    yield printed(
        np.allclose(found, definition), f"C = [[1, 2], [2, 5]], β = (.25, .75): code {found}, definition {definition}."
    )
    yield corrected(np.allclose(c @ beta, definition), f"C @ β = {c @ beta}.")


@claim(
    "CS-S7.1",
    "Section 7.1",
    "The attention-weighted likelihood is Σ softmax(α)_i log P(d_i | θ).",
    "The same; the weights must not be fitted with θ, or all weight goes to the best point.",
)
def likelihood(normalise: Callable[[Array], Array] = softmax) -> Iterator[Fact]:
    p = np.linspace(0.001, 0.999, 999)
    w = normalise(np.array([0.0, math.log(3)]))
    best = float(p[np.argmax(w[0] * np.log(1 - p) + w[1] * np.log(p))])
    yield printed(
        abs(best - 0.75) < 1e-3,
        f"Data 0 and 1, α = (0, log 3): the likelihood is greatest at p = {best:.3f}; 3/4 is the weight of 1.",
    )
    joint = [
        float(softmax(np.array([0.0, a]))[1] * math.log(0.9) + softmax(np.array([0.0, a]))[0] * math.log(0.1))
        for a in (0, 5, 50)
    ]
    yield corrected(joint == sorted(joint), f"At p = 0.9 it grows with α: {', '.join(f'{v:.3f}' for v in joint)}.")


MANAGER = """
def manage(self, data):
    weights = self.weights(data)
    sample = self.sample(data, weights)
    if self.quality(sample) < threshold:
        self.refine(data, weights)
    return sample
"""


@claim(
    "CS-S7.2",
    "Section 7.2",
    "The data manager refines the data where their quality is low.",
    "Give it the threshold, and use what the refinement returns; as printed the name is undefined and the result is "
    "dropped.",
)
def data_manager(source: str = MANAGER) -> Iterator[Fact]:
    function = symtable.symtable(source, "manager", "exec").get_children()[0]
    unknown = [s.get_name() for s in function.get_symbols() if s.is_global()]
    yield printed(
        not unknown,
        f"{len(unknown)} name(s) of its {len(function.get_symbols())} are defined nowhere: {', '.join(unknown)}.",
    )


# -- examples and costs ------------------------------------------------------------------------------------------------


@claim(
    "CS-S8.1",
    "Section 8.1",
    "A layer's weights are W_base ⊗_α W_attention.",
    "With the entrywise product α ∘ W_base ∘ W_attention; the operator of section 2.2 gives a number.",
)
def layer(combine: Callable[[Array, Array, Array], Any] = operator) -> Iterator[Fact]:
    base, attention, alpha, z, b = np.ones((3, 2)), np.ones((3, 2)), np.ones((3, 2)), np.ones(2), np.ones(3)
    made = np.asarray(combine(base, attention, alpha))
    right = made.ndim == 2 and _fits(lambda: made @ z + b)
    yield meaning(
        right, f"From 2 to 3 numbers: the weights made have the shape {made.shape}, and Z keeps its 2 components."
    )
    yield printed(right, f"W Z + b needs the shape {base.shape}.")
    yield corrected(((alpha * base * attention) @ z + b).shape == (3,), f"Entrywise, W Z + b has {b.size} components.")


@claim(
    "CS-S8.2",
    "Section 8.2",
    "With α = softmax(−d/τ) the cross-synthesis of two domains' attentions is an attention mechanism.",
    "α is normalised. A_cross is a number in [0, 1], for domains of equal shape.",
)
def two_domains(combine: Callable[[Array, Array, Array], Any] = operator, seed: int = 66) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    alpha = softmax(-rng.uniform(size=12)).reshape(3, 4)
    made = np.asarray(combine(rng.uniform(size=(3, 4)), rng.uniform(size=(3, 4)), alpha))
    yield meaning(made.ndim > 0, f"A_cross has the shape {made.shape}: {made if made.ndim == 0 else made.sum():.3f}.")
    yield printed(made.ndim > 0, f"An attention mechanism gives {alpha.size} weights here.")
    yield corrected(abs(alpha.sum() - 1) < 1e-12, f"Σα = {alpha.sum():.6f}.")


def cost(n: int, m: int, p: int) -> int:
    """Products of the forward pass, the cross matrix and the fusion: the sizes of the arrays that are multiplied."""
    weights, activation, cross = np.empty((p, m)), np.empty(p), np.empty((n, n))
    return n * weights.size + n * n * activation.size + cross.size


@claim(
    "CS-S9.1",
    "Section 9.1",
    "The total cost is O(n² m + n²).",
    "Θ(n m p + n² p + n²): the forward pass and p belong in it.",
)
def total_cost(claimed: Callable[[int, int, int], int] = lambda n, m, p: n * n * m + n * n) -> Iterator[Fact]:
    counted, bound = cost(2, 1, 10**6), claimed(2, 1, 10**6)
    yield printed(
        counted <= 10 * bound, f"n = 2, m = 1, p = 10⁶: {counted} products are counted, and the bound is {bound}."
    )
    sizes = [(2, 3, 5), (10, 7, 1), (4, 50, 20)]
    exact = all(cost(n, m, p) == n * m * p + n * n * p + n * n for n, m, p in sizes)
    yield corrected(exact, f"n m p + n² p + n² is {'' if exact else 'not '}the count for (n, m, p) = {sizes}.")


@claim(
    "CS-S9.2",
    "Section 9.2",
    "The memory is O(n m p + n² m).",
    "An upper bound for m ≥ 1: the cross matrix is n² numbers, so n m p + n² (with elementwise α n² p more).",
)
def total_memory(claimed: Callable[[int, int, int], int] = lambda n, m, p: n * m * p + n * n * m) -> Iterator[Fact]:
    cases = [(n, m, p) for n in (1, 10, 1000) for m in (1, 10, 1000) for p in (1, 10)]
    tight = [claimed(*c) / (c[0] * c[1] * c[2] + c[0] ** 2) for c in cases]
    yield printed(
        min(tight) >= 1 and max(tight) < 2, f"It exceeds what is stored by a factor of up to {max(tight):.0f}."
    )
    yield under(min(tight) >= 1, f"It is never less ({min(tight):g} times at least), in {len(cases)} cases with m ≥ 1.")


@claim(
    "CS-S10.1",
    "Section 10.1",
    "MNIST 98.2, CIFAR-10 89.7, IMDB 94.3 percent, at 0.04 to 0.12 seconds.",
    "To be measured anew: no code, architecture, spread or hardware is given.",
    text=True,
)
def benchmarks() -> Iterator[Fact]:
    yield decidable(
        False, "3 accuracies, F1 scores and latencies are printed, and 0 of code, architecture, spread and hardware."
    )


@claim(
    "CS-S10.2",
    "Section 10.2",
    "lim ‖W(t) − W*‖ ≤ ε is linear convergence.",
    "Linear convergence is ‖e(t+1)‖ ≤ ρ‖e(t)‖ with ρ < 1.",
)
def linear_convergence(errors: Any = None) -> Iterator[Fact]:
    errors = errors or {"constant 0.1": lambda t: 0.1, "1/t": lambda t: 1.0 / t}
    for name, error in errors.items():
        ratio = float(error(100_001) / error(100_000))
        yield printed(
            ratio < 0.999, f"Error {name}: its limit is at most 0.1, and the ratio of successive errors is {ratio:.6f}."
        )
    ratio = 0.5**11 / 0.5**10
    yield corrected(ratio < 1, f"Error 2^−t: the ratio is {ratio:g}.")
