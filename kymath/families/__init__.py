"""Connection functions, one a file. A new family is one new file and one line here."""

from .base import ConnectionFunction, LinearFamily, Obstacle, elementary
from .custom import Family
from .exponential import Exponential
from .harmonic import Harmonic
from .polynomial import Linear, Polynomial
from .trigonometric import Trigonometric

#: the built-in families by the word the command line uses
FAMILIES: dict[str, type[ConnectionFunction]] = {
    "linear": Linear,
    "polynomial": Polynomial,
    "exponential": Exponential,
    "trigonometric": Trigonometric,
    "harmonic": Harmonic,
}

__all__ = [
    "FAMILIES",
    "ConnectionFunction",
    "Exponential",
    "Family",
    "Harmonic",
    "Linear",
    "LinearFamily",
    "Obstacle",
    "Polynomial",
    "Trigonometric",
    "elementary",
]
