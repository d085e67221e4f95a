"""The safety score: sixteen checks, their weights, and what follows from them. Pure.

Decided here:

* The score is the weights of all checks that are not bad; the weights are whole and sum to 100.
* A check that does not apply scores full and says so. One that nobody looked at is bad: silence is no proof.
* A veto blocks whatever the score is. A check with a veto «live» is only a matter of points on paper.
* Paper needs more than 90 and no veto; live needs 100, no veto, and a look that is at most a minute old.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from polotui.core.errors import Refused

Mode = Literal["paper", "live"]
State = Literal["ok", "bad", "does not apply"]
Veto = Literal["never", "always", "live"]

PAPER_ABOVE = 90
LIVE_NEEDS = 100
#: A live order needs a look that is not older than this.
LIVE_FRESH_MS = 60_000


class Rule(msgspec.Struct, frozen=True):
    """One check: what it weighs, whether it blocks by itself, and what helps when it is bad."""

    name: str
    weight: int
    veto: Veto
    title: str
    remedy: str


CHECKS: tuple[Rule, ...] = (
    Rule(
        "simulation-flag",
        12,
        "always",
        "real money is locked out while trading is virtual",
        "unset TRADING_SIMULATION_ONLY, or polotui config set safety.simulation_only true",
    ),
    Rule(
        "private-files",
        10,
        "always",
        "folders and files belong to this user alone",
        "chmod 700 the folders of the home, chmod 600 its files",
    ),
    Rule(
        "environment-secrets",
        10,
        "always",
        "no exchange key in the environment or a .env file",
        "unset the variables and take them out of your shell's profile and .env files",
    ),
    Rule(
        "written-secrets",
        8,
        "always",
        "nothing that looks like a secret in configuration or logs",
        "take it out of the file, and make a new key: one that was written down is known",
    ),
    Rule(
        "one-account",
        8,
        "always",
        "mode, account and keys agree",
        "stop the engine and start it with the home that belongs to this mode",
    ),
    Rule("single-instance", 6, "always", "one engine in this home", "polotui engine stop, then polotui engine start"),
    Rule("limits", 8, "always", "risk limits are set and finite", "polotui risk presets shows limits to choose from"),
    Rule("latches", 6, "always", "no latch has tripped", "polotui risk says which and why; polotui resume clears it"),
    Rule("clock", 5, "never", "the exchange's time is known to less than a second", "polotui health exchange says why"),
    Rule("snapshot", 5, "never", "the ledger's last copy was verified within a day", "polotui health database"),
    Rule(
        "ledger-chain",
        6,
        "always",
        "the ledger's chain was verified at the start",
        "restore a verified copy of ledger.db; nothing was deleted",
    ),
    Rule("sqlite", 3, "never", "SQLite is sound, or one connection writes", "install a newer Python build"),
    Rule(
        "core-dumps",
        3,
        "never",
        "no picture of the engine's memory can be taken",
        "start the engine with polotui engine start, which sees to it",
    ),
    Rule("not-root", 4, "never", "not running as root", "run polotui as a user of its own"),
    Rule(
        "attested-key",
        4,
        "live",
        "the key cannot withdraw and works from this address only",
        "make a key without withdrawals, bound to this machine's address",
    ),
    Rule(
        "dependencies",
        2,
        "never",
        "libraries are those that were tested",
        "make install, or pip install -c constraints.txt polotui",
    ),
)

RULES: dict[str, Rule] = {rule.name: rule for rule in CHECKS}


class Outcome(msgspec.Struct, frozen=True):
    """What a check found. `remedy` "" on a bad one: the rule's own words."""

    name: str
    state: State
    text: str
    remedy: str = ""

    @property
    def advice(self) -> str:
        """What to do; empty when there is nothing to do."""
        return (self.remedy or RULES[self.name].remedy) if self.state == "bad" else ""


class SafetyScore(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict at `at_ms`, with all outcomes in the order of `CHECKS`."""

    score: int
    vetoes: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    mode: Mode
    at_ms: int
    may_paper: bool
    may_live: bool
    """True at `at_ms`; whoever acts on it later asks `allows`."""

    def age_ms(self, now_ms: int) -> int:
        return now_ms - self.at_ms

    def allows(self, mode: Mode, now_ms: int) -> bool:
        """Whether orders may be sent now. A record from the future is as bad as an old one."""
        if mode == "paper":
            return self.may_paper
        return self.may_live and 0 <= self.age_ms(now_ms) <= LIVE_FRESH_MS

    def to_mend(self) -> list[str]:
        """Each bad check in a sentence with its remedy, vetoes first."""
        bad = [outcome for outcome in self.outcomes if outcome.state == "bad"]
        bad.sort(key=lambda outcome: outcome.name not in self.vetoes)
        return [f"{outcome.name.replace('-', ' ')}: {outcome.text} → {outcome.advice}" for outcome in bad]


def judge(outcomes: Iterable[Outcome], mode: Mode, at_ms: int = 0) -> SafetyScore:
    """Weighs what was found. Raises ValueError for a check that there is none of, or that comes twice."""
    found: dict[str, Outcome] = {}
    for outcome in outcomes:
        if outcome.name not in RULES or outcome.name in found:
            raise ValueError(f"no such check, or twice: {outcome.name}")
        found[outcome.name] = outcome
    complete = tuple(found.get(rule.name) or Outcome(rule.name, "bad", "was not looked at") for rule in CHECKS)
    bad = [rule for rule, outcome in zip(CHECKS, complete, strict=True) if outcome.state == "bad"]
    score = 100 - sum(rule.weight for rule in bad)
    vetoes = tuple(rule.name for rule in bad if rule.veto == "always" or (rule.veto == "live" and mode == "live"))
    return SafetyScore(
        score=score,
        vetoes=vetoes,
        outcomes=complete,
        mode=mode,
        at_ms=at_ms,
        may_paper=score > PAPER_ABOVE and not vetoes,
        may_live=mode == "live" and score >= LIVE_NEEDS and not vetoes,
    )


def demand(score: SafetyScore | None, mode: Mode, now_ms: int) -> None:
    """Raises Refused with the list of what to mend unless orders of `mode` may be sent now."""
    if score is None:
        raise Refused(
            "This machine's safety has not been looked at yet.",
            safe="No order was sent.",
            next_step="Try again in a moment; polotui doctor shows the score.",
            code="unsafe",
        )
    if score.allows(mode, now_ms):
        return
    mend = score.to_mend()
    why = f"{len(score.vetoes)} of it a veto" if score.vetoes else f"needed: {_needed(mode)}"
    if not mend:
        mend = ["the last look is too old, or was not made for live trading → polotui doctor looks again"]
    raise Refused(
        f"The safety score is {score.score} of 100 ({why}).",
        safe="No order was sent.",
        next_step=f"To mend: {'; '.join(mend)}.",
        code="unsafe",
    )


def _needed(mode: Mode) -> str:
    return f"above {PAPER_ABOVE}" if mode == "paper" else f"{LIVE_NEEDS}, at most {LIVE_FRESH_MS // 1000} s old"
