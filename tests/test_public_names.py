"""The public interface, frozen: every public name with its signature, every command with its options.

``tests/public_names.txt`` holds it as text. A change on purpose is accepted by writing it anew:

    python tests/test_public_names.py
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from enum import Enum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from kymath.cli import app

KEPT = Path(__file__).with_name("public_names.txt")
MODULES = (
    "kymath",
    "kymath.errors",
    "kymath.nabla",
    "kymath.families",
    "kymath.rules",
    "kymath.methods",
    "kymath.evidence",
    "kymath.function",
    "kymath.chain",
    "kymath.samples",
    "kymath.plot",
    "kymath.audit",
    "kymath.inspector",
    "kymath.nn",
    "kymath.synthesis",
    "kymath.training",
    "kymath.cli",
)
NEED_TORCH = ("kymath.nn", "kymath.synthesis", "kymath.training")
NAMES_ALONE = ("kymath.synthesis",)
ACCEPT = (
    "The public interface differs from tests/public_names.txt. If that is meant, accept it with "
    "`python tests/test_public_names.py`, give it a line in CHANGELOG.md, and where a name went or a call that "
    "worked no longer does, follow docs/releases.md."
)


@cache
def public() -> dict[str, str]:
    """Every public name, and the first module that has it."""
    loaded = [path for path in MODULES if path not in NEED_TORCH or find_spec("torch")]
    pairs = [(name, path) for path in loaded for name in names(importlib.import_module(path))]
    return dict(reversed(pairs))


def names(module: ModuleType) -> list[str]:
    return sorted(getattr(module, "__all__", None) or [name for name in dir(module) if name[0] != "_"])


def signature(thing: Any) -> str:
    """As written: annotations without quotes, defaults without addresses."""
    try:
        text = str(inspect.signature(thing))
    except (TypeError, ValueError):
        return ""
    text = re.sub(r"""(: |-> )(['"])((?:(?!\2)[^\\]|\\.)*)\2""", r"\1\3", text)
    text = re.sub(r"ForwardRef\('(.*?)'\)", r"\1", text)
    return re.sub(r"<\S+ object at 0x[0-9a-f]+>", "…", text)


def members(kind: type) -> Iterator[str]:
    """What a class itself offers, or a class above it that is not public: methods, properties, fields."""
    ours = [one for one in kind.__mro__ if one.__module__.split(".")[0] == "kymath"]
    ours = [kind, *(one for one in ours if one.__name__ not in public())]
    found = {name for one in ours for name in (*vars(one), *inspect.get_annotations(one)) if name[0] != "_"}
    for name in sorted(found):
        raw = inspect.getattr_static(kind, name, None)
        method = callable(raw) or isinstance(raw, (classmethod, staticmethod))
        yield f"    .{name}{signature(getattr(kind, name)) if method else ''}"


def described(name: str, thing: Any) -> Iterator[str]:
    if inspect.isclass(thing):
        bases = ", ".join(base.__name__ for base in thing.__bases__ if base is not object and base.__name__[0] != "_")
        plain = issubclass(thing, (BaseException, Enum))  # how those are called is Python's
        yield f"  class {name}{'' if plain else signature(thing)}{f' of {bases}' if bases else ''}"
        yield from () if issubclass(thing, BaseException) else members(thing)
    elif callable(thing):
        yield f"  {name}{signature(thing)}"
    else:
        yield f"  {name}"


def module_lines(path: str) -> list[str]:
    module = importlib.import_module(path)
    shown = [path]
    for name in names(module):
        if path in NAMES_ALONE:
            shown.append(f"  {name}")
            continue
        first, thing = public()[name], getattr(module, name)
        if first != path and getattr(importlib.import_module(first), name) is thing:
            shown.append(f"  {name}, see {first}")
        else:
            shown += described(name, thing)
    return shown


def command_lines() -> list[str]:
    """Every command with its arguments and options; a flag that takes no value stands alone."""

    def walk(command: Any, words: str) -> Iterator[str]:
        if hasattr(command, "commands"):
            for name in sorted(command.commands):
                yield from walk(command.commands[name], f"{words} {name}")
            return
        yield words
        for one in sorted(command.params, key=lambda parameter: parameter.opts[0]):
            if one.param_type_name == "argument":
                yield f"  {one.name.upper()}"
            else:
                yield f"  {', '.join(one.opts)}{'' if one.is_flag else ' …'}"

    return list(walk(typer.main.get_command(app), "kymath"))


def sections(text: str) -> dict[str, list[str]]:
    return {part.split("\n", 1)[0]: part.split("\n") for part in text.strip().split("\n\n")}


def compare(kept: list[str], now: list[str]) -> None:
    if kept != now:
        pytest.fail(
            "\n".join([ACCEPT, *difflib.unified_diff(kept, now, "kept", "now", lineterm="", n=1)]), pytrace=False
        )


@pytest.mark.parametrize("path", MODULES)
def test_public_names(path: str) -> None:
    if path in NEED_TORCH and not find_spec("torch"):
        pytest.skip("needs torch")
    compare(sections(KEPT.read_text(encoding="utf-8")).get(path, []), module_lines(path))


def test_commands_and_options() -> None:
    kept = sections(KEPT.read_text(encoding="utf-8"))
    now = sections(commands_text())
    compare(
        [line for name in kept if name not in MODULES for line in kept[name]], [x for one in now.values() for x in one]
    )


def commands_text() -> str:
    return re.sub(r"\n(?=kymath )", "\n\n", "\n".join(command_lines()))


def test_a_difference_says_how_to_accept_it() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"accept it with `python tests/test_public_names\.py`"):
        compare(["kymath", "  slope(f, x0)"], ["kymath"])


if __name__ == "__main__":
    parts = ["\n".join(module_lines(path)) for path in MODULES]
    KEPT.write_text("\n\n".join([*parts, commands_text()]) + "\n", encoding="utf-8")
    print(f"{KEPT} written", file=sys.stderr)
