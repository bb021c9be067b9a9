"""Series in which there is no rate and no frequency: how many points are given one all the same."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from signals import generator

import kymath as ky

SERIES = {
    "rate": {
        "noise alone": lambda t, e: e,
        "a straight line": lambda t, e: 3 * t + 0.02 * e,
        "a step": lambda t, e: (t > 0.5) + 0.02 * e,
    },
    "frequency": {
        "noise alone": lambda t, e: e,
        "a straight line": lambda t, e: 3 * t + 0.02 * e,
        "an exponential": lambda t, e: np.exp(-3 * t) + 0.02 * e,
        "a random walk": lambda t, e: np.cumsum(e),
    },
}
FAMILIES = {"rate": (ky.Exponential(), "B"), "frequency": (ky.Harmonic(), "omega")}
SEEDS = 6


class Given(NamedTuple):
    """The share of the points marked CONVERGED, and of those at which the interval (±1.96) does not hold 0 either."""

    question: str
    series: str
    n: int
    answered: float
    wrong: float


def tasks(seed, quick):
    sizes = (300,) if quick else (300, 3000)
    return [(seed, question, name, n) for n in sizes for question, names in SERIES.items() for name in names]


def measure(seed, question, name, n):
    family, parameter = FAMILIES[question]
    answered, wrong = [], []
    t = np.linspace(0, 1, n)
    for k in range(SEEDS):
        e = generator(seed, "nothing", question, name, n, k).standard_normal(n)
        r = ky.samples(t, SERIES[question][name](t, e), family)
        answered.append(np.mean(r.success))
        with np.errstate(invalid="ignore"):
            wrong.append(np.mean(r.success & (np.abs(r.parameters[parameter]) > 1.96 * r.errors[parameter])))
    return Given(question, name, n, float(np.mean(answered)), float(np.mean(wrong)))
