"""The words of the command line as objects: formulas, points, families, rules, methods."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from kymath.errors import ParseError

from .guesses import nearest, taken

if TYPE_CHECKING:
    from kymath.families import ConnectionFunction
    from kymath.methods import Method
    from kymath.rules import Rule

_FAMILY, _RULE = "Connection function", "Selection rule"

Expr = Annotated[
    str,
    typer.Argument(metavar="EXPR", help='The function, such as "exp(-x)*sin(3*x)"; - reads it from standard input.'),
]
At = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="X",
        help="The point x0, exact: 1, -1/2, 0.1, pi/4, sqrt(2).",
    ),
]
FamilyWord = Annotated[
    str | None,
    typer.Option("--family", metavar="WORD", help="{families} (default: polynomial).", rich_help_panel=_FAMILY),
]
Degree = Annotated[
    int | None, typer.Option("--degree", metavar="N", help="Of the polynomial (default: 2).", rich_help_panel=_FAMILY)
]
Harmonics = Annotated[
    int | None,
    typer.Option(
        "--harmonics", metavar="N", help="Of the trigonometric polynomial (default: 1).", rich_help_panel=_FAMILY
    ),
]
Omega = Annotated[
    str | None,
    typer.Option("--omega", metavar="W", help="Its frequency, exact (default: 1).", rich_help_panel=_FAMILY),
]
NoOffset = Annotated[
    bool, typer.Option("--no-offset", help="The harmonic without its constant C.", rich_help_panel=_FAMILY)
]
Formula = Annotated[
    str | None,
    typer.Option(
        "--formula",
        metavar="G",
        help='A family of your own: a formula in s = t - x0, such as "A*exp(-s/tau)+C".',
        rich_help_panel=_FAMILY,
    ),
]
Parameters = Annotated[
    str | None,
    typer.Option("--parameters", metavar="NAMES", help='Its parameters in order: "A tau C".', rich_help_panel=_FAMILY),
]
Positive = Annotated[
    str | None,
    typer.Option("--positive", metavar="NAMES", help="Those of them that must be positive.", rich_help_panel=_FAMILY),
]
Start = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="NUMBERS",
        help='Values to search from, one for each parameter: "1,2,0".',
        rich_help_panel=_FAMILY,
    ),
]
RuleWord = Annotated[str, typer.Option("--rule", metavar="WORD", help="{rules}.", rich_help_panel=_RULE)]
Nodes = Annotated[
    str | None,
    typer.Option(
        "--nodes",
        metavar="NUMBERS",
        help='Of the osculating rule, in steps h: "0,1,2" (default: 0,1,-1,2,-2,…).',
        rich_help_panel=_RULE,
    ),
]
Bound = Annotated[
    str | None,
    typer.Option(
        "--bound",
        metavar="M",
        help="Largest amplitude, exact; smallest-rate and smallest-frequency need it.",
        rich_help_panel=_RULE,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of the table.")]

# the options that belong to one family: option → (family's word, argument of its class, as the user writes it)
_OWN = {
    "degree": ("polynomial", "n", "--degree"),
    "harmonics": ("trigonometric", "n", "--harmonics"),
    "omega": ("trigonometric", "omega", "--omega"),
    "offset": ("harmonic", "offset", "--no-offset"),
}
_BOUNDED = ("smallest-rate", "smallest-frequency")
_NO_NUMBERS = {"nan", "inf", "infinity", "infty", "oo", "zoo"}  # names to the parser, but nobody's symbols
_MOST_TYPED = 20_000  # characters read from standard input; the parser refuses fewer


class Misuse(Exception):
    """Bad usage, as a sentence."""


@contextlib.contextmanager
def needed() -> Iterator[None]:
    """Around imports of rooms that need an extra: its absence is said in a sentence, which the rooms have."""
    try:
        yield
    except ImportError as missing:
        raise Misuse(str(missing)) from missing


def plot(what: str) -> Any:
    """The option of the picture, for commands that draw one."""
    return typer.Option("--plot", metavar="FILE", help=f"Draw {what}: a .png, .pdf or .svg file.")


def data_dir(help: str) -> Any:
    """The option of the folder with data sets and vocabularies, for commands that train or need what training needs."""
    return typer.Option("--data-dir", metavar="DIR", envvar="KYMATH_DATA", help=help)


@dataclass(frozen=True)
class Problem:
    """What a command is asked about: f at x0, with the family and the rule."""

    f: Any
    x0: Any
    family: ConnectionFunction
    rule: Rule


def fill(text: str) -> str:
    """``{families}``, ``{rules}`` and ``{methods}`` in a help text become the registered words."""
    for name in ("families", "rules", "methods"):
        if f"{{{name}}}" in text:
            text = text.replace(f"{{{name}}}", ", ".join(_words(name)))
    return text


def _words(name: str) -> list[str]:
    if name == "families":
        from kymath.families import FAMILIES

        return list(FAMILIES)
    if name == "rules":
        from kymath.rules import RULES

        return list(RULES)
    from kymath.methods import METHODS

    return ["auto", *METHODS]


def one_of(word: str, known: Iterable[str], option: str) -> str:
    """The word, if it is known."""
    known = list(known)
    if word in known:
        return word
    near = nearest(word, known)
    hint = f" Did you mean {near}?" if near else ""
    raise Misuse(f"{option} takes one of {', '.join(known)}; {word[:60]!r} was given.{hint}")


# -- formulas and numbers --------------------------------------------------------------------------------------------


def formula(text: str) -> Any:
    """EXPR, or standard input where it is '-'."""
    from kymath.expressions import parse

    if text == "-":
        try:
            text = sys.stdin.read(_MOST_TYPED).strip()
        except UnicodeDecodeError as error:
            raise Misuse(f"standard input is not text: {error}.") from None
    return parse(text)


def value(text: str, option: str) -> Any:
    """Exact text as a SymPy number or symbol."""
    from kymath.expressions import parse

    if text.strip().lstrip("+-").lower() in _NO_NUMBERS:
        raise Misuse(f"{option} must be finite; {text[:60]!r} was given.")
    try:
        return parse(text)
    except ParseError as error:
        raise ParseError(f"{option}: {error.reason}", text=error.text, position=error.position) from None


def point(text: str) -> Any:
    """--at: one number or symbol."""
    try:
        return value(text, "--at")
    except ParseError as error:
        if "(" in text or "," not in text.strip("[] "):
            raise
        raise Misuse(
            f"--at takes one point only, and a decimal with a point, 0.5; {text[:60]!r} was given. For many points use "
            "Python: ky.transform(f, np.array([…]))."
        ) from error


def a_number(x0: Any, at: str, who: str) -> None:
    """For commands whose point must be a number."""
    if x0.free_symbols:
        raise Misuse(" ".join(f"{who}; --at {at[:60]!r} is a symbol. {taken(x0)}".split()))


def number(text: str, option: str) -> Any:
    """Exact text that must be a number."""
    found = value(text, option)
    if found.free_symbols:
        raise Misuse(f"{option} must be a number; {text[:60]!r} has the name {min(map(str, found.free_symbols))}.")
    if not _is_double(found):
        raise Misuse(
            f"{option} must be 0 or from 2.3e-308 to 1.7e308 in size, as doubles are; {text[:60]!r} was given."
        )
    return int(found) if found.is_Integer else found


def _is_double(found: Any) -> bool:
    """Whether a number is one that doubles hold; what is no real number at all is refused by those who use it."""
    try:
        size = abs(float(found))
    except OverflowError:
        return False
    except TypeError:  # complex, or infinite in SymPy's way
        return True
    return size != float("inf") and (size >= 2.3e-308 or found == 0)


def numbers(text: str, option: str) -> tuple[Any, ...]:
    """Numbers with commas or blanks between them."""
    pieces = text.split(",") if "," in text else text.split()
    if not pieces:
        raise Misuse(f"{option} takes numbers such as 0,1,2; nothing was given.")
    return tuple(number(piece, option) for piece in pieces)


def doubles(text: str, option: str) -> tuple[float, ...]:
    """Numbers as doubles."""
    try:
        return tuple(float(c) for c in numbers(text, option))
    except TypeError:
        raise Misuse(f"{option} takes finite real numbers; {text[:60]!r} was given.") from None


# -- families, rules, methods ----------------------------------------------------------------------------------------


class FamilyWords(NamedTuple):
    """The options that say which connection function is meant, in the order in which the commands list them."""

    family: str | None
    degree: int | None
    harmonics: int | None
    omega: str | None
    no_offset: bool
    formula: str | None
    parameters: str | None
    positive: str | None
    start: str | None

    @property
    def own(self) -> dict[str, Any]:
        """What belongs to one registered family."""
        offset = False if self.no_offset else None
        return {"degree": self.degree, "harmonics": self.harmonics, "omega": self.omega, "offset": offset}

    @property
    def mine(self) -> dict[str, str | None]:
        """What describes the formula of a user's own."""
        return {"--parameters": self.parameters, "--positive": self.positive, "--start": self.start}


