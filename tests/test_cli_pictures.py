"""The pictures that commands draw, and the examples that their help ends with."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest
from printed import strict

COMMANDS = ("transform", "convergence", "compare")
BEGINNINGS = {"png": b"\x89PNG\r\n", "pdf": b"%PDF-", "svg": b"<?xml"}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", BEGINNINGS)
def test_pictures(cli, tmp_path, command, kind):
    file = tmp_path / f"curve.{kind.upper() if kind == 'png' else kind}"
    file.write_text("what was there before")
    status, out, err = cli(command, "sin(x)", "--at", "1", "--plot", str(file))
    assert (status, err) == (0, "")
    assert f"Drawn: {file}" in out
    assert file.read_bytes().startswith(BEGINNINGS[kind])
    assert list(tmp_path.iterdir()) == [file]


def test_a_picture_beside_json(record, tmp_path):
    file = tmp_path / "curve.svg"
    assert record("sin(x)", "--at", "1", "--method", "adaptive", "--plot", str(file))["success"]
    assert file.stat().st_size > 1000
    assert file.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("command", COMMANDS)
def test_pictures_that_cannot_be_drawn(cli, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    wrong = {"a.gif": ".gif", "a": "none", "nowhere/a.png": "does not exist", "folder.png": "folder", "a.": "none"}
    for name, says in wrong.items():
        status, out, err = cli(command, "never read ((", "--at", "1", "--plot", name)
        assert (status, out) == (2, "")
        assert says in err
    assert cli(command, "sqrt(x)", "--at", "0", "--plot", "a.png")[0] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["folder.png"]


def test_a_picture_that_fails_leaves_nothing(tmp_path):
    from kymath.cli.drawing import draw

    file = tmp_path / "a.png"
    file.write_text("before")

    def paint(axes):
        axes.set_title("$\\nonsense{$")

    with pytest.raises(ValueError, match="nonsense"):
        draw(file, paint)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_of_the_help_work_as_printed(cli, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    status, out, _ = cli(command, "--help")
    assert status == 0
    examples = [line for line in out.splitlines() if line.startswith("kymath ")]
    assert len(examples) >= 4
    for line in examples:
        status, out, err = cli(*shlex.split(line)[1:])
        assert (status, err) == (0, ""), line
        assert out


def test_an_example_in_a_shell(cli, tmp_path):
    shim = tmp_path / "kymath"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kymath "$@"\n')
    shim.chmod(0o755)
    line = next(line for line in cli("transform", "--help")[1].splitlines() if "--json" in line and "kymath " in line)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        line, shell=True, capture_output=True, text=True, timeout=60, env={**os.environ, "PATH": path}
    )
    assert done.returncode == 0, done.stderr
    assert strict(done.stdout)["success"]
