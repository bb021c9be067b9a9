"""The page of the claims: its formulas, its pictures, and what a browser makes of it."""

from __future__ import annotations

import html
import io
import math
import re
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
import sympy as sp
from matplotlib.image import imread

from kymath import audit
from kymath.audit import pictures, selection, synthesis_claims
from kymath.audit.formula import formula
from kymath.audit.page import page
from kymath.cli import main

ASKED_FOR = ("L-order-barrier", "D3.4-RE-limit", "Ex3.1/Eq28-29", "Eq40-43-pad", "CS-L1")


# -- formulas ----------------------------------------------------------------------------------------------------------


def text_of(markup):
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def unmarked(text):
    """A text without what the typesetting stands for: the marks of scripts, powers of ten, * and - as signs."""

    def power(match):
        mantissa, exponent = float(match[1]), int(match[2])
        return "0" if mantissa == 0 else f"{'' if mantissa == 1 else match[1] + '·'}10{exponent}"

    text = re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]\d+)(?!\w)", power, text)
    return re.sub(r"\*\*|[\^_{}]", "", text).replace("*", "·").replace("-", "−")


def well_formed(markup):
    return ElementTree.fromstring(f"<p>{markup}</p>")


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("f″/2", '<span class="frac"><span><i>f<span class="prime">″</span></i></span>'),
        (
            "h*(h**2 + 3*h + 3)/(h**2 + 1) → 0",
            '<span class="mark">(</span><i>h<sup>2</sup></i> + 1<span class="mark">)',
        ),
        ("√(M² − f²)", '√<span class="root"><span class="mark">(</span><i>M<span class="up">²</span></i> −'),
        ("f^(n+1) and C^(N−1)", "<i>f<sup>(<i>n</i>+1)</sup></i>"),
        ("h^{n+1−k}", "<i>h<sup><i>n</i>+1−<i>k</i></sup></i>"),
        ("w_ij, b_out, x0", "<i>w<sub><i>ij</i></sub></i>, <i>b<sub>out</sub></i>, <i>x<sub>0</sub></i>"),
        ("θ* and W*‖", "<i>θ</i><sup>*</sup> and <i>W</i><sup>*</sup>"),
        ("(0, -1) and one-to-one", "(0, −1) and one-to-one"),
        ("within 2.5e-07, 1e+30 and 0e+00", "within 2.5·10<sup>−7</sup>, 10<sup>30</sup> and 0"),
        ("SmallestRate(bound=2) at a point", "<code>SmallestRate(bound=2)</code> at a point"),
        ("A matrix A > 0 of Taylor's", "A matrix <i>A</i> &gt; 0 of Taylor's"),
        ("exp(x)/2", "exp(<i>x</i>)"),
        ("n = 2: f^(n+1) h/n!", '= 2: <span class="frac"><span><i>f<sup>(<i>n</i>+1)</sup></i> <i>h</i></span>'),
        ("at 2 1/3", 'at 2 <span class="frac"><span>1</span>'),
        ("2^−t, 2^-120", "2<sup>−<i>t</i></sup>, 2<sup>−120</sup>"),
        ("|ωh| < π", '<span class="bars">|<i>ω</i><i>h</i>|</span> &lt; <i>π</i>'),
    ],
)
def test_a_formula(text, has):
    found = formula(text)
    assert has in found
    assert text_of(found) == text_of(found).strip()
    well_formed(found)


@pytest.mark.parametrize(
    "text", ["a/b/c", "1/radius", "‖∂O/∂X‖", "(x/2, y)", "and/or", "½", "a / b", "/", "a/", "n/∂x", "2/3rd"]
)
def test_no_fraction_where_it_could_be_another(text):
    found = formula(text)
    assert "frac" not in found
    assert text_of(found) == text
    well_formed(found)


