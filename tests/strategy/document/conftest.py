"""Rows of the catalogue that the documents of these tests declare, where the catalogue does not have them yet."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from polotui.strategy.document import catalog
from polotui.strategy.document.catalog import Kind, Parameter


def rows() -> dict[str, Kind]:
    def count(name: str, default: int) -> Parameter:
        return Parameter(name, default, 2, 400)

    def factor(name: str, default: float) -> Parameter:
        return Parameter(name, default, 0.1, 10.0, whole=False)

    def row(name: str, inputs: str, parameters: tuple[Parameter, ...], outputs: str, times: int = 1) -> Kind:
        def most(settings: object) -> int:
            lengths = [int(settings[p.name]) for p in parameters if p.whole]  # type: ignore[index]
            return max(lengths, default=1)

        return Kind(name, name, tuple(inputs.split()), parameters, tuple(outputs.split()),
                    lambda s: most(s) - 1, lambda s: most(s) * times - 1)  # fmt: skip

    hlc = "high low close"
    length = count("length", 14)
    found = [
        row("sma", "source", (length,), "value"),
        row("ema", "source", (length,), "value", 12),
        row("wma", "source", (length,), "value"),
        row("rsi", "source", (length,), "value", 20),
        row("macd", "source", (count("fast", 12), count("slow", 26), count("signal", 9)), "line signal hist", 12),
        row("bb", "source", (length, factor("deviation", 2)), "upper middle lower width percent"),
        row("atr", hlc, (length,), "value", 20),
        row("adx", hlc, (length,), "adx plus minus", 40),
        row("donchian", "high low", (length,), "upper middle lower"),
        row("supertrend", hlc, (length, factor("multiple", 3)), "line direction", 20),
        row("keltner", hlc, (length, count("atr_length", 10), factor("multiple", 2)), "upper middle lower", 12),
        row("ichimoku", "high low", (count("tenkan", 9), count("kijun", 26), count("span", 52),
            count("displacement", 26)), "tenkan kijun span_a span_b"),
        row("vwap", "high low close volume time", (factor("deviation", 2),), "line upper lower"),
        row("stoch", hlc, (length,), "k d"),
        row("squeeze", hlc, (length, factor("deviation", 2), factor("multiple", 1.5)), "on momentum"),
        row("obv", "source volume", (), "value"),
        row("cci", hlc, (length,), "value"),
        row("roc", "source", (length,), "value"),
        row("zscore", "source", (length,), "value"),
    ]  # fmt: skip
    return {kind.name: kind for kind in found}


@pytest.fixture(scope="session", autouse=True)
def _catalogue() -> Iterator[None]:
    if getattr(catalog, "KINDS", None):
        yield
        return
    patch = pytest.MonkeyPatch()
    patch.setattr(catalog, "KINDS", rows(), raising=False)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def fuzz() -> int:
    """How many texts a campaign tries: POLOTUI_FUZZ, 20,000 by default."""
    return int(os.environ.get("POLOTUI_FUZZ", "20000"))
