"""Pictures of screen 5 in each of its states, at the smallest size and at the usual one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from polotui.core.face_settings import FaceSettings
from polotui.tui.app import PolotuiApp
from tests.tui import fake_paper as fp
from tests.tui.fake_engine import FakeEngine, frozen
from tests.tui.test_snapshots import SIZES, desk, settled

NAMES = {" ": "space", ".": "full_stop", ",": "comma", "%": "percent_sign", "_": "underscore", "-": "minus"}
GROUPS = {"paper", "wizard", "assess", "place", "topics"}


def paper_engine(change: Callable[[fp.FakePaper], Any] = lambda paper: None) -> FakeEngine:
    engine = FakeEngine(frozen())
    engine.bench.stand_alone()
    change(engine.paper)
    return engine


def at_rest(app: PolotuiApp) -> bool:
    """Nothing is on its way: every question was answered, and the focus stands."""
    screen: Any = app.desk_screen
    asked = any(not worker.is_finished for worker in app.workers if worker.group in GROUPS)
    known = app.store.bots is not None and app.store.positions is not None and app.store.orders is not None
    return known and not asked and screen._wanted is None and screen.work.asking.at_rest


def pressed(*wanted: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Keys; «=text» is typed letter by letter."""

    async def go(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, PolotuiApp)
        await settled(pilot, at_rest)
        for step in wanted:
            for key in [NAMES.get(letter, letter) for letter in step[1:]] if step.startswith("=") else [step]:
                await pilot.press(key)
            await settled(pilot, at_rest)
        app.clear_notifications()
        await settled(pilot, at_rest)

    return go


def nothing(paper: fp.FakePaper) -> None:
    paper.stand_empty()


def unknown(paper: fp.FakePaper) -> None:
    paper.orders = [fp.unknown_order(), *fp.make_orders()]


def refusing(paper: fp.FakePaper) -> None:
    paper.decision = fp.refused()


def problems(paper: fp.FakePaper) -> None:
    paper.plan = {"ok": False, "problems": fp.PROBLEMS, "warnings": ["It has no stop of its own."]}


def naked(paper: fp.FakePaper) -> None:
    """What nobody protects, and what is not fresh."""
    btc, sol = fp.make_positions()
    paper.positions = [
        replace(btc, stop="", target="", protection="none", stop_distance=None, protection_note="no stop was set"),
        replace(sol, stale=True, mark_ms=fp.NOW - 41_000),
    ]


def kept(paper: fp.FakePaper) -> None:
    pass


WIZARD = ("a", "enter")
PLAN = (*WIZARD, *["tab"] * 3, "enter", *["tab"] * 3, "enter")
STATES: dict[str, tuple[Callable[[fp.FakePaper], None], tuple[str, ...]]] = {
    "running": (kept, ()),
    "empty": (nothing, ()),
    "bot": (kept, ("enter",)),
    "drift": (kept, ("d",)),
    "end-a-bot": (kept, ("x",)),
    "naked": (naked, ("tab",)),
    "sell": (kept, ("tab", "c")),
    "edit": (kept, ("tab", "enter", "ctrl+u", "=61,000", "tab", "ctrl+u", "=3%")),
    "edit-fault": (kept, ("tab", "enter", "ctrl+u", "=62000")),
    "feed": (kept, ("f", "j", "j")),
    "feed-filtered": (kept, ("f", "c", "=reasons", "enter", "b", "=ema", "enter")),
    "feed-line": (kept, ("f", "j", "j", "enter")),
    "orders": (unknown, ("v",)),
    "settle": (unknown, ("v", "r")),
    "journal": (kept, ("i", "j")),
    "trade": (kept, ("i", "j", "enter")),
    "note": (kept, ("i", "w", "=left too early", "tab", "=late, exit")),
    "signals": (kept, ("v", "v", "v")),
    "week": (kept, ("tab", "tab", "w", "h", "h", "h")),
    "wizard-list": (kept, ("a",)),
    "wizard-market": (kept, (*WIZARD, "ctrl+u", "=eth_usdt, nope", "tab", "tab", "=1,500")),
    "wizard-params": (kept, (*WIZARD, *["tab"] * 3, "enter", "right", "tab", "ctrl+u", "=500", "tab")),
    "wizard-plan": (kept, PLAN),
    "wizard-problems": (problems, PLAN),
    "ticket": (kept, ("o", *["tab"] * 4, "=120", "tab", "=2%")),
    "ticket-refused": (refusing, ("o", *["tab"] * 4, "=2000", "tab")),
    "ticket-limit": (kept, ("o", "tab", "=s", "tab", "=l", "tab", "tab", "=0.03", "tab", "=62,500", "tab")),
    "ticket-question": (kept, ("o", *["tab"] * 4, "=120", *["tab"] * 4, "enter")),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", list(STATES))
def test_paper(snap_compare, state, size):
    change, keys = STATES[state]
    app = desk(paper_engine(change), screen="paper")
    assert snap_compare(app, terminal_size=size, run_before=pressed(*keys))


def test_a_narrow_and_low_terminal_shows_the_result_on_its_turn(snap_compare):
    app = desk(paper_engine(), screen="paper")
    assert snap_compare(app, terminal_size=(80, 24), run_before=pressed("tab", "tab", "M"))


@pytest.mark.parametrize("keys", [(), ("i",)], ids=["orders", "journal"])
def test_a_tall_terminal_keeps_the_feed_above_the_tables(snap_compare, keys):
    app = desk(paper_engine(unknown), screen="paper")
    assert snap_compare(app, terminal_size=(160, 48), run_before=pressed(*keys))


@pytest.mark.parametrize("theme", ["polotui-light", "high-contrast", "colour-blind", "terminal"])
def test_each_theme(snap_compare, theme):
    app = desk(paper_engine(unknown), screen="paper", settings=FaceSettings(theme=theme))
    assert snap_compare(app, terminal_size=(120, 36), run_before=pressed("v"))


def test_read_only_has_no_keys_that_change(snap_compare):
    app = desk(paper_engine(), screen="paper", read_only=True)
    assert snap_compare(app, terminal_size=(120, 36), run_before=pressed("tab"))
