"""Selection rules, one a file: what makes θ(h) unique."""

from .base import Rule
from .minimum_norm import MinimumNorm
from .osculating import Osculating
from .smallest_frequency import SmallestFrequency
from .smallest_rate import SmallestRate

#: the rules by the word the command line uses
RULES: dict[str, type[Rule]] = {
    "osculating": Osculating,
    "minimum-norm": MinimumNorm,
    "smallest-rate": SmallestRate,
    "smallest-frequency": SmallestFrequency,
}

__all__ = ["RULES", "MinimumNorm", "Osculating", "Rule", "SmallestFrequency", "SmallestRate"]
