"""What a comparison of families says, and how it shows itself."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .evidence import Side
from .families import ConnectionFunction
from .function import Function
from .result import KYTransform

_WIDE = 76  # characters of a reason in a table


@dataclass(frozen=True, repr=False, eq=False)
class Row:
    """One family in a comparison.

    ``result``: its transform, failed where the family has no member that follows f. ``contact``: up to which
    derivative its curve agrees with f, at most ``Comparison.order``; None where it failed. ``defect`` ± ``error``: the
    part of the change of f within ``Comparison.length`` of x0 that the curve misses; nan where it failed or where f has
    too few derivatives to tell. ``reason``: a sentence.
    """

    family: ConnectionFunction
    result: KYTransform
    contact: int | None
    defect: float
    error: float
    reason: str

    @property
    def success(self) -> bool:
        """Whether the family has a curve here."""
        return bool(self.result.success)

    @property
    def shown_defect(self) -> str:
        """0, 0.0123, 3e-14 ± 2e-13, or – where there is none."""
        if math.isnan(self.defect):
            return "–"
        return f"{self.defect:.2g}" + (f" ± {self.error:.1g}" if self.error > 0.01 * self.defect else "")

    @property
    def shown_reason(self) -> str:
        """The reason as a table has it: up to its first colon, and no longer than a line."""
        short = self.reason.split(": ")[0].split("; ")[0].rstrip(".")
        return short if len(short) <= _WIDE else short[: _WIDE - 1].rstrip() + "…"

    def __repr__(self) -> str:
        if not self.success:
            return f"{self.family!r}: {self.result.status.name}: {self.reason}"
        return f"{self.family!r}: contact {self.contact}, defect {self.shown_defect}: {self.reason}"


@dataclass(frozen=True, repr=False, eq=False)
class Comparison(Sequence[Row]):
    """The families compared at one point, best first: a sequence of :class:`Row`.

    ``best``: the row of the family that suits f, None where undecided. ``verdict``: why, as a sentence. ``length``: the
    L of the defects. ``order``: the highest derivative of f looked at. ``nfev``: points at which f was evaluated.
    """

    rows: tuple[Row, ...]
    best: Row | None
    verdict: str
    length: float
    order: int
    x0: Any
    side: Side
    nfev: int
    function: Function = field(compare=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index]

    @property
    def _head(self) -> str:
        side = "" if self.side == "both" else f", from the {self.side}"
        return f"{self.function.label} at {self.x0}{side}: {self.verdict}"

    def _cells(self) -> list[tuple[str, str, str, str]]:
        return [
            (repr(r.family), "–" if r.contact is None else str(r.contact), r.shown_defect, r.shown_reason)
            for r in self.rows
        ]

    def __repr__(self) -> str:
        cells = [("family", "contact", "defect", "reason"), *self._cells()]
        wide = [max(len(row[k]) for row in cells) for k in range(3)]
        lines = [self._head]
        for k, (family, contact, defect, reason) in enumerate(cells):
            mark = "*" if k and self.rows[k - 1] is self.best else " "
            lines.append(f"{mark} {family:{wide[0]}}  {contact:>{wide[1]}}  {defect:>{wide[2]}}  {reason}".rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for row, cells in zip(self.rows, self._cells(), strict=True):
            tag = "th" if row is self.best else "td"
            rows.append("<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>")
        head = "".join(f"<th>{word}</th>" for word in ("family", "contact", "defect", "reason"))
        return f"<table><caption>{html.escape(self._head)}</caption><tr>{head}</tr>{''.join(rows)}</table>"
