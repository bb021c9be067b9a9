"""Families that are not linear in θ, fitted in a window round every point of a series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..families import ConnectionFunction, Exponential, Harmonic
from . import compress, correlation, hanging, lobes, reasons
from .aliases import ambiguous
from .between import ALONE, DENSITY, beside, grid, read, stencil
from .compress import Frames, blocks, frames, moved, uniform
from .custom import CustomWindows
from .exponential import ExponentialWindows
from .harmonic import HarmonicWindows
from .noise import over
from .rounding import rounded
from .spans import Choices, Span, choose
from .turns import Followed, followed
from .unseen import clear, unseen

Fitted = tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...], np.ndarray, np.ndarray, np.ndarray, str]

_OUTLIER = 5.0  # robust scales from the window's own curve
_POOLED = 8.0  # degrees of freedom with which the series' σ steadies that of a window
_CHOSEN = 0.3  # relative error: the best of many widths is two errors off zero by chance now and then
_FEW, _LEAST = 0.4, 0.1  # times the share of windows that have an answer, where it is small; and the strictest
_MANY = 3_000_000  # samples in all windows together, from which on windows with a basis each are fitted at nodes
_WHITENED = 20_000  # samples: longer series are chosen for without
_STRICT = 100  # samples, from which on windows whose residual exceeds the noise are no candidates
_RANGE = 0.7  # of the data's range, that an amplitude may have: whole turns have half


@dataclass
class Track:
    """Answers along one channel: θ and error (p, k), the reason's number (0: none), half-width, and σ."""

    theta: np.ndarray
    error: np.ndarray
    reason: np.ndarray
    width: np.ndarray
    scale: float
    notes: tuple[str, ...] = ()
    raw: tuple[np.ndarray, np.ndarray] | None = None  # θ and error before any is withheld: smooth between nodes


def fit(
    series: Any,
    family: ConnectionFunction,
    width_half: Any,
    at: np.ndarray,
    side: str,
    robust: bool,
) -> Fitted:
    """θ, standard errors, status, half-widths (all (k, m)), residual scale (m,) and a message.

    With ``width_half`` given (units of t) the family itself is fitted by least squares to the samples of
    |t − at| ≤ width (fewer beside an end of the data), equal weights, as ``curve_fit`` would; the errors are
    statistical and know nothing of what the family misses inside the window. With None, width and order inside the
    window come from the data (see :mod:`kymath.samples.spans`) and the errors cover both. Exponential's B is then
    f″/f′, the osculating limit: where the rate varies, that is B + B′/B of y = C + A exp ∫B dt, because a constant C is
    not known from a window alone.
    """
    t, y = np.asarray(series.t, float), np.asarray(series.y, float)
    at = np.atleast_1d(np.asarray(at, float))
    kind = _kind(family)
    with np.errstate(all="ignore"):  # windows without an answer make NaN and inf on their way
        inside = np.clip(np.nan_to_num(at, nan=t[0]), t[0], t[-1])
        tracks = [_channel(kind, t, y[:, j], width_half, inside, side, robust) for j in range(y.shape[1])]
    known = reasons.table(kind)
    for j, track in enumerate(tracks):
        outside = compress.unreached(t[np.isfinite(y[:, j])], at, track.width)
        track.theta[:, outside], track.error[:, outside] = np.nan, np.nan
        track.reason[outside] = len(known) - 1
    table = np.empty(len(known), dtype=object)
    table[:] = [status for status, _ in known]
    codes = np.stack([track.reason for track in tracks], axis=1)
    size = len(tracks[0].theta)
    theta = tuple(np.stack([track.theta[i] for track in tracks], axis=1) for i in range(size))
    error = tuple(np.stack([track.error[i] for track in tracks], axis=1) for i in range(size))
    held = [(j, int((codes == j).sum())) for j in range(1, len(known))]
    notes = [f"{count} of {codes.size} points: {known[j][1]}." for j, count in held if count]
    notes += list(dict.fromkeys(note for track in tracks for note in track.notes))
    return (
        theta,
        error,
        table[codes],
        np.stack([track.width for track in tracks], axis=1),
        np.array([track.scale for track in tracks]),
        " ".join(notes),
    )


