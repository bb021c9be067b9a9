"""docs/benchmarks.md: the text around the figures. No figure is typed in here; each comes from the run."""

from __future__ import annotations

import datetime
from statistics import median

from functions import DIGITS
from honesty import KINDS, in_words, truth_in_words
from kinks import ORDERS as KINK_ORDERS
from kinks import POWERS, SIZES
from measure import BROKEN
from smooth import ORDERS
from writing import grouped, notes, paragraph, table, versions

PACKAGES = ("kymath", "numpy", "scipy", "sympy", "mpmath", "numdifftools", "python-flint", "jax")


def percent(share):
    return "–" if share is None else f"{100 * share:.1f} %".replace("100.0", "100")


def joined(values, show):
    return " / ".join("–" if v is None else show.format(v) for v in values)


def introduction(goals, missing):
    met = sum(goal.met for goal in goals)
    return [
        "# Benchmarks",
        "",
        *paragraph(
            "How many digits kymath gets right, how honest it is where there are few or",
            "none, and what it costs, beside",
            "the libraries that people use for derivatives today. All figures on this page come from one run of",
            "`make benchmark`: compare them with each other, not with those of another machine.",
        ),
        *paragraph(
            f"Of the {len(goals)} [targets](#targets) that the project set itself, {met} are met in this run.",
            f"Not installed, and so not measured: {', '.join(missing)}." if missing else "",
        ),
    ]


def smooth_part(rows, count):
    head = ("method", f"digits n = {' / '.join(map(str, ORDERS))}", "evaluations", "errors cover", "silently wrong")
    body = [
        (
            row.method.name,
            joined([row.digit(n) for n in ORDERS], "{:.1f}"),
            joined([row.evaluations(n) for n in ORDERS], "{:.0f}"),
            percent(row.cover) if row.method.gives_error else "none given",
            row.wrong,
            row.refused,
            f"{row.time * 1e3:.2f}" if row.time is not None else "–",
            len(row.cases),
        )
        for row in rows
    ]
    return [
        "## Smooth functions",
        "",
        *paragraph(
            f"The n-th Taylor coefficient of {count} functions, each at one point: elementary, special, oscillatory,",
            f"badly scaled, and far from 0. The truth comes from mpmath in {DIGITS} digits.",
        ),
        "![Correct digits and evaluations of f, by method and order](benchmarks-digits.png)",
        "",
        *table((*head, "refused", "ms", "functions"), body),
        *notes(
            digits="the median of the correct digits, at most 16; a refusal or a failure counts 0.",
            evaluations="the median number of points at which f was evaluated, at the same four orders; a run of f on"
            " a power series or on balls counts 1. kymath finds all orders up to n at once.",
            errors_cover="of the answers with an error, the share whose true value lies within it.",
            silently_wrong="answers with fewer than 3 correct digits that come without an error, or with one that does"
            " not reach the truth.",
            refused="an exception, nan, or a flag of failure instead of an answer.",
            ms="the median time of a call, of each the shortest of three; for jax without compilation.",
            functions="how many were asked: those that can be written in the library that the method needs.",
        ),
        *paragraph(
            "*kymath default* is kymath with no method named, which chooses by itself. What a method sees differs.",
            "mpmath, flint and jax need the function written in their own code. `Taylor`, `Certified` and kymath's",
            "default follow its NumPy code. All others see values only, `fornberg` and `Contour` at complex points.",
            "“Values only” hides the code from the default.",
        ),
    ]


def hard_part(answers, cases):
    rows = {row.method.plain: row for row in answers}
    body = [(row.method.name, *(row.count(kind) for kind in KINDS), len(row.found)) for row in answers]
    shown = [rows[name] for name in ("kymath default", "kymath Adaptive")]
    each = [(case.name, truth_in_words(case), *(in_words(row, case) for row in shown)) for case in cases]
    return [
        "## Hard cases",
        "",
        *paragraph(
            f"{len(cases)} functions with a kink, a jump, noise, a hidden scale or worse, at the orders 1, 2 and 4."
        ),
        "![What the methods answered to the hard cases](benchmarks-hard.png)",
        "",
        *table(("method", *KINDS, "asked"), body),
        *notes(
            right="three digits or more, within the error if there is one; of the trend where f is rounded or noisy.",
            rightly_refused="no number where no limit exists, or where f has no real values.",
            vague="fewer digits, but within the error.",
            refused="no number, though there is a limit or a trend.",
            error_too_small="three digits or more, but not within the error.",
            silently_wrong="fewer than three digits, and no error that says so.",
            number__no_limit="a number where no limit exists.",
        ),
        *paragraph("What kymath says to each: the value ± its error, or the name of the refusal."),
        *table(("case", "true coefficients 1, 2, 4", *(row.method.name for row in shown)), each),
    ]


