"""One scalar call for all orders up to 8: its time, less the time of the same evaluations of f."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import median

from functions import SMOOTH
from measure import quiet
from modules import NUMPY
from peers import installed

import kymath as ky

NAMES = ("exp", "tanh", "1/(1 + x^2)", "exp(sin 3x)", "log", "damped wave", "arctan 20x", "bell")
ORDER = 8


@dataclass
class Overhead:
    """Microseconds, one entry for each function."""

    name: str
    whole: list = field(default_factory=list)
    own: list = field(default_factory=list)
    why: str = ""

    @property
    def microseconds(self):
        return median(self.own) if self.own else None


def ours(method):
    def make(f, x0):
        family = ky.Polynomial(ORDER)
        return lambda: ky.transform(f, x0, family, method=method)

    return make


def numdifftools(n):
    def make(f, x0):
        import numdifftools as nd

        return lambda: nd.Derivative(f, n=n)(x0)

    return make


def candidates():
    found = {f"kymath `{type(m).__name__}`": ours(m) for m in (ky.Adaptive(), ky.Contour(), ky.Taylor())}
    if installed("numdifftools"):
        found |= {f"numdifftools `Derivative`, n = {n} alone": numdifftools(n) for n in (1, 2, 8)}
    return found


def shortest(call, repeat):
    """The least time of a call in microseconds, after three calls that warm it: what other work on the machine adds
    is no part of it."""
    times = []
    for k in range(repeat + 3):
        begin = time.perf_counter()
        call()
        if k >= 3:
            times.append(time.perf_counter() - begin)
    return 1e6 * min(times)


def of_f_alone(f, make, x0, repeat):
    """The time of the very evaluations that the method asks for."""
    asked = []

    def recording(t):
        asked.append(t)
        return f(t)

    make(recording, x0)()

    def replay():
        for t in asked:
            f(t)

    return shortest(replay, repeat)


def measure(quick=False):
    """Three rounds, seconds apart: a machine has slow moments."""
    rounds = [_round(20 if quick else 100) for _ in range(1 if quick else 3)]
    for row, *others in zip(*rounds, strict=True):
        row.whole = [min(each) for each in zip(row.whole, *(o.whole for o in others), strict=True)]
        row.own = [min(each) for each in zip(row.own, *(o.own for o in others), strict=True)]
        print(f"  {row.name:40s} {row.microseconds or float('nan'):.0f} µs beyond f {row.why}", flush=True)
    return rounds[0]


def _round(repeat):
    rows = []
    for name, make in candidates().items():
        row = Overhead(name)
        for case in SMOOTH:
            if case.name in NAMES:
                f = case.form(NUMPY)
                try:
                    with quiet():
                        whole = shortest(make(f, case.x0), repeat)
                        alone = of_f_alone(f, make, case.x0, repeat)
                except Exception as failure:
                    row.why = f"{type(failure).__name__} on {case.name}: {str(failure)[:100]}"
                    continue
                row.whole.append(whole)
                row.own.append(whole - alone)
        rows.append(row)
    return rows
