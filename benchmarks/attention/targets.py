"""What the project wants of its attention on one thread, and what a run gave."""

from __future__ import annotations

from typing import NamedTuple

RATIOS = {256: 0.92, 1024: 0.62, 4096: 0.30, 8192: 0.18}  # time by that of causal SDPA, W = 15
WIDE_RATIOS = {4096: 0.45}  # W = 128
EXPONENT = 1.15
KILOBYTES = 22  # of 1024 bytes, for each token
WORDS = {"forward": "forward", "both": "forward and backward"}


class Target(NamedTuple):
    what: str
    wanted: str
    measured: str
    met: bool
    verdict: str


def everything(narrow, wide, memory):
    """``narrow`` and ``wide`` are measurements with W = 15 and 128, ``memory`` is bytes per token by (W, L)."""
    goals = []
    for found, wanted in ((narrow, RATIOS), (wide, WIDE_RATIOS)):
        for length, most in wanted.items():
            if any(row.length == length for row in found.of("ky")):
                for what, words in WORDS.items():
                    name = f"W = {found.setting.window}, L = {length}: {words}, time by SDPA's"
                    goals.append(at_most(name, most, found.ratio("ky", length, what)))
    for what, words in WORDS.items():
        goals.append(
            at_most(f"W = {narrow.setting.window}: exponent in L, {words}", EXPONENT, narrow.exponent("ky", what))
        )
    for (window, length), size in memory.items():
        if size is not None:
            goals.append(at_most(f"W = {window}, L = {length}: peak memory, KB per token", KILOBYTES, size / 1024))
    return goals


def at_most(what, wanted, measured):
    met = measured <= wanted
    verdict = "met" if met else f"missed by a factor of {measured / wanted:.2f}"
    return Target(what, f"≤ {wanted:g}", f"{measured:.3g}", bool(met), verdict)
