"""Run something for at most so many seconds, and stop it for real when they are over."""

from __future__ import annotations

import contextvars
import ctypes
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import mpmath

V = TypeVar("V")
_DEADLINE: contextvars.ContextVar[float] = contextvars.ContextVar("kymath_deadline", default=math.inf)


class TimedOut(BaseException):
    """Raised inside the work when its time is over; a BaseException, so that no ``except Exception`` keeps it."""


class OutOfTime(Exception):
    """The work did not finish in time."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """One budget for all the bounded work inside, whatever time each of it is allowed.

    >>> with within(0.0):
    ...     try:
    ...         bounded(lambda: 6 * 7, 1.0)
    ...     except OutOfTime:
    ...         print("none left")
    none left
    """
    token = _DEADLINE.set(min(_DEADLINE.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _DEADLINE.reset(token)


def time_left() -> float:
    """Seconds left of the budget that this is inside of; ∞ outside of any."""
    return _DEADLINE.get() - time.monotonic()


def bounded(work: Callable[[], V], seconds: float, *, grace: float = 5.0) -> V:
    """work() in a thread of its own, interrupted after ``seconds``.

    The interruption is an exception raised in the thread, so pure-Python work (all of SymPy) ends there and then, on
    every platform and from any thread. Inside of :func:`within`, what is left of that budget is the most. Raises
    ``OutOfTime``, or what ``work`` raised.

    >>> bounded(lambda: 6 * 7, 1.0)
    42
    """
    seconds = min(seconds, time_left())
    if seconds <= 0:
        raise OutOfTime
    box: dict[str, Any] = {}
    context = contextvars.copy_context()
    precision = mpmath.mp.prec
    lock = threading.Lock()

    def run() -> None:
        try:
            box["value"] = context.run(work)
        except TimedOut:
            pass
        except BaseException as error:  # handed to the caller below
            box["error"] = error
        while "done" not in box:  # from here on nobody interrupts
            try:
                with lock:
                    box["done"] = True
                for _ in range(10):  # an interruption on its way arrives here
                    pass
            except TimedOut:
                continue

    thread = threading.Thread(target=run, name="kymath-bounded", daemon=True)
    thread.start()
    try:
        thread.join(seconds)
    finally:
        if thread.is_alive():
            _stop(thread, lock, box, grace)
            mpmath.mp.prec = precision
    if "error" in box:
        raise box["error"]
    if "value" not in box:
        raise OutOfTime
    return box["value"]


def _stop(thread: threading.Thread, lock: threading.Lock, box: dict[str, Any], grace: float) -> None:
    end = time.monotonic() + grace
    while thread.is_alive() and time.monotonic() < end:
        with lock:
            if "done" not in box and thread.ident is not None:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(TimedOut))
        thread.join(0.05)
