"""How often the result says that the noise is correlated: where it is, and where it is white."""

from __future__ import annotations

from typing import NamedTuple

import fields
from noises import Noise, drawn, times
from signals import generator, shapes

import kymath as ky

LEVEL = 3e-2
KINDS = ("white", "AR(0.7)", "MA(5)")
FAMILIES = {"slope": ky.Polynomial(2), "rate": ky.Exponential(), "frequency": ky.Harmonic()}
SEEDS = {
    "slope": {300: 40, 1000: 40, 10_000: 40, 100_000: 8},
    "rate": {300: 40, 1000: 40, 10_000: 40},
    "frequency": {300: 20, 1000: 20, 10_000: 8},
}
SAYS = "correlated"  # the word in the result's message
CANNOT = "may be too small"  # and those with which it says that it cannot tell


class Said(NamedTuple):
    """Of some series: how many were said to have correlated noise, how many that it cannot be told, of how many."""

    question: str
    kind: str
    n: int
    noticed: int
    unsure: int
    of: int


def tasks(seed, quick):
    out = []
    for question, sizes in SEEDS.items():
        for n, count in sizes.items():
            if not quick or n <= 1000:
                out += [(seed, question, kind, n, count // 4 if quick else count) for kind in KINDS]
    return sorted(out, key=lambda task: -task[3])


def measure(seed, question, kind, n, count):
    noise = Noise(kind, LEVEL)
    if question == "slope":
        signals = shapes(seed)
    else:
        signals = fields.rates(seed) if question == "rate" else fields.frequencies(seed, n)
    noticed = unsure = 0
    for k in range(count):  # another signal each time
        rng = generator(seed, "noticed", question, kind, n, k)
        t = times(noise, n, rng)
        clean = signals[k % len(signals)].value(t)
        said = ky.samples(t, clean + clean.std() * drawn(noise, t, rng), FAMILIES[question]).message
        noticed += SAYS in said
        unsure += SAYS not in said and CANNOT in said
    return Said(question, kind, n, noticed, unsure, count)
