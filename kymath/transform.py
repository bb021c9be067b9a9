"""The one road: choose the method, get evidence, let the rule decide, carry the errors through, return the result."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import sympy as sp

from .arithmetic import is_exact
from .better import swamped
from .choose import gather
from .definition import contradiction, theta_at
from .errors import NotApplicable, Status
from .evidence import Evidence, Side, Step, all_converged, converged, marked, statuses
from .families import ConnectionFunction, Polynomial
from .function import Function, as_function
from .lazy import is_lazy, lazily
from .methods import Adaptive, Certified, Contour, Method, Precise, Symbolic, Taylor
from .methods.bounded import OutOfTime, bounded
from .request import check_request, floats, point_of
from .result import KYTransform
from .rules import Osculating, Rule
from .settle import EPS, Settled, in_floats, settle, settle_exact

LARGE = 10**9  # a whole number in a shortened result, unless there was one before
ONE_SIDED = (Status.NO_LIMIT, Status.DIVERGES, Status.NOT_FINITE)  # where one side may have what both have not
LONG = 100  # operations in a result with logarithms, beyond which SymPy does not shorten it


def transform(
    f: Any,
    x0: Any,
    family: ConnectionFunction | None = None,
    rule: Rule | None = None,
    method: Method | None = None,
    *,
    side: Literal["both", "right", "left"] = "both",
    check: bool = True,
    raises: bool | None = None,
) -> KYTransform:
    """∇_KY[f](x0) = lim_{h→0} θ(h), the parameters of the connection function that joins f(x0) and f(x0 + h).

    ``f``: a SymPy expression with one symbol, a ``Lambda``, or a callable of one real number. ``x0``: a number (int
    and SymPy numbers stay exact, a float gives a float with its error), a symbol, or an array (every parameter then
    has its shape; of a dask array, lazily). ``family``: the connection function, ``Polynomial(2)`` by default.
    ``rule``: what makes θ(h) unique, ``Osculating()`` by default. ``method``: how the limit is taken, None to choose.
    ``side``: "both", "right" or "left". ``check``: compare the answer with an independent road before it is returned.
    ``raises``: whether a failure is an exception; by default it is for one point, and a status with NaN for an array.

    Raises ``NoLimit``, ``Diverges``, ``NotUnique``, ``NoContact``, ``NotReached``, ``NotFinite``, ``BadFunction`` and
    ``NotApplicable``, all of them ``KYError``. Source: Condor, Definitions 3.3–3.7.

    >>> import sympy as sp, kymath as ky
    >>> x = sp.symbols("x")
    >>> ky.transform(x**3, 1, ky.Polynomial(2)).theta
    (3, 3, 1)
    """
    family = Polynomial(2) if family is None else family
    rule = Osculating() if rule is None else rule
    check_request(family, rule, method, side)
    rule.check(family)
    function = as_function(f)
    if isinstance(f, (int, float)) and isinstance(x0, sp.Expr) and x0.free_symbols and not x0.is_Symbol:
        raise NotApplicable(f"f = {f} is a number and x0 = {x0} a formula: the order is transform(f, x0, family).")
    if is_lazy(x0):

        def transformed(points: np.ndarray) -> KYTransform:
            return transform(f, points, family, rule, method, side=side, check=check, raises=False)

        return lazily(transformed, function, x0, family, rule, method.name if method else "auto", side, raises)
    point, scalar = point_of(x0)
    many = isinstance(point, np.ndarray) and not scalar
    raises = (not many) if raises is None else raises
    if (
        many
        or (isinstance(point, np.ndarray) and not function.symbolic)
        or isinstance(method, (Adaptive, Contour, Taylor))
    ):
        result = _numerical(function, floats(point, x0), scalar, family, rule, method, side, check)
    else:
        result = _scalar(function, x0, point, family, rule, method, side, check)
    if raises and not (result.success.all() if many else result.success):
        result.raise_for_status()
    return result


# -- numbers ---------------------------------------------------------------------------------------------------------


def _numerical(
    function: Function,
    points: np.ndarray,
    scalar: bool,
    family: ConnectionFunction,
    rule: Rule,
    method: Method | None,
    side: Side,
    check: bool,
) -> KYTransform:
    taken, evidence, how = gather(function, points, family, rule, method, side, check)
    settled = _tolerated(settle(evidence, family, rule, side), taken, family)
    if isinstance(taken, Taylor):
        settled = swamped(settled, evidence.jet, family, named=method is not None)
    reached = all_converged(settled.status)
    if check and reached and scalar and _homemade(family, rule):
        against = contradiction(function, float(points), family, rule, side, [float(c) for c in settled.theta])
        if against:
            settled, reached = replace(settled, status=statuses((), Status.NOT_REACHED), message=against), False
    reason = how if reached or not settled.message else settled.message

    def result(one: Settled, word: Side, message: str, best: bool = False) -> KYTransform:
        theta, error = one.theta, one.error
        if not (best or all_converged(one.status)):
            lost = ~converged(one.status)
            theta, error = (tuple(np.where(lost, np.nan, row) for row in rows) for rows in (theta, error))
        if scalar:
            theta, error = tuple(map(_item, theta)), tuple(map(_item, error))
        status = one.status[()] if scalar else one.status
        shown = points if isinstance(points, sp.Basic) or not scalar else float(points)
        nfev = int(evidence.nfev) if scalar else evidence.nfev
        bound = evidence.jet.bound if evidence.jet is not None else False
        steps = Stepper(function, float(points), family, rule, word, theta, taken, evidence) if scalar else None
        return KYTransform(
            theta,
            error,
            family,
            rule,
            taken.name,
            word,
            shown,
            status,
            message,
            bound,
            False,
            nfev,
            function=function,
            _take_steps=steps,
        )

    main = result(settled, side, reason)
    if scalar and main.status is Status.NOT_REACHED:
        return replace(main, best=result(settled, side, settled.message, best=True))
    if side == "both" and scalar and main.status in ONE_SIDED:
        left, right = _sides(evidence, settled, family, rule, result)
        return replace(main, left=left, right=right)
    return main


def _homemade(*parts: object) -> bool:
    """Whether a family or rule is the user's own class: its limit is compared with its finite h."""
    return any(not type(part).__module__.startswith("kymath.") for part in parts)


