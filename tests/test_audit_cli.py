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
        (("--claim", "Theorem 3.1"), "there is no claim 'Theorem 3.1'"),
        (("T3.15",), "did you mean --claim T3.15?"),
        (("Table", "1"), "did you mean --claim 'Table 1'?"),
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
    papers, own = out.split("The project's own statements")
    assert "D3.2(2)" in papers
    assert "D3.2-ident" not in papers
    assert "D3.2-ident" in own
    assert "2 claims of the papers: 1 undef, 1 holds.\n1 statement of the project's own: 1 holds.\n" in own
    assert re.search(r"Checked in [\d.]+ s", own)
    monkeypatch.setattr(audit, "CLAIMS", audit.CLAIMS[:1])
    assert main(["verify"]) == 0
    assert "project's own" not in capsys.readouterr().out


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
    ("words", "id"),
    [("Theorem 3.15", "T3.15"), ("3.15", "T3.15"), ("example 3.1", "Ex3.1/Eq28-29"), ("Ex3.1", "Ex3.1/Eq28-29")],
)
def test_a_claim_is_found_by_its_place(words, id):
    assert audit.find(words).id == id


def test_words_that_suit_several_claims_are_told():
    with pytest.raises(ky.KYError, match=r"suits \d+ claims: .*T3.13-rates"):
        audit.find("Theorem 3.13")
    assert [report.id for report in audit.verify(claim=["Eq13", "T3.15", "Eq13"])] == ["Eq13", "T3.15"]


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("Table 1", ["T1-arith", "T1-mem"]),
        ("T3.16", ["T3.16/Eq33", "T3.16/Eq34-35"]),
        ("3.16", ["T3.16/Eq33", "T3.16/Eq34-35"]),
        ("Lemma 1", ["CS-L1", "CS-L1-fix"]),
        ("Tab", ["Tab2", "T1-arith", "T1-mem"]),
    ],
)
def test_words_that_suit_several_claims_show_all(capsys, words, ids):
    assert [report.id for report in audit.verify(claim=words)] == ids
    assert main(["verify", "--claim", words]) == 0
    out = capsys.readouterr().out
    assert [line.partition(":")[0] for line in out.split("\n") if line.partition(":")[0] in ids] == ids


def test_a_paper_narrows_what_words_suit():
    assert [one.id for one in audit.verify("cross-synthesis", "Section 7.1")] == ["CS-S7.1"]
    with pytest.raises(ky.KYError, match=r"T3.15 is of the paper condor"):
        audit.verify("cross-synthesis", "3.15")


def test_own_statements_are_told_from_the_papers(capsys):
    own = [one.id for one in audit.CLAIMS if one.own]
    assert len(own) == 18
    assert {id for id in VERDICTS if id.startswith(("L-", "P-"))} < set(own)
    for report in audit.verify(claim=own):
        roles = {fact.role for fact in report.facts}
        assert report.own
        assert audit.Role.STATED in roles, report.id
        assert audit.Role.PRINTED not in roles, report.id
        assert set(report.record()) == KEYS
    assert main(["verify", "--claim", "CS-L1-fix"]) == 0
    out = capsys.readouterr().out
    assert "A statement of the project's own, not of the paper.\n" in out
    assert "✓ as stated here: " in out
    assert "as printed" not in out


def test_the_page_has_a_table_for_each_paper_and_one_for_its_own():
    from kymath.audit.page import OWN, TITLES, page

    text = page(audit.verify(claim=["T3.15", "CS-L1"]))
    assert tuple(TITLES) == audit.PAPERS
    assert [text.count(f"<h2>{title}</h2>\n<p>") for title in (*TITLES.values(), OWN)] == [1, 1, 0]
    whole = page(audit.verify(claim=["T3.15", "Lemma 1"]))
    assert whole.index(f"<h2>{TITLES['cross-synthesis']}</h2>") < whole.index("<h2>The project&#x27;s own")
    assert whole.count("<table>") == 3
    assert whole.count(f"<h2>Evidence: {TITLES['condor']}</h2>") == 1
