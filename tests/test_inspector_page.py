"""The pictures of a report: what matplotlib draws, what the page holds, and what a browser makes of it."""

from __future__ import annotations

import base64
import html
import json
import math
import re
import time
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from kymath import KYError
from kymath.inspector import ConnectionCurve, ConnectionReport, inspect_connections
from kymath.inspector.draw import LOOKS, evenly, size
from kymath.inspector.kinds import KINDS
from kymath.inspector.page import embedded, page
from kymath.inspector.page_data import MOST, data, rounded, thinned

mpl.use("Agg")


def curve(layer, head, bias, layout="by hand", **more):
    bias = np.asarray(bias, dtype=float)
    return ConnectionCurve(layer, head, layout, np.arange(bias.size, dtype=float), bias, **more)


def report(layers=3, heads=4, window=16, source="a model"):
    """Slopes that differ from head to head, and a wave in the last head."""
    lags = np.arange(window)
    shapes = [-0.1 * (h + 1) * lags if h < heads - 1 else np.cos(lags) for h in range(heads)]
    return ConnectionReport(
        [curve(k, h, shapes[h] * (1 + k)) for k in range(layers) for h in range(heads)], source
    )  # fmt: skip


def images(layers=2, heads=2, seed=0):
    """Swin's tables: (2·4 − 1)² numbers a head."""
    rng = np.random.default_rng(seed)
    name = "layers.0.blocks.{}.attn.relative_position_bias_table"
    return inspect_connections({name.format(k): rng.normal(size=(49, heads)) for k in range(layers)})


def broken():
    lags = np.arange(8.0)
    odd = [np.full(8, np.nan), np.full(8, -np.inf), np.where(lags == 3, np.inf, 0), np.where(lags > 5, -np.inf, -lags)]
    odd += [1e300 * np.cos(lags), np.zeros(8), 1e-300 * lags, lags * 1e6]
    return ConnectionReport([curve(0, h, bias) for h, bias in enumerate(odd)])


# -- matplotlib --------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_figures():
    yield
    plt.close("all")


def test_a_panel_for_each_layer():
    ax = report(layers=3).plot()
    panels = ax.figure.axes[1:]
    assert [panel.get_title() for panel in panels] == ["layer 0", "layer 1", "layer 2"]
    lines = [line for line in panels[2].get_lines() if len(line.get_xdata()) == 16]
    assert len(lines) == 4
    np.testing.assert_allclose(lines[0].get_ydata(), -0.3 * (np.arange(16) - 7.5), atol=1e-12)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["linear", "periodic"]
    assert {panel.get_ylim() for panel in panels} == {panels[0].get_ylim()}
    ax.figure.canvas.draw()


def ends(ax):
    ax.figure.canvas.draw()
    return [[note for note in panel.texts if note.get_text()] for panel in ax.figure.axes[1:]]


@pytest.mark.parametrize("heads", [1, 4, 12, 13])
def test_heads_have_their_numbers_at_the_ends(heads):
    made = ConnectionReport([curve(0, h, np.where(np.arange(9) < 4, h, 0.0)) for h in range(heads)])
    [notes] = ends(made.plot())
    assert sorted(int(note.get_text()) for note in notes) == list(range(heads if heads <= 12 else 0))
    boxes = sorted((note.get_window_extent() for note in notes), key=lambda box: box.y0)
    assert all(two.y0 >= one.y0 + 5 for one, two in pairwise(boxes))
    assert {note.get_text() for note in ends(images(heads=2).plot())[0]} == {"0v", "0h", "1v", "1h"}


def test_the_title_names_the_file_alone():
    assert report(source="/a/long/way/t5.safetensors").plot().texts[0].get_text() == "t5.safetensors: by hand"


def test_of_many_layers_some():
    ax = report(layers=40, heads=2).plot()
    titles = [panel.get_title() for panel in ax.figure.axes[1:]]
    assert len(titles) == 16
    assert (titles[0], titles[-1]) == ("layer 0", "layer 39")
    assert "16 of 40 layers" in ax.texts[0].get_text()
    assert len(report(layers=40).plot(panels=3).figure.axes) == 4
    assert tuple(ax.figure.get_size_inches()) == size(report(layers=40, heads=2))


def test_images_beside_their_lines():
    ax = images(heads=20).plot()
    panels = [panel for panel in ax.figure.axes[1:] if panel.get_title()]
    assert [panel.get_title() for panel in panels] == [
        "layer 0.0",
        "its 16 of 20 heads",
        "layer 0.1",
        "its 16 of 20 heads",
    ]
    assert panels[0].get_xlabel() == "lag (patches)"
    assert panels[1].images[0].get_array().shape == (4 * 7 + 3, 4 * 7 + 3)
    ax.figure.canvas.draw()


