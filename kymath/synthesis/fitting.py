"""One network trained, and tried on examples that it has not seen."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import KYError
from . import scores
from .controller import AttentionNodeController
from .data import Part
from .inputs import Examples, examples
from .manager import AdaptiveDataManager
from .net import SynthesisNet
from .recipe import Recipe, size

Tell = Callable[[dict[str, Any], int], None]  # a record of a step, and how many steps there are
_AT_ONCE = 500  # examples, where no gradient is kept


class Fitting:
    """A network, the part that it learns from, and how.

    ``share`` below 1 lets the data manager of section 7.2 choose that share of the examples anew for each epoch, by
    the attention that the network's own nodes pay to them; of a network without nodes all examples weigh the same.
    """

    def __init__(
        self, network: nn.Module, train: Examples, recipe: Recipe, *, seed: int, share: float = 1.0, device: str = "cpu"
    ) -> None:
        self.network, self.train, self.recipe, self.device = network.to(device), train, recipe, device
        self.order = torch.Generator().manual_seed(seed)
        self.manager = self._manager(share, seed) if share < 1 else None
        self.each = len(self.train) if self.manager is None else self.manager.sample_size
        self.total = recipe.epochs * -(-self.each // recipe.batch)
        self.seconds = 0.0

    def run(self, tell: Tell, after: Callable[[int], None] | None = None) -> None:
        """All epochs. ``tell`` hears of each step, ``after`` of each epoch's end; either may raise to stop.

        Raises ``KYError`` where the loss is no number.
        """
        rates = torch.optim.AdamW(self.network.parameters(), lr=self.recipe.lr, weight_decay=self.recipe.weight_decay)
        cycle = torch.optim.lr_scheduler.OneCycleLR(rates, self.recipe.lr, total_steps=max(self.total, 2))
        step = 0
        for epoch in range(1, self.recipe.epochs + 1):
            begun = time.monotonic()
            rows = self._rows()
            self.network.train()
            for chosen in rows[torch.randperm(len(rows), generator=self.order)].split(self.recipe.batch):
                answer = self.network(self._given(self.train, chosen, self.order))
                loss = nn.functional.cross_entropy(answer, self.train.labels[chosen].to(self.device))
                value = loss.item()
                if not math.isfinite(value):
                    raise KYError(f"the loss is {value:.4g} at step {step + 1}: a smaller --lr is the usual remedy.")
                rates.zero_grad()
                loss.backward()
                rates.step()
                cycle.step()
                step += 1
                tell({"step": step, "epoch": epoch, "loss": value}, self.total)
            self.seconds += time.monotonic() - begun
            if after is not None:
                after(epoch)

    def tried(self, test: Examples) -> dict[str, float]:
        """Accuracy and F1 on examples."""
        pieces = [self._answer(test, rows) for rows in torch.arange(len(test)).split(_AT_ONCE)]
        found = torch.cat(pieces)
        answers = found.argmax(-1)
        return {
            "accuracy": scores.accuracy(answers, test.labels),
            "f1": scores.f1(answers, test.labels, found.shape[-1]),
        }

    def latency_ms(self, part: Part) -> float:
        """From an example as it lies in the file to its class."""

        def answer(example: int) -> int:
            one = examples(self.train.inputs, part.take(torch.tensor([example])))
            return int(self._answer(one, torch.zeros(1, dtype=torch.int64)).argmax())

        return scores.latency_ms(answer, min(100, len(part)))

    @property
    def parameters(self) -> int:
        return size(self.network)

    def _answer(self, given: Examples, rows: Tensor) -> Tensor:
        """Class scores, without gradient and dropout."""
        self.network.eval()
        with torch.no_grad():
            return self.network(self._given(given, rows)).cpu()

    def _given(self, given: Examples, rows: Tensor, generator: torch.Generator | None = None) -> Any:
        batch = given.batch(rows, generator)
        return tuple(part.to(self.device) for part in batch) if isinstance(batch, tuple) else batch.to(self.device)

    # -- the data manager ----------------------------------------------------------------------------------------------

    def _manager(self, share: float, seed: int) -> AdaptiveDataManager:
        count = max(1, round(share * len(self.train)))
        return AdaptiveDataManager(self, sample_size=count, threshold=0.5, rng=np.random.default_rng(seed))

    def _rows(self) -> Tensor:
        if self.manager is None:
            return torch.arange(len(self.train))
        return torch.as_tensor(self.manager.manage_dataset(np.arange(len(self.train))))

    def managed(self) -> dict[str, Any]:
        """What the data manager did for the last epoch: quality, refinements, and how many of each class it chose."""
        if self.manager is None:
            return {}
        chosen = self.train.labels[torch.as_tensor(self.manager.indices)]
        return {
            "quality": self.manager.quality,
            "refinements": len(self.manager.refinements),
            "chosen": torch.bincount(chosen, minlength=int(self.train.labels.max()) + 1).tolist(),
        }

    def execute_cycle(self, rows: np.ndarray) -> Tensor:
        """What the data manager asks: the controller's output, of the network's nodes, for these examples."""
        if not isinstance(self.network, SynthesisNet):
            return torch.ones(len(rows), 1)  # a plain network pays no attention to any in particular
        alpha = self.network.alpha
        controller = AttentionNodeController(list(self.network.nodes), 1.0 if alpha is None else alpha.detach())
        self.network.eval()
        with torch.no_grad():
            pieces = [
                controller.execute_cycle(self.network.encoder(self._given(self.train, few)))
                for few in torch.as_tensor(rows).reshape(-1).split(_AT_ONCE)
            ]
        return torch.cat(pieces).cpu()
