"""The papers' statements, each checked by computation: one claim one object, whose verdict follows from its numbers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable

from ..errors import NotApplicable
from . import (
    attention_algebra,
    attention_cost,
    attention_gradients,
    attention_theorems,
    chain_rule,
    definitions,
    information,
    osculation,
    predictions,
    rates,
    selection,
    synthesis_claims,
    synthesis_code,
)
from .claim import Claim, Fact, Finding, Report, Role, claims_of

__all__ = ["CLAIMS", "PAPERS", "Claim", "Fact", "Finding", "Report", "Role", "find", "verify"]

PAPERS = ("condor", "cross-synthesis")
MODULES = (
    definitions,
    selection,
    information,
    osculation,
    rates,
    chain_rule,
    attention_algebra,
    attention_theorems,
    attention_gradients,
    attention_cost,
    predictions,
    synthesis_claims,
    synthesis_code,
)

#: every claim, in the order of the papers' subjects
CLAIMS: tuple[Claim, ...] = tuple(one for module in MODULES for one in claims_of(vars(module)))


def _key(id: str) -> str:
    """An id without case, blanks and punctuation."""
    return re.sub(r"[\W_]", "", id).lower()


def _words(text: str) -> list[str]:
    """The words and the numbers of a text, so that 3.1 does not begin 3.15."""
    return re.findall(r"[^\W\d_]+|\d+", text.lower())


def _begins(words: list[str], text: list[str]) -> bool:
    """Whether a text begins with these words, the last of which may be cut short; a number may not."""
    if not words or len(words) > len(text):
        return False
    last, meant = words[-1], text[len(words) - 1]
    return words[:-1] == text[: len(words) - 1] and (last == meant or (last.isalpha() and meant.startswith(last)))


def _suited(id: str) -> tuple[Claim, ...]:
    """The claim with this id; or all whose id, or place in the paper, begins so; or all whose id has it within."""
    key, words = _key(id), _words(id)
    if named := tuple(one for one in CLAIMS if _key(one.id) == key):
        return named
    if len(key) > 2 or len(words) > 1:
        for suits in (
            lambda one: any(_begins(words, _words(text)) for text in (one.id, one.where, *one.where.split(","))),
            lambda one: len(words) > 1 and any(_begins(words, _words(one.id)[k:]) for k in range(len(_words(one.id)))),
        ):
            if suited := tuple(filter(suits, CLAIMS)):
                return suited
    by_key = {_key(one.id): one.id for one in CLAIMS}
    near = [by_key[key] for key in difflib.get_close_matches(key, by_key, n=3, cutoff=0.5)]
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise NotApplicable(f"there is no claim {id!r} among the {len(CLAIMS)}.{hint}")


def find(id: str) -> Claim:
    """The claim with this id, compared without case, blanks and punctuation; or the only one whose id, or place in the
    paper, begins with these words and numbers, or whose id has them within.

    Raises ``NotApplicable`` for an id that no claim has, or words that suit several.

    >>> find("eq13").where
    'Eq. 13'
    >>> find("Theorem 3.15").id, find("3.15").id
    ('T3.15', 'T3.15')
    """
    suited = _suited(id)
    if len(suited) > 1:
        raise NotApplicable(f"{id!r} suits {len(suited)} claims: {', '.join(one.id for one in suited)}. Name one.")
    return suited[0]


def verify(
    paper: str | None = None,
    claim: str | Iterable[str] | None = None,
    progress: Callable[[Claim, int, int], None] | None = None,
) -> list[Report]:
    """Compute the evidence for and against the papers' claims now, and report what follows from it.

    ``paper``: "condor" or "cross-synthesis"; None is both. ``claim``: one id, or several; words that suit several
    claims ("Table 1") stand for all of them. ``progress(claim, done, total)`` is called before each check. Every
    :class:`Report` has ``id``, ``paper``, ``where``, ``statement`` (in other words than the paper's), ``verdict``
    ("holds", "cond": under the corrected statement's conditions, "false": as stated, "undef": it has no definite
    meaning, "untestable"; None where the check was not run), ``evidence``, ``corrected`` (what does hold), ``status``
    ("computed", "text", "not run") and ``seconds``; ``facts`` are the pieces of the evidence, and ``own`` is True where
    the statement is this project's, a correction or a lemma, and not the paper's.

    Raises ``NotApplicable`` for a paper or a claim that there is not.

    >>> report, = verify(claim="Eq13")
    >>> report.verdict, report.corrected
    ('false', 'It is f″/2; the curvature of the graph is f″/(1 + f′²)^(3/2).')
    """
    if paper is not None and paper not in PAPERS:
        raise NotApplicable(f"paper must be one of {', '.join(PAPERS)}; {paper!r} was given.")
    if claim is None:
        chosen = tuple(one for one in CLAIMS if paper in (None, one.paper))
    else:
        found: dict[Claim, None] = {}
        for id in [claim] if isinstance(claim, str) else claim:
            suited = _suited(id)
            here = [one for one in suited if paper in (None, one.paper)]
            if not here:
                raise NotApplicable(f"the claim {suited[0].id} is of the paper {suited[0].paper}, not of {paper}.")
            found.update(dict.fromkeys(here))
        chosen = tuple(found)
    reports = []
    for done, one in enumerate(chosen):
        if progress is not None:
            progress(one, done, len(chosen))
        reports.append(one.report())
    return reports
