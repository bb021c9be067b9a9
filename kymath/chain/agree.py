"""What two results must have in common: family, rule, as many derivatives, shape, and the point where they meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from ..arithmetic import exact_sign
from ..errors import BasePointMismatch, NotApplicable, Status
from ..evidence import Jet, converged, prime, statuses
from ..families import ConnectionFunction
from ..families.base import number
from ..methods.bounded import bounded
from ..result import KYTransform
from ..rules import Osculating, Rule
from .jets import EPS, is_double, known

SAMPLES = [sp.Rational(n, 97) for n in (29, 61, -17, 143, -212, 305, -41)]  # for symbols, where formulas are compared


def target_of(F: KYTransform, G: KYTransform, family: ConnectionFunction | None) -> ConnectionFunction:
    if family is not None:
        if not isinstance(family, ConnectionFunction):
            raise NotApplicable(f"family must be a connection function such as Exponential(); {family!r} was given.")
        return family
    if F.family != G.family:
        raise NotApplicable(
            f"F is a result of {F.family!r} and G of {G.family!r}: say which family the answer is to have, "
            "compose(F, G, family=…)."
        )
    return F.family


def common_rule(F: KYTransform, G: KYTransform) -> Rule:
    """The rule of both. Nodes of osculating rules matter at finite h only, so they need not agree."""
    if F.rule == G.rule:
        return F.rule
    if type(F.rule) is type(G.rule) is Osculating:
        return Osculating()
    raise NotApplicable(
        f"F was taken by {F.rule!r} and G by {G.rule!r}: the rule must be the same (section 3.9). Take both by one."
    )


def enough(F: KYTransform, G: KYTransform, target: ConnectionFunction, rule: Rule) -> None:
    """Whether both results know as many derivatives as the answer's family needs."""
    needed = rule.entries(target)
    for name, result in (("F", F), ("G", G)):
        if (count := known(result)) < needed:
            has, lacks = (", ".join(map(prime, ks)) for ks in (range(count), range(count, needed)))
            raise NotApplicable(
                f"{target!r} needs {needed} derivatives, and {name}, a result of {result.family!r} under "
                f"{result.rule!r}, knows {count} ({has}): {lacks} is missing. Take {name} in a family with at least "
                f"{needed} parameters, as Polynomial({needed - 1})."
            )


def ready(*results: KYTransform) -> None:
    """Results of dask arrays are refused: an operator would compute them, all at once and unasked."""
    if any(not isinstance(result.status, (Status, np.ndarray)) for result in results):
        raise NotApplicable(
            "a result of a dask array is not computed yet, and operators need its numbers: transform the computed "
            "points (x0.compute()), or let dask map over its blocks what you do with one."
        )


def shape_of(F: KYTransform, G: KYTransform) -> tuple[int, ...]:
    shapes = [getattr(one.status, "shape", ()) for one in (F, G)]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        text = f"F holds points of shape {shapes[0]} and G of shape {shapes[1]}."
        raise NotApplicable(text) from error


def status_of(results: Sequence[KYTransform], shape: tuple[int, ...]) -> np.ndarray:
    """CONVERGED where all are, else the status of the first that is not."""
    out = statuses(shape)
    for result in reversed(results):
        own = np.broadcast_to(np.asarray(result.status, dtype=object), shape)
        out = np.where(converged(own), out, own)
    return np.asarray(out, dtype=object)


def note_of(*results: KYTransform) -> str:
    """What is to be said of operands whose digits a double does not hold."""
    if any(isinstance(c, mpmath.mpf) for result in results for c in result.theta):
        return "In doubles: the digits that Precise() gave beyond them are not carried on."
    return ""


# -- equal points ------------------------------------------------------------------------------------------------------


def equal(a: sp.Expr, b: sp.Expr) -> bool:
    """Whether two exact numbers or formulas are one, formulas by their values at a few values of their symbols."""
    if a == b:
        return True
    gap = a - b
    if not gap.free_symbols:
        return exact_sign(gap) == 0
    try:
        return bounded(lambda: _vanishes(gap), 6.0)
    except Exception:  # out of time, or SymPy fails
        return False


def _vanishes(gap: sp.Expr) -> bool:
    seen = 0
    for k in range(len(SAMPLES)):
        at = {s: SAMPLES[(k + i) % len(SAMPLES)] for i, s in enumerate(sorted(gap.free_symbols, key=str))}
        if any(s.is_positive and v < 0 for s, v in at.items()):
            at = {s: abs(v) for s, v in at.items()}
        value = sp.N(gap.xreplace(at), 40, maxn=400)
        if not (value.is_number and value.is_finite):
            continue
        if abs(value) > sp.Float("1e-25"):
            return False
        seen += 1
    return seen > 2 or sp.simplify(gap) == 0


