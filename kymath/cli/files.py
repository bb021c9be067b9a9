"""Files that a command writes: refused before any work, and put in their place whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from .options import Misuse

__all__ = ["place", "put"]


def place(name: str, option: str) -> Path:
    """The file that an option names, if one can be put there."""
    path = Path(os.path.realpath(name))  # a link keeps pointing to where it points
    if not path.parent.is_dir():
        raise Misuse(f"{option} {name}: the folder {path.parent} does not exist.")
    if path.is_dir():
        raise Misuse(f"{option} {name}: this is a folder; give the name of a file.")
    if not os.access(path.parent, os.W_OK):
        raise Misuse(f"{option} {name}: the folder {path.parent} cannot be written to.")
    return path


def put(path: Path, option: str, save: Callable[[IO[bytes]], Any]) -> None:
    """``save(file)`` on a file beside its place, which is then moved there."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
        try:
            with os.fdopen(handle, "wb") as file:
                save(file)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise Misuse(f"{option} {path}: {error.strerror or error}.") from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
