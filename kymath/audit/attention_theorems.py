"""Condor, sections 5.1, 5.3 and 5.4: expressive power, gradients, heads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from .claim import Fact, claim, corrected, decidable, printed
from .claim import conditional as under
from .window import Array, Net, full, jacobian, softmax, weights


def _inclusion_gap(length: int, width: int, edge: str, rng: np.random.Generator) -> float:
    q, k = rng.normal(size=(2, length, 4))
    return float(np.max(np.abs(weights(q, k, np.full(width, 0.3), edge=edge) - full(q, k))))


@claim(
    "T5.1",
    "Theorem 5.1",
    "With a constant connection function and W → L the mechanism is standard attention.",
    "With W ≥ 2L − 1 and masked edges; ε > 0 scales the output by 1/(1 + εW).",
)
def inclusion(
    width: Callable[[int], int] = lambda length: length, edge: str = "zero", seed: int = 30
) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    gap = _inclusion_gap(9, width(9), edge, rng)
    yield printed(gap < 1e-12, f"L = 9, W = {width(9)}, edges “{edge}”: the weights differ by {gap:.3f}.")
    wide = _inclusion_gap(9, 17, "mask", rng)
    yield under(wide < 1e-12, f"W = 2L − 1 = 17, masked: they differ by {wide:.0e}.")
    x = rng.normal(size=(9, 4))
    rows = weights(x, x, np.zeros(5), eps=1e-3)[2:-2].sum(axis=1)
    off = float(np.max(np.abs(rows - 1 / (1 + 5e-3))))
    yield under(off < 1e-12, f"ε = 0.001, W = 5: the rows sum to 1/(1 + εW) within {off:.0e}.")


@claim(
    "T5.1-T5.4",
    "Theorems 5.1 and 5.4 together",
    "The mechanism contains standard attention, and its cost is linear in L.",
    "One or the other: containing it needs W = 2L − 1, and then the cost is of order L².",
)
def both(widths: Any = (lambda length: 2 * length - 1, lambda length: 15), seed: int = 31) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    found = []
    for width in widths:
        gap = _inclusion_gap(60, width(60), "mask", rng)
        growth = math.log2(60 * width(60) / (30 * width(30)))
        found.append(gap < 1e-12 and growth < 1.5)
        yield corrected(
            (gap < 1e-12) != (growth < 1.5),
            f"W = {width(60)} at L = 60: slots grow like L^{growth:.2f}; the gap to standard attention is {gap:.1e}.",
        )
    yield printed(any(found), f"{sum(found)} of {len(found)} windows have both.")


@claim(
    "T5.2",
    "Theorem 5.2",
    "The mechanism expresses more than standard attention.",
    "More than window-W attention without a notion of position. Standard attention with one-hot positions reproduces "
    "it, "
    "and for W < 2L − 1 it cannot do what standard attention does: the classes are not comparable.",
)
def richer(seed: int = 32) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    length, width = 7, 13
    q, k = rng.normal(size=(2, length, 4))
    bias = rng.normal(size=width)
    table = np.array([[bias[j - i + length - 1] for j in range(length)] for i in range(length)])
    gap = float(np.max(np.abs(softmax(q @ k.T / 2 + table) - weights(q, k, bias))))
    yield printed(gap > 1e-9, f"Standard attention with one-hot positions comes within {gap:.0e} of it.")
    reach = float(np.max(weights(q, k, bias[:5])[0, 3:]))
    yield printed(reach > 0, f"With W = 5 the first token gives {reach:g} to those beyond its window.")
    order = rng.permutation(length)
    moved = float(np.max(np.abs(weights(q[order], k[order], bias) - weights(q, k, bias)[np.ix_(order, order)])))
    plain = float(np.max(np.abs(full(q[order], k[order]) - full(q, k)[np.ix_(order, order)])))
    yield under(
        moved > 1e-3 > plain,
        f"Under a permutation it changes by {moved:.3f}, attention without positions by {plain:.0e}.",
    )
    wave = np.sin(np.pi * np.arange(5)) ** 2
    uniform = float(np.ptp(softmax(wave)))
    yield under(
        uniform < 1e-12, f"A g that is not constant, sin²(π(W − 1)t), still gives uniform β within {uniform:.0e}."
    )


def _reach(length: int, radius: int) -> int:
    """Layers until the first token can depend on the last."""
    seen, depth = np.arange(length) == 0, 0
    while not seen[-1]:
        seen, depth = np.convolve(seen, np.ones(2 * radius + 1), "same") > 0, depth + 1
    return depth


@claim(
    "T5.3",
    "Theorem 5.3",
    "With enough heads and capacity one layer approximates any attention function.",
    "A global dependence needs at least ⌈(L − 1)/r⌉ layers, r = (W − 1)/2.",
)
def universal(width: int = 15, heads: int = 8, seed: int = 33) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 4))
    other = x.copy()
    other[-1] += 2
    moved = 0.0
    for _ in range(heads):
        net, bias = Net(4, rng), rng.normal(size=width) * 5
        moved = max(moved, float(np.max(np.abs(net(other, bias)[0] - net(x, bias)[0]))))
    yield printed(
        moved > 0,
        f"L = 40, W = {width}, {heads} heads: moving the last token by 2 moves the first output by {moved:g}.",
    )
    for length in (256, 8192):
        depth, formula = _reach(length, 7), math.ceil((length - 1) / 7)
        yield corrected(depth == formula, f"L = {length}, r = 7: {depth} layers, and ⌈(L − 1)/7⌉ = {formula}.")


@claim(
    "T5.3-step3",
    "Theorem 5.3, step 3",
    "The error is proportional to H δ, so that enough heads make it as small as one likes.",
    "That bound grows with H. What δ does bound is β: ‖β′ − β‖₁ ≤ exp(2δ) − 1.",
)
def more_heads(
    bound: Callable[[int, float], float] = lambda heads, delta: heads * delta, seed: int = 34
) -> Iterator[Fact]:
    sizes = [bound(heads, 0.01) for heads in (1, 8, 64)]
    yield printed(
        sizes[-1] < sizes[0], f"δ = 0.01: the bound is {', '.join(f'{s:g}' for s in sizes)} for 1, 8, 64 heads."
    )
    rng, tightest = np.random.default_rng(seed), 0.0
    for _ in range(300):
        delta, c = rng.uniform(0.01, 1), rng.normal(size=15)
        change = float(np.abs(softmax(c + rng.choice([-delta, delta], 15)) - softmax(c)).sum())
        tightest = max(tightest, change / math.expm1(2 * delta))
    yield corrected(tightest <= 1, f"300 random c and δ: ‖β′ − β‖₁ reaches {tightest:.3f} of exp(2δ) − 1.")


# -- gradients ---------------------------------------------------------------------------------------------------------


@claim(
    "T5.6-grad",
    "Theorem 5.6, gradient bound",
    "The gradient with respect to the connection function is bounded by a constant times its Lipschitz constant.",
    "∂Loss/∂c_j = Σ_i w_ij ⟨V_j − O_i, G_i⟩; its components sum to 0 and ‖·‖₁ ≤ 2 max‖V‖ Σ‖G_i‖.",
)
def gradient(slope: float = 0.0, seed: int = 35) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    net, x, target = Net(4, rng), rng.normal(size=(9, 4)), rng.normal(size=(9, 4))
    bias = slope * np.arange(5.0)

    def loss(c: Array) -> Array:
        return np.sum(target * net(x, c))

    numeric = jacobian(loss, bias)
    size = float(np.linalg.norm(numeric))
    yield printed(size <= 10 * slope, f"g of Lipschitz constant {slope:g}: the gradient has the norm {size:.3f}.")
    w, v = net.weights(x, bias), x @ net.v
    out = w @ v
    exact = np.zeros(5)
    for i in range(9):
        for j in range(max(0, i - 2), min(9, i + 3)):
            exact[j - i + 2] += w[i, j] * (v[j] - out[i]) @ target[i]
    off, bound = (
        float(np.max(np.abs(exact - numeric))),
        2 * np.linalg.norm(v, axis=1).max() * np.linalg.norm(target, axis=1).sum(),
    )
    yield corrected(
        off < 1e-6 and abs(exact.sum()) < 1e-9 and np.abs(exact).sum() <= bound,
        f"The formula agrees with finite differences within {off:.0e} and sums to {abs(exact.sum()):.0e}.",
    )


@claim(
    "T5.6-sc",
    "Theorem 5.6, contraction",
    "The loss is strongly convex in the parameters of g, so that SGD contracts to its minimiser.",
    "b_out is a flat direction and (s·gate, down/s) gives the same g for every s: minimisers are not isolated. A "
    "constant "
    "step leaves a floor of order σ²η/μ even under strong convexity.",
)
def convex(weight_decay: float = 0.0, seed: int = 36) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    net, x, target = Net(4, rng), rng.normal(size=(9, 4)), rng.normal(size=(9, 4))
    bias = rng.normal(size=5)

    def loss(out: float) -> float:
        return float(np.sum((target - net(x, bias + out)) ** 2) + weight_decay * out**2)

    bend = (loss(0.5) - 2 * loss(0.0) + loss(-0.5)) / 0.25
    yield printed(bend > 1e-6, f"Second difference of the loss along b_out: {abs(bend):.0e}.")
    gate, down, t = rng.normal(size=6), rng.normal(size=6), np.linspace(0, 1, 5)[:, None]
    curves = [((s * gate * t) * np.tanh(t + np.arange(6))) @ (down / s) for s in (1.0, 3.0)]
    same = float(np.max(np.abs(curves[0] - curves[1])))
    yield corrected(
        same < 1e-12,
        f"s = 1 and s = 3 give the same g within {same:.0e}, {np.linalg.norm(2 * gate):.2f} apart in gate.",
    )
    error = 1.0
    for _ in range(2000):
        error = (1 - 0.1) ** 2 * error + 0.1**2  # E e² for the loss e²/2 with unit noise, η = 0.1
    yield corrected(error > 0.01, f"e²/2 with unit noise, η = 0.1: E e² ends at {error:.4f}, not 0.")


@claim(
    "T5.7-rf",
    "Theorem 5.7, locality",
    "∂Output_j/∂X_i is zero exactly where |i − j| > W/2.",
    "For one layer; n layers have the radius n r, 56 of 256 tokens in the paper's model.",
)
def band(radius: int = 2, seed: int = 37) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    nets, bias, x = [Net(3, rng) for _ in range(3)], rng.normal(size=5), rng.normal(size=(12, 3))
    apart = np.abs(np.subtract.outer(np.arange(12), np.arange(12)))
    for layers in (1, 2):

        def stack(y: Array, layers: int = layers) -> Array:
            for net in nets[:layers]:
                y = y + net(y, bias)
            return y

        size = np.linalg.norm(jacobian(stack, x), axis=(1, 3))
        outside, inside = float(size[apart > layers * radius].max()), float(size[apart <= layers * radius].min())
        yield printed(
            outside == 0 and inside > 1e-9,
            f"{layers} layer(s), W = 5: ‖∂O/∂X‖ is {outside:g} outside and ≥ {inside:.1e} inside.",
        )


@claim(
    "T5.7-bound",
    "Theorem 5.7, bound",
    "‖∂Output_j/∂X_i‖ is at most the largest slope of the connection function.",
    "‖∂O_j/∂X_i‖ ≤ w_ji(‖W_V‖ + 2 R_V ‖q_j‖ ‖W_K‖/√d) + [i = j] ‖W_Q‖ R_K R_V/√d.",
)
def slope_bound(sizes: Any = (1.0, 5.0, 20.0), seed: int = 38) -> Iterator[Fact]:
    for s in sizes:
        x = np.array([[s], [0.0], [-s]])
        found = float(jacobian(lambda y: weights(y, y, np.zeros(3)) @ y, x)[1, 0, 1, 0])
        yield printed(
            abs(found) <= 1e-6, f"Tokens ({s:g}, 0, −{s:g}), g constant, slope 0: the derivative is {found:.4g}."
        )
    rng, tightest = np.random.default_rng(seed), 0.0
    for _ in range(20):
        net, bias, x = Net(3, rng), rng.normal(size=5), rng.normal(size=(6, 3))
        w, q = net.weights(x, bias), np.linalg.norm(x @ net.q, axis=1)
        blocks = np.moveaxis(jacobian(partial(net, bias=bias), x), 2, 1)  # (j, i): how O_j moves with X_i
        size = np.linalg.norm(blocks, 2, axis=(2, 3))
        norm_q, norm_k, norm_v = (np.linalg.norm(m, 2) for m in (net.q, net.k, net.v))
        rv, rk = (np.linalg.norm(x @ m, axis=1).max() for m in (net.v, net.k))
        own = np.eye(6) * norm_q * rk * rv / math.sqrt(3)
        bound = w * (norm_v + 2 * rv * q[:, None] * norm_k / math.sqrt(3)) + own
        tightest = max(tightest, float(np.max((size - 1e-7) / (bound + 1e-12))))
    yield corrected(tightest <= 1, f"20 random nets reach {tightest:.3f} of the corrected bound.")


@claim(
    "T5.7-OW",
    "Theorem 5.7, stability",
    "Gradients grow with W instead of L, so that they vanish and explode less.",
    "Only the worst case of the value path differs, W against L; beyond n r tokens the gradient is exactly 0.",
)
def stability(carried: Callable[[Array], Array] = lambda w: w.sum(axis=0), seed: int = 39) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    q, k = rng.normal(size=(2, 60, 4))
    local, whole = (carried(w) for w in (weights(q, k, np.zeros(5)), full(q, k)))
    yield decidable(
        abs(local.mean() - whole.mean()) > 1e-9,
        f"The sums over j of w_ji, which carry gradients back, average {local.mean():.6f} with a window and "
        f"{whole.mean():.6f} "
        "without; an upper bound says nothing about vanishing.",
    )
    yield printed(
        local.max() <= 5, f"The largest sum is {local.max():.2f} with W = 5 and {whole.max():.2f} with L = 60."
    )


# -- heads -------------------------------------------------------------------------------------------------------------


@claim(
    "T5.8",
    "Theorem 5.8",
    "Heads whose connection functions come from disjoint classes share the least information.",
    "Nothing follows without a term in the loss that rewards difference.",
)
def disjoint(second: Callable[[Array], Array] = lambda c: c + 1, seed: int = 40) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    net, bias = Net(3, rng), rng.normal(size=5)
    pairs = []
    for _ in range(200):
        x = rng.normal(size=(5, 3))
        pairs.append([net(x, c)[2, 0] > 0 for c in (bias, second(bias))])
    table = np.array([[sum(p == [a, b] for p in pairs) for b in (False, True)] for a in (False, True)]) / 200

    def entropy(p: Array) -> float:
        p = p[p > 0]
        return float(-(p * np.log2(p)).sum())

    single = entropy(table.sum(axis=1))
    shared = single + entropy(table.sum(axis=0)) - entropy(table.ravel())
    yield printed(
        shared < 0.99 * single,
        f"The classes {{g}} and {{g + 1}} are disjoint; the signs of the two heads' outputs, 200 sequences, share "
        f"{shared:.4f} "
        f"of {single:.4f} bits.",
    )


@claim(
    "Eq56-59",
    "Eq. 56 to 59",
    "The heads specialise in short, middle and long range and in themes.",
    "In one layer no head reaches beyond r = 7 tokens; what heads learn is to be measured.",
)
def ranges(heads: Any = ((5.0, 5.0, 5.0, 5.0), (0.1, 0.5, 1.0, 5.0)), seed: int = 41) -> Iterator[Fact]:
    q = np.zeros((31, 2))
    outcomes = []
    for scales in heads:
        lags = np.abs(np.arange(31) - 15)
        means = [float(weights(q, q, -np.abs(np.arange(15) - 7) / s)[15] @ lags) for s in scales]
        outcomes.append(max(means) - min(means))
    yield decidable(
        max(outcomes) - min(outcomes) < 1e-9,
        "Four equal heads and four different ones both satisfy the formulas: their mean lags differ by "
        f"{outcomes[0]:.2f} and "
        f"{outcomes[1]:.2f} tokens.",
    )
    far = float(weights(q, q, np.zeros(15))[15, :8].sum())
    yield corrected(far == 0, f"What one layer gives beyond 7 tokens is {far:g}.")
