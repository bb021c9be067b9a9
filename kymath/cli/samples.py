"""``kymath samples``: the parameters along measured data in a file, the face of :func:`kymath.samples`."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kymath.errors import BadSamples

from . import options as given
from .drawing import check_file, draw
from .files import apart, place, put
from .output import complain, console, json_number, sentence, table, write_json
from .spelling import named, spelled

if TYPE_CHECKING:
    from kymath.families import ConnectionFunction
    from kymath.samples import SampledTransform

    from .columns import Table

EXAMPLES = """\
kymath samples decay.csv --family exponential --out rates.csv
kymath samples co2.csv --time year --y ppm --degree 1 --bandwidth 9 --plot s.png
kymath samples two.parquet --y left --y right --family harmonic --out f.parquet
kymath samples decay.csv --formula "A*exp(-s/tau)" --parameters "A tau" --json
"""
_SIDES = ("both", "left", "right")
_FEW = 12  # points of --at that are shown one by one
_BESIDE = 3  # parameters that have room beside each other


def samples(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A .csv or .parquet file with a header.")],
    time: Annotated[
        str | None, typer.Option("--time", "--t", metavar="NAME", help="The column of t (default: the first).")
    ] = None,
    y: Annotated[
        list[str] | None,
        typer.Option("--y", metavar="NAME", help="A column of data; give it again for more (default: all others)."),
    ] = None,
    family: given.FamilyWord = None,
    degree: given.Degree = None,
    harmonics: given.Harmonics = None,
    omega: given.Omega = None,
    no_offset: given.NoOffset = False,
    formula: given.Formula = None,
    parameters: given.Parameters = None,
    positive: given.Positive = None,
    start: given.Start = None,
    bandwidth: Annotated[
        str, typer.Option("--bandwidth", metavar="W", help="Half of a window, in units of t, or auto.")
    ] = "auto",
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="POINTS", help="The points, such as 0.5,1 or 2020-12-31 (default: every t)."),
    ] = None,
    side: Annotated[str, typer.Option("--side", metavar="WORD", help="both, left, right.")] = "both",
    robust: Annotated[bool, typer.Option("--robust", help="Leave out outliers first.")] = False,
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Write the parameters to a .csv or .parquet file.")
    ] = None,
    plot: Annotated[str | None, given.plot("the data, and each parameter with its band along t")] = None,
    json: given.Json = False,
) -> int:
    """The parameters of a family along measured data: growth rates, local frequencies, slopes, with errors."""
    import numpy as np

    from . import columns, samples_reading

    picture = None if plot is None else check_file(plot)
    target = None if out is None else _target(out)
    for path, asked in ((picture, f"--plot {plot}"), (target, f"--out {out}")):
        if path is not None:
            apart(path, asked, file)
    side = given.one_of(side, _SIDES, "--side")
    width = _width(bandwidth)
    words = given.FamilyWords(family, degree, harmonics, omega, no_offset, formula, parameters, positive, start)
    chosen = given.family_from(words)
    with _progress() as step, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is to be said is said in sentences
        step("reading", None)
        read = columns.Table(time or "", np.empty(0), np.empty(0), False, {})  # what is told of a file without rows
        place = read.place
        try:
            read, note = samples_reading.read(file, time, y)
            points, place = samples_reading.points(at, read)
            results = _fitted(read, chosen, width, points, side, robust, step)
        except BadSamples as error:
            if json:
                write_json(_record(file, read, place, chosen, side, {}, out, plot, str(error)))
            complain(f"{file}: {error}")
            return 1
        reached = any(bool(r.success.any()) for r in results.values())
        if reached and target is not None:
            step("writing", None)
            put(target, "--out", columns.writer(_columns(place, results), target.suffix))
        if reached and picture is not None:
            step("drawing", None)
            draw(picture, lambda axes: _paint(read, results, axes))
    if json:
        write_json(_record(file, read, place, chosen, side, results, out, plot, note))
    if not reached:
        from kymath.samples.result import why

        reasons = " ".join(dict.fromkeys(r.message or why(r.status.flat[0]) for r in results.values()))
        complain(" ".join(f"{file}: no point has an answer. {spelled(reasons)} {note}".split()))
        return 1
    if not json:
        few = place if at is not None and len(place) <= _FEW else None
        _show(read, chosen, results, note, out, plot, few)
    return 0


def _target(name: str) -> Path:
    """The file of --out, refused before any work."""
    from .columns import FORMATS

    suffix = Path(name).suffix.lower()
    if suffix not in FORMATS:
        raise given.Misuse(f"--out takes a file whose name ends in {' or '.join(FORMATS)}; {name!r} was given.")
    return place(name, "--out")


def _width(text: str) -> Any:
    if text == "auto":
        return "auto"
    try:
        width = float(text.replace("_", "?"))  # 1_0 is Python's
    except ValueError:
        raise given.Misuse(f"--bandwidth takes auto, or a number in units of t; {text[:60]!r} was given.") from None
    if not (math.isfinite(width) and width > 0):
        raise given.Misuse(f"--bandwidth must be positive and finite; {text[:60]!r} was given.")
    return width


@contextmanager
def _progress() -> Iterator[Callable[[str, Any], None]]:
    """step(what, (done, total)) moves a bar on standard error, on a terminal only."""
    if not (sys.stderr is not None and sys.stderr.isatty()):
        yield lambda what, part: None
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(err=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def step(what: str, part: Any) -> None:
            done, total = part or (0, None)
            bar.update(task, description=f"{what} …", completed=done, total=total)

        yield step


def _fitted(
    read: Table,
    family: ConnectionFunction,
    width: Any,
    at: Any,
    side: Any,
    robust: bool,
    step: Callable[[str, Any], None],
) -> dict[str, SampledTransform]:
    from kymath.samples import samples as take

    from . import samples_reading

    found = {}
    for k, (name, values) in enumerate(read.y.items()):
        step(f"{name}: {named(repr(family))}", (k, len(read.y)) if len(read.y) > 1 else None)
        try:
            found[name] = take(read.t, values, family, bandwidth=width, at=at, side=side, robust=robust)
        except BadSamples as error:
            text = samples_reading.in_file(str(error), read)
            raise BadSamples(spelled(f"column {name!r}: {text}" if len(read.y) > 1 else text)) from None
    return found


def _columns(place: Any, results: dict[str, SampledTransform]) -> dict[str, Any]:
    """Name → values, as --out holds them: t as it was read, then for each y its parameters, errors, status and rest."""
    import numpy as np

    made: dict[str, Any] = {"t": place}
    for y, result in results.items():
        head = "" if len(results) == 1 else f"{y}_"
        status = [s.name.lower() for s in result.status]
        for name, values in zip(
            (*result.family.names, *(f"{n}_error" for n in result.family.names), "status", "bandwidth", "noise"),
            (*result.theta, *result.error, status, result.bandwidth, np.broadcast_to(result.noise, result.t.shape)),
            strict=True,
        ):
            if head + name in made:
                raise given.Misuse(f"two columns of the answer would be named {head + name!r}: ask for one --y a time.")
            made[head + name] = values
    return made


def _paint(read: Table, results: dict[str, SampledTransform], axes: Any) -> Any:
    """One picture, a colour for each column."""
    import numpy as np

    from kymath.plot import field

    from . import samples_reading

    first = next(iter(results.values()))
    count = len(first.family.names)
    axes.figure.set_size_inches(7.0, 2.7 + 1.25 * count)
    y = np.stack(list(read.y.values()), axis=1)
    if len(results) == 1:
        together = first
    else:
        parts = list(results.values())
        joined: dict[str, Any] = {
            name: tuple(np.stack([getattr(r, name)[k] for r in parts], axis=1) for k in range(count))
            for name in ("theta", "error")
        }
        together = type(first)(
            **joined, family=first.family, t=first.t, side=first.side, noise=np.array([r.noise for r in parts]),
            bandwidth=np.stack([r.bandwidth for r in parts], axis=1),
            status=np.stack([r.status for r in parts], axis=1), message=first.message,
        )  # fmt: skip
    t = read.t
    if read.dated:
        t = samples_reading.dates(read, t)
        together = replace(together, times=samples_reading.dates(read, first.t))
    top = field(together, ax=axes, data=(t, y))
    panels = top.figure.axes
    panels[-1].set_xlabel(read.time.replace("$", r"\$"))
    if len(results) == 1:
        top.set_ylabel(top.get_ylabel().replace("data", next(iter(results)).replace("$", r"\$")))
    else:
        legend = top.get_legend()
        for text, name in zip(legend.get_texts() if legend else (), results, strict=False):
            text.set_text(name.replace("$", r"\$"))
    return top


# -- JSON ------------------------------------------------------------------------------------------------------------


def _median(values: Any) -> float | None:
    import numpy as np

    known = values[np.isfinite(values)]
    return json_number(np.median(known)) if known.size else None


def _middle(result: SampledTransform, name: str) -> float | None:
    """The median of a parameter; an angle, which turns with t, has none."""
    return None if name in result.family.angles else _median(result.parameters[name])


def _record(
    file: str,
    read: Table,
    place: Any,
    family: ConnectionFunction,
    side: str,
    results: dict[str, SampledTransform],
    out: str | None,
    plot: str | None,
    message: str = "",
) -> dict[str, Any]:
    """What --json prints: a summary of each column, and the whole table where no --out took it."""
    success = any(bool(r.success.any()) for r in results.values())
    rows = None
    if results and out is None:
        table_ = _columns(place, results)
        rows = {name: [_plain(v) for v in values] for name, values in table_.items()}
    return {
        "file": file,
        "time": read.time,
        "t_unit": "day" if read.dated else None,
        "family": repr(family),
        "side": side,
        "points": len(place),
        "success": success,
        "message": message,
        "columns": [_summary(name, result) for name, result in results.items()],
        "out": out if success else None,
        "plot": plot if success else None,
        "table": rows,
    }


def _summary(name: str, result: SampledTransform) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for status in result.status:
        word = status.name.lower()
        counts[word] = counts.get(word, 0) + 1
    return {
        "y": name,
        "reached": int(result.success.sum()),
        "status": counts,
        "median": {n: _middle(result, n) for n in result.family.names},
        "median_error": {n: _median(v) for n, v in result.errors.items()},
        "bandwidth": _median(result.bandwidth),
        "noise": _median(result.noise),
        "message": spelled(result.message),
    }


def _plain(value: Any) -> Any:
    from . import columns

    if type(value).__name__ == "datetime64":
        return columns.short(value)
    return value if isinstance(value, str) else json_number(value)


# -- for people --------------------------------------------------------------------------------------------------------


def _show(
    read: Table,
    family: ConnectionFunction,
    results: dict[str, SampledTransform],
    note: str,
    out: str | None,
    plot: str | None,
    few: Any = None,
) -> None:
    """What was found in short; at ``few`` points that were asked for, one by one."""
    from rich.text import Text

    console_ = console()
    unit = "; t in days" if read.dated else ""
    span = " … ".join(read.ends)
    console_.print(Text(f"{named(repr(family))} along {read.time} ({read.t.size} points, {span}{unit})", style="bold"))
    console_.print(_middles(results) if few is None else _points(few, results))
    for name, result in results.items():
        if result.message:
            console_.print(Text((f"{name}: " if len(results) > 1 else "") + sentence(spelled(result.message))))
    if note:
        console_.print(Text(note))
    if out is not None:
        console_.print(f"Written: {out}")
    if plot is not None:
        console_.print(f"Drawn: {plot}")


def _middles(results: dict[str, SampledTransform]) -> Any:
    """A row for each parameter: its median along the series."""
    from rich.text import Text

    rows = table("column", "parameter", "median", "its error", "reached", "bandwidth")
    for name, result in results.items():
        for k, parameter in enumerate(result.family.names):
            cells = (_middle(result, parameter), _median(result.error[k]))
            ends = (f"{int(result.success.sum())} of {result.t.size}", _short(_median(result.bandwidth)))
            rows.add_row(
                Text(name if k == 0 else ""), Text(parameter), *(Text(_short(c)) for c in cells),
                *(Text(end if k == 0 else "") for end in ends),
            )  # fmt: skip
    return rows


def _points(places: Any, results: dict[str, SampledTransform]) -> Any:
    """A row for each point: its parameters with their errors, and what came of it; many have a row each."""
    from rich.text import Text

    from . import columns

    names = next(iter(results.values())).family.names
    wide = len(names) > _BESIDE
    head = ["column"] if len(results) > 1 else []
    rows = table(*head, "t", *(("parameter", "value") if wide else names), "status")
    for y, result in results.items():
        for k, point in enumerate(places):
            t = f"{point:.10g}" if isinstance(point, float) else columns.short(point)
            pairs = ((v[k], e[k]) for v, e in zip(result.theta, result.error, strict=True))
            cells = [f"{v:.4g} ± {e:.2g}" if result.success[k] else "–" for v, e in pairs]
            start = [y if k == 0 else ""] if head else []
            status = result.status[k].name.lower()
            lines = [[t, *cells, status]]
            if wide:
                lines = [
                    [t, n, c, status] if not i else ["", n, c, ""]
                    for i, (n, c) in enumerate(zip(names, cells, strict=True))
                ]
            for i, line in enumerate(lines):
                rows.add_row(*(Text(cell) for cell in ([""] * len(start) if i else start) + line))
    return rows


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
