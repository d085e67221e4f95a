"""The stream's life under virtual time, against a scripted socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from polotui.core.ids import Chance
from polotui.poloniex.errors import NotReached
from polotui.poloniex.signing import SecretSigner
from polotui.poloniex.sockets import SocketFailed
from polotui.poloniex.stream_wire import ErrorFrame, Pong, TradeMessage, Unknown
from polotui.poloniex.streams import Stream, StreamSettings
from polotui.poloniex.watchdog import Watchdog
from tests.poloniex.peers import Heard
from tests.poloniex.test_stream_wire import TRADE
from tests.poloniex.virtual import LoopClock, run


class FakeSocket:
    """One connection. `answer` says what the peer does with a frame; `deaf` swallows everything."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.deaf = False
        self.closed = False

    async def send(self, text: str) -> None:
        frame = json.loads(text)
        self.sent.append(frame)
        self.world.sent_at.append(self.world.clock.monotonic())
        if not self.deaf:
            self.world.answer(self, frame)

    async def receive(self, on_frame: Callable[[bytes], None]) -> None:
        while (frame := await self.frames.get()) is not None:
            on_frame(frame)
        raise SocketFailed("the peer closed")

    async def close(self) -> None:
        self.closed = True

    def say(self, frame: bytes) -> None:
        self.frames.put_nowait(frame)

    def end(self) -> None:
        self.frames.put_nowait(None)


def answer_pings(socket: FakeSocket, frame: dict[str, Any]) -> None:
    if frame["event"] == "ping":
        socket.say(b'{"event":"pong"}')


class World:
    """Where connections are opened."""

    def __init__(self, clock: LoopClock, answer: Callable[[FakeSocket, dict[str, Any]], None] = answer_pings) -> None:
        self.clock = clock
        self.answer = answer
        self.sockets: list[FakeSocket] = []
        self.attempts: list[float] = []
        self.sent_at: list[float] = []
        self.refuse = False

    async def __call__(self, url: str) -> FakeSocket:
        self.attempts.append(self.clock.monotonic())
        if self.refuse:
            raise SocketFailed("refused")
        self.sockets.append(FakeSocket(self))
        return self.sockets[-1]


