"""One point in many digits: differences on each side, what stands in the way, and θ with its error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mp, mpf

from ..divided import divided_differences, power_coefficients
from ..errors import BadFunction, NotApplicable, Status
from ..evidence import Jet, prime, sides_differ
from ..families import ConnectionFunction
from ..families.base import S
from ..function import Function, X
from ..rules import Rule
from .closed_form import ENTRIES, closed_form, solvable
from .precise_doubles import computes_in_doubles, watched

_EXTRA = 2  # nodes beyond the order: the differences are wrong by O(h³)
_LEVELS = (1, 2, 8)  # h = 10^−m, 10^−2m, 10^−8m
_WORDS = {-1: "left", 1: "right"}
_WANTED = {"both": (-1, 1), "left": (-1,), "right": (1,)}


@dataclass
class Found:
    """What was found at one x0."""

    status: Status = Status.CONVERGED
    message: str = ""
    theta: tuple[Any, ...] | None = None
    error: tuple[Any, ...] | None = None
    jet: tuple[Any, ...] | None = None
    jet_error: tuple[Any, ...] | None = None
    left_way: float = np.nan
    right_way: float = np.nan
    left: Found | None = None
    right: Found | None = None
    nfev: int = 0


class _NoValue(Exception):
    """f has no finite real value at a point."""


class Precisely:
    """f, family and rule at any number of digits."""

    def __init__(self, function: Function, family: ConnectionFunction, rule: Rule, digits: int) -> None:
        self.function, self.family, self.rule, self.digits = function, family, rule, digits
        self.count = max(rule.entries(family), 2)
        self.nfev = 0
        self.floats: set[float] = set()  # values beside x0 that came as doubles
        self.start = max(20, -(-(digits + 12) // 3))  # h = 10^−start at first

    # -- f -----------------------------------------------------------------------------------------------------------

    @cached_property
    def call(self) -> Callable[[Any], Any]:
        expression = self.function.expression
        if expression is None:
            return self.function.original
        steps = expression.atoms(sp.Heaviside)
        plain = expression.xreplace({h: h.rewrite(sp.Piecewise) for h in steps})
        return sp.lambdify(X, plain, "mpmath")

    def value(self, t: Any, at_x0: bool = False) -> Any:
        """f(t) as an mpf; ``_NoValue`` where it is not finite."""
        self.nfev += 1
        if self.function.expression is None:
            self.function.nfev += 1
        before = mp.prec
        try:
            with np.errstate(all="ignore"):
                out = self.call(t)
        except (ValueError, ArithmeticError) as error:
            raise _NoValue(f"{type(error).__name__}: {error}") from error
        except (TypeError, AttributeError, NameError) as error:
            if self.function.expression is None:
                self.function(np.asarray(float(t)))  # a BadFunction shows itself here
            raise NotApplicable(
                f"f does not take mpmath numbers: {type(error).__name__}: {error}. Precise() needs a SymPy expression, "
                "or code that calls mpmath's functions (mpmath.exp, mpmath.sin, …)."
            ) from error
        except Exception as error:
            raise BadFunction(f"f({mpmath.nstr(t, 8)}) raised {type(error).__name__}: {error}.") from error
        finally:
            mp.prec = before
        return self.real(out, t, at_x0)

    def real(self, out: Any, t: Any, at_x0: bool) -> Any:
        if isinstance(out, np.ndarray) and out.shape == ():
            out = out.item()
        if isinstance(out, sp.Basic) and out.is_number:
            out = mpmath.mpmathify(out.evalf(mp.dps))
        if isinstance(out, (mpmath.mpc, complex, np.complexfloating)):
            if self.function.expression is None and (at_x0 or not isinstance(out, mpmath.mpc)):
                raise BadFunction(f"f({mpmath.nstr(t, 8)}) returned a complex number; f must return a real one.")
            if out.imag != 0:
                raise _NoValue(f"it is the complex number {mpmath.nstr(out, 5)}")
            out = out.real
        if isinstance(out, (bool, int, float, np.integer, np.floating, np.bool_)):
            if isinstance(out, (float, np.floating)):
                self.floats.add(float(out))
            out = mpf(out.item() if isinstance(out, np.generic) else out)
        if not isinstance(out, mpf):
            try:
                out = mpf(out)
            except (TypeError, ValueError):
                kind = type(out).__name__
                raise BadFunction(f"f({mpmath.nstr(t, 8)}) returned a {kind}; f must return one number.") from None
        if not mpmath.isfinite(out):
            raise _NoValue(f"it is {out}")
        return out

    # -- differences -------------------------------------------------------------------------------------------------

    def at(self, x0: Any, side: str) -> Found:
        if self.function.expression is None:
            self.nfev += 1
            self.function.nfev += 1
            if watched(self.call, float(x0)):
                raise NotApplicable(_DOUBLES)
        try:
            with mpmath.workdps(self.dps(1, x0)):
                self.value(_point(x0), at_x0=True)
        except _NoValue as reason:
            return Found(Status.NOT_FINITE, f"f(x0) is not a finite real number: {reason}.")
        sides = {way: self.one_side(x0, way) for way in _WANTED[side]}
        if self.function.expression is None:
            for way, one in sides.items():
                if one.status is not Status.NOT_FINITE:
                    with mpmath.workdps(self.dps(1, x0)):
                        if one.jet and computes_in_doubles(self.value_or_none, _point(x0), way, one.jet):
                            raise NotApplicable(_DOUBLES)
        if side != "both":
            return self.settle(next(iter(sides.values())), side)
        return self.together(sides[-1], sides[1])

    def value_or_none(self, t: Any) -> Any:
        try:
            return self.value(t)
        except _NoValue:
            return None

    def dps(self, level: int, x0: Any) -> int:
        """Working digits: what differences with h = 10^(−m·level) lose, and what x0 + h needs."""
        m = self.start * level
        size = max(0, int(mpmath.mag(float(abs(x0)) if abs(x0) < 1e300 else 1e300) * 0.302)) if x0 != 0 else 0
        return (self.count + _EXTRA) * m + 2 * self.digits + size + 30

    def jet(self, x0: Any, way: int, level: int) -> tuple[list[Any], int]:
        """(f, f′, …) by divided differences at x0, x0 + way·h, x0 + 2 way·h, …; and the sign of f(x0 + way·h) − f."""
        with mpmath.workdps(self.dps(level, x0)):
            t, h = _point(x0), mpf(10) ** (-self.start * level) * way
            nodes = list(range(self.count + _EXTRA))
            first = self.value(t)
            self.floats.clear()
            values = [first, *(self.value(t + c * h) for c in nodes[1:])]
            if len(self.floats) > 1:
                raise NotApplicable(_DOUBLES)
            differences = divided_differences(nodes, h, values)
            coefficients = list(power_coefficients(nodes, h, differences))[: self.count]
            move = values[1] - values[0]
            return [c * mpmath.factorial(k) for k, c in enumerate(coefficients)], int(mpmath.sign(move))

    def one_side(self, x0: Any, way: int) -> Found:
        word = _WORDS[way]
        found: list[list[Any]] = []
        signs: list[int] = []
        try:
            for level in _LEVELS:
                values, sign = self.jet(x0, way, level)
                found.append(values)
                signs.append(sign)
                with mpmath.workdps(self.dps(level, x0)):
                    if len(found) > 1 and self.close(*found[-2:]):
                        break
        except _NoValue as reason:
            beside = "+" if way > 0 else "−"
            text = f"f is not a finite real number at x0 {beside} h for small h (on the {word}): {reason}."
            return Found(Status.NOT_FINITE, text)
        direction = float(signs[-1]) if len(set(signs)) == 1 else np.nan
        ways = {"left_way": direction} if way < 0 else {"right_way": direction}
        with mpmath.workdps(self.dps(_LEVELS[len(found) - 1], x0)):
            before, last = found[-2:]
            errors = tuple(abs(a - b) for a, b in zip(before, last, strict=True))
            out = Found(jet=tuple(last), jet_error=errors, **ways)  # type: ignore[arg-type]
            if not self.close(before, last):
                out.status, out.message = self.failure(found, word)
        return out

    def tolerance(self) -> Any:
        return mpf(10) ** -(self.digits + 3)

    def close(self, before: list[Any], last: list[Any]) -> bool:
        """Whether the far smaller step changes nothing that matters: relative to each entry, or to 1/100 of all."""
        allowed = self.tolerance()
        size = max(abs(v) for v in last)
        return all(
            abs(a - b) <= allowed * max(abs(b), size * mpf(10) ** -self.digits) or abs(a - b) <= allowed**2
            for a, b in zip(before, last, strict=True)
        )

    def failure(self, found: list[list[Any]], word: str) -> tuple[Status, str]:
        unsettled = ""
        for k in range(self.count):
            column = [values[k] for values in found]
            if self.close([column[-2]], [column[-1]]):
                continue
            sizes = [abs(v) for v in column]
            gaps = [abs(a - b) for a, b in pairwise(column)]
            if all(b > 10 * a for a, b in pairwise(sizes)) and sizes[-1] > 0:
                if k == 1 and self.jumps(found):
                    return Status.DIVERGES, f"f jumps at x0 on the {word}: D(h)/h grows like 1/h."
                return Status.DIVERGES, f"{prime(k)} grows without bound on the {word} as h → 0."
            if gaps[-1] > gaps[0] / 10:
                return Status.NO_LIMIT, f"{prime(k)} does not settle on the {word}: it oscillates as h → 0."
            unsettled = unsettled or (
                f"{prime(k)} on the {word} is known only as {mpmath.nstr(column[-1], 12)} ± {mpmath.nstr(gaps[-1], 2)}."
            )
        return Status.NOT_REACHED, unsettled or f"the differences on the {word} did not reach {self.digits} digits."

    def jumps(self, found: list[list[Any]]) -> bool:
        """Whether f′ grows like 1/h exactly."""
        with mpmath.workdps(30):
            grown = mpmath.log10(abs(found[-1][1] / found[-2][1])) if found[-2][1] else mpf(0)
        return bool(abs(grown - self.start * 6) < 1)

    # -- both sides --------------------------------------------------------------------------------------------------

    def together(self, left: Found, right: Found) -> Found:
        for one in (left, right):
            if one.status is Status.NOT_FINITE:
                return Found(one.status, one.message)
        bad = [one for one in (left, right) if one.status is not Status.CONVERGED]
        if bad:
            kinds = {one.status for one in bad}
            message = " ".join(one.message for one in bad)
            status = Status.NO_LIMIT
            if Status.NOT_REACHED in kinds:
                status = Status.NOT_REACHED
            elif len(bad) == 2 and kinds == {Status.DIVERGES} and "jumps" not in message:
                status = Status.DIVERGES
            return self.apart(status, message, left, right)
        assert left.jet is not None
        assert right.jet is not None
        assert left.jet_error is not None
        assert right.jet_error is not None
        with mpmath.workdps(self.dps(8, 1)):
            for k in range(self.count):
                gap = abs(left.jet[k] - right.jet[k])
                if gap > 10 * (left.jet_error[k] + right.jet_error[k]):
                    a, b = (mpmath.nstr(one.jet[k], 10) for one in (left, right))  # type: ignore[index]
                    return self.apart(Status.NO_LIMIT, sides_differ(k, a, b), left, right)
            errors = [
                max(e, f, abs(a - b))
                for e, f, a, b in zip(left.jet_error, right.jet_error, left.jet, right.jet, strict=True)
            ]
        both = Found(jet=right.jet, jet_error=tuple(errors), left_way=left.left_way, right_way=right.right_way)
        return self.settle(both, "both")

    def apart(self, status: Status, message: str, left: Found, right: Found) -> Found:
        out = Found(status, message)
        for word, one in (("left", left), ("right", right)):
            if one.status is Status.CONVERGED:
                settled = self.settle(one, word)
                setattr(out, word, settled if settled.status is Status.CONVERGED else None)
        return out

    # -- θ -----------------------------------------------------------------------------------------------------------

    def settle(self, one: Found, side: str) -> Found:
        if one.status is not Status.CONVERGED:
            return one
        if not (self.rule.sided and side == "both"):
            return self.limit(one, side)
        left, right = self.limit(one, "left"), self.limit(one, "right")
        for this in (right, left):
            if this.status is not Status.CONVERGED:
                return this
        assert left.theta is not None
        assert right.theta is not None
        with mpmath.workdps(self.digits + 20):
            gaps = self.differences(left.theta, right.theta)
            for gap, e, f in zip(gaps, left.error or (), right.error or (), strict=True):
                if gap > 2 * (e + f):
                    text = self.family.differing(left.theta, right.theta)
                    return Found(Status.NO_LIMIT, text, left=left, right=right)
        return right

    def differences(self, theta: Any, other: Any) -> list[Any]:
        out = []
        for name, a, b in zip(self.family.names, theta, other, strict=True):
            d = a - b
            out.append(
                abs(mpmath.fmod(d + mpmath.pi, 2 * mpmath.pi) - mpmath.pi) if name in self.family.angles else abs(d)
            )
        return out

    def limit(self, one: Found, side: str) -> Found:
        assert one.jet is not None
        assert one.jet_error is not None
        jet = Jet(
            tuple(np.asarray(float(v)) for v in one.jet), tuple(np.asarray(float(e)) for e in one.jet_error),
            np.asarray(one.left_way), np.asarray(one.right_way),
        )  # fmt: skip
        slope = 0 if abs(one.jet[1]) <= one.jet_error[1] else int(mpmath.sign(one.jet[1]))
        ways = [-slope if slope else one.left_way, slope if slope else one.right_way]
        jet = Jet(jet.values, jet.errors, np.asarray(float(ways[0])), np.asarray(float(ways[1])), settled=True)
        base: dict[str, Any] = {
            "jet": one.jet,
            "jet_error": one.jet_error,
            "left_way": float(ways[0]),
            "right_way": float(ways[1]),
        }
        for obstacle in self.rule.obstacles(self.family, jet, side):
            if np.any(obstacle.where):
                return Found(obstacle.status, obstacle.message, **base)
        with mpmath.workdps(2 * self.digits + 40):
            solve = self.formula(ways, side, jet)
            solution = solve(one.jet)
            if solution is None or not all(mpmath.isfinite(c) and isinstance(c, mpf) for c in solution):
                return Found(
                    Status.NOT_REACHED, "θ is not a finite real number: the problem is ill-conditioned.", **base
                )
            theta = list(solution)
            error = [abs(c) * mpf(10) ** -(self.digits + 10) for c in theta]
            for k, size in enumerate(one.jet_error):
                moves = [solve([v + s * size if j == k else v for j, v in enumerate(one.jet)]) for s in (1, -1)]
                if size == 0:
                    continue
                if any(m is None for m in moves):
                    return Found(Status.NOT_REACHED, "within the errors of the jet θ can be anything.", **base)
                both = [self.differences(m, theta) for m in moves]
                error = [e + max(a, b) for e, a, b in zip(error, *both, strict=True)]
            theta = [
                mpf(0) if name in self.family.angles and 2 * mpmath.pi - c <= e else c  # an angle just below 0
                for name, c, e in zip(self.family.names, theta, error, strict=True)
            ]
            with mpmath.workdps(self.digits):
                shown = tuple(+c if abs(c) > e else mpf(0) for c, e in zip(theta, error, strict=True))
            error = [e + abs(c - d) for e, c, d in zip(error, theta, shown, strict=True)]
            largest = max(abs(c) for c in theta)
            rough = [
                name
                for name, c, e in zip(self.family.names, theta, error, strict=True)
                if not e <= mpf(10) ** -self.digits * max(10 * abs(c), largest) and e > mpf(10) ** -(2 * self.digits)
            ]
        out = Found(theta=shown, error=tuple(error), message=f"precise: {self.digits} digits by mpmath.", **base)
        if rough:
            k = self.family.index(rough[0])
            out.status = Status.NOT_REACHED
            out.message = f"{rough[0]} is known only to ± {mpmath.nstr(error[k], 2)}: the problem is ill-conditioned."
        return out

    def formula(self, ways: list[Any], side: str, jet: Jet) -> Callable[[Any], tuple[Any, ...] | None]:
        """θ from the jet at the working precision; None where there is none."""
        if solvable(self.family):
            left, right = (None if np.isnan(w) else int(w) for w in map(float, ways))
            formulas = closed_form(self.family, self.rule, side, left, right)
            function = sp.lambdify(ENTRIES[: self.count], formulas, "mpmath")

            def closed(values: Any) -> tuple[Any, ...] | None:
                try:
                    return tuple(mpmath.mpmathify(c) for c in function(*values))
                except (ArithmeticError, ValueError, TypeError):
                    return None

            return closed
        from .precise_doubles import root

        names = self.family.symbols
        rows = [sp.sympify(e, strict=True).subs(S, 0) for e in self.family.jet(names, self.family.size - 1)]
        return root(rows, names, [float(c) for c in self.family.from_jet(jet.values[: self.family.size])])


_LOST = "θ is not a finite real number: the problem is ill-conditioned."
_DOUBLES = (
    "f computes in doubles inside (math.sin(t), float(t), NumPy or SciPy functions), so more digits do not exist: at "
    "this scale it is a staircase. Write it with mpmath's functions or as a SymPy expression, or use another method."
)


def _point(x0: Any) -> Any:
    """x0 at the working precision."""
    if isinstance(x0, sp.Basic):
        return mpf(sp.Float(x0.evalf(mp.dps + 5), mp.dps + 5)._mpf_)
    return mpf(x0)
