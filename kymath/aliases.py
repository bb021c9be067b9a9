"""The paper's names for the coefficients of ∇_P² (Eq. 13–15)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict, Unpack, overload

from .evidence import Side
from .families import Polynomial
from .request import Options
from .rules import Rule
from .transform import transform


class Ordinary(TypedDict, total=False):
    """The options with which a number is a float: no method is named, whose numbers may be longer."""

    rule: Rule | None
    side: Side
    check: bool
    raises: bool | None


@overload
def curvature(f: Callable[[float], float], x0: float, **options: Unpack[Ordinary]) -> float: ...
@overload
def curvature(f: Any, x0: Any, **options: Unpack[Options]) -> Any: ...
def curvature(f: Any, x0: Any, **options: Unpack[Options]) -> Any:
    """[∇_P²[f](x0)]_2 = f″(x0)/2, the coefficient of s².

    The paper calls it curvature; the curvature of the graph is f″/(1 + f′²)^{3/2}.

    ``options``: ``rule``, ``method``, ``side``, ``check`` and ``raises`` of :func:`kymath.transform`.

    Raises ``NotApplicable`` for f, x0 or an option that does not fit, and what :func:`kymath.transform` raises where
    there is no limit. Source: Condor, Eq. 13.

    >>> import sympy as sp, kymath as ky
    >>> ky.curvature(sp.symbols("x") ** 3, 1)
    3
    """
    return transform(f, x0, Polynomial(2), **options).coefficient(2)


@overload
def slope(f: Callable[[float], float], x0: float, **options: Unpack[Ordinary]) -> float: ...
@overload
def slope(f: Any, x0: Any, **options: Unpack[Options]) -> Any: ...
def slope(f: Any, x0: Any, **options: Unpack[Options]) -> Any:
    """[∇_P²[f](x0)]_1 = f′(x0), the coefficient of s.

    ``options``: ``rule``, ``method``, ``side``, ``check`` and ``raises`` of :func:`kymath.transform`.

    Raises ``NotApplicable`` for f, x0 or an option that does not fit, and what :func:`kymath.transform` raises where
    there is no limit. Source: Condor, Eq. 14.

    >>> import sympy as sp, kymath as ky
    >>> ky.slope(sp.symbols("x") ** 3, 2)
    12
    """
    return transform(f, x0, Polynomial(2), **options).coefficient(1)


@overload
def value(f: Callable[[float], float], x0: float, **options: Unpack[Ordinary]) -> float: ...
@overload
def value(f: Any, x0: Any, **options: Unpack[Options]) -> Any: ...
def value(f: Any, x0: Any, **options: Unpack[Options]) -> Any:
    """[∇_P²[f](x0)]_0 = f(x0), the constant coefficient.

    ``options``: ``rule``, ``method``, ``side``, ``check`` and ``raises`` of :func:`kymath.transform`.

    Raises ``NotApplicable`` for f, x0 or an option that does not fit, and what :func:`kymath.transform` raises where
    there is no limit. Source: Condor, Eq. 15.

    >>> import sympy as sp, kymath as ky
    >>> ky.value(sp.symbols("x") ** 3, 2)
    8
    """
    return transform(f, x0, Polynomial(2), **options).coefficient(0)
