"""Every fault, one by one: what the client sees, and what the exchange did all the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from polotui.core.errors import ConfigError
from polotui.core.ids import Chance
from polotui.simulator.faults import Faults, Rule, load_plan, parse_plan
from tests.simulator.client import Client, Ear
from tests.simulator.stage import Stage

BTC = ["BTC_USDT"]
BUY = {"symbol": "BTC_USDT", "side": "BUY", "type": "LIMIT", "price": "50000", "quantity": "0.01"}


class Wire:
    """A socket that only remembers; faults need no more of one."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def send(self, frame: bytes) -> None:
        self.frames.append(frame)


def _played(plan: list[dict[str, Any]], count: int = 6, seed: int = 3, advance: float = 0.0) -> list[int]:
    stage, wire = Stage(), Wire()
    faults = Faults(Chance(seed), stage.later)
    faults.load(parse_plan(plan))
    for number in range(count):
        faults.pass_frame(wire, "trades", "BTC_USDT", bytes((0x81, 1, number)))  # type: ignore[arg-type]
    stage.advance(advance)
    return [frame[-1] for frame in wire.frames]


def test_dropped_frames_are_gone_and_the_same_seed_drops_the_same() -> None:
    plan = [{"kind": "drop", "rate": 0.5}]
    first = _played(plan, 40)
    assert 5 < len(first) < 35
    assert _played(plan, 40) == first
    assert _played(plan, 40, seed=4) != first


def test_a_duplicate_comes_twice_in_a_row() -> None:
    assert _played([{"kind": "duplicate", "times": 1}], 3) == [0, 0, 1, 2]


def test_a_reordered_frame_comes_after_its_successor() -> None:
    assert _played([{"kind": "reorder", "times": 1}], 4) == [1, 0, 2, 3]


def test_a_delayed_frame_holds_up_what_follows() -> None:
    plan = [{"kind": "delay", "times": 1, "seconds": [0.1, 0.2]}]
    assert _played(plan, 3, advance=0.05) == []
    assert _played(plan, 3, advance=0.3) == [0, 1, 2]


def test_a_corrupt_frame_is_cut_in_half() -> None:
    stage, wire = Stage(), Wire()
    faults = Faults(Chance(1), stage.later)
    faults.load([Rule("corrupt")])
    for size in (100, 1000, 70_000):
        payload = b"x" * size
        from polotui.simulator.socket import text_frame

        faults.pass_frame(wire, "trades", "X", text_frame(payload))  # type: ignore[arg-type]
        assert wire.frames[-1] == text_frame(b"x" * (size // 2))


def test_silence_hits_one_channel_of_one_symbol() -> None:
    plan = [{"kind": "silence", "channel": "trades", "symbol": "BTC_USDT"}]
    assert _played(plan) == []
    assert _played([plan[0] | {"symbol": "ETH_USDT"}]) == [0, 1, 2, 3, 4, 5]
    assert _played([plan[0] | {"channel": "ticker"}]) == [0, 1, 2, 3, 4, 5]


def test_healing_sends_what_still_waits_in_order() -> None:
    stage, wire = Stage(), Wire()
    faults = Faults(Chance(1), stage.later)
    faults.load([Rule("delay", seconds=(5.0, 5.0))])
    for number in range(3):
        faults.pass_frame(wire, "trades", "X", bytes((0x81, 1, number)))  # type: ignore[arg-type]
    assert wire.frames == []
    faults.load([])
    assert [frame[-1] for frame in wire.frames] == [0, 1, 2]
    stage.advance(60)
    assert len(wire.frames) == 3
    assert not faults.has_frame_rules


@pytest.mark.parametrize(
    "plan",
    [
        [{"kind": "meteor"}],
        [{"kind": "drop", "rate": 2}],
        [{"kind": "delay", "seconds": [2, 1]}],
        [{"kind": "drop", "chanel": "x"}],
        "x",
    ],
)
def test_a_wrong_plan_says_so(plan: Any) -> None:
    with pytest.raises(ConfigError):
        parse_plan(plan)


def test_a_plan_is_read_from_json_and_toml(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"kind": "drop", "rate": 0.1}]))
    (tmp_path / "b.toml").write_text('[[rules]]\nkind = "drop"\nrate = 0.1\n')
    assert load_plan(tmp_path / "a.json") == load_plan(tmp_path / "b.toml") == [Rule("drop", rate=0.1)]
    with pytest.raises(ConfigError):
        load_plan(tmp_path / "none.json")


async def test_throttling_comes_with_and_without_retry_after(client: Client) -> None:
    await client.control("faults", [{"kind": "throttle", "path": "/markets", "times": 1, "retry_after": 7}])
    first, second = await client.http.get("/markets"), await client.http.get("/markets")
    assert (first.status_code, first.headers["retry-after"], second.status_code) == (429, "7", 200)
    await client.control("faults", {"rules": [{"kind": "throttle", "times": 1}]})
    reply = await client.http.get("/timestamp")
    assert (reply.status_code, "retry-after" in reply.headers) == (429, False)


@pytest.mark.parametrize(("effect", "orders"), [("before", 0), ("after", 1)])
async def test_an_error_comes_before_or_after_the_effect(client: Client, effect: str, orders: int) -> None:
    rule = {"kind": "error", "method": "POST", "path": "/orders", "status": 502, "effect": effect, "times": 1}
    await client.control("faults", [rule])
    assert (await client.signed("POST", "/orders", BUY)).status_code == 502
    assert len(await client.call("GET", "/orders")) == orders


