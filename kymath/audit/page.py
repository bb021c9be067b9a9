"""The reports as one self-contained page of HTML."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Sequence

from .claim import Fact, Report

VERDICTS = {
    "holds": "holds",
    "cond": "holds under conditions",
    "false": "does not hold as stated",
    "undef": "has no definite meaning",
    "untestable": "cannot be tested",
    None: "not run",
}
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .3rem; }
.verdict { border-radius: .3em; padding: .1em .5em; font-size: .9rem; font-weight: 600; color: #fff; background: #666; }
.holds { background: #1b6e3c; } .cond { background: #8a5a00; } .false { background: #a3262a; }
.undef { background: #6b3fa0; } .meta { color: #777; font-size: .9rem; }
li.no::marker { content: "✗  "; } li.yes::marker { content: "✓  "; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top; }
code { font-size: .95em; }
"""


def formula(text: str) -> str:
    """Text as HTML, with its powers raised and its indices lowered.

    >>> formula("a_k = D h^k / 2, x**3 < 1")
    'a<sub>k</sub> = D h<sup>k</sup> / 2, x<sup>3</sup> &lt; 1'
    """
    out = html.escape(text, quote=False)
    out = re.sub(r"(?<=[fg])\^(\([^()]*\))", r"<sup>\1</sup>", out)  # a derivative keeps its parentheses
    out = re.sub(r"(?:\*\*|\^)(?:\{([^}]*)\}|\(([^()]*)\)|(-?\w+(?:\.\d+)?))", _raised, out)
    out = re.sub(r"(?<=[\w∇Σ⊗)\]])_(?:\{([^}]*)\}|([A-Za-zα-ω0-9]+))", lambda m: f"<sub>{m[1] or m[2]}</sub>", out)
    return re.sub(r"(?<=[\w)>])\*(?=[\w(])", "·", out)


def _raised(match: re.Match[str]) -> str:
    return f"<sup>{next(group for group in match.groups() if group is not None)}</sup>"


def page(reports: Sequence[Report]) -> str:
    """One page: a table of all verdicts, then each claim with its evidence."""
    counts = Counter(report.verdict for report in reports)
    total = ", ".join(f"{counts[verdict]} {words}" for verdict, words in VERDICTS.items() if counts[verdict])
    rows = "\n".join(
        f'<tr><td><a href="#c{k}">{html.escape(r.id)}</a></td><td>{_badge(r)}</td><td>{formula(r.statement)}</td></tr>'
        for k, r in enumerate(reports)
    )
    sections = "\n".join(_section(k, report) for k, report in enumerate(reports))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>The claims, checked</title>\n<style>{_STYLE}</style></head>\n<body>\n<h1>The claims, checked</h1>\n"
        f"<p>{len(reports)} statements: {total}. Every verdict follows from the numbers below it.</p>\n"
        "<table><tr><th>claim</th><th>verdict</th><th>statement</th></tr>\n"
        f"{rows}\n</table>\n{sections}\n</body>\n</html>\n"
    )


def _badge(report: Report) -> str:
    return f'<span class="verdict {report.verdict or "none"}">{report.verdict or report.status}</span>'


def _section(k: int, report: Report) -> str:
    parts = [
        f'<section id="c{k}"><h2>{html.escape(report.id)} {_badge(report)}</h2>',
        f'<p class="meta">{html.escape(report.paper)}, {html.escape(report.where)} · {report.status}, '
        f"{report.seconds:.2f} s</p>",
        f"<p>{formula(report.statement)}</p>",
        "<ul>" + "".join(map(_item, report.facts)) + "</ul>" if report.facts else f"<p>{formula(report.evidence)}</p>",
    ]
    if report.corrected:
        parts.append(f"<p><strong>Corrected.</strong> {formula(report.corrected)}</p>")
    return "\n".join([*parts, "</section>"])


def _item(fact: Fact) -> str:
    return f'<li class="{"yes" if fact.holds else "no"}"><em>{fact.role.value}:</em> {formula(fact.text)}</li>'
