"""Condor, sections 5.3 and 5.4: gradients, stability, heads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from .claim import Fact, claim, corrected, decidable, printed, within
from .window import Array, Net, full, jacobian, weights

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
        f"The formula agrees with finite differences {within(off)} and sums to {abs(exact.sum()):.0e}.",
    )


def swiglu(theta: Array, t: Array) -> Array:
    """g at the positions t, of two units: θ holds gate, up, the shift, down (two numbers each) and b_out."""
    gate, up, shift, down = theta[:8].reshape(4, 2)
    inner = np.multiply.outer(t, up) + shift
    return (gate * t[:, None] * inner / (1 + np.exp(-inner))) @ down + theta[8]


def _hessian(f: Callable[[Array], float], x: Array, h: float = 1e-3) -> Array:
    steps, out = h * np.eye(len(x)), np.zeros((len(x), len(x)))
    for i, a in enumerate(steps):
        for j, b in enumerate(steps[: i + 1]):
            out[i, j] = out[j, i] = (f(x + a + b) - f(x + a - b) - f(x - a + b) + f(x - a - b)) / (4 * h * h)
    return out


@claim(
    "T5.6-sc",
    "Theorem 5.6, contraction",
    "The loss is strongly convex in the parameters of g, so that SGD contracts to its minimiser.",
    "b_out is a flat direction and (s·gate, down/s) gives the same g for every s: minimisers are not isolated. A "
    "constant step leaves a floor of order σ²η/μ even under strong convexity.",
)
def convex(
    connection: Callable[[Array, Array], Array] = swiglu, weight_decay: float = 0.0, seed: int = 36
) -> Iterator[Fact]:
    rng = np.random.default_rng(seed)
    net, x, target = Net(4, rng), rng.normal(size=(9, 4)), rng.normal(size=(9, 4))
    t = np.linspace(0, 1, 5)

    def loss(theta: Array) -> float:
        bias = connection(theta, t)
        return float(np.sum((target - net(x, bias)) ** 2) + weight_decay * theta @ theta)

    points = rng.normal(size=(4, 9)) * np.array([[0.3], [1], [2], [4]])
    points[3] = np.where(np.arange(9) // 2 == 1, 1000.0, 0.0)  # only up: the cross terms of gate and down grow with it
    least = [float(np.linalg.eigvalsh(_hessian(loss, theta))[0]) for theta in points]
    yield printed(
        min(least) > 1e-3,
        f"The least eigenvalue of the loss's Hessian at 3 random θ and at up = 1000 alone: "
        f"{', '.join(f'{v:.2g}' for v in least)}.",
    )
    theta = points[1]
    gate, down = theta[:2], theta[6:8]
    shifted, scaled = theta + np.eye(9)[8], np.concatenate([3 * gate, theta[2:6], down / 3, theta[8:]])
    moved = max(abs(loss(other) - loss(theta)) for other in (shifted, scaled))
    yield corrected(
        moved < 1e-9,
        f"b_out + 1, and s = 3 with its gate {np.linalg.norm(2 * gate):.2f} away, "
        f"{f'change the loss by {moved:.0e} at most' if moved else 'leave the loss as it is'}.",
    )
    error = 1.0
    for _ in range(2000):
        error = (1 - 0.1) ** 2 * error + 0.1**2  # E e² for the loss e²/2 with unit noise, η = 0.1
    yield corrected(error > 0.01, f"e²/2 with unit noise, η = 0.1: E e² ends at {error:.4f}, not 0.")


def _stack(nets: Sequence[Net], bias: Array, y: Array) -> Array:
    """Layers with residual connections."""
    for net in nets:
        y = y + net(y, bias)
    return y


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
    for layers in (1, 2, 3):
        size = np.linalg.norm(jacobian(partial(_stack, nets[:layers], bias), x), axis=(1, 3))
        reach = layers * radius
        outside, inside, rim = (
            float(v) for v in (size[apart > reach].max(), size[apart <= reach].min(), size[apart == reach].max())
        )
        if layers == 1:
            yield printed(
                outside == 0 and inside > 1e-9,
                f"1 layer, W = 5: ‖∂O/∂X‖ is {outside:g} beyond {reach} tokens and ≥ {inside:.1e} within.",
            )
        else:
            yield corrected(
                outside == 0 and rim > 1e-9,
                f"{layers} layers: it is {outside:g} beyond {reach} tokens, and up to {rim:.1e} at that distance.",
            )
    seen = np.arange(256) == 0
    for _ in range(8):
        seen = np.convolve(seen, np.ones(15), "same") > 0
    farthest = int(np.flatnonzero(seen).max())
    yield corrected(
        farthest == 56, f"Eight layers of W = 15: the first of {seen.size} tokens reaches {farthest} others."
    )


@claim(
    "T5.7-bound",
    "Theorem 5.7, bound",
    "‖∂Output_j/∂X_i‖ is at most the largest slope of the connection function.",
    "‖∂O_j/∂X_i‖ ≤ w_ji(‖W_V‖ + 2 R_V ‖q_j‖ ‖W_K‖/√d) + [i = j] ‖W_Q‖ R_K R_V/√d.",
)
def slope_bound(
    bound: Callable[[Array, float], float] = lambda c, s: float(np.ptp(c)),
    sizes: Any = (1.0, 5.0, 20.0),
    seed: int = 38,
) -> Iterator[Fact]:
    flat = np.zeros(3)
    for s in sizes:
        x = np.array([[s], [0.0], [-s]])
        found = float(jacobian(lambda y: weights(y, y, flat) @ y, x)[1, 0, 1, 0])
        allowed = bound(flat, s)
        yield printed(
            abs(found) <= allowed + 1e-6,
            f"Tokens ({s:g}, 0, −{s:g}), g constant: the derivative is {found:.4g}, and the bound {allowed:.4g}.",
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
        most = w * (norm_v + 2 * rv * q[:, None] * norm_k / math.sqrt(3)) + own
        tightest = max(tightest, float(np.max((size - 1e-7) / (most + 1e-12))))
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
    one = np.where(np.arange(60) == 30, 40.0, 0.0)[:, None]  # all look at one token
    worst = [float(w.sum(axis=0).max()) for w in (weights(one * 0 + 1, one, np.zeros(5)), full(one * 0 + 1, one))]
    yield corrected(
        abs(worst[0] - 5) < 1e-9 and abs(worst[1] - 60) < 1e-9,
        f"Where all tokens look at one, its sum is {worst[0]:g} with W = 5 and {worst[1]:g} with L = 60.",
    )
    nets, x = [Net(3, rng) for _ in range(2)], rng.normal(size=(12, 3))
    size = np.linalg.norm(jacobian(partial(_stack, nets, rng.normal(size=5)), x), axis=(1, 3))
    far = float(size[np.abs(np.subtract.outer(np.arange(12), np.arange(12))) > 4].max())
    yield corrected(far == 0, f"Two layers of W = 5, L = 12: the gradient beyond 4 tokens is {far:g}.")


# -- heads -------------------------------------------------------------------------------------------------------------


@claim(
    "T5.8",
    "Theorem 5.8",
    "Heads whose connection functions come from disjoint classes share the least information.",
    "Nothing follows from disjoint classes: g and g + 1 are one and the same head, and descent on the loss keeps them "
    "so.",
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
    x, target = rng.normal(size=(9, 3)), rng.normal(size=(9, 3))
    first, other = bias, bias + 1
    for _ in range(20):

        def loss(c: Array, rest: Array) -> Array:
            return np.sum((target - net(x, c) - rest) ** 2)

        outs = net(x, first), net(x, other)
        first, other = (
            c - 0.05 * jacobian(partial(loss, rest=rest), c) for c, rest in ((first, outs[1]), (other, outs[0]))
        )
    apart = float(np.max(np.abs(net.weights(x, first) - net.weights(x, other))))
    gone = float(np.max(np.abs(net.weights(x, first) - net.weights(x, bias))))
    yield corrected(
        apart < 1e-6 < gone,
        f"20 steps of descent on the loss of the sum of both heads change their weights by {gone:.3f} and part them by "
        f"{apart:.0e}.",
    )


@claim(
    "Eq56-59",
    "Eq. 56 to 59",
    "The heads specialise in short, middle and long range and in themes.",
    "In one layer no head reaches beyond r = 7 tokens; what heads learn is to be measured.",
)
def ranges(heads: Any = ((5.0, 5.0, 5.0, 5.0), (0.1, 0.5, 1.0, 5.0))) -> Iterator[Fact]:
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
