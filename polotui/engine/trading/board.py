"""The strategies board: generated → backtested → paper → live, what speaks for the next step, and promotion by rule.

Decided here:
* A strategy is one card, of the version that trades, else of its newest. Its stage is the furthest of: a bot that has
  not stopped; a completed backtest of that very text, where a template's run counts for the copy with the same text.
* By rule, and only once a person opted in, a strategy goes to paper, with a notice. Into live there is a proposal,
  never a step. Back there is a proposal and a notice: stopping is for a person, a limit or a latch.
* Stopping a promoted bot undoes the promotion: a version that ever had a bot is not started by the rule again.
* Runs that a drift report made are no evidence, because nobody chose their span.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from polotui.api import replies as r
from polotui.api import risk_commands as c
from polotui.api import trade_commands as tc
from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.api.lab_values import Analysis
from polotui.core.errors import PolotuiError, Refused, UsageError
from polotui.core.text import clean
from polotui.engine.trading import judging
from polotui.engine.trading.evidence import Runs, Tested
from polotui.engine.trading.expected import UNKNOWN, Band, Bands
from polotui.engine.trading.judging import USUAL, Point, Rule
from polotui.model.candles import Timeframe
from polotui.model.money import plain, typed_decimal
from polotui.trading.bot_rows import ACTIVE, StoredBot
from polotui.trading.strategies import Version

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

log = logging.getLogger("polotui.board")

CHECK_SECONDS = 60.0
LOOK_SECONDS = 5.0
_SETTING = "promotion-rules"
_TO_PAPER, _TO_LIVE = "to paper", "to live (by hand)"
_TO_GENERATED, _TO_BACKTESTED = "back to generated", "back to backtested"


@dataclass(frozen=True)
class Standing:
    """All that is known of one strategy."""

    version: Version
    tested: Tested | None
    hold_out: Analysis | None
    bot: StoredBot | None
    on_paper: bool
    newest: int


class Board:
    """Reads stored strategies, runs and bots; starts bots by rule."""

    def __init__(self, trading: Trading) -> None:
        stores, backtests = trading.engine.stores, trading.engine.backtests
        assert stores is not None
        assert backtests is not None
        self._trading = trading
        self._strategies = stores.strategies
        self._runs = Runs(stores.archive, stores.results_db)
        self._bands = Bands(backtests.part)
        self._shown: dict[int, Band] = {}
        self._unknown = asyncio.Event()
        self._rules: dict[str, Rule] | None = None
        self._changing = asyncio.Lock()
        self._told: dict[str, str] = {}

    # -- the service ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """For the supervisor."""
        checked_at = self._trading.clock.monotonic()
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._unknown.wait()
            except TimeoutError:
                pass
            self._unknown.clear()
            await self._expect()
            now = self._trading.clock.monotonic()
            if now - checked_at >= CHECK_SECONDS:
                checked_at = now
                try:
                    await self.check()
                except PolotuiError as error:
                    log.warning("the promotion rules could not be checked", extra={"detail": str(error)})

    # -- what bots are expected to do -----------------------------------------------------------------------------

    def band(self, stored: StoredBot) -> Band:
        """The return that a bot may be expected to have by now, from its 5th to its 95th percentile: `expected` has the
        method. Unknown until the service has looked."""
        found = self._shown.get(stored.id)
        if found is None:
            self._unknown.set()
            return UNKNOWN
        return found

    async def _expect(self) -> None:
        shown: dict[int, Band] = {}
        for stored in self._trading.bots.all():
            if stored.state in ACTIVE:
                try:
                    shown[stored.id] = await self._band(stored)
                except PolotuiError as error:
                    shown[stored.id] = UNKNOWN
                    log.warning("no expected band", extra={"bot": stored.id, "detail": str(error)})
        if shown != self._shown:
            self._shown = shown
            self._trading.bots.touch()

    async def _band(self, stored: StoredBot) -> Band:
        bars = (self._trading.clock.wall_ms() - stored.started_ms) // Timeframe.parse(stored.timeframe).ms
        version = await self._strategies.get(stored.strategy, stored.version)
        if bars < 1 or version is None:
            return UNKNOWN
        await self._runs.read()
        tested = self._runs.newest(version, like=stored)
        return UNKNOWN if tested is None else await self._bands.band(tested.row.run, tested.spec.capital, bars)

    # -- the cards ------------------------------------------------------------------------------------------------

    async def shown(self) -> tr.Board:
        rules = await self._known_rules()
        await self._runs.read()
        cards = [self._card(await self._standing(found), rules) for found in await self._strategies.newest()]
        return tr.Board(cards=cards)

    async def _standing(self, newest: Version) -> Standing:
        bots = [bot for bot in self._trading.bots.all() if bot.strategy == newest.name]
        trading = [bot for bot in bots if bot.state in ACTIVE]
        bot = max(trading or bots, key=lambda one: one.id, default=None)
        version = newest
        if trading and bot is not None and bot.version != newest.version:
            version = await self._strategies.get(newest.name, bot.version) or newest
        if bot is not None and bot.version != version.version:
            bot = max((b for b in bots if b.version == version.version), key=lambda one: one.id, default=None)
        tested = self._runs.newest(version)
        hold_out = await self._runs.hold_out(tested.row.run) if tested is not None else None
        return Standing(version, tested, hold_out, bot, bool(trading), newest.version)

    def _card(self, standing: Standing, rules: dict[str, Rule]) -> tv.BoardCard:
        name, tested, bot = standing.version.name, standing.tested, standing.bot
        rule = rules.get(name)
        row = self._trading.bots.row(bot.id) if bot is not None else None
        run = tested.row if tested is not None else None
        proposal, evidence = self._judged(standing, rule, row)
        stage = "backtested" if run is not None else "generated"
        if standing.on_paper and bot is not None:
            stage = "paper" if bot.account.startswith("paper") else "live"
        return tv.BoardCard(
            strategy=name,
            version=standing.version.version,
            stage=stage,  # type: ignore[arg-type]
            health=row.health if row is not None and standing.on_paper else "",
            bot=bot.id if bot is not None else 0,
            run=run.run if run is not None else 0,
            trades=run.trades if run is not None else None,
            total_return=run.total_return if run is not None else None,
            sharpe=run.sharpe if run is not None else None,
            max_drawdown=run.max_drawdown if run is not None else None,
            win_rate=run.win_rate if run is not None else None,
            paper_return=row.result_ratio if row is not None else None,
            paper_trades=row.trades if row is not None else None,
            rule=rule.words() if rule is not None else "",
            proposal=proposal,
            evidence=evidence,
        )

    def _judged(self, standing: Standing, rule: Rule | None, row: tv.BotRow | None) -> tuple[str, list[str]]:
        """What is proposed, and the sentences for and against it."""
        asked, tested = rule or USUAL, standing.tested
        points = [Point(False, f"No backtest of version {standing.version.version} yet")]
        if tested is not None:
            points = judging.of_run(asked, tested.row, standing.hold_out)
        proposal = ""
        if standing.on_paper and row is not None:
            paper = judging.of_paper(asked, row)
            if rule is not None and judging.fails(asked, row.trades, row.result_ratio, row.drawdown):
                proposal = _TO_BACKTESTED
            elif judging.holds(paper):
                proposal = _TO_LIVE
            points = [*paper, *points]
        elif tested is not None and judging.holds(points):
            proposal = _TO_PAPER
        elif tested is not None and rule is not None:
            run = tested.row
            proposal = _TO_GENERATED if judging.fails(asked, run.trades, run.total_return, run.max_drawdown) else ""
        return proposal, [point.sentence() for point in [*points, *_circumstances(standing, rule)]]

    # -- rules ----------------------------------------------------------------------------------------------------

    async def _known_rules(self) -> dict[str, Rule]:
        async with self._changing:
            return dict(await self._load_rules())

    async def _load_rules(self) -> dict[str, Rule]:
        if self._rules is None:
            text = await self._trading.records.setting(_SETTING)
            try:
                self._rules = msgspec.json.decode(text, type=dict[str, Rule]) if text else {}
            except msgspec.DecodeError as error:
                # No rule promotes nothing, which is the careful side; what was stored stays until one is set anew.
                log.error("the promotion rules cannot be read", extra={"detail": str(error)})
                return {}
        return self._rules

    async def set_rule(self, command: c.SetPromotion) -> r.Done:
        """Opts a strategy in to promotion into paper, or out of it with 0 trades."""
        name = command.strategy
        version = await self._trading.engine_strategies.text_of(name)
        if not version.version:
            raise UsageError(
                f"{clean(name, 64)} is a template; a rule is of a strategy of one's own.",
                safe="Nothing was changed.",
                next_step="Make a copy of it in the Lab first.",
            )
        rule = None if not command.least_trades else _rule(command, self._trading.clock.wall_ms())
        async with self._changing:
            rules = dict(await self._load_rules())
            if rule is None and name not in rules:
                return r.Done(text=f"{clean(name, 64)} has no rule.")
            if rule is None:
                del rules[name]
            else:
                rules[name] = rule
            await self._trading.records.set_setting(_SETTING, msgspec.json.encode(rules).decode())
            self._rules = rules
        words = f"{clean(name, 64)}: {rule.words() if rule is not None else 'promotion by rule is off'}"
        await self._trading.note("bot", words, command.caller, code="PROMOTION-RULE")
        self._told.pop(name, None)
        bots = [bot for bot in self._trading.bots.all() if (bot.strategy, bot.version) == (name, version.version)]
        if rule is not None and bots:
            words += f". Version {version.version} has had bot {bots[-1].id}, so the rule waits for a newer version"
        return r.Done(text=f"{words}.")

    # -- promotion ------------------------------------------------------------------------------------------------

    async def check(self) -> None:
        """Every strategy with a rule once: into paper what meets it, and a word about what does not any more."""
        rules = await self._known_rules()
        await self._runs.read()
        for newest in await self._strategies.newest():
            rule = rules.get(newest.name)
            if rule is None:
                continue
            standing = await self._standing(newest)
            if standing.on_paper and standing.bot is not None:
                await self._look_back(standing, rule)
            elif standing.bot is None and standing.tested is not None:
                points = judging.of_run(rule, standing.tested.row, standing.hold_out)
                if judging.holds(points) and self._trading.halting.state() == "ACTIVE":
                    await self._promote(standing, standing.tested, rule, points)

    async def _promote(self, standing: Standing, tested: Tested, rule: Rule, points: list[Point]) -> None:
        name, version = standing.version.name, standing.version.version
        asked = tc.StartBot(
            strategy=name,
            version=version,
            symbols=tested.row.symbols,
            timeframe=tested.row.timeframe,
            params=tested.spec.params,
            capital=rule.capital,
            caller="promotion rule",
        )
        try:
            started = await self._trading.bots.start_bot(asked)
        except (Refused, UsageError) as error:
            await self._tell_once(name, f"{name} v{version} meets its rule, but {error}")
            return
        self._told.pop(name, None)
        number = started.bot.id
        reasons = "; ".join(point.text for point in points if point.asked)
        words = f"{name} v{version} went to paper by its rule, as bot {number}. {reasons}. Stopping it undoes this."
        await self._trading.note("bot", clean(words, 400), "promotion rule", bot=number, code="PROMOTED")

    async def _look_back(self, standing: Standing, rule: Rule) -> None:
        assert standing.bot is not None
        row = self._trading.bots.row(standing.bot.id)
        if judging.fails(rule, row.trades, row.result_ratio, row.drawdown):
            words = (
                f"{row.strategy} v{row.version} does not meet its rule on paper any more: return"
                f" {judging.percent(row.result_ratio, signed=True)} in {row.trades} trades, drawdown"
                f" {judging.percent(row.drawdown)}. It is proposed to stop bot {row.id}"
            )
            await self._tell_once(row.strategy, words, key=f"back {row.id}", bot=row.id)

    async def _tell_once(self, name: str, words: str, *, key: str = "", bot: int = 0) -> None:
        """A notice that is not repeated while it stays the same."""
        if self._told.get(name) != (key or words):
            self._told[name] = key or words
            text = clean(f"{words.rstrip('.')}.", 400)
            await self._trading.note("bot", text, "promotion rule", level="warning", code="PROMOTION", bot=bot)


def _circumstances(standing: Standing, rule: Rule | None) -> list[Point]:
    """What stands beside the rule."""
    found, version = [], standing.version.version
    if standing.on_paper and standing.newest != version:
        found.append(Point(False, f"Version {standing.newest} is newer than the version {version} that trades"))
    if not standing.on_paper and standing.bot is not None:
        words = f"Bot {standing.bot.id} of this version is {standing.bot.state}"
        found.append(Point(False, f"{words}; the rule does not start it again" if rule is not None else words))
    return found


def _rule(command: c.SetPromotion, at_ms: int) -> Rule:
    """The rule of a command. Raises UsageError for numbers that no rule can have."""
    wrong = ""
    if command.least_trades < 0:
        wrong = "The least number of trades is negative"
    elif not -1.0 <= command.least_return <= 1_000.0:
        wrong = f"The least return is {command.least_return:g}; it must be a fraction from −1 on"
    elif not 0.0 < command.most_drawdown <= 1.0:
        wrong = f"The largest drawdown is {command.most_drawdown:g}; it must be a fraction above 0, at most 1"
    capital = command.capital.strip()
    if capital and not wrong:
        try:
            given = typed_decimal(capital)
            capital, wrong = plain(given), "" if given > 0 else "The capital must be above 0"
        except ValueError as error:
            wrong = f"The capital is {error}"
    if wrong:
        raise UsageError(f"{wrong}.", safe="The rule was not changed.", next_step="Give fractions: 0.25 is 25 %.")
    return Rule(
        least_trades=command.least_trades,
        least_return=command.least_return,
        most_drawdown=command.most_drawdown,
        capital=capital,
        set_ms=at_ms,
    )
