"""The page: the text around the figures. No figure is typed in here; each comes from the run."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from writing import paragraph, table

LAYERS = {
    "ky": "`KYAttention`",
    "sdpa": "causal SDPA",
    "reference": "the paper's form",
    "local-attention": "`local-attention`",
}


def on_cpu(narrow, wide, memory, predicted, goals, picture):
    """The page of `make benchmark-attention`."""
    return [
        *introduction(narrow),
        *paragraph(
            f"Of the {len(goals)} targets below, {sum(g.met for g in goals)} are met in this run." if goals else ""
        ),
        f"![Time against the length]({picture})",
        "",
        *target_part(goals),
        *part(narrow),
        *part(wide),
        *memory_part(memory),
        *predicted,
        *how(narrow),
        *ending(narrow),
    ]


def on_gpu(measured, picture):
    """The page of a run on another device: no targets, every backend and precision."""
    parts = [line for found in measured for line in part(found)]
    first = measured[0]
    return [*introduction(first), f"![Time against the length]({picture})", "", *parts, *how(first), *ending(first)]


def introduction(found):
    return [
        f"# Benchmarks: attention{'' if found.setting.device == 'cpu' else ' on ' + found.device}",
        "",
        *paragraph(
            "What a layer of KY-attention costs beside full causal attention by torch's own kernel (SDPA), the",
            "paper's equations written out, and local-attention. All figures on this page come from one",
            "run: compare them with each other, not with those of another machine.",
        ),
    ]


def target_part(goals):
    if not goals:
        return []
    body = [(g.what, g.wanted, g.measured, g.verdict if g.met else f"**{g.verdict}**") for g in goals]
    return ["## Targets", "", *table(("what", "wanted", "measured", "verdict"), body)]


def part(found):
    s = found.setting
    backend = "" if s.backend == "auto" else f", backend {s.backend}"
    rows = []
    for name in found.names:
        for row in found.of(name):
            ratios = [found.ratio(name, row.length, what) for what in ("forward", "both")]
            cells = [(figure(t * 1e3), f"{r:.2f}") for t, r in zip((row.forward, row.both), ratios, strict=True)]
            rows.append((LAYERS[name], row.length, *cells[0], *cells[1]))
    growth = []
    for name in found.names:
        at, size = found.memory.get(name, (None, None))
        kilobytes = "–" if size is None else f"{size / 1024:.1f} (L = {at})"
        exponents = [found.exponent(name, what) for what in ("forward", "both")]
        growth.append((LAYERS[name], *("–" if p is None else f"{p:.2f}" for p in exponents), kilobytes))
    return [
        f"## W = {s.window}, {s.dtype}{backend}",
        "",
        *table(("layer", "L", "forward, ms", "× SDPA", "forward and backward, ms", "× SDPA"), rows),
        *table(("layer", "exponent in L, forward", "forward and backward", "KB per token"), growth),
    ]


def memory_part(memory):
    rows = [(w, length, "–" if size is None else f"{size / 1024:.1f}") for (w, length), size in memory.items()]
    return [
        "## Memory by window",
        "",
        *table(("W", "L", "KB per token of `KYAttention`"), rows),
        *paragraph("Part of it is work space of a fixed size, which weighs less the longer the sequence is."),
    ]


def how(found):
    s = found.setting
    threads = f" on {found.threads} thread{'s' if found.threads > 1 else ''}" if s.device == "cpu" else ""
    absent = "" if "local-attention" in found.names else "local-attention was not installed, and so not measured."
    return [
        "## How it is measured",
        "",
        *paragraph(
            f"Layers (batch {s.batch}, L, {s.d_model}) with {s.num_heads} heads{threads}. Each has one weight for",
            "queries, keys and values, rotary positions, and a linear layer at the end; they differ in what lies",
            "between. SDPA sees the whole past, the others W tokens; local-attention has no bias. Forward is without",
            "a graph, backward with respect to the input and all weights.",
        ),
        *paragraph(
            "The layers take turns, and of each the shortest time counts. The exponent p of time ∝ L^p is that of",
            "least squares on logarithms. Memory is how far one forward and backward pass in a process of its own",
            "raises the peak above weights, their gradients, the input, and the gradient from above, by the number",
            "of tokens; a KB has 1024 bytes. The paper's form is left out where its windows do not fit in memory.",
            absent,
        ),
    ]


def ending(found):
    versions = ", ".join(f"{name.capitalize() if name == 'python' else name} {v}" for name, v in found.versions.items())
    command = "`make benchmark-attention`" if found.setting.device == "cpu" else "`benchmarks/attention/run.py`"
    return paragraph(f"Measured on {datetime.date.today():%d %B %Y} by {command}, on {found.device}; {versions}.")


def figure(value):
    """Three figures, no power of ten."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
