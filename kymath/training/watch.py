"""Who looks on while a model is trained."""

from __future__ import annotations

import warnings
from typing import Any


class Watch:
    """What a run tells; override what you want to see. All but ``caution`` are silent here.

    >>> class Spoken(Watch):
    ...     def note(self, text):
    ...         print(text)
    ...     def caution(self, text):
    ...         print(f"Careful: {text}")
    ...     def validating(self, done, total):
    ...         print(f"{done} of {total} batches")
    ...     def validated(self, record):
    ...         print(f"validation: {record['loss']:.2f}")
    >>> Spoken().validated({"loss": 2.5})
    validation: 2.50
    """

    def note(self, text: str) -> None:
        """Something to know before it begins."""

    def caution(self, text: str) -> None:
        """Something that makes the result mean less than it seems."""
        warnings.warn(text, stacklevel=4)  # who called train

    def step(self, record: dict[str, Any], total: int) -> None:
        """One training step of ``total``: a record of ``metrics.jsonl``."""

    def validating(self, done: int, total: int) -> None:
        """So many validation batches of ``total``."""

    def validated(self, record: dict[str, Any]) -> None:
        """One validation: a record of ``metrics.jsonl``."""
