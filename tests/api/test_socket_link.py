"""The face's end of the socket: answers find their callers, errors keep their words, the end is told to everybody."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from polotui.api import PROTOCOL, wire
from polotui.api.commands import GetBook, GetStatus, Hello, StopEngine, Watch
from polotui.api.events import Fact
from polotui.api.replies import Done, Watched
from polotui.api.socket_link import SocketLink
from polotui.core.errors import EngineGone, Refused, RemoteError, Unreachable
from tests.api.fake_server import HANG_UP, SILENCE, FakeEngine, until


def fact(number: int) -> Fact:
    return Fact(number=number, kind="engine", level="info", text=f"fact {number}")


async def test_nobody_on_the_socket(socket_path: Path) -> None:
    with pytest.raises(EngineGone) as caught:
        await SocketLink.connect(socket_path, face="test")
    assert caught.value.record().exit_code == 3
    assert "polotui engine start" in caught.value.next_step


async def test_a_leftover_socket_is_nobody(socket_path: Path) -> None:
    async with FakeEngine(socket_path):
        pass
    socket_path.touch()
    with pytest.raises(EngineGone):
        await SocketLink.connect(socket_path, face="test")


async def test_an_engine_that_never_answers(socket_path: Path) -> None:
    async with FakeEngine(socket_path, {Hello: SILENCE}):
        with pytest.raises(EngineGone, match="does not answer"):
            await SocketLink.connect(socket_path, face="test", seconds=0.05)


async def test_hello_says_who_speaks(socket_path: Path) -> None:
    async with FakeEngine(socket_path, last_fact=12) as engine:
        link = await SocketLink.connect(socket_path, face="test", read_only=True)
        await link.close()
    [hello] = engine.heard
    assert isinstance(hello, Hello)
    assert (hello.face, hello.read_only, hello.protocol) == ("test", True, PROTOCOL)
    assert link.welcome is not None
    assert link.welcome.last_fact == 12


async def test_another_protocol_is_named_with_advice(socket_path: Path) -> None:
    async with FakeEngine(socket_path, protocol=PROTOCOL + 1):
        with pytest.raises(Unreachable, match="do not understand") as caught:
            await SocketLink.connect(socket_path, face="test")
    assert not isinstance(caught.value, EngineGone)


async def test_an_answer_finds_its_caller_whatever_the_order(socket_path: Path) -> None:
    async with FakeEngine(socket_path, {Watch: SILENCE}) as engine:
        link = await SocketLink.connect(socket_path, face="test")
        calls = [asyncio.create_task(link.call(Watch(symbol=f"S{n}_USDT"))) for n in range(20)]
        await until(lambda: len(engine.heard) == 21)
        # Request 1 was hello; the answers go out backwards.
        for number in range(21, 1, -1):
            await engine.send_raw(wire.encode(wire.Reply(number, wire.encode_body(Watched(watched=[str(number)])))))
        answers = await asyncio.gather(*calls)
        assert [answer.watched for answer in answers] == [[str(number)] for number in range(2, 22)]
        await link.close()


async def test_an_error_keeps_code_exit_code_and_request(socket_path: Path) -> None:
    refusal = Refused("Not now.", safe="Nothing was stopped.", next_step="Later.", retry_after_ms=500, code="busy")
    async with FakeEngine(socket_path, {StopEngine: refusal}):
        link = await SocketLink.connect(socket_path, face="test")
        with pytest.raises(RemoteError) as caught:
            await link.call(StopEngine())
        await link.close()
    record = caught.value.record()
    assert (record.code, record.exit_code, record.retry_after_ms) == ("busy", 4, 500)
    assert record.request_id == "fake-2"
    assert str(caught.value) == "Not now. Nothing was stopped. Later."


async def test_no_answer_in_time_says_that_nothing_is_known(socket_path: Path) -> None:
    async with FakeEngine(socket_path, {GetStatus: SILENCE, Watch: Watched(watched=[])}):
        link = await SocketLink.connect(socket_path, face="test")
        with pytest.raises(Unreachable, match="no answer") as caught:
            await link.call(GetStatus(), seconds=0.02)
        assert "not known" in caught.value.safe
        assert await link.call(Watch(symbol="BTC_USDT")) == Watched(watched=[])
        await link.close()


async def test_an_answer_after_its_caller_left_disturbs_nobody(socket_path: Path) -> None:
    async with FakeEngine(socket_path, {GetStatus: SILENCE, StopEngine: Done(text="ok")}) as engine:
        link = await SocketLink.connect(socket_path, face="test")
        call = asyncio.create_task(link.call(GetStatus()))
        await until(lambda: len(engine.heard) == 2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await engine.send_raw(wire.encode(wire.Reply(2, wire.encode_body(Done(text="late")))))
        assert (await link.call(StopEngine())).text == "ok"
        await link.close()


async def test_the_engines_end_is_told_to_callers_and_to_events(socket_path: Path) -> None:
    async with FakeEngine(socket_path, {GetBook: HANG_UP}) as engine:
        link = await SocketLink.connect(socket_path, face="test")

        async def listen() -> None:
            async for _ in link.events(["facts"]):
                pass

        listening = asyncio.create_task(listen())
        await until(lambda: bool(engine.subscribed))
        with pytest.raises(EngineGone):
            await link.call(GetBook(symbol="BTC_USDT"))
        with pytest.raises(EngineGone):
            await listening
        with pytest.raises(EngineGone):
            await link.call(GetStatus())
        await link.close()


@pytest.mark.parametrize(
    "junk", [b"\x00\x00\x00\x02\xff\xff", (wire.MAX_FRAME + 1).to_bytes(4, "big"), b"HTTP/1.1 400 Bad Request\r\n\r\n"]
)
async def test_junk_from_the_engine_ends_the_connection(socket_path: Path, junk: bytes) -> None:
    async with FakeEngine(socket_path, {GetStatus: SILENCE}) as engine:
        link = await SocketLink.connect(socket_path, face="test")
        call = asyncio.create_task(link.call(GetStatus()))
        await until(lambda: len(engine.heard) == 2)
        await engine.send_raw(junk)
        with pytest.raises(EngineGone):
            await call
        await link.close()


async def test_a_slow_face_gets_every_batch_in_order(socket_path: Path) -> None:
    count = 1_000
    async with FakeEngine(socket_path, batches=[[fact(number)] for number in range(count)]) as engine:
        link = await SocketLink.connect(socket_path, face="test")
        seen: list[int] = []
        async for batch in link.events(["facts"], facts_after=0):
            seen += [event.number for event in batch if isinstance(event, Fact)]
            if len(seen) < 3:
                await asyncio.sleep(0.02)  # long enough for the queue to fill
            if len(seen) == count:
                break
        assert seen == list(range(count))
        assert engine.subscribed[0].facts_after == 0
        await link.close()


async def test_changing_topics_goes_on_where_the_facts_are(socket_path: Path) -> None:
    async with FakeEngine(socket_path) as engine:
        link = await SocketLink.connect(socket_path, face="test")
        await link.retopic(["book:BTC_USDT"], rate=4.0)
        await until(lambda: bool(engine.subscribed))
        assert engine.subscribed == [wire.Subscribe(["book:BTC_USDT"], 4.0, -2)]
        await link.close()


async def test_closing_twice_is_fine_and_calls_afterwards_are_refused(socket_path: Path) -> None:
    async with FakeEngine(socket_path):
        link = await SocketLink.connect(socket_path, face="test")
        await link.close()
        await link.close()
        with pytest.raises(EngineGone):
            await link.call(GetStatus())
