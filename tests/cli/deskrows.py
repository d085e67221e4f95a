"""What a scripted engine answers about bots, orders and risk."""

from __future__ import annotations

from typing import Any

from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.api.values import Shown
from tests.cli.lab import DAY, NOON

HOUR = 3_600_000
EQUITY = Shown(standing="known", text="10214.53")
BOT = tv.BotRow(
    id=3,
    strategy="ema-pullback",
    version=4,
    symbols=["BTC_USDT"],
    timeframe="1h",
    account="paper/bot-3",
    capital="1000",
    equity="1012.40",
    result="12.40",
    result_ratio=0.0124,
    realised="8.10",
    drawdown=0.021,
    expected_low=-0.008,
    expected_high=0.021,
    health="ok",
    params={"fast": 21.0},
    positions=1,
    trades=5,
    wins=3,
    protection="local",
    started_ms=NOON - 3 * DAY,
    last_bar_ms=NOON,
    next_bar_ms=NOON + HOUR,
)
PAUSED = tv.BotRow(
    id=4,
    strategy="rsi-reversion",
    version=2,
    symbols=["ETH_USDT"],
    timeframe="1h",
    account="paper/bot-4",
    state="paused",
    reason="stale data since 00:41\x1b[2J",
    capital="500",
    blocked="stale ETH_USDT",
    started_ms=NOON,
)
BOTS = tr.Bots(bots=[BOT, PAUSED], equity=EQUITY, day_result="125.10", day_ratio=0.0124)
POSITION = tv.PositionRow(
    account="paper/bot-3",
    bot=3,
    strategy="ema-pullback",
    symbol="BTC_USDT",
    quantity="0.031",
    entry_price="61204.10",
    mark="61873.41",
    mark_ms=NOON,
    value="1918.08",
    result="20.75",
    result_ratio=0.0109,
    r=1.03,
    stop="60592.06",
    target="62428.18",
    protection="local",
    fees="3.79",
    opened_ms=NOON - DAY,
)
STALE = tv.PositionRow(
    account="paper", bot=0, strategy="", symbol="ETH_USDT", quantity="1", entry_price="2600", mark="2610",
    mark_ms=NOON, stale=True, opened_ms=NOON,
)  # fmt: skip
DUST = tv.PositionRow(
    account="paper", bot=0, strategy="", symbol="TRX_USDT", quantity="0.000001", entry_price="0.1", dust=True
)
ORDER = tv.OrderRow(
    id="pt-abc",
    account="paper",
    bot=0,
    symbol="BTC_USDT",
    side="BUY",
    type="LIMIT",
    purpose="manual",
    state="ACCEPTED",
    quantity="0.01",
    price="60000",
    reason="by hand",
    created_ms=NOON,
)
LOST = tv.OrderRow(
    id="pt-def", account="paper", bot=3, symbol="BTC_USDT", side="BUY", type="MARKET", purpose="entry",
    state="UNKNOWN", amount="500", code="HTTP-504", words="no answer\x1b", created_ms=NOON,
)  # fmt: skip
FILL = tv.FillRow(
    number=7,
    id="paper:7",
    order="pt-abc",
    account="paper",
    bot=0,
    symbol="BTC_USDT",
    side="BUY",
    price="60000",
    quantity="0.01",
    amount="600",
    fee="0.00002",
    fee_currency="BTC",
    maker=True,
    purpose="manual",
    reason="by hand",
    signal="",
    at_ms=NOON,
)
TRADE = tv.TradeRow(
    id=212,
    account="paper/bot-3",
    bot=3,
    strategy="ema-pullback",
    symbol="BTC_USDT",
    entry_ms=NOON,
    exit_ms=NOON + 13 * HOUR,
    entry_price="61204.1",
    exit_price="61873.41",
    quantity="0.031",
    stop="60592.06",
    target="62428.18",
    fees="7.62904",
    profit="-20.7456789012345678",
    ratio=-0.0109,
    r=-0.8,
    reason="stop",
    signal="sig-3-BTC_USDT-1",
    note="too early",
    tags=["impatient"],
)
BY_HAND = tv.TradeRow(
    id=213, account="paper", bot=0, strategy="", symbol="ETH_USDT", entry_ms=NOON, exit_ms=NOON + HOUR,
    entry_price="2600", exit_price="2700", quantity="1", fees="10", profit="90", ratio=0.0346,
    reason="=cmd|' /C calc'!A0",
)  # fmt: skip
TRADES = tr.Trades(trades=[BY_HAND, TRADE], profit="69.2543", fees="17.62904", wins=1, losses=1)
SIGNAL = tv.SignalRow(
    id="sig-3-BTC_USDT-1", bot=3, strategy="ema-pullback", symbol="BTC_USDT", side="long", bar_ms=NOON, at_ms=NOON,
    entry="61204.1", stop="60592.06", target="", state="closed", ending="refused: RISK-CORR", latency_ms=412,
    reason="crosses_above(rsi, 30)",
)  # fmt: skip
FEED = tr.Feed(
    items=[
        tv.FeedItem(
            number=9, at_ms=NOON + 1_000, kind="refused", level="warning", symbol="BTC_USDT", bot=3,
            text="long entry  RISK-CORR: 4th pair\x1b[2J",
        ),
        tv.FeedItem(number=8, at_ms=NOON, kind="signal", symbol="BTC_USDT", bot=3, text="long entry"),
    ]
)  # fmt: skip


