"""Coefficients 0, 1, 2 at a million points: the time beside a plain 3-point central difference of the same run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from measure import limited, quiet
from modules import NUMPY, jax_module
from peers import installed

import kymath as ky

POINTS = 1_000_000
CHECKED = 5000  # points at which digits are counted
PATIENCE = 120  # seconds after which a method is given up
LONGEST = 15.0  # seconds that one method may take for one function


class Vectorised(NamedTuple):
    name: str
    form: Any
    closed: Any  # x in long double → coefficients 1 and 2


def _exp_sin(x):
    f, c = np.exp(np.sin(3 * x)), np.cos(3 * x)
    return 3 * c * f, 9 * (c * c - np.sin(3 * x)) * f / 2


def _tanh(x):
    t = np.tanh(x)
    return 1 - t * t, -t * (1 - t * t)


def _bell(x):
    q = 1 + x * x
    return -2 * x / q**2, (3 * x * x - 1) / q**3


FUNCTIONS = (
    Vectorised("exp(sin 3x)", lambda m: lambda t: m.exp(m.sin(3 * t)), _exp_sin),
    Vectorised("tanh x", lambda m: lambda t: m.tanh(t), _tanh),
    Vectorised("1/(1 + x²)", lambda m: lambda t: 1 / (1 + t * t), _bell),
)


def central(form):
    f = form(NUMPY)

    def take(x):
        h = np.finfo(float).eps ** 0.25
        low, mid, high = f(x - h), f(x), f(x + h)
        return (high - low) / (2 * h), (high - 2 * mid + low) / (2 * h * h)

    return take


def ours(method):
    def make(form):
        f = form(NUMPY)

        def take(x):
            result = ky.transform(f, x, ky.Polynomial(2), method=method)
            return result.a1, result.a2

        return take

    return make


def scipy(form):
    from scipy.differentiate import derivative

    return lambda x: (derivative(form(NUMPY), x).df, None)


def numdifftools(form):
    import numdifftools as nd

    f = form(NUMPY)
    return lambda x: (nd.Derivative(f, n=1)(x), nd.Derivative(f, n=2)(x) / 2)


def jax_jet(form):
    import jax
    from jax.experimental.jet import jet

    f = form(jax_module())
    run = jax.jit(jax.vmap(lambda x: jet(f, (x,), ((1.0, 0.0),))[1]))
    return lambda x: tuple(np.asarray(c) / k for k, c in enumerate(run(x), start=1))


@dataclass
class Speed:
    """One method; ratios by function, digits of every function together."""

    name: str
    points: int
    ratios: dict = field(default_factory=dict)
    digits: dict = field(default_factory=lambda: {1: [], 2: []})
    why: str = ""

    @property
    def ratio(self):
        return median(self.ratios.values()) if self.ratios else None

    def quantile(self, n, q):
        return float(np.quantile(np.concatenate(self.digits[n]), q)) if self.digits[n] else None


def candidates():
    found = [("kymath `Taylor`", ours(ky.Taylor()), 1), ("kymath `Adaptive`", ours(ky.Adaptive()), 1)]
    found.append(("`scipy.differentiate`, n = 1", scipy, 1))
    if installed("numdifftools"):
        found.append(("numdifftools `Derivative`, n = 1 and 2", numdifftools, 100))
    if installed("jax"):
        found.append(("jax `jet`, compiled", jax_jet, 1))
    return found


def shortest(take, x, repeat):
    """The shortest of the times, at most LONGEST in all, and the answer."""
    times = []
    while len(times) < repeat and sum(times) < LONGEST:
        begin = time.perf_counter()
        answer = take(x)
        times.append(time.perf_counter() - begin)
    return min(times), answer


def measure(quick=False):
    points = POINTS // 10 if quick else POINTS
    x = np.random.default_rng(20251122).uniform(0.1, 3.0, points)
    plain = Speed("central difference, 3 points", points)
    rows = [plain] + [Speed(name, points // part) for name, _, part in candidates()]
    with quiet():
        for case in FUNCTIONS:
            take = central(case.form)
            unit, answer = shortest(take, x, 7)
            score(plain, case, x, answer, 1.0)
            for row, (name, make, _) in zip(rows[1:], candidates(), strict=True):
                try:
                    with limited(PATIENCE):
                        one(row, case, make(case.form), x, unit)
                except Exception as failure:
                    row.why = f"{type(failure).__name__} on {case.name}: {str(failure)[:100]}"
                    print(f"  {name}: {row.why}", flush=True)
    for row in rows:
        ratio = "–" if row.ratio is None else f"{row.ratio:.2f}"
        print(f"  {row.name:40s} {ratio} × the time of a central difference", flush=True)
    return rows


def one(row, case, take, x, unit):
    """Time a method: fewer points where a first try says that all of them would take too long."""
    trial, _ = shortest(take, x[: x.size // 100], 2)
    if trial * row.points / (x.size // 100) > LONGEST:
        row.points = x.size // 100
    some = x[: row.points]
    if row.points == x.size:
        take(some[: x.size // 10])  # warm
    seconds, answer = shortest(take, some, 5)
    score(row, case, some, answer, seconds / unit * x.size / some.size)


def score(row, case, x, answer, ratio):
    row.ratios[case.name] = ratio
    some = slice(0, CHECKED)
    for n, (found, truth) in enumerate(zip(answer, case.closed(x[some].astype(np.longdouble)), strict=True), start=1):
        if found is None:
            continue
        off = np.abs((np.asarray(found)[some] - truth) / truth).astype(float)
        digits = np.clip(-np.log10(np.maximum(off, 1e-17)), 0, 16)
        row.digits[n].append(np.where(np.isfinite(off), digits, 0.0))
