"""Fixtures of several files."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from printed import ANSI, strict

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--hide-scrollbars", "--enable-logging=stderr", "--log-level=0", "--dump-dom")  # fmt: skip


@pytest.fixture(scope="session")
def browser():
    """browser(file, room, *flags) -> the document after loading; nothing may have been said on the console."""
    for name in filter(shutil.which, BROWSERS):  # what is there may be a word on how to install it
        if subprocess.run([name, "--version"], capture_output=True, timeout=120).returncode == 0:
            break
    else:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is there")

    def opened(file, room, *flags):
        done = subprocess.run(
            [name, *FLAGS, *flags, f"--user-data-dir={room / 'profile'}", file.as_uri()],
            capture_output=True, timeout=120, env={**os.environ, "HOME": str(room)},
        )  # fmt: skip
        said = done.stderr.decode(errors="replace")
        assert done.returncode == 0, said[-2000:]
        assert [line for line in said.splitlines() if "CONSOLE" in line] == []
        return done.stdout.decode()

    return opened


@pytest.fixture
def text(tmp_path):
    """Forty-four lines to train on, the last four of them for validation."""
    path = tmp_path / "text.txt"
    words = ("one", "two", "three", "four", "a longer one")
    path.write_text("\n\n".join(f"{words[k % 5]} {k} {words[k % 3]}" for k in range(44)), encoding="utf-8")
    return path


@pytest.fixture
def nothing_shown(monkeypatch):
    """Pictures are neither shown nor leave a setting changed."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("plt.show() was called"))
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before
    plt.close("all")


@pytest.fixture
def cli(capsys):
    """cli("transform", "x", "--at", "1") -> (status, stdout, stderr)."""
    from kymath.cli import main

    def run(*argv):
        status = main(list(argv))
        out, err = capsys.readouterr()
        assert ANSI not in out + err
        assert "Traceback" not in err
        return status, out, err

    return run


@pytest.fixture
def record(cli):
    """The JSON of a transform that must end with a status."""

    def run(*argv, command="transform", status=0):
        got, out, err = cli(command, *argv, "--json")
        assert got == status, err
        assert bool(err) == (status != 0)
        return strict(out)

    return run
