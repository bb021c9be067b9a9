"""What θ does not tell: the next derivatives of f, without which no point beside x0 can be spoken of.

Where F is taken at u0 = g(x0) as it was rounded, f^(k) at the true g(x0) is f^(k)(u0) + f^(k+1)(u0) δ + …, and for the
last entry of the jet that f^(k+1) is not in θ. It is measured where the result carries its function.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..errors import KYError
from ..evidence import Jet, Side, converged
from ..families import Polynomial
from ..result import KYTransform
from .jets import jet_of, known

ASSUMED = (
    "The result carries no function that can be looked at again beside its point, so the next derivative is taken to "
    "be no larger than the growth of those in θ suggests; the error rests on that."
)


class Beyond(NamedTuple):
    """f beside x0, at most ``move`` away: f^(N) where it was measured, and what else each entry may be off by."""

    move: Any
    value: Any  # f^(N), 0 where it was not measured
    rest: tuple[Any, ...]
    assumed: bool


def beyond(result: KYTransform, jet: Jet, move: Any) -> Beyond:
    """What a step of ``move`` at most adds to the jet of a result, which is known to its N entries.

    f^(N) and f^(N+1) are measured, each side apart where f^(N) has a jump; where there is no f^(N), the jet itself is
    measured at both ends of the step; where there is no function, growth is extrapolated.
    """
    count = known(result)
    move = np.asarray(move, dtype=float)
    zero = np.zeros(())
    if not np.any(move > 0):
        return Beyond(zero, zero, (zero,) * count, False)
    value, size, further, good = _measured(result, count)
    with np.errstate(all="ignore"):
        guess = _growth(result, jet)
        last = np.where(good, size - np.abs(value), guess)  # what is unknown of f^(N), beside its value
        more = np.where(good, further, 0.0)
        left = [count - k for k in range(count)]
        rest = [last * move**n / math.factorial(n) + more * move ** (n + 1) / math.factorial(n + 1) for n in left]
    lost = ~good & (move > 0) & converged(np.asarray(result.status, dtype=object))
    if np.any(lost) and result.function is not None:
        ends, seen = _at_the_ends(result, jet, move, count)
        rest = [np.where(lost & seen, end, r) for end, r in zip(ends, rest, strict=True)]
        lost = lost & ~seen
    return Beyond(move, value, tuple(rest), bool(np.any(lost)))


def moved(jet: Jet, step: Beyond) -> Jet:
    """The jet at a point that is known to within a step only."""
    if not np.any(step.move > 0):
        return jet
    count = len(step.rest)
    with np.errstate(all="ignore"):
        sizes = [np.abs(np.asarray(v, float)) + e for v, e in zip(jet.values, jet.errors, strict=True)][:count]
        grown = along([*sizes, np.abs(step.value)], step.move, step.rest)
        errors = tuple(e + g - s for e, g, s in zip(jet.errors, grown, sizes, strict=False))
    return Jet(jet.values, errors, jet.left, jet.right, bound=False)


def along(values: Sequence[Any], t: Any, rest: Sequence[Any]) -> list[Any]:
    """The first N of f, f′, …, f^(N) after a step t, with the rest added."""
    count = len(rest)
    powers = [t**j / math.factorial(j) for j in range(count + 1)]
    return [
        values[k] + sum((values[k + j] * powers[j] for j in range(1, count + 1 - k)), start=rest[k])
        for k in range(count)
    ]


def contained(jet: Jet, step: Beyond) -> bool:
    """Whether f is its polynomial over a step: what is beyond f^(N) is small beside the rest of it."""
    sizes = [*(np.abs(np.asarray(v, float)) for v in jet.values), np.abs(step.value)]
    with np.errstate(all="ignore"):
        terms = [s * step.move**k / math.factorial(k) for k, s in enumerate(sizes)]
        return bool(np.all((step.rest[0] <= 1e-3 * np.max(np.broadcast_arrays(*terms), axis=0)) | ~(step.move > 0)))


# -- measuring ---------------------------------------------------------------------------------------------------------


def _measured(result: KYTransform, count: int) -> tuple[Any, Any, Any, Any]:
    """f^(N) (0 where only its size is known), its size, that of f^(N+1), and where they were found."""
    shape = np.shape(result.x0)
    value, size, further, good = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape, bool)
    if result.function is None:
        return value, size, further, good
    if (rows := _derivatives(result, result.x0, count + 1, result.side)) is not None:
        good = rows[2]
        value = np.where(good, rows[0][count], 0.0)
        size = np.where(good, np.abs(value) + rows[1][count], 0.0)
        further = np.where(good, np.abs(rows[0][count + 1]) + rows[1][count + 1], 0.0)
    if np.all(good | ~converged(np.asarray(result.status, dtype=object))):
        return value, size, further, good
    sides = [_derivatives(result, result.x0, count, s) for s in (("left", "right") if result.side == "both" else ())]
    found = [rows for rows in sides if rows is not None]
    if len(found) == 2:
        there = ~good & found[0][2] & found[1][2]
        either = np.maximum(*(np.abs(rows[0][count]) + rows[1][count] for rows in found))
        size, good = np.where(there, either, size), good | there
    return value, size, further, good


def _derivatives(result: KYTransform, points: Any, order: int, side: Side) -> tuple[Any, Any, Any] | None:
    """(f, …, f^(order)) at some points with their errors, and where they were reached."""
    from ..transform import transform

    points = np.asarray(points, dtype=float)
    try:
        taken = transform(
            result.function, np.atleast_1d(points), Polynomial(max(order, 1)), side=side, raises=False, check=False
        )
    except KYError:
        return None
    good = np.reshape(taken.success, points.shape)
    jet = jet_of(taken, order + 1, False)
    values, errors = ([np.reshape(row, points.shape) for row in rows] for rows in (jet.values, jet.errors))
    return values, errors, good


def _at_the_ends(result: KYTransform, jet: Jet, move: Any, count: int) -> tuple[list[Any], Any]:
    """How far each entry is from the jet at both ends of a step, and where that was found."""
    x0 = np.asarray(result.x0, dtype=float)
    gaps, seen = [np.zeros(())] * count, np.ones((), bool)
    ways = {"both": (-1.0, 1.0), "left": (-1.0,), "right": (1.0,)}[result.side]
    for way in ways:
        end = np.where(x0 + way * move == x0, np.nextafter(x0, way * np.inf), x0 + way * move)
        rows = _derivatives(result, end, count - 1, result.side)
        if rows is None:
            return gaps, np.zeros((), bool)
        seen = seen & rows[2]
        with np.errstate(all="ignore"):
            gaps = [
                np.maximum(g, np.abs(v - f) + e) for g, v, e, f in zip(gaps, rows[0], rows[1], jet.values, strict=False)
            ]
    return gaps, seen


def _growth(result: KYTransform, jet: Jet) -> Any:
    """f^(N) as large as the curve's own, or as the growth from entry to entry in the jet says."""
    count = known(result)
    own = jet_of(result, count + 1, False).values[count]
    sizes = [np.abs(np.asarray(v, float)) for v in jet.values[:count]]
    rates = [np.nan_to_num(b / a, posinf=0.0) for a, b in pairwise(sizes)]
    rates += [np.nan_to_num(np.sqrt(b / a), posinf=0.0) for a, b in zip(sizes, sizes[2:], strict=False)]
    most = np.max(rates, axis=0) if rates else 0.0
    return np.fmax(np.abs(own), np.maximum(sizes[-1] * most, sizes[-2] * most**2 if count > 1 else 0.0))
