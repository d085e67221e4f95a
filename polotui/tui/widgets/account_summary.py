"""The account in a few lines: worth, today's change, the curve, what it consists of, the other accounts."""

from __future__ import annotations

from polotui.api.values import AccountState
from polotui.core.text import clean
from polotui.tui.figures import reason, shown_percent, shown_ratio, shown_text, tone_for
from polotui.tui.numbers import tone_of
from polotui.tui.widgets.allocation_bar import allocation
from polotui.tui.widgets.painted import Line, width_of
from polotui.tui.widgets.pane import Exported, Pane
from polotui.tui.widgets.sparkline import sparkline


class AccountSummary(Pane):
    """The chosen account. `c` goes to the next."""

    NAME = "Accounts"
    ABOUT = "The chosen account's worth in USDT. A figure nobody answered for is «–» with the reason, never 0."
    SCOPES = ("balance",)
    TOPICS = frozenset({"accounts", "link", "second", "view"})

    def title(self, width: int) -> Line:
        accounts = self.desk.store.accounts or []
        line: Line = [(self.NAME, "title")]
        for account in accounts:
            chosen = account is self.desk.account
            line += [(" · ", "muted"), (clean(account.title, 40), "accent" if chosen else "muted")]
        return line

    def title_right(self) -> Line:
        mark = self.stale_mark(0)
        if mark:
            return mark
        return [("c next account", "muted")] if len(self.desk.store.accounts or []) > 1 else []

    def body(self, width: int, height: int) -> list[Line]:
        account = self.desk.account
        if account is None:
            words = "Loading the balances …" if self.desk.store.accounts is None else "No account yet."
            return [[(f" {words}", "muted")]]
        lines: list[Line] = []
        if account.note:
            lines.append([(f" {clean(account.note, 200)}", "warn")])
        lines.append(self._worth(account, width))
        why = reason(account.total, self.desk.clock.wall_ms())
        if why:
            lines.append([(f" total {why}", "stale")])
        shares = [(clean(row.currency, 12), shown_ratio(row.value) or 0.0) for row in account.rows]
        parts = allocation(shares, width - 2)
        lines.append([(" ", ""), *parts] if parts else [(" no value is known yet", "muted")])
        others = [item for item in self.desk.store.accounts or [] if item is not account]
        for other in others:
            name = clean(other.title, 40)
            lines.append([(f" {name} ", "muted"), (f"{shown_text(other.total, 2)} USDT", tone_for(other.total))])
        return lines

    def _worth(self, account: AccountState, width: int) -> Line:
        change = shown_ratio(account.change_24h_ratio)
        tone = tone_for(account.change_24h, tone_of(change))
        line: Line = [
            (" total ", "muted"),
            (f"{shown_text(account.total, 2)} USDT", tone_for(account.total, "title")),
            ("   ", ""),
        ]
        if account.change_24h.standing == "unknown":
            why = clean(account.change_24h.cause, 60)
            line += [("24 h –", "muted"), (f" {why}" if why else "", "muted")]
            return line
        line += [
            (f"{shown_text(account.change_24h, 2, sign=True)} ({shown_percent(account.change_24h_ratio, 2)})", tone),
            (" 24 h", "muted"),
        ]
        values = [point.value for point in account.equity]
        room = min(30, width - width_of(line) - 10)
        if len(values) > 1 and room > 7:
            days = (account.equity[-1].at_ms - account.equity[0].at_ms) / 86_400_000
            line += [
                ("   ", ""),
                (sparkline(values, room), tone_of(values[-1] - values[0])),
                (f" {days:.0f} d", "muted"),
            ]
        return line

    def export(self) -> Exported | None:
        accounts = self.desk.store.accounts or []
        rows = [
            [account.account, account.total.text, account.change_24h.text, account.change_24h_ratio.text]
            for account in accounts
        ]
        return Exported("accounts", ["account", "total_usdt", "change_24h_usdt", "change_24h"], rows) if rows else None

    def copied(self) -> tuple[str, str] | None:
        account = self.desk.account
        return ("the total", f"{account.total.text} USDT") if account is not None else None
