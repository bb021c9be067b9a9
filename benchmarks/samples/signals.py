"""Shapes whose slope is known, on [0, 1]. The seed draws their parameters: every seed has signals of its own."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline

PI2 = 2 * np.pi


class Shape(NamedTuple):
    """f, its slope, and whether f repeats itself after 1."""

    name: str
    value: Callable
    slope: Callable
    periodic: bool = False


def generator(*key):
    """Random numbers that depend on nothing but the words and numbers given."""
    return np.random.default_rng([zlib.crc32(str(part).encode()) for part in key])


def _analytic(f):
    """The slope by a complex step, exact to rounding."""
    return lambda t: f(t + 1e-30j).imag / 1e-30


def _chirp(rng):
    start, rise = rng.uniform(1, 3), rng.uniform(4, 8)
    return lambda t: np.sin(PI2 * (start * t + rise * t**2))


def _sines(rng):
    a, b, c = rng.uniform(8, 14), rng.uniform(25, 40), rng.uniform(60, 90)
    return lambda t: np.sin(a * t) + 0.5 * np.sin(b * t + 1) + 0.2 * np.cos(c * t)


def _logistic(rng):
    steep, middle = rng.uniform(12, 30), rng.uniform(0.35, 0.65)
    return lambda t: 1 / (1 + np.exp(-steep * (t - middle)))


def _bumps(rng):
    places, widths, heights = rng.uniform(0.15, 0.85, 3), rng.uniform(0.03, 0.1, 3), rng.uniform(0.5, 1.5, 3)
    return lambda t: sum(h * np.exp(-(((t - p) / w) ** 2)) for p, w, h in zip(places, widths, heights, strict=True))


def _logarithm(rng):
    return lambda t: np.log(1 + 9 * t)


def _root(rng):
    from_zero = rng.uniform(0.01, 0.05)
    return lambda t: np.sqrt(t + from_zero)


def _growth(rng):
    rate = rng.uniform(3, 6)
    return lambda t: np.exp(rate * t)


def _polynomial(rng):
    roots = rng.uniform(0, 1, 4)
    return lambda t: np.prod([t - root for root in roots], axis=0) + 0.05 * t


def _modes(rng):
    sizes = rng.standard_normal((2, 6)) / np.arange(1, 7)
    return lambda t: sum(a * np.cos(PI2 * k * t) + b * np.sin(PI2 * k * t) for k, (a, b) in enumerate(sizes.T, start=1))


def _resonance(rng):
    """Lorentz's line on a slope: one narrow feature, long tails."""
    place, width = rng.uniform(0.3, 0.7), rng.uniform(0.03, 0.08)
    return lambda t: 1 / (1 + ((t - place) / width) ** 2) + t


def _damped(rng):
    turns, decay = rng.uniform(5, 10), rng.uniform(2, 4)
    return lambda t: np.exp(-decay * t) * np.cos(PI2 * turns * t)


def _kinked(rng):
    place, turn = rng.uniform(0.3, 0.7), rng.uniform(3, 6)
    return lambda t: np.where(np.real(t) > place, 1, -1) * (t - place) + 0.2 * np.sin(turn * t)


MAKERS = {
    "chirp": _chirp,
    "sum of sines": _sines,
    "logistic": _logistic,
    "gaussian bumps": _bumps,
    "log(1 + 9t)": _logarithm,
    "square root": _root,
    "growth": _growth,
    "quartic": _polynomial,
    "random modes": _modes,
    "resonance": _resonance,
    "damped wave": _damped,
    "kinked": _kinked,
}


def shapes(seed):
    """All shapes of one seed."""
    out = []
    for name, maker in MAKERS.items():
        f = maker(generator(seed, name))
        out.append(Shape(name, f, _analytic(f), periodic=name == "random modes"))
    rng = generator(seed, "random spline")
    knots = np.concatenate([[0], np.sort(np.linspace(0.1, 0.9, 10) + rng.uniform(-0.035, 0.035, 10)), [1]])
    spline = CubicSpline(knots, rng.standard_normal(len(knots)))
    return [*out, Shape("random spline", spline, spline.derivative())]
