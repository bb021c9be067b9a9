"""``kymath compare``: which connection function suits f, the face of :func:`kymath.compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kymath.errors import KYError, Status

from . import options as given
from .drawing import check_file, draw
from .output import (
    complain,
    console,
    exact_text,
    json_number,
    pretty,
    sentence,
    table,
    transform_record,
    waiting,
    write_json,
)
from .spelling import named, spelled

if TYPE_CHECKING:
    from kymath.comparison import Comparison, Row

EXAMPLES = """\
kymath compare "3*exp(-x/2) + 1" --at 0
kymath compare "sin(2*x)" --at 0.3 --json
kymath compare "x**x" --at 1 --family exponential --family polynomial --degree 4
kymath compare "exp(-x)*sin(3*x)" --at 1/2 --plot compare.png
"""

Families = Annotated[
    list[str] | None,
    typer.Option(
        "--family",
        metavar="WORD",
        help="One to compare: {families}; give it again for more (default: the usual seven).",
        rich_help_panel="Connection function",
    ),
]


def compare(
    expr: given.Expr,
    at: given.At,
    family: Families = None,
    degree: given.Degree = None,
    harmonics: given.Harmonics = None,
    omega: given.Omega = None,
    no_offset: given.NoOffset = False,
    formula: given.Formula = None,
    parameters: given.Parameters = None,
    positive: given.Positive = None,
    start: given.Start = None,
    side: Annotated[str, typer.Option("--side", metavar="WORD", help="both, left, right.")] = "both",
    plot: Annotated[str | None, given.plot("f and the curve of each family")] = None,
    json: given.Json = False,
) -> int:
    """Which connection function suits f at one point: the families, best first, by how their curves part from f."""
    file = None if plot is None else check_file(plot)
    side = given.one_of(side, ("both", "left", "right"), "--side")
    words = given.FamilyWords(None, degree, harmonics, omega, no_offset, formula, parameters, positive, start)
    families = given.families(family or [], words)
    f, x0 = given.formula(expr), given.point(at)
    given.a_number(x0, at, "compare looks at one point, a number")

    from kymath.compare import compare as judge

    try:
        with waiting("comparing …"):
            found = judge(f, x0, families, side=side)  # type: ignore[arg-type]  # one_of saw to it
    except KYError as error:
        if json:
            write_json(_refused(error, x0, side))
        complain(f"{_asked(f, x0)}: {spelled(str(error))}")
        return 2 if error.status is Status.NOT_APPLICABLE else 1
    success = any(row.success for row in found)
    if file is not None and success:
        draw(file, lambda axes: _paint(found, axes))
    if json:
        write_json(_record(found))
    if not success:
        complain(f"{_asked(f, x0)}: no family has a curve there. {sentence(spelled(found[0].reason))}")
        return 1
    if not json:
        _show(found, f, x0)
        if file is not None:
            console().print(f"Drawn: {plot}")
    return 0


def _paint(found: Comparison, axes: Any) -> Any:
    from kymath.plot import compare as paint

    return paint(found, ax=axes)


# -- JSON ------------------------------------------------------------------------------------------------------------


def _record(found: Comparison) -> dict[str, Any]:
    point = json_number(found.x0)
    return {
        "x0": exact_text(found.x0) if point is None else point,
        "side": found.side,
        "best": None if found.best is None else repr(found.best.family),
        "message": named(found.verdict),
        "length": json_number(found.length),
        "order": max(found.order, 0),
        "nfev": found.nfev,
        "rows": [_row(row) for row in found],
        "success": any(row.success for row in found),
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "family": repr(row.family),
        "contact": row.contact,
        "defect": json_number(row.defect),
        "error": json_number(row.error),
        "reason": named(row.reason),
        "result": transform_record(row.result),
    }


def _refused(error: KYError, x0: Any, side: str) -> dict[str, Any]:
    point = json_number(x0)
    return {
        "x0": exact_text(x0) if point is None else point,
        "side": side,
        "best": None,
        "message": spelled(str(error)),
        "length": None,
        "order": 0,
        "nfev": 0,
        "rows": [],
        "success": False,
    }


# -- for people --------------------------------------------------------------------------------------------------------


def _asked(f: Any, x0: Any) -> str:
    from kymath.expressions import label

    return f"{pretty(label(f))} at {label(x0)}"


def _show(found: Comparison, f: Any, x0: Any) -> None:
    from rich.text import Text

    out = console()
    side = "" if found.side == "both" else f" from the {found.side}"
    out.print(Text(f"Connection functions for {_asked(f, x0)}{side}", style="bold"))
    rows = table("family", "contact", "defect", "reason")
    rows.columns[-1].justify = "left"
    for row in found:
        contact = "–" if row.contact is None else str(row.contact)
        look = "bold" if row is found.best else ""
        rest = (contact, row.shown_defect, named(row.shown_reason))
        rows.add_row(Text(named(repr(row.family)), style=look), *map(Text, rest))
    out.print(rows)
    out.print(Text(sentence(named(found.verdict))))
