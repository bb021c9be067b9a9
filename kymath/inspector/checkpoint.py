"""What a model's tensors are called, and those that are asked for: from files without torch, or from a model.

Of a file only the header is read, then the bytes of the tensors that a layout wants. Pickles are never opened.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import KYError

Shape = tuple[int, ...]
_INDEX = ".index.json"
_MOST = 2**24  # numbers in a table of biases or a small net's weights; more is no bias
_MODEL, _STATE = "kymath.condor", "kymath.training"  # what our own files call themselves
_MOST_TEXT = 2**26  # bytes of config.json or an index
_KINDS = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BF16": "<u2",
}  # fmt: skip
# of torch.compile and FSDP, anywhere in a key, and of DataParallel, before it
_WRAPPERS = re.compile(r"(?:(?<=\.)|^)(?:_orig_mod|_fsdp_wrapped_module)\.")
_PARALLEL = "module."


@dataclass(frozen=True)
class Checkpoint:
    """Names and shapes of the tensors of a model, and the way to their numbers.

    ``shapes`` is by name, ``config`` what lies beside the tensors (``config.json``, or the configuration inside our own
    files), ``where`` what messages call it. ``metadata`` is the file's own; ``ours`` for what kymath.nn made.
    """

    where: str
    shapes: dict[str, Shape]
    reader: Callable[[str], np.ndarray] = field(repr=False)
    config: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    ours: bool = False

    def read(self, name: str) -> np.ndarray:
        """One tensor in double precision. Raises ``KYError`` for one that is too large for a bias, or not numbers."""
        shape = self.shapes[name]
        if int(np.prod(shape, dtype=object)) > _MOST:
            raise KYError(f"{self.where}: {shown(name)} has the shape {shape}: too large for a table of biases.")
        found = np.asarray(self.reader(name))
        if found.dtype.kind not in "fiu":
            raise KYError(f"{self.where}: {shown(name)} holds {found.dtype}, not real numbers.")
        found = found.astype(float)
        if not np.isfinite(found).all():
            raise KYError(f"{self.where}: {shown(name)} holds numbers that are infinite or not a number.")
        return found

    def has(self, *names: str) -> bool:
        return all(name in self.shapes for name in names)


def shown(value: Any, most: int = 100) -> str:
    """A name or value of a file for a message: printable and no longer than a line."""
    try:
        text = str(value)
    except (ValueError, RecursionError):  # whole numbers of too many digits; lists in lists
        text = f"a {type(value).__name__} that cannot be shown"
    text = "".join(letter if letter.isprintable() else "·" for letter in text[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"


def open_checkpoint(source: Any) -> Checkpoint:
    """The checkpoint of a path (a safetensors file, its index of shards, or a folder with one), a mapping of names to
    arrays, or a model with ``state_dict`` (and ``config``, where it has one).

    Raises ``KYError`` with what was looked for and what was found; ``OSError`` where there is nothing to read.

    >>> open_checkpoint({"module.bias_p": np.ones(2)}).shapes
    {'bias_p': (2,)}
    """
    if isinstance(source, (str, os.PathLike)):
        if not os.fspath(source):
            raise KYError(
                "the path is empty: give a safetensors file, its index of shards, or a folder (. for this one)."
            )
        return _of_path(Path(source))
    if isinstance(source, Mapping):
        return _of_tensors("the tensors", source, {})
    if callable(getattr(source, "state_dict", None)):
        made = type(source).__module__.partition(".")[0] == __name__.partition(".")[0]
        return _of_tensors(type(source).__name__, source.state_dict(), _config_of(source), ours=made)
    raise KYError(
        f"model_or_path is {type(source).__name__}: give a safetensors file, a folder with one, a model, or a dict of "
        "names and arrays."
    )


def _of_tensors(where: str, tensors: Mapping[Any, Any], config: dict[str, Any], *, ours: bool = False) -> Checkpoint:
    named = {name: value for name, value in tensors.items() if isinstance(name, str) and hasattr(value, "shape")}
    if tensors and not named:
        kinds = ", ".join(sorted({type(value).__name__ for value in tensors.values()})[:3])
        raise KYError(f"{where}: names with arrays were looked for, and {kinds} found; give the model's state_dict.")
    found = _plain_names(where, named)

    def reader(name: str) -> np.ndarray:
        value = named[found[name]]
        if not hasattr(value, "detach"):
            return np.asarray(value)
        if value.is_complex() or value.is_meta:
            kind = "complex numbers" if value.is_complex() else "no numbers (device meta)"
            raise KYError(f"{where}: {shown(name)} holds {kind}.")
        # torch, which need not be imported for it; bfloat16 has no NumPy
        return np.asarray(value.detach().double().cpu().numpy())

    shapes = {name: tuple(map(int, named[key].shape)) for name, key in found.items()}
    return Checkpoint(where, shapes, reader, config, ours=ours)


def _of_path(path: Path) -> Checkpoint:
    if "\0" in str(path):
        raise KYError("the path has a character of code 0 in it.")
    if path.is_dir():
        return _of_folder(path)
    if path.exists() and not path.is_file():
        raise KYError(f"{path} is no regular file: a safetensors file was looked for.")
    if path.name.endswith(_INDEX):
        return _of_index(path)
    file = _File(path)
    made = file.metadata.get("format")
    if made == _STATE:
        raise KYError(
            f"{path} is the state of a training, to go on from, not the model: give checkpoint.safetensors beside it."
        )
    names = _plain_names(str(path), file.entries)
    shapes = {name: file.entries[key].shape for name, key in names.items()}
    config = _json_of(file.metadata.get("config", "")) or _config(path.parent)
    return Checkpoint(str(path), shapes, lambda name: file.read(names[name]), config, file.metadata, made == _MODEL)


def _of_folder(folder: Path) -> Checkpoint:
    for pattern in ("model.safetensors", f"*{_INDEX}", "checkpoint.safetensors", "*.safetensors"):
        found = sorted(path for path in folder.glob(pattern) if "safetensors" in path.name)
        if len(found) == 1:
            return _of_path(found[0])
        if found:
            names = ", ".join(shown(one.name) for one in found[:4])
            kind = "indexes" if pattern.endswith(_INDEX) else "files of tensors and no index of them"
            raise KYError(f"{folder} holds several {kind} ({names}): name one of them.")
    config = _config(folder)
    if config:  # ALiBi has no tensors: the number of heads says all
        return Checkpoint(str(folder), {}, lambda name: np.empty(0), config)
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in (".bin", ".pt", ".pth", ".ckpt"))
    also = f" {shown(pickles[0])} is a pickle by its name, and those are never read." if pickles else ""
    raise KYError(f"{folder} holds no .safetensors file, no *{_INDEX} and no config.json that can be read.{also}")


def _of_index(path: Path) -> Checkpoint:
    if path.stat().st_size > _MOST_TEXT:
        raise KYError(f"{path} is no index of shards: it is larger than {_MOST_TEXT} bytes.")
    where = (_json_of(path.read_bytes()) or {}).get("weight_map")
    if not isinstance(where, dict) or not all(isinstance(shard, str) for shard in where.values()):
        raise KYError(f"{path} is no index of shards: it has no weight_map of names to files.")
    files: dict[str, _File] = {}
    for shard in sorted(set(where.values())):
        if Path(shard).name != shard or "\0" in shard or "\\" in shard:
            raise KYError(f"{path}: the shard {shown(shard)} lies outside its folder.")
        if not (path.parent / shard).is_file():
            raise KYError(f"{path}: the shard {shown(shard)} is not there.")
        files[shard] = _File(path.parent / shard)
    names = _plain_names(str(path), where)
    for key, shard in where.items():
        if key not in files[shard].entries:
            raise KYError(f"{path}: {shown(key)} is not in {shown(shard)}, as the index says.")
    shapes = {name: files[where[key]].entries[key].shape for name, key in names.items()}
    return Checkpoint(str(path), shapes, lambda name: files[where[names[name]]].read(names[name]), _config(path.parent))


def shards(index: Path) -> list[Path]:
    """The files that an index names, none for what is no index: those are not to be written over."""
    try:
        where = (_json_of(index.read_bytes()) or {}).get("weight_map") if index.stat().st_size <= _MOST_TEXT else None
    except OSError:
        return []
    names = set(where.values()) if isinstance(where, dict) and all(map(_is_text, where.values())) else set()
    return [index.parent / name for name in sorted(names)]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


@dataclass(frozen=True)
class _Entry:
    """A tensor: the name of its type, its shape, and where its bytes lie after the header."""

    kind: str
    shape: tuple[int, ...]
    begin: int
    end: int


class _File:
    """The header of a file, which the library of the format has found sound; tensors are read when asked for.

    Raises ``KYError`` that says what is wrong with another file; ``OSError`` where there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        library = _safetensors()
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(9)
            length = int.from_bytes(head[:8], "little")
            if len(head) < 9 or head[8:] != b"{" or length > size - 8:
                raise KYError(_no_safetensors(path, head))
            try:
                with library.safe_open(str(path), framework="numpy"):
                    pass
            except OSError:
                raise
            except Exception as error:  # the library's own type is no ValueError
                raise KYError(f"{path} is not a safetensors file, or is damaged: {shown(error, 200)}") from error
            file.seek(8)
            header = _json_of(file.read(length)) or {}
        self._start = 8 + length
        self.metadata: dict[str, str] = header.pop("__metadata__", None) or {}
        self.entries = {
            name: _Entry(one["dtype"], tuple(one["shape"]), *one["data_offsets"]) for name, one in header.items()
        }

    def read(self, name: str) -> np.ndarray:
        """The tensor of that name; bfloat16 as float32."""
        entry = self.entries[name]
        if entry.kind not in _KINDS:
            raise KYError(f"{self.path}: {shown(name)} is stored as {entry.kind}, which is not read here.")
        kind = np.dtype(_KINDS[entry.kind])
        with self.path.open("rb") as file:
            file.seek(self._start + entry.begin)
            data = file.read(entry.end - entry.begin)
        if len(data) != math.prod(entry.shape) * kind.itemsize:
            raise KYError(
                f"{self.path}: {shown(name)} has {len(data)} bytes, which do not fit the shape {entry.shape}."
            )
        found = np.frombuffer(data, kind)
        if entry.kind == "BF16":  # which NumPy lacks: the upper half of a float32
            found = (found.astype(np.uint32) << 16).view(np.float32)
        return found.reshape(entry.shape)


