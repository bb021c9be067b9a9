"""Section 10.2 measured: how the distance to the last weights shrinks, and its rate along the run, by kymath's own
transform of the series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

import kymath as ky
from kymath.synthesis import SynthesisNet
from kymath.synthesis.contraction import FusionMap, fed_back, norms
from kymath.synthesis.data import load

DECAY = 0.05  # of the weights: enough for one limit that is reached


@dataclass(frozen=True)
class Descent:
    """Distances e_t to the limit, t = 0, 1, …, and the local ratio e_{t+1}/e_t = exp(slope of log e).

    ``left`` is the norm of the gradient at what is taken for the limit, over that at the beginning.
    """

    distances: np.ndarray
    ratio: np.ndarray
    left: float


def of_training(data_dir, *, examples=256, steps=2500, seed=0):
    """Gradient descent on a fixed set of digits, with weight decay so that there is a limit to go to."""
    part = load("mnist", data_dir).train.take(torch.arange(examples))
    x, y = part.inputs.flatten(1).double() / 255, part.labels
    net = SynthesisNet(784, 10, nodes=4, width=8, activation="tanh", generator=torch.Generator().manual_seed(seed))
    net = net.double()
    rates = torch.optim.SGD(net.parameters(), lr=0.3, momentum=0.9, weight_decay=DECAY)
    path, slopes = [], []
    for _ in range(2 * steps):  # the second half only to know the limit
        loss = torch.nn.functional.cross_entropy(net(x), y)
        rates.zero_grad()
        loss.backward()
        slopes.append(sum(float((p.grad + DECAY * p).square().sum()) for p in net.parameters()) ** 0.5)
        rates.step()
        path.append(torch.nn.utils.parameters_to_vector(net.parameters()).detach().clone())
    return descent([float((w - path[-1]).norm()) for w in path[:steps]], slopes[-1] / slopes[0])


def of_contraction(q, steps=30, seed=0):
    """The distances to its fixed point, from a random start in the ball of radius 1, of a map that has the rate q."""
    rng = np.random.default_rng(seed)
    T = FusionMap.drawn(6, 8, q, rng=rng)
    start = rng.normal(size=T.B.shape)
    path = T.iterate(start / norms(start)[:, None, None], 40 * steps)
    return [float(norms(Z - path[-1]).max()) for Z in path[:steps]], T.rate(1.0), T.condition(1.0)


def bounded_but_not_convergent(steps=60):
    """The fusion of the counterexample: z ← tanh(−3z), every value in [0, 1]."""
    return fed_back(lambda z: float(np.tanh(-3 * z)), steps=steps)


def descent(distances, left):
    e = np.asarray(distances)
    t = np.arange(len(e), dtype=float)
    local = ky.samples(t, np.log(e), ky.Linear())
    ratio = np.exp(local.theta[0])  # its parameters are the slope and the level
    return Descent(e, ratio, left)
