"""A day at the desk as a script: an ordinary template on paper, a trade with its reason, its stop moved, a limit
tripped, halted, resumed; and the ledger afterwards, against a sum of its fills that knows nothing of the ledger."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from polotui.core import spawn
from tests.cli.conftest import Result, Shell

#: A minute's bar in half a second: crossings come soon, and a slow machine still sees fresh prices.
MARKET = ("--speed", "120", "--seed", "7")
SYMBOLS = ("BTC_USDT", "ETH_USDT", "SOL_USDT", "XRP_USDT")
#: How long a condition may take on a machine that is busy with others; it takes a few seconds on one that is not.
PATIENCE_SECONDS = 120.0
STOP_WORDS = "Only tightened to see it refuse."


class Desk:
    """Command lines of one demo home, with --json."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def ask(self, *words: str, code: int = 0) -> Any:
        """The document; fails on another exit code."""
        result = self.run(*words)
        assert result.code == code, f"{words}: {result.out}"
        return result.document

    def run(self, *words: str) -> Result:
        result = self._shell(*words, "--demo", "--json")
        assert result.err == ""
        return result

    def until(self, *words: str, code: int = 0) -> Any:
        """Runs a command again until it ends so; bounded."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            result = self.run(*words)
            if result.code == code:
                return result.document
            time.sleep(0.05)
        raise AssertionError(f"{words} never ended with {code}; last: {result.out}")


@pytest.fixture
def desk(shell: Shell) -> Iterator[Desk]:
    # A process of its own starts the engine, so that the engine is not this one's child when it ends.
    words = ["-m", "polotui", "engine", "start", "--demo", *MARKET, "--json", "--home", str(shell.root)]
    subprocess.run([sys.executable, *words], check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    yield Desk(shell)
    shell("engine", "stop", "--force", "--demo")
    with suppress(OSError, ValueError, KeyError):
        spawn.terminate(json.loads((shell.home.data / "simulator.json").read_text())["pid"])
    with suppress(OSError, ValueError):
        if spawn.alive(pid := int(shell.home.lock.read_text())):
            spawn.terminate(pid)


def test_a_day_at_the_desk(desk: Desk) -> None:
    words = [word for symbol in SYMBOLS for word in ("--symbol", symbol)]
    words += ["-t", "1m", "--capital", "2000", "--param", "fast_len=5", "--param", "slow_len=30"]
    # The first look at the ledger takes a moment; before it nothing may start, and that is what it says.
    plan = desk.until("paper", "start", "sma-cross", *words, "--plan")
    assert (plan["ok"], plan["symbols"], plan["capital"]) == (True, list(SYMBOLS), "2000")
    bot = desk.until("paper", "start", "sma-cross", *words)["bot"]
    assert (bot["strategy"], bot["state"], bot["version"]) == ("sma-cross", "running", 1)

    edited = move_a_stop(desk, bot)
    trades_have_their_reasons(desk, bot)
    by_hand(desk)
    refused_by_a_limit(desk)
    halted_and_resumed(desk)
    the_ledger_agrees(desk, bot)
    rows = desk.ask("audit", "show", "--kind", "protection", "-n", "1000")["rows"]
    assert any(edited in row["text"] for row in rows)


def move_a_stop(desk: Desk, bot: dict[str, Any]) -> str:
    """Waits for a position of the bot and moves its stop; the words that the audit has of it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        held = desk.ask("paper", "positions", "--bot", str(bot["id"]))["positions"]
        for row in held:
            if row["dust"] or not row["mark"]:
                continue
            stop = str(round(Decimal(row["mark"]) * Decimal("0.9"), row["price_scale"]))
            words = ("paper", "edit", row["symbol"], "--stop", stop, "--account", row["account"])
            # Its own rule may have sold it in the meantime; then there will be another.
            if (moved := desk.run(*words)).code == 0:
                text: str = moved.document["text"]
                assert text.startswith(f"{row['symbol']}: stop {Decimal(stop).normalize():f}")
                return text.rstrip(".")
        time.sleep(0.05)
    raise AssertionError("the bot never held anything")


def trades_have_their_reasons(desk: Desk, bot: dict[str, Any]) -> None:
    fills = desk.ask("order", "fills", "--bot", str(bot["id"]))["fills"]
    entry = fills[-1]
    assert (entry["side"], entry["account"]) == ("BUY", bot["account"])
    assert "crosses_above(fast, slow)" in entry["reason"]
    signals = {signal["id"]: signal for signal in desk.ask("signal", "list", "-n", "1000")["signals"]}
    assert signals[entry["signal"]]["symbol"] == entry["symbol"]
    said = desk.ask("paper", "feed", "--bot", str(bot["id"]), "--kind", "fill", "-n", "1000")["items"]
    assert any(item["symbol"] == entry["symbol"] for item in said)


