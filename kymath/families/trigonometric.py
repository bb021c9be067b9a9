"""Trigonometric polynomials with a given frequency: ∇_T."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp

from ..arithmetic import elementary, exact_sign, fitting, written
from ..errors import NotApplicable
from .base import LinearFamily


@dataclass(frozen=True, repr=False)
class Trigonometric(LinearFamily):
    """g = a_0 + Σ_{k≤n} (a_k cos kωs + b_k sin kωs), ω given, θ = (a_0, a_1, b_1, …).

    The osculating limit solves the Wronskian system, which is regular for every ω ≠ 0. For n = 1: b_1 = f′/ω,
    a_1 = −f″/ω², a_0 = f + f″/ω². Raises ``NotApplicable`` for n that is no whole number from 1 to 20, and for ω that
    is not positive and finite. Source: Condor, Eq. 10, names ∇_T without a formula; the formula is this project's.

    >>> from kymath import Trigonometric
    >>> Trigonometric(1, omega=2).from_jet((1, 6, -4))
    (0, 1, 3)
    """

    n: int = 1
    omega: Any = 1

    def __post_init__(self) -> None:
        if isinstance(self.n, bool) or not isinstance(self.n, int) or not 1 <= self.n <= 20:
            raise NotApplicable(f"Trigonometric(n) takes a number of harmonics from 1 to 20; {self.n!r} was given.")
        try:
            if isinstance(self.omega, sp.Expr):
                good = self.omega.is_finite is not False and self.omega.is_positive is not False
                good = good and (bool(self.omega.free_symbols) or exact_sign(self.omega) == 1)
            else:
                good = 0 < float(self.omega) < float("inf") and not isinstance(self.omega, (str, bool))
            hash(self.omega)
        except (TypeError, ValueError):
            good = False
        if not good:
            raise NotApplicable(f"Trigonometric(omega=…) takes a positive frequency; {self.omega!r} was given.")

    @property
    def names(self) -> tuple[str, ...]:
        return ("a0", *(f"{letter}{k}" for k in range(1, self.n + 1) for letter in "ab"))

    def __repr__(self) -> str:
        return f"Trigonometric({self.n}, omega={written(self.omega)})"

    def basis(self, s: Any) -> tuple[Any, ...]:
        omega = fitting(self.omega, s)
        lib = elementary(s, omega)
        out = [1 + 0 * s]
        for k in range(1, self.n + 1):
            angle = k * omega * s
            out += [lib.cos(angle), lib.sin(angle)]
        return tuple(out)

    def basis_jet(self, k: int) -> tuple[Any, ...]:
        cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[k % 4]
        out: list[Any] = [1 if k == 0 else 0]
        for j in range(1, self.n + 1):
            rate = (j * self.omega) ** k
            out += [cos * rate, sin * rate]
        return tuple(out)

    def from_jet(self, values: Sequence[Any]) -> tuple[Any, ...]:
        omega = fitting(self.omega, *values)
        exact = isinstance(sum(values[: self.size], start=0), (int, sp.Basic))
        even, odd = _inverse(self.n, exact)
        cosines = [
            sum(even[k][m] * values[2 * m] / omega ** (2 * m) for m in range(self.n + 1)) for k in range(self.n + 1)
        ]
        sines = [
            sum(odd[k][m] * values[2 * m + 1] / omega ** (2 * m + 1) for m in range(self.n)) for k in range(self.n)
        ]
        out = [cosines[0]]
        for k in range(self.n):
            out += [cosines[k + 1], sines[k]]
        return tuple(out)


@lru_cache(maxsize=64)
def _inverse(n: int, exact: bool) -> tuple[list[list[Any]], list[list[Any]]]:
    """The inverses of the even and the odd half of the Wronskian at ω = 1 (two Vandermonde systems in k²)."""
    even = sp.Matrix(n + 1, n + 1, lambda m, k: sp.Integer((-1) ** m) * sp.Integer(k) ** (2 * m))
    odd = sp.Matrix(n, n, lambda m, k: sp.Integer((-1) ** m) * sp.Integer(k + 1) ** (2 * m + 1))
    convert = (lambda q: q) if exact else float
    return tuple([[convert(q) for q in row] for row in matrix.inv().tolist()] for matrix in (even, odd))  # type: ignore[return-value]
