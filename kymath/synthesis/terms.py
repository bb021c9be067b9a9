"""Texts as numbers: words that the training texts have, and pairs of neighbours by a hash."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[!?]")
_MARKUP = re.compile(r"<[a-zA-Z/][^<>]{0,40}>")
_UNKNOWN = 1  # 0 stands for a text without a word
_MIX = 1_000_003  # a prime: neighbours spread over the pairs' numbers
_MOST_BINS = 1 << 18


def words_of(text: str) -> list[str]:
    """Lower-case words, with ! and ?, without markup.

    >>> words_of("It's <br /> GREAT!")
    ["it's", 'great', '!']
    """
    return _WORD.findall(_MARKUP.sub(" ", text).lower())


class Terms:
    """The numbers of a text's terms: its words, where they are among ``words``, and ``pairs`` bins of pairs.

    Two pairs may share a bin. ``len(terms)`` is how many numbers there are.
    """

    def __init__(self, words: Sequence[str], pairs: int) -> None:
        self.words, self.pairs = list(words), pairs
        self.number = {word: place for place, word in enumerate(self.words, _UNKNOWN + 1)}

    @classmethod
    def of(cls, texts: Sequence[str], *, words: int = 30_000) -> Terms:
        """The most frequent words of the texts, and as many bins as the texts have words, up to 2¹⁸."""
        counts = Counter(word for text in texts for word in words_of(text))
        frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:words]
        return cls([word for word, _ in frequent], min(_MOST_BINS, max(1, counts.total())))

    def __len__(self) -> int:
        return len(self.number) + _UNKNOWN + 1 + self.pairs

    def __call__(self, text: str) -> Tensor:
        """The numbers of one text, int32."""
        words = words_of(text)
        ones = np.fromiter((self.number.get(word, _UNKNOWN) for word in words), np.int64, len(words))
        if not len(ones):
            return torch.zeros(1, dtype=torch.int32)
        twos = (ones[:-1] * _MIX + ones[1:]) % self.pairs + len(self) - self.pairs
        return torch.from_numpy(np.concatenate([ones, twos]).astype(np.int32))
