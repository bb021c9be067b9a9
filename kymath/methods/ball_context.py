"""What goes on around an evaluation on balls: flint's settings, and which side answers an ``if``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flint import ctx

from .germs import Fault

_LOCK = threading.RLock()


@contextmanager
def working(bits: int, length: int) -> Iterator[None]:
    """Ball arithmetic at so many bits and with series of so many coefficients; flint's settings come back after it.

    python-flint has one context for the whole process, so kymath's evaluations take turns.

    >>> with working(200, 5):
    ...     (ctx.prec, ctx.cap)
    (200, 5)
    """
    with _LOCK:
        before = ctx.prec, ctx.cap
        try:
            ctx.prec, ctx.cap = bits, length
            yield
        finally:
            ctx.prec, ctx.cap = before


class Escape(TypeError):
    """The code asks for a plain number, or for something that balls cannot do."""


class Stop(Exception):
    """A decision hangs on a value that does not exist."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Run:
    """One pass through a callable: which of the three germs answers an ``if``, and what was answered."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.trace: list[bool] = []
        self.escape = ""


_RUN: ContextVar[Run | None] = ContextVar("_RUN", default=None)


def running() -> Run | None:
    """The pass under way."""
    return _RUN.get()


@contextmanager
def passing(side: int) -> Iterator[Run]:
    run = Run(side)
    token = _RUN.set(run)
    try:
        yield run
    finally:
        _RUN.reset(token)


def escape(reason: str) -> Escape:
    """The exception, remembered in case the code swallows it."""
    if (run := running()) is not None:
        run.escape = run.escape or reason
    return Escape(reason)