def _item(value: Any) -> Any:
    """A 0-d array as the float or the mpf that it holds."""
    if type(value) is float:
        return value
    if type(value) is np.float64:
        return float(value)
    return value.item() if np.asarray(value).dtype == object else float(value)


def _tolerated(settled: Settled, method: Method, family: ConnectionFunction) -> Settled:
    """Hold the result to the tolerance that was asked for."""
    rtol, atol = getattr(method, "rtol", None), getattr(method, "atol", None)
    if rtol is None and atol is None:
        return settled
    theta, error = np.array(settled.theta, dtype=float), np.array(settled.error, dtype=float)
    allowed = (atol or 0.0) + (rtol or 0.0) * np.abs(theta)
    missed = np.any(error > allowed, axis=0) & converged(settled.status)
    status = marked(settled.status, missed, Status.NOT_REACHED) if missed.any() else settled.status
    message = settled.message
    if status.shape == () and missed:
        worst = int(np.argmax(error - allowed))
        message = (
            f"the tolerance was not reached: {family.names[worst]} = {theta[worst]:.6g} ± {error[worst]:.1e}, and "
            f"{allowed[worst]:.1e} was asked for."
        )
    return Settled(settled.theta, settled.error, status, message, settled.left, settled.right)


def _sides(
    evidence: Evidence,
    settled: Settled,
    family: ConnectionFunction,
    rule: Rule,
    result: Callable[[Settled, Side, str], KYTransform],
) -> tuple[KYTransform | None, KYTransform | None]:
    """The one-sided results of a two-sided failure, None where there is none."""
    out = []
    for word, given, own in _by_side(settled, evidence):
        one = given
        if one is None and own is not None:
            one = settle(own, family, rule, word)
        good = one is not None and one.status[()] is Status.CONVERGED
        out.append(result(one, word, f"from the {word}") if good and one is not None else None)
    return out[0], out[1]


