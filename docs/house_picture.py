"""Draw docs/images/house.png and write the table of docs/house.md, from docs/house.toml and the imports as they are.

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

INK, QUIET, SHADE = "#1a1a1a", "#8c8c8c", "#ececec"
TABLE = re.compile(r"(?<=<!-- rooms -->\n).*?(?=<!-- /rooms -->)", re.DOTALL)


def picture() -> Figure:
    rooms = list(house.rooms().values())
    top = len(rooms) - 1  # the roof is drawn at the top, and the ground at the bottom
    figure = Figure(figsize=(10, 8.5), layout="constrained")
    ax = figure.add_subplot()
    floors(ax, rooms)
    for (here, there), late in house.between_rooms().items():
        row, column = (house.rooms()[name].place for name in (here, there))
        up = column > row
        ax.plot(
            column,
            row,
            marker="s" if up else "o",
            markersize=7 if up else 6,
            color="#d55e00" if up else INK,
            markerfacecolor="white" if late else INK,
            markeredgewidth=1.4,
            linestyle="none",
        )
    ax.set_xlim(-0.5, top + 0.5)
    ax.set_ylim(-0.5, top + 0.5)
    ax.set_aspect("equal")
    names = [house.shown(room) for room in rooms]
    ax.set_yticks(range(top + 1), names, fontsize=8.5)
    ax.set_xticks(range(top + 1), names, fontsize=8.5, rotation=90)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_ylabel("this room …", fontsize=10)
    ax.set_xlabel("… imports this one", fontsize=10)
    legend(ax)
    return figure


def floors(ax: Axes, rooms: list[house.Room]) -> None:
    """A band and a name for each floor, a stair along the rooms themselves, and thin lines to follow."""
    end = len(rooms) - 0.5
    for room in rooms:
        place = room.place
        ax.plot([-0.5, place], [place, place], color="#c8c8c8", linewidth=0.5, zorder=1)
        ax.plot([place, place], [place, end], color="#e0e0e0", linewidth=0.5, zorder=1)
        ax.add_patch(Rectangle((place - 0.5, place - 0.5), 1, 1, facecolor="#b4b4b4", edgecolor="none", zorder=1))
    for number in sorted({room.floor for room in rooms}):
        own = [room.place for room in rooms if room.floor == number]
        low, high = min(own) - 0.5, max(own) + 0.5
        if number % 2:
            ax.axhspan(low, high, color=SHADE, linewidth=0, zorder=0)
        name = next(room.floor_name for room in rooms if room.floor == number)
        ax.text(end + 0.4, (low + high) / 2, f"{number}  {name}", va="center", fontsize=9.5, color=INK)


def legend(ax: Axes) -> None:
    handle = mpl.lines.Line2D
    marks = [
        handle([], [], marker="o", color=INK, linestyle="none", label="when it is loaded"),
        handle([], [], marker="o", color=INK, markerfacecolor="white", linestyle="none", label="inside functions only"),
        handle(
            [],
            [],
            marker="s",
            color="#d55e00",
            markerfacecolor="white",
            linestyle="none",
            label="upwards, for a reason",
        ),
    ]
    ax.legend(handles=marks, loc="lower right", fontsize=9.5, frameon=False, bbox_to_anchor=(1, 0.1))


def main() -> None:
    facts = {"Imports": house.told(house.between_rooms()), "Software": None}
    picture().savefig(DOCS / "images" / "house.png", dpi=110, metadata=facts)
    page = DOCS / "house.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(TABLE.sub(lambda _: house.table(), text), encoding="utf-8")


if __name__ == "__main__":
    main()
