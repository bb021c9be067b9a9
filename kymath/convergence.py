"""How fast θ(h) reaches its limit: the order α and the leading coefficients of Theorem 3.13, measured and predicted."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import sympy as sp

from .errors import KYError, NotApplicable, NotFinite
from .evidence import Evidence, Jet, Side
from .families import ConnectionFunction, Polynomial
from .fit import Order, fitted_order, leading_coefficient
from .function import Function, X, as_function
from .measured import Measured, Rows, double, in_doubles, precise
from .methods import Symbolic
from .methods.bounded import within
from .predicted import Predicted, predicted_order
from .result import KYTransform
from .rules import Osculating, Rule
from .transform import first_step, transform

STEPS = 20  # halvings of h with high-precision arithmetic; in doubles until rounding shows, at most TRIES
TRIES = 44
ROUNDS = 4  # times that such steps go on to smaller h, where the order has not settled
SETTLED = 0.02  # spread of a settled order, and how far it may be from the predicted one
BUDGET, SHARE = 20.0, 0.7  # seconds for all of it, and of these for SymPy to find θ* and the derivatives


@dataclass(frozen=True, repr=False, eq=False)
class Convergence:
    """θ(h) → θ*: ‖θ(h) − θ*‖ ≈ K h^α (Eq. 24), measured and predicted.

    ``h``: positive, ``side`` gives the sign. ``theta`` and ``error`` = |θ(h) − θ*|: tuples of arrays along h, one for
    each parameter in the paper's order. ``noise``: what rounding can do to each (0 where f is an expression and the
    arithmetic was precise). ``limit``: the transform, θ*. ``order``: α of the Euclidean norm, nan where the
    errors follow no single power of h or another than predicted; ``order_spread``, its spread between neighbouring
    steps; ``orders``, per parameter (nan where a parameter has no error). ``constant``: K_i
    per parameter, signed, with θ_i(h) − θ_i* ≈ K_i h^α (0 for a parameter that converges faster). ``predicted_order``:
    nan where there is none; ``predicted_constant``: None where nothing is known. ``nodes``: the c_j at which f was
    read. ``note``: what else is to be said.
    """

    h: np.ndarray
    theta: Rows
    error: Rows
    noise: Rows
    limit: KYTransform
    side: Literal["right", "left"]
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
        return _norm(self.error)

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
    side: Literal["right", "left"] = "right",
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
    _as_double(x0)
    function = as_function(f)
    began = time.monotonic()
    with within(BUDGET):
        with within(SHARE * BUDGET):
            limit = transform(function, x0, family, rule, side=side, raises=True)
            sign = -1 if side == "left" else 1
            reach = rule.nodes(family, "both")
            across = any(c < 0 for c in reach)
            two_sided = across and bool(transform(function, x0, family, rule, raises=False).success)
            nodes = reach if two_sided or not across else rule.nodes(family, side)
            word: Side = "both" if two_sided else side
            values, errors = _jet(function, limit, family.size + 3, word)
            exact = _exact(function, limit)
        late = (
            function.symbolic
            and rule.closed(family)
            and exact is None
            and time.monotonic() - began > SHARE * BUDGET - 1
        )
        theta = tuple(double(c) for c in (limit if exact is None else exact).theta)
        if not all(map(math.isfinite, theta)):
            listed = ", ".join(f"{n} = {_shown(c)}" for n, c in zip(family.names, limit.theta, strict=True))
            raise NotFinite(
                f"the limit θ* is beyond the doubles, in which errors are given ({listed}). Scale f or its variable."
            )
        guess = predicted_order(rule, family, theta, nodes, values, errors, sign)
        found, fit = _settled(function, limit, exact, nodes, sign, steps, values, errors, guess)
        if math.isnan(guess.order) and guess.constant is not None and math.isfinite(fit.order):  # it lies higher
            values, errors = _jet(function, limit, family.size + math.ceil(fit.order) + 2, word)
            guess = predicted_order(rule, family, theta, nodes, values, errors, sign)
    if not np.any(np.all(np.isfinite(found.difference), axis=0)):
        raise NotFinite(_nowhere(found, nodes, limit, steps is not None))
    return _told(found, fit, guess, limit, side, nodes, late)


def _told(
    found: Measured,
    fit: Order,
    guess: Predicted,
    limit: KYTransform,
    side: Literal["right", "left"],
    nodes: tuple[Any, ...],
    late: bool,
) -> Convergence:
    """What was measured beside what was predicted, and no order where the two contradict each other."""
    errors_seen = math.isfinite(fit.order) or bool(fit.why)
    notes = [] if errors_seen and guess.constant and not any(guess.constant) else [guess.note]
    norm, steps = _norm(found.difference), found.h
    if fit.why:
        notes.append(fit.why)
    elif math.isnan(fit.order):
        notes.append(_unmeasured(found, norm, bool(guess.note)))
    elif abs(fit.order - guess.order) > max(0.25, 2 * fit.spread):
        notes.append(
            f"over these steps the errors fall like h^{fit.order:.3g}, not like the h^{guess.order:g} predicted: h is "
            "too large for the leading term, or too small for the arithmetic; give other steps"
        )
        fit = Order(math.nan, fit.spread, math.nan)
    if late:
        notes.append(f"SymPy was stopped after {SHARE * BUDGET:g} seconds, so θ* is numerical")
    orders = tuple(fitted_order(steps, np.abs(d), n).order for d, n in zip(found.difference, found.noise, strict=True))
    alpha = _exponent(fit.order, guess.order)
    constant = tuple(
        0.0 if own > alpha + 0.5 else leading_coefficient(steps, d, alpha, n) + 0.0
        for d, n, own in zip(found.difference, found.noise, orders, strict=True)
    )
    error = tuple(np.abs(d) for d in found.difference)
    return Convergence(
        steps, found.theta, error, found.noise, limit, side, nodes, fit.order, fit.spread, orders, constant,
        guess.order, guess.constant, "; ".join(note for note in notes if note),
    )  # fmt: skip


def _unmeasured(found: Measured, norm: np.ndarray, explained: bool) -> str:
    """Why there is no order, where the errors themselves do not say."""
    seen = norm[np.isfinite(norm)]
    if len(seen) < 3:
        return "fewer than three steps"
    if found.precise and np.any((seen > 0) & (seen < 1e-300)):
        return "the errors are smaller than doubles can be: give larger h"
    if explained:
        return ""
    if found.precise and not seen.any():
        return "θ(h) = θ* at these steps"
    return "the errors do not stand clear of rounding: θ(h) = θ* within it"


def _nowhere(found: Measured, nodes: tuple[Any, ...], limit: KYTransform, given: bool) -> str:
    x0 = abs(double(limit.x0))
    text = f"no θ(h) could be computed at the nodes {nodes}"
    if not found.precise and np.max(found.h, initial=0.0) < np.spacing(x0):
        whose = "the steps" if given else "the steps that f asks for"
        return f"{text}: {whose} are below the spacing of doubles at x0, {np.spacing(x0):.1e}. Give larger h."
    advice = "other steps or nodes" if given else "steps h of your own that fit f, or other nodes"
    return (
        f"{text}: f is not finite there, no member of the family passes through its values, or they are beyond the "
        f"doubles. Give {advice}, or scale f or its variable."
    )


def _norm(rows: Rows) -> np.ndarray:
    """The Euclidean norm along h, without overflow."""
    return np.asarray(np.hypot.reduce([np.abs(row) for row in rows], axis=0))


def _as_double(x0: Any) -> None:
    try:
        beyond = math.isinf(float(x0)) and not (isinstance(x0, float) or x0 in (sp.oo, -sp.oo))
    except OverflowError:
        beyond = True
    except (TypeError, ValueError):
        return  # transform says what is wrong
    if beyond:
        raise NotApplicable(f"convergence measures in doubles, and x0 = {_shown(x0)} is beyond them: scale x0.")


def _shown(value: Any) -> str:
    """A number of any size in a few digits."""
    number = double(value)
    return f"{number:.4g}" if math.isfinite(number) else str(sp.N(value, 4))


def _steps(h: Any) -> np.ndarray:
    try:
        steps = np.array(h, dtype=float)
    except (TypeError, ValueError) as error:
        raise NotApplicable(f"h must be a sequence of positive numbers; {h!r} was given.") from error
    except OverflowError as error:
        raise NotApplicable("h must be a sequence of positive doubles; it holds a number beyond 1.8e308.") from error
    if steps.ndim != 1 or steps.size == 0:
        raise NotApplicable(f"h must be a sequence of positive numbers in one dimension; its shape is {steps.shape}.")
    if not np.all(np.isfinite(steps) & (steps > 0)):
        wrong = steps[~(np.isfinite(steps) & (steps > 0))][0]
        raise NotApplicable(f'h must hold positive numbers, and side="left" makes them negative; it holds {wrong:g}.')
    return steps


def _exponent(order: float, predicted: float) -> float:
    """The exponent to measure coefficients with: the predicted or the nearest whole one where the fit bears it out."""
    if abs(order - predicted) < 0.1:
        return predicted
    return float(round(order)) if math.isfinite(order) and abs(order - round(order)) < 0.02 else order


def _jet(function: Function, limit: KYTransform, wanted: int, side: Side) -> tuple[list[float], list[float]]:
    """As many of f, f′, f″, … at x0, up to f^(wanted), as exist, with their errors."""
    size = limit.family.size
    degrees = list(dict.fromkeys((wanted, size + 1, size, 2, 1)))
    x0 = limit.x0 if isinstance(limit.x0, sp.Basic) else sp.Rational(*float(limit.x0).as_integer_ratio())
    for degree in degrees if function.symbolic else ():
        entries: Any = SimpleNamespace(size=degree + 1)  # all that the evidence asks of a family
        jet = Symbolic().evidence(function, x0, entries, Osculating(), side).jet
        if jet is not None:
            return _finite([double(sp.N(v, 25)) for v in jet.values], [0.0] * len(jet.values))
    for degree in (d for d in degrees if d <= size + 1):
        try:
            found = transform(function, limit.x0, Polynomial(min(degree, 40)), side=side)
        except KYError:
            continue
        scale = [math.factorial(k) for k in range(len(found.theta))]
        return _finite(
            [s * double(c) for s, c in zip(scale, found.theta[::-1], strict=True)],
            [s * double(e) for s, e in zip(scale, found.error[::-1], strict=True)],
        )
    return [], []


def _finite(values: list[float], errors: list[float]) -> tuple[list[float], list[float]]:
    """The entries before the first that is no double."""
    count = next((k for k, v in enumerate(values) if not math.isfinite(v + errors[k])), len(values))
    return values[:count], errors[:count]


def _exact(function: Function, limit: KYTransform) -> KYTransform | None:
    """The limit in exact numbers, where f is an expression and there is one: at x0, or of f(x0 + s) at s = 0."""
    if not function.symbolic or limit.method != "symbolic" or not limit.rule.closed(limit.family):
        return None
    if limit.exact:
        return limit
    x0 = limit.x0 if isinstance(limit.x0, sp.Basic) else sp.Rational(*float(limit.x0).as_integer_ratio())
    moved = Function(sp.Lambda(X, function.expression.xreplace({X: x0 + X})))  # type: ignore[union-attr]
    found = transform(moved, sp.Integer(0), limit.family, limit.rule, side=limit.side, raises=False)
    return found if found.success and found.exact else None


# -- the steps ---------------------------------------------------------------------------------------------------------


def _settled(
    function: Function,
    limit: KYTransform,
    exact: KYTransform | None,
    nodes: tuple[Any, ...],
    sign: int,
    steps: np.ndarray | None,
    jet: list[float],
    doubt: list[float],
    guess: Predicted,
) -> tuple[Measured, Order]:
    """θ(h) along the steps, and the order of its errors: at default steps with many digits, where it has settled."""
    start = _first(jet, doubt, float(limit.x0)) / 2.0 ** math.ceil(math.log2(max(1, *(abs(float(c)) for c in nodes))))
    best: tuple[Measured, Order] | None = None
    for _ in range(ROUNDS if exact is not None and steps is None else exact is not None):
        assert exact is not None
        h = start * 0.5 ** np.arange(STEPS) if steps is None else steps
        assert exact.function is not None
        found = (
            precise(exact.function, exact, nodes, sign, h, STEPS // 4) if h[-1] > 1e-290 or steps is not None else None
        )
        if found is None:
            break
        if steps is None:
            found = found.at(np.all(np.isfinite(found.difference), axis=0))
        fit = _fitted(found)
        near = math.isnan(guess.order) or abs(fit.order - guess.order) < SETTLED
        settled = fit.spread < SETTLED**2 and near and not fit.why
        if best is None or settled or len(found.h) > 2:
            best = found, fit
        if settled or (math.isnan(fit.order) and not fit.why and len(found.h) > 2):  # or there are no errors
            break
        start *= 0.5**STEPS
    if best is not None:
        return best
    h = start * 0.5 ** np.arange(TRIES) if steps is None else steps
    found = in_doubles(function, limit, nodes, sign, h, jet, doubt)
    if steps is None:
        keep = np.all(np.isfinite(found.difference), axis=0)
        drowned = np.max(np.abs(found.difference), axis=0) < 3 * np.max(found.noise, axis=0)
        if drowned.any():
            keep[int(np.argmax(drowned)) + 3 :] = False  # a few steps beyond show that rounding took over
        found = found.at(keep)
    return found, _fitted(found)


def _fitted(found: Measured) -> Order:
    return fitted_order(found.h, _norm(found.difference), _norm(found.noise))


def _first(jet: list[float], doubt: list[float], x0: float) -> float:
    """A first step, a power of 2 on the scale on which f bends at x0, as far as its derivatives tell."""
    terms = [
        abs(v) / math.factorial(k) if abs(v) > 4 * e else 0.0 for k, (v, e) in enumerate(zip(jet, doubt, strict=True))
    ]
    logs = {k: math.log2(c) for k, c in enumerate(terms) if k and c > 0}
    half = max((len(terms) - 1) // 2, min(2, len(terms) - 2))
    upper, lower = [k for k in logs if k > half], [j for j in logs if j <= half]
    if upper and lower:  # |s| where the largest upper term reaches the largest lower one
        reach = min(max((logs[j] - logs[k]) / (k - j) for j in lower) for k in upper)
        return 2.0 ** max(min(math.floor(reach) - 1, 900), -900)
    known = Jet(tuple(jet), tuple(0.0 for _ in jet)) if jet else None
    return 2.0 ** math.floor(math.log2(first_step(Evidence(known), x0)))
