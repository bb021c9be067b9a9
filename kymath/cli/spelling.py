"""Sentences of the library as the command line says them: ``Linear()`` is typed ``--family linear`` there."""

from __future__ import annotations

import ast
import re

__all__ = ["SIZES", "named", "set_by", "spelled"]

SIZES = {"d_model": "--width", "num_layers": "--layers", "num_heads": "--heads"}  # of models

_OPTIONS = {
    ("Polynomial", "n"): "--degree", ("Trigonometric", "n"): "--harmonics", ("Trigonometric", "omega"): "--omega",
    ("Family", "formula"): "--formula", ("Family", "parameters"): "--parameters",
    ("Family", "positive"): "--positive", ("Family", "start"): "--start", ("Osculating", "nodes"): "--nodes",
    ("SmallestRate", "bound"): "--bound", ("SmallestFrequency", "bound"): "--bound",
    ("Certified", "digits"): "--digits", ("Precise", "digits"): "--digits",
}  # fmt: skip
_ORDER = {"Family": ("formula", "parameters"), "Trigonometric": ("n", "omega")}  # of arguments without a name
_DEFAULT = {"n": "1", "omega": "1"}  # of the trigonometric family, which needs no option then
_CALL = re.compile(r"\b([A-Z]\w+)\(((?:[^()']|'[^']*'|\([^()]*\))*)\)")
_WORD = re.compile(r'\b(side|window|robust|method|backend|attention)=(?:"(\w+)"|…|True|None)')


def spelled(text: str) -> str:
    """The text with every family, rule, method and option in it as it is typed.

    >>> spelled('a line: use Linear(), or side="left"')
    'a line: use --family linear, or --side left'
    """
    if _CALL.search(text):
        from kymath.families import FAMILIES, Family
        from kymath.methods import METHODS
        from kymath.rules import RULES

        known = {Family.__name__: ""}
        for option, words in (("--family", FAMILIES), ("--rule", RULES), ("--method", METHODS)):
            known |= {kind.__name__: f"{option} {word}" for word, kind in words.items()}
        text = _CALL.sub(lambda found: _typed(found, known), text)
    return _WORD.sub(_option, text).replace("causal=False", "--symmetric")


def named(text: str) -> str:
    """The same where families are named, and none is to be typed at once: ``polynomial --degree 2``."""
    return spelled(text).replace("--family ", "")


def set_by(text: str) -> str:
    """The same of a sentence on a field, ``top_k = 0 must be …``, which an option of nearly its name sets."""
    text = re.sub(rf"\b({'|'.join(SIZES)})( = )?", lambda found: SIZES[found[1]] + " " * bool(found[2]), text)
    return spelled(re.sub(r"^([a-z_]+)( = | must )", _setting, text))


def _setting(found: re.Match[str]) -> str:
    return f"--{found[1].replace('_', '-')}{' ' if found[2] == ' = ' else found[2]}"


def _option(found: re.Match[str]) -> str:
    name, value = found[1], found[2]
    if found[0] == "method=None":
        value = "auto"
    return f"--{name} {value}" if value else f"--{name}"


def _typed(found: re.Match[str], known: dict[str, str]) -> str:
    """One call, such as ``Harmonic(offset=False)``, as it is typed; as it stands where nothing can be typed for it."""
    name, inside = found[1], found[2]
    if name not in known:
        return found[0]
    if blank := re.fullmatch(r"(?:…, )?(\w+)(?:=(?:…|'…'|M))?", inside):  # an option without its value
        option = _OPTIONS.get((name, blank[1]))
        if option is not None:
            return option
    try:
        call = ast.parse(f"f({inside})", mode="eval").body
    except SyntaxError:
        return found[0]
    assert isinstance(call, ast.Call)
    order = _ORDER.get(name, ("n",))
    given = [*zip(order, call.args, strict=False), *((str(k.arg), k.value) for k in call.keywords)]
    words = [known[name]]
    for argument, value in given:
        if argument == "offset" and name == "Harmonic":
            words += [] if ast.unparse(value) == "True" else ["--no-offset"]
        elif (name, argument) in _OPTIONS:
            if not (name == "Trigonometric" and _value(value) == _DEFAULT[argument]):
                words.append(f"{_OPTIONS[name, argument]} {_value(value)}")
        elif not known[name].startswith("--method"):  # whose other options nobody can have given here
            return found[0]
    return " ".join(filter(None, words))


def _value(value: ast.expr) -> str:
    """A number, a list of them with commas, or text in quotes."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return f'"{value.value}"'
    parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]
    texts = [ast.unparse(part).replace(" ", "") for part in parts]
    return ",".join(re.sub(r"^Rational\((.+),(.+)\)$", r"\1/\2", text) for text in texts)
