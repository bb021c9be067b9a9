"""The pieces of a run, made from its settings or from its last state."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import KYError
from ..nn import Condor, CondorConfig
from . import state
from .examples import Examples
from .reading import Unreadable, lines_of
from .settings import Settings
from .state import Progress
from .tokens import tokenizer_for
from .words import counted, ordinal, share


@dataclass(frozen=True)
class Work:
    """The pieces of one run, which do not change but in their weights. ``total`` steps, ``per_epoch`` in an epoch."""

    settings: Settings
    config: CondorConfig
    accelerator: Any
    model: Any
    optimiser: Any
    train: Examples
    valid: Examples
    digest: str
    parameters: int
    per_epoch: int
    total: int

    def ends_epoch(self, step: int) -> bool:
        """Whether the step was the last of an epoch, or of all."""
        return step > 0 and (step % self.per_epoch == 0 or step == self.total)

    def epoch(self, step: int) -> int:
        """The epoch that a step, counted from 1, belongs to."""
        return -(-step // self.per_epoch)

    def outline(self) -> str:
        """How much there is to do."""
        processes = self.accelerator.num_processes
        return (
            f"{self.parameters:,} parameters, {self.config.vocab_size:,} tokens; "
            f"{counted(len(self.train), 'line')} to train on, {len(self.valid):,} to validate; "
            f"{counted(self.total, 'step')}{f', {processes} processes' * (processes > 1)}."
        )

    def left_out(self) -> float:
        """The share of the training part's tokens that the length of a line leaves out."""
        return self.train.cut / (len(self.train.ids) + self.train.cut)

    def cut(self) -> str:
        """The same in words."""
        return (
            f"{share(self.left_out())} of the tokens lie beyond the {ordinal(self.settings.max_len)} of their line and "
            "are left out: raise --max-len to train on them."
        )


def prepared(settings: Settings, accelerator: Any, data_dir: Path | None) -> tuple[Work, Any]:
    """The pieces as a run begins, and the tokenizer."""
    lines = lines_of(settings.data, data_dir)
    tokenizer = tokenizer_for(settings.tokenizer, lines[0], settings.vocab_size, data_dir)
    train_part, valid_part = (Examples.of(tokenizer, part, settings.max_len) for part in lines)
    for name, part in (("training", train_part), ("validation", valid_part)):
        if not len(part):
            raise Unreadable(f"{settings.data}: no line of the {name} part has two tokens.")
    vocab = tokenizer.get_vocab_size()
    config = settings.config(vocab)
    model = Condor(config, generator=torch.Generator().manual_seed(settings.seed))
    per_epoch = -(-len(train_part) // settings.batch)
    total = min(settings.epochs * per_epoch, settings.max_steps or math.inf)
    size = sum(p.numel() for p in model.parameters())
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    model, optimiser = accelerator.prepare(model, optimiser)
    torch.manual_seed(settings.seed)  # the model draws nothing; a part of one's own may
    digest = hashlib.sha256(f"{train_part.digest()} {valid_part.digest()} {vocab}".encode()).hexdigest()
    work = Work(
        settings, config, accelerator, model, optimiser, train_part, valid_part, digest, size, per_epoch, int(total)
    )  # fmt: skip
    return work, tokenizer


def restored(work: Work, saved: state.Saved) -> Progress:
    """Put a state into the pieces; how far it is."""
    if saved.digest != work.digest:
        raise KYError(
            f"the data or the tokenizer ({work.settings.data}, {work.settings.tokenizer}) are not what the run began "
            "with, so it cannot go on as it would have: bring them back, or start another run."
        )
    try:
        state.restore(saved, work.config, work.model, work.optimiser.optimizer)
        if work.accelerator.scaler is not None and saved.progress.scaler is not None:
            work.accelerator.scaler.load_state_dict(saved.progress.scaler)
    except (KeyError, RuntimeError, ValueError) as error:
        raise KYError(f"{state.STATE} does not fit the model: {' '.join(str(error).split())[:200]}") from error
    return saved.progress
