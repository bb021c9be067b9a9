"""What the pictures share: colours that keep apart in grey and for the colour-blind, axes, names and numbers in TeX.

Nothing here changes matplotlib's settings: fonts and sizes are the reader's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import matplotlib as mpl
import sympy as sp
from matplotlib.axes import Axes
from matplotlib.mathtext import MathTextParser

from ..expressions import latex
from ..result import KYTransform

INK = "#1a1a1a"
LIMIT = "#d55e00"
QUIET = "#8c8c8c"
SHADE = "#ececec"
#: Okabe and Ito (2008), ordered so that neighbours differ in lightness too, with a marker each
SERIES = (
    ("#0072b2", "o"),
    ("#d55e00", "s"),
    ("#009e73", "^"),
    ("#56b4e9", "D"),
    ("#1a1a1a", "v"),
    ("#cc79a7", "P"),
    ("#e69f00", "X"),
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def axes(ax: Axes | None, size: tuple[float, float] = (6.4, 4.4)) -> Axes:
    """The axes given, or those of a new figure."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    _, made = plt.subplots(figsize=size, layout="constrained")
    return made


def shades(count: int) -> list[tuple[float, float, float, float]]:
    """Blues from light to dark, one for each step."""
    blues = mpl.colormaps["Blues"]
    return [blues(0.38 + 0.57 * (k / max(count - 1, 1))) for k in range(count)]


@lru_cache(maxsize=512)
def readable(tex: str) -> bool:
    """Whether matplotlib's mathtext can set the formula."""
    try:
        MathTextParser("path").parse(f"${tex}$")
    except ValueError:
        return False
    return True


def math(tex: str, otherwise: str) -> str:
    """The formula between dollars, or other words where mathtext cannot set it or it is too long to read."""
    return f"${tex}$" if len(tex) <= 120 and readable(tex) else otherwise


def name(parameter: str) -> str:
    """A parameter's name in TeX: a2 → a_{2}, omega → \\omega."""
    tex = sp.latex(sp.Symbol(parameter))
    return tex if readable(tex) else rf"\mathrm{{{parameter}}}"


def figure(value: Any, digits: int = 3) -> str:
    """A number in TeX: short exact numbers as they are, others to a few digits."""
    if isinstance(value, sp.Basic) and (value.is_Integer or value.is_Rational) and len(str(value)) <= 7:
        return latex(value) if value.is_Integer else rf"{'-' if value < 0 else ''}{abs(value.p)}/{value.q}"
    return decimal(float(value), digits)


def decimal(value: float, digits: int = 3) -> str:
    """A float in TeX to a few digits, 1.2 \\cdot 10^{-7} and all."""
    text = f"{value:.{digits}g}"
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    power = rf"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else rf"{mantissa} \cdot {power}"


def approximate(value: Any) -> bool:
    """Whether :func:`figure` leaves digits out."""
    if isinstance(value, sp.Basic) and value.is_Rational and len(str(value)) <= 7:
        return False
    return abs(float(f"{float(value):.3g}") - float(value)) > 1e-12 * abs(float(value))


def function_tex(result: KYTransform) -> str:
    """f in TeX: its formula where it is one and short, its name otherwise."""
    function = result.function
    if function is None:
        return "f"
    if function.symbolic:
        tex = latex(function.shown)
        return tex if len(tex) <= 60 and readable(tex) else "f"
    return "f" if not re.fullmatch(r"[A-Za-z]\w*", function.label) else name_of(function.label)


def name_of(label: str) -> str:
    """A callable's name in TeX."""
    return label if len(label) == 1 else rf"\mathrm{{{label.replace('_', chr(92) + '_')}}}"


def transform_tex(result: KYTransform) -> str:
    """\\nabla_P^2[f](x_0) = (…), as the paper writes it."""
    word = result.symbol.removeprefix("∇_")
    letter = word.rstrip("⁰¹²³⁴⁵⁶⁷⁸⁹")
    degree = word[len(letter) :].translate(_SUPERSCRIPTS)
    operator = rf"\nabla_{{{letter}}}" + (f"^{{{degree}}}" if degree else "")
    values = ",\\, ".join(f"{{{c}}}" if c.startswith("-") else c for c in map(figure, result.theta))
    relation = r"\approx" if any(approximate(c) for c in result.theta) else "="
    inner, point = function_tex(result), figure(result.x0, 4)
    tex = rf"{operator}\left[{inner}\right]\left({point}\right) {relation} \left({values}\right)"
    return tex if readable(tex) else rf"{operator}[f]({point}) {relation} ({values})"


def circumstances(result: KYTransform, side: str | None = None) -> str:
    """The rule and the side, where they are not the usual ones."""
    words = [] if repr(result.rule) == "Osculating()" else [repr(result.rule)]
    side = result.side if side is None else side
    words += [] if side == "both" else [f"from the {side}"]
    return ", ".join(words)


def titled(ax: Axes, result: KYTransform, side: str | None = None) -> None:
    """The transform as the title, and its circumstances below."""
    tex = f"${transform_tex(result)}$"
    more = circumstances(result, side)
    ax.set_title(f"{tex}\n{more}" if more else tex, fontsize="medium", color=INK)


def plain(ax: Axes) -> None:
    """Two spines and ticks outside."""
    ax.spines[["top", "right"]].set_visible(False)


def listed(numbers: Sequence[float]) -> str:
    """0.8, 0.4, …, 0.05 in TeX."""
    words = [f"{{{word}}}" for word in (decimal(float(n), 2) for n in numbers)]
    return ", ".join(words) if len(words) <= 3 else rf"{words[0]},\, {words[1]},\, \ldots,\, {words[-1]}"
