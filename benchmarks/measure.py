"""One question put to one method: what it answered, from how many evaluations, in what time."""

from __future__ import annotations

import signal
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from modules import Lacking

LONGEST = 30.0  # seconds that one answer may take
ROUNDING = 1.2e-16  # of a value, half the spacing of the doubles beside it: no error needs to cover less
BROKEN: list[str] = []  # exceptions of kymath that are none of its own


class Counted:
    """f with the number of points at which it was asked; a power series or a ball counts as one."""

    def __init__(self, f, form=None):
        self.f, self.form, self.points = f, form, 0

    def __call__(self, t):
        self.points += t.size if isinstance(t, np.ndarray) else 1
        return self.f(t)


class Opaque:
    """f known by its values only: real or complex numbers in, nothing else, so that its code cannot be followed."""

    def __init__(self, f):
        self.f = f

    def __call__(self, t):
        if type(t) is not np.ndarray and not isinstance(t, (float, complex, int, np.number)):
            raise TypeError("numbers only")
        return self.f(t)


@dataclass
class Outcome:
    """value and error, or why there is none; an error of None was never offered."""

    value: float | None
    error: float | None = None
    points: int = 0
    seconds: float = 0.0
    why: str = ""

    @property
    def refused(self) -> bool:
        return self.value is None

    def off(self, truth: float) -> float:
        return abs(self.value - truth)

    def covers(self, truth: float) -> bool:
        return self.error is not None and self.off(truth) <= self.error + ROUNDING * abs(truth)

    def digits(self, truth: float) -> float:
        """Correct digits, from 0 to 16; 0 where there is no answer."""
        if self.refused:
            return 0.0
        return float(np.clip(-np.log10(max(self.off(truth) / abs(truth), 1e-17)), 0, 16))


@contextmanager
def quiet():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def limited(seconds):
    """A TimeoutError after so many seconds, where the system can do that."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_):
        raise TimeoutError(f"no answer in {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def ask(method: Any, case: Any, n: int, repeat: int = 1) -> Outcome | None:
    """The method's n-th Taylor coefficient of the case at its x0; None where it was not asked.

    A quick call is timed ``repeat`` times, and the shortest time counts.
    """
    if n > method.highest:
        return None
    try:
        code = method.code(case)
    except Lacking:
        return None
    outcome = _once(method, code, case, n)
    for _ in range(repeat - 1):
        if outcome is None or outcome.refused or outcome.seconds > 0.02:
            break
        outcome.seconds = min(outcome.seconds, _once(method, code, case, n).seconds)
    return outcome


def _once(method: Any, code: Any, case: Any, n: int) -> Outcome | None:
    f = Counted(code, case.form)
    begin = time.perf_counter()
    try:
        with quiet(), limited(LONGEST):
            take = method.prepared(f, n)
            begin = time.perf_counter()
            value, error = take(case.x0)
        seconds = time.perf_counter() - begin
        value, error = float(value), None if error is None else float(error)
    except Lacking:
        return None
    except Exception as failure:  # a refusal, or a peer's way of failing
        name = type(failure).__name__
        if method.ours and not method.own(failure):
            BROKEN.append(f"{method.plain} on {case.name}, n = {n}: {name}: {str(failure)[:120]}")
        return Outcome(None, None, f.points, time.perf_counter() - begin, name)
    if not np.isfinite(value):
        return Outcome(None, None, f.points, seconds, "nan")
    return Outcome(value, np.inf if error is not None and np.isnan(error) else error, f.points, seconds)
