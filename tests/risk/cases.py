"""Seeded orders, accounts, markets and limits: ordinary ones, ones that break one rule on purpose, and wild ones."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from polotui.model.orders import OrderTerms, OrderType, Purpose, Side
from polotui.risk.limits import PRESETS, Limits, SymbolCap
from polotui.risk.values import (
    AccountView,
    Asked,
    Latch,
    MarketView,
    PairLock,
    PositionView,
    RestingView,
    SentOrder,
)

NOW = 1_760_000_000_000
CENT, LOT = Decimal("0.01"), Decimal("0.001")
SYMBOLS = [
    f"{name}_USDT" for name in ("ADA", "BTC", "DOT", "ETH", "LTC", "SOL", "TRX", "UNI", "XLM", "XMR", "XRP", "ZEC")
]
NAN = float("nan")
D_NAN = Decimal("NaN")


class Scene:
    """One question to the gate in parts that a breaker may change."""

    __slots__ = ("asked", "limits", "market", "rng", "terms", "view")

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.limits: dict[str, Any] = {}
        self.market: dict[str, Any] = {}
        self.terms: dict[str, Any] = {}
        self.asked: dict[str, Any] = {}
        self.view: dict[str, Any] = {}

    def build(self) -> tuple[Asked, AccountView, MarketView, Limits]:
        return (
            Asked(terms=OrderTerms(**self.terms), **self.asked),
            AccountView(**self.view),
            MarketView(**self.market),
            Limits(**self.limits),
        )

    @property
    def amount(self) -> Decimal:
        """The most quote currency that the order moves (triggers aside)."""
        terms = self.terms
        return terms["amount"] if terms["amount"] is not None else terms["quantity"] * self.price

    @property
    def price(self) -> Decimal:
        terms = self.terms
        return terms["price"] or terms["stop"] or self.market["ask"]

    def others(self) -> list[str]:
        """Symbols that nobody holds, enters or asks for."""
        used = {p.symbol for p in self.view["positions"]} | {r.symbol for r in self.view["resting"]}
        return [name for name in SYMBOLS if name not in used and name != self.terms["symbol"]]

    def fund(self, more: Decimal) -> None:
        """More cash, so that a waiting buy does not also make it short."""
        self.view["cash"] = {"USDT": self.view["cash"]["USDT"] + more}


def cents(rng: random.Random, low: float, high: float) -> Decimal:
    return Decimal(rng.randint(int(low * 100), int(high * 100))) * CENT


_PRESET_FIELDS = {name: {f: getattr(p, f) for f in p.__struct_fields__} for name, p in PRESETS.items()}


def ordinary(rng: random.Random, positions: int | None = None) -> Scene:
    """An entry or an exit that usually passes."""
    s = Scene(rng)
    s.limits = dict(_PRESET_FIELDS[rng.choice(("conservative", "moderate", "aggressive"))])
    s.limits["stop_required"] = rng.random() < 0.7
    symbol = rng.choice(SYMBOLS)
    price = cents(rng, 5, 500)
    spread = max(CENT, (price * rng.randint(1, 20) / 10_000).quantize(CENT))
    s.market = {
        "bid": price,
        "ask": price + spread,
        "last": price + spread * rng.randint(0, 1),
        "age_ms": rng.randint(0, 20_000),
        "fresh": True,
        "min_quantity": LOT,
        "min_amount": Decimal(1),
        "quantity_step": LOT,
        "price_step": CENT,
        "jump": rng.random() * 0.05,
        "difference": rng.random() * 0.02,
    }
    bot = rng.randint(0, 4)
    account = f"paper/bot-{bot}" if bot else "paper"
    strategy = f"strategy-{bot % 3}" if bot else ""
    equity = cents(rng, 5_000, 200_000)
    _account(s, equity, positions, symbol, account, strategy, bot)
    _order(s, symbol, account, bot, strategy, equity)
    return s


def _account(
    s: Scene, equity: Decimal, positions: int | None, symbol: str, account: str, strategy: str, bot: int
) -> None:
    rng = s.rng
    held = []
    most = s.limits["positions_per_strategy"] // 2
    names = rng.sample([name for name in SYMBOLS if name != symbol], rng.randint(0, min(4, most)))
    if positions is not None:
        names = [f"T{n:02d}_USDT" for n in range(positions)]
    for name in names:
        mark = cents(rng, 5, 500)
        worth = equity * rng.randint(5, 60) / (10_000 if positions is None else 100_000)
        other = rng.randint(0, 4)
        held.append(
            PositionView(
                account=f"paper/bot-{other}" if other else "paper",
                bot=other,
                strategy=f"strategy-{other % 3}" if other else "",
                symbol=name,
                quantity=(worth / mark).quantize(LOT) + LOT,
                entry_price=mark,
                mark=mark,
                stop=mark * Decimal("0.97"),
            )
        )
    if rng.random() < 0.35:
        quantity = (equity * rng.randint(5, 50) / 10_000 / s.market["ask"]).quantize(LOT) + LOT
        held.append(
            PositionView(
                account=account,
                bot=bot,
                strategy=strategy,
                symbol=symbol,
                quantity=quantity,
                entry_price=s.market["bid"],
                mark=s.market["bid"],
                stop=s.market["bid"] * Decimal("0.95") if rng.random() < 0.8 else None,
            )
        )
    everything = sorted({*SYMBOLS, *names})
    weak = rng.random() * 0.6
    few = len(everything) <= len(SYMBOLS)
    correlations = _weak(weak) if few else {(a, b): weak for a in everything for b in everything if a < b}
    s.view = {
        "root": "paper",
        "now_ms": NOW,
        "state": "ACTIVE",
        "equity": equity,
        "day_start_equity": equity * rng.randint(9_950, 10_150) / 10_000,
        "peak_equity": equity * rng.randint(10_000, 10_600) / 10_000,
        "cash": {"USDT": equity * 3},
        "account_cash": {(f"paper/bot-{n}", "USDT"): equity / 2 for n in range(1, 5)},
        "positions": tuple(held),
        "resting": _waiting(s, equity, names, symbol),
        "sent": _sent(s, symbol),
        "correlations": correlations,
        "strategy_drawdowns": {f"strategy-{n}": rng.random() * 0.05 for n in range(3)},
        "consecutive_losses": {n: rng.randint(0, 3) for n in range(5)},
        "safety_score": rng.randint(91, 100),
    }


_WEAK: dict[int, dict[tuple[str, str], float | None]] = {}


def _weak(value: float) -> dict[tuple[str, str], float | None]:
    key = int(value * 20)
    if key not in _WEAK:
        _WEAK[key] = {(a, b): key / 20 for a in SYMBOLS for b in SYMBOLS if a < b}
    return _WEAK[key]


def _waiting(s: Scene, equity: Decimal, names: list[str], symbol: str) -> tuple[RestingView, ...]:
    rng, found = s.rng, []
    for n, name in enumerate(names[:2]):
        if rng.random() < 0.5:
            worth = (equity * rng.randint(1, 20) / 10_000).quantize(CENT)
            found.append(resting(f"w{n}", name, Side.BUY, worth, cents(rng, 5, 500), bot=rng.randint(1, 4)))
    if rng.random() < 0.2:
        ask = s.market["ask"]
        found.append(resting("far", symbol, Side.SELL, Decimal(0), (ask * 2).quantize(CENT), bot=9))
    return tuple(found)


def resting(
    name: str, symbol: str, side: Side, worst: Decimal, price: Decimal | None, *, bot: int, quantity: Decimal = LOT
) -> RestingView:
    return RestingView(
        id=name,
        account=f"paper/bot-{bot}",
        bot=bot,
        strategy=f"strategy-{bot % 3}",
        symbol=symbol,
        side=side,
        quantity=quantity,
        price=price,
        worst_amount=worst,
        reduces=side is Side.SELL,
        created_ms=NOW - 60_000,
    )


def sent(age: int, symbol: str = "OLD_USDT", bot: int = 7, **changes: Any) -> SentOrder:
    values: dict[str, Any] = {
        "at_ms": NOW - age,
        "bot": bot,
        "symbol": symbol,
        "side": Side.BUY,
        "price": Decimal(10),
        "quantity": Decimal(1),
        "amount": None,
        "reduces": False,
        "automatic": True,
    }
    return SentOrder(**{**values, **changes})


def _sent(s: Scene, symbol: str) -> tuple[SentOrder, ...]:
    rng = s.rng
    ages = sorted((rng.randint(3_000, 400_000) for _ in range(rng.randint(0, 6))), reverse=True)
    return tuple(
        sent(age, rng.choice(SYMBOLS), rng.randint(0, 4), reduces=rng.random() < 0.3, price=None) for age in ages
    )


def _order(s: Scene, symbol: str, account: str, bot: int, strategy: str, equity: Decimal) -> None:
    rng, ask = s.rng, s.market["ask"]
    s.terms = {
        "id": "pt-1",
        "account": account,
        "symbol": symbol,
        "side": Side.BUY,
        "type": rng.choice((OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP)),
        "purpose": (rng.choice((Purpose.ENTRY, Purpose.ENTRY, Purpose.ADD)) if bot else Purpose.MANUAL),
        "created_ms": NOW,
        "bot": bot,
        "quantity": None,
        "amount": None,
        "price": None,
        "stop": None,
        "target": None,
    }
    s.asked = {"strategy": strategy, "leverage": 1.0}
    mine = [p for p in s.view["positions"] if (p.account, p.symbol) == (account, symbol)]
    if mine and rng.random() < 0.5:
        _exit(s, mine[0], bot)
        return
    worth = equity * rng.randint(10, 300) / 10_000
    kind = s.terms["type"]
    at = ask
    if kind is OrderType.MARKET:
        s.terms["amount"] = worth.quantize(CENT) + 1
    else:
        # Never the price of an own waiting sale, never beyond the band of 5 %.
        at = (ask * rng.randint(9_700, 10_100) / 10_000).quantize(CENT)
        s.terms["quantity"] = (worth / at).quantize(LOT) + max(LOT, (1 / at).quantize(LOT) + LOT)
        s.terms["stop" if kind is OrderType.STOP else "price"] = at
    distance = Decimal(rng.randint(50, 800)) / 10_000
    if rng.random() < 0.9:
        s.asked["stop"] = at * (1 - distance)
        if rng.random() < 0.7:
            s.asked["target"] = at * (1 + distance * rng.randint(200, 500) / 100)


def _exit(s: Scene, position: PositionView, bot: int) -> None:
    rng = s.rng
    s.terms["side"] = Side.SELL
    s.terms["purpose"] = (
        rng.choice((Purpose.EXIT, Purpose.STOP, Purpose.TARGET, Purpose.PROTECT, Purpose.FLATTEN))
        if bot
        else Purpose.MANUAL
    )
    s.terms["quantity"] = max(LOT, (position.quantity * rng.randint(1, 100) / 100).quantize(LOT, rounding="ROUND_DOWN"))
    if rng.random() < 0.5:
        s.terms["quantity"] = position.quantity
    if s.terms["type"] in (OrderType.LIMIT, OrderType.LIMIT_MAKER):
        s.terms["price"] = (s.market["ask"] * rng.randint(100, 150) / 100).quantize(CENT)
    elif s.terms["type"] is OrderType.STOP:
        s.terms["stop"] = (s.market["bid"] * rng.randint(80, 99) / 100).quantize(CENT)


# --- Breakers: each is meant to break one rule and nothing else. One that cannot be used on a scene leaves it as it is.

Breaker = Callable[[Scene], None]
BREAKERS: dict[str, Breaker] = {}


def breaks(code: str) -> Callable[[Breaker], Breaker]:
    def keep(breaker: Breaker) -> Breaker:
        BREAKERS[code] = breaker
        return breaker

    return keep


def is_entry(s: Scene) -> bool:
    return s.terms["side"] is Side.BUY


@breaks("RISK-LIMITS")
def _limits(s: Scene) -> None:
    change = s.rng.choice(
        (
            {"daily_loss": NAN},
            {"max_position": float("inf")},
            {"gross_exposure": -1.0},
            {"drawdown_warn": 0.5},
            {"positions_total": 0},
            {"daily_loss": 0.0},
            {"safety_score": 0},
            {"max_position": 0.9, "gross_exposure": 0.5},
        )
    )
    s.limits.update(change)


@breaks("RISK-TERMS")
def _terms(s: Scene) -> None:
    if s.rng.random() < 0.3:
        s.terms["account"] = "spot"
        s.view["account_cash"] = {**s.view["account_cash"], ("spot", "USDT"): s.view["equity"]}
    elif s.terms["type"] is OrderType.MARKET and is_entry(s):
        s.terms["quantity"] = LOT
    else:
        s.terms["amount"] = s.rng.choice((Decimal(10), Decimal(1)))


@breaks("RISK-STATE")
def _state(s: Scene) -> None:
    s.view["state"] = s.rng.choice(("HALTED", "REDUCING"))


@breaks("RISK-LATCH")
def _latch(s: Scene) -> None:
    s.view["latches"] = (Latch(name="daily-loss", reason="5.2 % today.", since_ms=NOW - 1000),)


@breaks("RISK-SAFETY")
def _safety(s: Scene) -> None:
    s.view.update(s.rng.choice(({"safety_score": None}, {"safety_score": 90}, {"safety_vetoes": ("owner",)})))


@breaks("RISK-SYMBOL")
def _symbol(s: Scene) -> None:
    if s.rng.random() < 0.5:
        s.market["tradable"] = False
    else:
        s.limits["symbols"] = ("SHIB_USDT", s.terms["symbol"].lower())


@breaks("RISK-MARKET")
def _market(s: Scene) -> None:
    oldest = s.limits["data_age_ms"]
    ask = s.market["ask"]
    change = s.rng.choice(({"fresh": False}, {"age_ms": None}, {"age_ms": oldest + 1}, {"bid": ask}, {"age_ms": -5}))
    s.market.update(change)


@breaks("RISK-JUMP")
def _jump(s: Scene) -> None:
    s.market.update(s.rng.choice(({"jump": NAN}, {"jump": 0.2001}, {"difference": 0.11}, {"difference": float("inf")})))


@breaks("RISK-PRICE")
def _price(s: Scene) -> None:
    kind = s.terms["type"]
    if not is_entry(s):
        if kind in (OrderType.LIMIT, OrderType.LIMIT_MAKER):
            s.terms["price"] = (s.market["bid"] * Decimal("0.7")).quantize(CENT)
        return
    if kind is OrderType.MARKET:
        s.market["last"] = s.rng.choice((None, s.market["ask"] * Decimal("0.9"), D_NAN))
        return
    at = (s.market["bid"] * Decimal(s.rng.randint(85, 94)) / 100).quantize(CENT)
    s.terms["stop" if kind is OrderType.STOP else "price"] = at
    _plan_around(s, at)


def _plan_around(s: Scene, at: Decimal) -> None:
    if s.asked.get("stop") is not None:
        s.asked["stop"] = at * Decimal("0.99")
    if s.asked.get("target") is not None:
        s.asked["target"] = at * Decimal("1.03")


@breaks("RISK-GRID")
def _grid(s: Scene) -> None:
    if s.terms["amount"] is not None:
        s.market["min_amount"] = s.terms["amount"] + CENT
    elif s.rng.random() < 0.5:
        s.market["quantity_step"] = s.terms["quantity"] * 2
    else:
        s.market["min_quantity"] = s.terms["quantity"] + LOT


@breaks("RISK-HELD")
def _held(s: Scene) -> None:
    if is_entry(s):
        if s.terms["quantity"] is not None and s.terms["bot"]:
            s.terms["purpose"] = s.rng.choice((Purpose.EXIT, Purpose.STOP))
        return
    if s.terms["purpose"] is Purpose.MANUAL:
        return
    held = next(p for p in s.view["positions"] if (p.account, p.symbol) == (s.terms["account"], s.terms["symbol"]))
    if s.rng.random() < 0.5:
        s.terms["quantity"] = held.quantity + LOT
    else:
        claim = held.quantity - s.terms["quantity"] + LOT
        order = resting("claim", s.terms["symbol"], Side.SELL, Decimal(0), None, bot=s.terms["bot"], quantity=claim)
        s.view["resting"] += (replace(order, account=s.terms["account"]),)


@breaks("RISK-CASH")
def _cash(s: Scene) -> None:
    if not is_entry(s):
        return
    way, short = s.rng.random(), s.amount * Decimal("0.99")
    if way < 0.4:
        s.view["cash"] = {"USDT": short}
        s.view["resting"] = ()
    elif s.terms["bot"] and way < 0.7:
        s.view["account_cash"] = {(s.terms["account"], "USDT"): short}
    elif s.terms["bot"]:
        s.view["account_cash"] = {}
    else:
        s.view["cash"] = {}


@breaks("RISK-ORDER-SIZE")
def _order_size(s: Scene) -> None:
    if not is_entry(s):
        return
    if s.rng.random() < 0.5:
        s.limits["max_order_amount"] = max(Decimal(1), (s.amount * Decimal("0.99")).quantize(CENT))
    elif s.terms["quantity"] is not None:
        cap = SymbolCap(symbol=s.terms["symbol"], quantity=s.terms["quantity"] - LOT / 2)
        s.limits["symbol_caps"] = (cap,)


@breaks("RISK-POSITION")
def _position(s: Scene) -> None:
    if is_entry(s):
        here = sum((p.quantity * p.mark for p in s.view["positions"] if p.symbol == s.terms["symbol"]), Decimal(0))
        s.limits["max_position"] = max(0.001, float((here + s.amount) / s.view["equity"]) * 0.999)


@breaks("RISK-EXPOSURE")
def _exposure(s: Scene) -> None:
    if not is_entry(s):
        return
    name, way, equity = s.rng.choice(s.others()), s.rng.random(), s.view["equity"]
    s.limits["correlated_pairs"] = 1000
    if way < 0.5:
        # An order that may or may not be at the exchange counts in full.
        worth = equity * Decimal(str(s.limits["gross_exposure"]))
        s.view["resting"] += (resting("unknown", name, Side.BUY, worth, None, bot=8),)
        s.fund(worth)
        return
    mark = s.rng.choice((None, D_NAN, Decimal(-1))) if way < 0.75 else equity
    s.view["positions"] += (
        PositionView(
            account="paper/bot-8", bot=8, strategy="x", symbol=name, quantity=Decimal(2), entry_price=equity, mark=mark
        ),
    )


@breaks("RISK-POSITIONS-STRATEGY")
def _positions_strategy(s: Scene) -> None:
    name = s.asked["strategy"]
    if not name or not is_entry(s):
        return
    rows = [*s.view["positions"], *(r for r in s.view["resting"] if r.side is Side.BUY)]
    mine = {(row.account, row.symbol) for row in rows if row.strategy == name}
    place = (s.terms["account"], s.terms["symbol"])
    if place not in mine and not mine:
        other = s.rng.choice(s.others())
        order = resting("waits", other, Side.BUY, Decimal(1), None, bot=s.terms["bot"])
        s.view["resting"] += (order,)
        mine = {(order.account, other)}
    s.limits["positions_per_strategy"] = len(mine)


@breaks("RISK-POSITIONS")
def _positions(s: Scene) -> None:
    if not is_entry(s):
        return
    rows = [*s.view["positions"], *(r for r in s.view["resting"] if r.side is Side.BUY)]
    for name in s.others()[:2]:
        rows.append(resting(f"by {name}", name, Side.BUY, Decimal(1), None, bot=8))
        rows[-1] = replace(rows[-1], strategy="another")
        s.view["resting"] += (rows[-1],)
    everywhere = {(row.account, row.symbol) for row in rows}
    mine = {(row.account, row.symbol) for row in rows if row.strategy == s.asked["strategy"]}
    s.limits["positions_total"] = len(everywhere)
    s.limits["positions_per_strategy"] = min(s.limits["positions_per_strategy"], len(everywhere))
    if s.asked["strategy"] and len(mine) >= s.limits["positions_per_strategy"]:
        s.asked["strategy"] = ""


@breaks("RISK-CORR")
def _corr(s: Scene) -> None:
    if not is_entry(s):
        return
    known = dict(s.view["correlations"])
    for name in s.others()[:4]:
        s.view["resting"] += (resting(f"by {name}", name, Side.BUY, Decimal(1), None, bot=8),)
    s.view["resting"] = tuple(
        replace(r, strategy="another") if r.id.startswith("by ") else r for r in s.view["resting"]
    )
    symbol = s.terms["symbol"]
    for pair in known:
        if symbol in pair:
            known[pair] = s.rng.choice((None, NAN, 0.71, 0.99))
    s.view["correlations"] = known
    s.limits["correlated_pairs"] = s.rng.randint(0, 3)


@breaks("RISK-PAIR-LOCK")
def _lock(s: Scene) -> None:
    s.view["locks"] = (PairLock(symbol=s.terms["symbol"], code="LOSSES", reason="5 losses.", until_ms=NOW + 1),)


@breaks("RISK-DAILY-LOSS")
def _daily(s: Scene) -> None:
    equity, limit = s.view["equity"], Decimal(str(s.limits["daily_loss"]))
    start = s.rng.choice((None, D_NAN, Decimal(0), Decimal(-1), equity / (1 - limit) + CENT, equity * 2))
    s.view["day_start_equity"] = start


@breaks("RISK-DRAWDOWN")
def _drawdown(s: Scene) -> None:
    equity, limit = s.view["equity"], Decimal(str(s.limits["drawdown_pause"]))
    s.view["peak_equity"] = s.rng.choice((None, D_NAN, Decimal(-1), equity / (1 - limit) + CENT, equity * 3))


@breaks("RISK-STRATEGY-DRAWDOWN")
def _strategy_drawdown(s: Scene) -> None:
    falls = s.rng.choice(({}, {s.asked["strategy"]: NAN}, {s.asked["strategy"]: s.limits["drawdown_pause"]}))
    s.view["strategy_drawdowns"] = falls


@breaks("RISK-LOSS-STREAK")
def _streak(s: Scene) -> None:
    s.view["consecutive_losses"] = {s.terms["bot"]: s.limits["loss_streak"] + s.rng.randint(0, 3)}


@breaks("RISK-LEVERAGE")
def _leverage(s: Scene) -> None:
    s.asked["leverage"] = s.rng.choice((NAN, 0.0, -1.0, s.limits["leverage"] + 0.1, float("inf")))


@breaks("RISK-STOP")
def _stop(s: Scene) -> None:
    s.limits["stop_required"] = True
    if s.terms["purpose"] is Purpose.ADD:
        s.terms["purpose"] = Purpose.ENTRY
    s.asked["stop"] = s.rng.choice((None, D_NAN, Decimal(-1), s.price, s.price * 2))
    if s.asked["stop"] is not None:
        s.asked["target"] = None


@breaks("RISK-REWARD")
def _reward(s: Scene) -> None:
    at = s.price
    s.asked["stop"] = at * Decimal("0.99")
    s.asked["target"] = s.rng.choice((at, at * Decimal("0.9"), at * Decimal("1.01"), D_NAN))


@breaks("RISK-TRADE-RISK")
def _trade_risk(s: Scene) -> None:
    at = s.price
    s.asked["stop"], s.asked["target"] = at / 10, None
    most = max(0.0002, float(s.amount / s.view["equity"]) * 0.89)
    s.limits["max_trade_risk"] = min(s.limits["max_trade_risk"], most)
    s.limits["risk_per_trade"] = 0.0001


@breaks("RISK-RATE")
def _rate(s: Scene) -> None:
    if s.rng.random() < 0.5:
        s.view["sent"] += tuple(sent(500) for _ in range(int(s.limits["orders_per_second"] * 0.8)))
    else:
        s.view["sent"] = tuple(sent(59_000 - n) for n in range(int(s.limits["orders_per_minute"] * 0.8)))


@breaks("RISK-DUPLICATE")
def _duplicate(s: Scene) -> None:
    t = s.terms
    again = sent(s.rng.randint(0, 1_999), t["symbol"], t["bot"], side=t["side"])
    again = replace(again, price=t["price"], quantity=t["quantity"], amount=t["amount"])
    s.view["sent"] += (again,)


@breaks("RISK-REPEATED")
def _repeated(s: Scene) -> None:
    count = s.limits["repeated_entries"]
    s.view["sent"] = tuple(sent(250_000 - n, s.terms["symbol"], s.terms["bot"], price=None) for n in range(count))


@breaks("RISK-CONFIRM")
def _confirm(s: Scene) -> None:
    if s.terms["bot"] or not is_entry(s):
        return
    if s.rng.random() < 0.4:
        s.limits["fat_finger_share"] = max(0.001, float(s.amount / s.view["equity"]) * 0.99)
    else:
        usual = s.amount / 6
        s.view["sent"] = tuple(
            sent(400_000 - n, s.terms["symbol"], 0, price=None, quantity=None, amount=usual, automatic=False)
            for n in range(s.rng.randint(5, 30))
        )


@breaks("RISK-SELF-MATCH")
def _self_match(s: Scene) -> None:
    if is_entry(s):
        price = s.price.quantize(CENT) - s.rng.randint(0, 3) * CENT
        s.view["resting"] += (resting("own", s.terms["symbol"], Side.SELL, Decimal(0), price, bot=9),)


# --- Wild: anything may be missing or senseless.

_BAD = (None, D_NAN, Decimal("Infinity"), Decimal(-1), Decimal(0), Decimal("1E+400"), Decimal("1E-400"))


def wild(s: Scene) -> None:
    rng = s.rng
    # Those that break one rule compute with what the others spoil.
    if rng.random() < 0.4:
        rng.choice(_LIST)(s)
    for _ in range(rng.randint(1, 3)):
        rng.choice(_WILD)(s)


def _bad_terms(s: Scene) -> None:
    s.terms[s.rng.choice(("quantity", "amount", "price", "stop", "target"))] = s.rng.choice(_BAD)


def _bad_market(s: Scene) -> None:
    s.market[s.rng.choice(("bid", "ask", "last"))] = s.rng.choice(_BAD)


def _bad_account(s: Scene) -> None:
    s.view[s.rng.choice(("equity", "day_start_equity", "peak_equity"))] = s.rng.choice(_BAD)


def _bad_position(s: Scene) -> None:
    if s.view["positions"]:
        first, *rest = s.view["positions"]
        value = s.rng.choice(_BAD[1:])
        change = {"mark": s.rng.choice(_BAD)} if s.rng.random() < 0.5 else {"quantity": value}
        s.view["positions"] = (replace(first, **change), *rest)


def _bad_waiting(s: Scene) -> None:
    value = s.rng.choice(_BAD[1:])
    order = resting("bad", s.rng.choice(SYMBOLS), s.rng.choice((Side.BUY, Side.SELL)), Decimal(1), None, bot=1)
    s.view["resting"] += (replace(order, **{s.rng.choice(("worst_amount", "quantity", "price")): value}),)


def _bad_plan(s: Scene) -> None:
    s.asked[s.rng.choice(("stop", "target"))] = s.rng.choice(_BAD)


def _other_kind(s: Scene) -> None:
    s.terms["type"] = s.rng.choice(tuple(OrderType))


def _other_purpose(s: Scene) -> None:
    s.terms["purpose"] = s.rng.choice(tuple(Purpose))


def _other_side(s: Scene) -> None:
    s.terms["side"] = s.rng.choice(tuple(Side))


def _other_cash(s: Scene) -> None:
    s.view["cash"] = {"USDT": s.rng.choice(_BAD[1:])}


_WILD: tuple[Breaker, ...] = (
    *(_bad_terms, _bad_market, _bad_account, _bad_position, _bad_waiting, _bad_plan),
    *(_other_kind, _other_purpose, _other_side, _other_cash),
)
_LIST = tuple(BREAKERS.values())
