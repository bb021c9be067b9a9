"""The audit: every claim computes its evidence, and its verdict follows; what is offered in its place stands."""

from __future__ import annotations

import re

import pytest
from verdicts import TEXT, VERDICTS

import kymath as ky
from kymath import audit
from kymath.audit.claim import SAME, Finding, Role, conditional, corrected, decidable, meaning, near, printed, within


@pytest.fixture(scope="module")
def reports():
    return {report.id: report for report in audit.verify()}


def test_the_claims_are_these(reports):
    assert set(reports) == set(VERDICTS)
    assert len(reports) == len(audit.CLAIMS)
    keys = [audit._key(id) for id in reports]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("id", VERDICTS)
def test_a_claim(reports, id):
    report = reports[id]
    assert report.verdict == VERDICTS[id]
    assert report.paper in audit.PAPERS
    assert report.status == ("text" if id in TEXT else "computed")
    assert (report.paper == "cross-synthesis") == id.startswith("CS-")
    assert re.search(r"\d", report.evidence)
    assert len(report.evidence) > 30
    assert report.where
    assert report.statement
    assert report.corrected  # what is offered in its place stands, by its own check
    assert report.facts
    assert report.seconds < 20


def test_the_whole_audit_is_quick(reports):
    assert sum(report.seconds for report in reports.values()) < 120


def test_evidence_is_the_same_each_time():
    for id in ("L-order-barrier", "D3.4-RE", "T3.14-osc-harm"):
        assert audit.verify(claim=id)[0].evidence == audit.verify(claim=id)[0].evidence


def test_the_verdict_follows_from_the_facts():
    def verdict(*facts):
        return Finding(facts).verdict

    no, yes = (False, "0 = 1"), (True, "1 = 1")
    assert verdict(printed(*yes)) == "holds"
    assert verdict(printed(*yes), printed(*no)) == "false"
    assert verdict(printed(*no), conditional(*yes)) == "cond"
    assert verdict(printed(*no), conditional(*yes), conditional(*no)) == "false"
    assert verdict(printed(*no), corrected(*yes)) == "false"
    assert verdict(printed(*yes), conditional(*no)) == "false"
    assert verdict(printed(*yes), conditional(*yes), corrected(*no)) == "holds"
    assert verdict(meaning(*no), printed(*yes)) == "undef"
    assert verdict(meaning(*yes), decidable(*no), printed(*yes)) == "untestable"
    assert verdict() == "false"


# -- mutations ---------------------------------------------------------------------------------------------------------


def test_every_correction_has_evidence(reports):
    for id, report in reports.items():
        roles = {fact.role for fact in report.facts}
        if id in TEXT:
            continue
        if report.corrected == SAME:
            assert report.verdict == "holds", id
        else:
            assert roles & {Role.CORRECTED, Role.CONDITION}, id
            assert all(fact.holds for fact in report.facts if fact.role in (Role.CORRECTED, Role.CONDITION)), id


def test_what_is_met_without_any_gap_is_met_exactly():
    assert (within(0.0), near(0.0)) == ("exactly", "exactly")
    assert (within(2e-16), near(2e-16)) == ("within 2e-16", "within 2e-16 of")
    rule = str(audit.find("T3.14-info").examine().facts)
    assert "Adding terms of degree 2 to f and g changes none of the derivatives of f∘g of order below 2" in rule


def test_a_correction_without_evidence_is_not_offered():
    from dataclasses import replace

    def bare():
        yield printed(False, "0 = 1")

    claim = replace(audit.find("Eq13"), check=bare)
    assert claim.report().corrected == ""
    assert replace(claim, text=True).report().corrected == claim.corrected
    same = audit.find("T3.13-general")
    assert same.corrected == SAME
    assert same.stands(Finding((printed(True, "1 = 1"),)))
    assert not same.stands(Finding((printed(False, "0 = 1"),)))


def test_a_correction_that_fails_is_not_offered():
    assert not audit.find("R3.1").examine(stretch=lambda rho, alpha: rho**alpha).corrected
    assert audit.find("R3.1").examine().corrected


# -- the function ------------------------------------------------------------------------------------------------------


def test_verify_chooses():
    assert [r.id for r in audit.verify(claim=" t3.15 ")] == ["T3.15"]
    assert audit.find("d34ref0").id == "D3.4-RE-f'=0"
    seen = []
    audit.verify(paper="condor", claim="Eq13", progress=lambda claim, done, total: seen.append((claim.id, done, total)))
    assert seen == [("Eq13", 0, 1)]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"claim": "T3.51"}, "there is no claim 'T3.51' among the"),
        ({"claim": "T3.51"}, "Did you mean "),
        ({"paper": "eagle"}, "condor, cross-synthesis"),
        ({"paper": "cross-synthesis", "claim": "Eq13"}, "of the paper condor"),
    ],
)
def test_what_there_is_not(options, says):
    with pytest.raises(ky.KYError, match=re.escape(says)):
        audit.verify(**options)


def test_a_check_that_cannot_run_says_so():
    from dataclasses import replace

    report = replace(audit.find("Eq13"), needs=("a_module_that_is_not_there",)).report()
    assert (report.verdict, report.status) == (None, "not run")
    assert "a_module_that_is_not_there" in report.evidence