def finding(code: str, text: str, *, refuses: bool = False, use: float | None = None) -> tv.FindingRow:
    return tv.FindingRow(code=code, title=code.lower(), refuses=refuses, text=text, use=use)


REFUSED = tv.DecisionRow(
    approved=False,
    code="RISK-POSITION",
    findings=[finding("RISK-POSITION", "BTC_USDT would be 55 % of the equity; the limit is 20 %.", refuses=True)],
    warnings=[finding("RISK-CONFIRM", "The order is 50 % of the equity.")],
    recommendation="Ask for less.",
)
APPROVED = tv.DecisionRow(
    approved=True,
    checks=[finding("RISK-CASH", "The cash suffices."), finding("RISK-EXPOSURE", "exposure", use=0.32)],
)
PLACED = tr.OrderPlaced(placed=True, decision=APPROVED, order=ORDER, text="The order is accepted.")
NOT_PLACED = tr.OrderPlaced(placed=False, decision=REFUSED, text="Ask for less.")
REJECTED = tr.OrderPlaced(placed=False, decision=APPROVED, order=ORDER, text="Rejected: too small.")
ASSESSED = tr.Assessed(
    decision=REFUSED, daily_loss={"exceeded": False}, price="61873.41", quantity="0.01", amount="618.73", fee="1.24",
    exposure_after=0.55, cash_after="9381.27",
)  # fmt: skip
METER = tv.Meter(score=23, formula="30 x daily loss + …", parts=[], biggest="exposure BTC 11 of 23")
LATCH = tv.LatchRow(
    name="daily-loss",
    title="loss of the day",
    reason="-5.2 % since 00:00 UTC",
    since_ms=NOON,
    how_to_clear="acknowledge it after 2024-05-02 00:00 UTC, or override it",
    override_words="OVERRIDE daily-loss",
)
ALERT = tv.AlertRow(id=2, level="near", code="RISK-CORR", text="correlated pairs 2 of 3", at_ms=NOON)
LOCK = tv.LockRow(id=1, symbol="SOL_USDT", code="HAND", reason="news", from_ms=NOON, until_ms=NOON + DAY)
CHANGE = tv.LimitChange(name="daily_loss", title="Daily loss", old="5 %", new="3 %", loosens=False)
LOOSER = tv.LimitChange(name="max_position", title="Largest position", old="20 %", new="30 %", loosens=True)
RISK = tr.Risk(
    state="REDUCING",
    state_reason="the account is down 26 % from its peak",
    preset="moderate",
    meter=METER,
    limits=[
        tv.LimitRow(
            name="daily-loss", title="Daily loss", value_text="0.4 %", limit_text="5 %", use=0.08,
            distance_text="4.6 % of equity left",
        ),
        tv.LimitRow(
            name="corr", title="Correlated pairs", value_text="–", limit_text="3", state="unknown",
            distance_text="not known",
        ),
    ],
    exposure=[
        tv.ExposureRow(kind="asset", name="BTC", value="3166.50", share=0.31),
        tv.ExposureRow(kind="strategy", name="", value="12.00", share=None),
    ],
    cash_share=0.57,
    latches=[LATCH],
    locks=[LOCK],
    alerts=[ALERT],
    protection=[],
    stops_local=2,
    pending=[LOOSER],
    pending_ms=NOON + 60_000,
    safety=97,
)  # fmt: skip
LIMITS = tr.Limits(
    preset="moderate",
    presets=["conservative", "moderate", "aggressive"],
    fields=[
        tv.LimitField(
            name="daily_loss", title="Daily loss", unit="%", value="5", low="0.1", high="50",
            help="loss since 00:00 UTC", group="Losses",
        ),
        tv.LimitField(
            name="stop_required", title="Stop required", unit="on/off", value="on", low="off", high="on",
            help="refuse entries without a stop", group="Trade",
        ),
    ],
)  # fmt: skip
PREVIEW = tr.LimitsPreview(changes=[CHANGE, LOOSER], loosens=True, delay_s=60.0)
SET = tr.LimitsSet(
    text="2 limits change in 60 s; until then the old ones count.", changes=[CHANGE, LOOSER], from_ms=NOON
)


def json_of(value: Any) -> Any:
    """What --json must hold of a reply, without its schema."""
    import msgspec

    return msgspec.json.decode(msgspec.json.encode(value))
