"""A SymPy expression evaluated on balls, one node after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy as sp
from flint import arb

from . import germ_functions, germs
from .ball_context import escape
from .ball_numpy import UFUNCS, heaviside, pi
from .ball_powers import power
from .balls import Ball, Condition, apply, as_ball, choose, compare, floor

_CONSTANTS: dict[Any, Callable[[], Any]] = {
    sp.pi: arb.pi, sp.E: arb.const_e, sp.EulerGamma: arb.const_euler, sp.Catalan: arb.const_catalan,
    sp.GoldenRatio: lambda: (1 + arb(5).sqrt()) / 2,
}  # fmt: skip
_NAMES: dict[Any, str] = {
    sp.log: "log", sp.sin: "sin", sp.cos: "cos", sp.tan: "tan", sp.asin: "arcsin", sp.acos: "arccos",
    sp.atan: "arctan", sp.sinh: "sinh", sp.cosh: "cosh", sp.tanh: "tanh", sp.asinh: "arcsinh", sp.acosh: "arccosh",
    sp.atanh: "arctanh", sp.erf: "erf", sp.erfc: "erfc", sp.erfi: "erfi", sp.gamma: "gamma", sp.loggamma: "gammaln",
    sp.besselj: "jv", sp.sign: "sign", sp.exp: "exp", sp.factorial: "factorial", sp.Mod: "mod", sp.beta: "beta",
    sp.atan2: "arctan2",
}  # fmt: skip
_RECIPROCALS: dict[Any, str] = {sp.sec: "cos", sp.csc: "sin", sp.cot: "tan", sp.sech: "cosh", sp.csch: "sinh",
                                sp.coth: "tanh"}  # fmt: skip
_WANTED: dict[Any, tuple[int, ...]] = {
    sp.Lt: (-1,), sp.Le: (-1, 0), sp.Gt: (1,), sp.Ge: (0, 1), sp.Eq: (0,), sp.Ne: (-1, 1),
}  # fmt: skip


def evaluate(expression: sp.Basic, known: Mapping[sp.Basic, Ball]) -> Ball:
    """The expression with balls for its symbols.

    >>> from kymath.methods.ball_context import working
    >>> x = sp.Symbol("x")
    >>> with working(53, 3):
    ...     print(evaluate(sp.exp(x) * sp.pi, {x: as_ball(0)}).parts[0].str(6, radius=False))
    3.14159
    """
    return _Walk(known)(expression)


class _Walk:
    def __init__(self, known: Mapping[sp.Basic, Ball]) -> None:
        self.done: dict[sp.Basic, Any] = dict(known)

    def __call__(self, e: Any) -> Any:
        if e not in self.done:
            self.done[e] = self.step(e)
        return self.done[e]

    def step(self, e: Any) -> Any:
        if e.is_Rational:
            return as_ball(Fraction(int(e.p), int(e.q)))
        if e.is_Float:
            exact = sp.Rational(e)
            return as_ball(Fraction(int(exact.p), int(exact.q)))
        if e in _CONSTANTS:
            return Ball(_CONSTANTS[e]())
        if e.is_Add:
            return reduce(lambda a, b: apply(germs.add, a, b), map(self, e.args))
        if e.is_Mul:
            return self.product(e)
        if e.is_Pow:
            return self.power(e.base, e.exp)
        if isinstance(e, sp.exp):
            return UFUNCS["exp"](self(e.args[0]))
        if isinstance(e, sp.Piecewise):
            return self.piecewise(list(e.args))
        return self.function(e)

    def product(self, e: sp.Mul) -> Ball:
        """Numerator over denominator, so that x²/x keeps what is known."""
        over, under = [], []
        for factor in e.args:
            if factor.is_Pow and factor.exp.is_Rational and factor.exp.is_negative:
                under.append(self.power(factor.base, -factor.exp))
            else:
                over.append(self(factor))
        top = reduce(lambda a, b: apply(germs.multiply, a, b), over) if over else as_ball(1)
        if not under:
            return top
        return apply(germs.divide, top, reduce(lambda a, b: apply(germs.multiply, a, b), under))

    def power(self, base: Any, exponent: Any) -> Ball:
        if base == sp.E:
            return UFUNCS["exp"](self(exponent))
        if exponent.is_Rational:
            return power(self(base), Fraction(int(exponent.p), int(exponent.q)))
        return power(self(base), self(exponent))

    def piecewise(self, pieces: list[Any]) -> Any:
        if not pieces:
            return Ball(germs.outside("no piece of the Piecewise applies"))
        condition = self.condition(pieces[0].cond)
        if not isinstance(condition, Condition):
            return self(pieces[0].expr) if condition else self.piecewise(pieces[1:])
        if condition.certain is not None:
            return self(pieces[0].expr) if condition.certain else self.piecewise(pieces[1:])
        return choose(condition, self(pieces[0].expr), self.piecewise(pieces[1:]))

    def condition(self, c: Any) -> Any:
        if c in (sp.true, sp.false):
            return bool(c)
        if type(c) in _WANTED:
            low, high = c.args
            if high.is_infinite or low.is_infinite:
                return bool(type(c)(0, high) if high.is_infinite else type(c)(low, 0))
            return compare(self(low), self(high), _WANTED[type(c)])
        if isinstance(c, (sp.And, sp.Or)):
            parts = [self.condition(one) for one in c.args]
            for plain in [p for p in parts if not isinstance(p, Condition)]:
                if plain is isinstance(c, sp.Or):
                    return plain
            parts = [p for p in parts if isinstance(p, Condition)]
            if not parts:
                return isinstance(c, sp.And)
            return reduce(lambda a, b: a & b if isinstance(c, sp.And) else a | b, parts)
        if isinstance(c, sp.Not):
            inner = self.condition(c.args[0])
            return ~inner if isinstance(inner, Condition) else not inner
        raise escape(f"the condition {c} is not known to ball arithmetic")

    def function(self, e: Any) -> Any:
        kind = e.func
        if kind in _NAMES:
            return UFUNCS[_NAMES[kind]](*map(self, e.args))
        if kind in _RECIPROCALS:
            return apply(germs.divide, 1, UFUNCS[_RECIPROCALS[kind]](self(e.args[0])))
        if isinstance(e, sp.Abs):
            return abs(self(e.args[0]))
        if isinstance(e, (sp.Max, sp.Min)):
            return UFUNCS["maximum" if isinstance(e, sp.Max) else "minimum"](*map(self, e.args))
        if isinstance(e, sp.floor):
            return floor(self(e.args[0]))
        if isinstance(e, sp.ceiling):
            return -floor(-self(e.args[0]))
        if isinstance(e, sp.Heaviside):
            return heaviside(self(e.args[0]), self(e.args[1]))
        if isinstance(e, sp.sinc):
            return apply(germ_functions.sinc, self(e.args[0]))
        raise escape(f"{e.func} is not known to ball arithmetic here")


def number(value: Any) -> Any:
    """The enclosure of an exact real number (SymPy), at the working precision."""
    return evaluate(value, {}).parts[0]


__all__ = ["evaluate", "number", "pi"]
