"""The chain operator ⊗: ∇[f](g(x0)) ⊗ ∇[g](x0) = ∇[f∘g](x0)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp

from ..arithmetic import exact_sign
from ..errors import BasePointMismatch, NotApplicable, Status
from ..evidence import Jet, converged, prime, statuses
from ..families import ConnectionFunction
from ..families.base import number
from ..result import KYTransform
from ..rules import Osculating, Rule
from ..rules.base import leaving
from ..series import compose as composed_series
from ..settle import Settled
from .answer import Combination, combined, exact_answer, moved_inputs, name_of, numerical_answer
from .closed import closed_form, condition
from .jets import EPS, carried, derivatives, jet_of, known, numbers, shifted, spread_over, taylor, way

SIDES = {"both": ("left", "right"), "left": ("left",), "right": ("right",)}


def compose(
    F: KYTransform,
    G: KYTransform,
    *,
    family: ConnectionFunction | None = None,
    check: bool = True,
    raises: bool | None = None,
) -> KYTransform:
    """∇[f∘g](x0) = ∇[f](u0) ⊗ ∇[g](x0) with u0 = g(x0), from the two results alone; ``F @ G`` is short for it.

    θ_F = T(FdB(J(θ_f), J(θ_g))): the parameters give back the jets of f and g, Faà di Bruno's formula composes them,
    and the rule makes of the jet what it makes of any. Two-point rules know f and f′ only, and slopes multiply.
    ``F`` is at u0 = g(x0), ``G`` at x0; the answer has G's x0 and side and the common rule. It is exact where both are
    exact, a ``bound`` where both are bounds and the errors can be carried for certain, else an estimate. ``family``:
    that of the answer, by default the common one; any other needs as many derivatives as F and G know. ``check``:
    compare with the closed form, where there is one. ``raises``: as for :func:`kymath.transform`.

    Raises ``BasePointMismatch`` where u0 ≠ g(x0) within the errors; ``NotApplicable`` for different rules or families,
    too few derivatives, and for F from a side to which g does not go; and what :func:`kymath.transform` raises where
    f∘g has no θ although f and g have (``NoContact`` for exp(s) after −exp(s), where 1 + aB = 0). Source: Condor,
    Theorems 3.14 and 3.15, section 3.9; Faà di Bruno's formula as composition of power series (Knuth, TAOCP 2, 4.7).

    >>> import sympy as sp, kymath as ky
    >>> from kymath import nabla
    >>> x = sp.symbols("x")
    >>> nabla.P(2)[sp.exp(x)](0) @ nabla.P(2)[sp.sin(x)](0)
    ∇_P²[exp(sin(x))](0): a2 = 1/2, a1 = 1, a0 = 1 (exact)
    """
    if not isinstance(F, KYTransform) or not isinstance(G, KYTransform):
        raise NotApplicable(f"the chain rule joins two results of ky.transform; {F!r} and {G!r} were given.")
    target, rule = _target(F, G, family), common_rule(F, G)
    if family is not None and isinstance(rule, Osculating) and len(rule.node_choice or target.names) != target.size:
        rule = Osculating()
    rule.check(target)
    enough(F, G, target, rule)
    if not rule.closed(target):
        raise NotApplicable(f"the limit of {rule!r} has no closed form for {target!r}: transform f∘g itself.")
    shape = shape_of(F, G)
    scalar = shape == () and not isinstance(F.status, np.ndarray) and not isinstance(G.status, np.ndarray)
    for result in (G, F) if scalar else ():
        result.raise_for_status()
    exact = F.exact and G.exact
    inner = jet_of(G, known(G), exact)
    taken, F = F, _facing(F, G, inner)
    if exact and not F.exact:
        exact, inner = False, jet_of(G, known(G), False)
    count = rule.entries(target)
    outer = jet_of(F, known(F) + 1, exact)
    move = _meeting(F, G, inner, exact)
    signs = _departure(outer, inner) if rule.sided else (None, None)
    asked = Combination(
        target, rule, G.side, G.x0, "chain", _composed(F, G), lambda settled: _explained(settled, F, G, target, rule)
    )
    if exact:
        jet = carried(composed_series, outer.truncated(count), inner.truncated(count))
        return exact_answer(asked, replace(jet, left=signs[0], right=signs[1]), raises)

    further = outer.values[known(F)]
    near = shifted(outer.truncated(known(F)), further, move).truncated(count)
    jet = spread_over(carried(composed_series, near, inner.truncated(count)), shape)
    jet = replace(jet, left=signs[0], right=signs[1])

    def chained(parts: Sequence[Sequence[np.ndarray]]) -> list[Any]:
        f, g, (t,) = F.family.jet(parts[0], count), G.family.jet(parts[1], count - 1), parts[2]
        near = [a + t * b for a, b in pairwise(f)]
        return derivatives(composed_series(taylor(near), taylor(g), count))

    moves = moved_inputs(asked, chained, (F, G), shape, [(np.zeros(()), move)])
    alike = F is taken and F.family == G.family == target and (F.side == G.side or not rule.sided)
    form = closed_form(target, rule, G.side) if check and alike else None
    with np.errstate(all="ignore"):
        against = form(numbers(F)[0], numbers(G)[0]) if form is not None else None
    return numerical_answer(asked, jet, status_of((G, F), shape), moves, raises, against)


# -- what must agree ---------------------------------------------------------------------------------------------------


def _target(F: KYTransform, G: KYTransform, family: ConnectionFunction | None) -> ConnectionFunction:
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


def shape_of(F: KYTransform, G: KYTransform) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(np.shape(F.status), np.shape(G.status))
    except ValueError as error:
        text = f"F holds points of shape {np.shape(F.status)} and G of shape {np.shape(G.status)}."
        raise NotApplicable(text) from error


def status_of(results: Sequence[KYTransform], shape: tuple[int, ...]) -> np.ndarray:
    """CONVERGED where all are, else the status of the first that is not."""
    out = statuses(shape)
    for result in reversed(results):
        own = np.broadcast_to(np.asarray(result.status, dtype=object), shape)
        out = np.where(converged(own), out, own)
    return np.asarray(out, dtype=object)


def _meeting(F: KYTransform, G: KYTransform, inner: Jet, exact: bool) -> Any:
    """How far u0 may be from g(x0); ``BasePointMismatch`` where they are not the same."""
    value, error = inner.values[0], inner.errors[0]
    if exact:
        if exact_sign(sp.sympify(F.x0, strict=True) - value) == 0:
            return sp.Integer(0)
        raise BasePointMismatch(f"F is at u0 = {number(F.x0)}, but g({number(G.x0)}) = {number(value)}. {_ADVICE}")
    u0 = np.asarray(F.x0, dtype=float)
    rounding = EPS * np.abs(u0) if isinstance(F.x0, sp.Basic) and not F.x0.is_Integer else 0.0
    gap = np.abs(u0 - value)
    both = converged(status_of((G, F), np.shape(gap)))
    apart = both & ~(gap <= error + 4 * EPS * np.maximum(np.abs(u0), np.abs(value)))
    if np.any(apart):
        first = tuple(int(i) for i in np.argwhere(apart)[0])
        u, v, e, x0 = (np.broadcast_to(np.asarray(a, float), gap.shape)[first] for a in (u0, value, error, _at(G)))
        where = f" at index {first}" if first else ""
        raise BasePointMismatch(f"F is at u0 = {u:.12g}, but g({x0:.6g}) = {v:.12g} ± {e:.1e}{where}. {_ADVICE}")
    return gap + error + rounding


_ADVICE = "The outer result must be taken at u0 = g(x0) (section 3.9)."


def _at(G: KYTransform) -> Any:
    return np.asarray(G.x0, dtype=float) if not getattr(G.x0, "free_symbols", None) else np.nan


# -- sides -------------------------------------------------------------------------------------------------------------


def _facing(F: KYTransform, G: KYTransform, inner: Jet) -> KYTransform:
    """f looked at from the side to which g leaves u0.

    A two-sided F serves every g. One from one side does where g goes there; else f is looked at again, from where g
    goes, for which the result must carry it.
    """
    if F.side == "both":
        return F
    toward = 1.0 if F.side == "right" else -1.0
    ways = np.array([np.broadcast_to(way(inner, side), np.shape(G.status)) for side in SIDES[G.side]], dtype=float)
    good = converged(np.asarray(G.status, dtype=object))
    if np.all((ways == toward) | ~good):
        return F
    needed = "both"
    if np.all((ways == -toward) | ~good) or G.side != "both":
        needed = "left" if F.side == "right" else "right"
    if F.function is None:
        raise NotApplicable(
            f"F was taken from the {F.side}, but g leaves u0 to the other side too: take F with side={needed!r}."
        )
    from ..transform import transform

    again = transform(F.function.original, F.x0, F.family, F.rule, side=needed, raises=False)
    if not isinstance(again.status, np.ndarray) or again.status.shape == ():
        return again.raise_for_status()
    keep = np.broadcast_to(ways[0] == toward, again.status.shape) if needed != "both" else np.zeros((), bool)
    theta, error = (
        tuple(np.where(keep, np.asarray(a, float), b) for a, b in zip(one, two, strict=True))
        for one, two in ((F.theta, again.theta), (F.error, again.error))
    )
    status = np.where(keep, np.asarray(F.status, dtype=object), again.status)
    return replace(again, theta=theta, error=error, status=status, side="both" if np.any(keep) else needed)


def _departure(outer: Jet, inner: Jet) -> tuple[Any, Any]:
    """sgn D(h) of f∘g on the left and right: that of f on the side to which g goes."""
    out = []
    for side in ("left", "right"):
        going = way(inner, side)
        up, down = leaving(outer, "right"), leaving(outer, "left")
        if outer.exact:
            out.append(0 if going == 0 else up if going > 0 else down if going < 0 else None)
        else:
            out.append(np.where(going > 0, up, np.where(going < 0, down, np.where(going == 0, 0.0, np.nan))))
    return out[0], out[1]


# -- words -------------------------------------------------------------------------------------------------------------


def _composed(F: KYTransform, G: KYTransform) -> Any:
    f, g = F.function, G.function
    return combined(
        f"{name_of(F, 'f')}∘{name_of(G, 'g')}",
        lambda: f.shown.xreplace({f.variable: g.shown}),  # type: ignore[union-attr]
        lambda t: f(g(t)),  # type: ignore[misc]
        f,
        g,
    )


def _explained(settled: Settled, F: KYTransform, G: KYTransform, target: ConnectionFunction, rule: Rule) -> str:
    """The obstacle, with the condition of the chain rule that is lost."""
    message = f"for f∘g in place of f, {settled.message}"
    if settled.status not in (Status.NO_CONTACT, Status.NOT_UNIQUE) or not F.family == G.family == target:
        return message
    with np.errstate(all="ignore"):
        lost = condition(F.theta, G.theta, target, rule)
    if lost is None:
        return message
    text, value = lost
    shown = number(value) if isinstance(value, sp.Basic) else f"{float(value):.6g}"
    letters = "capital letters of f, small ones of g"
    return f"f∘g has no such θ, although f and g have: {text} ({letters}), and it is {shown}. Thus {message}"
