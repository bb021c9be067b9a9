"""How the blocked attention cuts a sequence: blocks of queries, the keys that each sees, chunks that fit a cache.

A block of C queries sees C + W − 1 keys in a row, so its scores are one small matrix product, and the bias is one
(C, C + W − 1) band for all blocks, −∞ off the band. A span is rounded up to a multiple of 16, by columns on the left
that nobody sees.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .reference import reach
from .rope import turned


@dataclass(frozen=True)
class Chunk:
    """Tokens start … stop − 1 of the sequences first … last − 1, in ``blocks`` blocks of queries."""

    first: int
    last: int
    start: int
    stop: int
    blocks: int


class Space:
    """Memory that every chunk uses again, by name, from one piece: fresh pages cost as much as the work in them."""

    def __init__(self, size: int, kind: torch.dtype, device: torch.device) -> None:
        self.kind, self.free = kind, torch.empty(size, dtype=kind, device=device)
        self.held: dict[str, Tensor] = {}

    def take(self, name: str, shape: Sequence[int]) -> Tensor:
        """A tensor of that shape with anything in it; what was taken under the same name is lost."""
        size = math.prod(shape)
        held = self.held.get(name)
        if held is None or held.numel() < size:
            fits = self.free.numel() >= size
            held = self.free[:size] if fits else torch.empty(size, dtype=self.kind, device=self.free.device)
            self.held[name], self.free = held, self.free[size:] if fits else self.free
        return held[:size].view(shape)


@dataclass(frozen=True)
class Plan:
    """Blocks of ``block`` queries that see ``span`` keys, worked off in chunks of ``batch`` × ``chunk`` tokens."""

    length: int
    window: int
    before: int  # keys loaded before a block, the spare ones included
    after: int
    block: int
    span: int
    chunk: int
    batch: int
    mask: bool

    @classmethod
    def of(cls, q: Tensor, window: int, causal: bool, mask: bool) -> Plan:
        batch, heads, length, _ = q.shape
        seen, after = reach(window, causal)
        if q.device.type == "cpu":
            block = 16 if window <= 48 else 32 if window <= 96 or window > 256 else 64  # wide: fewer scores at a time
            tokens = 256 * torch.get_num_threads()  # what the caches hold
            scores = 2048 * tokens
        else:  # few large launches
            block, tokens, scores = 64, 1 << 16, 1 << 25
        span = -(-(block + window - 1) // 16) * 16
        tokens = min(tokens, max(scores // (max(heads, 1) * span), 1))
        padded = -(-length // block) * block
        chunk = max(block, min(tokens // block * block, padded))
        together = max(1, min(batch, tokens // chunk)) if padded <= chunk else 1
        before = seen + span - (block + window - 1)
        return cls(length, window, before, after, block, span, chunk, together, mask)

    def space(self, q: Tensor, kind: torch.dtype, times: int = 1) -> Space:
        """What the chunks of q (B, H, L, D) need: rows once, queries, what they see and scores ``times`` times."""
        blocks, dim = -(-self.chunk // self.block), q.shape[3]
        rows = (self.before + self.after + self.chunk) * dim
        each = self.chunk * dim + blocks * self.span * (dim + self.block)
        return Space(self.batch * q.shape[1] * (rows + times * each), kind, q.device)

    def chunks(self, batch: int) -> Iterator[Chunk]:
        """Every chunk of every sequence, the last tokens first."""
        for first in range(0, batch, self.batch):
            for start in range((self.length - 1) // self.chunk * self.chunk, -1, -self.chunk):
                stop = min(start + self.chunk, self.length)
                yield Chunk(first, min(first + self.batch, batch), start, stop, -(-(stop - start) // self.block))

    def band(self, bias: Tensor, kind: torch.dtype) -> Tensor:
        """(H, W) -> (H, 1, C, S): row c holds the bias at the columns that query c sees, −∞ elsewhere."""
        table = torch.full((bias.shape[0], self.block, self.span), -math.inf, dtype=kind, device=bias.device)
        self.slots(table).copy_(bias[:, None])
        return table[:, None]

    def slots(self, table: Tensor) -> Tensor:
        """The view (H, C, W) of a table (H, C, S) where slot j of query c is column c + j + spare."""
        shape = (table.shape[0], self.block, self.window)
        spare = self.span - (self.block + self.window - 1)
        return table.as_strided(shape, (self.block * self.span, self.span + 1, 1), spare)

    def queries(self, x: Tensor, part: Chunk, turn: Tensor | None, space: Space, name: str) -> Tensor:
        """The blocks (b·H·n, C, D) of a chunk of x (B, H, L, D)."""
        return self._rows(x, part, 0, 0, turn, space, name).view(-1, self.block, x.shape[3])

    def windows(self, x: Tensor, part: Chunk, turn: Tensor | None, space: Space, name: str) -> Tensor:
        """What each block of a chunk sees of x (B, H, L, D): (b·H·n, S, D)."""
        alone = part.blocks == 1  # its rows are its window
        rows = self._rows(x, part, self.before, self.after, turn, space, name if alone else "rows")
        b, h, r, d = rows.shape
        if alone:
            return rows.view(-1, self.span, d)
        view = rows.as_strided((b * h, part.blocks, self.span, d), (r * d, self.block * d, d, 1))
        return space.take(name, view.shape).copy_(view).view(-1, self.span, d)

    def _rows(
        self, x: Tensor, part: Chunk, before: int, after: int, turn: Tensor | None, space: Space, name: str
    ) -> Tensor:
        """Rows start − before … of x, turned, zeros beyond the sequence: (b, H, rows, D)."""
        first, last = part.start - before, part.start + part.blocks * self.block + after
        lo, hi = max(first, 0), min(last, self.length)
        out = space.take(name, (part.last - part.first, x.shape[1], last - first, x.shape[3]))
        if lo > first:
            out[:, :, : lo - first] = 0
        if hi < last:
            out[:, :, hi - first :] = 0
        rows = x[part.first : part.last, :, lo:hi]
        turned(rows, None if turn is None else turn[lo:hi], out[:, :, lo - first : hi - first])
        return out

    def hide(self, scores: Tensor, part: Chunk) -> None:
        """−∞ at keys beyond the sequence in scores (b, H, n, C, S); only blocks near its ends are touched."""
        low = -(-(self.before - part.start) // self.block)  # blocks that reach before the first token
        for n in range(min(low, part.blocks)):
            scores[:, :, n, :, : self.before - part.start - n * self.block] = -math.inf
        if self.after:  # a causal query sees nothing past its own token
            high = (self.length - self.after - part.start) // self.block  # blocks from here reach past the last one
            for n in range(max(high, 0), part.blocks):
                end = self.length - part.start - n * self.block + self.before
                scores[:, :, n, :, end:] = -math.inf


class Spread:
    """The gradient of rows that several blocks saw, summed chunk by chunk from the end of a sequence to its start."""

    def __init__(self, plan: Plan, turn_back: Tensor | None, out: Tensor) -> None:
        self.plan, self.turn_back, self.out = plan, turn_back, out
        self.carry: Tensor | None = None
        self.done = 0

    def add(self, windows: Tensor, part: Chunk) -> None:
        """Add the gradients (b·H·n, S, D) of one chunk's windows; write those rows of out that are complete."""
        plan, n = self.plan, part.blocks
        b, h, d = part.last - part.first, self.out.shape[1], windows.shape[2]
        shared = plan.before + plan.after
        total = windows.new_zeros((b, h, shared + n * plan.block, d))
        if part.stop == plan.length:
            self.done = plan.length
        elif self.carry is not None:
            total[:, :, n * plan.block :] = self.carry
        pieces = windows.view(b, h, n, plan.span, d)
        s0, s1, s2, _ = total.stride()
        for at in range(0, plan.span, plan.block):
            width = min(plan.block, plan.span - at)
            rows = total.as_strided((b, h, n, width, d), (s0, s1, s2 * plan.block, s2, 1), at * s2)
            rows += pieces[:, :, :, at : at + width]
        first = part.start - plan.before
        ready = min(part.start + plan.after, self.done) if part.start else 0
        turn = None if self.turn_back is None else self.turn_back[ready : self.done]
        out = self.out[part.first : part.last, :, ready : self.done]
        turned(total[:, :, ready - first : self.done - first], turn, out)
        self.carry, self.done = total[:, :, :shared], ready
