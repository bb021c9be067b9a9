"""Every code block of README.md and docs/ runs as printed and gives the printed output.

A page is one session in one folder: its blocks run in order, the ``python`` blocks in one namespace, those with ``>>>``
as doctests, the others as files would; in ``console`` blocks every ``$ kymath …`` and ``$ python …`` line is run as a
process and its output compared.
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
PROGRAMS = {"kymath": ["-m", "kymath"], "python": []}
NEEDS = {
    "import torch": ["torch"],
    "from kymath.training": ["torch", "accelerate", "safetensors", "tokenizers"],
    "kymath synthesis train": ["torch", "safetensors"],
    "kymath train": ["torch", "accelerate", "safetensors"],
}
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    kind: str
    text: str
    line: int  # where the text begins in the page, from 0


def blocks(page: Path) -> list[Block]:
    """Those that run, in their order."""
    text = page.read_text(encoding="utf-8")
    found = [Block(m["kind"], m["text"], text.count("\n", 0, m.start("text"))) for m in FENCE.finditer(text)]
    return [block for block in found if block.kind in ("python", "console")]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def sessions() -> list[Path]:
    return [page for page in PAGES if blocks(page)]


@pytest.mark.parametrize("page", sessions(), ids=name)
def test_blocks(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # pages may write files, and read them again further down
    for sign, modules in NEEDS.items():
        if any(sign in block.text for block in blocks(page)):
            for module in modules:
                pytest.importorskip(module, reason=f"the page needs {module}")
    namespace: dict[str, object] = {"__name__": "__main__"}
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    report: list[str] = []
    for block in blocks(page):
        if block.kind == "console":
            report += run_commands(block)
        elif ">>>" in block.text:
            example = doctest.DocTestParser().get_doctest(block.text, {}, name(page), str(page), block.line)
            example.globs = namespace  # shared, not copied: a page is one session
            runner.run(example, out=report.append, clear_globs=False)
        else:
            code = compile("\n" * block.line + block.text, str(page), "exec", dont_inherit=True)
            exec(code, namespace)
    assert not report, "\n".join(report)


def run_commands(block: Block) -> list[str]:
    """Each ``$ kymath …`` and ``$ python …`` as a process of its own; what differed."""
    environment = {**os.environ, "COLUMNS": "100", "MPLBACKEND": "Agg", "PYTHONUTF8": "1"}
    out = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        program, *words = shlex.split(command)
        if program not in PROGRAMS:
            continue
        done = subprocess.run(
            [sys.executable, *PROGRAMS[program], *words],
            env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
        )  # fmt: skip
        shown = done.stdout + done.stderr
        if not doctest.OutputChecker().check_output(expected, shown, OPTIONS):
            out.append(f"$ {command}\n{shown}")
    return out


def test_reference_names_everything_public() -> None:
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    missing = [name for name in kymath.__all__ if f"kymath.{name}" not in reference]
    assert not missing
