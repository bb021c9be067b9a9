"""Hard cases: kinks, jumps, edges of the domain, noise, rounding, hidden scales, and functions that misbehave."""

from __future__ import annotations

from typing import Any, NamedTuple

import mpmath as mp
import numpy as np
from modules import MPMATH, only_numpy

ORDERS = (1, 2, 4)


class Hard(NamedTuple):
    """``limits``: the true coefficient at the orders 1, 2, 4, None where there is none."""

    name: str
    form: Any
    x0: float
    limits: tuple[float | None, ...]
    noisy: bool = False


NOWHERE = (None, None, None)


def noise(t):
    """A fixed function of t without structure, of mean 0 and variance 1: the bits of t, mixed as SplitMix64 does."""
    bits = np.asarray(t, dtype=float).view(np.uint64)
    with np.errstate(over="ignore"):
        z = bits + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z.astype(float) / 2.0**64 - 0.5) * np.sqrt(12.0)


def noisy_sine(size):
    def code(t):
        t = np.array(t, dtype=float)
        return np.sin(t) + size * noise(t)

    return code


def raising(t):
    raise RuntimeError("no connection to the server")


def one_sided(t):
    return np.where(np.asarray(t) >= 0, np.exp(t), np.nan)


def taylor(form, x0):
    """The coefficients of the trend at x0."""
    with mp.workdps(80):
        found = mp.taylor(form(MPMATH), mp.mpf(x0), max(ORDERS))
        return tuple(float(found[n]) for n in ORDERS)


def smooth(name, form, x0):
    return Hard(name, form, x0, taylor(form, x0))


def trend(name, code, like, x0):
    return Hard(name, code, x0, taylor(like, x0), noisy=True)


def sine(m):
    return m.sin


def cases():
    inside = lambda m, t: m.where(t == 0, 1.0, t)  # no division by 0 where the other branch is taken
    return [
        Hard("|x| at 0", lambda m: lambda t: m.abs(t), 0.0, NOWHERE),
        Hard("x|x| at 0", lambda m: lambda t: t * m.abs(t), 0.0, (0.0, None, None)),
        Hard("relu(x)³ at 0", lambda m: lambda t: m.maximum(t, 0.0) ** 3, 0.0, (0.0, 0.0, None)),
        Hard("step at 0", lambda m: lambda t: m.where(t >= 0, 1.0, 0.0), 0.0, NOWHERE),
        Hard(
            "x⁴ sin(1/x) at 0",
            lambda m: lambda t: m.where(t == 0, 0.0, t**4 * m.sin(1 / inside(m, t))),
            0.0,
            (0.0, 0.0, None),
        ),
        Hard(
            "exp(−1/x²) at 0",
            lambda m: lambda t: m.where(t == 0, 0.0, m.exp(-1 / inside(m, t) ** 2)),
            0.0,
            (0.0, 0.0, 0.0),
        ),
        smooth("log at 1e-8", lambda m: lambda t: m.log(t), 1e-8),
        smooth("√x at 1e-8", lambda m: lambda t: m.sqrt(t), 1e-8),
        Hard("√x at 0", lambda m: lambda t: m.sqrt(t), 0.0, NOWHERE),
        Hard("exp, values for x ≥ 0 only, at 0", only_numpy(one_sided), 0.0, NOWHERE),
        trend("sin rounded to 6 places", lambda m: lambda t: m.round(m.sin(t), 6), sine, 0.5),
        trend("sin + noise of 1e-8", only_numpy(noisy_sine(1e-8)), sine, 0.5),
        trend("sin + noise of 1e-4", only_numpy(noisy_sine(1e-4)), sine, 0.5),
        trend("exp in float32", only_numpy(lambda t: np.exp(np.float32(t))), lambda m: m.exp, 0.3),
        smooth("cos(x/1e-6) at 3e-7", lambda m: lambda t: m.cos(t / 1e-6), 3e-7),
        smooth("Gaussian of width 1e-5, at 3e-6", lambda m: lambda t: m.exp(-((t / 1e-5) ** 2)), 3e-6),
        smooth("1/x at 0.05", lambda m: lambda t: 1 / t, 0.05),
        smooth("sin at 1e4", lambda m: lambda t: m.sin(t), 1e4),
        Hard("f raises", only_numpy(raising), 0.5, NOWHERE),
        Hard("f returns None", only_numpy(lambda t: None), 0.5, NOWHERE),
        Hard("f returns nan", only_numpy(lambda t: t * np.nan), 0.5, NOWHERE),
        Hard("f returns complex numbers", only_numpy(lambda t: np.sin(t) + 1j), 0.5, NOWHERE),
        Hard("f returns three numbers", only_numpy(lambda t: np.ones(3) * np.sum(np.sin(t))), 0.5, NOWHERE),
    ]
