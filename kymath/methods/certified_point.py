"""One point in ball arithmetic: enclosures of the jet, decisions about it, and enclosures of θ."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from flint import arb

from ..errors import BadFunction, NotApplicable, Status
from ..evidence import prime, sides_differ
from ..families import ConnectionFunction
from ..function import Function, X
from ..rules import Rule
from . import germs
from .ball_context import Escape, Stop, passing, working
from .ball_expression import evaluate, number
from .balls import Ball, Condition, as_ball, variable
from .bounded import OutOfTime, bounded
from .certified_jet import BallJet, Germs, Truth, verified_root
from .closed_form import ENTRIES, closed_form, solvable
from .germs import Fault, Short, Undecided

_FURTHER = (0, 4, 12, 28)  # more coefficients, where the first are all zero or get lost in divisions
_WORDS = {-1: "left", 1: "right"}
_WANTED = {"both": (-1, 1), "left": (-1,), "right": (1,)}
DOUBLE = 15  # the digits that a double holds


@dataclass(frozen=True)
class Point:
    """What was found at one x0: θ with a bound on its error (floats to 15 digits, else mpf), and the enclosures."""

    theta: tuple[Any, ...] | None = None
    error: tuple[Any, ...] | None = None
    status: Status = Status.CONVERGED
    message: str = ""
    enclosures: tuple[Any, ...] | None = None
    jet: tuple[float, ...] | None = None
    jet_error: tuple[float, ...] | None = None
    left_way: float = np.nan
    right_way: float = np.nan
    left: Point | None = None
    right: Point | None = None
    passes: int = 0
    notes: tuple[str, ...] = field(default=())


def certify(function: Function, x0: Any, family: ConnectionFunction, rule: Rule, side: str, digits: int) -> Point:
    """θ at x0 to so many digits, or what stands in the way."""
    first = math.ceil(digits * math.log2(10)) + 30
    last = max(8192, 8 * first)
    search = _Search(function, x0, family, rule, digits)
    best: Point | None = None
    bits, why = first, ""
    while bits <= last:
        try:
            found = search.at(bits, side)
        except Undecided as error:
            why = f"{error} at {math.floor(bits / math.log2(10))} digits."
        else:
            if found.status is not Status.NOT_REACHED:
                return replace(found, passes=search.passes)
            best, why = found, found.message
        bits *= 2
    text = f"{why} Certified() stops there; Symbolic() or a different form of f may decide."
    best = best or Point()
    return replace(best, status=Status.NOT_REACHED, message=text, passes=search.passes)


def rounded(enclosure: Any, name: str) -> tuple[float, float]:
    """A double near the enclosure, and a bound on its distance from anything inside."""
    value = 0.0 if enclosure.contains(0) else float(enclosure.mid())
    if not math.isfinite(value):
        raise Undecided(f"{name} is beyond the range of doubles")
    away = abs(enclosure - arb(value)).abs_upper()
    bound = float(away)
    if bound == 0 and away.is_zero():
        return value, 0.0
    return value, math.nextafter(math.nextafter(bound, math.inf), math.inf)


def exactly_mpf(value: Any) -> Any:
    """The midpoint of an enclosure as the same number in mpmath, whatever mpmath's precision is: nothing is rounded."""
    mantissa, exponent = value.mid().man_exp()
    return mpmath.mp.make_mpf(mpmath.libmp.from_man_exp(int(mantissa), int(exponent)))


def carried(enclosure: Any) -> tuple[Any, Any]:
    """The middle of an enclosure as an mpf with all its digits, and its radius: the distance of anything inside."""
    if enclosure.contains(0):
        return mpmath.mpf(0), exactly_mpf(enclosure.abs_upper())
    return exactly_mpf(enclosure), exactly_mpf(enclosure.rad())


