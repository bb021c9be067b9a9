"""SymPy objects built one operation at a time, cheaply whatever the text asks for.

Three guards keep hostile text cheap: sizes are checked *before* SymPy multiplies numbers out, each sub-expression is
checked for a finite real value *after* it is built, and SymPy's own automatic simplification may take only so many
steps.
"""

from __future__ import annotations

import functools
import inspect
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import sympy as sp

from kymath.errors import ParseError
from kymath.writing import digits, label

__all__ = ["CONSTANTS", "EXACT_SEQUENCE", "FUNCTIONS", "MAX_EXPONENT", "Builder", "TooMuchWork", "bounded_work"]

MAX_EXPONENT = 10_000  # of a power, of a decimal number, and of ten in any constant
MAX_WORK = 2_000_000  # function calls and returns spent on one formula: about half a second
_MAX_INSIDE = 300  # digits of a number inside a function or under a root
_MAX_RATE = MAX_EXPONENT * math.log(10)  # |u| in exp(u) and its like
EXACT_SEQUENCE = 20  # products up to this length are built as Python would, one factor at a time


def _cbrt(u: sp.Expr) -> sp.Expr:
    for root in u.args if u.is_Mul and len(u.args) == 2 else ():  # cbrt(cbrt(v)), without doubling v
        if root.is_Pow and isinstance(root.base, sp.Abs) and u == sp.sign(root.base.args[0]) * root:
            return sp.sign(root.base.args[0]) * root.base ** (root.exp / 3)
    return sp.sign(u) * sp.Abs(u) ** sp.Rational(1, 3)


CONSTANTS: dict[str, sp.Expr] = {"pi": sp.pi, "E": sp.E}
FUNCTIONS: dict[str, Callable[..., sp.Expr]] = {
    "abs": sp.Abs, "sign": sp.sign, "sqrt": sp.sqrt, "cbrt": _cbrt, "exp": sp.exp, "log": sp.log,
    "ln": sp.log, "sin": sp.sin, "cos": sp.cos, "tan": sp.tan, "asin": sp.asin, "acos": sp.acos,
    "atan": sp.atan, "arcsin": sp.asin, "arccos": sp.acos, "arctan": sp.atan, "sinh": sp.sinh,
    "cosh": sp.cosh, "tanh": sp.tanh, "asinh": sp.asinh, "acosh": sp.acosh, "atanh": sp.atanh,
    "arcsinh": sp.asinh, "arccosh": sp.acosh, "arctanh": sp.atanh, "erf": sp.erf, "gamma": sp.gamma,
    "besselj": sp.besselj, "min": sp.Min, "max": sp.Max, "floor": sp.floor, "Heaviside": sp.Heaviside,
    "Abs": sp.Abs, "Min": sp.Min, "Max": sp.Max,
}  # fmt: skip
_ARGUMENT_LIMITS: dict[Any, float] = {sp.exp: _MAX_RATE, sp.sinh: _MAX_RATE, sp.cosh: _MAX_RATE,
                                      sp.tanh: _MAX_RATE, sp.gamma: 1000, sp.besselj: 10**6}  # fmt: skip


class TooMuchWork(BaseException):
    """Ends SymPy's work from inside; not an Exception, so that nothing on the way swallows it."""


@contextmanager
def bounded_work() -> Iterator[None]:
    """Let this thread make at most MAX_WORK function calls and returns (not while a profiler is watching)."""
    if sys.getprofile() is not None:
        yield
        return
    left = MAX_WORK

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal left
        left -= 1
        # a generator that is being closed would swallow the exception
        if left < 0 and not frame.f_code.co_flags & inspect.CO_GENERATOR:
            raise TooMuchWork

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)


