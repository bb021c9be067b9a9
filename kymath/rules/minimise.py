"""A rule's minimisation at finite h by SciPy: least objective under C1(h), C2(h) and the bounds, with the residual
checked.

C2 is taken as (g(h) − g(0))/h = D(h)/h, the same constraint divided by h, so that it stays well scaled as h → 0. SLSQP
(Kraft 1988) runs from several starts; what it finds is polished by Newton's iteration on the Karush–Kuhn–Tucker
equations and believed only if it satisfies the constraints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from ..families import ConnectionFunction
from ..families.base import S
from .base import Rule

STARTS = 24
RESIDUAL = 1e-9
ROUNDING = 4e-15


@dataclass(frozen=True)
class Minimum:
    """The least objective found at one h: θ, and whether another θ does equally well."""

    theta: np.ndarray
    objective: float
    unique: bool


def minimise(rule: Rule, family: ConnectionFunction, f0: Any, slope: Any, h: Any) -> tuple[Any, ...]:
    """θ(h) for numbers or arrays, one problem after another; NaN where none is found or several do equally well."""
    f0, slope, h = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (f0, slope, h)))
    out = np.full((family.size, *f0.shape), np.nan)
    for index in np.ndindex(f0.shape):
        found = minimum(rule, family, float(f0[index]), float(slope[index]), float(h[index]))
        if found is not None and found.unique:
            out[(slice(None), *index)] = found.theta
    return tuple(row[()] for row in out)


def minimum(
    rule: Rule, family: ConnectionFunction, f0: float, slope: float, h: float, start: np.ndarray | None = None
) -> Minimum | None:
    """The least objective under C1(h) and C2(h), None where no θ satisfies them."""
    from scipy.optimize import minimize

    if not all(np.isfinite([f0, slope, h])):
        return None
    problem = _Problem(rule, family, f0, slope, h)
    found: list[tuple[float, np.ndarray]] = []
    for first in problem.starts(start):
        with np.errstate(all="ignore"):
            answer = minimize(
                problem.objective, first, jac=problem.gradient, bounds=problem.bounds, method="SLSQP",
                constraints=[{"type": "eq", "fun": problem.residual, "jac": problem.residual_jacobian}],
                options={"maxiter": 200, "ftol": 1e-14},
            )  # fmt: skip
            theta = problem.polished(answer.x)
        if theta is not None:
            found.append((problem.objective(theta), theta))
    if not found:
        return None
    found.sort(key=lambda pair: pair[0])
    least, theta = found[0]
    scale = max(abs(least), 1e-12)
    rivals = [t for o, t in found[1:] if o - least <= 1e-9 * scale]
    size = 1e-5 * (1 + np.max(np.abs(theta)))
    alone = all(np.max(np.abs(np.array(family.difference(tuple(t), tuple(theta))))) < size for t in rivals)
    return Minimum(theta, least, alone)


class _Problem:
    def __init__(self, rule: Rule, family: ConnectionFunction, f0: float, slope: float, h: float) -> None:
        self.family, self.data = family, (f0, slope, h)
        self.functions = _compiled(rule, family)
        low, high = zip(*(_meet(a, b) for a, b in zip(rule.box(family), family.box(), strict=True)), strict=True)
        self.low, self.high = np.array(low), np.array(high)
        self.bounds = list(zip(low, high, strict=True))
        level = max(abs(f0), abs(slope * h), 1e-300)
        self.units = np.array([level, max(abs(slope), level if slope == 0 else abs(slope), 1e-300)])
        # what is left at 0 and at h, in units of the values: over h, rounding hides it
        self.weights = np.array([1.0, min(1.0, abs(h) * self.units[1] / level)])

    def starts(self, given: np.ndarray | None) -> list[np.ndarray]:
        """The start given and a few more, or two dozen; always the same ones."""
        rng = np.random.default_rng(20250801)
        f0, slope, _ = self.data
        sizes = np.array([1.0, max(abs(f0), 1e-3), max(abs(slope), 1e-3), 3.0])
        out = [] if given is None else [np.clip(given, self.low, self.high)]
        for _ in range(6 if given is not None else STARTS):
            theta = rng.standard_normal(self.family.size) * rng.choice(sizes, self.family.size)
            boxed = np.isfinite(self.low) & np.isfinite(self.high)
            inside = np.where(boxed, self.low, 0) + rng.uniform(size=theta.shape) * np.where(
                boxed, self.high - self.low, 0
            )
            theta = np.where(boxed, inside, theta)
            out.append(np.clip(np.where(np.isfinite(self.low) & ~boxed, np.abs(theta), theta), self.low, self.high))
        return out

    def objective(self, theta: np.ndarray) -> float:
        return float(self.functions["objective"](*theta))

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        return np.array(self.functions["gradient"](*theta), dtype=float)

    def residual(self, theta: np.ndarray) -> np.ndarray:
        return np.array(self.functions["residual"](*theta, *self.data), dtype=float) / self.units

    def residual_jacobian(self, theta: np.ndarray) -> np.ndarray:
        return np.array(self.functions["jacobian"](*theta, *self.data), dtype=float) / self.units[:, None]

    def polished(self, theta: np.ndarray) -> np.ndarray | None:
        """Newton on the KKT equations with the active bounds kept; None where the constraints are not met."""
        theta = np.clip(theta, self.low, self.high)
        if not np.all(np.isfinite(theta)):
            return None
        near = 1e-6 * (1 + np.abs(theta))
        theta = np.where(theta - self.low < near, self.low, np.where(self.high - theta < near, self.high, theta))
        free = (theta > self.low) & (theta < self.high)
        multipliers = np.zeros(2)
        best, least = theta, float(np.max(np.abs(self.residual(theta)) * self.weights))
        for _ in range(12):
            jacobian = self.residual_jacobian(theta)[:, free]
            hessian = np.array(self.functions["hessian"](*theta, *(multipliers / self.units), *self.data), dtype=float)
            count = int(free.sum())
            matrix = np.zeros((count + 2, count + 2))
            matrix[:count, :count], matrix[:count, count:] = hessian[np.ix_(free, free)], jacobian.T
            matrix[count:, :count] = jacobian
            right = np.concatenate([-self.gradient(theta)[free], -self.residual(theta)])
            if not (np.all(np.isfinite(matrix)) and np.all(np.isfinite(right))):
                break
            step = np.linalg.lstsq(matrix, right, rcond=1e-14)[0]
            theta = theta.copy()
            theta[free] += step[:count]
            multipliers = step[count:]
            size = float(np.max(np.abs(self.residual(theta)) * self.weights))
            if np.all((theta >= self.low) & (theta <= self.high)) and size <= max(least, ROUNDING):
                best, least = theta, size
            if np.max(np.abs(step[:count]), initial=0.0) <= 1e-14 * (1 + np.max(np.abs(theta))):
                break
        return best if np.max(np.abs(self.residual(best))) < RESIDUAL else None


def _meet(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return max(a[0], b[0]), min(a[1], b[1])


@lru_cache(maxsize=64)
def _compiled(rule: Rule, family: ConnectionFunction) -> dict[str, Any]:
    """Objective, constraints and the second derivatives of their Lagrangian, as NumPy functions."""
    f0, slope, h, first, second = sp.symbols("f0 slope h lambda1 lambda2", cls=sp.Dummy)
    theta: Sequence[sp.Symbol] = family.symbols
    g = family.expression
    at, there = g.subs(S, 0), g.subs(S, h)
    objective = sp.sympify(rule.objective(family, theta), strict=True)
    residual = [at - f0, (there - at) / h - slope]
    lagrangian = objective + first * residual[0] + second * residual[1]
    modules = ["numpy", "scipy"]
    return {
        "objective": sp.lambdify(theta, objective, modules),
        "gradient": sp.lambdify(theta, [sp.diff(objective, p) for p in theta], modules),
        "residual": sp.lambdify((*theta, f0, slope, h), residual, modules),
        "jacobian": sp.lambdify((*theta, f0, slope, h), [[sp.diff(r, p) for p in theta] for r in residual], modules),
        "hessian": sp.lambdify(
            (*theta, first, second, f0, slope, h), [[sp.diff(lagrangian, p, q) for q in theta] for p in theta], modules
        ),
    }
