"""Formulas as characters: what the grammar's tokens are, and what to say about anything else."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from kymath.errors import ParseError

__all__ = ["NAME", "Token", "tokenize"]

_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\n]+)|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<mark>\*\*|[-+*/^(),])"
)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HINTS = {
    "=": "a formula is one expression: write only what stands on the right of '='",
    ".": "names have no attributes: a point stands only inside a number, as in 0.5",
    "'": "text in quotes is no formula: leave the quotes away",
    '"': "text in quotes is no formula: leave the quotes away",
    ";": "a formula is one expression: leave ';' and what follows away",
    "!": "write gamma(n + 1) for the factorial of n",
    "[": "use parentheses", "]": "use parentheses", "{": "use parentheses", "}": "use parentheses",
    "<": "comparisons are not formulas: use Heaviside, min or max", ">": "use Heaviside, min or max",
    "%": "write x - n*floor(x/n) for a remainder", "|": "write abs(...) for an absolute value",
    "\u00d7": "write *", "\u00b7": "write *", "\u22c5": "write *", "\u2217": "write *", "\u00f7": "write /",
    "\u2212": "write the ASCII -", "\u2013": "write the ASCII -", "\u2014": "write the ASCII -",
    "\u03c0": "write pi", "\u221a": "write sqrt(...)", "\u00b2": "write **2", "\u00b3": "write **3",
}  # fmt: skip


class Token(NamedTuple):
    kind: str  # "number", "name", "mark" or "end"
    text: str
    position: int


def tokenize(text: str) -> Iterator[Token]:
    """The tokens of a formula, the last of them "end"."""
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            _bad_character(text, position)
        if match.lastgroup != "blank":
            yield Token(str(match.lastgroup), match.group(), position)
        position = match.end()
        if match.lastgroup == "number" and text[position : position + 1] in ("_", "."):
            _fail(text, "this is no number; a number has one point, no '_': 1000 or 1.5e-3", position)
    yield Token("end", "", len(text))


def _bad_character(text: str, position: int) -> NoReturn:
    char = text[position]
    shown = f"{char!r} (U+{ord(char):04X})" if char.isprintable() else f"the character U+{ord(char):04X}"
    if char.isascii():
        hint = _HINTS.get(char, "use + - * / ** ( ) , numbers, names and the known functions")
        _fail(text, f"{shown} has no meaning in a formula; {hint}", position)
    plain = unicodedata.normalize("NFKC", char)
    default = f"write {plain!r}" if plain.isascii() and plain.isprintable() else "write it in ASCII"
    _fail(text, f"{shown} is not ASCII, and formulas are; {_HINTS.get(char, default)}", position)


def _fail(text: str, message: str, position: int) -> NoReturn:
    raise ParseError(message, text=text, position=position)
