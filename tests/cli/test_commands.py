"""Every command against a scripted engine on a real socket: what it asks, what it prints, how it ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from polotui.api import commands as c
from polotui.api import replies as r
from polotui.api.events import EngineState, Fact, JobState, LimitUse, StreamStatus
from polotui.api.values import AccountState, AssetRow, Level, Shown, SymbolInfo
from polotui.core.errors import Refused, UsageError
from polotui.model.candles import Candle
from polotui.model.market import Ticker, Trade
from tests.api.fake_server import HANG_UP, FakeEngine
from tests.cli.conftest import Shell

NOON = 1_714_564_800_000  # 2024-05-01 12:00:00 UTC
FRESH = r.Source(name="exchange")
UNKNOWN = Shown(standing="unknown", reason="no-price", cause="no market has this coin", help="Nothing to do.")


def known(text: str) -> Shown:
    return Shown(standing="known", text=text)


ENGINE = EngineState(
    version="0.1.0",
    pid=4711,
    started_ms=NOON,
    mode="DEMO",
    venue="built-in exchange",
    host="127.0.0.1",
    streams=[StreamStatus(name="public", phase="live", last_message_ms=NOON)],
    limits=[LimitUse(name="public", used=3, capacity=200)],
    clock_offset_ms=12.4,
    equity="10214.53",
    busy=["download BTC_USDT 1m"],
)
ROW = AssetRow(
    account="spot",
    currency="BTC",
    available=known("0.05"),
    hold=known("0"),
    price=known("61043.27"),
    value=known("3052.1635"),
    share=known("0.486"),
    change_24h=known("-0.0123"),
)
LOST = AssetRow(
    account="spot",
    currency="OLD\x1b[2J",
    available=known("100.5"),
    hold=known("0"),
    price=UNKNOWN,
    value=UNKNOWN,
    share=UNKNOWN,
    change_24h=UNKNOWN,
)
ACCOUNT = AccountState(
    account="spot",
    title="demo exchange account",
    note="no API keys",
    total=Shown(standing="stale", text="6280.5", as_of_ms=NOON, cause="no answer for 12 s"),
    change_24h=known("-17.2"),
    change_24h_ratio=known("-0.0027"),
    rows=[ROW, LOST],
)
SYMBOL = SymbolInfo(symbol="BTC_USDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=6, amount_scale=2)
TICKER = Ticker(
    symbol="BTC_USDT", last=61043.27, open=1.0, high=62000.0, low=60000.5, volume=9.0, amount=1234567.8, ts_ms=NOON
)
FACTS = [Fact(at_ms=NOON, number=number, kind="engine", level="info", text=f"fact {number}") for number in (8, 9)]

#: Command line, the command it must send, the answer, words that its output must hold, its schema.
CASES: list[tuple[str, c.Command, Any, list[str], str]] = [
    (
        "engine status",
        c.GetStatus(),
        r.Status(engine=ENGINE),
        ["4711", "DEMO", "+12 ms", "10,214.53 USDT", "live", "3 of 200", "download BTC_USDT"],
        "engine.status",
    ),
    (
        "market markets --top 5",
        c.GetMarkets(top=5),
        r.Markets(markets=[SYMBOL], source=FRESH),
        ["BTC_USDT", "NORMAL", "–"],
        "market.markets",
    ),
    (
        "market ticker btc/usdt",
        c.GetTickers(symbols=["BTC_USDT"]),
        r.Tickers(tickers=[TICKER], source=FRESH, missing=["ETH_USDT"]),
        ["61,043.27", "1,234,567.8", "12:00:00", "–"],
        "market.ticker",
    ),
    (
        "market book BTC_USDT --depth 2",
        c.GetBook(symbol="BTC_USDT", depth=2),
        r.Book(symbol="BTC_USDT", ts_ms=NOON, bids=[Level(61000.1, 0.5)], asks=[Level(61000.2, 2.0)], source=FRESH),
        ["ask   61,000.2       2\n", "bid   61,000.1       0.5\n"],
        "market.book",
    ),
    (
        "market trades BTC_USDT --limit 3",
        c.GetTrades(symbol="BTC_USDT", limit=3),
        r.Trades(symbol="BTC_USDT", trades=[Trade(1, NOON, 61000.0, 0.25, False)], source=FRESH),
        ["12:00:00", "sell", "61,000", "0.25"],
        "market.trades",
    ),
    (
        "market candles BTC_USDT -t 5m --limit 2",
        c.GetCandles(symbol="BTC_USDT", timeframe="5m", limit=2),
        r.CandleSeries(
            symbol="BTC_USDT",
            timeframe="5m",
            candles=[Candle(NOON, 1.0, 2.5, 0.5, 2.0, 9.0, closed=False)],
            source=FRESH,
        ),
        ["2024-05-01 12:00 *", "2.5", "–"],
        "market.candles",
    ),
    ("balance", c.GetAccounts(), r.Accounts(accounts=[ACCOUNT]), ["0.05", "48.60 %", "-1.23 %", "unknown"], "balance"),
    (
        "balance --account paper --refresh",
        c.GetAccounts(account="paper", refresh=True),
        r.Accounts(accounts=[]),
        ["no account"],
        "balance",
    ),
    (
        "data list",
        c.DataList(),
        r.DataSets(
            sets=[
                r.DataSet(
                    symbol="BTC_USDT", timeframe="1m", from_ms=NOON, to_ms=NOON, candles=1440, gaps=2, sources=["rest"]
                )
            ]
        ),
        ["BTC_USDT", "1,440", "2", "rest"],
        "data.list",
    ),
    (
        "data verify BTC_USDT -t 1h",
        c.DataVerify(symbol="BTC_USDT", timeframe="1h"),
        r.DataReport(symbol="BTC_USDT", timeframe="1h", candles=24, ok=True, findings=[], hash="ab" * 32),
        ["24 candles, sound", "ab" * 32],
        "data.verify",
    ),
    (
        "health stream",
        c.GetHealth(part="stream"),
        r.Health(state="online", parts=[r.Part(name="stream", state="online", text="live", figures={"age": None})]),
        ["stream", "age unknown", "online"],
        "health",
    ),
    ("events -n 2", c.GetFacts(after=7, limit=2), r.Facts(facts=FACTS, last=9), ["fact 8", "fact 9"], "events"),
    ("events --after 0", c.GetFacts(after=0, limit=20), r.Facts(facts=FACTS, last=9), ["fact 8"], "events"),
]


@pytest.mark.parametrize(("words", "sent", "answer", "expected", "schema"), CASES, ids=[case[0] for case in CASES])
async def test_a_command_asks_and_prints(
    shell: Shell, words: str, sent: c.Command, answer: Any, expected: list[str], schema: str
) -> None:
    async with FakeEngine(shell.home.socket, {type(sent): answer}, last_fact=9) as engine:
        result = await shell.beside(*words.split())
        assert engine.heard[1:] == [sent]
        as_json = await shell.beside(*words.split(), "--json")
    assert result.code == as_json.code == 0
    for word in expected:
        assert word in result.out
    assert "\x1b" not in result.out + result.err + as_json.out
    assert as_json.document["schema"] == f"polotui.{schema}/1"
    assert as_json.err == ""


async def test_what_is_not_known_has_its_reason_and_is_never_zero(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {c.GetAccounts: r.Accounts(accounts=[ACCOUNT])}):
        result = await shell.beside("balance")
        document = (await shell.beside("balance", "--json")).document
    [line] = [line for line in result.out.splitlines() if line.startswith("OLD")]
    assert line.split() == ["OLD‹1b›[2J", "100.5", "0", "unknown", "unknown", "unknown", "unknown"]
    assert "6,280.5 (as of 12:00:00)" in result.out
    assert "price: unknown, no market has this coin. Nothing to do." in result.err
    assert "total: stale, no answer for 12 s." in result.err
    assert document["accounts"][0]["rows"][1]["value"]["standing"] == "unknown"


async def test_stale_prices_are_marked(shell: Shell) -> None:
    stale = r.Source(name="cache", age_ms=12_000, stale=True)
    async with FakeEngine(shell.home.socket, {c.GetTickers: r.Tickers(tickers=[TICKER], source=stale)}):
        result = await shell.beside("market", "ticker")
    assert "Stale: from the cache, 12 s old." in result.err


async def test_an_error_of_the_engine_keeps_its_exit_code(shell: Shell) -> None:
    unknown = UsageError("There is no symbol NO_USDT.", next_step="Did you mean BTC_USDT?", code="unknown-symbol")
    async with FakeEngine(shell.home.socket, {c.GetBook: unknown}):
        result = await shell.beside("market", "book", "NO_USDT")
        record = (await shell.beside("market", "book", "NO_USDT", "--json")).document
    assert (result.code, result.out, result.err) == (2, "", "There is no symbol NO_USDT. Did you mean BTC_USDT?\n")
    assert (record["code"], record["request_id"]) == ("unknown-symbol", "fake-2")


async def test_an_engine_that_dies_meanwhile_is_exit_code_3(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {c.GetBook: HANG_UP}):
        assert (await shell.beside("market", "book", "BTC_USDT")).code == 3


@pytest.mark.parametrize(("state", "code"), [("online", 0), ("degraded", 1), ("offline", 3)])
async def test_health_has_an_exit_code_for_monitors(shell: Shell, state: Any, code: int) -> None:
    answer = r.Health(state=state, parts=[r.Part(name="engine", state=state, text="x")])
    async with FakeEngine(shell.home.socket, {c.GetHealth: answer}):
        result = await shell.beside("health", "--json")
    assert (result.code, result.document["state"]) == (code, state)


async def test_a_part_that_does_not_exist(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {c.GetHealth: r.Health(state="online", parts=[])}):
        assert (await shell.beside("health", "nope")).code == 2


async def test_unsound_data_is_exit_code_1(shell: Shell) -> None:
    finding = r.Finding(kind="gap", at_ms=NOON, text="3 candles are missing")
    answer = r.DataReport(symbol="BTC_USDT", timeframe="1m", candles=5, ok=False, findings=[finding], hash="ab")
    async with FakeEngine(shell.home.socket, {c.DataVerify: answer}):
        result = await shell.beside("data", "verify", "BTC_USDT")
        as_json = await shell.beside("data", "verify", "BTC_USDT", "--json")
    assert (result.code, as_json.code) == (1, 1)
    assert "3 candles are missing" in result.out
    assert as_json.document["ok"] is False


async def test_an_import_sends_the_absolute_path(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.root.mkdir()
    monkeypatch.chdir(shell.root)
    (shell.root / "btc.csv").write_text("time\n")
    answer = r.DataImported(
        symbol="BTC_USDT", timeframe="1m", candles=9, new=4, from_ms=NOON, to_ms=NOON, warnings=["a gap"]
    )
    async with FakeEngine(shell.home.socket, {c.DataImport: answer}) as engine:
        result = await shell.beside("data", "import", "btc.csv", "BTC_USDT")
    assert engine.heard[1] == c.DataImport(path=str(shell.root / "btc.csv"), symbol="BTC_USDT", timeframe="1m")
    assert "9 candles, 4 of them new" in result.out
    assert result.err == "a gap\n"


async def test_stopping_waits_for_the_end(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket) as engine:

        def stop(_: c.StopEngine) -> r.Done:
            asyncio.get_running_loop().call_later(0.02, engine.hang_up)
            return r.Done(text="The engine ends.")

        engine.answers[c.StopEngine] = stop
        result = await shell.beside("engine", "stop", "--force")
    assert engine.heard[1] == c.StopEngine(force=True)
    assert (result.code, result.out) == (0, "The engine ends.\n")


async def test_stopping_may_be_refused(shell: Shell) -> None:
    busy = Refused("A download runs.", next_step="Add --force.", code="busy")
    async with FakeEngine(shell.home.socket, {c.StopEngine: busy}):
        assert (await shell.beside("engine", "stop")).code == 4


async def test_starting_twice_is_no_mistake(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket):
        result = await shell.beside("engine", "start", "--json")
    assert result.document["started"] is False


async def test_following_prints_a_document_a_line(shell: Shell) -> None:
    job = JobState(id=3, title="download BTC_USDT 1m", done=0.5, at_ms=NOON)
    async with FakeEngine(shell.home.socket, batches=[[FACTS[0], job], [FACTS[1]]], last_fact=9) as engine:

        def end_after_a_moment() -> None:
            if engine.subscribed:
                engine.hang_up()
            else:
                loop.call_later(0.01, end_after_a_moment)

        loop = asyncio.get_running_loop()
        loop.call_later(0.01, end_after_a_moment)
        result = await shell.beside("events", "--follow", "--json", "-n", "2", "--topics", "facts,jobs")
    # The engine's end is an error of its own, on a line of its own.
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line["schema"] for line in lines] == ["polotui.event/1"] * 3 + ["polotui.error/1"]
    assert [line.get("number") for line in lines[:3]] == [8, None, 9]
    assert engine.subscribed[0].facts_after == 7
    assert result.code == 3


async def test_chart_topics_keep_their_commas(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket) as engine:
        loop = asyncio.get_running_loop()

        def end() -> None:
            if engine.subscribed:
                engine.hang_up()
            else:
                loop.call_later(0.01, end)

        loop.call_later(0.01, end)
        await shell.beside("events", "--follow", "--topics", "chart:BTC_USDT:1h:ema21,bb20,facts")
    assert engine.subscribed[0].topics == ["chart:BTC_USDT:1h:ema21,bb20", "facts"]
