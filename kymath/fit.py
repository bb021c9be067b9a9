"""The order with which errors fall: a straight line through their logarithms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Order(NamedTuple):
    """error ≈ constant · h^order, with the spread of the order between neighbouring steps."""

    order: float
    spread: float
    constant: float


def fitted_order(h: Sequence[float], error: Sequence[float], noise: Sequence[float] | float = 0.0) -> Order:
    """Fit error ≈ K h^α on the steps where h is small and the error stands clear of the noise.

    The slopes between neighbours settle as h falls until rounding blurs them: the fit takes the run of steps, at least
    four, over which they vary least.

    >>> order = fitted_order([0.1, 0.05, 0.025, 0.0125], [0.02, 0.005, 0.00125, 0.0003125])
    >>> round(order.order, 6), round(order.constant, 6)
    (2.0, 2.0)
    """
    x, y = np.abs(np.asarray(h, float)), np.asarray(error, float)
    floor = np.broadcast_to(np.asarray(noise, float), x.shape)
    good = np.isfinite(y) & (y > 10 * floor) & (y > 0) & (x > 0)
    x, y = np.log(x[good]), np.log(y[good])
    if len(x) < 3:
        return Order(float("nan"), float("nan"), float("nan"))
    order = np.argsort(-x)
    x, y = x[order], y[order]
    slopes = np.diff(y) / np.diff(x)
    width = min(4, len(slopes))
    spreads = [np.ptp(slopes[i : i + width]) for i in range(len(slopes) - width + 1)]
    start = int(np.argmin(spreads))
    run = slice(start, start + width + 1)
    alpha, log_constant = np.polyfit(x[run], y[run], 1)
    local = slopes[start : start + width]
    nearest = np.mean(y[run][-2:] - alpha * x[run][-2:]) if width > 1 else log_constant
    return Order(float(alpha), float(np.ptp(local) / 2), float(np.exp(nearest)))