def by_hand(desk: Desk) -> None:
    """Two orders that pass: one that fills at once, one that rests."""
    mark = Decimal(str(desk.ask("market", "ticker", "ETH_USDT")["tickers"][0]["last"]))
    low = str(round(mark * Decimal("0.7"), 2))
    would = desk.until("risk", "assess", "ETH_USDT", "buy", "--amount", "100", "--stop", low)
    assert would["decision"]["approved"]
    assert {"dailyLoss", "maxPositions", "correlation"} <= set(would)
    placed = desk.until("order", "place", "ETH_USDT", "buy", "--amount", "100", "--stop", low, "--note", "by script")
    assert (placed["placed"], placed["order"]["side"]) == (True, "BUY")
    deep = str(round(mark * Decimal("0.96"), 2))
    words = ("order", "place", "ETH_USDT", "buy", "--quantity", "0.02", "--limit", deep, "--stop", low)
    resting = desk.until(*words)
    open_ = desk.ask("order", "list", "--open", "--bot", "0")["orders"]
    assert resting["order"]["id"] in [order["id"] for order in open_] or resting["order"]["state"] == "FILLED"


def refused_by_a_limit(desk: Desk) -> None:
    words = ("risk", "limits", "set", "max_position=0.2", "--reason", STOP_WORDS)
    [change] = desk.ask(*words)["changes"]
    assert (change["name"], change["loosens"]) == ("max_position", False)
    mark = Decimal(str(desk.ask("market", "ticker", "ETH_USDT")["tickers"][0]["last"]))
    low = str(round(mark * Decimal("0.7"), 2))
    refused = desk.ask("order", "place", "ETH_USDT", "buy", "--amount", "100", "--stop", low, code=4)
    assert not refused["placed"]
    assert "RISK-POSITION" in [finding["code"] for finding in refused["decision"]["findings"]]
    [row] = desk.ask("audit", "show", "--kind", "refused", "--caller", caller(desk), "-n", "1")["rows"]
    assert row["symbol"] == "ETH_USDT"


def caller(desk: Desk) -> str:
    """Who the trail says that this test is."""
    [row] = desk.ask("audit", "show", "--kind", "limits", "-n", "1")["rows"]
    assert STOP_WORDS in row["detail"]
    assert row["caller"]
    name: str = row["caller"]
    return name


def halted_and_resumed(desk: Desk) -> None:
    halted = desk.ask("halt", "the script's halt")
    assert (halted["engine"], halted["left"]) == ("confirmed", 0)
    assert desk.ask("order", "list", "--open")["orders"] == []
    mark = desk.ask("market", "ticker", "ETH_USDT")["tickers"][0]["last"]
    words = ("order", "place", "ETH_USDT", "buy", "--amount", "10", "--stop", str(round(mark * 0.7, 2)))
    refused = desk.ask(*words, code=4)
    assert "RISK-STATE" in [finding["code"] for finding in refused["decision"]["findings"]]
    assert desk.ask("risk", "status")["state"] == "HALTED"
    assert desk.ask("resume", "--yes", "resume", code=2)["code"] == "usage"
    assert desk.ask("resume", "--yes", "RESUME")["state"] == "ACTIVE"
    assert desk.ask("risk", "status")["state"] == "ACTIVE"
    desk.ask("halt", "to count in peace")


def the_ledger_agrees(desk: Desk, bot: dict[str, Any]) -> None:
    """Orders, fills, trades and balances while nothing moves."""
    verified = desk.ask("audit", "verify")
    assert verified["ok"]
    assert verified["balances_agree"]
    assert verified["problems"] == []
    rows = {chain["chain"]: chain["rows"] for chain in verified["chains"]}
    fills = desk.ask("order", "fills", "-n", "1000")["fills"]
    orders = {order["id"]: order for order in desk.ask("order", "list", "-n", "1000")["orders"]}
    assert rows["fills"] == len(fills) > 1
    assert len(orders) <= rows["intents"]
    for fill in fills:
        assert Decimal(orders[fill["order"]]["filled"]) >= Decimal(fill["quantity"])
    filled = {name: sum(Decimal(f["quantity"]) for f in fills if f["order"] == name) for name in orders}
    assert filled == {name: Decimal(order["filled"]) for name, order in orders.items()}

    worth: dict[str, Decimal] = {"USDT": Decimal(10_000)}
    for fill in fills:
        base, quote = fill["symbol"].rsplit("_", 1)
        sign = 1 if fill["side"] == "BUY" else -1
        quantity, price = Decimal(fill["quantity"]), Decimal(fill["price"])
        worth[base] = worth.get(base, Decimal(0)) + sign * quantity
        worth[quote] -= sign * quantity * price
        worth[fill["fee_currency"]] -= Decimal(fill["fee"])
    [account] = desk.ask("balance", "--account", "paper", "--refresh")["accounts"]
    told = {
        row["currency"]: Decimal(row["available"]["text"]) + Decimal(row["hold"]["text"]) for row in account["rows"]
    }
    assert told == {name: amount for name, amount in worth.items() if amount}

    trades = desk.ask("paper", "trades", "-n", "1000")["trades"]
    exported = desk.ask("export", "trades")["trades"]
    assert [trade["trade"] for trade in exported] == [trade["id"] for trade in reversed(trades)]
    for trade in trades:
        assert trade["bot"] == bot["id"]
        assert trade["reason"]
