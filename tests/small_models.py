"""Models that cost nothing, for the tests of the attention; import it after torch was found."""

from __future__ import annotations

import pytest
import torch

from kymath.nn import Condor, CondorConfig

TINY = {"vocab_size": 40, "d_model": 16, "num_layers": 2, "num_heads": 2, "window": 5, "ffn_hidden": 24}


@pytest.fixture(autouse=True)
def one_thread():
    """Small work: a second thread would only wait."""
    used = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(used)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def tiny(**changes):
    return Condor(CondorConfig(**{**TINY, **changes}), generator=seeded(1))


def tokens(*shape, seed=0):
    return torch.randint(0, 40, shape, generator=seeded(seed))
