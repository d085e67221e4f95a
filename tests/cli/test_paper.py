"""`polotui paper`, `order`, `signal` and `protect` against a scripted engine: what they ask and print, how they end."""
# ruff: noqa: E501 - tables as people see them

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest

from polotui.api import trade_commands as c
from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.api.command import Command
from polotui.api.events import Fact
from polotui.api.replies import Done
from polotui.api.values import Shown
from polotui.core.errors import Refused, UsageError
from tests.api.fake_server import FakeEngine
from tests.cli import deskrows as d
from tests.cli.conftest import Shell
from tests.cli.lab import DAY, NOON

DONE = Done(text="BTC_USDT: stop 60000, target none\x1b.")
WHO = "ada on pts/3"

#: Command line, the command it must send, the answer, all that people get to see, the schema.
CASES: list[tuple[str, Command, Any, str, str]] = [
    (
        "paper status",
        c.ListBots(),
        d.BOTS,
        """\
paper account: 10,214.53 USDT   +125.10 (+1.24 %) today

bot  strategy          symbols   frame  state    capital  result           expected               held  trades   won  protection  since (UTC)
  3  ema-pullback v4   BTC_USDT  1h     running    1,000  +12.40  +1.24 %  -0.80 % … +2.10 %, ok     1       5  60 %  local       2024-04-28 12:00
  4  rsi-reversion v2  ETH_USDT  1h     paused       500       –        –  –                         0       0     –  –           2024-05-01 12:00
bot 4 is paused: stale data since 00:41‹1b›[2J
bot 4 may not enter: stale ETH_USDT
""",
        "paper.status",
    ),
    (
        "paper positions --bot 3 --account paper",
        c.GetPositions(account="paper", bot=3),
        tr.Positions(positions=[d.POSITION, d.STALE, d.DUST]),
        """\
account      symbol    quantity      entry                     mark     value  result               R       stop     target  protection  since (UTC)
paper/bot-3  BTC_USDT     0.031  61,204.10  61,873.41                1,918.08  +20.75  +1.09 %  +1.03  60,592.06  62,428.18  local       2024-04-30 12:00
paper        ETH_USDT     1       2,600      2,610 (as of 12:00:00)         –       –        –      –          –          –  none        2024-05-01 12:00
""",
        "paper.positions",
    ),
    (
        "paper trades --bot 0 --strategy ema --symbol btc/usdt --from 2024-05-01 --to 2024-05-02 -n 5",
        c.ListTrades(bot=0, strategy="ema", symbol="BTC_USDT", from_ms=NOON - DAY // 2, to_ms=NOON + DAY // 2, limit=5),
        d.TRADES,
        """\
trade  strategy      symbol    entry (UTC)          price  exit (UTC)            price  quantity  profit               R   fees  reason
  213  by hand       ETH_USDT  2024-05-01 12:00   2,600    2024-05-01 13:00   2,700        1      +90.00  +3.46 %      –  10.00  =cmd|' /C calc'!A0
  212  ema-pullback  BTC_USDT  2024-05-01 12:00  61,204.1  2024-05-02 01:00  61,873.41     0.031  -20.75  -1.09 %  -0.80   7.63  stop #impatient

2 trades, 1 won, 1 lost: +69.25 USDT after 17.63 of fees.
""",
        "paper.trades",
    ),
    (
        "paper pnl --period week --bot 3 -n 3",
        c.GetResults(period="week", bot=3, limit=3),
        tr.Results(
            period="week",
            bars=[
                tv.ResultBar(start_ms=NOON - 14 * DAY, profit="0.00", trades=0, wins=0, fees="0.00"),
                tv.ResultBar(start_ms=NOON - 7 * DAY, profit="-10.00", trades=2, wins=0, fees="1.00"),
                tv.ResultBar(start_ms=NOON, profit="20.00", trades=4, wins=3, fees="2.00"),
            ],
            equity=[],
            today="125.10",
            total="10.00",
        ),
        """\
week (UTC)  profit  trades   won  fees
2024-04-24  -10.00       2   0 %  1.00  ░░░░░░░░░░░░
2024-05-01  +20.00       4  75 %  2.00  ████████████████████████

total +10.00 USDT
today +125.10 USDT, open positions included
""",
        "paper.pnl",
    ),
    (
        "paper feed --bot 3 --kind signal --kind refused -s BTC_USDT -n 2",
        c.GetFeed(bot=3, kinds=["signal", "refused"], symbol="BTC_USDT", limit=2),
        d.FEED,
        """\
2024-05-01 12:00:00  signal      BTC_USDT    bot 3    long entry
2024-05-01 12:00:01  refused     BTC_USDT    bot 3    long entry  RISK-CORR: 4th pair‹1b›[2J
""",
        "paper.feed",
    ),
    (
        "paper drift 3",
        c.GetDrift(bot=3),
        tr.Drift(
            bot=3,
            from_ms=NOON,
            to_ms=NOON + DAY,
            paper="12.40",
            backtest="15.00",
            difference="-2.60",
            parts=[
                tv.DriftPart(name="price", amount="-2.00", trades=4, text="worse fills"),
                tv.DriftPart(name="fees", amount="-0.60", trades=0, text="taker"),
            ],
            matched=4,
            missed=1,
            extra=0,
            lines=["One entry was refused."],
        ),
        """\
bot 3 · 2024-05-01 12:00:00 → 2024-05-02 12:00:00 UTC
              USDT  trades
paper       +12.40
backtest    +15.00
price        -2.00       4  worse fills
fees         -0.60       0  taker
difference   -2.60          positive: paper did better
trades: 4 matched, 1 missed, 0 extra
  · One entry was refused.
""",
        "paper.drift",
    ),
    (
        "paper journal --tag impatient",
        c.GetJournal(tag="impatient", limit=50),
        tr.Journal(
            rows=[
                tv.JournalRow(id=1, at_ms=NOON, note="too early", tags=["impatient"], trade=d.TRADE),
                tv.JournalRow(id=2, at_ms=NOON, note="rain", tags=["impatient", "mood"]),
            ]
        ),
        """\
2024-05-01 12:00:00  #impatient
  trade 212, ema-pullback, BTC_USDT long: -20.75 USDT (-1.09 %), stop
  too early

2024-05-01 12:00:00  #impatient #mood
  rain
""",
        "paper.journal",
    ),
    (
        "order list --open --bot 3",
        c.ListOrders(bot=3, open=True, limit=50),
        tr.Orders(orders=[d.ORDER, d.LOST]),
        """\
order   at (UTC)          account  symbol    side  type       size   price  filled  state     why
pt-abc  2024-05-01 12:00  paper    BTC_USDT  buy   limit      0.01  60,000       0  accepted  by hand
pt-def  2024-05-01 12:00  paper    BTC_USDT  buy   market  for 500       –       0  unknown   HTTP-504 no answer‹1b›
1 of unknown outcome: not sent again; the venue is asked for them by their ids.
""",
        "order.list",
    ),
    (
        "order fills pt-abc",
        c.ListFills(order="pt-abc", limit=50),
        tr.Fills(fills=[d.FILL]),
        """\
fill  at (UTC)             account  symbol    side  quantity   price  amount      fee             why      order
   7  2024-05-01 12:00:00  paper    BTC_USDT  buy       0.01  60,000     600  0.00002  BTC maker  by hand  pt-abc
""",
        "order.fills",
    ),
    (
        "signal list --bot 3 --state closed",
        c.ListSignals(bot=3, state="closed", limit=50),
        tr.Signals(signals=[d.SIGNAL]),
        """\
signal            at (UTC)          strategy      symbol    side     entry       stop  state   end                 latency  why
sig-3-BTC_USDT-1  2024-05-01 12:00  ema-pullback  BTC_USDT  long  61,204.1  60,592.06  closed  refused: RISK-CORR   412 ms  crosses_above(rsi, 30)
""",
        "signal.list",
    ),
    (
        "protect status",
        c.GetProtection(),
        tr.Protections(
            running=False,
            positions=[
                tv.ProtectionRow(
                    account="paper", bot=0, symbol="BTC_USDT", level="local", stop="60000", price_age_ms=410
                )
            ],
            last_check_ms=NOON,
            oldest_price_ms=410,
            worst_latency_ms=None,
        ),
        """\
The monitor is STOPPED: nothing watches stops, entries are blocked.
1 positions watched, oldest price 0.4 s, worst latency none yet.

account  symbol    protection    stop  target  price age
paper    BTC_USDT  local       60,000       –      0.4 s
""",
        "protect.status",
    ),
]


@pytest.fixture(autouse=True)
def ada(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("paper", "order", "protect"):
        monkeypatch.setattr(f"polotui.cli.{name}.who_asks", lambda: WHO)


@pytest.mark.parametrize(("words", "sent", "answer", "shown", "schema"), CASES, ids=[case[0] for case in CASES])
async def test_a_question_asks_and_prints(
    shell: Shell, words: str, sent: Command, answer: Any, shown: str, schema: str
) -> None:
    async with FakeEngine(shell.home.socket, {type(sent): answer}) as engine:
        result = await shell.beside(*words.split())
        assert engine.heard[1:] == [sent]
        as_json = await shell.beside(*words.split(), "--json")
    assert (result.code, as_json.code) == (0, 0)
    assert "\x1b" not in result.out + as_json.out
    assert result.out == shown
    assert as_json.err == ""
    assert as_json.document == {"schema": f"polotui.{schema}/1"} | d.json_of(answer)


EMPTY: list[tuple[str, type, Any, str]] = [
    ("paper status", c.ListBots, tr.Bots(bots=[], equity=d.EQUITY), "No bot runs."),
    ("paper positions", c.GetPositions, tr.Positions(positions=[]), "Nothing is held."),
    ("paper trades", c.ListTrades, tr.Trades(trades=[], profit="0", fees="0", wins=0, losses=0), "No trade is closed"),
    ("paper pnl", c.GetResults, tr.Results(period="day", bars=[], equity=[]), "No trade was closed"),
    ("paper feed", c.GetFeed, tr.Feed(items=[]), "Nothing happened yet."),
    ("paper journal", c.GetJournal, tr.Journal(rows=[]), "No closed trade and no note."),
    ("order list", c.ListOrders, tr.Orders(orders=[]), "There was no order yet."),
    ("order list --open", c.ListOrders, tr.Orders(orders=[]), "Nothing rests."),
    ("order fills", c.ListFills, tr.Fills(fills=[]), "Nothing was filled yet."),
    ("signal list", c.ListSignals, tr.Signals(signals=[]), "No signal yet."),
]


@pytest.mark.parametrize(("words", "asked", "answer", "shown"), EMPTY, ids=[case[0] for case in EMPTY])
async def test_nothing_is_said_to_be_nothing(shell: Shell, words: str, asked: type, answer: Any, shown: str) -> None:
    async with FakeEngine(shell.home.socket, {asked: answer}):
        result = await shell.beside(*words.split())
    assert result.code == 0
    assert shown in result.out


#: Command line, the command it must send, with who asked.
DOES: list[tuple[list[str], Command, Any]] = [
    (
        [
            "paper",
            "start",
            "ema",
            "-s",
            "btc-usdt",
            "-s",
            "ETH_USDT",
            "-s",
            "BTC_USDT",
            "-t",
            "1h",
            "--capital",
            "500",
            "-p",
            "fast=10",
            "--version",
            "2",
        ],
        c.StartBot(
            strategy="ema",
            version=2,
            symbols=["BTC_USDT", "ETH_USDT"],
            timeframe="1h",
            capital="500",
            params={"fast": 10.0},
            caller=WHO,
        ),
        tr.BotStarted(bot=d.BOT, text="Bot 3 runs."),
    ),
    (
        ["paper", "start", "ema", "--venue", "exchange"],
        c.StartBot(strategy="ema", venue="exchange", caller=WHO),
        tr.BotStarted(bot=d.PAUSED, text="Bot 4 runs."),
    ),
    (["paper", "stop", "3"], c.StopBot(bot=3, caller=WHO), tr.BotStarted(bot=d.BOT, text="Bot 3 is stopped.")),
    (["paper", "stop", "3", "--close"], c.StopBot(bot=3, close=True, caller=WHO), tr.BotStarted(bot=d.BOT, text="So.")),
    (["paper", "pause", "3"], c.PauseBot(bot=3, caller=WHO), tr.BotStarted(bot=d.BOT, text="Bot 3 is paused.")),
    (["paper", "resume", "3"], c.PauseBot(bot=3, resume=True, caller=WHO), tr.BotStarted(bot=d.BOT, text="So.")),
    (
        ["paper", "note", "212", "too early", "--tag", "impatient", "--tag", "mood"],
        c.AddNote(trade=212, note="too early", tags=["impatient", "mood"]),
        DONE,
    ),
    (["order", "cancel", "pt-abc"], c.CancelOrder(order="pt-abc", caller=WHO), DONE),
    (["order", "cancel", "--all"], c.CancelOrder(all=True, caller=WHO), DONE),
    (["order", "cancel", "-s", "btc/usdt"], c.CancelOrder(symbol="BTC_USDT", caller=WHO), DONE),
    (
        ["order", "resolve", "pt-def", "--state", "cancelled", "--note", "seen at the exchange"],
        c.ResolveOrder(order="pt-def", state="CANCELLED", note="seen at the exchange", caller=WHO),
        DONE,
    ),
    (
        ["protect", "stop", "--yes", "stop protecting"],
        c.SetProtection(running=False, words="stop protecting", caller=WHO),
        DONE,
    ),
    (["protect", "start"], c.SetProtection(running=True, caller=WHO), DONE),
]


@pytest.mark.parametrize(("words", "sent", "answer"), DOES, ids=[" ".join(case[0]) for case in DOES])
async def test_what_changes_something_says_who_asked(
    shell: Shell, words: list[str], sent: Command, answer: Any
) -> None:
    async with FakeEngine(shell.home.socket, {type(sent): answer}) as engine:
        result = await shell.beside(*words)
        assert engine.heard[1:] == [sent]
        as_json = await shell.beside(*words, "--json")
    assert (result.code, as_json.code) == (0, 0)
    assert result.out.count("\n") == 1
    assert as_json.document["schema"] == f"polotui.{words[0]}.{words[1]}/1"


#: The words after `order place BTC_USDT`, and what they mean.
TICKETS: list[tuple[str, dict[str, Any]]] = [
    ("buy --amount 100", {"side": "BUY", "amount": "100"}),
    ("SELL --quantity 0.01 --confirmed", {"side": "SELL", "quantity": "0.01", "confirmed": True}),
    (
        "buy --quantity 1 --limit 60000 --stop 59000 --target 63000",
        {"side": "BUY", "type": "LIMIT", "quantity": "1", "price": "60000", "stop": "59000", "target": "63000"},
    ),
    ("buy --quantity 1 --limit 6 --maker", {"side": "BUY", "type": "LIMIT_MAKER", "quantity": "1", "price": "6"}),
    ("sell --quantity 1 --trigger 5", {"side": "SELL", "type": "STOP", "quantity": "1", "stop": "5"}),
    ("buy --amount 5 --account paper/bot-3", {"side": "BUY", "amount": "5", "account": "paper/bot-3"}),
]


@pytest.mark.parametrize(("words", "fields"), TICKETS, ids=[case[0] for case in TICKETS])
async def test_a_ticket_is_an_order_and_a_question(shell: Shell, words: str, fields: dict[str, Any]) -> None:
    answers = {c.PlaceOrder: d.PLACED, c.AssessOrder: d.ASSESSED}
    async with FakeEngine(shell.home.socket, answers) as engine:
        placed = await shell.beside("order", "place", "btc_usdt", *words.split(), "--note", "why")
        await shell.beside("order", "place", "btc_usdt", *words.split(), "--what-if")
        await shell.beside("risk", "assess", "btc_usdt", *words.split(), "--strategy", "ema")
    heard = [command for command in engine.heard if isinstance(command, c.PlaceOrder | c.AssessOrder)]
    assert heard == [
        c.PlaceOrder(symbol="BTC_USDT", note="why", caller=WHO, **fields),
        c.AssessOrder(symbol="BTC_USDT", **fields),
        c.AssessOrder(symbol="BTC_USDT", strategy="ema", **fields),
    ]
    assert (placed.code, placed.out) == (0, "The order is accepted. Order pt-abc.\n")


async def test_how_long_it_rests(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {c.PlaceOrder: d.PLACED}) as engine:
        words = "order place BTC_USDT buy --quantity 1 --limit 6 --tif IOC --expire 30"
        await shell.beside(*words.split())
    [command] = [each for each in engine.heard if isinstance(each, c.PlaceOrder)]
    assert (command.time_in_force, command.expire_s) == ("IOC", 30)


async def test_a_refusal_is_exit_code_4_with_every_finding(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {c.PlaceOrder: d.NOT_PLACED}):
        words = ["order", "place", "BTC_USDT", "buy", "--amount", "5000"]
        result = await shell.beside(*words)
        as_json = await shell.beside(*words, "--json")
    assert (result.code, result.out) == (4, "")
    assert result.err == (
        "Refused, nothing was sent.\n"
        "  ✗  RISK-POSITION  BTC_USDT would be 55 % of the equity; the limit is 20 %.\n"
        "  !  RISK-CONFIRM   The order is 50 % of the equity.\n"
        "Ask for less.\n"
    )
    assert (as_json.code, as_json.err) == (4, "")
    assert as_json.document["placed"] is False
    assert as_json.document["decision"]["findings"][0]["code"] == "RISK-POSITION"


async def test_what_only_needs_a_second_look_says_how(shell: Shell) -> None:
    asked = msgspec.structs.replace(d.REFUSED, needs_confirmation=True)
    answer = msgspec.structs.replace(d.NOT_PLACED, decision=asked)
    async with FakeEngine(shell.home.socket, {c.PlaceOrder: answer}):
        result = await shell.beside("order", "place", "BTC_USDT", "buy", "--amount", "5000")
    assert result.code == 4
    assert "--confirmed sends it" in result.err


async def test_an_order_that_the_venue_did_not_take_is_exit_code_1(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {c.PlaceOrder: d.REJECTED}):
        result = await shell.beside("order", "place", "BTC_USDT", "buy", "--amount", "1")
    assert (result.code, result.out, result.err) == (1, "", "Rejected: too small.\n")


async def test_an_assessment_says_what_it_would_cost(shell: Shell) -> None:
    passed = msgspec.structs.replace(d.ASSESSED, decision=d.APPROVED)
    async with FakeEngine(shell.home.socket, {c.AssessOrder: d.ASSESSED}) as engine:
        words = ["order", "place", "BTC_USDT", "buy", "--amount", "618", "--what-if"]
        refused = await shell.beside(*words)
        as_json = await shell.beside(*words, "--json")
        engine.answers[c.AssessOrder] = passed
        approved = await shell.beside(*words)
    assert (refused.code, as_json.code, approved.code) == (4, 4, 0)
    assert "It would be refused: RISK-POSITION." in refused.out
    assert as_json.document["dailyLoss"] == {"exceeded": False}
    assert approved.out == (
        "It would be sent.\n\n"
        "price at worst  61,873.41\n"
        "quantity             0.01\n"
        "amount             618.73\n"
        "fee                  1.24\n"
        "exposure after    55.00 %\n"
        "cash after       9,381.27\n\n"
        "looked at as well\n"
        "  ✓  RISK-CASH      The cash suffices.\n"
        "  ✓  RISK-EXPOSURE  exposure: 32 % of its limit\n"
    )


async def test_a_plan_starts_nothing_and_says_what_stands_against_it(shell: Shell) -> None:
    plan = tr.BotPlan(
        ok=False,
        strategy="grid",
        version=0,
        symbols=["BTC_USDT"],
        timeframe="15m",
        capital="1000",
        capital_free="9000",
        problems=["A grid is not traded by this kind of bot."],
        warnings=["The document has no stop."],
        lines=["Trades BTC_USDT."],
    )
    async with FakeEngine(shell.home.socket, {c.PlanBot: plan}) as engine:
        refused = await shell.beside("paper", "start", "grid", "--plan")
        engine.answers[c.PlanBot] = msgspec.structs.replace(plan, ok=True, problems=[])
        fine = await shell.beside("paper", "start", "grid", "--plan", "--json")
    assert engine.heard[1] == c.PlanBot(strategy="grid")
    assert refused.code == 4
    assert refused.out == (
        "grid · BTC_USDT 15m · 1,000 of 9,000 USDT\n"
        "✗ A grid is not traded by this kind of bot.\n"
        "! The document has no stop.\n"
        "· Trades BTC_USDT.\n"
        "It would be refused.\n"
    )
    assert (fine.code, fine.document["schema"]) == (0, "polotui.paper.plan/1")


async def test_a_start_may_be_refused(shell: Shell) -> None:
    refused = Refused("ema is not started: 100 bots run already.", safe="Nothing was started.", code="bot-refused")
    async with FakeEngine(shell.home.socket, {c.StartBot: refused}) as engine:
        result = await shell.beside("paper", "start", "ema")
        # Not asked for the names of strategies: it is no question of a name.
        assert [type(command) for command in engine.heard[1:]] == [c.StartBot]
    assert (result.code, result.out) == (4, "")
    assert "100 bots run already" in result.err


async def test_one_bot_with_what_it_holds(shell: Shell) -> None:
    answers = {
        c.ListBots: d.BOTS,
        c.GetPositions: tr.Positions(positions=[d.POSITION]),
        c.ListOrders: tr.Orders(orders=[d.ORDER]),
    }
    async with FakeEngine(shell.home.socket, answers) as engine:
        result = await shell.beside("paper", "status", "3")
        as_json = await shell.beside("paper", "status", "3", "--json")
        missing = await shell.beside("paper", "status", "5")
    asked = c.GetPositions(account="paper/bot-3", bot=3)
    assert asked in engine.heard
    assert "drawdown      2.10 %" in result.out
    assert "parameters    fast 21" in result.out
    assert "60,592.06" in result.out
    assert "pt-abc" in result.out
    assert as_json.document["bot"]["id"] == 3
    assert len(as_json.document["positions"]) == len(as_json.document["orders"]) == 1
    assert missing.code == 2


async def test_an_unknown_equity_has_its_reason(shell: Shell) -> None:
    unknown = Shown(standing="unknown", reason="no-price", cause="no market has this coin", help="Wait.")
    async with FakeEngine(shell.home.socket, {c.ListBots: tr.Bots(bots=[], equity=unknown)}):
        result = await shell.beside("paper", "status")
    assert "paper account: unknown USDT" in result.out
    assert result.err == "paper account: unknown, no market has this coin. Wait.\n"


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ("paper close BTC_USDT", c.ClosePosition(account="paper/bot-3", symbol="BTC_USDT", caller=WHO)),
        ("paper close BTC_USDT --account paper", c.ClosePosition(account="paper", symbol="BTC_USDT", caller=WHO)),
        (
            "paper edit btc_usdt --stop 60000 --target none",
            c.EditProtection(account="paper/bot-3", symbol="BTC_USDT", stop="60000", target="none", caller=WHO),
        ),
    ],
)
async def test_a_position_is_named_by_its_symbol(shell: Shell, words: str, sent: Command) -> None:
    answers = {
        c.GetPositions: tr.Positions(positions=[d.POSITION, d.DUST]),
        c.ClosePosition: d.PLACED,
        c.EditProtection: DONE,
    }
    async with FakeEngine(shell.home.socket, answers) as engine:
        result = await shell.beside(*words.split())
    assert engine.heard[-1] == sent
    assert result.code == 0