def problem(expr: str, at: str, words: FamilyWords, rule: str, nodes: str | None, bound: str | None) -> Problem:
    """Every word of a question as the object it names; what does not fit together is refused before any work."""
    chosen = family_from(words)
    made = rule_from(rule, nodes, bound)
    made.check(chosen)
    return Problem(formula(expr), point(at), chosen, made)


def family_from(words: FamilyWords) -> ConnectionFunction:
    """The one family that is meant."""
    if words.formula is not None:
        return _user_family(words.formula, words.family, words.own, words.mine)
    return _family(words.family, words.own, words.mine)


def _family(word: str | None, own: dict[str, Any], mine: dict[str, str | None]) -> ConnectionFunction:
    from kymath.families import FAMILIES

    for option, given in mine.items():
        if given is not None:
            raise Misuse(f"{option} describes a family of your own; give its formula with --formula.")
    word = one_of(word or "polynomial", FAMILIES, "--family")
    arguments: dict[str, Any] = {}
    for key, given in own.items():
        if given is None:
            continue
        owner, argument, option = _OWN[key]
        if owner != word:
            raise Misuse(f"{option} belongs to --family {owner}; the family here is {word}.")
        arguments[argument] = number(given, option) if key == "omega" else given
    return FAMILIES[word](**arguments)


