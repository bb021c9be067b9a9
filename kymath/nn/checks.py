"""Arguments refused by name, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from torch import Tensor

SHOWN = 200  # characters of what a file says


def check_count(name: str, value: object, least: int = 1) -> None:
    """Refuse what is no int of Python, or one below ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} = {value!r} must be a whole number, at least {least}.")


def whole(name: str, value: object, least: int, most: float = math.inf) -> int:
    """``value`` as an int, if it is a whole number of any kind in least … most."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) <= most:
        limits = f"at least {least}" if most == math.inf else f"in {least} … {most}"
        raise ValueError(f"{name} = {value!r} must be a whole number, {limits}.")
    return int(value)


def check_window(window: int, causal: bool, name: str = "window") -> None:
    """Refuse a window of no tokens, and one without a middle where a middle is needed."""
    what = f"{name} has W = {window} slots" if name == "bias" else f"{name} = {window}"
    if not isinstance(window, int) or isinstance(window, bool):
        raise ValueError(f"{name} = {window!r} must be a whole number of tokens.")
    if window < 1:
        raise ValueError(f"{what}: a window holds at least the query's own token.")
    if not causal and window % 2 == 0:
        raise ValueError(f"{what}: with causal=False the own token is in the middle, so W must be odd.")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse a word that is not one of ``choices``."""
    if value not in choices:
        raise ValueError(f"{name} = {value!r} is not one of {', '.join(map(repr, choices))}.")


def check_heads(d_model: int, num_heads: int, rope: bool) -> None:
    """Refuse a width that the heads do not share evenly."""
    check_count("d_model", d_model)
    check_count("num_heads", num_heads)
    if d_model % num_heads:
        raise ValueError(f"d_model = {d_model} is not divisible by num_heads = {num_heads}.")
    if rope and d_model // num_heads % 2:
        raise ValueError(
            f"d_model = {d_model} gives heads of {d_model // num_heads} numbers, and rope turns pairs: "
            "make d_model / num_heads even, or pass rope=False."
        )


def check_tensor(name: str, value: object) -> None:
    """Refuse what is no tensor."""
    if not isinstance(value, Tensor):
        raise ValueError(f"{name} is {kind_of(value)}: give a tensor.")


def number(name: str, value: Any) -> float:
    """``value`` as a float; words, and what is not finite, are refused."""
    try:
        found = math.nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):  # the third is a tensor's of several numbers
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{name} = {value!r} must be a finite number.")
    return found


def kind_of(value: object) -> str:
    """What a wrong argument is, for a message: None, or its type."""
    return "None" if value is None else f"of the type {type(value).__name__}"


def shown(text: object) -> str:
    """What a file says, for a message: nothing that moves a cursor, and no more than fits in a few lines."""
    text = str(text)
    line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:SHOWN])
    return line + "…" * (len(text) > SHOWN)


def listed(names: Sequence[str]) -> str:
    """The first names of many."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(map(shown, names[:3]))}{more}"
