"""Everything on docs/benchmarks-samples.md in one run: local fits along a series, beside the peers."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import alone
import nonlinear
import nothing
import noticed
import page
import pictures
import slopes
import speed
import targets

DOCS = Path(__file__).parents[2] / "docs"
PARTS = {"slopes": slopes, "alone": alone, "nonlinear": nonlinear, "noticed": noticed, "nothing": nothing}
UNSEEN = 4711  # the seed of the page: its signals are not looked at before the code is done
BEGIN = time.monotonic()


def announce(what):
    print(f"[{time.monotonic() - BEGIN:4.0f} s] {what}", flush=True)


def measured(module, given, pool):
    """The rows of one part; every task draws its own random numbers, so their order does not matter."""
    rows = []
    for row in pool.map(module.measure, *zip(*module.tasks(given.seed, given.quick), strict=True)):
        rows.append(row)
        if given.verbose:
            print(row.told() if hasattr(row, "told") else row, flush=True)
    return rows


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="a sample of the cases, written to a temporary folder")
    options.add_argument("--seed", type=int, default=UNSEEN, help="draws other signals")
    options.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes at a time")
    options.add_argument("--only", choices=[*PARTS, "speed"], help="one part, told on the terminal")
    options.add_argument("--verbose", action="store_true", help="tell every case as it comes")
    options.add_argument("--out", type=Path, help="the folder to write to (docs/)")
    given = options.parse_args()
    other = given.quick or given.only or given.seed != UNSEEN
    out = given.out or (Path(tempfile.gettempdir()) / "kymath-benchmarks" if other else DOCS)
    out.mkdir(parents=True, exist_ok=True)

    times = None
    if given.only in (None, "speed"):
        announce("time and memory")
        times = speed.measure(given.seed, given.quick)
    found = {}
    with ProcessPoolExecutor(given.jobs) as pool:
        for name, module in PARTS.items():
            if given.only in (None, name):
                announce(name)
                found[name] = measured(module, given, pool)
    goals = targets.everything(found, times)
    text = page.text(found, times, goals, given)
    if given.only:
        print("\n".join(text))
        return
    pictures.ratios(found["slopes"] + found["nonlinear"], out / "benchmarks-samples.png")
    (out / "benchmarks-samples.md").write_text("\n".join(text), encoding="utf-8")
    announce(f"{sum(g.met for g in goals)} of {len(goals)} targets met; written to {out}")


if __name__ == "__main__":
    main()
