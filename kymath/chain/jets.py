"""Jets read back from results, and operations on them that carry their errors along."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp
from sympy.polys.fields import sfield

from ..arithmetic import exact_sign
from ..errors import NotApplicable, NotFinite
from ..evidence import Jet
from ..families import ConnectionFunction, Linear, LinearFamily, Polynomial
from ..families.base import number
from ..result import KYTransform
from ..rules import SmallestFrequency, SmallestRate
from ..rules.base import leaving

EPS = float(np.finfo(float).eps)
TINY, HUGE = 5e-324, 1e308
Series = Sequence[Any]


# -- from θ to the jet -------------------------------------------------------------------------------------------------


def known(result: KYTransform) -> int:
    """How many entries of its function's jet a result determines: N where it osculates, (f, f′) for two-point rules."""
    return result.rule.entries(result.family)


def jet_of(result: KYTransform, count: int, exact: bool) -> Jet:
    """(f, f′, …) at x0, ``count`` of them, with errors, and how f leaves x0 where θ tells it.

    By 2.1 of the theory the limit curve has as many derivatives in common with f as the rule fixes.
    """
    family = result.family
    if exact:
        values = tuple(_unwound(sp.sympify(v, strict=True)) for v in family.jet(result.theta, count - 1))
        return Jet(values, (sp.Integer(0),) * count, *_departure(result, exact))
    theta, error = numbers(result)

    def jet(parameters: Sequence[np.ndarray]) -> np.ndarray:
        return table(family.jet(parameters, count - 1), np.shape(parameters[0]))

    with np.errstate(all="ignore"):
        if not isinstance(family, (Linear, Polynomial)):  # where entries are sums, which round
            error = [e + EPS * np.abs(c) for e, c in zip(error, theta, strict=True)]
        values, ways = tuple(jet(theta)), _departure(result, exact)
        if isinstance(family, LinearFamily) and linear(family):
            rows = [[abs(float(b)) for b in family.basis_jet(k)] for k in range(count)]
            errors = tuple(sum(b * e for b, e in zip(row, error, strict=True)) for row in rows)
            return Jet(values, errors, *ways, result.bound or result.exact)
        return Jet(values, tuple(finite_moves(jet, theta, error)), *ways)


def _unwound(value: sp.Expr) -> sp.Expr:
    """sin(φ mod 2π) as sin φ, which SymPy knows for the φ of a harmonic at a symbol."""
    if not value.has(sp.Mod):
        return value

    def wound(e: sp.Expr) -> bool:
        return isinstance(e, (sp.sin, sp.cos)) and isinstance(e.args[0], sp.Mod) and e.args[0].args[1] == 2 * sp.pi

    return value.replace(wound, lambda e: e.func(e.args[0].args[0]))


def linear(family: ConnectionFunction) -> bool:
    """Whether θ ↔ jet is linear in kymath's own closed form: finite moves are then no estimate but a bound."""
    return isinstance(family, LinearFamily) and type(family).__module__.startswith("kymath.")


def numbers(result: KYTransform) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """θ in doubles with an error for each that covers the rounding."""
    try:
        theta = [np.asarray(c, dtype=float) for c in result.theta]
    except TypeError as error:
        text = f"{result!r} holds a symbol and the other result is numerical: give x0 a number."
        raise NotApplicable(text) from error
    for exact, value in zip(result.theta, theta, strict=True):
        if isinstance(exact, sp.Basic) and np.isinf(value):
            raise NotFinite(f"{number(exact)} overflows: it is beyond 1.8e308, the largest double.")
    floats = [np.asarray(c).dtype.kind == "f" for c in result.theta]  # whose bound covers their rounding
    whole = [not is_double(c) and not (result.bound and f) for c, f in zip(result.theta, floats, strict=True)]
    errors = [np.asarray(e, dtype=float) for e in result.error]
    return theta, [e + EPS * np.abs(c) if w else e for c, e, w in zip(theta, errors, whole, strict=True)]


def is_double(value: Any) -> bool:
    """Whether an exact number is a double."""
    return isinstance(value, sp.Rational) and sp.Rational(*float(value).as_integer_ratio()) == value


