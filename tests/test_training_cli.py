"""``kymath train``: its words, what it prints, its exit statuses, and an interruption from outside."""

import contextlib
import importlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time

import pytest

torch = pytest.importorskip("torch", reason="kymath train needs torch")
pytest.importorskip("accelerate", reason="kymath train needs accelerate")
pytest.importorskip("tokenizers", reason="kymath train needs tokenizers")

from kymath import training  # noqa: E402
from kymath.cli import main  # noqa: E402
from kymath.nn.config import ATTENTION  # noqa: E402
from kymath.training.settings import TOKENIZERS  # noqa: E402

command = importlib.import_module("kymath.cli.train")  # the package has the function by that name

FAST = ["--tokenizer", "byte", "--max-len", "20", "--window", "3", "--max-steps", "4", "--batch", "2"]


@pytest.fixture(autouse=True)
def small_models(monkeypatch):
    """The preset of these tests, and one thread for it."""
    shape = {"d_model": 8, "num_layers": 1, "num_heads": 2}
    monkeypatch.setitem(training.PRESETS, "tiny", {**training.PRESETS["tiny"], **shape})
    monkeypatch.delenv("KYMATH_DATA", raising=False)
    used = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(used)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(f"line {k} of the text\n" for k in range(20)), encoding="utf-8")
    return path


