"""Every code block of README.md and docs/ runs as printed and gives the printed output.

A page is one session: its ``python`` blocks run in order in one namespace, those with ``>>>`` as doctests, the others
as files would; in ``console`` blocks every ``$ kymath …`` line is run as a process and its output compared.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import kymath

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(?P<kind>\w+)[ ]*\n(?P<text>.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    kind: str
    text: str
    line: int  # where the text begins in the page, from 0


def blocks(page: Path, kind: str) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = [Block(m["kind"], m["text"], text.count("\n", 0, m.start("text"))) for m in FENCE.finditer(text)]
    return [block for block in found if block.kind == kind]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def sessions() -> list[Path]:
    return [page for page in PAGES if blocks(page, "python")]


@pytest.mark.parametrize("page", sessions(), ids=name)
def test_python_blocks(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # pages may write files
    if any("import torch" in block.text for block in blocks(page, "python")):
        pytest.importorskip("torch", reason="the page needs torch")
    namespace: dict[str, object] = {"__name__": "__main__"}
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    report: list[str] = []
    for block in blocks(page, "python"):
        if ">>>" in block.text:
            example = doctest.DocTestParser().get_doctest(block.text, {}, name(page), str(page), block.line)
            example.globs = namespace  # shared, not copied: a page is one session
            runner.run(example, out=report.append, clear_globs=False)
        else:
            code = compile("\n" * block.line + block.text, str(page), "exec", dont_inherit=True)
            exec(code, namespace)
    assert not runner.failures, "".join(report)


def commands() -> list[object]:
    out = []
    for page in PAGES:
        for block in blocks(page, "console"):
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                command, _, expected = part.partition("\n")
                if command.startswith("kymath "):
                    out.append(pytest.param(command, expected, id=f"{name(page)}: {command}"))
    return out


@pytest.mark.parametrize(("command", "expected"), commands())
def test_console_blocks(command: str, expected: str, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "kymath", *shlex.split(command)[1:]]
    environment = {**os.environ, "COLUMNS": "100", "MPLBACKEND": "Agg", "PYTHONUTF8": "1"}
    done = subprocess.run(
        words, cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )
    shown = done.stdout + done.stderr
    assert doctest.OutputChecker().check_output(expected, shown, OPTIONS), shown


def test_reference_names_everything_public() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    missing = [name for name in kymath.__all__ if f"kymath.{name}" not in reference]
    assert not missing