@pytest.mark.parametrize(
    "text", ["", ")", "(", "a)b(c", "|", "[0, 1)", "√", "^2", "_", "**", "* a", "<b>&amp;", "a_{", "é√)"]
)
def test_whatever_the_text(text):
    found = formula(text)
    well_formed(found)
    assert unmarked(text_of(found)) == unmarked(text)


# -- pictures ----------------------------------------------------------------------------------------------------------

OTHER = {
    "D3.4-RE-limit": {"formula": lambda f0, d, h, m: (m, d / m / h, f0 - m)},
    "L-order-barrier": {"selections": {"one that peeks": lambda h, d, p, q: q}},
    "L-aliasing": {"period": lambda h: math.pi / h},
    "Eq20/Eq30-literal": {"rule": lambda values, n, h: [0, 0, (values[0] - 2 * values[1] + values[2]) / (2 * h**2)]},
    "Ex3.1/Eq28-29": {"a1": sp.Integer(3)},
    "T3.13-rates": {"table": audit.rates.TABLE[:1]},
    "Eq40-43-pad": {"edge": "mask"},
    "CS-L1": {"update": lambda z: math.tanh(-0.5 * z)},
}


def caption(figure):
    return text_of(figure[figure.index("<figcaption") :])


def test_the_pictures_are_these():
    assert set(ASKED_FOR) <= set(pictures.PICTURES) == set(OTHER)
    assert pictures.figure("T5.4") == ""


@pytest.mark.parametrize("id", OTHER)
def test_a_picture_is_drawn_from_what_is_examined(id):
    usual, other = pictures.figure(id, "q"), pictures.figure(id, "q", **OTHER[id])
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "none", "axes.facecolor": "red"}):
        assert pictures.figure(id, "q", **OTHER[id]) == other  # nor does it depend on settings, the time or chance
        assert mpl.rcParams["font.size"] == 30
    assert other != usual
    assert caption(other) != caption(usual)
    for figure in (usual, other):
        tree = ElementTree.fromstring(figure)
        assert tree.find("svg").get("role") == "img"
        assert tree.find("svg").get("aria-labelledby") == tree.find("figcaption").get("id")
        assert len(tree.findall(".//path")) > 20
        assert not re.search(r"#[0-9a-fA-F]{6}", figure)  # all colours are the page's
        assert not re.search(r"https?:|xmlns|<script|<style|nan", figure)
    assert len(usual) < 200_000


def test_a_picture_shows_the_numbers_of_the_check():
    assert "46.7" in audit.find("Eq40-43-pad").examine().evidence
    assert "46.7" in caption(pictures.figure("Eq40-43-pad"))
    assert "0.0025" in audit.find("CS-L1").examine().evidence
    assert "0.0025" in caption(pictures.figure("CS-L1"))
    assert "h³" in caption(pictures.figure("Ex3.1/Eq28-29"))
    assert "A(h) jumps by 6 " in caption(pictures.figure("D3.4-RE-limit", m=3.0))
    assert "A(h) jumps by 4 " in caption(pictures.figure("D3.4-RE-limit", formula=selection.smallest_rate))


def test_a_check_that_examines_something_else_is_drawn_so(monkeypatch):
    usual = pictures.figure("CS-L1")

    def lemma(update=lambda z: math.tanh(-2 * z)):
        yield from synthesis_claims.lemma.check(update)

    monkeypatch.setattr(audit, "CLAIMS", (replace(audit.find("CS-L1"), check=lemma),))
    text = page(audit.verify())
    assert text.count("<figure>") == 1
    assert caption(usual) not in text
    assert caption(pictures.figure("CS-L1", update=lambda z: math.tanh(-2 * z))) in text_of(text)


def test_what_did_not_run_is_not_drawn(monkeypatch):
    monkeypatch.setattr(audit, "CLAIMS", (replace(audit.find("CS-L1"), needs=("a_module_that_is_not_there",)),))
    text = page(audit.verify())
    assert "not run" in text
    assert "<figure>" not in text


# -- the page ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reports():
    return audit.verify()


