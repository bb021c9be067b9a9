"""What measures the attention: who is measured, the times, the memory, and ``kymath nn bench``."""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="kymath.nn needs torch")

from kymath.cli import main  # noqa: E402
from kymath.nn import attention, bench  # noqa: E402
from kymath.nn.bench import Measured, Row, Setting  # noqa: E402
from kymath.nn.bench.contenders import tokens  # noqa: E402

command = importlib.import_module("kymath.cli.bench")  # the package has the function by that name
ATTENTION = Path(__file__).parent.parent / "benchmarks" / "attention"
SMALL = Setting(d_model=32, num_heads=4, window=5)
WORDS = ("--lengths", "8,16", "--width", "32", "--heads", "4", "--seconds", "0")


def test_contenders_that_must_agree_do():
    x, grad = tokens(SMALL, 20)
    ky, reference = (bench.layer(name, SMALL) for name in ("ky", "reference"))
    assert x.shape == grad.shape == (1, 20, 32)
    torch.testing.assert_close(ky(x), reference(x), atol=1e-5, rtol=1e-5)
    wide = Setting(d_model=32, num_heads=4, window=20)
    all_seen = bench.layer("ky", wide)
    with torch.no_grad():  # without a bias a window as long as the sequence is what SDPA sees
        for weight in all_seen.connection.parameters():
            weight.zero_()
    torch.testing.assert_close(all_seen(x), bench.layer("sdpa", wide)(x), atol=1e-5, rtol=1e-5)


def test_local_attention_sees_the_same_window():
    pytest.importorskip("local_attention", reason="a rival that need not be installed")
    x, _ = tokens(SMALL, 23)
    ky = bench.layer("ky", SMALL)
    with torch.no_grad():
        for weight in ky.connection.parameters():
            weight.zero_()
    torch.testing.assert_close(bench.layer("local-attention", SMALL)(x), ky(x), atol=1e-5, rtol=1e-5)


def test_who_can_be_measured(monkeypatch):
    installed = importlib.util.find_spec("local_attention") is not None
    assert bench.contenders(Setting(), 8192) == bench.CONTENDERS[: 4 if installed else 3]
    assert "reference" not in bench.contenders(Setting(window=512), 8192)  # 8 GB a tensor
    assert "local-attention" not in bench.contenders(Setting(window=1), 64)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert bench.contenders(Setting(), 64) == ("ky", "sdpa", "reference")
    with pytest.raises(ValueError, match="name = 'mamba' is not one of"):
        bench.layer("mamba", SMALL)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"window": 0}, "window = 0"),
        ({"num_heads": 3}, "not divisible"),
        ({"batch": 0}, "batch = 0 must be at least 1"),
        ({"threads": 0}, "threads = 0"),
        ({"dtype": "int8"}, "dtype = 'int8'"),
        ({"backend": "fast"}, "backend = 'fast'"),
        ({"device": "meta"}, "device = 'meta' is not one of"),
        ({"device": "cuda:77"}, "device = 'cuda:77' cannot be used here"),
        ({"device": "cpu:x"}, "cannot be used here"),
    ],
)
def test_settings_that_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Setting(**wrong)


def test_times_are_the_shortest_and_interleaved():
    calls = []

    class Slow(torch.nn.Module):
        def __init__(self, name, pauses):
            super().__init__()
            self.name, self.pauses = name, iter(pauses)

        def forward(self, x):
            calls.append(self.name)
            end = time.perf_counter() + next(self.pauses)
            while time.perf_counter() < end:
                pass
            return x * 1

    x = torch.zeros(1, 2, 3, requires_grad=True)
    # two unmeasured calls, then forward and both by turns
    slow = Slow("slow", [0, 0, 0.02, 0.03, 0.01, 0.02, 0.02, 0.04])
    found = bench.times({"slow": slow, "fast": Slow("fast", [0] * 8)}, x, torch.ones(1, 2, 3), seconds=0, rounds=3)
    assert calls == ["slow", "slow", "fast", "fast"] * 4
    assert found["slow"][0] >= 0.01
    assert found["slow"][1] >= 0.02
    assert all(0 < seconds < 0.01 for seconds in found["fast"])


def test_exponents():
    assert bench.exponent([100], [1.0]) is None
    assert bench.exponent([10, 100, 1000], [3.0, 30.0, 300.0]) == pytest.approx(1)
    assert bench.exponent([1, 2, 4], [1.0, 1.0, 16.0]) == pytest.approx(2)  # the line between them


def test_memory_in_another_process(monkeypatch):
    setting = Setting(d_model=64, num_heads=4, threads=1)
    size = bench.bytes_per_token("ky", setting, 8192)
    assert size is not None
    assert 64 * 4 * 5 < size < 64 * 4 * 20  # qkv and the results at least; the numbers of a token are 256 bytes
    killed = subprocess.CompletedProcess([], -9, "", "")
    monkeypatch.setattr(subprocess, "run", lambda *given, **options: killed)
    assert bench.bytes_per_token("ky", setting, 8192) is None  # as when memory runs out


