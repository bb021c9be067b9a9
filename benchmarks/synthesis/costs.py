"""Section 9 measured: the time of each step of a cycle as n nodes, m inputs and p outputs grow, and what it holds."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import torch

from kymath.synthesis import AttentionNode, AttentionNodeController
from kymath.synthesis.cross import fuse

BATCH = 16
BASE = {"n": 32, "m": 512, "p": 256}
GROWTH = {"n": (32, 64, 128, 256), "m": (512, 1024, 2048, 4096), "p": (256, 512, 1024, 2048)}
STEPS = ("propagate", "synthesise", "fuse")
#: the paper's exponents in section 9.1, and those of the corrected count n m p + n² p + n²
PAPER = {
    "propagate": {"n": 1, "m": 1, "p": 1},
    "synthesise": {"n": 2, "m": 1, "p": 0},
    "fuse": {"n": 2, "m": 0, "p": 0},
}
COUNTED = PAPER | {"synthesise": {"n": 2, "m": 0, "p": 1}}


@dataclass(frozen=True)
class Cost:
    """Seconds of each step, and numbers held: weights, activations, cross matrices."""

    seconds: dict[str, float]
    held: int


def grown():
    """For each of n, m, p the sizes and their costs."""
    return {name: [(size, cost(**(BASE | {name: size}))) for size in sizes] for name, sizes in GROWTH.items()}


def cost(n, m, p):
    generator = torch.Generator().manual_seed(0)
    controller = AttentionNodeController([AttentionNode(m, p, generator=generator) for _ in range(n)], 1.0)
    x = torch.randn(BATCH, m, generator=generator)
    with torch.no_grad():
        Z = controller.propagate(x)
        C = controller.synthesise(Z)
        beta = controller.fusion_weights(C)
        seconds = {
            "propagate": shortest(lambda: controller.propagate(x)),
            "synthesise": shortest(lambda: controller.synthesise(Z)),
            "fuse": shortest(lambda: fuse(C, beta)),
        }
    base = sum(node.base.numel() for node in controller.nodes)
    return Cost(seconds, base + Z[0].numel() + C[0].numel())


def shortest(call, least=0.05):
    """The shortest of several rounds, each long enough to be timed."""
    rounds, best = 1, math.inf
    for _ in range(7):
        begun = time.perf_counter()
        for _ in range(rounds):
            call()
        taken = time.perf_counter() - begun
        best = min(best, taken / rounds)
        rounds = max(1, round(least / max(taken / rounds, 1e-9)))
    return best


def exponent(sizes, numbers):
    """p of number ∝ size^p, by least squares on logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(numbers), 1)[0])
