"""--plot FILE: the picture goes to its place whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .options import Misuse

__all__ = ["check_file", "draw"]

FORMATS = ("png", "pdf", "svg")


def check_file(name: str) -> Path:
    """The file of --plot, if a picture can be put there; refused before any work."""
    path = Path(os.path.realpath(name))  # a link keeps pointing to where it points
    suffix = Path(name).suffix
    if suffix.lower().lstrip(".") not in FORMATS:
        known = ", ".join(f".{word}" for word in FORMATS)
        raise Misuse(f"--plot takes a file whose name ends in one of {known}; {name!r} ends in {suffix or 'none'}.")
    if not path.parent.is_dir():
        raise Misuse(f"--plot {name}: the folder {path.parent} does not exist.")
    if path.is_dir():
        raise Misuse(f"--plot {name}: this is a folder; give the name of a file.")
    if not os.access(path.parent, os.W_OK):
        raise Misuse(f"--plot {name}: the folder {path.parent} cannot be written to.")
    return path


def draw(path: Path, paint: Callable[[Any], Any]) -> None:
    """``paint(axes)`` on a figure of its own, saved beside its place and moved there."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    paint(figure.subplots())
    kind = path.suffix.lower().lstrip(".")
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
        try:
            with os.fdopen(handle, "wb") as file:
                figure.savefig(file, format=kind, dpi=150)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise Misuse(f"--plot {path}: {error.strerror or error}.") from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
