"""The tokenizers, all of the library ``tokenizers``: GPT-2's, a small one learned from the lines, plain bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import NotApplicable
from .reading import HINT, Unreadable, quiet, text_of


def tokenizer_for(word: str, lines: Sequence[str], vocab_size: int, data_dir: Path | None) -> Any:
    """The ``tokenizers.Tokenizer`` called "gpt2", "bpe" (learned from the lines) or "byte".

    Learning is the same for the same lines, on every machine.
    """
    try:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    except ImportError as missing:
        raise NotApplicable("training needs tokenizers: pip install 'kymath[train]'.") from missing
    if word == "gpt2" and data_dir is None:
        return _downloaded(Tokenizer)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())  # one for each byte
    if word == "gpt2" and data_dir is not None:
        model = _gpt2(models, data_dir / "gpt2-bpe")
    elif word == "byte":
        model = models.BPE(vocab={letter: k for k, letter in enumerate(letters)}, merges=[])
    else:
        model = models.BPE()
    made = Tokenizer(model)
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=word != "byte")
    made.decoder = decoders.ByteLevel()
    if word == "bpe":
        trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=letters, show_progress=False)
        made.train_from_iterator(lines, trainer)
    return made


def _gpt2(models: Any, folder: Path) -> Any:
    """encoder.json (token → number) and vocab.bpe (a headline, then two pieces a line)."""
    encoder, merges = folder / "encoder.json", folder / "vocab.bpe"
    try:
        vocab = json.loads(text_of(encoder))
        pairs = [tuple(line.split(" ")) for line in text_of(merges).split("\n")[1:] if line]
        return models.BPE(vocab=vocab, merges=pairs)
    except Unreadable:
        raise
    except Exception as error:  # the library raises plain Exception
        raise Unreadable(f"{encoder} and {merges} are not GPT-2's tokens: {str(error)[:200]}.") from error


def _downloaded(kind: Any) -> Any:
    try:
        with quiet():
            return kind.from_pretrained("openai-community/gpt2")
    except Exception as error:  # whatever a network, a cache or a hub can do
        why = " ".join(str(error).split())[:200]
        raise Unreadable(f"GPT-2's tokens could not be fetched: {why}. {HINT}") from error
