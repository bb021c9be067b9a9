"""What a method is: one way to the limit, as an object that carries its own options."""

from __future__ import annotations

import abc
from typing import Any

import numpy as np

from ..errors import NotApplicable
from ..evidence import Evidence
from ..families import ConnectionFunction
from ..function import Function
from ..rules import Rule

TOO_DEEP = "SymPy cannot evaluate f at this point: it recurses without end, as it does where numbers are too large."


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


def check_digits(name: str, digits: Any) -> None:
    """Raise ``NotApplicable`` for what is no number of digits; ``name`` is the method's class."""
    if isinstance(digits, bool) or not isinstance(digits, (int, np.integer)) or not 1 <= digits <= 10_000:
        raise NotApplicable(f"{name}(digits=…) takes a whole number of digits from 1 to 10000; {digits!r} was given.")
