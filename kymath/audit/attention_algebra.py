"""Condor, sections 1 and 4: what the attention mechanism is, written out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from ..families import Linear
from ..transform import transform
from .claim import Fact, claim, corrected, meaning, printed, within
from .claim import conditional as under
from .measure import X
from .window import Net, softmax, weights

WIDTH = 15  # the paper's window


@claim(
    "S1-pairwise",
    "Section 1",
    "The mechanism goes beyond pairwise relations of tokens.",
    "Its logits are a pairwise score plus a number for the offset; log(w_ij / w_ik) does not change when other "
    "tokens do.",
)
def pairwise(attend: Callable[..., Any] = Net.weights, seed: int = 20) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    net, bias, x = Net(4, rng), rng.normal(size=5), rng.normal(size=(9, 4))
    before = np.log(attend(net, x, bias)[4, 3:5])
    worst = 0.0
    for other in (0, 1, 2, 5, 6, 7, 8):
        changed = x.copy()
        changed[other] = rng.normal(size=4) * 3
        after = np.log(attend(net, changed, bias)[4, 3:5])
        worst = max(worst, abs((after[0] - after[1]) - (before[0] - before[1])))
    yield printed(worst > 1e-9, f"Replacing each of 7 other tokens moves log(w_43 / w_44) by {worst:.0e} at most.")
    rest = np.log(attend(net, x, bias)[4, 2:7]) - (x[4] @ net.q) @ (x[2:7] @ net.k).T / 2 - bias
    yield corrected(
        np.ptp(rest) < 1e-9,
        f"log w_4j less the score and the number for j − 4 is one constant {within(np.ptp(rest))}.",
    )


ALIKE = (0 * X, sp.sin(2 * sp.pi * X))  # on the integers


@claim(
    "S4.1",
    "Section 4.1",
    "The parameters θ extract the local dynamics of the token sequence, and the connection adapts to it.",
    "c is a learned table indexed by head and offset, the same for every input; no limit h → 0 and no C1, C2 occur.",
)
def dynamics(functions: Any = ALIKE, seed: int = 21) -> Iterator[Fact]:
    slopes = [float(transform(f, 3, Linear()).theta[0]) for f in functions]
    gap = max(float(abs(sp.N(functions[0].subs(X, k) - functions[1].subs(X, k)))) for k in range(7))
    yield meaning(
        max(slopes) - min(slopes) < 1e-9,
        f"Two functions that agree on the integers {within(gap)} have the slopes {slopes[0]:g} and "
        f"{slopes[1]:.4f} at 3: "
        "the tokens do not determine a limit h → 0.",
    )
    rng = np.random.default_rng(seed)
    net, bias = Net(4, rng), rng.normal(size=5)
    tables = []
    for _ in range(3):
        x = rng.normal(size=(9, 4))
        scores = (x @ net.q) @ (x @ net.k).T / 2
        table = np.log(net.weights(x, bias)[4, 2:7]) - scores[4, 2:7]
        tables.append(table - table.mean())
    spread = float(np.max(np.ptp(tables, axis=0)))
    yield printed(spread > 1e-9, f"log w − score, from 3 random inputs, is one and the same table {within(spread)}.")
    off = float(np.max(np.abs(tables[0] - (bias - bias.mean()))))
    yield corrected(off < 1e-9, f"That table is c less its mean, {within(off)}.")


def _swish(x: Any) -> Any:
    return x / (1 + np.exp(-x))


def _least_miss(features: Any, wanted: Any) -> float:
    """How far Σ features x stays from what is wanted for the best x. It is ill-conditioned, hence the 100 digits."""
    with mpmath.workdps(100):
        a, y = mpmath.matrix(features.tolist()), mpmath.matrix(wanted.tolist())
        wide = a.cols > a.rows  # then the shortest of many solutions
        x = a.T * mpmath.lu_solve(a * a.T, y) if wide else mpmath.lu_solve(a, y)
        return float(max(abs(v) for v in a * x - y))


@claim(
    "Eq36-37",
    "Eq. 36 and 37",
    "The connection network g_h(t) is a SwiGLU network that maps a position to a number.",
    "With gate, up and b_up vectors of m numbers, their product summed by W_down, and b_out a number. Then g(0) = "
    "b_out "
    "always, b_out cancels in Eq. 46, and any table of W numbers (up to a constant) is reached with m ≥ W − 1 units.",
)
def network(cancel: Any = softmax, units: int = WIDTH - 1, seed: int = 22) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    gate, up, shift, down = rng.normal(size=(4, units)) * np.array([[1], [8], [4], [1]])

    def g(t: float, down: Any = down) -> Any:
        return (gate * t * _swish(up * t + shift)) @ down + 0.7

    other = gate * 0.3 * (_swish(up * 0.3 + shift) @ down) + 0.7  # the product read from the right
    yield printed(
        np.shape(other) == (), f"Read from the right, the product has the shape {np.shape(other)}, not a number."
    )
    yield under(
        np.shape(g(0.3)) == () and g(0.0) == 0.7, f"Read from the left it is a number, and g(0) = {g(0.0):g} = b_out."
    )
    t = np.linspace(0, 1, WIDTH)
    table = rng.normal(size=WIDTH)
    features = np.array([gate * s * _swish(up * s + shift) for s in t])
    miss = _least_miss(features[1:], (table - table[0])[1:])  # at t = 0 both are 0
    yield under(miss < 1e-9, f"{units} random units meet a random table of {WIDTH} numbers {within(miss)}.")
    moved = float(np.max(np.abs(cancel(table + 0.7) - cancel(table))))
    yield under(moved < 1e-12, f"Adding b_out = 0.7 to it moves β by {moved:.0e}.")


@claim(
    "Eq40-41",
    "Eq. 40 and 41",
    "Padding by W/2 and unfolding gives L windows of W.",
    "For odd W and a padding of (W − 1)/2 on both sides; an even W gives L + 1 windows. In all W − 1 zeros are needed.",
)
def windows(padding: Callable[[int], int] = lambda width: width // 2, length: int = 32) -> Iterator[Fact]:
    counts = {w: len(range(length + 2 * padding(w) - w + 1)) for w in (14, 15, 16, 3, 4)}
    listed = ", ".join(f"W = {w}: {n}" for w, n in counts.items())
    yield printed(all(n == length for n in counts.values()), f"Windows for L = {length}: {listed}.")
    yield under(all(n == length for w, n in counts.items() if w % 2), f"15/2 = {15 / 2:g} is read as {padding(15)}.")


@claim(
    "Eq40-leak",
    "Eq. 40, for language models",
    "The layer can be used for predicting the next token.",
    "Pad W − 1 on the left and nothing on the right, or mask what lies ahead.",
)
def leak(centre: int | None = None, tokens: int = 16, seed: int = 23) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    text = rng.integers(tokens, size=200)
    x = np.eye(tokens)[text]
    bias = np.where(np.arange(WIDTH) == WIDTH // 2 + 1, 30.0, 0.0)
    seen = weights(0 * x, x, bias, centre=centre) @ x
    entropy = float(-np.mean(np.log(seen[np.arange(199), text[1:]] + 1e-30)))
    least = math.log(tokens)
    yield printed(
        entropy > 0.9 * least,
        f"A bias of 30 on the next slot predicts uniform random tokens with a cross entropy of {entropy:.1e} nats; "
        f"{least:.3f} is the least without looking ahead.",
    )
    net, y = Net(4, rng), rng.normal(size=(12, 4))
    later = y.copy()
    later[7:] += 1
    moved = float(np.max(np.abs(net(later, bias[:7], centre=6) - net(y, bias[:7], centre=6))[:7]))
    yield corrected(moved == 0, f"With the window on the left, changing what lies ahead moves the output by {moved:g}.")


@claim(
    "Eq40-43-pad",
    "Eq. 40 to 43 at the edges",
    "The local softmax is a softmax over the tokens of the window.",
    "Zero keys have the score 0 and take weight: the output is (1 − π_i) times the masked one, π_i the weight of the "
    "padding. Mask with −∞ instead.",
)
def padding(edge: str = "zero", seed: int = 24) -> Iterator[Fact]:
    x = np.ones((256, 1))
    flat = 1 - weights(0 * x, x, np.zeros(WIDTH), edge=edge).sum(axis=1)
    low = 1 - weights(-5 * x, x, np.zeros(WIDTH), edge=edge).sum(axis=1)
    yield printed(
        flat[0] < 1e-12,
        f"W = {WIDTH}, equal scores: the first token loses {100 * flat[0]:.1f} percent of its weight, "
        f"{100 * low[0]:.1f} where "
        f"the real scores are −5; over L = 256 the mean is {100 * flat.mean():.2f} percent.",
    )
    rng = np.random.default_rng(seed)
    net, y, bias = Net(4, rng), rng.normal(size=(12, 4)), rng.normal(size=7)
    taken = 1 - net.weights(y, bias, edge="zero").sum(axis=1, keepdims=True)
    off = float(np.max(np.abs(net(y, bias, edge="zero") - (1 - taken) * net(y, bias))))
    yield corrected(off < 1e-12, f"Output = (1 − π_i) × masked output {within(off)}, π up to {float(taken.max()):.3f}.")


def product_of_softmaxes(s: Any, c: Any, eps: float) -> Any:
    """Eq. 43, 46, 47 and 48."""
    product = softmax(s) * softmax(c)
    return product / (product.sum() + eps)


@claim(
    "Eq43-48",
    "Eq. 43 to 48",
    "The product of the two softmaxes, renormalised, is as algebra one softmax, softmax(s + c).",
    "With ε > 0 the weights are softmax(s + c) S/(S + ε), S = Σ α_j β_j; the relative loss ε/(S + ε) is at most "
    "ε (1 + (W − 1) exp(min(Δc, Δs))).",
)
def one_softmax(mechanism: Callable[..., Any] = product_of_softmaxes, seed: int = 25) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    worst = lost = tightest = 0.0
    for _ in range(300):
        s, c = rng.normal(size=(2, WIDTH)) * rng.uniform(0.1, 4)
        worst = max(worst, float(np.max(np.abs(mechanism(s, c, 0.0) - softmax(s + c)))))
        eps = 10.0 ** rng.uniform(-8, -1)
        total = float(softmax(s) @ softmax(c))
        found = mechanism(s, c, eps)
        lost = max(lost, float(np.max(np.abs(found - softmax(s + c) * total / (total + eps)))))
        bound = eps * (1 + (WIDTH - 1) * math.exp(min(np.ptp(s), np.ptp(c))))
        tightest = max(tightest, (1 - float(found.sum())) / bound)
    yield printed(worst < 1e-12, f"300 random s, c, ε = 0: equal {within(worst)}.")
    yield corrected(
        lost < 1e-12 and tightest <= 1, f"ε > 0: met {within(lost)}; the loss reaches {tightest:.3f} of its bound."
    )


@claim(
    "Eq44",
    "Eq. 44",
    "The positions t_j = (j − 1)/(W − 1) run from 0 to 1, for every window size.",
    "For W ≥ 2; W = 1 gives 0/0.",
)
def positions(formula: Callable[[Any, Any], Any] = lambda j, w: (j - 1) / (w - 1)) -> Iterator[Fact]:
    with np.errstate(all="ignore"):
        t = {w: formula(np.arange(1.0, w + 1), np.float64(w)) for w in (1, 2, 15)}
    good = all(t[w][0] == 0 and t[w][-1] == 1 for w in (2, 15))
    yield printed(good and bool(np.isfinite(t[1]).all()), f"W = 1: t = {t[1][0]}.")
    yield under(good, f"W = 15: t runs from {t[15][0]:g} to {t[15][-1]:g}.")
