"""What the person is looking at: symbol, timeframe, overlays. Shared by the panes of the market screen."""

from __future__ import annotations

from dataclasses import dataclass

from polotui.api.lab_values import RunSpec
from polotui.model.candles import Timeframe
from polotui.tui.series import chart_topic

TIMEFRAMES = tuple(frame.value for frame in Timeframe)
#: Overlays that `o` offers, with the glyph that tells their line apart without colour.
OVERLAYS = {"ema21": "⠒", "ema55": "⠂", "sma50": "+", "bb20": "·"}


@dataclass
class View:
    symbol: str = "BTC_USDT"
    timeframe: str = "1h"
    overlays: tuple[str, ...] = ("ema21", "ema55")
    strategy: str = ""
    """The strategy that was last opened or sent to the backtest, by its stored name."""
    on_paper: RunSpec | None = None
    """What the paper screen is to open its wizard with, once: a strategy, or a run with its symbols and parameters."""

    @property
    def topic(self) -> str:
        return chart_topic(self.symbol, self.timeframe, self.overlays)

    def step_timeframe(self, step: int) -> bool:
        """True when it changed: the ends of the list hold."""
        index = TIMEFRAMES.index(self.timeframe) + step
        if not 0 <= index < len(TIMEFRAMES):
            return False
        self.timeframe = TIMEFRAMES[index]
        return True

    def toggle_overlay(self, name: str) -> None:
        chosen = set(self.overlays) ^ {name}
        self.overlays = tuple(overlay for overlay in OVERLAYS if overlay in chosen)
