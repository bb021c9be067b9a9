"""The one contract of every position bias."""

from __future__ import annotations

import abc

import torch
from torch import Tensor, nn


class PositionBias(nn.Module, abc.ABC):
    """What is added to the scores by head and window slot; the way to a bias of your own is to implement the two
    abstract methods.

    >>> class Steep(PositionBias):
    ...     def table(self, window):
    ...         return -torch.arange(window - 1.0, -1, -1).expand(2, window)
    ...     def reset_parameters(self, generator=None):
    ...         pass
    >>> from kymath.nn import KYAttention
    >>> KYAttention(8, 2, window=3, bias=Steep())(torch.zeros(1, 5, 8)).shape
    torch.Size([1, 5, 8])
    >>> Steep().slots(3, 1, 3)  # of the newest two tokens
    tensor([[-1., -0.],
            [-1., -0.]])
    """

    @abc.abstractmethod
    def table(self, window: int) -> Tensor:
        """(H, W): slot 0 is the oldest token, the last the query's own; in a centred window the middle is."""

    def slots(self, window: int, first: int, last: int) -> Tensor:
        """Columns first … last − 1 of ``table(window)``; for a bias that need not compute the others."""
        return self.table(window)[:, first:last]

    @abc.abstractmethod
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the parameters again, from ``generator``."""
