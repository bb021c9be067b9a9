"""``kymath verify``: its table, its page, its JSON, and how a claim is found."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from printed import strict
from verdicts import VERDICTS

import kymath as ky
from kymath import audit
from kymath.cli import main

KEYS = {"id", "paper", "where", "statement", "verdict", "evidence", "corrected", "status", "seconds"}


def process(*argv):
    return subprocess.run(
        [sys.executable, "-m", "kymath", "verify", *argv], capture_output=True, text=True, timeout=120
    )


def test_json_as_a_process():
    done = process("--paper", "cross-synthesis", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    claims = strict(done.stdout)["claims"]
    assert {c["id"]: c["verdict"] for c in claims} == {k: v for k, v in VERDICTS.items() if k.startswith("CS-")}
    for one in claims:
        assert set(one) == KEYS
        assert isinstance(one["seconds"], float)
        assert one["paper"] == "cross-synthesis"


def test_one_claim_as_a_process():
    done = process("--claim", "T3.15")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("T3.15: false\n")
    assert "(4, 12)" in done.stdout
    assert "What holds: " in done.stdout


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("--claim", "T9.99"), "there is no claim 'T9.99'"),
        (("--paper", "eagle"), "--paper takes one of"),
        (("--claim", "Eq13", "--json", "--html", "a.html"), "exclude each other"),
        (("--claim", "Eq13", "--html", "nowhere/a.html"), "does not exist"),
        (("--claim", "Eq13", "--html", "."), "folder"),
    ],
)
def test_bad_usage(capsys, tmp_path, monkeypatch, argv, says):
    monkeypatch.chdir(tmp_path)
    assert main(["verify", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert list(tmp_path.iterdir()) == []


def test_the_table(capsys, monkeypatch):
    monkeypatch.setattr(audit, "CLAIMS", audit.CLAIMS[:3])
    assert main(["verify"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.split()[:3] == ["claim", "verdict", "statement"]
    assert re.search(r"3 claims in [\d.]+ s: 2 holds, 1 undef", out)


def test_the_bar_is_for_terminals(monkeypatch):
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        assert main(["verify", "--claim", "Eq13"]) == 0
        assert ("Eq13" in stream.getvalue()) is shown


def test_the_page(capsys, tmp_path):
    from html.parser import HTMLParser

    file = tmp_path / "claims.html"
    file.write_text("before")
    assert main(["verify", "--claim", "Eq20/Eq30-literal", "--html", str(file)]) == 0
    assert f"Written: {file}" in capsys.readouterr().out
    text = file.read_text(encoding="utf-8")
    opened = []

    class Balanced(HTMLParser):
        def handle_starttag(self, tag, attrs):
            assert tag not in ("script", "img", "link")
            if tag != "meta":
                opened.append(tag)

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Balanced().feed(text)
    assert opened == []
    assert "h<sup>2</sup>" in text
    assert "**" not in text
    assert list(tmp_path.iterdir()) == [file]


def test_the_examples_of_the_help(capsys, tmp_path, monkeypatch):
    import shlex

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(audit, "CLAIMS", tuple(audit.find(id) for id in ("Eq20/Eq30-literal", "T3.15")))
    assert main(["verify", "--help"]) == 0
    examples = [line for line in capsys.readouterr().out.splitlines() if line.startswith("kymath ")]
    assert len(examples) >= 4
    for line in examples:
        assert main(shlex.split(line)[1:]) == 0
        assert capsys.readouterr().err == ""


def test_numbers_are_the_checks_own():
    rng = np.random.default_rng(0)
    bound = float(rng.uniform(1, 5))
    evidence = audit.find("D3.4-RE-limit").examine(m=bound).evidence
    assert f"M = {bound:g}" in evidence
    assert f"A is {bound:.6g}" in evidence


@pytest.mark.parametrize(
    ("words", "id"), [("Theorem 3.15", "T3.15"), ("example 3.1", "Ex3.1/Eq28-29"), ("Ex3.1", "Ex3.1/Eq28-29")]
)
def test_a_claim_is_found_by_its_place(words, id):
    assert audit.find(words).id == id


def test_words_that_suit_several_claims_are_told():
    with pytest.raises(ky.KYError, match=r"suits \d+ claims: .*T3.13-rates"):
        audit.find("Theorem 3.13")
    assert [report.id for report in audit.verify(claim=["Eq13", "T3.15", "Eq13"])] == ["Eq13", "T3.15"]