@pytest.fixture(scope="module")
def whole(reports, tmp_path_factory):
    """The page of all claims, as the command writes it."""
    file = tmp_path_factory.mktemp("page") / "claims.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", io.StringIO())
        patch.setattr(audit, "verify", lambda *_: reports)
        assert main(["verify", "--html", str(file)]) == 0
    return file


def tree_of(text):
    text = re.sub(r"<meta[^>]*>", "", text.removeprefix("<!DOCTYPE html>"))
    return ElementTree.fromstring(text)


def test_the_whole_page(whole):
    text = whole.read_text(encoding="utf-8")
    assert len(text.encode()) < 2_000_000
    tree = tree_of(text)
    tags = Counter(element.tag for element in tree.iter())
    assert not tags.keys() & {"script", "link", "img", "iframe", "object", "image", "foreignObject", "a:href"}
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", text)  # nothing is fetched
    assert (tags["section"], tags["figure"]) == (len(audit.CLAIMS), len(pictures.PICTURES))

    ids = Counter(element.get("id") for element in tree.iter() if element.get("id"))
    assert set(ids.values()) == {1}
    meant = [element.get("href")[1:] for element in tree.iter() if element.get("href")]
    meant += re.findall(r"url\(#([^)]+)\)", text)
    meant += [element.get("aria-labelledby") for element in tree.iter("svg")]
    assert set(meant) <= set(ids)

    for section, claim in zip(tree.iter("section"), audit.CLAIMS, strict=True):
        said = "".join(section.itertext())
        assert claim.id in said
        assert unmarked(claim.statement) in unmarked(said)
        assert (section.find("figure") is not None) == (claim.id in pictures.PICTURES)
        for paragraph in (*section.findall("p"), *section.findall("ul/li")):
            assert "**" not in "".join(paragraph.itertext())


def test_no_text_is_garbled(reports):
    texts = [text for report in reports for text in (report.statement, report.where, report.corrected)]
    texts += [fact.text for report in reports for fact in report.facts]
    assert len(texts) > 550
    for text in texts:
        found = formula(text)
        well_formed(found)
        assert unmarked(text_of(found)) == unmarked(text)


# -- in a browser ------------------------------------------------------------------------------------------------------


def opened(browser, file, room, height):
    """The document after loading, and the picture of the window, from the browser without a head."""
    shot = room / "shot.png"
    flags = ("--force-device-scale-factor=1", f"--window-size=1000,{height}", f"--screenshot={shot}")
    return browser(file, room, *flags), (imread(shot)[..., :3] * 255).round().astype(int)


def near(picture, colour):
    """How many pixels have about this colour."""
    wanted = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return int((np.abs(picture - wanted).max(axis=-1) <= 8).sum())


def test_the_whole_page_in_a_browser(browser, whole, tmp_path):
    document, picture = opened(browser, whole, tmp_path, 1400)
    assert document.count("<section") == len(audit.CLAIMS)
    assert document.count("<svg") == len(pictures.PICTURES)
    for claim in audit.CLAIMS:
        assert f">{html.escape(claim.id, quote=False)}</a>" in document
    assert picture.shape == (1400, 1000, 3)
    assert near(picture, "#ffffff") > 0.5 * 1400 * 1000
    assert min(near(picture, colour) for colour in ("#1b6e3c", "#8a5a00", "#a3262a")) > 500  # the verdicts


def test_the_pictures_in_a_browser(browser, tmp_path):
    file = tmp_path / "pictures.html"
    file.write_text(page([report for id in ASKED_FOR for report in audit.verify(claim=id)]), encoding="utf-8")
    _, picture = opened(browser, file, tmp_path, 5200)
    painted = np.flatnonzero((picture != 255).any(axis=(1, 2)))
    assert 2500 < painted.max() < 5190  # all of it is in view
    for colour in ("#0072b2", "#d55e00", "#009e73"):
        assert near(picture, pictures.COLOURS[colour][1]) > 1000
