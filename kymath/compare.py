"""Which connection function suits f at x0: how far each family's own best curve parts from f beyond its contact."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np
import sympy as sp

from .comparison import Comparison, Row
from .errors import NotApplicable, Status
from .evidence import Evidence, Jet, Side, prime
from .families import ConnectionFunction, Exponential, Harmonic, Linear, Polynomial, Trigonometric
from .function import Function, X, as_function
from .methods import Method, Symbolic
from .methods.bounded import within
from .request import point_of
from .result import KYTransform
from .rules import Osculating, Rule
from .transform import transform

EPS = float(np.finfo(float).eps)
DEFAULT = (
    Linear(), Polynomial(2), Polynomial(3), Exponential(), Trigonometric(), Harmonic(offset=False), Harmonic(),
)  # fmt: skip
ORDER = 6  # derivatives looked at; two more than the largest family has parameters, if that is more
SHARE = 0.1  # of the terms of f, within the length, that belong to the upper half of these derivatives
FACTOR = 2.0  # defects closer than this are alike; by trial, none of 128 choices was against the curve nearest to f
POOR = 0.5  # a curve that misses as much of f does not suit it
WORDY = 2  # operations of an f whose exact derivatives can be simplified in any case, such as x**x
HUGE = 1e150  # derivatives beyond, or below its inverse, whose squares are no doubles
BUDGET, FIRST = 20.0, 0.6  # seconds for all families, and of these for SymPy to find the derivatives
SURE = 1e-6  # two curves are called the same where they agree within their errors, and these are so small


def compare(
    f: Any,
    x0: Any,
    families: Iterable[ConnectionFunction] | None = None,
    *,
    side: Literal["both", "right", "left"] = "both",
    method: Method | None = None,
) -> Comparison:
    """Which connection function suits f at x0: the families, best first, by the defect of their osculating curves.

    The curve g of a family with N parameters shares f, f′, …, f^(N−1) with f at x0. Beyond, with c_k = |f^(k)(x0)|/k!,

        defect = Σ_{N≤k≤K} |f^(k) − g^(k)| L^k/k!  /  Σ_{1≤k≤K} c_k L^k,

    the part of the change of f within a length L of x0 that g may miss: for small L the mismatch of the next order, and
    free of the units of f and t. K = 6, or two more than the largest family has parameters. L is where the terms of f
    with k > K/2 reach a tenth of the others (of a polynomial, those above a lower order; |x0| or 1 where f has one
    term only). It is a judgement from derivatives at x0 alone: what f does farther away plays no part.

    Families with the same curve, in every order looked at, count as one, and the one with the fewest parameters (then
    the first) stands for it. ``best`` is the row whose defect, its error counted, is less than half of every other;
    None where there is none, where it misses half of f or more, or where derivatives are missing. Families that do not
    apply come last, with the reason; they raise nothing.

    ``f`` and ``side`` as in :func:`kymath.transform`; ``x0``: one number (for many, compare at each). ``families``:
    None takes ``Linear()``, ``Polynomial(2)``, ``Polynomial(3)``, ``Exponential()``, ``Trigonometric()`` (ω = 1),
    ``Harmonic(offset=False)`` and ``Harmonic()``. ``method``: how the derivatives of f are found, once for all
    families; SymPy gets some 20 s in all, and numbers answer where it has not. For exact derivatives the
    defect is exact too: 0 says that 40 digits show no difference.

    Raises ``NotApplicable`` for a point or families that are none, ``BadFunction`` for an f that is no function.
    Source: the mismatch f^(N) − g^(N) is the constant of Condor, Theorem 3.13, repaired; the scale is this project's.

    >>> import sympy as sp, kymath as ky
    >>> from kymath.compare import compare
    >>> x = sp.symbols("x")
    >>> found = compare(3 * sp.exp(-x / 2) + 1, 0)
    >>> found.best.family, found.best.contact, found.best.defect
    (Exponential(), 6, 0.0)
    >>> print(compare(sp.exp(x), 0, [ky.Linear(), ky.Exponential()]).best.reason)
    all derivatives up to f^(6)(x0) agree, exactly.
    """
    chosen = _chosen(families)
    if np.ndim(x0) or (isinstance(x0, sp.Basic) and x0.free_symbols):
        raise NotApplicable(f"compare looks at one point, a number; x0 = {x0!r} was given. For many, compare at each.")
    function = as_function(f)
    before = function.nfev
    order = min(max(ORDER, 2 + max(family.size for family in chosen)), 40)
    began = time.monotonic()
    with np.errstate(all="ignore"), within(BUDGET):  # what overflows is not judged
        with within(FIRST * BUDGET):
            known = _learned(function, x0, order, side, method)
        late = function.symbolic and known.exact is None and time.monotonic() - began > FIRST * BUDGET - 1
        measured = [_measured(function, x0, family, known, side, method) for family in chosen]
    measured.sort(key=lambda one: (not one.result.success, one.family.size))  # and as they were given
    groups = _groups(one for one in measured if one.result.success)
    rows, best, verdict = _judged(groups, known)
    if late:
        verdict += f" SymPy was stopped after {FIRST * BUDGET:g} seconds: the derivatives are numerical."
    rows += [_row(one, None, known) for one in measured if not one.result.success]
    point = measured[0].result.x0
    return Comparison(
        tuple(rows), best, verdict, known.length, len(known.values) - 1, point, side, function.nfev - before, function
    )


def _chosen(families: Any) -> list[ConnectionFunction]:
    if families is None:
        return list(DEFAULT)
    given = [families] if isinstance(families, ConnectionFunction) or not isinstance(families, Iterable) else families
    out: list[Any] = [given] if isinstance(given, str) else list(dict.fromkeys(given))
    for family in out:
        if not isinstance(family, ConnectionFunction):
            raise NotApplicable(f"families must be such as Polynomial(2) or Exponential(); {family!r} was given.")
    if not out:
        raise NotApplicable("families is empty: give those to compare, or None for the usual ones.")
    return out


# -- the derivatives of f, found once ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Given(Method):
    """Derivatives found before, as a method: f is not read again."""

    found: Evidence
    name: str = ""

    def why_not(self, function: Function, family: ConnectionFunction, rule: Rule) -> str:
        return ""

    def evidence(self, function: Function, x0: Any, family: ConnectionFunction, rule: Rule, side: str) -> Evidence:
        return self.found


@dataclass(frozen=True)
class _GivenExactly(Symbolic):
    """The same with exact derivatives."""

    found: Evidence = field(default_factory=Evidence)
    timeout: float = 5.0  # for SymPy to write θ shortly

    def evidence(self, function: Function, x0: Any, family: ConnectionFunction, rule: Rule, side: str) -> Evidence:
        return self.found


class _Known(NamedTuple):
    """f, f′, … at x0, in ``exact`` numbers too where there are any; ``whole`` if all that exist are there."""

    values: np.ndarray
    errors: np.ndarray
    exact: tuple[Any, ...] | None
    method: Method | None
    whole: bool
    length: float
    weights: np.ndarray  # of |f^(k) − g^(k)| in the defect


def _learned(function: Function, x0: Any, order: int, side: Side, method: Method | None) -> _Known:
    seconds = math.inf
    if method is None and function.symbolic and _wordy(function.expression):
        method = _in_doubles(function, x0, order, side)
        seconds = 0.0 if method is None else seconds  # then without SymPy
    lost: set[Any] = set()
    for degree in range(order, 0, -1):
        with within(seconds):
            found = transform(function, x0, Polynomial(degree), method=method, side=side, raises=False)
        if found.success:
            return _known(found, lost <= {Status.NO_LIMIT, Status.DIVERGES})
        lost.add(found.status)
        if found.status not in (Status.NO_LIMIT, Status.DIVERGES, Status.NOT_REACHED):
            break
    nothing = np.array([])
    return _Known(nothing, nothing, None, None, False, math.nan, nothing)


def _wordy(f: Any) -> bool:
    """Whether f has a variable exponent over another base than e: its derivatives then are long sums of logarithms,
    and where SymPy simplifies these it may raise a fraction to a power of many digits, which nothing interrupts."""
    return any(power.exp.has(X) and power.base != sp.E for power in f.atoms(sp.Pow)) and f.count_ops() > WORDY


def _in_doubles(function: Function, x0: Any, order: int, side: Side) -> Method | None:
    """SymPy's derivatives as doubles."""
    point, _ = point_of(x0)
    exact = point if isinstance(point, sp.Basic) else sp.Rational(*float(point).as_integer_ratio())
    entries: Any = SimpleNamespace(size=order + 1)  # all that the evidence asks of a family
    jet = Symbolic().evidence(function, exact, entries, Osculating(), side).jet
    values = [float(sp.N(v, 25)) for v in jet.values] if jet is not None else [math.nan]
    if not all(map(math.isfinite, values)):
        return None
    errors = tuple(np.asarray(EPS / 2 * abs(v)) for v in values)
    rows = Jet(tuple(np.asarray(v) for v in values), errors)
    return _Given(Evidence(rows, message="symbolic: derivatives of f, in doubles."), "symbolic")


