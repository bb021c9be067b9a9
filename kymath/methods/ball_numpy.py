"""What NumPy and SciPy call: their functions by name, as operations on balls."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from flint import arb

from . import germ_functions, germs
from .ball_context import escape
from .ball_powers import power
from .balls import Ball, Condition, apply, choose, compare, element_by_element, floor, floor_divide, remainder
from .germs import ball


def _analytic(name: str) -> Callable[..., Ball]:
    op = germs.plain(name)
    return lambda u: apply(op, u)


def _of(op: Callable[..., Any]) -> Callable[..., Ball]:
    return lambda *u: apply(op, *u)


def pi() -> Ball:
    return Ball(arb.pi())


def _times(u: Any, factor: Callable[[], Any]) -> Ball:
    return apply(germs.multiply, u, Ball(factor()))


def _over(a: Any, b: Any) -> Ball:
    return apply(germs.divide, a, b)


def _one_and(u: Any) -> Ball:
    return apply(germs.add, u, 1)


def _sinc(u: Any) -> Ball:
    return apply(germ_functions.sinc, apply(germs.multiply, u, pi()))


def square_root(u: Any) -> Ball:
    return power(u, 0.5)


def _arctan2(y: Any, x: Any) -> Any:
    """The angle of the point (x, y), in (−π, π]."""
    y, x = apply(germs.add, y, 0), apply(germs.add, x, 0)
    if y.constant and x.constant:
        return Ball(germs.finite(germs.series([arb.atan2(y.parts[0], x.parts[0])], 1), "arctan2")[0])
    quotient = UFUNCS["arctan"](apply(germs.divide, y, x))
    turned = apply(germs.add, quotient, choose(y >= 0, pi(), -pi()))
    return choose(x > 0, quotient, choose(x < 0, turned, germs.outside("arctan2 where its second argument is 0")))


def _cosh(side: int | None, u: Any) -> Any:
    return germ_functions.hyperbolic(side, u)[1]


def _sinh(side: int | None, u: Any) -> Any:
    return germ_functions.hyperbolic(side, u)[0]


def _maximum(*values: Any) -> Any:
    return reduce(lambda a, b: apply(_MAXIMUM, a, b), values)


def _minimum(*values: Any) -> Any:
    return reduce(lambda a, b: apply(_MINIMUM, a, b), values)


_MAXIMUM, _MINIMUM = germ_functions.extreme(1), germ_functions.extreme(-1)
_asin, _acos = germ_functions.at_the_end("asin", -1, 1), germ_functions.at_the_end("acos", -1, 1)
_acosh = germ_functions.at_the_end("acosh", 1, None)
_GAMMA = germ_functions.gamma("gamma")
_bessel = _of(germ_functions.bessel)
_gammaln = _of(germ_functions.gamma("gammaln"))


def _logic(op: str) -> Callable[..., Any]:
    def call(a: Any, *b: Any) -> Any:
        a = a if isinstance(a, Condition) else compare(a, 0, (-1, 1))
        return getattr(a, op)(*b)

    return call


def heaviside(u: Any, at_zero: Any) -> Any:
    return choose(compare(u, 0, (0,)), at_zero, choose(compare(u, 0, (1,)), 1, 0))


def _beta(a: Any, b: Any) -> Any:
    return apply(germs.multiply, apply(_GAMMA, a), _over(apply(_GAMMA, b), apply(_GAMMA, a + b)))


#: NumPy's and SciPy's ufuncs by name
UFUNCS: dict[str, Callable[..., Any]] = {
    "add": _of(germs.add), "subtract": _of(germs.subtract), "multiply": _of(germs.multiply),
    "divide": _of(germs.divide), "true_divide": _of(germs.divide), "power": power, "float_power": power,
    "pow": power, "negative": lambda u: -u, "positive": lambda u: u, "square": lambda u: power(u, 2),
    "reciprocal": lambda u: apply(germs.divide, 1, u), "sqrt": square_root, "cbrt": _of(germ_functions.cbrt),
    "exp": _of(germs.exponential), "expm1": _of(germs.expm1), "exp2": lambda u: power(2, u),
    "log": _of(germs.logarithm), "log1p": lambda u: apply(germs.logarithm, _one_and(u)),
    "log2": lambda u: _over(apply(germs.logarithm, u), Ball(arb(2).log())),
    "log10": lambda u: _over(apply(germs.logarithm, u), Ball(arb(10).log())),
    "sin": _analytic("sin"), "cos": _analytic("cos"), "tan": _analytic("tan"), "arctan": _analytic("atan"),
    "arcsin": _of(_asin), "arccos": _of(_acos), "sinh": _of(_sinh), "cosh": _of(_cosh),
    "tanh": _of(germ_functions.tanh),
    "arcsinh": _of(germ_functions.asinh), "arccosh": _of(_acosh), "arctanh": _of(germ_functions.atanh),
    "arctan2": _arctan2,
    "hypot": lambda a, b: square_root(apply(germs.add, power(a, 2), power(b, 2))),
    "absolute": _of(germ_functions.absolute), "fabs": _of(germ_functions.absolute), "sign": _of(germ_functions.signum),
    "maximum": _maximum, "minimum": _minimum, "fmax": _maximum, "fmin": _minimum,
    "clip": lambda u, low, high: _clip(u, low, high),
    "floor": floor, "ceil": lambda u: -floor(-u), "floor_divide": floor_divide, "remainder": remainder,
    "mod": remainder, "trunc": lambda u: choose(u >= 0, floor(u), -floor(-u)), "heaviside": heaviside,
    "deg2rad": lambda u: _times(u, lambda: arb.pi() / 180), "radians": lambda u: _times(u, lambda: arb.pi() / 180),
    "rad2deg": lambda u: _times(u, lambda: 180 / arb.pi()), "degrees": lambda u: _times(u, lambda: 180 / arb.pi()),
    "less": lambda a, b: compare(a, b, (-1,)), "less_equal": lambda a, b: compare(a, b, (-1, 0)),
    "greater": lambda a, b: compare(a, b, (1,)), "greater_equal": lambda a, b: compare(a, b, (0, 1)),
    "equal": lambda a, b: compare(a, b, (0,)), "not_equal": lambda a, b: compare(a, b, (-1, 1)),
    "logical_and": _logic("__and__"), "logical_or": _logic("__or__"), "logical_not": _logic("__invert__"),
    "logical_xor": _logic("__xor__"), "bitwise_and": _logic("__and__"), "bitwise_or": _logic("__or__"),
    "bitwise_xor": _logic("__xor__"), "invert": _logic("__invert__"),
    "isfinite": lambda u: True, "isnan": lambda u: False, "isinf": lambda u: False,
    "erf": _analytic("erf"), "erfc": _analytic("erfc"), "erfi": _analytic("erfi"),
    "gamma": _of(_GAMMA), "gammaln": _gammaln, "loggamma": _gammaln, "rgamma": _analytic("rgamma"),
    "beta": _beta, "factorial": lambda u: apply(_GAMMA, _one_and(u)),
    "jv": _bessel, "jn": _bessel, "j0": lambda u: _bessel(0, u), "j1": lambda u: _bessel(1, u),
    "expit": lambda u: apply(germs.divide, 1, _one_and(apply(germs.exponential, -u))),
    "log_expit": lambda u: -apply(germs.logarithm, _one_and(apply(germs.exponential, -u))),
    "logit": lambda u: apply(germs.logarithm, u / (1 - u)),
    "logaddexp": lambda a, b: apply(germs.logarithm, apply(germs.add, apply(germs.exponential, a),
                                                           apply(germs.exponential, b))),
    "xlogy": lambda a, b: apply(germs.multiply, a, apply(germs.logarithm, b)),
    "ndtr": lambda u: _over(apply(germs.plain("erfc"), _over(-u, Ball(arb(2).sqrt()))), 2),
    "exprel": lambda u: apply(germs.divide, apply(germs.expm1, u), u),
}  # fmt: skip


def _clip(u: Any, low: Any = None, high: Any = None, **limits: Any) -> Any:
    low, high = limits.get("min", low), limits.get("max", high)
    if low is not None and not np.isneginf(low):
        u = _maximum(u, low)
    if high is not None and not np.isposinf(high):
        u = _minimum(u, high)
    return u


def call_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A ufunc called on balls, alone or among arrays."""
    name = ufunc.__name__
    if method != "__call__" or any(v is not None for k, v in options.items() if k not in ("dtype", "casting")):
        raise escape(f"it calls np.{name} with out=, where= or as {method}")
    if name not in UFUNCS and name.startswith("<lambda>"):
        return element_by_element(ufunc, *inputs)
    if name not in UFUNCS:
        raise escape(f"it uses {name}, which ball arithmetic here does not know")
    return element_by_element(UFUNCS[name], *inputs)


