"""f at x0 ± h_k, and the jets that the values amount to on each side and on both: data, before any judgement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..evidence import statuses
from ..function import Function

BLIND = np.inf  # stands for a value that was not asked for; f's own failures are nan
TINY = 1e-6  # a point so close to 0 has its own scale only if f shows it


@dataclass
class SideJet:
    """Estimates of (f, f′, …) at P points from one side or from both: (order + 1, P)."""

    value: np.ndarray
    error: np.ndarray
    h: np.ndarray  # the step of the window that was best
    noisy: np.ndarray  # whether rounding limits it
    status: np.ndarray  # (P,) of Status
    why: np.ndarray  # (P,) of str
    direction: np.ndarray  # sgn D(h) for small h, nan where unknown
    floor: np.ndarray  # noise beyond rounding, as the smallest steps show it


@dataclass
class Samples:
    """f at x0 and at x0 ± h_k: (K, P) each; a side that is not asked for is None."""

    x0: np.ndarray
    h: np.ndarray
    f0: np.ndarray
    right: np.ndarray | None
    left: np.ndarray | None
    noise0: np.ndarray
    right_noise: np.ndarray | None
    left_noise: np.ndarray | None
    own: np.ndarray  # the scale that x0 suggests


def start_step(x0: np.ndarray) -> np.ndarray:
    """A power of two near |x0| / 2 (1/2 at 0 and beside it), so that x0 ± h is exact; the search goes on from there."""
    size = np.where(np.abs(x0) < TINY, 1.0, np.abs(x0))
    return 2.0 ** (np.floor(np.log2(np.clip(size, 1e-290, 1e290))) - 1)


def sample(function: Function, x0: np.ndarray, h0: np.ndarray, levels: int, side: str, rho: float) -> Samples:
    h = h0 * rho ** np.arange(levels)[:, None]
    signs = {"both": (1, -1), "right": (1,), "left": (-1,)}[side]
    points = np.concatenate([x0[None], *(x0 + sign * h for sign in signs)])
    values = function(points)
    f0, rows = values[0], values[1:]
    unit = function.eps / 2
    noise0 = unit * np.abs(f0)
    out: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for j, sign in enumerate(signs):
        g = rows[j * levels : (j + 1) * levels]
        t = x0 + sign * h
        with np.errstate(all="ignore"):
            moved = np.abs((t - x0) * sign - h)  # the abscissa that was really used
            slope = np.abs(g - f0) / h
            moved = moved + unit * np.abs(t)  # and the rounding of t inside f
            noise = unit * np.abs(g) + np.where(np.isfinite(slope), moved * slope, 0.0)
            noise = np.where(t == x0, np.nan, noise)
            g = np.where(t == x0, BLIND, g)  # below the spacing of floats nothing is seen
        out[sign] = (g, noise)
    right, left = out.get(1), out.get(-1)
    none = (None, None)
    return Samples(
        x0, h, f0, (right or none)[0], (left or none)[0], noise0, (right or none)[1], (left or none)[1], start_step(x0)
    )


def empty_jet(order: int, s: Samples) -> SideJet:
    points = s.f0.shape[0]
    value, error = np.full((order + 1, points), np.nan), np.full((order + 1, points), np.inf)
    value[0], error[0] = s.f0, 2 * s.noise0
    h = np.broadcast_to(s.h[0], value.shape).copy()
    noisy = np.zeros(value.shape, dtype=bool)
    why, direction = np.full(points, "", dtype=object), np.full(points, np.nan)
    return SideJet(value, error, h, noisy, statuses((points,)), why, direction, np.zeros(points))


def noise_floor(g: np.ndarray, spread: np.ndarray, rho: float) -> np.ndarray:
    """The size of noise beyond rounding: what the smallest steps leave over of a fit a h + b h², (P,).

    At the smallest eight steps a smooth f is a parabola to rounding; what is not is noise, or structure below the
    steps.
    """
    levels, points = g.shape
    if levels < 12:
        return np.zeros(points)
    finite = np.isfinite(g)
    deepest = levels - 1 - np.argmax(finite[::-1], axis=0)
    rows = np.clip(deepest - 7 + np.arange(8)[:, None], 0, levels - 1)
    y, rounding = (np.take_along_axis(a, rows, axis=0) for a in (g, spread))
    t = rho ** np.arange(8)
    fit = np.column_stack([t, t * t])
    left = y - fit @ (np.linalg.pinv(fit) @ y)
    size = np.sqrt(np.mean(left**2, axis=0) * 8 / 6)
    usable = (deepest >= 11) & np.all(np.isfinite(y), axis=0) & (size > 3 * np.max(rounding, axis=0))
    return np.where(usable, 2 * size, 0.0)
