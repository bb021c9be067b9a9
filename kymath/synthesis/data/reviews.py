"""Texts and labels in JSON lines, as IMDB is read here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from ...training.reading import Unreadable
from .examples import Part
from .opening import EXAMPLES, either, opened

_NAMES = ("train.jsonl", "test.jsonl")
FILES = tuple(f"{name}{ending}" for name in _NAMES for ending in ("", ".gz"))
LONGEST = 1 << 24  # bytes in a line
MOST = 1 << 28  # bytes in a file: eight times IMDB
_SHAPE = 'a line is {"text": "…", "label": 0}'


def read(folder: Path) -> tuple[Part, Part]:
    """The training and the test part; raises ``Unreadable``, which names the line."""
    train, test = (examples(either(folder, name)) for name in _NAMES)
    return train, test


def examples(path: Path) -> Part:
    """One example a line, ``{"text": string, "label": whole number}`` in UTF-8; further keys and blank lines may be.

    Raises ``Unreadable`` for anything else, with the number of the line, the first being 1.

    Source: the format's description at jsonlines.org.
    """
    texts: list[str] = []
    labels: list[int] = []
    total = 0
    with opened(path) as stream:
        for number, line in enumerate(iter(lambda: stream.readline(LONGEST + 1), b""), 1):
            total += len(line)
            if len(line) > LONGEST:
                raise Unreadable(f"{path}, line {number:,}: longer than {LONGEST:,} bytes, the most that is read.")
            if total > MOST:
                raise Unreadable(f"{path} holds more than {MOST:,} bytes, which is the most that is read.")
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            line = line.rstrip()
            if not line:
                continue
            try:
                text, label = _example(line)
            except Unreadable as error:
                raise Unreadable(f"{path}, line {number:,}: {error}") from error.__cause__
            if len(texts) == EXAMPLES:
                raise Unreadable(
                    f"{path}, line {number:,}: {EXAMPLES:,} examples are the most that is read; give fewer."
                )
            texts.append(text)
            labels.append(label)
    return Part(texts, torch.tensor(labels, dtype=torch.int64))


def _example(line: bytes) -> tuple[str, int]:
    try:
        row: Any = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Unreadable(f"not text in UTF-8: {error.reason} at byte {error.start}.") from error
    except json.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error.msg} at character {error.pos + 1}; {_SHAPE}.") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets in brackets
        raise Unreadable(f"not JSON that can be read: {error}; {_SHAPE}.") from error
    if not isinstance(row, dict):
        raise Unreadable(f"{_kind(row)} was found; {_SHAPE}.")
    for key in ("text", "label"):
        if key not in row:
            raise Unreadable(f'"{key}" is missing; {_SHAPE}.')
    text, label = row["text"], row["label"]
    if not isinstance(text, str):
        raise Unreadable(f'"text" must be a string; {_kind(text)} was found.')
    if not isinstance(label, int) or isinstance(label, bool):
        raise Unreadable(f'"label" must be a whole number; {_kind(label)} was found.')
    if not -(2**63) <= label < 2**63:
        raise Unreadable('"label" does not fit in 64 bits; classes are best numbered 0, 1, ….')
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:  # half of a pair, as "\ud800" writes it
        raise Unreadable(f'"text" is not valid Unicode: {error.reason} at character {error.start + 1}.') from error
    return text, label


def _kind(value: Any) -> str:
    """What JSON calls a value."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    names = {str: "a string", int: "a number", float: "a fraction", list: "a list", dict: "an object"}
    return names[type(value)]
