"""Every public name stands in an example, and the examples import nothing that is not public.

An example is a ``python`` block of README.md or docs/, or the ``>>>`` lines of a docstring of kymath; all of them run.
What an example shows as raised counts as used in it. A command's is a line ``$ kymath …``, or stands in a sentence.
"""

from __future__ import annotations

import ast
import doctest
import re
from functools import cache
from pathlib import Path

import pytest
from test_docs import PAGES, ROOT
from test_docs import blocks as blocks_of
from test_public_names import KEPT, MODULES, sections

PACKAGE = ROOT / "kymath"

# Names that need no example, each with its reason. Few.
EXCUSED = {
    "app": "what `main` runs, for programs that have Typer and add it to theirs",
    "fitted": "the inner door of `samples`, which kymath.samples.lazy uses",
    "forward": "torch calls it: an example calls the module",
    "extra_repr": "torch's repr calls it",
    "init_L": "a buffer, known by the name that checkpoints of FIRE have for it",
    "check_cache": "KYAttention asks it of itself",
    "attend_last": "KYAttention's way for the newest token",
    "checked": "Taylor's second look, which it takes by itself",
    "between": "what the fits ask of a series; a user reads its span, spacing and channels",
    "gapless": "as `between`",
}


@cache
def written() -> str:
    """The code of all examples."""
    blocks = [code(block.text) for page in PAGES for block in blocks_of(page) if block.kind == "python"]
    return "\n".join([*blocks, *(code(text) for text in docstrings() if ">>>" in text)])


def docstrings() -> list[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    trees = [ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))]
    return [ast.get_docstring(node) or "" for tree in trees for node in ast.walk(tree) if isinstance(node, kinds)]


def code(text: str) -> str:
    """What is run of a block, and the exceptions that it shows."""
    if ">>>" not in text:
        return text
    out = []
    for one in doctest.DocTestParser().get_examples(text):
        out += [re.sub(r"\s# .*", "", one.source), re.sub(r"^", "# ", one.exc_msg or "", flags=re.MULTILINE)]
    return "\n".join(out)


def lines() -> list[tuple[str, str]]:
    """(name, how it is written) of every public name and member.

    A field that stands in its class's signature, and a member of an enumeration, are left to the example of the class.
    """
    found = []
    for path, section in sections(KEPT.read_text("utf-8")).items():
        owner = head = ""
        for line in section[1:] if path in MODULES else ():
            name = re.match(r" +(?:class )?\.?(\w+)", line)[1]
            if not line.startswith("    "):
                owner, head = name, line
                found.append((name, name))
            elif not (f"{name}: " in head or head.endswith(" of Enum")):
                found.append((name, f"{owner}.{name}"))
    return found


@cache
def words() -> set[str]:
    return set(re.findall(r"\w+", written()))


def test_every_public_name_stands_in_an_example() -> None:
    missing = [shown for name, shown in lines() if name not in words() and name not in EXCUSED]
    if missing:
        pytest.fail(f"no example uses {', '.join(missing)}. Write one where a reader would look.", pytrace=False)


def test_nothing_is_excused_that_has_an_example() -> None:
    for excused in EXCUSED:
        assert excused not in words(), f"{excused} has an example: take it out of EXCUSED"
        assert any(excused == name for name, _ in lines()), f"{excused} is no public name: take it out of EXCUSED"


def test_every_command_stands_in_an_example() -> None:
    shown = "\n".join(page.read_text("utf-8") for page in PAGES)
    commands = [name for name in sections(KEPT.read_text("utf-8")) if name.startswith("kymath ")]
    assert [command for command in commands if not re.search(rf"(^\$ |`){command}\b", shown, re.MULTILINE)] == []


@cache
def promised() -> set[str]:
    """Frozen modules, and what they name, by the whole path."""
    kept = {path: section for path, section in sections(KEPT.read_text("utf-8")).items() if path in MODULES}
    heads = {(path, re.match(r"  (?:class )?(\w+)", line)) for path, section in kept.items() for line in section}
    return {*MODULES, *(f"{path}.{head[1]}" for path, head in heads if head)}


def imported(text: str) -> set[str]:
    """What a piece of code imports of kymath, by the whole path."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return {path for path in found if path.split(".")[0] == "kymath"}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_pages_import_only_what_is_frozen(page: Path) -> None:
    found = {path for block in blocks_of(page) if block.kind == "python" for path in imported(code(block.text))}
    assert not found - promised(), "docs/releases.md does not promise this"
