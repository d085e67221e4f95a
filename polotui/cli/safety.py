"""The safety score for a person at the command line: the engine's signed record, or a look of one's own.

Decided here: an engine's word counts when it answers, because it knows what nobody else does. Its record is verified
with the home's key. Without an engine the last record it left is named with its age, but never taken for the present.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

import msgspec

from polotui.api.safety import SafetyReport
from polotui.cli.where import Where
from polotui.core.errors import PolotuiError
from polotui.core.paths import Home
from polotui.security import checks, facts
from polotui.security.record import SignedRecord, load, read_key, verify
from polotui.security.score import RULES, SafetyScore, judge


@dataclass(frozen=True)
class Judged:
    """A score and how one came to it. `signed` None: nothing to verify. `last`: what an engine that is gone left."""

    score: SafetyScore
    age_ms: int
    source: str
    """engine or doctor."""
    signed: bool | None = None
    record: SignedRecord | None = None
    last: SignedRecord | None = None
    last_age_ms: int = 0

    @property
    def holds(self) -> bool:
        """Whether trading with virtual money is possible, as far as can be seen."""
        return self.score.may_paper and self.signed is not False

    def source_words(self) -> str:
        if self.source == "engine":
            proof = "its record is signed" if self.signed else "its record's signature does NOT hold"
            return f"as the engine saw it {self.age_ms / 1000:.0f} s ago ({proof})"
        words = "as far as can be seen without an engine"
        if self.last is not None:
            words += f"; the last engine gave {self.last.score.score}, {_ago(self.last_age_ms)} ago"
        return words

    def document(self) -> dict[str, Any]:
        """For --json: the verdict, the checks with their table, and the record as it was signed."""
        score = self.score
        return {
            "score": score.score,
            "may_paper": score.may_paper,
            "may_live": score.may_live,
            "mode": score.mode,
            "vetoes": list(score.vetoes),
            "at_ms": score.at_ms,
            "age_ms": self.age_ms,
            "source": self.source,
            "signed": self.signed,
            "checks": [_row(outcome.name, outcome) for outcome in score.outcomes],
            "record": msgspec.to_builtins(self.record),
            "last": msgspec.to_builtins(self.last),
        }


def judged(place: Where, report: SafetyReport | None, now_ms: int) -> Judged:
    """The engine's score when it gave one, else a look of one's own."""
    if report is not None:
        signed = msgspec.json.decode(report.record, type=SignedRecord)
        key = _key(place.home)
        holds = key is not None and signed.home == place.home.key and verify(signed, key)
        return Judged(signed.score, report.age_ms, "engine", holds, signed)
    last = _last(place.home)
    age = last.score.age_ms(now_ms) if last is not None else 0
    return Judged(own_look(place, now_ms), 0, "doctor", last=last, last_age_ms=age)


def own_look(place: Where, now_ms: int) -> SafetyScore:
    """What can be seen without an engine, of trading with virtual money."""
    found = facts.gather(
        place.home,
        mode="paper",
        demo=place.demo or place.home.demo_file.exists(),
        simulation=simulation(place.home),
        sqlite=sqlite3.sqlite_version_info,
    )
    return judge(checks.outcomes(found), "paper", now_ms)


def simulation(home: Home) -> facts.Simulation:
    """The setting as the engine would read it now."""
    from polotui.core.settings import schema

    try:
        loaded = schema.load(home)
    except PolotuiError as error:
        return facts.Simulation(None, error.cause)
    return facts.Simulation(loaded.settings.safety.simulation_only, loaded.source("safety.simulation_only"))


def _row(name: str, outcome: Any) -> dict[str, Any]:
    rule = RULES[name]
    return {
        "name": name,
        "title": rule.title,
        "weight": rule.weight,
        "veto": rule.veto,
        "state": outcome.state,
        "text": outcome.text,
        "remedy": outcome.advice,
    }


def _key(home: Home) -> bytes | None:
    try:
        return read_key(home)
    except PolotuiError:
        return None  # then nothing can be verified, which is said


def _last(home: Home) -> SignedRecord | None:
    try:
        return load(home)
    except PolotuiError:
        return None


def _ago(age_ms: int) -> str:
    minutes = max(0, age_ms) // 60_000
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
