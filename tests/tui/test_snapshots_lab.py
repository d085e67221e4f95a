"""Pictures of the lab: each state at 120x36 and at the smallest size."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from polotui.core.face_settings import FaceSettings
from polotui.tui.app import PolotuiApp
from polotui.tui.screens.lab import LabScreen
from tests.tui.fake_engine import NOW, frozen
from tests.tui.fake_lab import FakeLab, lab_engine

SIZES = [(80, 24), (120, 36)]
both_sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
RULE = 14


def desk(lab: FakeLab | None = None, **options: Any) -> PolotuiApp:
    clock = frozen()
    engine = lab_engine(lab, clock)
    app = PolotuiApp(engine.connect, clock=clock, screen="lab", **options)
    app.animation_level = "none"
    return app


def at_rest(app: PolotuiApp) -> bool:
    """The list is there, and what is open is checked, previewed and painted."""
    screen = app.desk_screen
    assert isinstance(screen, LabScreen)
    work = screen.work
    if app.store.link != "live" or app.store.is_dirty or work.rows is None or work.examining:
        return False
    return work.document is None or (work.up_to_date and work.preview_revision == work.revision and not work.previewing)


async def settled(pilot: Pilot[Any], met: Callable[[], bool] = lambda: True) -> None:
    for _ in range(500):
        if at_rest(pilot.app) and met():  # type: ignore[arg-type]
            break
        await pilot.pause(0.01)
    else:
        raise AssertionError("the lab never came to rest")
    pilot.app.clear_notifications()
    for _ in range(3):
        await pilot.pause()


def keys(*pressed: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def press(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        for key in pressed:
            await pilot.press(key)
            await settled(pilot)

    return press


def opened(*pressed: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """ema-pullback in the editor, then these keys."""

    async def press(pilot: Pilot[Any]) -> None:
        await settled(pilot)
        await pilot.press("j", "enter")
        screen = pilot.app.screen
        assert isinstance(screen, LabScreen)
        await settled(pilot, lambda: screen.work.document is not None and screen.focused is screen.editor)
        for key in pressed:
            await pilot.press(key)
            await settled(pilot)

    return press


def typed(text: str, *more: str, offered: bool = False) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Typed at the end of the entry rule."""

    async def press(pilot: Pilot[Any]) -> None:
        await opened()(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, LabScreen)
        buffer = screen.work.document.buffer  # type: ignore[union-attr]
        buffer.move_to(RULE - 1, len(buffer.lines[RULE - 1]) - 1)
        await pilot.press("enter", *("space" if letter == " " else letter for letter in text), *more)
        await settled(pilot, lambda: bool(screen.editor.offered()) == offered)

    return press


@both_sizes
def test_an_empty_library(snap_compare, size):
    assert snap_compare(desk(FakeLab(NOW, empty=True)), terminal_size=size, run_before=keys())


@both_sizes
def test_the_library(snap_compare, size):
    assert snap_compare(desk(), terminal_size=size, run_before=keys("j"))


@pytest.mark.parametrize("size", [*SIZES, (100, 30), (160, 48)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_document_with_its_preview(snap_compare, size):
    assert snap_compare(desk(), terminal_size=size, run_before=opened())


def test_the_preview_at_80x24(snap_compare):
    assert snap_compare(desk(), terminal_size=(80, 24), run_before=opened("tab"))


@both_sizes
def test_a_typing_error(snap_compare, size):
    assert snap_compare(desk(), terminal_size=size, run_before=typed(" and rsx > 30", "escape"))


@both_sizes
def test_completion(snap_compare, size):
    assert snap_compare(desk(), terminal_size=size, run_before=typed(" and cr", offered=True))


@both_sizes
def test_the_form(snap_compare, size):
    async def form(pilot: Pilot[Any]) -> None:
        await opened()(pilot)
        await pilot.press("f", "right", "down", "ctrl+u", "9", "9")
        await settled(pilot)

    assert snap_compare(desk(), terminal_size=size, run_before=form)


@both_sizes
def test_an_examination(snap_compare, size):
    assert snap_compare(desk(), terminal_size=size, run_before=opened("tab", "tab", "x"))


def test_an_older_version(snap_compare):
    async def version(pilot: Pilot[Any]) -> None:
        await opened()(pilot)
        await pilot.press("v")
        await settled(pilot, lambda: len(pilot.app.screen_stack) == 2)
        await pilot.press(*"v2", "enter")
        await settled(pilot, lambda: type(pilot.app.screen).__name__ == "VersionReading")

    assert snap_compare(desk(), terminal_size=(120, 36), run_before=version)


def test_a_new_strategy_is_chosen_from_the_templates(snap_compare):
    assert snap_compare(desk(), terminal_size=(120, 36), run_before=keys("a"))


@pytest.mark.parametrize("theme", ["polotui-light", "high-contrast", "colour-blind", "terminal"])
def test_a_typing_error_in_each_theme(snap_compare, theme):
    app = desk(settings=FaceSettings(theme=theme))
    assert snap_compare(app, terminal_size=(120, 36), run_before=typed(" and rsx > 30", "escape"))
