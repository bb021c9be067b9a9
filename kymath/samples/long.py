"""A long series: one choice of degree and width for each part, the fits from a pyramid of bins."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from . import choice, exact, field, pyramid
from .result import Curve, Found

_TOP_BINS = 6
_FINEST = 0.5
_TO_A_HALF = 64  # bins in the widest half-width, where that is limited


def curve(
    t: np.ndarray, y: np.ndarray, matrix: np.ndarray, side: str, sigma: np.ndarray, block: int, widest: float
) -> tuple[Curve, float]:
    """The curve with errors for σ = 1, and the widest half-width in it, which is at most ``widest``.

    ``sigma`` (m,) is the noise, which hangs together over ``block`` samples.
    """
    orders, m = len(matrix), y.shape[1]
    n, span = len(t), float(t[-1] - t[0])
    per_bin = max(_FINEST, min(64.0, n / 2000, widest * n / span / _TO_A_HALF))
    while True:
        levels = max(0, round(np.log2(max(1.0, n / per_bin / _TOP_BINS))))
        bins = _TOP_BINS * 2**levels
        whole = pyramid.build(t, y, float(t[0]), span / bins, bins, levels, block)
        halves = [[level.half(which) for level in whole] for which in (0, 1)]
        parts = choice.choose(choice.Basis(whole, halves, orders, block * span / n, widest), sigma, side)
        del halves
        finest = min((p.candidate.level for channel in parts for p in channel), default=9)
        if finest > 0 or per_bin <= _FINEST:
            break
        per_bin = max(_FINEST, per_bin / 4)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for j in range(m):
        groups.setdefault(tuple((p.low, p.high, p.candidate) for p in parts[j]), []).append(j)

    def read(x: np.ndarray) -> Found:
        jets, errors = np.zeros((orders, len(x), m)), np.zeros((orders, len(x), m))
        widths = np.zeros((len(x), m))
        for members in groups.values():
            some = np.array(members)
            if not parts[members[0]]:  # too few samples for any choice: one fit of the family to all
                fits = exact.fits(t, y[:, some], x, np.full(len(x), 2 * span), orders - 1, orders, side)
                jets[:, :, some], widths[:, some] = fits.at(orders - 1), 2 * span
                errors[:, :, some] = fits.errors(orders - 1, matrix)[..., None]
            else:
                # the bias that was measured belongs to the error: (members, parts, N)
                bias = np.array([[matrix**2 @ p.bias for p in parts[j]] for j in members])
                spread = np.array([[matrix**2 @ p.spread for p in parts[j]] for j in members])
                excess = np.sqrt(1 + np.divide(bias, spread, out=np.zeros_like(bias), where=spread > 0))
                _along(whole, parts[members[0]], excess, x, some, matrix, side, (jets, errors, widths))
        return jets, errors, widths

    width = max((p.candidate.half * whole[p.candidate.level].width for channel in parts for p in channel), default=0.0)
    return read, width


def _along(
    whole: list[pyramid.Level],
    parts: list[choice.Part],
    excess: np.ndarray,
    x: np.ndarray,
    channels: np.ndarray,
    matrix: np.ndarray,
    side: str,
    found: Found,
) -> None:
    """Add the parts' curves, each faded into the next."""
    jets, errors, widths = found
    runs: list[tuple[float, float, choice.Candidate]] = []
    for p in parts:
        if runs and runs[-1][2] == p.candidate:
            runs[-1] = (runs[-1][0], p.high, p.candidate)
        else:
            runs.append((p.low, p.high, p.candidate))
    fades = [min(a[1] - a[0], b[1] - b[0]) / 4 for a, b in pairwise(runs)]
    middle = np.array([(p.low + p.high) / 2 for p in parts])
    some = slice(None) if len(channels) == jets.shape[2] else channels
    for i, (low, high, candidate) in enumerate(runs):
        before, after = (fades[i - 1] if i else np.inf), (fades[i] if i < len(fades) else np.inf)
        here = slice(*np.searchsorted(x, [low - before, high + after]))
        if i == len(fades):
            here = slice(here.start, len(x))
        s = x[here]
        if not len(s):
            continue
        level, shapes = choice.reading(whole, candidate, side)
        jet, error, width = field.curve(level, shapes, candidate.degree, s, channels, matrix)
        for edge, fade, sign in ((low, before, 1), (high, after, -1)):
            if np.isfinite(fade) and s[0] < edge + fade and s[-1] > edge - fade:
                weight = field.smoothstep(np.clip(0.5 + sign * (s - edge) / (2 * fade), 0, 1))
                jet *= weight[:, None]
                error *= weight
                width *= weight
        jets[:, here, some] += jet
        for k, (total, part) in enumerate(zip(errors, error, strict=True)):
            swell = np.stack([np.interp(s, middle, row) for row in excess[..., k]], axis=1)
            total[here, some] += part[:, None] * swell
        widths[here, some] += width[:, None]
