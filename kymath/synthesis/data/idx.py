"""Images and labels in four IDX files, as MNIST has them."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import torch
from torch import Tensor

from ...errors import ShapeMismatch
from ...training.reading import Unreadable
from ...training.words import counted
from .examples import Part
from .opening import EXAMPLES, MOST, at_most, either, opened

_NAMES = ("images-idx3-ubyte", "labels-idx1-ubyte")
FILES = tuple(f"{part}-{name}{ending}" for part in ("train", "t10k") for name in _NAMES for ending in ("", ".gz"))
LARGEST = 3 * 512 * 512  # pixels in an image: each takes some 60 bytes in training
_BYTES = 0x08  # the third byte of the magic number: the type of the values


def read(folder: Path) -> tuple[Part, Part]:
    """The training and the test part, images (N, 1, H, W); raises ``Unreadable`` and ``ShapeMismatch``.

    Source: the format's description, "THE IDX FILE FORMAT" on the page of the MNIST database.
    """
    return _part(folder, "train"), _part(folder, "t10k")


def _part(folder: Path, part: str) -> Part:
    paths = [either(folder, f"{part}-{name}") for name in _NAMES]
    images, labels = array(paths[0], 3), array(paths[1], 1)
    if len(images) != len(labels):
        raise ShapeMismatch(
            f"{paths[0]} has {counted(len(images), 'image')} and {paths[1]} {counted(len(labels), 'label')}; as many "
            "were expected."
        )
    return Part(images.unsqueeze(1), labels.long())


def array(path: Path, dimensions: int) -> Tensor:
    """The bytes of an IDX file, uint8, with as many dimensions as asked for.

    The file begins with 0, 0, the type 0x08 and the number of dimensions, then each dimension in four bytes, highest
    first. Raises ``Unreadable`` where the file begins in another way, announces too much, or has not the length that
    it announces.
    """
    with opened(path) as stream:
        start = bytes(at_most(stream, 4))
        if start != bytes((0, 0, _BYTES, dimensions)):
            raise Unreadable(
                f"{path} is not the IDX file expected here: it begins with {start.hex(' ') or 'nothing'}, and "
                f"00 00 08 {dimensions:02x} (bytes, {counted(dimensions, 'dimension')}) was expected."
            )
        header = at_most(stream, 4 * dimensions)
        if len(header) < 4 * dimensions:
            raise Unreadable(f"{path} is cut off within its first {4 + 4 * dimensions} bytes: get it again.")
        shape = struct.unpack(f">{dimensions}I", header)
        announced = f"announces {' × '.join(f'{n:,}' for n in shape)} bytes"
        _check(shape, f"{path} {announced}")
        size = math.prod(shape)
        data = at_most(stream, size + 1)
    if len(data) != size:
        holds = f"only {len(data):,}" if len(data) < size else "more"
        raise Unreadable(f"{path} {announced} and holds {holds}: get it again.")
    if not size:
        return torch.empty(shape, dtype=torch.uint8)
    return torch.frombuffer(data, dtype=torch.uint8).reshape(shape)


def _check(shape: tuple[int, ...], announced: str) -> None:
    """Nothing is read of a file that would ask for too much, here or in training."""
    if math.prod(shape) > MOST or max(shape) > MOST:  # a dimension of 0 would hide the others
        raise Unreadable(f"{announced}; {MOST:,} is the most that is read.")
    if shape[0] > EXAMPLES:
        raise Unreadable(f"{announced}: {EXAMPLES:,} examples are the most that is read; give fewer.")
    pixels = math.prod(shape[1:])
    if pixels > LARGEST:
        raise Unreadable(
            f"{announced}: {pixels:,} pixels in one image, and {LARGEST:,} are the most that is read; make the images "
            "smaller."
        )
