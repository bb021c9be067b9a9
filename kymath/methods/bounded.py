"""Run something for at most so many seconds, and stop it for real when they are over."""

from __future__ import annotations

import contextvars
import ctypes
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import mpmath

V = TypeVar("V")
_DEADLINE: contextvars.ContextVar[float] = contextvars.ContextVar("kymath_deadline", default=math.inf)
_LOCK: contextvars.ContextVar[threading.Lock | None] = contextvars.ContextVar("kymath_lock", default=None)


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


def bounded(work: Callable[[], V], seconds: float, *, busy: float = math.inf, grace: float = 5.0) -> V:
    """work() in a thread of its own, interrupted after ``seconds``, or ``busy`` seconds of the processor on it.

    The second does not depend on what else the machine does. Where threads have no clock, it counts as the first.

    The interruption is an exception raised in the thread, so pure-Python work (all of SymPy) ends there and then, on
    every platform and from any thread; what keeps it to itself is interrupted again. Inside of :func:`within`, or of
    other bounded work, what is left of that budget is the most. Raises ``OutOfTime``, or what ``work`` raised.

    >>> bounded(lambda: 6 * 7, 1.0)
    42
    """
    seconds = min(seconds, time_left())
    if seconds <= 0:
        raise OutOfTime
    box: dict[str, Any] = {}
    context = contextvars.copy_context()
    context.run(_DEADLINE.set, time.monotonic() + seconds)
    precision = mpmath.mp.prec
    lock, over = threading.Lock(), threading.Event()
    context.run(_LOCK.set, lock)

    def run() -> None:
        # An interruption arrives after a call or at a jump backwards: never between a result and the word "done",
        # behind which no other one is sent. One may be on its way then, and one more about to be: both end here.
        try:
            box["clock"] = _clock_of_this_thread()
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
        over.set()

    worker = threading.Thread(target=run, name="kymath-bounded", daemon=True)
    watch = threading.Thread(
        target=_watch, args=(worker, over, seconds, busy, lock, box), name="kymath-watch", daemon=True
    )
    try:
        with _LOCK.get() or nullcontext():  # an interruption sent now would reach the thread that is starting
            watch.start()
        over.wait(seconds)
    finally:
        late = "done" not in box
        over.set()
        if watch.is_alive():
            watch.join(grace)
        if late:
            mpmath.mp.prec = precision
    if "error" in box:
        raise box["error"]
    if "value" not in box:
        raise OutOfTime
    return box["value"]


def _watch(
    worker: threading.Thread,
    over: threading.Event,
    seconds: float,
    busy: float,
    lock: threading.Lock,
    box: dict[str, Any],
) -> None:
    """Start the work, wait until it is over or should be, and interrupt what does not end.

    In a thread of its own, which nobody interrupts: who waits for the work may be bounded too.
    """
    worker.start()
    end = time.monotonic() + seconds
    while (wait := min(end - time.monotonic(), busy - _used(box))) > 0 and not over.wait(max(wait, 0.001)):
        pass  # the clock of a thread runs no faster than the wall's: none of it is over any sooner
    while worker.is_alive():
        with lock:
            if "begun" in box and "done" not in box and worker.ident is not None:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident), ctypes.py_object(TimedOut))
        worker.join(0.05)


def _clock_of_this_thread() -> Callable[[], float]:
    """Seconds of the processor on this thread, to be read from another; of the wall where there is no such clock."""
    if not hasattr(time, "pthread_getcpuclockid"):
        begun = time.monotonic()
        return lambda: time.monotonic() - begun
    clock = time.pthread_getcpuclockid(threading.get_ident())
    return lambda: time.clock_gettime(clock)


def _used(box: dict[str, Any]) -> float:
    try:
        return box["clock"]() if "clock" in box else 0.0
    except OSError:  # the thread has ended, and its clock with it
        return 0.0


def _let_arrive(lock: threading.Lock) -> None:
    """Wait for who is about to interrupt, and for the interruption: a thread that had to wait for its turn looks."""
    with lock:
        pass
    for _ in range(10):
        time.sleep(0)
