"""Any number of digits by mpmath: one-sided differences with steps so small that the limit is reached."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Precise(Method):
    """θ to ``digits`` digits in mpmath's arithmetic, for SymPy expressions and callables that take ``mpmath.mpf``.

    On each side the derivatives come from divided differences at x0, x0 ± h, x0 ± 2h, … with h = 10⁻²⁰ or less and as
    many working digits as the differences lose; a second, far smaller step shows their error. The two sides are
    compared, and the closed form of family and rule is evaluated on the result, with the errors carried through.
    ``theta`` and ``error`` are ``mpmath.mpf``. The error is an estimate, not a bound.

    Numbers in Python code are the binary fractions that they are (0.1 is not 1/10; write ``mpmath.mpf("0.1")``). Code
    that computes in doubles inside (``math.sin``, ``np.exp``, ``float(t)``) is ``NotApplicable``: it is a staircase at
    this scale, and its differences would be 0. mpmath's precision is as it was afterwards.

    Source: divided differences, Condor Eq. 20 and this project's mathematics 2.7; Fornberg, Math. Comp. 51 (1988).

    >>> from kymath import Exponential, Osculating
    >>> from kymath.function import Function
    >>> evidence = Precise(30).evidence(Function(mpmath.exp), np.asarray(1.0), Exponential(), Osculating(), "both")
    >>> with mpmath.workdps(30):
    ...     print(evidence.theta[0])  # A = e
    2.71828182845904523536028747135
    """

    digits: int = 50

    name = "precise"

    def __post_init__(self) -> None:
        check_digits("Precise", self.digits)

    def why_not(self, function: Function, family: ConnectionFunction, rule: Rule) -> str:
        if not rule.closed(family):
            return f"{rule!r} has no closed form for {family!r}, and Precise() minimises nothing. Use Adaptive()."
        return ""

    def evidence(self, function: Function, x0: Any, family: ConnectionFunction, rule: Rule, side: str) -> Evidence:
        """What f is like at x0, a SymPy number (exact) or an array of floats; one point after another."""
        if reason := self.why_not(function, family, rule):
            raise NotApplicable(reason)
        from .precise_point import Found, Precisely

        search = Precisely(function, exactly(family), exactly(rule), int(self.digits))
        answers, shape = one_by_one("Precise", x0, lambda point: search.at(point, side), Found)
        found: list[Found] = []
        before = 0
        for one in answers:
            one.nfev, before = search.nfev - before, search.nfev
            found.append(one)
        return _together(found, shape, family, rule)


def _together(found: list[Any], shape: tuple[int, ...], family: ConnectionFunction, rule: Rule) -> Evidence:
    count = max(rule.entries(family), 2)
    missing, unknown = mpmath.mpf("nan"), mpmath.mpf("inf")

    def column(values: list[Any]) -> np.ndarray:
        out = np.empty(len(values), dtype=object)
        out[:] = values
        return out.reshape(shape)

    def rows(name: str, size: int, blank: Any) -> tuple[np.ndarray, ...]:
        table = [getattr(p, name) or (blank,) * size for p in found]
        return tuple(column([row[k] for row in table]) for k in range(size))

    status = statuses(shape)
    status.reshape(-1)[:] = [p.status for p in found]
    ways = [np.array([getattr(p, w) for p in found], dtype=float).reshape(shape) for w in ("left_way", "right_way")]
    jet = Jet(rows("jet", count, missing), rows("jet_error", count, unknown), ways[0], ways[1], settled=True)
    single = found[0] if shape == () else None
    left, right = (
        None if single is None or one is None else _together([one], (), family, rule)
        for one in ((single.left, single.right) if single is not None else (None, None))
    )
    return Evidence(
        jet,
        rows("theta", family.size, missing),
        rows("error", family.size, unknown),
        status,
        single.message if single is not None else "",
        np.array([p.nfev for p in found], dtype=int).reshape(shape),
        left,
        right,
    )