def _by_side(settled: Settled, evidence: Evidence) -> tuple[tuple[Side, Settled | None, Evidence | None], ...]:
    return ("left", settled.left, evidence.left), ("right", settled.right, evidence.right)


@dataclass(slots=True)
class Stepper:
    """The record of the paper's scheme, taken when it is asked for; an object, so that results can be pickled."""

    function: Function
    x0: float
    family: ConnectionFunction
    rule: Rule
    side: Side
    theta: tuple[float, ...]
    method: Method
    evidence: Evidence

    def __call__(self) -> tuple[Step, ...]:
        family, method, evidence, side = self.family, self.method, self.evidence, self.side
        if evidence.samples is not None:
            h, rows = evidence.samples
        else:
            rho, start = getattr(method, "rho", 0.5), getattr(method, "h0", None) or first_step(evidence, self.x0)
            h = (-1 if side == "left" else 1) * start * rho ** np.arange(min(12, getattr(method, "max_steps", 12)))
            rows = theta_at(self.function, self.x0, family, self.rule, h, side)
        distance = np.abs(np.array(family.difference(rows, [np.full(len(h), c) for c in self.theta])))
        return tuple(
            Step(float(h[k]), tuple(float(row[k]) for row in rows), tuple(float(d) for d in distance[:, k]))
            for k in range(len(h))
        )


def first_step(evidence: Evidence, x0: float) -> float:
    """A step on the scale on which f bends at x0: where f′h and f″h²/2 are alike, within reason."""
    jet = evidence.jet
    scale = max(abs(x0), 1.0)
    if jet is None or len(jet.values) < 3:
        return scale / 4
    slope, bend = abs(float(jet.values[1])), abs(float(jet.values[2]))
    ratio = 2 * slope / bend if bend > 0 and slope > 0 else scale
    if not math.isfinite(ratio):
        ratio = scale
    return 2.0 ** math.floor(math.log2(min(max(ratio / 4, 1e-6 * scale), scale / 2)))


# -- expressions -------------------------------------------------------------------------------------------------------


def _scalar(
    function: Function,
    x0: Any,
    point: Any,
    family: ConnectionFunction,
    rule: Rule,
    method: Method | None,
    side: Side,
    check: bool,
) -> KYTransform:
    if not function.symbolic:
        if isinstance(method, Symbolic):
            raise NotApplicable(method.why_not(function, family, rule))
        return _numerical(function, floats(point, x0), True, family, rule, method, side, check)
    chosen = method if isinstance(method, Symbolic) else Symbolic()
    if isinstance(method, (Certified, Precise)):
        return _numerical(function, point, True, family, rule, method, side, check)
    if method is not None and not isinstance(method, Symbolic):
        return _numerical(function, floats(point, x0), True, family, rule, method, side, check)
    if reason := chosen.why_not(function, family, rule):
        if method is not None:
            raise NotApplicable(reason)
        return _numerical(function, floats(point, x0), True, family, rule, None, side, check)
    asked_exact = not isinstance(point, np.ndarray)
    exact_x0 = point if asked_exact else sp.Rational(*float(point).as_integer_ratio())
    end = time.monotonic() + chosen.timeout
    real = {s: sp.Dummy(s.name, real=True) for s in getattr(exact_x0, "free_symbols", ()) if s.is_real is None}
    evidence = chosen.evidence(function, exact_x0.xreplace(real), family, rule, side)
    settled = _settled_exactly(evidence, family, rule, side, end)
    if real:  # a point is real, whatever was said of the symbol
        named = {dummy: symbol for symbol, dummy in real.items()}
        settled = replace(settled, theta=tuple(_simplest(c, end).xreplace(named) for c in settled.theta))
    if settled.status is Status.NOT_REACHED and method is None and not exact_x0.free_symbols:
        return _numerical(function, floats(point, x0), True, family, rule, None, side, check)
    plain = not any(_free(c) for c in (exact_x0, *settled.theta))
    if check and settled.status is Status.CONVERGED and plain and _homemade(family, rule):
        against = contradiction(function, float(exact_x0), family, rule, side, settled.theta)
        if against:
            settled = replace(settled, status=Status.NOT_REACHED, message=against)
    return _exact_result(function, exact_x0, asked_exact, family, rule, side, evidence, settled, end)


