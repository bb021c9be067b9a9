"""Jets read back from results, and operations on them that carry their errors along."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp

from ..arithmetic import exact_sign
from ..errors import NotApplicable
from ..evidence import Jet
from ..families import ConnectionFunction, Linear, LinearFamily, Polynomial
from ..result import KYTransform
from ..rules import SmallestFrequency, SmallestRate
from ..rules.base import leaving

EPS = float(np.finfo(float).eps)
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
        values = tuple(sp.sympify(v, strict=True) for v in family.jet(result.theta, count - 1))
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
    floats = [np.asarray(c).dtype.kind == "f" for c in result.theta]  # whose bound covers their rounding
    whole = [not _double(c) and not (result.bound and f) for c, f in zip(result.theta, floats, strict=True)]
    errors = [np.asarray(e, dtype=float) for e in result.error]
    return theta, [e + EPS * np.abs(c) if w else e for c, e, w in zip(theta, errors, whole, strict=True)]


def _double(value: Any) -> bool:
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
    are negative; |b| then counts with its error off. Rounding is bounded by the same polynomial: (n² + 4) units of it.
    """
    count = len(jets[0].values)
    coefficients = [taylor(jet.values) for jet in jets]
    values = _full(operation(*coefficients, count), coefficients[0][0], count)
    if any(jet.exact for jet in jets):
        return Jet(tuple(map(sp.sympify, derivatives(values))), (sp.Integer(0),) * count)
    sizes: list[list[Any]] = []
    grown: list[list[Any]] = []
    for i, (row, jet) in enumerate(zip(coefficients, jets, strict=True)):
        errors = taylor(jet.errors)
        ahead = [1.0 if pivot is None or pivot[0] != i or k <= pivot[1] else -1.0 for k in range(count)]
        more = [-1.0 if pivot == (i, k) else 1.0 for k in range(count)]
        sizes.append([sign * np.abs(c) for sign, c in zip(ahead, row, strict=True)])
        grown.append([s * (np.abs(c) + m * e) for s, c, m, e in zip(ahead, row, more, errors, strict=True)])
    act = operation if majorant is None else majorant
    low, high = (_full(act(*rows, count), coefficients[0][0], count) for rows in (sizes, grown))
    lost = False if pivot is None else ~(np.asarray(grown[pivot[0]][pivot[1]]) > 0)
    errors = [np.where(lost, np.inf, h - s + (count**2 + 4) * EPS * h) for s, h in zip(low, high, strict=True)]
    bound = all(jet.bound for jet in jets)
    return Jet(tuple(map(np.asarray, derivatives(values))), tuple(map(np.asarray, derivatives(errors))), bound=bound)


def _full(series: list[Any], like: Any, count: int) -> list[Any]:
    """What a series leaves off is zero; what it writes as the integer 0 is a number like the others."""
    return [c + 0 * like for c in (*series, *[0] * (count - len(series)))]


def spread_over(jet: Jet, shape: tuple[int, ...]) -> Jet:
    """The same at every point of a shape."""
    values, errors = (tuple(np.broadcast_to(v, shape) for v in row) for row in (jet.values, jet.errors))
    return replace(jet, values=values, errors=errors)


def shifted(jet: Jet, further: Any, move: Any) -> Jet:
    """A jet at a point that is known to within ``move`` only: f^(k) may be off by |f^(k+1)| move.

    ``further`` is the curve's own next derivative. It stands for that of f, which θ does not tell, unless the growth
    from f^(k) to f^(k+1) seen in the jet says more.
    """
    sizes = [np.abs(np.asarray(v, float)) for v in jet.values]
    with np.errstate(all="ignore"):
        rates = [np.nan_to_num(b / a, posinf=0.0) for a, b in pairwise(sizes)]
        guess = np.maximum(np.abs(further), sizes[-1] * np.max(rates, axis=0))
    following = [*sizes[1:], guess]
    errors = tuple(e + d * move for e, d in zip(jet.errors, following, strict=True))
    return Jet(jet.values, errors, jet.left, jet.right, jet.bound and not np.any(move > 0))


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