# -- functions that are no ufuncs --------------------------------------------------------------------------------------


def _elements(values: Any) -> list[Any]:
    if isinstance(values, (Ball, Condition)):
        return [values]
    out: list[Any] = []
    for one in values:
        out += _elements(one) if isinstance(one, (list, tuple, np.ndarray)) else [one]
    return out


def _sum(values: Any, axis: Any = None) -> Any:
    if axis not in (None, 0, -1):
        raise escape("it sums along an axis")
    return reduce(lambda a, b: apply(germs.add, a, b), _elements(values))


def _prod(values: Any) -> Any:
    return reduce(lambda a, b: apply(germs.multiply, a, b), _elements(values))


def _dot(a: Any, b: Any) -> Any:
    one, two = _elements(np.asarray(a, dtype=object).tolist()), _elements(np.asarray(b, dtype=object).tolist())
    if len(one) != len(two):
        raise escape("it takes a dot product of arrays that do not fit")
    return _sum([apply(germs.multiply, u, v) for u, v in zip(one, two, strict=True)])


def _polyval(coefficients: Any, u: Any) -> Any:
    value: Any = 0
    for c in coefficients:
        value = u * value + c
    return value


def _polynomial(u: Any, coefficients: Any) -> Any:
    return _polyval(list(coefficients)[::-1], u)


