"""Tables in files: CSV and Parquet in, the same out. Text is read as numbers or dates and never evaluated."""

from __future__ import annotations

import contextlib
import csv
import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from kymath.errors import BadSamples, NotApplicable

from .options import Misuse

__all__ = ["FORMATS", "Table", "read", "writer"]

FORMATS = (".csv", ".parquet")
_GAPS = {"", "na", "n/a", "nan", "null", "none", "-"}  # cells that hold no value
_LONGEST = 1_000_000  # characters of a header
_SHOWN = 100  # characters of a name in a complaint


@dataclass(frozen=True)
class Table:
    """The columns asked for: t as numbers, as it stood in the file, and each y with NaN in its gaps."""

    time: str
    t: np.ndarray
    place: np.ndarray
    dated: bool  # t are days since the first date
    y: dict[str, np.ndarray]
    note: str = ""  # what a reader should know of the file
    where: Callable[[int], str] = "row {}".format  # a row's place in the file

    @property
    def ends(self) -> tuple[str, str]:
        """The first and the last t as text."""
        return short(self.place[0]), short(self.place[-1])


def short(place: Any) -> str:
    """A point as text, a date without the time of midnight."""
    return re.sub(r"(T00:00:00)?(\.0+)?$", "", str(place)) if isinstance(place, np.datetime64) else str(place)


def read(name: str, time: str | None, y: list[str] | None) -> Table:
    """The table of a file, or ``Misuse`` that says what is wrong with it."""
    path = Path(name)
    if not name:
        raise Misuse("FILE is empty: give the name of a file.")
    try:
        if path.is_dir():
            raise Misuse(f"{name}: this is a folder; give a file.")
        if path.stat().st_size == 0:
            raise Misuse(f"{name}: the file is empty.")
        with open(path, "rb") as file:
            start = file.read(4)
        parquet = path.suffix.lower() in (".parquet", ".pq") or start == b"PAR1"
        return _table(name, _Parquet(path) if parquet else _CSV(path), time, y)
    except OSError as error:
        raise Misuse(f"{name[:_SHOWN]}{'…' * (len(name) > _SHOWN)}: {error.strerror or error}.") from None


def _table(name: str, source: Any, time: str | None, y: list[str] | None) -> Table:
    known = source.names
    listed = ", ".join(repr(c) for c in known[:40]) + (", …" if len(known) > 40 else "")
    for column in ([] if time is None else [time]) + list(y or []):
        if column not in known:
            raise Misuse(f"{name} has no column {column!r}; its columns are {listed}.")
    time = known[0] if time is None else time
    chosen = list(dict.fromkeys(y)) if y else [c for c in known if c != time]
    if not chosen:
        raise Misuse(f"{name} has the one column {listed}: data need a second one beside t.")
    if time in chosen:
        raise Misuse(f"the column {time!r} is t; --y needs another. The columns are {listed}.")
    source.load([time, *chosen])
    if not source.rows:
        raise BadSamples("below the header there are no rows.")
    t, place, dated = source.times(time)
    missing = np.flatnonzero(~np.isfinite(t))
    if missing.size:
        raise BadSamples(f"{source.where(int(missing[0]))}, column {time!r}: every row needs its t.")
    values = {}
    for column in chosen:
        values[column] = source.numbers(column)
        infinite = np.flatnonzero(np.isinf(values[column]))
        if infinite.size:
            where = source.where(int(infinite[0]))
            raise BadSamples(f"{where}, column {column!r} is infinite; leave a gap empty.")
    return Table(time, t, place, dated, values, source.note(), source.where)


def named(header: list[str]) -> list[str]:
    """The names of columns; one without is called index where it is the first, as tables' row labels are."""
    made: list[str] = []
    for k, cell in enumerate(header):
        word = cell.strip() or ("column " + str(k + 1) if k else "index")
        while not cell.strip() and (word in header or word in made):
            word += "_"
        made.append(word)
    return made


