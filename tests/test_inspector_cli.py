"""kymath inspect: what it prints and writes, and what becomes of files that hold nothing for it."""

from __future__ import annotations

import csv
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kymath.cli import main

numpy_files = pytest.importorskip("safetensors.numpy", reason="checkpoints are read with safetensors")

KEY = "{}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"


@pytest.fixture
def cli(capsys, tmp_path, monkeypatch):
    """cli("inspect", "x", …) in a folder of its own -> (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        status = main(["inspect", *argv])
        out, err = capsys.readouterr()
        assert "\x1b" not in out + err
        assert "Traceback" not in err
        return status, out, err

    return run


def t5(path="t5.safetensors", heads=3, part="decoder", buckets=32):
    """Head h falls by h/10 nats per token as long as buckets are single tokens; head 0 is flat."""
    table = -0.1 * np.outer(np.arange(buckets), np.arange(heads))
    numpy_files.save_file({KEY.format(part): table.astype(np.float32)}, path)
    return path


def strict(text):
    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


# -- answers -----------------------------------------------------------------------------------------------------------


def test_the_table(cli):
    status, out, err = cli(t5(), "--window", "8")
    assert (status, err) == (0, "")
    rows = [line.split() for line in out.splitlines()]
    assert [
        "layer",
        "head",
        "kind",
        "residual",
        "slope",
        "half-life",
        "period",
        "mean",
        "lag",
        "effective",
        "window",
    ] in rows
    assert ["0", "0", "flat", "0", "0", "–", "–", "3.5", "8"] in rows
    assert next(row for row in rows if row[:3] == ["0", "1", "linear"])[4] == "-0.1"
    assert "3 connection curves of t5.safetensors (T5 decoder): 2 linear, 1 flat." in out
    assert "None of the 3 curves are nearly equal to another one (Jensen" in out
    assert "in tokens" in out


def test_of_many_heads_the_first(cli):
    file = t5(heads=40)
    _, short, _ = cli(file)
    assert "And 8 more: --all shows them" in short
    _, long, _ = cli(file, "--all")
    assert "more:" not in long
    assert len(long.splitlines()) == len(short.splitlines()) + 7


def test_json_is_what_is_in_the_files(cli):
    file = t5()
    status, out, err = cli(file, "--window", "8", "--json", "--csv", "t.csv", "--html", "t.html", "--plot", "t.svg")
    assert (status, err) == (0, "")
    got = strict(out)
    assert (got["success"], got["message"], got["source"]) == (True, "", file)
    assert got["kinds"] == {"linear": 2, "flat": 1}
    assert [one["lags"] for one in got["curves"]] == [list(range(8))] * 3
    np.testing.assert_allclose(got["curves"][2]["bias"], -0.2 * np.arange(8), atol=1e-6)
    with open("t.csv", encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert [float(row["slope"]) for row in rows] == [one["slope"] for one in got["curves"]]
    assert rows[0]["half_life"] == ""
    assert got["curves"][0]["half_life"] is None
    assert "<figure" not in Path("t.html").read_text(encoding="utf-8")  # drawn when it is opened
    assert Path("t.svg").read_text(encoding="utf-8").count("<svg") == 1
    from kymath.inspector import inspect_connections

    report = inspect_connections(file, window=8)
    report.to_csv("own.csv")
    report.to_html("own.html")
    for name in ("csv", "html"):
        assert Path(f"own.{name}").read_bytes() == Path(f"t.{name}").read_bytes()


def test_what_was_written_is_said(cli, tmp_path):
    status, out, _ = cli(t5(), "--csv", "t.csv")
    assert status == 0
    assert f"Written (--csv): {tmp_path / 't.csv'}" in out


def test_the_csv_on_standard_output(cli, tmp_path):
    file = t5()
    cli(file, "--csv", "t.csv")
    status, out, err = cli(file, "--csv", "-", "--html", "t.html")
    assert (status, err) == (0, "")
    assert out == Path("t.csv").read_text(encoding="utf-8")
    assert Path("t.html").exists()
    status, out, err = cli(file, "--csv", "-", "--json")
    assert (status, out) == (2, "")
    assert "standard output" in err
    assert "only --csv" in cli(file, "--html", "-")[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "t.html", "t5.safetensors"]


def test_a_folder_with_a_configuration_alone(cli, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"alibi": True, "num_attention_heads": 4}))
    status, out, _ = cli(".", "--json")
    assert status == 0
    assert [round(one["slope"], 9) for one in strict(out)["curves"]] == [-(4.0**-k) for k in (1, 2, 3, 4)]


def test_two_layouts_and_images_have_their_columns(cli, tmp_path):
    rng = np.random.default_rng(0)
    numpy_files.save_file(
        {KEY.format(part): rng.normal(size=(32, 2)) for part in ("encoder", "decoder")}, "both.safetensors"
    )
    _, out, _ = cli("both.safetensors")
    assert "T5 encoder, past half" in out
    numpy_files.save_file(
        {"layers.0.blocks.1.attn.relative_position_bias_table": rng.normal(size=(25, 2))}, "s.safetensors"
    )
    _, out, _ = cli("s.safetensors")
    assert "horizontal" in out
    assert "0.1" in out
    assert "in patches" in out


def test_examples_are_in_the_help(cli):
    status, out, _ = cli("--help")
    assert status == 0
    assert "kymath inspect swin.safetensors --html swin.html --csv swin.csv" in out


# -- no answers --------------------------------------------------------------------------------------------------------


def test_a_file_without_a_known_curve(cli):
    numpy_files.save_file({"embeddings.weight": np.zeros((3, 2))}, "other.safetensors")
    status, out, err = cli("other.safetensors", "--html", "page.html")
    assert (status, out) == (1, "")
    assert "no position bias of a known layout" in err
    assert "embeddings.weight" in err
    assert "relative_attention_bias" in err
    assert max(map(len, err.splitlines())) < 250
    assert "docs/inspect-layouts.md" in err.splitlines()[-1]
    assert not os.path.exists("page.html")
    status, out, err = cli("other.safetensors", "--json")
    got = strict(out)
    assert status == 1
    assert not got["success"]
    assert got["curves"] == []
    assert got["message"] in err.replace("\n", " ")


def whole():
    return Path(t5()).read_bytes()


def bad_shape():
    numpy_files.save_file({KEY.format("decoder"): np.zeros((32, 2, 2))}, "made")
    return Path("made").read_bytes()


def not_finite():
    numpy_files.save_file({KEY.format("decoder"): np.full((32, 2), np.nan)}, "made")
    return Path("made").read_bytes()


UNREADABLE = {
    "empty": (lambda: b"", "is empty"),
    "cut off": (lambda: whole()[:-100], "damaged"),
    "cut off in the header": (lambda: whole()[:40], "cut off"),
    "a pickle": (lambda: pickle.dumps({"weight": 1}), "pickle"),
    "a zip": (lambda: b"PK\x03\x04" + bytes(50), "pickle"),
    "text": (lambda: b"hello, this is no checkpoint at all", "not a safetensors file"),
    "an absurd header": (lambda: (2**62).to_bytes(8, "little") + b"{}", "not a safetensors file"),
    "a hostile header": (lambda: (12).to_bytes(8, "little") + b'{"a":[[[[[[', "not a safetensors file"),
    "a strange shape": (bad_shape, "has the shape (32, 2, 2)"),
    "not a number": (not_finite, "not a number"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read(cli, tmp_path, name):
    make, word = UNREADABLE[name]
    (tmp_path / "x.safetensors").write_bytes(make())
    status, out, err = cli("x.safetensors", "--json")
    assert (status, out) == (2, "")
    assert word in err
    assert len(err.splitlines()) == 1


def test_of_another_kind_of_file_the_right_kinds_are_named(cli, tmp_path):
    (tmp_path / "x.csv").write_text("time,y\n0,1\n", encoding="utf-8")
    status, out, err = cli("x.csv")
    assert (status, out) == (2, "")
    assert "what is read is a .safetensors file, its index of shards (.index.json), or a folder" in err
    assert "cut off" not in err


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["missing"], "No such file or directory. Names on the Hub are not fetched: give a file or a folder."),
        (["google-t5/t5-small"], "Names on the Hub are not fetched"),
        (["missing/model.safetensors"], "No such file or directory.\n"),
        ([""], "the path is empty"),
        (["."], "no .safetensors file"),
        (["x\0y"], "character of code 0"),
        (["a" * 5000], "too long"),
        (["t5.safetensors", "--window", "0"], "whole number"),
        (["t5.safetensors", "--window", str(10**30)], "whole number"),
        (["t5.safetensors", "--window", "x"], "--window"),
        (["t5.safetensors", "--plot", "x.gif"], ".png, .pdf, .svg"),
        (["t5.safetensors", "--html", "no/where.html"], "does not exist"),
        (["t5.safetensors", "--csv", "."], "folder"),
        (["t5.safetensors", "--csv", "a", "--html", "./a"], "file of --html"),
        ([], "CHECKPOINT"),
    ],
)  # fmt: skip
def test_bad_usage(cli, argv, word):
    if argv[:1] == ["t5.safetensors"]:
        t5()
    status, out, err = cli(*argv)
    assert (status, out) == (2, "")
    assert word in err


@pytest.mark.parametrize("source", ["t5.safetensors", "link.safetensors", ".", "model.safetensors.index.json"])
@pytest.mark.parametrize("target", ["t5.safetensors", "config.json"])
@pytest.mark.parametrize("option", ["--html", "--csv"])
def test_the_checkpoint_is_never_written_over(cli, tmp_path, source, target, option):
    t5()
    os.symlink("t5.safetensors", "link.safetensors")
    (tmp_path / "config.json").write_text("{}")
    index = {"weight_map": {KEY.format("decoder"): "t5.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    before = (tmp_path / target).read_bytes()
    status, _, err = cli(source, option, target)
    assert status == 2
    assert "file that is read" in err
    assert (tmp_path / target).read_bytes() == before


# -- a process ---------------------------------------------------------------------------------------------------------

ALONE = """
import sys
sys.modules["torch"] = None
from kymath.cli import main
status = main(["inspect", "t5.safetensors", "--window", "8", "--html", "page.html"])
assert sys.modules["torch"] is None and not any(name.startswith("kymath.nn") for name in sys.modules)
sys.exit(status)
"""


def test_without_torch(tmp_path):
    t5(tmp_path / "t5.safetensors")
    done = subprocess.run([sys.executable, "-c", ALONE], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 linear" in done.stdout


def test_without_safetensors(cli, monkeypatch):
    t5()
    monkeypatch.setitem(sys.modules, "safetensors", None)
    status, _, err = cli("t5.safetensors")
    assert status == 2
    assert "pip install 'kymath[inspect]'" in err


def test_a_full_disk_leaves_nothing(cli, tmp_path, monkeypatch):
    t5()
    (tmp_path / "t.csv").write_text("before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    status, _, err = cli("t5.safetensors", "--csv", "t.csv")
    assert status == 2
    assert "No space left" in err
    assert (tmp_path / "t.csv").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "t5.safetensors"]


@pytest.mark.parametrize("source", ["m.index.json", "."])
def test_no_shard_is_written_over(cli, tmp_path, source):
    os.replace(t5(), "shard.st")
    index = {"weight_map": {KEY.format("decoder"): "shard.st"}}
    (tmp_path / ("m.index.json" if source != "." else "m.safetensors.index.json")).write_text(json.dumps(index))
    before = (tmp_path / "shard.st").read_bytes()
    for option in ("--csv", "--html"):
        status, out, err = cli(source, option, "shard.st")
        assert (status, out) == (2, "")
        assert "this is the file that is read" in err
    assert (tmp_path / "shard.st").read_bytes() == before
    assert cli(source, "--csv", "t.csv")[0] == 0


@pytest.mark.parametrize("weights", ["[]", '{"a": 1}', '{"a": "\\u0000"}', '{"a": "gone"}'])
def test_a_broken_index_is_a_sentence(cli, tmp_path, weights):
    (tmp_path / "m.index.json").write_text(f'{{"weight_map": {weights}}}')
    status, _, err = cli("m.index.json", "--csv", "t.csv")
    assert status == 2
    assert "m.index.json" in err


def test_too_many_curves_for_a_page_are_refused_before_they_are_measured(cli, monkeypatch, tmp_path):
    from kymath.inspector import ConnectionReport, page_data

    def never(report):
        raise AssertionError("measured")

    monkeypatch.setattr(page_data, "MOST", 2)
    monkeypatch.setattr(ConnectionReport, "table", never)
    status, out, err = cli(t5(), "--html", "t.html", "--csv", "t.csv")
    assert (status, out) == (2, "")
    assert "3 curves, and a page takes 2" in err
    assert "--csv or --json" in " ".join(err.split())
    assert not (tmp_path / "t.html").exists()


@pytest.mark.parametrize("when", ["inspect_connections", "table"])
def test_no_memory_is_a_sentence(cli, monkeypatch, when):
    import kymath.inspector

    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr(kymath.inspector if when != "table" else kymath.inspector.ConnectionReport, when, full)
    status, out, err = cli(t5())
    assert (status, out) == (2, "")
    assert "do not fit into the memory" in " ".join(err.split())


def test_an_empty_name_is_not_the_current_folder(cli):
    t5()
    status, out, err = cli("")
    assert (status, out) == (2, "")
    assert "the path is empty" in err
    assert cli(".")[0] == 0
