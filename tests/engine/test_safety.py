"""The running engine's score: told to faces, kept signed, and changed by what its parts know."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from polotui.api import commands as c
from polotui.api.events import SafetyState
from polotui.api.safety import GetSafety
from polotui.core import threads
from polotui.core.errors import Refused
from polotui.core.lock import InstanceLock
from polotui.engine.engine import Engine
from polotui.engine.local_link import LocalLink
from polotui.engine.safety import STALE_MS, view
from polotui.security.facts import Finding
from polotui.security.record import SignedRecord, load, read_key, verify
from tests.engine.conftest import Stage, eventually, until


def bad(engine: Engine) -> set[str]:
    score = engine.safety.current()
    return {outcome.name for outcome in score.outcomes if outcome.state == "bad"} if score is not None else {"unknown"}


async def settled(engine: Engine) -> None:
    """The chain was verified and the exchange's time is known."""
    await until(lambda: not bad(engine) & {"unknown", "ledger-chain", "clock"})


async def test_a_fresh_engine_is_fit_to_trade_on_paper(stage: Stage) -> None:
    engine = await stage.start()
    await settled(engine)
    assert bad(engine) == set()
    engine.safety.demand()
    state = engine.state()
    assert (state.safety, state.safety_fit) == (100, True)


async def test_one_without_a_demo_is_fit_too_whoever_runs_the_tests(stage: Stage) -> None:
    engine = await stage.start(keys=False)
    await settled(engine)
    assert bad(engine) == ({"not-root"} if os.getuid() == 0 else set())
    engine.safety.demand()


async def test_nothing_is_sent_before_the_first_look(stage: Stage) -> None:
    engine = Engine(
        home=stage.home, settings=(await stage.start()).settings, clock=stage.engine.clock, chance=stage.engine.chance
    )
    assert engine.safety.current() is None
    assert engine.safety.shown() == (None, True)
    with pytest.raises(Refused, match="not been looked at"):
        engine.safety.demand()


async def test_the_command_answers_with_a_record_that_verifies(stage: Stage) -> None:
    engine = await stage.start()
    link = LocalLink(engine)
    before = engine.clock.wall_ms()
    report = await link.call(GetSafety(refresh=True))
    assert report.safety.at_ms >= before
    assert [outcome.name for outcome in report.safety.outcomes][:2] == ["simulation-flag", "private-files"]
    record = msgspec.json.decode(report.record, type=SignedRecord)
    key = read_key(stage.home)
    assert key is not None
    assert verify(record, key)
    assert view(record.score) == report.safety
    assert load(stage.home) == record
    again = await link.call(GetSafety())
    assert again.safety == report.safety
    assert again.age_ms >= 0


async def test_a_part_that_says_bad_blocks_at_once_and_faces_hear(stage: Stage) -> None:
    engine = await stage.start()
    await settled(engine)
    latch = [Finding("ok", "none tripped")]
    engine.safety.plug("latches", lambda: latch[0])
    heard: list[SafetyState] = []
    link = LocalLink(engine)

    async def listen() -> None:
        async for batch in link.events(["safety", "facts"], rate=10):
            heard.extend(event for event in batch if isinstance(event, SafetyState))

    listening = asyncio.create_task(listen())
    await until(lambda: heard)
    latch[0] = Finding("bad", "daily loss since 14:00")
    engine.safety.again()
    await until(lambda: heard[-1].safety.vetoes == ["latches"])
    with pytest.raises(Refused, match="daily loss since 14:00"):
        engine.safety.demand()
    assert engine.state().safety_fit is False
    latch[0] = Finding("ok", "cleared")
    engine.safety.again()
    await until(lambda: not heard[-1].safety.vetoes)
    engine.safety.demand()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)

    async def told() -> bool:
        facts = (await link.call(c.GetFacts(limit=1000))).facts
        texts = [fact.text for fact in facts if fact.kind == "alert" and "Safety" in fact.text]
        return len(texts) == 2 and "no order is sent" in texts[0] and "again" in texts[1]

    await eventually(told)


async def test_a_part_that_fails_when_asked_is_bad(stage: Stage) -> None:
    engine = await stage.start()

    def broken() -> Finding:
        raise LookupError("no limits")

    engine.safety.plug("limits", broken)
    score = await engine.safety.look()
    assert "limits" in score.vetoes


async def test_there_is_no_plugging_of_checks_that_are_none(stage: Stage) -> None:
    engine = await stage.start()
    with pytest.raises(KeyError):
        engine.safety.plug("weather", lambda: Finding("ok", "sunny"))


async def test_an_open_file_is_found_and_mended(stage: Stage) -> None:
    engine = await stage.start()
    await settled(engine)
    (stage.home.data / "notes.db").write_text("")
    (stage.home.data / "notes.db").chmod(0o644)
    assert (await engine.safety.look()).vetoes == ("private-files",)
    (stage.home.data / "notes.db").chmod(0o600)
    assert (await engine.safety.look()).may_paper


async def test_questions_at_the_same_time_are_one_look(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = await stage.start()
    await settled(engine)
    looks: list[str] = []
    real = threads.beside

    async def counted(work, name="beside"):  # type: ignore[no-untyped-def]
        looks.append(name)
        return await real(work, name)

    monkeypatch.setattr(threads, "beside", counted)
    scores = await asyncio.gather(*(engine.safety.look() for _ in range(20)))
    assert looks.count("safety") <= 3
    assert len({score.at_ms for score in scores}) <= 3


async def test_a_broken_chain_is_a_veto(stage: Stage) -> None:
    engine = await stage.start()
    await settled(engine)
    engine.safety.tell("ledger-chain", Finding("bad", "broken at row 3"))
    assert (await engine.safety.look()).vetoes == ("ledger-chain",)


async def test_a_home_that_takes_no_file_leaves_the_score_known(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = await stage.start()

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("polotui.security.record.write_private", full)
    (stage.home.data / "safety.key").unlink(missing_ok=True)
    report = await engine.safety.report(refresh=True)
    assert msgspec.json.decode(report.record, type=SignedRecord).signature == ""
    assert report.safety.score > 90


async def test_an_old_look_is_shown_as_unknown(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = await stage.start()
    await settled(engine)
    score = engine.safety.current()
    assert score is not None
    monkeypatch.setattr(engine.safety, "_score", msgspec.structs.replace(score, at_ms=score.at_ms - STALE_MS - 60_000))
    assert engine.state().safety is None


async def test_a_lock_whose_file_was_removed_is_a_veto(stage: Stage) -> None:
    engine = await stage.start()
    await settled(engine)
    with InstanceLock(stage.home.lock) as lock:
        engine.safety._lock = lock
        assert "single-instance" not in (await engine.safety.look()).vetoes
        stage.home.lock.unlink()
        assert "single-instance" in (await engine.safety.look()).vetoes