def kink_part(rows, bases):
    body = []
    for row in rows:
        parts = [percent(_missed(row, group)) for group in (SIZES[:4], SIZES[4:7], SIZES[7:])]
        shares = (percent(row.total(kind) / max(row.asked, 1)) for kind in ("refused", "covers", "misses"))
        body.append((row.method.name, *shares, *parts, f"{row.below} / {row.at} / {row.above}", row.asked))
    head = (
        "method",
        "refused",
        "covers",
        "does not cover",
        "A ≥ 1e-3",
        "1e-6 ≤ A ≤ 1e-4",
        "A ≤ 1e-7",
        "n < p / = p / > p",
    )
    return [
        "## A small kink at x0",
        "",
        *paragraph(
            f"A |s| s^(p−1) with s = x − x0, added to {bases} smooth functions: A from {SIZES[0]:g} down to",
            f"{SIZES[-1]:.0e}, p from {POWERS[0]} to {POWERS[-1]}, coefficients 1 to",
            f"{KINK_ORDERS[-1]}. The p-th coefficient",
            "has two one-sided values, c − A and c + A, and an error covers only if it",
            "reaches both. Every other coefficient",
            "is that of the smooth part.",
        ),
        "![How often an error does not cover, by the size of the kink](benchmarks-kinks.png)",
        "",
        *table((*head, "asked"), body),
        *paragraph(
            "The first three columns are shares of everything asked. The next three are the share that does not cover",
            "among the larger, the middle and the smallest kinks. After them, how many answers do not cover at the",
            "coefficients below, at and above the kink's own.",
        ),
    ]


def _missed(row, sizes):
    asked = sum(row.refused[a] + row.covers[a] + row.misses[a] for a in sizes)
    return sum(row.misses[a] for a in sizes) / asked if asked else None


def speed_part(through, overhead):
    names = list(through[0].ratios)
    many = [
        (
            row.name,
            "–" if row.ratio is None else f"{row.ratio:.2f}",
            joined([row.ratios.get(name) for name in names], "{:.2f}"),
            *(joined([row.quantile(n, q) for q in (0.5, 0.01)], "{:.1f}") for n in (1, 2)),
            grouped(row.points) + (f"; {row.why}" if row.why else ""),
        )
        for row in through
    ]
    one = [
        (row.name, *(f"{v:.0f}" for v in (row.microseconds, median(row.whole))), row.why or "none")
        if row.whole
        else (row.name, "–", "–", row.why)
        for row in overhead
    ]
    return [
        "## Time",
        "",
        "![Time at many points and at one](benchmarks-time.png)",
        "",
        *paragraph(
            f"**Many points.** The coefficients 0, 1 and 2 of {', '.join(names)} at",
            f"{grouped(through[0].points)} points of",
            "[0.1, 3] in one call.",
        ),
        *table(("method", "time ratio", "each function", "digits n = 1", "digits n = 2", "points"), many),
        *notes(
            time_ratio="the time divided by that of a central difference in NumPy with three values of f at each point;"
            " the median of the functions, then each. jax may use several cores.",
            digits="the median and the lowest percentile, against closed forms in long double; beside a zero of the"
            " coefficient there are fewer.",
            points="where there are fewer, the time is scaled up to all of them.",
        ),
        *paragraph("**One point.** All coefficients up to the 8th in one call; numdifftools gives one order in each."),
        *table(("method", "µs beyond f", "µs in all", "failures"), one),
        *notes(
            us_beyond_f="the shortest time of a call, less that of the same evaluations of f; the median of"
            " several functions. For `Taylor` an evaluation is a run of f on a power series.",
        ),
    ]


def target_part(goals):
    body = [(g.method, g.what, g.wanted, g.measured, g.verdict if g.met else f"**{g.verdict}**") for g in goals]
    return [
        "## Targets",
        "",
        *paragraph(
            "What the project wants, and what this run measured. The answers that are",
            "silently wrong, and the numbers where",
            "there is no limit, are those of the smooth functions and of the hard cases together.",
        ),
        *table(("method", "what", "wanted", "measured", "verdict"), body),
    ]


def ending():
    words = []
    if BROKEN:
        words += paragraph("Exceptions of kymath that are no named refusal, and were counted as refusals above:")
        words += [f"- `{line}`" for line in list(dict.fromkeys(BROKEN))[:20]] + [""]
    return (
        words
        + paragraph(f"Measured on {datetime.date.today():%d %B %Y} by `make benchmark`; {versions(*PACKAGES)}.")[:-1]
        + [""]
    )