def table(rows: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Rows of one shape as one array of floats."""
    return np.array([np.broadcast_to(np.asarray(row, dtype=float), shape) for row in rows])


def _departure(result: KYTransform, exact: bool) -> tuple[Any, Any]:
    """sgn D(h) on the left and right, where the rule writes it into θ; it matters where f′ = 0."""
    family, rule = result.family, result.rule
    if isinstance(rule, SmallestRate) and "A" in family.names:  # A = M sgn D
        left = right = result.theta[family.index("A")]
    elif isinstance(rule, SmallestFrequency) and "phi" in family.names:  # the curve rises where sin φ < 0
        phase = result.theta[family.index("phi")]
        left = sp.sin(phase) if exact else np.sin(np.asarray(phase, float))
        right = -left
    else:
        return None, None
    sign = exact_sign if exact else (lambda v: np.sign(np.asarray(v, float)))
    unknown = None if exact else np.full(np.shape(result.theta[0]), np.nan)
    return (
        unknown if result.side == "right" else sign(left),
        unknown if result.side == "left" else sign(right),
    )


def way(jet: Jet, side: str) -> Any:
    """sgn(f(x0 + h) − f(x0)) for small h on one side, by the first derivative that is not 0; nan where unknown."""
    forward = 1 if side == "right" else -1
    if jet.exact:
        if isinstance(seen := leaving(jet, side), (int, sp.Integer)):
            return float(seen)
        signs = [jet.sign(k) for k in range(1, len(jet.values))]
        first = next((k for k, s in enumerate(signs, 1) if s != 0), None)
        return np.nan if first is None or signs[first - 1] not in (-1, 1) else float(signs[first - 1]) * forward**first
    out = np.asarray(leaving(jet, side), float)
    for k in range(2, len(jet.values)):
        out = np.where(np.isnan(out) & (jet.sign(k) != 0), jet.sign(k) * float(forward) ** k, out)
    return out


# -- operations on jets ------------------------------------------------------------------------------------------------


def taylor(values: Sequence[Any]) -> list[Any]:
    """f^(k) / k!"""
    return [v if k < 2 else v / math.factorial(k) for k, v in enumerate(values)]


def derivatives(coefficients: Sequence[Any]) -> list[Any]:
    """k! a_k"""
    return [c if k < 2 else c * math.factorial(k) for k, c in enumerate(coefficients)]


@np.errstate(all="ignore")
def carried(
    operation: Callable[..., list[Any]],
    *jets: Jet,
    majorant: Callable[..., list[Any]] | None = None,
    pivot: tuple[int, int] | None = None,
) -> Jet:
    """An operation on Taylor coefficients, applied to jets, with their errors carried through.

    The coefficients of a composition, product or sum are polynomials P in those of its operands, with coefficients
    that are not negative. So |P(a + δ) − P(a)| ≤ P(|a| + |δ|) − P(|a|): the operation itself, on absolute values,
    gives a bound (for a difference the sum, its ``majorant``, does). A quotient and an inverse also hold 1/b with b the
    coefficient ``pivot`` (operand, order), and signs that become positive when the further coefficients of that operand
    are negative; |b| then counts with its error off. Rounding is bounded by the same polynomial: (n² + 4) units of it,
    and underflow by as many of the smallest double, each grown by all factors above 1 that it may meet on its way.
    """
    count = len(jets[0].values)
    coefficients = [taylor(jet.values) for jet in jets]
    if any(jet.exact for jet in jets):
        values = _exactly(operation, coefficients, count)
        return Jet(tuple(map(sp.sympify, derivatives(values))), (sp.Integer(0),) * count)
    with np.errstate(all="ignore"):
        return _carried(operation, jets, coefficients, majorant or operation, pivot)


def _carried(
    operation: Callable[..., list[Any]],
    jets: Sequence[Jet],
    coefficients: Sequence[Series],
    act: Callable[..., list[Any]],
    pivot: tuple[int, int] | None,
) -> Jet:
    count = len(jets[0].values)
    values = _full(operation(*coefficients, count), coefficients[0][0], count)
    sizes: list[list[Any]] = []
    grown: list[list[Any]] = []
    factors: list[list[Any]] = []
    for i, (row, jet) in enumerate(zip(coefficients, jets, strict=True)):
        errors = taylor(jet.errors)
        ahead = [1.0 if pivot is None or pivot[0] != i or k <= pivot[1] else -1.0 for k in range(count)]
        more = [-1.0 if pivot == (i, k) else 1.0 for k in range(count)]
        sizes.append([sign * np.abs(c) for sign, c in zip(ahead, row, strict=True)])
        grown.append([s * (np.abs(c) + m * e) for s, c, m, e in zip(ahead, row, more, errors, strict=True)])
        factors.append([s * _factor(c, e, m) for s, c, e, m in zip(ahead, row, errors, more, strict=True)])
    low, high, most = (_full(act(*rows, count), 0 * coefficients[0][0], count) for rows in (sizes, grown, factors))
    lost = False if pivot is None else ~(np.asarray(grown[pivot[0]][pivot[1]]) > 0)
    units = count**2 + 4
    errors = [
        np.where(lost | np.isnan(h - s), np.inf, h - s + units * (EPS * h + TINY * np.fmin(np.abs(m), HUGE)))
        for s, h, m in zip(low, high, most, strict=True)
    ]
    bound = all(jet.bound for jet in jets)
    return Jet(tuple(map(np.asarray, derivatives(values))), tuple(map(np.asarray, derivatives(errors))), bound=bound)


def _factor(value: Any, error: Any, way: float) -> Any:
    """The size of a coefficient, or 1 where it makes nothing larger: below 1, or, for a divisor (way −1), above."""
    size = np.abs(value) + way * error
    return np.where((value == 0) & (error == 0), 0.0, np.maximum(size, 1.0) if way > 0 else np.minimum(size, 1.0))


def _exactly(operation: Callable[..., list[Any]], coefficients: Sequence[Series], count: int) -> list[Any]:
    """An operation on exact coefficients, as fractions of polynomials in what they are made of: they stay short."""
    rows = [[sp.sympify(c, strict=True) for c in row] for row in coefficients]
    if not all(c.is_Rational for row in rows for c in row):
        try:
            _, elements = sfield([c for row in rows for c in row])
            taken = iter(elements)
            found = operation(*([next(taken) for _ in row] for row in rows), count)
            out = [c.as_expr() if isinstance(c, type(elements[0])) else sp.sympify(c, strict=True) for c in found]
            return [*out, *[sp.Integer(0)] * (count - len(out))]
        except Exception:  # numbers of which SymPy makes no field
            pass
    return _full(operation(*rows, count), rows[0][0], count)


def _full(series: list[Any], like: Any, count: int) -> list[Any]:
    """What a series leaves off is zero; what it writes as the integer 0 is a number like the others."""
    return [c + 0 * like for c in (*series, *[0] * (count - len(series)))]


def spread_over(jet: Jet, shape: tuple[int, ...]) -> Jet:
    """The same at every point of a shape."""
    values, errors = (tuple(np.broadcast_to(v, shape) for v in row) for row in (jet.values, jet.errors))
    return replace(jet, values=values, errors=errors)


# -- errors by moving --------------------------------------------------------------------------------------------------


def finite_moves(
    function: Callable[[Sequence[np.ndarray]], np.ndarray],
    inputs: Sequence[np.ndarray],
    errors: Sequence[np.ndarray],
    difference: Callable[[Any, Any], Any] = np.subtract,
) -> np.ndarray:
    """How far the outputs of a function move when its inputs move by their errors.

    Each input is moved up and down alone and the moves are added; then all are moved together, for each output in the
    directions that moved it most, so that products of errors are seen where the slopes are zero.
    """
    x, e = np.array(inputs), np.array(errors)
    count = len(x)
    base = np.asarray(function(list(x)))

    def moved(signs: np.ndarray) -> np.ndarray:
        """Outputs less those at rest, for many moves at once: signs (moves, inputs, …) to (outputs, moves, …)."""
        steps = np.moveaxis(x + signs * e, 1, 0)
        rest = np.broadcast_to(base[:, None], (len(base), len(signs), *base.shape[1:]))
        return np.asarray(difference(np.asarray(function(list(steps))), rest))

    alone = np.eye(count).reshape(count, count, *[1] * (x.ndim - 1))
    up, down = moved(alone), moved(-alone)
    out = np.maximum(np.abs(up), np.abs(down)).sum(axis=1)
    together = np.where(up - down < 0, -1.0, 1.0)  # (outputs, inputs, …)
    for signs in (together, -together):
        joint = moved(signs)
        out = np.maximum(out, np.abs(np.array([joint[j, j] for j in range(len(base))])))
    return out
