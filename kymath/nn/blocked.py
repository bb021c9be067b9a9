"""The exact attention by blocks of queries: memory that does not depend on the window, any device, any precision.

Nothing of a chunk is kept but the inputs; the backward pass computes its weights again. torch sees one operator, so
it compiles without a graph break. ``rope`` (L, D/2, 2), cosines and sines, turns q and k while they are loaded.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from . import reference
from .blocks import Chunk, Plan, Space, Spread
from .rope import rotate, turned
from .twice import gradient_of_gradient

Turns = tuple[Tensor | None, Tensor | None]


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, *, causal: bool, scale: float, edge: str) -> Tensor:
    return _window(q, k, v, bias, scale, causal, edge == "mask")


def attend_packed(qkv: Tensor, bias: Tensor, rope: Tensor | None, *, causal: bool, scale: float, edge: str) -> Tensor:
    """The same for qkv (B, L, 3, H, D), with q and k turned by ``rope``; the result is (B, L, H, D)."""
    return _packed(qkv, bias, rope, scale, causal, edge == "mask")


def _forward(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor, rope: Tensor | None, scale: float, plan: Plan, out: Tensor
) -> None:
    """Fill out (B, H, L, D)."""
    space = plan.space(q, _kind(q))
    band, turns = plan.band(bias, space.kind), _turns(rope, scale, space.kind)
    with torch.autocast(q.device.type, enabled=False):
        for part in plan.chunks(q.shape[0]):
            p, _, _ = _weights(q, k, band, turns, scale, plan, part, space)
            v_win = plan.windows(v, part, None, space, "k")  # the keys are done with
            y = space.take("q", (v_win.shape[0], plan.block, q.shape[3]))  # and so are the queries
            torch.bmm(p.view(-1, plan.block, plan.span), v_win, out=y)
            y = y.view(*p.shape[:2], -1, q.shape[3])
            out[part.first : part.last, :, part.start : part.stop] = y[:, :, : part.stop - part.start]


def _backward(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, rope: Tensor | None, scale: float, plan: Plan,
    dq: Tensor, dk: Tensor, dv: Tensor,
) -> Tensor:  # fmt: skip
    """Fill the gradients (B, H, L, D); return that of the bias."""
    space = plan.space(q, _kind(q), times=2)
    band, turns = plan.band(bias, space.kind), _turns(rope, scale, space.kind)
    back_q, back_k = (None if turn is None else turn.conj().resolve_conj() for turn in turns)
    to_k, to_v = Spread(plan, back_k, dk), Spread(plan, None, dv)
    d_band = torch.zeros_like(band[:, 0])
    with torch.autocast(q.device.type, enabled=False):
        for part in plan.chunks(q.shape[0]):
            p, q_blocks, k_win = _weights(q, k, band, turns, scale, plan, part, space)
            v_win = plan.windows(v, part, None, space, "v")
            g = plan.queries(grad, part, None, space, "g")
            d_score = torch.bmm(g, v_win.transpose(1, 2), out=space.take("ds", (len(g), plan.block, plan.span)))
            d_score = d_score.view(p.shape)
            torch._softmax_backward_data(d_score, p, -1, space.kind, grad_input=d_score)
            d_band += d_score[0, :, 0] if d_score.shape[0] * part.blocks == 1 else d_score.sum((0, 2))
            p, d_score = p.view(-1, plan.block, plan.span), d_score.view(-1, plan.block, plan.span)
            d_win = space.take("v", v_win.shape)  # the values are done with
            to_v.add(torch.bmm(p.transpose(1, 2), g, out=d_win), part)
            to_k.add(torch.bmm(d_score.transpose(1, 2), q_blocks, out=d_win), part)
            d_rows = torch.bmm(d_score, k_win, out=space.take("g", g.shape))
            d_rows = d_rows.view(part.last - part.first, q.shape[1], -1, q.shape[3])
            if back_q is None:
                d_rows *= scale
            turn = None if back_q is None else back_q[part.start : part.stop]
            out = dq[part.first : part.last, :, part.start : part.stop]
            turned(d_rows[:, :, : part.stop - part.start], turn, out)
    return plan.slots(d_band).sum(1).to(bias.dtype)


def _weights(
    q: Tensor, k: Tensor, band: Tensor, turns: Turns, scale: float, plan: Plan, part: Chunk, space: Space
) -> tuple[Tensor, Tensor, Tensor]:
    """One chunk's softmax weights (b, H, n, C, S), and its q (b·H·n, C, D) and k (b·H·n, S, D) as loaded."""
    q_blocks = plan.queries(q, part, turns[0], space, "q")
    if turns[0] is None:
        q_blocks *= scale
    k_win = plan.windows(k, part, turns[1], space, "k")
    p = space.take("p", (q_blocks.shape[0], plan.block, plan.span))
    torch.bmm(q_blocks, k_win.transpose(1, 2), out=p)
    p = p.view(-1, q.shape[1], part.blocks, plan.block, plan.span)
    p += band
    if plan.mask:
        plan.hide(p, part)
    torch.softmax(p, -1, out=p)
    unused = part.start + part.blocks * plan.block - part.stop
    if unused:  # rows past the last token: there everything may be hidden, which is no softmax
        p[:, :, -1, plan.block - unused :] = 0
    return p, q_blocks, k_win


