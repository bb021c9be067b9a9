"""θ(h) at finite h, as the definition says: f read at the nodes x0 + c_j h, θ chosen by the rule."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from .divided import multiplicities
from .errors import NotApplicable
from .families import ConnectionFunction
from .function import Function, X
from .rules import Rule


def theta_at(
    function: Function,
    x0: float,
    family: ConnectionFunction,
    rule: Rule,
    h: Sequence[float] | np.ndarray,
    side: str = "both",
) -> tuple[np.ndarray, ...]:
    """θ(h) for each h (signed), as arrays of their shape; NaN where no member of the family passes through the nodes.

    >>> import sympy as sp
    >>> from kymath import Osculating, Polynomial
    >>> f = Function(sp.Symbol("x") ** 3)
    >>> [row.tolist() for row in theta_at(f, 1.0, Polynomial(2), Osculating(), [0.5])]
    [[3.0], [3.25], [1.0]]
    """
    h = np.asarray(h, dtype=float)
    nodes = rule.nodes(family, side)
    orders = multiplicities(nodes)
    rows = []
    for c, order in zip(nodes, orders, strict=True):
        points = x0 + float(c) * h
        rows.append(function(points) if order == 0 else _derivative(function, points, order))
    with np.errstate(all="ignore"):
        theta = rule.at(family, nodes, h, rows)
    return tuple(np.broadcast_to(np.asarray(row, dtype=float), h.shape).copy() for row in theta)


def contradiction(
    function: Function, x0: float, family: ConnectionFunction, rule: Rule, side: str, theta: Sequence[float]
) -> str:
    """What the definition says against a limit θ: '' where θ(h) comes near it as h falls, or says nothing.

    The definition reads f at finite h, so it sees θ only to a few digits; a wrong formula it sees at once.
    """
    nearest = None
    for side_ in ("right", "left") if side == "both" and rule.sided else (side,):
        scale = max(abs(x0), 1.0) * (-1 if side_ == "left" else 1)
        rows = theta_at(function, x0, family, rule, scale * 2.0 ** -np.arange(2, 24), side_)
        with np.errstate(all="ignore"):
            gaps = np.abs(np.array(family.difference(rows, [np.full(rows[0].shape, float(c)) for c in theta])))
            size = 1 + max(abs(float(c)) for c in theta)
            far = np.max(gaps, axis=0) / size
        known = np.isfinite(far)
        if not known.any() or np.min(far[known]) < 1e-2:
            continue
        k = int(np.argmin(np.where(known, far, np.inf)))
        if k >= 4 and known[k - 4] and far[k] < 0.8 * far[k - 4]:
            continue  # slowly, but it comes
        nearest = (
            scale * 2.0 ** -(k + 2),
            ", ".join(f"{n} = {r[k]:.6g}" for n, r in zip(family.names, rows, strict=True)),
        )
    if nearest is None:
        return ""
    h, listed = nearest
    return (
        f"the limit θ = ({', '.join(f'{float(c):.6g}' for c in theta)}) contradicts the definition: at h = {h:.1e} the "
        f"rule gives {listed}, and no smaller or larger h comes nearer. If {family!r} or {rule!r} is your own, compare "
        "its from_jet and limit with its through and solve."
    )


def _derivative(function: Function, points: np.ndarray, order: int) -> np.ndarray:
    """f^(order) at points, for repeated nodes: of the expression itself, or by extrapolation."""
    if function.expression is not None:
        return Function(_derived(function.expression, order))(points)
    from .methods.local import Steps, local_jet

    found = local_jet(function, points.reshape(-1), order, "both", Steps(None, 0.5, 60), 0.1).both
    if found is None:
        raise NotApplicable("a repeated node needs a derivative of f, and none could be taken.")
    return found.value[order].reshape(points.shape)


@lru_cache(maxsize=256)
def _derived(expression: sp.Expr, order: int) -> Any:
    return sp.diff(expression, X, order)