def _known(found: KYTransform, whole: bool) -> _Known:
    scale = [math.factorial(k) for k in range(len(found.theta))]
    entries = tuple(s * c for s, c in zip(scale, found.theta[::-1], strict=True))
    values = np.array([_double(c) if found.exact else float(c) for c in entries])
    errors = np.array([s * float(e) for s, e in zip(scale, found.error[::-1], strict=True)])
    message = "derivatives of f, found once for all families"
    method: Method
    if found.exact:
        method = _GivenExactly(found=Evidence(Jet(entries, (sp.Integer(0),) * len(entries)), message=message))
    else:
        jet = Jet(tuple(np.asarray(v) for v in values), tuple(np.asarray(e) for e in errors))
        method = _Given(Evidence(jet, message=f"{found.method}: {message}.", nfev=found.nfev), found.method)
    factorial = np.array(scale, dtype=float)
    terms = np.where(np.abs(values) > 4 * errors, np.abs(values), 0.0) / factorial
    length = _length(terms, abs(float(found.x0)) or 1.0)
    powers = length ** np.arange(len(terms))
    size = float(np.sum(terms[1:] * powers[1:])) or abs(values[0]) or 1.0
    return _Known(values, errors, entries if found.exact else None, method, whole, length, powers / factorial / size)


