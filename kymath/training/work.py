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
from .watch import Watch


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
    per_epoch: int
    total: int

    def ends_epoch(self, step: int) -> bool:
        """Whether the step was the last of an epoch, or of all."""
        return step > 0 and (step % self.per_epoch == 0 or step == self.total)

    def epoch(self, step: int) -> int:
        """The epoch that a step, counted from 1, belongs to."""
        return -(-step // self.per_epoch)


def prepared(settings: Settings, accelerator: Any, data_dir: Path | None, watch: Watch) -> tuple[Work, Any]:
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
    watch.note(
        f"{size:,} parameters, {vocab:,} tokens; {len(train_part):,} lines to train on, {len(valid_part):,} to "
        f"validate, {train_part.cut / (len(train_part.ids) + train_part.cut):.0%} of the tokens beyond "
        f"{settings.max_len} in a line left out; {total:,} steps"
        f"{f', {accelerator.num_processes} processes' * (accelerator.num_processes > 1)}."
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    model, optimiser = accelerator.prepare(model, optimiser)
    torch.manual_seed(settings.seed)  # the model draws nothing; a part of one's own may
    digest = hashlib.sha256(f"{train_part.digest()} {valid_part.digest()} {vocab}".encode()).hexdigest()
    work = Work(
        settings, config, accelerator, model, optimiser, train_part, valid_part, digest, per_epoch, int(total)
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
