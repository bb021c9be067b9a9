"""Ways to the limit, one a file."""

from .adaptive import Adaptive
from .base import Method
from .symbolic import Symbolic

#: the methods by the word the command line uses
METHODS: dict[str, type[Method]] = {"symbolic": Symbolic, "adaptive": Adaptive}

__all__ = ["METHODS", "Adaptive", "Method", "Symbolic"]
