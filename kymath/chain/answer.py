"""From the jet of a combination to its result: the rule decides, as it does for a jet that a method has found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from ..arithmetic import is_exact
from ..errors import KYError, Status
from ..evidence import Evidence, Jet, Side, converged, marked
from ..families import ConnectionFunction, Family
from ..function import Function
from ..methods.bounded import OutOfTime, bounded
from ..result import KYTransform
from ..rules import Rule
from ..settle import EPS, Settled, settle, settle_exact
from .jets import finite_moves, linear, numbers, table

SECONDS = 9.0  # for SymPy to combine the jets and solve the limit equations; then numbers must do
SYMBOLS = 14.0  # where a symbol leaves no numbers to fall back on
SIMPLIFYING = 3.0  # seconds to shorten what it found
IN_TIME = "SymPy did not find it exactly within the time allowed, so it was taken in numbers."


@dataclass(frozen=True)
class Combination:
    """What is to be found: the family and rule of the answer, where, of which function, by which operation."""

    family: ConnectionFunction
    rule: Rule
    side: Side
    x0: Any
    name: str  # of the operation, which stands for a method in the result
    function: Function | None = None
    explain: Callable[[Combination, Settled], str] = lambda asked, settled: settled.message
    notes: tuple[str, ...] = ()  # sentences that follow the message

    @property
    def taken(self) -> tuple[ConnectionFunction, Rule, Side]:
        return self.family, self.rule, self.side


def exact_answer(asked: Combination, make: Callable[[], Jet], raises: bool | None) -> KYTransform | None:
    """θ in SymPy from the exact jet that ``make`` makes; None where SymPy does not find it in time, but numbers can.

    What ``make`` raises of kymath's own is raised.
    """

    def work() -> Settled | str:
        jet = make()
        try:
            return settle_exact(Evidence(jet, message=f"{asked.name} of exact results."), *asked.taken)
        except Exception as error:  # sympy.solve fails, in one of many ways, on a user's family
            return f"({type(error).__name__})"

    try:
        found = bounded(work, SYMBOLS if getattr(asked.x0, "free_symbols", None) else SECONDS)
    except OutOfTime:
        found = "within the time allowed"
    if isinstance(found, str):
        if not getattr(asked.x0, "free_symbols", None):
            return None
        text = f"SymPy could not solve the limit equations of {asked.family!r} exactly {found}."
        nothing = (sp.nan,) * asked.family.size
        found = Settled(nothing, nothing, Status.NOT_REACHED, text)
    if found.status is Status.CONVERGED:
        end = time.monotonic() + SIMPLIFYING
        found = replace(found, theta=tuple(simplest(c, end) for c in found.theta))
    return _finished(asked, found, scalar=True, bound=False, raises=raises)


def refused(asked: Combination, status: Status, message: str, raises: bool | None) -> KYTransform:
    """No θ at one point, and why."""
    nothing = (np.nan,) * asked.family.size
    return _finished(asked, Settled(nothing, nothing, status, message), scalar=True, bound=False, raises=raises)


def numerical_answer(
    asked: Combination, jet: Jet, status: np.ndarray, moves: Any, raises: bool | None, against: Any = None
) -> KYTransform:
    """θ in numbers, for one point (a 0-d status) or many.

    ``moves`` are errors of θ found by moving what went in; the jet's own errors, as if they were independent, are what
    remains where there are none. ``against`` is θ by an independent road.
    """
    family, rule = asked.family, asked.rule
    words = " ".join([f"{asked.name} of results, with their errors carried through.", *filter(None, asked.notes)])
    wide = np.any([~np.isfinite(v) for v in np.broadcast_arrays(*jet.values[: rule.entries(family)])], axis=0)
    over = np.broadcast_to(wide, status.shape) & converged(status)
    if np.any(over):
        status = marked(status, over, Status.NOT_FINITE)
        words = words if status.shape else f"{asked.name}: overflow, a value is beyond 1.8e308, the largest double."
    settled = settle(Evidence(jet, status=status, message=words), family, rule, asked.side)
    if moves is not None:
        settled = replace(settled, error=_smaller(moves, settled))
    if against is not None:
        settled = _compared(settled, family, against)
    bound = jet.bound and linear(family) and not rule.sided and type(rule).__module__.startswith("kymath.")
    return _finished(asked, settled, scalar=status.shape == (), bound=bound, raises=raises)


def moved_inputs(
    asked: Combination,
    operation: Callable[[Sequence[Sequence[np.ndarray]]], Sequence[Any]],
    results: Sequence[KYTransform],
    shape: tuple[int, ...],
    more: Sequence[tuple[np.ndarray, np.ndarray]] = (),
) -> np.ndarray | None:
    """The errors of θ seen by moving the θ of the operands: tighter than jets with independent errors.

    ``operation`` makes a jet of the operands' θ (and of ``more`` inputs, values with errors). None where it gains
    nothing (θ linear in the jet), costs much (a user's family, solved by iteration) or has no one limit (sided rules).
    """
    family, rule = asked.family, asked.rule
    if linear(family) or rule.sided or isinstance(family, Family):
        return None
    known = [numbers(result) for result in results]
    inputs = [np.broadcast_to(c, shape) for theta, _ in known for c in theta]
    errors = [
        np.broadcast_to(e + EPS * np.abs(c), shape) for theta, error in known for c, e in zip(theta, error, strict=True)
    ]
    inputs += [np.broadcast_to(value, shape) for value, _ in more]
    errors += [np.broadcast_to(error, shape) for _, error in more]
    ends = np.cumsum([len(theta) for theta, _ in known])

    def whole(values: Sequence[np.ndarray]) -> np.ndarray:
        parts = [values[a:b] for a, b in zip((0, *ends), (*ends, len(values)), strict=True)]
        jet = tuple(operation(parts))
        return table(rule.limit(family, Jet(jet, (0.0,) * len(jet)), asked.side), np.shape(values[0]))

    with np.errstate(all="ignore"):
        return finite_moves(whole, inputs, errors, family.difference)


def _smaller(moves: np.ndarray, settled: Settled) -> tuple[Any, ...]:
    """Each of the two covers; the smaller is sharper, and a number where the other is none."""
    rounding = [4 * EPS * np.abs(c) for c in settled.theta]
    return tuple(np.fmin(m + r, e)[()] for m, r, e in zip(moves, rounding, settled.error, strict=True))


def _compared(settled: Settled, family: ConnectionFunction, against: Sequence[Any]) -> Settled:
    """The answer held against the closed form; ``NOT_REACHED`` where they part by more than the error explains."""
    with np.errstate(all="ignore"):
        gap = np.abs(np.array(family.difference(against, settled.theta)))
        allowed = 8 * np.array(settled.error) + 1e-9 * np.abs(np.array(settled.theta))
        bad = np.any(gap > allowed, axis=0) & converged(np.asarray(settled.status, dtype=object))
    if not np.any(bad):
        return settled
    text = "the answer by jets and the closed form of the chain rule differ by more than the error."
    return replace(settled, status=marked(settled.status, bad, Status.NOT_REACHED), message=text)


def simplest(value: sp.Expr, end: float) -> sp.Expr:
    """The shorter of a value and its simplification, as it is where that takes until after ``end``.

    >>> simplest(sp.sin(1) ** 2 + sp.cos(1) ** 2, time.monotonic() + 5)
    1
    """
    if value.is_Rational or value.count_ops() < 2 or (left := end - time.monotonic()) <= 0:
        return value
    try:
        simpler = bounded(lambda: sp.simplify(value), left)
    except Exception:  # out of time, or SymPy fails
        return value
    return simpler if simpler.count_ops() <= value.count_ops() else value


def _finished(asked: Combination, settled: Settled, scalar: bool, bound: bool, raises: bool | None) -> KYTransform:
    def result(one: Settled, side: Side) -> KYTransform:
        status = one.status if isinstance(one.status, Status) else one.status[()] if scalar else one.status
        theta, error = one.theta, one.error
        exact = scalar and status is Status.CONVERGED and all(is_exact(c) for c in theta)
        if not exact:
            lost = ~converged(np.asarray(status, dtype=object))
            theta, error = (tuple(np.where(lost, np.nan, _floats(c)) for c in rows) for rows in (theta, error))
            if scalar:
                theta, error = (tuple(float(c) for c in rows) for rows in (theta, error))
        good = status is Status.CONVERGED or not scalar
        return KYTransform(
            theta,
            error,
            asked.family,
            asked.rule,
            asked.name,
            side,
            asked.x0,
            status,
            one.message if good else asked.explain(asked, one),
            bound,
            exact,
            0,
            function=asked.function,
        )

    main = result(settled, asked.side)
    if scalar and main.status is Status.NO_LIMIT and settled.left is not None and settled.right is not None:
        left, right = result(settled.left, "left"), result(settled.right, "right")
        main = replace(main, left=left if left.success else None, right=right if right.success else None)
    if raises if raises is not None else scalar:
        main.raise_for_status()
    return main


def _floats(value: Any) -> Any:
    return np.asarray(value if not getattr(value, "free_symbols", None) else np.nan, dtype=float)


def combined(
    label: str, formula: Callable[[], Any], how: Callable[..., Any], *functions: Function | None
) -> Function | None:
    """The combined function, where the operands carry theirs: for its name, for pictures, to look at it again.

    ``how`` makes its value of f, g and t; a function of a module, so that results can be pickled.
    """
    if any(f is None for f in functions):
        return None
    if all(f.symbolic for f in functions if f is not None):
        try:
            return Function(formula())
        except (KYError, ArithmeticError):  # a formula without values somewhere, which the jets did not need
            return None
    return Function(Combined(label, how, tuple(f for f in functions if f is not None)))


class Combined:
    """t ↦ how(f, g, t), by a name and with f and g as callables, so that kymath can follow what they do."""

    def __init__(self, name: str, how: Callable[..., Any], functions: tuple[Function, ...]) -> None:
        self.__name__, self.how, self.functions = name, how, functions

    def __call__(self, t: Any) -> Any:
        real = np.asarray(t).dtype.kind in "fiu" if isinstance(t, (float, int, np.ndarray, np.generic)) else False
        return self.how(*(self.functions if real else map(_followed, self.functions)), t)


def _followed(f: Function) -> Callable[[Any], Any]:
    """f as it was given, which takes power series and complex numbers too."""
    if f.expression is not None and f.expression.is_number:
        value = float(f.expression)
        return lambda t: value
    return f.original if callable(f.original) and not isinstance(f.original, sp.Basic) else f


def name_of(result: KYTransform, default: str) -> str:
    """How a function is called in the labels of combinations: its formula or name, else ``default``."""
    label = result.function.label if result.function is not None else "f"
    return default if label == "f" else label
