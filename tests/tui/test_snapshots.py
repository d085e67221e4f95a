"""Pictures of the screens: layout at 80x24 and 120x36, one for each theme, help, and what is lost or unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from polotui.core.face_settings import FaceSettings
from polotui.tui.app import PolotuiApp
from polotui.tui.themes import ORDER
from tests.tui.fake_engine import FakeEngine, frozen

SIZES = [(80, 24), (120, 36)]


def desk(engine: FakeEngine | None = None, **options: Any) -> PolotuiApp:
    clock = frozen()
    made = engine or FakeEngine(clock)
    app = PolotuiApp(made.connect, clock=clock, **options)
    app.animation_level = "none"
    return app


async def settled(pilot: Pilot[Any], met: Callable[[PolotuiApp], bool] = lambda app: True) -> None:
    app = pilot.app
    assert isinstance(app, PolotuiApp)
    for _ in range(300):
        series = app.store.charts.get(app.view.topic)
        charted = app.current_name != "market" or (series is not None and series.loaded)
        if app.store.link == "live" and charted and not app.store.is_dirty and met(app):
            break
        await pilot.pause(0.01)
    else:
        raise AssertionError("the desk never came to rest")
    for _ in range(3):
        await pilot.pause()


def keys(*pressed: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def press(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        for key in pressed:
            await pilot.press(key)
            await settled(pilot)

    return press


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", ["market", "balance"])
def test_screen(snap_compare, screen, size):
    assert snap_compare(desk(screen=screen), terminal_size=size, run_before=keys())


@pytest.mark.parametrize("theme", [name for name in ORDER if name != "polotui-dark"])
def test_theme(snap_compare, theme):
    assert snap_compare(desk(settings=FaceSettings(theme=theme)), terminal_size=(120, 36), run_before=keys())


def test_help_at_80x24(snap_compare):
    assert snap_compare(desk(), terminal_size=(80, 24), run_before=keys("question_mark"))


def test_watchlist_at_80x24(snap_compare):
    assert snap_compare(desk(), terminal_size=(80, 24), run_before=keys("tab", "tab"))


def test_palette(snap_compare):
    assert snap_compare(desk(), terminal_size=(120, 36), run_before=keys("colon"))


def test_crosshair_and_all_overlays(snap_compare):
    app = desk()
    app.view.overlays = ("ema21", "ema55", "sma50", "bb20")
    assert snap_compare(app, terminal_size=(120, 36), run_before=keys("tab", "tab", "h", "h", "h"))


def test_a_lost_engine(snap_compare):
    engine = FakeEngine(frozen())
    app = desk(engine)

    async def wait_for_ever(seconds: float) -> None:
        await asyncio.Event().wait()

    async def lose(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        # One try, then no other: the number of tries stands in the picture.
        app.session._pause = wait_for_ever  # type: ignore[method-assign]
        engine.die()
        for _ in range(300):
            if app.store.attempt == 1 and not app.store.is_dirty:
                break
            await pilot.pause(0.01)
        for _ in range(3):
            await pilot.pause()

    assert snap_compare(app, terminal_size=(120, 36), run_before=lose)
