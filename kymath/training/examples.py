"""Lines as token numbers, and batches of them: one example a line, inputs and targets shifted by one."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

IGNORED = -100  # the target of padding
_AT_ONCE = 2000  # lines encoded in one call


@dataclass(frozen=True)
class Examples:
    """Token numbers of all examples in one row; example k is ids[ends[k − 1] : ends[k]]; ``cut`` were too many."""

    ids: np.ndarray
    ends: np.ndarray
    cut: int

    @classmethod
    def of(cls, tokenizer: Any, lines: Sequence[str], max_len: int) -> Examples:
        """Each line truncated to ``max_len`` tokens; one without a second token has no target and is left out."""
        kept: list[np.ndarray] = []
        cut = 0
        for first in range(0, len(lines), _AT_ONCE):
            for one in tokenizer.encode_batch_fast(list(lines[first : first + _AT_ONCE]), add_special_tokens=False):
                cut += max(0, len(one.ids) - max_len)
                if len(one.ids) > 1:
                    kept.append(np.array(one.ids[:max_len], np.int32))
        ends = np.cumsum([len(ids) for ids in kept], dtype=np.int64)
        return cls(np.concatenate([np.empty(0, np.int32), *kept]), ends, cut)

    def __len__(self) -> int:
        return len(self.ends)

    def one(self, k: int) -> np.ndarray:
        return self.ids[0 if k == 0 else self.ends[k - 1] : self.ends[k]]

    def targets(self, rows: Sequence[int]) -> int:
        """How many tokens these examples ask for."""
        return sum(len(self.one(k)) - 1 for k in rows)

    def batch(self, rows: Sequence[int], process: int = 0, processes: int = 1) -> tuple[Tensor, Tensor]:
        """Inputs and targets (n, L) of one process' share of the rows; what fills it up is ``IGNORED``."""
        share = -(-len(rows) // processes)
        width = max(len(self.one(k)) for k in rows) - 1
        inputs = torch.zeros(share, width, dtype=torch.long)
        targets = torch.full((share, width), IGNORED)
        for place, k in enumerate(rows[process * share : (process + 1) * share]):
            ids = torch.from_numpy(self.one(k).astype(np.int64))
            inputs[place, : len(ids) - 1] = ids[:-1]
            targets[place, : len(ids) - 1] = ids[1:]
        return inputs, targets

    def wanted(self) -> np.ndarray:
        """Every target, in order."""
        first = np.concatenate(([0], self.ends[:-1]))
        return np.delete(self.ids, first)

    def digest(self) -> str:
        """A fingerprint of the tokens and where they are cut."""
        return hashlib.sha256(self.ids.tobytes() + self.ends.tobytes()).hexdigest()


def rows_of(step: int, count: int, batch: int, seed: int) -> list[int]:
    """The examples of one training step: a new order in each epoch, a function of the seed and the step alone.

    >>> sorted(rows_of(0, 5, 3, seed=0) + rows_of(1, 5, 3, seed=0))
    [0, 1, 2, 3, 4]
    """
    epoch, place = divmod(step, -(-count // batch))
    return _order(count, seed, epoch)[place * batch : (place + 1) * batch].tolist()


@functools.lru_cache(maxsize=1)
def _order(count: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(count)


def unigram_perplexity(train: Examples, valid: Examples, vocab_size: int) -> float:
    """exp of the mean −log p(target) over the validation part, p the training targets' frequencies, each count plus 1.

    The score of a model that knows how common each token is and nothing else.
    """
    counts = np.bincount(train.wanted(), minlength=vocab_size) + 1.0
    return math.exp(-np.log(counts / counts.sum())[valid.wanted()].mean())
