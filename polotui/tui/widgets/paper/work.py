"""What the paper screen knows beside the store: the feed, results by period, journal, signals, and what is filtered.

Decided here: one object for all panes, so nothing is lost when a pane has no room. Live state (bots, positions, open
orders) stays in the store; here is what must be asked for. The feed is its history from the engine and the facts that
came since, by their numbers, so that none is shown twice and none is missing. One bot filter holds for the feed, the
orders, the journal, the signals and the result; positions and bots are always all shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from polotui.api import trade_commands as tc
from polotui.api import trade_replies as tr
from polotui.api.events import Fact
from polotui.api.trade_values import BotRow, FeedItem, JournalRow, OrderRow, ResultBar, SignalRow
from polotui.api.values import EquityPoint
from polotui.core.errors import PolotuiError
from polotui.core.text import clean
from polotui.tui.widgets.paper.asking import Asking

if TYPE_CHECKING:
    from polotui.tui.app import PolotuiApp

#: Of trading, in the order in which they are offered.
KINDS = ("signal", "decision", "refused", "order", "fill", "bot", "protection", "risk", "halt", "alert")
PERIODS = ("day", "week", "month")
SIGNAL_STATES = ("", "new", "active", "closed")
EVERY_BOT = -1
BY_HAND = 0
PAGE = 100
#: Lines of the feed that are kept; older ones are asked for again.
_KEPT = 3000


@dataclass
class PeriodResults:
    """One period's bars by their start, as far back as they were asked for."""

    bars: dict[int, ResultBar] = field(default_factory=dict)
    equity: list[EquityPoint] = field(default_factory=list)
    today: str = ""
    total: str = ""
    first: bool = False
    """Nothing is older."""

    def take(self, reply: tr.Results, *, newest: bool, asked: int) -> None:
        self.bars |= {bar.start_ms: bar for bar in reply.bars}
        self.bars = dict(sorted(self.bars.items()))
        if newest:
            self.equity, self.today, self.total = reply.equity, reply.today, reply.total
        if len(reply.bars) < asked:
            self.first = True


