"""Taylor coefficients from Chebyshev coefficients with noise, and what two intervals say together."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .circle import column, some
from .interval import Interval, taylor_table

STEEPEST = 3.0  # below the noise a coefficient may be smaller than the one before by e^3, no more


class Taylor(NamedTuple):
    """From ``count`` Chebyshev to the first Taylor coefficients."""

    j: np.ndarray  # 0 … N − 1
    below: np.ndarray  # below[k]: what those after the k-th may reach, over the noise
    orders: np.ndarray
    a: np.ndarray  # (N, order + 1)
    squares: np.ndarray
    growth: np.ndarray  # N^n/n!, about what T_N has at 0


@lru_cache(maxsize=64)
def taylor(count: int, order: int) -> Taylor:
    n = np.arange(order + 1)
    a = taylor_table(count - 1, order).T.copy()
    j = np.arange(float(count))
    below = np.exp(-STEEPEST * np.maximum(j - j[:, None], 0))
    return Taylor(j, below, n, a, a * a, np.array([float(count) ** k / math.factorial(k) for k in n]))


class Estimate:
    """Taylor coefficients from one interval: each Chebyshev coefficient is drawn towards 0 as far as noise may be it.

    With c_j ~ N(0, τ_j²) and noise σ the best weight is τ²/(τ² + σ²), the variance left τ²σ²/(τ² + σ²) (Wiener,
    Extrapolation, Interpolation and Smoothing, 1949). The error is four standard deviations and the truncation.
    """

    def __init__(self, at: Interval, order: int) -> None:
        known = taylor(at.count, order)
        level, fall, noise = column(at.level), column(at.fall), column(at.noise)
        tau = np.maximum(np.exp(level - fall * known.j), noise * known.below[at.last])
        tau = 3 * np.maximum(tau, at.envelope, out=tau)
        tau *= tau
        sigma = noise * noise
        self.weight = tau / (tau + sigma)
        self.left = self.weight * sigma
        self.c = self.weight * at.c
        self.scale = column(at.radius) ** -known.orders
        beyond = 2 * np.exp(level - fall * at.count) / -np.expm1(-fall)
        self.value = (self.c @ known.a) * self.scale
        self.error = (4 * np.sqrt(self.left @ known.squares) + beyond * known.growth) * self.scale


def together(one: Estimate, other: Estimate) -> tuple[np.ndarray, np.ndarray]:
    """The mean of two intervals' estimates, weighted by their errors: they come from different values."""
    first, second = one.error * one.error, other.error * other.error
    total = first + second
    value = (second * one.value + first * other.value) / total
    error = np.sqrt(first * second / total)
    apart = np.abs(one.value - other.value)
    differ = apart > 1.5 * (one.error + other.error)
    if some(differ):
        better = np.where(first < second, one.value, other.value)
        value = np.where(differ, better, value)
        error = np.where(differ, np.minimum(one.error, other.error) + 2 * apart, error)
    return value, error
