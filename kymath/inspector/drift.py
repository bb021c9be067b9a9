"""How curves move: from their initial ones, and from checkpoint to checkpoint of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import KYError
from .curve import ConnectionCurve
from .readings import COLUMNS, SAID, Row, table
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
        if name not in SAID:
            raise KYError(f"there is no reading {name!r}; the readings are {', '.join(SAID)}.")
        return np.array([[row[name] for row in rows] for rows in self.tables]).T

    @property
    def length(self) -> np.ndarray:
        """The length of the way of each head, (heads,): the sum of its steps, at least the distance it moved."""
        return np.asarray(self.steps.sum(axis=1))

    def __repr__(self) -> str:
        heads, points = len(self.keys), len(self.labels)
        ends = " … ".join(dict.fromkeys((self.labels[0], self.labels[-1])))
        return f"{heads} head{'s' * (heads != 1)} along {points} checkpoint{'s' * (points != 1)} ({ends})"


def curves_of(source: Any, asked: str) -> tuple[list[ConnectionCurve], str | None]:
    """The curves of a report, a list of curves, or what ``inspect_connections`` takes; and their source, if it has one.

    ``asked`` is who asks, for the ``KYError`` where it is none of these.
    """
    if isinstance(source, (list, tuple)) and all(isinstance(one, ConnectionCurve) for one in source):
        return list(source), None
    if isinstance(source, (str, os.PathLike, Mapping)) or hasattr(source, "state_dict"):
        from . import inspect_connections

        source = inspect_connections(source)
    found = getattr(source, "curves", None)
    if not isinstance(found, (list, tuple)):
        raise KYError(
            f"{asked}: {type(source).__name__} has no curves; give a report, a list of curves, or what "
            "inspect_connections takes (a file, a folder, a dict of arrays, a model)."
        )
    return list(found), getattr(source, "source", None)


def drift(curves: Sequence[ConnectionCurve], initial: Any) -> list[Row]:
    """How far each curve is from its initial one: a row per head, in the order of ``curves``.

    ``initial``: a report, curves, or what :func:`~kymath.inspector.inspect_connections` takes, read with its usual
    window.

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
    initial, _ = curves_of(initial, "drift")
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

    ``reports`` are :class:`~kymath.inspector.ConnectionReport`, lists of curves, or what
    :func:`~kymath.inspector.inspect_connections` takes (read with its usual window); ``labels`` name them (steps,
    epochs), else their sources do. Only heads that all have are followed. Raises ``KYError`` where there are none, or
    no reports.

    >>> lags = np.arange(4.0)
    >>> way = trajectories([[ConnectionCurve(0, 0, "by hand", lags, -m * lags)] for m in (0.0, 0.5, 1.0)])
    >>> way, way.length.round(3).tolist(), way.from_first[:, -1].round(3).tolist()
    (1 head along 3 checkpoints (0 … 2), [0.416], [0.404])
    """
    if not isinstance(reports, Sequence) or isinstance(reports, str):
        raise KYError("trajectories: give a list, the reports (or files) of the checkpoints of a run in their order.")
    if not reports:
        raise KYError("trajectories: no reports were given; give those of the checkpoints of a run, in their order.")
    if labels is not None and len(labels) != len(reports):
        raise KYError(f"trajectories: {len(labels)} labels were given for {len(reports)} reports.")
    runs, sources = zip(*(curves_of(report, "trajectories") for report in reports), strict=True)
    found = [_by_key(curves) for curves in runs]
    keys = [key for key in found[0] if all(key in one for one in found)]
    if not keys:
        raise KYError(_strangers(runs[0], runs[-1]))
    followed = [[one[key] for key in keys] for one in found]
    first = np.stack([paired(curves, followed[0]) for curves in followed], axis=1)
    before = [followed[0], *followed[:-1]]
    steps = np.stack([paired(one, two) for one, two in zip(followed, before, strict=True)], axis=1)
    named = [i if source is None else source for i, source in enumerate(sources)] if labels is None else labels
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
