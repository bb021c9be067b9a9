"""What somebody may have meant: a word of a list, or a number where a name was written."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

__all__ = ["nearest", "taken"]

# names that may be taken for numbers, in lower case, and how the number is written
_WRITTEN = {
    "pi": "pi", "e": "E", "half": "1/2", "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10",
}  # fmt: skip
# what else families are called
_KIN = {
    "parabola": "polynomial", "parabolic": "polynomial", "quadratic": "polynomial", "cubic": "polynomial",
    "straight": "linear", "fourier": "trigonometric", "sine": "harmonic", "cosine": "harmonic", "wave": "harmonic",
}  # fmt: skip


def nearest(word: str, known: Sequence[str]) -> str:
    """The one that the word begins, another name for one, or the one most like it; empty where none is near.

    The letters of the papers, L, P, E, T and H, are beginnings too.

    >>> nearest("exp", ["linear", "exponential"]), nearest("L", ["linear", "exponential"]), nearest("x", ["linear"])
    ('exponential', 'linear', '')
    """
    low = word.lower()
    begun = [k for k in known if k.startswith(low)]
    if len(begun) == 1:
        return begun[0]
    kin = _KIN.get(low.removesuffix("s"))
    if kin in known:
        return str(kin)
    return next(iter(difflib.get_close_matches(low, known, n=1)), "")


def taken(x0: Any) -> str:
    """A sentence on a name in x0 that looks like a number, or nothing."""
    for name in sorted(map(str, x0.free_symbols)):
        if (written := _WRITTEN.get(name.lower())) is not None:
            return f"{name} is taken as a symbol; the number is {written}."
    return ""
