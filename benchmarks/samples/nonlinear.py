"""Rates and frequencies along a series: Exponential() and Harmonic() by themselves, beside tuned peers."""

from __future__ import annotations

import time

import fields
import fitted
import numpy as np
from noises import OTHERS, WHITE, drawn, times
from scipy.signal import hilbert
from score import EDGE, PARTS, Peer, Row, honesty, part, pooled, rms
from signals import generator
from smoothers import DEGREES, halves, savgol

import kymath as ky

RATE, FREQUENCY = "rate", "frequency"
NOISES = (WHITE[0], WHITE[1], OTHERS[0], OTHERS[3])
SEEDS = {300: 2, 1000: 2, 10_000: 1, 100_000: 1}
PLACES = {300: (80, 24), 1000: (80, 24), 10_000: (80, 24), 100_000: (40, 16)}  # inside, edges: where curve_fit is run
KINDS = {
    RATE: (ky.Exponential(), "B", fitted.exponential),
    FREQUENCY: (ky.Harmonic(), "omega", fitted.harmonic),
}


def tasks(seed, quick):
    sizes = [1000, 10_000] if quick else sorted(SEEDS, reverse=True)
    noises = NOISES[1:3] if quick else NOISES
    return [
        (seed, kind, field.name, n, noise)
        for n in sizes
        for kind in KINDS
        for field in series(kind, seed, n)
        for noise in noises
    ]


def series(kind, seed, n):
    return fields.rates(seed) if kind == RATE else fields.frequencies(seed, n)


def measure(seed, kind, name, n, noise):
    family, parameter, function = KINDS[kind]
    field = next(f for f in series(kind, seed, n) if f.name == name)
    rng = generator(seed, kind, name, n, noise)
    t = times(noise, n, rng)
    clean, truth = field.value(t), field.truth(t)
    size, index = rms(truth), chosen(t, n)
    ours, told, said, found, columns, known = [], [], 0, [], [], np.ones(len(index), dtype=bool)
    begin = time.process_time()
    for _ in range(SEEDS[n]):
        y = clean + clean.std() * drawn(noise, t, rng)
        r = ky.samples(t, y, family)
        columns.append(y)
        found.append(r.parameters[parameter][index])
        known &= np.isfinite(found[-1])
        told.append(honesty(t, r.parameters[parameter], r.errors[parameter], truth))
        said += "correlated" in r.message
    seconds = (time.process_time() - begin) / SEEDS[n]
    # every estimate is judged at the same places: where ours has an answer
    index = index[known]
    where = {which: part(t, which)[index] for which in PARTS}
    true = truth[index]
    for one in found:
        ours.append([_relative(one[known] - true, where[which], size) for which in PARTS])
    peers = {}
    for y in columns:
        mine = {"curve_fit": by_windows(field, kind, function, t, y, index, where, true, size)}
        if kind == RATE:
            mine["Savitzky–Golay f″/f′"] = by_derivatives(t, y, index, where, true, size)
        else:
            mine["Hilbert + Savitzky–Golay"] = by_hilbert(t, y, index, where, true, size)
        for label, peer in mine.items():
            peers.setdefault(label, []).append(peer)
    return Row(
        kind, name, n, noise, False,
        *(pooled(column) for column in zip(*ours, strict=True)),
        cover={w: float(np.nanmean([cover[w] for cover, *_ in told])) for w in PARTS},
        far=float(np.mean([far for _, far, _ in told])),
        answered=float(np.mean([answered for *_, answered in told])),
        noticed=said / SEEDS[n],
        seconds=seconds,
        peers={label: joined(some) for label, some in peers.items()},
    )  # fmt: skip


def joined(peers):
    """The peer over several series, tuned on each."""
    return Peer(*(pooled([getattr(p, name) for p in peers]) for name in ("inside", "edges", "along")))


def chosen(t, n):
    """The samples at which estimates are compared: spread evenly inside, and at both edges."""
    inside, edges = PLACES[n]
    low, high = np.searchsorted(t, [EDGE, 1 - EDGE])
    some = [
        np.linspace(0, low - 1, edges // 2),
        np.linspace(low + 1, high - 2, inside),
        np.linspace(high, n - 1, edges // 2),
    ]
    return np.unique(np.round(np.concatenate(some)).astype(int))


def _relative(away, here, size):
    return rms(away[here]) / size if here.any() else np.nan


def by_windows(field, kind, function, t, y, index, where, true, size):
    """curve_fit with the half-width nearest to the truth, each fit started at the truth."""
    peer, worse = Peer(), 0
    start = fitted.starts(field, t, y, t[index], kind)
    for half in fitted.widths(t, kind, field):
        away = fitted.rates(function, t, y, t[index], half, start) - true
        before = peer.inside, peer.edges
        peer.offer(*(_relative(np.where(np.isfinite(away), away, true), where[w], size) for w in PARTS))
        worse = worse + 1 if (peer.inside, peer.edges) == before and np.isfinite(peer.inside) else 0
        if worse >= 3:
            break
    return peer


def even(t, y):
    """The series at even times."""
    grid = np.linspace(t[0], t[-1], len(t))
    return grid, (y if np.abs(grid - t).max() < 1e-9 else np.interp(grid, t, y))


def by_derivatives(t, y, index, where, true, size):
    """f″/f′ by Savitzky–Golay, tuned."""
    grid, z = even(t, y)
    peer = Peer()
    for degree in DEGREES:
        for half in halves(len(t)):
            if 2 * half <= degree + 1:
                continue
            one, two = (savgol(z[:, None], grid[1], degree, half, order)[:, 0] for order in (1, 2))
            with np.errstate(all="ignore"):
                d = np.interp(t[index], grid, two / one) - true
            peer.offer(*(_relative(d, where[w], size) for w in PARTS))
    return peer


def by_hilbert(t, y, index, where, true, size):
    """The slope of the analytic signal's phase by Savitzky–Golay, tuned."""
    grid, z = even(t, y)
    phase = np.unwrap(np.angle(hilbert(z - z.mean())))
    peer = Peer()
    for degree in DEGREES:
        for half in halves(len(t)):
            if 2 * half <= degree + 1:
                continue
            d = np.interp(t[index], grid, savgol(phase[:, None], grid[1], degree, half)[:, 0]) - true
            peer.offer(*(_relative(d, where[w], size) for w in PARTS))
    return peer
