"""The command line as a process: its streams, its time, and what ends it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from printed import ANSI, process, strict

from kymath.cli import main


def test_a_process_and_its_time():
    done, seconds = process("transform", "x**3", "--at", "1", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert strict(done.stdout)["theta"] == [3, 3, 1]
    assert seconds < 6  # it is 1 s


@pytest.mark.parametrize("argv", [["--help"], ["transform", "x**3", "--at", "1", "--json"]])
def test_nothing_heavy_is_imported(argv):
    code = (
        f"import sys; from kymath.cli import main; status = main({argv!r}); "
        "heavy = {'matplotlib', 'scipy.optimize', 'torch', 'pandas', 'xarray', 'dask'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_standard_input(cli, monkeypatch):
    for text, status in (("x**3\n", 0), ("x +\n 1\n", 0), ("", 2), ("x +", 2)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        assert cli("transform", "-", "--at", "1")[0] == status


def test_a_megabyte_of_digits():
    done, _ = process("transform", "-", "--at", "1", input="1" * 1_000_000)
    assert (done.returncode, done.stdout) == (2, "")
    assert "more than 10000 characters" in done.stderr
    assert len(done.stderr) < 500


def test_standard_input_that_is_no_text():
    done = subprocess.run(
        [sys.executable, "-m", "kymath", "transform", "-", "--at", "1"],
        input=b"\xff\xfe\x00x",
        capture_output=True,
        timeout=60,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_a_pipe_has_no_colours():
    done, _ = process("transform", "abs(x)", "--at", "0", env={"TERM": "xterm-256color"})
    assert done.returncode == 1
    assert ANSI not in done.stdout + done.stderr


def test_any_encoding():
    done, _ = process("transform", "x**3", "--at", "1", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "a2" in done.stdout
    done, _ = process("transform", "abs(x)", "--at", "0", "--json", env={"PYTHONIOENCODING": "ascii"})
    assert "f′(x0)" in strict(done.stdout)["message"]


def test_a_closed_pipe_is_quiet():
    command = [sys.executable, "-m", "kymath", "transform", "x**3", "--at", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(timeout=60) == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_a_sentence():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "kymath", "transform", "x**3", "--at", "1"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "kymath: output: No space left on device\n"


def test_interrupted(cli, monkeypatch):
    class Waits:
        def read(self, count):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(sys, "stdin", Waits())
    assert cli("transform", "-", "--at", "1") == (130, "", "")


def test_an_unexpected_error_is_one_line(cli, capsys, monkeypatch):
    def broken(*args, **options):
        raise ZeroDivisionError("over\nthere")

    import importlib

    monkeypatch.setattr(importlib.import_module("kymath.transform"), "transform", broken)
    status, out, err = cli("transform", "x", "--at", "1")
    assert (status, out) == (1, "")
    assert err.startswith("kymath: internal error: ZeroDivisionError: over there; please report it")
    assert len(err.splitlines()) == 1
    monkeypatch.setenv("KYMATH_DEBUG", "1")
    assert main(["transform", "x", "--at", "1"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_spinner(monkeypatch):
    from kymath.cli import output

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(output, "_PATIENCE", 0.05)
    for wait, shown in ((0.0, False), (0.4, True)):
        monkeypatch.setattr(sys, "stderr", Terminal())
        monkeypatch.setenv("TERM", "xterm-256color")
        with output.waiting("thinking"):
            time.sleep(wait)
        assert ("thinking" in sys.stderr.getvalue()) is shown
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with output.waiting("thinking"):
        time.sleep(0.2)
    assert sys.stderr.getvalue() == ""


@pytest.mark.skipif(os.name == "nt", reason="a shell's word")
@pytest.mark.parametrize("words", ["transform x --at 1", "transform x --at 1 --json", "--version"])
def test_an_answer_that_nobody_can_read_is_no_success(words):
    command = f'"{sys.executable}" -m kymath {words} >&-'
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "kymath: output: standard output is closed\n")
