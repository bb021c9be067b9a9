"""``kymath inspect``: the learned curves of a checkpoint, the face of :func:`kymath.inspector.inspect_connections`."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kymath.errors import KYError

from . import options as given
from .drawing import check_file, draw
from .files import apart, place, put
from .output import complain, console, table, waiting, write_json
from .spelling import set_by, spelled

if TYPE_CHECKING:
    from kymath.inspector import ConnectionReport

EXAMPLES = """\
kymath inspect condor-tiny-ky-0/checkpoint.safetensors
kymath inspect t5-small --window 64 --plot t5.png
kymath inspect swin.safetensors --html swin.html --csv swin.csv
kymath inspect model.safetensors.index.json --json
"""
_HUB = re.compile(r"[\w.-]+(/[\w.-]+)?(?<!\.safetensors)(?<!\.json)")  # t5-small, google-t5/t5-small
_FIRST = 32  # rows of the table
_COMPARED = 2048  # curves whose distances take seconds
# what the table shows: name of the reading, header, digits
_COLUMNS = (
    ("kind", "kind", 0),
    ("residual", "residual", 2),
    ("slope", "slope", 3),
    ("half_life", "half-life", 3),
    ("period", "period", 3),
    ("mean_lag", "mean lag", 3),
    ("effective_window", "effective window", 3),
)


def inspect(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT", help="A .safetensors file, its index of shards, or a folder with one of them."
        ),
    ],
    window: Annotated[
        int | None,
        typer.Option(
            "--window",
            metavar="W",
            help="How many tokens back, at most the model's own window (default: that window; 128 where it has none).",
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help=f"All rows of the table, not the first {_FIRST}.")] = False,
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Write one page for a browser.")] = None,
    csv: Annotated[
        str | None, typer.Option("--csv", metavar="FILE", help="Write the whole table as CSV; - prints it instead.")
    ] = None,
    plot: Annotated[str | None, given.plot("the curves of all heads")] = None,
    json: given.Json = False,
) -> int:
    """The position biases of a trained model, head by head, read from its parameters: nothing is run."""
    printed = csv == "-"
    if printed and json:
        raise given.Misuse("--csv - and --json: both go to standard output; give --csv a file.")
    targets = _targets(checkpoint, html, None if printed else csv, plot)
    try:
        from kymath.inspector import UnknownLayout, inspect_connections

        with waiting("reading …"):
            report = inspect_connections(checkpoint, window=window)
    except UnknownLayout as error:
        if json:
            write_json(_failure(checkpoint, spelled(str(error))))
        complain(spelled("\n".join(error.lines)))
        return 1
    except (KYError, ImportError) as error:
        raise given.Misuse(set_by(str(error))) from error
    except OSError as error:
        hub = isinstance(error, FileNotFoundError) and _HUB.fullmatch(checkpoint) and not Path(checkpoint).exists()
        hint = " Names on the Hub are not fetched: give a file or a folder." if hub else ""
        raise given.Misuse(f"{checkpoint}: {error.strerror or error}.{hint}") from error
    except MemoryError as error:
        raise given.Misuse(_too_large(checkpoint)) from error
    if "--html" in targets:
        _check_page(report)
    try:
        with waiting("measuring …"):
            rows = report.table()
            _write(report, targets)
    except MemoryError as error:
        raise given.Misuse(_too_large(checkpoint)) from error
    if json:
        write_json(_record(report))
    elif printed:
        sys.stdout.write(report.as_csv())
    else:
        _show(report, rows, every)
        for option, path in targets.items():
            console().print(f"Written ({option}): {path}")
    return 0


def _too_large(checkpoint: str) -> str:
    return f"{checkpoint}: its curves do not fit into the memory; give a smaller --window, or use a larger machine."


def _check_page(report: ConnectionReport) -> None:
    """Before the work whose other files would be lost with it."""
    from kymath.inspector.page_data import MOST

    if len(report.curves) > MOST:
        raise given.Misuse(
            f"--html: there are {len(report.curves)} curves, and a page takes {MOST}; use --csv or --json instead."
        )


def _targets(checkpoint: str, html: str | None, csv: str | None, plot: str | None) -> dict[str, Path]:
    """The files to write by their options, refused before any work."""
    found: dict[str, Path] = {}
    for option, name in (("--html", html), ("--csv", csv), ("--plot", plot)):
        if name is None:
            continue
        if name == "-":
            raise given.Misuse(f"{option} -: only --csv goes to standard output; give the name of a file.")
        path = check_file(name) if option == "--plot" else place(name, option)
        for source in _sources(checkpoint):
            apart(path, f"{option} {name}", source)
        for other, taken in found.items():
            if path == taken:
                raise given.Misuse(f"{option} {name}: this is the file of {other}; give another name.")
        found[option] = path
    return found


def _sources(checkpoint: str) -> list[str]:
    """The files that may be read: of a folder or an index all that could belong to it."""
    from kymath.inspector.checkpoint import shards

    try:
        path = Path(checkpoint)
        folder = path if path.is_dir() else path.parent
        many = path.is_dir() or path.name.endswith(".index.json")
        if not many:
            return [checkpoint, str(folder / "config.json")]
        named = [shard for index in folder.glob("*.index.json") for shard in shards(index)]
        beside = [*folder.glob("*.safetensors"), *folder.glob("*.json"), *named]
    except (OSError, ValueError):  # who reads it says what is wrong
        return [checkpoint]
    return [checkpoint, *map(str, beside)]


def _write(report: ConnectionReport, targets: dict[str, Path]) -> None:
    if (path := targets.get("--html")) is not None:
        from kymath.inspector.page import page

        text = page(report).encode()
        put(path, "--html", lambda file: file.write(text))
    if (path := targets.get("--csv")) is not None:
        table_ = report.as_csv().encode()
        put(path, "--csv", lambda file: file.write(table_))
    if (path := targets.get("--plot")) is not None:
        draw(path, lambda axes: _paint(report, axes))


def _paint(report: ConnectionReport, axes: Any) -> Any:
    from kymath.inspector.draw import size

    axes.figure.set_size_inches(*size(report))
    return report.plot(ax=axes)


def _record(report: ConnectionReport) -> dict[str, Any]:
    """What --json prints: what ``to_json`` writes, and how many curves there are of each kind."""
    kinds = Counter(row["kind"] for row in report.table())
    return {"success": True, "message": "", "kinds": dict(kinds.most_common()), **report.as_dict()}


def _failure(checkpoint: str, message: str) -> dict[str, Any]:
    """The same without curves."""
    return {"success": False, "message": message, "kinds": {}, "source": checkpoint, "layouts": [], "curves": []}


# -- for people --------------------------------------------------------------------------------------------------------


def _show(report: ConnectionReport, rows: list[dict[str, Any]], every: bool) -> None:
    from rich.text import Text

    from kymath.inspector.checkpoint import shown

    where = ["layer", "head"]
    where += ["axis"] if any(row["axis"] for row in rows) else []
    where += ["layout"] if len(report.layouts) > 1 else []
    made = table(*where, *(header for _, header, _ in _COLUMNS))
    for column in made.columns[2 : len(where) + 1]:
        column.justify = "left"
    for row in rows if every else rows[:_FIRST]:
        cells = [shown(row[name]) for name in where]
        cells += [shown(row[name]) if not digits else _number(row[name], digits) for name, _, digits in _COLUMNS]
        made.add_row(*map(Text, cells))
    out = console()
    out.print(made)
    for line in _said(report, rows, every):
        out.print(Text(line))


def _number(value: float, digits: int) -> str:
    """To so many digits; a number that a curve does not have is a dash."""
    return "–" if value != value else f"{0.0 if abs(value) < 1e-12 else value:.{digits}g}"


def _said(report: ConnectionReport, rows: list[dict[str, Any]], every: bool) -> list[str]:
    count = len(rows)
    lines = []
    if not every and count > _FIRST:
        lines.append(f"And {count - _FIRST} more: --all shows them, --csv FILE writes them.")
    kinds = ", ".join(f"{some} {kind}" for kind, some in Counter(row["kind"] for row in rows).most_common())
    lines.append(f"{report!r}: {kinds}.")
    broken = len(report.broken)
    if broken:
        lines.append(f"{broken} of them without numbers: not a number, or every slot masked.")
    if 1 < count <= _COMPARED:
        heads, _, _, within = report.redundancy()
        alike = f"{heads or 'None'} of the {count} curves are nearly equal to another one"
        lines.append(f"{alike} (Jensen–Shannon distance of the weights at most {within:g}).")
    many, one = ("patches", "patch") if all(c.image is not None for c in report.curves) else ("tokens", "token")
    lines.append(
        f"Slope in nats per {one}; half-life, period, mean lag, effective window (exp of the entropy) in {many}."
    )
    return lines
