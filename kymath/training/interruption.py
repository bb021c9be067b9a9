"""Ctrl-C and SIGTERM as a wish to stop, heard after the step that is being done."""

from __future__ import annotations

import math
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ECHO = 1.0  # seconds: a terminal and a launcher both pass on one Ctrl-C


class Interruption:
    """While it is entered, the first signal sets ``asked``; one more than ``ECHO`` later interrupts at once."""

    def __init__(self) -> None:
        self._since = math.inf
        self._before: dict[signal.Signals, Any] = {}

    @property
    def asked(self) -> bool:
        return self._since < math.inf

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():  # elsewhere Python allows no handlers
            self._before = {number: signal.signal(number, self._heard) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now > self._since + ECHO:
            raise KeyboardInterrupt
        self._since = min(self._since, now)
