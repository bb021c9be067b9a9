"""CONTRIBUTING.md's recipes, followed in a copy of the package: the file written, the line registered, checked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import kymath

TEXT = Path(__file__).parents[1].joinpath("CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", TEXT, re.MULTILINE | re.DOTALL))
STEP = re.compile(r"(?:^`(?P<path>[\w/.]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
CHECK = "import doctest, sys; sys.exit(doctest.testfile(sys.argv[1], module_relative=False).failed)"


def applied(text: str, diff: str) -> str:
    """The text with every hunk of a diff carried out; each must fit at one place."""
    for hunk in re.split(r"^@@.*\n", diff, flags=re.MULTILINE):
        lines = hunk.splitlines(keepends=True)
        before, after = ("".join(line[1:] for line in lines if line[0] != sign) for sign in "+-")
        assert text.count(before) == 1, f"{before!r} must be there once"
        text = text.replace(before, after)
    return text


def test_there_are_five() -> None:
    assert list(RECIPES) == ["A family", "A rule", "A method", "A claim", "A layout for the inspector"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_works_as_written(recipe: str, tmp_path: Path) -> None:
    shutil.copytree(Path(kymath.__file__).parent, tmp_path / "kymath", ignore=shutil.ignore_patterns("__pycache__"))
    steps = [step.groupdict() for step in STEP.finditer(RECIPES[recipe])]
    assert [step["kind"] for step in steps] == ["python", "diff", "python"]
    written, registered, check = steps
    (tmp_path / written["path"]).write_text(written["body"], encoding="utf-8")
    there = tmp_path / registered["path"]
    there.write_text(applied(there.read_text(encoding="utf-8"), registered["body"]), encoding="utf-8")
    (tmp_path / "check.txt").write_text(check["body"], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", CHECK, "check.txt"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONUTF8": "1"},
        capture_output=True, text=True, encoding="utf-8", timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_formatted_and_typed_as_the_rest(recipe: str) -> None:
    """Line length, and every function annotated: what `make check` would ask of the file."""
    body = next(step["body"] for step in STEP.finditer(RECIPES[recipe]))
    assert max(map(len, body.splitlines())) <= 120
    assert all("->" in head for head in re.findall(r"^ *def .*?:$", body, re.MULTILINE | re.DOTALL))