class Builder:
    """Operations on SymPy expressions that refuse what would be too large, too slow, infinite or not real."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0  # the operation being built
        self.known: dict[sp.Expr, frozenset[sp.Expr]] = {}
        self.sound: set[sp.Expr] = set()

    def fail(self, message: str, position: int) -> NoReturn:
        raise ParseError(message, text=self.text, position=position) from None

    def leaves(self, expr: sp.Expr) -> frozenset[sp.Expr]:
        """Numbers and symbols in an expression; what was seen once is not walked again."""
        if expr not in self.known:
            self.known[expr] = frozenset((expr,)).union(*map(self.leaves, expr.args)) - ({expr} if expr.args else set())
        return self.known[expr]

    def constant(self, expr: sp.Expr) -> bool:
        return not any(leaf.is_Symbol for leaf in self.leaves(expr))

    def bound(self, size: float, position: int) -> None:
        """Refuse what would make SymPy write out more than MAX_EXPONENT digits."""
        if size > MAX_EXPONENT + 1:
            self.fail(f"this makes a number of more than {MAX_EXPONENT} digits; scale the formula", position)

    def moderate(self, arguments: Sequence[sp.Expr], position: int) -> None:
        """Refuse long numbers where SymPy would look for their factors or ask whether they are prime."""
        for number in frozenset().union(*map(self.leaves, arguments)):
            if number.is_Rational and digits(number) > _MAX_INSIDE:
                message = f"a number inside a function, a root or a real power has more than {_MAX_INSIDE} digits"
                self.fail(f"{message}; scale the formula", position)

    def height(self, expr: sp.Expr, position: int) -> float:
        """Digits that the numbers in a product of powers can grow to when SymPy multiplies it out."""
        if expr.is_Rational:
            return digits(expr)
        if expr.is_Mul:
            return sum(self.height(arg, position) for arg in expr.args)
        if expr.is_Pow:
            inner = self.height(expr.base, position)
            return inner * self.rate(expr.exp, position) if inner else 0
        return 0

    def rate(self, exponent: sp.Expr, position: int) -> float:
        """Sum of the absolute constant terms of an exponent."""
        terms = [t for t in sp.Add.make_args(exponent) if self.constant(t)]
        return math.fsum(float(min(abs(self.value(t, position)), 10**9)) for t in terms)

    def value(self, expr: sp.Expr, position: int) -> sp.Number:
        """Value of a constant; refused unless it is real, of moderate size and visibly not a hidden zero."""
        if expr.is_Rational:
            return expr
        real, imaginary = expr.evalf(20, maxn=200).as_real_imag()
        if imaginary != 0 and getattr(imaginary, "_prec", 1) != 1:
            self.fail("this is not a real number; formulas are real", position)
        if imaginary != 0 or not real.is_Number or not real.is_finite or real == 0 or real._prec == 1:
            self.fail("this constant cannot be told from zero; write its exact value", position)
        if abs(sum(real._mpf_[2:])) * math.log10(2) > MAX_EXPONENT + 10:
            self.fail(f"this constant is beyond 10**±{MAX_EXPONENT}; scale the formula", position)
        return real

    def checked(self, expr: sp.Expr, position: int) -> sp.Expr:
        """The expression, if all of it is finite and real as far as constants go."""
        if expr in self.sound:
            return expr
        for atom in self.leaves(expr):
            if atom is sp.I:
                self.fail("this is not a real number; formulas are real", position)
            if atom.is_number and not atom.is_finite:
                self.fail("this has no finite value (a pole, or a division by zero)", position)
            if atom.is_Rational:
                self.bound(digits(atom), position)
        for factor in sp.Mul.make_args(expr):
            if factor.is_Pow and factor.exp.is_Rational and abs(factor.exp) > MAX_EXPONENT:
                self.fail(f"this comes to an exponent beyond ±{MAX_EXPONENT}; lower the power", position)
        if self.constant(expr):
            self.value(expr, position)
        elif expr.is_Add or expr.is_Mul:
            self.value(expr.func(*filter(self.constant, expr.args)), position)
        self.sound.add(expr)
        return expr

    def product(self, factors: list[sp.Expr], position: int) -> sp.Expr:
        if len(factors) == 1:
            return factors[0]
        self.at = position
        self.bound(sum(self.height(f, position) for f in factors), position)
        if len(factors) > EXACT_SEQUENCE:
            return self.checked(sp.Mul(*factors), position)
        return self.checked(functools.reduce(lambda a, b: a * b, factors), position)

    def power(self, base: sp.Expr, exponent: sp.Expr, position: int) -> sp.Expr:
        self.at = position
        if base.is_zero and exponent.is_negative:
            self.fail("division by zero: 0 has no negative power", position)
        if base == sp.E:
            return self.call("exp", [exponent], position)
        rate = self.rate(exponent, position)
        if rate > MAX_EXPONENT:
            self.fail(f"this exponent is beyond ±{MAX_EXPONENT}; lower the power", position)
        height = self.height(base, position)
        self.bound(height * max(rate, 1), position)
        if not exponent.is_Integer:
            self.moderate([base, exponent], position)
        return self.checked(base**exponent, position)

    def call(self, name: str, arguments: list[sp.Expr], position: int) -> sp.Expr:
        self.at = position
        function, count = FUNCTIONS[name], len(arguments)
        self.moderate(arguments, position)
        if function in (sp.Min, sp.Max):
            if count < 2:
                self.fail(f"{name} compares two or more arguments; write {name}(x, 1)", position)
            arguments = self.extremes(function, arguments, position)
        elif count != (2 if name == "besselj" else 1):
            form = "besselj(order, x)" if name == "besselj" else f"{name}(x)"
            self.fail(f"{name} was given {count} argument{'s' * (count > 1)}; it is written {form}", position)
        if name == "besselj" and not (self.constant(arguments[0]) and abs(self.value(arguments[0], position)) <= 1000):
            self.fail("the order of besselj(order, x) must be a number between -1000 and 1000", position)
        limit = _ARGUMENT_LIMITS.get(function)
        for term in sp.Add.make_args(arguments[-1]) if limit else ():
            if self.constant(term) and abs(self.value(term, position)) > limit:
                self.fail(f"{label(term, 20)} in {name}(...) is beyond ±{limit:.0f}; scale the formula", position)
            for log in sp.Mul.make_args(term) if function is sp.exp else ():
                if isinstance(log, sp.log):  # SymPy turns exp(k*log(b)) into b**k
                    rate = self.rate(sp.Mul(*(f for f in sp.Mul.make_args(term) if f is not log)), position)
                    self.bound(rate * max(self.height(log.args[0], position), 1), position)
        if function is sp.floor:
            part = sp.Add(*(t for t in sp.Add.make_args(arguments[0]) if self.constant(t)))
            if not part.is_Rational:
                near = self.value(part, position)
                if abs(near) > 10**15:
                    self.fail("floor of so large a constant is not computed; write its value", position)
                self.value(part - round(near), position)
        return self.checked(function(*arguments), position)

    def extremes(self, function: Any, arguments: list[sp.Expr], position: int) -> list[sp.Expr]:
        """The arguments of min or max with the constants reduced to one, by their values."""
        best: list[sp.Expr] = []
        for u in filter(self.constant, arguments):
            if not best or (best[0] != u and (self.value(u - best[0], position) > 0) == (function is sp.Max)):
                best = [u]
        return [u for u in arguments if not self.constant(u)] + best
