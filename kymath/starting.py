"""Ctrl-C while the command line still imports: it ends, with the status of an interruption and without a traceback."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INTERRUPTED = 130


def _leave(signum: int, frame: Any) -> None:
    os._exit(INTERRUPTED)  # nothing is written yet, and an exception would be caught or told by what is being imported


def is_command(argv: list[str], orig_argv: list[str]) -> bool:
    """Whether the process is ``kymath …`` or ``python -m kymath …``; while -m looks for a module, argv begins with it.

    >>> is_command(["-m", "verify"], ["python", "-X", "dev", "-m", "kymath", "verify"])
    True
    >>> is_command(["mine.py"], ["python", "mine.py", "-m", "kymath"])
    False
    """
    if not argv:
        return False
    if argv[0] == "-m":
        return "-m" in orig_argv and orig_argv[orig_argv.index("-m") + 1 :][:1] == ["kymath"]
    return argv[0] in orig_argv and os.path.splitext(os.path.basename(argv[0]))[0] == "kymath"


def guard() -> None:
    """Begin, in a process that is the command line and nothing else. A shell that ignores Ctrl-C is obeyed."""
    if is_command(sys.argv, sys.orig_argv) and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


@contextmanager
def answered() -> Iterator[None]:
    """In between Ctrl-C is a ``KeyboardInterrupt``, as commands expect; where nothing is guarded, nothing changes."""
    if signal.getsignal(signal.SIGINT) is not _leave:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, _leave)
