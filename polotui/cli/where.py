"""Which home a command means, and the names that people type.

Decided here: the demo's home is its own; `root` is what the engine is told, absolute, because it works in the root
folder; a symbol may be typed in lower case or with another separator, a look-alike may not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from polotui.core.errors import UsageError
from polotui.core.paths import Home
from polotui.core.text import clean, is_plain_symbol
from polotui.model.candles import Timeframe


@dataclass(frozen=True)
class Where:
    """A home and how to name it to another process."""

    home: Home
    root: str | None
    """The folder given as --home, absolute; None for the platform's folders."""
    demo: bool = False

    @property
    def engine_arguments(self) -> list[str]:
        """What an engine for this home is started with, besides its home."""
        return ["--demo"] if self.demo else []


def where(home: str | Path | None, *, demo: bool = False) -> Where:
    """The home for the option --home (None: the platform's own) and the flag --demo."""
    if home is not None:
        root = Path(home).expanduser().absolute()
        return Where(Home.at(root), str(root), demo)
    return Where(Home.default("polotui-demo" if demo else "polotui"), None, demo)


def symbol_of(text: str) -> str:
    """`btc_usdt`, `BTC/USDT` and `btc-usdt` as BTC_USDT. Raises UsageError for anything else."""
    symbol = text.strip().upper().replace("/", "_").replace("-", "_") if text.isascii() else text
    if not is_plain_symbol(symbol):
        raise UsageError(
            f"{clean(text, 40)!r} is not a symbol such as BTC_USDT.",
            safe="Nothing was asked.",
            next_step="polotui market markets lists them.",
        )
    return symbol


def timeframe_of(text: str) -> str:
    """A timeframe's name. Raises UsageError naming those that exist."""
    try:
        return Timeframe.parse(text).value
    except ValueError as error:
        raise UsageError(f"{str(error)[:1].upper()}{str(error)[1:]}.", safe="Nothing was asked.") from error


def day_of(text: str, option: str) -> int:
    """`2024-05-01` or `2024-05-01T12:30` as milliseconds; UTC unless the text says otherwise."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{option} {clean(text, 40)!r} is not a date.", safe="Nothing was asked.", next_step="Write 2024-05-01."
        ) from error
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