def _free(value: Any) -> bool:
    return bool(getattr(value, "free_symbols", None))


def _settled_exactly(evidence: Evidence, family: ConnectionFunction, rule: Rule, side: Side, end: float) -> Settled:
    try:
        return bounded(lambda: settle_exact(evidence, family, rule, side), max(end - time.monotonic(), 1.0))
    except Exception:  # out of time, or sympy.solve fails, in one of many ways, on a user's family
        pass
    nothing = tuple(sp.nan for _ in family.names)
    text = f"SymPy could not solve the limit equations of {family!r} exactly."
    if evidence.jet is None or any(v.free_symbols for v in evidence.jet.values):
        return Settled(nothing, nothing, Status.NOT_REACHED, text)
    numeric = settle(Evidence(in_floats(evidence.jet), status=Status.CONVERGED, message=text), family, rule, side)
    return Settled(
        tuple(float(c) for c in numeric.theta),
        tuple(float(c) for c in numeric.error),
        numeric.status[()],
        numeric.message,
    )


def _exact_result(
    function: Function,
    x0: Any,
    asked_exact: bool,
    family: ConnectionFunction,
    rule: Rule,
    side: Side,
    evidence: Evidence,
    settled: Settled,
    end: float,
) -> KYTransform:
    def result(one: Settled, word: Side, message: str) -> KYTransform:
        exact = asked_exact and one.status is Status.CONVERGED and all(is_exact(c) for c in one.theta)
        theta, error = one.theta, one.error
        if one.status is not Status.CONVERGED:
            theta = error = tuple(float("nan") for _ in family.names)
        elif exact:
            theta = tuple(_simplest(c, end) for c in theta)
        elif all(isinstance(c, sp.Basic) and not c.free_symbols for c in theta):
            theta = tuple(float(sp.N(c, 25)) for c in theta)
            error = tuple(EPS / 2 * abs(c) for c in theta)
        shown = x0 if asked_exact else float(x0)
        steps = None
        if one.status is Status.CONVERGED and not any(sp.sympify(c, strict=True).free_symbols for c in (x0, *theta)):
            numbers_ = tuple(float(c) for c in theta)
            jet = in_floats(evidence.jet) if evidence.jet is not None else None
            steps = Stepper(function, float(x0), family, rule, word, numbers_, Symbolic(), Evidence(jet))
        return KYTransform(
            theta,
            error,
            family,
            rule,
            "symbolic",
            word,
            shown,
            one.status,
            message,
            False,
            exact,
            0,
            function=function,
            _take_steps=steps,
        )

    text = (
        settled.message
        if settled.status is not Status.CONVERGED
        else f"symbolic: {settled.message}; checked by numbers."
    )
    main = result(settled, side, text)
    if side == "both" and settled.status in ONE_SIDED:
        out = []
        for word, given, own in _by_side(settled, evidence):
            one = given
            if one is None and own is not None and own.jet is not None:
                one = settle_exact(own, family, rule, word)
            good = one is not None and one.status is Status.CONVERGED
            out.append(result(one, word, f"symbolic: from the {word}.") if good and one is not None else None)
        return replace(main, left=out[0], right=out[1])
    return main


def _simplest(value: sp.Expr, end: float) -> sp.Expr:
    """The shortest of a few equal forms, in bounded time."""
    if value.is_Rational or value.count_ops() < 2:
        return value
    if value.has(sp.log) and value.count_ops() > LONG:
        return value  # n·log(x) may become log(xⁿ), with a power of many digits in one step that nothing can stop
    try:
        simpler = bounded(lambda: sp.simplify(value), min(5.0, max(end - time.monotonic(), 0.2)))
    except (OutOfTime, Exception):
        return value
    shorter = simpler.count_ops() <= value.count_ops() and _largest(simpler) <= max(_largest(value), LARGE)
    return simpler if shorter else value


def _largest(value: sp.Expr) -> int:
    """The largest whole number in an expression."""
    return max((max(abs(int(n.p)), int(n.q)) for n in value.atoms(sp.Rational)), default=0)
