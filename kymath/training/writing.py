"""A trained model writes: its two files, and its text as it comes."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ..errors import NotApplicable
from ..nn import Condor, load_condor
from .place import SETTINGS, TOKENIZER
from .reading import Unreadable, text_of
from .state import MODEL
from .tokens import tokenizer_for


def language_model(path: str | Path, *, data_dir: str | Path | None = None) -> tuple[Condor, Any]:
    """The model of a run's folder, or of a file, and the tokenizer that lies beside it.

    Without ``tokenizer.json`` GPT-2's is taken where ``settings.json`` says that the run used it, from ``data_dir`` or
    fetched. Raises ``Unreadable`` for files that are not there or do not belong together, ``KYError`` for a damaged
    one.
    """
    path = Path(path)
    file = path / MODEL if path.is_dir() else path
    try:
        model = load_condor(file)
    except (OSError, TypeError) as error:
        raise Unreadable(f"{file}: {getattr(error, 'strerror', None) or error}.") from error
    tokenizer = _tokenizer(file.parent, None if data_dir is None else Path(data_dir))
    if tokenizer.get_vocab_size() != model.config.vocab_size:
        raise Unreadable(
            f"{file} is a model of {model.config.vocab_size:,} tokens, and the tokenizer beside it has "
            f"{tokenizer.get_vocab_size():,}: they do not belong together."
        )
    return model, tokenizer


def continuation(
    model: Condor, tokenizer: Any, prompt: str, count: int, *, one_line: bool = True, **how: Any
) -> Iterator[tuple[int, str]]:
    """At most ``count`` tokens after the prompt as they are drawn, each with the characters that it completes.

    With ``one_line`` the first line break is the last that comes: models are trained on single lines. An empty prompt
    is the beginning of a line; a model never read what is before one, so its first word is a guess. ``how`` is for
    :meth:`kymath.nn.Condor.stream`: temperature, top_k, top_p, seed. The cache does not grow, but for
    attention="standard".

    Raises ``ValueError`` that names the argument.
    """
    ids = torch.tensor([tokenizer.encode(prompt or "\n", add_special_tokens=False).ids])
    drawn = model.stream(ids, count, **how)
    text = _Text(tokenizer)
    for place, token in enumerate(drawn, 1):
        piece = text.add(int(token))
        if place == count:
            piece += text.rest()
        line, end, _ = piece.partition("\n")
        if one_line and end:
            yield int(token), line + end
            return
        yield int(token), piece


class _Text:
    """Token numbers as text: each character when its last byte is there, and bytes that are none as U+FFFD."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, token: int) -> str:
        piece = self.tokenizer.id_to_token(token) or ""
        return self.decoder.decode(bytes(_BYTES[letter] for letter in piece if letter in _BYTES))

    def rest(self) -> str:
        return self.decoder.decode(b"", final=True)


def _letters() -> dict[str, int]:
    """The byte of each letter that byte-level tokens are written with: itself where it can be printed."""
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printed]
    return {chr(byte): byte for byte in printed} | {chr(256 + k): byte for k, byte in enumerate(others)}


_BYTES = _letters()


def _tokenizer(folder: Path, data_dir: Path | None) -> Any:
    path = folder / TOKENIZER
    if not path.exists():
        if _word_of(folder / SETTINGS) == "gpt2":
            return tokenizer_for("gpt2", [], 0, data_dir)
        raise Unreadable(f"{folder} holds no {TOKENIZER}, without which a model's tokens are numbers and no text.")
    try:
        from tokenizers import Tokenizer
    except ImportError as missing:
        raise NotApplicable("reading tokens needs tokenizers: pip install 'kymath[train]'.") from missing
    text = text_of(path)
    try:
        made = Tokenizer.from_str(text)
    except Exception as error:  # the library raises plain Exception
        raise Unreadable(f"{path} is no tokenizer: {str(error)[:200]}.") from error
    if (json.loads(text).get("decoder") or {}).get("type") != "ByteLevel":
        raise Unreadable(f"{path} is not of byte-level tokens, which are all that kymath train writes.")
    return made


def _word_of(settings: Path) -> str | None:
    try:
        return json.loads(text_of(settings)).get("tokenizer")
    except (Unreadable, ValueError, AttributeError, RecursionError):
        return None
