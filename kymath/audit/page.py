"""The reports as one self-contained page of HTML."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence

from . import pictures
from .claim import Fact, Report
from .formula import STYLE as SCRIPTS
from .formula import formula

VERDICTS = {
    "holds": "holds",
    "cond": "holds under conditions",
    "false": "does not hold as stated",
    "undef": "has no definite meaning",
    "untestable": "cannot be tested",
    None: "not run",
}
TITLES = {
    "condor": "Condor: A Neural Connection Network for Enhanced Attention",
    "cross-synthesis": "A Mathematical Framework for Novel ML/AI Architectural Design: "
    "Interdisciplinary Cross-Synthesis of Attention Nodes",
}
OWN = "The project's own statements: corrections and lemmas"
_STYLE = """
:root { color-scheme: light dark; }
body { font: 17px/1.55 "STIX Two Text", Cambria, Georgia, "Times New Roman", "Liberation Serif", serif;
  max-width: 54rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.7rem; } h2 { font-size: 1.35rem; margin: 2.6rem 0 .6rem; }
h3 { font-size: 1.2rem; margin: 2.4rem 0 .3rem; } a { color: var(--blue); }
.verdict { border-radius: .3em; padding: .1em .5em; font: 600 .8rem/1.5 system-ui, sans-serif; color: #fff;
  background: #666; }
.holds { background: #1b6e3c; } .cond { background: #8a5a00; } .false { background: #a3262a; }
.undef { background: #6b3fa0; } .meta { color: var(--quiet); font-size: .9rem; margin: .3rem 0; }
.statement { font-size: 1.06rem; }
li.no::marker { content: "✗  "; } li.yes::marker { content: "✓  "; } li { overflow-wrap: anywhere; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top; }
code { font-size: .84em; }
"""


def page(reports: Sequence[Report]) -> str:
    """One page that needs nothing else: the verdicts on each paper, and on this project's own statements, as tables;
    then each claim with its evidence and its picture.

    >>> from kymath import audit
    >>> text = page(audit.verify(claim="CS-L1"))
    >>> text.count("<section"), text.count("<svg"), "http" in text
    (1, 1, False)
    """
    numbered = list(enumerate(reports))
    tables, sections = [], []
    for paper, title in TITLES.items():
        some = [(k, one) for k, one in numbered if one.paper == paper]
        if some:
            sections.append(f"<h2>Evidence: {html.escape(title)}</h2>")
            sections += [_section(k, one) for k, one in some]
        tables.append(_table(title, [(k, one) for k, one in some if not one.own]))
    tables.append(_table(OWN, [(k, one) for k, one in numbered if one.own]))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>The claims, checked</title>\n<style>{_STYLE}{SCRIPTS}{pictures.STYLE}</style></head>\n<body>\n"
        "<h1>The claims, checked</h1>\n<p>Every verdict follows from the numbers in the claim's evidence.</p>\n"
        + "\n".join([*filter(None, tables), *sections])
        + "\n</body>\n</html>\n"
    )


def _table(title: str, some: Sequence[tuple[int, Report]]) -> str:
    """The verdicts under their heading, counted; nothing where there are none."""
    if not some:
        return ""
    counts = Counter(report.verdict for _, report in some)
    total = "; ".join(f"{words}: {counts[verdict]}" for verdict, words in VERDICTS.items() if counts[verdict])
    number = f"{len(some)} statement{'s' * (len(some) != 1)}"
    rows = "\n".join(
        f'<tr><td><a href="#c{k}">{html.escape(r.id)}</a></td><td>{_badge(r)}</td><td>{formula(r.statement)}</td></tr>'
        for k, r in some
    )
    return (
        f"<h2>{html.escape(title)}</h2>\n<p>{number}. {total[:1].upper()}{total[1:]}.</p>\n"
        f"<table><tr><th>claim</th><th>verdict</th><th>statement</th></tr>\n{rows}\n</table>"
    )


def _badge(report: Report) -> str:
    word = report.verdict or report.status
    return f'<span class="verdict {report.verdict or "none"}" title="{VERDICTS[report.verdict]}">{word}</span>'


def _section(k: int, report: Report) -> str:
    parts = [
        f'<section id="c{k}"><h3>{html.escape(report.id)} {_badge(report)}</h3>',
        f'<p class="meta">{html.escape(report.paper)}, {formula(report.where)} · {report.status}, '
        f"{report.seconds:.2f} s</p>",
        f'<p class="statement">{formula(report.statement)}</p>',
        "<ul>" + "".join(map(_item, report.facts)) + "</ul>" if report.facts else f"<p>{formula(report.evidence)}</p>",
    ]
    if report.corrected:
        parts.append(f"<p><strong>Corrected.</strong> {formula(report.corrected)}</p>")
    if report.facts:  # what was not computed is not drawn
        parts.append(pictures.figure(report.id, f"p{k}"))
    return "\n".join([*filter(None, parts), "</section>"])


def _item(fact: Fact) -> str:
    return f'<li class="{"yes" if fact.holds else "no"}"><em>{fact.role.value}:</em> {formula(fact.text)}</li>'
