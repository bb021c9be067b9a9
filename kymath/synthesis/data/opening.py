"""Files that may be compressed, cut off, damaged or no files at all, read without filling the memory."""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ...training.reading import Unreadable

MOST = 1 << 30  # bytes that one file of images may hold: twenty times MNIST
EXAMPLES = 5_000_000  # in one part: a label is one byte in a file and many more in memory
_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, decompressed where it begins as gzip does, whatever its name.

    What goes wrong before and inside the ``with`` is an ``Unreadable`` that names the file.
    """
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise Unreadable(f"{path} is a folder; a file was expected.")
        if not stat.S_ISREG(kind):
            raise Unreadable(f"{path} is a pipe or a device and may have no end: write it to a file first.")
        with path.open("rb") as file:
            zipped = file.read(2) == _GZIP
            file.seek(0)
            if zipped:
                with gzip.open(file) as unzipped:
                    yield cast(BinaryIO, unzipped)
            else:
                yield file
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise Unreadable(f"{path} is a damaged or cut off gzip file ({error}): get it again.") from error
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}.") from error


def at_most(stream: BinaryIO, count: int) -> bytearray:
    """The next ``count`` bytes, fewer where the stream ends; memory is taken as they arrive, not as announced."""
    data = bytearray()
    while len(data) < count:
        piece = stream.read(min(_PIECE, count - len(data)))
        if not piece:
            break
        data += piece
    return data


def whole(path: Path, most: int = MOST) -> bytearray:
    """All bytes of a file that holds at most ``most``, else ``Unreadable``."""
    with opened(path) as stream:
        data = at_most(stream, most + 1)
    if len(data) > most:
        raise Unreadable(f"{path} holds more than {most:,} bytes, which is the most that is read.")
    return data


def either(folder: Path, name: str) -> Path:
    """``name`` in the folder, or ``name.gz`` where only that is there."""
    plain, zipped = folder / name, folder / f"{name}.gz"
    return zipped if not os.path.exists(plain) and os.path.exists(zipped) else plain
