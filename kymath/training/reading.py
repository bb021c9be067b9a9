"""Where the lines come from: a folder, the public data set, a file."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import KYError, NotApplicable
from .words import counted

WIKITEXT = "wikitext-2"
SOURCE = ("Salesforce/wikitext", "wikitext-2-v1")
HINT = "Give a folder that holds it with --data-dir, or name it in the environment variable KYMATH_DATA."
_TEXT = f"{HINT.removesuffix('.')}, or your own text: --data FILE.txt."
_TALKERS = "datasets", "huggingface_hub"  # what they say on the way, retries and all, is in the error at the end


class Unreadable(KYError):
    """Data that cannot be had or read."""


def lines_of(data: str, data_dir: Path | None) -> tuple[list[str], list[str]]:
    """The non-empty lines for training and for validation, each with its line break.

    WikiText-2 has its own validation part; of a file the last tenth of the lines is.
    """
    if data == WIKITEXT:
        parts = [_wikitext(name, data_dir) for name in ("train", "valid")]
        return parts[0], parts[1]
    lines = _lines(text_of(Path(data)))
    if len(lines) < 2:
        raise Unreadable(
            f"{data} has {counted(len(lines), 'line')} with text; one for training and one for validation is least."
        )
    held = max(1, len(lines) // 10)
    return lines[:-held], lines[-held:]


def _wikitext(part: str, data_dir: Path | None) -> list[str]:
    if data_dir is None:
        return _downloaded({"train": "train", "valid": "validation"}[part])
    return _lines(text_of(data_dir / WIKITEXT / f"{part}.txt"))


def _lines(text: str) -> list[str]:
    return [f"{line}\n" for line in text.split("\n") if line.strip()]


def text_of(path: Path) -> str:
    """A file of text in UTF-8, with any of the three line ends; ``Unreadable`` says what is wrong with another."""
    try:
        kind = path.stat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):  # of a folder the system says so
            raise Unreadable(f"{path} is a pipe or a device and may have no end: write it to a file first.")
        data = path.read_bytes()
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path} is not text in UTF-8: {error.reason} at byte {error.start}.") from None
    except Unreadable:
        raise
    except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
        raise Unreadable(f"{path}: {getattr(error, 'strerror', None) or error}.") from error
    if "\0" in text:
        raise Unreadable(f"{path} is not text: byte {data.index(0)} is zero.")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _downloaded(split: str) -> list[str]:
    try:
        import datasets
    except ImportError as missing:
        raise NotApplicable(f"WikiText-2 is fetched by datasets: pip install 'kymath[train]'. {_TEXT}") from missing
    try:
        with quiet(datasets):
            rows: Any = datasets.load_dataset(*SOURCE, split=split)
        return [text for text in rows["text"] if text.strip()]
    except Exception as error:  # whatever a network, a cache or a hub can do
        raise Unreadable(f"WikiText-2 could not be fetched: {' '.join(str(error).split())[:200]}. {_TEXT}") from error


@contextmanager
def quiet(datasets: Any = None) -> Iterator[None]:
    """What fetches keeps its log and its bars to itself."""
    with suppress(ImportError):
        import huggingface_hub  # noqa: F401  # sets its level when it is first imported
    loggers = [logging.getLogger(name) for name in _TALKERS]
    before = [logger.level for logger in loggers]
    bars = getattr(datasets, "are_progress_bars_disabled", lambda: True)()
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    if not bars:
        datasets.disable_progress_bars()
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
        if not bars:
            datasets.enable_progress_bars()
