"""Text to formulas and back: a whitelist grammar that never runs what it reads.

A tokenizer and a recursive descent build SymPy objects one operation at a time. Three guards keep hostile
text cheap: sizes are checked *before* SymPy multiplies numbers out, each sub-expression is checked for a
finite real value *after* it is built, and SymPy's own automatic simplification may take only so many steps.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import math
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Real
from types import FrameType
from typing import Any, NamedTuple, NoReturn

import sympy as sp
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from kymath.errors import ParseError

__all__ = ["exact", "label", "latex", "parse"]

MAX_CHARACTERS = 10_000
MAX_NESTING = 100  # parentheses, calls, signs and ** count alike
MAX_EXPONENT = 10_000  # of a power, of a decimal number, and of ten in any constant
MAX_DIGITS = 1_000  # of one number as written; numbers computed from it may have MAX_EXPONENT
MAX_WORK = 2_000_000  # function calls and returns spent on one formula: about half a second
_MAX_INSIDE = 300  # digits of a number inside a function or under a root
_MAX_RATE = MAX_EXPONENT * math.log(10)  # |u| in exp(u) and its like
_EXACT_SEQUENCE = 20  # products up to this length are built as Python would, one factor at a time


def _cbrt(u: sp.Expr) -> sp.Expr:
    for root in u.args if u.is_Mul and len(u.args) == 2 else ():  # cbrt(cbrt(v)), without doubling v
        if root.is_Pow and isinstance(root.base, sp.Abs) and u == sp.sign(root.base.args[0]) * root:
            return sp.sign(root.base.args[0]) * root.base ** (root.exp / 3)
    return sp.sign(u) * sp.Abs(u) ** sp.Rational(1, 3)


_CONSTANTS: dict[str, sp.Expr] = {"pi": sp.pi, "E": sp.E}
_FUNCTIONS: dict[str, Callable[..., sp.Expr]] = {
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

_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\n]+)|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<mark>\*\*|[-+*/^(),])"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HINTS = {
    "=": "a formula is one expression: write only what stands on the right of '='",
    ".": "names have no attributes: a point stands only inside a number, as in 0.5",
    "'": "text in quotes is no formula: leave the quotes away",
    '"': "text in quotes is no formula: leave the quotes away",
    ";": "a formula is one expression: leave ';' and what follows away",
    "!": "write gamma(n + 1) for the factorial of n",
    "[": "use parentheses", "]": "use parentheses", "{": "use parentheses", "}": "use parentheses",
    "<": "comparisons are not formulas: use Heaviside, min or max", ">": "use Heaviside, min or max",
    "%": "write x - n*floor(x/n) for a remainder", "|": "write abs(...) for an absolute value",
    "\u00d7": "write *", "\u00b7": "write *", "\u22c5": "write *", "\u2217": "write *", "\u00f7": "write /",
    "\u2212": "write the ASCII -", "\u2013": "write the ASCII -", "\u2014": "write the ASCII -",
    "\u03c0": "write pi", "\u221a": "write sqrt(...)", "\u00b2": "write **2", "\u00b3": "write **3",
}  # fmt: skip


class _Token(NamedTuple):
    kind: str  # "number", "name", "mark" or "end"
    text: str
    position: int


class _TooMuchWork(BaseException):
    """Ends SymPy's work from inside; not an Exception, so that nothing on the way swallows it."""


@contextmanager
def _bounded_work() -> Iterator[None]:
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
            raise _TooMuchWork

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)


def _log10(number: sp.Rational) -> float:
    """Decimal digits of the larger of |numerator| and denominator, as a logarithm."""
    return max(math.log10(abs(number.p) or 1), math.log10(number.q))