def _user_family(text: str, word: str | None, own: dict[str, Any], mine: dict[str, str | None]) -> ConnectionFunction:
    from kymath.families import Family

    if word is not None:
        raise Misuse("--formula is a family of its own; leave --family away.")
    for key, given in own.items():
        if given is not None:
            raise Misuse(f"{_OWN[key][2]} belongs to --family {_OWN[key][0]}; it has no meaning with --formula.")
    names, start = mine["--parameters"], mine["--start"]
    if names is None:
        raise Misuse('--formula needs --parameters, the names in their order: --parameters "A tau C".')
    begin = None if start is None else doubles(start, "--start")
    try:
        return Family(text, names, positive=mine["--positive"] or "", start=begin)
    except ParseError as error:
        raise ParseError(f"--formula: {error.reason}", text=error.text, position=error.position) from None


def families(asked: list[str], words: FamilyWords) -> list[ConnectionFunction] | None:
    """Each family asked for with the options that belong to it, and a --formula; None where none is asked for."""
    own, asked = words.own, list(dict.fromkeys(asked))
    for key, given in own.items():
        if given is not None and _OWN[key][0] not in asked:
            raise Misuse(f"{_OWN[key][2]} belongs to --family {_OWN[key][0]}; ask for that family too.")
    if words.formula is None and any(given is not None for given in words.mine.values()):
        _family(None, {}, words.mine)  # which says what is missing
    found = [_family(word, {k: v for k, v in own.items() if _OWN[k][0] == word}, {}) for word in asked]
    if words.formula is not None:
        found.append(_user_family(words.formula, None, {}, words.mine))
    return found or None


def rule_from(word: str, nodes: str | None, bound: str | None) -> Rule:
    """--rule with its --nodes or --bound."""
    from kymath.rules import RULES

    kind = RULES[one_of(word, RULES, "--rule")]
    arguments: dict[str, Any] = {}
    if nodes is not None:
        if word != "osculating":
            raise Misuse(f"--nodes belongs to --rule osculating; the rule here is {word}.")
        arguments["nodes"] = numbers(nodes, "--nodes")
    if bound is not None:
        if word not in _BOUNDED:
            raise Misuse(f"--bound belongs to --rule {' and --rule '.join(_BOUNDED)}; the rule here is {word}.")
        arguments["bound"] = number(bound, "--bound")
    elif word in _BOUNDED:
        raise Misuse(
            f"--rule {word} needs --bound M, the largest amplitude allowed: without it the amplitude grows without end "
            "while the rate shrinks to 0."
        )
    return kind(**arguments)


def method_from(word: str, digits: int | None = None) -> Method | None:
    """--method, with --digits where it computes to digits; None is for 'auto'."""
    from kymath.methods import METHODS

    word = one_of(word, ["auto", *METHODS], "--method")
    if word == "auto":
        return None
    takes_digits = digits is not None and word in ("certified", "precise")
    return METHODS[word](digits=digits) if takes_digits else METHODS[word]()  # type: ignore[call-arg]
