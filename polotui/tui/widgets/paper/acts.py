"""What the paper screen does: each act asks first when it sells, ends or sends, and says afterwards what happened.

Decided here: focus of every question is on the harmless answer, so no number of Enters sells anything. A command of one
kind for one thing is on its way at most once. With --read-only nothing here changes anything.
"""

from __future__ import annotations

from typing import Any

from polotui.api import trade_commands as tc
from polotui.api import trade_replies as tr
from polotui.api.command import Command
from polotui.api.lab_values import RunSpec
from polotui.api.replies import Done
from polotui.api.trade_values import BotRow, OrderRow, PositionRow, TradeRow
from polotui.core.errors import PolotuiError
from polotui.core.text import clean
from polotui.model.orders import OrderState
from polotui.tui.numbers import age, group, percent, signed
from polotui.tui.shell.dialogs import Question
from polotui.tui.widgets.backtest.base import strategy_words
from polotui.tui.widgets.paper.base import quote_of, r_words
from polotui.tui.widgets.paper.bot_card import BotCard
from polotui.tui.widgets.paper.openings import Openings
from polotui.tui.widgets.paper.positions_pane import protected_words, row_key
from polotui.tui.widgets.paper.protect_dialog import ProtectDialog
from polotui.tui.widgets.paper.small_dialogs import Guard, NoteDialog, SettleDialog
from polotui.tui.widgets.paper.start_wizard import StartWizard
from polotui.tui.widgets.paper.ticket import Ticket


