"""Every named failure: its sentence, and what it carries.

A failure is part of the answer. Each kind below is a :class:`Status`, whose value is a sentence for the reader, and an
exception (except for the two statuses that are no failure). For a scalar ``x0`` the exception is raised; for an array
of points each element carries its status.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .result import KYTransform


class Status(enum.Enum):
    """What came of one transform; the value is a sentence that says it."""

    CONVERGED = "The limit exists and was reached."
    NO_LIMIT = "There is no limit: the two sides differ, or θ(h) oscillates as h → 0."
    DIVERGES = "There is no limit: θ(h) grows without bound as h → 0."
    NOT_UNIQUE = "Several parameters do equally well, so there is no single θ."
    NO_CONTACT = "No member of the family has the contact with f that the rule asks for."
    NOT_REACHED = "The tolerance was not reached; the best value found is kept in .best."
    NOT_FINITE = "f has no finite real value at x0 or beside it on a side asked for."
    BAD_FUNCTION = "f cannot be used as a real function of one real number."
    NOT_APPLICABLE = "This family, rule, method and function do not go together."

    def __repr__(self) -> str:
        return f"Status.{self.name}"


class KYError(ValueError):
    """Base of every failure that kymath names; a ``ValueError``.

    ``status`` is the :class:`Status` of the failure, None where it concerns no limit (text, data).

    >>> import kymath as ky
    >>> try:
    ...     ky.transform(abs, 0)
    ... except ky.KYError as error:
    ...     print(error.status)
    Status.NO_LIMIT
    """

    status: Status | None = None

    def __init__(self, message: str = "", **carried: Any) -> None:
        super().__init__(message or (self.status.value if self.status else ""))
        for name, value in carried.items():
            setattr(self, name, value)

    @property
    def message(self) -> str:
        return str(self)


class NoLimit(KYError):
    """The sides differ, or θ(h) oscillates.

    ``left`` and ``right`` are the one-sided results, or None where there is none.
    """

    status = Status.NO_LIMIT
    left: KYTransform | None = None
    right: KYTransform | None = None


class Diverges(NoLimit):
    """θ(h) is unbounded as h → 0 (the square root at 0 from the right)."""

    status = Status.DIVERGES


class NotUnique(KYError):
    """Several parameters do equally well (a locally constant f for the exponential family)."""

    status = Status.NOT_UNIQUE


class NoContact(KYError):
    """No member of the family has the contact asked for; the message names the degenerate limit."""

    status = Status.NO_CONTACT


class NotReached(KYError):
    """The tolerance was not reached, or a sign stayed undecided; ``best`` is the best result found, None if none."""

    status = Status.NOT_REACHED
    best: KYTransform | None = None


class NotFinite(KYError):
    """f is nan or infinite, or raises a domain error, at x0 or on a side asked for."""

    status = Status.NOT_FINITE


class BadFunction(KYError):
    """f raises (the exception is the cause), or returns no real number of the right shape."""

    status = Status.BAD_FUNCTION


class NotApplicable(KYError):
    """The rule, the method or an option does not fit the family or the function, or an extra is not installed."""

    status = Status.NOT_APPLICABLE


class BasePointMismatch(KYError):
    """The chain operator was given F at u0 and G at x0 with u0 ≠ g(x0)."""


class BadSamples(KYError):
    """The data cannot be transformed: order, lengths, too few points.

    >>> import kymath as ky
    >>> ky.samples([0, 1, 2], [5, 6], "linear")
    Traceback (most recent call last):
        ...
    kymath.errors.BadSamples: t has 3 points and y has 2: they must be of one length.
    """


class ShapeMismatch(KYError):
    """Arrays whose shapes do not go together.

    >>> from kymath.synthesis import cross_synthesis
    >>> cross_synthesis([[0.5, 0.5]], [[1.0]], 1.0)
    Traceback (most recent call last):
        ...
    kymath.errors.ShapeMismatch: Wj and Wk must be matrices of equal shape (…, x, y); (1, 2) and (1, 1) were given.
    """


class NotADistribution(KYError):
    """Weights or probabilities outside [0, 1], or that do not sum to 1 where they must.

    >>> from kymath.synthesis import cross_synthesis
    >>> cross_synthesis([[0.5, 1.5]], [[0.2, 0.8]], 1.0)
    Traceback (most recent call last):
        ...
    kymath.errors.NotADistribution: Wj must have all its entries in [0, 1]; 1.5 is one of them.
    """


class EmptyData(KYError):
    """Data, or a matrix, without a single entry.

    >>> from kymath.synthesis import weighted_log_likelihood
    >>> weighted_log_likelihood([], [])
    Traceback (most recent call last):
        ...
    kymath.errors.EmptyData: log_probs has the shape (0,) and holds nothing: give at least one entry.
    """


class ParseError(KYError):
    """Text that is not a formula of one variable; shows where, with a caret."""

    def __init__(self, message: str, *, text: str = "", position: int = 0) -> None:
        self.text = text
        self.position = position
        shown = "".join(c if c.isprintable() else "·" for c in text)
        start = max(0, position - 40)
        piece = shown[start : start + 76]
        dots = "…" if start else ""
        tail = "…" if start + 76 < len(shown) else ""
        caret = " " * (len(dots) + position - start) + "^"
        super().__init__(f"{message}\n  {dots}{piece}{tail}\n  {caret}" if text else message)
        self.reason = message


_BY_STATUS: dict[Status, type[KYError]] = {
    kind.status: kind
    for kind in (NoLimit, Diverges, NotUnique, NoContact, NotReached, NotFinite, BadFunction, NotApplicable)
    if kind.status is not None
}


def error_for(status: Status, message: str = "", **carried: Any) -> KYError:
    """The exception that belongs to a status."""
    return _BY_STATUS[status](message, **carried)


__all__ = [
    "BadFunction",
    "BadSamples",
    "BasePointMismatch",
    "Diverges",
    "EmptyData",
    "KYError",
    "NoContact",
    "NoLimit",
    "NotADistribution",
    "NotApplicable",
    "NotFinite",
    "NotReached",
    "NotUnique",
    "ParseError",
    "ShapeMismatch",
    "Status",
]
