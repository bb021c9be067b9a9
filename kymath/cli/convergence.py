"""``kymath convergence``: how fast θ(h) reaches its limit, the face of :func:`kymath.convergence`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kymath.errors import KYError, Status

from . import options as given
from .drawing import check_file, draw
from .output import (
    complain,
    console,
    decimal,
    exact_text,
    headline,
    json_number,
    sentence,
    table,
    transform_record,
    waiting,
    write_json,
)
from .spelling import spelled

if TYPE_CHECKING:
    from kymath.convergence import Convergence

EXAMPLES = """\
kymath convergence "x**3" --at 1
kymath convergence "sin(x)" --at pi/4 --family exponential --side left
kymath convergence "exp(x)" --at 0 --nodes "0,1,2" --h "0.1,0.01,0.001" --json
kymath convergence "cos(x)" --at 1 --family linear --plot order.png
"""
_FEW = 5  # parameters whose errors get a column each


def convergence(
    expr: given.Expr,
    at: given.At,
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
    side: Annotated[str, typer.Option("--side", metavar="WORD", help="right (h > 0) or left (h < 0).")] = "right",
    h: Annotated[
        str | None,
        typer.Option("--h", metavar="NUMBERS", help='The steps: "0.1,0.05,0.025" (default: a halving sequence).'),
    ] = None,
    plot: Annotated[str | None, given.plot("the errors of θ(h) over h, with the order")] = None,
    json: given.Json = False,
) -> int:
    """How fast θ(h) reaches its limit: the order and the leading coefficients, measured and predicted."""
    file = None if plot is None else check_file(plot)
    side = given.one_of(side, ("right", "left"), "--side")
    steps = None if h is None else list(given.doubles(h, "--h"))
    words = given.FamilyWords(family, degree, harmonics, omega, no_offset, formula, parameters, positive, start)
    asked = given.problem(expr, at, words, rule, nodes, bound)
    given.a_number(asked.x0, at, "convergence looks at one point, a number")

    from kymath.convergence import convergence as measure

    try:
        with waiting("measuring the order …"):
            found = measure(asked.f, asked.x0, asked.family, asked.rule, h=steps, side=side)  # type: ignore[arg-type]  # one_of saw to it
    except KYError as error:
        if json:
            write_json(_refused(error, asked, side))
        complain(f"convergence from the {side} at {at}: {spelled(str(error))}")
        return 2 if error.status is Status.NOT_APPLICABLE else 1
    if file is not None:
        draw(file, lambda axes: _paint(found, axes))
    if json:
        write_json(_record(found))
        return 0
    _show(found, asked)
    if file is not None:
        console().print(f"Drawn: {plot}")
    return 0


def _paint(found: Convergence, axes: Any) -> Any:
    from kymath.plot import convergence as paint

    return paint(found, ax=axes)


# -- JSON ------------------------------------------------------------------------------------------------------------


def _numbers(values: Any) -> list[float | None]:
    return [json_number(v) for v in values]


def _record(found: Convergence) -> dict[str, Any]:
    limit = transform_record(found.limit)
    guess = found.predicted_constant
    return {
        "family": limit["family"],
        "rule": limit["rule"],
        "side": found.side,
        "x0": limit["x0"],
        "nodes": _numbers(found.nodes),
        "h": _numbers(found.h),
        "theta": [_numbers(row) for row in found.theta],
        "error": [_numbers(row) for row in found.error],
        "limit": limit,
        "order": json_number(found.order),
        "order_spread": json_number(found.order_spread),
        "orders": _numbers(found.orders),
        "constant": _numbers(found.constant),
        "predicted_order": json_number(found.predicted_order),
        "predicted_constant": None if guess is None else _numbers(guess),
        "success": True,
        "status": limit["status"],
        "message": _verdict(found),
    }


def _refused(error: KYError, asked: given.Problem, side: str) -> dict[str, Any]:
    point = json_number(asked.x0)
    return {
        "family": repr(asked.family),
        "rule": repr(asked.rule),
        "side": side,
        "x0": exact_text(asked.x0) if point is None else point,
        "nodes": [],
        "h": [],
        "theta": [[] for _ in asked.family.names],
        "error": [[] for _ in asked.family.names],
        "limit": None,
        "order": None,
        "order_spread": None,
        "orders": [None] * asked.family.size,
        "constant": [None] * asked.family.size,
        "predicted_order": None,
        "predicted_constant": None,
        "success": False,
        "status": error.status.name.lower() if error.status is not None else "not_applicable",
        "message": spelled(str(error)),
    }


# -- for people --------------------------------------------------------------------------------------------------------


def _verdict(found: Convergence) -> str:
    """The measured order beside the predicted one, and what else is to be said."""
    guess = "" if math.isnan(found.predicted_order) else f" (predicted {found.predicted_order:g})"
    if math.isnan(found.order):
        head = f"no order was measured{guess}"
    else:
        spread = f" ± {found.order_spread:.1g}" if math.isfinite(found.order_spread) else ""
        head = f"order {found.order:.4f}{spread}{guess}"
    return f"{head}: {spelled(found.note)}" if found.note else head


def _show(found: Convergence, asked: given.Problem) -> None:
    from rich.text import Text

    out, names = console(), found.limit.family.names
    head = headline(found.limit.symbol, asked.f, asked.x0)
    out.print(Text(f"Convergence of {head} from the {found.side}", style="bold"))
    apart = names if len(names) <= _FEW else ()
    steps = table("h", "‖θ(h) − θ*‖", *(f"|Δ{name}|" for name in apart))
    for k, h in enumerate(found.h):
        errors = [float(row[k]) for row in found.error]
        cells = [math.hypot(*errors), *(errors if apart else ())]
        steps.add_row(Text(f"{float(h):.6g}"), *(Text(f"{e:.3e}" if e else "0") for e in cells))
    if any(float(e) for row in found.error for e in row):
        out.print(steps)
    guess = found.predicted_constant
    rows = table("parameter", "limit", "own order", "K measured", *(["K predicted"] if guess is not None else []))
    for k, name in enumerate(names):
        cells_ = [decimal(found.limit.theta[k], None), _order(found.orders[k]), _short(found.constant[k])]
        rows.add_row(Text(name), *map(Text, cells_), *([Text(_short(guess[k]))] if guess is not None else []))
    out.print(rows)
    law = "" if math.isnan(found.order) else " θ(h) − θ* ≈ K h^α with α the order."
    out.print(Text(sentence(_verdict(found)) + law))


def _order(value: Any) -> str:
    """The order of one parameter, which may be higher than that of θ: its K is 0 then."""
    return "–" if math.isnan(value) else f"{value:.4f}"


def _short(value: Any) -> str:
    number = json_number(value)
    return "–" if number is None else f"{number:.6g}"
