"""`polotui doctor`: sees what is wrong, names the remedy, changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polotui.api import commands as c
from polotui.api import replies as r
from polotui.api.events import EngineState, StreamStatus
from polotui.api.safety import GetSafety, SafetyReport
from polotui.cli import checks
from polotui.core.clock import SystemClock
from polotui.core.errors import PolotuiError
from polotui.core.ids import Chance
from polotui.core.paths import Home
from polotui.engine.safety import view
from polotui.security.record import SignedRecord, make_key, save, sign
from polotui.security.score import CHECKS, Outcome, judge
from tests.api.fake_server import SILENCE, FakeEngine
from tests.cli.conftest import Shell


def found(shell: Shell) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in shell("doctor", "--json").document["checks"]}


def engine_state(**changes: Any) -> EngineState:
    fields: dict[str, Any] = {"version": "0.1.0", "pid": 1, "started_ms": 1, "mode": "DEMO", "venue": "v", "host": "h"}
    return EngineState(**fields | {"clock_offset_ms": 5.0} | changes)


def signed(home: Home, *bad: str, key: bytes | None = None, age_ms: int = 0) -> SignedRecord:
    """A record as an engine of this home would sign it; `bad` names the checks that fail."""
    outcomes = [Outcome(rule.name, "bad" if rule.name in bad else "ok", "as told") for rule in CHECKS]
    scored = judge(outcomes, "paper", SystemClock().wall_ms() - age_ms)
    record = SignedRecord(home=home.key, pid=1, score=scored)
    return sign(record, key or make_key(home.make(), Chance("key")))


def safety(record: SignedRecord) -> SafetyReport:
    return SafetyReport(safety=view(record.score), age_ms=1500, record=msgspec.json.encode(record).decode())


def answers(state: EngineState, health: str = "online", said: Any = None) -> dict[type, Any]:
    part = r.Part(name="database", state=health, text="ledger")  # type: ignore[arg-type]
    return {
        c.GetStatus: r.Status(engine=state),
        c.GetHealth: r.Health(state="online", parts=[part]),
        GetSafety: said or PolotuiError("Still starting."),
    }


def test_a_sound_machine_is_fit_and_untouched(shell: Shell) -> None:
    result = shell("doctor")
    assert result.code == 0
    assert "none is running" in result.out
    assert not shell.root.exists()


@pytest.mark.parametrize("name", ["config", "data", "logs"])
def test_an_open_folder_fails_with_its_command(shell: Shell, name: str) -> None:
    folder = getattr(shell.home, name)
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    result = shell("doctor")
    assert result.code == 4
    assert f"chmod 700 {folder}" in result.out
    assert folder.stat().st_mode & 0o777 == 0o755


def test_an_open_file_fails_with_its_command(shell: Shell) -> None:
    shell.home.data.mkdir(parents=True, mode=0o700)
    (shell.home.data / "ledger.db").write_text("")
    (shell.home.data / "ledger.db").chmod(0o644)
    row = found(shell)["data"]
    assert (row["state"], "ledger.db" in row["text"], "chmod 600" in row["remedy"]) == ("fail", True, True)


def test_a_folder_of_somebody_else_fails(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.home.data.mkdir(parents=True, mode=0o700)
    owner = shell.home.data.stat().st_uid
    monkeypatch.setattr("os.getuid", lambda: owner + 1)
    [line] = [check for check in checks.folders(shell.home) if check.name == "data"]
    assert line.state == "fail"
    assert "chown" in line.remedy


def test_another_exchange_is_named(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(shell)["exchange"]["text"] == "api.poloniex.com, Poloniex's own"
    monkeypatch.setenv("POLOTUI_EXCHANGE_REST_URL", "https://other.example")
    row = found(shell)["exchange"]
    assert row["state"] == "warn"
    assert "other.example" in row["text"]


def outcome(shell: Shell, name: str) -> dict[str, Any]:
    return {row["name"]: row for row in shell("doctor", "--json").document["safety"]["checks"]}[name]


def test_unlocked_real_money_is_a_veto(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcome(shell, "simulation-flag")["state"] == "ok"
    monkeypatch.setenv("TRADING_SIMULATION_ONLY", "false")
    row = outcome(shell, "simulation-flag")
    assert (row["state"], "environment TRADING_SIMULATION_ONLY" in row["text"]) == ("bad", True)
    result = shell("doctor")
    assert result.code == 4
    assert "unset TRADING_SIMULATION_ONLY" in result.out
    assert "(-12, veto)" in result.out


def test_an_exchange_key_in_a_file_is_a_veto_and_named_with_its_place(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("export POLONIEX_API_SECRET='s3cr3t-value'\n# POLONIEX_API_KEY=x\n")
    result = shell("doctor")
    assert result.code == 4
    assert f"POLONIEX_API_SECRET in {tmp_path / '.env'}" in result.out
    assert "s3cr3t-value" not in result.out


def test_what_only_an_engine_knows_is_said_to_be_so(shell: Shell) -> None:
    document = shell("doctor", "--json").document
    rows = {row["name"]: row for row in document["safety"]["checks"]}
    assert (document["safety"]["source"], document["safety"]["record"]) == ("doctor", None)
    assert rows["ledger-chain"] == rows["ledger-chain"] | {
        "state": "does not apply",
        "text": "only a running engine knows",
    }
    assert sum(row["weight"] for row in rows.values()) == 100


def test_ten_points_none_of_them_claimed(shell: Shell) -> None:
    points = shell("doctor", "--json").document["readiness"]
    assert len(points) == 10
    assert {point["name"] for point in points if point["state"] == "ok"} == {"configuration"}


@pytest.mark.parametrize("name", ["POLONIEX_API_KEY", "POLONIEX_API_SECRET", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"])
def test_secrets_left_in_the_environment_are_named_never_printed(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "s3cr3t-value")
    result = shell("doctor")
    assert name in result.out
    assert "s3cr3t-value" not in result.out + result.err


def test_ordinary_variables_are_no_secrets() -> None:
    [line] = checks.secrets(["HOME", "PATH", "POLOTUI_FACE_THEME", "POLOTUI_MARKET_TOP", "LANG"])
    assert line.state == "ok"


def test_an_sqlite_without_strict_tables_fails() -> None:
    assert checks.sqlite((3, 36, 0)).state == "fail"
    assert checks.sqlite((3, 37, 0)).state == "ok"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"NO_COLOR": "1", "COLORTERM": "truecolor"}, "none"),
        ({"COLORTERM": "truecolor"}, "truecolor"),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "xterm"}, "16"),
    ],
)
def test_colours(environment: dict[str, str], words: str) -> None:
    assert checks.colours(environment).startswith(words)


def test_a_poor_terminal_is_a_warning() -> None:
    lines = {line.name: line for line in checks.terminal({"TERM": "dumb"}, "ascii")}
    assert (lines["terminal"].state, lines["encoding"].state) == ("warn", "warn")
    assert lines["encoding"].remedy


def test_little_room_is_told(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, state in ((10 * 1024**3, "ok"), (500 * 1024**2, "warn"), (10 * 1024**2, "fail")):
        usage = type("Usage", (), {"free": free})
        monkeypatch.setattr("shutil.disk_usage", lambda _, usage=usage: usage)
        assert checks.disk(shell.home)[0].state == state


@pytest.mark.parametrize(("offset", "state"), [(12.0, "ok"), (-1500.0, "warn"), (9000.0, "fail"), (None, "warn")])
async def test_the_clock_is_the_running_engines(shell: Shell, offset: float | None, state: str) -> None:
    async with FakeEngine(shell.home.socket, answers(engine_state(clock_offset_ms=offset))) as engine:
        lines = {line.name: line for line in (await checks.engine(shell.home)).lines}
        assert engine.heard[0].read_only is True  # type: ignore[attr-defined]
    assert lines["clock"].state == state
    assert bool(lines["clock"].remedy) == (state != "ok")


async def test_a_stream_that_is_down_is_told(shell: Shell) -> None:
    state = engine_state(streams=[StreamStatus(name="public", phase="down", detail="no answer for 12 s")])
    async with FakeEngine(shell.home.socket, answers(state)):
        result = await shell.beside("doctor")
    assert result.code == 0
    assert "public: down" in result.out
    assert "no answer for 12 s" in result.out


async def test_a_part_that_is_offline_fails(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, answers(engine_state(), "offline")):
        assert (await shell.beside("doctor")).code == 4


async def test_an_engine_of_another_version_is_a_warning(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, answers(engine_state(version="0.0.9"))):
        lines = {line.name: line for line in (await checks.engine(shell.home)).lines}
    assert lines["engine"].state == "warn"


async def test_an_engine_that_says_nothing_fails(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {c.Hello: SILENCE}):
        [line] = (await checks.engine(shell.home)).lines
    assert line.state == "fail"


async def test_the_engines_score_counts_and_its_signature_is_verified(shell: Shell) -> None:
    record = signed(shell.home, "dependencies")
    async with FakeEngine(shell.home.socket, answers(engine_state(), said=safety(record))) as engine:
        result = await shell.beside("doctor", "--json")
    assert result.code == 0
    found = result.document["safety"]
    assert (found["score"], found["source"], found["signed"], found["age_ms"]) == (98, "engine", True, 1500)
    assert msgspec.convert(found["record"], SignedRecord) == record
    assert any(isinstance(command, GetSafety) and command.refresh for command in engine.heard)


async def test_a_veto_of_the_engine_is_not_fit_to_trade(shell: Shell) -> None:
    said = safety(signed(shell.home, "latches"))
    async with FakeEngine(shell.home.socket, answers(engine_state(), said=said)):
        result = await shell.beside("doctor")
    assert result.code == 4
    assert "vetoes: latches" in result.out
    assert "polotui resume" in result.out


async def test_a_record_of_somebody_else_is_told(shell: Shell) -> None:
    shell.home.make()
    said = safety(signed(shell.home, key=b"another home's key" * 3))
    async with FakeEngine(shell.home.socket, answers(engine_state(), said=said)):
        result = await shell.beside("doctor", "--json")
    assert result.document["safety"]["signed"] is False
    [point] = [point for point in result.document["readiness"] if point["name"].startswith("safety")]
    assert point["state"] == "bad"
    assert result.code == 4


async def test_an_engine_that_has_not_looked_is_a_warning_and_the_doctor_looks_itself(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, answers(engine_state())):
        result = await shell.beside("doctor", "--json")
    rows = {row["name"]: row for row in result.document["checks"]}
    assert rows["safety"]["state"] == "warn"
    assert result.document["safety"]["source"] == "doctor"


async def test_a_running_engine_gives_the_points_their_evidence(shell: Shell) -> None:
    now = SystemClock().wall_ms()
    stream = StreamStatus(name="public", phase="live", last_message_ms=now - 2_000, messages=5, reconnects=2)
    said = safety(signed(shell.home))
    async with FakeEngine(shell.home.socket, answers(engine_state(streams=[stream]), said=said)):
        result = await shell.beside("doctor", "--json")
    points = {point["name"]: point for point in result.document["readiness"]}
    assert (points["safety above 90"]["state"], points["safety above 90"]["age_ms"]) == ("ok", 1500)
    assert points["live data"]["state"] == "ok"
    assert points["live data"]["age_ms"] >= 2_000
    assert points["sockets"]["text"] == "public live, 2 reconnects, 0 messages lost"
    assert points["security audit"]["state"] == "not there yet"


def test_the_last_engines_record_is_named_with_its_age_but_not_taken_for_the_present(shell: Shell) -> None:
    save(shell.home, signed(shell.home, "latches", age_ms=3 * 3_600_000))
    result = shell("doctor")
    assert "the last engine gave 94, 3 h ago" in result.out
    assert result.code == 0
    forged = json.loads((shell.home.data / "safety.json").read_text())
    forged["score"]["score"] = 100
    (shell.home.data / "safety.json").write_text(json.dumps(forged))
    assert "the last engine" not in shell("doctor").out
