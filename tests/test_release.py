"""What a release promises outside the code: versions agree, the files of the forge are read, make has its targets."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import kymath

ROOT = Path(__file__).parents[1]
FORGE = ROOT / ".github"
yaml = pytest.importorskip("yaml", reason="needs PyYAML")
needs_forge = pytest.mark.skipif(not FORGE.is_dir(), reason="the sdist has none of the forge's files")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_the_versions_agree() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    number, date = re.search(r"^## \[(\d[^\]]*)\] - (\d{4}-\d\d-\d\d)$", changelog, re.MULTILINE).groups()
    citation = read(ROOT / "CITATION.cff")
    assert (citation["version"], str(citation["date-released"])) == (number, date)
    version = kymath.__version__
    assert version == number or (".dev" in version and "## [Unreleased]" in changelog)


@needs_forge
def test_the_forge_runs_what_people_run() -> None:
    jobs = read(FORGE / "workflows" / "ci.yml")["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    made = [word for step in steps if "run" in step for word in step["run"].split()[1:] if "=" not in word]
    assert set(made) == {"check", "test", "notebooks", "docs", "dist", "dist-oldest"}
    assert set(made) <= targets()
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) for step in steps if "uses" in step)
    assert jobs["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={jobs['test']['strategy']['matrix']['python'][0]}"


@needs_forge
@pytest.mark.parametrize("form", sorted((FORGE / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem)
def test_issue_forms(form: Path) -> None:
    read_form = read(form)
    if form.stem == "config":
        assert read_form == {"blank_issues_enabled": True}
        return
    assert {"name", "description", "body"} <= set(read_form)
    ids = [field["id"] for field in read_form["body"]]
    assert len(ids) == len(set(ids))
    assert all(field["type"] in {"textarea", "input"} and field["attributes"]["label"] for field in read_form["body"])


def test_make_help_lists_what_contributing_names() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE))
    assert named <= targets()
