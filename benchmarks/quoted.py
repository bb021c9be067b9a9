"""Tables of the benchmarks' pages, quoted in docs/how-it-compares.md: ``python benchmarks/quoted.py``.

A quoted table stands there between ``<!-- NAME -->`` and ``<!-- end -->``. It is never typed: this copies rows and
columns, cell by cell, from the page that a run has written, and the line that says when and with what it was measured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "how-it-compares.md"


@dataclass(frozen=True)
class Quote:
    """Some columns of the first table in a section that has them all; of the rows those whose first cells fit."""

    page: str
    section: str
    columns: tuple[str, ...]
    rows: str = ""  # a pattern for the first cells, joined by blanks; all rows if empty

    def markdown(self) -> str:
        head, *body = self.table()
        places = [head.index(column) for column in self.columns]
        kept = [row for row in body if re.search(self.rows, " ".join(row[:2]))]
        if not kept:
            raise ValueError(f"{self.page}, {self.section}: no row fits {self.rows!r}.")
        lines = [[row[k] for k in places] for row in (head, ["---"] * len(head), *kept)]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def table(self) -> list[list[str]]:
        for lines in re.findall(r"(?:^\|.*\|\n)+", section(self.page, self.section), re.MULTILINE):
            head, _, *body = [re.split(r" *(?<!\\)\| *", line.strip(" |")) for line in lines.splitlines()]
            if set(self.columns) <= set(head):
                return [head, *body]
        raise ValueError(f"{self.page}, {self.section}: no table has the columns {self.columns}.")


SIGNALS = ("signal", "inside", "edges, same setting", "best peer inside")
QUOTES = {
    "derivatives": Quote(
        "benchmarks.md",
        "Smooth functions",
        ("method", "digits n = 1 / 2 / 4 / 8", "evaluations", "errors cover", "silently wrong", "refused", "ms"),
    ),
    "hard": Quote(
        "benchmarks.md",
        "Hard cases",
        ("method", "right", "rightly refused", "error too small", "silently wrong", "number, no limit", "asked"),
        "central|numdifftools|scipy|mpmath|flint|jax|default(?!,)",
    ),
    "many": Quote("benchmarks.md", "Time", ("method", "time ratio", "digits n = 1", "digits n = 2", "points")),
    "slopes": Quote("benchmarks-samples.md", "Slopes", SIGNALS),
    "alone": Quote(
        "benchmarks-samples.md",
        "Slopes",
        ("noise", "n", "inside", "edges", "kymath nearer inside", "kymath, s", "the spline, s"),
    ),
    "rates": Quote("benchmarks-samples.md", "Rates", SIGNALS),
    "frequencies": Quote("benchmarks-samples.md", "Frequencies", SIGNALS),
    "fits": Quote(
        "benchmarks-samples.md",
        "Time and memory",
        ("family", "windows", "samples in each", "`curve_fit`, s", "window given, s", "chosen, s"),
    ),
    "attention": Quote(
        "benchmarks-attention.md",
        "W = 15, float32",
        ("layer", "L", "forward, ms", "× SDPA", "forward and backward, ms"),
    ),
}


def section(page: str, heading: str) -> str:
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise ValueError(f"{page} has no section {heading!r}.")
    return found[1]


def measured(page: str) -> str:
    """The page, and its last line: when it was measured, by what, and with which versions."""
    found = re.search(r"^Measured on (.*?)\.\s*\Z", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if not found:
        raise ValueError(f"{page} does not say when it was measured.")
    return f"From [{page.removesuffix('.md')}]({page}), measured on {' '.join(found[1].split())}."


def quoted(text: str) -> str:
    """The page with every quoted table as it now stands on its own page."""
    for name, quote in QUOTES.items():
        new = f"<!-- {name} -->\n\n{quote.markdown()}\n\n{measured(quote.page)}\n\n<!-- end -->"
        text, count = re.subn(rf"<!-- {name} -->.*?<!-- end -->", lambda _, new=new: new, text, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"{PAGE.name} has {count} places for {name!r}.")
    return text


def main() -> None:
    PAGE.write_text(quoted(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE.name}: {len(QUOTES)} tables")


if __name__ == "__main__":
    main()
