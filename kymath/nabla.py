"""The paper's notation: ``nabla.P(2)[f](x0)`` is ∇_P²[f](x0). Definition 3.8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Unpack

import sympy as sp

from .errors import NotApplicable
from .families import ConnectionFunction, Exponential, Family, Harmonic, Linear, Polynomial, Trigonometric
from .request import Options
from .result import KYTransform
from .rules import Rule
from .transform import transform


@dataclass(frozen=True)
class Applied:
    """∇[f], waiting for x0."""

    operator: Operator
    f: Any

    def __call__(self, x0: Any, **options: Unpack[Options]) -> KYTransform:
        options.setdefault("rule", self.operator.rule)
        return transform(self.f, x0, self.operator.family, **options)


@dataclass(frozen=True)
class Operator:
    """∇ with its family and rule, waiting for [f]."""

    family: ConnectionFunction
    rule: Rule | None = None

    def __getitem__(self, f: Any) -> Applied:
        return Applied(self, f)


@dataclass(frozen=True)
class Named(Operator):
    """∇_X with its defaults; called, it takes the family's parameters and a rule."""

    kind: type[ConnectionFunction] = Linear

    def __repr__(self) -> str:
        return f"∇_{self.kind.__name__[0]}"

    def __call__(self, *args: Any, rule: Rule | None = None, **options: Any) -> Operator:
        for given in args:
            if callable(given) or (isinstance(given, (sp.Basic, str, Rule)) and not getattr(given, "is_number", False)):
                hint = f"nabla.{self.kind.__name__[0]}"
                raise NotApplicable(
                    f"{given!r} is no parameter of {self.kind.__name__}: write {hint}[f](x0), and a rule as "
                    f"{hint}(rule=…)."
                )
        return Operator(self.kind(*args, **options), rule)


L = Named(Linear(), kind=Linear)
P = Named(Polynomial(2), kind=Polynomial)
E = Named(Exponential(), kind=Exponential)
T = Named(Trigonometric(), kind=Trigonometric)
H = Named(Harmonic(), kind=Harmonic)


def KY(family: ConnectionFunction | str, parameters: Any = None, rule: Rule | None = None) -> Operator:
    """∇_KY for any family, or for a formula in s and its parameters' names.

    >>> import sympy as sp
    >>> from kymath import nabla
    >>> t = sp.symbols("t")
    >>> nabla.KY("A*exp(-s/tau)", "A tau")[3 * sp.exp(-2 * t)](0).theta
    (3, 1/2)
    """
    return Operator(Family(family, parameters) if isinstance(family, str) else family, rule)


__all__ = ["KY", "E", "H", "L", "P", "T"]


def __dir__() -> list[str]:
    return __all__
