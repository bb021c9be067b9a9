"""Waves that a fit has smoothed away: what it leaves is then no noise, and its errors would be far too small.

The periodogram of the residuals (of the cosine transform) is divided by the spectrum of the noise that they look most
like, white or an autoregression that falls towards high frequencies. Noise leaves ordinates of about one, the largest
of n near 2 log n (Fisher, Proc. R. Soc. A 125, 1929); a wave of many turns one of order n.
"""

from __future__ import annotations

import numpy as np

from . import correlation

STANDS_OUT = 4.0  # times log(n / CHANCE): twice what chance allows, as noise is no autoregression
CHANCE = 1e-4
HELD = 0.4  # times the squared error: what of a wave's mean square the errors hold
NEAR, FAR = 2, 12  # ordinates beside the largest: they belong to it, or should be far below
ALONE = 8.0  # times
TURNS = 6  # half turns in a part
LEAST, PARTS = 64, 8  # samples, and parts that are looked at by themselves


def a_wave(residual: np.ndarray, spent: float, sigma: float = 0.0) -> bool:
    """Whether a wave stands out of residuals (runs, samples) of a fit that spends ``spent`` samples of each run.

    One that is missed in a part of the series, beside an end, is looked for there. A wave that the errors of the fit
    hold, with noise of ``sigma``, is none.
    """
    known = np.isfinite(residual).all(axis=0)
    limit = 6 * np.median(np.abs(residual[:, known])) if known.any() else 0.0  # steps and outliers
    if not (limit > 0 and np.isfinite(spent)):
        return False
    rest = np.clip(residual[:, known], -limit, limit)
    share = spent / rest.shape[1]
    parts = [rest]
    while parts[-1].shape[1] >= 2 * LEAST and len(parts) < 2 * PARTS:
        parts += [half for part in parts[-(len(parts) + 1) // 2 :] for half in np.array_split(part, 2, axis=1)]
    return any(_stands_out(part, share, sigma) for part in parts)


def _stands_out(rest: np.ndarray, share: float, sigma: float) -> bool:
    n = rest.shape[1]
    noise = correlation.judge(rest, n * min(share, 0.25))
    turn = np.pi * np.arange(1, n) / n
    falling = noise.short**2 * np.minimum.accumulate(noise.spectrum(turn))
    if n < LEAST or not falling[0] > 0:
        return False
    power = np.mean(correlation.cosines(rest) ** 2, axis=0)[1:]
    most = TURNS + int(np.argmax((power / falling)[TURNS:]))  # a slower one is followed, or bends only
    # a wave a cos(ωt) has n a²/2 in a few ordinates; a jump or a bend has its power in all
    if power[most] <= max(STANDS_OUT * np.log(n / CHANCE) * falling[most], HELD * share * n * sigma**2):
        return False
    beside = np.r_[power[max(0, most - FAR) : max(0, most - NEAR)], power[most + NEAR + 1 : most + FAR + 1]]
    return bool(power[most] > ALONE * beside.mean())
