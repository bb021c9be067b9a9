"""Commands on the pages that are not run there, as they need a model, a network or hours: their words are valid."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from kymath.cli import app, main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(language):
    """(page, words) of the lines that begin with ``$ kymath`` in blocks of a language."""
    for page in PAGES:
        for block in re.findall(
            rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        ):
            for line in re.findall(r"^\$ kymath (.*)$", block.replace("\\\n", " "), re.MULTILINE):
                yield page.name, shlex.split(line.split(" | ")[0], comments=True)


SHOWN = list(commands("text"))


def understood(words):
    """The command's own reading of its words, without running it; typer raises what a user would see."""
    command, words = typer.main.get_command(app), list(words)
    while hasattr(command, "commands"):
        assert words[0] in command.commands, f"there is no command {words[0]!r}"
        command = command.commands[words.pop(0)]
    return command.make_context("kymath", words)


def test_there_are_some():
    assert len(SHOWN) > 10


@pytest.mark.parametrize(("page", "words"), SHOWN, ids=[" ".join(words)[:60] for _, words in SHOWN])
def test_words_are_understood(page, words):
    understood(words)


@pytest.mark.parametrize("words", [["train", "--daat", "x"], ["synthesis", "train", "--epochs", "few"]])
def test_wrong_words_are_not(words):
    with pytest.raises(Exception, match=r"--daat|valid integer"):
        understood(words)


def test_the_model_of_the_readme(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch", reason="kymath.training needs torch")
    pytest.importorskip("accelerate", reason="kymath.training needs accelerate")
    (tmp_path / "FILE.txt").write_text(
        "The river runs to the sea, and the sea is never full.\n" * 200, encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    shown = [words for page, words in SHOWN if page == "README.md"]
    assert [words[0] for words in shown] == ["train", "inspect"]
    for words in shown:
        assert main(words) == 0, capsys.readouterr().err
    assert "layer" in capsys.readouterr().out