class PaperWork:
    """One per screen."""

    def __init__(self, desk: PolotuiApp) -> None:
        self.desk = desk
        self.asking = Asking(desk, self.changed)
        self.bot = EVERY_BOT
        self.kinds: tuple[str, ...] = ()
        """Of the feed; empty = all."""
        self.wanted: set[str] = set()
        """Tables that were opened: «journal», «signals»."""
        self.feed: dict[int, FeedItem] = {}
        self.feed_loaded = False
        self.feed_more = False
        self.feed_revision = 0
        self._fact_seen = -1
        self.period = "day"
        self.results: dict[tuple[str, int], PeriodResults] = {}
        self.journal: list[JournalRow] | None = None
        self.sums: tr.Trades | None = None
        self.tag = ""
        self.tags: set[str] = set()
        """All tags seen so far."""
        self.signals: list[SignalRow] | None = None
        self.signal_state = ""
        self.with_ended = False
        self.ended: list[BotRow] = []
        self.drifts: dict[int, tr.Drift] = {}

    def changed(self) -> None:
        self.desk.store.mark("paper", "face")

    # bots

    @property
    def bots(self) -> list[BotRow] | None:
        """Those that run, and with `with_ended` those that have stopped as well."""
        live = self.desk.store.bots
        if live is None or not self.with_ended:
            return live
        known = {row.id for row in live}
        return [*live, *(row for row in self.ended if row.id not in known)]

    def bot_row(self, bot: int) -> BotRow | None:
        rows = [*(self.desk.store.bots or []), *self.ended]
        return next((row for row in rows if row.id == bot), None)

    def bot_words(self, bot: int) -> str:
        """«#3 ema-pullback», «by hand»."""
        if bot == BY_HAND:
            return "by hand"
        row = self.bot_row(bot)
        return f"#{bot} {clean(row.strategy, 24)}" if row is not None else f"#{bot}"

    @property
    def filter_words(self) -> str:
        """For titles; empty when all are shown."""
        return "" if self.bot == EVERY_BOT else self.bot_words(self.bot)

    @property
    def orders(self) -> list[OrderRow] | None:
        rows = self.desk.store.orders
        if rows is None or self.bot == EVERY_BOT:
            return rows
        return [row for row in rows if row.bot == self.bot]

    # keeping up to date

    def heard(self, dirty: set[str]) -> None:
        """Called on each frame of the screen with what changed."""
        store, ask = self.desk.store, self.asking
        if store.link != "live":
            return
        if "link" in dirty:
            # Another engine may answer after a loss.
            ask.forget()
            for held in self.results.values():
                held.first = False
        self._hear_facts()
        counts, bot = store.trading, self.bot
        feed = tc.GetFeed(bot=bot, kinds=list(self.kinds), limit=PAGE)
        ask.keep("feed", (bot, self.kinds), feed, self._feed)
        period = self.period
        ask.keep(
            "results",
            (period, bot, counts.trades, counts.fills),
            tc.GetResults(period=period, bot=bot),  # type: ignore[arg-type]
            lambda reply: self._results(period, bot, reply),
        )
        if "journal" in self.wanted:
            mark = (bot, counts.trades)
            ask.keep("journal", (*mark, counts.journal, self.tag), tc.GetJournal(bot=bot, tag=self.tag), self._journal)
            ask.keep("sums", mark, tc.ListTrades(bot=bot), self._sums)
        if bot == BY_HAND:
            # Only rules signal.
            self.signals = []
        elif "signals" in self.wanted:
            command = tc.ListSignals(bot=max(0, bot), state=self.signal_state)
            ask.keep("signals", (bot, self.signal_state, counts.signals), command, self._signals)
        if self.with_ended:
            gone = tuple(row.id for row in store.bots or [])
            ask.keep("ended", gone, tc.ListBots(ended=True), self._ended)

    def _ended(self, reply: tr.Bots) -> None:
        self.ended = [row for row in reply.bots if row.ended_ms]

    def _journal(self, reply: tr.Journal) -> None:
        self.journal = reply.rows
        for row in reply.rows:
            self.tags.update(clean(tag, 40) for tag in (*row.tags, *(row.trade.tags if row.trade is not None else ())))

    def _sums(self, reply: tr.Trades) -> None:
        self.sums = reply

    def _signals(self, reply: tr.Signals) -> None:
        self.signals = reply.signals

    # the feed

    def items(self) -> list[FeedItem]:
        """Newest first."""
        return [self.feed[number] for number in sorted(self.feed, reverse=True)]

    def passes(self, item: FeedItem | Fact) -> bool:
        kinds = self.kinds or KINDS
        return item.kind in kinds and self.bot in (EVERY_BOT, item.bot)

    def _hear_facts(self) -> None:
        """Takes over the facts that came since the last look."""
        store = self.desk.store
        if store.last_fact == self._fact_seen:
            return
        for fact in reversed(store.facts):
            if fact.number <= self._fact_seen:
                break
            if self.passes(fact):
                self.feed[fact.number] = FeedItem(
                    number=fact.number, at_ms=fact.at_ms, kind=fact.kind, level=fact.level, text=fact.text,
                    symbol=fact.symbol, bot=fact.bot, ref=fact.ref,
                )  # fmt: skip
                self.feed_revision += 1
        self._fact_seen = store.last_fact
        self.trim_feed(_KEPT)
        self.changed()

    def trim_feed(self, most: int) -> None:
        """Lets the oldest lines go; they are asked for again when one scrolls there."""
        if len(self.feed) > most:
            for number in sorted(self.feed)[: len(self.feed) - most]:
                del self.feed[number]
            self.feed_more = True

    def _feed(self, reply: tr.Feed) -> None:
        page = {item.number: item for item in reply.items}
        # What is older than this page may have a hole before it: it is asked for again when one scrolls there.
        oldest = min(page, default=1 << 62) if reply.more else -1
        self.feed = {number: item for number, item in self.feed.items() if number > oldest} | page
        self.feed_more, self.feed_loaded = reply.more, True
        self.feed_revision += 1

    def older_feed(self) -> None:
        """One page further back."""
        if not self.feed_more or self.asking.busy("older") or not self.feed:
            return
        of = (self.bot, self.kinds)
        command = tc.GetFeed(bot=self.bot, kinds=list(self.kinds), limit=PAGE, before=min(self.feed))

        def arrived(reply: tr.Feed) -> None:
            if of == (self.bot, self.kinds):
                self.feed |= {item.number: item for item in reply.items}
                self.feed_more = reply.more and bool(reply.items)
                self.feed_revision += 1

        def failed(error: PolotuiError) -> None:
            # Told once; the next link, or another filter, tries again.
            self.feed_more = False
            self.desk.tell_error(error)

        self.asking.ask("older", command, arrived, failed)

    def show_kinds(self, kinds: tuple[str, ...]) -> None:
        if kinds != self.kinds:
            self.kinds = kinds
            self._empty_feed()

    def show_bot(self, bot: int) -> None:
        """One bot's (or the hand's) lines in all tables."""
        if bot != self.bot:
            self.bot = bot
            self._empty_feed()
            self.journal = self.sums = self.signals = None

    def _empty_feed(self) -> None:
        self.feed.clear()
        self.feed_loaded = self.feed_more = False
        self.feed_revision += 1
        self.asking.forget("feed", "older")
        self.changed()

    # results

    @property
    def shown_results(self) -> PeriodResults | None:
        return self.results.get((self.period, self.bot))

    def _results(self, period: str, bot: int, reply: tr.Results) -> None:
        self.results.setdefault((period, bot), PeriodResults()).take(reply, newest=True, asked=60)

    def older_results(self) -> None:
        held, period, bot = self.shown_results, self.period, self.bot
        if held is None or held.first or not held.bars or self.asking.busy("older results"):
            return
        command = tc.GetResults(period=period, bot=bot, before_ms=min(held.bars))  # type: ignore[arg-type]

        def failed(error: PolotuiError) -> None:
            held.first = True
            self.desk.tell_error(error)

        def arrived(reply: tr.Results) -> None:
            held.take(reply, newest=False, asked=60)

        self.asking.ask("older results", command, arrived, failed)
