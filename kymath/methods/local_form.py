"""An expression beside a point, as the analytic expression that it equals there."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..arithmetic import exact_sign
from ..function import X

_ENTIRE = (sp.exp, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.tanh, sp.atan, sp.asinh, sp.erf, sp.erfc)
_LONG = 10**12  # beyond, an exact power of a rational number can take for ever
_DEEPEST = 12  # derivatives tried when a sign is asked for


def local_form(f: sp.Expr, x0: Any, side: int) -> sp.Expr | None:
    """The expression, analytic at x0, that f equals just right (side 1) or left (side −1) of x0; None where unknown.

    Absolute values, signs, steps, floors, minima and maxima are resolved; roots and logarithms stay where their
    argument is positive.

    >>> local_form(sp.Abs(X) + sp.cos(X), sp.Integer(0), -1)
    -x + cos(x)
    """
    if not f.has(X):
        return f
    if f is X:
        return f
    if isinstance(f, sp.Piecewise):
        return _branch(f, x0, side)
    args = [local_form(a, x0, side) for a in f.args]
    if any(a is None for a in args):
        return None
    if isinstance(f, (sp.Add, sp.Mul)):
        return f.func(*args)
    if isinstance(f, sp.Pow):
        return _power(args[0], args[1], x0)
    if isinstance(f, _ENTIRE):
        return f.func(*args)
    if isinstance(f, (sp.Max, sp.Min)):
        return _extreme(f, args, x0, side)
    return _special(f, args, x0, side)


def value_at(f: sp.Expr, x0: Any) -> Any:
    """f(x0): exact, or in 40 digits where x0 is a fraction too long for exact powers and roots (a float's).

    >>> value_at(X**2, sp.Rational(1, 2))
    1/4
    """
    if x0.is_Rational and max(abs(x0.p), x0.q) > _LONG and not f.is_rational_function(X):
        value = f.evalf(40, subs={X: x0}, maxn=200)
        if value.is_Float:
            return sp.Integer(0) if value == 0 or value._prec == 1 else value
        if value.is_number and value.is_real is not False:
            return value
    return f.subs(X, x0)


def _power(base: Any, exponent: Any, x0: Any) -> sp.Expr | None:
    if exponent.is_integer and exponent.is_nonnegative:
        return base**exponent
    sign = exact_sign(value_at(base, x0))
    if sign == 1 or (sign == -1 and exponent.is_integer):
        return base**exponent
    return None


def _special(f: sp.Expr, args: list[Any], x0: Any, side: int) -> sp.Expr | None:
    u = args[-1] if isinstance(f, sp.besselj) else args[0]
    if isinstance(f, sp.Abs):
        sign = sign_beside(u, x0, side)
        return None if sign is None else sign * u
    if isinstance(f, sp.sign):
        sign = sign_beside(u, x0, side)
        return None if sign is None else sp.Integer(sign)
    if isinstance(f, sp.Heaviside):
        sign = sign_beside(u, x0, side)
        return None if not sign else sp.Integer((1 + sign) // 2)
    at = value_at(u, x0)
    if isinstance(f, (sp.floor, sp.ceiling)):
        if at.is_integer:
            sign = sign_beside(u - at, x0, side)
            step = {sp.floor: -1, sp.ceiling: 1}[f.func]
            return None if sign is None else at + (step if sign == step else 0)
        return f.func(at) if at.is_integer is False or exact_sign(at - sp.floor(at)) == 1 else None
    if isinstance(f, sp.log) and exact_sign(at) == 1:
        return f.func(*args)
    if isinstance(f, (sp.asin, sp.acos, sp.atanh)) and exact_sign(1 - at**2) == 1:
        return f.func(*args)
    if isinstance(f, sp.acosh) and exact_sign(at - 1) == 1:
        return f.func(*args)
    if isinstance(f, sp.tan) and exact_sign(sp.cos(at) ** 2) == 1:
        return f.func(*args)
    if isinstance(f, sp.gamma) and exact_sign(at) == 1:
        return f.func(*args)
    if isinstance(f, sp.besselj) and not args[0].has(X):
        whole = args[0].is_integer and args[0].is_nonnegative
        return f.func(*args) if whole or exact_sign(at) == 1 else None
    return None


def _extreme(f: sp.Expr, args: list[Any], x0: Any, side: int) -> sp.Expr | None:
    best = args[0]
    for other in args[1:]:
        sign = sign_beside(other - best, x0, side)
        if sign is None:
            return None
        if sign == (1 if isinstance(f, sp.Max) else -1):
            best = other
    return best


def _branch(f: sp.Piecewise, x0: Any, side: int) -> sp.Expr | None:
    for value, condition in f.args:
        holds = _condition(condition, x0, side)
        if holds is None:
            return None
        if holds:
            return local_form(value, x0, side)
    return None


def _condition(condition: Any, x0: Any, side: int) -> bool | None:
    """Whether a condition holds just beside x0, None where that is not known."""
    if condition in (sp.true, sp.false):
        return bool(condition)
    if isinstance(condition, sp.Not):
        inner = _condition(condition.args[0], x0, side)
        return None if inner is None else not inner
    if isinstance(condition, (sp.And, sp.Or)):
        parts = [_condition(c, x0, side) for c in condition.args]
        decisive = isinstance(condition, sp.Or)
        if decisive in parts:
            return decisive
        return None if None in parts else not decisive
    if not isinstance(condition, sp.core.relational.Relational):
        return None
    difference = local_form(condition.lhs - condition.rhs, x0, side)
    sign = None if difference is None else sign_beside(difference, x0, side)
    if sign is None:
        return None
    return bool(condition.func(sp.Integer(sign), 0))


def sign_beside(u: sp.Expr, x0: Any, side: int) -> int | None:
    """The sign of u, analytic at x0, just beside x0; 0 where u vanishes identically."""
    derivative, parity = u, 1
    for _ in range(_DEEPEST):
        sign = exact_sign(value_at(derivative, x0))
        if sign is None:
            return None
        if sign:
            return sign * parity
        derivative, parity = sp.diff(derivative, X), parity * side
        if derivative == 0:
            return 0
    return None
