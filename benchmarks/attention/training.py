"""Everything on docs/table1.md in one run: the preset `tiny` trained with each attention, on several seeds.

A run that is already in the folder is not repeated, one that was interrupted goes on: Ctrl-C loses little.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import pictures
import table1
from found import LEAK, Found

from kymath.training import Settings, train
from kymath.training.journal import NAME as JOURNAL
from kymath.training.state import STATE
from kymath.training.summary import NAME

DOCS = Path(__file__).parents[2] / "docs"
ATTENTIONS = ("ky", "local", "alibi", "t5", "fire", "standard")
BEGIN = time.monotonic()


def run(folder, given, seed, **changes):
    """The summary and the losses of a run, which is made, continued or read."""
    if (folder / NAME).exists():
        record = json.loads((folder / NAME).read_text(encoding="utf-8"))
    else:
        record = made(folder, given, seed, **changes)
    lines = map(json.loads, (folder / JOURNAL).read_text(encoding="utf-8").splitlines())
    return record, [line["loss"] for line in lines if "loss" in line]


def made(folder, given, seed, **changes):
    print(f"[{time.monotonic() - BEGIN:5.0f} s] {folder.name}", flush=True)
    settings = Settings.of(given.preset, seed=seed, max_steps=given.steps, **changes)
    resume = (folder / STATE).exists()
    return train(settings, folder, data_dir=given.data_dir, device=given.device, resume=resume)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--preset", default="tiny")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--steps", type=int, help="stop earlier: to try this out")
    options.add_argument("--device", default="cpu")
    options.add_argument("--data-dir", type=Path, default=os.environ.get("KYMATH_DATA"), help="fetched if left out")
    options.add_argument("--runs", type=Path, default=Path(tempfile.gettempdir()) / "kymath-table1")
    options.add_argument("--out", type=Path, default=DOCS)
    given = options.parse_args()
    records, curves = {}, {}
    for seed in range(given.seeds):
        for attention in ATTENTIONS:
            folder = given.runs / f"{attention}-{seed}"
            records[attention, seed], curves[attention, seed] = run(folder, given, seed, attention=attention)
    records[LEAK, 0], _ = run(given.runs / f"{LEAK}-0", given, 0, attention="ky", causal=False)
    found = Found(records, curves)
    given.out.mkdir(parents=True, exist_ok=True)
    pictures.losses(found, given.out / "table1.png")
    (given.out / "table1.md").write_text("\n".join(table1.everything(found, "table1.png")), encoding="utf-8")
    print(f"written to {given.out}")


if __name__ == "__main__":
    main()