def _select(conditions: Any, choices: Any, default: Any = 0) -> Any:
    for condition, choice in zip(conditions[::-1], choices[::-1], strict=True):
        default = choose(condition, choice, default)
    return default


def _where(condition: Any, *choices: Any) -> Any:
    if len(choices) != 2:
        raise escape("it calls np.where with one argument")
    return element_by_element(choose, condition, *choices)


_BY_NAME: dict[str, Callable[..., Any]] = {
    "where": _where, "clip": _clip, "sum": _sum, "prod": _prod, "dot": _dot, "vdot": _dot, "inner": _dot,
    "polyval": _polyval, "sinc": _sinc, "select": _select, "real": lambda u: u, "copy": lambda u: u,
    "zeros_like": lambda u, **o: 0.0, "ones_like": lambda u, **o: 1.0, "full_like": lambda u, value, **o: value,
    "nan_to_num": lambda u, **o: u, "squeeze": lambda u: u, "ravel": lambda u: u, "mean": lambda v: _sum(v) / len(v),
    "max": lambda v: _maximum(*_elements(v)), "min": lambda v: _minimum(*_elements(v)),
    "amax": lambda v: _maximum(*_elements(v)), "amin": lambda v: _minimum(*_elements(v)),
    "shape": lambda u: (), "ndim": lambda u: 0, "size": lambda u: 1, "iscomplexobj": lambda u: False,
    "isrealobj": lambda u: True, "any": lambda u: u, "all": lambda u: u, "result_type": lambda *u: np.dtype(float),
    "heaviside": heaviside, "fix": UFUNCS["trunc"],
}  # fmt: skip


def call_function(function: Any, args: Any, options: dict[str, Any]) -> Any:
    """A NumPy function that is no ufunc."""
    known = _BY_NAME.get(function.__name__)
    if known is None:
        raise escape(f"it uses np.{function.__name__}, which ball arithmetic here does not know")
    return known(*args, **options)


def _method(name: str) -> Any:
    return lambda self, *more: UFUNCS[name](self, *more)


# object arrays of balls call methods by the ufunc's name
for _known in ("exp", "log", "log2", "log10", "log1p", "expm1", "exp2", "sqrt", "cbrt", "sin", "cos", "tan", "arcsin",
               "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "floor", "ceil", "trunc",
               "arctan2", "hypot", "deg2rad", "rad2deg", "radians", "degrees", "fabs", "square"):  # fmt: skip
    setattr(Ball, _known, _method(_known))
Ball.conjugate = lambda self: self  # type: ignore[attr-defined]
__all__ = ["UFUNCS", "ball", "call_function", "call_ufunc", "heaviside", "pi", "square_root"]
