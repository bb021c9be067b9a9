"""One claim of a paper as one object: its check computes, and the verdict follows from what it computed."""

from __future__ import annotations

import enum
import importlib.util
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


class Role(enum.Enum):
    """What a computed fact says about a claim; the value is how a reader is told."""

    MEANING = "has a meaning"
    DECIDABLE = "can be decided"
    PRINTED = "as printed"
    STATED = "as stated here"  # of a statement that is no paper's
    CONDITION = "under the condition"
    CORRECTED = "as corrected"


@dataclass(frozen=True)
class Fact:
    """One thing that a check computed: what it was, with its numbers, and whether it speaks for the claim."""

    role: Role
    holds: bool
    text: str

    def __str__(self) -> str:
        return f"[{self.role.value}: {'yes' if self.holds else 'no'}] {self.text}"


def meaning(holds: Any, text: str) -> Fact:
    """Whether the statement says something definite at all."""
    return Fact(Role.MEANING, bool(holds), text)


def decidable(holds: Any, text: str) -> Fact:
    """Whether anything that the paper gives could tell a true statement from a false one."""
    return Fact(Role.DECIDABLE, bool(holds), text)


def printed(holds: Any, text: str) -> Fact:
    """Whether the statement holds as it stands."""
    return Fact(Role.PRINTED, bool(holds), text)


def conditional(holds: Any, text: str) -> Fact:
    """Whether it holds under the condition that the corrected statement names."""
    return Fact(Role.CONDITION, bool(holds), text)


def corrected(holds: Any, text: str) -> Fact:
    """Whether the corrected statement holds."""
    return Fact(Role.CORRECTED, bool(holds), text)


def within(gap: Any) -> str:
    """How nearly two things agree, as the text of a fact says it."""
    return f"within {gap:.0e}" if gap else "exactly"


def near(gap: Any) -> str:
    """The same before what is met: "within 2e-16 of" it, or "exactly" it."""
    return f"{within(gap)} of" if gap else "exactly"


@dataclass(frozen=True)
class Finding:
    """The facts that one check computed. The verdict is read off them and nowhere else."""

    facts: tuple[Fact, ...]

    def _all(self, role: Role) -> bool:
        chosen = [fact.holds for fact in self.facts if fact.role is role]
        return bool(chosen) and all(chosen)

    def _some(self, *roles: Role) -> bool:
        return any(fact.role in roles for fact in self.facts)

    def _none_against(self, role: Role) -> bool:
        return all(fact.holds for fact in self.facts if fact.role is role)

    @property
    def verdict(self) -> str:
        """ "undef", "untestable", "holds", "cond" or "false".

        >>> Finding((printed(False, "x = 2 is not 1"), conditional(True, "x = 1 where y = 0"))).verdict
        'cond'
        """
        if not self._none_against(Role.MEANING):
            return "undef"
        if not self._none_against(Role.DECIDABLE):
            return "untestable"
        # what holds also does under a condition
        if (self._all(Role.PRINTED) or self._all(Role.STATED)) and self._none_against(Role.CONDITION):
            return "holds"
        return "cond" if self._all(Role.CONDITION) else "false"

    @property
    def corrected(self) -> bool:
        """Whether the corrected statement stands: something was computed for it, and nothing of that speaks against it.

        >>> Finding((printed(False, "x = 2 is not 1"),)).corrected
        False
        """
        asked = Role.CORRECTED, Role.CONDITION
        return self._some(*asked) and all(self._none_against(role) for role in asked)

    @property
    def evidence(self) -> str:
        return " ".join(fact.text for fact in self.facts)


@dataclass(frozen=True)
class Report:
    """What became of one claim. ``status``: "computed", "text" (read, not computed) or "not run". ``own``: the
    statement is the project's, not the paper's."""

    id: str
    paper: str
    where: str
    statement: str
    verdict: str | None
    evidence: str
    corrected: str
    status: str
    seconds: float
    facts: tuple[Fact, ...] = field(default=(), repr=False)
    own: bool = False

    def record(self) -> dict[str, Any]:
        """Its fields for JSON."""
        names = ("id", "paper", "where", "statement", "verdict", "evidence", "corrected", "status", "seconds")
        return {name: getattr(self, name) for name in names}


SAME = "The same."  # the corrected statement of a claim that holds as it stands and needs no more words


@dataclass(frozen=True)
class Claim:
    """One statement of a paper, in other words, with the check that computes evidence for or against it.

    ``own`` marks a statement of this project about the ``paper``: a correction, a sharper form, a lemma of its own.

    ``check`` yields facts. What it examines (the formula as printed, the cases, the seed) are its keyword arguments, so
    that :meth:`examine` can put something else in their place: a check that is worth anything then changes its verdict.
    ``text`` marks a claim that can only be read; ``needs`` are the modules that its check imports.
    """

    id: str
    paper: str
    where: str
    statement: str
    corrected: str
    check: Callable[..., Iterator[Fact]]
    text: bool = False
    needs: tuple[str, ...] = ()
    own: bool = False

    def examine(self, **changes: Any) -> Finding:
        """Compute the evidence now, with parts of the check replaced."""
        facts = tuple(self.check(**changes))
        if self.own:  # nothing of it is printed in a paper
            facts = tuple(replace(fact, role=Role.STATED) if fact.role is Role.PRINTED else fact for fact in facts)
        return Finding(facts)

    def stands(self, finding: Finding) -> bool:
        """Whether the corrected statement may be offered: by the facts, "The same." where the claim itself holds."""
        if self.text:
            return True
        return finding.verdict == "holds" if self.corrected == SAME else finding.corrected

    def report(self) -> Report:
        """The evidence, the verdict and the time it took; "not run" where a module is missing."""
        head = (self.id, self.paper, self.where, self.statement)
        missing = [name for name in self.needs if importlib.util.find_spec(name) is None]
        if missing:
            said = f"not run: it needs {', '.join(missing)}"
            return Report(*head, None, said, self.corrected, "not run", 0.0, own=self.own)
        begin = time.perf_counter()
        finding = self.examine()
        seconds = round(time.perf_counter() - begin, 3)
        repaired = self.corrected if self.stands(finding) else ""  # none is offered that its own check does not support
        status = "text" if self.text else "computed"
        return Report(*head, finding.verdict, finding.evidence, repaired, status, seconds, finding.facts, self.own)


def claim(
    id: str, where: str, statement: str, corrected: str = "", *, paper: str = "condor", **options: Any
) -> Callable[[Callable[..., Iterator[Fact]]], Claim]:
    """Make a check, a function that yields facts, into the claim that it checks."""

    def made(check: Callable[..., Iterator[Fact]]) -> Claim:
        return Claim(id, paper, where, statement, corrected, check, **options)

    return made


def claims_of(module: Mapping[str, Any]) -> tuple[Claim, ...]:
    """The claims that a module defines, in its order."""
    return tuple(value for value in module.values() if isinstance(value, Claim))
