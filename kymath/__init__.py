"""kymath: the KY transform, ∇_KY[f](x0) = lim θ(h) of connection functions through f(x0) and f(x0 + h)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .starting import guard

guard()  # before the imports that take long

from . import nabla
from ._version import __version__
from .aliases import curvature, slope, value
from .chain import compose, inverse
from .compare import compare
from .convergence import convergence
from .errors import (
    BadFunction,
    BadSamples,
    BasePointMismatch,
    Diverges,
    EmptyData,
    KYError,
    NoContact,
    NoLimit,
    NotADistribution,
    NotApplicable,
    NotFinite,
    NotReached,
    NotUnique,
    ParseError,
    ShapeMismatch,
    Status,
)
from .expressions import parse
from .families import ConnectionFunction, Exponential, Family, Harmonic, Linear, Polynomial, Trigonometric
from .methods import Adaptive, Certified, Contour, Precise, Symbolic, Taylor
from .result import KYTransform
from .rules import MinimumNorm, Osculating, SmallestFrequency, SmallestRate
from .samples import SampledTransform, samples
from .transform import transform

if TYPE_CHECKING:
    from . import plot

__all__ = [
    "Adaptive",
    "BadFunction",
    "BadSamples",
    "BasePointMismatch",
    "Certified",
    "ConnectionFunction",
    "Contour",
    "Diverges",
    "EmptyData",
    "Exponential",
    "Family",
    "Harmonic",
    "KYError",
    "KYTransform",
    "Linear",
    "MinimumNorm",
    "NoContact",
    "NoLimit",
    "NotADistribution",
    "NotApplicable",
    "NotFinite",
    "NotReached",
    "NotUnique",
    "Osculating",
    "ParseError",
    "Polynomial",
    "Precise",
    "SampledTransform",
    "ShapeMismatch",
    "SmallestFrequency",
    "SmallestRate",
    "Status",
    "Symbolic",
    "Taylor",
    "Trigonometric",
    "__version__",
    "compare",
    "compose",
    "convergence",
    "curvature",
    "inverse",
    "nabla",
    "parse",
    "plot",
    "samples",
    "slope",
    "transform",
    "value",
]


def __getattr__(name: str) -> Any:
    if name == "plot":  # matplotlib is loaded when a picture is asked for
        return importlib.import_module(".plot", __name__)
    raise AttributeError(f"module 'kymath' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
