"""Newton's iteration for families without a closed form: from nodes, or from a jet, to θ.

Both problems are the same one: N numbers (divided differences, or derivatives) that are smooth functions of θ. They are
solved for many points at once, from several starts, with the exact Jacobian.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from ..divided import divided_differences, multiplicities
from .base import ConnectionFunction, S, compiled

Residual = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # θ (N, P) -> r (N, P), Dr (N, N, P)


def newton(residual: Residual, start: np.ndarray, *, steps: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Damped Newton for P systems at once: θ (N, P) and the largest residual of each, in the units of ``residual``."""
    theta = np.array(start, dtype=float)
    with np.errstate(all="ignore"):
        value, jacobian = residual(theta)
        norm = _norm(value)
        for _ in range(steps):
            step = _solve(jacobian, value)
            scale = np.ones_like(norm)
            for _ in range(12):  # halve where the residual does not fall
                trial = theta - scale * step
                new_value, new_jacobian = residual(trial)
                new_norm = _norm(new_value)
                worse = ~(new_norm < norm) & (norm > 0)
                if not worse.any():
                    break
                scale = np.where(worse, scale / 2, scale)
            better = new_norm < norm
            moved = np.max(np.abs(trial - theta), axis=0) > 1e-15 * np.max(np.abs(theta), axis=0)
            theta = np.where(better, trial, theta)
            value, jacobian = np.where(better, new_value, value), np.where(better, new_jacobian, jacobian)
            norm = np.where(better, new_norm, norm)
            if not (better & moved).any():
                break
    return theta, norm


def _norm(value: np.ndarray) -> np.ndarray:
    norm = np.max(np.abs(value), axis=0)
    return np.where(np.isfinite(norm), norm, np.inf)


