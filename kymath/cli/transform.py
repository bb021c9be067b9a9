"""``kymath transform``: one limit, the face of :func:`kymath.transform`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kymath.errors import KYError, Status

from . import options as given
from .drawing import check_file, draw
from .guesses import taken
from .output import (
    best_found,
    complain,
    console,
    exact_text,
    headline,
    json_number,
    sentence,
    show_transform,
    transform_record,
    waiting,
    write_json,
)
from .spelling import spelled

EXAMPLES = """\
kymath transform "x**3" --at 1
kymath transform "exp(-x)*sin(3*x)" --at pi/4 --degree 4 --digits 30
kymath transform "2*exp(-x/3)+1" --at 0 --family exponential --json
kymath transform "exp(-x/2)" --at a --formula "A*exp(-s/T)" --parameters "A T"
kymath transform "abs(x)" --at 0 --side right --plot abs.png
"""


def transform(
    expr: given.Expr,
    at: Annotated[
        str,
        typer.Option("--at", metavar="X", help="The point x0, exact: 1, -1/2, 0.1, pi/4, sqrt(2); or a name."),
    ],
    family: given.FamilyWord = None,
    degree: given.Degree = None,
    harmonics: given.Harmonics = None,
    omega: given.Omega = None,
    no_offset: given.NoOffset = False,
    formula: given.Formula = None,
    parameters: given.Parameters = None,
    positive: given.Positive = None,
    start: given.Start = None,
    rule: given.RuleWord = "osculating",
    nodes: given.Nodes = None,
    bound: given.Bound = None,
    method: Annotated[str, typer.Option("--method", metavar="WORD", help="{methods}.")] = "auto",
    side: Annotated[str, typer.Option("--side", metavar="WORD", help="both, left, right.")] = "both",
    digits: Annotated[
        int | None,
        typer.Option("--digits", metavar="N", min=1, max=1000, help="Significant digits of exact answers."),
    ] = None,
    plot: Annotated[str | None, given.plot("f, curves at smaller and smaller h, and their limit")] = None,
    json: given.Json = False,
) -> int:
    """The parameters of the connection curve at one point: the limit of θ(h) as h → 0, with its error."""
    file = None if plot is None else check_file(plot)
    way = given.method_from(method, digits)
    side = given.one_of(side, ("both", "left", "right"), "--side")
    words = given.FamilyWords(family, degree, harmonics, omega, no_offset, formula, parameters, positive, start)
    asked = given.problem(expr, at, words, rule, nodes, bound)
    if file is not None:
        given.a_number(asked.x0, at, "--plot needs a number for x0")

    note = taken(asked.x0)
    from kymath.transform import transform as take

    try:
        with waiting("taking the limit …"):
            result = take(asked.f, asked.x0, asked.family, asked.rule, way, side=side, raises=False)  # type: ignore[arg-type]  # one_of saw to it
    except KYError as error:
        if json:
            write_json(_refused(error, asked, method, side))
        complain(spelled(str(error)))
        return 2 if error.status is Status.NOT_APPLICABLE else 1
    if not result.success:
        if json:
            write_json(transform_record(result, digits))
        complain(_why(result, asked))
        return 2 if result.status is Status.NOT_APPLICABLE else 1
    if file is not None:
        draw(file, lambda axes: _paint(result, axes))
    if json:
        record = transform_record(result, digits)
        record["message"] = f"{sentence(record['message'])} {note}" if note else record["message"]
        write_json(record)
        if record["success"]:
            return 0
        complain(record["message"])
        return 1
    show_transform(result, asked.f, asked.x0, digits)
    if note:
        console().print(note, markup=False)
    if file is not None:
        console().print(f"Drawn: {plot}")
    return 0


def _paint(result: Any, axes: Any) -> Any:
    from kymath.plot import connection

    return connection(result, ax=axes)


def _why(result: Any, asked: given.Problem) -> str:
    """The failure as one paragraph: what was asked, what happened, what to do."""
    from kymath.result import sides_to_ask

    text = f"{headline(result.symbol, asked.f, asked.x0)}: {spelled(result.message + sides_to_ask(result))}"
    best = best_found(result)
    return f"{text} {best}" if best else text


def _refused(error: KYError, asked: given.Problem, method: str, side: str) -> dict[str, Any]:
    """The record of a question that was refused before any method looked at it."""
    names = asked.family.names
    point = json_number(asked.x0)
    return {
        "family": repr(asked.family),
        "rule": repr(asked.rule),
        "method": method,
        "side": side,
        "x0": exact_text(asked.x0) if point is None else point,
        "parameters": dict.fromkeys(names),
        "theta": [None] * len(names),
        "error": [None] * len(names),
        "bound": False,
        "exact": False,
        "success": False,
        "status": error.status.name.lower() if error.status is not None else "not_applicable",
        "message": spelled(str(error)),
        "nfev": 0,
    }
