"""One family on one long series, in a process that does nothing else: `python big.py "Polynomial(2)" 1000000`."""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from pathlib import Path

import numpy as np

import kymath as ky

MEGA = 1e6 if sys.platform == "darwin" else 1e6 / 1024  # what ru_maxrss counts in


def peak():
    """In MB, of this process alone: on Linux ru_maxrss still knows the peak of the process that started this one."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGA


def main():
    families = {"Polynomial(2)": ky.Polynomial(2), "Exponential()": ky.Exponential()}
    family, n = families[sys.argv[1]], int(sys.argv[2])
    t = np.linspace(0, 1, n)
    y = np.sin(12 * t + 20 * t**2) if "Poly" in sys.argv[1] else 1 + np.exp(-4 * t + 0.3 * np.sin(6 * t))
    y += 1e-3 * np.random.default_rng(1).standard_normal(n)
    before, clock, processor = peak(), [], []
    for _ in range(3):
        begin, spent = time.perf_counter(), time.process_time()
        ky.samples(t, y, family)
        clock.append(time.perf_counter() - begin)
        processor.append(time.process_time() - spent)
    answer = {"first": processor[0], "warm": min(processor[1:]), "clock": min(clock), "megabytes": peak()}
    print(json.dumps({**answer, "before": before}))


if __name__ == "__main__":
    main()