def test_on_axes_of_ones_own():
    figure, both = plt.subplots(1, 2, layout="constrained")
    assert report().plot(ax=both[1]) is both[1]
    figure.canvas.draw()
    boxes = [panel.get_position() for panel in figure.axes[2:]]
    assert len(boxes) == 3
    assert min(box.x0 for box in boxes) > both[0].get_position().x1
    with pytest.raises(KYError, match="must be those of a subplot"):
        report().plot(ax=plt.figure().add_axes((0, 0, 1, 1)))


def test_odd_curves_are_drawn_or_said():
    ax = broken().plot()
    assert ax.texts[0].get_text() == "by hand; 1 curve cut off; 3 without numbers"
    ax.figure.canvas.draw()
    with pytest.raises(KYError, match="nothing to draw"):
        ConnectionReport([curve(0, 0, [math.nan, 0])]).plot()
    with pytest.raises(KYError, match="nothing to draw"):
        ConnectionReport([]).plot()
    with pytest.raises(KYError, match="whole number"):
        report().plot(panels=0)
    hostile = ConnectionReport([curve("$\\frac{", 0, [0, 1, 2], layout="a $ b")])
    hostile.plot().figure.canvas.draw()


def test_every_kind_has_a_look_of_its_own():
    assert tuple(LOOKS) == KINDS
    assert len({colour for colour, _ in LOOKS.values()}) == len({str(dashes) for _, dashes in LOOKS.values()}) == 7


def test_evenly():
    assert evenly(3, 5) == [0, 1, 2]
    assert evenly(96, 3) == [0, 48, 95]
    assert evenly(5, 1) == [0]


# -- what the page holds -----------------------------------------------------------------------------------------------


def within(text):
    """The numbers inside a page."""
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_what_the_page_holds():
    made = report()
    held = within(page(made))
    assert held == data(made)
    assert [group["curves"] for group in held["groups"]] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert held["lags"] == [list(range(16))]
    np.testing.assert_allclose(held["bias"][1], made.curves[1].centred, atol=2e-4)
    assert [held["kinds"][k]["name"] for k in held["kind"]] == [row["kind"] for row in made.table()]
    slopes = [row["slope"] for row in made.table()]
    np.testing.assert_allclose(held["numbers"]["slope"], slopes, rtol=1e-3, atol=1e-12)
    assert held["numbers"]["period"][0] is None


def test_numbers_are_rounded():
    assert (rounded(math.pi), rounded(-1.23456e-7), rounded(1e-14)) == (3.142, -1.235e-7, 0.0)
    assert rounded(math.nan) is rounded(math.inf) is None


def test_maps_reach_to_their_largest_distance():
    held = data(ConnectionReport([curve(0, 0, -np.arange(8.0)), curve(0, 1, -1.1 * np.arange(8.0))]))["alike"]["all"]
    assert 0.01 < held["most"] < 0.1
    assert list(base64.b64decode(held["cells"])) == pytest.approx([0, 254, 254, 0], abs=6)
    alike = data(ConnectionReport([curve(0, h, np.zeros(8)) for h in range(2)]))["alike"]["all"]
    assert (alike["most"], set(base64.b64decode(alike["cells"]))) == (0.01, {0})
    odd = data(broken())["alike"]["all"]
    assert list(base64.b64decode(odd["cells"]))[:3] == [255] * 3


def test_long_windows_keep_their_peaks():
    lags = np.arange(4097.0)
    for bias in (np.where(lags == 1234, 9.0, np.sin(lags)), -lags, lags):
        x, y = thinned(lags, bias, 200)
        assert x.size <= 200
        assert (y.min(), y.max()) == (bias.min(), bias.max())
        assert np.all(np.diff(x) >= 0)
    assert np.all(np.diff(thinned(lags, -lags, 200)[1]) < 0)
    held = data(ConnectionReport([curve(0, 0, -lags), curve(1, 0, np.zeros(3))]))
    assert [len(x) for x in held["lags"]] == [len(y) for y in held["bias"]]
    assert [len(y) for y in held["bias"]][1] == 3


def test_masked_slots_are_gaps_and_broken_curves_empty():
    held = data(broken())
    assert held["bias"][3][6:] == [None, None]
    assert held["bias"][0] == held["bias"][1] == held["bias"][2] == [None] * 8
    assert held["broken"] == 3
    embedded(held)  # strict JSON


@pytest.mark.parametrize(("curves", "message"), [(0, "nothing to show"), (MOST + 1, "takes 20000")])
def test_what_is_no_page(curves, message):
    with pytest.raises(KYError, match=message):
        page(ConnectionReport([curve(0, 0, [0.0, 1.0])] * curves))


