"""What a method is: one way to the limit, as an object that carries its own options."""

from __future__ import annotations

import abc

import numpy as np

from ..evidence import Evidence
from ..families import ConnectionFunction
from ..function import Function
from ..rules import Rule


class Method(abc.ABC):
    """One way from a function to evidence about it at x0."""

    #: the word for it, in results and on the command line
    name: str = ""

    @abc.abstractmethod
    def why_not(self, function: Function, family: ConnectionFunction, rule: Rule) -> str:
        """Why the method does not apply, as a sentence; empty where it does."""

    @abc.abstractmethod
    def evidence(
        self, function: Function, x0: np.ndarray, family: ConnectionFunction, rule: Rule, side: str
    ) -> Evidence:
        """What f is like at x0 on the side asked for."""
