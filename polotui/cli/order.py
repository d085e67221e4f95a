"""`polotui order`: orders by hand, and what became of all orders.

Decided here: an order goes through the same gate as a bot's; refused is exit code 4 with every finding. Cancelling
all needs --all, so that a forgotten id cancels nothing.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from polotui.api.replies import Done
from polotui.api.trade_commands import AssessOrder, CancelOrder, ListFills, ListOrders, PlaceOrder, ResolveOrder
from polotui.api.trade_replies import Assessed, Fills, OrderPlaced, Orders
from polotui.api.trade_values import OrderRow
from polotui.cli import desk, tickets
from polotui.cli.decisions import REFUSED, assessed, end_of
from polotui.cli.engine_link import ask
from polotui.cli.options import AsJson, Demo, HomeDir, new_app
from polotui.cli.output import document, note, say
from polotui.cli.where import symbol_of, where
from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.core.who import who_asks

app = new_app("Orders by hand: list, place, cancel, resolve; their fills.")
Id = Annotated[str, typer.Argument(metavar="ID", help="An order's id, as order list shows it.")]
OnlyBot = Annotated[
    int | None, typer.Option("--bot", metavar="BOT", min=0, help="Only this bot's; 0 = what was done by hand.")
]
OnlySymbol = Annotated[str, typer.Option("--symbol", "-s", help="Only this symbol's.")]
OfAccount = Annotated[str, typer.Option("--account", metavar="NAME", help="This account and those below it.")]
HowMany = Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="How many.")]


class Ended(Enum):
    """What a person may say became of an order whose outcome is unknown."""

    CANCELLED = "cancelled"
    REJECTED = "rejected"


@app.command("list")
def list_(
    open_: Annotated[bool, typer.Option("--open", help="Only those that may still fill.")] = False,
    bot: OnlyBot = None,
    symbol: OnlySymbol = "",
    account: OfAccount = "paper",
    limit: HowMany = 50,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Orders, newest first."""
    command = ListOrders(
        account=account,
        bot=-1 if bot is None else bot,
        open=open_,
        symbol=symbol_of(symbol) if symbol else "",
        limit=limit,
    )
    reply = ask(where(home, demo=demo), command)
    assert isinstance(reply, Orders)
    if as_json:
        say(document("order.list", reply))
        return
    say(_listed(reply.orders, open_))
    if reply.more:
        note("There are more; --limit shows them.")


@app.command()
def fills(
    order: Annotated[str, typer.Argument(metavar="ID", help="None: of all orders.")] = "",
    bot: OnlyBot = None,
    account: OfAccount = "paper",
    limit: HowMany = 50,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Executions with their fees, newest first."""
    command = ListFills(account=account, bot=-1 if bot is None else bot, order=order, limit=limit)
    reply = ask(where(home, demo=demo), command)
    assert isinstance(reply, Fills)
    if as_json:
        say(document("order.fills", reply))
        return
    say(desk.fills_table(reply.fills) if reply.fills else "Nothing was filled yet.")
    if reply.more:
        note("There are more; --limit shows them.")


@app.command()
def place(
    symbol: tickets.Symbol,
    side: tickets.Side,
    amount: tickets.Amount = "",
    quantity: tickets.Quantity = "",
    limit: tickets.Limit = "",
    maker: tickets.Maker = False,
    trigger: tickets.Trigger = "",
    stop: tickets.Stop = "",
    target: tickets.Target = "",
    tif: Annotated[tickets.TimeInForce, typer.Option("--tif", help="How long a limit order rests.")] = (
        tickets.TimeInForce.GTC
    ),
    expire: Annotated[int, typer.Option("--expire", metavar="SECONDS", min=0, help="Cancel it then; 0 = never.")] = 0,
    account: tickets.Account = "paper",
    confirmed: tickets.Confirmed = False,
    what_if: Annotated[bool, typer.Option("--what-if", help="Only say what would happen.")] = False,
    why: Annotated[str, typer.Option("--note", metavar="TEXT", help="The reason, for the audit.")] = "",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Sends an order through the gate. Exit code 4 when it is refused."""
    ticket = tickets.Ticket(
        symbol, side, amount, quantity, limit, maker, trigger, stop, target, account, confirmed
    )  # fmt: skip
    terms, at = ticket.terms(), where(home, demo=demo)
    if what_if:
        would = ask(at, AssessOrder(**terms))
        assert isinstance(would, Assessed)
        say(document("risk.assess", would) if as_json else assessed(would))
        if not would.decision.approved:
            raise typer.Exit(REFUSED)
        return
    command = PlaceOrder(**terms, time_in_force=tif.value, expire_s=expire, note=why, caller=who_asks())
    reply = ask(at, command)
    assert isinstance(reply, OrderPlaced)
    end_of(reply, "order.place", as_json=as_json)


@app.command()
def cancel(
    order: Annotated[str, typer.Argument(metavar="ID", help="One order; or --all, or --symbol.")] = "",
    all_: Annotated[bool, typer.Option("--all", help="Every open order.")] = False,
    symbol: OnlySymbol = "",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Asks to cancel. Passes in every state of the desk."""
    if bool(order) == bool(all_ or symbol):
        raise UsageError(
            "Say what to cancel: an order's id, or --all, or --symbol.",
            safe="Nothing was cancelled.",
            next_step="polotui order list --open shows what rests.",
        )
    name = symbol_of(symbol) if symbol else ""
    done = ask(where(home, demo=demo), CancelOrder(order=order, all=all_, symbol=name, caller=who_asks()))
    assert isinstance(done, Done)
    say(document("order.cancel", done) if as_json else clean(done.text, 400))


@app.command()
def resolve(
    order: Id,
    state: Annotated[Ended, typer.Option(help="What became of it, as the exchange shows it.")],
    why: Annotated[str, typer.Option("--note", metavar="TEXT", help="How you know; it goes into the audit.")],
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """A person's word on an order whose outcome is unknown."""
    command = ResolveOrder(order=order, state=state.name, note=why, caller=who_asks())  # type: ignore[arg-type]
    done = ask(where(home, demo=demo), command)
    assert isinstance(done, Done)
    say(document("order.resolve", done) if as_json else clean(done.text, 400))


def _listed(orders: list[OrderRow], open_: bool) -> str:
    if not orders:
        return "Nothing rests." if open_ else "There was no order yet."
    unknown = sum(order.state == "UNKNOWN" for order in orders)
    lines = [desk.orders_table(orders)]
    if unknown:
        lines.append(f"{unknown} of unknown outcome: not sent again; the venue is asked for them by their ids.")
    return "\n".join(lines)
