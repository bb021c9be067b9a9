"""What happens before a command runs: little is imported, and Ctrl-C ends it without a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from kymath.starting import answered, guard, is_command

IMPORT_TIME = (sys.executable, "-X", "importtime")
SCRIPT = (
    "-c",
    "import sys; sys.argv[0] = sys.orig_argv[-1]; from kymath.cli import main; sys.exit(main(['--version']))",
)


def interrupted_after(module: str, *words: str) -> tuple[int, str]:
    """The status of a process that gets SIGINT once it has imported a module, and what it said beside its imports."""
    with subprocess.Popen([*IMPORT_TIME, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        assert run.stdout is not None
        for line in run.stderr:
            if line.startswith("import time:") and line.split("|")[-1].strip() == module:
                run.send_signal(signal.SIGINT)
                break
        said = [line for line in run.stderr if not line.startswith("import time:")]
        return run.wait(timeout=60), run.stdout.read() + "".join(said)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("module", ["kymath._version", "numpy", "sympy.core.expr", "sympy", "kymath.families", "typer"])
def test_ctrl_c_while_importing(module):
    words = ("-m", "kymath", "transform", "x**3", "--at", "1")
    assert interrupted_after(module, *words) == (130, "")


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_in_the_installed_command():
    assert interrupted_after("sympy.core.expr", *SCRIPT, "/somewhere/bin/kymath") == (130, "")


@pytest.mark.parametrize(
    ("argv", "orig_argv", "yes"),
    [
        (["-m"], ["python", "-m", "kymath"], True),
        (["/bin/kymath", "verify"], ["python", "/bin/kymath", "verify"], True),
        (["-m"], ["python", "-m", "pytest", "-m", "kymath"], False),
        (["-m"], ["python", "-m"], False),
        (["-c"], ["python", "-c", "import kymath"], False),
        ([""], ["python"], False),
        ([], [], False),
        (["/bin/kymath"], ["python", "-c", "from multiprocessing.spawn import spawn_main"], False),
    ],
)
def test_which_process_is_the_command_line(argv, orig_argv, yes):
    assert is_command(argv, orig_argv) is yes


def test_ctrl_c_elsewhere_is_as_python_has_it():
    before = signal.getsignal(signal.SIGINT)
    guard()
    with answered():
        assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_command_line_answers_ctrl_c_only_in_between(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/bin/kymath"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "/bin/kymath"])
    before = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        guard()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # nohup and jobs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
        guard()
        guarding = signal.getsignal(signal.SIGINT)
        assert guarding is not signal.default_int_handler
        with answered():
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.getsignal(signal.SIGINT) is guarding
    finally:
        signal.signal(signal.SIGINT, before)


HEAVY = ("scipy", "matplotlib", "pandas", "xarray", "dask", "pyarrow", "torch", "typer", "rich", "pydantic")


def test_importing_kymath_imports_little():
    code = f"import kymath, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")
