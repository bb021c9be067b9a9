"""Series whose rate, or whose frequency, is known at every t in [0, 1]. The seed draws their parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from signals import PI2, generator


class Field(NamedTuple):
    """y without noise, and the field."""

    name: str
    value: Callable
    truth: Callable


def _integral(g):
    """∫g from 0, by Gauss's rule on a fine grid."""
    edges = np.linspace(0, 1, 4001)
    u, w = np.polynomial.legendre.leggauss(8)
    step = edges[1]
    nodes = edges[:-1, None] + step * (u + 1) / 2
    whole = np.concatenate([[0.0], np.cumsum((g(nodes) * w).sum(axis=1) * step / 2)])

    def at(t):
        k = np.minimum((t / step).astype(int), 3999)
        half = ((t - edges[k]) / 2)[:, None]
        return whole[k] + (g(edges[k][:, None] + half * (u + 1)) * w).sum(axis=1) * half[:, 0]

    return at


def rates(seed):
    """y′ = e^{∫g}, so that the osculating exponential C + A e^{Bs} has B = y″/y′ = g exactly."""
    r = generator(seed, "rates")
    a, b = r.uniform(2, 4), r.uniform(3, 5)
    c, d, p = r.uniform(3, 5), r.uniform(0.8, 1.6), r.uniform(0, PI2)
    e, f, m = r.uniform(3, 5), r.uniform(6, 10), r.uniform(0.4, 0.6)
    fields = {
        "constant decay": lambda t: -a + 0 * t,
        "constant growth": lambda t: b + 0 * t,
        "slowing decay": lambda t: -b - 3 * (1 - t) ** 2,
        "varying decay": lambda t: -c - d * np.sin(PI2 * t + p),
        "growth, then decay": lambda t: -e * np.tanh(f * (t - m)),
    }
    return [Field(name, _grown(g), g) for name, g in fields.items()]


def _grown(g):
    """1 + ∫ e^{∫g}."""
    inner = _integral(g)
    rise = _integral(lambda t: np.exp(inner(t.ravel()).reshape(t.shape)))
    return lambda t: 1 + rise(t)


def frequencies(seed, n):
    """C + A cos φ with φ′ the field: some fifteen samples or more a turn, two hundred turns at most."""
    r = generator(seed, "frequencies")
    w = PI2 * min(n / 15, 200)
    p, q, s = r.uniform(0, PI2, 3)
    up, fm, turns = r.uniform(0.3, 0.6), r.uniform(0.1, 0.25), r.uniform(1.0, 2.5)
    fields = {
        "constant": lambda t: w * 0.8 + 0 * t,
        "chirp": lambda t: w * (1 - up + up * t),
        "modulated": lambda t: w * (0.75 + fm * np.sin(PI2 * turns * t + p)),
        "modulated, amplitude too": lambda t: w * (0.75 + fm * np.cos(PI2 * turns * t + q)),
    }
    out = []
    for name, g in fields.items():
        phase = _integral(g)
        swing = 0.3 if name.endswith("too") else 0.0
        out.append(Field(name, _wave(phase, swing, s), g))
    return out


def _wave(phase, swing, start):
    return lambda t: 0.5 + (1 + swing * np.sin(PI2 * 1.3 * t)) * np.cos(phase(t) + start)
