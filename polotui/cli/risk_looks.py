"""Questions to the risk desk that change nothing: size, what-if, correlation, history, report. Part of `polotui risk`.

Decided here: distances and rates are typed as fractions or with «%»; `assess` ends with 4 when the order would be
refused, so that a script can ask before it sends.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import typer

from polotui.api.risk_commands import GetCorrelations, GetRiskHistory, GetRiskReport, GetSize
from polotui.api.trade_commands import AssessOrder
from polotui.api.trade_replies import Assessed, Correlations, RiskHistory, RiskReport
from polotui.api.trade_values import SizeResult
from polotui.api.values import EquityPoint
from polotui.cli import tickets
from polotui.cli.decisions import REFUSED, assessed
from polotui.cli.engine_link import ask
from polotui.cli.options import AsJson, Demo, HomeDir
from polotui.cli.output import NONE, document, moment, number, percent, say, table
from polotui.cli.run_options import figure
from polotui.cli.where import symbol_of, where
from polotui.core.text import clean


class Method(Enum):
    """How a size is found."""

    FIXED_FRACTIONAL = "fixed-fractional"
    KELLY = "kelly"
    VOL_TARGET = "vol-target"
    FIXED_QUOTE = "fixed-quote"


def _fraction(name: str) -> Any:
    return typer.Option(name, metavar="X", help="A fraction or with %: 0.05 or 5%.")


def size(
    method: Annotated[Method, typer.Argument(metavar="METHOD", help="|".join(method.value for method in Method))],
    equity: Annotated[str, typer.Option(metavar="X", help="None: of the paper account now.")] = "",
    symbol: Annotated[str, typer.Option("--symbol", "-s", help="For the quantity on its grid.")] = "",
    price: Annotated[str, typer.Option(metavar="X", help="None: the symbol's now.")] = "",
    risk: Annotated[str, typer.Option(metavar="X", help="Of the equity, to lose at the stop: 2%.")] = "2%",
    stop: Annotated[str, _fraction("--stop")] = "",
    target: Annotated[str, _fraction("--target")] = "",
    win_rate: Annotated[str, _fraction("--win-rate")] = "",
    win: Annotated[float | None, typer.Option("--win", metavar="X", min=0, help="Average win, in quote units.")] = None,
    loss: Annotated[float | None, typer.Option("--loss", metavar="X", min=0, help="Average loss.")] = None,
    trades: Annotated[int | None, typer.Option(min=0, help="How many trades those are of.")] = None,
    kelly_fraction: Annotated[str, typer.Option(metavar="X", help="How much of Kelly's size.")] = "25%",
    target_volatility: Annotated[str, _fraction("--target-volatility")] = "",
    volatility: Annotated[str, _fraction("--volatility")] = "",
    amount: Annotated[str, typer.Option(metavar="X", help="For fixed-quote.")] = "",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """How much to buy: uncapped, capped by the limits, and the risk that it makes."""

    def given(text: str, name: str) -> float | None:
        return figure(text, name, 0) if text.strip() else None

    command = GetSize(
        method=method.name.lower(),  # type: ignore[arg-type]
        equity=equity,
        symbol=symbol_of(symbol) if symbol else "",
        price=price,
        risk=figure(risk, "--risk", 0, 1),
        stop_distance=given(stop, "--stop"),
        target_distance=given(target, "--target"),
        win_rate=given(win_rate, "--win-rate"),
        average_win=win,
        average_loss=loss,
        kelly_fraction=figure(kelly_fraction, "--kelly-fraction", 0, 1),
        trades=trades,
        target_volatility=given(target_volatility, "--target-volatility"),
        volatility=given(volatility, "--volatility"),
        amount=amount,
    )
    reply = ask(where(home, demo=demo), command)
    assert isinstance(reply, SizeResult)
    say(document("risk.size", reply) if as_json else _size(reply))


def assess(
    symbol: tickets.Symbol,
    side: tickets.Side,
    amount: tickets.Amount = "",
    quantity: tickets.Quantity = "",
    limit: tickets.Limit = "",
    maker: tickets.Maker = False,
    trigger: tickets.Trigger = "",
    stop: tickets.Stop = "",
    target: tickets.Target = "",
    strategy: Annotated[str, typer.Option(metavar="NAME", help="As if this strategy asked.")] = "",
    account: tickets.Account = "paper",
    confirmed: tickets.Confirmed = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """What the gate would say to an order, and what it would cost. Sends nothing; exit code 4 when refused."""
    ticket = tickets.Ticket(
        symbol, side, amount, quantity, limit, maker, trigger, stop, target, account, confirmed
    )  # fmt: skip
    reply = ask(where(home, demo=demo), AssessOrder(**ticket.terms(), strategy=strategy))
    assert isinstance(reply, Assessed)
    say(document("risk.assess", reply) if as_json else assessed(reply))
    if not reply.decision.approved:
        raise typer.Exit(REFUSED)


def correlation(
    symbols: Annotated[list[str] | None, typer.Argument(metavar="[SYMBOL]...", help="Beside what is held.")] = None,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Correlation of log returns, of what is held and what is named. – is unknown, and counts as correlated."""
    names = list(dict.fromkeys(symbol_of(symbol) for symbol in symbols or []))
    reply = ask(where(home, demo=demo), GetCorrelations(symbols=names))
    assert isinstance(reply, Correlations)
    if as_json:
        say(document("risk.correlation", reply))
        return
    if reply.symbols:
        say(_matrix(reply))
    say(clean(reply.text, 400) or "Nothing is held; name symbols to compare.")


