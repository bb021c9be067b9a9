"""What a run is: everything that decides its numbers, and nothing else."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from ..nn import CondorConfig

TOKENIZERS = ("gpt2", "bpe", "byte")
PRESETS: dict[str, dict[str, Any]] = {
    # minutes on two cores
    "tiny": {
        "tokenizer": "bpe", "d_model": 128, "num_layers": 2, "num_heads": 4, "max_len": 128,
        "batch": 24, "epochs": 1, "lr": 2e-3, "half": False,
    },
    # the paper's experiment: Condor, section 6.1 and Table 1
    "table1": {
        "tokenizer": "gpt2", "d_model": 512, "num_layers": 8, "num_heads": 16, "max_len": 256,
        "batch": 16, "epochs": 3, "lr": 5e-4, "half": True,
    },
}  # fmt: skip
# the least and the most of the whole numbers; the most are far beyond what is of use
_WHOLE = {
    "d_model": (1, 1 << 16), "num_layers": (1, 1 << 12), "num_heads": (1, 1 << 16), "vocab_size": (256, 1 << 20),
    "max_len": (2, 1 << 20), "batch": (1, 1 << 20), "epochs": (1, 10**9), "max_steps": (1, 10**12),
}  # fmt: skip
_LARGEST = 1000.0  # learning rate, weight decay, norm of the gradients


@dataclass(frozen=True)
class Settings:
    """One run, as a frozen value; ``Settings.of(preset, **changes)`` is the usual way to it.

    ``data`` is "wikitext-2" or a text file; ``tokenizer`` "gpt2", "bpe" (``vocab_size`` tokens learned from the
    training lines) or "byte". ``max_len`` counts the tokens of an example, ``window`` those a query sees, its own
    included. ``lr`` falls to 0 along a cosine over all steps: ``epochs`` passes, or ``max_steps`` if that is fewer.
    ``half`` is fp16 autocast where there is CUDA. ``causal=False`` lets every position see its own target: the paper's
    symmetric padding, Eq. 40. The rest as in :class:`kymath.nn.CondorConfig`.

    Raises ``ValueError`` that names the field.

    >>> Settings.of("table1", attention="alibi").epochs
    3
    """

    preset: str
    tokenizer: str
    d_model: int
    num_layers: int
    num_heads: int
    max_len: int
    batch: int
    epochs: int
    lr: float
    half: bool
    attention: str = "ky"
    data: str = "wikitext-2"
    window: int = 15
    edge: str = "mask"
    causal: bool = True
    vocab_size: int = 2048
    weight_decay: float = 0.01
    clip: float = 1.0
    seed: int = 0
    max_steps: int | None = None

    @classmethod
    def of(cls, preset: str, **changes: Any) -> Settings:
        """A preset, with some fields changed; None leaves a field as it is."""
        if preset not in PRESETS:
            raise ValueError(f"preset = {preset!r} is not one of {', '.join(map(repr, PRESETS))}.")
        known = [field.name for field in dataclasses.fields(cls) if field.name != "preset"]
        for name in changes:
            if name not in known:
                raise ValueError(f"{name} is not one of the fields {', '.join(known)}.")
        given = {name: value for name, value in changes.items() if value is not None}
        return cls(preset=preset, **{**PRESETS[preset], **given})

    def __post_init__(self) -> None:
        for name, (least, most) in _WHOLE.items():
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            if not (whole and least <= value <= most) and not (value is None and name == "max_steps"):
                raise ValueError(f"{name} = {value!r} must be a whole number from {least} to {most}.")
        for name in ("lr", "weight_decay", "clip"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and 0 <= value <= _LARGEST) or (value == 0 and name != "weight_decay"):
                above = "from 0 to" if name == "weight_decay" else "above 0 and at most"
                raise ValueError(f"{name} = {value!r} must be a number {above} {_LARGEST:g}.")
        if not isinstance(self.half, bool):
            raise ValueError(f"half = {self.half!r} must be True or False.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 2**63:
            raise ValueError(f"seed = {self.seed!r} must be a whole number from 0 to 2^63 − 1.")
        if self.tokenizer not in TOKENIZERS:
            raise ValueError(f"tokenizer = {self.tokenizer!r} is not one of {', '.join(map(repr, TOKENIZERS))}.")
        if self.attention == "standard" and not self.causal:
            raise ValueError('causal=False is a window with its query in the middle; attention="standard" has none.')
        self.config(self.vocab_size)  # which checks the fields of the model

    def config(self, vocab_size: int) -> CondorConfig:
        """The model over so many tokens."""
        names = ("d_model", "num_layers", "num_heads", "window", "max_len", "attention", "edge", "causal")
        return CondorConfig(vocab_size=vocab_size, **{name: getattr(self, name) for name in names})

    def rate(self, step: int, total: int) -> float:
        """The learning rate of a step: lr (1 + cos(π step/total))/2, step = 0 … total − 1.

        >>> Settings.of("tiny", lr=1.0).rate(500, 1000)
        0.5
        """
        return self.lr * (1 + math.cos(math.pi * step / total)) / 2

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain values, for a file."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: Any) -> Settings:
        """The reverse of ``as_dict``; ``ValueError`` for anything that is not exactly such fields."""
        known = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(fields, dict) or set(fields) != known:
            raise ValueError("these are not the settings of a run by this version of kymath.")
        return cls(**fields)
