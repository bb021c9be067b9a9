"""The order and the leading term of θ(h) − θ*, predicted from the jet of f (Theorem 3.13, with its constant)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .families import ConnectionFunction
from .rules import MinimumNorm, Osculating, Rule, SmallestFrequency, SmallestRate


class Predicted(NamedTuple):
    """θ_i(h) − θ_i* ≈ constant_i · h^order; nan where there is no order, None where nothing is known, and why."""

    order: float
    constant: tuple[float, ...] | None
    note: str


def predicted_order(
    rule: Rule,
    family: ConnectionFunction,
    theta: Sequence[float],
    nodes: Sequence[Any],
    values: Sequence[float],
    errors: Sequence[float],
    sign: int = 1,
) -> Predicted:
    """The first term of θ(h) − θ* for steps of the given sign, from the jet ``values`` of f and its ``errors``.

    Osculating rules: h^m DJ⁻¹ (k!/(k+m)! · H_m(c_0 … c_k) · (f_{k+m} − g_{k+m}))_k, H_m the complete homogeneous
    symmetric polynomials, for the first m at which it is not 0. Two-point rules: their closed forms at finite h, with
    f(x0 + h) − f(x0) = f_1 h + f_2 h²/2 + … put in.
    """
    if not all(map(math.isfinite, theta)):
        return Predicted(math.nan, None, "no prediction without a limit")
    needed = family.size if isinstance(rule, Osculating) else 2
    if len(values) <= needed:
        return Predicted(math.nan, None, f"no prediction: f^({needed}) was not found at x0 (f is not smooth enough)")
    terms: Terms | None
    if isinstance(rule, Osculating):
        terms = _node_terms(family, theta, nodes, values, errors)
    else:
        terms = _two_point_terms(rule, family, values, errors, sign)
    if terms is None:
        return Predicted(math.nan, None, f"no closed form of {rule!r} for {family!r}, hence no prediction")
    if not terms:
        return Predicted(math.nan, None, "the derivatives of f at x0 are not known well enough for a prediction")
    for m, (term, doubt) in enumerate(terms, start=1):
        size = np.where(np.abs(term) > doubt, term, 0.0) + 0.0
        if np.any(size != 0):
            constant = size if sign > 0 or m % 2 == 0 else 0.0 - size
            return Predicted(float(m), tuple(float(c) for c in constant), "")
    zero = tuple(0.0 for _ in family.names)
    return Predicted(
        math.nan, zero, f"f agrees with its limit curve beyond the orders looked at: no error up to h^{len(terms)}"
    )


Terms = list[tuple[np.ndarray, np.ndarray]]


def _node_terms(
    family: ConnectionFunction,
    theta: Sequence[float],
    nodes: Sequence[Any],
    values: Sequence[float],
    errors: Sequence[float],
) -> Terms:
    """The h^m terms of θ(h) − θ*, each valid where those before it vanish, with their errors."""
    n, top = family.size, len(values) - 1
    g = np.array([float(v) for v in family.jet(theta, top)])
    slopes = family.jacobian(tuple(theta), top)
    defect = np.asarray(values) - g
    doubt = np.asarray(errors) + 1e-12 * (np.abs(values) + np.abs(g) + np.abs(slopes) @ np.abs(theta))
    scale = np.array([math.factorial(k) for k in range(n)], dtype=float)  # rows of one size, for the inverse
    inverse = np.linalg.pinv(slopes[:n] / scale[:, None])
    out = []
    for m in range(1, top - n + 2):
        right, blur = np.zeros(n), np.zeros(n)
        for k in range(max(n - m, 0), n):
            weight = 1 / math.factorial(k + m) * _complete([float(c) for c in nodes[: k + 1]], m)
            right[k], blur[k] = weight * defect[k + m], abs(weight) * doubt[k + m]
        out.append((inverse @ right, np.abs(inverse) @ (blur + 1e-13 * np.abs(right))))
    return out


def _complete(numbers: Sequence[float], m: int) -> float:
    """The complete homogeneous symmetric polynomial of degree m.

    >>> _complete([1, 2], 2)                               # 1·1 + 1·2 + 2·2
    7.0
    """
    out = [1.0] + [0.0] * m
    for c in numbers:
        for j in range(1, m + 1):
            out[j] += c * out[j - 1]
    return out[m]


def _two_point_terms(
    rule: Rule, family: ConnectionFunction, values: Sequence[float], errors: Sequence[float], sign: int
) -> Terms | None:
    main = _expansion(rule, family, values, sign)
    if main is None:
        return None
    doubt = 1e-12 * (np.abs(main) + np.max(np.abs(main[0])))
    for k, error in enumerate(errors):
        if error > 0:
            moved = _expansion(rule, family, [v + (j == k) * error for j, v in enumerate(values)], sign)
            assert moved is not None
            doubt = doubt + np.abs(moved - main)
    return [(main[m], doubt[m]) for m in range(1, len(main))]


def _expansion(rule: Rule, family: ConnectionFunction, values: Sequence[float], sign: int) -> np.ndarray | None:
    """θ(h) of a two-point rule as a power series in h: (terms, N); None where it has no closed form here."""
    from .families import Exponential, Harmonic

    count = len(values) - 1
    slope = np.array([values[k + 1] / math.factorial(k + 1) for k in range(count)])  # D / h
    f0 = values[0]
    if isinstance(rule, MinimumNorm) and family.linear:
        return _least_norm(family, f0, slope, count)
    leading = next((k for k in range(count) if slope[k] != 0), None)
    if leading is None:
        return None
    way = math.copysign(1.0, slope[leading]) * sign ** (leading + 1)  # sgn D(h)
    rise = np.concatenate([[0.0], slope])[:count]  # D, to the terms kept
    constant = np.eye(1, count)[0]
    m = float(getattr(rule, "bound", 1.0))
    if isinstance(rule, SmallestRate) and isinstance(family, Exponential):
        rate = _composed([0.0] + [(-1.0) ** (k + 1) / k for k in range(1, count + 1)], way * slope / m, count)
        return np.array([way * m * constant, rate, (f0 - way * m) * constant]).T
    if isinstance(rule, SmallestFrequency) and isinstance(family, Harmonic):
        if family.offset:
            arcsine = [_arcsine(k) for k in range(count + 1)]
            w = 2 * sign * _composed(arcsine, way * slope / (2 * m), count)
            start = 1.5 * math.pi if way * sign > 0 else 0.5 * math.pi
            phase = start * constant - np.concatenate([[0.0], w])[:count] / 2
            return np.array([m * constant, w, phase, f0 * constant + rise / 2]).T
        root = math.sqrt(m * m - f0 * f0)
        outer = [0.0, 1 / root, f0 / (2 * root**3), (m * m + 2 * f0 * f0) / (6 * root**5)][: count + 1]
        w = way * sign * _composed(outer, slope, min(count, 3))
        kept = constant[: len(w)]
        start = math.asin(f0 / m)
        phase_value = 1.5 * math.pi + start if way * sign > 0 else 0.5 * math.pi - start
        return np.array([m * kept, w, phase_value * kept]).T
    return None


def _composed(outer: Sequence[float], inner: np.ndarray, count: int) -> np.ndarray:
    """outer(h · inner(h)) / h for outer(0) = 0, to ``count`` terms."""
    out, power = np.zeros(count), np.eye(1, count)[0]
    for k in range(1, len(outer)):
        power = np.convolve(power, inner)[:count]
        if k - 1 < count:
            out[k - 1 :] += outer[k] * power[: count - k + 1]
    return out


def _arcsine(k: int) -> float:
    return math.comb(k - 1, (k - 1) // 2) / (2 ** (k - 1) * k) if k % 2 else 0.0


def _least_norm(family: Any, f0: float, slope: np.ndarray, count: int) -> np.ndarray:
    """Bᵀ(BBᵀ)⁻¹(f0, D/h) with B the basis at x0 and its divided difference, as power series."""
    row = np.array([float(b) for b in family.basis_jet(0)])
    differ = np.array([[float(b) for b in family.basis_jet(k + 1)] for k in range(count)])
    differ /= np.array([math.factorial(k + 1) for k in range(count)])[:, None]

    def times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.convolve(a, b)[:count]

    aa = float(row @ row)
    ab = differ @ row
    bb = sum(times(column, column) for column in differ.T)
    det = aa * bb - times(ab, ab)
    inverse = np.zeros(count)
    for k in range(count):
        inverse[k] = ((k == 0) - float(np.dot(det[1 : k + 1], inverse[:k][::-1]))) / det[0]
    u = times(bb * f0 - times(ab, slope), inverse)
    v = times(aa * slope - ab * f0, inverse)
    return np.array([u * a + times(v, column) for a, column in zip(row, differ.T, strict=True)]).T
