"""Condor, sections 5.1, 5.3 and 5.4: expressive power, gradients, heads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .claim import Fact, claim, corrected, printed, within
from .claim import conditional as under
from .window import Array, Net, full, softmax, weights


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
    yield under(off < 1e-12, f"ε = 0.001, W = 5: the rows sum to 1/(1 + εW) {within(off)}.")


@claim(
    "T5.1-T5.4",
    "Theorems 5.1 and 5.4 together",
    "The mechanism contains standard attention, and its cost is linear in L.",
    "One or the other: containing it needs W = 2L − 1, and then the cost is of order L².",
)
def both(
    widths: Any = (lambda length: 2 * length - 1, lambda length: 15),
    slots: Callable[[int, int], int] = lambda length, width: length * width,
    seed: int = 31,
) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    found = []
    for width in widths:
        gap = _inclusion_gap(60, width(60), "mask", rng)
        growth = math.log2(slots(60, width(60)) / slots(30, width(30)))
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
    "it, and for W < 2L − 1 it cannot do what standard attention does: the classes are not comparable.",
)
def richer(positions: Callable[[int], Array] = np.eye, window: int = 5, seed: int = 32) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    length, width = 7, 13
    q, k = rng.normal(size=(2, length, 4))
    bias, place = rng.normal(size=width), positions(length)
    table = np.array([[bias[j - i + length - 1] for j in range(length)] for i in range(length)])
    gap = float(np.max(np.abs(softmax(q @ k.T / 2 + place @ table @ place.T) - weights(q, k, bias))))
    yield printed(
        gap > 1e-9,
        f"Standard attention whose tokens carry {np.count_nonzero(place.any(axis=0))} more components, their "
        f"positions, gives its weights {within(gap)}.",
    )
    least = float(np.min(weights(q, k, bias[:window])))
    yield printed(
        least > 0,
        f"L = {length}, W = {window}: the least weight is {least:.2g}, that of standard attention "
        f"{float(np.min(full(q, k))):.2g}.",
    )
    order = rng.permutation(length)
    moved = float(np.max(np.abs(weights(q[order], k[order], bias) - weights(q, k, bias)[np.ix_(order, order)])))
    plain = float(np.max(np.abs(full(q[order], k[order]) - full(q, k)[np.ix_(order, order)])))
    yield under(
        moved > 1e-3 > plain,
        f"Under a permutation it changes by {moved:.3f}, attention without positions by {plain:.0e}.",
    )
    wave = np.sin(np.pi * np.arange(5)) ** 2
    uniform = float(np.ptp(softmax(wave)))
    yield under(uniform < 1e-12, f"A g that is not constant, sin²(π(W − 1)t), still gives uniform β {within(uniform)}.")


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
