"""The paper's names for the coefficients of ∇_P² (Eq. 13–15)."""

from __future__ import annotations

from typing import Any

from .families import Polynomial
from .transform import transform


def curvature(f: Any, x0: Any, **options: Any) -> Any:
    """[∇_P²[f](x0)]_2 = f″(x0)/2, the coefficient of s².

    The paper calls it curvature; the curvature of the graph is f″/(1 + f′²)^{3/2}.

    Raises ``NotApplicable`` for f, x0 or an option that does not fit, and what :func:`kymath.transform` raises where
    there is no limit. Source: Condor, Eq. 13.

    >>> import sympy as sp, kymath as ky
    >>> ky.curvature(sp.symbols("x") ** 3, 1)
    3
    """
    return transform(f, x0, Polynomial(2), **options).coefficient(2)


def slope(f: Any, x0: Any, **options: Any) -> Any:
    """[∇_P²[f](x0)]_1 = f′(x0), the coefficient of s.

    Raises ``NotApplicable`` for f, x0 or an option that does not fit, and what :func:`kymath.transform` raises where
    there is no limit. Source: Condor, Eq. 14.

    >>> import sympy as sp, kymath as ky
    >>> ky.slope(sp.symbols("x") ** 3, 2)
    12
    """
    return transform(f, x0, Polynomial(2), **options).coefficient(1)


def value(f: Any, x0: Any, **options: Any) -> Any:
    """[∇_P²[f](x0)]_0 = f(x0), the constant coefficient.

    Raises ``NotApplicable`` for f, x0 or an option that does not fit, and what :func:`kymath.transform` raises where
    there is no limit. Source: Condor, Eq. 15.

    >>> import sympy as sp, kymath as ky
    >>> ky.value(sp.symbols("x") ** 3, 2)
    8
    """
    return transform(f, x0, Polynomial(2), **options).coefficient(0)
