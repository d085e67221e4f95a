"""`polotui halt`, `resume` and `flatten`: what they do without an engine, with one, and with one that says nothing."""

from __future__ import annotations

import os

import pytest

from polotui.api import risk_commands as c
from polotui.api import trade_replies as tr
from polotui.core import halt as flag
from polotui.core import spawn
from polotui.core.errors import UsageError
from polotui.core.lock import InstanceLock
from tests.api.fake_server import HANG_UP, SILENCE, FakeEngine
from tests.cli.conftest import Shell

WHO = "ada on pts/3"
HALTED = tr.Halted(
    state="HALTED",
    text="No order leaves any more. 2 of 2 resting orders are cancelled.",
    cancelled=2,
    first_cancel_ms=1.5,
    confirmed_ms=48.2,
)


@pytest.fixture(autouse=True)
def ada(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("halt", "resume", "flatten"):
        monkeypatch.setattr(f"polotui.cli.{name}.who_asks", lambda: WHO)


@pytest.fixture
def none_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> int:
        raise AssertionError("an engine was started")

    monkeypatch.setattr(spawn, "start_detached", started)


@pytest.mark.usefixtures("none_started")
def test_it_halts_without_an_engine_and_starts_none(shell: Shell) -> None:
    result = shell("halt", "a test\x1b")
    note = flag.is_halted(shell.home)
    assert note is not None
    assert (note.reason, note.who) == ("a test‹1b›", WHO)
    assert result.code == 0
    assert result.out.endswith("No engine runs; one that starts here starts halted.\n")
    assert shell.home.data.joinpath("HALT").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("none_started")
def test_halting_twice_says_since_when(shell: Shell) -> None:
    shell("halt", "the first")
    result = shell("halt", "the second")
    assert result.out.startswith("HALTED since ")
    assert ": the first. The flag is " in result.out
    document = shell("halt", "--json").document
    assert document["schema"] == "polotui.halt/1"
    assert (document["halted"], document["engine"], document["reason"]) == (True, "none", "the first")
    assert document["flag"] == str(flag.flag_of(shell.home))
    assert document["cancelled"] is None


async def test_the_flag_is_set_before_the_engine_is_told(shell: Shell) -> None:
    seen: list[bool] = []

    def halted(_: c.Halt) -> tr.Halted:
        seen.append(flag.is_halted(shell.home) is not None)
        return HALTED

    async with FakeEngine(shell.home.socket, {c.Halt: halted}) as engine:
        result = await shell.beside("halt", "a test")
        as_json = await shell.beside("halt", "--json")
    assert seen == [True, True]
    assert engine.heard[1] == c.Halt(reason="a test", caller=WHO)
    assert result.code == 0
    assert result.out.splitlines()[1] == (
        "No order leaves any more. 2 of 2 resting orders are cancelled. Confirmed in 48 ms."
    )
    assert as_json.document["engine"] == "confirmed"
    assert as_json.document["confirmed_ms"] == 48.2


async def test_orders_that_still_rest_are_exit_code_1(shell: Shell) -> None:
    left = tr.Halted(state="HALTED", text="1 of 2 resting orders are cancelled.", cancelled=1, left=1)
    async with FakeEngine(shell.home.socket, {c.Halt: left}):
        result = await shell.beside("halt")
    assert result.code == 1
    assert "1 still rest; the engine goes on asking." in result.out


@pytest.mark.usefixtures("none_started")
async def test_an_engine_that_is_stuck_is_exit_code_3_and_the_flag_holds(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polotui.cli.halt.ENGINE_SECONDS", 0.05)
    async with FakeEngine(shell.home.socket, {c.Halt: SILENCE}):
        result = await shell.beside("halt", "stuck")
        as_json = await shell.beside("halt", "--json")
    assert (result.code, as_json.code) == (3, 3)
    assert flag.is_halted(shell.home) is not None
    assert "did not confirm" in result.out
    assert (as_json.document["halted"], as_json.document["engine"]) == (True, "silent")


async def test_an_engine_that_hangs_up_while_it_lives_is_no_confirmation(shell: Shell) -> None:
    shell.home.data.mkdir(parents=True)
    async with FakeEngine(shell.home.socket, {c.Halt: HANG_UP}):
        with InstanceLock(shell.home.lock):
            alive = await shell.beside("halt")
        ended = await shell.beside("halt")
    assert (alive.code, ended.code) == (3, 0)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes where nobody may")
def test_a_flag_that_cannot_be_written_is_said(shell: Shell) -> None:
    shell.home.data.mkdir(parents=True)
    shell.home.data.chmod(0o500)
    result = shell("halt")
    shell.home.data.chmod(0o700)
    assert result.code == 1
    assert "touch" in result.err


async def test_an_engine_is_told_even_when_the_flag_cannot_be_written(shell: Shell) -> None:
    # A file where the folder should be: nothing can be written below it.
    shell.root.mkdir()
    shell.home.data.write_text("in the way")
    async with FakeEngine(shell.home.socket, {c.Halt: HALTED}) as engine:
        result = await shell.beside("halt", "a test")
        assert engine.heard[1:] == [c.Halt(reason="a test", caller=WHO)]
    assert result.code == 1
    assert "2 of 2 resting orders are cancelled" in result.out
    assert "cannot be made or used" in result.err
    assert (await shell.beside("halt")).code == 1


@pytest.mark.parametrize(
    ("words", "reducing"), [("resume --yes RESUME", False), ("resume --yes RESUME --reducing", True)]
)
async def test_it_goes_on_with_the_word(shell: Shell, words: str, reducing: bool) -> None:
    answer = tr.Halted(state="REDUCING" if reducing else "ACTIVE", text="Trading goes on.")
    async with FakeEngine(shell.home.socket, {c.Resume: answer}) as engine:
        result = await shell.beside(*words.split())
        as_json = await shell.beside(*words.split(), "--json")
    assert engine.heard[1] == c.Resume(words="RESUME", reducing=reducing, caller=WHO)
    assert (result.code, result.out) == (0, "Trading goes on.\n")
    assert as_json.document["schema"] == "polotui.resume/1"


@pytest.mark.parametrize("state", ["HALTED", "REDUCING"])
async def test_what_does_not_go_on_is_exit_code_4(shell: Shell, state: str) -> None:
    answer = tr.Halted(state=state, text="The flag was set again.")  # type: ignore[arg-type]
    async with FakeEngine(shell.home.socket, {c.Resume: answer}):
        assert (await shell.beside("resume", "--yes", "RESUME")).code == 4


async def test_flatten_says_what_is_left(shell: Shell) -> None:
    sold = tr.Halted(state="ACTIVE", text="3 positions are sold.", cancelled=3)
    async with FakeEngine(shell.home.socket, {c.Flatten: sold}) as engine:
        done = await shell.beside("flatten", "--yes", "FLATTEN", "--account", "paper/bot-3")
        engine.answers[c.Flatten] = tr.Halted(state="ACTIVE", text="Not sold: BTC_USDT.", left=1)
        left = await shell.beside("flatten", "--yes", "FLATTEN", "--json")
    assert engine.heard[1] == c.Flatten(words="FLATTEN", account="paper/bot-3", caller=WHO)
    assert (done.code, done.out) == (0, "3 positions are sold.\n")
    assert (left.code, left.document["left"]) == (1, 1)


@pytest.mark.usefixtures("none_started")
@pytest.mark.parametrize(
    "words", ["resume", "resume --yes resume", "resume --yes yes", "flatten", "flatten --yes RESUME", "flatten --yes y"]
)
def test_without_the_word_nobody_is_asked(shell: Shell, words: str) -> None:
    result = shell(*words.split())
    assert (result.code, result.out) == (2, "")
    assert "only with the word" in result.err


async def test_the_engine_has_the_last_word(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {c.Resume: UsageError("Not now.")}):
        assert (await shell.beside("resume", "--yes", "RESUME")).code == 2