HOSTILE = "</script><script>document.title='x'</script><img src=x onerror=alert(1)>&\u2028${1}{}"


def hostile():
    made = report(source=HOSTILE)
    made.curves[0] = curve(HOSTILE, 0, -np.arange(16.0), layout=HOSTILE, axis=HOSTILE)
    return made


def test_texts_of_files_are_texts():
    text = page(hostile())
    assert text.count("<script") == text.count("</script>") == 2
    assert "<img" not in text
    held = within(text)
    assert held["groups"][0]["layer"].startswith("</script><script>document.title")
    assert not re.search(r"src=|href=|url\(|@import|fetch\(|import\(", text.replace("src=x", ""))


def test_the_page_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "page.html"
    report().to_html(file)
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    with pytest.raises(OSError, match="No such file"):
        report().to_html(tmp_path / "missing" / "page.html")


# -- in a browser ------------------------------------------------------------------------------------------------------


def opened(browser, file, *flags):
    """The document after loading; nothing may have been said on the console."""
    return browser(file, file.parent, "--window-size=1000,1200", *flags)


STEPS = """
const done = {};
const all = (what) => [...document.querySelectorAll(what)];
const heads = () => all("#panels b").map((one) => one.textContent);
const cells = (k) => all("#rows tr").map((row) => row.children[k].textContent);
const column = (name) => all("th").findIndex((head) => head.id === `by-${name}`);
const click = (what) => document.querySelector(what).click();
const set = (id, value, event) => {
  const one = document.getElementById(id);
  one.value = value;
  one.dispatchEvent(new Event(event));
};
"""


def after(browser, made, room, steps, *flags):
    """What a script finds in the page: it clicks, and puts what it sees into ``done``.

    The page's own policy would refuse that script, and is taken out of this copy.
    """
    text, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page(made))
    assert count == 1
    script = f"{STEPS}{steps}\ndocument.body.textContent = JSON.stringify(done);"
    file = room / "clicked.html"
    file.write_text(text.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    body = re.search(r"<body>(.*?)</body>", opened(browser, file, *flags), re.DOTALL)
    return json.loads(html.unescape(body[1]))


def test_the_page_in_a_browser(browser, tmp_path):
    file = tmp_path / "page.html"
    report().to_html(file)  # with its policy: what it forbids would be on the console
    document = opened(browser, file)
    assert document.count("<figure") == 4
    assert document.count("<path") == 4
    assert "12 connection curves of 3 layers (by hand)." in document
    assert "rows 1–12 of 12" in document


def test_clicks(browser, tmp_path):
    seen = after(
        browser, report(layers=30, heads=4), tmp_path,
        """
        done.first = document.getElementById("layer").textContent;
        const scale = document.querySelector("#panels text").textContent;
        set("slider", 7, "input");
        done.slid = document.getElementById("layer").textContent;
        done.scales = [scale, document.querySelector("#panels text").textContent];
        click("#on");
        done.on = document.getElementById("layer").textContent;
        done.before = cells(column("slope"));
        click("#by-slope button");
        done.rising = cells(column("slope"));
        done.sort = document.getElementById("by-slope").getAttribute("aria-sort");
        click("#by-slope button");
        done.falling = cells(column("slope"));
        click("#by-period button");
        done.period = cells(column("period"));
        click("#last");
        done.last = cells(column("period"));
        done.which = document.getElementById("which").textContent;
        set("of-layer", 3, "change");
        done.layers = cells(column("layer"));
        set("of-kind", [...document.querySelectorAll("#of-kind option")].at(-1).value, "change");
        done.kinds = cells(column("kind"));
        click("#rows tr");
        done.chosen = document.querySelector("figure.chosen b").textContent;
        done.shown = document.getElementById("layer").textContent;
        done.map = [document.getElementById("map").width, document.getElementById("mapped").textContent];
        set("maps", "all", "change");
        done.all = [document.getElementById("map").width, document.getElementById("mapped").textContent];
        const pixels = document.getElementById("map").getContext("2d").getImageData(0, 0, 2, 1).data;
        done.pixels = [...pixels];
        """,
    )  # fmt: skip
    assert seen["first"] == "layer 0 (1 of 30)"
    assert seen["slid"] == "layer 7 (8 of 30)"
    assert seen["scales"] == ["2.4", "19"]
    assert seen["on"] == "layer 8 (9 of 30)"
    assert len(seen["rising"]) == 50
    assert seen["sort"] == "ascending"
    rising, falling = (
        [float(text.replace("−", "-")) for text in seen[name]] for name in ("rising", "falling")
    )  # fmt: skip
    assert rising == sorted(rising) != [float(text.replace("−", "-")) for text in seen["before"]]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] > rising[-1]
    assert seen["period"][:30] == ["6.283"] * 30  # what a curve lacks comes last
    assert set(seen["period"][30:]) == {"–"}
    assert seen["which"] == "rows 101–120 of 120"
    assert len(seen["last"]) == 20
    assert seen["layers"] == ["3"] * 4
    assert seen["kinds"] == ["periodic"]
    assert (seen["chosen"], seen["shown"]) == ("head 3", "layer 3 (4 of 30)")
    assert seen["map"] == [4, "layer 3: 4 curves."]
    assert seen["all"] == [120, "All layers: 120 curves."]
    assert seen["pixels"][:4] == [68, 1, 84, 255] != seen["pixels"][4:]