def history(
    days: Annotated[int, typer.Option(min=1, max=366, help="How far back.")] = 30,
    points: Annotated[int, typer.Option(min=2, max=2_000, help="How many points.")] = 30,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Equity, its drawdown and the risk meter over time."""
    reply = ask(where(home, demo=demo), GetRiskHistory(days=days, points=points))
    assert isinstance(reply, RiskHistory)
    if as_json:
        say(document("risk.history", reply))
        return
    if not reply.equity:
        say("No history yet; it begins with the first value of the paper account.")
        return
    rows = [
        [
            moment(worth.at_ms),
            number(f"{worth.value:.2f}"),
            percent(-fall.value).replace("+", "") if fall.value else "0.00 %",
            _band(fall.value, reply),
            _at(reply.meter, worth.at_ms),
        ]
        for worth, fall in zip(reply.equity, reply.drawdown, strict=True)
    ]
    say(table(["at (UTC)", "equity", "drawdown", "", "risk"], rows, "ldrlr"))
    say(f"\nwarns at {percent(-reply.warn)}, pauses at {percent(-reply.pause)}")


def report(
    prevented: Annotated[bool, typer.Option("--prevented", help="What the protections prevented, estimated.")] = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """The desk of risk in words and figures."""
    reply = ask(where(home, demo=demo), GetRiskReport(prevented=prevented))
    assert isinstance(reply, RiskReport)
    if as_json:
        say(document("risk.report", reply))
    else:
        say("\n".join(clean(line, 300) for line in reply.text.rstrip("\n").split("\n")))


def _size(reply: SizeResult) -> str:
    ratio = f"{percent(reply.resulting_risk_ratio).lstrip('+')} of the equity" if reply.resulting_risk else ""
    reward = NONE if reply.reward_to_risk is None else f"{reply.reward_to_risk:.2f}"
    rows = [
        ["uncapped", number(reply.uncapped), "quote units"],
        ["capped", number(reply.capped), "quote units"],
        ["quantity", number(reply.quantity), "base units"],
        ["resulting risk", number(reply.resulting_risk), ratio],
        ["reward to risk", reward, ""],
    ]
    lines = [table(["", "", ""], rows, "ldl").lstrip(), "", clean(reply.words, 400)]
    return "\n".join([*lines, *(f"! {clean(warning, 300)}" for warning in reply.warnings)])


def _matrix(reply: Correlations) -> str:
    short = [clean(symbol, 30).removesuffix("_USDT") for symbol in reply.symbols]
    rows = []
    for at, name in enumerate(short):
        cells = [_correlated(value, reply.threshold, at == to) for to, value in enumerate(reply.matrix[at])]
        rows.append([f"{name}{' held' if reply.held[at] else ''}", *cells])
    return table(["", *short], rows, "l" + "r" * len(short))


def _correlated(value: float | None, threshold: float, own: bool) -> str:
    if own:
        return "·"
    if value is None:
        return f"{NONE} !"
    return f"{value:+.2f}{' !' if value >= threshold else '  '}"


def _band(fall: float, reply: RiskHistory) -> str:
    return "pauses" if fall >= reply.pause else "warns" if fall >= reply.warn else ""


def _at(points: list[EquityPoint], at_ms: int) -> str:
    """The newest value at or before a time."""
    found = [point.value for point in points if point.at_ms <= at_ms]
    return f"{found[-1]:.0f}" if found else NONE
