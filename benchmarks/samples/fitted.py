"""scipy's curve_fit in a window round some places: the peer for every family, and the one that time is judged by."""

from __future__ import annotations

import time
import warnings

import numpy as np
from scipy.optimize import curve_fit

GRID = 1.5


def exponential(s, a, b, c):
    return a * np.exp(b * s) + c


def harmonic(s, a, w, p, c):
    return a * np.cos(w * s + p) + c


def parabola(s, a2, a1, a0):
    return a2 * s**2 + a1 * s + a0


def one(function, t, y, place, half, start, weighted=False):
    """θ and standard errors in the window of one place; NaN where curve_fit gives up."""
    low, high = np.searchsorted(t, [place - half * (1 + 1e-12), place + half * (1 + 1e-12)])
    s = t[low:high] - place
    if len(s) <= len(start):
        return np.full(len(start), np.nan), np.full(len(start), np.nan)
    sigma = None
    if weighted:  # the kernel 1 − u²; a sample at the very edge has none
        inside = np.abs(s) < half * (1 - 1e-9)
        low, high, s = low + int(np.argmax(inside)), low + len(s) - int(np.argmax(inside[::-1])), s[inside]
        sigma = 1 / np.sqrt(1 - (s / half) ** 2)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            theta, covariance = curve_fit(function, s, y[low:high], start, sigma=sigma)
            return theta, np.sqrt(np.diag(covariance))
    except RuntimeError:
        return np.full(len(start), np.nan), np.full(len(start), np.nan)


def starts(field, t, y, places, kind):
    """Where each fit starts: at the true field. Amplitude, phase and level by linear least squares of a few samples."""
    out = []
    for place in places:
        rate = float(field.truth(np.array([place]))[0])
        reach = min(abs(2 / rate) if kind == "rate" else 2 * np.pi / rate, 0.2)
        low, high = np.searchsorted(t, [place - reach, place + reach])
        some = slice(low, high, max(1, (high - low) // 200))
        s = t[some] - place
        if kind == "rate":
            a, c = np.linalg.lstsq(np.stack([np.exp(rate * s), np.ones_like(s)], axis=1), y[some])[0]
            out.append((a, rate, c))
        else:
            columns = [np.cos(rate * s), np.sin(rate * s), np.ones_like(s)]
            a, b, c = np.linalg.lstsq(np.stack(columns, axis=1), y[some])[0]
            out.append((np.hypot(a, b), rate, np.arctan2(-b, a), c))
    return np.array(out)


def widths(t, kind, field):
    """Half-widths to try, the narrowest first: where a window is too wide, curve_fit searches long and in vain."""
    step = (t[-1] - t[0]) / (len(t) - 1)
    low = 4 * step if kind == "rate" else np.pi / float(field.truth(np.array([0.5]))[0])
    count = int(np.log(0.5 / max(low, 0.002)) / np.log(GRID))
    return 0.5 / GRID ** np.arange(count, -1, -1)


def rates(function, t, y, places, half, start):
    """θ_1 at every place."""
    return np.array([one(function, t, y, x, half, s)[0][1] for x, s in zip(places, start, strict=True)])


def timed(function, t, y, places, half, start, weighted=False):
    """θ and errors (k, p), and the processor seconds."""
    begin = time.process_time()
    found = [one(function, t, y, x, half, s, weighted) for x, s in zip(places, start, strict=True)]
    seconds = time.process_time() - begin
    theta, error = zip(*found, strict=True)
    return np.array(theta), np.array(error), seconds
