"""Times and noise: white, correlated, of uneven size, or at uneven times."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

AR, MA = 0.7, 5


class Noise(NamedTuple):
    """A kind of noise and its standard deviation, in units of the signal's own."""

    kind: str
    level: float

    def __str__(self):
        return f"{self.kind} {self.level:g}"

    @property
    def correlated(self):
        return self.kind in ("AR(0.7)", "MA(5)")


WHITE = [Noise("white", level) for level in (1e-3, 1e-2, 1e-1)]
OTHERS = [Noise(kind, 1e-2) for kind in ("AR(0.7)", "MA(5)", "heteroscedastic", "uneven t")]


def times(noise, n, rng):
    """n increasing times on [0, 1]."""
    return np.sort(rng.uniform(0, 1, n)) if noise.kind == "uneven t" else np.linspace(0, 1, n)


def drawn(noise, t, rng):
    """The noise at t, of standard deviation ``level``."""
    white = rng.standard_normal(len(t) + 100)
    if noise.kind == "AR(0.7)":
        e = lfilter([np.sqrt(1 - AR**2)], [1, -AR], white)
    elif noise.kind == "MA(5)":
        e = lfilter(np.full(MA, MA**-0.5), [1], white)
    else:
        e = white
    e = e[100:]
    if noise.kind == "heteroscedastic":  # ninefold from the quiet end to the loud one
        size = np.exp(np.log(9) * t)
        e = e * size / np.sqrt(np.mean(size**2))
    return noise.level * e
