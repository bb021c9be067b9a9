"""Pictures beside the claims, drawn from what the claims' checks examine, as SVG that stands inside a page.

The colours are names that the page resolves (:data:`STYLE`), so that one drawing serves a light and a dark page.
"""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Mapping
from typing import Any

from . import find
from .formula import formula

__all__ = ["PICTURES", "STYLE", "figure"]

#: the page's names for the colours of kymath.plot.style, in a light and in a dark page
COLOURS: Mapping[str, tuple[str, str, str]] = {
    "#1a1a1a": ("ink", "#1a1a1a", "#e8e8e8"),
    "#8c8c8c": ("quiet", "#767676", "#9a9a9a"),
    "#ececec": ("shade", "#ececec", "#333333"),
    "#ffffff": ("paper", "#ffffff", "#121212"),
    "#0072b2": ("blue", "#0072b2", "#4aa8e0"),
    "#d55e00": ("red", "#d55e00", "#f08a3c"),
    "#009e73": ("green", "#009e73", "#2bc295"),
    "#56b4e9": ("sky", "#56b4e9", "#8fd0f5"),
    "#cc79a7": ("rose", "#cc79a7", "#dd94bd"),
    "#e69f00": ("amber", "#e69f00", "#f0b93a"),
}


def _names(which: int) -> str:
    return " ".join(f"--{names[0]}: {names[which]};" for names in COLOURS.values())


STYLE = f"""
:root {{ {_names(1)} }}
@media (prefers-color-scheme: dark) {{ :root {{ {_names(2)} }} }}
figure {{ margin: 1.2rem 0; }} figure svg {{ display: block; width: 100%; height: auto; }}
figure svg * {{ stroke-linejoin: round; stroke-linecap: butt; }}
figcaption {{ font-size: .92rem; margin-top: .3rem; }}
"""


#: for each claim that has a picture: width and height in inches, and the function of :mod:`.drawings` that draws it
PICTURES: Mapping[str, tuple[float, float, str]] = {
    "D3.4-RE-limit": (8.4, 3.3, "rate_jump"),
    "L-order-barrier": (8.4, 4.6, "order_barrier"),
    "L-aliasing": (8.4, 2.6, "aliases"),
    "Eq20/Eq30-literal": (8.4, 3.3, "vanishing_bend"),
    "Ex3.1/Eq28-29": (8.4, 3.6, "example_residual"),
    "T3.13-rates": (8.4, 3.8, "orders"),
    "Eq40-43-pad": (8.4, 3.0, "padding_mass"),
    "CS-L1": (8.4, 3.1, "fusion_oscillation"),
}


def figure(id: str, key: str = "p", **changes: Any) -> str:
    """The claim's picture as a <figure> of HTML, "" where there is none.

    It is drawn now from what the claim's check examines: the defaults of the check's arguments, or ``changes`` in their
    place. ``key`` begins every id in it, so that pictures of one page keep apart.

    >>> figure("CS-L1")[:24], figure("T5.4")
    ('<figure><svg role="img" ', '')
    """
    if id not in PICTURES:
        return ""
    import matplotlib.style as looks
    from matplotlib.figure import Figure

    from . import drawings

    width, height, name = PICTURES[id]
    draw = getattr(drawings, name)
    examined = {name: p.default for name, p in inspect.signature(find(id).check).parameters.items()} | changes
    out = io.StringIO()
    with looks.context(["default", _looks(id)]):  # the reader's own settings would make another page
        drawn = Figure(figsize=(width, height), layout="constrained")
        caption = draw(
            drawn, **{name: examined[name] for name in inspect.signature(draw).parameters if name != "figure"}
        )
        drawn.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return (
        f'<figure><svg role="img" aria-labelledby="{key}-caption" {_inline(out.getvalue(), key)}\n'
        f'<figcaption id="{key}-caption">{formula(caption)}</figcaption></figure>'
    )


def _looks(salt: str) -> dict[str, Any]:
    return {
        "svg.fonttype": "path",  # the same on every machine
        "svg.hashsalt": salt,
        "font.family": "STIXGeneral",  # comes with matplotlib, and is of one kind with the formulas
        "font.size": 12,
        "mathtext.fontset": "stix",
        "text.color": "#1a1a1a",
        "axes.edgecolor": "#1a1a1a",
        "axes.labelcolor": "#1a1a1a",
        "axes.titlesize": 12,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": "#1a1a1a",
        "ytick.color": "#1a1a1a",
        "grid.color": "#ececec",
        "legend.frameon": False,
        "legend.fontsize": 11,
        "legend.handlelength": 1.8,
        "path.simplify_threshold": 0.2,
    }


def _inline(svg: str, key: str) -> str:
    """matplotlib's document from its viewBox on: without prologue, links and unused names, colours as the page's."""
    svg = re.sub(
        r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL
    )
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box is not None
    svg = f"{box[0]}>" + svg[svg.index(">", svg.index("<svg")) + 1 :]
    svg = svg.replace("xlink:href", "href")
    used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg))
    names = {name for pair in used for name in pair if name}
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{key}-{m[1]}"' if m[1] in names else "", svg)
    svg = re.sub(r'href="#|url\(#', lambda m: m[0] + key + "-", svg)
    svg = re.sub(r'\bd="[^"]*"', lambda m: re.sub(r"-?\d+\.\d{2,}", lambda n: f"{float(n[0]):.4g}", m[0]), svg)
    for colour, (name, *_) in COLOURS.items():
        svg = re.sub(colour, f"var(--{name})", svg, flags=re.IGNORECASE)
    return re.sub(r"\s*\n\s*", "\n", svg).strip()
