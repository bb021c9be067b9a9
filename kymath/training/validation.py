"""The loss on the validation part, in the paper's way and by the token."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .examples import IGNORED, Examples


def summed_loss(model: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Σ −log p(target), padding ignored."""
    logits = model(inputs)
    return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="sum")


def validate(
    model: nn.Module, examples: Examples, batch: int, accelerator: Any, tick: Callable[[int, int], None]
) -> dict[str, float]:
    """``validation_loss``: the mean of the batches' mean losses (the last may be smaller); ``loss_per_token``: of all
    tokens alike; ``perplexity``: exp of the first. ``tick`` is called with the batches done and to do.
    """
    first = range(0, len(examples), batch)
    rows = [list(range(k, min(k + batch, len(examples)))) for k in first]
    wanted = torch.tensor([examples.targets(r) for r in rows], dtype=torch.float64)
    sums = []
    model.eval()
    with torch.no_grad():
        for k, part in enumerate(rows):
            given = examples.batch(part, accelerator.process_index, accelerator.num_processes)
            inputs, targets = (x.to(accelerator.device) for x in given)
            sums.append(summed_loss(model, inputs, targets))
            tick(k + 1, len(rows))
    model.train()
    total = accelerator.reduce(torch.stack(sums), "sum").double().cpu()
    loss = float((total / wanted).mean())
    return {
        "validation_loss": loss,
        "loss_per_token": float(total.sum() / wanted.sum()),
        "perplexity": math.exp(min(loss, 700.0)),
    }
