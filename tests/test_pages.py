"""The pages as a site: every page is listed, quoted numbers stand where they come from, pictures match their code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


@pytest.fixture
def quoted(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import quoted

    return quoted


def cells(text: str) -> list[str]:
    return [cell.strip() for line in text.splitlines() if line.startswith("|") for cell in line.strip("|").split("|")]


def test_quoted_tables_are_those_of_their_pages(quoted):
    page = quoted.PAGE.read_text(encoding="utf-8")
    assert quoted.quoted(page) == page, "run python benchmarks/quoted.py"


def test_every_quoted_number_stands_on_the_page_it_is_quoted_from(quoted):
    page = quoted.PAGE.read_text(encoding="utf-8")
    for name, quote in quoted.QUOTES.items():
        block = page.split(f"<!-- {name} -->")[1].split("<!-- end -->")[0]
        source = (DOCS / quote.page).read_text(encoding="utf-8")
        numbers = {cell for cell in cells(block) if re.search(r"\d", cell)}
        assert numbers
        assert numbers <= set(cells(source)), name
        assert f"From [{quote.page.removesuffix('.md')}]({quote.page}), measured on " in block


def test_numbers_are_quoted_not_typed(quoted):
    page = quoted.PAGE.read_text(encoding="utf-8")
    prose = re.sub(r"<!-- (\w+) -->.*?<!-- end -->", "", page, flags=re.DOTALL)
    assert re.findall(r"(?<![\w.-])\d[\d.]*", prose.replace("Table 1", "")) == []


def test_a_missing_column_or_row_is_named(quoted):
    with pytest.raises(ValueError, match="no table has the columns"):
        quoted.Quote("benchmarks.md", "Time", ("speed",)).markdown()
    with pytest.raises(ValueError, match="no row fits 'octave'"):
        quoted.Quote("benchmarks.md", "Time", ("method",), "octave").markdown()


def test_the_gallery_shows_what_its_code_saves():
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    shown = re.findall(r"^!\[[^\]]+\]\(images/gallery/(\S+\.png)\)", page, re.MULTILINE)
    assert shown == re.findall(r'savefig\("(\S+\.png)"', page)
    files = sorted((DOCS / "images" / "gallery").glob("*.png"))
    assert [file.name for file in files] == sorted(shown)
    assert sum(file.stat().st_size for file in files) < 1.2e6


def test_links_of_the_sources_lead_somewhere():
    for page in sorted(DOCS.glob("*.md")):
        text = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text):
            assert (DOCS / target).exists(), f"{page.name}: {target}"


def test_extras_are_named_in_one_way():
    for page in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for words in re.findall(r"pip\s+install\s+([^`\n]+)", page.read_text(encoding="utf-8")):
            assert re.match(r"'kymath\[\w+\]'|tensorboard", words), f"{page.name}: {words}"


def test_every_page_is_in_the_contents():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = {line for tree in re.findall(r"```\{toctree\}(.*?)```", index, re.DOTALL) for line in tree.split("\n")}
    assert {path.stem for path in DOCS.glob("*.md")} - {"index"} <= listed


def test_the_readme_is_short_and_its_links_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count("\n") <= 150
    prose = re.sub(r"^```.*?^```|`[^`]*`", "", text, flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", prose):
        assert (ROOT / target).exists(), target
