"""What ``kymath samples`` reads: which column is t, which others are data, and hints on cells that are not numbers."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kymath.errors import BadSamples
from kymath.samples.result import sentences

from . import columns
from . import options as given

_COMMA = re.compile(r"'[+-]?\d*,\d+(e[+-]?\d+)?' is not a number", re.IGNORECASE)
_DATE = re.compile(r"'\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?!\d)[^']*' is not a number")
_DAY = np.timedelta64(86_400_000_000, "us")  # coarser than pandas' nanoseconds, which end in 2262
_LOOK = 1000  # rows that say whether a column is text


class _Known(NamedTuple):
    """What a look at the file shows of its columns."""

    names: list[str]
    labels: list[str]  # those that were the index of a table of pandas
    text: set[str]  # those that hold no numbers
    nameless: str | None = None  # what the first is called here, where the file has no name for it
    counts: bool = False  # and whether it numbers the rows


def read(name: str, time: str | None, y: list[str] | None) -> tuple[columns.Table, str]:
    """The table, and sentences on the columns that were left out; a ``Misuse`` comes with a hint."""
    time, y, skipped, said = _chosen(name, time, y)
    try:
        table = columns.read(name, time, y)
    except given.Misuse as error:
        raise given.Misuse(str(error) + _hint(str(error))) from None
    if table.time.startswith("__index_level_"):  # pandas' word for an index without a name
        table = replace(table, time="index")
    listed = ", ".join(repr(c) for c in skipped)
    many = len(skipped) > 1
    text = f"The column{'s' * many} {listed} {'hold' if many else 'holds'} no numbers." if skipped else ""
    return table, sentences(said, text, table.note)


def _hint(message: str) -> str:
    if _COMMA.search(message):
        return " Is its comma a decimal comma? Write a point, 1.5."
    if _DATE.search(message):
        return " Write dates as ISO 8601 has them: 2020-12-31, or 2020-12-31T18:00."
    return ""


def _chosen(name: str, time: str | None, y: list[str] | None) -> tuple[str | None, list[str] | None, list[str], str]:
    """--time and --y as the file fills them in, and what was skipped; what cannot be read is left to the reader."""
    path = Path(name)
    try:
        with open(path, "rb") as file:
            start = file.read(4)
        if path.suffix.lower() in (".parquet", ".pq") or start == b"PAR1":
            known = _parquet(path)
        else:
            known = _csv(path)
    except (OSError, ValueError, ImportError, csv.Error):  # columns.read says what it is
        return time, y, [], ""
    said, index = "", list(known.labels)
    if time is None and index:
        time = index[0]
    if known.nameless is not None:
        others = [c for c in known.names if c not in known.text and c != known.nameless]
        if time is None and known.counts and len(others) > 1 and others[0] not in (y or ()):
            time = others[0]
        time = known.names[0] if time is None else time
        if time == known.nameless:
            said = f"The first column has no name: it is t, called {known.nameless} here."
        elif known.nameless not in (y or ()):
            index.append(known.nameless)
            said = "The first column has no name and is left out."
    if y or not known.names:
        return time, y, [], said
    first = known.names[0] if time is None else time
    others = [c for c in known.names if c != first and c not in index]
    skipped = [c for c in others if c in known.text]
    kept = [c for c in others if c not in known.text]
    if not kept or (not skipped and not index):
        return time, None, [], said
    return time, kept, skipped, said


def _parquet(path: Path) -> _Known:
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.parquet.read_schema(path)
    test = pyarrow.types
    fine = (test.is_integer, test.is_floating, test.is_decimal, test.is_null)
    text = {field.name for field in schema if not any(is_(field.type) for is_ in fine)}
    about = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
    index = [c for c in about.get("index_columns", ()) if isinstance(c, str) and c in schema.names]
    return _Known(list(schema.names), index, text)


def _csv(path: Path) -> _Known:
    """Text is a column with cells, and not one among its first that is a number, or tries to be one."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        line = file.readline(1_000_000)
        separator = max(",;\t", key=line.count)
        file.seek(0)
        lines = csv.reader(file, delimiter=separator, skipinitialspace=True)
        header = [c.strip() for c in next(lines, [])]
        known = columns.named(header)
        rows = [row for row, _ in zip(lines, range(_LOOK), strict=False)]
    if len(set(known)) < len(known) or not any(header):
        return _Known([], [], set())
    text = set()
    for k, column in enumerate(known):
        cells = [row[k].strip() for row in rows if k < len(row)]
        cells = [c for c in cells if c.lower() not in columns._GAPS]
        bare = not cells and not header[k]  # what a comma at the end of a header makes
        if bare or (cells and not any(re.match(r"[+-]?[.,]?\d|[+-]?(inf|nan)", c, re.IGNORECASE) for c in cells)):
            text.add(column)
    counts = all(row[:1] == [str(k)] for k, row in enumerate(rows))
    return _Known(known, [], text, None if header[0] else known[0], counts)


def in_file(message: str, read: columns.Table) -> str:
    """A complaint on t as the reader of the file finds it: by its lines, and dates as dates."""

    def both(found: re.Match[str]) -> str:
        first, second = (read.where(int(k)) for k in found.groups()[:2])
        value = columns.short(read.place[int(found[1])]) if read.dated else found[3]
        return f"the t of {first} and {second} are both {value}: "

    def one(found: re.Match[str]) -> str:
        k = int(found[1])
        dates = [columns.short(one) for one in read.place[k : k + 2]]
        value, after = dates if read.dated else found.groups()[1:]
        return f"{value} in {read.where(k)} is followed by {after}. "

    message = re.sub(r"\bt\[(\d+)\] and t\[(\d+)\] are both ([^:]+): ", both, message)
    message = re.sub(r"\bt\[(\d+)\] = (\S+) is followed by (\S+)\. ", one, message)
    return message.replace("Sort both by np.argsort(t).", "Sort the rows of the file.")


# -- --at --------------------------------------------------------------------------------------------------------------


def points(text: str | None, read: columns.Table) -> tuple[Any, Any]:
    """--at as t, and as it is written to --out; None and the file's own t where it was left out."""
    if text is None:
        return None, read.place
    if not read.dated:
        numbers = np.array(given.doubles(text, "--at"))
        return numbers, numbers
    pieces = text.replace(",", " ").split()
    try:
        if not all(re.match(r"\d{4}-\d\d", piece) for piece in pieces):  # 3 would be a year
            raise ValueError
        asked = np.array(pieces, dtype="datetime64[us]")
    except ValueError:
        raise given.Misuse(
            f"--at takes dates as 2020-12-31 here, for {read.time} holds dates; {text[:60]!r} was given."
        ) from None
    if not pieces or np.isnat(asked).any():
        raise given.Misuse(f"--at takes dates such as 2020-12-31,2021-01-31; {text[:60]!r} was given.")
    return (asked - _first(read)) / _DAY, np.array(pieces, dtype=object)


def dates(read: columns.Table, t: np.ndarray) -> np.ndarray:
    """The dates of t, which counts days."""
    return _first(read) + np.rint(t * (_DAY / np.timedelta64(1, "us"))).astype("timedelta64[us]")


def _first(read: columns.Table) -> np.datetime64:
    """The date from which t counts."""
    import pandas

    try:
        first = pandas.to_datetime(read.place[0], utc=True).tz_localize(None)
    except ValueError as error:
        raise BadSamples(f"{read.place[0]!r} is no date: {error}.") from None
    return np.datetime64(first.to_datetime64(), "us")
