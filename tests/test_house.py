"""Imports run downwards only: the floors of docs/house.toml, kept."""

from __future__ import annotations

import ast
import sys
import xml.etree.ElementTree as ET

import house
import pytest

ROOMS = house.rooms()
IMPORTS = house.imports()
INSIDE = [found for found in IMPORTS if found.inside]
LATE = {(row["from"], row["to"]) for row in house.TABLE["late"]}
TORCH = {"torch", "accelerate", "tokenizers", "triton"}


def excused(found: house.Import) -> bool:
    """Whether the table names it: an import inside a function, with its reason."""
    return found.late and any(
        found.source == source and (found.target == target or found.target.startswith(f"{target}."))
        for source, target in LATE
    )


def told(found: house.Import) -> str:
    here, there = ROOMS[house.room_of(found.source)], ROOMS[house.room_of(found.target)]
    where = (
        f"which is later on the same floor, {here.floor} ({here.floor_name})"
        if here.floor == there.floor
        else f"from floor {here.floor} ({here.floor_name}) up to floor {there.floor} ({there.floor_name})"
    )
    return f"{found}: {here.name} imports {there.name}, {where}."


def complain(sentences: list[str]) -> None:
    if sentences:
        pytest.fail("\n".join([*sentences, "See docs/house.md."]), pytrace=False)


def test_every_file_belongs_to_a_room():
    homeless = [
        f"{path.relative_to(house.ROOT).as_posix()} belongs to no room: give {house.room_of(module)!r} a floor in "
        "docs/house.toml."
        for module, path in house.modules().items()
        if house.room_of(module) not in ROOMS
    ]
    complain(homeless)


def test_every_room_exists():
    assert set(ROOMS) == {house.room_of(module) for module in house.modules()}


def test_imports_run_downwards():
    upwards = [
        told(found)
        for found in INSIDE
        if house.room_of(found.source) != house.room_of(found.target)
        and not found.typing  # never run, and a name in a signature needs no room above to exist
        and not excused(found)
        and ROOMS[house.room_of(found.target)].place >= ROOMS[house.room_of(found.source)].place
    ]
    complain(upwards)


def test_no_circles():
    """Neither on loading nor, but for what the table names, inside functions."""
    edges = [(found.source, found.target) for found in INSIDE if not found.typing and not excused(found)]
    complain([f"these files import one another: {', '.join(group)}." for group in house.circles(edges)])


def test_the_table_excuses_nothing_that_is_gone():
    used = {
        (f.source, target) for f in INSIDE if f.late for source, target in LATE if f.source == source and excused(f)
    }
    assert used >= LATE
    for pair in LATE:
        rest = [(f.source, f.target) for f in INSIDE if not f.typing and (not excused(f) or f.source == pair[0])]
        assert house.circles(rest), f"{pair[0]} may import {pair[1]} as any other file: take the row out."


def test_rooms_that_import_from_few_rooms_only():
    strays = [
        f"{found}: {here.name} imports {house.room_of(found.target)}; it may import {', '.join(here.only)} and no more."
        for found in INSIDE
        for here in [ROOMS[house.room_of(found.source)]]
        if here.only is not None and house.room_of(found.target) not in (here.name, *here.only)
    ]
    complain(strays)


def test_torch_stays_in_its_rooms():
    strays = [
        f"{found}: {here.name} imports {found.target}, and is no room that loads torch."
        for found in IMPORTS
        for here in [ROOMS[house.room_of(found.source)]]
        if found.package in TORCH and here.torch is not True and not (here.torch == "late" and found.late)
    ]
    complain(strays)


def test_the_inspector_knows_no_torch():
    """Not in itself, and not in anything that it reaches; types too."""
    reached, todo = set(), ["kymath.inspector"]
    by_source: dict[str, list[house.Import]] = {}
    for found in IMPORTS:
        by_source.setdefault(found.source, []).append(found)
    todo += [module for module in house.modules() if module.startswith("kymath.inspector.")]
    while todo:
        module = todo.pop()
        if module not in reached:
            reached.add(module)
            todo += [found.target for found in by_source.get(module, []) if found.inside]
    assert not {module for module in reached if ROOMS[house.room_of(module)].torch is True}
    assert not {f.target for module in reached for f in by_source.get(module, []) if f.package == "torch"}


