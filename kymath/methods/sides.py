"""The jet on one side and on both, from the samples, by Richardson's extrapolation; the noise is measured too."""

from __future__ import annotations

import math

import numpy as np

from .geometric import Estimates, coefficient, pick
from .samples import Samples, SideJet, empty_jet, noise_floor
from .verdict import accepted, compare, judge


def one_side(
    values: np.ndarray, noise: np.ndarray, s: Samples, order: int, sign: int, rho: float, tolerance: float
) -> SideJet:
    with np.errstate(all="ignore"):
        g = values - s.f0
        spread = noise + s.noise0 + np.finfo(float).eps / 2 * np.abs(g)
        exponents = range(1, order + 10)
        extra = noise_floor(g, spread, rho)
        floor = spread + extra
        fits = [coefficient(g, floor, s.h, rho, exponents, n) for n in range(1, order + 1)]
        jet = empty_jet(order, s)
        for n, fit in enumerate(fits, start=1):
            value, error, h, noisy = pick(fit)
            error = np.where(extra > 0, 3 * error, error)  # noise is known from eight values only
            error = _flat_tail(g, floor, s.h, rho, exponents, n, value, error)
            scale = float(math.factorial(n))
            jet.value[n], jet.error[n] = value * scale * sign**n, error * scale
            jet.h[n], jet.noisy[n] = h, noisy
        jet.floor[:] = extra
        argument = np.finfo(float).eps / 2 * np.abs(s.x0 * jet.value[1])  # the rounding of x0 inside f
        jet.error[0] += np.where(np.isfinite(argument), argument, 0.0) + 2 * extra
        jet.direction[:] = _direction(g, floor)
        judge(jet, g, spread, s, rho, tolerance, sign)
    return jet


def both_sides(s: Samples, left: SideJet, right: SideJet, order: int, rho: float, tolerance: float) -> SideJet:
    assert s.left is not None
    assert s.right is not None
    assert s.left_noise is not None
    assert s.right_noise is not None
    jet = empty_jet(order, s)
    with np.errstate(all="ignore"):
        noise = (s.left_noise + s.right_noise) / 2
        odd, even = (s.right - s.left) / 2, (s.right - s.f0 + (s.left - s.f0)) / 2
        extra = np.maximum(*(noise_floor(g - s.f0, noise + s.noise0, rho) for g in (s.left, s.right)))
        for n in range(1, order + 1):
            part, first = (odd, 1) if n % 2 else (even, 2)
            spread = noise + extra + (0 if n % 2 else s.noise0) + np.finfo(float).eps / 2 * np.abs(part)
            fit: Estimates = coefficient(part, spread, s.h, rho, range(first, first + 2 * order + 18, 2), n)
            value, error, h, noisy = pick(fit)
            error = np.where(extra > 0, 3 * error, error)
            error = _flat_tail(part, spread, s.h, rho, range(first, first + 2 * order + 18, 2), n, value, error)
            jet.value[n], jet.error[n] = value * math.factorial(n), error * math.factorial(n)
            jet.h[n], jet.noisy[n] = h, noisy
        worst = np.where(np.abs(s.left - s.f0) > np.abs(s.right - s.f0), s.left, s.right)
        ok = np.all(accepted(jet, worst, s, tolerance), axis=0)
        calm = np.ones(len(ok), dtype=bool)
        for one, values in ((left, s.left), (right, s.right)):  # parity must not hide a side that does not settle
            calm &= np.all(accepted(one, values, s, tolerance, 0.5), axis=0)
    compare(jet, left, right, ok, calm)
    jet.direction[:] = right.direction
    jet.floor[:] = extra
    jet.error[0] = np.fmax(left.error[0], right.error[0])
    return jet


def _flat_tail(
    g: np.ndarray,
    noise: np.ndarray,
    h: np.ndarray,
    rho: float,
    exponents: range,
    n: int,
    value: np.ndarray,
    error: np.ndarray,
) -> np.ndarray:
    """Where f stops moving at small h (rounded values), the trend above must agree, or the error says so."""
    finite = np.isfinite(g)
    last = finite & (np.cumsum(finite[::-1], axis=0)[::-1] <= 3)
    flat = np.all(np.where(last, g == 0, True), axis=0) & np.any(finite & (g != 0), axis=0)
    if not flat.any():
        return error
    tail = np.cumsum((g[::-1] != 0) & finite[::-1], axis=0)[::-1] == 0
    trend = coefficient(np.where(tail, np.nan, g)[:, flat], noise[:, flat], h[:, flat], rho, exponents, n)
    other, other_error = pick(trend)[:2]
    apart = np.abs(other - value[flat])
    conflict = np.isfinite(apart) & (apart > 1.5 * (error[flat] + other_error))
    out = error.copy()
    out[flat] += np.where(conflict, 2 * apart, 0.0)
    return out


def _direction(g: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """sgn D(h) at the smallest steps that show it; 0 where f stays constant, nan where the sign keeps changing."""
    seen = np.isfinite(g) & (np.abs(g) > 4 * noise)
    levels = np.arange(len(g))[:, None]
    deepest = np.max(np.where(seen, levels, -1), axis=0)
    near = seen & (levels > deepest - 8)
    plus, minus = np.any(near & (g > 0), axis=0), np.any(near & (g < 0), axis=0)
    biggest = np.max(np.where(np.isfinite(g), np.abs(g), 0.0), axis=0)
    at = np.abs(g[np.maximum(deepest, 0), np.arange(g.shape[1])])
    jumped = (deepest >= 0) & (deepest < len(g) - 4) & (at > 1e-3 * biggest)  # from a step straight to nothing
    sign = np.where(plus & minus, np.nan, np.where(plus, 1.0, -1.0))
    return np.where((deepest < 0) | jumped, 0.0, sign)
