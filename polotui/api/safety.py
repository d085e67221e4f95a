"""The safety score as faces see it: the use case, and the values that it, the event and `doctor` show."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from polotui.api.command import Command


class SafetyOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One of the sixteen checks."""

    name: str
    title: str
    """What is true when it is ok."""
    weight: int
    veto: Literal["never", "always", "live"]
    state: Literal["ok", "bad", "does not apply"]
    text: str
    remedy: str = ""
    """What to do; empty unless it is bad."""


class SafetyView(msgspec.Struct, frozen=True, kw_only=True):
    """The score at `at_ms`, and what each check found."""

    score: int
    vetoes: list[str]
    """Names of the checks that block whatever the score is."""
    outcomes: list[SafetyOutcome]
    mode: Literal["paper", "live"]
    at_ms: int
    may_paper: bool
    may_live: bool


class SafetyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The last look, its age, and the signed record of it as JSON text."""

    safety: SafetyView
    age_ms: int
    record: str


class GetSafety(Command, tag="safety", frozen=True, kw_only=True):
    """The safety score. `refresh` looks again first; looks that are asked for at once are one."""

    reply: ClassVar[type] = SafetyReport
    refresh: bool = False
