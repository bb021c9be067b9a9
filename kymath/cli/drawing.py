"""--plot FILE, or --out: a picture of the answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .files import place, put
from .options import Misuse

__all__ = ["check_file", "draw"]

FORMATS = ("png", "pdf", "svg")


def check_file(name: str, option: str = "--plot") -> Path:
    """The file that an option names, if a picture can be put there; refused before any work."""
    suffix = Path(name).suffix
    if suffix.lower().lstrip(".") not in FORMATS:
        known = ", ".join(f".{word}" for word in FORMATS)
        raise Misuse(f"{option} takes a file whose name ends in one of {known}; {name!r} ends in {suffix or 'none'}.")
    return place(name, option)


def draw(path: Path, paint: Callable[[Any], Any], option: str = "--plot") -> None:
    """``paint(axes)`` on a figure of its own, saved where it belongs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    paint(figure.subplots())
    kind = path.suffix.lower().lstrip(".")
    put(path, option, lambda file: figure.savefig(file, format=kind, dpi=150))
