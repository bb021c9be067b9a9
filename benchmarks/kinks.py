"""A smooth function plus a kink A |s| s^(p−1), s = x − x0, exactly at x0: is it seen, and does the error cover it?

The p-th coefficient has two one-sided values, c ± A; every other coefficient is the smooth part's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

from functions import SMOOTH, Smooth
from measure import ROUNDING, ask
from modules import NUMPY, Lacking

ORDERS = (1, 2, 3, 4)
POWERS = (1, 2, 3, 4, 5)
SIZES = tuple(10.0**-k for k in range(10))
NAMES = ("exp", "sin", "tanh", "1/(1 + x^2)", "exp(sin 3x)", "log(2 + cos x)")


class Kink(NamedTuple):
    name: str
    form: Any
    x0: float
    size: float
    power: int
    smooth: Smooth


def kink(base, size, power):
    def form(m):
        if m is not NUMPY:
            raise Lacking("measured for NumPy code only")
        f = base.form(m)

        def code(t):
            s = t - base.x0
            return f(t) + size * abs(s) * s ** (power - 1)

        return code

    return Kink(f"{base.name} + {size:.0e} |s| s^{power - 1}", form, base.x0, size, power, base)


@dataclass
class Tally:
    """One method: for each size of the kink, how many answers were refused, covered, did not cover."""

    method: object
    refused: dict = field(default_factory=lambda: dict.fromkeys(SIZES, 0))
    covers: dict = field(default_factory=lambda: dict.fromkeys(SIZES, 0))
    misses: dict = field(default_factory=lambda: dict.fromkeys(SIZES, 0))
    below: int = 0  # misses at n < p, n = p, n > p
    at: int = 0
    above: int = 0
    short: list = field(default_factory=list)  # what does not cover, in words

    def total(self, kind):
        return sum(getattr(self, kind).values())

    @property
    def asked(self):
        return self.total("refused") + self.total("covers") + self.total("misses")

    def note(self, case, n, outcome, truth):
        if outcome.refused:
            self.refused[case.size] += 1
            return
        wanted = [truth - case.size, truth + case.size] if n == case.power else [truth]
        allowed = (outcome.error or 0.0) + ROUNDING * max(abs(c) for c in wanted)
        if all(outcome.off(c) <= allowed for c in wanted):
            self.covers[case.size] += 1
            return
        self.misses[case.size] += 1
        far = max(outcome.off(c) for c in wanted)
        self.short.append(f"{case.name} at {case.x0}, n = {n}, off {far:.1e}, error {outcome.error:.1e}")
        place = "below" if n < case.power else "at" if n == case.power else "above"
        setattr(self, place, getattr(self, place) + 1)


def measure(methods, quick=False):
    bases = [case for case in SMOOTH if case.name in NAMES][: 2 if quick else None]
    truths = {base.name: base.truth(max(ORDERS)) for base in bases}
    cases = [kink(*one) for one in product(bases, SIZES[:: 3 if quick else 1], POWERS)]
    rows = []
    for method in methods:
        row = Tally(method)
        for case, n in product(cases, ORDERS):
            outcome = ask(method, case, n)
            if outcome is not None:
                row.note(case, n, outcome, truths[case.smooth.name][n])
        shares = (f"{row.total(kind)} {word}" for kind, word in (("refused", "refused"), ("misses", "not covered")))
        print(f"  {method.plain:28s}", ", ".join(shares), f"of {row.asked}", flush=True)
        if method.ours and row.short:
            print("    not covered:", "; ".join(row.short[:6]), flush=True)
        rows.append(row)
    return rows, len(bases)
