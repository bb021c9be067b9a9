"""Everything the inspector says about a model's learned connection functions, and the files it writes."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import KYError
from ..files import write_whole
from .curve import ConnectionCurve
from .drift import drift
from .readings import COLUMNS, Row, table
from .similarity import CUT, EQUAL, Redundancy, clusters, redundancy, similarity
from .specialisation import specialisation

Target = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class ConnectionReport:
    """The curves of a model, and what can be asked about them.

    ``curves`` in the order of layers and heads; ``source`` is the file, or the model's name. Questions are answered
    when they are asked, for all heads at once, and then kept. Made by :func:`~kymath.inspector.inspect_connections`, or
    by hand for a model of one's own.

    >>> lags, biases = np.arange(8.0), np.outer([-0.5, 0.0], np.arange(8.0))  # (heads, lags)
    >>> ConnectionReport([ConnectionCurve(0, h, "mine", lags, bias) for h, bias in enumerate(biases)], "my model")
    2 connection curves of my model (mine)
    """

    curves: list[ConnectionCurve]
    source: str = ""

    @cached_property
    def layouts(self) -> list[str]:
        """What was read, each once."""
        return list(dict.fromkeys(curve.layout for curve in self.curves))

    @cached_property
    def broken(self) -> list[str]:
        """The curves with NaN or +inf in them, or with every slot masked: all their numbers are NaN."""
        return [curve.name for curve in self.curves if curve.broken]

    def curve(self, layer: int | str, head: int | str, axis: str | None = None) -> ConnectionCurve:
        """One curve, the first of that layer and head, which may be text ("1"). ``KYError`` where there is none."""
        for one in self.curves:
            if str(one.layer) == str(layer) and str(one.head) == str(head) and axis in (None, one.axis):
                return one
        raise KYError(f"{self.source}: there is no layer {layer}, head {head}{f', {axis}' if axis else ''}.")

    def table(self) -> list[Row]:
        """A row (dict) per curve, with its layer, head, axis and layout; see :func:`~kymath.inspector.readings`."""
        return [dict(row) for row in self._rows]

    def similarity(self) -> np.ndarray:
        """Jensen–Shannon distances (curves, curves) of the weights, read-only: for many heads they are large.

        See :func:`~kymath.inspector.similarity.similarity`.
        """
        return self._distances

    def clusters(self, *, cut: float = CUT) -> np.ndarray:
        """Labels (curves,) of groups of heads alike; see :func:`~kymath.inspector.similarity.clusters`."""
        return clusters(self._distances, cut=cut)

    def redundancy(self, *, within: float = EQUAL) -> Redundancy:
        """How many heads are nearly equal to another one; see :func:`~kymath.inspector.similarity.redundancy`."""
        return redundancy(self._distances, within=within)

    def specialisation(self, rng: np.random.Generator, initial: Any = None) -> list[dict[str, Any]]:
        """Stand-ins for Theorem 5.8 and Eq. 56–58; see :func:`~kymath.inspector.specialisation.specialisation`.

        ``initial``: a report, or what :func:`~kymath.inspector.inspect_connections` takes.
        """
        return specialisation(self.curves, rng, initial)

    def drift(self, initial: Any) -> list[Row]:
        """How far each curve moved from its initial one; see :func:`~kymath.inspector.drift.drift`.

        ``initial``: a report, or what :func:`~kymath.inspector.inspect_connections` takes.
        """
        return drift(self.curves, initial)

    def as_dict(self) -> dict[str, Any]:
        """``source``, ``layouts`` and ``curves``: each its row of the table, its ``lags`` and its ``bias``.

        Of JSON's types alone: what is no finite number is None (a masked slot's bias, a number that a curve lacks).
        """
        rows = [
            {name: _plain(value) for name, value in row.items()}
            | {"lags": _list(curve.lags), "bias": _list(curve.bias)}
            for row, curve in zip(self._rows, self.curves, strict=True)
        ]
        return {"source": self.source, "layouts": self.layouts, "curves": rows}

    def to_json(self, path: Target) -> None:
        """Write :meth:`as_dict` as JSON, whole or not at all. Raises ``OSError`` where that is not possible."""
        write_whole(path, (json.dumps(self.as_dict(), allow_nan=False, ensure_ascii=False) + "\n").encode())

    def as_csv(self) -> str:
        """The table as CSV with a header; a number that a curve lacks is empty."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _plain(value) for name, value in row.items()} for row in self._rows)
        return text.getvalue()

    def to_csv(self, path: Target) -> None:
        """Write :meth:`as_csv`, whole or not at all. Raises ``OSError`` where that is not possible."""
        write_whole(path, self.as_csv().encode())

    def plot(self, **options: Any) -> Any:
        """Pictures of the curves; see :mod:`kymath.inspector.draw`."""
        from .draw import plot

        return plot(self, **options)

    def to_html(self, path: Target) -> None:
        """One page for a browser that needs no network; see :mod:`kymath.inspector.page`."""
        from .page import to_html

        to_html(self, path)

    def __repr__(self) -> str:
        heads = len(self.curves)
        return f"{heads} connection curve{'s' * (heads != 1)} of {self.source or 'a model'} ({'; '.join(self.layouts)})"

    @cached_property
    def _rows(self) -> list[Row]:
        return table(self.curves)

    @cached_property
    def _distances(self) -> np.ndarray:
        found = similarity(self.curves)
        found.flags.writeable = False
        return found


def _plain(value: Any) -> Any:
    """NaN and infinities as None: JSON has no such numbers."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _list(values: Iterable[float]) -> list[float | None]:
    return [_plain(float(value)) for value in values]