def exactly(x0: Any) -> sp.Expr:
    """One x0 as the number it is: a float is a binary fraction."""
    return x0 if isinstance(x0, sp.Basic) else sp.Rational(*float(x0).as_integer_ratio())


def common_point(F: KYTransform, G: KYTransform, words: str, shape: tuple[int, ...]) -> tuple[Any, list[Any]]:
    """The x0 of a combination, and how far F and G are from it.

    Points are compared as the numbers that they are. A float stands for an exact number that no double is (1/3, π) if
    it is the double nearest to it; the distance is then returned, to be carried into the errors.
    """
    many = [isinstance(r.x0, np.ndarray) for r in (F, G)]
    x0 = G.x0 if many[1] and not many[0] else F.x0
    if shape != ():
        x0 = np.array(np.broadcast_to(np.asarray(x0, dtype=float), shape))
    away = [distance(result.x0, x0) for result in (F, G)]
    apart = np.isinf(away[0]) | np.isinf(away[1])
    if np.any(apart & converged(status_of((F, G), shape))):
        where = [f"{r.x0.size} points" if isinstance(r.x0, np.ndarray) else _shown(r.x0) for r in (F, G)]
        raise BasePointMismatch(f"{words} needs results at one x0; they are at {where[0]} and {where[1]}.")
    return x0, [np.where(np.isinf(a), 0.0, a) for a in away]


def distance(one: Any, x0: Any) -> Any:
    """|one − x0|: 0 where they are the same number, inf where no rounding to a double makes them one."""
    exact = [isinstance(v, sp.Basic) for v in (one, x0)]
    if not any(exact):
        a, b = np.asarray(one, dtype=float), np.asarray(x0, dtype=float)
        return np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.inf)
    if all(exact):
        return np.asarray(0.0 if equal(one, x0) else np.inf)
    number_, floats = (one, x0) if exact[0] else (x0, one)
    floats = np.asarray(floats, dtype=float)
    if number_.free_symbols:
        return np.full(floats.shape, np.inf)
    try:
        return np.where(floats == float(number_), rounding_of(number_), np.inf)
    except OverflowError:
        return np.full(floats.shape, np.inf)


def rounding_of(x0: Any) -> float:
    """How far a number is from its double."""
    if not isinstance(x0, sp.Basic) or is_double(x0):
        return 0.0
    return abs(float(sp.N(x0 - exactly(float(x0)), 20, maxn=400))) * (1 + 4 * EPS)


def _shown(x0: Any) -> str:
    return number(x0) if isinstance(x0, sp.Basic) else repr(float(x0))


# -- where the outer result is taken -----------------------------------------------------------------------------------

_ADVICE = "The outer result must be taken at u0 = g(x0) (section 3.9)."


def meeting_exactly(F: KYTransform, G: KYTransform, value: sp.Expr) -> None:
    """``BasePointMismatch`` where u0 ≠ g(x0): by θ, or by g itself where that is a formula."""
    u0, g = sp.sympify(F.x0, strict=True), G.function
    if equal(u0, value):
        return
    if value.free_symbols and g is not None and g.symbolic and equal(u0, g.shown.xreplace({g.variable: G.x0})):
        return
    raise BasePointMismatch(f"F is at u0 = {number(F.x0)}, but g({number(G.x0)}) = {number(value)}. {_ADVICE}")


def meeting(F: KYTransform, G: KYTransform, inner: Jet) -> Any:
    """How far u0 may be from g(x0); ``BasePointMismatch`` where they are not the same."""
    value, error = inner.values[0], inner.errors[0]
    u0 = np.asarray(F.x0, dtype=float)
    gap = np.abs(u0 - value)
    both = converged(status_of((G, F), np.shape(gap)))
    apart = both & ~(gap <= error + 4 * EPS * np.maximum(np.abs(u0), np.abs(value)))
    if np.any(apart):
        first = tuple(int(i) for i in np.argwhere(apart)[0])
        u, v, e, x0 = (np.broadcast_to(np.asarray(a, float), gap.shape)[first] for a in (u0, value, error, _at(G)))
        where = f" at index {first}" if first else ""
        raise BasePointMismatch(f"F is at u0 = {u:.12g}, but g({x0:.6g}) = {v:.12g} ± {e:.1e}{where}. {_ADVICE}")
    return np.where(both, gap + error + rounding_of(F.x0), 0.0)


def _at(G: KYTransform) -> Any:
    return np.asarray(G.x0, dtype=float) if not getattr(G.x0, "free_symbols", None) else np.nan