@asynccontextmanager
async def living(stream: Stream) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(stream.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def stream_of(world: World, heard: Heard, **more: Any) -> Stream:
    return Stream("ws://x", heard, clock=world.clock, chance=Chance("streams"), connector=world, **more)


def test_it_pings_every_eight_seconds_and_stays_open() -> None:
    async def main() -> None:
        world, heard = World(LoopClock()), Heard()
        async with living(stream_of(world, heard)) as _:
            await asyncio.sleep(300)
            pings = [frame for frame in world.sockets[0].sent if frame["event"] == "ping"]
            assert len(pings) == 37
            gaps = [later - earlier for earlier, later in zip(world.sent_at, world.sent_at[1:], strict=False)]
            assert max(gaps) < 8.01
            assert len(world.sockets) == 1
            assert sum(isinstance(message, Pong) for message in heard.messages) == 37

    run(main())


@pytest.mark.parametrize("dies_after_s", [0.1, 3.9, 7.9, 8.1, 12.0, 15.9])
def test_a_half_open_socket_is_found_within_15_seconds(dies_after_s: float) -> None:
    async def main() -> None:
        world, heard = World(LoopClock()), Heard()
        async with living(stream_of(world, heard)):
            await asyncio.sleep(dies_after_s)
            world.sockets[0].deaf = True
            died = world.clock.monotonic()
            await heard.until(lambda: heard.phase == "waiting", within_s=60)
            assert world.clock.monotonic() - died <= 15.0
            await heard.until(lambda: heard.phase == "open", within_s=60)
            assert world.clock.monotonic() - died <= 20.0
            assert world.sockets[0].closed

    run(main())


def test_data_does_not_excuse_an_unanswered_ping() -> None:
    async def main() -> None:
        world, heard = World(LoopClock(), lambda socket, frame: None), Heard()
        async with living(stream_of(world, heard)):
            for _ in range(20):
                await asyncio.sleep(1)
                world.sockets[0].say(TRADE)
            assert "no pong within 5 s" in [state.reason for state in heard.states]

    run(main())


def test_silence_is_found_even_if_pings_were_never_due() -> None:
    watchdog = Watchdog(0.0, ping_s=1000, pong_s=5, silence_s=15)
    assert watchdog.verdict(14.9) == ""
    watchdog.frame(10.0)
    assert watchdog.verdict(24.9) == ""
    assert "no message for 15 s" in watchdog.verdict(25.0)
    assert watchdog.next_look_s(10.0) == pytest.approx(15.0)


def test_a_ping_that_can_not_be_sent_ends_the_connection() -> None:
    class Stuck(FakeSocket):
        async def send(self, text: str) -> None:
            await asyncio.Event().wait()

    class StuckWorld(World):
        async def __call__(self, url: str) -> FakeSocket:
            self.sockets.append(Stuck(self))
            return self.sockets[-1]

    async def main() -> None:
        world, heard = StuckWorld(LoopClock()), Heard()
        async with living(stream_of(world, heard)):
            await heard.until(lambda: heard.phase == "waiting", within_s=60)
            assert "could not be sent" in heard.reason

    run(main())


def test_reconnection_keeps_to_twelve_attempts_a_minute_and_a_cap() -> None:
    async def main() -> None:
        world, heard = World(LoopClock()), Heard()
        world.refuse = True
        async with living(stream_of(world, heard)):
            await asyncio.sleep(1800)
        for start in world.attempts:
            assert sum(1 for other in world.attempts if start <= other < start + 60) <= 12
        pauses = [later - earlier for earlier, later in zip(world.attempts, world.attempts[1:], strict=False)]
        assert max(pauses) <= 30
        assert len({round(pause, 3) for pause in pauses}) > len(pauses) * 0.9, "no jitter"

    run(main())


def test_the_backoff_starts_over_only_after_a_minute_of_health() -> None:
    async def main() -> None:
        world, heard = World(LoopClock()), Heard()
        stream = stream_of(world, heard)
        async with living(stream):
            for _ in range(5):
                await heard.until(lambda: heard.phase == "open", within_s=100)
                await asyncio.sleep(50)
                world.sockets[-1].end()
                await heard.until(lambda: heard.phase == "waiting", within_s=100)
            assert heard.states[-1].attempt == 5
            await heard.until(lambda: heard.phase == "open", within_s=100)
            await asyncio.sleep(70)
            world.sockets[-1].end()
            await heard.until(lambda: heard.phase == "waiting", within_s=100)
            assert heard.states[-1].attempt == 1

    run(main())


def test_everything_wanted_is_subscribed_again_after_a_reconnection() -> None:
    async def main() -> None:
        world, heard = World(LoopClock()), Heard()
        stream = stream_of(world, heard)
        stream.subscribe("trades", ["A_B", "C_D"])
        async with living(stream):
            await heard.until(lambda: heard.phase == "open")
            stream.subscribe("book", ["A_B"], depth=20)
            stream.subscribe("trades", ["A_B", "E_F"])
            stream.unsubscribe("trades", ["C_D"])
            stream.subscribe("exchange")
            await asyncio.sleep(0.1)
            assert [frame for frame in world.sockets[0].sent if frame["event"] != "ping"] == [
                {"event": "subscribe", "channel": ["trades"], "symbols": ["A_B", "C_D"]},
                {"event": "subscribe", "channel": ["book"], "symbols": ["A_B"], "depth": 20},
                {"event": "subscribe", "channel": ["trades"], "symbols": ["E_F"]},
                {"event": "unsubscribe", "channel": ["trades"], "symbols": ["C_D"]},
                {"event": "subscribe", "channel": ["exchange"]},
            ]
            world.sockets[0].end()
            await heard.until(lambda: heard.phases.count("open") == 2, within_s=60)
            await asyncio.sleep(0.1)
            assert world.sockets[1].sent == [
                {"event": "subscribe", "channel": ["trades"], "symbols": ["A_B", "E_F"]},
                {"event": "subscribe", "channel": ["book"], "symbols": ["A_B"], "depth": 20},
                {"event": "subscribe", "channel": ["exchange"]},
            ]

    run(main())


def test_one_channel_of_one_symbol_is_renewed_alone() -> None:
    async def main() -> None:
        world, heard = World(LoopClock()), Heard()
        stream = stream_of(world, heard)
        stream.subscribe("book_lv2", ["A_B", "C_D"])
        async with living(stream):
            await heard.until(lambda: heard.phase == "open")
            stream.resubscribe("book_lv2", "C_D")
            stream.resubscribe("book_lv2", "NOT_WANTED")
            await asyncio.sleep(0.1)
            assert world.sockets[0].sent[1:] == [
                {"event": "unsubscribe", "channel": ["book_lv2"], "symbols": ["C_D"]},
                {"event": "subscribe", "channel": ["book_lv2"], "symbols": ["C_D"]},
            ]

    run(main())


def test_requests_stay_under_the_servers_limit_and_the_backlog_is_bounded() -> None:
    async def main() -> None:
        world, heard = World(LoopClock()), Heard()
        settings = StreamSettings(requests_per_second=50, most_waiting=300)
        stream = stream_of(world, heard, settings=settings)
        async with living(stream):
            await heard.until(lambda: heard.phase == "open")
            for number in range(200):
                stream.subscribe("trades", [f"S{number}_B"])
            await asyncio.sleep(7)
            for start in world.sent_at:
                assert sum(1 for other in world.sent_at if start <= other < start + 0.999) <= 40
            for number in range(400):
                stream.subscribe("trades", [f"T{number}_B"])
            await heard.until(lambda: "too many requests" in heard.reason, within_s=30)
            await heard.until(lambda: heard.phase == "open", within_s=30)
            wanted = {symbol for frame in world.sockets[1].sent for symbol in frame.get("symbols", [])}
            assert len(wanted) == 600

    run(main())


def test_malformed_frames_are_put_aside_and_unknown_channels_counted() -> None:
    async def main() -> None:
        world, heard = World(LoopClock()), Heard()
        stream = stream_of(world, heard)
        async with living(stream):
            await heard.until(lambda: heard.phase == "open")
            for _ in range(60):
                world.sockets[0].say(b'{"channel":"trades","data":[{"price":"NaN"}]}' + b" " * 200)
            world.sockets[0].say(b'{"channel":"weather","data":[1]}')
            world.sockets[0].say(b'{"event":"error","message":"no valid symbols"}')
            world.sockets[0].say(TRADE)
            await heard.until(lambda: len(heard.messages) == 3)
        assert [type(message) for message in heard.messages] == [Unknown, ErrorFrame, TradeMessage]
        assert (stream.counters.malformed, stream.counters.unknown, stream.counters.errors) == (60, 1, 1)
        assert len(stream.quarantine) == 50
        assert stream.quarantine[-1].why == "unknown channel weather"
        assert len(stream.quarantine[0].head) == 80
        assert len(stream.quarantine[0].sha256) == 64

    run(main())


def private(world: World, heard: Heard, sign_ms: Callable[[], Any] | None = None) -> Stream:
    async def exchange_ms() -> int:
        return 1_700_000_000_000

    stream = stream_of(world, heard, name="private", signer=SecretSigner("k", b"s"), sign_ms=sign_ms or exchange_ms)
    stream.subscribe("orders", ["all"])
    stream.subscribe("balances")
    return stream


def test_a_private_stream_authenticates_before_it_subscribes_on_every_connection() -> None:
    def answer(socket: FakeSocket, frame: dict[str, Any]) -> None:
        answer_pings(socket, frame)
        if frame.get("channel") == ["auth"]:
            socket.say(b'{"data":{"success":true,"ts":1645597033915},"channel":"auth"}')

    async def main() -> None:
        world, heard = World(LoopClock(), answer), Heard()
        async with living(private(world, heard)):
            await heard.until(lambda: heard.phase == "open")
            world.sockets[0].end()
            await heard.until(lambda: heard.phases.count("open") == 2, within_s=60)
        for socket in world.sockets:
            assert [frame["channel"] for frame in socket.sent] == [["auth"], ["orders"], ["balances"]]
        assert heard.phases[:3] == ["connecting", "authenticating", "open"]

    run(main())


def test_a_refused_key_is_said_and_nothing_is_subscribed() -> None:
    def answer(socket: FakeSocket, frame: dict[str, Any]) -> None:
        if frame.get("channel") == ["auth"]:
            socket.say(b'{"data":{"success":false,"message":"Authentication failed!","ts":1},"channel":"auth"}')

    async def main() -> None:
        world, heard = World(LoopClock(), answer), Heard()
        async with living(private(world, heard)):
            await heard.until(lambda: heard.phase == "waiting")
        assert heard.states[-2].reason == "authentication refused: Authentication failed!"
        assert [frame["channel"] for frame in world.sockets[0].sent] == [["auth"]]

    run(main())


async def unknown_time() -> int:
    raise NotReached("GET /timestamp", "down")


@pytest.mark.parametrize(
    ("sign_ms", "reason"), [(unknown_time, "could not be reached"), (None, "no answer to the authentication")]
)
def test_an_unknown_time_or_no_answer_to_the_key_ends_in_another_attempt(sign_ms: Any, reason: str) -> None:
    async def main() -> None:
        world, heard = World(LoopClock()), Heard()
        async with living(private(world, heard, sign_ms)):
            await heard.until(lambda: heard.phase == "waiting", within_s=60)
            assert reason in heard.reason

    run(main())


def test_a_signer_without_the_exchanges_time_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="time"):
            stream_of(World(LoopClock()), Heard(), signer=SecretSigner("k", b"s"))

    run(main())


