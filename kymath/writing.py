"""Formulas back to text: LaTeX, and one-line labels."""

from __future__ import annotations

import math
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

__all__ = ["label", "latex"]


def digits(number: sp.Rational) -> float:
    """Decimal digits of the larger of |numerator| and denominator, as a logarithm."""
    return max(math.log10(abs(number.p) or 1), math.log10(number.q))


class _ShortNumbers:
    """For printers: numbers that Python itself declines to write out are given by their first digits."""

    times = "e"

    def _print_Integer(self, expr: Any) -> str:
        if abs(expr.p) < 10**1000:
            return str(expr.p)
        power = int(digits(expr))
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

    >>> print(latex(sp.log(sp.Symbol("x")) / 2))
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

    >>> x = sp.Symbol("x")
    >>> label(sp.exp(-x) * sp.sin(3 * x))
    'exp(-x)*sin(3*x)'
    >>> label((x + 1) ** 2 + sp.sin(x), 10)
    '(x + 1)**…'
    """
    try:
        text = _TextPrinter().doprint(expr) if isinstance(expr, sp.Basic) else str(expr)
    except RecursionError:  # nested too deep for SymPy's printer, and for any reader
        text = "…"
    line = " ".join(str(text).split())
    return line if len(line) <= limit else line[: max(limit - 1, 0)] + "…"
