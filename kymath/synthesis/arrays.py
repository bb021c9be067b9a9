"""NumPy arrays and torch tensors by the same names, and what is asked of both before anything is computed."""

from __future__ import annotations

import functools
import sys
from typing import Any

import numpy as np

from ..errors import EmptyData, NotADistribution, ShapeMismatch

Array = Any  # a NumPy array or a torch tensor: both have +, *, /, @, .sum, .ndim, .shape
_ROUNDING = {8: 1e-9, 4: 1e-4}  # of a sum that is to be 1, by the bytes of a number: some thousand terms


def library(*arrays: Any) -> Any:
    """torch where one of the arrays is a tensor, else NumPy; torch is never imported here."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and any(isinstance(array, torch.Tensor) for array in arrays) else np


def arrays(*given: tuple[str, Any], lib: Any = None) -> list[Array]:
    """Each ``(name, array)`` as a floating array of one library, type and device; lists and numbers are taken too.

    ``lib`` is the library to use, that of the arrays if None. Lists, whole numbers and single numbers follow the
    floating arrays beside them, in type and device. Numbers of 16 bits become single precision, in which sums of many
    of them hold.

    Raises ``ShapeMismatch`` for what is no array of real numbers, ``NotADistribution`` for entries that are not finite.
    """
    lib = library(*(array for _, array in given)) if lib is None else lib
    made = [_read(lib, name, array) for name, array in given]
    floating = [one for (_, array), one in zip(given, made, strict=True) if hasattr(array, "dtype") and _floats(one)]
    leading = [one.dtype for one in floating if one.ndim] or [one.dtype for one in floating]
    if lib is np:
        made = [one.astype(np.result_type(*leading or [float], np.float32), copy=False) for one in made]
    else:
        place = next((array.device for _, array in given if isinstance(array, lib.Tensor)), None)
        dtype = functools.reduce(lib.promote_types, [*(leading or [lib.get_default_dtype()]), lib.float32])
        made = [one.to(place if one.device.type == "cpu" else None, dtype) for one in made]
    for (name, _), one in zip(given, made, strict=True):
        if not bool(lib.isfinite(one).all()):
            raise NotADistribution(f"{name} has entries that are not finite: give finite numbers.")
    return made


def _read(lib: Any, name: str, array: Any) -> Array:
    """An array of real numbers, of whatever type."""
    if lib is not np and isinstance(array, lib.Tensor):
        if array.is_complex():
            raise ShapeMismatch(f"{name} must be an array of real numbers; one of {array.dtype} was given.")
        return array
    try:
        made = np.asarray(array)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ShapeMismatch(f"{name} must be an array of numbers with one shape: {str(error)[:120]}.") from error
    if made.dtype.kind not in "biuf":
        raise ShapeMismatch(f"{name} must be an array of real numbers; one of {made.dtype} was given.")
    native = made.astype(made.dtype.newbyteorder("="), copy=False)
    return native if lib is np else lib.tensor(np.array(native, np.result_type(native, np.int8), order="C"))


def _floats(array: Array) -> bool:
    return array.dtype.kind == "f" if isinstance(array, np.ndarray) else array.is_floating_point()


def number(array: Array) -> float:
    """The one number of an array, without its derivative."""
    return float(array.detach() if hasattr(array, "detach") else array)


def check_filled(name: str, array: Array) -> None:
    """Refuse an array without entries."""
    if 0 in array.shape:
        raise EmptyData(f"{name} has the shape {tuple(array.shape)} and holds nothing: give at least one entry.")


def check_share(name: str, array: Array) -> None:
    """Refuse entries outside [0, 1]."""
    low, high = number(array.min()), number(array.max())
    if low < 0 or high > 1:
        worst = low if low < 0 else high
        raise NotADistribution(f"{name} must have all its entries in [0, 1]; {worst:.6g} is one of them.")


def check_simplex(name: str, array: Array, axis: int | tuple[int, ...] = -1) -> None:
    """Refuse weights that are negative or do not sum to 1 along the axis."""
    check_share(name, array)
    sums = array.sum(axis)
    off = abs(sums - 1)
    if number(off.max()) > _ROUNDING.get(array.dtype.itemsize, 1e-2):
        worst = number(sums.reshape(-1)[int(off.reshape(-1).argmax())])
        raise NotADistribution(f"{name} must sum to 1; its sum is {worst:.6g}. Divide by it, or pass a softmax.")


def split(array: Array) -> tuple[Array, Array]:
    """(m, e) with array = m · 2^e, 1/2 ≤ |m| < 1 (less for subnormal numbers) and whole e; (0, 0) for 0.

    To a derivative e is a constant.
    """
    lib = library(array)
    plain = array.detach() if hasattr(array, "detach") else array
    least = lib.finfo(plain.dtype).smallest_normal
    _, exponents = lib.frexp(lib.where((plain != 0) & (abs(plain) < least), least, plain))
    exponents = lib.asarray(exponents, dtype=plain.dtype)
    return array * lib.exp2(-exponents), exponents


def softmax(scores: Array) -> Array:
    """exp(s)/Σ exp(s) over the last axis, safe from overflow."""
    lib = library(scores)
    if lib is not np:
        return lib.softmax(scores, -1)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def as_numpy(array: Any) -> np.ndarray:
    """An array, a tensor on whatever device, or a list, as NumPy has it."""
    if not hasattr(array, "detach"):
        return np.asarray(array)
    array = array.detach().cpu()
    return np.asarray((array.float() if str(array.dtype) == "torch.bfloat16" else array).numpy())
