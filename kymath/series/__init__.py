"""Truncated power series a_0 + a_1 s + a_2 s² + …, as lists of coefficients.

The coefficients are floats, NumPy arrays (a series at every point at once), SymPy or mpmath numbers; one recursion
serves them all (Griewank & Walther, *Evaluating Derivatives*, ch. 13; Knuth, *TAOCP* 2, 4.7). A list may be shorter
than the ``n`` coefficients asked for: what is left off is exactly zero, so polynomials stay cheap.
"""

from .algebra import add, compose, derivative, divide, integral, multiply, power, revert, scale, subtract, term, value
from .elementary import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctanh,
    besselj,
    cbrt,
    cos,
    cosh,
    digamma,
    erf,
    erfc,
    exp,
    expit,
    expm1,
    gamma,
    gammaln,
    log,
    log1p,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)

__all__ = [
    "term", "add", "subtract", "scale", "multiply", "divide", "power", "compose", "revert",
    "derivative", "integral", "value",
    "exp", "expm1", "log", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
    "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "sqrt", "cbrt",
    "erf", "erfc", "expit", "gamma", "gammaln", "digamma", "besselj",
]  # fmt: skip
