"""Condor, section 5.2 and appendix B: operations, memory, and the encodings of positions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .claim import Fact, claim, corrected, printed, within
from .window import softmax, weights

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
    "They are the same algorithm counted in two ways; apart from the projections both take Θ(L W d) products.",
)
def two_counts(local: Callable[..., dict[str, int]] = products, seed: int = 49) -> Iterator[Fact]:
    ratios = [sum(products(256, 15, h, 512).values()) / sum(local(256, 15, h, 512).values()) for h in (1, 16)]
    yield printed(
        ratios[1] > 8 * ratios[0], f"Products of one over the other: {ratios[0]:g} for H = 1, {ratios[1]:g} for H = 16."
    )
    shares = []
    for length, width, heads, d in itertools.product((256, 4096), (15, 63), (1, 16), (512, 2048)):
        for count in (products, local):
            parts = {k: v for k, v in count(length, width, heads, d).items() if k != "projections"}
            shares.append(sum(parts.values()) / (length * width * d))
    yield corrected(
        1 <= min(shares) <= max(shares) <= 3,
        f"Without the projections, {len(shares)} counts: {min(shares):.3f} to {max(shares):.3f} times L W d.",
    )
    rng = np.random.default_rng(seed)
    q, k, bias = rng.normal(size=(20, 4)), rng.normal(size=(20, 4)), rng.normal(size=5)
    lag = np.subtract.outer(np.arange(20), np.arange(20))
    scores = np.where(abs(lag) <= 2, q @ k.T / 2 + bias[np.clip(2 - lag, 0, 4)], -np.inf)
    gap = float(np.max(np.abs(softmax(scores) - weights(q, k, bias))))
    yield corrected(gap < 1e-12, f"Local attention with a number per offset gives the same weights {within(gap)}.")


Encoding = Callable[[Any, Any, int, int], float]  # the score of the contents q at position i and k at j


def _rope(q: Any, k: Any, i: int, j: int) -> float:
    frequency = 1.0 / 10.0 ** np.arange(len(q) // 2)
    turn = np.exp(1j * (i - j) * frequency)
    a, b = q[::2] + 1j * q[1::2], k[::2] + 1j * k[1::2]
    return float((a * np.conj(b) * turn).sum().real)


def _place(i: int) -> Any:
    """The sinusoids of a position."""
    return np.array([f(i * w) for w in (1.0, 0.1) for f in (math.sin, math.cos)])


def _bucket(lag: int) -> int:
    """T5's: near offsets one by one, far ones by the logarithm of the distance, the two directions apart."""
    size = abs(lag)
    return (8 if lag > 0 else 0) + (size if size < 4 else min(7, 4 + int(math.log(size / 4) / math.log(2) * 3)))


ENCODINGS: dict[str, Encoding] = {
    "RoPE": _rope,
    "absolute positions": lambda q, k, i, j: float((q + _place(i)) @ (k + _place(j))),
    "relative positions with content": lambda q, k, i, j: float(q @ (k + _place(i - j))),
}
BIASES: dict[str, Encoding] = {
    "ALiBi": lambda q, k, i, j: float(q @ k - 0.3 * abs(i - j)),
    "T5": lambda q, k, i, j: float(q @ k + math.sin(1.0 + 2.3 * _bucket(i - j))),  # any table of its 16 buckets
    "KERPLE": lambda q, k, i, j: float(q @ k - 0.7 * math.log1p(1.4 * abs(i - j))),
}


@claim(
    "B.2",
    "Appendix B.2",
    "It contains absolute, relative and rotary positions and ALiBi as special cases.",
    "Within the window it contains every bias that depends on the offset alone (ALiBi, T5, KERPLE); not RoPE, absolute "
    "positions or relative ones that depend on the content.",
)
def positions_contained(encodings: Any = ENCODINGS, biases: Any = BIASES, seed: int = 50) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)

    def left(score: Encoding) -> float:
        rows, values = [], []
        for lag in range(-7, 8):
            for j in rng.integers(10, 40, 30):
                q, k = rng.normal(size=(2, 4))
                rows.append(np.concatenate([np.outer(q, k).ravel(), np.eye(15)[lag + 7]]))
                values.append(score(q, k, int(j) + lag, int(j)))
        a, y = np.array(rows), np.array(values)
        return float(np.linalg.norm(a @ np.linalg.lstsq(a, y, rcond=None)[0] - y) / np.linalg.norm(y))

    for name, score in encodings.items():
        share = left(score)
        yield printed(share < 1e-9, f"{name}: the best q′Mk + c_lag leaves {share:.2g} of the scores.")
    for name, score in biases.items():
        share = left(score)
        yield corrected(share < 1e-9, f"{name}: it leaves {share:.0e}.")