def _double(value: sp.Expr) -> float:
    """An exact number as a float: 0 only where it is 0, as far as SymPy can tell."""
    number = value.evalf(20)
    if number.is_zero or getattr(number, "_prec", 53) == 1:
        return 0.0
    return float(number) or 5e-324


def _length(terms: np.ndarray, otherwise: float) -> float:
    """Where the upper terms c_k L^k reach SHARE of the lower ones, which they do once."""
    k = np.arange(len(terms))
    if not np.all(np.isfinite(terms)):
        return otherwise
    with np.errstate(divide="ignore"):
        logs = np.log(terms)
    for half in range((len(terms) - 1) // 2, 0, -1):
        lower, upper = logs[1 : half + 1], logs[half + 1 :]
        if not (np.any(lower > -np.inf) and np.any(upper > -np.inf)):
            continue
        low, high = -90.0, 90.0  # of log L
        for _ in range(80):
            mid = (low + high) / 2
            over = np.logaddexp.reduce(upper + mid * k[half + 1 :]) - np.logaddexp.reduce(lower + mid * k[1 : half + 1])
            low, high = (low, mid) if over > math.log(SHARE) else (mid, high)
        return math.exp(low)
    return otherwise


# -- how each curve parts from f -----------------------------------------------------------------------------------


class _Measured(NamedTuple):
    """A family's result, and f^(k) − g^(k) with its doubt, k = 0 … K; the doubt is infinite where nothing is known."""

    family: ConnectionFunction
    result: KYTransform
    gap: np.ndarray
    doubt: np.ndarray
    defect: float
    error: float


def _measured(
    function: Function, x0: Any, family: ConnectionFunction, known: _Known, side: Side, method: Method | None
) -> _Measured:
    enough = len(known.values) >= family.size
    way = known.method if enough else method
    result = transform(function, x0, family, method=way, side=side, raises=False)
    unknown = np.full(len(known.values), math.inf)
    if not result.success or len(known.values) <= family.size:
        return _Measured(family, result, 0 * known.values, unknown, math.nan, math.nan)
    exact = known.exact is not None and result.exact
    gap, doubt = _exact_gap(result, known) if exact else _gap(family, known)
    gap[: family.size], doubt[: family.size] = 0.0, 0.0
    if not np.all(np.isfinite(gap + doubt)):
        return _Measured(family, result, 0 * known.values, unknown, math.nan, math.nan)
    defect, error = float(np.abs(gap) @ known.weights), float(doubt @ known.weights)
    return _Measured(family, result, gap, doubt, defect, error)


def _exact_gap(result: KYTransform, known: _Known) -> tuple[np.ndarray, np.ndarray]:
    """The same from exact derivatives, in 60 digits: 0 where 40 show no difference."""
    assert known.exact is not None
    theta = tuple(sp.N(c, 60) for c in result.theta)
    curve = result.family.jet(theta, len(known.exact) - 1)
    gap = np.array([_real(sp.N(f, 60) - g) for f, g in zip(known.exact, curve, strict=True)])
    return np.where(np.abs(gap) * known.weights > 1e-40, gap, 0.0), np.zeros(len(gap))


def _real(value: sp.Expr) -> float:
    """A number as a float, without the imaginary part that rounding left."""
    real, imaginary = value.as_real_imag()
    return float(real) if abs(imaginary) <= 1e-50 * (1 + abs(real)) else math.nan


def _gap(family: ConnectionFunction, known: _Known) -> tuple[np.ndarray, np.ndarray]:
    """f^(k) − g^(k), and how far it may move: each entry that θ is made of is moved up and down by its error."""
    count = len(known.values)
    moves = np.array([sign * step for step in np.diag(known.errors[: family.size]) for sign in (1.0, -1.0)])
    columns = np.vstack([np.zeros(family.size), moves]).T + known.values[: family.size, None]
    with np.errstate(all="ignore"):
        curves = family.jet(family.from_jet(tuple(columns)), count - 1)
        rows = np.array([np.broadcast_to(np.asarray(g, dtype=float), columns.shape[1:]) for g in curves])
        moved = np.abs(rows[:, 1:] - rows[:, :1]).reshape(count, -1, 2).max(axis=2).sum(axis=1)
    rounding = 16 * EPS * (np.abs(known.values) + np.abs(rows[:, 0]))
    return known.values - rows[:, 0], known.errors + moved + rounding


def _groups(measured: Iterable[_Measured]) -> list[list[_Measured]]:
    """Families whose curves are the same in every order looked at; the first of each has the fewest parameters."""
    groups: list[list[_Measured]] = []
    for one in measured:
        home = next((group for group in groups if _same(group[0], one)), None)
        if home is None:
            groups.append([one])
        else:
            home.append(one)
    return groups


def _same(a: _Measured, b: _Measured) -> bool:
    if not a.error + b.error <= SURE:
        return False
    rounding = 1e-12 * (np.abs(a.gap) + np.abs(b.gap))
    return bool(np.all(np.abs(a.gap - b.gap) <= a.doubt + b.doubt + rounding))


# -- the verdict ---------------------------------------------------------------------------------------------------


def _judged(groups: list[list[_Measured]], known: _Known) -> tuple[list[Row], Row | None, str]:
    """The rows in order, the best of them, and why."""
    groups.sort(key=lambda group: _rank(group[0]))
    rows = [[_row(one, group[0], known) for one in group] for group in groups]
    flat = [row for group in rows for row in group]
    heads = [group[0] for group in rows]
    if not heads:
        return flat, None, "undecided: no family applies."
    top = prime(len(known.values) - 1)
    largest = np.max(np.abs(known.values[1:]), initial=0.0)
    if not (largest == 0 or 1 / HUGE < largest < HUGE):
        text = "too large or too small for doubles; scale f or its variable"
        return flat, None, f"undecided: the derivatives of f are {text}."
    if unmeasured := [row for row in heads if math.isnan(row.defect)]:
        return flat, None, f"undecided: {top} is the last derivative of f known, too few for {unmeasured[0].family!r}."
    if not known.whole:
        return flat, None, f"undecided: {top} is the last derivative of f that could be found."
    lead = min(heads, key=lambda row: row.defect + row.error)
    most = lead.defect + lead.error
    alike = [row for row in heads if row is lead or row.defect - row.error <= FACTOR * most]
    if most >= POOR:
        text = f"even {lead.family!r} misses {lead.shown_defect} of its change"
        return flat, None, f"undecided: no family follows f closely; {text}."
    if lead.error > SHARE:
        return flat, None, f"undecided: the errors of the derivatives hide up to {most:.2g} of the change of f."
    if len(alike) > 1:
        names = [f"{row.family!r} ({row.shown_defect})" for row in alike]
        drowned = any(row.error > row.defect / 2 for row in alike)
        why = "within the errors of the derivatives" if drowned else "too alike to choose"
        return flat, None, f"undecided: {', '.join(names[:-1])} and {names[-1]} are {why}."
    if lead.defect <= lead.error:
        fewest = ", with the fewest parameters of those that do" if len(rows[heads.index(lead)]) > 1 else ""
        return flat, lead, f"{lead.family!r} suits f{fewest}: {lead.reason}"
    others = [f", {row.family!r} {row.shown_defect}" for row in heads if row is not lead]
    return flat, lead, f"{lead.family!r} suits f: it misses {lead.shown_defect} of its change{''.join(others[:1])}."


def _rank(one: _Measured) -> float:
    if math.isnan(one.defect):
        return math.inf
    return 0.0 if one.defect <= one.error <= SURE else one.defect


def _row(one: _Measured, head: _Measured | None, known: _Known) -> Row:
    if head is None:
        return Row(one.family, one.result, None, math.nan, math.nan, one.result.message)
    if math.isnan(one.defect):
        reason = f"{prime(one.family.size)} is not known, so there is no telling how the curve parts from f."
        return Row(one.family, one.result, one.family.size - 1, math.nan, math.nan, reason)
    apart = np.flatnonzero(np.abs(one.gap) > one.doubt)
    contact = int(apart[0]) - 1 if apart.size else len(one.gap) - 1
    return Row(one.family, one.result, contact, one.defect, one.error, _reason(one, head, contact, known))


def _reason(one: _Measured, head: _Measured, contact: int, known: _Known) -> str:
    if one is not head:
        count = "as many" if one.family.size == head.family.size else "more"
        return f"the same curve as {head.family!r}, with {count} parameters."
    top = prime(len(one.gap) - 1)
    if contact < len(one.gap) - 1:
        k = contact + 1
        return f"{prime(k)} is {known.values[k] + 0.0:.4g}, and {known.values[k] - one.gap[k] + 0.0:.4g} for the curve."
    if one.error > SURE:
        return f"up to {top} no difference stands clear of the errors of the derivatives."
    sure = "exactly" if one.result.exact else f"within their errors ({one.error:.0e} of the change of f)"
    return f"all derivatives up to {top} agree, {sure}."
