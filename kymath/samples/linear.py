"""Families linear in θ: local polynomials along the series, and θ from their jets."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import NotApplicable, Status
from ..evidence import alike, marked
from ..families import ConnectionFunction
from . import choice, exact, few, field, noise, pyramid
from .series import Series

_EXACT = 3e7  # samples in all windows together, up to which a given bandwidth is fitted sample by sample
_TOP_BINS = 6
_FINEST = 0.5
_CHANNELS = 16


def fit(
    series: Series, family: ConnectionFunction, width_half: Any, at: np.ndarray, side: str, robust: bool
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...], np.ndarray, np.ndarray, np.ndarray, str]:
    """θ and standard errors (N of (k, m)), status (k, m), half-widths (k, m), noise (m,), and a message.

    ``width_half`` is the half-width of the kernel at every point, in units of t, or None to choose it.
    """
    if robust:
        from .robust import cleaned

        series = cleaned(series, lambda t, y, x: _smooth(t, y, x, side))
    orders, m = family.size, series.channels
    matrix = _matrix(family)
    order = None if len(at) < 2 or bool((np.diff(at) >= 0).all()) else np.argsort(at, kind="stable")
    x = at if order is None else at[order]
    jets = np.full((orders, len(at), m), np.nan)
    errors, widths = np.full((orders, len(at), m), np.nan), np.full((len(at), m), np.nan)
    sigma, notes = np.full(m, np.nan), []
    for channels, t, y in series.gapless():
        if len(t) < orders:
            continue
        inside = slice(*np.searchsorted(x, [t[0], np.nextafter(t[-1], np.inf)]))
        if width_half is None:
            step = max(1, _CHANNELS)
            for low in range(0, len(channels), step):
                some = channels[low : low + step]
                found = automatic(t, y[:, low : low + step], x[inside], matrix, side)
                jets[:, inside, some], errors[:, inside, some], widths[inside, some] = found[:3]
                sigma[some] = [n.sigma for n in found[3]]
                notes += found[3]
        else:
            half = np.broadcast_to(np.asarray(width_half, dtype=float), at.shape)
            half = (half if order is None else half[order])[inside]
            jet, error, noises = given(t, y, x[inside], half, matrix, side)
            jets[:, inside, channels], errors[:, inside, channels] = jet, error
            widths[inside, channels] = half[:, None]
            sigma[channels] = [n.sigma for n in noises]
            notes += noises
    good = np.isfinite(jets).all(axis=0) & np.isfinite(errors).all(axis=0)
    status = alike(good.shape)
    if not good.all():
        jets[:, ~good], errors[:, ~good], widths[~good] = np.nan, np.nan, np.nan
        status = marked(status, ~good, Status.NOT_FINITE)
    theta = [np.broadcast_to(np.asarray(p, dtype=float), good.shape) for p in family.from_jet(tuple(jets))]
    if order is None:
        return tuple(theta), tuple(errors), status, widths, sigma, _message(notes)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    answers = tuple(p[back] for p in theta), tuple(e[back] for e in errors)
    return *answers, status[back], widths[back], sigma, _message(notes)


def _smooth(t: np.ndarray, y: np.ndarray, x: np.ndarray, side: str) -> np.ndarray:
    """The values of one channel; NaN outside."""
    inside = (x >= t[0]) & (x <= t[-1])
    out = np.full(len(x), np.nan)
    out[inside] = automatic(t, y, x[inside], np.eye(1), side)[0][0, :, 0]
    return out


def _message(noises: list[noise.Noise]) -> str:
    notes = [n for n in noises if n.block > 1]
    text = ""
    if notes:
        block = max(n.block for n in notes)
        text = f"the noise is correlated over some {block} samples: the errors use its long-run variance"
        if not all(n.settled for n in notes):
            text += ", which could not be followed to its end (the signal begins to show): they may be too small"
        text += "."
    if any(n.blind for n in noises):
        text += (
            " the series is short for what the fit follows in it: noise that hangs together over several samples would "
            "be taken for signal, and the errors may be too small then."
        )
    return text.strip()


def _matrix(family: ConnectionFunction) -> np.ndarray:
    """(N, N): θ = matrix @ jet + constant."""
    size = family.size
    rows = []
    for k in range(-1, size):
        jet = [1.0 if i == k else 0.0 for i in range(size)]
        try:
            rows.append([float(c) for c in family.from_jet(jet)])
        except TypeError as error:
            raise NotApplicable(f"{family!r} has symbols beside its parameters: give them numbers first.") from error
    return (np.array(rows[1:]) - np.array(rows[0])).T


def automatic(
    t: np.ndarray, y: np.ndarray, x: np.ndarray, matrix: np.ndarray, side: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[noise.Noise]]:
    """Jets and errors of θ (K, k, m), half-widths (k, m) and noise at sorted points x, everything chosen."""
    offset = y.mean(axis=0)
    y = y - offset
    scale = np.abs(y).max(axis=0)
    scale[scale == 0] = 1.0
    y = y / scale
    rounding = np.finfo(float).eps * (1 + np.abs(offset) / scale)  # what the samples cannot hold
    noises = [v._replace(sigma=max(v.sigma, float(r))) for v, r in zip(noise.measure(t, y), rounding, strict=True)]
    sigma = np.array([v.sigma for v in noises])
    if len(t) <= few.MOST:
        jets, errors, widths, noises = _short(t, y, x, matrix, side, noises)
        sigma = np.array([v.sigma for v in noises])
    else:
        jets, errors, widths = _long(t, y, x, matrix, side, sigma, max(1, max(v.block for v in noises) // 4))
    errors *= sigma * scale
    jets *= scale
    jets[0] += offset
    found = [v._replace(sigma=float(s * u)) for v, s, u in zip(noises, sigma, scale, strict=True)]
    return jets, errors, widths, found


def _short(
    t: np.ndarray, y: np.ndarray, x: np.ndarray, matrix: np.ndarray, side: str, noises: list[noise.Noise]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[noise.Noise]]:
    """A short series, sample by sample: jets, errors for σ = 1, half-widths, and the noise."""
    orders, m = len(matrix), y.shape[1]
    jets, errors, widths = np.empty((orders, len(x), m)), np.empty((orders, len(x), m)), np.empty((len(x), m))
    chosen = few.choose(t, y, orders, side)
    for degree, half in {(c.degree, c.half) for c in chosen}:
        some = np.array([j for j, c in enumerate(chosen) if (c.degree, c.half) == (degree, half)])
        reach = few.reach(t, x, half, side)
        top = min(degree + 2, len(t) - 1)
        fits = exact.fits(t, y[:, some], x, reach, top, orders, side)
        jets[..., some] = fits.at(degree)
        error = _errors(matrix, fits.covariance(degree))
        # one series cannot show its bias: half of the step to degree p + 2 is allowed for
        step = np.tensordot(matrix, fits.at(top) - fits.at(degree), axes=1)
        with np.errstate(all="ignore"):
            ratio = (step / (error[..., None] * np.array([chosen[j].sigma for j in some]))) ** 2
        known = np.isfinite(ratio)
        ratio = np.where(known, ratio, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        errors[..., some] = error[..., None] * np.sqrt(1 + few.UNSEEN * ratio)[:, None]
        widths[:, some] = reach[:, None]
    found = [
        v._replace(sigma=max(c.sigma, v.sigma if v.block > 1 else 0.0), blind=c.trace > few.SPENT * len(t))
        for c, v in zip(chosen, noises, strict=True)
    ]
    return jets, errors, widths, found


def _long(
    t: np.ndarray, y: np.ndarray, x: np.ndarray, matrix: np.ndarray, side: str, sigma: np.ndarray, block: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A long series, by its pyramid: jets, errors for σ = 1, half-widths."""
    orders, m = len(matrix), y.shape[1]
    n, span = len(t), float(t[-1] - t[0])
    per_bin = max(_FINEST, min(64.0, n / 2000))
    while True:
        levels = max(0, round(np.log2(max(1.0, n / per_bin / _TOP_BINS))))
        bins = _TOP_BINS * 2**levels
        whole = pyramid.build(t, y, float(t[0]), span / bins, bins, levels, block)
        halves = [[level.half(which) for level in whole] for which in (0, 1)]
        parts = choice.choose(choice.Basis(whole, halves, orders, block * span / n), sigma, side)
        del halves
        finest = min((p.candidate.level for channel in parts for p in channel), default=9)
        if finest > 0 or per_bin <= _FINEST:
            break
        per_bin = max(_FINEST, per_bin / 4)
    shape = (orders, len(x), m)
    jets, errors, widths = np.zeros(shape), np.zeros(shape), np.zeros((len(x), m))
    groups: dict[tuple[Any, ...], list[int]] = {}
    for j in range(m):
        groups.setdefault(tuple((p.low, p.high, p.candidate) for p in parts[j]), []).append(j)
    for members in groups.values():
        some = np.array(members)
        if not parts[members[0]]:  # too few samples for any choice: one fit of the family to all
            fits = exact.fits(t, y[:, some], x, np.full(len(x), 2 * span), orders - 1, orders, side)
            jets[:, :, some], widths[:, some] = fits.at(orders - 1), 2 * span
            errors[:, :, some] = _errors(matrix, fits.covariance(orders - 1))[..., None]
        else:
            # the bias that was measured belongs to the error: (members, parts, N)
            bias = np.array([[matrix**2 @ p.bias for p in parts[j]] for j in members])
            spread = np.array([[matrix**2 @ p.spread for p in parts[j]] for j in members])
            excess = np.sqrt(1 + np.divide(bias, spread, out=np.zeros_like(bias), where=spread > 0))
            _along(whole, parts[members[0]], excess, x, some, matrix, side, jets, errors, widths)
    return jets, errors, widths


