"""What the layouts share: windows, tensors of the right shape, and curves from functions and tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...bias.pieces import magnitude
from ...errors import KYError
from ..checkpoint import Checkpoint, shown
from ..curve import ConnectionCurve

USUAL = 128  # tokens shown where a bias has no window of its own
WIDEST = 2**20
_MOST = 2**27  # numbers in all curves of a layout
_MOST_HEADS = 4096  # in a layer

Function = Callable[[Any], Any]


@dataclass(frozen=True)
class Slots:
    """A window: ``count`` slots, the newest of them ``newest`` tokens back (below 0: ahead, in a centred window)."""

    count: int
    newest: int = 0

    @property
    def lags(self) -> np.ndarray:
        return np.arange(self.newest, self.newest + self.count, dtype=float)

    def lag(self, t: Any) -> Any:
        """The lag at a position in [0, 1]."""
        return (1 - t) * max(self.count - 1, 1) + self.newest


def slots(window: Any, layout: str, *, usual: Any = None, causal: bool = True, curves: int = 1) -> Slots:
    """``window`` slots, or ``usual`` ones where it is None, for that many curves.

    Raises ``KYError`` where none is known, fewer than one is asked for, or more than can be meant.
    """
    size = usual if window is None else window
    if size is None:
        raise KYError(f"{layout}: the file does not say how long its window is; give window=….")
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or not 1 <= size <= WIDEST:
        raise KYError(f"window = {shown(size)}: give a whole number of tokens from 1 to {WIDEST}.")
    if int(size) * curves > _MOST:
        raise KYError(f"window = {size} for {curves} curves is too much at once: give a window of {_MOST // curves}.")
    return Slots(int(size), 0 if causal else -(int(size) // 2))


def from_function(function: Function, layer: int | str, head: int, layout: str, at: Slots) -> ConnectionCurve:
    """A curve given as a function of the position in [0, 1]."""
    positions = 1 - np.arange(at.count) / max(at.count - 1, 1)
    return ConnectionCurve(layer, head, layout, at.lags, np.asarray(function(positions), dtype=float), function)


def of_lags(function: Function, layer: int | str, head: int, layout: str, at: Slots, **more: Any) -> ConnectionCurve:
    """A curve given as a function of the lag in tokens."""
    bias = np.asarray(function(at.lags), dtype=float)
    return ConnectionCurve(layer, head, layout, at.lags, bias, lambda t: function(at.lag(t)), **more)


def of_distances(function: Function, layer: int | str, head: int, layout: str, at: Slots) -> ConnectionCurve:
    """A curve given as a function of |lag|; where nothing lies ahead the lag itself, which has no bend at 0."""
    return of_lags(function if at.newest >= 0 else lambda x: function(magnitude(x)), layer, head, layout, at)


def of_plane(
    image: np.ndarray, layer: int | str, head: int, layout: str, functions: tuple[Function, Function] | None = None
) -> list[ConnectionCurve]:
    """The two lines through the centre of an image of biases, with functions of the lag along each where known."""
    out = []
    for axis, name in enumerate(("vertical", "horizontal")):
        half = image.shape[axis] // 2
        bias = image[:, image.shape[1] // 2] if axis == 0 else image[image.shape[0] // 2]
        at = Slots(2 * half + 1, -half)
        along = None if functions is None else _at_positions(functions[axis], at)
        out.append(ConnectionCurve(layer, head, layout, at.lags, bias.copy(), along, image, name))
    return out


def _at_positions(function: Function, at: Slots) -> Function:
    return lambda t: function(at.lag(t))


# -- tensors and configurations ------------------------------------------------------------------------------------


def tensor(checkpoint: Checkpoint, name: str, *shape: int | None) -> np.ndarray:
    """The tensor of that shape, None for any length. Raises ``KYError`` that names it."""
    found = checkpoint.shapes.get(name)
    wanted = f"({', '.join('any' if side is None else str(side) for side in shape)}{',' * (len(shape) == 1)})"
    if found is None:
        raise KYError(f"{checkpoint.where}: {shown(name)} is missing; a tensor of the shape {wanted} was looked for.")
    fits = len(found) == len(shape) and all(b in (None, a) for a, b in zip(found, shape, strict=True))
    if not fits or 0 in found:
        raise KYError(f"{checkpoint.where}: {shown(name)} has the shape {found}; {wanted} was looked for.")
    return checkpoint.read(name)


def per_head(checkpoint: Checkpoint, name: str, heads: int | None = None) -> np.ndarray:
    """A number for every head, (H,) or (H, 1, 1)."""
    found = checkpoint.shapes.get(name, ())
    long = [side for side in found if side != 1]
    if not found or len(long) > 1 or 0 in found or (heads is not None and int(np.prod(found)) != heads):
        wanted = "one number per head" if heads is None else f"{heads} numbers, one per head,"
        raise KYError(f"{checkpoint.where}: {shown(name)} has the shape {found}; {wanted} was looked for.")
    return checkpoint.read(name).reshape(-1)


def check_heads(checkpoint: Checkpoint, name: str, found: int, wanted: Any) -> None:
    """Refuse a tensor whose heads are not those of the configuration, where that has any."""
    if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted != found:
        raise KYError(
            f"{checkpoint.where}: {shown(name)} has {found} heads, and the configuration {wanted}: they do not fit."
        )


def whole(checkpoint: Checkpoint, *names: str, least: int = 1, most: int = WIDEST) -> int | None:
    """The first of these entries of the configuration; None where there is none, ``KYError`` for a strange one."""
    for name in names:
        value = checkpoint.config.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise KYError(
                f"{checkpoint.where}: the configuration has {name} = {shown(value)}; "
                f"a whole number from {least} to {most} was looked for."
            )
        return value
    return None


def heads_of(checkpoint: Checkpoint, layout: str) -> int:
    """The number of heads in the configuration. Raises ``KYError`` where there is none, or an absurd one."""
    names = ("num_attention_heads", "n_head", "n_heads", "num_heads")
    heads = whole(checkpoint, *names, most=_MOST_HEADS)
    if heads is None:
        raise KYError(f"{checkpoint.where}: {layout} is configured, but not its heads: {', '.join(names)} are missing.")
    return heads


def numbers_of(name: str | None) -> list[int]:
    """The numbers between the dots of a key."""
    return [int(part) for part in (name or "").replace("/", ".").split(".") if part.isdecimal() and len(part) < 9]


def layer_of(name: str | None) -> int:
    """The first number in a key, which is the layer in most layouts; 0 where there is none."""
    return next(iter(numbers_of(name)), 0)


def order(curve: ConnectionCurve) -> tuple[str, list[int], int, str]:
    """What curves are sorted by."""
    return curve.layout, numbers_of(str(curve.layer)), curve.head, curve.axis