def _solve(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """matrix (N, N, P)⁻¹ vector (N, P), the least-squares step where the matrix is singular."""
    stacked = np.nan_to_num(np.moveaxis(matrix, 2, 0), nan=0.0, posinf=0.0, neginf=0.0)
    right = np.nan_to_num(vector.T[..., None], nan=0.0, posinf=0.0, neginf=0.0)
    try:
        return np.linalg.solve(stacked, right)[..., 0].T
    except np.linalg.LinAlgError:
        return (np.linalg.pinv(stacked) @ right)[..., 0].T


class NodeSystem:
    """The equations Δ_k[g(·; θ)] = Δ_k[f] at the nodes c_j h, for P points: residuals relative to Δ_k[f]."""

    def __init__(
        self, family: ConnectionFunction, nodes: Sequence[Any], h: np.ndarray, values: Sequence[np.ndarray]
    ) -> None:
        self.family, self.nodes, self.h = family, nodes, h
        self.wanted = np.array(divided_differences(nodes, h, values), dtype=float)
        self.level = np.max(np.abs(np.array(values[: len(nodes)])), axis=0)
        unit = np.maximum(np.abs(self.wanted), 1e3 * self.rounding(self.level))
        self.weight = 1.0 / np.where(unit > 0, unit, 1.0)  # each equation in its own units
        self.functions = [_derivatives(family, r) for r in multiplicities(nodes)]

    def rounding(self, size: np.ndarray) -> np.ndarray:
        """What rounding of terms of that size leaves in the divided differences: (N, P)."""
        return np.finfo(float).eps * size / np.abs(self.h) ** np.arange(self.family.size)[:, None]

    def doubt(self, theta: np.ndarray) -> np.ndarray:
        """The rounding in Δ_k[f] and Δ_k[g], that of large parameters that cancel included: (N, P)."""
        return 8 * self.rounding(np.maximum(self.level, np.max(np.abs(theta), axis=0)))

    def solved(self, theta: np.ndarray) -> np.ndarray:
        """Where the equations hold to 1e-9 or to rounding, (P,)."""
        with np.errstate(all="ignore"):
            left = np.abs(self.residual(theta)[0])
            return np.all(left <= 1e-9 + 4 * self.doubt(theta) * self.weight, axis=0)

    def start(self) -> np.ndarray:
        """The θ whose jet is k! Δ_k: right in the limit."""
        factorials = np.cumprod([1.0, *range(1, self.family.size)])[:, None]
        with np.errstate(all="ignore"):
            theta = self.family.from_jet(tuple(self.wanted * factorials))
        return np.array([np.broadcast_to(np.asarray(c, dtype=float), self.h.shape) for c in theta])

    def residual(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, gradients = [], []
        for c, function in zip(self.nodes, self.functions, strict=True):
            entries = [np.broadcast_to(np.asarray(e, float), self.h.shape) for e in function(c * self.h, *theta)]
            values.append(entries[0])
            gradients.append(np.array(entries[1:]))
        differences = np.array(divided_differences(self.nodes, self.h, values))
        slopes = np.array(divided_differences(self.nodes, self.h, gradients))
        return (differences - self.wanted) * self.weight, slopes * self.weight[:, None, :]


def interpolate(
    family: ConnectionFunction, nodes: Sequence[Any], h: Any, values: Sequence[Any], start: Sequence[Any] | None
) -> tuple[Any, ...]:
    """θ with the divided differences of the values at the nodes c_j h; NaN where none is found."""
    shape = np.broadcast_shapes(np.shape(h), *(np.shape(v) for v in values))

    def flat(row: Any) -> np.ndarray:
        return np.broadcast_to(np.asarray(row, dtype=float), shape).reshape(-1)

    system = NodeSystem(family, nodes, flat(h), [flat(v) for v in values])
    first = system.start() if start is None else np.array([flat(c) for c in start])
    theta, _ = newton(system.residual, first)
    theta = np.where(system.solved(theta), theta, np.nan)
    return tuple(row.reshape(shape) for row in theta)


@lru_cache(maxsize=256)
def _derivatives(family: ConnectionFunction, order: int) -> Any:
    """(d^r g/ds^r, and its derivatives by the parameters) as one NumPy function of s and θ."""
    g = sp.diff(family.expression, S, order)
    return compiled(family, (S, *family.symbols), [g, *(sp.diff(g, p) for p in family.symbols)])


def solve_jet(
    family: ConnectionFunction, values: Sequence[Any], starts: np.ndarray, allowed: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """All θ found with J(θ) = jet from several starts: θ (N, P), and in how many distinct ways (P).

    ``starts`` is (K, N, P) and ``allowed`` tells which of the solutions (N, P) count.
    """
    wanted = np.array(np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in values)))
    wanted = wanted.reshape(family.size, -1)
    unit = np.max(np.abs(wanted), axis=0)
    unit = np.where(unit > 0, unit, 1.0)
    row_unit = np.where(wanted != 0, np.abs(wanted), unit)  # each equation in its own units

    def residual(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        jet = np.array([np.broadcast_to(np.asarray(e, float), wanted.shape[1:]) for e in _jet(family)(*theta)])
        slopes = np.broadcast_to(family.jacobian(tuple(theta)), (family.size, *wanted.shape))
        return (jet - wanted) / row_unit, slopes / row_unit[:, None, :]

    best = np.full(wanted.shape, np.nan)
    ways = np.zeros(wanted.shape[1], dtype=int)
    for start in starts:
        theta, norm = newton(residual, start)
        good = (norm < 1e-9) & allowed(theta)
        with np.errstate(invalid="ignore"):
            size = np.abs(theta) + np.abs(best)
            near_zero = 1e-9 * np.max(size, axis=0)
            apart = np.max(np.abs(theta - best) / (near_zero + size), axis=0) > 1e-5
        fresh = good & ((ways == 0) | apart)
        best = np.where(good & (ways == 0), theta, best)
        ways = ways + fresh
    return best, np.where((ways == 1) & _degenerate(family, best, row_unit), 2, ways)


def _degenerate(family: ConnectionFunction, theta: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Where DJ is singular at the solution, so that a whole curve of parameters has this jet."""
    slopes = np.broadcast_to(family.jacobian(tuple(theta)), (family.size, *theta.shape)) / units[:, None, :]
    slopes = slopes * np.maximum(np.abs(theta), 1e-8)[None]  # relative changes of the parameters
    matrices = np.nan_to_num(np.moveaxis(slopes, 2, 0))
    if not len(matrices):
        return np.zeros(0, dtype=bool)
    sizes = np.linalg.svd(matrices, compute_uv=False)
    return sizes[:, -1] < 1e-12 * np.maximum(sizes[:, 0], 1e-300)


@lru_cache(maxsize=256)
def _jet(family: ConnectionFunction) -> Any:
    return compiled(family, family.symbols, list(family.jet(family.symbols, family.size - 1)))
