"""What happened on paper: trades, results by period, the feed, the journal. Part of `polotui paper`.

Decided here: the feed is printed oldest first, as it is read; --follow goes on until ctrl+c and with --json prints a
document a line. A result by period has a bar, so that the shape of a month is seen without a chart.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec
import typer

from polotui.api.events import Fact
from polotui.api.replies import Done
from polotui.api.socket_link import SocketLink
from polotui.api.trade_commands import AddNote, GetFeed, GetJournal, GetResults, ListTrades
from polotui.api.trade_replies import Feed, Journal, Results, Trades
from polotui.api.trade_values import FeedItem, JournalRow, ResultBar
from polotui.cli import desk, output
from polotui.cli.engine_link import ask, with_engine
from polotui.cli.options import AsJson, Demo, HomeDir
from polotui.cli.output import document, number, say, table
from polotui.cli.results import day
from polotui.cli.where import Where, day_of, symbol_of, where
from polotui.core.errors import UsageError
from polotui.core.text import clean

#: Facts that belong to trading; the others are the engine's own.
KINDS = ("signal", "decision", "refused", "order", "fill", "bot", "protection", "risk", "halt", "alert")
BAR_CELLS = 24
OnlyBot = Annotated[
    int | None, typer.Option("--bot", metavar="BOT", min=0, help="Only this bot's; 0 = what was done by hand.")
]
Since = Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day, UTC: 2024-05-01.")]
Until = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Day after the last.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="How many.")]


class Period(Enum):
    """How results are put together."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def trades(
    bot: OnlyBot = None,
    strategy: Annotated[str, typer.Option(metavar="NAME", help="Only this strategy's.")] = "",
    symbol: Annotated[str, typer.Option("--symbol", "-s", help="Only this symbol's.")] = "",
    start: Since = None,
    end: Until = None,
    account: Annotated[str, typer.Option(metavar="NAME", help="This account and those below it.")] = "paper",
    limit: Limit = 50,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Closed trades, newest first."""
    from_ms, to_ms = span(start, end)
    command = ListTrades(
        account=account,
        bot=-1 if bot is None else bot,
        strategy=strategy,
        symbol=symbol_of(symbol) if symbol else "",
        from_ms=from_ms,
        to_ms=to_ms,
        limit=limit,
    )
    reply = ask(where(home, demo=demo), command)
    assert isinstance(reply, Trades)
    if as_json:
        say(document("paper.trades", reply))
        return
    if not reply.trades:
        say("No trade is closed yet.")
        return
    say(desk.trades_table(reply.trades))
    total = f"{desk.cents(reply.profit, sign=True)} USDT after {desk.cents(reply.fees)} of fees"
    say(f"\n{len(reply.trades)} trades, {reply.wins} won, {reply.losses} lost: {total}.")
    if reply.more:
        output.note("There are more; --limit, --from and --to show them.")


def pnl(
    period: Annotated[Period, typer.Option(help="Put together by this.")] = Period.DAY,
    bot: OnlyBot = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=400, help="How many periods back.")] = 30,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Profit of closed trades by day, week or month (UTC)."""
    command = GetResults(period=period.value, bot=-1 if bot is None else bot, limit=limit)
    reply = ask(where(home, demo=demo), command)
    assert isinstance(reply, Results)
    if as_json:
        say(document("paper.pnl", reply))
        return
    first = next((at for at, bar in enumerate(reply.bars) if bar.trades), None)
    if first is None:
        say(f"No trade was closed in the last {len(reply.bars)} {reply.period}s.")
    else:
        say(_bars(reply.period, reply.bars[first:]))
        say(f"\ntotal {number(reply.total, sign=True)} USDT")
    if reply.today:
        say(f"today {number(reply.today, sign=True)} USDT, open positions included")


def feed(
    bot: OnlyBot = None,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="More than once for several: signal, refused, fill …")
    ] = None,
    symbol: Annotated[str, typer.Option("--symbol", "-s", help="Only this symbol's.")] = "",
    limit: Limit = 30,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until ctrl+c.")] = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Signals, decisions, orders, fills and refusals with their reasons, newest last."""
    kinds = list(kind or [])
    if wrong := next((each for each in kinds if each not in KINDS), ""):
        raise UsageError(
            f"There is no kind {clean(wrong, 30)!r}.",
            safe="Nothing was asked.",
            next_step=f"There are {', '.join(KINDS)}.",
        )
    command = GetFeed(
        bot=-1 if bot is None else bot, kinds=kinds, symbol=symbol_of(symbol) if symbol else "", limit=limit
    )
    place = where(home, demo=demo)
    if follow:
        _follow(place, command, as_json=as_json)
        return
    reply = ask(place, command)
    assert isinstance(reply, Feed)
    if as_json:
        say(document("paper.feed", reply))
    else:
        say("\n".join(desk.feed_line(item) for item in reversed(reply.items)) or "Nothing happened yet.")