@pytest.fixture
def cli(capsys):
    """cli("--data", "text") -> (status, stdout, stderr)."""

    def run(*argv):
        status = main(["train", *map(str, argv)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert "\x1b[" not in out + err
        return status, out, err

    return run


def test_the_words_are_those_of_the_library():
    assert command.ATTENTION == ATTENTION
    assert tuple(training.PRESETS) == ("tiny", "table1") == command._PRESETS
    assert command._TOKENIZERS == TOKENIZERS


def test_a_run_for_people(cli, text, tmp_path):
    out = tmp_path / "out"
    status, said, err = cli("--data", text, "--out", out, *FAST)
    assert (status, err) == (0, "")
    record = json.loads((out / "summary.json").read_text())
    assert f"validation loss {record['loss']:.4f}" in said
    assert f"{record['parameters']:,} parameters" in said
    assert "18 lines to train on, 2 to validate" in said
    assert str(out) in said


def test_a_run_for_programs(cli, text, tmp_path):
    status, said, err = cli("--data", text, "--out", tmp_path / "out", "--json", "--seed", 3, "--lr", 0.01, *FAST)
    assert (status, err) == (0, "")
    assert json.loads(said) == json.loads((tmp_path / "out" / "summary.json").read_text())
    settings = training.saved_settings(tmp_path / "out")
    assert (settings.seed, settings.lr, settings.max_len, settings.window, settings.batch) == (3, 0.01, 20, 3, 2)


def test_an_option_for_every_number(cli, text, tmp_path):
    words = ["--width", 16, "--heads", 4, "--layers", 2, "--weight-decay", 0, "--clip", 0.5, "--half", "--max-steps", 1]
    more = ["--tokenizer", "bpe", "--vocab-size", 300, "--max-len", 20]
    assert cli("--data", text, "--out", tmp_path / "out", *words, *more)[0] == 0
    s = training.saved_settings(tmp_path / "out")
    assert (s.d_model, s.num_heads, s.num_layers, s.vocab_size, s.weight_decay, s.clip, s.half) == (
        16, 4, 2, 300, 0.0, 0.5, True,
    )  # fmt: skip
    for words, says in (
        (["--width", "8"], "--width 8 was given, and the run in"),
        (["--no-half"], "--no-half was given"),
        (["--symmetric"], "was begun without --symmetric: leave it out to resume"),
    ):
        status, _, err = cli("--resume", "--out", tmp_path / "out", *words)
        assert status == 2
        assert says in err


def test_where_and_how_far_without_a_terminal(cli, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["--data", text, *FAST[:-4], "--batch", 2, "--max-steps", 30, "--epochs", 9]
    _, said, err = cli(*words, "--max-len", 18)
    lines = said.splitlines()
    assert lines[0] == "condor-tiny-ky-0: a new run, written to this folder."
    assert "of the tokens lie beyond the 18th of their line" in said
    steps = [line for line in lines if line.startswith("step ")]
    assert [line.split(",")[0] for line in steps] == [f"step {k} of 30" for k in range(3, 31, 3)]
    assert err == ""
    assert "peak memory, MiB" in said
    _, said, _ = cli("--resume")
    assert said.splitlines()[0] == "condor-tiny-ky-0: this run is finished; all of its 30 steps were done."
    _, said, err = cli(*words, "--max-len", 9, "--out", "short")
    assert "of the tokens lie beyond the 9th of their line" in err
    assert "left out" not in said


def test_what_is_written_is_listed(cli, text, tmp_path):
    _, said, _ = cli("--data", text, "--out", tmp_path / "o", *FAST)
    written = " ".join(said.split()).split("Written in ")[1].partition(": ")[2].split(", ")
    assert sorted(written) == sorted(one.name for one in (tmp_path / "o").iterdir())


def test_without_data_the_fetch_is_told_first(cli, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    status, said, err = cli("--out", tmp_path / "o", *FAST)
    assert status == 2
    assert said.startswith("no --data: fetching WikiText-2")
    assert err.endswith("or your own text: --data FILE.txt.\n")


def test_resuming_by_the_command(cli, text, tmp_path, monkeypatch):
    out = tmp_path / "with blanks"
    whole = cli("--data", text, "--out", tmp_path / "whole", "--json", *FAST)[1]
    stopped = []

    def stops(self, record):
        if record["step"] == 2 and not stopped:
            stopped.append(os.kill(os.getpid(), signal.SIGTERM))

    write = training.loop.Journal.write
    monkeypatch.setattr(training.loop.Journal, "write", lambda self, record: (write(self, record), stops(self, record)))
    status, _, err = cli("--data", text, "--out", out, *FAST)
    assert status == 130
    assert "interrupted at step 3 of 4" in err
    again = shlex.split(err.split("go on with: ")[1])
    assert again == ["kymath", "train", "--resume", "--out", str(out)]
    for words, says in (
        (["--lr", "0.5"], "--lr 0.5 was given, and the run in"),
        (["--symmetric"], "--symmetric"),
        (["--preset", "table1"], "--preset table1 was given"),
    ):
        status, _, err = cli(*again[2:], *words)
        assert status == 2
        assert says in err
    status, said, _ = cli(*again[2:], *FAST, "--json")
    assert status == 0
    assert json.loads(said)["loss"] == json.loads(whole)["loss"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--preset", "huge"], "--preset takes one of tiny, table1; 'huge' was given"),
        (["--attention", "standart"], "Did you mean standard?"),
        (["--tokenizer", "words"], "--tokenizer takes one of gpt2, bpe, byte"),
        (["--edge", "zeros"], "--edge takes one of mask, reference"),
        (["--epochs", "0"], "--epochs 0"),
        (["--epochs", "x"], "--epochs takes a whole number; 'x' was given"),
        (["--lr", "-1"], "--lr -1"),
        (["--lr", "nan"], "--lr nan"),
        (["--lr", "1e300"], "--lr 1e+300 must be a number above 0 and at most 1000"),
        (["--width", "31"], "--width 31 is not divisible by --heads 2"),
        (["--width", "30"], "make --width / --heads even.\n"),
        (["--layers", "0"], "--layers 0"),
        (["--data", "/dev/zero"], "is a pipe or a device"),
        (["--save-every", "0"], "--save-every"),
        (["--window", "4", "--symmetric"], "--window 4"),
        (["--attention", "standard", "--symmetric"], "--attention standard"),
        (["--data", "nowhere.txt"], "nowhere.txt: No such file"),
        (["--data-dir", "nowhere"], "train.txt: No such file"),
        (["--data", ""], "Is a directory"),
        (["--device", "cuda:77"], "is not here"),
        (["--out", "a\0b"], "--out"),
    ],
)
def test_bad_usage_is_status_2(cli, text, tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    data = [] if words[0] in ("--data", "--data-dir") else ["--data", str(text)]
    status, said, err = cli(*data, *words)
    assert status == 2
    assert says in err
    assert said == "" or words[0] == "--device"


def test_folders_that_do_not_do(cli, text, tmp_path):
    (tmp_path / "file").touch()
    status, _, err = cli("--data", text, "--out", tmp_path / "file")
    assert status == 2
    assert "File exists" in err
    assert cli("--data", text, "--out", tmp_path / "out", *FAST)[0] == 0
    status, _, err = cli("--data", text, "--out", tmp_path / "out", *FAST)
    assert status == 1
    assert "holds a run already" in err
    status, _, err = cli("--resume", "--out", tmp_path / "empty")
    assert status == 1
    assert "nothing to resume" in err


def test_the_data_folder_of_the_environment(cli, tmp_path, monkeypatch):
    folder = tmp_path / "data" / "wikitext-2"
    folder.mkdir(parents=True)
    for name in ("train", "valid"):
        (folder / f"{name}.txt").write_text("".join(f" = {k} = \n \n" for k in range(9)))
    monkeypatch.setenv("KYMATH_DATA", str(folder.parent))
    status, said, _ = cli("--out", tmp_path / "out", *FAST)
    assert status == 0
    assert "9 lines to train on, 9 to validate" in said


def test_the_symmetric_window_is_a_warning(cli, text, tmp_path):
    status, _, err = cli("--data", text, "--out", tmp_path / "out", "--symmetric", *FAST)
    assert status == 0
    assert "reads the token that it is to predict" in err


def test_a_bar_on_a_terminal(cli, text, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert main(["train", "--data", str(text), "--out", str(tmp_path / "out"), *FAST]) == 0
    assert "tokens/s" in capsys.readouterr().err


def test_lines_do_not_touch_the_bar(text, tmp_path, monkeypatch):
    """On a terminal that shows both streams every line begins where a line begins."""
    pty = pytest.importorskip("pty", reason="no terminals here")
    ours, theirs = pty.openpty()
    shown = []

    def reads():
        with contextlib.suppress(OSError):  # how Linux tells that the other side is closed
            while piece := os.read(ours, 1 << 16):
                shown.append(piece)

    reader = threading.Thread(target=reads)
    reader.start()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "300")  # nothing is folded
    with os.fdopen(theirs, "w", encoding="utf-8") as screen:
        for name in ("stdout", "stderr"):
            monkeypatch.setattr(sys, name, screen)
        status = main(["train", "--data", str(text), "--out", str(tmp_path / "out"), *FAST, "--max-len", "9"])
    monkeypatch.undo()
    reader.join()
    os.close(ours)
    said = b"".join(shown).decode()
    assert status == 0, said
    assert "━" in said
    for words in ("a new run", "kymath:", "of the tokens lie", "validation loss"):
        line = next(line for line in said.split("\n") if words in line)
        before = re.split(r"\x1b\[\d*[GK]|\r", line.partition(words)[0])[-1]  # after the line was cleared
        assert not re.search("[━╸╺]", before), line


def test_without_torch(tmp_path):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from kymath.cli import main\n"
        f"sys.exit(main(['train', '--out', {str(tmp_path / 'out')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "pip install 'kymath[train]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_before_the_first_step(cli, text, tmp_path, monkeypatch):
    def stops(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(training.loop, "prepared", stops)
    status, said, err = cli("--data", text, "--out", tmp_path / "out", *FAST)
    assert (status, said, err) == (130, "", "kymath: interrupted.\n")


def test_memory_that_runs_out_is_said(cli, text, tmp_path, monkeypatch):
    def stops(*given):
        raise MemoryError

    monkeypatch.setattr(training.loop, "prepared", stops)
    status, _, err = cli("--data", text, "--out", tmp_path / "out", *FAST)
    assert status == 1
    assert "the memory does not suffice" in err


def test_ctrl_c_from_outside(text, tmp_path):
    out = tmp_path / "out"
    words = ["--data", str(text), "--out", str(out), "--tokenizer", "byte", "--epochs", "100000", "--save-every", "10"]
    run = subprocess.Popen(
        [sys.executable, "-m", "kymath", "train", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    begin = time.monotonic()
    while not (out / "training.safetensors").exists() and time.monotonic() - begin < 60:
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert "go on with: kymath train --resume" in err
    assert "Traceback" not in err
    assert not list(out.glob(".*"))
