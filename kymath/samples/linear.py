"""Families linear in θ: local polynomials along the series, and θ from their jets."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import NotApplicable
from ..families import ConnectionFunction
from . import (
    arithmetic,
    averaged,
    choice,
    exact,
    few,
    field,
    jumps,
    lacking,
    lattice,
    local,
    long,
    missed,
    noise,
    periodic,
    pieces,
    pyramid,
)
from .result import Answer, Curve, Found, remembered
from .rounding import lost, rounded
from .series import Series

_EXACT = 3e7  # samples in all windows together, up to which a given bandwidth is fitted sample by sample
_FEW = 16  # samples in a window, up to which running sums are no faster
_POWERS = 4  # parameters, up to which running sums of powers keep their digits
_CHANNELS = 16
_SINGLY = 1000  # samples, up to which any windows are fitted one by one for a whole choice
_FLAT = 1e6  # series in a half-width, beyond which its kernel is a constant
_NARROWEST = 8  # samples in a half-width, below which no narrower one is tried
_ROUNDED = 100.0  # roundings: noise below is none
_HALVED = 4  # times what hangs together: the block of noise that is known, as `long` takes it
_BLOCK = 1 << 16  # points read at once: what they need stays in the cache


def fit(
    series: Series, family: ConnectionFunction, width_half: Any, at: np.ndarray, side: str, robust: bool
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...], np.ndarray, np.ndarray, np.ndarray, str]:
    """θ and standard errors (N of (k, m)), status (k, m), half-widths (k, m), noise (m,), and a message.

    ``width_half`` is the half-width of the kernel at every point, in units of t, or None to choose it.
    """
    if robust:
        from .robust import cleaned

        whole, series = series, cleaned(series, lambda t, y, x: _smooth(t, y, x, side))
        aside = int(np.isfinite(whole.y).sum() - np.isfinite(series.y).sum())
    orders, m = family.size, series.channels
    matrix = _matrix(family)
    order = None if len(at) < 2 or bool((np.diff(at) >= 0).all()) else np.argsort(at, kind="stable")
    x = at if order is None else at[order]
    answer = Answer(family, len(at), m)
    sigma, notes, steps = np.full(m, np.nan), [], []
    for channels, t, y in series.gapless():
        if len(t) < orders:
            continue
        inside = slice(*np.searchsorted(x, [t[0], np.nextafter(t[-1], np.inf)]))
        if width_half is None:
            steps += jumps.found(t, y) if side == "both" else []
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
    message = f"{jumps.told(steps)} {noise.told(notes, int(np.isfinite(series.y).sum(axis=0).max()))}".strip()
    if robust:
        message += f" {aside} of {np.isfinite(whole.y).sum()} samples were set aside as outliers."
    if bare := int(((x >= series.t[0]) & (x <= series.t[-1]) & ~answer.good.all(axis=1)).sum()):
        where = (
            "lie where there are too few samples" if side == "both" else "have too few samples on the side asked for"
        )
        message += f" {bare} {'point' if bare == 1 else 'points'} {where}, and no answer."
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
    step = lattice.quantum(y)
    return pieces.fitted(t, y, lambda t, y: _chosen(t, y, matrix, side, step))


def _chosen(
    t: np.ndarray, y: np.ndarray, matrix: np.ndarray, side: str, step: np.ndarray
) -> tuple[Curve, list[noise.Noise]]:
    """The same for a series without wide gaps."""
    offset, coarse = y.mean(axis=0), rounded(t, y)
    y = y - offset
    scale = np.maximum(y.max(axis=0), -y.min(axis=0))
    scale[scale == 0] = 1.0
    y /= scale
    rounding = np.finfo(float).eps * (1 + np.abs(offset) / scale)  # what the samples cannot hold
    noises = [v.at_least(float(r)) for v, r in zip(noise.measure(t, y), rounding, strict=True)]
    noises = [  # the arithmetic's rounding hangs together, that of samples does not
        v if v.sigma > _ROUNDED * r else noise.Noise(v.short, 1, v.short) for v, r in zip(noises, rounding, strict=True)
    ]
    plain, noises = _settled(t, y, matrix, side, noises, rounding)
    sigma = np.array([v.sigma for v in noises])
    noisy = [v.sigma > _ROUNDED * r for v, r in zip(noises, rounding, strict=True)]
    sigma = lattice.floored(sigma, y, step / scale)
    louder, far = _locally(t, y, matrix, plain, noisy, [_single(v, len(t)) ** 2 for v in noises], step / scale)

    reach = {j: max(1, v.block // _HALVED) for j, v in enumerate(noises) if noisy[j] and side == "both"}
    closed = periodic.of(t, y, matrix, plain, sigma, reach, louder)
    lacks = _lacks(t, y, matrix, side, plain, noises, noisy, louder)
    left = arithmetic.left(t, y, plain, [j for j, is_noisy in enumerate(noisy) if not is_noisy])
    row = _level(matrix)

    def curve(x: np.ndarray) -> Found:
        jets, errors, widths = plain(x)
        if not np.isfinite(errors[0]).all():
            exact.rescue(t, y, x, matrix, side, jets, errors, widths, sigma)
        held = np.clip(2 * widths * len(t) / (t[-1] - t[0]), 1, len(t))  # samples in a window, about
        least = errors * np.sqrt(held) * (coarse / scale)
        for j, one in louder.items():
            errors[..., j] *= one.around(x, widths[:, j], side)
        errors *= sigma
        for j, rest in left.items():
            errors[..., j] *= rest.swell(x, errors[row, :, j] / abs(matrix[row, 0]))
        for j, missing in lacks.items():
            errors[..., j] = np.sqrt(errors[..., j] ** 2 + missing.along(x))
        for j, around in closed.items():
            jets[..., j], errors[..., j] = around.jets(x, len(matrix)), around.errors(x, matrix)
            widths[:, j] = (t[-1] - t[0]) / 2
        errors = np.hypot(errors, least) * scale
        jets *= scale
        jets[0] += offset
        return jets, errors, widths

    noises = [v._replace(missed=False, blind=False) if j in closed else v for j, v in enumerate(noises)]
    told = zip(noises, sigma, scale, far, strict=True)
    return curve, [v._replace(sigma=float(s * u), outliers=k) for v, s, u, k in told]


def _level(matrix: np.ndarray) -> int:
    """The parameter that tells the value of the curve."""
    return int(np.argmax(np.abs(matrix[:, 0])))


def _single(v: noise.Noise, n: int) -> float:
    """σ of single samples, as the residuals show it; infinite where only that of means is known."""
    if v.block == 1:
        return v.sigma
    return np.inf if few.MOST < n <= few.JOINED else v.short


def _locally(
    t: np.ndarray,
    y: np.ndarray,
    matrix: np.ndarray,
    curve: Curve,
    noisy: list[bool],
    usual: list[float],
    step: np.ndarray,
) -> tuple[dict[int, noise.Local], list[int]]:
    """For the channels whose residuals are larger in some places than in others, the σ there; and their outliers."""
    rows, far = noise.blocks(len(t)), [0] * len(noisy)
    if rows is None or not any(noisy):
        return {}, far
    if len(t) <= 2 * rows.size:  # the curve has been read at all samples
        jets, errors = (v[:, rows.ravel()] for v in curve(t)[:2])
    else:
        jets, errors, _ = curve(t[rows.ravel()])
    row = _level(matrix)
    left = 1 - np.clip((errors[row] / matrix[row, 0]) ** 2, 0, 0.9)  # a fit takes its part of each sample's noise
    squares = np.maximum((y[rows.ravel()] - jets[0]) ** 2, step**2 / 12) / left
    found = {}
    for j in np.flatnonzero(noisy):
        mine = squares[:, j].reshape(rows.shape)
        found[int(j)] = noise.local(t, rows, mine, usual[j])
        far[j] = noise.outliers(mine)
    return {j: one for j, one in found.items() if one is not None}, far


def _lacks(
    t: np.ndarray,
    y: np.ndarray,
    matrix: np.ndarray,
    side: str,
    curve: Curve,
    noises: list[noise.Noise],
    noisy: list[bool],
    louder: dict[int, noise.Local],
) -> dict[int, lacking.Lacking]:
    """For the channels that the curve follows less well in some places, what their errors lack there."""
    if side != "both" or not any(noisy) or len(t) > noise.stretches(len(t)).size:
        return {}
    jets, _, widths = curve(t)
    found = {}
    for j in map(int, np.flatnonzero(noisy)):
        half = float(np.median(widths[:, j]))
        sigma = np.full(len(t), noises[j].sigma)
        if j in louder:
            sigma *= louder[j].around(t, np.full(len(t), half / 4), side)
        found[j] = lacking.of(t, y[:, j] - jets[0, :, j], half, matrix, sigma, max(1, noises[j].block // _HALVED))
    return {j: one for j, one in found.items() if one}


def _settled(
    t: np.ndarray, y: np.ndarray, matrix: np.ndarray, side: str, noises: list[noise.Noise], rounding: np.ndarray
) -> tuple[Curve, list[noise.Noise]]:
    """The curve with errors for σ = 1; channels whose residuals show another noise than supposed are fitted again."""
    if len(t) <= few.MOST:
        curve, found = few.curve(t, y, matrix, side)
        return remembered(curve), found
    rows = noise.stretches(len(t))
    row = _level(matrix)
    m = y.shape[1]
    curves: list[tuple[np.ndarray, Curve]] = []
    owner = np.zeros(m, dtype=int)

    def fitted(
        channels: np.ndarray, supposed: list[noise.Noise], widest: float = np.inf, last: bool = True
    ) -> list[noise.Noise]:
        values = y if len(channels) == m else y[:, channels]
        sure = side == "both" and all(j in known for j in channels)
        most = few.SHAPED if sure else few.JOINED
        joined = max(v.block for v in supposed) > 1 and len(t) <= most
        width, after = np.inf, supposed
        if joined:
            curve, after = few.curve(t, values, matrix, side, most if sure else few.MOST)
        else:
            block = max(1, max(v.block for v in supposed) // _HALVED)
            curve, width = long.curve(t, values, matrix, side, np.array([v.sigma for v in supposed]), block, widest)
        curve = remembered(curve)
        owner[channels] = len(curves)
        curves.append((channels, curve))
        jets, errors, _ = curve(t[rows.ravel()])
        levels = np.nanmedian((errors[row] / matrix[row, 0]) ** 2, axis=0) * rows.shape[1]
        rest = values[rows] - jets[0].reshape(*rows.shape, -1)
        out = []
        for j, (one, told) in enumerate(zip(channels, after, strict=True)):
            if one in known:
                if not joined:
                    wave = missed.a_wave(rest[..., j], float(levels[j]), noises[one].short)
                    told = known[one]._replace(missed=wave)
            elif noises[one].sigma > _ROUNDED * rounding[one]:
                seen = noise.seen(rest[..., j], float(levels[j]), told, noises[one])
                told = seen._replace(sigma=told.sigma, blind=True) if joined else seen
                if last or told.like(supposed[j]):  # else the noise is not known yet
                    told = told._replace(missed=missed.a_wave(rest[..., j], float(levels[j]), noises[one].short))
            out.append(told)
        waves = [j for j, told in enumerate(out) if told.missed]
        for j, better in zip(waves, followed(channels[waves], width), strict=False):
            out[j] = better
        return out

    def followed(channels: np.ndarray, width: float) -> list[noise.Noise]:
        """The same where a fit with half-widths up to ``width`` smoothed a wave away; [] where nothing is left."""
        if not len(channels):
            return []
        quick = side == "both" and exact.regular(t)
        if len(t) <= (few.JOINED if quick else _SINGLY):
            curve, found = few.curve(t, y[:, channels], matrix, side, few.JOINED)
            owner[channels] = len(curves)
            curves.append((channels, remembered(curve)))
            return found
        if width * len(t) <= _NARROWEST * (t[-1] - t[0]):
            return []
        white = [noises[j]._replace(sigma=noises[j].short, block=1) for j in channels]
        return fitted(channels, white, width / 2)

    known = _averaged(t, y, [v.sigma > _ROUNDED * r for v, r in zip(noises, rounding, strict=True)])
    final = [known.get(j, v) for j, v in enumerate(noises)]
    pending = np.arange(m)
    for last in (False, False, False, True):
        left = []
        hangs = np.array([final[j].block > 1 for j in pending], dtype=bool)  # as the fit supposes: it may say otherwise
        for some in (pending[~hangs], pending[hangs]):
            if not len(some):
                continue
            for j, told in zip(some, fitted(some, [final[j] for j in some], last=last), strict=True):
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


def _averaged(t: np.ndarray, y: np.ndarray, noisy: list[bool]) -> dict[int, noise.Noise]:
    """The noise of those channels of a long series where it is one of running means."""
    found = {}
    for j in np.flatnonzero(noisy) if len(t) > few.MOST else ():
        if one := averaged.along(t, y[:, j]):
            found[int(j)] = noise.Noise(one.sigma * float(np.sqrt(one.spectrum[0])), _HALVED * one.reach, one.sigma)
    return found


def given(
    t: np.ndarray, y: np.ndarray, x: np.ndarray, half: np.ndarray, matrix: np.ndarray, side: str
) -> tuple[np.ndarray, np.ndarray, list[noise.Noise]]:
    """Jets and errors of θ (K, k, m) and noise at sorted points x: the family's own degree, half-widths as given."""
    orders = len(matrix)
    half = np.minimum(half, _FLAT * (t[-1] - t[0]))
    offset = y.mean(axis=0)
    y = y - offset
    noises, coarse = noise.measure(t, y), rounded(t, y + offset)
    sigma = np.array([n.sigma for n in noises]) * noise.student(len(t) - orders)
    low, high = exact.reach(t, x, half, side)
    floor = np.zeros((orders, y.shape[1]))
    alike, work = len(half) > 0 and bool((half == half[0]).all()), (high - low).sum()
    if alike and orders <= _POWERS and work > _FEW * (len(t) + len(x)):
        jets, error = local.sliding(t, y, x, float(half[0]), matrix, side)
        some = np.flatnonzero(~np.isfinite(error[0]))
        fits = exact.fits(t, y, x[some], half[some], orders - 1, orders, side)
        jets[:, some], error[:, some] = fits.at(orders - 1), fits.errors(orders - 1, matrix)
        floor = lost(t, y, x, half, jets, matrix, side, sigma)
    elif alike and work > _EXACT and side == "both":
        jets, error = _binned(t, y, x, float(half[0]), matrix)
        floor = lost(t, y, x, half, jets, matrix, side, sigma)
    else:
        fits = exact.fits(t, y, x, half, orders - 1, orders, side)
        jets, error = fits.at(orders - 1), fits.errors(orders - 1, matrix)
    jets[0] += offset
    error = error[..., None] * np.hypot(sigma, np.sqrt(high - low)[:, None] * coarse)
    return jets, np.hypot(error, floor[:, None]), noises


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
