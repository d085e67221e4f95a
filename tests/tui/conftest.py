"""A desk for tests: the real app on a fake engine, a frozen clock and no animation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from polotui.core.clock import FrozenClock
from polotui.core.face_settings import FaceSettings
from polotui.tui.app import PolotuiApp
from polotui.tui.widgets.chrome import Banner
from tests.tui.fake_engine import FakeEngine, frozen


@dataclass
class Desk:
    """The app under test and its world."""

    app: PolotuiApp
    pilot: Pilot[Any]
    engine: FakeEngine
    clock: FrozenClock
    saved: dict[str, object]
    exports: Path

    async def until(self, met: Callable[[], bool], what: str | Callable[[], str] = "the condition") -> None:
        """Lets the app work until `met`, in bounded turns."""
        for _ in range(500):
            if met():
                return
            await self.pilot.pause(0.01)
        raise AssertionError(f"{what() if callable(what) else what} was not met")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def text(self) -> str:
        """What the terminal would show, without colours."""
        screen = self.app.screen
        lines = screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in lines)

    def pane(self, name: str) -> Any:
        return self.app.desk_screen.query_one(f"#{name}")

    async def shown(self, words: str) -> None:
        await self.until(lambda: words in self.text(), lambda: f"«{words}» on the screen:\n{self.text()}")

    async def gone(self, words: str) -> None:
        await self.until(lambda: words not in self.text(), lambda: f"«{words}» leaving the screen:\n{self.text()}")


OpenDesk = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def open_desk(tmp_path: Path, request: pytest.FixtureRequest) -> OpenDesk:
    """`async with open_desk(size=(80, 24), settings=..., ready=True) as desk`."""

    @asynccontextmanager
    async def opened(
        size: tuple[int, int] = (120, 36), *, engine: FakeEngine | None = None, ready: bool = True, **options: Any
    ) -> AsyncIterator[Desk]:
        clock = frozen()
        made = engine or FakeEngine(clock)
        made.clock = clock
        if "lab" in request.module.__name__:
            made.library = "lab"
        saved: dict[str, object] = {}
        options.setdefault("settings", FaceSettings())
        options.setdefault("exports", tmp_path / "exports")
        app = PolotuiApp(made.connect, clock=clock, save_setting=saved.__setitem__, **options)
        app.animation_level = "none"
        async with app.run_test(size=size) as pilot:
            desk = Desk(app, pilot, made, clock, saved, tmp_path / "exports")
            if ready:
                await desk.until(lambda: app.store.link == "live" and not app.store.is_dirty, "a live desk")
                if app.current_name == "market":
                    await desk.until(lambda: app.store.charts[app.view.topic].loaded, "the chart")
                await desk.until(lambda: not app.store.is_dirty, "a painted desk")
                banner = app.desk_screen.query_one(Banner)
                await desk.until(lambda: (banner.size.height > 0) == bool(banner.sentence()[0]), "the banner's room")
                await pilot.pause()
            yield desk
            assert app.failed_panes == {}

    return opened
