"""The order with which errors fall: a straight line through their logarithms."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

RUN = 4  # slopes in the run that a fit takes
VARIES = 0.1  # slopes of a run that part further from their middle belong to no single power
CLIMBS = 0.15  # a correction h^p to the slopes with a smaller p is no power, or none that can be told from a logarithm
FLAT = 1e-3  # an order below is none: the errors do not fall


class Order(NamedTuple):
    """error ≈ constant · h^order, with the spread of the order between neighbouring steps; ``why`` there is none."""

    order: float
    spread: float
    constant: float
    why: str = ""


def fitted_order(h: ArrayLike, error: ArrayLike, noise: ArrayLike = 0.0) -> Order:
    """Fit error ≈ K h^α on the steps where h is small and the error stands clear of the noise.

    The slopes between neighbours settle as h falls until rounding blurs them: the fit takes a run of four slopes over
    which they vary least, and of several about as calm the one of the smallest h. The order is nan, and ``why`` says
    so, where the slopes follow no single power of h: they vary, still drift at the smallest h, or the errors do not
    fall.

    >>> order = fitted_order([0.1, 0.05, 0.025, 0.0125], [0.02, 0.005, 0.00125, 0.0003125])
    >>> round(order.order, 6), round(order.constant, 6)
    (2.0, 2.0)
    """
    x, y = np.abs(np.asarray(h, float)), np.asarray(error, float)
    floor = np.broadcast_to(np.asarray(noise, float), x.shape)
    good = np.isfinite(y) & (y > 10 * floor) & (y > 0) & (x > 0)
    x, first = np.unique(x[good], return_index=True)
    if len(x) < 3:
        return Order(math.nan, math.nan, math.nan)
    blur = (floor[good][first] / y[good][first])[::-1]
    x, y = np.log(x[::-1]), np.log(y[good][first][::-1])
    slopes = np.diff(y) / np.diff(x)
    width = min(RUN, len(slopes))
    spreads = np.array([np.ptp(slopes[i : i + width]) for i in range(len(slopes) - width + 1)])
    start = int(np.flatnonzero(spreads <= max(1.5 * spreads.min(), 1e-9))[-1])
    run = slice(start, start + width + 1)
    alpha = float(np.polyfit(x[run], y[run], 1)[0])
    spread = float(spreads[start] / 2)
    if why := _no_power(x, y, blur, slopes, slice(start, start + width), alpha):
        return Order(math.nan, spread, math.nan, why)
    nearest = np.mean(y[run][-2:] - alpha * x[run][-2:])
    with np.errstate(over="ignore"):
        return Order(alpha, spread, float(np.exp(nearest)))


def _no_power(x: np.ndarray, y: np.ndarray, blur: np.ndarray, slopes: np.ndarray, run: slice, alpha: float) -> str:
    """Why these errors follow no single power of h; empty where they do."""
    taken = slopes[run]
    between = f"neighbouring steps give exponents from {taken.min():.3g} to {taken.max():.3g}"
    if np.ptp(taken) / 2 > VARIES:
        return f"the errors follow no single power of h: {between}"
    if alpha <= max(FLAT, float(np.ptp(taken)) / 2):
        return f"the errors do not fall with h (like h^{alpha:.2g}): no limit shows at these steps"
    below = slopes[run.stop : int(np.argmin(y))]  # beyond the least error there is only rounding
    if len(below) >= 4 and np.mean(below) > alpha / 3 and np.max(np.abs(below - alpha)) > 3 * VARIES:
        low, high = float(below.min()), float(below.max())
        return f"the errors follow no single power of h: neighbouring steps give exponents from {low:.3g} to {high:.3g}"
    if _drifts(x, blur, slopes):
        last = slopes[-RUN - 1 :]
        return (
            f"the exponent still drifts, from {last[0]:.4g} to {last[-1]:.4g} at the smallest h: a logarithm of h, or "
            "terms of nearly the same order, and no pure power"
        )
    return ""


def _drifts(x: np.ndarray, blur: np.ndarray, slopes: np.ndarray) -> bool:
    """Whether the slopes approach their limit more slowly than by a power of h: like 1/log h, say."""
    doubt = (blur[1:] + blur[:-1]) / np.abs(np.diff(x))
    return any(_drifts_before(np.flatnonzero(doubt < most), x, doubt, slopes) for most in (1e-3, 1e-4, 1e-5))


def _drifts_before(clear: np.ndarray, x: np.ndarray, doubt: np.ndarray, slopes: np.ndarray) -> bool:
    if not clear.size:
        return False
    end = int(clear[-1]) + 1
    begin = max(end - 7, 0)
    change, middle = np.diff(slopes[begin:end]), (x[begin : end + 1][1:] + x[begin : end + 1][:-1]) / 2
    if len(change) < 4 or not (np.all(change > 0) or np.all(change < 0)):
        return False
    if np.any(np.abs(change) <= 4 * (doubt[begin:end][1:] + doubt[begin:end][:-1]) + 1e-9):
        return False
    mark = (middle[1:] + middle[:-1]) / 2
    return float(np.median(np.diff(np.log(np.abs(change))) / np.diff(mark))) < CLIMBS


def leading_coefficient(h: ArrayLike, difference: ArrayLike, order: float, noise: ArrayLike = 0.0) -> float:
    """K in difference ≈ K h^order, signed: difference / h^order extrapolated to h = 0 where neighbours agree best.

    >>> h = np.array([0.1, 0.05, 0.025, 0.0125])
    >>> round(leading_coefficient(h, -2 * h + h**2, 1.0), 9)
    -2.0
    """
    x, y = np.abs(np.asarray(h, float)), np.asarray(difference, float)
    floor = np.broadcast_to(np.asarray(noise, float), x.shape)
    good = np.isfinite(y) & (x > 0)
    if not np.any(np.abs(y[good]) > 10 * floor[good]):
        return 0.0 if good.any() and math.isfinite(order) else float("nan")
    x, first = np.unique(x[good], return_index=True)
    x, y, floor = x[::-1], y[good][first][::-1], floor[good][first][::-1]
    if not math.isfinite(order) or len(x) < 3:
        return float("nan")
    with np.errstate(all="ignore"):  # h^order may be no double where the ratio is
        scale = np.exp(-order * np.log(x))
        ratio, error = y * scale, floor * scale
    ratio[y == 0] = 0.0
    if not np.all(np.isfinite(ratio)):
        x, y, ratio, error = (row[np.isfinite(ratio)] for row in (x, y, ratio, error))
        if len(x) < 3:
            return float("nan")
    line = (ratio[1:] * x[:-1] - ratio[:-1] * x[1:]) / (x[:-1] - x[1:])  # to h = 0, if linear in h
    doubt = np.abs(np.diff(line)) + 4 * error[2:]
    best = int(np.flatnonzero(doubt <= 1.0001 * doubt.min())[-1])
    return float(line[best + 1])
