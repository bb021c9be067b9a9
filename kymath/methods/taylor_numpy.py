"""What NumPy's and SciPy's functions do with a jet: one table for ufuncs, one for functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .taylor_bessel import bessel
from .taylor_edges import arc, chained, cube_root, raised, root
from .taylor_jet import Jet

MOST_STEEP = 50.0  # a staircase with steps shorter than 1/50 stands for a trend
LOG2, LOG10 = math.log(2), math.log(10)


# -- ufuncs ------------------------------------------------------------------------------------------------------------


def apply_ufunc(jet: Jet, ufunc: np.ufunc, method: str, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """Called by NumPy where a ufunc meets a jet."""
    run = jet.run
    name = ufunc.__name__
    if method == "reduce" and name == "add":
        return total(inputs[0], **{k: v for k, v in options.items() if k == "axis"})
    if method != "__call__" or any(k not in ("dtype", "casting") for k in options):
        run.escape(f"f uses np.{name} in a way that jets do not follow")
    if any(isinstance(x, np.ndarray) and x.dtype == object for x in inputs):
        return ufunc(*(_boxed(x) if isinstance(x, Jet) else x for x in inputs))
    if one := UNARY.get(name) if len(inputs) == 1 else None:
        return one(inputs[0])
    many = OTHER.get(name)
    lifted = [jet.lift(x) for x in inputs]
    if many is None or any(x is None for x in lifted):
        run.escape(f"f uses {name}, which jets do not know" if many is None else f"f gives {name} what is no number")
    return many(*lifted)


def _boxed(jet: Jet) -> np.ndarray:
    box = np.empty((), dtype=object)
    box[()] = jet
    return box


def _by(name: str) -> Callable[[Jet], Jet]:
    return lambda u: u.through(name)


def step(u: Jet, whole: Callable[[Any], Any], jump: str) -> Jet:
    """floor and its kin: constant beside the points where they jump."""
    v = u.c[0]
    if jump == "half" or (len(u.c) > 1 and np.max(np.abs(u.c[1])) > MOST_STEEP):
        u.run.escape("f rounds: its trend is not in the jet")
    near = np.rint(v) if jump == "whole" else np.floor(v) + 0.5
    beside = (u - (float(near) if type(v) is float else near)).sign()
    exact = np.sign(v - near)
    value = np.where(exact == beside, whole(v), whole(near + 0.25 * beside))
    return Jet([float(value) if value.ndim == 0 else value], None, u.run)


def truncated(u: Jet) -> Jet:
    sign = u.sign()
    return step(u.times_sign(sign), np.floor, "whole").times_sign(sign)


def signum(u: Jet) -> Jet:
    return Jet([u.sign()], None, u.run)


def _bell(u: Jet) -> Jet:
    return (-(u * u)).through("exp").scaled(2 / math.sqrt(math.pi), own=2.0)


def _ndtr(u: Jet) -> Jet:
    return 0.5 * UNARY["erfc"](u.scaled(-math.sqrt(0.5), own=2.0))


def _bessel(kind: str, order: float) -> Callable[[Jet], Jet]:
    return lambda u: bessel(kind, Jet([order], None, u.run), u)


UNARY: dict[str, Callable[[Jet], Any]] = {
    **{name: _by(name) for name in ("exp", "expm1", "log", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh",
                                    "expit", "gamma", "gammaln")},
    "arcsin": lambda u: arc(u, "arcsin"), "arccos": lambda u: arc(u, "arccos"), "arccosh": lambda u: arc(u, "arccosh"),
    "erf": lambda u: chained(u, "erf", _bell(u)), "erfc": lambda u: chained(u, "erfc", -_bell(u)),
    "arctan": lambda u: chained(u, "atan", 1.0 / (1.0 + u * u)),
    "arcsinh": lambda u: chained(u, "asinh", 1.0 / root(1.0 + u * u)),
    "arctanh": lambda u: chained(u, "atanh", 1.0 / ((1.0 - u) * (1.0 + u))),
    "loggamma": _by("gammaln"), "psi": _by("digamma"), "digamma": _by("digamma"),
    "j0": lambda u: u.through("besselj", 0), "j1": lambda u: u.through("besselj", 1),
    **{f"{kind}{nu}": _bessel(kind, float(nu)) for kind in "yik" for nu in (0, 1)},
    "sqrt": root, "cbrt": cube_root, "_cbrt": cube_root,
    "exp2": lambda u: u.scaled(LOG2, own=2.0).through("exp"),
    "log2": lambda u: u.through("log").scaled(1 / LOG2, own=2.0),
    "log10": lambda u: u.through("log").scaled(1 / LOG10, own=2.0),
    "absolute": abs, "fabs": abs, "negative": lambda u: -u, "positive": lambda u: u, "conjugate": lambda u: u,
    "square": lambda u: u * u, "reciprocal": lambda u: 1.0 / u, "sign": signum,
    "floor": lambda u: step(u, np.floor, "whole"), "ceil": lambda u: step(u, np.ceil, "whole"),
    "rint": lambda u: step(u, np.rint, "half"), "trunc": truncated,
    "deg2rad": lambda u: u.scaled(math.pi / 180, own=2.0), "radians": lambda u: u.scaled(math.pi / 180, own=2.0),
    "rad2deg": lambda u: u.scaled(180 / math.pi, own=2.0), "degrees": lambda u: u.scaled(180 / math.pi, own=2.0),
    "isnan": lambda u: np.isnan(u.c[0]), "isfinite": lambda u: np.isfinite(u.c[0]), "isinf": lambda u: np.isinf(u.c[0]),
    "signbit": lambda u: u < 0, "ndtr": _ndtr, "logit": lambda u: u.through("log") - (1.0 - u).through("log"),
}  # fmt: skip


def larger(a: Jet, b: Jet) -> Jet:
    return where((a - b).sign() >= 0, a, b)


def smaller(a: Jet, b: Jet) -> Jet:
    return where((a - b).sign() <= 0, a, b)


def hypot(a: Jet, b: Jet) -> Jet:
    return root(a * a + b * b)


def angle(y: Jet, x: Jet) -> Jet:
    """arctan2: the angle at x0 and, turned by it, an arctan that starts at 0."""
    x0, y0 = x.c[0], y.c[0]
    if type(x0) is type(y0) is float and x0 == 0 == y0:
        x.run.escape("f takes arctan2 at the origin")
    ahead, across = x * x0 + y * y0, y * x0 - x * y0
    turned = UNARY["arctan"](across / ahead)
    first = np.arctan2(y0, x0)
    first = float(first) if np.ndim(first) == 0 else first
    return Jet([first, *turned.c[1:]], [turned.errors()[0] + 2 * abs(first), *turned.errors()[1:]], x.run)


def log_of_sum(a: Jet, b: Jet) -> Jet:
    top = np.maximum(a.c[0], b.c[0])
    top = float(top) if np.ndim(top) == 0 else top
    return ((a - top).through("exp") + (b - top).through("exp")).through("log") + top


def remainder(a: Jet, b: Jet) -> Jet:
    return a - step(a / b, np.floor, "whole") * b


def heaviside(u: Jet, at_zero: Jet) -> Jet:
    sign = u.sign()
    half = at_zero.c[0]
    value = np.where(sign > 0, 1.0, np.where(sign < 0, 0.0, half))
    return Jet([float(value) if value.ndim == 0 else value], None, u.run)


def x_log_y(x: Jet, y: Jet) -> Jet:
    return x * y.through("log")


def besselj(order: Jet, u: Jet) -> Jet:
    if len(order.c) > 1 or type(order.c[0]) is not float:
        u.run.escape("f varies the order of a Bessel function")
    return u.through("besselj", order.c[0])


def matmul(a: Jet, b: Jet) -> Jet:
    """a @ b, for jets with vectors or matrices as entries."""
    if a.run.points is not None:
        a.run.escape("f takes a matrix product over the points of x")
    n = min(a.run.n, len(a.c) + len(b.c) - 1)
    c, e = [], []
    shapes = a.shape, b.shape
    x, y = ([np.broadcast_to(v, s) for v in u.c] for u, s in zip((a, b), shapes, strict=True))
    ex, ey = ([np.broadcast_to(v, s) for v in u.errors()] for u, s in zip((a, b), shapes, strict=True))
    for k in range(n):
        pairs = [(j, k - j) for j in range(max(0, k - len(y) + 1), min(k, len(x) - 1) + 1)]
        c.append(sum(np.matmul(x[i], y[j]) for i, j in pairs))
        e.append(sum(np.matmul(2 * abs(x[i]) + ex[i], abs(y[j])) + np.matmul(abs(x[i]), ey[j]) for i, j in pairs))
    return Jet([*map(_entry, c)], [*map(_entry, e)], a.run)


def _entry(x: Any) -> Any:
    return float(x) if np.ndim(x) == 0 else x


OTHER: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b, "true_divide": lambda a, b: a / b, "power": raised, "float_power": raised,
    "pow": raised, "maximum": larger, "fmax": larger, "minimum": smaller, "fmin": smaller,
    "clip": lambda u, a, b: smaller(larger(u, a), b), "hypot": hypot, "arctan2": angle, "logaddexp": log_of_sum,
    "floor_divide": lambda a, b: step(a / b, np.floor, "whole"), "remainder": remainder, "mod": remainder,
    "fmod": lambda a, b: a - truncated(a / b) * b, "heaviside": heaviside, "copysign": lambda a, b: abs(a) * signum(b),
    "less": lambda a, b: a < b, "less_equal": lambda a, b: a <= b, "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b, "equal": lambda a, b: a == b, "not_equal": lambda a, b: a != b,
    "jv": besselj, "jn": besselj, **{f"{kind}{v}": partial(bessel, kind) for kind in "yik" for v in "vn"},
    "xlogy": x_log_y, "matmul": matmul, "vecdot": lambda a, b: total(a * b, axis=-1),
}  # fmt: skip


# -- functions ---------------------------------------------------------------------------------------------------------


def apply_function(jet: Jet, function: Any, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """Called by NumPy where a function meets a jet, alone or among its arguments."""
    name = function.__name__
    known = FUNCTIONS.get(name)
    if known is None:
        jet.run.escape(f"f uses np.{name}, which jets do not know")
    try:
        return known(jet, *inputs, **options)
    except TypeError as error:
        if jet.run.why:
            raise
        jet.run.escape(f"f uses np.{name} in a way that jets do not follow ({error})")


def where(condition: Any, a: Jet, b: Jet) -> Jet:
    """The coefficients of a where the condition holds, else those of b."""
    if np.ndim(condition) == 0:
        return a if condition else b
    length = max(len(a.c), len(b.c))

    def rows(x: list[Any], y: list[Any]) -> list[Any]:
        pad = [0.0] * length
        return [np.where(condition, p, q) for p, q in zip([*x, *pad][:length], [*y, *pad][:length], strict=True)]

    return Jet(rows(a.c, b.c), None if a.e is None is b.e else rows(a.errors(), b.errors()), a.run)


def total(u: Any, axis: Any = None, **options: Any) -> Jet:
    """np.sum, over axes that hold no points."""
    if any(v is not None and v is not np._NoValue for v in options.values()):
        u.run.escape("f uses np.sum in a way that jets do not follow")
    axes = range(u.ndim) if axis is None else [axis % u.ndim for axis in np.atleast_1d(axis)] if u.ndim else []
    if u.run.points is not None and 0 in axes:
        u.run.escape("f sums over the points of x")
    if not axes:
        return u
    out = u.mapped(lambda x: np.sum(x, axis=tuple(axes)))
    rough = u.mapped(abs).mapped(lambda x: np.sum(np.abs(x), axis=tuple(axes)))
    return Jet(out.c, [x + 2 * y for x, y in zip(out.errors(), rough.c, strict=True)], u.run)


def mean(u: Jet, axis: Any = None, **options: Any) -> Jet:
    out = total(u, axis, **options)
    return out / float(max(u.size // max(out.size, 1), 1))


def product(u: Jet, axis: Any = None, **options: Any) -> Jet:
    if options or u.ndim != 1 or u.run.points is not None:
        u.run.escape("f uses np.prod in a way that jets do not follow")
    out: Any = Jet([1.0], None, u.run)
    for k in range(u.shape[0]):
        out = out * u[k]
    return out


def polyval(jet: Jet, p: Any, x: Any) -> Any:
    """Horner's rule, as np.polyval."""
    out: Any = Jet([0.0], None, jet.run)
    for c in p if isinstance(p, Jet) is False else [p[k] for k in range(p.shape[0])]:
        out = out * x + c
    return out


