"""`polotui doctor`: sees what is wrong, names the remedy, changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from polotui.api import commands as c
from polotui.api import replies as r
from polotui.api.events import EngineState, StreamStatus
from polotui.cli import checks
from tests.api.fake_server import SILENCE, FakeEngine
from tests.cli.conftest import Shell


def found(shell: Shell) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in shell("doctor", "--json").document["checks"]}


def engine_state(**changes: Any) -> EngineState:
    fields: dict[str, Any] = {"version": "0.1.0", "pid": 1, "started_ms": 1, "mode": "DEMO", "venue": "v", "host": "h"}
    return EngineState(**fields | {"clock_offset_ms": 5.0} | changes)


def answers(state: EngineState, health: str = "online") -> dict[type, Any]:
    part = r.Part(name="database", state=health, text="ledger")  # type: ignore[arg-type]
    return {c.GetStatus: r.Status(engine=state), c.GetHealth: r.Health(state="online", parts=[part])}


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


def test_unlocked_real_money_is_a_warning(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(shell)["real money"]["state"] == "ok"
    monkeypatch.setenv("TRADING_SIMULATION_ONLY", "false")
    row = found(shell)["real money"]
    assert (row["state"], "TRADING_SIMULATION_ONLY" in row["text"]) == ("warn", True)


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


@pytest.mark.parametrize(
    ("version", "state", "words"),
    [
        ((3, 36, 0), "fail", "too old"),
        ((3, 40, 1), "ok", "WAL-reset"),
        ((3, 44, 5), "ok", "WAL-reset"),
        ((3, 44, 6), "ok", "3.44.6"),
        ((3, 45, 0), "ok", "WAL-reset"),
        ((3, 50, 7), "ok", "3.50.7"),
        ((3, 51, 2), "ok", "WAL-reset"),
        ((3, 51, 3), "ok", "3.51.3"),
        ((4, 0, 0), "ok", "4.0.0"),
    ],
)
def test_sqlite(version: tuple[int, ...], state: str, words: str) -> None:
    check = checks.sqlite(version)
    assert (check.state, words in check.text) == (state, True)
    assert ("WAL-reset" in check.text) == (words == "WAL-reset")


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
        lines = {line.name: line for line in await checks.engine(shell.home)}
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
        lines = {line.name: line for line in await checks.engine(shell.home)}
    assert lines["engine"].state == "warn"


async def test_an_engine_that_says_nothing_fails(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {c.Hello: SILENCE}):
        [line] = await checks.engine(shell.home)
    assert line.state == "fail"
