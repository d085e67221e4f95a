"""`polotui paper`: bots that trade with virtual money, and what they hold.

Decided here: a bot runs a stored version, so a file is imported first and a template is copied by the engine. A
position is named by its symbol; the account is asked for only when more than one holds it. What a rule refuses ends
with 4, and says everything that is to be mended.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from polotui.api.replies import Done
from polotui.api.socket_link import SocketLink
from polotui.api.trade_commands import (
    ClosePosition,
    EditProtection,
    GetDrift,
    GetPositions,
    ListBots,
    ListOrders,
    PauseBot,
    PlanBot,
    StartBot,
    StopBot,
)
from polotui.api.trade_replies import BotPlan, Bots, BotStarted, Drift, OrderPlaced, Orders, Positions
from polotui.api.trade_values import BotRow
from polotui.cli import desk, paper_past
from polotui.cli.decisions import REFUSED, end_of
from polotui.cli.engine_link import ask, with_engine
from polotui.cli.options import AsJson, Demo, HomeDir, new_app
from polotui.cli.output import NONE, document, note, number, percent, say, shown, table, why
from polotui.cli.run_options import parameters
from polotui.cli.strategies import asking, is_file
from polotui.cli.where import Where, symbol_of, timeframe_of, where
from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.core.who import who_asks

app = new_app("Paper trading: bots, positions, trades, results, the journal.")
Bot = Annotated[int, typer.Argument(metavar="BOT", min=1, help="A bot's number, as paper status shows it.")]
Held = Annotated[str, typer.Argument(metavar="SYMBOL", help="What is held, such as BTC_USDT.")]
Account = Annotated[
    str, typer.Option(metavar="NAME", help="Such as paper/bot-3; needed when several accounts hold it.")
]


class Venue(Enum):
    """Where a bot trades: the paper account, or the exchange of the demo as a rehearsal."""

    PAPER = "paper"
    EXCHANGE = "exchange"


@app.command()
def start(
    strategy: Annotated[str, typer.Argument(metavar="STRATEGY", help="A stored strategy or a template.")],
    version: Annotated[int, typer.Option(metavar="N", min=0, help="0 = the newest.")] = 0,
    symbol: Annotated[list[str] | None, typer.Option("--symbol", "-s", help="More than once for several.")] = None,
    timeframe: Annotated[str, typer.Option("--timeframe", "-t", help="None: the strategy's.")] = "",
    capital: Annotated[str, typer.Option(metavar="X", help="In quote units, of its own; None: 1000.")] = "",
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="Other than the default.")
    ] = None,
    venue: Annotated[Venue, typer.Option(help="exchange: a rehearsal with orders to the demo's exchange.")] = (
        Venue.PAPER
    ),
    plan: Annotated[bool, typer.Option("--plan", help="Only say what it would do. Exit code 4 when refused.")] = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Starts a strategy on paper. A template is copied first."""
    if is_file(strategy):
        raise UsageError(
            f"{clean(strategy, 200)} is a file; a bot runs a stored version.",
            safe="Nothing was started.",
            next_step=f"polotui strategy import {clean(strategy, 200)} stores it.",
        )
    kind = PlanBot if plan else StartBot
    command = kind(
        strategy=strategy,
        version=version,
        symbols=list(dict.fromkeys(symbol_of(each) for each in symbol or [])),
        timeframe=timeframe_of(timeframe) if timeframe else "",
        capital=capital,
        params=parameters(param or []),
        venue=venue.value,
        **({} if plan else {"caller": who_asks()}),
    )

    async def work(link: SocketLink) -> BotPlan | BotStarted:
        reply: BotPlan | BotStarted = await asking(link, strategy, command)
        return reply

    reply = with_engine(where(home, demo=demo), work)
    if isinstance(reply, BotStarted):
        _told(reply, "paper.start", as_json=as_json)
        return
    say(document("paper.plan", reply) if as_json else _plan(reply))
    if not reply.ok:
        raise typer.Exit(REFUSED)


