"""A learned connection curve: numbers per lag, and where the model knows more than numbers, a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..families import ConnectionFunction
from ..result import KYTransform
from ..samples.result import SampledTransform


@dataclass(frozen=True, eq=False)
class ConnectionCurve:
    """The bias that one head of one layer adds to its scores, by how far a token lies back.

    ``lags`` (W,) are in tokens, 0 the query's own, growing into the past (below 0: ahead of it); ``bias`` (W,) is a log
    weight, in nats, known up to a constant; ``weights`` its softmax over the window. ``layout`` says what was read. As
    a function it takes positions t in [0, 1], 0 the oldest slot and 1 the newest (Eq. 44): exactly where the model
    computes its bias from the position (``exact``), else a cubic spline through the table, which needs all of it to be
    finite. A masked slot has the bias −inf.

    >>> curve = ConnectionCurve(0, 0, "a table", np.arange(4.0), -0.5 * np.arange(4.0))
    >>> float(curve(1.0) - curve(0.0)), curve.weights.round(2).tolist()
    (1.5, [0.46, 0.28, 0.17, 0.1])
    """

    layer: int | str
    head: int
    layout: str
    lags: np.ndarray
    bias: np.ndarray
    function: Callable[[Any], Any] | None = field(default=None, repr=False)
    image: np.ndarray | None = field(default=None, repr=False)  # the table of two axes that this is a line of
    axis: str = ""  # which line of it

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
        """The bias at positions t in [0, 1]; at the slots themselves ``bias``."""
        return self._along(t)

    def by_lag(self, lag: Any) -> Any:
        """The bias at lags in tokens, between the slots too."""
        return self._along(1 - (lag - self.lags[0]) / max(self.lags[-1] - self.lags[0], 1.0))

    def transform(self, family: ConnectionFunction, *, at: Any = 0.5) -> KYTransform | SampledTransform:
        """∇_KY of the curve at positions in [0, 1]: by ``ky.transform`` where it is exact, else ``ky.samples`` of it.

        Parameters are per unit of t: divide a slope by W − 1 for tokens. Raises what those raise.

        >>> import kymath as ky
        >>> line = ConnectionCurve(0, 0, "a line", np.arange(5.0), -np.arange(5.0), lambda t: 4 * (t - 1))
        >>> line.transform(ky.Linear(), at=0.5).a
        4.0
        """
        import kymath as ky

        if self.function is not None:
            return ky.transform(self.function, at, family)
        order = np.argsort(self.positions)
        return ky.samples(self.positions[order], self.bias[order], family, at=at)

    @cached_property
    def _along(self) -> Callable[[Any], Any]:
        if self.function is not None:
            return self.function
        if self.bias.size < 2:
            return lambda t: self.bias[0] + 0 * t
        from scipy.interpolate import CubicSpline

        order = np.argsort(self.positions)
        return CubicSpline(self.positions[order], self.bias[order])