def _kind(family: ConnectionFunction) -> Any:
    if isinstance(family, Exponential):
        return ExponentialWindows()
    if isinstance(family, Harmonic):
        return HarmonicWindows(family.offset)
    return CustomWindows(family)


def _channel(kind: Any, t: np.ndarray, y: np.ndarray, width: Any, at: np.ndarray, side: str, robust: bool) -> Track:
    there, size = np.isfinite(y), len(kind.names)
    if there.sum() < kind.least + 1:
        nothing = np.full((size, at.size), np.nan)
        given = np.broadcast_to(np.nan if width is None else np.asarray(width, float), at.shape)
        return Track(nothing, nothing.copy(), np.ones(at.size, dtype=int), np.array(given), float("nan"))
    t, y = t[there], y[there]
    notes: list[str] = []
    if robust:
        kept = _without_outliers(kind, t, y, width, at)
        if not kept.all():
            notes.append(f"{int((~kept).sum())} outliers were set aside.")
        t, y = t[kept], y[kept]
    return _settled(kind, t, y, width, at, side, notes)


def _without_outliers(kind: Any, t: np.ndarray, y: np.ndarray, width: Any, at: np.ndarray) -> np.ndarray:
    """Which samples stay: those further than 5 robust scales from their own window's curve go, until none does."""
    kept = np.ones(t.size, dtype=bool)
    for _ in range(6):
        given = width
        if width is not None and np.ndim(width):
            order = np.argsort(at)
            given = np.interp(t[kept], at[order], np.asarray(width, float)[order])
        track = _settled(kind, t[kept], y[kept], given, t[kept], "both", [])
        away = np.abs(y[kept] - kind.value(track.theta))
        scale = 1.4826 * np.nanmedian(away) if np.isfinite(away).any() else np.nan
        worst = np.where(np.isfinite(away), away, 0.0) > _OUTLIER * scale + 1e-12 * np.max(np.abs(y[kept]))
        if not worst.any() or kept.sum() - worst.sum() < kind.least + 2:
            break
        kept[np.flatnonzero(kept)[worst]] = False
    return kept


def _settled(kind: Any, t: np.ndarray, y: np.ndarray, width: Any, at: np.ndarray, side: str, notes: list[str]) -> Track:
    """One channel without gaps or outliers: choose, fit, judge."""
    if width is not None:
        half = np.array(np.broadcast_to(np.asarray(width, float), at.shape))
        if _sparingly(t, at, half, side):
            track = _empty(kind, half)
            track.scale = _along(kind, t, y, at, np.arange(at.size), float(half[0]), kind.plain, side, track, 0.0)
        else:
            track = _direct(kind, t, y, at, half, np.full(at.size, kind.plain), side, 0.0)
        seen, some = track, at
        if not np.array_equal(at, t) and at.size and not kind.wave:
            some = hanging.stretch(t, at)
            plain = np.full(some.size, kind.plain)
            seen = _direct(kind, t, y, some, np.full(some.size, np.median(half)), plain, side, 0.0)
        notes = [*notes, *_correlated(kind, t, y, some, seen, track, at, half, side)]
    elif hasattr(kind, "unfiltered"):
        noise, lags = correlation.of(t, y), None
        if noise is not None and t.size <= _WHITENED:
            notes = [*notes, hanging.ALLOWED.format(over(noise.reach, t.size))]
            t, y, lags = correlation.whitened(t, y, noise)
        track, more = _chosen(kind, t, y, at, side, noise is not None)
        notes += more
        if lags is not None:
            track.theta, track.error = kind.unfiltered(track.theta, track.error, lags)
        elif noise is not None:
            track.error = track.error * np.sqrt(np.maximum(noise.spectrum(0.0), 1.0))
            _withhold(kind, track, 0.5)
            notes = [*notes, hanging.WIDENED]
    else:
        track, more = _chosen(kind, t, y, at, side, False)
        notes = [*notes, *more]
    if width is None and side == "both":  # a window that moved in reaches further from its point
        track.width = track.width + np.abs(moved(t, at, track.width))
    if width is None and getattr(kind, "doubted", False):
        _withhold(kind, track, _CHOSEN)
    track.notes = (*notes, *track.notes)
    return track


