"""Plain text with formulas in it, as HTML that reads as mathematics: italic letters, raised and lowered scripts, roots,
fractions. HTML and not MathML: a line of it can break, it needs no font for mathematics, and it copies as text.

No character is lost but the marks that the typesetting stands for (^, ** and _, and the braces of their arguments);
``*`` becomes ·, a hyphen before a number −, and 4e-15 a power of ten.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

__all__ = ["STYLE", "formula"]

STYLE = """
i sub, i sup, .up { font-style: normal; }
sub, sup { font-size: .72em; line-height: 0; }
.prime { margin: 0 .06em 0 .08em; }
.root { border-top: 1px solid currentColor; padding: 0 .1em; }
.frac { display: inline-flex; flex-direction: column; vertical-align: middle; text-align: center; line-height: 1.15;
  font-size: .84em; margin: 0 .15em; }
.frac > span:first-child { border-bottom: 1px solid currentColor; padding: 0 .2em .06em; }
.frac > span:last-child { padding: 0 .2em; }
.bars { white-space: nowrap; }
.mark { font-size: 0; }
"""

# What stands for a number and is written with two letters, and what is said with one letter and is a word.
PRODUCTS = {"ps", "qs", "ch", "Bs", "hD", "aB", "oa", "DJ", "LW", "LWH", "Wd", "XY", "Mk"}
INDICES = {"ij", "ji", "ik", "jk"}
FUNCTIONS = {"log", "exp", "sin", "cos", "tan", "cot", "arcsin", "tanh", "softmax", "max", "min", "mean", "sgn"}
BEFORE_A = (
    r"\s*[=≠<>≤≥→~,;:.)\]|/·×²+−^*(′″‴]|\s(?:is|and|or|exp|cos|sin|grows?|B|aB|C)(?![A-Za-z])|$"  # then "A" is a number
)

_TOKEN = re.compile(
    r"(?P<code>\b[A-Z][a-z]+(?:[A-Z][a-z]+)*\((?:[^()]|\([^()]*\))*\))"  # Polynomial(2), as Python writes it
    r"|(?P<power>(?<![\w.])\d+(?:\.\d+)?e[+-]\d+(?!\w))"
    r"|(?P<number>\d+(?:[.,]\d+)*|(?<!\w)\.\d+)"
    r"|(?P<indexed>(?<![\w'’])[A-Za-z]\d+(?![A-Za-z]|\.\d))"
    r"|(?P<word>[A-Za-zÀ-ÖØ-öø-ÿ]+(?:['’][a-z]+)?)"
    r"|(?P<greek>[Α-Ωα-ω])"
    r"|(?P<suffix>[′″‴]+|[⁰¹²³⁴-⁹⁻ⁿᵀ₀-₉]+|!)"
    r"|(?P<script>(?:\*\*|\^|_)(?:\{[^}]*\}|\((?:[^()]|\([^()]*\))*\)|[-−]?[A-Za-zα-ωΑ-Ω0-9]+(?:\.\d+)?))"
    r"|(?P<star>\*)|(?P<minus>-)|(?P<open>[(\[⟨⌈])|(?P<close>[)\]⟩⌉])|(?P<bar>[|‖])|(?P<root>√)|(?P<slash>/)|(?P<other>.)",
    re.DOTALL,
)


@dataclass
class _Piece:
    """A bit of HTML: ``kind`` "atom" (a number, a letter, something in brackets), "slash", "word" or "other"."""

    html: str
    kind: str = "other"
    scripted: bool = False
    letter: bool = False


def formula(text: str) -> str:
    """Text as HTML, its formulas set as such.

    >>> formula("a_k = D h^k, x**3 < 1")
    '<i>a<sub><i>k</i></sub></i> = <i>D</i> <i>h<sup><i>k</i></sup></i>, <i>x<sup>3</sup></i> &lt; 1'
    >>> formula("A limit: A = 4e-15")
    'A limit: <i>A</i> = 4·10<sup>−15</sup>'
    """
    return _Setter(text).all()


class _Setter:
    """One reading of one text, from left to right."""

    def __init__(self, text: str, depth: int = 0) -> None:
        self.text, self.depth, self.at = text, depth, 0

    def all(self) -> str:
        out = []
        while self.at < len(self.text):
            out.append(_joined(self._pieces(""), self.depth))
            if self.at < len(self.text):  # a bracket that closes nothing
                out.append(self.text[self.at])
                self.at += 1
        return "".join(out)

    def _pieces(self, closing: str) -> list[_Piece]:
        """Up to the closing bracket, which is left to be read, or to the end."""
        pieces: list[_Piece] = []
        while self.at < len(self.text):
            match = _TOKEN.match(self.text, self.at)
            assert match is not None  # any character is a token
            kind, token = str(match.lastgroup), match[0]
            if kind == "close" or (closing and token == closing):
                break
            self.at = match.end()
            if kind in ("suffix", "script") and pieces and pieces[-1].html[-1:] != " ":
                pieces[-1] = _scripted(pieces[-1], kind, token)
            else:
                pieces.append(self._piece(kind, token))
        return pieces

    def _piece(self, kind: str, token: str) -> _Piece:
        before, after = self.text[: self.at - len(token)], self.text[self.at :]
        if kind == "power":
            return _Piece(_power_of_ten(token), "atom")
        if kind == "number":
            return _Piece(token, "atom")
        if kind == "indexed":
            return _Piece(f"<i>{token[0]}<sub>{token[1:]}</sub></i>", "atom", letter=True, scripted=True)
        if kind == "greek":
            upright = token in "ΣΔΘΠ"
            return _Piece(token if upright else f"<i>{token}</i>", "atom", letter=not upright)
        if kind == "word":
            return _word(token, before, after)
        if kind == "code":
            return _Piece(f"<code>{html.escape(token, quote=False)}</code>", "word")
        if kind in ("open", "bar"):
            return self._group(token, kind)
        if kind == "root":
            return self._root()
        if kind == "slash":
            return _Piece("/", "slash")
        if kind == "star":
            times = bool(re.match(r"[\w(−-]", after)) and bool(re.search(r"[\w)]$", before))
            return _Piece("·") if times else _Piece("*" if before[-1:] in ("", " ") else "<sup>*</sup>", "atom")
        if kind == "minus":
            sign = re.match(r"[\w.(|]", after) and not re.search(r"[\w)\]’'/]$", before)
            return _Piece("−" if sign or (before.endswith(" ") and after.startswith(" ")) else "-")
        return _Piece(html.escape(token, quote=False))

    def _group(self, token: str, kind: str) -> _Piece:
        """Brackets with what is in them; a bar that has no partner stands alone."""
        begin, closing = self.at, token if kind == "bar" else {"(": ")", "[": "]", "⟨": "⟩", "⌈": "⌉"}[token]
        self.depth += 1
        inner = self._pieces(closing)
        self.depth -= 1
        if self.at < len(self.text) and (kind == "open" or self.text[self.at] == closing):
            end, self.at = self.text[self.at], self.at + 1  # [0, 1) may end in another bracket
            whole = token + _joined(inner, self.depth + 1) + end
            return _Piece(f'<span class="bars">{whole}</span>' if kind == "bar" else whole, "atom")
        self.at = begin
        return _Piece(token)

    def _root(self) -> _Piece:
        match = _TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup in ("other", "close", "slash", "star", "minus"):
            return _Piece("√", "atom")
        self.at = match.end()
        inner = self._piece(str(match.lastgroup), match[0])
        return _Piece(f'√<span class="root">{_bare(inner.html)}</span>', "atom")


def _word(token: str, before: str, after: str) -> _Piece:
    """A word, a function, or letters that stand for numbers."""
    product = token in PRODUCTS
    if product or (len(token) == 1 and token.isascii() and not re.search(r"[’']$|\.[a-z]?$|\dK$", before[-2:] + token)):
        article = token in "aA" and not re.match(BEFORE_A + "|_", after)
        thousand = token == "K" and re.search(r"\d$", before)
        if not article and not thousand:
            return _Piece(f"<i>{token}</i>", "atom", letter=True)
    return _Piece(html.escape(token, quote=False), "atom" if token in FUNCTIONS and after[:1] == "(" else "word")


def _scripted(base: _Piece, kind: str, token: str) -> _Piece:
    """The piece with a prime, a power or an index; in a letter's italics, so that they belong together."""
    if kind == "suffix":
        added = f'<span class="{"prime" if token[0] in "′″‴" else "up"}">{token}</span>' if base.letter else token
    else:
        mark = "**" if token.startswith("**") else token[0]
        argument, tag = token[len(mark) :], "sub" if mark == "_" else "sup"
        if argument[0] == "{":
            argument = argument[1:-1]
        derivative = tag == "sup" and re.fullmatch(r"<i>[fg]</i>", base.html)
        inner = _argument(argument, tag)
        added = f"<{tag}>{inner if derivative else _bare(inner)}</{tag}>"
    if base.letter and base.html.endswith("</i>"):
        return _Piece(f"{base.html[:-4]}{added}</i>", "atom", True, True)
    return _Piece(base.html + added, base.kind if base.kind == "word" else "atom", True)


