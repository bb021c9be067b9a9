"""``kymath nn generate``: what it prints, token by token, and what it refuses."""

import contextlib
import importlib
import io
import json
import os
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="kymath nn generate needs torch")
pytest.importorskip("accelerate", reason="kymath train needs accelerate")
pytest.importorskip("tokenizers", reason="kymath train needs tokenizers")

from kymath import training  # noqa: E402
from kymath.cli import main  # noqa: E402
from kymath.nn import save_condor  # noqa: E402

command = importlib.import_module("kymath.cli.generate")  # the package has the function by that name
SHAPE = {"d_model": 8, "num_layers": 1, "num_heads": 2, "max_len": 30, "window": 4, "tokenizer": "byte", "batch": 4}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "text.txt").write_text("".join(f"line {k} of it\n" for k in range(30)))
    used = torch.get_num_threads()
    torch.set_num_threads(1)
    training.train(
        training.Settings.of("tiny", **SHAPE, data=str(folder / "text.txt"), lr=0.02, epochs=3), folder / "out"
    )
    torch.set_num_threads(used)
    return folder / "out"


@pytest.fixture
def cli(capsys, monkeypatch):
    """cli(folder, "--tokens", 3) -> (status, stdout, stderr)."""
    monkeypatch.delenv("KYMATH_DATA", raising=False)

    def run(*argv):
        status = main(["nn", "generate", *map(str, argv)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return run


def test_text_for_people_and_for_programs(cli, run):
    words = ["--prompt", "line ", "--seed", 5, "--tokens", 300, "--temperature", 0.7, "--top-k", 20, "--top-p", 0.9]
    status, said, err = cli(run, *words)
    assert (status, err) == (0, "")
    assert said.startswith("line ")
    assert said.count("\n") == 1
    status, record, _ = cli(run / "checkpoint.safetensors", *words, "--json")
    record = json.loads(record)
    assert status == 0
    assert record["prompt"] + record["text"] + "\n" == said
    assert (record["stopped"], record["seed"], record["top_k"]) == ("line", 5, 20)
    _, tokenizer = training.language_model(run)
    assert tokenizer.decode(record["tokens"]) == record["text"] + "\n"
    assert json.loads(cli(run, "--tokens", 3, "--json")[1])["seed"] >= 0  # drawn, and told


def test_no_end_at_the_line(cli, run):
    record = json.loads(cli(run, "--no-stop-at-line", "--tokens", 200, "--seed", 1, "--json")[1])
    assert len(record["tokens"]) == 200
    assert record["stopped"] == "tokens"
    assert "\n" in record["text"]


def test_the_prompt_from_standard_input(cli, run, monkeypatch):
    wanted = cli(run, "--prompt", "line 3", "--temperature", 0, "--tokens", 9)
    for text in ("line 3", "line 3\n", "line 3\r\n"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        assert cli(run, "--prompt", "-", "--temperature", 0, "--tokens", 9) == wanted


def test_tokens_are_printed_as_they_come(run, monkeypatch):
    """Each character is flushed before the next token is drawn."""
    states = []

    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self):
            return True

        def flush(self):
            flushed.append(self.getvalue())

    flushed, terminal = [], Terminal()

    def told(*given, **how):
        for token, piece in ((1, "a"), (2, ""), (3, "→\x1b[2J"), (4, "\u202e\tb")):
            states.append(flushed[-1] if flushed else "")
            yield token, piece

    monkeypatch.setattr(training, "continuation", told)
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["nn", "generate", str(run), "--prompt", "x\r"]) == 0
    assert states == ["", "x\\ra", "x\\ra", "x\\ra→\\x1b[2J"]
    assert terminal.getvalue() == "x\\ra→\\x1b[2J\\u202e\tb\n"


def test_a_pipe_gets_the_text_itself(cli, run, monkeypatch):
    monkeypatch.setattr(training, "continuation", lambda *given, **how: iter([(1, "\x1b[2J")]))
    assert cli(run, "--prompt", "x") == (0, "x\x1b[2J\n", "")


def test_ctrl_c_ends_the_line(cli, run, monkeypatch):
    def stops(*given, **how):
        yield 1, "a"
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "continuation", stops)
    assert cli(run, "--prompt", "x") == (130, "xa\n", "kymath: interrupted.\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--tokens", "0"], "--tokens must be from 1"),
        (["--tokens", "many"], "--tokens takes a whole number; 'many' was given"),
        (["--temperature", "-1"], "--temperature -1"),
        (["--temperature", "nan"], "--temperature nan"),
        (["--top-k", "0"], "--top-k 0"),
        (["--top-p", "1.5"], "--top-p 1.5"),
        (["--seed", str(-(2**70))], "--seed -1180591620717411303424"),
        (["--prompt", "x\udcff"], "not text in UTF-8"),
        (["--prompt", "x" * 1_000_001], "at most 1,000,000 characters"),
    ],
)
def test_bad_usage_is_status_2(cli, run, words, says):
    status, said, err = cli(run, *words)
    assert (status, said) == (2, "")
    assert says in err


def test_models_that_do_not_do(cli, run, tmp_path):
    assert cli(tmp_path / "nowhere")[0] == 2
    status, _, err = cli(tmp_path)
    assert status == 2
    assert "checkpoint.safetensors: No such file" in err
    (tmp_path / "checkpoint.safetensors").write_bytes(b"\x80\x04K\x01.")
    status, _, err = cli(tmp_path)
    assert status == 1
    assert "pickle" in err
    (tmp_path / "checkpoint.safetensors").write_bytes((run / "checkpoint.safetensors").read_bytes())
    status, _, err = cli(tmp_path)
    assert status == 2
    assert "holds no tokenizer.json" in err
    (tmp_path / "tokenizer.json").write_text((run / "tokenizer.json").read_text())
    assert cli(tmp_path, "--tokens", 2)[0] == 0
    model, _ = training.language_model(run)
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    save_condor(model, tmp_path / "checkpoint.safetensors")
    status, _, err = cli(tmp_path, "--prompt", "x")
    assert status == 2
    assert "weights of the model are damaged" in err


def test_models_that_see_the_future(cli, run, tmp_path):
    from kymath.nn import Condor, CondorConfig

    config = CondorConfig(vocab_size=256, d_model=8, num_layers=1, num_heads=2, causal=False)
    save_condor(Condor(config), tmp_path / "checkpoint.safetensors")
    (tmp_path / "tokenizer.json").write_text((run / "tokenizer.json").read_text())
    status, _, err = cli(tmp_path)
    assert status == 2
    assert "cannot continue a text" in err


def test_without_torch():
    code = (
        "import sys; sys.modules['torch'] = None\nfrom kymath.cli import main\nsys.exit(main(['nn', 'generate', 'x']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "pip install" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves(run, capsys, monkeypatch):
    """As head closes its pipe: no complaint."""
    to_us, to_them = os.pipe()
    os.close(to_us)
    with contextlib.suppress(BrokenPipeError), os.fdopen(to_them, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        status = main(["nn", "generate", str(run), "--no-stop-at-line", "--tokens", "100000"])
    assert status == 141
    assert capsys.readouterr().err == ""
