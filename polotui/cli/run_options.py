"""What may be said about a run: `backtest run` and `sweep run` take the same options.

Decided here: the options are the fields of one dataclass, and `takes_run_options` gives them to a command, so that the
two commands cannot drift apart. Fractions may be typed as percent; a fee or slippage above a tenth of the price is
taken for a forgotten «%» and refused.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum
from typing import Annotated, Any, get_type_hints

import typer

from polotui.api.lab_values import Costs, RunSpec
from polotui.cli.where import day_of, symbol_of, timeframe_of
from polotui.core.clock import SystemClock
from polotui.core.errors import UsageError
from polotui.core.text import clean
from polotui.model.candles import DAY_MS

NOTHING_DONE = "Nothing was run."
#: Nobody pays a tenth of the price to trade: such a figure is a percentage that was typed without its sign.
MOST_COST = 0.1


class Policy(Enum):
    """Which price a fill gets where a bar does not say."""

    PESSIMISTIC = "pessimistic"
    ADAPTIVE = "adaptive"
    OPTIMISTIC = "optimistic"
    DETAIL = "detail"


class FeeIn(Enum):
    """What a fee is taken from."""

    RECEIVED = "received"
    QUOTE = "quote"


def figure(text: str, option: str, least: float = -math.inf, most: float = math.inf) -> float:
    """`0.002` and `0.2%` as 0.002. Raises UsageError for what is no number or outside of `least` to `most`."""
    bare = text.strip()
    try:
        value = float(bare.removesuffix("%")) / (100 if bare.endswith("%") else 1)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{option} {clean(text, 40)!r} is not a number such as 0.002 or 0.2%.", safe=NOTHING_DONE)
    if not least <= value <= most:
        span = f"at or above {least:g}" if most == math.inf else f"{least:g} to {most:g}"
        meant = most == MOST_COST and value > most and not bare.endswith("%")
        raise UsageError(
            f"{option} {clean(text, 40)} is not {span}.",
            safe=NOTHING_DONE,
            next_step=f"For {clean(bare, 20)} percent write {clean(bare, 20)}%." if meant else "",
        )
    return value


def _told(fraction: float) -> str:
    return f"{fraction * 100:g}%"


@dataclass(frozen=True)
class RunOptions:
    """One field per option; `spec` is what the engine is asked for."""

    symbol: Annotated[list[str] | None, typer.Option("--symbol", "-s", help="More than once for several.")] = None
    timeframe: Annotated[str, typer.Option("--timeframe", "-t", help="None: the strategy's.")] = ""
    start: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day, UTC: 2024-05-01.")] = None
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Day after the last; default now.")] = None
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="Instead of --from: so many days back.")] = None
    capital: Annotated[str, typer.Option(metavar="X", help="To begin with, in quote units.")] = "10000"
    policy: Annotated[Policy, typer.Option(help="Fills where a bar leaves more than one way.")] = Policy.PESSIMISTIC
    fee_maker: Annotated[str, typer.Option(metavar="X", help="Of the amount: 0.002 or 0.2%.")] = _told(
        Costs().maker_fee
    )
    fee_taker: Annotated[str, typer.Option(metavar="X", help="Of the amount.")] = _told(Costs().taker_fee)
    fee_in: Annotated[FeeIn, typer.Option(help="Fees are taken from what is received or in quote units.")] = (
        FeeIn.RECEIVED
    )
    slippage: Annotated[str, typer.Option(metavar="X", help="Of the price.")] = _told(Costs().slippage)
    half_spread: Annotated[str, typer.Option(metavar="X", help="Of the price.")] = _told(Costs().half_spread)
    volume_share: Annotated[str, typer.Option(metavar="X", help="Of a bar's volume at most; 0 = no limit.")] = _told(
        Costs().volume_share
    )
    lot: Annotated[str, typer.Option(metavar="X", help="Quantity grid; 0 = the symbol's own.")] = "0"
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="Other than the default.")
    ] = None
    no_band: Annotated[bool, typer.Option("--no-band", help="Leave the other fill policies out.")] = False
    version: Annotated[int, typer.Option(metavar="N", min=0, help="The strategy's version; 0 = the newest.")] = 0

    def spec(self) -> RunSpec:
        """The run, its strategy still to be named. Raises UsageError for what makes no sense."""
        from_ms, to_ms = _span(self.start, self.end, self.days)
        return RunSpec(
            strategy="",
            version=self.version,
            symbols=list(dict.fromkeys(symbol_of(symbol) for symbol in self.symbol or [])),
            timeframe=timeframe_of(self.timeframe) if self.timeframe else "",
            from_ms=from_ms,
            to_ms=to_ms,
            capital=self._capital(),
            policy=self.policy.value,
            costs=self._costs(),
            params=parameters(self.param or []),
            band=not self.no_band,
        )

    def _costs(self) -> Costs:
        return Costs(
            maker_fee=figure(self.fee_maker, "--fee-maker", 0, MOST_COST),
            taker_fee=figure(self.fee_taker, "--fee-taker", 0, MOST_COST),
            fee_in=self.fee_in.value,
            slippage=figure(self.slippage, "--slippage", 0, MOST_COST),
            half_spread=figure(self.half_spread, "--half-spread", 0, MOST_COST),
            volume_share=figure(self.volume_share, "--volume-share", 0, 1),
            lot=figure(self.lot, "--lot", 0),
        )

    def _capital(self) -> float:
        value = figure(self.capital, "--capital", 0)
        if value == 0:
            raise UsageError("--capital 0 buys nothing.", safe=NOTHING_DONE, next_step="Say with how much to begin.")
        return value


def takes_run_options(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with the fields of RunOptions in the place of its parameter `options`."""
    hints = get_type_hints(command, include_extras=True)
    given = get_type_hints(RunOptions, include_extras=True)
    shared = {part.name: (given[part.name], part.default) for part in fields(RunOptions)}
    own = {name: (hints[name], told.default) for name, told in inspect.signature(command).parameters.items()}
    merged: dict[str, tuple[Any, Any]] = {}
    for name, told in own.items():
        merged |= shared if name == "options" else {name: told}

    def called(**words: Any) -> None:
        command(options=RunOptions(**{name: words.pop(name) for name in shared}), **words)

    kind = inspect.Parameter.KEYWORD_ONLY
    called.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind, default=default, annotation=hint) for name, (hint, default) in merged.items()]
    )
    called.__annotations__ = {name: hint for name, (hint, _) in merged.items()} | {"return": None}
    called.__name__, called.__doc__ = command.__name__, command.__doc__
    return called


