"""A search: its rows are those of single runs, and neither threads nor breaks nor what is kept out change them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from polotui.backtest import bench, sweeps, tasks
from polotui.backtest.machine import Buffers, Cancelled
from polotui.backtest.work import Axis, Document, Done, RunWork
from polotui.core.errors import UsageError
from tests.backtest import searching as s


class Ticks:
    """A clock that says a part for every row."""

    def __init__(self) -> None:
        self.now = 0.0

    def wall_ms(self) -> int:
        return 0

    def monotonic(self) -> float:
        self.now += 1.0
        return self.now


async def run(folder: Path, shelf: s.Shelf | None = None, heard: s.Heard | None = None, **changes: Any) -> Done:
    say = heard or s.Heard([])
    return await sweeps.sweep(s.work(**changes), shelf or s.shelf(), s.gauge(folder), say, Ticks())  # type: ignore[arg-type]


async def single(folder: Path, params: dict[str, float], to_ms: int, **changes: Any) -> dict[str, float | None]:
    """The figures of an ordinary backtest."""
    work = RunWork(
        document=Document(text=s.CROSS, params=params), settings=s.settings(to_ms=to_ms, **changes), band=False
    )
    done = await tasks.run(work, s.shelf(), s.gauge(folder), Buffers())  # type: ignore[arg-type]
    return {name: value for name, (value, _) in done.value["figures"].items()}


@pytest.mark.parametrize("threads", [1, 2])
async def test_rows_are_those_of_single_runs(tmp_path: Path, threads: int) -> None:
    heard = s.Heard([])
    done = await run(tmp_path, heard=heard, threads=threads)
    assert sorted(row["place"] for row in heard.rows) == list(range(24))
    assert len({row["figures"]["total_return"] for row in heard.rows}) > 12
    for row in heard.rows[::5]:
        # From 0 is from the first stored candle, so both begin where the data does.
        alone = await single(tmp_path, row["params"], done.value["cut_ms"])
        shown = {name: value for name, value in row["figures"].items() if name != "score"}
        assert shown == {name: alone[name] for name in shown}
        assert row["figures"]["score"] == alone["sharpe"]


async def test_threads_change_nothing(tmp_path: Path) -> None:
    one, two = [await run(tmp_path, threads=threads) for threads in (1, 2)]
    assert one == two


async def test_more_symbols(tmp_path: Path) -> None:
    shelf = s.shelf(symbols=("BTC_USDT", "ETH_USDT"))
    document = Document(text=s.CROSS, symbols=["BTC_USDT", "ETH_USDT"])
    done = await run(tmp_path, shelf, document=document, threads=2)
    best = done.value["best"][0]
    work = RunWork(
        document=Document(text=s.CROSS, symbols=document.symbols, params=best["params"]),
        settings=s.settings(to_ms=done.value["cut_ms"]),
        band=False,
    )
    alone = await tasks.run(work, shelf, s.gauge(tmp_path), Buffers())  # type: ignore[arg-type]
    assert best["figures"]["sharpe"] == alone.value["figures"]["sharpe"][0]


@pytest.mark.parametrize("method", ["grid", "random", "optuna"])
async def test_going_on_gives_the_same_table(tmp_path: Path, method: str) -> None:
    if method == "optuna":
        pytest.importorskip("optuna", reason="the extra `search` is not installed")
    asked = {"method": method, "trials": 0 if method == "grid" else 16, "threads": 2}
    heard = s.Heard([])
    whole = await run(tmp_path, heard=heard, **asked)
    kept = {row["place"]: json.dumps(row) for row in heard.rows if row["place"] % 3}
    again = s.Heard([])
    resumed = await run(tmp_path, heard=again, done=kept, data_hash=whole.value["data_hash"], **asked)
    assert resumed == whole
    assert {row["place"] for row in again.rows} == {row["place"] for row in heard.rows} - set(kept)


async def test_a_stored_row_of_other_params_is_not_taken(tmp_path: Path) -> None:
    heard = s.Heard([])
    whole = await run(tmp_path, heard=heard)
    wrong = dict(enumerate(json.dumps(row) for row in sorted(heard.rows, key=lambda row: -row["place"])))
    broken = {3: "{", 4: json.dumps({"params": {}}), 5: json.dumps(None)}
    data_hash = whole.value["data_hash"]
    assert await run(tmp_path, done={**wrong, **broken}, data_hash=data_hash) == whole


async def test_rows_of_other_candles_are_not_gone_on_with(tmp_path: Path) -> None:
    heard = s.Heard([])
    whole = await run(tmp_path, heard=heard)
    done = {row["place"]: json.dumps(row) for row in heard.rows}
    with pytest.raises(UsageError, match="candles"):
        await run(tmp_path, shelf=s.shelf(seed=2), done=done, data_hash=whole.value["data_hash"])


async def test_a_cancelled_search_stops_and_keeps_what_it_has(tmp_path: Path) -> None:
    gauge = s.gauge(tmp_path)
    heard = s.Heard([], lambda part: gauge.cancel())
    with pytest.raises(Cancelled):
        await sweeps.sweep(s.work(threads=2), s.shelf(), gauge, heard, Ticks())  # type: ignore[arg-type]
    assert 1 <= len(heard.rows) <= 3


async def test_what_is_kept_out_is_not_used(tmp_path: Path) -> None:
    heard, other = s.Heard([]), s.Heard([])
    done = await run(tmp_path, heard=heard)
    shelf = s.shelf()
    (series,) = shelf.series.values()
    later = series.open_ms >= done.value["cut_ms"]
    assert 0.25 < later.mean() < 0.35
    for column in (series.open, series.high, series.low, series.close):
        column[later] *= 1.5
    changed = await run(tmp_path, shelf, other)
    assert other.rows == heard.rows
    assert changed.value["deflated_sharpe"] == done.value["deflated_sharpe"]
    assert [row["out_of_sample"] for row in changed.value["best"]] != [
        row["out_of_sample"] for row in done.value["best"]
    ]


async def test_the_unseen_part_is_an_ordinary_run_of_it(tmp_path: Path) -> None:
    done = await run(tmp_path)
    best = done.value["best"][0]
    work = RunWork(
        document=Document(text=s.CROSS, params=best["params"]),
        settings=s.settings(from_ms=done.value["cut_ms"]),
        band=False,
    )
    alone = await tasks.run(work, s.shelf(), s.gauge(tmp_path), Buffers())  # type: ignore[arg-type]
    # A run of the part alone loads less history; settled indicators differ by rounding at most.
    assert best["out_of_sample"] == pytest.approx(alone.value["figures"]["sharpe"][0], rel=1e-6)


async def test_same_seed_same_search(tmp_path: Path) -> None:
    first, same, other = [await run(tmp_path, method="random", trials=9, seed=seed) for seed in (5, 5, 6)]
    assert first == same
    assert [row["params"] for row in first.value["best"]] != [row["params"] for row in other.value["best"]]
    assert first.value["total"] == first.value["done"] == 9


async def test_optuna_does_not_depend_on_threads(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="the extra `search` is not installed")
    asked: dict[str, Any] = {
        "method": "optuna",
        "trials": 24,
        "axes": [Axis(name="slow_len", least=10, most=90, step=1)],
    }
    one, two = [await run(tmp_path, threads=threads, **asked) for threads in (1, 2)]
    assert one == two
    assert one.value["best"][0]["figures"]["score"] is not None


async def test_values_that_the_document_refuses_are_listed(tmp_path: Path) -> None:
    axes = [Axis(name="fast_len", least=1, most=4, step=0.5), Axis(name="slow_len", least=30, most=30, step=1)]
    done = await run(tmp_path, axes=axes)
    assert done.value["done"] == 3
    assert done.value["refused_count"] == 4
    assert {one["params"]["fast_len"] for one in done.value["refused"]} == {1.0, 1.5, 2.5, 3.5}
    assert "fast_len" in done.value["refused"][0]["reason"]
    assert "refused" in done.value["note"]


@pytest.mark.parametrize("objective", ["sortino", "calmar", "total_return", "profit_factor", "max_drawdown"])
async def test_objectives_rank_higher_first_and_undefined_last(tmp_path: Path, objective: str) -> None:
    done = await run(tmp_path, objective=objective)
    scores = [row["figures"][objective] for row in done.value["best"]]
    known = [score for score in scores if score is not None]
    assert scores == sorted(known, reverse=True) + [None] * (len(scores) - len(known))


async def test_undefined_scores_stand_last(tmp_path: Path) -> None:
    axes = [Axis(name="slow_len", least=20, most=120, step=100), Axis(name="stop_pct", least=0.02, most=0.02, step=1)]
    # Nothing is bought with this session: no profit factor.
    never = s.CROSS.replace("crosses_above(fast, slow)", "slow_len < 50 and crosses_above(fast, slow)")
    done = await run(tmp_path, objective="profit_factor", axes=axes, document=Document(text=never))
    assert [row["params"]["slow_len"] for row in done.value["best"]] == [20.0, 120.0]
    assert done.value["best"][1]["figures"]["score"] is None


async def test_heat_is_the_best_of_the_other_axes(tmp_path: Path) -> None:
    heard = s.Heard([])
    axes = [*s.work().axes, Axis(name="stop_pct", least=0.01, most=0.03, step=0.01)]
    done = await run(tmp_path, heard=heard, axes=axes, threads=2)
    assert (done.value["x_name"], done.value["y_name"]) == ("fast_len", "slow_len")
    assert len(done.value["heat"]) == 24
    for x, y, score in done.value["heat"]:
        here = [row for row in heard.rows if (row["params"]["fast_len"], row["params"]["slow_len"]) == (x, y)]
        assert len(here) == 3
        assert score == max(row["figures"]["score"] for row in here)


def test_heat_of_too_many_cells_shares_them() -> None:
    axes = [Axis(name="a", least=0, most=99, step=1), Axis(name="b", least=0, most=199, step=1)]
    work = s.work(axes=axes)
    rows: list[dict[str, Any]] = [
        {"params": {"a": float(a), "b": float(b)}, "figures": {"score": float(a * 1000 + b)}}
        for a in range(100)
        for b in range(200)
    ]
    cells = sweeps.heat(work, rows)
    assert len(cells) == 2_500
    assert cells[0] == [0.0, 0.0, 1003.0]


async def test_wrong_searches_are_refused(tmp_path: Path) -> None:
    axis = Axis(name="fast_len", least=2, most=4, step=1)
    for changes in (
        {"axes": []},
        {"axes": [axis, axis]},
        {"axes": [Axis(name="nobody", least=2, most=4, step=1)]},
        {"axes": [Axis(name="fast_len", least=4, most=2, step=1)]},
        {"axes": [Axis(name="fast_len", least=2, most=4, step=0)]},
        {"axes": [Axis(name="fast_len", least=2, most=float("nan"), step=1)]},
        {"axes": [Axis(name="stop_pct", least=0, most=1, step=1e-9)]},
        {"objective": "luck"},
        {"holdout": 1.0},
        {"trials": -1},
    ):
        with pytest.raises(UsageError):
            await run(tmp_path, **changes)


async def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError) as search:
        await run(tmp_path, method="optuna")
    assert "polotui[search]" in search.value.next_step
    with pytest.raises(UsageError) as cluster:
        await run(tmp_path, cluster="tcp://127.0.0.1:1")
    assert "polotui[cluster]" in cluster.value.next_step


async def test_columns_that_do_not_vary_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    compute = bench.SharingEvaluation._compute

    def counted(self: Any, node: Any) -> Any:
        made.append(node)
        return compute(self, node)

    monkeypatch.setattr(bench.SharingEvaluation, "_compute", counted)
    await run(tmp_path, holdout=0.0)
    framed = [node for node in made if getattr(node, "frame", "") == "4h"]
    # Two series on 4h, for the search and for the last look at its best.
    assert len(framed) <= 4
