"""Imports run downwards only: the floors of docs/house.toml, kept."""

from __future__ import annotations

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
        if found.target.partition(".")[0] in TORCH
        and here.torch is not True
        and not (here.torch == "late" and found.late)
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
    assert not {f.target for module in reached for f in by_source.get(module, []) if f.target.split(".")[0] == "torch"}


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
    image = pytest.importorskip("PIL.Image")
    with image.open(house.ROOT / "docs" / "images" / "house.png") as picture:
        drawn = picture.text["Imports"]
    assert drawn == house.told(house.between_rooms()), "the imports are others now: run python docs/house_picture.py"