def _json_of(text: str | bytes) -> dict[str, Any] | None:
    """The object that the text is, None where it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _no_safetensors(path: Path, head: bytes) -> str:
    if head[:4] == b"PK\x03\x04" or (head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")):
        return (
            f"{path} is a pickle (torch.save): reading one can run any code, so kymath does not. "
            "Convert it where you trust it: safetensors.torch.save_file(torch.load(file, weights_only=True), …)."
        )
    if not head:
        return f"{path} is empty: a safetensors file was looked for."
    said = f"{path} is not a safetensors file: "
    if path.suffix.lower() == ".safetensors":
        return said + "it does not begin with a header that fits into it. It may be cut off."
    return (
        said + "what is read is a .safetensors file, its index of shards (.index.json), or a folder with one of them."
    )


def _safetensors() -> Any:
    try:
        import safetensors
    except ImportError as missing:
        raise ImportError("reading checkpoints needs safetensors: pip install 'kymath[inspect]'") from missing
    return safetensors


def _plain_names(where: str, keys: Iterable[str]) -> dict[str, str]:
    """What each tensor is called without the prefixes of wrappers -> what it is called there."""
    out: dict[str, str] = {}
    for key in keys:
        if out.setdefault(_plain(key), key) != key:
            both = f"{shown(out[_plain(key)])} and {shown(key)}"
            raise KYError(f"{where}: {both} are the same tensor, with the prefix of a wrapper and without: keep one.")
    return out


def _plain(name: str) -> str:
    return _WRAPPERS.sub("", name).removeprefix(_PARALLEL)


def _config(folder: Path) -> dict[str, Any]:
    """config.json beside the tensors, where there is one that can be read."""
    path = folder / "config.json"
    try:
        if not path.is_file() or path.stat().st_size > _MOST_TEXT:
            return {}
        return _json_of(path.read_bytes()) or {}
    except OSError:
        return {}


def _config_of(model: Any) -> dict[str, Any]:
    """The configuration of a model: of ours and of those of transformers, which know ``to_dict``; of a single
    attention layer of ours its window."""
    config = getattr(model, "config", None)
    for name in ("to_dict", "as_dict"):
        if callable(getattr(config, name, None)):
            return dict(getattr(config, name)())
    if isinstance(config, Mapping):
        return dict(config)
    return {name: getattr(model, name) for name in ("window", "causal") if hasattr(model, name)}
