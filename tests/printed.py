"""What commands print, read back."""

from __future__ import annotations

import json


def strict(text):
    """JSON as the standard has it: without NaN and Infinity."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)
