"""What the project wants of local fits along a series, against what a run measured."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from score import EDGE, EDGES, INSIDE, Row, geometric, largest
from words import figures, percent

ALLOWED, SPECTRAL = 1.2, 1.5  # times the best peer's error; the second for a spectral peer on a periodic signal
COVER = (0.90, 0.98)
SPEEDUP = 50
SELECTION = 1.0  # s at 1e5 samples, the selection included
BIG = {"Polynomial(2)": (1.0, 500.0), "Exponential()": (20.0, None)}  # s and MB at 1e6 samples
NOTICED, ACCUSED = 0.95, 0.05

QUESTIONS = ("slope", "rate", "frequency")


class Target(NamedTuple):
    what: str
    wanted: str
    measured: str
    met: bool
    verdict: str
    where: str = ""


def everything(found, times):
    rows = [row for name in ("slopes", "nonlinear") for row in found.get(name, [])]
    out = []
    for question in QUESTIONS:
        some = [row for row in rows if row.question == question]
        if some:
            out += accuracy(question, some) + coverage(question, some)
    for question in QUESTIONS:
        out += correlation(question, [said for said in found.get("noticed", []) if said.question == question])
    out += silence(found.get("nothing", []))
    return out + (speed(times) if times else [])


def accuracy(question, rows):
    """Inside: every case. At the edges: beside the peer that is best inside, with the same setting."""

    def excess(row):
        return row.excess(ALLOWED, SPECTRAL)

    def along(row):
        return row.along() / ALLOWED

    wanted = f"≤ {ALLOWED} ({SPECTRAL} where the peer is spectral and the signal periodic)"
    inside, edges = geometric([row.ratio() for row in rows]), geometric([row.along() for row in rows])
    return [
        at_most(f"{question}: error inside, of the best peer's, mean", ALLOWED, inside),
        every(f"{question}: error inside, of the best peer's, in every case", wanted, rows, excess, Row.ratio),
        at_most(f"{question}: error at the edges, of the best peer's inside, mean", ALLOWED, edges),
        every(f"{question}: error at the edges, of the best peer's inside, in every case", f"≤ {ALLOWED}", rows, along,
              Row.along),
    ]  # fmt: skip


def every(what, wanted, rows, excess, ratio):
    """``excess`` is at most 1 where a case is as wanted; ``ratio`` is what to show of the worst."""
    some = largest(rows, excess)
    missed, worst = sum(excess(row) > 1 for row in some), some[0]
    measured = f"{percent(1 - missed / len(some))} of {len(some)} cases; worst {figures(ratio(worst))}"
    verdict = f"missed in {missed}, by a factor of {excess(worst):.2f} at the most" if missed else "met"
    return Target(what, wanted, measured, not missed, verdict, f"{worst} (best peer inside: {worst.best()[0]})")


def coverage(question, rows):
    """Of all cases together; and apart the series with white and with correlated noise, inside and at the edges."""
    weights = {INSIDE: 1 - 2 * EDGE, EDGES: 2 * EDGE}
    whole = float(np.nansum([weights[w] * np.nanmean([row.cover[w] for row in rows]) for w in weights]))
    out = [within(f"{question}: 95 % intervals, all points", whole, "")]
    for label, some in (
        ("white noise", [row for row in rows if not row.noise.correlated]),
        ("correlated noise", [row for row in rows if row.noise.correlated]),
    ):
        for which in (INSIDE, EDGES):
            if some:
                share = float(np.nanmean([row.cover[which] for row in some]))
                least = min(some, key=lambda row, w=which: np.nan_to_num(row.cover[w], nan=1.0))
                out.append(
                    within(f"{question}: 95 % intervals, {label}, {which}", share,
                           f"least {percent(least.cover[which])}: {least}")
                )  # fmt: skip
    far = float(np.mean([row.far for row in rows]))
    return [*out, at_most(f"{question}: answers more than 5 standard errors off, %", 0.1, 100 * far)]


def within(what, share, where):
    low, high = COVER
    gap = max(low - share, share - high)
    met = round(gap, 3) <= 0
    side = "too few" if share < low else "too many"
    verdict = "met" if met else f"missed by {100 * gap:.1f} percentage points ({side})"
    return Target(what, f"{100 * low:.0f} – {100 * high:.0f} %", percent(share), met, verdict, where)


def correlation(question, said):
    """From a thousand samples on; of shorter series the page tells the shares."""
    out = []
    for kind in dict.fromkeys(s.kind for s in said):
        some = [s for s in said if s.kind == kind and s.n >= 1000]
        if not some:
            continue
        share = sum(s.noticed for s in some) / sum(s.of for s in some)
        white = kind == "white"
        met = share <= ACCUSED if white else share >= NOTICED
        gap = abs(share - (ACCUSED if white else NOTICED))
        out.append(
            Target(
                f"{question}: {'white noise called correlated' if white else f'{kind} noise noticed'}, n ≥ 1000",
                f"{'≤' if white else '≥'} {percent(ACCUSED if white else NOTICED)}", percent(share), bool(met),
                "met" if met else f"missed by {100 * gap:.1f} percentage points",
            )
        )  # fmt: skip
    return out


def silence(given):
    out = []
    for question in dict.fromkeys(g.question for g in given):
        some = [g for g in given if g.question == question]
        worst = max(some, key=lambda g: g.wrong)
        out.append(
            at_most(f"{question} where there is none: answers whose interval leaves 0 out, % of the points", 1.0,
                    100 * worst.wrong)._replace(where=f"worst: {worst.series}, n = {worst.n}")
        )  # fmt: skip
    return out


def speed(times):
    out = []
    most = max(row.n for row in times.selected)
    for row in times.selected:
        if row.n == most:
            slower = max(row.first, row.warm)
            out.append(at_most(f"{row.family}: s, everything chosen, {row.n} samples", SELECTION, slower))
    for row in times.beside:
        for label, seconds in (("given", row.ours), ("chosen", row.auto)):
            if label == "chosen" and row.n < most:  # of shorter series the page tells the ratio
                continue
            gain = row.peer / seconds
            met = gain >= SPEEDUP
            out.append(
                Target(
                    f"{row.family}: times as fast as curve_fit, all {row.n} windows, window {label}",
                    f"≥ {SPEEDUP}", f"{gain:.0f}", bool(met),
                    "met" if met else f"missed by a factor of {SPEEDUP / gain:.1f}",
                )
            )  # fmt: skip
    for row in times.big:
        seconds, megabytes = BIG[row.family]
        out.append(at_most(f"{row.family}: s at {row.n} samples, first call", seconds, row.first))
        if megabytes:
            out.append(at_most(f"{row.family}: MB at the peak, {row.n} samples", megabytes, row.megabytes))
    return out


def at_most(what, wanted, measured):
    met = measured <= wanted
    verdict = "met" if met else f"missed by a factor of {measured / wanted:.2f}"
    return Target(what, f"≤ {figures(wanted, 2)}", figures(measured), bool(met), verdict)