@app.command()
def stop(
    bot: Bot,
    close: Annotated[bool, typer.Option("--close", help="Sell what it holds first.")] = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Ends a bot. Without --close its positions stay, with their stops."""
    reply = ask(where(home, demo=demo), StopBot(bot=bot, close=close, caller=who_asks()))
    assert isinstance(reply, BotStarted)
    _told(reply, "paper.stop", as_json=as_json)


@app.command()
def pause(bot: Bot, home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """No new entries; what it holds stays protected."""
    reply = ask(where(home, demo=demo), PauseBot(bot=bot, caller=who_asks()))
    assert isinstance(reply, BotStarted)
    _told(reply, "paper.pause", as_json=as_json)


@app.command()
def resume(bot: Bot, home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """Lets a paused bot go on."""
    reply = ask(where(home, demo=demo), PauseBot(bot=bot, resume=True, caller=who_asks()))
    assert isinstance(reply, BotStarted)
    _told(reply, "paper.resume", as_json=as_json)


@app.command()
def status(
    bot: Annotated[int | None, typer.Argument(metavar="BOT", min=1, help="None: all of them.")] = None,
    ended: Annotated[bool, typer.Option("--all", help="Every bot that there ever was.")] = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """How the bots stand; with a number one of them, what it holds and its open orders."""
    if bot is not None:
        _one(where(home, demo=demo), bot, as_json=as_json)
        return
    reply = ask(where(home, demo=demo), ListBots(ended=ended))
    assert isinstance(reply, Bots)
    if as_json:
        say(document("paper.status", reply))
        return
    say(f"paper account: {shown(reply.equity)} USDT{_today(reply)}")
    say(f"\n{desk.bots_table(reply.bots)}" if reply.bots else "No bot runs. polotui paper start sma-cross starts one.")
    if sentence := why("paper account", reply.equity):
        note(sentence)


@app.command()
def positions(
    bot: Annotated[int, typer.Option(metavar="BOT", min=0, help="Only this bot's; 0 = all.")] = 0,
    account: Annotated[str, typer.Option(metavar="NAME", help="This account and those below it.")] = "paper",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """What is held, at its marks, with stops and targets."""
    reply = ask(where(home, demo=demo), GetPositions(account=account, bot=bot))
    assert isinstance(reply, Positions)
    if as_json:
        say(document("paper.positions", reply))
        return
    held = [row for row in reply.positions if not row.dust]
    say(desk.positions_table(held) if held else "Nothing is held.")
    if dust := len(reply.positions) - len(held):
        note(f"{dust} too small to be sold {'is' if dust == 1 else 'are'} left out; --json has all.")


@app.command()
def close(
    symbol: Held, account: Account = "", home: HomeDir = None, demo: Demo = False, as_json: AsJson = False
) -> None:
    """Sells a position at the market, through the gate."""
    name = symbol_of(symbol)

    async def work(link: SocketLink) -> OrderPlaced:
        holder = await _holder(link, name, account)
        reply: OrderPlaced = await link.call(ClosePosition(account=holder, symbol=name, caller=who_asks()))
        return reply

    end_of(with_engine(where(home, demo=demo), work), "paper.close", as_json=as_json)


@app.command()
def edit(
    symbol: Held,
    stop: Annotated[str, typer.Option("--stop", metavar="PRICE", help="A price, or none to take it away.")] = "",
    target: Annotated[str, typer.Option("--target", metavar="PRICE", help="A price, or none.")] = "",
    account: Account = "",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Moves stop or target of a position."""
    if not (stop.strip() or target.strip()):
        raise UsageError(
            "Say what to move: --stop or --target.", safe="Nothing was changed.", next_step="none takes one away."
        )
    name = symbol_of(symbol)

    async def work(link: SocketLink) -> Done:
        holder = await _holder(link, name, account)
        command = EditProtection(account=holder, symbol=name, stop=stop, target=target, caller=who_asks())
        reply: Done = await link.call(command)
        return reply

    done = with_engine(where(home, demo=demo), work)
    say(document("paper.edit", done) if as_json else clean(done.text, 400))


@app.command()
def drift(bot: Bot, home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """A bot against a backtest of the same span: where the difference comes from."""
    reply = ask(where(home, demo=demo), GetDrift(bot=bot))
    assert isinstance(reply, Drift)
    if as_json:
        say(document("paper.drift", reply))
        return
    say(f"bot {reply.bot} · {desk.second(reply.from_ms)} → {desk.second(reply.to_ms)} UTC")
    rows = [["paper", number(reply.paper, sign=True), "", ""], ["backtest", number(reply.backtest, sign=True), "", ""]]
    rows += [
        [part.name, number(part.amount, sign=True), str(part.trades), clean(part.text, 200)] for part in reply.parts
    ]
    rows.append(["difference", number(reply.difference, sign=True), "", "positive: paper did better"])
    say(table(["", "USDT", "trades", ""], rows, "ldrl"))
    say(f"trades: {reply.matched} matched, {reply.missed} missed, {reply.extra} extra")
    for line in reply.lines:
        say(f"  · {clean(line, 300)}")


for made in (paper_past.trades, paper_past.pnl, paper_past.feed, paper_past.journal, paper_past.note):
    app.command()(made)


async def _holder(link: SocketLink, symbol: str, account: str) -> str:
    """The account that holds `symbol`. Raises UsageError when none does, or more than one."""
    if account:
        return account
    reply: Positions = await link.call(GetPositions())
    found = [row for row in reply.positions if row.symbol == symbol]
    found = [row for row in found if not row.dust] or found
    if len(found) == 1:
        return found[0].account
    if found:
        names = ", ".join(clean(row.account, 40) for row in found)
        raise UsageError(
            f"More than one account holds {symbol}.", safe="Nothing was sent.", next_step=f"Add --account: {names}."
        )
    raise UsageError(
        f"{symbol} is not held.", safe="Nothing was sent.", next_step="polotui paper positions shows what is."
    )


def _one(place: Where, bot: int, *, as_json: bool) -> None:
    async def work(link: SocketLink) -> tuple[BotRow, Positions, Orders]:
        bots: Bots = await link.call(ListBots(ended=True))
        row = next((row for row in bots.bots if row.id == bot), None)
        if row is None:
            raise UsageError(f"There is no bot {bot}.", safe="Nothing was asked.", next_step="Without a number: all.")
        held: Positions = await link.call(GetPositions(account=row.account, bot=bot))
        open_: Orders = await link.call(ListOrders(account=row.account, bot=bot, open=True))
        return row, held, open_

    row, held, open_ = with_engine(place, work)
    if as_json:
        say(document("paper.bot", {"bot": row, "positions": held.positions, "orders": open_.orders}))
        return
    say(desk.bots_table([row]))
    words = ", ".join(f"{clean(name, 30)} {value:g}" for name, value in row.params.items())
    worst = percent(row.drawdown).lstrip("+")
    facts = [
        ["account", clean(row.account, 40)],
        ["parameters", words or "as the strategy has them"],
        ["equity", f"{number(row.equity)} USDT"],
        ["realised", f"{number(row.realised, sign=True)} USDT"],
        ["drawdown", worst],
        ["last bar", desk.second(row.last_bar_ms)],
        ["decides next", desk.second(row.next_bar_ms)],
        ["ended", desk.second(row.ended_ms)],
    ]
    say("\n" + "\n".join(table(["", ""], [fact for fact in facts if fact[1] != NONE], "ll").split("\n")[1:]))
    if held.positions:
        say("\n" + desk.positions_table(held.positions))
    if open_.orders:
        say("\n" + desk.orders_table(open_.orders))


def _told(reply: BotStarted, command: str, *, as_json: bool) -> None:
    if as_json:
        say(document(command, reply))
        return
    say(clean(reply.text, 400))
    if reply.bot.blocked:
        note(f"It may not enter now: {clean(reply.bot.blocked, 300)}.")


def _plan(plan: BotPlan) -> str:
    head = f"{desk.strategy(plan.strategy, plan.version)} · {clean(' '.join(plan.symbols), 80)} {plan.timeframe}"
    lines = [f"{head} · {number(plan.capital)} of {number(plan.capital_free)} USDT"]
    lines += [f"✗ {clean(problem, 300)}" for problem in plan.problems]
    lines += [f"! {clean(warning, 300)}" for warning in plan.warnings]
    lines += [f"· {clean(line, 300)}" for line in plan.lines]
    return "\n".join([*lines, "It would start." if plan.ok else "It would be refused."])


def _today(reply: Bots) -> str:
    if not reply.day_result:
        return ""
    return f"   {number(reply.day_result, sign=True)} ({percent(reply.day_ratio)}) today"
