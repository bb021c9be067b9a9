"""Triton kernels of the window attention: slot by slot, so that nothing of W × L is stored and no sum is atomic.

A program holds a block of queries (or keys) and walks over the W slots; a slot's keys are the block's rows, shifted.
Scores and sums are float32. Rows beyond the sequence are read as 0: the edge "reference"; MASK leaves them out.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import importlib
import importlib.util
from typing import Any

if importlib.util.find_spec("triton"):  # without it this file can be read, and fused.py says what is missing
    import triton.language as tl
jit: Any = importlib.import_module("triton").jit if importlib.util.find_spec("triton") else lambda kernel: kernel


@jit
def rows(base, at, length, dim, DIM: tl.constexpr):
    """Rows ``at`` of a contiguous (L, D), zeros beyond it, in float32."""
    d = tl.arange(0, DIM)
    inside = ((at >= 0) & (at < length))[:, None] & (d < dim)[None, :]
    return tl.load(base + at[:, None] * dim + d[None, :], mask=inside, other=0.0).to(tl.float32)


@jit
def put(base, at, length, dim, value, DIM: tl.constexpr):
    d = tl.arange(0, DIM)
    inside = (at < length)[:, None] & (d < dim)[None, :]
    tl.store(base + at[:, None] * dim + d[None, :], value.to(base.dtype.element_ty), mask=inside)


@jit
def score(q, k, bias, slot, key, length, scale, MASK: tl.constexpr):
    s = tl.sum(q * k, 1) * scale + tl.load(bias + slot).to(tl.float32)
    if MASK:
        s = tl.where((key >= 0) & (key < length), s, float("-inf"))
    return s


@jit
def forward(
    Q, K, V, BIAS, OUT, LSE, heads, length, dim, window, before, scale,
    BLOCK: tl.constexpr, DIM: tl.constexpr, MASK: tl.constexpr,
):  # fmt: skip
    """OUT (B·H, L, D), and LSE (B·H, L): the logarithm of each softmax's sum."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1).to(tl.int64)
    bias, at = BIAS + (n % heads) * window, n * length * dim
    q = rows(Q + at, i, length, dim, DIM)
    top = tl.full((BLOCK,), float("-inf"), tl.float32)
    total = tl.zeros((BLOCK,), tl.float32)
    out = tl.zeros((BLOCK, DIM), tl.float32)
    for slot in range(0, window):
        key = i + slot - before
        s = score(q, rows(K + at, key, length, dim, DIM), bias, slot, key, length, scale, MASK)
        larger = tl.maximum(top, s)
        finite = tl.where(larger == float("-inf"), 0.0, larger)  # nothing seen yet
        shrink, p = tl.exp(top - finite), tl.exp(s - finite)
        total = total * shrink + p
        out = out * shrink[:, None] + p[:, None] * rows(V + at, key, length, dim, DIM)
        top = larger
    total = tl.where(i < length, total, 1.0)  # beyond the last token everything may be hidden
    put(OUT + at, i, length, dim, out / total[:, None], DIM)
    tl.store(LSE + n * length + i, top + tl.log(total), mask=i < length)


@jit
def backward_queries(
    Q, K, V, BIAS, LSE, DOT, GRAD, DQ, PART, heads, length, dim, window, before, scale,
    BLOCK: tl.constexpr, DIM: tl.constexpr, MASK: tl.constexpr,
):  # fmt: skip
    """DQ, and PART (B·H, blocks, W): each program's own sum of the bias' gradient. DOT is Σ_d grad · out."""
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1).to(tl.int64)
    bias, at = BIAS + (n % heads) * window, n * length * dim
    real = i < length
    q, g = rows(Q + at, i, length, dim, DIM), rows(GRAD + at, i, length, dim, DIM)
    lse = tl.load(LSE + n * length + i, mask=real, other=0.0)
    dot = tl.load(DOT + n * length + i, mask=real, other=0.0)
    part = PART + (n * tl.num_programs(0) + tl.program_id(0)) * window
    dq = tl.zeros((BLOCK, DIM), tl.float32)
    for slot in range(0, window):
        key = i + slot - before
        k = rows(K + at, key, length, dim, DIM)
        p = tl.exp(score(q, k, bias, slot, key, length, scale, MASK) - lse)
        ds = p * (tl.sum(g * rows(V + at, key, length, dim, DIM), 1) - dot)
        ds = tl.where(real, ds, 0.0)
        dq += ds[:, None] * k * scale
        tl.store(part + slot, tl.sum(ds, 0))
    put(DQ + at, i, length, dim, dq, DIM)


@jit
def backward_keys(
    Q, K, V, BIAS, LSE, DOT, GRAD, DK, DV, heads, length, dim, window, before, scale,
    BLOCK: tl.constexpr, DIM: tl.constexpr,
):  # fmt: skip
    """DK and DV: each key walks over the queries that see it."""
    j = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1).to(tl.int64)
    bias, at = BIAS + (n % heads) * window, n * length * dim
    k, v = rows(K + at, j, length, dim, DIM), rows(V + at, j, length, dim, DIM)
    dk = tl.zeros((BLOCK, DIM), tl.float32)
    dv = tl.zeros((BLOCK, DIM), tl.float32)
    for slot in range(0, window):
        i = j - slot + before
        real = (i >= 0) & (i < length)
        q, g = rows(Q + at, i, length, dim, DIM), rows(GRAD + at, i, length, dim, DIM)
        lse = tl.load(LSE + n * length + i, mask=real, other=0.0)
        dot = tl.load(DOT + n * length + i, mask=real, other=0.0)
        p = tl.exp(score(q, k, bias, slot, j, length, scale, False) - lse)
        p = tl.where(real, p, 0.0)
        ds = p * (tl.sum(g * v, 1) - dot)
        dk += ds[:, None] * q * scale
        dv += p[:, None] * g
    put(DK + at, j, length, dim, dk, DIM)
    put(DV + at, j, length, dim, dv, DIM)
