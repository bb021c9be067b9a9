"""Smooth functions with references from mpmath: (name, NumPy code, mpmath code, x0)."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import scipy.special as sc

FUNCTIONS = [
    ("exp", np.exp, mp.exp, 1.0),
    ("sin", np.sin, mp.sin, 0.7),
    ("sin far out", np.sin, mp.sin, 1e4),
    ("tanh", np.tanh, mp.tanh, 0.3),
    ("bell", lambda t: 1 / (1 + t * t), lambda t: 1 / (1 + t * t), 0.5),
    ("Runge", lambda t: 1 / (1 + 25 * t * t), lambda t: 1 / (1 + 25 * t * t), 0.1),
    ("damped wave", lambda t: np.exp(-t) * np.sin(3 * t), lambda t: mp.exp(-t) * mp.sin(3 * t), 0.5),
    ("log", np.log, mp.log, 1e-3),
    ("sqrt", np.sqrt, mp.sqrt, 0.01),
    ("1/x", lambda t: 1 / t, lambda t: 1 / t, 0.05),
    ("narrow Gaussian", lambda t: np.exp(-((1e3 * t) ** 2)), lambda t: mp.exp(-((1000 * t) ** 2)), 4e-4),
    ("fast cosine", lambda t: np.cos(1e6 * t), lambda t: mp.cos(10**6 * t), 3e-7),
    ("arctan", lambda t: np.arctan(20 * t), lambda t: mp.atan(20 * t), 0.02),
    ("logistic", lambda t: 1 / (1 + np.exp(-4 * t)), lambda t: 1 / (1 + mp.exp(-4 * t)), 0.3),
    ("erf", sc.erf, mp.erf, 0.4),
    ("gamma", sc.gamma, mp.gamma, 2.5),
    ("polynomial", lambda t: t**5 - 3 * t**2 + 1, lambda t: t**5 - 3 * t**2 + 1, 0.5),
    ("large offset", lambda t: np.sin(t) + 1e5, lambda t: mp.sin(t) + 10**5, 0.5),
    ("exp(sin 3x)", lambda t: np.exp(np.sin(3 * t)), lambda t: mp.exp(mp.sin(3 * t)), 0.2),
    ("x^2.5", lambda t: t**2.5, lambda t: t ** mp.mpf("2.5"), 0.7),
]