def _chosen(kind: Any, t: np.ndarray, y: np.ndarray, at: np.ndarray, side: str, told: bool) -> tuple[Track, list[str]]:
    """Widths and orders from the data; ``told``: that the noise hangs together is known, and allowed for."""
    whole = followed(kind, t, y, at, side) if kind.wave else None
    if whole is not None:
        return _whole(kind, whole, float(rounded(t, y))), []
    tt, yy = kind.coarser(t, y) if hasattr(kind, "coarser") else (t, y)
    if isinstance(kind, CustomWindows):
        choices: Choices | None = kind.choose(t, y, side)
    else:
        strict = hasattr(kind, "knowing") and not told and t.size >= _STRICT
        choices = choose(kind.knowing(tt, yy), tt, yy, side) if strict else None
        choices = choices or choose(kind, tt, yy, side)
    if choices is not None and not choices.spans:
        track = _empty(kind, np.full(at.size, np.nan))
        track.reason[:] = reasons.NO_WAVE if kind.wave else 1
        return track, []
    choices = choices or Choices(t[:1], (Span((t[-1] - t[0]) / 2, kind.plain),), np.zeros(1, dtype=int))
    track = _spread(kind, t, y, at, *choices(at), side)
    few = hasattr(kind, "unfiltered") and not told and _FEW * choices.share < _CHOSEN
    if kind.wave:
        large = (track.reason == 0) & (np.abs(track.theta[0]) > _RANGE * np.ptp(y))
        track.reason[large], track.theta[:, large], track.error[:, large] = reasons.NO_WAVE, np.nan, np.nan
    if (few or kind.wave) and correlation.falls(y):
        _withhold(kind, track, _LEAST if kind.wave else max(_LEAST, _FEW * choices.share))
        track.notes = (hanging.PERHAPS,) if few else ()
    own = isinstance(kind, CustomWindows) and not np.array_equal(at, t)
    if told or not (own or kind.wave or np.array_equal(at, t)):
        return track, []
    some = hanging.stretch(t, at) if own and at.size else at
    seen = _spread(kind, t, y, some, *choices(some), side) if own else track
    return track, _correlated(kind, t, y, some, seen, track)


def _spread(
    kind: Any, t: np.ndarray, y: np.ndarray, at: np.ndarray, half: np.ndarray, order: np.ndarray, side: str
) -> Track:
    """Points of several widths and orders, those of one together."""
    track = _empty(kind, half)
    scales = []
    for one in np.unique(half):
        for q in np.unique(order[half == one]):
            some = np.flatnonzero((half == one) & (order == q))
            scales.append((some.size, _along(kind, t, y, at, some, float(one), int(q), side, track)))
    track.scale = float(np.sqrt(np.average([s * s for _, s in scales], weights=[w for w, _ in scales])))
    return track


def _whole(kind: Any, found: Followed, coarse: float) -> Track:
    """An oscillation that was followed along the whole series, of samples that are ``coarse``."""
    size = found.theta[0]
    least = [1.0 + 0 * size, 1 / (size * found.half), 1 / size, 1.0 + 0 * size][: len(found.error)]
    error = np.hypot(found.error, coarse * np.array(least))
    reason = np.where(kind.unsure(found.theta, error) < 0.5, 0, 3)
    reason[found.weak] = 2
    found.theta[:, reason > 0], error[:, reason > 0] = np.nan, np.nan
    return Track(found.theta, error, reason, found.half, found.sigma, found.notes)


def _correlated(
    kind: Any, t: np.ndarray, y: np.ndarray, some: np.ndarray, seen: Track, track: Track, *given: Any
) -> list[str]:
    """Widens the errors of ``track`` where the noise at ``some`` samples in a row hangs together, which the residuals
    of ``seen`` tell; of a wave in windows ``given`` (points, half-widths, side) says also whether it misses much."""
    if kind.wave:
        factor, notes = hanging.wave(kind, t, y, some, track.theta[kind.rate], track.scale, *given)
    else:
        factor, notes = hanging.level(t, y, some, kind.value(seen.theta), seen.width)
    if hanging.WIDENED in notes:
        track.error = track.error * np.sqrt(factor)
        _withhold(kind, track, 0.5)
    return notes


