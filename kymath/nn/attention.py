"""The attention itself: arguments checked, a backend chosen."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad

from . import blocked, flex, fused, reference
from .checks import check_choice, check_tensor, check_window, number

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
    "auto" is "blocked", and "reference" for forward-mode derivatives and inside ``torch.func`` transforms, which the
    others do not have. Second derivatives of "blocked" cost the memory of "reference"; "triton" has none.

    A query sees nothing beyond its window as long as all values are finite: "blocked" multiplies by weights of 0, and
    0·∞ is nan. A row with −∞ in all its scores or bias has no softmax: it is nan.

    Raises ``ValueError`` that names the argument. Source: Condor, Eq. 38–49.

    >>> import torch
    >>> q = k = torch.zeros(1, 1, 3, 2)
    >>> v = torch.tensor([[[[1.0, 0.0], [2.0, 0.0], [4.0, 1.0]]]])
    >>> ky_attention(q, k, v, torch.zeros(1, 2))[0, 0]  # the mean of the own token and the one before
    tensor([[1.0000, 0.0000],
            [1.5000, 0.0000],
            [3.0000, 0.5000]])
    """
    for name, given in (("q", q), ("k", k), ("v", v), ("bias", bias)):
        check_tensor(name, given)
    q, k, v = _autocast(q, k, v)
    _check_tensors(q, k, v, bias)
    check_window(bias.shape[1], causal, "bias")
    check_choice("edge", edge, EDGES)
    check_choice("backend", backend, BACKENDS)
    scale = q.shape[-1] ** -0.5 if scale is None else number("scale", scale)
    eps = number("eps", eps)
    if eps < 0:
        raise ValueError(f"eps = {eps} must not be negative.")
    if eps and backend != "reference":
        raise ValueError(f'eps = {eps}: ε is part of Eq. 48 as written; only backend="reference" has it.')
    backend = chosen(backend, q, k, v, bias)
    if not q.numel() and backend in ("reference", "blocked"):  # nothing to compute, and every gradient is there
        return q + k + v + bias.sum()
    if not eps:  # which makes the result depend on the slots that nobody sees
        bias = visible(bias, q.shape[2], causal, edge)
    if backend == "reference":
        return reference.attend(q, k, v, bias, causal=causal, scale=scale, edge=edge, eps=eps)
    if backend == "flex":
        return flex.attend(q, k, v, bias, causal=causal, scale=scale, edge=edge)
    if backend == "triton":
        return fused.attend(q, k, v, bias, causal=causal, scale=scale, edge=edge)
    return blocked.attend(q, k, v, bias, causal=causal, scale=scale, edge=edge)


def chosen(backend: str, *tensors: Tensor) -> str:
    """What "auto" means for such tensors: the fastest that was measured, blocked, wherever it has the derivatives.

    Raises ``ValueError`` for another backend that has not.
    """
    if backend == "reference" or not any(map(_transformed, tensors)):
        return "blocked" if backend == "auto" else backend
    if backend == "auto":
        return "reference"
    raise ValueError(
        f'backend="{backend}" has no forward-mode derivatives and no torch.func transforms (grad, jvp, vmap, …). '
        'Use backend="reference".'
    )


def _transformed(x: Tensor) -> bool:
    """Whether x carries a tangent or is inside a transform of torch.func; a compiler sees to that by itself."""
    if torch.compiler.is_compiling():
        return False
    return torch._C._functorch.is_functorch_wrapped_tensor(x) or forward_ad.unpack_dual(x).tangent is not None


def unseen(window: int, length: int, causal: bool) -> int:
    """How many of the oldest slots (centred: and of the newest) none of ``length`` tokens has a token in."""
    length = max(length, 1)
    return max(window - length if causal else window // 2 - length + 1, 0)


def visible(bias: Tensor, length: int, causal: bool, edge: str) -> Tensor:
    """The table for ``length`` tokens: a window wider than the sequence costs no more than it.

    With edge="reference" the slots that are padding for every token, of score 0 and value 0, are joined to one.
    """
    window, rest = bias.shape[1], unseen(bias.shape[1], length, causal)
    last = window if causal else window - rest
    if edge == "mask":
        return bias[:, rest:last]
    if rest < 2:
        return bias
    bias = bias.to(torch.promote_types(bias.dtype, torch.float32))
    pads = [bias[:, :rest].logsumexp(1, keepdim=True), bias[:, rest:last]]
    return torch.cat(pads if causal else [*pads, bias[:, last:].logsumexp(1, keepdim=True)], 1)


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
