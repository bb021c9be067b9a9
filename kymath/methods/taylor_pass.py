"""f run on jets: at one point and side, at a block of points, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from ..errors import Status
from ..evidence import prime, sides_differ
from ..function import Function, X
from .taylor_jet import Jet
from .taylor_numpy import larger, smaller
from .taylor_run import UNIT, Escaped, Pass

BLOCK = 16384  # points at a time: the coefficients of a few jets stay in the second-level cache
SAFETY = 2.0
MOST = 40  # coefficients, where divisions by s take some away
FACTORIALS = tuple(float(math.factorial(k)) for k in range(MOST))


@dataclass
class Found:
    """The Taylor coefficients at one point on one side, with their errors, and how they were come by."""

    c: list[float]
    e: list[float]
    flagged: bool  # the other side may differ
    single: bool = False
    doubted: str = ""  # something was caught on the way: to be compared with real values
    plain: bool = False  # f gave a number, not a jet
    raised: bool = False  # f raised a domain error


def accepts(function: Function) -> Callable[[Any], Any]:
    """What is called with a jet: the callable itself, or the expression as NumPy code."""
    if function.expression is None:
        return function.original
    return _code(function.expression)


@lru_cache(maxsize=256)
def _code(expression: sp.Expr) -> Callable[[Any], Any]:
    own = {"amax": _extreme(larger, np.max), "amin": _extreme(smaller, np.min)}
    return sp.lambdify(X, expression, [own, "scipy", "numpy"], cse=True)


def _extreme(choose: Callable[[Jet, Jet], Jet], plain: Callable[..., Any]) -> Callable[..., Any]:
    """Max and Min of expressions, which lambdify writes as amax((a, b), axis=0)."""

    def extreme(parts: tuple[Any, ...], axis: int = 0) -> Any:
        jet = next((p for p in parts if isinstance(p, Jet)), None)
        if jet is None:
            return plain(np.broadcast_arrays(*parts), axis=axis)
        out = jet.lift(parts[0])
        for part in parts[1:]:
            out = choose(out, jet.lift(part))  # type: ignore[arg-type]
        return out

    return extreme


def one(function: Function, call: Callable[[Any], Any], x0: float, n: int, side: int) -> Found:
    """The first n coefficients at x0, on one side; ``Escaped`` where f cannot be followed."""
    count = n
    while True:
        run = Pass(count, side, x=x0)
        function.nfev += 1
        out: Any = None
        try:
            out = call(Jet([x0, 1.0], None, run))
        except (ValueError, ArithmeticError) as error:
            if run.why:
                raise Escaped(run.why) from error
            return Found([math.nan] * n, [math.nan] * n, True, raised=True)
        except Escaped:
            raise
        except Exception as error:
            raise Escaped(run.why or f"f raised {type(error).__name__} ({error}) when it was given a jet") from error
        if isinstance(out, np.ndarray) and out.dtype == object and out.ndim == 0:
            out = out[()]
        if not isinstance(out, Jet):
            return _plain(out, run, n)
        c, e = out.c[:n], out.errors()[:n]
        if any(type(x) is not float for x in c):
            if out.ndim:
                raise Escaped("f gives several numbers for one")
            c = [float(x) for x in c]
        if run.lost and any(x != x for x in c[1:]) and count + run.lost < MOST and count < n + 12:
            count += run.lost
            continue
        pad = [0.0] * (n - len(c))
        size = SAFETY * UNIT
        return Found([*c, *pad], [*(float(x) * size for x in e), *pad], run.flagged, run.single, run.why)


def _plain(out: Any, run: Pass, n: int) -> Found:
    if run.why:
        raise Escaped(run.why)
    try:
        value = math.nan if out is np.ma.masked else float(out)
    except OverflowError:  # a whole number beyond the range of floats
        value = math.nan
    except Exception as error:  # TypeError, or whatever a __float__ may raise
        raise Escaped(f"f gave a {type(out).__name__} when it was given a jet") from error
    rest = [0.0] * (n - 1)
    return Found([value, *rest], [UNIT * abs(value), *rest], run.flagged, plain=True)


@dataclass
class Block:
    """Coefficients (n rows) and errors at a block of points; ``apart`` holds those to be looked at one by one."""

    c: list[Any]
    e: list[Any]
    apart: np.ndarray | None
    single: bool = False


def block(function: Function, call: Callable[[Any], Any], x: np.ndarray, n: int) -> Block | None:
    """The first n coefficients at the points x in one run of f; None where f takes no array of jets."""
    run = Pass(n, 1, len(x), x)
    try:
        out = call(Jet([x, 1.0], None, run))
    except Exception:
        out = None
    if not isinstance(out, Jet) or run.why or out.shape != x.shape:
        function.nfev += 1  # the call in vain
        return None
    bad = None
    for k, row in enumerate(out.c):
        if not math.isfinite(row.sum() if type(row) is np.ndarray else row):
            wrong = ~np.isfinite(np.broadcast_to(row, x.shape))
            bad = wrong if k == 0 else wrong | bad if bad is not None else wrong
            if k == 0:
                beyond = bad.copy()  # f itself is not finite there: nothing more to be found
    apart = run.mask
    if bad is not None:
        if not math.isfinite(np.sum(out.c[0])):
            bad &= ~beyond
        apart = bad if apart is None else apart | bad
    function.nfev += len(x)
    return Block(out.c, out.errors(), apart, run.single)


# -- what stands in the way --------------------------------------------------------------------------------------------


def verdict(found: Found, f0: float, function: Function, x0: float, n: int, side: int) -> tuple[Status, str]:
    """The status of one side, and the sentence for it; ``f0`` is f(x0) itself."""
    word = "right" if side > 0 else "left"
    if not math.isfinite(f0):
        return Status.NOT_FINITE, "f(x0) is not a finite real number."
    if not math.isfinite(found.c[0]):
        beside = function(x0 + side * max(abs(x0), 1.0) * 2.0 ** -np.arange(12, 48, 8))
        if not np.isfinite(beside).any():
            sign = "+" if side > 0 else "−"
            return Status.NOT_FINITE, f"f is not a finite real number at x0 {sign} h for small h (on the {word})."
        if found.raised:
            raise Escaped("f raised an error when it was given a jet")
        if math.isinf(found.c[0]):
            return Status.DIVERGES, f"f grows without bound towards x0 on the {word}."
        return Status.NOT_REACHED, f"f has no Taylor polynomial that could be formed at x0 on the {word}."
    if abs(found.c[0] - f0) > 4 * (found.e[0] + function.eps * (abs(f0) + _moved(found, x0))):
        return Status.DIVERGES, f"f jumps at x0 on the {word}: the slope D(h)/h grows like 1/h."
    for k in range(1, n):
        if math.isinf(found.c[k]) and found.flagged:
            return Status.DIVERGES, f"{prime(k)} does not exist on the {word}: it grows without bound as h → 0."
        if math.isinf(found.c[k]):
            return Status.NOT_REACHED, f"{prime(k)} is beyond the range of floating-point numbers."
        if math.isnan(found.c[k]) or not math.isfinite(found.e[k]):
            return Status.NOT_REACHED, f"{prime(k)} was not reached on the {word}: the jet loses it in a 0/0 or ∞ − ∞."
    return Status.CONVERGED, ""


def _moved(found: Found, x0: float) -> float:
    """|x0 f′|: what rounding x0 does to f, in units of rounding."""
    size = abs(x0 * found.c[1])
    return size if math.isfinite(size) else 0.0


def together(
    left: Found, right: Found, x0: float, sides: tuple[tuple[Status, str], tuple[Status, str]]
) -> tuple[Status, str]:
    """What the two sides say together."""
    (a, why_a), (b, why_b) = sides
    why = " ".join(dict.fromkeys(w for s, w in sides if s not in (Status.CONVERGED, Status.NOT_REACHED)))
    if Status.NOT_FINITE in (a, b):
        return Status.NOT_FINITE, why
    if why:
        return (Status.DIVERGES if a is b and "jumps" not in why else Status.NO_LIMIT), why
    for k, (x, y) in enumerate(zip(left.c, right.c, strict=True)):
        near = 8 * UNIT * (_moved(left, x0) + _moved(right, x0)) if k == 0 else 0.0
        if abs(x - y) > 1.5 * (left.e[k] + right.e[k]) + near:
            x, y = x * FACTORIALS[k], y * FACTORIALS[k]
            return (
                Status.NO_LIMIT,
                sides_differ(k, f"{x:.6g}", f"{y:.6g}"),
            )
    if Status.NOT_REACHED in (a, b):
        return Status.NOT_REACHED, why_a or why_b
    return Status.CONVERGED, ""


def leaving(c: list[Any], e: list[Any], side: int) -> Any:
    """The sign of f(x0 + h) − f(x0) beside x0: the first coefficient that is not 0 within its error; 0 if none is."""
    sign: Any = 0.0
    for k in range(len(c) - 1, 0, -1):
        turn = side if k % 2 else 1
        seen = np.abs(c[k]) > e[k]
        sign = np.where(seen, np.sign(c[k]) * turn, sign)
    return sign


def sampled_sign(function: Function, x0: np.ndarray, side: int) -> np.ndarray:
    """The same from values of f, where all derivatives looked at vanish: nan where they do not agree."""
    h = np.maximum(np.abs(x0), 1.0) * 2.0 ** -np.arange(3, 9)[:, None]
    rise = np.sign(function(x0 + side * h) - function(x0))
    first = rise[-1]
    deepest = first.copy()
    for row in rise[::-1]:
        deepest = np.where(deepest == 0, row, deepest)
    agree = np.all((rise == deepest) | (rise == 0), axis=0)
    return np.where(agree, deepest, np.nan)