def test_measure_and_its_record(monkeypatch):
    monkeypatch.setattr("kymath.nn.bench.measured.bytes_per_token", lambda name, setting, length: 100.0)
    before, told = torch.get_num_threads(), []
    setting = Setting(d_model=32, num_heads=4, threads=1)
    found = bench.measure(setting, [32, 16, 32], seconds=0, rounds=1, watch=lambda *given: told.append(given))
    assert torch.get_num_threads() == before
    assert found.names == bench.contenders(setting, 32)
    assert [row.length for row in found.of("ky")] == [16, 32]
    assert all(row.forward > 0 and row.both > 0 for row in found.rows)
    assert found.memory == dict.fromkeys(found.names, (32, 100.0))
    assert (found.device, found.threads) == ("cpu", 1)
    assert [done for done, _, _ in told] == list(range(told[0][1]))
    record = json.loads(json.dumps(found.record(), allow_nan=False))
    assert record["setting"]["window"] == 15
    assert record["exponents"]["ky"]["both"] == found.exponent("ky")
    assert {row["both_ratio"] for row in record["times"] if row["contender"] == "sdpa"} == {1.0}


def test_measure_refuses_before_any_work():
    for lengths in ([], [0, 4]):
        with pytest.raises(ValueError, match="at least 1 each"):
            bench.measure(SMALL, lengths)
    with pytest.raises(ValueError, match="cannot run here"):
        bench.measure(Setting(d_model=32, num_heads=1, backend="flex"), [1 << 30])


# -- the command -------------------------------------------------------------------------------------------------------


def test_words_of_the_command_are_those_of_the_package():
    assert command._DTYPES == bench.DTYPES
    assert command._BACKENDS == attention.BACKENDS