def _argument(text: str, tag: str) -> str:
    if tag == "sub" and re.fullmatch(r"[A-Za-z]{2,}", text):
        return f"<i>{text}</i>" if text in INDICES else text
    return _Setter(text, depth=1).all()


def _bare(inner: str) -> str:
    """Without the brackets around the whole of it, for the eye; they stay in the text."""
    if inner[:1] == "(" and inner[-1:] == ")" and _pairs(inner[1:-1]):
        return f'<span class="mark">(</span>{inner[1:-1]}<span class="mark">)</span>'
    return inner


def _pairs(text: str) -> bool:
    """Whether every bracket in it closes in it."""
    level = 0
    for character in text:
        level += (character == "(") - (character == ")")
        if level < 0:
            return False
    return level == 0


def _power_of_ten(token: str) -> str:
    """4e-15 as a power of ten; 0e+00 as 0."""
    mantissa, exponent = token.split("e")
    power = f"10<sup>{int(exponent)}</sup>".replace("-", "−")
    if float(mantissa) == 0:
        return "0"
    return power if float(mantissa) == 1 else f"{mantissa}·{power}"


def _joined(pieces: list[_Piece], depth: int) -> str:
    """The pieces one after another; outside brackets a/b stands one above the other where no third factor is near."""
    out: list[str] = []
    k = 0
    while k < len(pieces):
        end = _run(pieces, k, spaced=True)
        if depth == 0 and end > k and end < len(pieces) and pieces[end].kind == "slash":
            last = _run(pieces, end + 1)
            above = "".join(p.html for p in pieces[k:end])
            below = "".join(p.html for p in pieces[end + 1 : last])
            joins = [p.kind for p in (*pieces[k - 1 : k], *pieces[last : last + 1]) if p.html[:1].isalnum()]
            alone = last > end + 1 and not joins and (k == 0 or pieces[k - 1].kind != "slash")
            if alone and (last == len(pieces) or pieces[last].kind != "slash"):
                out.append(
                    f'<span class="frac"><span>{_bare(above)}</span><span class="mark">/</span>'
                    f"<span>{_bare(below)}</span></span>"
                )
                k = last
                continue
        step = max(end, k + 1)
        out.extend(p.html for p in pieces[k:step])
        k = step
    return "".join(out)


def _run(pieces: list[_Piece], k: int, spaced: bool = False) -> int:
    """The end of the factors that stand together from k on; ``spaced``: a blank before a letter or bracket may be."""
    while k < len(pieces) and pieces[k].kind == "atom":
        k += 1
        if spaced and k + 1 < len(pieces) and pieces[k].html == " " and pieces[k + 1].kind == "atom":
            k += not pieces[k + 1].html[:1].isdigit()
    return k
