"""The package's types as a project outside sees them: what each call gives, and that misuse is an error."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import kymath

PROJECT = Path(__file__).parent / "typed_project"


@pytest.mark.parametrize(
    "file",
    [
        "transforms.py",
        pytest.param(
            "attention.py", marks=[pytest.mark.slow, pytest.mark.skipif(not find_spec("torch"), reason="needs torch")]
        ),
    ],
)
def test_a_project_that_uses_kymath(file, tmp_path):
    """No configuration of ours counts here, only the annotations and ``py.typed``."""
    pytest.importorskip("mypy")
    home = Path(kymath.__file__).parents[1]
    words = ["--strict", "--config-file=", "--no-color-output", "--no-error-summary", f"--cache-dir={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *words, file],
        cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(home)}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
