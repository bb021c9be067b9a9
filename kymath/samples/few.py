"""Degree and width for a short series, where halves of a window hold too few samples: by what the fit leaves.

Two criteria judge each candidate by its residuals and by the number of samples it spends, tr = Σ leverages: generalised
cross-validation, mean r² / (1 − tr/n)² (Craven and Wahba, Numer. Math. 31, 1979), which at times follows the noise, and
the corrected AIC, log mean r² + 2(tr + 1)/(n − tr − 2) (Hurvich, Simonoff and Tsai, J. R. Statist. Soc. B 60, 1998),
which at times smooths too much. The candidate is taken that stands best where it stands worse, or one that spends less
and is worse by no more than chance. σ is that of its residuals, √(Σ r² / (n − tr)), so that the bias which it leaves is
part of the errors, and half the squared step to degree p + 2 joins them, as one series cannot show all of its bias. One
choice for the whole series.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import exact

MOST = 300  # samples: beyond, the pyramid is as good, faster, and adapts along the series
_WIDTHS = 32
_TOP = 13
EASE = 0.6
SPENT = 1 / 6  # of the samples; a fit that spends more cannot tell signal from correlated noise
UNSEEN = 0.5  # of the squared step to degree p + 2, for the bias


class Choice(NamedTuple):
    """Degree, half-width away from the ends (units of t), and σ."""

    degree: int
    half: float
    sigma: float
    trace: float


def choose(t: np.ndarray, y: np.ndarray, orders: int, side: str) -> list[Choice]:
    """The choice for each channel of y (n, m)."""
    n, m = y.shape
    span = float(t[-1] - t[0])
    lowest = orders - 1 if orders % 2 == 0 else orders  # at even distances from the ends an even degree adds nothing
    degrees = [p for p in range(max(lowest, 1), max(_TOP, lowest) + 1, 2) if p <= n - 2] or [orders - 1]
    best, found = np.full((2, m), np.inf), []
    for half in np.geomspace(min(2.2 * span / (n - 1), span), 2 * span, _WIDTHS):
        fits = exact.fits(t, y, t, reach(t, t, half, side), degrees[-1], 1, side)
        jets, leverage = fits.jets()[:, 0], fits.leverages()
        for p in degrees:
            known = np.isfinite(jets[p]).all(axis=1)
            count = int(known.sum())
            if count < (n if side == "both" else 0.7 * n):
                continue
            trace = float(leverage[p][known].sum())
            if count - trace < 2.5 and p > orders - 1:
                continue
            square = np.sum((y[known] - jets[p][known]) ** 2, axis=0)
            with np.errstate(divide="ignore"):
                left = np.log(square / count)
            crossed = left - 2 * np.log(max(1 - trace / count, 1e-9))
            corrected = left + 2 * (trace + 1) / max(count - trace - 2, 1e-9)
            best = np.fmin(best, [crossed, corrected])
            sigma = np.sqrt(square / max(count - trace, 1e-9))
            found.append((p, half, crossed, corrected, sigma, trace))
    if not found:
        return [Choice(orders - 1, 2 * span, 0.0, float(orders))] * m
    with np.errstate(invalid="ignore"):
        score = np.array([np.maximum(crossed - best[0], corrected - best[1]) for _, _, crossed, corrected, *_ in found])
    score[np.isnan(score)] = 0.0  # -inf - -inf: no residual at all
    traces = np.array([trace for *_, trace in found])
    out = []
    for j in range(m):
        least = int(np.argmin(score[:, j]))
        # what spends less, and stands worse by no more than chance does: √(2Δtr)/n is one deviation of the criteria
        slack = EASE * np.sqrt(2 * np.maximum(traces[least] - traces, 0)) / n + 1e-9
        equal = np.flatnonzero(score[:, j] <= score[least, j] + slack)
        p, half, _, _, sigma, trace = found[min(equal, key=lambda i: (traces[i], found[i][0], -found[i][1]))]
        out.append(Choice(p, float(half), float(sigma[j]), trace))
    return out


def reach(t: np.ndarray, x: np.ndarray, half: float, side: str) -> np.ndarray:
    """The half-width at each point: beside the ends as much as keeps the window as long as elsewhere."""
    if side != "both":
        return np.full(len(x), 2 * half)
    near, far = np.minimum(x - t[0], t[-1] - x), np.maximum(x - t[0], t[-1] - x)
    length = t[-1] - t[0]
    return np.maximum(half, 2 * half - near if 2 * half < length else far * (1 + 1e-9))
