"""Curves to inspect, by hand and as nets."""

from __future__ import annotations

import numpy as np

from kymath.bias.swiglu import Curve
from kymath.inspector import ConnectionCurve


def curve(bias, lags=None, *, layer=0, head=0, function=None, layout="by hand", axis=""):
    bias = np.asarray(bias, dtype=float)
    lags = np.arange(float(bias.size)) if lags is None else np.asarray(lags, dtype=float)
    return ConnectionCurve(layer, head, layout, lags, bias, function, axis=axis)


def net(seed=0, hidden=16, window=15, scale=1.0, *, shift=True, **where):
    rng = np.random.default_rng(seed)
    shifts = rng.uniform(-1, 1, hidden) if shift else np.zeros(hidden)
    found = Curve(scale * rng.normal(size=hidden), rng.uniform(-3, 3, hidden), shifts, 0.7)
    return curve(found(1 - np.arange(window) / (window - 1)), function=found, **where)
