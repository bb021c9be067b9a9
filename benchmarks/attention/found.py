"""What the runs say: means, spreads, and differences paired by seed."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Any

from scipy.stats import t as student

LEAK = "symmetric"


@dataclass(frozen=True)
class Found:
    """The summaries and the loss of every step, by (attention, seed)."""

    records: dict[tuple[str, int], dict[str, Any]]
    curves: dict[tuple[str, int], list[float]]

    @property
    def attentions(self) -> list[str]:
        """From the lowest mean loss to the highest; the leak is none of them."""
        return sorted({name for name, _ in self.records} - {LEAK}, key=lambda name: self.mean(name, "loss"))

    @property
    def any(self) -> dict[str, Any]:
        return next(iter(self.records.values()))

    @property
    def seeds(self) -> list[int]:
        return sorted({seed for _, seed in self.records})

    def values(self, attention: str, what: str) -> list[float]:
        """One per seed, in the order of the seeds."""
        return [record[what] for (name, _), record in sorted(self.records.items()) if name == attention]

    def mean(self, attention: str, what: str) -> float:
        return statistics.fmean(self.values(attention, what))

    def spread(self, attention: str, what: str) -> float:
        """Standard deviation over the seeds."""
        values = self.values(attention, what)
        return statistics.stdev(values) if len(values) > 1 else math.nan

    def difference(self, one: str, other: str) -> tuple[float, float]:
        """Mean of loss(one) − loss(other), paired by seed, and the half-width of its 95 % interval (Student)."""
        pairs = zip(self.values(one, "loss"), self.values(other, "loss"), strict=True)
        apart = [a - b for a, b in pairs]
        n = len(apart)
        if n < 2:
            return apart[0], math.inf
        return statistics.fmean(apart), float(student.ppf(0.975, n - 1)) * statistics.stdev(apart) / math.sqrt(n)
