"""Operators on results: the chain operator ⊗ of Theorem 3.14, and sum, product, quotient and inverse beside it.

Every result holds the jet of its function at x0, hidden in θ. Each operator reads the jets back, combines them as
truncated power series, and lets the rule turn the new jet into θ, as it does for a jet that a method has found.
"""

from .compose import compose
from .operations import inverse, operate

__all__ = ["compose", "inverse", "operate"]
