"""The paper's names for the coefficients of ∇_P² (Eq. 13–15)."""

from __future__ import annotations

from typing import Any

from .families import Polynomial
from .transform import transform


def curvature(f: Any, x0: Any, **options: Any) -> Any:
    """[∇_P²[f](x0)]_2 = f″(x0)/2, the coefficient of s² (Eq. 13).

    The paper calls it curvature; the curvature of the graph is f″/(1 + f′²)^{3/2}.

    >>> import sympy as sp, kymath as ky
    >>> ky.curvature(sp.symbols("x") ** 3, 1)
    3
    """
    return transform(f, x0, Polynomial(2), **options).coefficient(2)


def slope(f: Any, x0: Any, **options: Any) -> Any:
    """[∇_P²[f](x0)]_1 = f′(x0), the coefficient of s (Eq. 14)."""
    return transform(f, x0, Polynomial(2), **options).coefficient(1)


def value(f: Any, x0: Any, **options: Any) -> Any:
    """[∇_P²[f](x0)]_0 = f(x0), the constant coefficient (Eq. 15)."""
    return transform(f, x0, Polynomial(2), **options).coefficient(0)
