"""A dask series larger than memory would bear: `python huge.py 100000000` (the run that docs/samples.md records)."""

from __future__ import annotations

import sys
import time

import dask
import dask.array as da
from big import peak

import kymath as ky

CHUNK, WINDOW, SIGMA = 500_000, 400, 0.1  # samples in a chunk, samples in a window


def main():
    n = int(sys.argv[1])
    chunk = min(CHUNK, n // 4)
    t = da.arange(n, chunks=chunk) / n * (n / 1e4)  # ten thousand samples a unit
    y = da.sin(3 * t) + SIGMA * da.random.default_rng(1).standard_normal(n, chunks=chunk)
    before, begin = peak(), time.perf_counter()
    r = ky.samples(t, y, ky.Polynomial(2), bandwidth=WINDOW / 2 / 1e4)
    held = (da.absolute(r.a1 - 3 * da.cos(3 * t)) < 1.96 * r.error[1]).sum()
    held, answered = dask.compute(held, da.isfinite(r.a1).sum(), scheduler="threads", num_workers=2)
    seconds = time.perf_counter() - begin
    print(f"{n} samples: {seconds:.0f} s by the clock, {peak():.0f} MB at the peak, {before:.0f} before")
    print(f"{100 * answered / n:.4f} % answered, {100 * held / answered:.2f} % of the intervals hold the slope")


if __name__ == "__main__":
    main()
