"""Families linear in θ: local polynomials along the series, and θ from their jets."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import NotApplicable
from ..families import ConnectionFunction
from . import choice, exact, few, field, local, noise, pyramid
from .result import Answer, Curve, Found
from .series import Series

_EXACT = 3e7  # samples in all windows together, up to which a given bandwidth is fitted sample by sample
_FEW = 16  # samples in a window, up to which running sums are no faster
_POWERS = 4  # parameters, up to which running sums of powers keep their digits
_TOP_BINS = 6
_FINEST = 0.5
_CHANNELS = 16
_ROUNDED = 100.0  # roundings: noise below is none
_BLOCK = 1 << 16  # points read at once: what they need stays in the cache


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
    answer = Answer(family, len(at), m)
    sigma, notes = np.full(m, np.nan), []
    for channels, t, y in series.gapless():
        if len(t) < orders:
            continue
        inside = slice(*np.searchsorted(x, [t[0], np.nextafter(t[-1], np.inf)]))
        if width_half is None:
            for low in range(0, len(channels), _CHANNELS):
                some = channels[low : low + _CHANNELS]
                curve, noises = chosen(t, y[:, low : low + _CHANNELS], matrix, side)
                for first in range(inside.start, inside.stop, _BLOCK):
                    here = slice(first, min(first + _BLOCK, inside.stop))
                    answer.write(here, some, *curve(x[here]))
                sigma[some] = [n.sigma for n in noises]
                notes += noises
        else:
            half = np.broadcast_to(np.asarray(width_half, dtype=float), at.shape)
            half = (half if order is None else half[order])[inside]
            jets, errors, noises = given(t, y, x[inside], half, matrix, side)
            answer.write(inside, channels, jets, errors, np.broadcast_to(half[:, None], jets.shape[1:]))
            sigma[channels] = [n.sigma for n in noises]
            notes += noises
    message = noise.told(notes)
    if side != "both":
        bare = int(((x >= series.t[0]) & (x <= series.t[-1]) & ~answer.good.all(axis=1)).sum())
        message += f" {bare} points have too few samples on the side asked for, and no answer." if bare else ""
    return *answer.done(order), sigma, message.strip()


def _smooth(t: np.ndarray, y: np.ndarray, x: np.ndarray, side: str) -> np.ndarray:
    """The values of one channel; NaN outside."""
    inside = (x >= t[0]) & (x <= t[-1])
    out = np.full(len(x), np.nan)
    out[inside] = automatic(t, y, x[inside], np.eye(1), side)[0][0, :, 0]
    return out


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
    curve, noises = chosen(t, y, matrix, side)
    return *curve(x), noises


def chosen(t: np.ndarray, y: np.ndarray, matrix: np.ndarray, side: str) -> tuple[Curve, list[noise.Noise]]:
    """The curve and the noise of each channel, everything chosen; to be read at as many sorted points as wanted."""
    offset = y.mean(axis=0)
    y = y - offset
    scale = np.maximum(y.max(axis=0), -y.min(axis=0))
    scale[scale == 0] = 1.0
    y /= scale
    rounding = np.finfo(float).eps * (1 + np.abs(offset) / scale)  # what the samples cannot hold
    noises = [v._replace(sigma=max(v.sigma, float(r))) for v, r in zip(noise.measure(t, y), rounding, strict=True)]
    plain, noises = _settled(t, y, matrix, side, noises, rounding)
    sigma = np.array([v.sigma for v in noises])
    noisy = [v.sigma > _ROUNDED * r for v, r in zip(noises, rounding, strict=True)]
    louder = _locally(t, y, matrix, plain, noisy, [_single(v, len(t)) ** 2 for v in noises])

    def curve(x: np.ndarray) -> Found:
        jets, errors, widths = plain(x)
        if not np.isfinite(errors[0]).all():
            _rescue(t, y, x, matrix, side, jets, errors, widths)
        low, high = -0.5 * (side != "right"), 0.5 * (side != "left")  # the middle of a window counts most
        for j, one in louder.items():
            errors[..., j] *= one.over(x + low * widths[:, j], x + high * widths[:, j])
        errors *= sigma * scale
        jets *= scale
        jets[0] += offset
        return jets, errors, widths

    found = [v._replace(sigma=float(s * u)) for v, s, u in zip(noises, sigma, scale, strict=True)]
    return curve, found


def _remembered(curve: Curve) -> Curve:
    """The curve, with its last answer kept: at the samples it is asked for several times."""
    last: list[tuple[np.ndarray, Found]] = []

    def read(x: np.ndarray) -> Found:
        if not (last and np.array_equal(last[0][0], x)):
            last[:] = [(x, curve(x))]
        jets, errors, widths = last[0][1]
        return jets.copy(), errors.copy(), widths.copy()

    return read


def _level(matrix: np.ndarray) -> int:
    """The parameter that tells the value of the curve."""
    return int(np.argmax(np.abs(matrix[:, 0])))


def _single(v: noise.Noise, n: int) -> float:
    """σ of single samples, as the residuals show it; infinite where only that of means is known."""
    if v.block == 1:
        return v.sigma
    return np.inf if few.MOST < n <= few.JOINED else v.short


def _locally(
    t: np.ndarray, y: np.ndarray, matrix: np.ndarray, curve: Curve, noisy: list[bool], usual: list[float]
) -> dict[int, noise.Local]:
    """For the channels whose residuals are larger in some places than in others, the σ there."""
    rows = noise.blocks(len(t))
    if rows is None or not any(noisy):
        return {}
    if len(t) <= 2 * rows.size:  # the curve has been read at all samples
        jets, errors = (v[:, rows.ravel()] for v in curve(t)[:2])
    else:
        jets, errors, _ = curve(t[rows.ravel()])
    row = _level(matrix)
    left = 1 - np.clip((errors[row] / matrix[row, 0]) ** 2, 0, 0.9)  # a fit takes its part of each sample's noise
    squares = (y[rows.ravel()] - jets[0]) ** 2 / left
    found = {j: noise.local(t, rows, squares[:, j].reshape(rows.shape), usual[j]) for j in np.flatnonzero(noisy)}
    return {int(j): one for j, one in found.items() if one is not None}


def _rescue(
    t: np.ndarray,
    y: np.ndarray,
    x: np.ndarray,
    matrix: np.ndarray,
    side: str,
    jets: np.ndarray,
    errors: np.ndarray,
    widths: np.ndarray,
) -> None:
    """Where the windows that were chosen hold too few samples: the family on the nearest samples that carry it."""
    orders, away = len(matrix), np.full(len(x), float(t[-1] - t[0]) / len(t))
    before = np.searchsorted(t, x, side="right") - orders
    behind = np.searchsorted(t, x, side="left") + orders - 1
    if side != "right":
        away = np.maximum(away, x - t[np.maximum(before, 0)])
    if side != "left":
        away = np.maximum(away, t[np.minimum(behind, len(t) - 1)] - x)
    some = np.flatnonzero(~np.isfinite(errors[0]).all(axis=1))
    half = 2 * away[some]
    fits = exact.fits(t, y, x[some], half, orders - 1, orders, side)
    missing = ~np.isfinite(errors[0][some])
    value, error = fits.at(orders - 1), fits.errors(orders - 1, matrix)
    jets[:, some] = np.where(missing, value, jets[:, some])
    errors[:, some] = np.where(missing, error[..., None], errors[:, some])
    widths[some] = np.where(missing, half[:, None], widths[some])


def _settled(
    t: np.ndarray, y: np.ndarray, matrix: np.ndarray, side: str, noises: list[noise.Noise], rounding: np.ndarray
) -> tuple[Curve, list[noise.Noise]]:
    """The curve with errors for σ = 1; channels whose residuals show another noise than supposed are fitted again."""
    if len(t) <= few.MOST:
        curve, found = few.curve(t, y, matrix, side)
        return _remembered(curve), found
    rows = noise.stretches(len(t))
    row = _level(matrix)
    m = y.shape[1]
    curves: list[tuple[np.ndarray, Curve]] = []
    owner = np.zeros(m, dtype=int)

    def fitted(channels: np.ndarray, supposed: list[noise.Noise]) -> list[noise.Noise]:
        values = y if len(channels) == m else y[:, channels]
        joined = max(v.block for v in supposed) > 1 and len(t) <= few.JOINED
        if joined:
            curve, after = few.curve(t, values, matrix, side)
        else:
            block = max(1, max(v.block for v in supposed) // 4)
            curve, after = _long(t, values, matrix, side, np.array([v.sigma for v in supposed]), block), supposed
        curve = _remembered(curve)
        owner[channels] = len(curves)
        curves.append((channels, curve))
        jets, errors, _ = curve(t[rows.ravel()])
        levels = np.nanmedian((errors[row] / matrix[row, 0]) ** 2, axis=0) * rows.shape[1]
        rest = values[rows] - jets[0].reshape(*rows.shape, -1)
        out = []
        for j, (one, told) in enumerate(zip(channels, after, strict=True)):
            if noises[one].sigma > _ROUNDED * rounding[one]:
                seen = noise.seen(rest[..., j], float(levels[j]), told, noises[one])
                told = seen._replace(sigma=told.sigma, blind=True) if joined else seen
            out.append(told)
        return out

    final = list(noises)
    pending = np.arange(m)
    for last in (False, True):
        left = []
        hangs = np.array([final[j].block > 1 for j in pending], dtype=bool)  # as the fit supposes: it may say otherwise
        for some in (pending[~hangs], pending[hangs]):
            if not len(some):
                continue
            for j, told in zip(some, fitted(some, [final[j] for j in some]), strict=True):
                if not last and not told.like(final[j]):
                    left.append(j)
                final[j] = told
        pending = np.array(left, dtype=int)
    kept = [(channels, owner[channels] == k, curve) for k, (channels, curve) in enumerate(curves)]
    kept = [one for one in kept if one[1].any()]
    if len(kept) == 1:
        return kept[0][2], final

    def together(x: np.ndarray) -> Found:
        jets, errors = np.empty((len(matrix), len(x), m)), np.empty((len(matrix), len(x), m))
        found = jets, errors, np.empty((len(x), m))
        for channels, mine, curve in kept:
            for total, part in zip(found, curve(x), strict=True):
                total[..., channels[mine]] = part[..., mine]
        return found

    return together, final


def _long(t: np.ndarray, y: np.ndarray, matrix: np.ndarray, side: str, sigma: np.ndarray, block: int) -> Curve:
    """A long series, by its pyramid: the curve with errors for σ = 1."""
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
    groups: dict[tuple[Any, ...], list[int]] = {}
    for j in range(m):
        groups.setdefault(tuple((p.low, p.high, p.candidate) for p in parts[j]), []).append(j)

    def curve(x: np.ndarray) -> Found:
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

    return curve


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
        jet, error, width = field.curve(
            level,
            shapes,
            candidate.degree,
            s,
            channels,
            matrix,
        )
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
    alike, work = len(half) > 0 and bool((half == half[0]).all()), (high - low).sum()
    if alike and orders <= _POWERS and work > _FEW * (len(t) + len(x)):
        jets, error = local.sliding(t, y, x, float(half[0]), matrix, side)
        some = np.flatnonzero(~np.isfinite(error[0]))
        fits = exact.fits(t, y, x[some], half[some], orders - 1, orders, side)
        jets[:, some], error[:, some] = fits.at(orders - 1), fits.errors(orders - 1, matrix)
    elif alike and work > _EXACT and side == "both":
        jets, error = _binned(t, y, x, float(half[0]), matrix)
    else:
        fits = exact.fits(t, y, x, half, orders - 1, orders, side)
        jets, error = fits.at(orders - 1), fits.errors(orders - 1, matrix)
    jets[0] += offset
    return jets, error[..., None] * sigma, noises


def _binned(
    t: np.ndarray, y: np.ndarray, x: np.ndarray, half: float, matrix: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same, nearly, from bins of a twentieth of the half-width, blended between their edges."""
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
