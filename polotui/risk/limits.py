"""The limits that protect an account: what there is, the presets, what is wrong with a set, what loosens.

Decided here:
* A set of limits is one frozen value. A change is a new set; `difference` says what changes and which of it loosens,
  so that a tighter limit can count at once and a looser one waits.
* Every field is described once, in `fields.FIELDS`; forms, documents and JSON read it from there.
* Ratios are fractions (0.05 is 5 %), money is Decimal in the account's currency, times are milliseconds.
* Above what a trader sets stand `CEILING_AMOUNT` and `CEILING_QUANTITY`, which no setting can raise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from polotui.core.errors import UsageError
from polotui.risk.fields import BY_NAME, FIELDS, Field, shown

#: No single order is ever larger than this, whatever the limits say: quote currency and base currency.
CEILING_AMOUNT = Decimal(1_000_000)
CEILING_QUANTITY = Decimal(10) ** 13


class SymbolCap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The largest order on one symbol: quote amount, base quantity. None: only the general limit counts."""

    symbol: str
    amount: Decimal | None = None
    quantity: Decimal | None = None


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every limit of the gate. The defaults are the preset «moderate». What each means: `fields.FIELDS`."""

    daily_loss: float = 0.05
    drawdown_warn: float = 0.15
    drawdown_pause: float = 0.25
    loss_streak: int = 10
    max_position: float = 0.20
    gross_exposure: float = 1.0
    positions_per_strategy: int = 20
    positions_total: int = 50
    correlated_pairs: int = 3
    correlation: float = 0.7
    leverage: float = 2.0
    risk_per_trade: float = 0.01
    max_trade_risk: float = 0.02
    stop: float = 0.03
    target: float = 0.06
    stop_required: bool = True
    reward_risk: float = 1.5
    max_order_amount: Decimal = Decimal(50_000)
    price_collar: float = 0.05
    price_collar_exit: float = 0.20
    max_jump: float = 0.20
    max_difference: float = 0.10
    data_age_ms: int = 30_000
    orders_per_second: int = 5
    orders_per_minute: int = 60
    rate_reserve: float = 0.2
    duplicate_ms: int = 2_000
    repeated_entries: int = 10
    repeated_ms: int = 300_000
    fat_finger_factor: float = 5.0
    fat_finger_share: float = 0.25
    safety_score: int = 90
    #: Empty: every symbol that the exchange trades.
    symbols: tuple[str, ...] = ()
    symbol_caps: tuple[SymbolCap, ...] = ()


PRESETS: dict[str, Limits] = {
    "conservative": Limits(
        risk_per_trade=0.005,
        max_trade_risk=0.01,
        max_position=0.10,
        gross_exposure=0.8,
        stop=0.02,
        target=0.04,
        daily_loss=0.02,
        drawdown_warn=0.08,
        drawdown_pause=0.12,
        loss_streak=5,
        positions_per_strategy=5,
        positions_total=10,
        correlated_pairs=2,
        leverage=1.0,
        reward_risk=2.0,
        max_order_amount=Decimal(10_000),
    ),
    "moderate": Limits(),
    "aggressive": Limits(
        risk_per_trade=0.02,
        max_trade_risk=0.04,
        max_position=0.30,
        stop=0.05,
        target=0.10,
        daily_loss=0.08,
        drawdown_warn=0.20,
        drawdown_pause=0.35,
        loss_streak=15,
        positions_per_strategy=30,
        positions_total=80,
        correlated_pairs=4,
        leverage=5.0,
        reward_risk=1.2,
        max_order_amount=Decimal(100_000),
    ),
}
DEFAULT_PRESET = "moderate"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One field that two sets have differently, in words for a person. `loosens`: it allows more than before."""

    field: str
    title: str
    old: str
    new: str
    loosens: bool


def preset_of(limits: Limits) -> str:
    """The name of the preset that `limits` is, or `custom`."""
    return next((name for name, preset in PRESETS.items() if preset == limits), "custom")


def _wrong(field: Field, value: Any) -> str:
    """What is wrong with one field's value, or nothing."""
    if field.unit == "switch":
        return "" if isinstance(value, bool) else f"{field.title} is on or off, not {value!r}."
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return f"{field.title} is not a number: {value!r}."
    finite = value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)
    if not finite:
        return f"{field.title} is not a finite number."
    if field.whole and value != int(value):
        return f"{field.title} is a whole number, not {value}."
    if not field.low <= value <= field.high:
        low, high = shown(field, field.low), shown(field, field.high)
        return f"{field.title} is {shown(field, value)}; allowed is {low} to {high}."
    return ""


def _contradictions(limits: Limits) -> list[str]:
    """What fits no other field, once each field is right by itself."""
    rules = (
        (
            limits.drawdown_warn < limits.drawdown_pause,
            "Drawdown: the warning comes before the pause, not at or after it.",
        ),
        (
            limits.daily_loss <= limits.drawdown_pause,
            "Daily loss is above the drawdown that pauses; it would never be reached.",
        ),
        (
            limits.positions_per_strategy <= limits.positions_total,
            "Positions per strategy are more than positions in all.",
        ),
        (limits.max_position <= limits.gross_exposure, "The largest position is above the exposure in all."),
        (limits.risk_per_trade <= limits.max_trade_risk, "Risk a trade is above the most that a trade may lose."),
        (limits.price_collar <= limits.price_collar_exit, "The price band of exits is narrower than that of entries."),
        (limits.orders_per_second <= limits.orders_per_minute, "Orders a second are more than orders a minute."),
    )
    return [words for holds, words in rules if not holds]


