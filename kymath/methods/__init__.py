"""Ways to the limit, one a file."""

from .adaptive import Adaptive
from .base import Method
from .certified import Certified
from .contour import Contour
from .precise import Precise
from .symbolic import Symbolic
from .taylor import Taylor

#: the methods by the word the command line uses
METHODS: dict[str, type[Method]] = {
    "symbolic": Symbolic,
    "adaptive": Adaptive,
    "taylor": Taylor,
    "contour": Contour,
    "certified": Certified,
    "precise": Precise,
}

__all__ = ["METHODS", "Adaptive", "Certified", "Contour", "Method", "Precise", "Symbolic", "Taylor"]
