"""Slopes beside the peer that needs no truth either: scipy's smoothing spline with its own λ."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
from noises import OTHERS, WHITE, drawn, times
from scipy.interpolate import make_smoothing_spline
from score import EDGES, INSIDE, part, rms
from signals import generator, shapes

import kymath as ky

NOISES = (WHITE[1], WHITE[2], OTHERS[0])


class Alone(NamedTuple):
    """Relative errors of both, inside and at the edges, and seconds."""

    shape: str
    n: int
    noise: object
    ours: dict
    spline: dict
    seconds: tuple


def tasks(seed, quick):
    names = [shape.name for shape in shapes(seed)]
    return [(seed, name, n, noise) for n in ((300,) if quick else (1000, 300)) for noise in NOISES for name in names]


def measure(seed, name, n, noise):
    shape = next(s for s in shapes(seed) if s.name == name)
    rng = generator(seed, "alone", name, n, noise)
    t = times(noise, n, rng)
    clean, truth = shape.value(t), shape.slope(t)
    y = clean + clean.std() * drawn(noise, t, rng)
    begin = time.process_time()
    ours = ky.samples(t, y, ky.Polynomial(2)).a1
    middle = time.process_time()
    theirs = splines(t, y)
    places = {which: part(t, which) for which in (INSIDE, EDGES)}
    return Alone(
        name, n, noise,
        {which: rms((ours - truth)[here]) / rms(truth) for which, here in places.items()},
        {which: min(rms((d - truth)[here]) / rms(truth) for d in theirs) for which, here in places.items()},
        (middle - begin, time.process_time() - middle),
    )  # fmt: skip


def splines(t, y):
    """Slopes with λ by generalised cross-validation, over t and over the samples' numbers: its search depends on it."""
    out = []
    for scale in (1.0, (len(t) - 1) / (t[-1] - t[0])):
        try:
            out.append(make_smoothing_spline(t * scale, y).derivative()(t * scale) * scale)
        except (ValueError, np.linalg.LinAlgError):  # "ill-posed"
            out.append(np.full(len(t), np.inf))
    return out
