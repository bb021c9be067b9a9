"""docs/benchmarks-samples.md: the text around the figures. No figure is typed in here; each comes from the run."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

import noticed
import numpy as np
from noises import WHITE
from score import EDGE, EDGES, INSIDE, Row, geometric, largest
from speed import LEVEL, PLACES
from targets import ALLOWED, QUESTIONS, SPECTRAL
from words import figures, percent

sys.path.append(str(Path(__file__).resolve().parents[1]))

from writing import grouped, notes, paragraph, table, versions

PACKAGES = ("kymath", "numpy", "scipy")
TITLES = {
    "slope": ("Slopes", "`Polynomial(2)`, its a1", "first derivatives"),
    "rate": ("Rates", "`Exponential()`, its B", "exponential rates"),
    "frequency": ("Frequencies", "`Harmonic()`, its ω", "frequencies"),
}
WORST = 12


def text(found, times, goals, given):
    rows = [row for name in ("slopes", "nonlinear") for row in found.get(name, [])]
    out = introduction(goals, given)
    out += target_part(goals)
    if rows:
        out += how_part()
    for question in QUESTIONS:
        some = [row for row in rows if row.question == question]
        if some:
            out += accuracy_part(question, some)
        if question == "slope" and "alone" in found:
            out += alone_part(found["alone"])
    if rows:
        out += coverage_part(rows)
    if "noticed" in found:
        out += noticed_part(found["noticed"])
    if "nothing" in found:
        out += nothing_part(found["nothing"])
    if times:
        out += speed_part(times)
    return out + ending(given)


def introduction(goals, given):
    met = sum(goal.met for goal in goals)
    return [
        "# Benchmarks: measured data",
        "",
        *paragraph(
            "How near `ky.samples` comes to the truth with everything chosen by itself, beside peers whose settings",
            "were tuned against the truth; whether its intervals cover; what it costs. All figures on this page come",
            f"from one run{' on a sample of the cases' if given.quick else ''}: compare them with each other, not",
            "with those of another machine.",
        ),
        *paragraph(f"Of the {len(goals)} targets below, {met} are met in this run. Means of ratios are geometric."),
    ]


def target_part(goals):
    body = [(g.what, g.wanted, g.measured, g.verdict if g.met else f"**{g.verdict}**", g.where) for g in goals]
    return ["## Targets", "", *table(("what", "wanted", "measured", "verdict", "where it is worst"), body)]


def how_part():
    levels = ", ".join(f"{noise.level:g}" for noise in WHITE)
    return [
        "## How it is measured",
        "",
        *paragraph(
            "Signals and fields are drawn at random from families of shapes, on t from 0 to 1, and the noise anew",
            f"for every series. White noise has the standard deviations {levels} of the signal's own; AR(0.7), MA(5)",
            "(means of five), heteroscedastic noise (ninefold from one end to the other) and uneven t (uniformly",
            f"random, white noise) have {WHITE[1].level:g}. The method was not looked at on the signals of this page's",
            "seed before it was done. Errors are root mean squares, over that of the true",
            f"field. “Edges” are the first and the last {percent(EDGE)} of the series, “inside” is the rest.",
        ),
        *paragraph(
            "A peer is run with every setting of a grid, and the one that comes nearest to the truth counts: no user",
            "could choose so well. That is done apart for the inside and for the edges; “edges, same setting” is",
            "what the peer that is best inside has there with the setting that is best inside. That column leaves",
            "the spectral peer out, as it supposes how the signal goes on beyond the ends; “edges, tuned there”",
            "keeps it. A ratio is kymath's error over the best peer's: below 1 kymath is nearer to the truth.",
        ),
        "![The error over the best peer's, for every case](benchmarks-samples.png)",
        "",
    ]


def accuracy_part(question, rows):
    title, ours, what = TITLES[question]
    kinds = list(dict.fromkeys(str(row.noise) for row in rows))
    sizes = sorted({row.n for row in rows})
    by_noise = []
    for kind in kinds:
        cells = []
        for n in sizes:
            some = [row.ratio() for row in rows if row.n == n and str(row.noise) == kind]
            cells.append(f"{geometric(some):.2f} ({np.nanmax(some):.2f})" if some else "–")
        by_noise.append((kind, *cells))
    worst = largest(rows, lambda row: row.excess(ALLOWED, SPECTRAL))[:WORST]
    edge = largest(rows, Row.along)[: WORST // 2]
    return [
        f"## {title}",
        "",
        *paragraph(f"{ours}, of {len(rows)} cases, beside {_peers(question)}."),
        *table(
            ("signal", "inside", "edges, same setting", "edges, tuned there", "best peer inside"),
            [_by_shape(name, rows) for name in dict.fromkeys(row.shape for row in rows)],
        ),
        *paragraph(
            "Ratios over all n and noises: the geometric mean, and in brackets the worst. The best peer is the one",
            "that is best in most cases.",
        ),
        *table(("ratio inside, by noise", *(f"n = {grouped(n)}" for n in sizes)), by_noise),
        *paragraph("The cases with the largest ratios inside, and below them those at the edges:"),
        *table(
            ("case", f"relative error of kymath's {what}", "of the best peer", "ratio", "peer"),
            [(str(r), figures(r.inside), figures(r.best()[1]), f"{r.ratio():.2f}", r.best()[0]) for r in worst]
            + [
                (f"{r}: edges", figures(r.edges), figures(r.edges / r.along()), f"{r.along():.2f}", "best inside")
                for r in edge
            ],
        ),
    ]


def alone_part(rows):
    body = []
    for n in sorted({row.n for row in rows}):
        for noise in dict.fromkeys(row.noise for row in rows):
            some = [row for row in rows if row.n == n and row.noise == noise]
            ratios = {w: [row.ours[w] / row.spline[w] for row in some] for w in (INSIDE, EDGES)}
            seconds = [f"{np.mean(column):.2f}" for column in zip(*(row.seconds for row in some), strict=True)]
            cells = [f"{geometric(ratios[w]):.2f} ({max(ratios[w]):.2f})" for w in (INSIDE, EDGES)]
            body.append(
                (str(noise), grouped(n), *cells, f"{sum(r < 1 for r in ratios[INSIDE])} of {len(some)}", *seconds)
            )
    return [
        "### Beside a spline that chooses for itself",
        "",
        *paragraph(
            "Nobody has the truth to tune by. `make_smoothing_spline` without a λ takes the one of generalised",
            "cross-validation: over t or over the numbers of the samples, whichever came nearer (its search depends on",
            "that). Ratios of the errors over all signals, the worst in brackets; seconds of the processor.",
        ),
        *table(
            ("noise", "n", "inside", "edges", "kymath nearer inside", "kymath, s", "the spline, s"),
            body,
        ),
    ]


def _peers(question):
    grids = {
        "slope": "Savitzky–Golay filters (`savgol_filter`), differentiation of Fourier series (of the series and of its"
        " mirror image), smoothing splines (`make_smoothing_spline`, up to "
        f"{grouped(10_000)} samples), regression splines (`make_lsq_spline`) and `numpy.gradient`. The first two want"
        " even times: Savitzky–Golay gets the series interpolated to them, the Fourier series is left out there",
        "rate": "`curve_fit` in a window round each place, the width tuned and every fit started at the truth, and"
        " f″/f′"
        " by Savitzky–Golay. The truth is f″/f′, the rate of the osculating exponential C + A e^(Bs)."
        " All are compared at the same places, where kymath has an answer",
        "frequency": "`curve_fit` in a window round each place, the width tuned and every fit started at the truth, and"
        " the phase of the analytic signal (`hilbert`) derived by Savitzky–Golay."
        " All are compared at the same places, where kymath has an answer",
    }
    return grids[question]


def _by_shape(name, rows):
    some = [row for row in rows if row.shape == name]
    best = [row.best()[0] for row in some]
    cells = []
    for ratio in (lambda r: r.ratio(INSIDE), lambda r: r.along(), lambda r: r.ratio(EDGES)):
        values = [ratio(row) for row in some]
        cells.append(f"{geometric(values):.2f} ({figures(np.nanmax(values))})")
    return (name, *cells, max(set(best), key=best.count))


def coverage_part(rows):
    body = []
    for question in QUESTIONS:
        some = [row for row in rows if row.question == question]
        for kind in dict.fromkeys(str(row.noise) for row in some):
            for n in sorted({row.n for row in some}):
                here = [row for row in some if str(row.noise) == kind and row.n == n]
                if not here:
                    continue
                least = min(here, key=lambda row: np.nan_to_num(row.cover[INSIDE], nan=1.0))
                body.append(
                    (
                        question, kind, grouped(n),
                        *(percent(float(np.nanmean([row.cover[w] for row in here]))) for w in (INSIDE, EDGES)),
                        f"{percent(least.cover[INSIDE])}: {least.shape}",
                        percent(float(np.mean([row.far for row in here]))),
                        percent(float(np.mean([row.answered for row in here]))),
                    )
                )  # fmt: skip
    head = ("question", "noise", "n", "inside", "edges", "least inside", "beyond 5 errors", "answered")
    return [
        "## Intervals",
        "",
        *paragraph("How often ±1.96 standard errors hold the truth; 95 % is what they promise."),
        *table(head, body),
        *notes(
            least_inside="the signal with the lowest share.",
            beyond_5_errors="answers that are more than five of their standard errors from the truth.",
            answered="the points marked `CONVERGED`; the others are NaN and say why.",
        ),
        *paragraph(
            "The points of one series are not independent: where a window spans it all, they cover together or"
            " not at all."
        ),
    ]


def noticed_part(said):
    body = []
    for question in QUESTIONS:
        for n in sorted({s.n for s in said if s.question == question}):
            cells = []
            for kind in noticed.KINDS:
                some = next(s for s in said if (s.question, s.kind, s.n) == (question, kind, n))
                unsure = f", unsure {percent(some.unsure / some.of)}" if some.unsure else ""
                cells.append(f"{percent(some.noticed / some.of)}{unsure}")
            body.append((question, grouped(n), some.of, *cells))
    return [
        "## Is correlated noise noticed?",
        "",
        *paragraph(
            f"Series of all the signals in turn, with noise of {noticed.LEVEL:g} of the signal: how often the",
            "result's `message` says that the noise is correlated. “Unsure”: it says that this cannot be told, and",
            "that the errors may be too small.",
        ),
        *table(("question", "n", "series", *(f"{kind} noise" for kind in noticed.KINDS)), body),
    ]


def nothing_part(given):
    body = [(g.question, g.series, grouped(g.n), percent(g.answered), percent(g.wrong)) for g in given]
    return [
        "## Where there is nothing to find",
        "",
        *paragraph(
            "Series without a rate, or without a frequency: the share of the points marked `CONVERGED`, and of those",
            "whose interval leaves 0 out besides, so that a reader would take the number for a finding.",
        ),
        *table(("question", "series", "n", "answered", "0 outside the interval"), body),
    ]


def speed_part(times):
    selected = [(f"`{r.family}`", grouped(r.n), f"{r.first:.2f}", f"{r.warm:.2f}") for r in times.selected]
    beside = [
        (f"`{r.family}`", grouped(r.n), f"{r.samples:.0f}", figures(r.peer), f"{r.ours:.2f}", f"{r.auto:.2f}",
         f"{r.peer / r.ours:.0f}", f"{r.peer / r.auto:.0f}", f"{r.apart:.0e}", f"{r.worst:.1e}", f"{r.errors:.4f}")
        for r in times.beside
    ]  # fmt: skip
    big = [
        (f"`{r.family}`", grouped(r.n), f"{r.first:.2f}", f"{r.warm:.2f}", f"{r.clock:.2f}",
         f"{r.megabytes:.0f}", f"{r.before:.0f}")
        for r in times.big
    ]  # fmt: skip
    return [
        "## Time and memory",
        "",
        *paragraph(
            "Seconds of the processor, on one thread, measured before anything else runs in this benchmark. An",
            f"answer at every sample; fields that vary, noise {LEVEL:g}. Everything chosen:",
        ),
        *table(("family", "samples", "first call, s", "warm, s"), selected),
        *paragraph(
            "Beside `curve_fit` with the same half-width, a quarter of the median of those chosen, or for waves five",
            f"periods in a window: it is run in {PLACES} windows, each started at the truth, and its time scaled up to",
            "all.",
        ),
        *table(
            ("family", "windows", "samples in each", "`curve_fit`, s", "window given, s", "chosen, s",
             "times as fast: given", "chosen", "apart", "apart, in errors", "errors' ratio"),
            beside,
        ),
        *notes(
            apart="the median difference of the two answers, of the parameter's root mean square.",
            **{"apart,_in_errors": "the largest difference, in standard errors."},
            **{"errors'_ratio": "the standard errors over those of `curve_fit`, median."},
        ),
        *paragraph("Very long series, everything chosen, each in a process of its own:"),
        *table(("family", "samples", "first call, s", "warm, s", "by the clock, s", "peak, MB", "before, MB"), big),
        *notes(**{"before,_MB": "the peak before the first call: Python, the packages, and the series itself."}),
    ]  # fmt: skip


def ending(given):
    return [
        *paragraph(
            f"Measured on {datetime.date.today():%d %B %Y} by",
            "`benchmarks/samples/run.py --quick`, which takes a sample of the cases,"
            if given.quick
            else "`make benchmark-samples`,",
            f"with the signals of seed {given.seed}; {versions(*PACKAGES)}.",
        )[:-1],
        "",
    ]
