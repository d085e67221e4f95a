"""The verdict follows from the outcomes as documented: every combination there is."""

from __future__ import annotations

import re

import pytest

from polotui.core.errors import Refused
from polotui.security.score import CHECKS, LIVE_FRESH_MS, RULES, Outcome, SafetyScore, demand, judge
from tests.architecture.imports import ROOT

#: Written down apart from the code: weight, and when it is a veto by itself.
TABLE = {
    "simulation-flag": (12, "both"),
    "private-files": (10, "both"),
    "environment-secrets": (10, "both"),
    "written-secrets": (8, "both"),
    "one-account": (8, "both"),
    "single-instance": (6, "both"),
    "limits": (8, "both"),
    "latches": (6, "both"),
    "clock": (5, ""),
    "snapshot": (5, ""),
    "ledger-chain": (6, "both"),
    "sqlite": (3, ""),
    "core-dumps": (3, ""),
    "not-root": (4, ""),
    "attested-key": (4, "live"),
    "dependencies": (2, ""),
}
NAMES = list(TABLE)
NOW = 1_780_000_000_000


def looked(*bad: str, mode: str = "paper") -> SafetyScore:
    return judge([Outcome(name, "bad" if name in bad else "ok", "x") for name in NAMES], mode, NOW)  # type: ignore[arg-type]


def test_the_weights_are_the_documented_ones_and_sum_to_a_hundred() -> None:
    assert [(rule.name, rule.weight) for rule in CHECKS] == [(name, row[0]) for name, row in TABLE.items()]
    assert sum(rule.weight for rule in CHECKS) == 100
    assert all(rule.title and rule.remedy for rule in CHECKS)


def test_the_page_shows_the_same_table() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    rows = re.findall(r"^\| ([\w ]+?)(?::[^|]*)? \| (\d+) \| ([\w ]*) ?\|$", page, re.MULTILINE)
    words = {"yes": "both", "with real money": "live", "": ""}
    assert {name.replace(" ", "-"): (int(weight), words[veto.strip()]) for name, weight, veto in rows} == TABLE


@pytest.mark.parametrize("mode", ["paper", "live"])
def test_all_combinations_give_the_documented_verdict(mode: str) -> None:
    good = [Outcome(name, "ok", "x") for name in NAMES]
    bad = [Outcome(name, "bad", "x") for name in NAMES]
    points = [TABLE[name][0] for name in NAMES]
    blocking = sum(1 << i for i, name in enumerate(NAMES) if TABLE[name][1] in ("both", mode))
    seen = set()
    for mask in range(1 << 16):
        got = judge([bad[i] if mask >> i & 1 else good[i] for i in range(16)], mode)  # type: ignore[arg-type]
        lost = 0
        for i in range(16):
            if mask & (1 << i):
                lost += points[i]
        vetoed = bool(mask & blocking)
        assert got.score == 100 - lost
        assert bool(got.vetoes) == vetoed
        assert got.may_paper == (lost <= 9 and not vetoed)
        assert got.may_live == (mode == "live" and mask == 0)
        seen.add((got.may_paper, got.may_live))
    assert (True, False) in seen
    assert (False, False) in seen


def test_a_check_that_does_not_apply_scores_full_and_keeps_its_words() -> None:
    score = judge([Outcome(name, "does not apply", "no key in paper") for name in NAMES], "live", NOW)
    assert (score.score, score.vetoes, score.may_live) == (100, (), True)
    assert {outcome.text for outcome in score.outcomes} == {"no key in paper"}


def test_what_nobody_looked_at_is_bad() -> None:
    score = judge([], "paper")
    assert (score.score, score.may_paper, len(score.outcomes)) == (0, False, 16)


def test_an_unknown_check_and_one_that_comes_twice_are_errors() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        judge([Outcome("nonsense", "ok", "")], "paper")
    with pytest.raises(ValueError, match="clock"):
        judge([Outcome("clock", "ok", ""), Outcome("clock", "bad", "")], "paper")


def test_live_needs_a_fresh_look_and_paper_does_not() -> None:
    score = looked(mode="live")
    assert score.allows("live", NOW)
    assert score.allows("live", NOW + LIVE_FRESH_MS)
    assert not score.allows("live", NOW + LIVE_FRESH_MS + 1)
    assert not score.allows("live", NOW - 1)
    assert score.allows("paper", NOW + 10 * LIVE_FRESH_MS)
    assert not looked(mode="paper").allows("live", NOW)


def test_a_missing_attestation_is_a_matter_of_points_on_paper_and_a_veto_live() -> None:
    assert (looked("attested-key").score, looked("attested-key").vetoes) == (96, ())
    assert looked("attested-key", mode="live").vetoes == ("attested-key",)


def test_a_refusal_lists_what_to_mend_vetoes_first() -> None:
    score = looked("clock", "latches")
    with pytest.raises(Refused) as refused:
        demand(score, "paper", NOW)
    record = refused.value.record()
    assert (record.code, record.exit_code) == ("unsafe", 4)
    assert "89 of 100" in record.cause
    assert record.next_step.index(RULES["latches"].remedy) < record.next_step.index(RULES["clock"].remedy)


def test_nothing_is_demanded_of_a_fit_machine_and_everything_of_an_unknown_one() -> None:
    demand(looked("clock"), "paper", NOW)
    with pytest.raises(Refused, match="not been looked at"):
        demand(None, "paper", NOW)
    with pytest.raises(Refused, match="too old"):
        demand(looked(mode="live"), "live", NOW + LIVE_FRESH_MS + 1)
