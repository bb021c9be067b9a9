"""How curves move: from their initial ones, and from checkpoint to checkpoint of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import KYError
from .curve import ConnectionCurve
from .readings import COLUMNS, NUMBERS, Row, table
from .similarity import paired

Key = tuple[Any, int, str, str]  # layer, head, axis, layout


@dataclass(frozen=True, eq=False)
class Trajectories:
    """The heads of a model along the checkpoints of a run.

    ``keys`` (heads): layer, head, axis and layout of each; ``labels`` (checkpoints) as they were given; ``from_first``
    and ``steps`` (heads, checkpoints): Jensen–Shannon distance of the weights to those of the first checkpoint, and to
    those of the one before (0 for the first); ``tables``: the readings at each.
    """

    keys: list[Key]
    labels: list[str]
    from_first: np.ndarray
    steps: np.ndarray
    tables: list[list[Row]]

    def reading(self, name: str) -> np.ndarray:
        """One of the numbers of :func:`~kymath.inspector.readings.readings`, (heads, checkpoints); kinds as text.

        Raises ``KYError`` for another name.
        """
        if name not in (*NUMBERS, "kind", "residual"):
            raise KYError(
                f"there is no reading {name!r}; the readings are {', '.join((*NUMBERS, 'kind', 'residual'))}."
            )
        return np.array([[row[name] for row in rows] for rows in self.tables]).T

    @property
    def moved(self) -> np.ndarray:
        """The length of the way of each head: the sum of its steps."""
        return np.asarray(self.steps.sum(axis=1))


def drift(curves: Sequence[ConnectionCurve], initial: Sequence[ConnectionCurve]) -> list[Row]:
    """How far each curve is from its initial one: a row per head, in the order of ``curves``.

    ``moved``: Jensen–Shannon distance of the weights (over the common lags; see
    :func:`~kymath.inspector.similarity.similarity`); ``moved_nats``: rms of the difference of the biases less its mean
    over the lags that both have and see. NaN for a head without a partner of its layer, head, axis and layout. Raises
    ``KYError`` where no head has one.

    >>> lags = np.arange(4.0)
    >>> before, after = (ConnectionCurve(0, 0, "by hand", lags, -m * lags) for m in (0.0, 1.0))
    >>> row = drift([after], [before])[0]
    >>> round(row["moved"], 3), round(row["moved_nats"], 3)
    (0.404, 1.118)
    """
    partners = _by_key(initial)
    met = [i for i, curve in enumerate(curves) if _key(curve) in partners]
    if curves and not met:
        raise KYError(_strangers(curves, initial))
    others = [partners[_key(curves[i])] for i in met]
    distance, nats = np.full(len(curves), np.nan), np.full(len(curves), np.nan)
    distance[met] = paired([curves[i] for i in met], others)
    nats[met] = [_nats(curves[i], other) for i, other in zip(met, others, strict=True)]
    return [
        {name: getattr(curve, name) for name in COLUMNS[:4]} | {"moved": float(d), "moved_nats": float(b)}
        for curve, d, b in zip(curves, distance, nats, strict=True)
    ]


def trajectories(reports: Sequence[Any], labels: Sequence[Any] | None = None) -> Trajectories:
    """The way of every head along several checkpoints of one run, in the order given.

    ``reports`` are :class:`~kymath.inspector.ConnectionReport`, or lists of curves; ``labels`` name them (steps,
    epochs), else their sources do. Only heads that all have are followed. Raises ``KYError`` where there are none, or
    no reports.
    """
    if not reports:
        raise KYError("trajectories: no reports were given; give those of the checkpoints of a run, in their order.")
    if labels is not None and len(labels) != len(reports):
        raise KYError(f"trajectories: {len(labels)} labels were given for {len(reports)} reports.")
    runs = [list(getattr(report, "curves", report)) for report in reports]
    found = [_by_key(curves) for curves in runs]
    keys = [key for key in found[0] if all(key in one for one in found)]
    if not keys:
        raise KYError(_strangers(runs[0], runs[-1]))
    followed = [[one[key] for key in keys] for one in found]
    first = np.stack([paired(curves, followed[0]) for curves in followed], axis=1)
    before = [followed[0], *followed[:-1]]
    steps = np.stack([paired(one, two) for one, two in zip(followed, before, strict=True)], axis=1)
    named = [str(getattr(report, "source", i)) for i, report in enumerate(reports)] if labels is None else labels
    return Trajectories(keys, [str(label) for label in named], first, steps, [table(curves) for curves in followed])


def _key(curve: ConnectionCurve) -> Key:
    return (curve.layer, curve.head, curve.axis, curve.layout)


def _by_key(curves: Sequence[ConnectionCurve]) -> dict[Key, ConnectionCurve]:
    return {_key(curve): curve for curve in curves}


def _nats(one: ConnectionCurve, two: ConnectionCurve) -> float:
    _, here, there = np.intersect1d(one.lags, two.lags, return_indices=True)
    here, there = (part[one.visible[here] & two.visible[there]] for part in (here, there))
    if one.broken or two.broken or not here.size:
        return float("nan")
    with np.errstate(over="ignore", invalid="ignore"):
        difference = one.bias[here] - two.bias[there]
        return float(np.std(difference))


def _strangers(curves: Sequence[ConnectionCurve], others: Sequence[ConnectionCurve]) -> str:
    def said(some: Sequence[ConnectionCurve]) -> str:
        return f"{some[0].layout}, {some[0].name}, …" if some else "nothing"

    return f"no head is in all checkpoints: {said(curves)} against {said(others)}. Give checkpoints of one model."
