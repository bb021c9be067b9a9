"""What a Condor model is made of."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from .attention import EDGES
from .biases import BIASES
from .checks import check_choice, check_count, check_heads, check_window

ATTENTION = ("ky", "standard", *BIASES[1:])
WIDEST = 1 << 20


@dataclass(frozen=True)
class CondorConfig:
    """The shape of a :class:`Condor` model; a frozen value that is stored in its file.

    ``attention``: "ky", "standard" (causal attention over everything), or in the same window "local" (no bias),
    "alibi", "t5", "kerple", "fire". ``max_len`` is the length of training; longer input works. ``hidden`` and
    ``connection_bias`` are the connection networks', ``ffn_hidden`` (None: two thirds of 4·d_model, rounded up to a
    multiple of 256) the feed-forward's. ``causal=False`` sees the future: for encoders, and to show what the padding
    of Eq. 40 leaks.

    Raises ``ValueError`` that names the field. Source: Condor, section 6.1; the defaults are its experiment's.

    >>> CondorConfig(vocab_size=50257).ffn_width
    1536
    """

    vocab_size: int
    d_model: int = 512
    num_layers: int = 8
    num_heads: int = 16
    window: int = 15
    max_len: int = 256
    attention: str = "ky"
    edge: str = "mask"
    causal: bool = True
    rope: bool = True
    hidden: int = 128
    connection_bias: bool = True
    ffn_hidden: int | None = None

    def __post_init__(self) -> None:
        for name in ("vocab_size", "num_layers", "max_len", "hidden", "ffn_hidden"):
            value = getattr(self, name)
            if value is None and name == "ffn_hidden":
                continue
            check_count(name, value)
        for name in ("causal", "rope", "connection_bias"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} = {getattr(self, name)!r} must be True or False.")
        check_heads(self.d_model, self.num_heads, self.rope)
        check_choice("attention", self.attention, ATTENTION)
        check_choice("edge", self.edge, EDGES)
        check_window(self.window, self.causal or self.attention == "standard")
        if self.window > WIDEST:
            raise ValueError(f"window = {self.window}: more than {WIDEST} tokens is no window.")

    @property
    def ffn_width(self) -> int:
        """Units of the feed-forward layers."""
        return self.ffn_hidden or -(-(8 * self.d_model // 3) // 256) * 256

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain values, for a file."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: Any) -> CondorConfig:
        """The reverse of ``as_dict``; ``ValueError`` for anything that is not exactly such fields."""
        known = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(fields, dict) or not set(fields) <= known or "vocab_size" not in fields:
            names = sorted(set(fields) - known) if isinstance(fields, dict) else []
            raise ValueError(
                f"not a Condor configuration{': unknown ' + ', '.join(map(repr, names)) if names else ''}."
            )
        return cls(**fields)
