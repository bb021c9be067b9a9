"""Condor, sections 6 and 7: the printed numbers, and the predictions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .attention_cost import BATCH, LAYERS, MIB, SIZES, VOCABULARY
from .claim import Fact, claim, corrected, decidable, printed
from .window import weights

# -- the experiment ----------------------------------------------------------------------------------------------------

TABLE1 = {"loss": (4.6137, 4.7032), "ppl": (100.86, 110.30), "memory": (10708.41, 4600.49), "speed": (137.32, 419.35)}


@claim(
    "T1-arith",
    "Table 1 and section 6.2",
    "Perplexity is exp(loss); the improvements are 8.6 and 1.9 percent, the memory 2.3-fold, the speed 3.1-fold.",
    "The same. The gap in the loss is 0.0895 nats, and the table has one number for each model and row, without a "
    "spread.",
)
def arithmetic(table: Any = None) -> Iterator[Fact]:
    t = table or TABLE1
    got = [math.exp(v) for v in t["loss"]]
    yield printed(
        all(abs(a - b) < 0.011 for a, b in zip(got, t["ppl"], strict=True)),
        f"exp(loss) = {got[0]:.3f} and {got[1]:.3f}.",
    )
    parts = [100 * (1 - t[name][0] / t[name][1]) for name in ("ppl", "loss")]
    yield printed(
        abs(parts[0] - 8.6) < 0.05 and abs(parts[1] - 1.9) < 0.05,
        f"Better by {parts[0]:.2f} and {parts[1]:.2f} percent.",
    )
    folds = t["memory"][0] / t["memory"][1], t["speed"][1] / t["speed"][0]
    yield printed(
        abs(folds[0] - 2.3) < 0.05 and abs(folds[1] - 3.1) < 0.05,
        f"Memory {folds[0]:.3f}-fold, speed {folds[1]:.3f}-fold.",
    )
    gap, runs = t["loss"][1] - t["loss"][0], {len(row) // 2 for row in t.values()}
    yield corrected(
        abs(gap - 0.0895) < 5e-5 and runs == {1},
        f"The losses are {gap:.4f} apart; {sum(map(len, t.values()))} numbers are given for {len(t)} rows of 2 models.",
    )


@claim(
    "T1-mem",
    "Table 1, memory",
    "Training takes 10,708 MB instead of 4,600: the windows are kept.",
    "Consistent with unfolded windows. Equal inference memory says little: one tensor of logits takes 785 MiB, so "
    "attention "
    "is to be measured apart from it.",
)
def memory_rows(extra: float = 10708.41 - 4600.49) -> Iterator[Fact]:
    one = BATCH * SIZES["length"] * SIZES["width"] * SIZES["d"] * 4 / MIB
    count = extra / LAYERS / one
    yield printed(
        2 <= count <= 10, f"The extra {extra:.2f} MB are {count:.1f} tensors of window size ({one:g} MiB) per layer."
    )
    logits = BATCH * SIZES["length"] * VOCABULARY * 4 / MIB
    yield corrected(logits > 400, f"One tensor of logits takes {logits:.0f} MiB of the 1,675 MB reported.")


@claim(
    "S6-faster",
    "Abstract and section 8",
    "It converges faster and is more efficient.",
    "Only final values are given; the same table has 2.3 times the memory and a third of the speed.",
)
def faster(curves: Any = None) -> Iterator[Fact]:
    t = np.linspace(0, 1, 301)
    if curves is None:  # two histories with the printed final losses
        curves = [
            [10 - (10 - end) * t**power for end, power in zip(TABLE1["loss"], pair, strict=True)]
            for pair in ((0.3, 0.6), (0.6, 0.3))
        ]
    ahead = [int(np.argmax(own < 6)) < int(np.argmax(other < 6)) for own, other in curves]
    yield decidable(
        len(set(ahead)) == 1,
        f"Of {len(ahead)} pairs of loss curves that end at 4.6137 and 4.7032, {sum(ahead)} reach 6 nats sooner with "
        "the mechanism.",
    )
    memory, speed = (TABLE1[name][0] / TABLE1[name][1] for name in ("memory", "speed"))
    yield printed(memory < 1 and speed > 1, f"In Table 1 it takes {memory:.2f}-fold memory at {speed:.2f}-fold speed.")
    yield corrected(
        abs(memory - 2.3) < 0.05 and abs(speed - 1 / 3) < 0.01,
        f"{memory:.1f} times the memory, and 1/{1 / speed:.1f} of the speed.",
    )


# -- the predictions ---------------------------------------------------------------------------------------------------


@claim(
    "S7-32x",
    "Section 7.1, memory",
    "For L > 2048 the memory is 10 to 50 times less, growing linearly, 32 times at L = 8192.",
    "The numbers contradict each other. By the paper's own sizes the factor is 8.5 at 8192 for one L × L matrix "
    "against "
    "unfolded K and V.",
)
def memory_factor(factor: Callable[[int], float] = lambda length: 32 * length / 8192) -> Iterator[Fact]:
    low, high = factor(2049), factor(32768)
    yield printed(
        low >= 10 and high <= 50,
        f"A line through 32 at 8192 gives {low:.1f} at 2049, {high:.0f} at 32768 and {factor(256):.2f} at 256, where "
        "0.43 was measured.",
    )
    own = SIZES["heads"] * 8192**2 / (2 * 8192 * SIZES["width"] * SIZES["d"])
    yield corrected(
        abs(own - 8.5) < 0.1, f"Memory of one L × L matrix over that of unfolded K and V at 8192: {own:.2f}."
    )


@claim(
    "S7-speed",
    "Section 7.1, speed",
    "Models beyond 10⁹ parameters train 2 to 5 times faster at L > 1024.",
    "By operations at most 1.083 times at d = 2048, L = 1024; twice needs L ≥ 6d = 12288. Memory-bound kernels may "
    "differ.",
)
def speed(length: int = 1024, d: int = 2048) -> Iterator[Fact]:
    attention, rest = 2 * length**2 * d, 12 * length * d * d
    most = (attention + rest) / rest
    yield printed(most >= 2, f"d = {d}, L = {length}: scores and values are 1/{(attention + rest) / attention:.0f} "
                             "of a layer; "
                  f"without them it is {most:.3f} times faster.")  # fmt: skip
    least = next(n for n in range(d, 20 * d, d) if 2 * n * n * d >= 12 * n * d * d)
    yield corrected(least == 6 * d, f"A factor of 2 needs L = {least} = {least / d:g} d.")


Texts = Sequence[tuple[int, ...]]


def _copying(lag: int, context: int) -> Texts:
    """All texts of so many bits, each with the bit after it, which copies the one so far back."""
    return [(*t, t[-lag]) for t in itertools.product((0, 1), repeat=context)]


def _loss(texts: Texts, context: int | Sequence[int], learned: Texts | None) -> float:
    """Bits per token of predicting the last token from a context: so many tokens before it, or those so far back.

    At the optimum (``learned`` None) the prediction is the conditional probability, and this the conditional entropy.
    """
    lags = range(1, context + 1) if isinstance(context, int) else context
    groups: dict[tuple[int, ...], list[float]] = {}
    for text in texts if learned is None else learned:
        groups.setdefault(tuple(text[-1 - k] for k in lags), [0.0, 0.0])[text[-1]] += 1
    extra = 0 if learned is None else 1
    total = 0.0
    for text in texts:
        counts = groups.get(tuple(text[-1 - k] for k in lags), [0.0, 0.0])
        total -= math.log2((counts[text[-1]] + extra) / (sum(counts) + 2 * extra))
    return total / len(texts)


def _learned_loss(texts: Texts, context: int, count: int | None, seed: int) -> float:
    """The loss at the optimum (``count`` None), or the mean over 50 random samples of so many texts."""
    if count is None:
        return _loss(texts, context, None)
    picked = np.random.default_rng(seed).integers(len(texts), size=(50, count))
    return float(np.mean([_loss(texts, context, [texts[k] for k in some]) for some in picked]))


@claim(
    "S7.2",
    "Section 7.2",
    "The advantage in perplexity grows with L.",
    "At the optimum a longer context cannot hurt standard attention, and the mechanism's context stays at layers × r "
    "tokens: only finite-sample effects could favour it.",
)
def advantage(lag: int = 5, window: int = 3, learned_from: int | None = None, seed: int = 52) -> Iterator[Fact]:
    far = max(lag, window, 5)
    texts = _copying(lag, far)
    how = "at the optimum" if learned_from is None else f"learned from {learned_from} texts by Laplace's rule"
    losses = [_learned_loss(texts, context, learned_from, seed) for context in (window, far)]
    yield printed(
        losses[0] < losses[1] - 1e-12,
        f"Copying the token {lag} back, {how}: {losses[0]:.4g} bits with {window} tokens of context, {losses[1]:.4g} "
        f"with {far}.",
    )
    exact = [_loss(texts, context, None) for context in range(1, far + 1)]
    yield corrected(
        all(a >= b - 1e-12 for a, b in itertools.pairwise(exact)),
        f"At the optimum, by context 1 to {far}: {', '.join(f'{e:g}' for e in exact)}.",
    )
    losses = [_learned_loss(_copying(1, 5), context, 12, seed) for context in (3, 5)]
    yield corrected(
        losses[0] < losses[1],
        f"A finite sample: copying the token 1 back, learned from 12 texts by Laplace's rule: {losses[0]:.3f} bits "
        f"with 3 tokens, {losses[1]:.3f} with 5.",
    )


@claim(
    "S7.3",
    "Section 7.3",
    "Unlike sparse attention it loses less than 5 percent up to 32K tokens.",
    "To be measured, task by task. The mechanism is itself a fixed sparse pattern, a band.",
)
def long_context(reaches: Sequence[int] = (3, 8), width: int = 5, layers: int = 2) -> Iterator[Fact]:
    length = 10
    band = weights(np.zeros((length, 1)), np.zeros((length, 1)), np.zeros(width)) > 0
    last = np.linalg.matrix_power(band.astype(int), layers)[-1] > 0  # what the last token's output can depend on
    visible = [length - int(place) for place in np.flatnonzero(last)]  # how far before the next token
    lost = [
        _loss(texts, visible, None) - _loss(texts, length, None) for texts in (_copying(r, length) for r in reaches)
    ]
    yield decidable(
        max(lost) - min(lost) < 1e-9,
        f"{layers} layers of W = {width} see {len(visible)} tokens. Copying the token {' or '.join(map(str, reaches))} "
        f"back, all {2**length} texts of {length} bits: the optimum loses {' or '.join(f'{b:g}' for b in lost)} bits.",
    )
    worse = [100 * (2**b - 1) for b in lost]
    yield printed(max(worse) < 5, f"The perplexity grows by {' or '.join(f'{w:g}' for w in worse)} percent.")
    seen = weights(np.zeros((64, 1)), np.zeros((64, 1)), np.zeros(15)) > 0
    apart = np.abs(np.subtract.outer(np.arange(64), np.arange(64)))
    yield corrected(
        bool((seen == (apart <= 7)).all()),
        f"W = 15: {int(seen.sum())} of {seen.size} weights at L = 64 are not zero, those with |i − j| ≤ 7.",
    )


@claim(
    "S7.4, S7.5 dynamics",
    "Sections 7.4 and 7.5",
    "Vision gains 15 to 30 percent, multimodal tasks 20 to 40, training needs 30 to 50 percent fewer steps.",
    "No model, task or baseline is named: to be measured once they are.",
    text=True,
)
def gains() -> Iterator[Fact]:
    yield decidable(
        False, "3 ranges are printed (15–30, 20–40, 30–50 percent), and no model, data or baseline for any of them."
    )


@claim(
    "S7.5 universal",
    "Section 7.5",
    "All efficient variants (linear, sparse, local attention) can be represented.",
    "Not those whose support is global: one layer sees r tokens to each side.",
)
def all_variants(width: int = 15, length: int = 40, seed: int = 51) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    q, k = rng.normal(size=(2, length, 4))
    linear = np.exp(q) @ np.exp(k).T
    linear /= linear.sum(axis=1, keepdims=True)
    windowed = float(max(weights(q, k, rng.normal(size=width) * 5)[0, -1] for _ in range(8)))
    yield printed(
        windowed > 0,
        f"First to last token, L = {length}, W = {width}: at most {windowed:g}; linear attention {linear[0, -1]:.2e}.",
    )
    apart = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
    seen = weights(q, k, np.zeros(width)) > 0
    yield corrected(
        bool((linear > 0).all() and (seen == (apart <= width // 2)).all() and not seen.all()),
        f"Linear attention gives weight to all {linear.size} pairs, one layer to the {int(seen.sum())} with |i − j| ≤ "
        f"{width // 2}.",
    )
