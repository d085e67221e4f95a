"""`polotui balance`: what the accounts hold and what it is worth.

Decided here: a value that is not known is printed as unknown, with the reason below the table; never as 0.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from polotui.api.commands import GetAccounts
from polotui.api.replies import Accounts
from polotui.api.values import AccountState
from polotui.cli.engine_link import ask
from polotui.cli.options import AsJson, Demo, HomeDir
from polotui.cli.output import document, note, say, shown, table, why
from polotui.cli.where import where
from polotui.core.text import clean

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class AccountName(Enum):
    """The accounts that there are."""

    SPOT = "spot"
    PAPER = "paper"


@app.command()
def balance(
    account: Annotated[AccountName | None, typer.Option(help="Only this account.")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask the exchange again.")] = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """What the accounts hold and what it is worth, in USDT."""
    name = account.value if account is not None else ""
    reply = ask(where(home, demo=demo), GetAccounts(account=name, refresh=refresh))
    assert isinstance(reply, Accounts)
    if as_json:
        say(document("balance", reply))
        return
    say("\n\n".join(_account(state) for state in reply.accounts) or "There is no account.")
    for state in reply.accounts:
        _reasons(state)


def _account(state: AccountState) -> str:
    rows = [
        [
            clean(row.currency, 20),
            shown(row.available),
            shown(row.hold),
            shown(row.price),
            shown(row.value),
            shown(row.share, as_percent=True).lstrip("+"),
            shown(row.change_24h, as_percent=True),
        ]
        for row in state.rows
    ]
    heads = ["asset", "available", "on hold", "price", "value", "share", "24 h"]
    change = f"{shown(state.change_24h)} USDT, {shown(state.change_24h_ratio, as_percent=True)} in 24 h"
    title = f"{clean(state.title)}: {shown(state.total)} USDT ({change})"
    lines = [title, *([clean(state.note)] if state.note else [])]
    return "\n".join([*lines, table(heads, rows, "ldddddd") if rows else "It holds nothing."])


def _reasons(state: AccountState) -> None:
    figures = [("total", state.total), ("24 h", state.change_24h)]
    for row in state.rows:
        named = (("balance", row.available), ("price", row.price), ("value", row.value), ("24 h", row.change_24h))
        figures += [(f"{clean(row.currency, 20)} {name}", figure) for name, figure in named]
    seen: set[tuple[str, str]] = set()
    for name, figure in figures:
        sentence = why(name, figure)
        reason = sentence.partition(": ")[2]
        # One cause makes several figures unknown; it is said once, with the first of them.
        if sentence and (name.split()[0], reason) not in seen:
            seen.add((name.split()[0], reason))
            note(sentence)