def dot(jet: Jet, a: Any, b: Any) -> Any:
    a, b = jet.lift(a), jet.lift(b)
    return a * b if a.ndim == 0 or b.ndim == 0 else matmul(a, b)


def piecewise(jet: Jet, x: Any, conditions: Any, functions: Sequence[Any], *parameters: Any, **options: Any) -> Any:
    conditions = list(conditions) if isinstance(conditions, (list, tuple)) else [conditions]
    pieces = [f(x, *parameters, **options) if callable(f) else f for f in functions]
    rest = pieces.pop() if len(pieces) > len(conditions) else 0.0
    return select(jet, conditions[::-1], pieces[::-1], rest)  # the last that holds wins


def select(jet: Jet, conditions: Sequence[Any], choices: Sequence[Any], default: Any = 0.0) -> Any:
    out = jet.lift(default)
    for condition, choice in zip(reversed(list(conditions)), reversed(list(choices)), strict=True):
        out = where(condition, jet.lift(choice), out)  # type: ignore[arg-type]
    return out


def sinc(jet: Jet, u: Any) -> Any:
    """sin(πu)/(πu), 1 at 0."""
    v = u.scaled(math.pi, own=2.0)
    return v.through("sin") / v


def stack(jet: Jet, parts: Sequence[Any], axis: int = 0) -> Jet:
    """np.stack (and np.array-like helpers) of jets and constants of one shape."""
    if jet.run.points is not None and axis in (0, -1 - jet.ndim):
        jet.run.escape("f stacks in front of the points of x")
    jets = [jet.lift(p) for p in parts]
    shape = np.broadcast_shapes(*(j.shape for j in jets if j is not None))
    length = max(len(j.c) for j in jets if j is not None)

    def rows(lists: list[list[Any]]) -> list[Any]:
        return [np.stack([np.broadcast_to(r[k] if k < len(r) else 0.0, shape) for r in lists], axis)
                for k in range(length)]  # fmt: skip

    return Jet(rows([j.c for j in jets if j]), rows([j.errors() for j in jets if j]), jet.run)


