"""The chain operator ⊗: ∇[f](g(x0)) ⊗ ∇[g](x0) = ∇[f∘g](x0)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from ..errors import NotApplicable, Status
from ..evidence import Jet
from ..families import ConnectionFunction
from ..families.base import number
from ..result import KYTransform
from ..rules import Osculating, Rule
from ..series import compose as composed_series
from ..settle import Settled
from .agree import (
    common_rule,
    distance,
    enough,
    meeting,
    meeting_exactly,
    note_of,
    ready,
    shape_of,
    status_of,
    target_of,
)
from .answer import IN_TIME, Combination, combined, exact_answer, moved_inputs, name_of, numerical_answer
from .beyond import ASSUMED, along, beyond, moved
from .closed import closed_form, condition
from .facing import departure, facing
from .jets import carried, derivatives, jet_of, known, numbers, spread_over, taylor


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
    ready(F, G)
    target, rule = target_of(F, G, family), common_rule(F, G)
    if family is not None and isinstance(rule, Osculating) and len(rule.node_choice or target.names) != target.size:
        rule = Osculating()
    rule.check(target)
    enough(F, G, target, rule)
    if not rule.closed(target):
        raise NotApplicable(f"the limit of {rule!r} has no closed form for {target!r}: transform f∘g itself.")
    shape = shape_of(F, G)
    scalar = shape == () and not isinstance(F.status, np.ndarray) and not isinstance(G.status, np.ndarray)
    for result in (G, F) if scalar and raises is not False else ():
        result.raise_for_status()
    inner = jet_of(G, known(G), F.exact and G.exact)
    taken, F = F, facing(F, G, inner)
    x0 = G.x0 if np.shape(G.x0) == shape else np.array(np.broadcast_to(np.asarray(G.x0, dtype=float), shape))
    asked = Combination(target, rule, G.side, x0, "chain", _composed(F, G), partial(_explained, F, G), (note_of(F, G),))
    count = rule.entries(target)
    if F.exact and G.exact:
        got = exact_answer(asked, lambda: _exactly(F, G, inner, rule, count), raises)
        if got is not None:
            return got
        asked = replace(asked, notes=(*asked.notes, IN_TIME))

    inner = jet_of(G, known(G), False)
    outer = jet_of(F, known(F), False)
    away = distance(G.x0, x0)  # an exact x0 that is one of many takes the double nearest to it
    start = beyond(G, inner, away)
    inner = moved(inner, start)
    signs = departure(outer, inner) if rule.sided else (None, None)
    step = beyond(F, outer, meeting(F, G, inner))
    asked = replace(asked, notes=(*asked.notes, ASSUMED if step.assumed or start.assumed else ""))
    near = moved(outer, step).truncated(count)
    jet = spread_over(carried(composed_series, near, inner.truncated(count)), shape)
    jet = replace(jet, left=signs[0], right=signs[1])

    def chained(parts: Sequence[Sequence[np.ndarray]]) -> list[Any]:
        f, g, (t, *rest) = F.family.jet(parts[0], known(F) - 1), G.family.jet(parts[1], count - 1), parts[2]
        near = along([*f, step.value], t, rest)[:count]
        return derivatives(composed_series(taylor(near), taylor(g), count))

    more = [(np.zeros(()), step.move), *((np.zeros(()), r) for r in step.rest)]
    moves = moved_inputs(asked, chained, (F, G), shape, more) if not np.any(away > 0) else None
    alike = F is taken and F.family == G.family == target and (F.side == G.side or not rule.sided)
    form = closed_form(target, rule, G.side) if check and alike else None
    with np.errstate(all="ignore"):
        against = form(numbers(F)[0], numbers(G)[0]) if form is not None else None
    return numerical_answer(asked, jet, status_of((G, F), shape), moves, raises, against)


def _exactly(F: KYTransform, G: KYTransform, inner: Jet, rule: Rule, count: int) -> Jet:
    meeting_exactly(F, G, inner.values[0])
    outer = jet_of(F, known(F), True)
    signs = departure(outer, inner) if rule.sided else (None, None)
    jet = carried(composed_series, outer.truncated(count), inner.truncated(count))
    return replace(jet, left=signs[0], right=signs[1])


# -- words -------------------------------------------------------------------------------------------------------------


def _composed(F: KYTransform, G: KYTransform) -> Any:
    f, g = F.function, G.function
    return combined(
        f"{name_of(F, 'f')}∘{name_of(G, 'g')}",
        lambda: f.shown.xreplace({f.variable: g.shown}),  # type: ignore[union-attr]
        _after,
        f,
        g,
    )


def _after(f: Callable[[Any], Any], g: Callable[[Any], Any], t: Any) -> Any:
    return f(g(t))


def _explained(F: KYTransform, G: KYTransform, asked: Combination, settled: Settled) -> str:
    """The obstacle, with the condition of the chain rule that is lost."""
    for result in (G, F):
        if not np.all(result.success):
            return result.message
    target, rule = asked.family, asked.rule
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
