"""What the market and balance screens ask of the engine: charts, watchlist, accounts."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from polotui.api.commands import GetAccounts, Watch
from polotui.api.events import AccountsState
from polotui.api.replies import Accounts, Watched
from polotui.api.values import AccountState
from polotui.core.text import is_plain_symbol
from polotui.tui.series import Series
from polotui.tui.shell.dialogs import Question
from polotui.tui.shell.navigation import Navigation
from polotui.tui.shell.picker import Choice, Picker
from polotui.tui.view import OVERLAYS


class TradingView(Navigation):
    """Symbol, timeframe, overlays, watchlist, balances."""

    account_name: str
    show_dust: bool

    @property
    def account(self) -> AccountState | None:
        """The chosen account, or the first."""
        accounts = self.store.accounts or []
        found = next((account for account in accounts if account.account == self.account_name), None)
        return found or (accounts[0] if accounts else None)

    def next_account(self) -> None:
        names = [account.account for account in self.store.accounts or []]
        if not names:
            return
        here = self.account.account if self.account is not None else names[0]
        self.account_name = names[(names.index(here) + 1) % len(names)]
        self.store.mark("view")
        self.paint_frame()

    def toggle_dust(self) -> None:
        self.show_dust = not self.show_dust
        self.store.mark("view")
        self.paint_frame()

    def listen(self) -> None:
        self._work(self.session.subscribe(self.desk_screen.topics(), self.frame_rate), "topics")
        self.ensure_chart()

    def ensure_chart(self) -> None:
        """Loads the chart that is looked at unless it is there, on its way, or has just failed."""
        view = self.view
        series = self.store.chart(view.symbol, view.timeframe, view.overlays)
        wanted = view.topic in self.desk_screen.topics() and self.session.attached
        if wanted and not series.loaded and not series.loading and self.clock.monotonic() >= series.retry_at:
            self._work(self.session.load(series), "chart")

    def _work(self, work: Coroutine[Any, Any, Any], group: str) -> None:
        self.run_worker(work, group=group, exit_on_error=True)

    def load_again(self, topics: set[str]) -> None:
        """Charts whose tail did not join. Charts nobody looks at are forgotten instead."""
        for topic in topics & self.store.charts.keys():
            if topic == self.view.topic:
                self.store.charts[topic].loaded = False
            else:
                del self.store.charts[topic]
        self.ensure_chart()

    def load_older(self, series: Series) -> None:
        self._work(self.session.load_older(series), "older")

    def view_changed(self) -> None:
        """Symbol, timeframe or overlays are others now."""
        kept = self.view.topic
        for topic in [topic for topic in self.store.charts if topic != kept][:-4]:
            del self.store.charts[topic]
        old = self.store.charts.get(kept)
        if old is not None and old.loaded:
            # It may have missed candles while nobody listened.
            old.loaded = False
        for symbol in [symbol for symbol in self.store.tapes if symbol != self.view.symbol]:
            self.store.forget_trades(symbol)
            self.store.books.pop(symbol, None)
        self.listen()
        self.store.mark("view")
        screen = self.desk_screen
        if hasattr(screen, "view_changed"):
            screen.view_changed()

    def show_symbol(self, symbol: str) -> None:
        if symbol != self.view.symbol:
            self.view.symbol = symbol
            self.view_changed()
        if self.current_name != "market":
            self.go_to("market")

    def choose_overlays(self) -> None:
        chosen = self.view.overlays
        choices = [
            Choice(name, f"{glyph} {name}", "shown · Enter hides it" if name in chosen else "Enter shows it")
            for name, glyph in OVERLAYS.items()
        ]

        def toggle(name: str | None) -> None:
            if name:
                self.view.toggle_overlay(name)
                self.view_changed()

        self.push_screen(Picker("Overlays", choices), toggle)

    def add_symbol(self) -> None:
        if not self.may_change():
            return
        watched = set(self.store.watched)
        choices = [
            Choice(symbol, symbol, info.state.lower() if info.state != "NORMAL" else f"{info.base} in {info.quote}")
            for symbol, info in sorted(self.store.symbols.items())
            if symbol not in watched and is_plain_symbol(symbol)
        ]

        def add(symbol: str | None) -> None:
            if symbol:
                self.ask(Watch(symbol=symbol.upper()), self._watched)

        self.push_screen(Picker("Add to the watchlist", choices, prompt="symbol", free=True), add)

    def remove_symbol(self, symbol: str) -> None:
        if not self.may_change():
            return

        def remove(answer: str | None) -> None:
            if answer == "y":
                self.ask(Watch(symbol=symbol, remove=True), self._watched)

        text = f"Remove {symbol} from the watchlist? Its stored candles stay; a adds it again."
        self.push_screen(Question("Watchlist", text, [("y", "remove it"), ("n", "keep it")], "n"), remove)

    def _watched(self, reply: Watched) -> None:
        before = set(self.store.watched)
        self.store.watch(reply.watched)
        added = [symbol for symbol in reply.watched if symbol not in before]
        removed = sorted(before - set(reply.watched))
        if added:
            self.tell(f"{', '.join(added)} is on the watchlist.")
        if removed:
            self.tell(f"{', '.join(removed)} is off the watchlist. a adds it again.")

    def refresh_accounts(self) -> None:
        self.tell("Asking the exchange for the balances again.")
        self.ask(GetAccounts(refresh=True), self._accounts)

    def _accounts(self, reply: Accounts) -> None:
        self.store.apply(AccountsState(accounts=reply.accounts, at_ms=self.clock.wall_ms()))
