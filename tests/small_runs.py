"""Runs that take a second, and what they leave; import it after torch was found."""

import json
import os

import pytest
import torch

pytest.importorskip("accelerate", reason="kymath.training needs accelerate")
pytest.importorskip("tokenizers", reason="kymath.training needs tokenizers")
safetensors = pytest.importorskip("safetensors.torch", reason="checkpoints need safetensors")

from small_models import one_thread  # noqa: E402, F401

from kymath.training import Settings, Watch  # noqa: E402

SMALL = {"d_model": 8, "num_layers": 1, "num_heads": 2, "max_len": 12, "window": 4, "tokenizer": "byte", "batch": 4}


def small(text, **changes):
    return Settings.of("tiny", **{**SMALL, "epochs": 2, "data": str(text), **changes})


def weights(out):
    return safetensors.load_file(out / "checkpoint.safetensors")


def metrics(out, *left_out):
    records = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in r.items() if name not in left_out} for r in records]


def same_weights(a, b):
    a, b = weights(a), weights(b)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class Stops(Watch):
    """Does something after a step, or in a validation after it."""

    def __init__(self, step, do, *, validating=False):
        self.at, self.do, self.validating_too, self.now = step, do, validating, 0

    def step(self, record, total):
        self.now = record["step"]
        if self.now == self.at and not self.validating_too:
            self.do()

    def validating(self, done, total):
        if self.now == self.at and self.validating_too:
            self.do()


def signalled(number):
    return lambda: os.kill(os.getpid(), number)


def killed():
    raise ZeroDivisionError("as if the power had gone")