def _like(value: float | None) -> Callable[..., Jet]:
    def make(jet: Jet, u: Any, fill: Any = None, *args: Any, **options: Any) -> Jet:
        number = float(fill) if value is None else value
        return Jet([number if u.ndim == 0 else np.full(u.shape, number)], None, jet.run)

    return make


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "where": lambda jet, condition, a, b: where(condition, jet.lift(a), jet.lift(b)),
    "clip": lambda jet, u, a_min=None, a_max=None, *, min=None, max=None: clip(
        jet.lift(u), a_min if min is None else min, a_max if max is None else max),
    "sum": lambda jet, u, *args, **options: total(u, *args, **options),
    "mean": lambda jet, u, *args, **options: mean(u, *args, **options),
    "prod": lambda jet, u, *args, **options: product(u, *args, **options),
    "polyval": polyval, "dot": dot, "inner": dot, "vdot": dot, "piecewise": piecewise, "select": select, "sinc": sinc,
    "stack": stack, "real": lambda jet, u: u, "copy": lambda jet, u, **options: u,
    "zeros_like": _like(0.0), "ones_like": _like(1.0), "full_like": _like(None), "empty_like": _like(0.0),
    "around": lambda jet, u, decimals=0: rounded(u, decimals), "round": lambda jet, u, decimals=0: rounded(u, decimals),
    "fix": lambda jet, u: truncated(u), "shape": lambda jet, u: u.shape, "ndim": lambda jet, u: u.ndim,
    "size": lambda jet, u: u.size, "nan_to_num": lambda jet, u, **options: u,
    "heaviside": lambda jet, u, v: heaviside(jet.lift(u), jet.lift(v)),
    "any": lambda jet, u: jet.run.escape("f asks np.any of x"), "all": lambda jet, u: jet.run.escape("f asks np.all"),
    "isscalar": lambda jet, u: u.ndim == 0, "iscomplexobj": lambda jet, u: False, "isrealobj": lambda jet, u: True,
    "result_type": lambda jet, *u: np.dtype(float), "expand_dims": lambda jet, u, axis: _expanded(u, axis),
}  # fmt: skip


