"""The hard cases asked of every method, and each answer judged."""

from __future__ import annotations

from dataclasses import dataclass, field

from hard import ORDERS, cases
from measure import ask

RIGHT, RIGHTLY, VAGUE, REFUSED, TIGHT, WRONG, NUMBER = KINDS = (
    "right",
    "rightly refused",
    "vague",
    "refused",
    "error too small",
    "silently wrong",
    "number, no limit",
)
FEW = 1e-3  # three digits


def judge(case, n, outcome):
    """Which of the kinds an answer is."""
    truth = case.limits[ORDERS.index(n)]
    if outcome.refused:
        return RIGHTLY if truth is None else REFUSED
    if truth is None:
        return NUMBER
    close = outcome.off(truth) <= FEW * (abs(truth) or 1.0)
    if outcome.covers(truth):
        return RIGHT if close else VAGUE
    return (RIGHT if outcome.error is None else TIGHT) if close else WRONG


@dataclass
class Answers:
    """What one method answered: (case name, order) → (kind, outcome)."""

    method: object
    found: dict = field(default_factory=dict)

    def count(self, kind):
        return sum(one == kind for one, _ in self.found.values())

    @property
    def bad(self):
        """Silently wrong, or a number where none exists."""
        return self.count(WRONG) + self.count(NUMBER)


def measure(methods):
    every, rows = cases(), []
    for method in methods:
        row = Answers(method)
        for case in every:
            for n in ORDERS:
                outcome = ask(method, case, n)
                if outcome is not None:
                    row.found[case.name, n] = judge(case, n, outcome), outcome
        print(f"  {method.plain:28s}", ", ".join(f"{row.count(k)} {k}" for k in KINDS if row.count(k)), flush=True)
        rows.append(row)
    return rows, every


def in_words(row, case):
    """One cell: the answers at the orders, alike ones together, and what is wrong with them."""
    said: dict[str, list[int]] = {}
    for n in ORDERS:
        if (case.name, n) in row.found:
            kind, outcome = row.found[case.name, n]
            said.setdefault(_words(kind, outcome), []).append(n)
    if len(said) == 1:
        return next(iter(said))
    return "; ".join(f"{words} (n = {', '.join(map(str, orders))})" for words, orders in said.items())


def _words(kind, outcome):
    if outcome.refused:
        return f"`{outcome.why}`"
    number = f"{outcome.value:.6g}" + ("" if outcome.error is None else f" ± {outcome.error:.2g}")
    remark = {NUMBER: "**no limit exists**", WRONG: "**silently wrong**", TIGHT: "**error too small**", VAGUE: "vague"}
    return f"{number}: {remark[kind]}" if kind in remark else number


def truth_in_words(case):
    words = [("none" if c is None else f"{c:.6g}") for c in case.limits]
    return words[0] if len(set(words)) == 1 else ", ".join(words)
