"""Each check finds what it is for, names what helps, and stays silent otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from polotui.security import checks
from polotui.security.checks.sqlite import has_reset_fault
from polotui.security.facts import Facts, Finding, NamedSecret, Simulation, Written
from polotui.security.pins import Difference, Pins
from polotui.security.places import Place, Places
from polotui.security.score import CHECKS, Outcome, judge
from tests.security.conftest import UID, Sound


def outcome(facts: Facts, name: str) -> Outcome:
    return {found.name: found for found in checks.outcomes(facts)}[name]


def str_of(value: object) -> str:
    return value if isinstance(value, str) else ""


def test_there_is_a_file_for_each_row_of_the_table_and_none_besides() -> None:
    assert set(checks.looks()) == {rule.name for rule in CHECKS}


def test_a_sound_machine_has_a_hundred(sound: Sound) -> None:
    score = judge(checks.outcomes(sound()), "paper")
    assert (score.score, score.vetoes, score.may_paper) == (100, (), True)


def test_without_an_engine_the_checks_that_need_one_say_so(sound: Sound) -> None:
    alone = [found.name for found in checks.outcomes(sound(engine=None)) if "running engine" in found.text]
    assert alone == [
        *("one-account", "single-instance", "limits", "latches", "clock", "snapshot", "ledger-chain", "core-dumps"),
    ]


_GOOD = Sound()
SPOILT: list[tuple[str, dict[str, Any], str]] = [
    ("simulation-flag", {"simulation": Simulation(False, "flag")}, "is false (flag)"),
    ("simulation-flag", {"simulation": Simulation(None, "no TOML")}, "cannot be read (no TOML)"),
    ("private-files", {"places": Places((Place("/h/data", "folder", 0o750, UID),))}, "open to others (750)"),
    ("private-files", {"places": Places((Place("/h/data/x.db", "state", 0o640, UID),))}, "open to others (640)"),
    ("private-files", {"places": Places((Place("/h/c.toml", "settings", 0o664, UID),))}, "open to others (664)"),
    ("private-files", {"places": Places((Place("/h/data", "folder", 0o700, UID + 1),))}, "another user"),
    ("private-files", {"places": Places((Place("/h/data", "folder", 0o777, UID, is_link=True),))}, "is a link"),
    ("private-files", {"places": Places((Place("/srv", "above", 0o777, 0),))}, "written by others"),
    ("private-files", {"places": Places((Place("/srv", "above", 0o775, 0, gid=50),))}, "written by others"),
    ("private-files", {"places": Places(unread=("/h/data/x",))}, "cannot be looked at"),
    ("environment-secrets", {"named": (NamedSecret("POLONIEX_API_KEY", "the environment"),)}, "POLONIEX_API_KEY in"),
    ("written-secrets", {"written": (Written("/h/logs/engine.log", 0, "a Poloniex key"),)}, "near its end"),
    ("one-account", {"engine": _GOOD.engine(home_is_demo=True)}, "a demo's"),
    ("one-account", {"engine": _GOOD.engine(has_keys=True)}, "orders to api.poloniex.com could be signed"),
    ("single-instance", {"engine": _GOOD.engine(lock="lost")}, "removed or replaced"),
    ("limits", {"engine": _GOOD.engine(told={"limits": Finding("bad", "none set")})}, "none set"),
    ("latches", {"engine": _GOOD.engine(told={"latches": Finding("bad", "daily loss")})}, "daily loss"),
    ("clock", {"engine": _GOOD.engine(clock_known=False)}, "not known"),
    ("clock", {"engine": _GOOD.engine(clock_error_ms=1000.0)}, "±1000 ms"),
    ("snapshot", {"engine": _GOOD.engine(told={"snapshot": Finding("bad", "25 h old")})}, "25 h old"),
    ("ledger-chain", {"engine": _GOOD.engine(told={})}, "being verified"),
    ("ledger-chain", {"engine": _GOOD.engine(told={"ledger-chain": Finding("bad", "row 7")})}, "row 7"),
    ("sqlite", {"sqlite": (3, 36, 0)}, "too old"),
    ("sqlite", {"sqlite": (3, 51, 2), "engine": _GOOD.engine(lock="lost")}, "second engine"),
    ("core-dumps", {"engine": _GOOD.engine(core_limit=-1)}, "dumps are on"),
    ("core-dumps", {"engine": _GOOD.engine(core_limit=None)}, "dumps are on"),
    ("core-dumps", {"engine": _GOOD.engine(dumpable=True)}, "dumpable"),
    ("not-root", {"uid": 0}, "root"),
    ("attested-key", {"mode": "live"}, "nobody attested"),
    ("dependencies", {"pins": Pins("/x", 3, (Difference("numpy", "2.4", "1.0"),))}, "numpy 1.0 instead of 2.4"),
]


@pytest.mark.parametrize(
    ("name", "changes", "words"), SPOILT, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_spoilt_machine_is_found_out(sound: Sound, name: str, changes: dict[str, Any], words: str) -> None:
    assert outcome(sound(), name).state != "bad"
    found = outcome(sound(**changes), name)
    assert (found.state, words in found.text) == ("bad", True), found
    assert found.advice


def test_every_check_can_be_bad() -> None:
    assert {name for name, _, _ in SPOILT} == {rule.name for rule in CHECKS}


SOUND: list[tuple[str, dict[str, Any], str]] = [
    ("private-files", {"places": Places((Place("/tmp", "above", 0o1777, 0),))}, "nothing is stored"),
    ("private-files", {"places": Places((Place("/srv/me", "above", 0o775, UID, gid=UID),))}, "nothing is stored"),
    ("private-files", {"places": Places((Place("/var", "above", 0o777, 0, is_link=True),))}, "nothing is stored"),
    ("private-files", {"places": Places((Place("/h/c.toml", "settings", 0o644, UID),))}, "all private"),
    ("private-files", {"places": Places()}, "nothing is stored"),
    ("not-root", {"uid": 0, "demo": True}, "demo"),
    ("one-account", {"engine": _GOOD.engine(has_keys=True, host_is_here=True), "demo": True}, "on this machine"),
    ("one-account", {"engine": _GOOD.engine(told={"one-account": Finding("ok", "vault")})}, "vault"),
    ("single-instance", {"engine": _GOOD.engine(lock="embedded")}, "another program"),
    ("core-dumps", {"engine": _GOOD.engine(lock="embedded", dumpable=True)}, "another program"),
    ("core-dumps", {"engine": _GOOD.engine(dumpable=None)}, "no switch"),
    ("clock", {"engine": _GOOD.engine(clock_offset_ms=90_000.0)}, "+90000 ms corrected"),
    ("sqlite", {"sqlite": (3, 40, 1)}, "one connection"),
    ("dependencies", {"pins": Pins(why="no constraints.txt here")}, "no constraints.txt here"),
    ("attested-key", {}, "no key"),
    ("limits", {}, "no trading yet"),
]


@pytest.mark.parametrize(("name", "changes", "words"), SOUND, ids=str_of)
def test_what_is_right_is_left_alone(sound: Sound, name: str, changes: dict[str, Any], words: str) -> None:
    found = outcome(sound(**changes), name)
    assert found.state != "bad"
    assert words in found.text
    assert not found.advice


@pytest.mark.parametrize(
    ("place", "command"),
    [
        (Place("/h/my data", "folder", 0o755, UID), "chmod 700 '/h/my data'"),
        (Place("/h/x.db", "state", 0o604, UID), "chmod 600 /h/x.db"),
        (Place("/h/data", "folder", 0o700, 7), f"sudo chown -R {UID} /h/data"),
        (Place("/srv", "above", 0o777, 0), "chmod go-w /srv"),
    ],
)
def test_the_exact_command_is_named(sound: Sound, place: Place, command: str) -> None:
    assert outcome(sound(places=Places((place,))), "private-files").advice == command


def test_names_of_secrets_lead_to_what_to_unset(sound: Sound) -> None:
    named = (NamedSecret("A_API_SECRET", "the environment"), NamedSecret("POLONIEX_API_KEY", "/p/.env"))
    advice = outcome(sound(named=named), "environment-secrets").advice
    assert "unset A_API_SECRET," in advice
    assert "take the keys out of /p/.env" in advice


def test_live_needs_the_flag_false_and_its_own_account(sound: Sound) -> None:
    live = sound(mode="live", simulation=Simulation(False, "file"))
    assert outcome(live, "simulation-flag").state == "ok"
    assert outcome(replace(live, simulation=Simulation(True)), "simulation-flag").state == "bad"
    assert outcome(live, "one-account").state == "bad"
    told = {"one-account": Finding("ok", "account 7"), "attested-key": Finding("ok", "attested")}
    engine = replace(sound.engine(), told={**sound.engine().told, **told}, has_keys=True)
    assert judge(checks.outcomes(replace(live, engine=engine)), "live").may_live


def test_a_check_that_fails_itself_is_bad(sound: Sound, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(facts: Facts) -> Finding:
        raise ZeroDivisionError

    monkeypatch.setitem(checks.looks(), "clock", broken)
    found = outcome(sound(), "clock")
    assert (found.state, "ZeroDivisionError" in found.text) == ("bad", True)


@pytest.mark.parametrize(
    ("version", "fault"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((4, 0, 0), False),
    ],
)
def test_versions_of_sqlite_with_the_reset_fault(version: tuple[int, ...], fault: bool) -> None:
    assert has_reset_fault(version) == fault