@pytest.mark.parametrize("words", ["paper close BTC_USDT", "paper edit BTC_USDT --stop 5"])
async def test_which_position_must_be_clear(shell: Shell, words: str) -> None:
    twice = [d.POSITION, msgspec.structs.replace(d.POSITION, account="paper")]
    async with FakeEngine(shell.home.socket, {c.GetPositions: tr.Positions(positions=twice)}) as engine:
        both = await shell.beside(*words.split())
        engine.answers[c.GetPositions] = tr.Positions(positions=[d.DUST])
        none = await shell.beside(*words.split())
        assert {type(command) for command in engine.heard[1:]} <= {c.GetPositions, type(engine.heard[0])}
    assert (both.code, none.code) == (2, 2)
    assert "--account: paper/bot-3, paper" in both.err
    assert "is not held" in none.err


async def test_a_close_may_be_refused(shell: Shell) -> None:
    answers = {c.GetPositions: tr.Positions(positions=[d.POSITION]), c.ClosePosition: d.NOT_PLACED}
    async with FakeEngine(shell.home.socket, answers):
        assert (await shell.beside("paper", "close", "BTC_USDT", "--json")).code == 4


async def test_a_mistake_of_the_engine_keeps_its_exit_code(shell: Shell) -> None:
    wrong = UsageError("A stop of a long position lies below the price.", safe="Nothing was changed.")
    answers = {c.GetPositions: tr.Positions(positions=[d.POSITION]), c.EditProtection: wrong}
    async with FakeEngine(shell.home.socket, answers):
        result = await shell.beside("paper", "edit", "BTC_USDT", "--stop", "99999999")
    assert result.code == 2
    assert "lies below the price" in result.err


async def test_following_the_feed_misses_and_repeats_nothing(shell: Shell) -> None:
    facts = [
        Fact(number=10, at_ms=NOON, kind="engine", level="info", text="not of trading"),
        Fact(number=11, at_ms=NOON, kind="fill", level="info", text="of another bot", bot=4),
        Fact(number=12, at_ms=NOON, kind="fill", level="info", text="buy 0.031", bot=3, symbol="BTC_USDT", ref="pt-1"),
    ]
    async with FakeEngine(shell.home.socket, {c.GetFeed: d.FEED}, batches=[facts], last_fact=7) as engine:

        def end() -> None:
            if engine.subscribed:
                engine.hang_up()
            else:
                loop.call_later(0.01, end)

        loop = asyncio.get_running_loop()
        loop.call_later(0.01, end)
        result = await shell.beside("paper", "feed", "--follow", "--bot", "3", "--json")
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line.get("number") for line in lines] == [8, 9, 12, None]
    assert {line["schema"] for line in lines[:3]} == {"polotui.paper.feed.item/1"}
    assert lines[3]["schema"] == "polotui.error/1"
    assert engine.subscribed[0].facts_after == 9
