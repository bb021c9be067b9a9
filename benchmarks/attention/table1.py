"""The page: the text around the figures. No figure of ours is typed in here; the paper's are, from its Table 1."""

from __future__ import annotations

import datetime
import importlib.metadata as metadata
import math
import sys

from found import LEAK
from page import paragraph, table
from predictions import of_training

PAPER = {"ky": (4.6137, 100.86), "standard": (4.7032, 110.30)}  # Condor, Table 1: loss, perplexity
BIAS = {
    "ky": "the paper's network",
    "local": "nothing",
    "alibi": "a fixed line per head",
    "t5": "a learned number per lag",
    "kerple": "a learned logarithm",
    "fire": "a learned network",
    "standard": "nothing",
}


def everything(found, picture):
    return [
        *introduction(found),
        *losses(found),
        f"![The validation loss of every run]({picture})",
        "",
        *differences(found),
        *leak(found),
        *of_training(found),
        *how(found),
    ]


def introduction(found):
    return [
        "# Table 1, again",
        "",
        *paragraph(
            "Does KY-attention model language better than a standard transformer, as Table 1 of the first paper says?",
            "And if so, is it the learned connection functions that help, or the short window alone? Here the small",
            f"preset `{found.any['preset']}` of `kymath train` is trained on WikiText-2 with each attention,",
            f"seeds 0 to {found.seeds[-1]}: the same data in the same order, the same number of parameters but for",
            "the bias itself. It is a small model: what holds here may fail for a large one, and the other way round.",
        ),
    ]


def losses(found):
    rows = []
    for name in found.attentions:
        window = found.values(name, "window")[0]
        each = ", ".join(f"{value:.4f}" for value in found.values(name, "loss"))
        paper = "{:.4f}, {:.2f}".format(*PAPER[name]) if name in PAPER else "–"
        rows.append(
            (
                f"`{name}`",
                window or "all",
                BIAS[name],
                f"{found.mean(name, 'loss'):.4f} ± {found.spread(name, 'loss'):.4f}",
                each,
                f"{found.mean(name, 'perplexity'):.2f} ± {found.spread(name, 'perplexity'):.2f}",
                f"{found.values(name, 'parameters')[0]:,}",
                paper,
            )
        )
    head = (
        "attention", "window", "bias", "validation loss", "each seed", "perplexity", "parameters",
        "the paper's loss, perplexity",
    )  # fmt: skip
    return [
        "## Loss and perplexity",
        "",
        *table(head, rows),
        *paragraph(
            "Mean and standard deviation over the seeds. The paper's figures are of its own size, 50,257 tokens and",
            "eight layers: only their difference compares with ours. A model that knew only how common each token is",
            f"would have the perplexity {found.any['unigram_perplexity']:.0f} here.",
        ),
    ]


def verdict(mean, half):
    if abs(mean) <= half:
        return "not told apart"
    return "`ky` is lower" if mean < 0 else "`ky` is higher"


def differences(found):
    rows = []
    for name in found.attentions:
        if name == "ky":
            continue
        mean, half = found.difference("ky", name)
        change = 100 * (math.exp(mean) - 1)
        rows.append((f"`{name}`", f"{mean:+.4f} ± {half:.4f}", f"{change:+.1f} %", verdict(mean, half)))
    paper = PAPER["ky"][0] - PAPER["standard"][0]
    share = 100 * (math.exp(paper) - 1)
    rows.append(("the paper's standard", f"{paper:+.4f}, one run", f"{share:+.1f} %", "one run: no interval"))
    return [
        "## KY-attention against each rival",
        "",
        *table(("rival", "loss of `ky` − its loss, 95 % interval", "perplexity", "verdict"), rows),
        *paragraph(
            "Differences are paired by seed, the interval is Student's t over the seeds. The rows in the same window",
            "are the fair ones; `standard` differs in what it sees, too.",
        ),
    ]


def leak(found):
    loss = found.mean(LEAK, "loss")
    return [
        "## What the leak does",
        "",
        *paragraph(
            "Equation 40 pads on both sides, so the window holds the tokens after the query, the one to be predicted",
            f"among them. Trained so (`--symmetric`, seed 0), the loss is {loss:.4f} and the perplexity",
            f"{found.mean(LEAK, 'perplexity'):.2f}, in place of {found.values('ky', 'loss')[0]:.4f} and",
            f"{found.values('ky', 'perplexity')[0]:.2f}. That measures copying, not language.",
        ),
    ]


def how(found):
    record = found.any
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("kymath", "torch", "tokenizers"))
    return [
        "## How it is measured",
        "",
        *paragraph(
            f"{record['steps']} steps of `kymath train --preset {record['preset']}` on {record['device']}, seeds 0 to",
            f"{found.seeds[-1]}; the protocol is on the page on training, and is the paper's but for the sizes.",
            "Validation loss is the mean over the batches of the last validation, as in the paper. Nothing was tuned",
            "for one attention: all have the same learning rate.",
        ),
        *paragraph(
            f"Measured on {datetime.date.today():%d %B %Y} by `make benchmark-training`, which trains what is not yet",
            f"in its folder; Python {sys.version.split()[0]}, {versions}.",
        ),
    ]