def named_values(text: str, option: str, example: str, *, safe: str = NOTHING_DONE) -> tuple[str, str]:
    """`name=rest` in its two parts. Raises UsageError when there are not two."""
    name, sign, rest = text.partition("=")
    if not (sign and name.strip() and rest.strip()):
        raise UsageError(f"{option} {clean(text, 60)!r} is not such as {example}.", safe=safe)
    return name.strip(), rest.strip()


def parameters(texts: list[str]) -> dict[str, float]:
    """`fast=10` and others as numbers by name. Raises UsageError."""
    found: dict[str, float] = {}
    for text in texts:
        name, value = named_values(text, "--param", "fast=10")
        if name in found:
            raise UsageError(f"--param {clean(name, 40)} is there twice.", safe=NOTHING_DONE)
        found[name] = figure(value, f"--param {clean(name, 40)}")
    return found


def _span(start: str | None, end: str | None, days: int | None) -> tuple[int, int]:
    """Both 0 when nothing was said: the engine then takes what is stored of the last year."""
    if start is not None and days is not None:
        raise UsageError("--from and --days say the same; keep one.", safe=NOTHING_DONE)
    if start is None and end is None and days is None:
        return 0, 0
    to_ms = day_of(end, "--to") if end is not None else SystemClock().wall_ms()
    from_ms = day_of(start, "--from") if start is not None else max(0, to_ms - days * DAY_MS) if days else 0
    if from_ms >= to_ms:
        raise UsageError("The span is empty: it begins at or after its end.", safe=NOTHING_DONE)
    return from_ms, to_ms
