"""Straight lines and polynomials: ∇_L and ∇_Pⁿ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..divided import divided_differences, power_coefficients
from ..errors import NotApplicable
from .base import LinearFamily


class _Powers(LinearFamily):
    """g = θ_0 s^n + … + θ_{n−1} s + θ_n."""

    @property
    def degree(self) -> int:
        return self.size - 1

    def basis(self, s: Any) -> tuple[Any, ...]:
        return tuple(s**k if k else 1 + 0 * s for k in range(self.degree, -1, -1))

    def basis_jet(self, k: int) -> tuple[Any, ...]:
        return tuple(math.factorial(k) if k == j else 0 for j in range(self.degree, -1, -1))

    def __call__(self, s: Any, theta: Sequence[Any]) -> Any:
        theta = self._check(theta)
        if getattr(s, "is_Symbol", False):
            return sum(c * s**k for c, k in zip(theta, range(self.degree, -1, -1), strict=True))
        value = theta[0]
        for coefficient in theta[1:]:
            value = value * s + coefficient
        return value

    def jet(self, theta: Sequence[Any], order: int) -> tuple[Any, ...]:
        rising = self._check(theta)[::-1]
        zero = 0 * rising[0]
        return tuple(math.factorial(k) * rising[k] if k <= self.degree else zero for k in range(order + 1))

    def from_jet(self, values: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(values[k] / math.factorial(k) if k > 1 else values[k] for k in range(self.degree, -1, -1))

    def spread(self, errors: Sequence[Any]) -> tuple[Any, ...]:
        return self.from_jet(errors)  # each parameter is one derivative times a positive number

    def through(
        self, nodes: Sequence[Any], h: Any, values: Sequence[Any], start: Sequence[Any] | None = None
    ) -> tuple[Any, ...]:
        return tuple(power_coefficients(nodes, h, divided_differences(nodes, h, values))[::-1])


@dataclass(frozen=True, repr=False)
class Linear(_Powers):
    """The straight line g = a s + b, θ = (a, b): ∇_L[f](x0) = (f′, f).

    Raises ``NotApplicable`` for θ that are not two parameters. Source: Condor, Definition 3.9.

    >>> from kymath import Linear
    >>> Linear()(2, (3, 1))
    7
    """

    @property
    def names(self) -> tuple[str, ...]:
        return ("a", "b")

    def __repr__(self) -> str:
        return "Linear()"


@dataclass(frozen=True, repr=False)
class Polynomial(_Powers):
    """The polynomial g = Σ a_k s^k of degree n, θ = (a_n, …, a_1, a_0).

    The osculating limit is Taylor's: a_k = f^(k)(x0) / k!. Raises ``NotApplicable`` for a degree that is no whole
    number from 1 to 40. Source: Condor, Definition 3.10, Eq. 20 and 35.

    >>> from kymath import Polynomial
    >>> Polynomial(2).names, Polynomial(2).degree
    (('a2', 'a1', 'a0'), 2)
    """

    n: int = 2

    def __post_init__(self) -> None:
        if isinstance(self.n, bool) or not isinstance(self.n, int) or not 1 <= self.n <= 40:
            raise NotApplicable(f"Polynomial(n) takes a degree from 1 to 40; {self.n!r} was given.")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"a{k}" for k in range(self.n, -1, -1))

    @property
    def size(self) -> int:
        return self.n + 1

    def __repr__(self) -> str:
        return f"Polynomial({self.n})"
