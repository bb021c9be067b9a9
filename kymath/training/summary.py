"""summary.json: what came of a run."""

from __future__ import annotations

from typing import Any

from .examples import unigram_perplexity
from .state import Progress
from .work import Work

NAME = "summary.json"


def summary_of(work: Work, progress: Progress, measured: dict[str, Any]) -> dict[str, Any]:
    """The record of a finished run whose last validation is ``measured``."""
    s, vocab = work.settings, work.config.vocab_size
    return {
        "loss": measured["validation_loss"],
        "loss_per_token": measured["loss_per_token"],
        "perplexity": measured["perplexity"],
        "unigram_perplexity": unigram_perplexity(work.train, work.valid, vocab),
        "tokens_per_second": progress.tokens / max(progress.training_seconds, 1e-9),
        "peak_memory_mb": round(progress.peak_memory_mb, 1),
        "parameters": work.parameters,
        "seconds": round(progress.seconds, 3),
        "steps": progress.step,
        "epochs": s.epochs,
        "seed": s.seed,
        "preset": s.preset,
        "attention": s.attention,
        "window": None if s.attention == "standard" else s.window,
        "tokenizer": s.tokenizer,
        "vocab_size": vocab,
        "device": "cpu" if work.accelerator.device.type == "cpu" else str(work.accelerator.device),
    }
