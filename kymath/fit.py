"""The order with which errors fall: a straight line through their logarithms."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

RUN = 4  # slopes in the run that a fit takes


class Order(NamedTuple):
    """error ≈ constant · h^order, with the spread of the order between neighbouring steps."""

    order: float
    spread: float
    constant: float


def fitted_order(h: ArrayLike, error: ArrayLike, noise: ArrayLike = 0.0) -> Order:
    """Fit error ≈ K h^α on the steps where h is small and the error stands clear of the noise.

    The slopes between neighbours settle as h falls until rounding blurs them: the fit takes a run of four slopes over
    which they vary least, and of several about as calm the one of the smallest h.

    >>> order = fitted_order([0.1, 0.05, 0.025, 0.0125], [0.02, 0.005, 0.00125, 0.0003125])
    >>> round(order.order, 6), round(order.constant, 6)
    (2.0, 2.0)
    """
    x, y = np.abs(np.asarray(h, float)), np.asarray(error, float)
    floor = np.broadcast_to(np.asarray(noise, float), x.shape)
    good = np.isfinite(y) & (y > 10 * floor) & (y > 0) & (x > 0)
    x, first = np.unique(x[good], return_index=True)
    x, y = np.log(x[::-1]), np.log(y[good][first][::-1])
    if len(x) < 3:
        return Order(float("nan"), float("nan"), float("nan"))
    slopes = np.diff(y) / np.diff(x)
    width = min(RUN, len(slopes))
    spreads = np.array([np.ptp(slopes[i : i + width]) for i in range(len(slopes) - width + 1)])
    start = int(np.flatnonzero(spreads <= max(1.5 * spreads.min(), 1e-9))[-1])
    run = slice(start, start + width + 1)
    alpha = np.polyfit(x[run], y[run], 1)[0]
    nearest = np.mean(y[run][-2:] - alpha * x[run][-2:])
    return Order(float(alpha), float(spreads[start] / 2), float(np.exp(nearest)))


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
    ratio, error = y / x**order, floor / x**order
    line = (ratio[1:] * x[:-1] - ratio[:-1] * x[1:]) / (x[:-1] - x[1:])  # to h = 0, if linear in h
    doubt = np.abs(np.diff(line)) + 4 * error[2:]
    best = int(np.flatnonzero(doubt <= 1.0001 * doubt.min())[-1])
    return float(line[best + 1])


# -- predicted -------------------------------------------------------------------------------------------------------
