"""Time: selection included, beside curve_fit at the same window, and for a million samples with the peak memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import fields
import fitted
import numpy as np
from noises import Noise, drawn
from signals import generator, shapes

import kymath as ky

LEVEL = 1e-3
SIZES = (10_000, 100_000)
PART = 4  # the windows beside curve_fit are so much narrower than those chosen: there the family itself holds
PERIODS = 5  # in a window, for waves
PLACES = 60  # windows that curve_fit is run in; its time is scaled up to all of them


class Selected(NamedTuple):
    """Everything chosen, at all samples: processor seconds of the first call in this process and of the next."""

    family: str
    n: int
    first: float
    warm: float


class Beside(NamedTuple):
    """The same half-width: processor seconds for all windows, and how far apart the answers are."""

    family: str
    n: int
    samples: float  # in a window
    auto: float
    ours: float
    peer: float  # curve_fit, scaled up
    apart: float  # the median of |difference|, of the rms parameter
    worst: float  # the largest, in standard errors
    errors: float  # the median ratio of the standard errors to curve_fit's


class Big(NamedTuple):
    """A million samples in a process of its own: processor seconds, the least seconds by the clock, peak memory."""

    family: str
    n: int
    first: float
    warm: float
    clock: float
    megabytes: float
    before: float  # any call


class Times(NamedTuple):
    selected: list
    beside: list
    big: list


def measure(seed, quick):
    selected, beside = [], []
    for n in SIZES:
        for family, parameter, function, kind, field, t, y in _cases(seed, n):
            r, spent = _processor(ky.samples, t, y, family)
            selected.append(Selected(repr(family), n, spent[0], spent[1]))
            # what is chosen for a wave may be all of the series, in which no single wave is to be fitted
            half = PERIODS * np.pi / np.nanmean(r.parameters["omega"]) if kind == "frequency" else _part(r)
            beside.append(_beside(family, parameter, function, kind, field, t, y, half, min(spent)))
    return Times(selected, beside, _big(quick))


def _part(r):
    return float(np.median(r.bandwidth)) / PART


def _cases(seed, n):
    """(family, its parameter, curve_fit's function, kind, field, t, y), where the field varies."""
    t = np.linspace(0, 1, n)
    chirp = shapes(seed)[0]
    slope = fields.Field("chirp", chirp.value, chirp.slope)
    out = []
    for family, parameter, function, kind, field in (
        (ky.Polynomial(2), "a1", fitted.parabola, "slope", slope),
        (ky.Exponential(), "B", fitted.exponential, "rate", fields.rates(seed)[3]),
        (ky.Harmonic(), "omega", fitted.harmonic, "frequency", fields.frequencies(seed, n)[2]),
    ):
        clean = field.value(t)
        y = clean + clean.std() * drawn(Noise("white", LEVEL), t, generator(seed, "speed", parameter, n))
        out.append((family, parameter, function, kind, field, t, y))
    return out


def _processor(call, *given, **options):
    """The answer, and the processor seconds of the first call and of the quicker of the next two."""
    spent = []
    for _ in range(3):
        begin = time.process_time()
        answer = call(*given, **options)
        spent.append(time.process_time() - begin)
    return answer, [spent[0], min(spent[1:])]


def _beside(family, parameter, function, kind, field, t, y, half, auto):
    n = len(t)
    r, ours = _processor(ky.samples, t, y, family, bandwidth=half)
    index = np.round(np.linspace(0.1 * n, 0.9 * n, PLACES)).astype(int)
    if kind == "slope":
        start = np.ones((PLACES, 3))
    else:
        start = fitted.starts(field, t, y, t[index], kind)
    theta, error, spent = fitted.timed(function, t, y, t[index], half, start, weighted=kind == "slope")
    mine, own = r.parameters[parameter][index], r.errors[parameter][index]
    apart = np.abs(mine - theta[:, 1])
    known = np.isfinite(apart)
    return Beside(
        repr(family), n, 2 * half * n, auto, min(ours), spent * n / PLACES,
        float(np.median(apart[known]) / np.sqrt(np.mean(mine[known] ** 2))),
        float((apart / own)[known].max()),
        float(np.median((own / error[:, 1])[known])),
    )  # fmt: skip


def _big(quick):
    n = 100_000 if quick else 1_000_000
    script = Path(__file__).with_name("big.py")
    out = []
    for family in ("Polynomial(2)", "Exponential()"):
        done = subprocess.run([sys.executable, script, family, str(n)], capture_output=True, text=True, check=True)
        out.append(Big(family, n, **json.loads(done.stdout)))
    return out
