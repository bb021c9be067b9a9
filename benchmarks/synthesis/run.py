"""Everything on docs/benchmarks-synthesis.md in one run; training that is already in the folder is not repeated."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import costs
import page
import pictures
import rates
import torch
import trained

DOCS = Path(__file__).parents[2] / "docs"
NAME = "benchmarks-synthesis"


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", nargs="+", default=["mnist", "imdb"], help="cifar10 too, with a GPU")
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="the recipe was set on seed 0")
    options.add_argument("--epochs", type=int, help="fewer: to try this out")
    options.add_argument("--data-dir", type=Path, default=os.environ.get("KYMATH_DATA"), help="fetched if left out")
    options.add_argument("--runs", type=Path, default=Path(tempfile.gettempdir()) / "kymath-synthesis")
    options.add_argument("--out", type=Path, default=DOCS)
    given = options.parse_args()
    torch.set_num_threads(1)
    records = {data: trained.runs(data, given.seeds, given.runs, given.data_dir, given.epochs) for data in given.data}
    print("cost", flush=True)
    grown = costs.grown()
    print("convergence", flush=True)
    training = rates.of_training(given.data_dir)
    contraction = rates.of_contraction(0.8)
    given.out.mkdir(parents=True, exist_ok=True)
    picture = f"{NAME}.png"
    cycle = rates.bounded_but_not_convergent()
    pictures.everything(grown, training, contraction[0], contraction[1], cycle, given.out / picture)
    text = "\n".join(page.everything(records, grown, training, contraction, picture))
    (given.out / f"{NAME}.md").write_text(text, encoding="utf-8")
    print(f"written to {given.out}")


if __name__ == "__main__":
    main()
