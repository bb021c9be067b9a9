"""What the commands print: strict JSON, tables for people, complaints on standard error."""

from __future__ import annotations

import json
import math
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import mpmath

from .spelling import spelled

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from kymath.result import KYTransform

__all__ = ["complain", "console", "json_number", "show_transform", "transform_record", "waiting", "write_json"]

_WIDE = 100_000  # columns of a pipe, where nothing is folded
_PATIENCE = 1.0  # seconds before a spinner turns
_LONGEST = 200  # characters of an exact value in a table
_READABLE = 60  # characters of a curve, beyond which its irrational numbers are given in decimals
_WHOLE = 10**9  # no limit
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


# -- the two streams -------------------------------------------------------------------------------------------------


def console(*, err: bool = False) -> Console:
    """Standard output (or error) for rich: no markup in what it is given, and no folding in a pipe."""
    from rich.console import Console

    class Quiet(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # main ends it, as it does for JSON; rich would exit by itself

    made = Quiet(stderr=err, markup=False, highlight=False, emoji=False)
    if not made.is_terminal:
        made.width = _WIDE
    return made


def complain(message: str) -> None:
    """One failure, as a sentence on standard error."""
    from rich.text import Text

    console(err=True).print(Text.assemble(("kymath:", "bold red"), " ", message), soft_wrap=True)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """A spinner on standard error while the work takes longer than a second, on a terminal only."""
    if not (sys.stderr is not None and sys.stderr.isatty()):
        yield
        return
    lock, spinner, done = threading.Lock(), console(err=True).status(what), False

    def start() -> None:
        with lock:
            if not done:
                spinner.start()

    timer = threading.Timer(_PATIENCE, start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            done = True
            spinner.stop()


# -- JSON ------------------------------------------------------------------------------------------------------------


def write_json(record: dict[str, Any]) -> None:
    """One object on standard output, strict: no NaN and no Infinity."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    text = json.dumps(record, allow_nan=False, ensure_ascii=plain, indent=2)
    try:
        text.encode()
    except UnicodeEncodeError:  # a file's name with bytes that are no UTF-8
        text = json.dumps(record, allow_nan=False, indent=2)
    sys.stdout.write(text + "\n")


def json_number(value: Any) -> float | None:
    """A number as JSON has it; None where it is symbolic, not finite or beyond the doubles."""
    if getattr(value, "free_symbols", None):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _as_double(value: Any, error: Any) -> float | None:
    """The error of a value that is written as a double: what rounding to one takes away is part of it."""
    if isinstance(value, mpmath.mpf):
        if json_number(value) is None:
            return None
        lost = mpmath.fabs(mpmath.fsub(value, float(value), exact=True))
        return math.nextafter(float(mpmath.fadd(error, lost, exact=True)), math.inf)
    return json_number(error)


def transform_record(result: KYTransform, digits: int | None = None) -> dict[str, Any]:
    """The fields of one result. Failures have null for their numbers, and the one-sided results where there are any.

    A number beyond the doubles is null too, with a sentence; only exact ones are told all the same, as text.
    """
    success = bool(result.success)
    theta = [json_number(c) if success else None for c in result.theta]
    beyond = _beyond(result)
    status, message = result.status.name.lower(), spelled(result.message)
    if beyond:
        message = f"{message} Beyond the doubles, and so null here: {', '.join(beyond)}"
        message += "; exact_parameters has them." if result.exact else ". They are told without --json."
        if not result.exact:
            success, status, theta = False, "not_reached", [None] * len(theta)
    point = json_number(result.x0)
    record: dict[str, Any] = {
        "family": repr(result.family),
        "rule": repr(result.rule),
        "method": result.method,
        "side": result.side,
        "x0": exact_text(result.x0) if point is None else point,
        "parameters": dict(zip(result.family.names, theta, strict=True)),
        "theta": theta,
        "error": [_as_double(c, e) if success else None for c, e in zip(result.theta, result.error, strict=True)],
        "bound": bool(result.bound),
        "exact": success and bool(result.exact),
        "success": success,
        "status": status,
        "message": message,
        "nfev": int(result.nfev),
    }
    if record["exact"]:
        record["exact_parameters"] = {name: exact_text(c) for name, c in result.parameters.items()}
        if digits is not None:
            record["decimal_parameters"] = {
                name: None if c.free_symbols else decimal(c, digits) for name, c in result.parameters.items()
            }
    for word, one in zip(("left", "right"), one_sided(result), strict=True):
        if one is not None:
            record[word] = transform_record(one, digits)
    return record


def _beyond(result: KYTransform) -> list[str]:
    """The parameters of a success that are numbers, and too large for a double."""
    pairs = result.parameters.items() if result.success else ()
    return [name for name, c in pairs if not getattr(c, "free_symbols", None) and json_number(c) is None]


def one_sided(result: KYTransform) -> tuple[KYTransform | None, KYTransform | None]:
    """What a two-sided failure found from the left and from the right."""
    left, right = result.left, result.right
    return left, right


# -- numbers as text -------------------------------------------------------------------------------------------------


@contextmanager
def _every_digit() -> Iterator[None]:
    """Let Python write out integers of any length, which it declines by default."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(before)


def exact_text(value: Any) -> str:
    """An exact value in full."""
    with _every_digit():
        return str(value)


def decimal(value: Any, digits: int | None) -> str:
    """An exact number with so many significant digits, or a double as well as it is known."""
    if type(value).__name__ == "mpf":  # Precise() keeps its digits
        from mpmath import nstr

        return str(nstr(value, digits or 15))
    if not hasattr(value, "evalf"):
        return f"{float(value):.{min(digits or 12, 17)}g}"
    if digits is None:
        short = f"{float(value):.12g}"
        return short if math.isfinite(float(short)) and (float(short) or value == 0) else str(value.evalf(12))
    with _every_digit():
        return str(value.evalf(digits))


def pretty(text: str) -> str:
    """x**3 as x³, for headlines."""
    return re.sub(r"\*\*(\d+)(?![\d.])", lambda m: m[1].translate(_RAISED), text)


# -- for people --------------------------------------------------------------------------------------------------------


def headline(symbol: str, f: Any, x0: Any) -> str:
    """∇_P²[x³](1)."""
    from kymath.expressions import label

    return f"{symbol}[{pretty(label(f))}]({label(x0)})"


def curve(result: KYTransform, x0: Any) -> str:
    """The connection curve in s = t − x0, decimals rounded to six digits; so are exact numbers in a long one."""
    import sympy as sp

    from kymath.expressions import label

    family = result.family
    values = [c if isinstance(c, sp.Basic) else sp.Float(c, 6) for c in result.theta]
    text = label(family.expression.xreplace(dict(zip(family.symbols, values, strict=True))), _WHOLE)
    if len(text) > _READABLE:
        values = [c if c.free_symbols or (c.is_Rational and len(str(c)) < 12) else c.evalf(6) for c in values]
        text = label(family.expression.xreplace(dict(zip(family.symbols, values, strict=True))), _WHOLE)
    text = cut(text)
    if x0 == 0:
        return "g(t) = " + pretty(re.sub(r"\bs\b", "t", text))
    point = label(x0)
    shift = f"t + {point[1:]}" if re.fullmatch(r"-[\w./]+", point) else f"t - {point}"
    if re.search(r" [+-] ", point):
        shift = f"t - ({point})"
    return f"g(t) = {pretty(text)}   with s = {shift}"


def cut(text: str, limit: int = _LONGEST) -> str:
    """Text of at most about so many characters, ended between two terms; where there are none every bracket is closed.

    >>> cut("a*(b + c) + dig", 12), cut("exp(a*(b + c))", 10)
    ('a*(b + c) + …', 'exp(a*(b …))')
    """
    if len(text) <= limit:
        return text
    open_, terms = "", 0
    for k, c in enumerate(text[: limit - 1]):
        if c in "([{":
            open_ += {"(": ")", "[": "]", "{": "}"}[c]
        elif c in ")]}":
            open_ = open_[:-1]
        elif c in "+-" and not open_ and text[k - 1 : k] == " ":
            terms = k + 1
    return f"{text[:terms]} …" if terms else f"{text[: limit - 1]}…{open_[::-1]}"


def uncertainty(result: KYTransform, error: Any) -> str:
    """How sure a number is: exact, a bound or an estimate."""
    if result.exact:
        return "exact"
    size = float(error)
    shown = f"{size:.1e}" if math.isfinite(size) or not isinstance(error, mpmath.mpf) else mpmath.nstr(error, 2)
    return f"{'≤' if result.bound else '±'} {shown}"


def table(*columns: str) -> Table:
    """A table with its first column to the left and the others to the right."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for k, name in enumerate(columns):
        made.add_column(name, justify="right" if k else "left", style="cyan" if k == 0 else "", overflow="fold")
    return made


def show_transform(result: KYTransform, f: Any, x0: Any, digits: int | None = None) -> None:
    """The answer for f at x0 as asked: its parameters with their errors, and how it was found."""
    from rich.text import Text

    out = console()
    out.print(Text(headline(result.symbol, f, x0), style="bold"))
    out.print(Text(curve(result, x0)))
    numeric = not any(getattr(c, "free_symbols", None) for c in result.theta)
    columns = ["parameter", *(["exact value"] if result.exact else []), *(["decimal"] if numeric else []), "error"]
    rows = table(*columns)
    for name, value, error in zip(result.family.names, result.theta, result.error, strict=True):
        cells = [Text(name)]
        if result.exact:
            cells.append(Text(_shortened(value)))
        if numeric:
            cells.append(Text(decimal(value, digits)))
        rows.add_row(*cells, Text(uncertainty(result, error)))
    out.print(rows)
    out.print(Text(sentence(spelled(result.message))))


def _shortened(value: Any) -> str:
    from kymath.expressions import label

    return cut(label(value, _WHOLE))


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def best_found(result: KYTransform) -> str:
    """The best values of a transform that did not reach its tolerance, or nothing."""
    pairs = list(zip(result.family.names, result.theta, result.error, strict=True))
    if result.status.name != "NOT_REACHED" or any(
        json_number(v) is None or json_number(e) is None for _, v, e in pairs
    ):
        return ""
    return "Best found: " + ", ".join(f"{n} = {float(v):.6g} ± {float(e):.1e}" for n, v, e in pairs) + "."
