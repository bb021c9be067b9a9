"""The limit θ as formulas in the jet: the closed forms of families and rules, asked for with symbols.

The families and rules write their closed forms once, for any numbers. Given the symbols f0, f1, … they return the
formulas themselves, with every constant exact, and these are evaluated in whatever arithmetic is wanted: balls, or any
number of digits.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any

import sympy as sp

from ..evidence import Jet
from ..families import ConnectionFunction, Family
from ..rules import Rule

_MAX = 64
ENTRIES = tuple(sp.Symbol(f"f{k}", real=True) for k in range(_MAX))


def exactly(thing: Any) -> Any:
    """A family or rule with its floating-point options as the binary fractions that they are.

    >>> from kymath import Trigonometric
    >>> exactly(Trigonometric(1, omega=0.5)).omega
    1/2
    """
    if isinstance(thing, Family):
        floats = thing.formula.atoms(sp.Float)
        if not floats:
            return thing
        return dataclasses.replace(thing, formula=thing.formula.xreplace({c: sp.Rational(c) for c in floats}))
    changed: dict[str, Any] = {}
    for one in dataclasses.fields(thing):
        value = getattr(thing, one.name)
        if isinstance(value, float):
            changed[one.name] = sp.Rational(*value.as_integer_ratio())
        elif isinstance(value, sp.Basic) and value.has(sp.Float):
            changed[one.name] = value.xreplace({c: sp.Rational(c) for c in value.atoms(sp.Float)})
        elif not isinstance(value, (int, bool, str, tuple, sp.Basic, type(None))) and hasattr(
            value, "as_integer_ratio"
        ):
            changed[one.name] = sp.Rational(*map(int, value.as_integer_ratio()))
    return dataclasses.replace(thing, **changed) if changed else thing


def solvable(family: ConnectionFunction) -> bool:
    """Whether the limit is a formula; else J(θ) = jet has to be solved by iteration."""
    return not isinstance(family, Family) or family.linear


@lru_cache(maxsize=256)
def closed_form(
    family: ConnectionFunction, rule: Rule, side: str, left: int | None, right: int | None
) -> tuple[sp.Expr, ...]:
    """θ in the symbols f0, f1, …, where f leaves x0 in these directions.

    >>> from kymath import Exponential, Osculating
    >>> closed_form(Exponential(), Osculating(), "both", None, None)
    (f1**2/f2, f2/f1, f0 - f1**2/f2)
    """
    exact_family, exact_rule = exactly(family), exactly(rule)
    count = max(exact_rule.entries(exact_family), 2)
    values = ENTRIES[:count]
    jet = Jet(values, tuple(sp.Integer(0) for _ in values), left, right, settled=True)
    return tuple(sp.sympify(c, strict=True) for c in exact_rule.limit(exact_family, jet, side))
