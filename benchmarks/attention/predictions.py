"""What Section 7 of the first paper predicts, beside what was measured; "not run" where nothing was.

The predictions are of models and lengths that nobody trains on one processor: what a layer costs can be measured all
the same, and what a small model learns.
"""

from __future__ import annotations

import statistics

from page import figure, paragraph, table

from kymath.training import Settings

HEAD = ("Section", "predicted", "measured")
SMOOTH = 100  # steps over which the loss of training is averaged
LONG = 32_768  # tokens, "up to 32K"


def of_the_layer(narrow, long):
    """``long`` is (seconds of forward and backward, bytes for each token) of the layer at ``LONG`` tokens."""
    lengths = sorted({row.length for row in narrow.of("sdpa")} & {row.length for row in narrow.of("ky")})
    faster = [f"{1 / narrow.ratio('ky', n):.1f} times at L = {n}" for n in lengths if n >= 1024]
    (at, mine), (_, theirs) = narrow.memory["ky"], narrow.memory["sdpa"]
    less = "not measured" if not mine or not theirs else f"{theirs / mine:.1f} times less at L = {at}"
    seconds, size = long
    each = "" if size is None else f", {size / 1024:.1f} KB per token"
    rows = [
        (
            "7.1",
            "10–50 times less memory than standard attention beyond L = 2048, growing with L; about 32 times at 8192",
            f"{less}, one layer. Torch's own kernel keeps no L × L matrix, so nothing there grows",
        ),
        (
            "7.1",
            "training 2–5 times as fast, models beyond 10⁹ parameters, L > 1024",
            f"the layer alone, forward and backward: {', '.join(faster) or 'not measured'}. Such models: not run",
        ),
        (
            "7.3",
            "sequences up to 32K tokens without quadratic memory",
            f"a layer at L = {LONG:,}: forward and backward in {figure(seconds)} s on one thread{each}",
        ),
        ("7.4", "15–30 % better in vision, 20–40 % in vision and language", "not run"),
    ]
    return [
        "## What Section 7 predicts",
        "",
        *paragraph("Of the paper's predictions, those on cost. Those on quality are on [Table 1, again](table1.md)."),
        *table(HEAD, rows),
    ]


def of_training(found):
    ky, standard = found.mean("ky", "perplexity"), found.mean("standard", "perplexity")
    steps = [fewer(found.curves["ky", seed], found.curves["standard", seed]) for seed in found.seeds]
    known = [one for one in steps if one is not None]
    if len(known) < len(steps):
        saved = f"{len(steps) - len(known)} of {len(steps)} seeds never got there"
    else:
        saved = f"{100 * statistics.fmean(known):.0f} % fewer ({', '.join(f'{100 * s:.0f}' for s in known)} by seed)"
    share, longest = 100 * (ky / standard - 1), Settings.of(found.any["preset"]).max_len
    rows = [
        (
            "7.2",
            "perplexity below standard attention's: 12–18 % at L = 1024, 18–25 % at 2048, 25–35 % beyond",
            "not run",
        ),
        (
            "7.2",
            "with 32 heads and more, heads specialise by range (syntax, meaning, discourse)",
            "not run",
        ),
        (
            "7.3",
            "perplexity at most 5 % above full attention's on short sequences",
            f"{share:+.1f} % with this small model on lines of at most {longest} tokens",
        ),
        (
            "7.5",
            "30–50 % fewer steps than standard attention",
            f"to the loss that `standard` ends with: {saved}. Means over {SMOOTH} steps of training",
        ),
    ]
    return [
        "## What Section 7 predicts",
        "",
        *paragraph("Of the paper's predictions, those on quality; those on cost are among the",
                   "[benchmarks of the layer](benchmarks-attention.md)."),
        *table(HEAD, rows),
    ]  # fmt: skip


def fewer(mine, theirs):
    """The share of steps saved until the mean loss of the last ``SMOOTH`` steps is what the other ends with."""
    goal = statistics.fmean(theirs[-SMOOTH:])
    for end in range(SMOOTH, len(mine) + 1):
        if statistics.fmean(mine[end - SMOOTH : end]) <= goal:
            return 1 - end / len(theirs)
    return None
