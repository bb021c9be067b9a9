"""The house as data (docs/house.toml), and the imports of kymath/ as they stand in the files."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "kymath"
TABLE: dict[str, Any] = tomllib.loads((ROOT / "docs" / "house.toml").read_text(encoding="utf-8"))


class Room(NamedTuple):
    name: str
    floor: int  # from the ground, 1
    floor_name: str
    place: int  # counted from the ground through all floors: a room imports from lower places
    holds: str
    torch: bool | str = False  # "late": inside functions only
    only: tuple[str, ...] | None = None


class Import(NamedTuple):
    path: Path
    line: int
    source: str  # the module that imports
    target: str  # what it imports: a module of kymath, or the name of another package
    late: bool  # inside a function
    typing: bool  # under TYPE_CHECKING: never run, so it can close no circle

    @property
    def inside(self) -> bool:
        return self.target.partition(".")[0] == "kymath"

    @property
    def package(self) -> str:
        return self.target.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT).as_posix()}:{self.line}"


def rooms() -> dict[str, Room]:
    out: dict[str, Room] = {}
    for number, floor in enumerate(TABLE["floor"], 1):
        for row in floor["rooms"]:
            only = tuple(row["only"]) if "only" in row else None
            torch = row.get("torch", False)
            out[row["name"]] = Room(row["name"], number, floor["name"], len(out), row["holds"], torch, only)
    return out


def room_of(module: str) -> str:
    """The room's name: the first part below ``kymath``, and ``__init__`` for kymath itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def modules() -> dict[str, Path]:
    out = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        out[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return out


@cache
def imports() -> list[Import]:
    known = modules()
    return [found for module, path in known.items() for found in imports_of(module, path, parsed(path), known)]


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(module: str, path: Path, tree: ast.Module, known: Iterable[str]) -> Iterator[Import]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]

    def names(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                above = parts[: len(parts) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:  # `from .room import file` means the file
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base
        elif (  # import_module("…") of a name that is written out
            isinstance(node, ast.Call)
            and ast.unparse(node.func).rpartition(".")[2] == "import_module"
            and node.args
            and _is_text(node.args[0])
        ):
            word = str(node.args[0].value)
            yield package + word if word.startswith(".") else word

    def visit(node: ast.AST, late: bool, typing: bool) -> Iterator[Import]:
        for name in names(node):
            yield Import(path, node.lineno, module, name, late, typing)  # type: ignore[attr-defined]
        late = late or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        guarded = isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        for child in ast.iter_child_nodes(node):
            yield from visit(child, late, typing or (guarded and child in node.body))  # type: ignore[attr-defined]

    yield from visit(tree, False, False)


def hidden(tree: ast.Module) -> Iterator[int]:
    """The lines with an import that this file cannot read: of a name that is not written out."""
    read = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call) and n.args and _is_text(n.args[0])}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "importlib":
            names = [alias.asname for alias in node.names if alias.name == "import_module" and alias.asname]
            called = bool(names) or any(alias.name == "__import__" for alias in node.names)
        else:
            name = getattr(node, "id", getattr(node, "attr", ""))
            called = name == "__import__" or (name == "import_module" and id(node) not in read)
        if called:
            yield node.lineno  # type: ignore[attr-defined]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def between_rooms() -> dict[tuple[str, str], bool]:
    """What the picture shows: (room, room that it imports) → whether only inside functions."""
    out: dict[tuple[str, str], bool] = {}
    for found in imports():
        pair = room_of(found.source), room_of(found.target)
        if found.inside and not found.typing and pair[0] != pair[1]:
            out[pair] = out.get(pair, True) and found.late
    return out


def circles(edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Groups of modules that reach one another: Tarjan's strongly connected components of two and more."""
    graph: dict[str, set[str]] = {}
    for a, b in edges:
        if a != b:
            graph.setdefault(a, set()).add(b)
            graph.setdefault(b, set())
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    out: list[list[str]] = []

    def walk(node: str) -> None:
        number[node] = low[node] = len(number)
        path.append(node)
        for other in sorted(graph[node]):
            if other not in number:
                walk(other)
                low[node] = min(low[node], low[other])
            elif other in path:
                low[node] = min(low[node], number[other])
        if low[node] == number[node]:
            group = path[path.index(node) :]
            del path[-len(group) :]
            if len(group) > 1:
                out.append(sorted(group))

    for node in sorted(graph):
        if node not in number:
            walk(node)
    return out


def told(pairs: dict[tuple[str, str], bool]) -> str:
    """The imports between rooms as lines of text: the picture carries them with it."""
    return "\n".join(f"{a} {'late' if late else 'loads'} {b}" for (a, b), late in sorted(pairs.items()))


def shown(room: Room) -> str:
    """As in a listing of the folder: a file with its ending, a folder with its stroke."""
    return f"{room.name}/" if (PACKAGE / room.name).is_dir() else f"{room.name}.py"


def table() -> str:
    """The rooms from the roof down, as Markdown."""
    lines = ["| floor | room | what lives there |", "| --- | --- | --- |"]
    ordered = sorted(rooms().values(), key=lambda room: (-room.floor, room.place))
    lines += [f"| {room.floor} {room.floor_name} | `{shown(room)}` | {room.holds} |" for room in ordered]
    return "\n".join(lines) + "\n"
