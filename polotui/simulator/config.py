"""What a simulated exchange is made of: symbols, accounts, fees, speed, seed.

Decided here: the first twenty symbols carry Poloniex's real scales and a plausible price; beyond them names are
taken from a list and then numbered, with scales that suit their price. Everything follows from the seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from polotui.core.errors import ConfigError
from polotui.core.ids import Chance

MAX_SYMBOLS = 200
DEFAULT_FUNDS = {"USDT": "10000", "BTC": "0.05", "ETH": "1", "SOL": "20", "XRP": "500", "TRX": "0.00000042"}


@dataclass(frozen=True, slots=True)
class SymbolSpec:
    """One market: its filters, and how its background participants behave."""

    base: str
    quote: str
    price_scale: int
    quantity_scale: int
    amount_scale: int
    min_quantity: str
    opening: str
    trades_per_second: float
    mean_notional: float
    yearly_volatility: float
    beta: float
    spread_bp: float
    min_amount: str = "1"
    max_quantity: str = "0"
    max_amount: str = "2000000"

    @property
    def symbol(self) -> str:
        return f"{self.base}_{self.quote}"

    @property
    def amount_places(self) -> int:
        """Decimals of price times quantity."""
        return self.price_scale + self.quantity_scale

    @property
    def opening_ticks(self) -> int:
        return int(Decimal(self.opening).scaleb(self.price_scale))


# base, price scale, quantity scale, amount scale, min quantity, price, trades/s, notional, volatility, beta, spread bp
_MAJORS: tuple[tuple[str, int, int, int, str, str, float, float, float, float, float], ...] = (
    ("BTC", 2, 6, 2, "0.000001", "61043.27", 1.70, 1300, 0.55, 1.0, 0.8),
    ("ETH", 2, 6, 2, "0.000001", "2680.41", 1.20, 900, 0.70, 1.2, 1.0),
    ("SOL", 3, 6, 2, "0.000001", "152.374", 0.60, 500, 0.95, 1.4, 2.0),
    ("BNB", 3, 6, 2, "0.000001", "521.806", 0.35, 500, 0.60, 0.9, 2.0),
    ("XRP", 4, 4, 4, "0.0001", "0.6147", 0.45, 400, 0.80, 1.0, 2.5),
    ("DOGE", 6, 3, 5, "0.001", "0.103512", 0.35, 300, 1.00, 1.4, 3.0),
    ("ADA", 5, 4, 4, "0.0001", "0.34215", 0.25, 250, 0.85, 1.2, 3.0),
    ("TRX", 5, 3, 5, "0.001", "0.12874", 0.40, 350, 0.45, 0.5, 1.5),
    ("LTC", 3, 6, 2, "0.000001", "61.284", 0.25, 300, 0.75, 1.0, 3.0),
    ("AVAX", 3, 6, 2, "0.000001", "22.417", 0.20, 250, 1.05, 1.4, 4.0),
    ("LINK", 4, 5, 3, "0.00001", "10.3241", 0.20, 250, 0.95, 1.3, 4.0),
    ("DOT", 3, 5, 3, "0.00001", "4.612", 0.15, 200, 0.90, 1.2, 4.0),
    ("ATOM", 3, 6, 2, "0.000001", "4.871", 0.12, 180, 0.90, 1.2, 5.0),
    ("UNI", 4, 5, 3, "0.00001", "6.1874", 0.12, 200, 1.00, 1.3, 5.0),
    ("BCH", 2, 6, 2, "0.000001", "341.62", 0.12, 260, 0.90, 1.1, 4.0),
    ("ETC", 3, 6, 2, "0.000001", "19.746", 0.10, 180, 0.90, 1.1, 5.0),
    ("FIL", 3, 5, 3, "0.00001", "3.684", 0.10, 170, 1.00, 1.3, 6.0),
    ("APT", 4, 4, 4, "0.0001", "6.2418", 0.10, 170, 1.05, 1.3, 6.0),
    ("SUI", 4, 4, 4, "0.0001", "0.9326", 0.15, 200, 1.20, 1.4, 5.0),
    ("NEAR", 4, 4, 4, "0.0001", "4.0137", 0.10, 170, 1.05, 1.3, 6.0),
)
_MORE = (  # noqa: SIM905
    "DASH XMR ZEC EOS BAT ZRX QTUM MANA XTZ SNX MKR NEO COMP LRC YFI UMA BAND TRB CRV OCEAN SUSHI AAVE SAND GRT AXS "
    "ALGO EGLD FTM ICP HBAR VET THETA RUNE INJ KAVA KSM ENJ CHZ LDO IMX DYDX GALA APE GMT OP ARB SEI TIA JUP PYTH "
    "WLD STRK ENS CAKE LPT RLC OGN API3 ALICE YGG CTSI MASK ROSE CELO ONE ZIL IOTA WAVES RVN STORJ SKL ANKR OMG ICX "
    "GLM POWR REN BAL KNC RSR NKN CVC DENT HOT SC LSK STEEM XEM DGB DCR ONT IOST JST SUN WIN BTT"
).split()


def default_symbols(count: int, seed: str | int | None) -> tuple[SymbolSpec, ...]:
    """The first `count` markets against USDT."""
    if not 1 <= count <= MAX_SYMBOLS:
        raise ConfigError(f"--symbols must lie between 1 and {MAX_SYMBOLS}, not {count}.")
    majors = [SymbolSpec(row[0], "USDT", *row[1:]) for row in _MAJORS[:count]]
    names = [*_MORE, *(f"COIN{number}" for number in range(1, MAX_SYMBOLS))]
    return (*majors, *(_invented(name, seed) for name in names[: max(0, count - len(_MAJORS))]))


def _invented(base: str, seed: str | int | None) -> SymbolSpec:
    draw = Chance(f"{seed}/symbol/{base}")
    price = math.exp(draw.uniform(math.log(0.004), math.log(80)))
    price_scale = min(8, max(2, 4 - math.floor(math.log10(price))))
    quantity_scale = 5 if price > 5 else 4 if price > 0.2 else 2
    return SymbolSpec(
        base=base,
        quote="USDT",
        price_scale=price_scale,
        quantity_scale=quantity_scale,
        amount_scale=4,
        min_quantity=str(Decimal(1).scaleb(-quantity_scale)),
        opening=f"{price:.{price_scale}f}",
        trades_per_second=draw.uniform(0.02, 0.08),
        mean_notional=draw.uniform(60, 160),
        yearly_volatility=draw.uniform(0.9, 1.6),
        beta=draw.uniform(0.8, 1.6),
        spread_bp=draw.uniform(6, 20),
    )


@dataclass(frozen=True, slots=True)
class AccountSpec:
    """A user and what it owns at the start."""

    key: str
    secret: str
    funds: dict[str, Decimal]


def default_account() -> AccountSpec:
    return AccountSpec("demo-key", "demo-secret", {name: Decimal(amount) for name, amount in DEFAULT_FUNDS.items()})


def parse_account(text: str) -> AccountSpec:
    """`KEY:SECRET:USDT=1000,BTC=0.1` as an account."""
    parts = text.split(":", 2)
    if len(parts) < 2 or not parts[0] or not parts[1]:
        raise ConfigError(f"--account {parts[0]!r} is not KEY:SECRET:CURRENCY=AMOUNT,…")
    funds: dict[str, Decimal] = {}
    for item in filter(None, parts[2].split(",") if len(parts) == 3 else []):
        currency, _, amount = item.partition("=")
        try:
            funds[currency.strip().upper()] = Decimal(amount)
        except InvalidOperation as error:
            raise ConfigError(f"--account: {item!r} is not CURRENCY=AMOUNT.") from error
        if not funds[currency.strip().upper()].is_finite() or funds[currency.strip().upper()] < 0:
            raise ConfigError(f"--account: the amount in {item!r} must be a number not below 0.")
    return AccountSpec(parts[0], parts[1], funds)


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests per second of the four classes, and of one WebSocket."""

    public_light: int = 200
    public_heavy: int = 10
    private_light: int = 50
    private_heavy: int = 10
    websocket: int = 500


@dataclass(frozen=True, slots=True)
class Config:
    """Everything a simulator is started with. `book_memory` is how many published windows are kept per symbol."""

    symbols: tuple[SymbolSpec, ...] = ()
    accounts: tuple[AccountSpec, ...] = field(default_factory=lambda: (default_account(),))
    seed: str | int | None = 1
    speed: float = 1.0
    activity: float = 1.0
    maker_rate: Decimal = Decimal("0.002")
    taker_rate: Decimal = Decimal("0.002")
    limits: Limits = field(default_factory=Limits)
    cancel_delay: tuple[float, float] = (0.004, 0.03)
    idle_drop: float = 30.0
    history_days: int = 366
    book_memory: int = 2000
    max_open_orders: int = 2000
    write_limit: int = 8 * 1024 * 1024
    recordings: tuple[Path, ...] = ()
    quiet_market: bool = False

    def with_default_symbols(self, count: int) -> tuple[SymbolSpec, ...]:
        return self.symbols or default_symbols(count, self.seed)
