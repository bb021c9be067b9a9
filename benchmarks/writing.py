"""Paragraphs, tables and numbers, as they stand on the pages; every benchmark writes with these."""

from __future__ import annotations

import platform
import textwrap
from importlib.metadata import PackageNotFoundError, version


def paragraph(*pieces):
    return [*textwrap.wrap(" ".join(pieces), 118, break_long_words=False, break_on_hyphens=False), ""]


def notes(**meanings):
    """What each column means, one line for each; a _ stands for a blank, two for a comma, us for µs."""
    lines = []
    for word, meaning in meanings.items():
        name = word.replace("__", ", ").replace("us_", "µs_")
        lines += textwrap.wrap(f"- **{name.replace('_', ' ')}**: {meaning}", 118, subsequent_indent="  ")
    return [*lines, ""]


def table(head, rows):
    def line(cells):
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    return [line(head), line("---" for _ in head), *map(line, rows), ""]


def grouped(number):
    return f"{number:,}".replace(",", "\u202f")


def versions(*packages):
    found = []
    for name in packages:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} not installed")
    return ", ".join([f"Python {platform.python_version()}", *found])