def _expanded(u: Jet, axis: int) -> Jet:
    if u.run.points is not None and axis in (0, -1 - u.ndim):
        u.run.escape("f puts an axis in front of the points of x")
    return u.mapped(lambda x: np.expand_dims(x, axis))


def clip(u: Any, low: Any, high: Any) -> Any:
    if low is not None:
        u = larger(u, u.lift(low))
    return u if high is None else smaller(u, u.lift(high))


def rounded(u: Jet, decimals: int) -> Any:
    size = 10.0**decimals
    return step(u * size, np.rint, "half") / size


def method(jet: Jet, name: str) -> Callable[..., Any]:
    """jet.sin(), jet.sum() …: what NumPy asks of the elements of object arrays, and users of arrays."""
    if name in UNARY:
        return lambda: UNARY[name](jet)
    if name == "clip":
        return lambda low=None, high=None, *, min=None, max=None: clip(
            jet, low if min is None else min, high if max is None else max
        )
    if name in ("sum", "mean", "prod", "dot", "round"):
        return lambda *args, **options: FUNCTIONS[name](jet, jet, *args, **options)
    if name == "abs":
        return lambda: abs(jet)
    if name in ("item", "tolist"):
        jet.run.escape(f"f takes the plain number out of x by .{name}")
    raise AttributeError(f"a jet has no attribute {name!r}")
