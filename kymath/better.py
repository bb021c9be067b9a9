"""Where rounding may have grown over the steps of f: another method's answer in place of Taylor's, if it is surer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .errors import Status
from .evidence import Evidence, Jet, converged, marked
from .families import ConnectionFunction
from .function import EPS, Function
from .methods import Adaptive, Contour, Method
from .rules import Rule
from .settle import PART, Settled

POOR = 1e-6  # an error beyond this part of f and its derivatives is worth another look


def grown(jet: Jet, count: int, eps: float) -> Any:
    """Where the worst error of the first entries is poor beside the largest of them: a bool, or an array of them."""
    values, errors, part = jet.values[:count], jet.errors[:count], POOR * eps / EPS
    if np.ndim(errors[0]) == 0:
        return not max(errors) <= part * max(map(abs, values))
    out = np.empty(np.shape(errors[0]), dtype=bool)
    flat, rows = out.reshape(-1), [(v.reshape(-1), e.reshape(-1)) for v, e in zip(values, errors, strict=True)]
    for i in range(0, flat.size, PART):  # parts that stay in the cache
        at = slice(i, i + PART)
        size, worst = np.abs(rows[0][0][at]), rows[0][1][at]
        for value, error in rows[1:]:
            np.maximum(size, np.abs(value[at]), out=size)
            worst = np.maximum(worst, error[at])
        size *= part
        np.greater(worst, size, out=flat[at])
    return out


def bettered(
    function: Function, points: np.ndarray, family: ConnectionFunction, rule: Rule, side: str, evidence: Evidence
) -> Iterator[tuple[Method, Evidence, int]]:
    """Evidence that is surer than Taylor's, each time with its method and at how many points it is."""
    count = rule.entries(family)
    for method in (Contour(), Adaptive()):
        assert evidence.jet is not None
        poor = np.asarray(grown(evidence.jet, count, function.eps))
        if not poor.any():
            return
        if method.why_not(function, family, rule):
            continue
        other = method.evidence(function, points if poor.ndim == 0 else points[poor], family, rule, side)
        if other.jet is None:
            continue
        here = evidence.jet if poor.ndim == 0 else _at(evidence.jet, poor)
        better = np.asarray(_better(other, here, count))
        if not better.any():
            continue
        if poor.ndim == 0:
            evidence = other
        else:
            where = poor.copy()
            where[poor] = better
            nfev = np.asarray(other.nfev)[better]
            evidence = patched(evidence, replace(other, jet=_at(other.jet, better), status=other.status[better],
                                                 nfev=nfev), where)  # fmt: skip
        yield method, evidence, int(better.sum())


def _at(jet: Jet, where: np.ndarray) -> Jet:
    rows = [tuple(np.asarray(row)[where] for row in rows) for rows in (jet.values, jet.errors)]
    ways = [None if way is None else np.asarray(way)[where] for way in (jet.left, jet.right)]
    return Jet(rows[0], rows[1], ways[0], ways[1])


def _better(other: Evidence, old: Jet, count: int) -> Any:
    """Where the other evidence has smaller errors, and lies within the old ones."""
    jet = other.jet
    assert jet is not None
    new, was = (np.array([np.asarray(e, float) for e in one.errors[:count]]) for one in (jet, old))
    with np.errstate(invalid="ignore"):
        gap = np.abs(np.array([np.asarray(a) - b for a, b in zip(jet.values[:count], old.values[:count], strict=True)]))
        return converged(other.status) & (new.max(axis=0) < was.max(axis=0)) & (gap <= new + was).all(axis=0)


def patched(evidence: Evidence, rest: Evidence, where: np.ndarray) -> Evidence:
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


def swamped(settled: Settled, jet: Jet | None, family: ConnectionFunction, named: bool) -> Settled:
    """Taylor's answer is none where its error exceeds the parameter, and f with its derivatives as well."""
    if jet is None or all(_small(row) for row in settled.error):
        return settled
    with np.errstate(invalid="ignore"):
        theta, error = np.abs(np.array(settled.theta, dtype=float)), np.array(settled.error, dtype=float)
        size = np.max([np.abs(np.asarray(v, dtype=float)) for v in jet.values], axis=0)
        unsure = np.max([np.asarray(e, dtype=float) for e in jet.errors], axis=0)
        over = (error > np.maximum(theta, size)) & (error > POOR)
        lost = over.any(axis=0) & (unsure > POOR * size) & converged(settled.status)
    if not lost.any():
        return settled
    message = settled.message
    if lost.ndim == 0:
        k = int(np.argmax(np.where(over, error, 0.0)))
        hint = ": use Contour() or Adaptive()." if named else ", and neither Contour() nor Adaptive() is surer."
        value = f"{family.names[k]} = {float(settled.theta[k]):.6g}"
        message = f"rounding over the steps of f may have grown to {error[k]:.0e} in {value}{hint}"
    return replace(settled, status=marked(settled.status, lost, Status.NOT_REACHED), message=message)


def _small(row: Any) -> bool:
    return bool((row if isinstance(row, float) else np.max(row, initial=0.0)) <= POOR)
