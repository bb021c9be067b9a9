"""First derivatives: Polynomial(2) with everything chosen by itself, beside peers tuned against the truth."""

from __future__ import annotations

import time

import numpy as np
from noises import OTHERS, WHITE, drawn, times
from score import EDGES, INSIDE, Peer, Row, honesty, part, pooled, rms
from signals import generator, shapes
from smoothers import PEERS

import kymath as ky

QUESTION = "slope"
SEEDS = {300: 3, 1000: 3, 10_000: 2, 100_000: 1}
LONG = 100_000  # here only some kinds of noise


def tasks(seed, quick):
    """What `measure` is to be called with; the long ones first."""
    sizes = [300, 10_000] if quick else sorted(SEEDS, reverse=True)
    names = [shape.name for shape in shapes(seed)]
    noises = [WHITE[1], OTHERS[0]] if quick else WHITE + OTHERS
    some = [noise for noise in noises if noise.kind not in ("MA(5)", "heteroscedastic")]
    return [(seed, name, n, noise) for n in sizes for name in names for noise in (some if n == LONG else noises)]


def measure(seed, name, n, noise):
    shape = next(s for s in shapes(seed) if s.name == name)
    columns, ours, told, said = [], [], [], 0
    rng = generator(seed, name, n, noise)
    t = times(noise, n, rng)
    clean, truth = shape.value(t), shape.slope(t)
    size, places = rms(truth), {which: part(t, which) for which in (INSIDE, EDGES)}
    begin = time.process_time()
    for _ in range(SEEDS[n]):
        y = clean + clean.std() * drawn(noise, t, rng)
        r = ky.samples(t, y, ky.Polynomial(2))
        columns.append(y)
        known = r.success  # a point without an answer is told in a column of its own
        ours.append([rms((r.a1 - truth)[places[which] & known]) / size for which in (INSIDE, EDGES)])
        told.append(honesty(t, r.a1, r.errors["a1"], truth))
        said += "correlated" in r.message
    seconds = (time.process_time() - begin) / SEEDS[n]
    return Row(
        QUESTION, name, n, noise, shape.periodic,
        *(pooled(column) for column in zip(*ours, strict=True)),
        cover={w: float(np.nanmean([cover[w] for cover, *_ in told])) for w in (INSIDE, EDGES)},
        far=float(np.mean([far for _, far, _ in told])),
        answered=float(np.mean([answered for *_, answered in told])),
        noticed=said / SEEDS[n],
        seconds=seconds,
        peers=tuned(t, np.stack(columns, axis=1), truth, places, size),
    )  # fmt: skip


def tuned(t, y, truth, places, size):
    """Every peer with the settings that come nearest to the truth over all series of the case."""
    out = {}
    for name, settings in PEERS.items():
        peer = Peer()
        for d in settings(t, y):
            away = d - truth[:, None]
            peer.offer(rms(away[places[INSIDE]]) / size, rms(away[places[EDGES]]) / size)
        if np.isfinite(peer.inside):
            out[name] = peer
    return out
