"""Which method takes the limit, and what it found: the one asked for, or the first of a few that can answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .errors import NotApplicable, Status
from .evidence import Evidence, Jet
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
            return Gathered(method, evidence, how)
        if lost.ndim and not lost.all():  # of an array, the points not settled are taken by the last method
            rest = Adaptive().evidence(function, points[lost], family, rule, side)
            return Gathered(method, _patched(evidence, rest, lost), f"{how} {int(lost.sum())} points by Adaptive().")
        told.append(f"{name}() did not settle it ({evidence.message.rstrip('.').removesuffix(': use Adaptive()')})")
    adaptive = Adaptive()
    evidence = _taken(adaptive, function, points, family, rule, side, check)
    how = " ".join([_how(adaptive, evidence, family, rule, side), *(f"{one}." for one in told)])
    return Gathered(adaptive, evidence, how)


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


def _patched(evidence: Evidence, rest: Evidence, where: np.ndarray) -> Evidence:
    """The evidence with the entries of ``rest`` put in at the points ``where``."""
    assert evidence.jet is not None
    assert rest.jet is not None

    def filled(old: Any, new: Any) -> np.ndarray:
        out = np.array(old)
        if out.dtype.kind in "iu" and np.asarray(new).dtype.kind == "f":
            out = out.astype(float)
        out[where] = new
        return out

    jet = Jet(
        tuple(filled(a, b) for a, b in zip(evidence.jet.values, rest.jet.values, strict=False)),
        tuple(filled(a, b) for a, b in zip(evidence.jet.errors, rest.jet.errors, strict=False)),
        None if evidence.jet.left is None or rest.jet.left is None else filled(evidence.jet.left, rest.jet.left),
        None if evidence.jet.right is None or rest.jet.right is None else filled(evidence.jet.right, rest.jet.right),
    )
    nfev = np.array(evidence.nfev)
    nfev[where] += rest.nfev
    return replace(evidence, jet=jet, status=filled(evidence.status, rest.status), nfev=nfev)
