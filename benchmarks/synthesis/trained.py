"""Accuracy, F1, latency: the network, the same without cross-synthesis, and a plain one, on several seeds."""

from __future__ import annotations

import json
import statistics

import torch

from kymath.synthesis.training import METRICS, SUMMARY, train

NETWORKS = ("synthesis", "fusion", "baseline")


def runs(data, seeds, folder, data_dir, epochs=None):
    """The records of one run for each seed, made where they are not in the folder yet."""
    records = []
    for seed in seeds:
        place = folder / f"{data}-{seed}"
        if not (place / SUMMARY).exists():
            print(f"training on {data}, seed {seed}", flush=True)
            (place / METRICS).unlink(missing_ok=True)  # of a run that was interrupted
            train(data, place, data_dir=data_dir, seed=seed, epochs=epochs, beside=("baseline", "fusion"))
        records.append(json.loads((place / SUMMARY).read_text(encoding="utf-8")))
    return records


def values(records, network, what):
    """One figure of one network, for each seed."""
    return [(record if network == "synthesis" else record[network])[what] for record in records]


def told(numbers, form):
    """Mean ± standard deviation."""
    spread = statistics.stdev(numbers) if len(numbers) > 1 else 0.0
    return f"{format(statistics.mean(numbers), form)} ± {format(spread, form)}"


def difference(records, network):
    """By how many percentage points the synthesis is ahead, paired by seed: mean and 95 % half-width (Student's t)."""
    from scipy.stats import t

    ours, theirs = values(records, "synthesis", "accuracy"), values(records, network, "accuracy")
    gaps = torch.tensor([100 * (a - b) for a, b in zip(ours, theirs, strict=True)], dtype=torch.float64)
    if len(gaps) < 2:
        return float(gaps.mean()), float("inf")
    half = t.ppf(0.975, len(gaps) - 1) * float(gaps.std()) / len(gaps) ** 0.5
    return float(gaps.mean()), float(half)