class _Parser:
    """One text on its way to one expression; :meth:`run` does it."""

    def __init__(self, text: str, variable: str | None, parameters: Sequence[str]) -> None:
        self.text = text
        self.parameters = tuple(parameters)
        self.variable = variable
        self.given = variable is not None
        self.depth = 0
        self.index = 0
        self.at = 0  # the operation being built
        self.tokens: list[_Token] = []
        self.known: dict[sp.Expr, frozenset[sp.Expr]] = {}
        self.sound: set[sp.Expr] = set()

    def fail(self, message: str, position: int) -> NoReturn:
        raise ParseError(message, text=self.text, position=position) from None

    def run(self) -> sp.Expr:
        if len(self.text) > MAX_CHARACTERS:
            self.fail(f"the text has more than {MAX_CHARACTERS} characters; write it shorter", MAX_CHARACTERS)
        self.tokens = list(self.tokenize())
        if self.peek.kind == "end":
            self.fail("the text is empty; a formula such as exp(-x)*sin(3*x) was expected", 0)
        try:
            with _bounded_work():
                expr = self.sum()
                self.no_comma()
                if self.peek.kind != "end":
                    self.fail("this ')' closes nothing; remove it or add the '(' for it", self.peek.position)
        except ParseError:
            raise
        except (_TooMuchWork, RecursionError, MemoryError):
            self.fail("SymPy would need too long to build the formula from here; write it simpler", self.at)
        except Exception as error:
            self.fail(f"SymPy cannot build this part ({type(error).__name__}); write it differently", self.at)
        return expr

    # ---- characters and tokens

    def tokenize(self) -> Iterator[_Token]:
        position = 0
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            if match is None:
                self.bad_character(position)
            if match.lastgroup != "blank":
                yield _Token(str(match.lastgroup), match.group(), position)
            position = match.end()
            if match.lastgroup == "number" and self.text[position : position + 1] in ("_", "."):
                self.fail("this is no number; a number has one point, no '_': 1000 or 1.5e-3", position)
        yield _Token("end", "", len(self.text))

    def bad_character(self, position: int) -> NoReturn:
        char = self.text[position]
        shown = f"{char!r} (U+{ord(char):04X})" if char.isprintable() else f"the character U+{ord(char):04X}"
        if char.isascii():
            hint = _HINTS.get(char, "use + - * / ** ( ) , numbers, names and the known functions")
            self.fail(f"{shown} has no meaning in a formula; {hint}", position)
        plain = unicodedata.normalize("NFKC", char)
        default = f"write {plain!r}" if plain.isascii() and plain.isprintable() else "write it in ASCII"
        self.fail(f"{shown} is not ASCII, and formulas are; {_HINTS.get(char, default)}", position)

    @property
    def peek(self) -> _Token:
        return self.tokens[self.index]

    def take(self) -> _Token:
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
        sign = _Token("mark", "+", self.peek.position)
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
                if len(factors) == _EXACT_SEQUENCE:
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
            max(map(_log10, coefficients), default=0) + sum(math.log10(q) for q in {c.q for c in coefficients}),
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

    def arguments(self, opening: _Token, function: str | None) -> list[sp.Expr]:
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

    def number(self, token: _Token) -> sp.Rational:
        mantissa, _, exponent = token.text.lower().partition("e")
        whole, _, decimals = mantissa.partition(".")
        if len(whole + decimals) > MAX_DIGITS:
            self.fail(f"this number has more than {MAX_DIGITS} digits; round it", token.position)
        if len(exponent) > 20 or abs(int(exponent or "0")) > MAX_EXPONENT:
            self.fail(f"this number's exponent is beyond ±{MAX_EXPONENT}; scale the formula", token.position)
        shift = int(exponent or "0") - len(decimals)
        scaled = int(whole + decimals)
        return sp.Rational(scaled * 10 ** max(shift, 0), 10 ** max(-shift, 0))

    def name(self, token: _Token) -> sp.Expr:
        name, called = token.text, self.peek.text == "("
        if name in self.parameters or name == self.variable or name in _CONSTANTS:
            if called:
                self.fail(f"{name} is no function; for a product write {name}*(...)", self.peek.position)
            return _CONSTANTS[name] if name in _CONSTANTS else sp.Symbol(name)
        if name in _FUNCTIONS:
            if not called:
                self.fail(f"{name} is a function; write its argument: {name}(...)", token.position)
            return self.call(name, self.arguments(self.take(), name), token.position)
        shown = repr(label(name, 40))
        if called:
            meant = f"; if {name} is the variable, write {name}*(...)" if len(name) == 1 else ""
            near, known = self.nearest(name, _FUNCTIONS), ", ".join(_FUNCTIONS)
            self.fail(f"unknown function {shown}{near}{meant}; known are {known}", token.position)
        if self.variable is None:
            self.variable = name
            return sp.Symbol(name)
        euler = "; Euler's number is written E" if "e" in (name, self.variable) else ""
        allowed = (self.variable, *self.parameters)
        near = self.nearest(name, [*(allowed[not self.given :]), *_CONSTANTS, *_FUNCTIONS])
        if self.given or self.parameters:
            self.fail(f"unknown name {shown}{near}; known are {', '.join(allowed)}{euler}", token.position)
        self.fail(
            f"there are two variables, {label(self.variable, 40)!r} and {shown}; a formula has one{near}; "
            f"put a number for the other{euler}",
            token.position,
        )

    @staticmethod
    def nearest(name: str, known: Sequence[str] | dict[str, Any]) -> str:
        close = difflib.get_close_matches(name[:40], list(known), n=1)
        return f" (did you mean {close[0]}?)" if close else ""

    # ---- building, with the guards

    def leaves(self, expr: sp.Expr) -> frozenset[sp.Expr]:
        """Numbers and symbols in an expression; what was seen once is not walked again."""
        if expr not in self.known:
            self.known[expr] = frozenset((expr,)).union(*map(self.leaves, expr.args)) - ({expr} if expr.args else set())
        return self.known[expr]

    def constant(self, expr: sp.Expr) -> bool:
        return not any(leaf.is_Symbol for leaf in self.leaves(expr))

    def bound(self, digits: float, position: int) -> None:
        """Refuse what would make SymPy write out more than MAX_EXPONENT digits."""
        if digits > MAX_EXPONENT + 1:
            self.fail(f"this makes a number of more than {MAX_EXPONENT} digits; scale the formula", position)

    def moderate(self, arguments: Sequence[sp.Expr], position: int) -> None:
        """Refuse long numbers where SymPy would look for their factors or ask whether they are prime."""
        for number in frozenset().union(*map(self.leaves, arguments)):
            if number.is_Rational and _log10(number) > _MAX_INSIDE:
                message = f"a number inside a function, a root or a real power has more than {_MAX_INSIDE} digits"
                self.fail(f"{message}; scale the formula", position)

    def height(self, expr: sp.Expr, position: int) -> float:
        """Digits that the numbers in a product of powers can grow to when SymPy multiplies it out."""
        if expr.is_Rational:
            return _log10(expr)
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
                self.bound(_log10(atom), position)
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
        if len(factors) > _EXACT_SEQUENCE:
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
        function, count = _FUNCTIONS[name], len(arguments)
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
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ParseError(f"{name!r} cannot be a name; use ASCII letters and digits", text="", position=0)
        if name in _FUNCTIONS or name in _CONSTANTS or names.count(name) > 1:
            raise ParseError(f"the name {name!r} is taken already; choose another", text="", position=0)
    return _Parser(text, variable, parameters).run()