def _withhold(kind: Any, track: Track, limit: float) -> None:
    """No answer where it is less sure than the limit."""
    vague = (track.reason == 0) & ~(kind.unsure(track.theta, track.error) < limit)
    track.reason[vague] = 3
    track.theta[:, vague], track.error[:, vague] = np.nan, np.nan


def _sparingly(t: np.ndarray, at: np.ndarray, half: np.ndarray, side: str) -> bool:
    """Whether long windows need a basis each: then they are fitted at nodes, and read off between."""
    if at.size < 64 or np.ptp(half) > 0:
        return False
    some = frames(t, at[:: max(1, at.size // 64)], half[:: max(1, at.size // 64)], side, False)
    count = float(np.median(some.count))
    return count > 256 and count * at.size > _MANY and bool(uniform(t, some).mean() < 0.75)


def _along(
    kind: Any,
    t: np.ndarray,
    y: np.ndarray,
    at: np.ndarray,
    some: np.ndarray,
    half: float,
    order: int,
    side: str,
    into: Track,
    shared: float = _POOLED,
    density: int = DENSITY,
) -> float:
    """The points ``some`` with one width and order: from nodes where they are dense, else one by one. Gives σ."""
    nodes = grid(at[some], half, density)
    points = at[some] if nodes is None else nodes
    if nodes is None and shared and points.size <= ALONE:
        points = np.concatenate([points, beside(t, points, half)])
    track = _direct(kind, t, y, points, np.full(points.size, half), np.full(points.size, order), side, shared)
    if nodes is None:
        into.theta[:, some], into.error[:, some] = track.theta[:, : some.size], track.error[:, : some.size]
        into.reason[some] = track.reason[: some.size]
        return track.scale
    left = some[_between(kind, nodes, track, at[some], some, into)]
    if left.size:
        _along(kind, t, y, at, left, half, order, side, into, shared, 4 * density)
    return track.scale


def _between(
    kind: Any, nodes: np.ndarray, track: Track, points: np.ndarray, some: np.ndarray, into: Track
) -> np.ndarray:
    """Read the points off the track at the nodes; which of them a cubic through four nodes does not answer."""
    first, weights = stencil(nodes, points)
    assert track.raw is not None
    smooth = kind.unfold(track.raw[0], nodes[1] - nodes[0])
    theta = kind.fold(read(smooth, first, weights))
    near = np.clip(np.round((points - nodes[0]) / (nodes[1] - nodes[0])).astype(int), 0, nodes.size - 1)
    reason = track.reason[near]
    even = track.raw[1] * kind.units(track.raw[0])
    even = read(even, first, np.maximum(weights, 0) / np.maximum(weights, 0).sum(axis=0))
    error = even / kind.units(theta)
    rates = range(len(error)) if kind.rate is None else [kind.rate]
    curved = np.abs(np.diff(smooth, n=4, axis=1))  # a cubic is off by a fortieth of it
    curved = np.maximum(np.pad(curved, ((0, 0), (1, 0)), "edge"), np.pad(curved, ((0, 0), (0, 1)), "edge"))
    # beside a node without an answer none tells how far a cubic bends
    bent = np.any([~(curved[i][first] <= 2 * even[i]) for i in rates], axis=0)
    rough = ~np.isfinite(theta).all(axis=0) | bent
    sure = np.zeros(points.size, dtype=bool)
    for j in range(4):
        sure |= track.reason[first + j] == 0
    rough &= sure  # where no node has an answer, the points between have none
    vague = ~(kind.unsure(theta, error) < 0.5) | ~np.isfinite(theta + error).all(axis=0)  # at the point itself
    reason = np.where((reason == 0) | (reason == 3), np.where(vague, 3, 0), reason)
    theta[:, reason > 0], error[:, reason > 0] = np.nan, np.nan
    into.theta[:, some], into.error[:, some], into.reason[some] = theta, error, reason
    missing = some[~rough & ~np.isfinite(theta).all(axis=0)]
    into.theta[:, missing], into.error[:, missing] = np.nan, np.nan
    return rough


def _empty(kind: Any, half: np.ndarray) -> Track:
    theta = np.full((len(kind.names), half.size), np.nan)
    return Track(theta, theta.copy(), np.ones(half.size, dtype=int), half, float("nan"))


def _direct(
    kind: Any, t: np.ndarray, y: np.ndarray, at: np.ndarray, half: np.ndarray, order: np.ndarray, side: str,
    shared: float
) -> Track:  # fmt: skip
    """A window round every point; ``shared`` degrees of freedom of the series' σ are lent to each (0: width given)."""
    track = _empty(kind, half)
    theta, lever = track.theta, track.error
    rest, freedom, signal, count = (np.zeros(at.size) for _ in range(4))
    step, beyond = np.zeros(theta.shape), np.full(theta.shape, np.nan)
    doubt = np.zeros((at.size, len(kind.flags)), dtype=bool)
    for q in np.unique(order):
        some = np.flatnonzero(order == q)
        windows = frames(t, at[some], half[some], side, bool(shared))
        for places, answer, above in fits(kind, t, y, at[some], windows, int(q), bool(shared)):
            now = some[places]
            count[now] = windows.count[places]
            theta[:, now], lever[:, now] = answer.theta, answer.lever
            if above is not None:
                step[:, now], beyond[:, now] = above.theta - answer.theta, above.lever
            rest[now], freedom[now], signal[now], doubt[now] = (
                answer.rest, answer.freedom, answer.signal, answer.doubt)  # fmt: skip
    floor = max((4 * np.finfo(float).eps * np.max(np.abs(y))) ** 2, np.finfo(float).tiny)  # smaller is no square
    own = rest / freedom
    fair = np.isfinite(own) & (freedom > 0)
    pooled = float(np.median(own[fair])) if fair.any() else np.nan
    variance = np.maximum((rest + shared * pooled) / (freedom + shared) if shared else own, floor)
    error = lever * np.sqrt(variance + count * rounded(t, y) ** 2)
    if shared:
        missed = (clear if kind.wave or isinstance(kind, CustomWindows) else unseen)(
            at, half, step, lever, beyond, variance, order > kind.plain)  # fmt: skip
        error = np.sqrt(error**2 + missed)
    if kind.wave and not shared and at.size:  # of one order; those of a width that is chosen are judged there
        doubt[:, 1] |= ambiguous(t, y, windows, (theta[1], error[1]), rest, variance, kind.offset)
        two, step = lobes.split(kind, t, y, at, half, side, theta, rest, windows.count)
        doubt[:, 1] |= two
        error[1] = np.hypot(error[1], step)
    reason = reasons.judge(kind, theta, error, variance, freedom, signal, doubt)
    track.raw = theta.copy(), error.copy()
    theta[:, reason > 0], error[:, reason > 0] = np.nan, np.nan
    track.error, track.reason, track.scale = error, reason, float(np.sqrt(pooled))
    return track


def fits(
    kind: Any, t: np.ndarray, y: np.ndarray, at: np.ndarray, windows: Frames, order: int, doubted: bool = False
) -> Iterator[tuple[np.ndarray, Any, Any]]:
    """Places, answers, and if ``doubted`` those of the order above (else None), some thousand windows at a time."""
    enough = np.flatnonzero(windows.count >= kind.least)
    if not enough.size:
        return
    windows = windows[enough]
    if isinstance(kind, CustomWindows):
        for places, answer, above in kind.fits(t, y, at[enough], windows, doubted):
            yield enough[places], answer, above if doubted else None
        return
    orders = (order, order + 1) if doubted and getattr(kind, "doubted", False) else (order,)
    carrier = kind.carriers(t, y, windows, order)
    if kind.wave and order == kind.plain and not doubted:
        left = np.ones(enough.size, dtype=bool)
        for places, answer in kind.evenly(t, y, windows, carrier):
            left[places] = False
            yield enough[places], answer, None
        enough, windows, carrier = enough[left], windows[left], carrier[left]
    for places, block in blocks(t, y, windows, kind.basis, kind.size, carrier):
        start = kind.locate(block, carrier[places], order)
        tamed = (True,) if len(orders) > 1 and order > kind.plain and getattr(kind, "tames", False) else ()
        answers = kind.answers(block, windows[places], start, carrier[places], orders, *tamed)
        yield enough[places], answers[order], answers.get(order + 1)
