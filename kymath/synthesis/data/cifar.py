"""CIFAR-10's two layouts: plain records, and Python pickles, which are read but never loaded."""

from __future__ import annotations

import os
import pickletools
import re
from pathlib import Path

import torch
from torch import Tensor

from ...training.reading import Unreadable
from ...training.words import counted
from .examples import Part
from .opening import whole

PICKLES, RECORDS = "cifar-10-batches-py", "cifar-10-batches-bin"  # the folders' names in the two archives
BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
FILES = tuple(f"{name}{ending}" for ending in ("", ".bin") for name in BATCHES)
SHAPE = (3, 32, 32)  # red, green, blue; rows from the top
PIXELS = 3 * 32 * 32
_MOST = 1 << 26  # bytes in a batch: the real ones hold 31 million
_INSTEAD = f"Pickles are looked through and never loaded: give the binary version, {RECORDS}, instead."
_MEMORY = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "FRAME", "PROTO"}  # notes of the pickle to itself
_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"}
_LIST = {"EMPTY_LIST", "MARK", "LIST", "APPEND", "APPENDS"}
_MOST_LABELS = _MOST // PIXELS  # as many images a batch can hold
_MOST_WORDS = 64  # twice those that NumPy writes before an array's bytes
# What NumPy writes there: its state is (version, shape, type, column by column?, bytes). NEWFALSE: row by row.
_ROWS_OF_BYTES = re.compile(
    r"numpy\._?core\.multiarray _reconstruct (STACK_GLOBAL )?numpy ndarray (STACK_GLOBAL )?0 TUPLE1 b TUPLE3 REDUCE "
    rf"MARK 1 \d+ {PIXELS} TUPLE2 (numpy|GET) dtype (STACK_GLOBAL )?u1 .* NEWFALSE"
)


def read(folder: Path) -> tuple[Part, Part]:
    """The training and the test part, images (N, 3, 32, 32); raises ``Unreadable``.

    Source: the description of both layouts on the page of the CIFAR-10 data set.
    """
    plain = any(os.path.exists(folder / f"{name}.bin") for name in BATCHES)
    *train, test = (records(folder / f"{name}.bin") if plain else pickled(folder / name) for name in BATCHES)
    return Part(torch.cat([images for images, _ in train]), torch.cat([labels for _, labels in train])), Part(*test)


def records(path: Path) -> tuple[Tensor, Tensor]:
    """The images and labels of a binary batch: for each image one byte with its label, then 3072 with its pixels."""
    data = whole(path, _MOST)
    if not data or len(data) % (1 + PIXELS):
        raise Unreadable(
            f"{path} holds {counted(len(data), 'byte')}; whole records of {1 + PIXELS} were expected: get it again."
        )
    rows = torch.frombuffer(data, dtype=torch.uint8).reshape(-1, 1 + PIXELS)
    return rows[:, 1:].reshape(-1, *SHAPE), rows[:, 0].long()


def pickled(path: Path) -> tuple[Tensor, Tensor]:
    """The images and labels of a batch of the Python version, a pickle of a dictionary with ``labels`` and ``data``.

    Loading a pickle can run any code, so this one is only looked through, opcode by opcode: the whole numbers after
    the string "labels", and after the string "data" the long run of bytes, which must be that of a NumPy array of the
    type ``u1`` and the shape (N, 3072). Nothing is called and nothing built.

    Raises ``Unreadable`` where the two are not found, not in one dictionary, or not with 3072 bytes for each label.

    Source: ``numpy.ndarray.__reduce__`` and ``pickletools`` for what is written of an array.
    """
    labels, pixels = _contents(path, bytes(whole(path, _MOST)))
    if not labels or pixels is None:
        missing = " and ".join(f'"{key}"' for key, found in (("labels", labels), ("data", pixels)) if not found)
        raise Unreadable(f"{path} is not a batch of CIFAR-10: {missing} was not found in it. {_INSTEAD}")
    if len(pixels) != PIXELS * len(labels):
        raise Unreadable(
            f"{path} has {counted(len(labels), 'label')} and {len(pixels):,} bytes of images; {PIXELS} for each label "
            "were expected."
        )
    images = torch.frombuffer(pixels, dtype=torch.uint8).reshape(-1, *SHAPE)
    return images, torch.tensor(labels, dtype=torch.int64)


def _contents(path: Path, data: bytes) -> tuple[list[int], bytearray | None]:
    labels: list[int] = []
    pixels: bytearray | None = None
    key, dictionaries = "", 0
    words: list[str] = []  # what stands after the key "data"
    try:
        for opcode, value, _ in pickletools.genops(data):
            name = opcode.name
            if name in _MEMORY:
                continue
            dictionaries += name in ("EMPTY_DICT", "DICT")
            if dictionaries > 1:  # a key of one is not to be taken for that of another
                raise Unreadable(f"{path} is not a batch of CIFAR-10: it has more than one dictionary. {_INSTEAD}")
            if key == "data" and isinstance(value, str | bytes | bytearray) and len(value) >= PIXELS:
                if pixels is not None or not _ROWS_OF_BYTES.fullmatch(" ".join(words)):
                    raise Unreadable(
                        f"{path} does not keep its images as one NumPy array of the type u1 and the shape "
                        f"(N, {PIXELS}), row by row. {_INSTEAD}"
                    )
                pixels = bytearray(value.encode("latin-1") if isinstance(value, str) else value)
                key = ""
            elif value in ("data", b"data", "labels", b"labels"):
                key = value if isinstance(value, str) else value.decode()
                words = []
            elif key == "data" and len(words) < _MOST_WORDS:
                words.append(_word(name, value))
            elif key == "labels" and isinstance(value, int) and name in _NUMBERS:
                labels.append(_label(path, value, len(labels)))
            elif key == "labels" and name not in _LIST:
                key = ""
    except Unreadable:
        raise
    except Exception as error:  # whatever bytes that are no pickle can do to its reader
        raise Unreadable(f"{path} is not a pickle that can be read through: {error}") from error
    return labels, pixels


def _word(name: str, value: object) -> str:
    if value is None or name.endswith("GET"):  # a note's number is no number of the array
        return name.removeprefix("LONG_").removeprefix("BIN")
    return value.decode("latin-1") if isinstance(value, bytes | bytearray) else str(value)


def _label(path: Path, value: int, before: int) -> int:
    if before == _MOST_LABELS:
        raise Unreadable(f"{path} has more than {_MOST_LABELS:,} labels, which is more than a batch has images.")
    if not 0 <= value < 10:
        raise Unreadable(f"{path}: 0 to 9 are the labels of CIFAR-10; {str(value)[:20]} is in it.")
    return value
