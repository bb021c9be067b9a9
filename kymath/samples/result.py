"""The answer along a series: θ at every point, and how sure it is."""

from __future__ import annotations

import html
import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from ..errors import NotApplicable, Status, error_for
from ..evidence import Side, alike, converged, marked
from ..families import ConnectionFunction
from ..result import Parameters
from .series import Series

_BEGINS = re.compile(r"(?:^|(?<=[.!?] ))[a-z](?=[a-z]* )")  # a sentence, and not a name such as y[3]
_FEW = 5  # points that are shown one by one
_WHY = {Status.NOT_FINITE: "There are no data there, or too few near it."}


def sentences(*parts: str) -> str:
    """What there is to say, each sentence with a capital."""
    text = " ".join(part.strip() for part in parts if part.strip())
    return _BEGINS.sub(lambda letter: letter[0].upper(), text)


def why(status: Status) -> str:
    """What a status means for data: a sentence."""
    return _WHY.get(status, status.value)


@dataclass(frozen=True, repr=False, eq=False)
class SampledTransform(Parameters):
    """∇_KY of a measured series: the parameters θ of the connection curve at every point.

    ``theta`` and ``error`` are tuples of arrays in the family's order, of the shape of the points, with a last axis for
    the channels where y is (n, m); every parameter is also an attribute (``r.a2``, ``r.B``). ``error`` holds standard
    errors: about 95 % of the truth lies within ±1.96 of them. ``t`` are the points, ``bandwidth`` the half-width of the
    window at each, in units of t, ``noise`` the scale of the noise per channel that the errors are built on,
    ``status`` a :class:`~kymath.Status` per point: where there is no answer θ is NaN. ``message`` says what applies to
    the series as a whole, ``times`` are the points as they were given where they were times: then ``t`` counts days.
    ``coefficient`` raises ``NotApplicable`` where the family has none, ``raise_for_status`` the
    exception of the first point without an answer. Source: Condor, Section 4.1.

    >>> import numpy as np
    >>> import kymath as ky
    >>> t = np.linspace(0, 1, 50)
    >>> r = ky.samples(t, t**2, ky.Polynomial(2))
    >>> r.parameters["a2"].shape, bool(r.success.all())
    ((50,), True)
    """

    theta: tuple[np.ndarray, ...]
    error: tuple[np.ndarray, ...]
    family: ConnectionFunction
    t: np.ndarray
    bandwidth: np.ndarray
    noise: np.ndarray
    status: np.ndarray
    side: Side = "both"
    message: str = ""
    series: Series | None = None  # the data, which pictures draw below the answer
    times: np.ndarray | None = None  # the points as times, where t counts days

    @property
    def success(self) -> np.ndarray:
        """Where there is an answer."""
        return converged(self.status).copy()

    def interval(self, name: str, level: float = 0.95) -> tuple[Any, Any]:
        """(low, high) of a parameter at every point: θ ∓ z standard errors, z the normal distribution's for the level.

        ``level`` lies between 0 and 1. Raises ``NotApplicable`` for another, and for unknown names.

        >>> import numpy as np
        >>> import kymath as ky
        >>> t = np.linspace(0, 1, 50)
        >>> low, high = ky.samples(t, np.sin(t), ky.Linear(), bandwidth=0.2).interval("a", 0.9)
        >>> bool((low <= high).all())
        True
        """
        if name not in self.family.names:
            known = ", ".join(self.family.names)
            raise NotApplicable(f"there is no parameter {name!r}; the parameters are {known}.")
        if isinstance(level, bool) or not isinstance(level, (int, float, np.number)) or not 0 < level < 1:
            raise NotApplicable(f"level must lie between 0 and 1, as 0.95; {level!r} was given.")
        reach = NormalDist().inv_cdf((1 + float(level)) / 2) * self.errors[name]
        return self.parameters[name] - reach, self.parameters[name] + reach

    def to_frame(self) -> Any:
        """A pandas ``DataFrame``: a row for each point, a column for each parameter, its error, and the rest.

        The index is t, or the times. For y (n, m) the columns have two levels, name and channel. ``status`` holds the
        names of the statuses. Raises ``NotApplicable`` without pandas.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError:
            raise NotApplicable("a table needs pandas: pip install 'kymath[data]'.") from None
        t = np.ravel(self.t if self.times is None else self.times)
        fields = {**self.parameters, **{f"{name}_error": e for name, e in self.errors.items()}}
        fields["status"] = np.array([s.name for s in self.status.flat], dtype=object)
        fields |= {"bandwidth": self.bandwidth, "noise": np.broadcast_to(self.noise, self.status.shape)}
        columns: dict[Any, np.ndarray] = {}
        for name, values in fields.items():
            rows = np.reshape(values, (t.size, -1))
            channels = self.status.ndim > self.t.ndim
            columns |= {(name, k) if channels else name: rows[:, k] for k in range(rows.shape[1])}
        return pandas.DataFrame(columns, index=pandas.Index(t, name="t"))

    def raise_for_status(self) -> SampledTransform:
        """The result itself, or the exception of the first point without an answer."""
        failed = np.argwhere(~self.success)
        if not len(failed):
            return self
        first = tuple(int(i) for i in failed[0])
        status = self.status[first]
        place = f"t = {float(self.t[first[: self.t.ndim]]):g}"
        raise error_for(
            status, f"{len(failed)} of {self.status.size} points have no answer, the first at {place}: {why(status)}"
        )

    def __repr__(self) -> str:
        if self.t.size > _FEW or self.status.size != self.t.size:
            return self._head()
        lines = [self._head() + ":"]
        places = self.t if self.times is None else self.times
        for k, (place, status) in enumerate(zip(np.ravel(places), np.ravel(self.status), strict=True)):
            pairs = ((np.ravel(v)[k], np.ravel(e)[k]) for v, e in zip(self.theta, self.error, strict=True))
            known = (f"{n} = {v:.6g} ± {e:.2g}" for n, (v, e) in zip(self.family.names, pairs, strict=True))
            t = f"{place:.10g}" if self.times is None else str(place)
            lines.append(f"t = {t}: {', '.join(known) if status is Status.CONVERGED else status.name}")
        return "\n  ".join(lines)

    def _head(self) -> str:
        reached = int(np.count_nonzero(self.success))
        channels = f" × {self.status.shape[-1]} channels" if self.status.ndim > self.t.ndim else ""
        names = ", ".join(self.family.names)
        return f"samples of {self.family!r} ({self.t.size} points{channels}): {reached} reached, {names}"

    def _repr_html_(self) -> str:
        def middle(values: np.ndarray) -> str:
            known = values[np.isfinite(values)]
            return html.escape(f"{np.median(known):.4g}") if len(known) else "–"

        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{middle(value)}</td><td>{middle(error)}</td></tr>"
            for name, value, error in zip(self.family.names, self.theta, self.error, strict=True)
        )
        return (
            f"<table><caption>{html.escape(self._head())}</caption>"
            f"<tr><th>parameter</th><th>median</th><th>median error</th></tr>{rows}</table>"
            f"<p>{html.escape(self.message)}</p>"
        )


# jets and errors of θ (K, k, m), half-widths (k, m)
Found = tuple[np.ndarray, np.ndarray, np.ndarray]
Curve = Callable[[np.ndarray], Found]  # of sorted points


def remembered(curve: Curve) -> Curve:
    """The curve, with its last answer kept: at the samples it is asked for several times."""
    last: list[tuple[np.ndarray, Found]] = []

    def read(x: np.ndarray) -> Found:
        if not (last and np.array_equal(last[0][0], x)):
            last[:] = [(x, curve(x))]
        jets, errors, widths = last[0][1]
        return jets.copy(), errors.copy(), widths.copy()

    return read


class Answer:
    """The arrays of the answer, written block by block: a block stays in the cache until it is done."""

    def __init__(self, family: ConnectionFunction, points: int, channels: int) -> None:
        self.family = family
        self.theta = [np.empty((points, channels)) for _ in range(family.size)]
        self.errors = [np.empty((points, channels)) for _ in range(family.size)]
        self.widths = np.empty((points, channels))
        self.good = np.zeros((points, channels), dtype=bool)

    def write(self, here: slice, channels: np.ndarray, jets: np.ndarray, errors: np.ndarray, width: np.ndarray) -> None:
        """Fill in jets and errors (N, k, m) and half-widths (k, m)."""
        some = slice(None) if len(channels) == self.good.shape[1] else channels
        theta = self.family.from_jet(tuple(jets))
        for total, part in zip(self.theta, theta, strict=True):
            total[here, some] = part
        for total, part in zip(self.errors, errors, strict=True):
            total[here, some] = part
        self.widths[here, some] = width
        good = np.isfinite(theta[0])  # every jet is a part of some θ
        for part in (*theta[1:], *errors):
            good &= np.isfinite(part)
        self.good[here, some] = good

    def done(self, order: np.ndarray | None) -> tuple[Any, ...]:
        """θ, errors, status and half-widths at the points as they were given."""
        status = alike(self.good.shape)
        arrays = [*self.theta, *self.errors, self.widths]
        if not self.good.all():
            for array in arrays:
                array[~self.good] = np.nan
            status = marked(status, ~self.good, Status.NOT_FINITE)
        if order is not None:
            back = np.empty_like(order)
            back[order] = np.arange(len(order))
            arrays, status = [a[back] for a in arrays], status[back]
        size = len(self.theta)
        return tuple(arrays[:size]), tuple(arrays[size : 2 * size]), status, arrays[-1]