class _ShortNumbers:
    """For printers: numbers that Python itself declines to write out are given by their first digits."""

    times = "e"

    def _print_Integer(self, expr: Any) -> str:
        if abs(expr.p) < 10**1000:
            return str(expr.p)
        power = int(_log10(expr))
        return f"{'-' * (expr.p < 0)}{abs(expr.p) // 10 ** (power - 3) / 1000}{self.times.format(power)}"

    def _print_Rational(self, expr: Any) -> Any:
        if abs(expr.p) < 10**1000 and expr.q < 10**1000:
            return super()._print_Rational(expr)  # type: ignore[misc]
        return f"{self._print_Integer(sp.Integer(expr.p))}/{self._print_Integer(sp.Integer(expr.q))}"


class _TextPrinter(_ShortNumbers, StrPrinter):
    times = "e{}"


class _LatexPrinter(_ShortNumbers, LatexPrinter):
    times = r" \cdot 10^{{{}}}"


def latex(expr: Any) -> str:
    """LaTeX of an expression in the project's notation: ``\\ln`` for the natural logarithm.

    Args:
        expr: a SymPy expression or a number.

    >>> print(latex(parse("log(x)/2")))
    \\frac{\\ln{\\left(x \\right)}}{2}
    """
    try:
        return str(_LatexPrinter({"ln_notation": True}).doprint(sp.sympify(expr, strict=True)))
    except RecursionError:  # nested too deep for SymPy's printer, and for any reader
        return r"\cdots"


def label(expr: Any, limit: int = 60) -> str:
    """One short line of text for an expression, for legends and messages.

    Args:
        expr: a SymPy expression, or anything with a ``str``.
        limit: most characters; longer text ends in ``…``.

    >>> label(parse("exp(-x)*sin(3*x)"))
    'exp(-x)*sin(3*x)'
    >>> label(parse("x + 1")**2 + parse("sin(x)"), 10)
    '(x + 1)**…'
    """
    try:
        text = _TextPrinter().doprint(expr) if isinstance(expr, sp.Basic) else str(expr)
    except RecursionError:  # nested too deep for SymPy's printer, and for any reader
        text = "…"
    line = " ".join(str(text).split())
    return line if len(line) <= limit else line[: max(limit - 1, 0)] + "…"


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
