"""Everything on docs/benchmarks.md in one run: accuracy, honesty and time, beside the peers."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import honesty
import kinks
import overhead
import plots
import report
import smooth
import targets
import throughput
from measure import BROKEN
from peers import methods, named

DOCS = Path(__file__).parent.parent / "docs"
KINKED = (
    "numdifftools Derivative",
    "scipy.differentiate",
    "kymath Adaptive",
    "kymath default",
    "kymath default, values only",
)
BEGIN = time.monotonic()


def announce(what):
    print(f"[{time.monotonic() - BEGIN:4.0f} s] {what}", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="a sample of the cases, written to a temporary folder")
    options.add_argument("--out", type=Path, help="the folder to write to (docs/)")
    given = options.parse_args()
    out = given.out or (Path(tempfile.gettempdir()) / "kymath-benchmarks" if given.quick else DOCS)
    out.mkdir(parents=True, exist_ok=True)

    found, missing = methods()
    announce("one point: time beyond f")
    single = overhead.measure(given.quick)
    announce("many points")
    through = throughput.measure(given.quick)
    announce("smooth functions: median digits at n = 1, 2, 4, 8")
    rows, count = smooth.measure(found, given.quick)
    announce("hard cases")
    answers, cases = honesty.measure(found)
    announce("kinks")
    tallies, bases = kinks.measure(named(found, *KINKED), given.quick)

    goals = targets.everything(rows, answers, tallies, through, single)
    plots.digits(rows, out / "benchmarks-digits.png")
    plots.hard(answers, out / "benchmarks-hard.png")
    plots.kinks(tallies, out / "benchmarks-kinks.png")
    plots.times(through, single, out / "benchmarks-time.png")
    text = [
        *report.introduction(goals, missing),
        *report.smooth_part(rows, count),
        *report.hard_part(answers, cases),
        *report.kink_part(tallies, bases),
        *report.speed_part(through, single),
        *report.target_part(goals),
        *report.ending(),
    ]
    (out / "benchmarks.md").write_text("\n".join(text), encoding="utf-8")
    for line in dict.fromkeys(BROKEN):
        print("  broke:", line)
    met = sum(goal.met for goal in goals)
    announce(f"{met} of {len(goals)} targets met; written to {out}")


if __name__ == "__main__":
    main()
