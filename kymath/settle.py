"""From evidence to θ: the rule's limit, what stands in its way, and the error it inherits."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from .errors import Status
from .evidence import Evidence, Jet, converged, marked
from .families import ConnectionFunction
from .rules import Rule
from .rules.base import leaving

EPS = float(np.finfo(float).eps)
PART = 16384  # points at a time
Rows = list[Any]  # a number for each parameter at one point, a float array at many


@dataclass(frozen=True)
class Settled:
    """θ with its error, the status (one, or an array), and the sentence."""

    theta: tuple[Any, ...]
    error: tuple[Any, ...]
    status: Any
    message: str
    left: Settled | None = None
    right: Settled | None = None


# -- numbers -------------------------------------------------------------------------------------------------------


def settle(evidence: Evidence, family: ConnectionFunction, rule: Rule, side: str) -> Settled:
    """The limit θ from numerical evidence, for one point (0-d arrays) or many."""
    status = np.asarray(evidence.status, dtype=object)
    if evidence.theta is not None:
        assert evidence.error is not None
        return Settled(evidence.theta, evidence.error, status, evidence.message)
    assert evidence.jet is not None
    if rule.sided and side == "both":
        return _two_sided(evidence, status, family, rule)
    return _one_limit(evidence.jet, status, evidence.message, family, rule, side)


def _one_limit(
    jet: Jet, status: np.ndarray, message: str, family: ConnectionFunction, rule: Rule, side: str
) -> Settled:
    shape = status.shape
    with np.errstate(all="ignore"):
        if rule.sided:
            jet = replace(jet, left=leaving(jet, "left"), right=leaving(jet, "right"), settled=True)
        for obstacle in rule.obstacles(family, jet, side):
            where = np.broadcast_to(obstacle.where, shape) & converged(status)
            if where.any():
                status = marked(status, where, obstacle.status)
                message = obstacle.message if shape == () else message
        theta = _limit(jet, family, rule, side, shape)
        error = _propagate(jet, theta, family, rule, side, shape)
    if (lost := _unsound(error, shape)) is not None and np.count_nonzero(lost := lost & converged(status)):
        status = marked(status, lost, Status.NOT_REACHED)
        if shape == ():
            shown = ", ".join(f"{jet.words(k)} ± {float(jet.errors[k]):.1e}" for k in range(rule.entries(family)))
            message = f"the problem is ill-conditioned: within the errors of the jet ({shown}) θ can be anything."
    return Settled(tuple(theta), tuple(error), status, message)


def _unsound(error: Rows, shape: tuple[int, ...]) -> np.ndarray | None:
    """Where an error is not finite, as it is where its θ is not; None where the sums say that it is so nowhere."""
    if all(map(math.isfinite, error if shape == () else (row.sum() for row in error))):
        return None
    return ~np.isfinite(np.array(error)).all(axis=0)


def _limit(jet: Jet, family: ConnectionFunction, rule: Rule, side: str, shape: tuple[int, ...]) -> Rows:
    rows = rule.limit(family, jet, side)
    if shape == ():
        return [float(row) for row in rows]
    return [
        row if type(row) is np.ndarray and (row.shape, row.dtype) == (shape, float) else np.full(shape, row, float)
        for row in rows
    ]


def _rounding(row: Any, more: Any) -> Any:
    """A few units of rounding of a parameter and what is more; of many points in parts that stay in the cache."""
    if type(row) is float or row.size <= PART or np.shape(more) != row.shape:
        return abs(row) * (4 * EPS) + more
    error = np.empty(row.shape)
    out, size, add = error.reshape(-1), row.reshape(-1), np.reshape(more, -1)
    for i in range(0, out.size, PART):
        part = slice(i, i + PART)
        here = np.abs(size[part], out=out[part])
        here *= 4 * EPS
        here += add[part]
    return error


def _propagate(
    jet: Jet, theta: Rows, family: ConnectionFunction, rule: Rule, side: str, shape: tuple[int, ...]
) -> Rows:
    """How far θ moves when each entry of the jet moves by its error: finite moves, so curvature is seen too."""
    spread = rule.spread(family, jet, side)
    if spread is not None and shape == ():
        error = [abs(row) * (4 * EPS) + float(more) for row, more in zip(theta, spread, strict=True)]
        return error if all(map(math.isfinite, error)) else [math.inf if math.isnan(e) else e for e in error]
    error = [_rounding(row, more) for row, more in zip(theta, spread or [0.0] * len(theta), strict=True)]
    for k in range(rule.entries(family) if spread is None else 0):
        size = np.asarray(jet.errors[k], dtype=float)
        if not np.any(size > 0):
            continue
        moves = []
        for sign in (1.0, -1.0):
            values = list(jet.values)
            values[k] = np.asarray(values[k], dtype=float) + sign * size
            moved = _limit(replace(jet, values=tuple(values)), family, rule, side, shape)
            moves.append(np.abs(np.array(family.difference(moved, theta))))
        error = [row + move for row, move in zip(error, np.maximum(*moves), strict=True)]
    if _unsound(error, shape) is not None:
        error = [np.where(np.isnan(row), np.inf, row)[()] for row in error]
    return error


def _two_sided(evidence: Evidence, status: np.ndarray, family: ConnectionFunction, rule: Rule) -> Settled:
    """A rule whose limit depends on the side: both one-sided limits, and whether they agree."""
    assert evidence.jet is not None
    jet = evidence.jet
    right = _one_limit(jet, status, evidence.message, family, rule, "right")
    left = _one_limit(jet, status, evidence.message, family, rule, "left")
    status = right.status
    failed_left = converged(status) & ~converged(left.status)
    if failed_left.any():
        status = marked(status, failed_left, left.status[failed_left])
    message = right.message if right.status.shape == () and right.status[()] is not Status.CONVERGED else left.message
    with np.errstate(invalid="ignore"):
        gap = np.abs(np.array(family.difference(left.theta, right.theta)))
        apart = np.any(gap > 1.5 * (np.array(left.error) + np.array(right.error)) + 1e-300, axis=0)
    differ = converged(status) & apart
    if differ.any():
        status = marked(status, differ, Status.NO_LIMIT)
    if status.shape == () and differ:
        message = family.differing(left.theta, right.theta)
    return Settled(right.theta, tuple(np.maximum(left.error, right.error)), status, message, left, right)


# -- exact ---------------------------------------------------------------------------------------------------------


def settle_exact(evidence: Evidence, family: ConnectionFunction, rule: Rule, side: str) -> Settled:
    """The limit θ from an exact jet."""
    nothing = tuple(sp.nan for _ in family.names)
    if evidence.jet is None:
        return Settled(nothing, nothing, evidence.status, evidence.message)
    if rule.sided and side == "both":
        right = _exact_side(evidence.jet, family, rule, "right", evidence.message)
        left = _exact_side(evidence.jet, family, rule, "left", evidence.message)
        for one in (right, left):
            if one.status is not Status.CONVERGED:
                return replace(one, left=left, right=right)
        if any(_apart(name, a, b, family) for name, a, b in zip(family.names, left.theta, right.theta, strict=True)):
            return Settled(nothing, nothing, Status.NO_LIMIT, family.differing(left.theta, right.theta), left, right)
        return right
    return _exact_side(evidence.jet, family, rule, side, evidence.message)


def _apart(name: str, a: Any, b: Any, family: ConnectionFunction) -> bool:
    difference = sp.sympify(a, strict=True) - sp.sympify(b, strict=True)
    if name in family.angles:
        difference = sp.sin(difference / 2)
    if difference.free_symbols:
        return bool(sp.simplify(difference) != 0)
    return bool(abs(sp.N(difference, 30)) > sp.Float("1e-20"))


def _exact_side(jet: Jet, family: ConnectionFunction, rule: Rule, side: str, message: str) -> Settled:
    nothing = tuple(sp.nan for _ in family.names)
    for obstacle in rule.obstacles(family, jet, side):
        if np.any(obstacle.where):
            return Settled(nothing, nothing, obstacle.status, obstacle.message)
    theta = tuple(sp.sympify(c, strict=True) for c in rule.limit(family, jet, side))
    if any(c.has(sp.nan, sp.zoo, sp.oo, -sp.oo) for c in theta):
        told = ", ".join(f"{name} = {c}" for name, c in zip(family.names, theta, strict=True))
        return Settled(nothing, nothing, Status.NOT_REACHED, f"f and its derivatives at x0 do not tell θ: {told}.")
    return Settled(theta, tuple(sp.Integer(0) for _ in theta), Status.CONVERGED, message)


def in_floats(jet: Jet) -> Jet:
    """An exact jet in doubles, with the rounding as its error."""
    values = tuple(np.asarray(float(v)) for v in jet.values)
    sides = [None if way is None else np.asarray(float(way)) for way in (jet.left, jet.right)]
    return Jet(values, tuple(EPS / 2 * np.abs(v) for v in values), sides[0], sides[1])
