"""Sum, difference, product and quotient of results at one point, and the inverse function."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
import sympy as sp

from .. import series
from ..arithmetic import is_exact
from ..errors import BasePointMismatch, Diverges, NotApplicable, NotFinite, Status
from ..evidence import Jet, Side, converged, marked, statuses
from ..families import Polynomial
from ..families.base import number
from ..function import Function
from ..result import KYTransform
from ..rules import Osculating, Rule
from .agree import common_point, common_rule, note_of, ready, rounding_of, shape_of, status_of
from .answer import IN_TIME, Combination, combined, exact_answer, moved_inputs, name_of, numerical_answer, refused
from .beyond import ASSUMED, beyond, contained, moved
from .jets import carried, derivatives, jet_of, known, spread_over, taylor

#: how an operation acts on Taylor coefficients a, b, n, and on numbers
OPERATIONS: dict[str, tuple[Callable[..., list[Any]], Callable[[Any, Any], Any], str]] = {
    "sum": (lambda a, b, n: series.add(a, b), operator.add, "{} + {}"),
    "difference": (lambda a, b, n: series.subtract(a, b), operator.sub, "{} - {}"),
    "product": (series.multiply, operator.mul, "{}*{}"),
    "quotient": (series.divide, operator.truediv, "{}/{}"),
}


def operate(name: str, F: Any, G: Any) -> Any:
    """∇[f + g], ∇[f − g], ∇[f g] or ∇[f/g] at x0 from ∇[f](x0) and ∇[g](x0), or a number in place of one of them.

    ``name`` is "sum", "difference", "product" or "quotient"; ``F + G``, ``F - G``, ``F * G`` and ``F / G`` are short
    for it. The jets of f and g come from θ and combine as power series: (fg)_k = Σ f_j g_{k−j} (Leibniz),
    q_k = (f_k − Σ_{j≥1} g_j q_{k−j})/g_0, all with Taylor coefficients. The answer has their family, rule and x0, and
    the side of the one that is one-sided. ``NotImplemented`` for operands of other kinds.

    Raises ``BasePointMismatch`` for different x0; ``NotFinite`` for a quotient where g(x0) = 0; ``NotApplicable`` for
    different families, rules or sides, and for rules whose limit depends on the side; and what
    :func:`kymath.transform` raises where the combined function has no θ. Source: Griewank & Walther, Evaluating
    Derivatives, ch. 13.

    >>> import sympy as sp
    >>> from kymath import nabla
    >>> x = sp.symbols("x")
    >>> nabla.P(2)[sp.exp(x)](0) * nabla.P(2)[sp.cos(x)](0)
    ∇_P²[exp(x)*cos(x)](0): a2 = 0, a1 = 1, a0 = 1 (exact)
    >>> 2 * nabla.E[sp.exp(3 * x)](0) + 1
    ∇_E[2*exp(3*x) + 1](0): A = 2, B = 3, C = 1 (exact)
    """
    first = F if isinstance(F, KYTransform) else G
    if not isinstance(first, KYTransform):
        return NotImplemented
    one, two = _operand(F, first), _operand(G, first)
    if one is None or two is None:
        return NotImplemented
    ready(one, two)
    shape = shape_of(one, two)
    rule, family = _alike(F, G, name) if one is F and two is G else first.rule, first.family
    names = [name_of(r, d) if r is given else f"{given:.6g}" if isinstance(given, float) else str(given)
             for r, given, d in ((one, F, "f"), (two, G, "g"))]  # fmt: skip
    F, G = one, two
    _unsided(rule, _WORDS[name])
    side = _side(F, G, name)
    for result in (F, G) if shape == () else ():
        result.raise_for_status()
    x0, away = common_point(F, G, _WORDS[name], shape)
    count = known(first)
    act, plain, label = OPERATIONS[name]
    f, g = F.function, G.function
    function = combined(
        label.format(*(_factor(n, name) for n in names)),
        lambda: plain(f.shown, g.shown.xreplace({g.variable: f.variable})),
        partial(_pointwise, plain),
        f,
        g,
    )
    asked = Combination(family, rule, side, x0, name, function, notes=(note_of(F, G),))
    majorant = OPERATIONS["sum" if name == "difference" else name][0]
    pivot = (1, 0) if name == "quotient" else None
    if F.exact and G.exact:
        got = exact_answer(asked, lambda: _exactly(name, jet_of(F, count, True), jet_of(G, count, True)), None)
        if got is not None:
            return got
        asked = replace(asked, notes=(*asked.notes, IN_TIME))

    jets = [jet_of(result, count, False) for result in (F, G)]
    steps = [beyond(result, jet, a) for result, jet, a in zip((F, G), jets, away, strict=True)]
    if not all(map(contained, jets, steps)):
        raise BasePointMismatch(
            f"{_WORDS[name]} needs results at one x0; {number(F.x0)} and {number(G.x0)} are one double, but differ by "
            f"{float(np.max(away)):.3g}, over which f or g changes too much: give both x0 as floats, or both exactly."
        )
    jets = [moved(jet, step) for jet, step in zip(jets, steps, strict=True)]
    asked = replace(asked, notes=(*asked.notes, ASSUMED if any(step.assumed for step in steps) else ""))
    status = status_of((F, G), shape)
    if name == "quotient":
        status = _no_zero(jets[1], status)
    jet = carried(act, *jets, majorant=majorant, pivot=pivot)

    def operated(parts: Sequence[Sequence[np.ndarray]]) -> list[Any]:
        a, b = (taylor(r.family.jet(theta, count - 1)) for r, theta in zip((F, G), parts[:2], strict=True))
        return derivatives(act(a, b, count))

    moves = moved_inputs(asked, operated, (F, G), shape) if not any(np.any(a > 0) for a in away) else None
    return numerical_answer(asked, spread_over(jet, shape), status, moves, None)


def _exactly(name: str, f: Jet, g: Jet) -> Jet:
    if name == "quotient":
        _no_zero(g, statuses(()))
    return carried(OPERATIONS[name][0], f, g)


def _pointwise(plain: Callable[[Any, Any], Any], f: Callable[[Any], Any], g: Callable[[Any], Any], t: Any) -> Any:
    return plain(f(t), g(t))


def inverse(F: KYTransform, *, raises: bool | None = None) -> KYTransform:
    """∇[f⁻¹](u0) with u0 = f(x0) from ∇[f](x0): the inverse function near u0, which takes u0 back to x0.

    The jet of f comes from θ, and its power series is reverted: v_1 = 1/f′, v_2 = −f″/(2f′³), … by Lagrange's formula.
    The answer is at u0, the value that F gives of f, and its errors hold what is unknown of that value.

    Raises ``Diverges`` where f′(x0) = 0, ``NotApplicable`` for rules whose limit depends on the side and for F from one
    side, and what :func:`kymath.transform` raises where f⁻¹ has no θ. Source: Lagrange inversion, Knuth, TAOCP 2, 4.7.

    >>> import sympy as sp
    >>> from kymath import nabla
    >>> x = sp.symbols("x")
    >>> inverse(nabla.P(3)[sp.exp(x)](0)).theta  # log at 1
    (1/3, -1/2, 1, 0)
    """
    if not isinstance(F, KYTransform):
        raise NotApplicable(f"inverse takes a result of ky.transform; {F!r} was given.")
    ready(F)
    _unsided(F.rule, "the inverse")
    if F.side != "both":
        raise NotApplicable(f"F is a result from the {F.side}: the inverse function needs both sides.")
    scalar = not isinstance(F.status, np.ndarray)
    if scalar and raises is not False:
        F.raise_for_status()
    count = known(F)
    asked = Combination(
        F.family,
        F.rule,
        "both",
        F.theta[-1],
        "inverse",
        explain=lambda _, settled: settled.message if np.all(F.success) else F.message,
        notes=(note_of(F),),
    )
    if F.exact:
        jet = jet_of(F, count, True)
        asked = replace(asked, x0=jet.values[0])
        try:
            got = exact_answer(asked, lambda: _reverted(jet, F.x0), raises)
        except Diverges as error:
            if raises is None or raises:
                raise
            return refused(asked, Status.DIVERGES, error.message, raises)
        if got is not None:
            return got
        asked = replace(asked, notes=(*asked.notes, IN_TIME))

    jet, status = jet_of(F, count, False), np.asarray(F.status, dtype=object)
    asked = replace(asked, x0=float(jet.values[0]) if scalar else jet.values[0])
    if np.any(lost := np.broadcast_to(jet.sign(1) == 0, status.shape) & converged(status)):
        if scalar:
            text = _VERTICAL.format(number(float(jet.values[1]) + 0.0), jet.within(1))
            return refused(asked, Status.DIVERGES, text, raises)
        status = marked(status, lost, Status.DIVERGES)
    x0 = np.asarray(F.x0, dtype=float)
    with np.errstate(all="ignore"):
        move = np.where(converged(status), _preimage(F, jet), 0.0)
    step = beyond(F, jet, move)
    asked = replace(asked, notes=(*asked.notes, ASSUMED if step.assumed else ""))
    with np.errstate(all="ignore"):
        back = carried(series.revert, moved(jet, step), pivot=(0, 1))
        values, errors = (x0 + 0 * back.values[0], *back.values[1:]), (move + rounding_of(F.x0), *back.errors[1:])
    back = replace(back, values=values, errors=errors)
    return numerical_answer(asked, spread_over(back, status.shape), status, None, raises)


def _reverted(jet: Jet, x0: Any) -> Jet:
    if jet.sign(1) == 0:
        raise Diverges(_VERTICAL.format(number(jet.values[1]), ""))
    back = carried(series.revert, jet, pivot=(0, 1))
    return replace(back, values=(sp.sympify(x0, strict=True), *back.values[1:]))


def _preimage(F: KYTransform, jet: Jet) -> Any:
    """How far from x0 the point may be that f takes to u0, the double at which the inverse is given.

    f(x0) = u0 ± e: that point is x0 ± e/|f′|, with f′ on the way there; inf where f′ may come to 0 on it.
    """
    slope = np.abs(jet.values[1]) - jet.errors[1]
    e = np.where(slope > 0, jet.errors[0], 0.0)
    far = 2 * e / slope
    step = beyond(F, jet, far)
    least = slope - (np.abs(moved(jet, step).errors[1]) - jet.errors[1])
    return np.where(e > 0, np.where(least > slope / 2, e / least, np.inf), 0.0)


_WORDS = {"sum": "a sum", "difference": "a difference", "product": "a product", "quotient": "a quotient"}
_VERTICAL = "f′(x0) = {}{}: the inverse function, if there is one, is vertical at f(x0), and its slope has no bound."


def _operand(one: Any, other: KYTransform) -> KYTransform | None:
    """A result as it is; a number as the result of a constant function; None for anything else."""
    if isinstance(one, KYTransform):
        return one
    if isinstance(one, (bool, np.bool_)) or not isinstance(one, (Real, sp.Expr)):
        return None
    try:
        value = sp.sympify(one, strict=True)
    except (sp.SympifyError, ValueError, OverflowError):
        return None
    if value.free_symbols or not (value.is_real and value.is_finite):
        return None
    exact = is_exact(value)
    value = value if exact else float(value)
    family = Polynomial(max(known(other) - 1, 1))  # θ of a constant: its value, and zeros
    zero = sp.Integer(0) if exact else 0.0
    theta = (*[zero] * (family.size - 1), value)
    return KYTransform(
        theta, (zero,) * family.size, family, Osculating(), "constant", "both", other.x0, Status.CONVERGED, "",
        bound=not exact, exact=exact, function=Function(one),
    )  # fmt: skip


def _factor(label: str, name: str) -> str:
    return label if name in ("sum", "difference") or label.isidentifier() or label.isdecimal() else f"({label})"


def _alike(F: KYTransform, G: KYTransform, name: str) -> Rule:
    """The common rule of two results of one family at one point."""
    if F.family != G.family:
        raise NotApplicable(f"{_WORDS[name]} needs results of one family; {F.family!r} and {G.family!r} were given.")
    return common_rule(F, G)


def _side(F: KYTransform, G: KYTransform, name: str) -> Side:
    sides = {F.side, G.side} - {"both"}
    if len(sides) > 1:
        raise NotApplicable(f"{_WORDS[name]} of a result from the left and one from the right has no side.")
    return sides.pop() if sides else "both"


def _unsided(rule: Rule, words: str) -> None:
    if rule.sided:
        text = f"{words} is for rules whose limit does not depend on the side, as Osculating(); not {rule!r}."
        raise NotApplicable(text)


def _no_zero(divisor: Jet, status: np.ndarray) -> np.ndarray:
    """``NOT_FINITE`` where the divisor is zero within its error, and its exception for one point."""
    zero = np.broadcast_to(divisor.sign(0) == 0, status.shape) & converged(status)
    if status.shape == () and zero:
        text = f"g(x0) = {divisor.words(0)}{divisor.within(0)}: f/g has no value at x0."
        raise NotFinite(text)
    return marked(status, zero, Status.NOT_FINITE) if np.any(zero) else status
