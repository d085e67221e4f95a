"""A drift report in words: its parts, what stands open, which trades only one side has and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from polotui.api.trade_values import DriftPart
from polotui.core.text import clean
from polotui.engine.trading import shapes
from polotui.engine.trading.matching import TOLERANCE_BARS, Deal, Matched, Parts, cents
from polotui.model.candles import Timeframe
from polotui.model.money import ZERO
from polotui.trading.bot_rows import StoredSignal

MOST_NAMED = 5


@dataclass(frozen=True)
class Span:
    frame: Timeframe
    from_ms: int
    to_ms: int

    @property
    def bars(self) -> int:
        return (self.to_ms - self.from_ms) // self.frame.ms


@dataclass(frozen=True)
class Tested:
    """The backtest of the span."""

    run: int
    result: Decimal
    deals: list[Deal]
    warnings: list[str]


@dataclass
class OnPaper:
    """What the ledger has of the span."""

    result: Decimal
    deals: list[Deal]
    signals: list[StoredSignal] = field(default_factory=list)
    by_hand: int = 0
    late: int = 0


def parts_told(parts: Parts, matched: Matched) -> list[DriftPart]:
    """The parts with their words; nought is told too, so that their sum can be followed."""
    pairs = matched.pairs
    paper_fees = cents(sum((one.fees for one, _ in pairs), ZERO))
    test_fees = cents(sum((other.fees for _, other in pairs), ZERO))
    rows = (
        ("price", parts.price, len(matched.same_bars), prices_told(matched.same_bars)),
        (
            "timing",
            parts.timing,
            len(matched.other_bars),
            f"entered up to {TOLERANCE_BARS} bars apart, or left in another bar" if matched.other_bars else "",
        ),
        (
            "missed",
            parts.missed,
            len(matched.missed),
            "only in the backtest, with their fees" if matched.missed else "",
        ),
        ("extra", parts.extra, len(matched.extra), "only on paper, with their fees" if matched.extra else ""),
        (
            "fees",
            parts.fees,
            len(pairs),
            f"{paper_fees} on paper, {test_fees} in the backtest, of the matched trades" if pairs else "",
        ),
        ("other", parts.other, 0, "other quantities, what was left unsold, the last cent" if parts.other else ""),
    )
    return [
        DriftPart(name=name, amount=shapes.money(amount), trades=trades, text=text)  # type: ignore[arg-type]
        for name, amount, trades, text in rows
    ]


def prices_told(pairs: Sequence[tuple[Deal, Deal]]) -> str:
    """How much dearer was bought and cheaper was sold, on average."""
    if not pairs:
        return ""
    entries = [float(one.entry_price / other.entry_price - 1) for one, other in pairs if other.entry_price]
    exits = [
        float(one.exit_price / other.exit_price - 1) for one, other in pairs if not one.is_open and other.exit_price
    ]
    words = [
        f"{name} {abs(mean) * 1e4:.1f} bp {higher if mean > 0 else lower}"
        for name, found, higher, lower in (("bought", entries, "dearer", "cheaper"), ("sold", exits, "higher", "lower"))
        if found and abs(mean := sum(found) / len(found)) >= 5e-6
    ]
    return f"on paper {' and '.join(words)} on average" if words else "at the same prices on average"


def told(span: Span, paper: OnPaper, tested: Tested, matched: Matched) -> list[str]:
    """What was compared, what stands open, and each trade that only one side has."""
    lines = [
        f"{span.bars:,} bars of {span.frame.value} from {when(span.from_ms)} to {when(span.to_ms)} UTC:"
        f" {counted(paper.deals)} on paper, {counted(tested.deals)} in the backtest."
    ]
    for side, deals in (("on paper", paper.deals), ("in the backtest", tested.deals)):
        names = [f"{deal.symbol} since {when(deal.entry_ms)}" for deal in deals if deal.is_open]
        if names:
            lines.append(f"Open at the end {side}, valued at the last close: {', '.join(names)}.")
    lines += named(
        "Missed", [f"{_deal_told(deal)}: {why_missed(deal, paper.signals, span)}" for deal in matched.missed]
    )
    lines += named("Extra", [_deal_told(deal) for deal in matched.extra])
    if paper.late:
        lines.append(
            f"{paper.late} fills on paper came late, because their price was passed while the engine was down."
        )
    if paper.by_hand:
        lines.append(f"{paper.by_hand} fills were ordered by hand; the backtest has none of these.")
    return lines


def named(title: str, texts: Sequence[str]) -> list[str]:
    shown = [f"{title}: {text}." for text in texts[:MOST_NAMED]]
    more = len(texts) - MOST_NAMED
    return [*shown, f"{title}: {more} more."] if more > 0 else shown


def why_missed(deal: Deal, signals: Sequence[StoredSignal], span: Span) -> str:
    """What became of the signal of a trade that paper did not make."""
    reach = (TOLERANCE_BARS + 1) * span.frame.ms
    near = [one for one in signals if one.symbol == deal.symbol and deal.entry_ms - reach <= one.bar_ms < deal.entry_ms]
    if not near:
        return "there was no signal on paper"
    signal = max(near, key=lambda one: one.bar_ms)
    return clean(signal.ending, 120) if signal.ending else f"its signal is {signal.state}"


def _deal_told(deal: Deal) -> str:
    result = f"{cents(deal.profit):+f}".replace("-", "−")
    return f"{deal.symbol} entered {when(deal.entry_ms)}, {result} USDT{' so far' if deal.is_open else ''}"


def counted(deals: Sequence[Deal]) -> str:
    return f"{len(deals):,} trade{'' if len(deals) == 1 else 's'}"


def when(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}"
