"""Text to formulas and back: a whitelist grammar that never runs what it reads.

The text becomes tokens (:mod:`kymath.lexer`), and a recursive descent over them builds SymPy objects one operation at a
time (:mod:`kymath.guards`, which keeps hostile text cheap). :mod:`kymath.writing` is the way back.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real
from typing import Any

import sympy as sp

from kymath.errors import ParseError
from kymath.guards import CONSTANTS, EXACT_SEQUENCE, FUNCTIONS, MAX_EXPONENT, Builder, TooMuchWork, bounded_work
from kymath.lexer import NAME, Token, tokenize
from kymath.writing import digits, label, latex

__all__ = ["exact", "label", "latex", "parse"]

MAX_CHARACTERS = 10_000
MAX_NESTING = 100  # parentheses, calls, signs and ** count alike
MAX_DIGITS = 1_000  # of one number as written; numbers computed from it may have MAX_EXPONENT


class _Parser(Builder):
    """One text on its way to one expression; :meth:`run` does it."""

    def __init__(self, text: str, variable: str | None, parameters: Sequence[str]) -> None:
        super().__init__(text)
        self.parameters = tuple(parameters)
        self.variable = variable
        self.given = variable is not None
        self.depth = 0
        self.index = 0
        self.tokens: list[Token] = []

    def run(self) -> sp.Expr:
        if len(self.text) > MAX_CHARACTERS:
            self.fail(f"the text has more than {MAX_CHARACTERS} characters; write it shorter", MAX_CHARACTERS)
        self.tokens = list(tokenize(self.text))
        if self.peek.kind == "end":
            self.fail("the text is empty; a formula such as exp(-x)*sin(3*x) was expected", 0)
        try:
            with bounded_work():
                expr = self.sum()
                self.no_comma()
                if self.peek.kind != "end":
                    self.fail("this ')' closes nothing; remove it or add the '(' for it", self.peek.position)
        except ParseError:
            raise
        except (TooMuchWork, RecursionError, MemoryError):
            self.fail("SymPy would need too long to build the formula from here; write it simpler", self.at)
        except Exception as error:
            self.fail(f"SymPy cannot build this part ({type(error).__name__}); write it differently", self.at)
        return expr

    # ---- tokens

    @property
    def peek(self) -> Token:
        return self.tokens[self.index]

    def take(self) -> Token:
        token = self.tokens[self.index]
        self.index += 1
        return token

    def no_comma(self) -> None:
        if self.peek.text == ",":
            self.fail("a comma stands only between arguments; a decimal takes a point: 0.5", self.peek.position)

    def deeper(self, position: int) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.fail(f"the formula is nested more than {MAX_NESTING} deep here; write it flatter", position)

    # ---- grammar, one method a level; three frames of the call stack for one level of nesting

    def sum(self) -> sp.Expr:
        """Sum := product (('+' | '-') product)*; product := factor (('*' | '/') factor)*."""
        terms: list[sp.Expr] = []
        sign = Token("mark", "+", self.peek.position)
        while True:
            first, factors = self.peek.position, [self.factor()]
            while self.peek.text in ("*", "/"):
                mark = self.take()
                factor = self.factor()
                if mark.text == "/":
                    if factor.is_zero:
                        self.fail("division by zero: what follows is 0; change the denominator", mark.position)
                    factor = self.power(factor, sp.Integer(-1), mark.position)
                factors.append(factor)
                if len(factors) == EXACT_SEQUENCE:
                    first = mark.position
            product = self.product(factors, first)
            terms.append(-product if sign.text == "-" else product)
            if self.peek.text not in ("+", "-"):
                break
            sign = self.take()
        if len(terms) == 1:
            return terms[0]
        coefficients = [c for c in (term.as_coeff_Mul()[0] for term in terms) if c.is_Rational]
        self.bound(
            max(map(digits, coefficients), default=0) + sum(math.log10(q) for q in {c.q for c in coefficients}),
            sign.position,
        )
        self.at = sign.position
        return self.checked(sp.Add(*terms), sign.position)

    def factor(self) -> sp.Expr:
        """Factor := ('+' | '-') factor | atom [('**' | '^') factor]."""
        if self.peek.text in ("+", "-"):
            sign = self.take()
            self.deeper(sign.position)
            value = self.factor()
            self.depth -= 1
            return -value if sign.text == "-" else value
        base = self.atom()
        if self.peek.text in ("**", "^"):
            mark = self.take()
            self.deeper(mark.position)
            exponent = self.factor()
            self.depth -= 1
            return self.power(base, exponent, mark.position)
        return base

    def atom(self) -> sp.Expr:
        """Atom := number | constant | variable | function '(' sum (',' sum)* ')' | '(' sum ')'."""
        token = self.take()
        if token.kind == "number":
            value = self.number(token)
        elif token.kind == "name":
            value = self.name(token)
        elif token.text == "(":
            value = self.arguments(token, None)[0]
        elif token.kind == "end":
            position = self.tokens[self.index - 2].position
            last = self.tokens[self.index - 2].text
            self.fail(f"the formula ends after {last!r}; a number, a name or '(' must follow", position)
        else:
            self.fail(f"{token.text!r} cannot stand here; put a number, a name or '(' before it", token.position)
        after = self.peek
        if after.kind in ("number", "name") or after.text == "(":
            shown = label(after.text, 20)
            self.fail(f"an operator is missing before {shown!r}; for a product write *: 2*x", after.position)
        return value

    def arguments(self, opening: Token, function: str | None) -> list[sp.Expr]:
        """The inside of parentheses, after the opening one; commas only for a function."""
        self.deeper(opening.position)
        if self.peek.text == ")":
            self.fail(f"{function or ''}() is empty; write an expression inside", self.peek.position)
        values = []
        while self.peek.kind != "end":
            values.append(self.sum())
            if self.peek.text != "," or function is None:
                break
            self.take()
        self.no_comma()
        if self.peek.text != ")":
            self.fail("this '(' is never closed; add the ')' it needs", opening.position)
        self.take()
        self.depth -= 1
        return values

    def number(self, token: Token) -> sp.Rational:
        mantissa, _, exponent = token.text.lower().partition("e")
        whole, _, decimals = mantissa.partition(".")
        if len(whole + decimals) > MAX_DIGITS:
            self.fail(f"this number has more than {MAX_DIGITS} digits; round it", token.position)
        if len(exponent) > 20 or abs(int(exponent or "0")) > MAX_EXPONENT:
            self.fail(f"this number's exponent is beyond ±{MAX_EXPONENT}; scale the formula", token.position)
        shift = int(exponent or "0") - len(decimals)
        scaled = int(whole + decimals)
        return sp.Rational(scaled * 10 ** max(shift, 0), 10 ** max(-shift, 0))

    def name(self, token: Token) -> sp.Expr:
        name, called = token.text, self.peek.text == "("
        if name in self.parameters or name == self.variable or name in CONSTANTS:
            if called:
                self.fail(f"{name} is no function; for a product write {name}*(...)", self.peek.position)
            return CONSTANTS[name] if name in CONSTANTS else sp.Symbol(name)
        if name in FUNCTIONS:
            if not called:
                self.fail(f"{name} is a function; write its argument: {name}(...)", token.position)
            return self.call(name, self.arguments(self.take(), name), token.position)
        shown = repr(label(name, 40))
        if called:
            meant = f"; if {name} is the variable, write {name}*(...)" if len(name) == 1 else ""
            near, known = self.nearest(name, FUNCTIONS), ", ".join(FUNCTIONS)
            self.fail(f"unknown function {shown}{near}{meant}; known are {known}", token.position)
        if self.variable is None:
            self.variable = name
            return sp.Symbol(name)
        euler = "; Euler's number is written E" if "e" in (name, self.variable) else ""
        allowed = (self.variable, *self.parameters)
        if euler and not (self.given or self.parameters):
            shown = f"{label(self.variable, 40)!r} and {shown}"
            first = next(t.position for t in self.tokens if t.text == "e")
            self.fail(f"Euler's number is written E; here {shown} are two variables, and a formula has one", first)
        near = self.nearest(name, [*(allowed[not self.given :]), *CONSTANTS, *FUNCTIONS])
        if self.given or self.parameters:
            self.fail(f"unknown name {shown}{near}; known are {', '.join(allowed)}{euler}", token.position)
        self.fail(
            f"there are two variables, {label(self.variable, 40)!r} and {shown}; a formula has one{near}; "
            "put a number for the other",
            token.position,
        )

    @staticmethod
    def nearest(name: str, known: Sequence[str] | dict[str, Any]) -> str:
        close = difflib.get_close_matches(name[:40], list(known), n=1)
        return f" (did you mean {close[0]}?)" if close else ""


def parse(text: str, *, variable: str | None = None, parameters: Sequence[str] = ()) -> sp.Expr:
    """Read a formula of one variable from text, exactly and without running any of it.

    ``+ - * /``, ``**`` (or ``^``), parentheses, decimal numbers read exactly (0.1 is 1/10), ``pi``, ``E``,
    one variable of any name, and abs, sign, sqrt, cbrt (real), exp, log = ln, sin, cos, tan, sinh, cosh,
    tanh, their inverses (``asin`` or ``arcsin`` …), erf, gamma, besselj(order, x), min, max, floor,
    Heaviside. ASCII only; at most 10,000 characters, 100 levels of nesting, exponents up to 10⁴, 1,000
    digits; no implicit multiplication.

    Args:
        text: the formula.
        variable: the name its variable must have; None takes the one that occurs, if any.
        parameters: further names allowed, as in a family ``A*exp(-s/tau) + C``.

    Returns:
        The SymPy expression; names become plain ``Symbol(name)``, numbers stay exact.

    Raises:
        ParseError: for everything else, with ``.reason``, ``.position`` and a caret under that character.

    Source: the project's interface contract, section 1.

    >>> parse("0.1*exp(-x)*sin(3*x)")
    exp(-x)*sin(3*x)/10
    >>> parse("A*exp(-s/tau)", variable="s", parameters=("A", "tau"))
    A*exp(-s/tau)
    """
    if not isinstance(text, str):
        raise ParseError(
            f"a formula is text (str), and this is {type(text).__name__}; write it in quotes, "
            "or use the SymPy expression itself",
            text="",
            position=0,
        )
    names = [*([] if variable is None else [variable]), *parameters]
    for name in names:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ParseError(f"{name!r} cannot be a name; use ASCII letters and digits", text="", position=0)
        if name in FUNCTIONS or name in CONSTANTS or names.count(name) > 1:
            raise ParseError(f"the name {name!r} is taken already; choose another", text="", position=0)
    return _Parser(text, variable, parameters).run()


def exact(value: Any) -> sp.Expr | None:
    """The exact real SymPy number that a value is, or None where it is none.

    Integers, fractions, decimals and SymPy numbers (``pi``, ``sqrt(2)``) stay what they are; a binary float
    becomes the fraction it stores, so 0.1 is 3602879701896397/2**55. NaN, infinities, complex and truth
    values, symbols, arrays and text give None.

    >>> exact(Fraction(1, 3)), exact(0.25), exact(sp.pi), exact(float("nan"))
    (1/3, 1/4, pi, None)
    """
    if isinstance(value, sp.Expr):
        if isinstance(value, sp.Float):
            return sp.Rational(value) if value.is_finite else None
        return value if value.is_number and value.is_extended_real and value.is_finite else None
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):
        return None
    if isinstance(value, Integral):
        return sp.Integer(int(value))
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    if not isinstance(value, Decimal):
        value = float(value)
    elif value and value.is_finite() and abs(value.adjusted()) > MAX_EXPONENT:
        return None
    return sp.Rational(*value.as_integer_ratio()) if math.isfinite(value) else None
