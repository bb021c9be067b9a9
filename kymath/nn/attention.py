"""The attention itself: arguments checked, a backend chosen."""

from __future__ import annotations

import torch
from torch import Tensor

from . import blocked, flex, fused, reference

BACKENDS = ("auto", "reference", "blocked", "flex", "triton")
EDGES = ("mask", "reference")
_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def ky_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor,
    *,
    causal: bool = True,
    scale: float | None = None,
    edge: str = "mask",
    eps: float = 0.0,
    backend: str = "auto",
) -> Tensor:
    """Window attention with a learned bias per head and slot: softmax_j(q_i·k_ij · scale + bias_hj) v_ij.

    With α = softmax(scores) and β = softmax(bias) these weights are the paper's αβ/Σαβ. q, k, v are (B, H, L, D), bias
    is (H, W) and so is its gradient; the result is (B, H, L, D). Causal: slot W − 1 is the query's own token, slot 0
    the oldest; otherwise W is odd and the own token is in the middle. W > L is fine. ``scale`` is 1/√D if not given.

    ``edge="mask"`` leaves out the slots beyond the sequence; ``"reference"`` fills them with tokens of score 0 and
    value 0, as unmasked zero padding does. ``eps`` is the ε of Eq. 48 and needs ``backend="reference"``.
    ``backend``: "auto", "reference" (the equations written out), "blocked" (any device), "flex" and "triton" (CUDA).

    Raises ``ValueError`` that names the argument. Source: Condor, Eq. 38–49.

    >>> import torch
    >>> q = k = torch.zeros(1, 1, 3, 2)
    >>> v = torch.tensor([[[[1.0, 0.0], [2.0, 0.0], [4.0, 1.0]]]])
    >>> ky_attention(q, k, v, torch.zeros(1, 2))[0, 0]  # the mean of the own token and the one before
    tensor([[1.0000, 0.0000],
            [1.5000, 0.0000],
            [3.0000, 0.5000]])
    """
    q, k, v = _autocast(q, k, v)
    _check_tensors(q, k, v, bias)
    check_window(bias.shape[1], causal, "bias")
    check_choice("edge", edge, EDGES)
    check_choice("backend", backend, BACKENDS)
    scale = q.shape[-1] ** -0.5 if scale is None else float(scale)
    if eps and backend != "reference":
        raise ValueError(f'eps = {eps}: ε is part of Eq. 48 as written; only backend="reference" has it.')
    if not eps >= 0:
        raise ValueError(f"eps = {eps} must not be negative.")
    bias = visible(bias, q.shape[2], causal, edge)
    backend = chosen(backend, q)
    if backend == "reference":
        return reference.attend(q, k, v, bias, causal=causal, scale=scale, edge=edge, eps=eps)
    if backend == "flex":
        return flex.attend(q, k, v, bias, causal=causal, scale=scale, edge=edge)
    if backend == "triton":
        return fused.attend(q, k, v, bias, causal=causal, scale=scale, edge=edge)
    return blocked.attend(q, k, v, bias, causal=causal, scale=scale, edge=edge)


def chosen(backend: str, q: Tensor) -> str:
    """What "auto" means for such tensors: the fastest that was measured, which so far is blocked everywhere."""
    return "blocked" if backend == "auto" else backend


def visible(bias: Tensor, length: int, causal: bool, edge: str) -> Tensor:
    """The slots that any of ``length`` tokens can see: a window wider than the sequence costs no more than it."""
    window = bias.shape[1]
    if edge == "mask" and length > 0:
        if causal and window > length:
            return bias[:, window - length :]
        spare = window // 2 - length + 1
        if not causal and spare > 0:
            return bias[:, spare : window - spare]
    return bias


def check_window(window: int, causal: bool, name: str = "window") -> None:
    """Refuse a window of no tokens, and one without a middle where a middle is needed."""
    what = f"{name} has W = {window} slots" if name == "bias" else f"{name} = {window}"
    if not isinstance(window, int) or isinstance(window, bool):
        raise ValueError(f"{name} = {window!r} must be a whole number of tokens.")
    if window < 1:
        raise ValueError(f"{what}: a window holds at least the query's own token.")
    if not causal and window % 2 == 0:
        raise ValueError(f"{what}: with causal=False the own token is in the middle, so W must be odd.")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse a word that is not one of ``choices``."""
    if value not in choices:
        raise ValueError(f"{name} = {value!r} is not one of {', '.join(map(repr, choices))}.")


def _autocast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """As torch's own attention does: under autocast q, k and v take its type (the bias keeps its own)."""
    kind = tensors[0].device.type
    if torch.is_autocast_enabled(kind):
        lower = torch.get_autocast_dtype(kind)
        return tuple(x.to(lower) if x.is_floating_point() and x.dtype != torch.float64 else x for x in tensors)
    return tensors


def _check_tensors(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> None:
    if q.ndim != 4:
        raise ValueError(f"q has the shape {tuple(q.shape)}: give (batch, heads, length, head dimension).")
    if q.dtype not in _DTYPES:
        raise ValueError(f"q is {q.dtype}: give float32, float64, bfloat16 or float16.")
    if q.shape[-1] == 0:
        raise ValueError(f"q has the shape {tuple(q.shape)}: the head dimension must not be 0.")
    for name, other in (("k", k), ("v", v)):
        if other.shape != q.shape:
            raise ValueError(f"{name} has the shape {tuple(other.shape)} and q {tuple(q.shape)}: they must be equal.")
        if other.dtype != q.dtype:
            raise ValueError(f"{name} is {other.dtype} and q is {q.dtype}: they must be of one type.")
    if bias.ndim != 2 or bias.shape[0] != q.shape[1]:
        raise ValueError(f"bias has the shape {tuple(bias.shape)}: give (heads, window), here ({q.shape[1]}, W).")
    if not bias.is_floating_point():
        raise ValueError(f"bias is {bias.dtype}: give a floating type.")
    for name, other in (("k", k), ("v", v), ("bias", bias)):
        if other.device != q.device:
            raise ValueError(f"{name} is on {other.device} and q on {q.device}: move them to one device.")
