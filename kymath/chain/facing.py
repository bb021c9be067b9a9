"""From which side f is needed: that to which g leaves u0."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from ..arithmetic import exact_sign
from ..errors import NotApplicable, error_for
from ..evidence import Jet, Side, converged
from ..function import X
from ..methods.bounded import bounded
from ..result import KYTransform
from ..rules.base import leaving
from .jets import EPS, way

SIDES = {"both": ("left", "right"), "left": ("left",), "right": ("right",)}
ORDERS = 16  # of derivatives that are tried for the first that is not 0
STEPS = 2.0 ** -np.arange(4, 24)


def facing(F: KYTransform, G: KYTransform, inner: Jet) -> KYTransform:
    """f looked at from the side to which g leaves u0.

    A two-sided F serves every g. One from one side does where g goes there; else f is looked at again, from where g
    goes, for which the result must carry it.
    """
    if F.side == "both":
        return F
    toward = 1.0 if F.side == "right" else -1.0
    shape = getattr(G.status, "shape", ())
    ways = np.array([np.broadcast_to(_way(G, inner, side), shape) for side in SIDES[G.side]], dtype=float)
    good = converged(np.asarray(G.status, dtype=object))
    if np.all((ways == toward) | ~good):
        return F
    needed: Side = "both"
    if np.all((ways == -toward) | ~good) or G.side != "both":
        needed = "left" if F.side == "right" else "right"
    if F.function is None:
        raise NotApplicable(
            f"F was taken from the {F.side}, but g leaves u0 to the other side too: take F with side={needed!r}."
        )
    from ..transform import transform

    again = transform(F.function.original, F.x0, F.family, F.rule, side=needed, raises=False)
    if not isinstance(again.status, np.ndarray) or again.status.shape == ():
        if not again.success:
            whither = "to both sides" if needed == "both" else f"to the {needed}"
            known = whither if not np.any(np.isnan(ways)) else "to a side that is not known"
            raise error_for(
                again.status,
                f"F was taken from the {F.side}, but g leaves u0 {known}, and f has no such θ from "
                f"{'both sides' if needed == 'both' else f'the {needed}'}. Of f at u0: {again.message}",
                left=again.left,
                right=again.right,
            )
        return again
    keep = np.broadcast_to(ways[0] == toward, again.status.shape) if needed != "both" else np.zeros((), bool)
    theta, error = (
        tuple(np.where(keep, np.asarray(a, float), b) for a, b in zip(one, two, strict=True))
        for one, two in ((F.theta, again.theta), (F.error, again.error))
    )
    status = np.where(keep, np.asarray(F.status, dtype=object), again.status)
    return replace(again, theta=theta, error=error, status=status, side="both" if np.any(keep) else needed)


def departure(outer: Jet, inner: Jet) -> tuple[Any, Any]:
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


def _way(G: KYTransform, inner: Jet, side: str) -> Any:
    """Where g goes from u0 on one side: by its jet, and where that has only zeros, by g itself."""
    seen = np.asarray(way(inner, side), dtype=float)
    if not np.any(np.isnan(seen)) or G.function is None or getattr(G.x0, "free_symbols", None):
        return seen
    if isinstance(G.x0, sp.Basic) and G.function.expression is not None:
        try:
            found = bounded(lambda: _first_sign(G, 1 if side == "right" else -1), 4.0)
        except Exception:  # out of time, or SymPy fails
            found = None
        if found is not None:
            return found
    return np.where(np.isnan(seen), _looked(G, 1.0 if side == "right" else -1.0), seen)


def _first_sign(G: KYTransform, forward: int) -> float | None:
    """By the first derivative that is not 0, for a formula that is smooth at x0."""
    assert G.function is not None
    formula = G.function.expression
    if formula is None or formula.has(sp.Abs, sp.Piecewise, sp.sign, sp.Max, sp.Min, sp.floor, sp.ceiling):
        return None
    for order in range(1, ORDERS):
        formula = sp.diff(formula, X)
        value = formula.subs(X, G.x0)
        if value.is_finite is False or value.has(sp.nan):
            return None
        if sign := exact_sign(value):
            return float(sign) * forward**order
    return None


def _looked(G: KYTransform, forward: float) -> Any:
    """By the values of g beside x0, where all that differ from g(x0) lie to one side; nan else."""
    assert G.function is not None
    x0 = np.asarray(G.x0, dtype=float)[..., None]
    steps = forward * STEPS * np.maximum(np.abs(x0), 1.0)
    start = G.function(x0)
    rise = G.function(x0 + steps) - start
    seen = np.abs(rise) > 16 * EPS * np.abs(start)
    up, down = np.any(seen & (rise > 0), axis=-1), np.any(seen & (rise < 0), axis=-1)
    enough = np.sum(seen, axis=-1) > 4
    return np.where(enough & (up != down), np.where(up, 1.0, -1.0), np.nan)
