"""Pictures of screen 4 in each of its states, at the smallest size and at the usual one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from polotui.api.events import AnyEvent, JobState, SweepState
from polotui.tui.app import PolotuiApp
from tests.tui import fake_backtests as fb
from tests.tui.fake_engine import FakeEngine, frozen
from tests.tui.test_snapshots import SIZES, desk, settled


def bench_engine() -> FakeEngine:
    engine = FakeEngine(frozen())
    engine.bench.stand_alone()
    return engine


Step = str | Callable[[PolotuiApp, FakeEngine], None]


def at_rest(app: PolotuiApp) -> bool:
    """Nothing is on its way: every question was answered, and the focus stands."""
    screen: Any = app.desk_screen
    asked = any(not worker.is_finished for worker in app.workers if worker.group == "bench")
    return not asked and screen._wanted is None and screen.bench.strategy is not None


def steps(engine: FakeEngine, *wanted: Step) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def go(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, PolotuiApp)
        await settled(pilot, at_rest)
        for step in wanted:
            if isinstance(step, str):
                await pilot.press(step)
            else:
                step(app, engine)
                await pilot.pause()
            await settled(pilot, at_rest)

    return go


def push(*events: AnyEvent) -> Step:
    return lambda app, engine: engine.push(*events)


def quiet(app: PolotuiApp, engine: FakeEngine) -> None:
    """Toasts come and go by the wall clock: not part of the picture."""
    app.clear_notifications()


def job(done: float, **more: Any) -> JobState:
    return FakeEngine(frozen()).bench.progress(done, **more)


REASON = "No candles of BTC_USDT before 2024-03-01 are stored. : data download BTC_USDT 900 fetches them."
RESULT: tuple[Step, ...] = ("i", "enter")
STATES: dict[str, tuple[Step, ...]] = {
    "form": (),
    "form-error": ("j", "j", "j", "enter", "ctrl+u", *"2026-02-30", "enter", "j", "enter", "ctrl+u", *"-5"),
    "running": ("r", push(job(0.41), job(0.0, id=6, title="sweep donchian-20", kind="sweep", speed="", left_s=None))),
    "failed": ("r", push(job(0.2, end="failed", reason=REASON, started_ms=1, ended_ms=1201)), quiet, "tab"),
    "history": ("i", "j", "space"),
    "result": RESULT,
    "figure": (*RESULT, "shift+tab", "shift+tab", "end", "down", "down", "down", "down", "down", "down"),
    "curve": (*RESULT, "shift+tab", *["h"] * 12),
    "trade": (*RESULT, "j", "enter"),
    "months": (*RESULT, "v"),
    "distribution": (*RESULT, "v", "v"),
    "groups": (*RESULT, "v", "v", "v"),
    "assumptions": (*RESULT, "V"),
    "definition": (*RESULT, "d"),
    "compared": ("i", "space", "space", "c"),
    "sweep-form": ("w",),
    "sweep-running": ("w", "r", quiet, push(SweepState(sweep=fb.make_sweep(4, 41)))),
    "sweep-map": ("w", "tab", "tab", "enter", "tab", "right", "down", "right"),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", list(STATES))
def test_backtest(snap_compare, state, size):
    engine = bench_engine()
    app = desk(engine, screen="backtest")
    assert snap_compare(app, terminal_size=size, run_before=steps(engine, *STATES[state]))


def test_nothing_was_run_yet(snap_compare):
    engine = bench_engine()
    engine.bench.runs.clear()
    app = desk(engine, screen="backtest")
    assert snap_compare(app, terminal_size=(120, 36), run_before=steps(engine))


def test_analyses(snap_compare):
    engine = bench_engine()
    engine.bench.analyses.append(fb.monte_carlo())
    app = desk(engine, screen="backtest")
    run = steps(engine, *RESULT, "v", "v", "v", "v")
    assert snap_compare(app, terminal_size=(120, 36), run_before=run)


@pytest.mark.parametrize("theme", ["polotui-light", "high-contrast", "colour-blind", "terminal"])
def test_heat_in_each_theme(snap_compare, theme):
    from polotui.core.face_settings import FaceSettings

    engine = bench_engine()
    app = desk(engine, screen="backtest", settings=FaceSettings(theme=theme))
    assert snap_compare(app, terminal_size=(120, 36), run_before=steps(engine, *RESULT, "v"))


def test_a_tall_terminal_keeps_the_history_below_the_result(snap_compare):
    engine = bench_engine()
    app = desk(engine, screen="backtest")
    assert snap_compare(app, terminal_size=(160, 48), run_before=steps(engine, *RESULT))