class _Search:
    """The evaluations at one x0, precision after precision."""

    def __init__(self, function: Function, x0: Any, family: ConnectionFunction, rule: Rule, digits: int) -> None:
        self.function, self.x0 = function, x0
        self.family, self.rule, self.digits = family, rule, digits
        self.count = max(rule.entries(family), 2)
        self.passes = 0
        self.zero: dict[int, bool] = {}

    def at(self, bits: int, side: str) -> Point:
        short = ""
        before = -1
        for more in _FURTHER:
            try:
                with working(bits, self.count + more):
                    found = self.look(side)
                    lacking = self.lacking(found, side)
                    if isinstance(lacking, int) and found.known(lacking) != before and more < _FURTHER[-1]:
                        before = found.known(lacking)
                        continue
                    return self.judge(found, side)
            except Short as error:
                short = str(error)
        raise Undecided(f"cannot tell: {short}, and perhaps to every order")

    # -- f on balls --------------------------------------------------------------------------------------------------

    def look(self, side: str) -> Germs:
        x0 = arb(self.x0) if isinstance(self.x0, float) else number(self.x0)
        if isinstance(x0, Fault):
            raise NotApplicable(f"x0 = {self.x0} is not a real number that balls can enclose.")
        values: dict[int, Ball | Fault] = {}
        traces: dict[int, tuple[bool, ...]] = {}
        for way in (0, *_WANTED[side]):
            if any(not trace for trace in traces.values()):  # no decision was taken: every pass is the same
                values[way], traces[way] = next((values[w], t) for w, t in traces.items() if not t)
                continue
            with passing(way) as run:
                value = self.value(x0, run)
            traces[way] = tuple(run.trace)
            values[way] = next((values[w] for w in values if traces[w] == traces[way] and w != way), value)
        runs = [values.get(way) for way in (-1, 0, 1)]
        parts = [v.parts[i] if isinstance(v, Ball) else v for i, v in enumerate(runs)]
        return Germs(parts, runs)

    def value(self, x0: Any, run: Any) -> Ball | Fault:
        self.passes += 1
        t = variable(x0)
        try:
            if self.function.expression is not None:
                out: Any = evaluate(self.function.expression, {X: t})
            else:
                self.function.nfev += 1
                with np.errstate(all="ignore"):
                    out = self.function.original(t)
        except (Undecided, Short):
            raise
        except Stop as stop:
            return stop.fault
        except Exception as error:
            return self.refusal(run, error)
        if run.escape:
            raise NotApplicable(self.escaped(run.escape))
        if isinstance(out, np.ndarray) and out.size == 1:
            out = out.reshape(-1)[0]
        if isinstance(out, (Ball, Condition, int, float, np.number, np.bool_)) and not isinstance(out, complex):
            try:
                return as_ball(out)
            except Escape as error:
                return self.refusal(run, error)
        kind = f"an array of shape {out.shape}" if isinstance(out, np.ndarray) else f"a {type(out).__name__}"
        raise BadFunction(f"f returned {kind} for a ball; f must return one real number for each number.")

    def escaped(self, reason: str) -> str:
        return (
            f"Certified() cannot follow the code of f: {reason}. Write it with NumPy, as a SymPy expression, or use "
            "another method."
        )

    def refusal(self, run: Any, error: Exception) -> Fault:
        if run.escape or isinstance(error, Escape):
            raise NotApplicable(self.escaped(run.escape or str(error))) from error
        at = float(self.function(np.asarray(float(self.x0))))  # a BadFunction shows itself here
        if not np.isfinite(at) and isinstance(error, (ValueError, ArithmeticError)):
            return germs.outside(f"f raises {type(error).__name__}: {error}")
        raise NotApplicable(self.escaped(f"{type(error).__name__}: {error}")) from error

    # -- decisions ---------------------------------------------------------------------------------------------------

    def lacking(self, found: Germs, side: str) -> int | Fault | None:
        """The side (−1 or 1) on which too few coefficients are known, or what is wrong at x0 or on a side."""
        at = found.parts[1]
        if isinstance(at, Fault):
            return Fault(Status.NOT_FINITE, f"f(x0) is not a finite real number: {at.message}.")
        for way in _WANTED[side]:
            part = found.parts[way + 1]
            if isinstance(part, Fault):
                return Fault(part.status, f"on the {_WORDS[way]}, {part.message}.")
        for way in _WANTED[side]:
            part = found.parts[way + 1]
            if not isinstance(part, arb) and part.prec < self.count:
                return way
        return None

    def judge(self, found: Germs, side: str) -> Point:
        wrong = self.lacking(found, side)
        if isinstance(wrong, Fault):
            if wrong.status is Status.NOT_REACHED:
                raise Undecided(wrong.message.rstrip(".") + ",")
            return Point(status=wrong.status, message=wrong.message)
        if wrong is not None:
            text = f"{prime(found.known(wrong))} grows without bound on the {_WORDS[wrong]}: f moves there like a "
            text += "power of h that is not whole."
            one_only = side == "both" and found.known(-wrong) >= self.count
            return self.apart(found, text) if one_only else Point(status=Status.DIVERGES, message=text)
        rows = {way: self.row(found.parts[way + 1]) for way in _WANTED[side]}
        doubts = []
        for way in _WANTED[side]:
            gap = rows[way][0] - _constant(found.parts[1])
            if found.continuous(way) or gap.is_zero():
                continue
            if germs.certain_sign(gap):
                jump = f"f jumps at x0 on the {_WORDS[way]}: D(h)/h grows like 1/h."
                return self.apart(found, jump) if side == "both" else Point(status=Status.DIVERGES, message=jump)
            doubts.append(f"cannot tell whether f jumps at x0 on the {_WORDS[way]}: it does not")
        if side == "both" and not found.smooth:
            steady = found.continuous(-1) and found.continuous(1)
            for k in range(self.count):
                gap = rows[1][k] - rows[-1][k]
                if germs.certain_sign(gap):
                    left, right = (rows[way][k].str(10, radius=False) for way in (-1, 1))
                    return self.apart(found, sides_differ(k, left, right))
                if not gap.is_zero() and not (k == 0 and steady):
                    doubts.append(f"cannot tell whether the two sides agree: {prime(k)} does")
        if doubts:
            raise Undecided(doubts[0])
        return self.settle(found, rows[_WANTED[side][-1]], side)

    def apart(self, found: Germs, text: str) -> Point:
        """The failure of the two-sided limit, with the one-sided results."""
        one_sided: list[Point | None] = []
        for word in ("left", "right"):
            try:
                one = self.judge(found, word)
            except (Undecided, Short):
                one_sided.append(None)
                continue
            one_sided.append(one if one.status is Status.CONVERGED else None)
        return Point(status=Status.NO_LIMIT, message=text, left=one_sided[0], right=one_sided[1])

    def row(self, part: Any) -> list[Any]:
        """f, f′, f″, … as enclosures; exactly zero where SymPy proves it."""
        if isinstance(part, arb):
            return [part, *[arb(0)] * (self.count - 1)]
        out = [part[k] * math.factorial(k) for k in range(self.count)]
        if self.function.expression is None or isinstance(self.x0, float):
            return out
        return [arb(0) if germs.certain_sign(v) is None and self.proven_zero(k) else v for k, v in enumerate(out)]

    def proven_zero(self, k: int) -> bool:
        f, x0 = self.function.expression, self.x0
        assert f is not None
        if k not in self.zero:
            if f.has(sp.Abs, sp.sign, sp.Max, sp.Min, sp.Piecewise, sp.floor, sp.ceiling, sp.Heaviside):
                self.zero[k] = False
            else:
                try:
                    self.zero[k] = bounded(lambda: bool((sp.diff(f, X, k) if k else f).subs(X, x0) == 0), 1.0)
                except (OutOfTime, ArithmeticError, TypeError, ValueError, NotImplementedError):
                    self.zero[k] = False
        return self.zero[k]

    def way(self, found: Germs, row: list[Any], side: int) -> float:
        """sgn D(h) beside x0; nan where it does not matter."""
        if not self.rule.sided:
            return np.nan
        part = found.parts[side + 1]
        if isinstance(part, arb):
            return 0.0
        for k in range(1, part.prec):
            value = row[k] if k < len(row) else part[k]
            sign = germs.certain_sign(value)
            if sign is None:
                raise Undecided(f"cannot tell {prime(k)} from 0, and with it the sign of f(x0 + h) − f(x0),")
            if sign:
                return float(sign * side**k)
        raise Short(f"f(x0 + h) − f(x0) is 0 to order {part.prec - 1}")

    # -- θ -----------------------------------------------------------------------------------------------------------

    def settle(self, found: Germs, row: list[Any], side: str) -> Point:
        ways = {w: self.way(found, self.row(found.parts[w + 1]), w) for w in _WANTED[side]}
        values, errors = zip(*(rounded(v, prime(k)) for k, v in enumerate(row)), strict=True)
        left, right = ways.get(-1, np.nan), ways.get(1, np.nan)
        jet = BallJet(
            tuple(map(np.asarray, values)), tuple(map(np.asarray, errors)), np.asarray(left), np.asarray(right),
            True, True, enclosures=tuple(row),
        )  # fmt: skip
        base = Point(jet=values, jet_error=errors, left_way=left, right_way=right)
        if not (self.rule.sided and side == "both"):
            return self.one_limit(base, jet, side)
        one, two = (self.one_limit(base, jet, word) for word in ("left", "right"))
        for this in (two, one):
            if this.status is not Status.CONVERGED:
                return replace(this, left=None, right=None)
        assert one.enclosures is not None
        assert two.enclosures is not None
        for name, a, b in zip(self.family.names, one.enclosures, two.enclosures, strict=True):
            gap = ((a - b) / 2).sin() if name in self.family.angles else a - b
            if germs.certain_sign(gap):
                text = self.family.differing(*([float(c) for c in p.theta or ()] for p in (one, two)))
                return replace(base, status=Status.NO_LIMIT, message=text, left=one, right=two)
        if self.formulas(jet, "left") != self.formulas(jet, "right"):
            exact = all(
                a.is_exact() and b.is_exact() and a == b for a, b in zip(one.enclosures, two.enclosures, strict=True)
            )
            if not exact:
                raise Undecided("cannot tell whether the one-sided limits agree: they do")
        return two

    def formulas(self, jet: BallJet, side: str) -> tuple[sp.Expr, ...]:
        ways = [None if np.isnan(w) else int(w) for w in (float(jet.left), float(jet.right))]
        return closed_form(self.family, self.rule, side, ways[0], ways[1])

    def one_limit(self, base: Point, jet: BallJet, side: str) -> Point:
        for obstacle in self.rule.obstacles(self.family, jet, side):
            if isinstance(obstacle.where, Truth):
                if obstacle.where.answer is None:
                    raise Undecided(f"cannot tell {obstacle.where.what}")
                stands = obstacle.where.answer
            else:
                stands = bool(np.any(obstacle.where))
            if stands:
                return replace(base, status=obstacle.status, message=obstacle.message)
        if solvable(self.family):
            known = dict(zip(ENTRIES, (Ball(v) for v in jet.enclosures), strict=False))
            parts = [evaluate(formula, known).parts[0] for formula in self.formulas(jet, side)]
            if fault := next((p for p in parts if isinstance(p, Fault)), None):
                raise Undecided(f"θ has no enclosure ({fault.message})")
            theta = tuple(parts)
        else:
            theta = verified_root(self.family, jet)
        if not all(c.is_finite() for c in theta):
            raise Undecided("θ has no finite enclosure: the problem is ill-conditioned")
        pairs = [
            carried(c) if self.digits > DOUBLE else rounded(c, n) for n, c in zip(self.family.names, theta, strict=True)
        ]
        numbers, errors = zip(*pairs, strict=True)
        done = replace(base, theta=numbers, error=errors, enclosures=theta, message=self.words())
        largest = max(abs(c).abs_upper() for c in theta)
        small = arb(10) ** -self.digits
        for name, c in zip(self.family.names, theta, strict=True):
            floor = abs(c).abs_lower().max(largest * small)
            if not (c.rad() <= floor * small):
                text = f"{name} is known only as {c.str(10)}"
                return replace(done, status=Status.NOT_REACHED, message=text)
        return done

    def words(self) -> str:
        return f"certified: every parameter to {self.digits} digits, guaranteed by ball arithmetic."


def _constant(part: Any) -> Any:
    return part if isinstance(part, arb) else part[0]