@pytest.mark.parametrize(("effect", "orders"), [("before", 0), ("after", 1)])
async def test_a_reply_is_lost_before_or_after_the_effect(client: Client, effect: str, orders: int) -> None:
    await client.control("faults", [{"kind": "lost", "path": "/orders", "effect": effect, "times": 1}])
    with pytest.raises(httpx.TransportError):
        await client.signed("POST", "/orders", BUY)
    assert len(await client.call("GET", "/orders")) == orders


async def test_a_slow_reply_comes_late_but_whole(client: Client) -> None:
    await client.control("faults", [{"kind": "slow", "path": "/timestamp", "seconds": [0.05, 0.05]}])
    loop_time = client.simulator.exchange.time.monotonic
    began = loop_time()
    assert (await client.get("/timestamp"))["serverTime"] > 0
    assert loop_time() - began >= 0.05
    state = await client.get("/_simulator/state")
    assert state["faulted"] == {"slow": 1}


async def test_maintenance_refuses_orders_and_hard_maintenance_everything(client: Client) -> None:
    await client.control("maintenance", {"on": True})
    assert (await client.call("POST", "/orders", BUY))["code"] == 21340
    assert (await client.http.get("/markets")).status_code == 200
    async with client.socket() as ear:
        assert (await ear.ask({"event": "subscribe", "channel": ["trades"], "symbols": BTC})) == {
            "message": "Platform in maintenance mode",
            "event": "error",
        }
        await ear.subscribe("exchange")
        assert (await ear.until("exchange"))["data"] == [{"MM": "ON", "POM": "OFF"}]
    await client.control("maintenance", {"on": True, "hard": True})
    assert (await client.http.get("/markets")).status_code == 503
    await client.control("maintenance", {"on": False})
    assert "id" in await client.call("POST", "/orders", BUY)


async def test_a_reset_ends_connections_without_a_close_frame(client: Client) -> None:
    async with client.socket() as ear, client.socket("private") as other:
        assert (await client.control("reset-connections", {"kind": "public"})) == {"reset": 1}
        with pytest.raises(ConnectionClosed):
            await ear.until_closed()
        assert ear.connection.close_code == 1006
        assert await other.ask("ping") == {"event": "pong"}


async def test_a_half_open_connection_stays_and_says_nothing(client: Client) -> None:
    async with client.socket() as dead, client.socket("private") as alive:
        await dead.subscribe("trades", symbols=BTC)
        await dead.hear()
        assert (await client.control("half-open", {"kind": "public"})) == {"half_open": 1}
        await dead.say("ping")
        await client.call("POST", "/orders", {"symbol": "BTC_USDT", "side": "BUY", "amount": "20"})
        assert await alive.ask("ping") == {"event": "pong"}
        sockets = [socket for socket in client.simulator.connections.values() if socket is not None]
        assert len(sockets) == 2
        assert dead.connection.protocol.close_rcvd is None
        assert sockets[0].frames_sent == 1
        await client.control("reset-connections", {"kind": "public"})


async def test_a_paused_symbol_refuses_orders(client: Client) -> None:
    await client.control("symbol", {"symbol": "BTC_USDT", "state": "PAUSE"})
    assert (await client.call("POST", "/orders", BUY))["code"] == 10041
    assert (await client.get("/markets"))[0]["state"] == "PAUSE"


async def _book_id(ear: Ear) -> dict[str, Any]:
    return dict((await ear.until("book_lv2"))["data"][0])


async def test_a_skipped_id_is_a_gap_and_a_snapshot_can_come_unasked(client: Client) -> None:
    async with client.socket() as ear:
        await ear.subscribe("book_lv2", symbols=BTC)
        before = await _book_id(ear)
        await client.control("skip-book-id", {"symbol": "BTC_USDT"})
        await client.call("POST", "/orders", BUY | {"price": "60000"})
        assert client.simulator.exchange.market("BTC_USDT").book.best(0) is not None
        await client.call("POST", "/orders", {"symbol": "BTC_USDT", "side": "BUY", "amount": "20"})
        update = await _book_id(ear)
        assert update["lastId"] == before["id"] + 1
        await client.control("snapshot", {"symbol": "BTC_USDT"})
        message = await ear.until("book_lv2")
        assert message["action"] == "snapshot"
        assert len(message["data"][0]["bids"]) == 20


async def test_a_burst_reaches_a_subscriber_whole_and_in_order(client: Client) -> None:
    async with client.socket() as ear:
        await ear.subscribe("book_lv2", "trades", symbols=BTC)
        last = (await _book_id(ear))["id"]
        await client.control("burst", {"messages": 3000, "symbol": "BTC_USDT", "channel": "book_lv2"})
        for _ in range(3000):
            data = await _book_id(ear)
            assert data["lastId"] == last
            last = data["id"]
        assert last == client.simulator.exchange.market("BTC_USDT").book_id
        await client.control("burst", {"messages": 1000, "symbol": "BTC_USDT", "channel": "trades"})
        ids = [int((await ear.until("trades"))["data"][0]["id"]) for _ in range(1000)]
        assert ids == list(range(ids[0], ids[0] + 1000))


async def test_control_answers_only_on_loopback() -> None:
    from polotui.simulator.serve import _is_loopback

    assert [_is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "10.0.0.1", "example")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


async def test_a_deposit_keeps_the_sums_right(client: Client) -> None:
    await client.control("deposit", {"currency": "USDT", "amount": "12.5"})
    state = await client.get("/_simulator/state")
    assert state["accounts"]["demo-key"]["balances"]["USDT"] == ["10012.5", "0"]
    assert state["imbalance"] == {}
