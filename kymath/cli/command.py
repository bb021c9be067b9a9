"""Commands whose help ends with examples, and those whose argument is a formula: there '-x' is one, and no option."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from .options import Misuse, fill
from .output import complain

__all__ = ["ExampleCommand", "FormulaCommand", "LongCommand", "PointsCommand", "misread"]

_OPTION = re.compile(r"--[A-Za-z][A-Za-z-]*")  # whatever else begins with '-' is a formula, as in -x**2 and --sin(x)

_POINT = re.compile(r"[+-]?\.?\d[\d.,eE:TZ+-]*")  # a number or a date


class ExampleCommand(TyperCommand):
    """The help ends with examples to copy."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        examples, self.epilog = self.epilog, None  # which would be folded
        for parameter in self.params:
            _tell(parameter)
        super().format_help(ctx, formatter)
        self.epilog = examples
        if examples:
            typer.echo(f" Examples\n\n{examples}")


def _tell(parameter: Any) -> None:
    """The help of a parameter, with the words there are and its default, told in one way."""
    text, default = fill(getattr(parameter, "help", None) or ""), parameter.default
    if "(default: " not in text and isinstance(default, (str, int, float)) and default is not False and default != "":
        word = parameter.opts[0] if default is True else default  # True of --this/--no-this
        text = f"{text.removesuffix('.')} (default: {word})."
    parameter.help, parameter.show_default = text, False


class PointsCommand(ExampleCommand):
    """``kymath samples FILE --at 3 12`` has a word too many, which need not become the name of a file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--at" in args:
            after = args[args.index("--at") + 1 :]
            words = list(itertools.takewhile(_POINT.fullmatch, after))
            if len(words) > 1 and not any(Path(word).exists() for word in words[1:]):
                raise Misuse(f"--at takes one word: --at {','.join(word.strip(',') for word in words)}.")
        return super().parse_args(ctx, args)


class LongCommand(ExampleCommand):
    """One that takes its time: Ctrl-C is answered."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            complain("interrupted.")
            raise


class FormulaCommand(ExampleCommand):
    """``kymath transform -x**2 --at -1`` means what it says."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._sorted(ctx, list(args)))

    def _sorted(self, ctx: Any, args: list[str]) -> list[str]:
        """Options first, each joined to its value, then ``--`` and the formula."""
        parameters = [p for p in self.get_params(ctx) if p.param_type_name == "option"]
        known = {word for p in parameters for word in (*p.opts, *p.secondary_opts)}
        flags = {word for p in parameters if getattr(p, "is_flag", False) for word in (*p.opts, *p.secondary_opts)}
        options: list[str] = []
        formulas: list[str] = []
        while args:
            word = args.pop(0)
            if word == "--":
                formulas += args[:1]  # what follows can only be options: there is one formula
                del args[:1]
            elif word in known - flags:
                if not args or args[0].partition("=")[0] in known:
                    raise Misuse(f"{word} needs a value after it.")
                options.append(f"{word}={args.pop(0)}")
            elif _OPTION.fullmatch(word.partition("=")[0]):
                options.append(word)
            else:
                formulas.append(word)
        named = all(option.partition("=")[0] in known for option in options)  # else that is what is to be said
        if len(formulas) > 1 and named:
            quoted = " ".join(formulas)[:80]
            pointless = not any(option.startswith("--at=") for option in options)
            if len(formulas) == 2 and pointless:
                raise Misuse(
                    f"one formula is expected: did you mean --at {formulas[1][:40]}? One with blanks in it needs "
                    f'quotes: "{quoted}".'
                )
            raise Misuse(f'one formula is expected; put quotes around one with blanks in it: "{quoted}".')
        return [*options, "--", *formulas]


def misread(error: Any) -> str | None:
    """Of an option that takes a number and got another word: a sentence, whatever Typer took it from."""
    option = (getattr(getattr(error, "param", None), "opts", None) or [None])[0]
    if option is None:
        return None
    if old := re.fullmatch(r"('.*'|\".*\") is not a valid (integer|float)( range)?\.", error.message, re.DOTALL):
        kind, word = f"{old[2]}_", old[1]
    else:
        details: list[Any] = getattr(error.__cause__, "errors", list)()
        if len(details) != 1:
            return None
        kind, word = details[0]["type"], repr(details[0]["input"])
        for key, bound in (("ge", "at least"), ("le", "at most")):
            if key in (limits := details[0].get("ctx") or {}):
                return f"{option} must be {bound} {limits[key]}; {word[:60]} was given."
    wanted = {"int": "a whole number", "integer": "a whole number", "float": "a number"}.get(kind.partition("_")[0])
    return wanted and f"{option} takes {wanted}; {word[:60]} was given."
