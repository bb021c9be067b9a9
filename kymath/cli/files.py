"""Files that a command writes: refused before any work, and put in their place whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from .options import Misuse

__all__ = ["apart", "place", "put"]

_SHOWN = 100  # characters of a name in a complaint


def place(name: str, option: str) -> Path:
    """The file that an option names, if one can be put there: a new one, or one in place of a regular file."""
    asked = f"{option} {name if len(name) <= _SHOWN else name[:_SHOWN] + '…'}"
    if not name:
        raise Misuse(f"{option} is empty; give the name of a file.")
    try:
        named = os.path.dirname(name)
        if named and _status(named) is None:  # before links and .. are followed, which need no folder to be there
            raise Misuse(f"{asked}: the folder {named[:_SHOWN]} does not exist.")
        old = _status(name)
        path = Path(os.path.realpath(name))  # a link keeps pointing to where it points
        folder = _status(str(path.parent))
        if old is None and _status(str(path)) is not None:
            raise Misuse(f"{asked}: the name changed while it was looked at; try again.")
    except ValueError as error:  # a zero byte
        raise Misuse(f"{asked}: no name of a file: {error}.") from error
    except OSError as error:  # no permission to look, too long, links in a circle
        raise Misuse(f"{asked}: {error.strerror or error}.") from error
    if folder is None or not stat.S_ISDIR(folder.st_mode):
        raise Misuse(f"{asked}: the folder {path.parent} does not exist.")
    if old is not None:
        _replaceable(old, path, asked)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise Misuse(f"{asked}: the folder {path.parent} cannot be written to.")
    return path


def apart(path: Path, asked: str, source: str) -> None:
    """Refuse to write over the file that is read, under whatever name."""
    try:
        same = os.path.samefile(path, source)
    except (OSError, ValueError):  # one of them is not there, and who reads it says so
        return
    if same:
        raise Misuse(f"{asked}: this is the file that is read; give another name.")


def put(path: Path, option: str, save: Callable[[IO[bytes]], Any]) -> None:
    """``save(file)`` on a file beside its place, which is then moved there, with the permissions of the one there."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".kymath-", suffix=path.suffix)
        try:
            with os.fdopen(handle, "wb") as file:
                save(file)
            old = _status(str(path))
            if old is not None:  # it may have come meanwhile
                _replaceable(old, path, f"{option} {path}")
                with contextlib.suppress(OSError, AttributeError):  # the owner is for the superuser to keep
                    os.chown(temporary, old.st_uid, old.st_gid)
            os.chmod(temporary, 0o666 & ~_umask() if old is None else stat.S_IMODE(old.st_mode))
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise Misuse(f"{option} {path}: {error.strerror or error}.") from error


def _status(name: str) -> os.stat_result | None:
    """What is there, behind links; None where nothing is."""
    try:
        return os.stat(name)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _replaceable(old: os.stat_result, path: Path, asked: str) -> None:
    """Only a regular file that may be written to is ever replaced."""
    if stat.S_ISDIR(old.st_mode):
        raise Misuse(f"{asked}: this is a folder; give the name of a file.")
    if not stat.S_ISREG(old.st_mode):
        raise Misuse(f"{asked}: this is no regular file (a device, a pipe or a socket); give the name of a file.")
    with contextlib.suppress(OSError, ValueError):  # what is printed would be lost with the file that it goes to
        if os.path.samestat(old, os.fstat(1)):
            raise Misuse(f"{asked}: standard output goes to this file; give another name.")
    if not old.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise Misuse(f"{asked}: the file is read-only; give another name, or allow writing.")


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
