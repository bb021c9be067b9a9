"""Guaranteed answers: f on balls, the closed forms on balls, and more digits until the answer is as sharp as asked."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from ..errors import NotApplicable
from ..evidence import Evidence, Jet, statuses
from ..families import ConnectionFunction
from ..function import Function
from ..rules import Rule
from .base import Method, check_digits
from .closed_form import exactly
from .one_by_one import one_by_one

_MISSING = (
    "Certified() needs python-flint, an optional extra of kymath, and it is not installed: "
    "pip install 'kymath[certified]'"
)


@dataclass(frozen=True)
class Enclosed(Evidence):
    """Evidence with the balls behind it: a tuple of ``flint.arb`` for one point, an array of them for many."""

    enclosures: Any = None


@dataclass(frozen=True)
class Certified(Method):
    """An enclosure of θ that is guaranteed, by ball arithmetic (python-flint), to any number of digits.

    The same NumPy code, or the SymPy expression, is evaluated on truncated power series whose coefficients are balls,
    midpoint ± radius, that contain f, f′/1!, f″/2!, … for certain; the closed form of the family and rule is then
    evaluated on the balls. The working precision is doubled until every parameter is known to ``digits`` digits
    (relative to itself, or to 10^−digits of the largest parameter where it is smaller). What cannot be decided at
    the highest precision, as whether an enclosure of f″(x0) around 0 is 0, is ``NotReached``.

    The guarantee is for the function that the formula means: numbers in Python code are the binary fractions that
    they are (0.1 is not 1/10, ``np.pi`` is not π), a float x0 too; SymPy numbers are exact. To 15 digits ``theta``
    and ``error`` are floats, and ``error`` holds the radius and the rounding of θ to a double; for more they are
    ``mpmath.mpf`` (arrays of them for many points), the middle and the radius of each ball, not rounded.
    ``enclosures`` of the evidence holds the balls themselves (``flint.arb``, a tuple for each point). Kinks and steps
    exactly at x0 are resolved on each side.

    Raises ``NotApplicable`` for an option that is none, or without python-flint; for code that leaves NumPy
    (``math.exp(t)``, ``float(t)``). Source: Johansson, Arb: efficient arbitrary-precision midpoint-radius interval
    arithmetic, IEEE Trans. Comput. 66 (2017).

    >>> from kymath import Exponential, Osculating
    >>> from kymath.function import Function
    >>> evidence = Certified(30).evidence(Function(np.exp), np.asarray(1.0), Exponential(), Osculating(), "both")
    >>> evidence.enclosures[0].str(30, radius=False)  # A = e
    '2.71828182845904523536028747135'
    """

    digits: int = 15

    name = "certified"

    def __post_init__(self) -> None:
        check_digits("Certified", self.digits)

    def why_not(self, function: Function, family: ConnectionFunction, rule: Rule) -> str:
        if not rule.closed(family):
            return f"{rule!r} has no closed form for {family!r}, so Certified() cannot guarantee its minimum."
        if rule.entries(family) > 21:
            return (
                f"Certified() knows derivatives to order 20; {family!r} under {rule!r} reads {rule.entries(family)} "
                "entries of the jet."
            )
        try:
            importlib.import_module("flint")
        except ImportError:
            return _MISSING
        return ""

    def evidence(self, function: Function, x0: Any, family: ConnectionFunction, rule: Rule, side: str) -> Enclosed:
        """What f is like at x0, a SymPy number (exact) or an array of floats; one point after another.

        ``enclosures`` holds the enclosures of θ, None at points that failed.
        """
        if reason := self.why_not(function, family, rule):
            raise NotApplicable(reason)
        from .certified_point import DOUBLE, Point, certify

        exact_family, exact_rule = exactly(family), exactly(rule)
        digits = int(self.digits)
        found, shape = one_by_one(
            "Certified",
            x0,
            lambda point: certify(function, point, exact_family, exact_rule, side, digits),
            lambda status, message: Point(status=status, message=message),
        )
        return _together(list(found), shape, exact_family, exact_rule, digits > DOUBLE)


def _together(
    found: list[Any], shape: tuple[int, ...], family: ConnectionFunction, rule: Rule, many_digits: bool
) -> Enclosed:
    count = max(rule.entries(family), 2)
    missing, unknown = (mpmath.mpf("nan"), mpmath.mpf("inf")) if many_digits else (np.nan, np.inf)

    def column(values: list[float]) -> np.ndarray:
        return np.array(values, dtype=float).reshape(shape)

    def wide(values: list[Any]) -> np.ndarray:
        return _objects(values, shape) if many_digits else column(values)

    def row(one: tuple[Any, ...] | None, size: int, blank: Any) -> tuple[Any, ...]:
        return one if one is not None else (blank,) * size

    thetas = [row(p.theta, family.size, missing) for p in found]
    errors = [row(p.error, family.size, unknown) for p in found]
    values = [row(p.jet, count, np.nan) for p in found]
    radii = [row(p.jet_error, count, np.inf) for p in found]
    jet = Jet(
        tuple(column([v[k] for v in values]) for k in range(count)),
        tuple(column([r[k] for r in radii]) for k in range(count)),
        column([p.left_way for p in found]),
        column([p.right_way for p in found]),
        bound=True,
        settled=True,
    )
    status = statuses(shape)
    status.reshape(-1)[:] = [p.status for p in found]
    single = found[0] if shape == () else None
    sides = [
        None if single is None or one is None else _together([one], (), family, rule, many_digits)
        for one in ((single.left, single.right) if single is not None else (None, None))
    ]
    return Enclosed(
        jet,
        tuple(wide([t[j] for t in thetas]) for j in range(family.size)),
        tuple(wide([e[j] for e in errors]) for j in range(family.size)),
        status,
        single.message if single is not None else "",
        np.array([p.passes for p in found]).reshape(shape),
        sides[0],
        sides[1],
        single.notes if single is not None else (),
        enclosures=single.enclosures if single is not None else _objects([p.enclosures for p in found], shape),
    )


def _objects(values: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out.reshape(shape)
