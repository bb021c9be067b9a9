"""Commands as processes, and what they print, read back."""

from __future__ import annotations

import json
import os
import subprocess
import sys

ANSI = "\x1b["


def strict(text):
    """JSON as the standard has it: without NaN and Infinity."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def process(*argv, cwd=None, env=None, **options):
    """``python -m kymath`` and the seconds of processor it took, which are the same beside other work."""
    begin = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "kymath", *argv],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "", **(env or {})},
        **options,
    )
    end = os.times()
    return done, end.children_user + end.children_system - begin.children_user - begin.children_system