def heavy(imports: list[house.Import]) -> list[str]:
    """Sentences about other packages that are loaded where they may not be."""
    rows = {row["name"]: row for row in house.TABLE["heavy"]}
    known = TORCH | sys.stdlib_module_names | {"kymath", *house.TABLE["light"]}
    out = []
    for found in imports:
        if found.late or found.typing or found.package in known:
            continue
        places = rows.get(found.package, {}).get("loaded_by", [])
        if not any(found.source == place or found.source.startswith(f"{place}.") for place in places):
            where = f"only {', '.join(places)} may" if places else "no file may"
            out.append(f"{found}: {found.source} loads {found.package} as soon as it is loaded itself; {where}.")
    return out


def test_heavy_packages_are_loaded_by_those_who_use_them():
    complain(heavy(house.imports()))


def test_the_table_lists_no_place_that_loads_nothing():
    loads = {(found.package, found.source) for found in house.imports() if not found.late and not found.typing}
    for row in house.TABLE["heavy"]:
        for place in row["loaded_by"]:
            assert any(p == row["name"] and (s == place or s.startswith(f"{place}.")) for p, s in loads), (row, place)
    assert {row["from"] for row in house.TABLE["hidden"]} == {
        module for module, path in house.modules().items() if any(house.hidden(house.parsed(path)))
    }


def test_every_import_names_what_it_imports():
    allowed = {row["from"] for row in house.TABLE["hidden"]}
    complain(
        [
            f"{path.relative_to(house.ROOT).as_posix()}:{line}: an import of a name that is not written out: this test "
            "cannot follow it."
            for module, path in house.modules().items()
            if module not in allowed
            for line in house.hidden(house.parsed(path))
        ]
    )


def scratch(text: str, module: str = "kymath.errors") -> list[house.Import]:
    """The imports of a file as if it stood in this one's place."""
    path = house.modules()[module]
    return list(house.imports_of(module, path, ast.parse(text), house.modules()))


@pytest.mark.parametrize(
    ("test", "typing"),
    [("TYPE_CHECKING", True), ("typing.TYPE_CHECKING", True), ("not TYPE_CHECKING", False),
     ("TYPE_CHECKING or True", False), ("MY_TYPE_CHECKING", False)],
)  # fmt: skip
def test_only_what_never_runs_counts_as_typing(test, typing):
    (found,) = scratch(f"if {test}:\n    from kymath.compare import compare\n")
    assert (found.target, found.typing) == ("kymath.compare", typing)


@pytest.mark.parametrize(
    "text",
    [
        '__import__("kymath.compare")',
        'import_module(f"kymath.{name}")',
        "importlib.import_module(name)",
        "load = importlib.import_module",
        "from importlib import import_module as load",
        "importlib.__import__(name)",
    ],
)
def test_imports_that_cannot_be_read_are_noticed(text):
    assert list(house.hidden(ast.parse(text))) == [1]


def test_imports_that_are_written_out_can_be_read():
    text = 'from importlib import import_module\nimport_module("kymath.compare")\n'
    assert not list(house.hidden(ast.parse(text)))
    assert [found.target for found in scratch(text)] == ["importlib", "kymath.compare"]


@pytest.mark.parametrize(
    ("text", "module", "noticed"),
    [
        ("import matplotlib.pyplot as plt", "kymath.result", True),
        ("from scipy.optimize import minimize", "kymath.rules.minimise", True),
        ('minimize = importlib.import_module("scipy.optimize")', "kymath.rules.minimise", True),
        ("try:\n    import pandas\nexcept ImportError:\n    pandas = None", "kymath.samples.frames", True),
        ("import a_package_of_tomorrow", "kymath.errors", True),
        ("def f():\n    from scipy.optimize import minimize", "kymath.rules.minimise", False),
        ("import matplotlib", "kymath.plot.style", False),
        ("import math, numpy", "kymath.errors", False),
    ],
)
def test_heavy_packages_are_noticed(text, module, noticed):
    assert bool(heavy(scratch(text, module))) is noticed


def test_no_file_is_longer_than_one_sitting():
    sittings = {house.PACKAGE: 400, house.ROOT / "tests": 500}  # tests hold tables of cases, which read fast
    long = [
        f"{path.relative_to(house.ROOT).as_posix()} has {count} lines, and {most} are one sitting: split it by ideas."
        for folder, most in sittings.items()
        for path in sorted(folder.rglob("*.py"))
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > most
    ]
    complain(long)


def test_the_page_lists_the_rooms():
    page = (house.ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    assert house.table() in page, "the rooms are others now: run python docs/house_picture.py"


def test_the_picture_shows_the_imports():
    drawn = ET.parse(house.ROOT / "docs" / "images" / "house.svg").getroot()
    told = drawn.find(".//{http://purl.org/dc/elements/1.1/}description").text
    assert told == house.told(house.between_rooms()), "the imports are others now: run python docs/house_picture.py"
