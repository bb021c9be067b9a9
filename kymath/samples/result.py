"""The answer along a series: θ at every point, and how sure it is."""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np

from ..errors import error_for
from ..evidence import converged
from ..families import ConnectionFunction
from ..result import Parameters
from .series import Series


@dataclass(frozen=True, repr=False, eq=False)
class SampledTransform(Parameters):
    """∇_KY of a measured series: the parameters θ of the connection curve at every point.

    ``theta`` and ``error`` are tuples of arrays in the family's order, of the shape of the points, with a last axis for
    the channels where y is (n, m); every parameter is also an attribute (``r.a2``, ``r.B``). ``error`` holds standard
    errors: about 95 % of the truth lies within ±1.96 of them. ``t`` are the points, ``bandwidth`` the half-width of the
    window at each, in units of t, ``noise`` the scale of the noise per channel that the errors are built on,
    ``status`` a :class:`~kymath.Status` per point: where there is no answer θ is NaN. ``message`` says what applies to
    the series as a whole. ``coefficient`` raises ``NotApplicable`` where the family has none, ``raise_for_status`` the
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
    side: str = "both"
    message: str = ""
    series: Series | None = None  # the data, which pictures draw below the answer

    @property
    def success(self) -> np.ndarray:
        """Where there is an answer."""
        return converged(self.status).copy()

    def raise_for_status(self) -> SampledTransform:
        """The result itself, or the exception of the first point without an answer."""
        failed = np.argwhere(~self.success)
        if not len(failed):
            return self
        first = tuple(int(i) for i in failed[0])
        status = self.status[first]
        place = f"t = {float(self.t[first[: self.t.ndim]]):g}"
        raise error_for(
            status, f"{len(failed)} of {self.status.size} points have no answer, the first at {place}: {status.value}"
        )

    def __repr__(self) -> str:
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
            f"<table><caption>{html.escape(repr(self))}</caption>"
            f"<tr><th>parameter</th><th>median</th><th>median error</th></tr>{rows}</table>"
            f"<p>{html.escape(self.message)}</p>"
        )