def test_a_defect_in_the_handler_is_not_swallowed() -> None:
    class Broken(Heard):
        def on_message(self, message: Any, received: float) -> None:
            raise KeyError("a defect")

    async def main() -> None:
        world = World(LoopClock())
        task = asyncio.create_task(stream_of(world, Broken()).run())
        await asyncio.sleep(0.1)
        world.sockets[0].say(TRADE)
        with pytest.raises(KeyError):
            await task
        assert world.sockets[0].closed

    run(main())


def test_a_cancel_that_meets_a_broken_connection_is_not_lost() -> None:
    async def main() -> None:
        world, heard = World(LoopClock()), Heard()
        stream = stream_of(world, heard)
        task = asyncio.create_task(stream.run())
        await heard.until(lambda: heard.phase == "open")
        stream.reconnect("a test")
        world.sockets[0].end()
        task.cancel()
        await asyncio.wait([task], timeout=100)
        assert task.cancelled()

    run(main())


def test_cancelling_closes_the_socket_and_leaves_no_task() -> None:
    async def main() -> None:
        world, heard = World(LoopClock()), Heard()
        async with living(stream_of(world, heard)) as task:
            await heard.until(lambda: heard.phase == "open")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert world.sockets[0].closed
        assert heard.phase == "closed"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())