def _twice(path: Path, names: list[str]) -> None:
    again = next((c for c in names if names.count(c) > 1), None)
    if again is not None:
        raise Misuse(f"{path}: two columns are named {again[:_SHOWN]!r}.")


def _pandas(what: str) -> Any:
    try:
        import pandas
    except ImportError:
        raise NotApplicable(f"{what} files need pandas and pyarrow: pip install 'kymath[data]'.") from None
    return pandas


def _days(dates: np.ndarray) -> np.ndarray:
    from kymath.samples.frames import _elapsed

    return _elapsed(dates, dates[0]) if len(dates) else np.empty(0)


class _CSV:
    """A text file with one header line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        line = self._header()
        self.separator = max(",;\t", key=line.count)
        try:
            cells = next(csv.reader([line], delimiter=self.separator, skipinitialspace=True), [])
        except csv.Error as error:
            raise Misuse(f"{path}: the first line, which names the columns, cannot be read: {error}.") from None
        header = [c.strip() for c in cells]
        self.names = named(header)
        if not any(header):
            raise Misuse(f"{path}: the first line is blank; it must name the columns.")
        if all(_is_number(c) for c in header):
            raise Misuse(
                f"{path} has no header: its first line is {line.strip()[:60]!r}. Put the columns' names there."
            )
        _twice(path, self.names)

    def _header(self) -> str:
        try:
            with open(self.path, encoding="utf-8-sig", newline=None) as file:
                line = file.readline(_LONGEST)
                if "\0" in line or "\0" in file.read(4096):
                    raise Misuse(f"{self.path}: this is not text; a CSV or Parquet file is expected.")
        except UnicodeDecodeError:
            raise Misuse(f"{self.path}: this is not text in UTF-8; a CSV or Parquet file is expected.") from None
        return line

    def load(self, columns: list[str]) -> None:
        pandas = _pandas("CSV")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pandas.errors.ParserWarning)  # that cells would be lost
                self.frame = pandas.read_csv(
                    self.path,
                    sep=self.separator,
                    header=0,
                    names=self.names,
                    encoding="utf-8-sig",
                    skipinitialspace=True,
                    index_col=False,
                    low_memory=False,
                )
                self.short = self._short() if self.frame.iloc[:, -1].isna().any() else 0
                self.frame = self.frame[columns]
        except UnicodeDecodeError:
            raise Misuse(f"{self.path}: this is not text in UTF-8.") from None
        except (ValueError, pandas.errors.ParserWarning) as error:  # a ParserError is a ValueError
            what = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
            raise Misuse(f"{self.path}: the rows do not fit the header: {what}.") from None

    def _short(self) -> int:
        """The rows with fewer cells than the header; each lacks the last."""
        with open(self.path, encoding="utf-8-sig", newline="") as file, contextlib.suppress(csv.Error):
            lines = csv.reader(file, delimiter=self.separator)
            next(lines)
            return sum(len(cells) < len(self.names) for cells in lines if any(c.strip() for c in cells))
        return 0

    def note(self) -> str:
        if not self.short:
            return ""
        some = "1 row is" if self.short == 1 else f"{self.short} rows are"
        return f"{some} shorter than the header: the cells that lack are gaps."

    @property
    def rows(self) -> int:
        return len(self.frame)

    def numbers(self, column: str) -> np.ndarray:
        cells = self.frame[column]
        if cells.dtype.kind in "iuf":
            return cells.to_numpy(dtype=float)
        if cells.isna().all():
            return np.full(len(cells), np.nan)
        return np.array([self._number(k, column, cell) for k, cell in enumerate(cells)], dtype=float)

    def _number(self, row: int, column: str, cell: Any) -> float:
        text = "" if cell is None or cell != cell else str(cell).strip()
        if text.lower() in _GAPS:
            return np.nan
        try:
            if "_" in text or isinstance(cell, bool):
                raise ValueError
            return float(text)
        except ValueError:
            raise Misuse(
                f"{self.path}: {self.where(row)}, column {column!r}: {text[:40]!r} is not a number; leave a gap empty."
            ) from None

    def times(self, column: str) -> tuple[np.ndarray, np.ndarray, bool]:
        cells = self.frame[column]
        first = next((str(c) for c in cells if c == c and c is not None), "")
        if cells.dtype.kind not in "iuf" and not _is_number(first):
            pandas = _pandas("CSV")
            try:
                dates = pandas.to_datetime(cells, format="ISO8601", utc=True).dt.tz_localize(None)
            except (ValueError, TypeError, OverflowError):
                pass
            else:
                return _days(dates.to_numpy()), cells.to_numpy(dtype=object), True
        t = self.numbers(column)
        return t, cells.to_numpy() if cells.dtype.kind in "iuf" else t, False

    def where(self, row: int) -> str:
        """The line in the file of a row of data: blank lines count, and so do those inside quotes."""
        with open(self.path, encoding="utf-8-sig", newline="") as file, contextlib.suppress(csv.Error):
            lines = csv.reader(file, delimiter=self.separator)
            next(lines)
            left = row
            for cells in lines:
                if cells and (len(cells) > 1 or cells[0].strip()):
                    if left == 0:
                        return f"line {lines.line_num}"
                    left -= 1
            return "the last line"
        return f"row {row + 1}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class _Parquet:
    def __init__(self, path: Path) -> None:
        _pandas("Parquet")
        import pyarrow
        import pyarrow.parquet

        self.path = path
        try:
            self.file = pyarrow.parquet.ParquetFile(path)
        except (pyarrow.ArrowException, OSError) as error:
            what = " ".join(str(error).split())[:160]
            raise Misuse(f"{path}: this cannot be read as a Parquet file: {what}") from None
        self.names = list(self.file.schema_arrow.names)
        if not self.names:
            raise Misuse(f"{path} has no columns.")
        _twice(path, self.names)

    def load(self, columns: list[str]) -> None:
        import pyarrow

        try:
            self.table = self.file.read(columns=columns)
        except (pyarrow.ArrowException, OSError) as error:
            raise Misuse(f"{self.path}: this cannot be read: {' '.join(str(error).split())[:160]}") from None

    @property
    def rows(self) -> int:
        return int(self.table.num_rows)

    def numbers(self, column: str) -> np.ndarray:
        import pyarrow

        values = self.table.column(column)
        kind = values.type
        test = pyarrow.types
        if not (test.is_integer(kind) or test.is_floating(kind) or test.is_decimal(kind) or test.is_null(kind)):
            raise Misuse(f"{self.path}: the column {column!r} holds {kind} and not numbers.")
        return np.asarray(values.cast(pyarrow.float64(), safe=False).to_numpy(), dtype=float)

    def times(self, column: str) -> tuple[np.ndarray, np.ndarray, bool]:
        import pyarrow

        kind = self.table.column(column).type
        if pyarrow.types.is_timestamp(kind) or pyarrow.types.is_date(kind):
            try:
                dates = self.table.column(column).cast(pyarrow.timestamp("ns")).to_numpy()
            except pyarrow.ArrowInvalid:  # before 1678, or after 2262
                dates = self.table.column(column).cast(pyarrow.timestamp("us"), safe=False).to_numpy()
            return _days(dates), dates, True
        t = self.numbers(column)
        return t, t, False

    def note(self) -> str:
        return ""

    def where(self, row: int) -> str:
        return f"row {row + 1}"


def writer(columns: dict[str, Any], suffix: str) -> Callable[[IO[bytes]], Any]:
    """A function that writes the columns to an open file."""
    frame = _pandas("CSV and Parquet").DataFrame(columns)
    if suffix.lower() == ".parquet":
        return lambda file: frame.to_parquet(file, index=False)
    return lambda file: file.write(frame.to_csv(index=False, lineterminator=os.linesep).encode("utf-8"))