def _along(
    whole: list[pyramid.Level],
    parts: list[choice.Part],
    excess: np.ndarray,
    x: np.ndarray,
    channels: np.ndarray,
    matrix: np.ndarray,
    side: str,
    jets: np.ndarray,
    errors: np.ndarray,
    widths: np.ndarray,
) -> None:
    """Add the parts' curves, each faded into the next."""
    runs: list[tuple[float, float, choice.Candidate]] = []
    for p in parts:
        if runs and runs[-1][2] == p.candidate:
            runs[-1] = (runs[-1][0], p.high, p.candidate)
        else:
            runs.append((p.low, p.high, p.candidate))
    fades = [min(a[1] - a[0], b[1] - b[0]) / 4 for a, b in pairwise(runs)]
    middle = np.array([(p.low + p.high) / 2 for p in parts])
    for i, (low, high, candidate) in enumerate(runs):
        before, after = (fades[i - 1] if i else np.inf), (fades[i] if i < len(fades) else np.inf)
        here = slice(*np.searchsorted(x, [low - before, high + after]))
        if i == len(fades):
            here = slice(here.start, len(x))
        s = x[here]
        if not len(s):
            continue
        level = whole[candidate.level]
        jet, error, width = field.curve(
            level,
            lambda nodes, level=level, half=candidate.half: choice.windows(level, half, nodes, side),  # type: ignore[misc]
            candidate.degree,
            s,
            channels,
            matrix,
        )
        weight = np.ones(len(s))
        if np.isfinite(before):
            weight *= field.smoothstep(np.clip((s - low + before) / (2 * before), 0, 1))
        if np.isfinite(after):
            weight *= 1 - field.smoothstep(np.clip((s - high + after) / (2 * after), 0, 1))
        jet *= weight[:, None]
        error *= weight
        width *= weight
        some = slice(None) if len(channels) == jets.shape[2] else channels
        jets[:, here, some] += jet
        for k, (total, part) in enumerate(zip(errors, error, strict=True)):
            swell = np.stack([np.interp(s, middle, row) for row in excess[..., k]], axis=1)
            total[here, some] += part[:, None] * swell
        widths[here, some] += width[:, None]


