"""The smooth functions asked of every method: digits, evaluations, cover, silent errors, time."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from functions import SMOOTH
from measure import ask

ORDERS = (1, 2, 4, 8)
FEW = 3.0  # digits: with fewer, and no error that says so, an answer is silently wrong


@dataclass
class Row:
    """What one method did; lists by order."""

    method: object
    digits: dict = field(default_factory=lambda: {n: [] for n in ORDERS})
    points: dict = field(default_factory=lambda: {n: [] for n in ORDERS})
    covered: list = field(default_factory=list)
    seconds: list = field(default_factory=list)
    wrong: int = 0
    refused: int = 0
    asked: int = 0
    cases: set = field(default_factory=set)
    short: list = field(default_factory=list)  # the answers whose error does not cover, in words

    def digit(self, n):
        return statistics.median(self.digits[n]) if self.digits[n] else None

    def evaluations(self, n):
        return statistics.median(self.points[n]) if self.points[n] else None

    @property
    def cover(self):
        """The share of the errors given that cover, None where none is given."""
        return sum(self.covered) / len(self.covered) if self.covered else None

    @property
    def time(self):
        return statistics.median(self.seconds) if self.seconds else None


def measure(methods, quick=False):
    cases = SMOOTH[::4] if quick else SMOOTH
    truths = {case.name: case.truth(max(ORDERS)) for case in cases}
    rows = []
    for method in methods:
        row = Row(method)
        for case in cases:
            for n in ORDERS:
                outcome = ask(method, case, n, repeat=3)
                if outcome is not None:
                    note(row, case, n, outcome, truths[case.name][n])
        print(
            f"  {method.plain:28s}",
            *("     –" if row.digit(n) is None else f"{row.digit(n):6.1f}" for n in ORDERS),
            flush=True,
        )
        if method.ours and row.short:
            print("    errors that do not cover:", "; ".join(row.short[:6]), flush=True)
        rows.append(row)
    return rows, len(cases)


def note(row, case, n, outcome, truth):
    row.asked += 1
    row.cases.add(case.name)
    if truth != 0:  # a polynomial beyond its degree has no digits
        row.digits[n].append(outcome.digits(truth))
    if outcome.refused:
        row.refused += 1
        return
    row.points[n].append(outcome.points)
    row.seconds.append(outcome.seconds)
    covers = outcome.covers(truth)
    if outcome.error is not None:
        row.covered.append(covers)
        if not covers:
            row.short.append(f"{case.name}, n = {n}, off {outcome.off(truth):.1e}, error {outcome.error:.1e}")
    if truth != 0 and not covers and outcome.digits(truth) < FEW:
        row.wrong += 1
