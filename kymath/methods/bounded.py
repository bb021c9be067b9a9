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
        # An interruption arrives after a call or at a jump backwards: never between a result and the word "done",
        # behind which no other one is sent. One may be on its way then, and one more about to be: both end here.
        try:
            box["begun"] = True
            box["value"] = context.run(work)
            box["done"] = True
        except TimedOut:
            box["done"] = True
        except BaseException as error:  # handed to the caller below
            box["error"] = error
            box["done"] = True
        try:
            _let_arrive(lock)
        except TimedOut:
            try:  # noqa: SIM105 (no call that could be interrupted)
                _let_arrive(lock)
            except TimedOut:
                pass

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
    """Interrupt until it ends; what keeps the interruptions to itself for too long is left to a thread that goes on."""
    end = time.monotonic() + grace
    while thread.is_alive() and time.monotonic() < end:
        _interrupt(thread, lock, box)
        thread.join(0.05)
    if thread.is_alive():
        threading.Thread(target=_stop, args=(thread, lock, box, math.inf), name="kymath-stop", daemon=True).start()


def _interrupt(thread: threading.Thread, lock: threading.Lock, box: dict[str, Any]) -> None:
    with lock:
        if "begun" in box and "done" not in box and thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(TimedOut))


def _let_arrive(lock: threading.Lock) -> None:
    """Wait for who is about to interrupt, and for the interruption."""
    with lock:
        pass
    for _ in range(10):
        pass
