"""dask arrays of points: each block is transformed when it is computed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import NotApplicable, Status
from .evidence import Side
from .families import ConnectionFunction
from .function import Function
from .result import KYTransform
from .rules import Rule

_STATUSES = np.array(list(Status), dtype=object)
_CODE = {status: float(code) for code, status in enumerate(Status)}


def is_lazy(x0: Any) -> bool:
    """Whether x0 is a dask array."""
    return type(x0).__module__.partition(".")[0] == "dask" and hasattr(x0, "map_blocks")


def lazily(
    transformed: Callable[[np.ndarray], KYTransform],
    function: Function,
    x0: Any,
    family: ConnectionFunction,
    rule: Rule,
    method: str,
    side: Side,
    raises: bool | None,
) -> KYTransform:
    """The result for a dask array: θ, error, status and nfev are dask arrays of its shape and chunks.

    ``transformed`` takes the points of one block. Raises ``NotApplicable`` for ``raises=True``, and for points that are
    no real numbers.
    """
    if raises:
        raise NotApplicable(
            "a dask array is transformed when it is computed; raises=True cannot look before: see .status."
        )
    if x0.dtype.kind not in "iuf":
        raise NotApplicable(f"x0 must be an array of real numbers; one of {x0.dtype} was given.")
    rows = 2 * family.size + 2

    def block(points: np.ndarray) -> np.ndarray:
        one = transformed(points)
        found: Any = one.status
        codes = np.array([_CODE[status] for status in found.reshape(-1)]).reshape(points.shape)
        return np.stack([*one.theta, *one.error, codes, np.broadcast_to(one.nfev, points.shape)])

    array = importlib.import_module("dask.array")
    empty = np.empty((0,) * (x0.ndim + 1))
    stacked = array.map_blocks(block, x0, dtype=float, new_axis=0, chunks=((rows,), *x0.chunks), meta=empty)
    status = stacked[-2].map_blocks(lambda codes: _STATUSES[codes.astype(int)], dtype=object)
    theta = tuple(stacked[k] for k in range(family.size))
    error = tuple(stacked[family.size + k] for k in range(family.size))
    return KYTransform(
        theta,
        error,
        family,
        rule,
        method,
        side,
        x0,
        status,
        "computed block by block",
        nfev=stacked[-1].astype(int),
        function=function,
    )
