"""How fast θ(h) reaches its limit: the order α and the leading coefficients of Theorem 3.13, measured and predicted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from .definition import theta_at
from .divided import divided_differences, multiplicities
from .errors import KYError, NotApplicable, NotFinite
from .evidence import Evidence, Jet
from .families import ConnectionFunction, Polynomial
from .families.base import S
from .fit import fitted_order, leading_coefficient
from .function import Function, X, as_function
from .predicted import predicted_order
from .result import KYTransform
from .rules import Osculating, Rule
from .transform import first_step, transform

EPS = float(np.finfo(float).eps)
STEPS = 20  # halvings of h with high-precision arithmetic; in doubles until rounding shows, at most TRIES
TRIES = 44
Rows = tuple[np.ndarray, ...]


@dataclass(frozen=True, repr=False, eq=False)
class Convergence:
    """θ(h) → θ*: ‖θ(h) − θ*‖ ≈ K h^α (Eq. 24), measured and predicted.

    ``h``: positive, ``side`` gives the sign. ``theta`` and ``error`` = |θ(h) − θ*|: tuples of arrays along h, one for
    each parameter in the paper's order. ``noise``: what rounding can do to each (0 where f is an expression and the
    arithmetic was precise). ``limit``: the transform, θ*. ``order``: α of the Euclidean norm; ``order_spread``, its
    spread between neighbouring steps; ``orders``, per parameter (nan where a parameter has no error). ``constant``: K_i
    per parameter, signed, with θ_i(h) − θ_i* ≈ K_i h^α (0 for a parameter that converges faster). ``predicted_order``:
    nan where there is none; ``predicted_constant``: None where nothing is known. ``nodes``: the c_j at which f was
    read. ``note``: what else is to be said.
    """

    h: np.ndarray
    theta: Rows
    error: Rows
    noise: Rows
    limit: KYTransform
    side: str
    nodes: tuple[Any, ...]
    order: float
    order_spread: float
    orders: tuple[float, ...]
    constant: tuple[float, ...]
    predicted_order: float = float("nan")
    predicted_constant: tuple[float, ...] | None = None
    note: str = field(default="")

    @cached_property
    def norm(self) -> np.ndarray:
        """‖θ(h) − θ*‖₂ along h."""
        return np.sqrt(np.sum(np.square(self.error), axis=0))

    def __repr__(self) -> str:
        label = self.limit.function.label if self.limit.function is not None else "f"
        head = f"convergence of {self.limit.symbol}[{label}]({self.limit.x0}) from the {self.side}"
        if math.isnan(self.order):
            return f"{head}: {self.note or 'no order'}"
        guess = "" if math.isnan(self.predicted_order) else f" (predicted {self.predicted_order:g})"
        listed = ", ".join(f"{name} {c:.4g}" for name, c in zip(self.limit.family.names, self.constant, strict=True))
        return f"{head}: order {self.order:.4f}{guess}, leading coefficients {listed}"


def convergence(
    f: Any,
    x0: Any,
    family: ConnectionFunction | None = None,
    rule: Rule | None = None,
    *,
    h: Any = None,
    side: str = "right",
) -> Convergence:
    """How θ(h) approaches its limit θ* from one side: ‖θ(h) − θ*‖ ≈ K h^α, with α and K measured and predicted.

    ``f``, ``x0`` (one number), ``family`` and ``rule`` as in :func:`kymath.transform`. ``h``: the steps, positive
    numbers in one dimension; None takes a halving sequence on the scale of f (to where rounding begins to show; for
    expressions θ(h) is computed with more digits, so that it does not). ``side``: "right" (h > 0) or "left" (h < 0).

    The nodes are the rule's own, 0, 1, −1, … for ``Osculating()``, wherever the two-sided limit exists; where f has no
    such limit (it is not finite, or has a corner) its nodes 0, 1, 2, … on the side asked for.

    The prediction expands the node equations in h: with f_k − g^(k)(x0; θ*) = d_k and the complete homogeneous
    symmetric polynomials H_m of the nodes, θ(h) = θ* + h^m DJ⁻¹ (k!/(k+m)! · H_m(c_0 … c_k) d_{k+m})_k + O(h^{m+1}) for
    the first m at which it is not 0. For m = 1 that is h · mean(c) · d_N · DJ⁻¹ e_N: order 1, and 2 where mean(c) = 0.

    Raises ``NotApplicable`` for steps, points or sides that are none, and what :func:`kymath.transform` raises where
    there is no limit. Source: Condor, Theorem 3.13 and Eq. 24, repaired (docs, "Order of convergence").

    >>> import sympy as sp, kymath as ky
    >>> from kymath.convergence import convergence
    >>> x = sp.symbols("x")
    >>> found = convergence(x**3, 1, ky.Polynomial(2))        # a1(h) = 3 + h², Eq. 28
    >>> round(found.order, 6), found.predicted_order, found.predicted_constant
    (2.0, 2.0, (0.0, 1.0, 0.0))
    """
    family = Polynomial(2) if family is None else family
    rule = Osculating() if rule is None else rule
    if side not in ("right", "left"):
        raise NotApplicable(
            f'side must be "right" (h > 0) or "left" (h < 0), as h is one sequence; {side!r} was given.'
        )
    if np.ndim(x0) or (isinstance(x0, sp.Basic) and x0.free_symbols):
        raise NotApplicable(f"convergence looks at one point, a number; x0 = {x0!r} was given.")
    steps = None if h is None else _steps(h)
    function = as_function(f)
    limit = transform(function, x0, family, rule, side=side, raises=True)
    sign = -1 if side == "left" else 1
    reach = rule.nodes(family, "both")
    across = any(c < 0 for c in reach)
    two_sided = across and bool(transform(function, x0, family, rule, raises=False).success)
    nodes = reach if two_sided or not across else rule.nodes(family, side)
    values, errors = _jet(function, x0, family.size, "both" if two_sided else side)
    reference, theta, difference, noise, steps = _measured(function, limit, nodes, sign, steps, values, errors)
    if not np.any(np.isfinite(np.sum(difference, axis=0))):
        raise NotFinite(
            f"no θ(h) could be computed at the nodes {nodes}: f is not finite there, or no member of the family passes "
            "through its values. Give smaller h, or other nodes."
        )
    guess = predicted_order(rule, family, reference, nodes, values, errors, sign)
    note = guess.note
    norm = np.sqrt(np.sum(np.square(difference), axis=0))
    fit = fitted_order(steps, norm, np.sqrt(np.sum(np.square(noise), axis=0)))
    orders = tuple(fitted_order(steps, np.abs(d), n).order for d, n in zip(difference, noise, strict=True))
    if math.isnan(fit.order) and not note:
        few = int(np.sum(np.isfinite(norm))) < 3
        note = "fewer than three steps" if few else "the errors do not stand clear of rounding: θ(h) = θ* within it"
    alpha = _exponent(fit.order, guess.order)
    constant = tuple(
        0.0 if own > alpha + 0.5 else leading_coefficient(steps, d, alpha, n) + 0.0
        for d, n, own in zip(difference, noise, orders, strict=True)
    )
    error = tuple(np.abs(d) for d in difference)
    return Convergence(
        steps, theta, error, noise, limit, side, nodes, fit.order, fit.spread, orders, constant,
        guess.order, guess.constant, note,
    )  # fmt: skip


def _steps(h: Any) -> np.ndarray:
    try:
        steps = np.array(h, dtype=float)
    except (TypeError, ValueError) as error:
        raise NotApplicable(f"h must be a sequence of positive numbers; {h!r} was given.") from error
    if steps.ndim != 1 or steps.size == 0:
        raise NotApplicable(f"h must be a sequence of positive numbers in one dimension; its shape is {steps.shape}.")
    if not np.all(np.isfinite(steps) & (steps > 0)):
        wrong = steps[~(np.isfinite(steps) & (steps > 0))][0]
        raise NotApplicable(f'h must hold positive numbers, and side="left" makes them negative; it holds {wrong:g}.')
    return steps


def _finished(theta: Sequence[Any]) -> bool:
    return all(math.isfinite(float(c)) for c in theta)


def _exponent(order: float, predicted: float) -> float:
    """The exponent to measure coefficients with: the predicted or the nearest whole one where the fit bears it out."""
    if abs(order - predicted) < 0.1:
        return predicted
    return float(round(order)) if math.isfinite(order) and abs(order - round(order)) < 0.02 else order


def _jet(function: Function, x0: Any, size: int, side: str) -> tuple[list[float], list[float]]:
    """As many of f, f′, f″, … at x0 as are wanted and exist, with their errors."""
    for degree in dict.fromkeys((size + 3, size + 1, size, 2, 1) if function.symbolic else (size + 1, size, 2, 1)):
        try:
            found = transform(function, x0, Polynomial(min(degree, 40)), side=side)
        except KYError:
            continue
        scale = [math.factorial(k) for k in range(len(found.theta))]
        return (
            [s * float(c) for s, c in zip(scale, found.theta[::-1], strict=True)],
            [s * float(e) for s, e in zip(scale, found.error[::-1], strict=True)],
        )
    return [], []


# -- θ(h), with more digits for expressions ----------------------------------------------------------------------------


def _measured(
    function: Function,
    limit: KYTransform,
    nodes: tuple[Any, ...],
    sign: int,
    steps: np.ndarray | None,
    jet: list[float],
    doubt: list[float],
) -> tuple[tuple[Any, ...], Rows, Rows, Rows, np.ndarray]:
    """(θ*, θ(h), θ(h) − θ*, noise, h)."""
    family, x0 = limit.family, float(limit.x0)
    start = _first(jet, x0) / max(1, *(abs(float(c)) for c in nodes))
    exact = _exact(function, limit)
    if exact is not None:
        h = start * 0.5 ** np.arange(STEPS) if steps is None else steps
        try:
            theta, difference = _precise(function, exact, nodes, sign * h)
        except (NotImplementedError, TypeError, ValueError, ArithmeticError, AttributeError, NameError, KeyError):
            pass  # a function that mpmath has not, or a rule without a closed form: in doubles, then
        else:
            keep = np.all(np.isfinite(difference), axis=0) | (steps is not None)
            h, theta, difference = h[keep], tuple(r[keep] for r in theta), tuple(r[keep] for r in difference)
            noise = tuple(np.zeros(h.shape) for _ in theta)
            return tuple(float(c) for c in exact.theta), theta, difference, noise, h
    reference = tuple(float(c) for c in limit.theta)
    h = start * 0.5 ** np.arange(TRIES) if steps is None else steps
    theta = theta_at(function, x0, family, limit.rule, sign * h, _word(limit, nodes))
    own = [np.full(h.shape, float(e)) for e in limit.error]
    noise = tuple(
        n + e for n, e in zip(_noise(function, x0, limit, nodes, sign * h, theta, jet, doubt), own, strict=True)
    )
    difference = family.difference(theta, [np.full(h.shape, c) for c in reference])
    if steps is None:
        keep = np.all(np.isfinite(difference), axis=0)
        drowned = np.max(np.abs(difference), axis=0) < 3 * np.max(noise, axis=0)
        if drowned.any():
            keep[int(np.argmax(drowned)) + 3 :] = False  # a few steps beyond show that rounding took over
        h, theta, difference, noise = h[keep], *(tuple(r[keep] for r in x) for x in (theta, difference, noise))
    return reference, theta, difference, noise, h


def _word(limit: KYTransform, nodes: tuple[Any, ...]) -> str:
    return "both" if nodes == limit.rule.nodes(limit.family, "both") else limit.side


def _first(jet: list[float], x0: float) -> float:
    known = Jet(tuple(jet), tuple(0.0 for _ in jet)) if jet else None
    return first_step(Evidence(known), x0)


def _exact(function: Function, limit: KYTransform) -> KYTransform | None:
    """The limit in exact numbers, where f is an expression and there is one."""
    if not function.symbolic or limit.method != "symbolic" or not limit.rule.closed(limit.family):
        return None
    if limit.exact:
        return limit
    x0 = sp.Rational(*float(limit.x0).as_integer_ratio())
    found = transform(function, x0, limit.family, limit.rule, side=limit.side, raises=False)
    return found if found.success and found.exact else None


def _precise(function: Function, limit: KYTransform, nodes: tuple[Any, ...], h: np.ndarray) -> tuple[Rows, Rows]:
    """θ(h) and θ(h) − θ* with so many digits that rounding plays no part."""
    family, rule = limit.family, limit.rule
    digits = 40 + math.ceil((family.size + 2) * max(2.0, -math.log10(float(np.min(np.abs(h))))))
    start = theta_at(function, float(limit.x0), family, rule, h, _word(limit, nodes))
    with mpmath.workdps(digits):
        x0, wanted = _number(limit.x0, digits), [_number(c, digits) for c in limit.theta]
        solve = _newton(function, family, nodes, x0, digits) if isinstance(rule, Osculating) else None
        two_point = sp.lambdify(X, function.expression, "mpmath")
        theta, difference = np.full((family.size, len(h)), np.nan), np.full((family.size, len(h)), np.nan)
        for k, step in enumerate(h):
            width = mpmath.mpf(float(step))
            if solve is not None:
                first = [mpmath.mpf(float(row[k])) for row in start]
                found = solve(width, first) if _finished(first) else solve(width, wanted)
            else:
                f0, f1 = _real(two_point(x0)), _real(two_point(x0 + width))
                found = [_number(c, digits) for c in rule.solve(family, f0, f1, width)]
            if found is None or not _finished(found):
                continue
            found = list(family.canonical(found))
            for i, (name, c, w) in enumerate(zip(family.names, found, wanted, strict=True)):
                d, turn = c - w, 2 * mpmath.pi
                if name in family.angles:
                    d, c = d - turn * mpmath.nint(d / turn), c % turn
                theta[i, k] = float(c)
                difference[i, k] = float(d) if abs(d) > mpmath.mpf(10) ** -30 * (1 + abs(w)) else 0.0
    return tuple(theta), tuple(difference)


def _number(value: Any, digits: int) -> Any:
    if isinstance(value, mpmath.mpf):
        return value
    return _real(mpmath.mpmathify(str(sp.N(value, digits))))


def _real(value: Any) -> Any:
    value = mpmath.mpmathify(value)
    if isinstance(value, mpmath.mpc):
        return value.real if value.imag == 0 else mpmath.nan
    return value


def _newton(
    function: Function, family: ConnectionFunction, nodes: tuple[Any, ...], x0: Any, digits: int
) -> Callable[[Any, Sequence[Any]], list[Any] | None]:
    """θ from the node equations, as divided differences, by Newton's iteration in mpmath's arithmetic."""
    orders = multiplicities(nodes)
    numbers = [_number(c, digits) for c in nodes]
    targets = [sp.lambdify(X, sp.diff(function.expression, X, r), "mpmath") for r in orders]
    curves = []
    for r in orders:
        g = sp.diff(family.expression, S, r)
        curves.append(sp.lambdify((S, *family.symbols), [g, *(sp.diff(g, p) for p in family.symbols)], "mpmath"))

    def solve(h: Any, start: Sequence[Any]) -> list[Any] | None:
        theta = mpmath.matrix([mpmath.mpf(c) for c in start])
        wanted = divided_differences(nodes, h, [_real(t(x0 + c * h)) for c, t in zip(numbers, targets, strict=True)])
        if not _finished(wanted):
            return None
        for _ in range(40):
            table = [curve(c * h, *theta) for c, curve in zip(numbers, curves, strict=True)]
            columns = [
                divided_differences(nodes, h, [mpmath.mpf(row[j]) for row in table]) for j in range(family.size + 1)
            ]
            residual = mpmath.matrix([columns[0][k] - wanted[k] for k in range(family.size)])
            slopes = mpmath.matrix(family.size, family.size)
            for k in range(family.size):
                for j in range(family.size):
                    slopes[k, j] = columns[j + 1][k]
            move = mpmath.lu_solve(slopes, residual)
            theta = theta - move
            if mpmath.norm(move) <= mpmath.mpf(10) ** -38 * (1 + mpmath.norm(theta)):
                return list(theta)
        return None

    return solve


def _noise(
    function: Function,
    x0: float,
    limit: KYTransform,
    nodes: tuple[Any, ...],
    h: np.ndarray,
    theta: Rows,
    jet: list[float],
    doubt: list[float],
) -> Rows:
    """How far θ(h) moves when each value of f moves by its rounding: tried out, one value after another."""
    total = [np.zeros(h.shape) for _ in theta]
    orders = multiplicities(nodes)
    unknown = any(r and (c or r >= len(jet)) for c, r in zip(nodes, orders, strict=True))
    if unknown or not limit.rule.closed(limit.family):
        return tuple(total)
    points = [x0 + float(c) * h for c in nodes]
    rows = [np.full(h.shape, jet[r]) if r else function(p) for p, r in zip(points, orders, strict=True)]
    values = [k for k, r in enumerate(orders) if r == 0]
    with np.errstate(all="ignore"):
        for j, row in enumerate(rows):
            size = function.eps * np.abs(row)
            if orders[j]:
                size = size + doubt[orders[j]]
            else:
                slopes = [np.abs((row - rows[k]) / (points[j] - points[k])) for k in values if k != j]
                steepest = np.max([np.where(np.isfinite(slope), slope, 0.0) for slope in slopes], axis=0)
                size = size + EPS / 2 * np.abs(points[j]) * steepest
            found = limit.rule.at(limit.family, nodes, h, [*rows[:j], row + size, *rows[j + 1 :]])
            moved = [np.broadcast_to(np.asarray(c, float), h.shape) for c in found]
            for sum_, d in zip(total, limit.family.difference(moved, theta), strict=True):
                sum_ += np.abs(np.nan_to_num(d, nan=0.0, posinf=0.0, neginf=0.0))
    return tuple(total)