def hints(limits: Limits) -> tuple[str, ...]:
    """What is allowed but hardly meant. These are no mistakes: a limit that is tightened in haste must never fail."""
    rules = (
        (limits.max_trade_risk <= limits.daily_loss, "One trade may lose more than a whole day may."),
        (
            limits.target >= limits.stop * limits.reward_risk * (1 - 1e-9),
            "The usual target is too near: with the usual stop it misses the least reward to risk.",
        ),
    )
    return tuple(words for holds, words in rules if not holds)


def _wrong_symbols(limits: Limits) -> list[str]:
    wrong = [f"Symbol {name[:40]!r} is not one like BTC_USDT." for name in limits.symbols if name.count("_") < 1]
    for cap in limits.symbol_caps:
        for value, ceiling in ((cap.amount, CEILING_AMOUNT), (cap.quantity, CEILING_QUANTITY)):
            if value is not None and not (value.is_finite() and 0 < value <= ceiling):
                wrong.append(f"The cap of {cap.symbol[:40]} is outside 0 to {ceiling:,f}.")
    return wrong


@lru_cache(maxsize=16)
def validate(limits: Limits) -> tuple[str, ...]:
    """One sentence for each thing that is wrong; empty when the set can protect an account."""
    wrong = [words for field in FIELDS if (words := _wrong(field, getattr(limits, field.name)))]
    return tuple(wrong or _contradictions(limits) + _wrong_symbols(limits))


def _loosens(field: Field, old: Any, new: Any) -> bool:
    if field.unit == "switch":
        return bool(old) and not new if field.loosens == "off" else bool(new) and not old
    return bool(new > old if field.loosens == "up" else new < old)


def _cap_rises(old: Decimal | None, new: Decimal | None) -> bool:
    return old is not None and (new is None or new > old)


def _symbol_changes(old: Limits, new: Limits) -> list[Change]:
    changes = []
    if old.symbols != new.symbols:
        every = "every symbol"
        more = bool(old.symbols) and (not new.symbols or not set(new.symbols) <= set(old.symbols))
        changes.append(
            Change(
                field="symbols",
                title="Allowed symbols",
                old=", ".join(old.symbols) or every,
                new=", ".join(new.symbols) or every,
                loosens=more,
            )
        )
    before = {cap.symbol: cap for cap in old.symbol_caps}
    after = {cap.symbol: cap for cap in new.symbol_caps}
    for symbol in sorted(before.keys() | after.keys()):
        was, now = before.get(symbol, SymbolCap(symbol=symbol)), after.get(symbol, SymbolCap(symbol=symbol))
        if was != now:
            changes.append(
                Change(
                    field=f"symbol_caps.{symbol}",
                    title=f"Largest order on {symbol}",
                    old=_cap_words(was),
                    new=_cap_words(now),
                    loosens=_cap_rises(was.amount, now.amount) or _cap_rises(was.quantity, now.quantity),
                )
            )
    return changes


def _cap_words(cap: SymbolCap) -> str:
    amount = "" if cap.amount is None else f"{cap.amount:,f} in quote currency"
    quantity = "" if cap.quantity is None else f"{cap.quantity:,f} in base currency"
    return " and ".join(part for part in (amount, quantity) if part) or "the general limit"


def difference(old: Limits, new: Limits) -> list[Change]:
    """What `new` has differently, in the order of the form."""
    changes = []
    for field in FIELDS:
        was, now = getattr(old, field.name), getattr(new, field.name)
        if was != now:
            changes.append(
                Change(
                    field=field.name,
                    title=field.title,
                    old=shown(field, was),
                    new=shown(field, now),
                    loosens=_loosens(field, was, now),
                )
            )
    return changes + _symbol_changes(old, new)


def loosens(old: Limits, new: Limits) -> bool:
    """Whether anything in `new` allows more than `old`."""
    return any(change.loosens for change in difference(old, new))


def tightest(old: Limits, new: Limits) -> Limits:
    """Of each field the tighter one: what counts until the looser part of a change may."""
    chosen = {
        field.name: getattr(
            old if _loosens(field, getattr(old, field.name), getattr(new, field.name)) else new, field.name
        )
        for field in FIELDS
    }
    allowed = tuple(name for name in new.symbols if name in old.symbols) if old.symbols and new.symbols else ()
    # Two lists without a common symbol: none would read as «every», so the old one stays.
    symbols = allowed or old.symbols or new.symbols
    caps: dict[str, SymbolCap] = {cap.symbol: cap for cap in old.symbol_caps}
    for cap in new.symbol_caps:
        was = caps.get(cap.symbol, SymbolCap(symbol=cap.symbol))
        caps[cap.symbol] = SymbolCap(
            symbol=cap.symbol,
            amount=_lower(was.amount, cap.amount),
            quantity=_lower(was.quantity, cap.quantity),
        )
    return Limits(**chosen, symbols=symbols, symbol_caps=tuple(caps[name] for name in sorted(caps)))


def _lower(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return one if other is None else other if one is None else min(one, other)


def to_json(limits: Limits) -> dict[str, Any]:
    """Plain values; decimals as text."""
    built: dict[str, Any] = msgspec.to_builtins(limits)
    return built


def from_json(data: Mapping[str, Any], base: Limits | None = None) -> Limits:
    """The set that `data` gives, over `base` (moderate) where it is silent. Raises UsageError with every mistake."""
    try:
        limits = msgspec.convert({**to_json(base or Limits()), **data}, Limits)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"These are no limits: {error}.",
            safe="Nothing was changed.",
            next_step=f"There are {', '.join(BY_NAME)}, symbols and symbol_caps.",
        ) from error
    if wrong := validate(limits):
        raise UsageError(" ".join(wrong), safe="Nothing was changed.", next_step="Correct the named fields.")
    return limits
