"""Which method takes the limit, and what it found: the one asked for, or the first of a few that can answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .better import bettered, patched
from .errors import NotApplicable, Status
from .evidence import Evidence
from .families import ConnectionFunction
from .function import Function
from .methods import Adaptive, Contour, Method, Symbolic, Taylor
from .methods.taylor import Escaped
from .rules import Rule


class Gathered(NamedTuple):
    """The method that answered, its evidence, and the sentence that says why it was this one."""

    method: Method
    evidence: Evidence
    reason: str


def gather(
    function: Function,
    points: Any,
    family: ConnectionFunction,
    rule: Rule,
    method: Method | None,
    side: str,
    check: bool,
) -> Gathered:
    """Evidence about f at the points, by the method asked for or, where none is, by the best that applies."""
    before = function.nfev
    method, evidence, reason = _gather(function, points, family, rule, method, side, check)
    told = evidence.nfev
    spent = function.nfev - before - int(told if np.ndim(told) == 0 else np.sum(told))  # by checks, and other methods
    if spent > 0 and np.size(told):
        nfev = np.array(told)
        nfev.reshape(-1)[0] += spent
        evidence = replace(evidence, nfev=nfev)
    return Gathered(method, evidence, reason)


def _gather(
    function: Function,
    points: Any,
    family: ConnectionFunction,
    rule: Rule,
    method: Method | None,
    side: str,
    check: bool,
) -> Gathered:
    if method is not None:
        if reason := method.why_not(function, family, rule):
            raise NotApplicable(reason)
        if isinstance(method, Symbolic):
            raise NotApplicable("Symbolic() takes one point at a time; for an array use method=None or Adaptive().")
        try:
            evidence = _taken(method, function, points, family, rule, side, check)
        except Escaped as escaped:
            raise NotApplicable(f"{method!r} cannot follow f: {escaped}. Use Adaptive().") from escaped
        return Gathered(method, evidence, _how(method, evidence, family, rule, side))
    return _chosen(function, points, family, rule, side, check)


def _chosen(
    function: Function, points: np.ndarray, family: ConnectionFunction, rule: Rule, side: str, check: bool
) -> Gathered:
    """Taylor mode where f's code can be followed, a contour where f is analytic, else the steps of the definition."""
    told: list[str] = []
    for method in (Taylor(), Contour()):
        if method.why_not(function, family, rule):
            continue
        name = type(method).__name__
        try:
            evidence = _taken(method, function, points, family, rule, side, check)
        except Escaped as escaped:
            told.append(f"{name}() cannot follow f ({escaped})")
            continue
        status = np.asarray(evidence.status, dtype=object)
        lost = np.asarray((status == Status.NOT_REACHED) | (status == Status.NOT_APPLICABLE), dtype=bool)
        how = " ".join([_how(method, evidence, family, rule, side), *(f"{one}." for one in told)])
        if not lost.any():
            first = Gathered(method, evidence, how)
            return _surer(first, function, points, family, rule, side) if isinstance(method, Taylor) else first
        if lost.ndim and not lost.all():  # of an array, the points not settled are taken by the last method
            rest = Adaptive().evidence(function, points[lost], family, rule, side)
            return Gathered(method, patched(evidence, rest, lost), f"{how} {int(lost.sum())} points by Adaptive().")
        told.append(f"{name}() did not settle it ({evidence.message.rstrip('.').removesuffix(': use Adaptive()')})")
    adaptive = Adaptive()
    evidence = _taken(adaptive, function, points, family, rule, side, check)
    how = " ".join([_how(adaptive, evidence, family, rule, side), *(f"{one}." for one in told)])
    return Gathered(adaptive, evidence, how)


def _surer(
    first: Gathered, function: Function, points: np.ndarray, family: ConnectionFunction, rule: Rule, side: str
) -> Gathered:
    """Taylor's answer; where rounding may have grown in it, the one of the smallest error."""
    assert first.evidence.jet is not None
    out = first
    for method, evidence, count in bettered(function, points, family, rule, side, first.evidence):
        if points.ndim:
            why = f"{count} points by {type(method).__name__}(), which is surer there."
            out = Gathered(first.method, evidence, f"{out.reason} {why}")
        else:
            unsure = float(max(first.evidence.jet.errors[: rule.entries(family)]))
            why = f"Taylor() was left: over the steps of f its bound of the rounding grew to {unsure:.0e}."
            out = Gathered(method, evidence, f"{_how(method, evidence, family, rule, side)} {why}")
    return out


def _taken(
    method: Method,
    function: Function,
    points: Any,
    family: ConnectionFunction,
    rule: Rule,
    side: str,
    check: bool,
) -> Evidence:
    evidence = method.evidence(function, points, family, rule, side)
    return method.checked(function, points, evidence, side) if check and isinstance(method, Taylor) else evidence


def _how(method: Method, evidence: Evidence, family: ConnectionFunction, rule: Rule, side: str) -> str:
    agree = "; the two sides agree" if side == "both" else f"; from the {side}"
    if isinstance(method, Adaptive):
        if method.solver == "scipy" or not rule.closed(family):
            return f"adaptive: SciPy minimises at each step{agree}."
        return f"adaptive: {evidence.message or 'divided differences at geometric steps, extrapolated' + agree}."
    if isinstance(method, Taylor):
        return "taylor: f was run on truncated power series; checked by real values."
    if isinstance(method, Contour):
        return "contour: Cauchy integrals on circles that agree; checked by real values on both sides."
    return evidence.message