def _errors(matrix: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """(N, k): the standard errors of θ from the covariances of the jets."""
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.maximum(np.einsum("pi,ijk,pj->pk", matrix, covariance, matrix), 0))


def given(
    t: np.ndarray, y: np.ndarray, x: np.ndarray, half: np.ndarray, matrix: np.ndarray, side: str
) -> tuple[np.ndarray, np.ndarray, list[noise.Noise]]:
    """Jets and errors of θ (K, k, m) and noise at sorted points x: the family's own degree, half-widths as given."""
    orders = len(matrix)
    offset = y.mean(axis=0)
    y = y - offset
    noises = noise.measure(t, y)
    sigma = np.array([n.sigma for n in noises])
    low, high = exact.reach(t, x, half, side)
    if (high - low).sum() <= _EXACT or len(np.unique(half)) > 1 or side != "both":
        fits = exact.fits(t, y, x, half, orders - 1, orders, side)
        jets, error = fits.at(orders - 1), _errors(matrix, fits.covariance(orders - 1))
    else:
        jets, error = _binned(t, y, x, float(half[0]), matrix)
    jets[0] += offset
    return jets, error[..., None] * sigma, noises


def _binned(
    t: np.ndarray, y: np.ndarray, x: np.ndarray, half: float, matrix: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same from bins of a twentieth of the half-width, blended between their edges."""
    from . import local

    size = choice.HALVES[-1]
    bins = int(np.ceil((t[-1] - t[0]) / half * size))
    level = pyramid.build(t, y, float(t[0]), half / size, bins, 0)[0]
    jets, error, _ = field.curve(
        level,
        lambda nodes: local.both_sides(bins, size, nodes, widen=False),
        len(matrix) - 1,
        x,
        np.arange(y.shape[1]),
        matrix,
    )
    return jets, error