def journal(
    tag: Annotated[str, typer.Option(metavar="TAG", help="Only with this tag.")] = "",
    bot: OnlyBot = None,
    strategy: Annotated[str, typer.Option(metavar="NAME", help="Only this strategy's.")] = "",
    start: Since = None,
    end: Until = None,
    limit: Limit = 50,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Closed trades and notes together, newest first."""
    from_ms, to_ms = span(start, end)
    command = GetJournal(
        bot=-1 if bot is None else bot, strategy=strategy, tag=tag, from_ms=from_ms, to_ms=to_ms, limit=limit
    )
    reply = ask(where(home, demo=demo), command)
    assert isinstance(reply, Journal)
    if as_json:
        say(document("paper.journal", reply))
    else:
        say(
            "\n\n".join(_entry(row) for row in reply.rows)
            or "No closed trade and no note. polotui paper note 0 TEXT writes one of its own."
        )


def note(
    trade: Annotated[int, typer.Argument(metavar="TRADE", min=0, help="A trade's number; 0 = a note of its own.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="In quotes.")] = "",
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="More than once for several.")] = None,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Writes a note, with tags, beside a trade."""
    if not text.strip() and not tag:
        raise UsageError("A note needs words or a tag.", safe="Nothing was stored.")
    done = ask(where(home, demo=demo), AddNote(trade=trade, note=text, tags=tag or []))
    assert isinstance(done, Done)
    say(document("paper.note", done) if as_json else clean(done.text))


def span(start: str | None, end: str | None) -> tuple[int, int]:
    """`--from` and `--to` in milliseconds, 0 for what was not said. Raises UsageError when nothing lies between."""
    from_ms = day_of(start, "--from") if start is not None else 0
    to_ms = day_of(end, "--to") if end is not None else 0
    if from_ms < 0 or to_ms < 0 or (end is not None and from_ms >= to_ms):
        raise UsageError("The span is empty: it begins at or after its end.", safe="Nothing was asked.")
    return from_ms, to_ms


def _follow(place: Where, command: GetFeed, *, as_json: bool) -> None:
    def told(item: FeedItem) -> None:
        say(document("paper.feed.item", item) if as_json else desk.feed_line(item))

    def wanted(fact: Fact) -> bool:
        return (
            fact.kind in (command.kinds or KINDS)
            and command.bot in (-1, fact.bot)
            and command.symbol in ("", fact.symbol)
        )

    async def work(link: SocketLink) -> None:
        newest = link.welcome.last_fact if link.welcome is not None else 0
        past: Feed = await link.call(command)
        for item in reversed(past.items):
            told(item)
            newest = max(newest, item.number)
        async for batch in link.events(["facts"], facts_after=newest):
            for event in batch:
                if isinstance(event, Fact) and wanted(event):
                    told(_item(event))

    try:
        with_engine(place, work, start=False)
    except KeyboardInterrupt:
        pass  # ctrl+c is how one stops following


def _item(fact: Fact) -> FeedItem:
    names = FeedItem.__struct_fields__
    return FeedItem(**{name: value for name, value in msgspec.structs.asdict(fact).items() if name in names})


def _bars(period: str, bars: list[ResultBar]) -> str:
    largest = max((abs(float(bar.profit or 0)) for bar in bars), default=0.0) or 1.0
    rows = [
        [
            day(bar.start_ms),
            number(bar.profit, sign=True),
            str(bar.trades),
            desk.share(bar.wins, bar.trades),
            number(bar.fees),
            ("░" if bar.profit.startswith("-") else "█") * round(abs(float(bar.profit or 0)) / largest * BAR_CELLS),
        ]
        for bar in bars
    ]
    return table([f"{period} (UTC)", "profit", "trades", "won", "fees", ""], rows, "ldrrdl")


def _entry(row: JournalRow) -> str:
    tags = " ".join(f"#{clean(tag, 30)}" for tag in row.tags)
    head = f"{desk.second(row.at_ms)}  {tags}".rstrip()
    lines = [head]
    if row.trade is not None:
        trade = row.trade
        what = f"trade {trade.id}, {clean(trade.strategy, 40) or 'by hand'}, {clean(trade.symbol, 30)} {trade.side}"
        result = f"{desk.cents(trade.profit, sign=True)} USDT ({output.percent(trade.ratio)})"
        lines.append(f"  {what}: {result}, {clean(trade.reason, 60)}")
    if row.note:
        lines.append(f"  {clean(row.note, 2_000)}")
    return "\n".join(lines)