def test_columns_without_a_number_are_left_out(browser, tmp_path):
    lags = np.arange(15.0)
    made = ConnectionReport([curve(0, 0, -0.1 * lags), curve(0, 1, -0.4 * np.log1p(lags))], "small")
    steps = """
    done.columns = all("th").map((head) => head.id.slice(3));
    done.cells = all("#rows tr").map((row) => row.children.length);
    done.said = document.body.innerText.includes("No curve has a number for: frequency, period.");
    const table = document.getElementById("table");
    done.fits = table.scrollWidth <= table.clientWidth;
    """
    seen = after(browser, made, tmp_path, steps, "--window-size=1200,1200")
    assert not {"frequency", "period"} & set(seen["columns"])
    assert {"half_life", "effective_window"} < set(seen["columns"])
    assert set(seen["cells"]) == {len(seen["columns"])}
    assert (seen["said"], seen["fits"]) == (True, True)
    seen = after(browser, report(), tmp_path, steps)
    assert {"frequency", "period"} < set(seen["columns"])
    assert seen["said"] is False


def test_texts_of_files_in_a_browser(browser, tmp_path):
    seen = after(
        browser, hostile(), tmp_path,
        """
        done.images = document.images.length;
        done.title = document.title;
        done.head = document.querySelector("h1").textContent;
        done.layer = document.getElementById("layer").textContent;
        done.cells = cells(0).concat(cells(column("axis")), cells(column("layout")));
        """,
    )  # fmt: skip
    assert seen["images"] == 0
    assert seen["title"].startswith("Connection curves: </script>")
    for text in (seen["head"], seen["layer"], *seen["cells"][:1]):
        assert "<img src=x onerror=" in text or "<script>document.title" in text


def test_images_and_odd_curves_in_a_browser(browser, tmp_path):
    steps = """
        done.tiles = all("figure canvas").length;
        done.paths = all("#panels path").map((one) => one.getAttribute("d"));
        done.legend = all(".legend span").map((one) => one.textContent);
        done.axes = all("#across span").map((one) => one.textContent);
        done.cell = document.getElementById("map").getBoundingClientRect().width / Math.max(1, done.axes.length);
        done.most = document.getElementById("most").textContent;
        done.units = all("th small").map((one) => one.textContent);
        """
    seen = after(browser, images(), tmp_path, steps)
    assert seen["tiles"] == 2
    assert len(seen["paths"]) == 4
    assert "nats/patch" in seen["units"]
    assert [text.split(":")[0] for text in seen["legend"]] == ["horizontal", "vertical"] * 2
    assert seen["axes"] == ["0h", "0v", "1h", "1v"]
    assert seen["cell"] <= 40
    assert 0 < float(seen["most"]) <= 1
    assert not any("token" in unit for unit in seen["units"])
    seen = after(browser, broken(), tmp_path, steps)
    assert [bool(path) for path in seen["paths"]] == [False, False, False, *[True] * 5]
    assert not any("NaN" in path or "Infinity" in path for path in seen["paths"])


@pytest.mark.slow
def test_96_layers_of_96_heads(browser, tmp_path):
    rng = np.random.default_rng(0)
    table = {f"decoder.block.{k}.layer.0.SelfAttention.relative_attention_bias.weight": rng.normal(size=(32, 96))
             for k in range(96)}  # fmt: skip
    file = tmp_path / "big.html"
    inspect_connections(table).to_html(file)
    assert file.stat().st_size < 20e6
    opened(browser, file)  # the first start of a browser makes its profile
    begin = time.monotonic()
    document = opened(browser, file)
    assert time.monotonic() - begin < 10
    assert document.count("<figure") == 96
    assert document.count("<tr") == 51


def test_the_page_has_line_and_fall():
    found = data(report())
    named = {column["name"]: column["about"] for column in found["columns"]}
    assert "straight line" in named["line"]
    assert "largest weight" in named["fall"]
    rows = report().table()
    for name in ("line", "fall"):
        assert found["numbers"][name] == [rounded(row[name]) for row in rows]