class Acts(Openings):
    """The part of the screen that opens dialogs and sends commands."""

    def _send(self, name: str, command: Command) -> None:
        """Once at a time; the engine's words are told."""
        if self.work.asking.busy(name):
            self.desk.tell("This is on its way already; nothing is sent twice.")
            return

        def done(reply: Any) -> None:
            self.desk.tell(clean(reply.text, 400))

        self.work.asking.ask(name, command, done)

    # bots

    def start_bot(self, preset: RunSpec | None = None) -> None:
        if not self.desk.may_change():
            return

        def started(reply: tr.BotStarted | None) -> None:
            if reply is not None:
                self.desk.tell(clean(reply.text, 400) or f"Bot #{reply.bot.id} runs.")
                self.bot_started(reply.bot)

        self.app.push_screen(StartWizard(preset, self.desk.caller), started)

    def bot_started(self, row: BotRow) -> None:
        """The new bot is to be seen."""
        raise NotImplementedError

    def open_bot(self, bot: int, *, drift: bool = False) -> None:
        row = self.work.bot_row(bot)
        if row is None:
            return

        def failed(error: PolotuiError) -> None:
            card.show_drift(None, clean(error.record().sentence(), 400))

        def ask() -> None:
            self.work.asking.ask(f"drift {bot}", tc.GetDrift(bot=bot), card.show_drift, failed)

        card = BotCard(row, self.desk.market_ms(), self.desk.reading_width, ask)
        self.app.push_screen(card)
        if drift:
            card.compare()

    def pause_bot(self, row: BotRow) -> None:
        if not self.desk.may_change():
            return
        if row.state not in ("running", "paused"):
            self.desk.tell(f"Bot #{row.id} is {row.state}: there is nothing to pause. a starts another one.")
            return
        resume = row.state == "paused"
        if not resume:
            self._send(f"bot {row.id}", tc.PauseBot(bot=row.id, caller=self.desk.caller))
            return
        reason = f"\nIt was paused: {clean(row.reason, 200)}." if row.reason else ""
        text = f"Bot #{row.id} {strategy_words(row.strategy, row.version)} may enter again at its next bar.{reason}"

        def answered(answer: str | None) -> None:
            if answer == "y":
                self._send(f"bot {row.id}", tc.PauseBot(bot=row.id, resume=True, caller=self.desk.caller))

        self.app.push_screen(Question("Resume", text, [("y", "resume it"), ("n", "leave it")], "n"), answered)

    def stop_bot(self, row: BotRow) -> None:
        if not self.desk.may_change():
            return
        if row.state in ("stopped", "stopping"):
            self.desk.tell(f"Bot #{row.id} is {row.state} already.")
            return
        name = f"Bot #{row.id} {strategy_words(row.strategy, row.version)}"
        held = [held for held in self.desk.store.positions or [] if held.bot == row.id]
        if held or row.positions:
            lines = [f"{name} holds:"]
            for one in held[:6]:
                worth = f"worth {group(one.value, 2)}, result {signed(one.result, 2)} ({percent(one.result_ratio)})"
                lines.append(f"· {group(one.quantity)} {clean(one.symbol, 24)}, {worth}, {protected_words(one)}")
            lines += [
                "",
                "Kept ones stay protected as they are and are yours from then on. Sold means at the market, now.",
            ]
            answers = [("k", "end it, keep them"), ("c", "sell them, then end it"), ("n", "let it run")]
        else:
            lines = [f"{name} holds nothing. It ends at once; what it did stays in the journal."]
            answers = [("k", "end it"), ("n", "let it run")]

        def answered(answer: str | None) -> None:
            if answer in ("k", "c"):
                self._send(f"bot {row.id}", tc.StopBot(bot=row.id, close=answer == "c", caller=self.desk.caller))

        self.app.push_screen(Guard("End the bot", "\n".join(lines), answers, "n"), answered)

    # positions

    def close_position(self, row: PositionRow) -> None:
        if not self.desk.may_change():
            return
        base, quote = clean(row.symbol.partition("_")[0], 12), quote_of(row.symbol)
        about = "price unknown"
        if row.mark:
            about = f"about {group(row.mark, row.price_scale)}, worth {group(row.value, 2)} {quote}"
        lines = [f"Sell {group(row.quantity)} {base} at the market, {about}."]
        lines.append(f"Result about {signed(row.result, 2)} {quote} ({percent(row.result_ratio)}, {r_words(row.r)} R).")
        if row.stop or row.target:
            lines.append("Its stop and its target end with it.")
        if row.stale:
            lines.append(f"The mark is {age(self.desk.market_ms() - row.mark_ms)} old: the price may be another.")
        guard = Guard("Sell this position?", "\n".join(lines), [("y", "sell it"), ("n", "keep it")], "n")

        def answered(answer: str | None) -> None:
            if answer == "y":
                command = tc.ClosePosition(account=row.account, symbol=row.symbol, caller=self.desk.caller)
                self._sell(f"close {row_key(row)}", command)

        self.app.push_screen(guard, answered)
        what = tc.AssessOrder(symbol=row.symbol, side="SELL", account=row.account, quantity=row.quantity)
        self.work.asking.ask("close what-if", what, lambda reply: guard.add(self._what_if(reply)), lambda error: None)

    def _what_if(self, reply: tr.Assessed) -> str:
        if not reply.decision.approved:
            return f"The gate would refuse it now: {clean(reply.decision.code, 30)}."
        if not reply.price:
            return ""
        return f"By the book now it fills at {group(reply.price)} or better; fee {group(reply.fee)}."

    def _sell(self, name: str, command: tc.ClosePosition) -> None:
        if self.work.asking.busy(name):
            self.desk.tell("It is being sold already; nothing is sent twice.")
            return

        def placed(reply: tr.OrderPlaced) -> None:
            if reply.placed:
                self.desk.tell(clean(reply.text, 400) or "The order to sell is sent.")
                return
            why = clean(reply.text or reply.decision.recommendation or reply.decision.code, 300)
            self.desk.tell(f"Refused ({clean(reply.decision.code, 30)}), nothing was sent. {why}", "warning")

        self.work.asking.ask(name, command, placed)

    def edit_protection(self, row: PositionRow) -> None:
        if not self.desk.may_change():
            return
        key = row_key(row)

        def newest() -> PositionRow | None:
            return next((held for held in self.desk.store.positions or [] if row_key(held) == key), None)

        def taken(changes: dict[str, str] | None) -> None:
            if changes is not None:
                command = tc.EditProtection(account=row.account, symbol=row.symbol, caller=self.desk.caller, **changes)
                self._send(f"protect {key}", command)

        self.app.push_screen(ProtectDialog(row, newest), taken)

    # orders

    def place_order(self, symbol: str) -> None:
        if not self.desk.may_change():
            return

        def placed(words: str | None) -> None:
            if words:
                self.desk.tell(words)

        self.app.push_screen(Ticket(symbol, self.desk.caller), placed)

    def cancel_order(self, row: OrderRow) -> None:
        if not self.desk.may_change():
            return
        if row.state == OrderState.CANCELLING:
            self.desk.tell("It is being cancelled already; it may still fill until the exchange says so.")
            return
        self._send(f"cancel {row.id}", tc.CancelOrder(order=row.id, caller=self.desk.caller))

    def cancel_all(self) -> None:
        count = len(self.desk.store.orders or [])
        if not count:
            self.desk.tell("No order is open.")
            return
        if not self.desk.may_change():
            return
        stay = "Positions stay; stops held locally are no orders and stay."
        text = f"Cancel all {count} open orders, of bots as well? {stay}"

        def answered(answer: str | None) -> None:
            if answer == "y":
                self._send("cancel all", tc.CancelOrder(all=True, caller=self.desk.caller))

        self.app.push_screen(Question("Orders", text, [("y", "cancel them"), ("n", "leave them")], "n"), answered)

    def settle_order(self, row: OrderRow) -> None:
        if row.state != OrderState.UNKNOWN:
            self.desk.tell("Only an UNKNOWN order is settled by hand; what this one does is known.")
            return
        if not self.desk.may_change():
            return

        def taken(said: tuple[str, str] | None) -> None:
            if said is not None:
                state: Any = said[0]
                self._send(
                    f"settle {row.id}",
                    tc.ResolveOrder(order=row.id, state=state, note=said[1], caller=self.desk.caller),
                )

        self.app.push_screen(SettleDialog(row), taken)

    # journal

    def write_note(self, trade: TradeRow | None) -> None:
        if not self.desk.may_change():
            return

        def taken(said: tuple[str, list[str]] | None) -> None:
            if said is not None:
                number = trade.id if trade is not None else 0
                self._note(tc.AddNote(trade=number, note=said[0], tags=said[1]))

        self.app.push_screen(NoteDialog(trade, sorted(self.work.tags)), taken)

    def _note(self, command: tc.AddNote) -> None:
        def kept(reply: Done) -> None:
            self.desk.tell(clean(reply.text, 300) or "The note is kept.")
            self.work.asking.forget("journal")

        self.work.asking.ask("note", command, kept)
