"""Engines as processes: one per home, clean ends, death by SIGKILL, faces that hang, the demo's exchange that
outlives."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from polotui.api import commands as c
from polotui.api.events import BookState, EngineState
from polotui.api.safety import GetSafety
from polotui.api.socket_link import SocketLink
from polotui.core import spawn
from polotui.core.errors import EngineGone
from polotui.core.paths import Home
from tests.engine.conftest import eventually

ROOT = str(Path(__file__).resolve().parents[2])


class Process:
    """`python -m polotui.engine run --demo` in a home of its own."""

    def __init__(self, home: Home, root: Path) -> None:
        self.home = home
        self.root = root
        self._child: asyncio.subprocess.Process | None = None

    async def start(self, *extra: str) -> SocketLink:
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            *(
                "-m",
                "polotui.engine",
                "run",
                "--home",
                str(self.root),
                "--demo",
                "--seed",
                "5",
                "--symbols",
                "4",
                *extra,
            ),
            cwd=ROOT,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        return await self.attach()

    async def attach(self) -> SocketLink:
        async with asyncio.timeout(20):
            while True:
                try:
                    return await SocketLink.connect(self.home.socket, face="test")
                except EngineGone:
                    await asyncio.sleep(0.05)

    def signal(self, number: int) -> None:
        assert self._child is not None
        self._child.send_signal(number)

    async def end(self) -> int:
        assert self._child is not None
        async with asyncio.timeout(20):
            return await self._child.wait()

    async def clean_up(self) -> None:
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
            await self._child.wait()
        with contextlib.suppress(OSError, ValueError, KeyError):
            spawn.terminate(json.loads((self.home.data / "simulator.json").read_text())["pid"])


@pytest.fixture
async def engine() -> AsyncIterator[Process]:
    folder = Path(tempfile.mkdtemp(prefix="pt"))
    process = Process(Home.at(folder), folder)
    yield process
    await process.clean_up()
    process.home.socket.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


async def live(link: SocketLink) -> EngineState:
    state: EngineState | None = None

    async def ready() -> bool:
        nonlocal state
        state = (await link.call(c.GetStatus())).engine
        return bool(state.streams) and state.streams[0].phase == "live"

    await eventually(ready)
    assert state is not None
    return state


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_signals_end_it_cleanly(engine: Process, number: int) -> None:
    link = await engine.start()
    await live(link)
    engine.signal(number)
    assert await engine.end() == 0
    assert not engine.home.socket.exists()
    await link.close()


async def test_two_engines_never_share_a_home(engine: Process) -> None:
    link = await engine.start()
    second = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "polotui.engine", "run", "--home", str(engine.root), "--demo"),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, words = await second.communicate()
    assert second.returncode == 5
    assert b"Another engine" in words
    assert (await link.call(c.GetStatus())).engine.mode == "DEMO"
    await link.close()


async def test_after_sigkill_faces_are_told_and_the_demos_market_goes_on(engine: Process) -> None:
    link = await engine.start()
    await live(link)
    await link.call(c.PaperDeposit(currency="USDT", amount="5"))
    exchange = json.loads((engine.home.data / "simulator.json").read_text())
    engine.signal(signal.SIGKILL)
    with pytest.raises(EngineGone):
        async for _ in link.events(["engine"]):
            pass
    await link.close()
    again = await engine.start()
    state = await live(again)
    # The same exchange process, so prices and balances went on; the ledger lost nothing that was acknowledged.
    assert json.loads((engine.home.data / "simulator.json").read_text()) == exchange
    paper = (await again.call(c.GetAccounts(account="paper"))).accounts[0]
    assert paper.rows[0].available.text == "10005"
    assert state.streams[0].lost == 0
    await again.close()


async def test_a_face_that_stops_reading_costs_the_stream_nothing(engine: Process) -> None:
    """A stopped terminal: the face reads nothing while thousands of messages pass. The engine's counters show no
    loss."""
    link = await engine.start()
    before = await live(link)
    reader, writer = await asyncio.open_unix_connection(str(engine.home.socket), limit=1024)
    from polotui.api import wire

    writer.write(wire.encode(wire.Request(1, c.Hello(version="0", face="stuck"))))
    topics = ["engine", "watch", "book:BTC_USDT", "trades:BTC_USDT", "facts"]
    writer.write(wire.encode(wire.Subscribe(topics, 10.0, 0)))
    port = json.loads((engine.home.data / "simulator.json").read_text())["port"]
    await _post(port, "/_simulator/burst", {"messages": 20_000, "symbol": "BTC_USDT", "channel": "book_lv2"})

    async def through() -> bool:
        state = (await link.call(c.GetStatus())).engine.streams[0]
        return state.messages - before.streams[0].messages >= 20_000

    await eventually(through, 60)
    after = (await link.call(c.GetStatus())).engine.streams[0]
    assert after.lost == 0
    assert after.book_gaps == before.streams[0].book_gaps
    assert after.reconnects == before.streams[0].reconnects
    # Others are served all the while.
    async for batch in link.events(["book:BTC_USDT"]):
        if any(isinstance(event, BookState) for event in batch):
            break
    writer.close()
    await link.close()
    del reader


async def test_it_ends_when_nobody_needs_it_and_so_does_its_exchange_port(engine: Process) -> None:
    link = await engine.start("--linger", "0.5")
    await live(link)
    await link.close()
    assert await engine.end() == 0


async def test_other_options_are_another_market_and_no_candle_of_the_old_one_stays(engine: Process) -> None:
    from polotui.api.attach import attach_or_start

    link = await engine.start()
    await live(link)
    old = (await link.call(c.GetCandles(symbol="BTC_USDT", timeframe="1h", limit=5))).candles
    await link.close()
    words = ["--demo", "--seed", "99", "--symbols", "2", "--linger", "1"]
    other = await attach_or_start(engine.home, str(engine.root), face="test", arguments=words)
    await live(other)
    new = (await other.call(c.GetCandles(symbol="BTC_USDT", timeframe="1h", limit=5))).candles
    assert [candle.close for candle in new[:4]] != [candle.close for candle in old[:4]]
    assert len((await other.call(c.GetMarkets())).markets) == 2
    await other.close()
    # The same options again: the running one is right.
    again = await attach_or_start(engine.home, str(engine.root), face="test", arguments=words)
    assert again.welcome is not None
    assert other.welcome is not None
    assert again.welcome.pid == other.welcome.pid
    await again.close()


async def test_a_demo_and_a_real_home_are_never_mixed(engine: Process) -> None:
    """A demo that is given a real home must not touch it, nor the other way round."""
    from polotui.core.errors import Refused
    from polotui.engine import demo
    from polotui.engine.run import Options, run_engine

    home = engine.home.make()
    home.ledger.write_bytes(b"somebody's ledger")
    home.market.write_bytes(b"somebody's candles")
    with pytest.raises(Refused, match="not a demo's"):
        await demo.ensure(home, ["--seed", "1"])
    assert home.market.read_bytes() == b"somebody's candles"
    home.demo_file.write_text("[]")
    with pytest.raises(Refused, match="is a demo's"):
        run_engine(Options(root=engine.root))


async def test_its_log_is_json_private_and_without_secrets(engine: Process) -> None:
    link = await engine.start()
    await live(link)
    engine.signal(signal.SIGTERM)
    await engine.end()
    await link.close()
    log = engine.home.logs / "engine.log"
    assert log.stat().st_mode & 0o077 == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"engine starts", "engine ended"} <= {line["message"] for line in lines}
    everything = b"".join(
        path.read_bytes() for path in engine.root.rglob("*") if path.is_file() and path.name != "simulator.json"
    )
    assert b"demo-secret" not in everything
    for path in engine.root.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


async def _post(port: int, path: str, body: dict[str, object]) -> None:
    data = json.dumps(body).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode()
        + data
    )
    answer = await reader.read()
    writer.close()
    assert b" 200 " in answer.split(b"\r\n", 1)[0], answer


def test_the_environment_says_nothing_of_this(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leftover key in the environment is never used to sign."""
    monkeypatch.setenv("POLONIEX_API_KEY", "leftover")
    monkeypatch.setenv("POLONIEX_API_SECRET", "leftover-secret")
    from polotui.core.settings.schema import Settings
    from polotui.engine.exchange import Venue

    assert Venue.official(Settings()).key == ""
    assert "leftover" not in repr(Venue.official(Settings()))
    assert os.environ["POLONIEX_API_KEY"] == "leftover"


async def test_the_process_keeps_its_memory_private_and_holds_its_lock(engine: Process) -> None:
    link = await engine.start()
    found: dict[str, str] = {}

    async def looked() -> bool:
        report = await link.call(GetSafety(refresh=True))
        found.update({outcome.name: outcome.state for outcome in report.safety.outcomes})
        return report.safety.score == 100 and found["clock"] == "ok"

    await eventually(looked)
    assert (found["core-dumps"], found["single-instance"], found["ledger-chain"]) == ("ok", "ok", "ok")
    engine.home.lock.unlink()
    await eventually(lambda: vetoed(link, "single-instance"))
    await link.close()


async def vetoed(link: SocketLink, name: str) -> bool:
    return name in (await link.call(GetSafety(refresh=True))).safety.vetoes
