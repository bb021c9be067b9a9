"""Condor, sections 5.2, 6, 7 and appendix B: operations, memory, the printed numbers, the predictions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .claim import Fact, claim, corrected, decidable, printed
from .window import weights

SIZES = {"length": 256, "width": 15, "heads": 16, "d": 512}  # the paper's model
BATCH, LAYERS, VOCABULARY = 16, 8, 50257
MIB = 2**20


def products(length: int, width: int, heads: int, d: int) -> dict[str, int]:
    """Multiplications of one layer, from the shapes of Eq. 38 to 49."""
    inner = d // heads
    return {
        "projections": 4 * length * d * d,
        "scores": length * heads * width * inner,
        "values": length * heads * width * inner,
        "weights": length * heads * width,
    }


@claim(
    "T5.4",
    "Theorem 5.4",
    "The time is O(L W H).",
    "Θ(L d² + L W d); it is O(L W H) only with d/H bounded and the projections left out. Standard attention: Θ(L d² "
    "+ L² d).",
)
def time(count: Callable[..., dict[str, int]] = products) -> Iterator[Fact]:
    unit = SIZES["length"] * SIZES["width"] * SIZES["heads"]
    at = count(**SIZES)
    growth = [sum(count(**{**SIZES, "d": d}).values()) / unit for d in (512, 1024, 2048)]
    yield printed(
        growth[-1] < 1.1 * growth[0],
        f"d = 512, H = 16, W = 15: scores and values take {(at['scores'] + at['values']) / unit:g} times L W H "
        "products, "
        f"projections {at['projections'] / unit:.0f} times; in all {', '.join(f'{g:.0f}' for g in growth)} times for "
        "d = 512, "
        "1024, 2048.",
    )
    terms = [sum(products(**{**SIZES, "d": d}).values()) / (256 * d * d + 256 * 15 * d) for d in (512, 4096, 32768)]
    yield corrected(
        max(terms) < 4.1, f"Over L d² + L W d it is {', '.join(f'{t:.2f}' for t in terms)} for d = 512, 4096, 32768."
    )


def stored(length: int, width: int, heads: int, d: int) -> int:
    """Numbers kept for one layer and sequence when K and V are unfolded."""
    return 2 * length * width * d + 2 * length * width * heads


@claim(
    "T5.5",
    "Theorem 5.5",
    "The memory is O(L W H), since typically H ≥ d/H.",
    "Θ(L W d) where the windows are unfolded, O(L d + L W H) where they are not. One L × L matrix per head is "
    "smaller below "
    "L = 2Wd/H.",
)
def memory(count: Callable[..., int] = stored, sizes: Any = SIZES) -> Iterator[Fact]:
    d, heads = sizes["d"], sizes["heads"]
    unit = sizes["length"] * sizes["width"] * heads
    growth = [count(**{**sizes, "d": d * k}) / unit for k in (1, 2, 4)]
    yield printed(
        heads >= d / heads and growth[-1] < 1.1 * growth[0],
        f"The paper's model has H = {heads} and d/H = {d // heads}; the numbers kept are "
        f"{', '.join(f'{g:g}' for g in growth)} times L W H for d = 512, 1024, 2048.",
    )
    unfolded = BATCH * 2 * sizes["length"] * sizes["width"] * d * 4 / MIB
    square = BATCH * heads * sizes["length"] ** 2 * 4 / MIB
    even = next(n for n in range(1, 5000) if heads * n * n >= 2 * n * sizes["width"] * d)
    yield corrected(
        even == 2 * sizes["width"] * d // heads,
        f"Unfolded K and V take {unfolded:g} MiB per layer, one L × L matrix per head {square:g} MiB; equal at L = "
        f"{even}.",
    )


@claim(
    "Tab2",
    "Table 2",
    "Local attention costs O(LW), the mechanism O(LWH).",
    "They are the same algorithm counted in two ways; both are Θ(L W d).",
)
def two_counts(local: Callable[..., dict[str, int]] = products) -> Iterator[Fact]:
    ratios = [sum(products(256, 15, h, 512).values()) / sum(local(256, 15, h, 512).values()) for h in (1, 16)]
    yield printed(
        ratios[1] > 8 * ratios[0], f"Products of one over the other: {ratios[0]:g} for H = 1, {ratios[1]:g} for H = 16."
    )


def _rope(q: Any, k: Any, lag: int) -> float:
    frequency = 1.0 / 10.0 ** np.arange(len(q) // 2)
    turn = np.exp(1j * lag * frequency)
    a, b = q[::2] + 1j * q[1::2], k[::2] + 1j * k[1::2]
    return float((a * np.conj(b) * turn).sum().real)


def _alibi(q: Any, k: Any, lag: int) -> float:
    return float(q @ k - 0.3 * abs(lag))


@claim(
    "B.2",
    "Appendix B.2",
    "It contains absolute, relative and rotary positions and ALiBi as special cases.",
    "Within the window it contains every bias that depends on the offset alone (ALiBi, T5, KERPLE); not RoPE, absolute "
    "positions or relative ones that depend on the content.",
)
def positions_contained(encoding: Callable[..., float] = _rope, seed: int = 50) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)

    def left(score: Callable[..., float]) -> float:
        rows, values = [], []
        for lag in range(-7, 8):
            for _ in range(60):
                q, k = rng.normal(size=(2, 4))
                rows.append(np.concatenate([np.outer(q, k).ravel(), np.eye(15)[lag + 7]]))
                values.append(score(q, k, lag))
        a, y = np.array(rows), np.array(values)
        return float(np.linalg.norm(a @ np.linalg.lstsq(a, y, rcond=None)[0] - y) / np.linalg.norm(y))

    rotary, linear = left(encoding), left(_alibi)
    yield printed(rotary < 1e-9, f"The best q′Mk + c_lag leaves {rotary:.2f} of RoPE's scores.")
    yield corrected(linear < 1e-9, f"Of ALiBi's it leaves {linear:.0e}.")


# -- the experiment ----------------------------------------------------------------------------------------------------

TABLE1 = {"loss": (4.6137, 4.7032), "ppl": (100.86, 110.30), "memory": (10708.41, 4600.49), "speed": (137.32, 419.35)}


@claim(
    "T1-arith",
    "Table 1 and section 6.2",
    "Perplexity is exp(loss); the improvements are 8.6 and 1.9 percent, the memory 2.3-fold, the speed 3.1-fold.",
    "The gap is 0.0895 nats, of one seed, without a spread, and nothing is said about masking.",
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
    yield printed(
        TABLE1["memory"][0] < TABLE1["memory"][1], f"Speed {TABLE1['speed'][0] / TABLE1['speed'][1]:.2f}-fold."
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


@claim(
    "S7.2",
    "Section 7.2",
    "The advantage in perplexity grows with L.",
    "At the optimum a longer context cannot hurt standard attention, and the mechanism's context stays at layers × r "
    "tokens: "
    "only finite-sample effects could favour it.",
)
def advantage(lag: int = 5, window: int = 3) -> Iterator[Fact]:
    texts = [(*t, t[-lag]) for t in itertools.product((0, 1), repeat=lag + 1)]  # the next token copies one from before

    def entropy(context: int) -> float:
        groups: dict[tuple[int, ...], list[int]] = {}
        for text in texts:
            groups.setdefault(text[-1 - context : -1], []).append(text[-1])
        total = 0.0
        for nexts in groups.values():
            p = np.bincount(nexts, minlength=2) / len(nexts)
            total -= len(nexts) / len(texts) * float((p[p > 0] * np.log2(p[p > 0])).sum())
        return total

    near, far = entropy(window), entropy(lag)
    yield printed(
        near < far,
        f"Copying the token {lag} back: H(next | {window} tokens) = {near:g} bits, H(next | {lag}) = {far:g}.",
    )
    entropies = [entropy(c) for c in range(1, lag + 1)]
    yield corrected(
        entropies == sorted(entropies, reverse=True),
        f"By context 1 to {lag}: {', '.join(f'{e:g}' for e in entropies)}.",
    )


@claim(
    "S7.3",
    "Section 7.3",
    "Unlike sparse attention it loses less than 5 percent up to 32K tokens.",
    "To be measured, task by task. The mechanism is itself a fixed sparse pattern, a band.",
)
def long_context(reaches: Sequence[int] = (3, 200)) -> Iterator[Fact]:
    lost = [0.0 if reach <= 56 else 1.0 for reach in reaches]  # bits per token of copying from so far back, 8 layers
    yield decidable(
        len(set(lost)) == 1,
        f"Copying from {' or '.join(map(str, reaches))} tokens back: it loses {' or '.join(f'{b:g}' for b in lost)} "
        "bits.",
    )
    visible = weights(np.zeros((64, 1)), np.zeros((64, 1)), np.zeros(15)) > 0
    yield corrected(
        not visible[0, 8:].any(), f"W = 15: {int(visible.sum())} of {visible.size} weights at L = 64 are not zero."
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