def _kind(q: Tensor) -> torch.dtype:
    """What is computed in: at least float32."""
    return torch.promote_types(q.dtype, torch.float32)


def _turns(rope: Tensor | None, scale: float, kind: torch.dtype) -> Turns:
    """The complex numbers that turn q (and scale it) and k."""
    if rope is None:
        return None, None
    turn = torch.view_as_complex(rope.to(kind).contiguous())
    return turn * scale, turn


# The operators, as torch knows them: one for q, k, v apart, one for qkv in one tensor (whose gradient is one too).


@torch.library.custom_op("kymath::window", mutates_args=())
def _window(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, scale: float, causal: bool, mask: bool) -> Tensor:
    out = torch.empty_like(q, memory_format=torch.contiguous_format)
    _forward(q, k, v, bias, None, scale, Plan.of(q, bias.shape[1], causal, mask), out)
    return out


@torch.library.custom_op("kymath::window_backward", mutates_args=())
def _window_backward(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, scale: float, causal: bool, mask: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    dq, dk, dv = (torch.empty_like(q, memory_format=torch.contiguous_format) for _ in range(3))
    plan = Plan.of(q, bias.shape[1], causal, mask)
    return dq, dk, dv, _backward(grad, q, k, v, bias, None, scale, plan, dq, dk, dv)


@torch.library.custom_op("kymath::window_packed", mutates_args=())
def _packed(qkv: Tensor, bias: Tensor, rope: Tensor | None, scale: float, causal: bool, mask: bool) -> Tensor:
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    out = qkv.new_empty(qkv.shape[:2] + qkv.shape[3:])
    _forward(q, k, v, bias, rope, scale, Plan.of(q, bias.shape[1], causal, mask), out.transpose(1, 2))
    return out


@torch.library.custom_op("kymath::window_packed_backward", mutates_args=())
def _packed_backward(
    grad: Tensor, qkv: Tensor, bias: Tensor, rope: Tensor | None, scale: float, causal: bool, mask: bool
) -> tuple[Tensor, Tensor]:
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    d_qkv = torch.empty_like(qkv, memory_format=torch.contiguous_format)
    plan = Plan.of(q, bias.shape[1], causal, mask)
    d_bias = _backward(grad.transpose(1, 2), q, k, v, bias, rope, scale, plan, *d_qkv.permute(2, 0, 3, 1, 4))
    return d_qkv, d_bias


@_window.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, scale: float, causal: bool, mask: bool) -> Tensor:
    return torch.empty_like(q, memory_format=torch.contiguous_format)


@_window_backward.register_fake
def _(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, scale: float, causal: bool, mask: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    dq, dk, dv = (torch.empty_like(q, memory_format=torch.contiguous_format) for _ in range(3))
    return dq, dk, dv, torch.empty_like(bias, memory_format=torch.contiguous_format)


@_packed.register_fake
def _(qkv: Tensor, bias: Tensor, rope: Tensor | None, scale: float, causal: bool, mask: bool) -> Tensor:
    return qkv.new_empty(qkv.shape[:2] + qkv.shape[3:])


@_packed_backward.register_fake
def _(
    grad: Tensor, qkv: Tensor, bias: Tensor, rope: Tensor | None, scale: float, causal: bool, mask: bool
) -> tuple[Tensor, Tensor]:
    contiguous = torch.contiguous_format
    return torch.empty_like(qkv, memory_format=contiguous), torch.empty_like(bias, memory_format=contiguous)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, scale, causal, mask = inputs
    ctx.save_for_backward(*tensors)
    ctx.rest = (scale, causal, mask)


def _window_grad(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    return (*_window_backward(grad, *ctx.saved_tensors, *ctx.rest), None, None, None)


def _packed_grad(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    return (*_packed_backward(grad, *ctx.saved_tensors, *ctx.rest), None, None, None, None)


# Second derivatives go through the reference form: rarely asked for, and there torch has every derivative.


def _keep_all(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    _keep(ctx, inputs, output[0])


def _window_twice(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
    back, *given = ctx.saved_tensors
    return (*gradient_of_gradient(lambda *x: _written_out(*x, *ctx.rest), given, back, grads), None, None, None)


def _packed_twice(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
    back, qkv, bias, rope = ctx.saved_tensors

    def form(qkv: Tensor, bias: Tensor) -> Tensor:
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        if rope is not None:
            q, k = rotate(q, rope), rotate(k, rope)
        return _written_out(q, k, v, bias, *ctx.rest).transpose(1, 2)

    return (*gradient_of_gradient(form, (qkv, bias), back, grads), None, None, None, None)


def _written_out(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, scale: float, causal: bool, mask: bool) -> Tensor:
    return reference.attend(q, k, v, bias, causal=causal, scale=scale, edge="mask" if mask else "reference")


_window.register_autograd(_window_grad, setup_context=_keep)
_packed.register_autograd(_packed_grad, setup_context=_keep)
_window_backward.register_autograd(_window_twice, setup_context=_keep_all)
_packed_backward.register_autograd(_packed_twice, setup_context=_keep_all)
