"""An examination finds leaks that are planted, and finds none in what the runtime does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from polotui.backtest import examine
from polotui.backtest.work import Document, Done, ExamineWork
from polotui.core.errors import UsageError
from polotui.strategy.document.templates import templates
from polotui.strategy.runtime import columns, frames, indicators
from polotui.strategy.runtime.columns import Bars
from tests.backtest import searching as s

CONFIRMED = s.CROSS + "confirm: {frames: [4h, 1d], checks: [rsi, ema], min_score: 50}\n"


async def check(text: str = s.CROSS, provider: Any = None, most_bars: int = 3_000) -> tuple[Done, dict[str, Any]]:
    work = ExamineWork(document=Document(text=text), most_bars=most_bars)
    done = await examine.examine(work, s.shelf(), provider)  # type: ignore[arg-type]
    return done, {check["name"]: check for check in done.value["checks"]}


class Ahead:
    """Indicators of one kind tell the next bar's value."""

    def __init__(self, kind: str, output: str = "value") -> None:
        self._kind = kind
        self._output = output

    def compute(self, kind_name: str, settings: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
        found = dict(indicators.compute(kind_name, settings, inputs))
        if kind_name == self._kind:
            column = found[self._output]
            found[self._output] = np.append(column[1:], np.nan)
        return found

    def stream(self, kind_name: str, settings: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
        return indicators.stream(kind_name, settings, inputs)


@pytest.mark.parametrize(
    ("text", "warmed"),
    [
        pytest.param(s.CROSS, "passed", id="longer bars"),
        pytest.param(CONFIRMED, "skipped", id="votes of days, which need more than there is"),
    ],
)
async def test_an_honest_document_passes(text: str, warmed: str) -> None:
    done, checks = await check(text)
    assert done.value["ok"]
    assert checks["Look-ahead"]["state"] == "passed"
    assert "4h" in checks["Look-ahead"]["text"]
    assert checks["Warm-up"]["state"] == warmed, checks["Warm-up"]
    assert (await check(text))[0] == done


@pytest.mark.parametrize(("kind", "name"), [("sma", "fast"), ("ema", "ema_slow"), ("atr", "range")])
async def test_an_indicator_shifted_by_one_is_caught(kind: str, name: str) -> None:
    done, checks = await check(provider=Ahead(kind))
    assert not done.value["ok"]
    assert checks["Look-ahead"]["state"] == "failed"
    assert checks["Look-ahead"]["text"].startswith(f"{name} knows the future")
    assert "UTC" in checks["Look-ahead"]["text"]


def forming(bars: Bars, frame_ms: int) -> Bars:
    """`resample` with the bar that is forming at the end, which is not closed."""
    missing = -(int(bars.time[-1]) + bars.frame_ms) % frame_ms // bars.frame_ms
    if not missing:
        return columns.resample(bars, frame_ms)
    rest = int(bars.time[-1]) + bars.frame_ms * np.arange(1, missing + 1)
    prices = [np.append(one, np.full(missing, bars.close[-1])) for one in (bars.open, bars.high, bars.low, bars.close)]
    filled = Bars(np.append(bars.time, rest), *prices, np.append(bars.volume, np.zeros(missing)), bars.frame_ms)
    return columns.resample(filled, frame_ms)


def by_open(values: Any, base: Bars, higher: Bars, lag: int = 0, unknown: float = np.nan) -> Any:
    """`spread` by the opens of the longer bars: the one that is forming is seen as if it were closed."""
    at = np.searchsorted(higher.time, base.time, side="right") - 1 - lag
    return np.where(at >= 0, values[np.maximum(at, 0)], unknown).astype(values.dtype)


@pytest.mark.parametrize("with_forming_bar", [False, True])
@pytest.mark.parametrize("most_bars", [3_000, 400])
async def test_a_forming_longer_bar_is_caught(
    monkeypatch: pytest.MonkeyPatch, with_forming_bar: bool, most_bars: int
) -> None:
    monkeypatch.setattr(frames, "spread", by_open)
    if with_forming_bar:
        monkeypatch.setattr(frames, "resample", forming)
    done, checks = await check(most_bars=most_bars)
    assert not done.value["ok"]
    assert checks["Look-ahead"]["state"] == "failed"
    assert "@4h" in checks["Look-ahead"]["text"]


async def test_a_forming_bar_in_the_confirmation_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from polotui.strategy.runtime import confirm

    monkeypatch.setattr(confirm, "spread", by_open)
    done, checks = await check(CONFIRMED)
    assert not done.value["ok"]
    assert checks["Look-ahead"]["text"].startswith("confirmation long")


async def test_a_warm_up_that_is_too_short_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    bind = examine.documents.bound
    monkeypatch.setattr(
        examine.documents, "bound", lambda document: dataclasses.replace(bind(document), warmup_bars=40)
    )
    _, checks = await check()
    assert checks["Warm-up"]["state"] == "warning"
    assert "ema_slow@4h" in checks["Warm-up"]["text"]


async def test_rules_that_never_change_are_named() -> None:
    never = s.CROSS.replace("crosses_above(fast, slow)", "volume < 0 and crosses_above(fast, slow)")
    done, checks = await check(never)
    assert done.value["ok"]
    assert checks["Rules that change"]["state"] == "warning"
    assert "entry_long is never true" in checks["Rules that change"]["text"]
    _, checks = await check(s.CROSS.replace('exit: {long: "crosses_below(fast, slow)"}', 'exit: {long: "close > 0"}'))
    assert "exit_long is always true" in checks["Rules that change"]["text"]


async def test_unknown_rules_are_counted() -> None:
    gone = s.CROSS.replace("crosses_above(fast, slow)", "close / (hour - 5) > 0 and crosses_above(fast, slow)")
    _, checks = await check(gone)
    assert "entry_long" in checks["Unknown values"]["text"]
    assert checks["Unknown values"]["state"] in ("passed", "warning")
    _, checks = await check(s.CROSS.replace('"crosses_below(fast, slow)"', '"close / (hour - 5) > 1e9"'))
    assert checks["Unknown values"]["state"] == "warning"
    assert "exit_long on 4.17%" in checks["Unknown values"]["text"]


async def test_too_little_history_is_said() -> None:
    work = ExamineWork(document=Document(text=s.CROSS), most_bars=100)
    done = await examine.examine(work, s.shelf(size=150))  # type: ignore[arg-type]
    checks = {check["name"]: check for check in done.value["checks"]}
    assert checks["Warm-up"]["state"] == "skipped"
    assert done.value["ok"]


async def test_nothing_stored() -> None:
    work = ExamineWork(document=Document(text=s.CROSS, symbols=["ETH_USDT"]))
    with pytest.raises(UsageError):
        await examine.examine(work, s.shelf())  # type: ignore[arg-type]
    # One of two is enough.
    work = ExamineWork(document=Document(text=s.CROSS, symbols=["ETH_USDT", "BTC_USDT"]), most_bars=500)
    assert (await examine.examine(work, s.shelf())).value["ok"]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", sorted(templates()))
async def test_every_template_passes(name: str) -> None:
    work = ExamineWork(
        document=Document(text=templates()[name].text, symbols=["BTC_USDT"], timeframe="1h"), most_bars=1_500
    )
    try:
        done = await examine.examine(work, s.shelf())  # type: ignore[arg-type]
    except UsageError as error:
        pytest.skip(f"not on 1h bars: {error.cause}")
    assert done.value["ok"], done.value["checks"]
