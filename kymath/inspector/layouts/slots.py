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
_MOST = 2**27  # numbers in all curves of a layout, and in one step of a net
_MOST_HEADS = 4096  # in a layer
_MOST_CURVES = 2**18  # of a layout

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

    def position(self, lag: Any) -> Any:
        """The position in [0, 1] of a lag; of a window of one slot 1."""
        return 1 - (lag - self.newest) / max(self.count - 1, 1)

    def cut(self, window: Any, where: str) -> Slots:
        """The slots nearest to the query, ``window`` of them; all for None. Raises ``KYError`` for more than all."""
        if window is None:
            return self
        part = slots(window, where, causal=self.newest == 0)
        if part.count > self.count:
            raise KYError(
                f"window = {part.count}: {where} was trained with a window of {self.count} and computes no bias "
                f"beyond it; give at most {self.count}, or none."
            )
        return part


def slots(window: Any, layout: str, *, usual: Any = None, causal: bool = True, curves: int = 1) -> Slots:
    """``window`` slots, or ``usual`` ones where it is None, for that many curves.

    Raises ``KYError`` where none is known, fewer than one is asked for, or more than can be meant.
    """
    size = usual if window is None else window
    if size is None:
        raise KYError(
            f"{layout}: how long the window is stands in no tensor, and no configuration came with them; give window=…."
        )
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or not 1 <= size <= WIDEST:
        raise KYError(f"window = {_value(size)}: give a whole number of tokens from 1 to {WIDEST}.")
    if curves > _MOST_CURVES:
        raise KYError(f"{layout}: {curves} curves are too many at once; at most {_MOST_CURVES} are read.")
    if int(size) * curves > _MOST:
        raise KYError(f"window = {size} for {curves} curves is too much at once: give a window of {_MOST // curves}.")
    return Slots(int(size), 0 if causal else -(int(size) // 2))


def from_function(
    function: Function, layer: int | str, head: int, layout: str, at: Slots, whole: Slots | None = None
) -> ConnectionCurve:
    """A curve given as a function of the position in [0, 1] of the ``whole`` window; ``at``: what is shown of it."""
    if whole is not None and whole != at:
        return of_lags(lambda lag: function(whole.position(lag)), layer, head, layout, at)
    bias = _finite(function, at.position(at.lags), layer, head, layout)
    return ConnectionCurve(layer, head, layout, at.lags, bias, function)


def of_lags(function: Function, layer: int | str, head: int, layout: str, at: Slots, **more: Any) -> ConnectionCurve:
    """A curve given as a function of the lag in tokens. Raises ``KYError`` where the bias is no finite number."""
    bias = _finite(function, at.lags, layer, head, layout)
    return ConnectionCurve(layer, head, layout, at.lags, bias, lambda t: function(at.lag(t)), **more)


def of_distances(function: Function, layer: int | str, head: int, layout: str, at: Slots) -> ConnectionCurve:
    """A curve given as a function of |lag|; where nothing lies ahead the lag itself, which has no bend at 0."""
    return of_lags(function if at.newest >= 0 else lambda x: function(magnitude(x)), layer, head, layout, at)


def _finite(function: Function, places: np.ndarray, layer: int | str, head: int, layout: str) -> np.ndarray:
    with np.errstate(all="ignore"):
        bias = np.asarray(function(places), dtype=float)
    if not np.isfinite(bias).all():
        raise KYError(
            f"{layout}: the bias of layer {shown(layer)}, head {head} is infinite or not a number: its parameters are "
            "too large, or damaged."
        )
    return bias


def of_plane(
    image: np.ndarray, layer: int | str, head: int, layout: str, functions: tuple[Function, Function] | None = None
) -> list[ConnectionCurve]:
    """The two lines through the centre of an image of biases, with functions of the lag along each where known."""
    if not np.isfinite(image).all():
        raise KYError(f"{layout}: the image of layer {shown(layer)}, head {head} has numbers that are not finite.")
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
    """Refuse a tensor with more heads than a model has, or with others than the configuration, where that has any."""
    if found > _MOST_HEADS:
        raise KYError(f"{checkpoint.where}: {shown(name)} has {found} heads; at most {_MOST_HEADS} are read.")
    if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted != found:
        raise KYError(
            f"{checkpoint.where}: {shown(name)} has {found} heads, and the configuration {wanted}: they do not fit."
        )


def check_size(checkpoint: Checkpoint, name: str, points: int, *, width: int, curves: int = 1) -> None:
    """Refuse before it is computed what no memory holds: ``width`` units of a net at all points, or all curves."""
    if width * points > _MOST or curves * points > _MOST or curves > _MOST_CURVES:
        raise KYError(
            f"{checkpoint.where}: {shown(name)} has {width} units at {points} points, for {curves} "
            f"curve{'s' * (curves != 1)}: too much at once; give a smaller window, if it is a bias at all."
        )


def whole(checkpoint: Checkpoint, *names: str, least: int = 1, most: int = WIDEST) -> int | None:
    """The first of these entries of the configuration; None where there is none, ``KYError`` for a strange one."""
    for name in names:
        value = checkpoint.config.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise KYError(
                f"{checkpoint.where}: the configuration has {name} = {_value(value)}; "
                f"a whole number from {least} to {most} was looked for."
            )
        return value
    return None


def _value(value: Any) -> str:
    """A value of a configuration for a message; texts in quotes, so that "8" is no 8."""
    return f'"{shown(value)}"' if isinstance(value, str) else shown(value)


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
