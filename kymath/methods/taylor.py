"""Taylor-mode propagation: f is run once on a jet instead of a number, and answers with its Taylor coefficients."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import mul as _mul
from typing import Any

import numpy as np

from .. import series
from ..errors import Status
from ..evidence import Evidence, Jet, alike, all_converged, converged, marked, statuses
from ..families import ConnectionFunction
from ..function import Function
from ..rules import Rule
from .base import Method
from .taylor_pass import (
    BLOCK,
    FACTORIALS,
    SAFETY,
    Block,
    Found,
    accepts,
    block,
    leaving,
    one,
    sampled_sign,
    together,
    verdict,
)
from .taylor_run import UNIT, Escaped

__all__ = ["Escaped", "Taylor"]

LOOK = 9  # coefficients looked at where f′ = 0, to see which way f leaves x0
CHECKED = 16  # points of an array at which real values are compared
EPS = 2 * UNIT
FAR = 1e7  # steps this long are powers that floats may not hold
_QUARTERS = tuple(4.0**-k for k in range(1, 42))


@dataclass(frozen=True)
class Taylor(Method):
    """The jet of f by running its NumPy code on truncated power series (Griewank & Walther, ch. 13).

    One pass gives all derivatives to machine precision, at many points at once. Errors are first-order running
    estimates of rounding. What f may do with its argument: arithmetic, powers, the elementary functions of NumPy, erf,
    erfc, gamma, gammaln, digamma, expit and the Bessel functions J, Y, I, K of SciPy, abs, sign, maximum, minimum,
    clip, where, piecewise, select, comparisons, floor, polynomials, sums and dot products. Exactly at a kink both
    sides are followed: where they differ there is ``NoLimit``. Code that turns the argument into a plain number
    (``math.exp``, ``float``) or hands it to unknown functions raises :class:`Escaped` (a ``TypeError``) for the caller
    to take another method.

    >>> import numpy as np
    >>> import kymath as ky
    >>> from kymath.function import Function
    >>> evidence = Taylor().evidence(
    ...     Function(lambda t: np.exp(2 * t)), np.asarray(0.0), ky.Polynomial(2), ky.Osculating(), "both"
    ... )
    >>> [float(v) for v in evidence.jet.values]
    [1.0, 2.0, 4.0]
    """

    name = "taylor"

    def why_not(self, function: Function, family: ConnectionFunction, rule: Rule) -> str:
        if not rule.closed(family):
            return f"Taylor() gives a jet, and {rule!r} has no closed form for {family!r}: use Adaptive()."
        return ""

    def evidence(
        self, function: Function, x0: np.ndarray, family: ConnectionFunction, rule: Rule, side: str
    ) -> Evidence:
        n = max(rule.entries(family), 2)
        with np.errstate(all="ignore"):
            if x0.ndim == 0:
                return _scalar(function, float(x0), n, side)
            return _array(function, np.asarray(x0, dtype=float), n, side)

    def checked(self, function: Function, x0: np.ndarray, evidence: Evidence, side: str = "both") -> Evidence:
        """The evidence, compared with f(x0) and with one value beside x0 (of an array: at up to 16 of its points).

        Where the Taylor polynomial does not meet them the status becomes ``NOT_REACHED``: part of f went unseen, or a
        kink lies closer to x0 than numbers tell. Errors grow where f turns out to answer in float32.
        """
        with np.errstate(all="ignore"):
            return _checked(function, np.asarray(x0, dtype=float), evidence, side)


# -- one point ---------------------------------------------------------------------------------------------------------


def _scalar(function: Function, x0: float, n: int, side: str) -> Evidence:
    before, call = function.nfev, accepts(function)
    sides = (1, -1) if side == "both" else (1,) if side == "right" else (-1,)
    first = one(function, call, x0, n, sides[0])
    if first.plain and not first.flagged:
        _constant(function, x0, first.c[0])
    sound = not first.flagged and all(map(math.isfinite, first.c)) and all(map(math.isfinite, first.e))
    if first.doubted and not _meets(function, x0, first, sides[0]):
        raise Escaped(first.doubted)
    parts: dict[int, tuple[Found, Status, str]] = {}
    if sound:
        main, status, why = first, Status.CONVERGED, ""
    else:
        f0 = float(function(np.asarray(x0)))
        found = {sides[0]: first}
        if side == "both":
            found[-1] = one(function, call, x0, n, -1)
        verdicts = {s: verdict(found[s], f0, function, x0, n, s) for s in sides}
        main, (status, why) = first, verdicts[sides[0]]
        if side == "both":
            status, why = together(found[-1], first, x0, (verdicts[-1], verdicts[1]))
            parts = {s: (found[s], *verdicts[s]) for s in sides}
            if status is Status.CONVERGED:
                main = replace(first, e=[max(a, b) for a, b in zip(first.e, found[-1].e, strict=True)])
    directions = _directions(function, call, x0, main, sides, n) if status is Status.CONVERGED else (None, None)
    jet = _jet(function, main, directions)
    left = right = None
    nfev = np.asarray(function.nfev - before)
    if parts:
        left, right = (
            Evidence(_jet(function, f, (None, None)), status=statuses((), s), message=w, nfev=nfev)
            for f, s, w in (parts[-1], parts[1])
        )
    nfev = np.asarray(function.nfev - before)
    return Evidence(jet, None, None, statuses((), status), why, nfev, left, right, (first,))


def _jet(function: Function, found: Found, directions: tuple[Any, Any]) -> Jet:
    coarse = max(function.eps, 2.0**-23 if found.single else 0.0) / EPS
    values = list(map(_mul, found.c, FACTORIALS))
    errors = [e * size * coarse for e, size in zip(found.e, FACTORIALS, strict=False)]
    errors[3:] = [e + EPS * coarse * abs(v) for e, v in zip(errors[3:], values[3:], strict=True)]
    return Jet(tuple(np.array(values)), tuple(np.array(errors)), *directions)  # NumPy's floats divide by 0


def _constant(function: Function, x0: float, value: float) -> None:
    """A plain number is believed where f is constant around x0."""
    size = max(abs(x0), 1.0)
    for h in (1e-3, 1e-6, 1e-9):
        near = function(np.array([x0, x0 - h * size, x0 + h * size]))
        if np.all((near == value) | (np.isnan(near) & math.isnan(value))):
            return
    raise Escaped("f gave a plain number when it was given a jet, though it is not constant")


def _directions(
    function: Function, call: Callable[[Any], Any], x0: float, main: Found, sides: tuple[int, ...], n: int
) -> tuple[Any, Any]:
    """The signs of f(x0 + h) − f(x0) on the left and on the right."""
    if abs(main.c[1]) > main.e[1] and not main.flagged:
        up = math.copysign(1.0, main.c[1])
        return np.asarray(-up), np.asarray(up)
    out: dict[int, Any] = {1: None, -1: None}
    for side in sides:
        further = one(function, call, x0, max(LOOK, n), side) if n < LOOK else main
        sign = np.asarray(leaving(further.c, further.e, side))
        if sign == 0 or any(x != x for x in further.c):
            sign = sampled_sign(function, np.array([x0]), side)[0]
        out[side] = np.asarray(sign)
    return out[-1], out[1]


# -- many points -------------------------------------------------------------------------------------------------------


def _array(function: Function, x0: np.ndarray, n: int, side: str) -> Evidence:
    before, call, x = function.nfev, accepts(function), np.ascontiguousarray(x0.reshape(-1))
    p = x.size
    values, errors = np.empty((n, p)), np.empty((n, p))
    right = np.empty(p, dtype=np.int8)  # small: fresh memory costs more than arithmetic here
    nfev = np.ones(p, dtype=np.int32)
    status = alike((p,))
    apart: list[np.ndarray] = []
    flat: list[np.ndarray] = []
    single = False
    for i in range(0, p, BLOCK):
        part = slice(i, min(i + BLOCK, p))
        got = block(function, call, x[part], n)
        if got is None or (i == 0 and not _agrees(function, call, x[part], got, n)):
            apart.append(np.arange(i, part.stop))
            nfev[part] = 0
            continue
        single |= got.single
        _store(got, part, values, errors)
        slope = values[1, part]
        right[part] = np.sign(slope)
        still = np.abs(slope) <= errors[1, part]
        if still.any():
            flat.append(i + np.flatnonzero(still))
        if got.apart is not None:
            apart.append(i + np.flatnonzero(got.apart))
    if single or function.eps > EPS:
        errors *= max(function.eps, 2.0**-23 if single else 0.0) / EPS
    if apart or flat:
        right = right.astype(np.float32)  # nan: not known
    left = -right
    lost = ~np.isfinite(values[0]) if not math.isfinite(values[0].sum()) else None
    one_by_one = np.concatenate(apart) if apart else np.empty(0, dtype=int)
    if lost is not None or one_by_one.size:
        status = statuses((p,))
    if lost is not None:
        status[lost] = Status.NOT_FINITE
    if flat:
        _look_further(function, call, x, np.setdiff1d(np.concatenate(flat), one_by_one), left, right)
    if one_by_one.size:
        _one_by_one(function, x, one_by_one, n, side, values, errors, status, left, right, nfev)
    if p:
        nfev[0] += function.nfev - before - int(nfev.sum())
    jet = Jet(
        tuple(v.reshape(x0.shape) for v in values),
        tuple(e.reshape(x0.shape) for e in errors),
        left.reshape(x0.shape),
        right.reshape(x0.shape),
    )
    return Evidence(jet, None, None, status.reshape(x0.shape), "", nfev.reshape(x0.shape))


def _store(got: Block, part: slice, values: np.ndarray, errors: np.ndarray) -> None:
    for k in range(len(values)):
        if k >= len(got.c):
            values[k, part] = errors[k, part] = 0.0
            continue
        size = FACTORIALS[k]
        np.multiply(got.c[k], size, out=values[k, part])
        np.multiply(got.e[k], size * SAFETY * UNIT, out=errors[k, part])
        if k > 2:
            errors[k, part] += EPS * np.abs(values[k, part])


def _agrees(function: Function, call: Callable[[Any], Any], x: np.ndarray, got: Block, n: int) -> bool:
    """A block is believed if a point alone gives the same."""
    place = len(x) // 2
    try:
        alone = one(function, call, float(x[place]), n, 1)
    except Escaped:
        return True  # f takes arrays only
    if alone.flagged or (got.apart is not None and got.apart[place]):
        return True
    for k, c in enumerate(got.c):
        here, error = (float(np.broadcast_to(row, x.shape)[place]) for row in (c, got.e[k]))
        if abs(here - alone.c[k]) > 4 * (alone.e[k] + SAFETY * UNIT * error):
            return False
    return True


def _look_further(
    function: Function,
    call: Callable[[Any], Any],
    x: np.ndarray,
    index: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
) -> None:
    """Which way f leaves the points at which f′ = 0, from higher derivatives and, if need be, from values."""
    for i in range(0, index.size, BLOCK):
        some = index[i : i + BLOCK]
        got = block(function, call, x[some], LOOK)
        for way, side in ((left, -1), (right, 1)):
            if got is None:
                way[some] = sampled_sign(function, x[some], side)
                continue
            sign = np.array(np.broadcast_to(leaving(got.c, [e * SAFETY * UNIT for e in got.e], side), some.shape))
            open_ = sign == 0
            if open_.any():
                sign[open_] = sampled_sign(function, x[some[open_]], side)
            way[some] = sign


def _one_by_one(
    function: Function, x: np.ndarray, index: np.ndarray, n: int, side: str, values: np.ndarray, errors: np.ndarray,
    status: np.ndarray, left: np.ndarray, right: np.ndarray, nfev: np.ndarray,
) -> None:  # fmt: skip
    """The points that need both sides, each value of x0 once."""
    each, where = np.unique(x[index], return_inverse=True)
    order = np.argsort(where, kind="stable")
    bounds = np.searchsorted(where[order], np.arange(len(each) + 1))
    for j, point in enumerate(each):
        same = index[order[bounds[j] : bounds[j + 1]]]
        if not math.isfinite(point):
            status[same] = Status.NOT_FINITE
            values[:, same] = errors[:, same] = np.nan
            continue
        got = _scalar(function, float(point), n, side)
        assert got.jet is not None
        for k in range(n):
            values[k, same], errors[k, same] = got.jet.values[k], got.jet.errors[k]
        status[same] = got.status[()]
        left[same], right[same] = (np.nan if d is None else d for d in (got.jet.left, got.jet.right))
        nfev[same[0]] += int(got.nfev)


# -- the check against real values -------------------------------------------------------------------------------------


def _meets(function: Function, x0: float, found: Found, side: int) -> bool:
    """Whether f is where the Taylor polynomial says, at x0 and beside it."""
    c = found.c
    if not all(map(math.isfinite, c)):
        return False
    wide = h = 0.125 * max(abs(x0), 1.0)
    while math.inf in (sizes := _sizes(c, h)):
        h /= 64
    for _ in range(60):
        largest = max(sizes)
        if max(sizes[-2:]) <= 1e-9 * largest or largest == 0:
            break
        h /= 4
        sizes = list(map(_mul, sizes, _QUARTERS))
    for _ in range(3 if wide < FAR else 6):
        largest = max(_sizes(c, h))
        t = x0 + side * h
        s = t - x0
        f0, beside = function(np.array([x0, t])).tolist()
        eps = max(function.eps, 2.0**-23 if found.single else 0.0)
        noise = 64 * eps * abs(f0) + 4 * found.e[0] * eps / EPS + 4 * eps * abs(x0 * c[1])
        if not abs(f0 - c[0]) <= noise:
            return False
        rise = s * series.value(c[1:], s)
        unseen = (h if wide < FAR else h / (8 * wide)) ** len(c)  # the first power that the coefficients do not tell of
        if abs(beside - f0 - rise) <= noise + 1e-6 * largest + 16 * unseen * max(1.0, abs(f0)):
            return True
        h /= 16
    return False


def _sizes(c: list[float], h: float) -> list[float]:
    """|c_k| h^k for k ≥ 1, inf where they are beyond the range of floats."""
    if h < FAR:
        return [abs(x) * h**k for k, x in enumerate(c)][1:]
    mantissa, power = math.frexp(h)
    out = []
    for k, x in enumerate(c[1:], 1):
        own, size = math.frexp(abs(x))
        try:
            out.append(math.ldexp(own * mantissa**k, size + k * power))
        except OverflowError:
            out.append(math.inf)
    return out


def _checked(function: Function, x0: np.ndarray, evidence: Evidence, side: str) -> Evidence:
    jet = evidence.jet
    assert jet is not None
    call, flat, was = accepts(function), x0.reshape(-1), function.eps
    status = np.asarray(evidence.status, dtype=object).reshape(-1)
    good = None if all_converged(status) else converged(status).nonzero()[0]
    count = status.size if good is None else good.size
    places = range(count) if count <= CHECKED else np.linspace(0, count - 1, CHECKED).astype(int)
    tried = places if good is None else good[places]
    failed = []
    way = -1 if side == "left" else 1
    n = len(jet.values)
    for k in tried:
        point = float(flat[k])
        found = evidence.notes[0] if evidence.notes and n >= LOOK else one(function, call, point, max(LOOK, n), way)
        if all(map(math.isfinite, found.c)) and not _meets(function, point, found, way):
            failed.append(k)
    if failed:
        where = slice(None) if good is None else good
        status = marked(status, where if 2 * len(failed) > len(tried) else failed, Status.NOT_REACHED)
        message = "f beside x0 is not where its Taylor polynomial is: part of f went unseen, or a kink is too close."
        evidence = replace(evidence, status=status.reshape(x0.shape), message=message)
    if function.eps > was:
        errors = tuple(e * (function.eps / was) for e in jet.errors)
        evidence = replace(evidence, jet=replace(jet, errors=errors))
    return evidence
