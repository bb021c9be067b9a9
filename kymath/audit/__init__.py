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


def find(id: str) -> Claim:
    """The claim with this id, compared without case, blanks and punctuation; or the only one whose id begins so, or
    whose place in the paper is, or begins with, these words.

    Raises ``NotApplicable`` for an id that no claim has, or words that suit several.

    >>> find("eq13").where
    'Eq. 13'
    >>> find("Theorem 3.15").id
    'T3.15'
    """
    key = _key(id)
    by_key = {_key(one.id): one for one in CLAIMS}
    if key in by_key:
        return by_key[key]
    for place in (
        lambda one: _key(one.where) == key,
        lambda one: _key(one.id).startswith(key),
        lambda one: key in (_key(part) for part in one.where.split(",")),
        lambda one: _key(one.where).startswith(key),
    ):
        suited = [one for one in CLAIMS if place(one)] if len(key) > 2 else []
        if len(suited) == 1:
            return suited[0]
        if suited:
            raise NotApplicable(f"{id!r} suits {len(suited)} claims: {', '.join(one.id for one in suited)}. Name one.")
    near = [by_key[key].id for key in difflib.get_close_matches(_key(id), by_key, n=3, cutoff=0.5)]
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise NotApplicable(f"there is no claim {id!r} among the {len(CLAIMS)}.{hint}")


def verify(
    paper: str | None = None,
    claim: str | Iterable[str] | None = None,
    progress: Callable[[Claim, int, int], None] | None = None,
) -> list[Report]:
    """Compute the evidence for and against the papers' claims now, and report what follows from it.

    ``paper``: "condor" or "cross-synthesis"; None is both. ``claim``: one id, or several. ``progress(claim, done,
    total)`` is called before each check. Every :class:`Report` has ``id``, ``paper``, ``where``, ``statement`` (in
    other words than the paper's), ``verdict`` ("holds", "cond": under the corrected statement's conditions, "false": as
    stated, "undef": it has no definite meaning, "untestable"; None where the check was not run), ``evidence``,
    ``corrected`` (what does hold), ``status`` ("computed", "text", "not run") and ``seconds``; ``facts`` are the pieces
    of the evidence.

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
        chosen = tuple(dict.fromkeys(find(id) for id in ([claim] if isinstance(claim, str) else claim)))
        for one in chosen:
            if paper not in (None, one.paper):
                raise NotApplicable(f"the claim {one.id} is of the paper {one.paper}, not of {paper}.")
    reports = []
    for done, one in enumerate(chosen):
        if progress is not None:
            progress(one, done, len(chosen))
        reports.append(one.report())
    return reports
