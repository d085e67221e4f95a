"""Walk-forward, hold-out, Monte Carlo, stress and confirmation: what their tables say is what single runs say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from polotui.backtest import tasks
from polotui.backtest.analyses import analyse
from polotui.backtest.analyses.grid import MOST, small_grid
from polotui.backtest.machine import Buffers, Cancelled
from polotui.backtest.settings import Costs
from polotui.backtest.work import AnalyseWork, Document, RunWork
from polotui.core.errors import UsageError
from polotui.metrics.definitions import DEFINITIONS
from polotui.metrics.figure import Figure
from polotui.strategy.document.check import check
from tests.backtest import searching as s

KINDS = ("walk-forward", "hold-out", "monte-carlo", "stress", "confirmation")
PLAIN = re.sub(r"params:.*?indicators:", "indicators:", s.CROSS, flags=re.DOTALL)
PLAIN = PLAIN.replace("fast_len", "8").replace("slow_len", "30").replace("stop_pct", "2%")
CONFIRMED = s.CROSS + "confirm: {frames: [4h, 1d], checks: [rsi, ema], min_score: 50}\n"


async def table(folder: Path, kind: Any, text: str = s.CROSS, seed: int = 1, **changes: Any) -> dict[str, Any]:
    work = AnalyseWork(document=Document(text=text), settings=s.settings(**changes), kind=kind, seed=seed)
    done = await analyse(work, s.shelf(), s.gauge(folder), Buffers())  # type: ignore[arg-type]
    found = done.value
    assert all(len(row) == len(found["columns"]) for row in found["rows"])
    assert all(isinstance(cell, str) for row in found["rows"] for cell in row)
    assert "nan" not in str(found["rows"]).lower()
    assert found["reading"].endswith(".")
    return found


async def run(folder: Path, text: str = s.CROSS, params: dict[str, float] | None = None, **changes: Any) -> Any:
    work = RunWork(document=Document(text=text, params=params or {}), settings=s.settings(**changes), band=False)
    done = await tasks.run(work, s.shelf(), s.gauge(folder), Buffers())  # type: ignore[arg-type]
    return {name: Figure(value, reason) for name, (value, reason) in done.value["figures"].items()}


def shown(name: str, figures: Any) -> str:
    return DEFINITIONS[name].shown(figures[name])


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_runs_and_repeats_itself(tmp_path: Path, kind: str) -> None:
    first = await table(tmp_path, kind)
    assert first["kind"] == kind
    assert first == await table(tmp_path, kind)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_document_that_never_trades(tmp_path: Path, kind: str) -> None:
    never = PLAIN.replace("crosses_above(fast, slow)", "volume < 0 and crosses_above(fast, slow)")
    found = await table(tmp_path, kind, never)
    assert any(cell.startswith("–") for row in found["rows"] for cell in row)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_wish_to_stop_is_heard(tmp_path: Path, kind: str) -> None:
    gauge = s.gauge(tmp_path)
    gauge.cancel()
    work = AnalyseWork(document=Document(text=CONFIRMED), settings=s.settings(), kind=kind)  # type: ignore[arg-type]
    with pytest.raises(Cancelled):
        await analyse(work, s.shelf(), gauge, Buffers())  # type: ignore[arg-type]


async def test_hold_out_is_two_runs(tmp_path: Path) -> None:
    found = await table(tmp_path, "hold-out")
    cut = s.START + int(s.BARS * 0.7) * s.HOUR
    parts = [await run(tmp_path, to_ms=cut), await run(tmp_path, from_ms=cut)]
    rows = {row[0]: row[1:] for row in found["rows"]}
    for name in ("total_return", "max_drawdown", "trades", "sharpe"):
        assert rows[DEFINITIONS[name].title] == [shown(name, part) for part in parts]


async def test_walk_forward_tests_what_was_best_before(tmp_path: Path) -> None:
    found = await table(tmp_path, "walk-forward", s.CROSS)
    grid = small_grid(check(s.CROSS).document)  # type: ignore[arg-type]
    assert 20 < len(grid) <= MOST
    assert len(found["rows"]) == 5
    third = dict(zip(found["columns"], found["rows"][2], strict=True))
    values = {name: float(value) for name, value in (part.split() for part in third["values"].split(", "))}
    cut, end = (s.START + s.BARS * part // 6 * s.HOUR for part in (3, 4))
    best: Any = None
    for one in grid:
        sharpe = (await run(tmp_path, params=one, to_ms=cut))["sharpe"].value
        if sharpe is not None and (best is None or sharpe > best[0]):
            best = sharpe, one
    assert values == best[1]
    tested = await run(tmp_path, params=values, from_ms=cut, to_ms=end)
    assert third["return tested"] == shown("total_return", tested)
    assert third["trades tested"] == shown("trades", tested)


async def test_walk_forward_without_params(tmp_path: Path) -> None:
    found = await table(tmp_path, "walk-forward", PLAIN)
    assert {row[3] for row in found["rows"]} == {"as written"}
    assert "as it is" in found["reading"]


async def test_walk_forward_needs_bars(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        await table(tmp_path, "walk-forward", to_ms=s.START + 4 * s.HOUR)


async def test_monte_carlo_follows_its_seed(tmp_path: Path) -> None:
    one, other = await table(tmp_path, "monte-carlo"), await table(tmp_path, "monte-carlo", seed=2)
    assert one["rows"] != other["rows"]
    assert [row[0] for row in one["rows"]][-1] == "Probability of loss"
    returns = [float(cell.replace("−", "-").replace(",", "").removesuffix(" %")) for cell in one["rows"][0][1:]]
    assert returns == sorted(returns)


async def test_stress_is_runs_with_other_costs(tmp_path: Path) -> None:
    found = await table(tmp_path, "stress")
    assert len(found["rows"]) == 12
    costs = Costs(maker_fee=0.001, taker_fee=0.001, slippage=0.0006, volume_share=0.0)
    alone = await run(tmp_path, costs=costs)
    row = next(row for row in found["rows"] if row[0].startswith("×2") and row[1].startswith("×3"))
    assert row[2:] == [shown(name, alone) for name in ("total_return", "sharpe", "max_drawdown", "trades")]


async def test_break_even_is_where_the_return_is_nothing(tmp_path: Path) -> None:
    free = Costs(0.0, 0.0, "received", 0.0, 0.0, 0.0)
    found = await table(tmp_path, "stress", costs=free)
    said = re.search(r"breaks even at ([\d.]+) %", found["reading"])
    assert said is not None, found["reading"]
    cost = float(said[1]) / 100

    async def at(fee: float) -> float:
        return (await run(tmp_path, costs=Costs(fee, fee, "received", 0.0, 0.0, 0.0)))["total_return"].value

    assert await at(cost - 2e-5) > 0.0 > await at(cost + 2e-5)


async def test_confirmation_counts_what_it_keeps_out(tmp_path: Path) -> None:
    found = await table(tmp_path, "confirmation", CONFIRMED)
    rows = {row[0]: row[1:] for row in found["rows"]}
    with_, without = await run(tmp_path, CONFIRMED), await run(tmp_path, s.CROSS)
    for name in ("trades", "win_rate", "total_return"):
        assert rows[DEFINITIONS[name].title][:2] == [shown(name, with_), shown(name, without)]
    kept, all_ = (int(cell) for cell in rows["Entry signals"][:2])
    assert 0 < kept < all_
    for frame in ("4h", "1d"):
        assert sum(int(re.match(r"(\d+) %", cell)[1]) for cell in rows[f"Signals at {frame}"]) in (99, 100, 101)  # type: ignore[index]


async def test_no_confirmation_is_said(tmp_path: Path) -> None:
    found = await table(tmp_path, "confirmation")
    assert "asks for no confirmation" in found["reading"]
