"""From evidence to θ: the rule's limit, what stands in its way, and the error it inherits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from .errors import Status
from .evidence import Evidence, Jet, statuses
from .families import ConnectionFunction
from .rules import Rule
from .rules.base import leaving

EPS = float(np.finfo(float).eps)
CONVERGED = statuses(())  # an array, which other arrays are compared with in a tenth of the time


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
    status = np.array(evidence.status, dtype=object)
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
    status = status.copy()
    with np.errstate(all="ignore"):
        if rule.sided:
            jet = replace(jet, left=leaving(jet, "left"), right=leaving(jet, "right"), settled=True)
        for obstacle in rule.obstacles(family, jet, side):
            where = np.broadcast_to(obstacle.where, status.shape) & (status == CONVERGED)
            if where.any():
                status[where] = obstacle.status
                message = obstacle.message if status.shape == () else message
        theta = _limit(jet, family, rule, side, status.shape)
        error = _propagate(jet, theta, family, rule, side)
    sound = np.isfinite(error).all(axis=0)  # no error is finite where its θ is not
    if np.count_nonzero(lost := ~sound & (status == CONVERGED)):
        status[lost] = Status.NOT_REACHED
        if status.shape == ():
            shown = ", ".join(f"{jet.words(k)} ± {float(jet.errors[k]):.1e}" for k in range(rule.entries(family)))
            message = f"the problem is ill-conditioned: within the errors of the jet ({shown}) θ can be anything."
    return Settled(tuple(theta), tuple(error), status, message)


def _limit(jet: Jet, family: ConnectionFunction, rule: Rule, side: str, shape: tuple[int, ...]) -> np.ndarray:
    return _rows(rule.limit(family, jet, side), shape)


def _rows(rows: tuple[Any, ...], shape: tuple[int, ...]) -> np.ndarray:
    """One row of floats for each parameter, of the points' shape."""
    out = np.empty((len(rows), *shape))
    for k, row in enumerate(rows):
        out[k] = row
    return out


def _propagate(jet: Jet, theta: np.ndarray, family: ConnectionFunction, rule: Rule, side: str) -> np.ndarray:
    """How far θ moves when each entry of the jet moves by its error: finite moves, so curvature is seen too."""
    error = 4 * EPS * np.abs(theta)
    spread = rule.spread(family, jet, side)
    if spread is not None:
        error += _rows(spread, theta.shape[1:])
    for k in range(rule.entries(family) if spread is None else 0):
        size = np.asarray(jet.errors[k], dtype=float)
        if not np.any(size > 0):
            continue
        moves = []
        for sign in (1.0, -1.0):
            values = list(jet.values)
            values[k] = np.asarray(values[k], dtype=float) + sign * size
            moved = _limit(replace(jet, values=tuple(values)), family, rule, side, theta.shape[1:])
            moves.append(np.abs(np.array(family.difference(tuple(moved), tuple(theta)))))
        error = error + np.maximum(*moves)
    error[np.isnan(error)] = np.inf
    return error


def _two_sided(evidence: Evidence, status: np.ndarray, family: ConnectionFunction, rule: Rule) -> Settled:
    """A rule whose limit depends on the side: both one-sided limits, and whether they agree."""
    assert evidence.jet is not None
    jet = evidence.jet
    right = _one_limit(jet, status, evidence.message, family, rule, "right")
    left = _one_limit(jet, status, evidence.message, family, rule, "left")
    status = right.status.copy()
    failed_left = (status == CONVERGED) & (left.status != Status.CONVERGED)
    status[failed_left] = left.status[failed_left]
    message = right.message if right.status.shape == () and right.status[()] is not Status.CONVERGED else left.message
    with np.errstate(invalid="ignore"):
        gap = np.abs(np.array(family.difference(left.theta, right.theta)))
        apart = np.any(gap > 1.5 * (np.array(left.error) + np.array(right.error)) + 1e-300, axis=0)
    differ = (status == CONVERGED) & apart
    status[differ] = Status.NO_LIMIT
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
    difference = sp.sympify(a) - sp.sympify(b)
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
    theta = tuple(sp.sympify(c) for c in rule.limit(family, jet, side))
    return Settled(theta, tuple(sp.Integer(0) for _ in theta), Status.CONVERGED, message)


def in_floats(jet: Jet) -> Jet:
    """An exact jet in doubles, with the rounding as its error."""
    values = tuple(np.asarray(float(v)) for v in jet.values)
    sides = [None if way is None else np.asarray(float(way)) for way in (jet.left, jet.right)]
    return Jet(values, tuple(EPS / 2 * np.abs(v) for v in values), sides[0], sides[1])
