"""metrics.jsonl: one JSON object a line, and on demand the same for TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import NotApplicable
from ..files import write_whole

NAME = "metrics.jsonl"


class Journal:
    """Records of training {"step", "epoch", "loss", …} and validation {"step", "epoch", "validation_loss", …}.

    Kept up to ``step``: what a run wrote after its last checkpoint is done again, and written again. ``writes`` is
    False in all processes but one.
    """

    def __init__(self, folder: Path, step: int, *, writes: bool, tensorboard: bool) -> None:
        self.path, self.writes = folder / NAME, writes
        self.records = _kept(self.path, step)
        if writes:
            write_whole(self.path, "".join(map(_line, self.records)).encode())
        self.board = _board(folder / "tensorboard", step) if tensorboard and writes else None

    def validation(self, step: int) -> dict[str, Any] | None:
        """The validation after so many steps, if it was done."""
        found = [r for r in self.records if r["step"] == step and "validation_loss" in r]
        return found[-1] if found else None

    def write(self, record: dict[str, Any]) -> None:
        if "validation_loss" in record:
            self.records.append(record)
        if self.writes:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(_line(record))
        if self.board is not None:
            for name, value in record.items():
                if name not in ("step", "epoch"):
                    self.board.add_scalar(name, value, record["step"])

    def close(self) -> None:
        if self.board is not None:
            self.board.close()


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, allow_nan=False) + "\n"


def _kept(path: Path, step: int) -> list[dict[str, Any]]:
    if step == 0 or not path.exists():
        return []
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
            if record["step"] <= step:
                kept.append(record)
        except (ValueError, TypeError, KeyError):  # a line that an interruption cut short
            continue
    return kept


def _board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as missing:
        raise NotApplicable("--tensorboard needs TensorBoard: pip install tensorboard.") from missing
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)
