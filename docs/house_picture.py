"""Draw docs/images/house.svg and write the table of docs/house.md, from docs/house.toml and the imports as they are.

Run it from anywhere: python docs/house_picture.py
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS.parent / "tests")]

import house  # noqa: E402

INK, STEP, LINE, UP = "#1a1a1a", "#d4d4d4", "#e4e4e4", "#d55e00"
TYPE = 15  # points, of a picture six inches wide: it is read on a telephone too
TABLE = re.compile(r"(?<=<!-- rooms -->\n).*?(?=<!-- /rooms -->)", re.DOTALL)


def picture() -> Figure:
    names = {room.floor: room.floor_name for room in house.rooms().values()}
    figure = Figure(figsize=(6, 4.6), layout="constrained")
    ax = figure.add_subplot()
    for floor in names:
        ax.plot([0.5, floor], [floor, floor], color=LINE, linewidth=1, zorder=0)
        ax.plot([floor, floor], [floor, len(names) + 0.5], color=LINE, linewidth=1, zorder=0)
        ax.add_patch(Rectangle((floor - 0.5, floor - 0.5), 1, 1, facecolor=STEP, edgecolor="none", zorder=1))
    for (here, there), late in between_floors().items():
        up = there > here
        ax.plot(
            there,
            here,
            marker="s" if up else "o",
            markersize=11,
            color=UP if up else INK,
            markerfacecolor="white" if late else INK,
            markeredgewidth=2.2,
            linestyle="none",
        )
    ax.set_xlim(0.5, len(names) + 0.5)
    ax.set_ylim(0.5, len(names) + 0.5)
    ax.set_aspect("equal")
    ax.set_yticks(list(names), [f"{name}  {floor}" for floor, name in names.items()], fontsize=TYPE)
    ax.set_xticks(list(names), list(map(str, names)), fontsize=TYPE)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("imports from floor", fontsize=TYPE)
    legend(ax)
    return figure


def between_floors() -> dict[tuple[int, int], bool]:
    """(floor, floor it imports from) → whether only inside functions."""
    rooms = house.rooms()
    out: dict[tuple[int, int], bool] = {}
    for (here, there), late in house.between_rooms().items():
        pair = rooms[here].floor, rooms[there].floor
        out[pair] = out.get(pair, True) and late
    return out


def legend(ax: Axes) -> None:
    marks = [
        mpl.lines.Line2D([], [], marker=shape, color=colour, markerfacecolor=inside, markersize=10, markeredgewidth=2.2,
                         linestyle="none", label=text)
        for shape, colour, inside, text in (
            ("o", INK, INK, "on loading"), ("o", INK, "white", "in functions"), ("s", UP, "white", "upwards")
        )
    ]  # fmt: skip
    ax.legend(handles=marks, loc="lower right", fontsize=TYPE, frameon=False, handletextpad=0.1, borderaxespad=0.6)


def main() -> None:
    facts = {"Description": house.told(house.between_rooms()), "Date": None, "Creator": None}
    with mpl.rc_context({"svg.hashsalt": "house", "svg.fonttype": "path"}):
        picture().savefig(DOCS / "images" / "house.svg", metadata=facts, bbox_inches="tight", pad_inches=0.05)
    page = DOCS / "house.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(TABLE.sub(lambda _: house.table(), text), encoding="utf-8")


if __name__ == "__main__":
    main()