def test_command(capsys, monkeypatch):
    monkeypatch.setattr("kymath.nn.bench.measured.bytes_per_token", lambda name, setting, length: 2048.0)
    assert main(["nn", "bench", *WORDS]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "d = 32, 4 heads, W = 15, batch 1, float32, cpu" in out
    rows = [line.split() for line in out.splitlines() if line.split()[:1] and line.split()[0] in bench.CONTENDERS]
    names = found = list(bench.contenders(Setting(), 16))
    assert [row[0] for row in rows[:-1]] == [*found * 3][: len(rows) - 1]
    assert [row[1] for row in rows[: 2 * len(names)]] == ["8"] * len(names) + ["16"] * len(names)  # by length
    assert "forward + backward, ms" in out
    assert rows[-2][1:] == ["–", "–", "–", "16"]  # two lengths, and short ones: nothing that means something
    assert "–: an exponent needs 3 lengths of 256 tokens or more, KB one of them." in out
    assert "ky is the backend blocked (auto's choice)" in out
    assert main(["nn", "bench", *WORDS, "--dtype", "bfloat16", "--backend", "reference", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["setting"]["dtype"] == "bfloat16"
    assert record["memory"]["ky"] == {"length": 16, "bytes_per_token": 2048.0}
    assert record["backend"] == "reference"
    assert {"times.forward", "memory.bytes_per_token"} <= record["units"].keys()


def test_what_means_something_is_shown(capsys):
    memory = {"ky": (1024, 2048.0), "sdpa": (1024, None)}
    rows = [Row(name, n, 1e-6 * n, 1e-6 * n**p) for name, p in (("ky", 1), ("sdpa", 2)) for n in (256, 512, 1024)]
    command._show(Measured(Setting(window=1), "cpu", 1, {}, tuple(rows), memory))
    out = capsys.readouterr().out
    assert ["ky", "1.00", "1.00", "2.0", "1024"] in [line.split() for line in out.splitlines()]
    assert ["sdpa", "1.00", "2.00", "–", "1024"] in [line.split() for line in out.splitlines()]
    assert "an exponent needs" not in out
    assert "local-attention was left out, as it has no window of 1; " in out
    assert "reference was left out at L = 256, 512, 1024, as it would take too much memory." in out


def test_rivals_that_are_not_installed(monkeypatch):
    rows = tuple(Row(name, 256, 1.0, 2.0) for name in ("ky", "sdpa", "reference"))
    found = Measured(Setting(backend="reference"), "cpu", 1, {}, rows, {})
    assert command._who(found) == (
        "ky is the backend reference; local-attention was left out, as it is not installed: pip install "
        "local-attention."
    )


def test_ctrl_c_is_answered(capsys, monkeypatch):
    def stops(*given, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("kymath.nn.bench.measure", stops)
    assert main(["nn", "bench", *WORDS]) == 130
    assert capsys.readouterr() == ("", "kymath: interrupted.\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lengths", "0"], "whole numbers from 1 to 1048576"),
        (["--lengths", "16,many"], "'many' was given"),
        (["--lengths", ","], "nothing was given"),
        (["--lengths", "9" * 5000], "whole numbers"),
        (["--seconds", "nan"], "--seconds must be"),
        (["--backend", "blokced"], "Did you mean blocked?"),
        (["--dtype", "double"], "--dtype takes one of"),
        (["--backend", "flex"], "CUDA only"),
        (["--device", "tpu"], "--device 'tpu' is not one of"),
        (["--heads", "5"], "not divisible"),
        (["--window", "0"], "--window 0"),
        (["--threads", "0"], "--threads 0"),
        (["--batch", "few"], "--batch takes a whole number"),
    ],
)
def test_bad_usage(capsys, words, message):
    assert main(["nn", "bench", *WORDS, *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err


def test_memory_that_runs_out_is_said(capsys, monkeypatch):
    def too_much(*given, **options):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")

    monkeypatch.setattr("kymath.nn.bench.measure", too_much)
    assert main(["nn", "bench", *WORDS]) == 2
    assert "do not fit in memory" in capsys.readouterr().err


def test_without_torch():
    code = "import sys; sys.modules['torch'] = None\nfrom kymath.cli import main\nsys.exit(main(['nn', 'bench']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'kymath[torch]'" in done.stderr


# -- the page ----------------------------------------------------------------------------------------------------------


def test_page_and_targets(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ATTENTION)
    for name in ("targets", "page", "pictures", "predictions"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    targets, page, pictures = (importlib.import_module(name) for name in ("targets", "page", "pictures"))
    rows = [Row("ky", n, 0.2e-3 * n, 0.4e-3 * n) for n in (256, 4096)]
    rows += [Row("sdpa", n, 1e-6 * n**2, 2e-6 * n**2) for n in (256, 4096)]
    memory = {"ky": (4096, 20 * 1024.0), "sdpa": (4096, None)}
    found = Measured(Setting(threads=1), "cpu", 1, {"python": "3", "torch": "2"}, tuple(rows), memory)
    wide = Measured(Setting(window=128, threads=1), "cpu", 1, {}, tuple(r for r in rows if r.length == 4096), memory)
    goals = targets.everything(found, wide, {(15, 4096): 23 * 1024.0, (512, 4096): None})
    assert [(g.measured, g.met) for g in goals] == [
        ("0.781", True), ("0.781", True), ("0.0488", True), ("0.0488", True),  # L = 256, 4096
        ("0.0488", True), ("0.0488", True), ("1", True), ("1", True), ("23", False),
    ]  # fmt: skip
    assert goals[-1].verdict == "missed by a factor of 1.05"
    text = "\n".join(page.on_cpu(found, wide, {(15, 4096): 23 * 1024.0}, ["told"], goals, "times.png"))
    assert "Of the 9 targets below, 8 are met in this run." in text
    assert "| `KYAttention` | 256 | 51.2 | 0.78 | 102 | 0.78 |" in text
    assert "local-attention was not installed" in text
    assert "on cpu; Python 3, torch 2." in text
    predicted = "\n".join(importlib.import_module("predictions").of_the_layer(found, (2.0, 20480.0)))
    assert "20.5 times at L = 4096." in predicted  # 2e-6 · 4096 / 0.4e-3
    assert "not measured, one layer" in predicted
    assert "in 2.00 s on one thread, 20.0 KB per token" in predicted
    assert "## W = 15, float32" in "\n".join(page.on_gpu([found], "times.png"))
    pictures.times(found, tmp_path / "times.png")
    assert (tmp_path / "times.png").read_bytes().startswith(b"\x89PNG")


def test_page_of_the_training(monkeypatch):
    monkeypatch.syspath_prepend(ATTENTION)
    for name in ("found", "predictions", "table1", "page"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    found, predictions, table1 = (importlib.import_module(name) for name in ("found", "predictions", "table1"))
    common = {"perplexity": 9.0, "parameters": 1000, "unigram_perplexity": 50.0, "preset": "tiny", "steps": 300}
    losses = {"ky": (2.0, 2.2, 2.1), "local": (2.5, 2.7, 2.6), "standard": (2.05, 2.15, 2.1)}
    records = {
        (name, seed): {"loss": loss, "window": 15, "device": "cpu", **common}
        for name, row in losses.items()
        for seed, loss in enumerate(row)
    }
    records[found.LEAK, 0] = records["ky", 0]
    curves = {("ky", seed): [4 - 0.02 * step for step in range(300)] for seed in range(3)}
    curves |= {("standard", seed): [4 - 0.01 * step for step in range(300)] for seed in range(3)}
    runs = found.Found(records, curves)
    assert runs.attentions[-1] == "local"
    mean, half = runs.difference("ky", "local")
    assert mean == pytest.approx(-0.5)
    assert half < 1e-12
    mean, half = runs.difference("ky", "standard")
    assert half == pytest.approx(4.3027 * 0.05 / 3**0.5, rel=1e-4)  # Student's t, two degrees of freedom
    text = "\n".join(table1.everything(runs, "table1.png"))
    assert "| `local` | -0.5000 ± 0.0000 | -39.3 % | `ky` is lower |" in text
    assert "not told apart" in text
    # the mean over steps 200 … 299 is the loss at 249.5, which twice the pace has at 124.75: the mean of 100 up to 176
    share = predictions.fewer(curves["ky", 0], curves["standard", 0])
    assert share == pytest.approx(1 - 176 / 300)
    assert predictions.fewer(curves["standard", 0], curves["ky", 0]) is None
    assert f"{100 * share:.0f} % fewer" in text
