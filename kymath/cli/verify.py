"""``kymath verify``: the papers' claims checked by computation, the face of :func:`kymath.audit.verify`."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as given
from .files import place, put
from .output import console, table, write_json

if TYPE_CHECKING:
    from kymath.audit import Report

EXAMPLES = """\
kymath verify
kymath verify --claim "Eq20/Eq30-literal"
kymath verify --claim T3.15 --json
kymath verify --paper condor --html claims.html
"""
COLOURS = {"holds": "green", "cond": "yellow", "false": "red", "undef": "magenta", "untestable": "blue"}
_SHORT = 84  # characters of a statement in the table


def verify(
    context: typer.Context,
    paper: Annotated[
        str | None, typer.Option("--paper", metavar="WORD", help="condor or cross-synthesis (default: both).")
    ] = None,
    claim: Annotated[
        list[str] | None,
        typer.Option("--claim", metavar="ID", help='In full, by id or place: T3.15, "Table 1"; may be given again.'),
    ] = None,
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Write one page for a browser.")] = None,
    json: given.Json = False,
) -> int:
    """Check the papers' statements by computation: what holds, what does not, and what holds in its place."""
    if context.args:
        words = " ".join(context.args)
        raise given.Misuse(f"{words!r} stands alone: did you mean {shlex.join(['--claim', words])}?")
    if json and html is not None:
        raise given.Misuse("--json and --html exclude each other: ask for one.")
    file = None if html is None else place(html, "--html")

    from kymath.audit import PAPERS
    from kymath.audit import verify as check

    if paper is not None:
        given.one_of(paper, PAPERS, "--paper")
    with _progress() as step:
        reports = check(paper, claim or None, step)
    if json:
        write_json({"claims": [report.record() for report in reports]})
    elif file is not None:
        from kymath.audit.page import page

        text = page(reports).encode()
        put(file, "--html", lambda out: out.write(text))
        console().print(f"Written: {html}")
    elif claim:
        for k, report in enumerate(reports):
            if k:
                console().print()
            _in_full(report)
    else:
        _listed(reports)
    return 0


@contextmanager
def _progress() -> Iterator[Callable[[Any, int, int], None] | None]:
    """A bar on standard error while claims are checked, on a terminal only."""
    if not (sys.stderr is not None and sys.stderr.isatty()):
        yield None
        return
    from rich.progress import Progress

    with Progress(console=console(err=True), transient=True) as bar:
        task = bar.add_task("checking", total=None)

        def step(claim: Any, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, description=claim.id)

        yield step


# -- for people --------------------------------------------------------------------------------------------------------


def _verdict(report: Report) -> Any:
    from rich.text import Text

    return Text(report.verdict or report.status, style=COLOURS.get(report.verdict or "", ""))


def _listed(reports: list[Report]) -> None:
    """The papers' statements and the project's own apart, each with their count."""
    from rich.text import Text

    from kymath.audit.page import OWN, VERDICTS

    papers, own = [r for r in reports if not r.own], [r for r in reports if r.own]
    out = console()
    for title, some in (("", papers), (OWN, own)):
        if some:
            if title:
                out.print(Text(f"{title}:"))
            rows = table("claim", "verdict", "statement")
            for column in rows.columns[1:]:
                column.justify = "left"
            for report in some:
                text = report.statement if len(report.statement) <= _SHORT else report.statement[: _SHORT - 1] + "…"
                rows.add_row(Text(report.id), _verdict(report), Text(text))
            out.print(rows)
    seen = {report.verdict for report in reports}
    if legend := "; ".join(f"{word}: {VERDICTS[word]}" for word in ("cond", "undef", "untestable") if word in seen):
        out.print(Text(f"{legend}."))
    if papers:
        out.print(f"{_counted(papers, 'claim')} of the papers: {_verdicts(papers)}.")
    if own:
        out.print(f"{_counted(own, 'statement')} of the project's own: {_verdicts(own)}.")
    out.print(f"Checked in {sum(r.seconds for r in reports):.1f} s. One in full: --claim ID.")


def _counted(some: list[Report], word: str) -> str:
    return f"{len(some)} {word}{'s' * (len(some) != 1)}"


def _verdicts(some: list[Report]) -> str:
    counts = Counter(report.verdict or report.status for report in some)
    return ", ".join(f"{count} {word}" for word, count in counts.most_common())


def _in_full(report: Report) -> None:
    from rich.text import Text

    out = console()
    out.print(Text.assemble((f"{report.id}: ", "bold"), _verdict(report)))
    out.print(Text(f"{report.paper}, {report.where}. {report.statement}"))
    if report.own:
        out.print("A statement of the project's own, not of the paper.")
    out.print()
    for fact in report.facts:
        out.print(Text(f"{'✓' if fact.holds else '✗'} {fact.role.value}: {fact.text}"))
    if not report.facts:
        out.print(Text(report.evidence))
    if report.corrected:
        out.print()
        out.print(Text.assemble(("What holds: ", "bold"), report.corrected))
