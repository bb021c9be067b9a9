"""Exact answers: the constraint system, SymPy's limit, and a numerical check of both."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import mpmath
import sympy as sp

from ..divided import divided_differences
from ..errors import NotApplicable, Status
from ..evidence import Evidence, Jet, prime, sides_differ
from ..families import ConnectionFunction
from ..families.base import S
from ..function import Function, X
from ..rules import Osculating, Rule
from .base import TOO_DEEP, Method
from .bounded import OutOfTime, bounded, time_left
from .local_form import local_form, sign_beside, value_at

H = sp.Symbol("h", positive=True)
_DIGITS = 60  # of the numerical check
_SLACK = 0.5  # seconds in which the steps of an answer, each bounded, stop by themselves
_LIMIT_BUSY = 2.0  # seconds of the processor for sympy.limit, so that a busy machine says the same as a quiet one
_BESIDE = 12  # it takes h = 10^−12
_LIMIT_ORDER, _LIMIT_SIZE, _LIMIT_DIGITS = (
    2,
    60,
    10**6,
)  # beyond, for analytic f, sympy.limit is slow and derivatives serve as well


@dataclass(frozen=True)
class Symbolic(Method):
    """Exact limits of SymPy expressions, at numbers and at symbols.

    The constraints C1(h), C2(h) and the rule's contacts are written as divided differences, Δ_k[g] = Δ_k[f] on the
    first k + 1 nodes, which are the same equations divided by powers of h. ``sympy.limit`` takes h → 0 on each side
    asked for; the limit equations J(θ) = (f, f′, …) are then solved by the rule. Where ``limit`` is out of time,
    fails or is wrong, and beyond second order where f is analytic, the derivatives of the expression itself are used.
    Every number is checked against the divided differences at h = 10⁻¹² in 60-digit arithmetic before it is returned.
    All of it takes at most ``timeout`` seconds.

    Raises ``NotApplicable`` for a callable, for an array of points, for a rule without a closed form for the family,
    and for a timeout that is not positive. Source: Condor, Definitions 3.3–3.7; :meth:`system` gives the equations.

    >>> import kymath as ky
    >>> x = sp.Symbol("x")
    >>> ky.transform(sp.exp(2 * x), 0, ky.Exponential(), method=Symbolic())
    ∇_E[exp(2*x)](0): A = 1, B = 2, C = 0 (exact)
    """

    timeout: float = 20.0

    name = "symbolic"

    def __post_init__(self) -> None:
        number = isinstance(self.timeout, (int, float)) and not isinstance(self.timeout, bool)
        if not (number and 0 < self.timeout < math.inf):
            raise NotApplicable(f"Symbolic(timeout=…) takes a positive number of seconds; {self.timeout!r} was given.")

    def why_not(self, function: Function, family: ConnectionFunction, rule: Rule) -> str:
        if not function.symbolic:
            return "Symbolic() needs a SymPy expression; f is a callable. Use Adaptive()."
        if not rule.closed(family):
            return f"{rule!r} has no closed form for {family!r}. Use Adaptive(), which minimises with SciPy."
        return ""

    def system(self, f: Any, x0: Any, family: ConnectionFunction, rule: Rule | None = None) -> list[sp.Eq]:
        """C1(h), C2(h) and the rule's further contacts, as equations in h and the parameters.

        >>> from kymath import Polynomial
        >>> x = sp.Symbol("x")
        >>> for equation in Symbolic().system(x**3, 1, Polynomial(2)):
        ...     print(equation)
        Eq(a0, 1)
        Eq(a0 + a1*h + a2*h**2, (h + 1)**3)
        Eq(a0 - a1*h + a2*h**2, (1 - h)**3)
        """
        function = Function(f)
        if function.expression is None:
            raise NotApplicable("Symbolic().system needs a SymPy expression.")
        nodes = (rule or Osculating()).nodes(family)
        orders = [list(nodes[:j]).count(c) for j, c in enumerate(nodes)]
        return [
            sp.Eq(
                sp.diff(family.expression, S, r).subs(S, c * H), sp.diff(function.expression, X, r).subs(X, x0 + c * H)
            )
            for c, r in zip(nodes, orders, strict=True)
        ]

    def evidence(self, function: Function, x0: Any, family: ConnectionFunction, rule: Rule, side: str) -> Evidence:
        f = function.expression
        assert f is not None
        x0 = sp.sympify(x0, strict=True)
        seconds = min(self.timeout, max(time_left() - _SLACK, 0.0))
        end = time.monotonic() + seconds
        order = rule.entries(family) - 1
        try:
            if x0.free_symbols:
                return bounded(lambda: _generic(f, x0, order), seconds)
            return bounded(lambda: self._at_number(f, x0, order, side, end), seconds and seconds + _SLACK)
        except OutOfTime:
            return Evidence(None, status=Status.NOT_REACHED, message=f"SymPy found no answer in {seconds:.3g} seconds.")
        except RecursionError:
            return Evidence(None, status=Status.NOT_REACHED, message=TOO_DEEP)

    def _at_number(self, f: sp.Expr, x0: Any, order: int, side: str, end: float) -> Evidence:
        value = bounded(lambda: value_at(f, x0), _left(end))
        if not _finite(value):
            return Evidence(
                None, status=Status.NOT_FINITE, message=f"f(x0) is not a finite real number{_named(value)}."
            )
        signs = {"both": (1, -1), "right": (1,), "left": (-1,)}[side]
        found: dict[int, Evidence] = {}
        for sign in signs:
            form = bounded(lambda sign=sign: local_form(f, x0, sign), _left(end))  # type: ignore[misc]
            if sign == -1 and form is not None and found and found[1].notes == (form,):
                found[sign] = _mirrored(found[1], form, x0)  # the same analytic function on both sides
            else:
                found[sign] = _one_side(f, form, x0, value, order, sign, end)
        if side != "both":
            return found[signs[0]]
        return _together(found[-1], found[1])


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise OutOfTime
    return left


def _named(value: Any) -> str:
    if value.has(sp.zoo, sp.oo, -sp.oo):
        return ": it is infinite"
    return ": it is undefined" if value.has(sp.nan) else f": it is {value}"


def _finite(value: Any) -> bool:
    """Whether a SymPy value is a finite real number."""
    if isinstance(value, sp.AccumBounds):
        return False
    if value.has(sp.zoo, sp.nan, sp.oo, -sp.oo, sp.I) and not value.is_real:
        return False
    if value.is_real is None:
        approximate = value.evalf(20)
        return bool(approximate.is_number and abs(sp.im(approximate)) < 1e-15 and sp.re(approximate).is_finite)
    return bool(value.is_real and value.is_finite is not False)


# -- one side ------------------------------------------------------------------------------------------------------


def _one_side(f: sp.Expr, form: sp.Expr | None, x0: Any, value: Any, order: int, sign: int, end: float) -> Evidence:
    word = "right" if sign == 1 else "left"
    beside = _sample(f, x0 + sign * sp.Integer(10) ** -_BESIDE)
    if beside is None:
        where = f"f is not a finite real number at x0 {'+' if sign == 1 else '−'} h for small h (on the {word})."
        return Evidence(None, status=Status.NOT_FINITE, message=where)
    if form is not None and _differ(value_at(form, x0), value):
        return Evidence(None, status=Status.DIVERGES, message=f"f jumps at x0 on the {word}: D(h)/h grows like 1/h.")
    long = x0.is_Rational and max(abs(x0.p), x0.q) > _LIMIT_DIGITS
    if form is not None and (order > _LIMIT_ORDER or form.count_ops() > _LIMIT_SIZE or long):
        values, notes = None, "would take long"
    else:
        busy = _LIMIT_BUSY if form is not None else _LIMIT_BUSY + _left(end) / 10
        values, notes = _by_limit(form if form is not None else f, x0, order, sign, _left(end), busy)
    checked = values is not None and not notes and _holds(f, x0, values, sign)
    road = "the limit of the constraint system by SymPy"
    if not checked and form is not None:
        values = bounded(
            lambda: [value_at(sp.diff(form, X, k), x0) if k else value for k in range(order + 1)], _left(end)
        )
        checked = all(_finite(v) for v in values) and _holds(f, x0, values, sign)
        road = f"derivatives of f (SymPy's limit {notes or 'was wrong'})"
    if values is not None and checked:
        return Evidence(_jet(values, f, form, x0, sign), message=road, notes=(form,) if form is not None else ())
    return _failure(f, x0, order, word, sign, values, notes)


def _by_limit(f: sp.Expr, x0: Any, order: int, sign: int, seconds: float, busy: float) -> tuple[list[Any] | None, str]:
    """k!·lim Δ_k(h) for k = 0 … order on the nodes 0, 1, …, order times ±h."""
    nodes = list(range(order + 1))

    def take() -> list[Any]:
        rows = [f.subs(X, x0 + sign * c * H) for c in nodes]
        out = []
        for k, difference in enumerate(divided_differences(nodes, sign * H, rows)):
            limit = sp.limit(sp.together(difference) if f.is_rational_function(X) else difference, H, 0, "+")
            out.append(limit * math.factorial(k))
            if not _finite(out[-1]):
                break
        return out

    try:
        values = bounded(take, seconds, busy=busy)
    except OutOfTime:
        return None, "was out of time"
    except Exception as error:  # SymPy's own failures have many types
        return None, f"failed: {type(error).__name__}"
    if len(values) <= order or not all(_finite(v) for v in values):
        return values, "found no finite limit"
    return values, ""


def _sample(f: sp.Expr, t: Any, digits: int = _DIGITS + 20) -> Any:
    """f(t) as a number of many digits, None where it is not finite and real."""
    try:
        number = f.evalf(digits, subs={X: t}, maxn=4000) if f.has(X) else f.evalf(digits)
        real, imaginary = number.as_real_imag()
        if not real.is_number or not real.is_finite or abs(imaginary) > sp.Float("1e-50") * (1 + abs(real)):
            return None
        return mpmath.mpf(sp.Float(real, digits)._mpf_)
    except Exception:  # SymPy raises many types where a value does not exist
        return None


def _holds(f: sp.Expr, x0: Any, values: list[Any], sign: int) -> bool:
    """Whether the divided differences of f at small h agree with the values, beside x0 on this side."""
    count = len(values)
    first = _BESIDE if count < 5 else _DIGITS // (2 * count)
    return any(_holds_at(f, x0, values, sign, exponent) for exponent in (first, 40, 200))


def _holds_at(f: sp.Expr, x0: Any, values: list[Any], sign: int, exponent: int) -> bool:
    digits = _DIGITS + 20 + exponent * len(values)
    with mpmath.workdps(digits):
        try:
            numbers = [mpmath.mpf(sp.Float(sp.N(v, digits), digits)._mpf_) for v in values]
        except (AttributeError, TypeError, ValueError):  # no number at all, such as SymPy's AccumBounds
            return False
        errors = []
        for step in (sp.Rational(1, 10**exponent), sp.Rational(1, 16 * 10**exponent)):
            rows = [_sample(f, x0 + sign * c * step, digits) for c in range(len(values))]
            if any(row is None for row in rows):
                return False
            differences = divided_differences(list(range(len(values))), sign * mpmath.mpf(step.p) / step.q, rows)
            scaled = [mpmath.factorial(k) * d for k, d in enumerate(differences)]
            errors.append([abs(d - v) for d, v in zip(scaled, numbers, strict=True)])
        size = max([abs(v) for v in numbers] + [mpmath.mpf(1)])
        small = mpmath.mpf("1e-6")
        return all(
            e2 <= small * max(abs(v), size * small) or e2 < e1 / 2 for e1, e2, v in zip(*errors, numbers, strict=True)
        )


def _differ(a: Any, b: Any) -> bool:
    difference = abs(sp.N(a - b, 30))
    return bool(difference > sp.Float("1e-20") * (1 + abs(sp.N(b, 30))))


def _jet(values: list[Any], f: sp.Expr, form: sp.Expr | None, x0: Any, sign: int) -> Jet:
    way = _way(f, form, x0, sign)
    sides = (way, None) if sign == -1 else (None, way)
    return Jet(tuple(values), tuple(sp.Integer(0) for _ in values), *sides)


def _way(f: sp.Expr, form: sp.Expr | None, x0: Any, sign: int) -> int | None:
    """sgn D(h) beside x0."""
    if form is not None:
        return sign_beside(form - value_at(form, x0), x0, sign)
    at = _sample(f, x0)
    seen = set()
    for exponent in (8, 10, 12, 15):
        value = _sample(f, x0 + sign * sp.Integer(10) ** -exponent)
        if value is None:
            return None
        seen.add(int(mpmath.sign(value - at)))
    return seen.pop() if len(seen) == 1 else None


def _mirrored(right: Evidence, form: sp.Expr, x0: Any) -> Evidence:
    """The left side of a function that is analytic at x0: the jet of the right side, D(h) seen from the left."""
    assert right.jet is not None
    way = _way(form, form, x0, -1)
    return Evidence(Jet(right.jet.values, right.jet.errors, way, None), message=right.message, notes=right.notes)


def _failure(f: sp.Expr, x0: Any, order: int, word: str, sign: int, values: list[Any] | None, notes: str) -> Evidence:
    """What went wrong, as far as it can be told for certain."""
    if values:
        last, k = values[-1], len(values) - 1
        if last in (sp.oo, -sp.oo) and (sizes := _growing(f, x0, k, sign)):
            upright = k == 1 and sizes[-1] < 0.9e6 * sizes[0]  # slower than the 1/h of a jump
            text = f"the divided difference of order {k} tends to {'∞' if last == sp.oo else '−∞'} on the {word}"
            text += " (a vertical tangent)." if upright else "."
            return Evidence(None, status=Status.DIVERGES, message=text)
        if isinstance(last, sp.AccumBounds):
            text = f"the divided difference of order {k} oscillates on the {word}, between {last.min} and {last.max}."
            return Evidence(None, status=Status.NO_LIMIT, message=text)
    reason = notes or "gave a value that numbers contradict"
    text = f"no exact {prime(order)} was found on the {word}: SymPy's limit {reason}."
    return Evidence(None, status=Status.NOT_REACHED, message=text)


def _growing(f: sp.Expr, x0: Any, k: int, sign: int) -> list[Any]:
    """|Δ_k(h)| for h = 1e-2 … 1e-8, in numbers; nothing where it does not keep growing as h falls."""
    sizes = []
    with mpmath.workdps(_DIGITS + 20):
        for exponent in (2, 4, 6, 8):
            h = sp.Integer(10) ** -exponent
            rows = [_sample(f, x0 + sign * c * h) for c in range(k + 1)]
            if any(row is None for row in rows):
                return []
            sizes.append(abs(divided_differences(list(range(k + 1)), mpmath.mpf(10) ** -exponent, rows)[k]))
    return sizes if all(b > a for a, b in pairwise(sizes)) else []


# -- both sides, and symbols -----------------------------------------------------------------------------------------


def _together(left: Evidence, right: Evidence) -> Evidence:
    for one in (left, right):
        if one.status is Status.NOT_FINITE:
            told = " ".join(side.message for side in (left, right) if side.jet is None)
            return Evidence(None, status=Status.NOT_FINITE, message=told, left=left, right=right)
    if left.jet is None or right.jet is None:
        missing = [one for one in (left, right) if one.jet is None]
        message = " ".join(one.message for one in missing)
        jumps = any("jumps" in one.message for one in missing)
        kinds = {one.status for one in missing}
        if Status.NOT_REACHED in kinds:
            status = Status.NOT_REACHED
        elif len(missing) == 2 and kinds == {Status.DIVERGES} and not jumps:
            status = Status.DIVERGES
        else:
            status = Status.NO_LIMIT
        return Evidence(None, status=status, message=message, left=left, right=right)
    for k, (a, b) in enumerate(zip(left.jet.values, right.jet.values, strict=True)):
        if _differ(a, b):
            return Evidence(None, status=Status.NO_LIMIT, message=sides_differ(k, a, b), left=left, right=right)
    jet = Jet(right.jet.values, right.jet.errors, left.jet.left, right.jet.right)
    return Evidence(jet, message=right.message, left=left, right=right)


def _generic(f: sp.Expr, x0: Any, order: int) -> Evidence:
    """The jet at a symbol: derivatives of f, checked by numbers at sample points where f is real."""
    frozen, back = _frozen(f)
    values = [sp.diff(frozen, X, k).xreplace(back).subs(X, x0) for k in range(order + 1)]
    for k, value in enumerate(values):
        if value.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I) or value.is_real is False:
            text = f"{prime(k)} is not a finite real number at {x0}: it is {value}."
            return Evidence(None, status=Status.NOT_FINITE, message=text)
    symbols = sorted(x0.free_symbols, key=str)
    tried = 0
    for p in (sp.Rational(1, 3), sp.Rational(7, 5), sp.Rational(-5, 7), sp.Integer(2), sp.Integer(-3)):
        if any((s.is_positive and p < 0) or (s.is_negative and p > 0) or s.is_zero for s in symbols):
            continue  # not a value that the symbol takes
        if any(s.is_integer and not p.is_integer for s in symbols):
            continue
        point = dict.fromkeys(symbols, p)
        at = [
            _sample(v.xreplace({symbols[0]: X}), p) if len(symbols) == 1 else _sample(v.subs(point), p) for v in values
        ]
        if any(v is None for v in at):
            continue
        tried += 1
        if not _holds(f, x0.subs(point), [sp.Float(v, _DIGITS) for v in at], 1):
            text = f"the derivatives of f at the symbol {x0} disagree with numbers at {symbols[0]} = {p}."
            return Evidence(None, status=Status.NOT_REACHED, message=text)
    note = "derivatives of f at a symbol, for generic values of it"
    note += f" (checked at {tried} points)" if tried else " (no sample point to check at)"
    return Evidence(Jet(tuple(values), tuple(sp.Integer(0) for _ in values)), message=note)


def _frozen(f: sp.Expr) -> tuple[sp.Expr, dict[Any, Any]]:
    """f with its steps (signs, floors, the choice in |u|, min, max) as constants, which they are at a generic point."""
    back: dict[Any, Any] = {}

    def held(step: Any) -> Any:
        constant = sp.Dummy()
        back[constant] = step
        return constant

    def absolute(u: Any) -> Any:
        return u * held(sp.sign(u.xreplace(back)))

    f = f.replace(lambda e: isinstance(e, (sp.Max, sp.Min)), _as_absolute)
    f = f.replace(sp.Abs, lambda u: absolute(u))
    steps = (sp.sign, sp.floor, sp.ceiling, sp.Heaviside)
    f = f.replace(lambda e: isinstance(e, steps), lambda e: held(e.xreplace(back)))
    return f, back


def _as_absolute(e: Any) -> Any:
    """max(a, b) = (a + b + |a − b|)/2, and min with a minus."""
    sign = 1 if isinstance(e, sp.Max) else -1
    value = e.args[0]
    for other in e.args[1:]:
        value = (value + other + sign * sp.Abs(value - other)) / 2
    return value
