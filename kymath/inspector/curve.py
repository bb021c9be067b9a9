"""A learned connection curve: numbers per lag, and where the model knows more than numbers, a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import KYError
from ..evidence import Side
from ..families import ConnectionFunction
from ..result import KYTransform
from ..samples import SampledTransform, samples
from ..transform import transform

EXTRAPOLATED = "Extrapolated: the position is outside the window, where nothing was trained."


@dataclass(frozen=True, eq=False)
class ConnectionCurve:
    """The bias that one head of one layer adds to its scores, by how far a token lies back.

    ``lags`` (W,) are in tokens, 0 the query's own, growing into the past (below 0: ahead of it); ``bias`` (W,) is a log
    weight, in nats, known up to a constant; ``weights`` its softmax over the window. ``layout`` says what was read. As
    a function it takes positions t in [0, 1], 0 the oldest slot and 1 the newest (Eq. 44): exactly where the model
    computes its bias from the position (``exact``), else a cubic spline through the table, which needs all of it to be
    finite. Outside [0, 1] a table is NaN, and an exact curve is what the model's function gives there, which nothing
    was trained for. A masked slot has the bias −inf.

    ``lags`` and ``bias`` may be anything array-like (lists, tensors) and become arrays of doubles. Raises ``KYError``
    where they are no numbers in one dimension, of equal length, or the lags do not ascend.

    >>> curve = ConnectionCurve(0, 0, "a table", [0, 1, 2, 3], [0, -0.5, -1, -1.5])
    >>> float(curve(1.0) - curve(0.0)), curve.weights.round(2).tolist(), float(curve.by_lag(40.0))
    (1.5, [0.46, 0.28, 0.17, 0.1], nan)
    """

    layer: int | str
    head: int
    layout: str
    lags: np.ndarray
    bias: np.ndarray
    function: Callable[[Any], Any] | None = field(default=None, repr=False)
    image: np.ndarray | None = field(default=None, repr=False)  # the table of two axes that this is a line of
    axis: str = ""  # which line of it

    def __post_init__(self) -> None:
        lags, bias = _numbers("lags", self.lags), _numbers("bias", self.bias)
        if lags.shape != bias.shape:
            raise KYError(f"a curve has a bias for each lag, and here are {lags.size} lags and {bias.size} biases.")
        if not (np.isfinite(lags).all() and np.all(np.diff(lags) > 0)):
            raise KYError(
                "the lags of a curve ascend, 0 the query's own token: sort them, and the bias with them, and give each "
                "once."
            )
        object.__setattr__(self, "lags", lags)
        object.__setattr__(self, "bias", bias)

    @property
    def exact(self) -> bool:
        """Whether the curve is known between the lags, too."""
        return self.function is not None

    @property
    def name(self) -> str:
        return f"layer {self.layer}, head {self.head}" + (f", {self.axis}" if self.axis else "")

    @cached_property
    def visible(self) -> np.ndarray:
        """Which slots are not masked: −inf is the bias of a token that is never seen."""
        return np.asarray(self.bias != -np.inf)

    @cached_property
    def broken(self) -> bool:
        """Whether the bias is none: NaN or +inf in it, or no slot to be seen. Every number of such a curve is NaN."""
        return bool(np.isnan(self.bias).any() or (self.bias == np.inf).any() or not self.visible.any())

    @property
    def centred(self) -> np.ndarray:
        """The bias less its mean over the visible slots: a softmax ignores constants."""
        if self.broken:
            return np.full(self.bias.shape, np.nan)
        with np.errstate(over="ignore"):
            return np.asarray(self.bias - np.sum(self.bias[self.visible] / self.visible.sum()))

    @cached_property
    def weights(self) -> np.ndarray:
        """softmax(bias) over the window; 0 where it is masked."""
        if self.broken:
            return np.full(self.bias.shape, np.nan)
        with np.errstate(over="ignore"):  # spreads beyond what doubles hold are weights of 0
            raised = np.exp(self.bias - self.bias.max())
        return np.asarray(raised / raised.sum())

    @property
    def positions(self) -> np.ndarray:
        """The lags as positions in [0, 1], descending as the lags grow; a window of one slot is at 1."""
        span = self.lags[-1] - self.lags[0]
        return np.asarray(1 - (self.lags - self.lags[0]) / span if span else np.ones_like(self.lags))

    def __call__(self, t: Any) -> Any:
        """The bias at positions t in [0, 1]; at the slots themselves ``bias``.

        Outside NaN for a table, and an extrapolation of the model's function for an exact curve.
        """
        return self._along(np.asarray(t, dtype=float) if isinstance(t, (list, tuple)) else t)

    def by_lag(self, lag: Any) -> Any:
        """The bias at lags in tokens, between the slots too.

        Outside the window, beyond lag W − 1, NaN for a table. An exact curve is extrapolated there: the model's
        function is defined, but no training saw it, and the error of ``ky.transform`` does not tell.
        """
        lag = np.asarray(lag, dtype=float) if isinstance(lag, (list, tuple)) else lag
        return self._along(1 - (lag - self.lags[0]) / max(self.lags[-1] - self.lags[0], 1.0))

    def transform(self, family: ConnectionFunction, *, at: Any = 0.5) -> KYTransform | SampledTransform:
        """∇_KY of the curve at positions in [0, 1]: by ``ky.transform`` where it is exact, else ``ky.samples`` of it.

        Parameters are per unit of t, which falls by 1/(W − 1) from one token of lag to the next: a slope a per unit of
        t is the slope −a/(W − 1) per token of lag. Errors of ``ky.samples`` are standard errors. The ends of an
        exact curve are looked at from inside: at t = 1 (an array of nothing but 1, too) from the left, at 0 from the
        right. Ends in an array with other positions are looked at from both sides: ask for them apart. At a position
        outside [0, 1] ``message`` says that an exact curve is extrapolated. Raises what those raise.

        >>> import kymath as ky
        >>> line = ConnectionCurve(0, 0, "a line", np.arange(5.0), -np.arange(5.0), lambda t: 4 * (t - 1))
        >>> a = line.transform(ky.Linear(), at=0.5).a
        >>> a, -a / (5 - 1)
        (4.0, -1.0)
        """
        if self.function is not None:
            points = np.asarray(at)
            side: Side = "left" if np.all(points == 1) else "right" if np.all(points == 0) else "both"
            found = transform(self.function, at, family, side=side)
            if points.ndim == 0 and not 0 <= at <= 1:
                found = replace(found, message=f"{found.message} {EXTRAPOLATED}".strip())
            return found
        order = np.argsort(self.positions)
        return samples(self.positions[order], self.bias[order], family, at=at)

    @cached_property
    def _along(self) -> Callable[[Any], Any]:
        if self.function is not None:
            return self.function
        if not np.isfinite(self.bias).all():
            raise KYError(
                f"{self.name}: no spline goes through a table with masked slots or NaN; use its numbers, bias."
            )
        if self.bias.size < 2:
            return lambda t: np.where(np.asarray(t) == 1, self.bias[0], np.nan)[()]
        from scipy.interpolate import CubicSpline

        order = np.argsort(self.positions)
        # what a cubic says beyond the last slot is not the model's
        return CubicSpline(self.positions[order], self.bias[order], extrapolate=False)


def _numbers(name: str, values: Any) -> np.ndarray:
    """Doubles in one dimension, out of anything array-like."""
    if hasattr(values, "detach"):  # a tensor
        values = values.detach().cpu().double()
    try:
        array = np.asarray(values)
        if array.dtype == object:  # of which NumPy makes NaN of None, and numbers of text
            array = np.vectorize(float, otypes=[float])(array)
        found = None if array.dtype.kind in "cSUMm" else array.astype(float, copy=False)
    except (TypeError, ValueError, OverflowError):
        found = None
    if found is None:
        raise KYError(f"the {name} of a curve are numbers, an array or a list of them; these are not.")
    if found.ndim != 1 or not found.size:
        raise KYError(
            f"the {name} of a curve have one dimension and one entry at least, and these have the shape {found.shape}."
        )
    return found
