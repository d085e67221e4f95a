"""Pictures of screen 6 and of the board in each of their states, at the smallest size and at the usual one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from polotui.api import risk_commands as rc
from polotui.api import trade_values as tv
from polotui.core.errors import UsageError
from polotui.core.face_settings import FaceSettings
from polotui.tui.app import PolotuiApp
from tests.tui import fake_engine as fe
from tests.tui import fake_risk as fr
from tests.tui.fake_engine import FakeEngine, frozen
from tests.tui.test_snapshots import SIZES, desk, settled

NOW = fe.NOW


def at_rest(app: PolotuiApp) -> bool:
    """Nothing is on its way: every question was answered, and the focus stands."""
    screen: Any = app.desk_screen
    asked = any(not worker.is_finished for worker in app.workers if worker.group in ("risk", "board", "ask", "halt"))
    return not asked and screen._wanted is None


def steps(*wanted: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def go(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, PolotuiApp)
        await settled(pilot, at_rest)
        for key in wanted:
            await pilot.press(key)
            await settled(pilot, at_rest)
        # Toasts come and go by the wall clock: not part of the picture.
        app.clear_notifications()
        await pilot.pause()

    return go


def engine(kind: str = "calm") -> FakeEngine:
    made = FakeEngine(frozen())
    risk = fr.calm(NOW)
    if kind in ("breach", "latched", "halted", "pending"):
        risk = fr.stressed(NOW)
    if kind == "latched":
        risk = msgspec.structs.replace(risk, latches=[fr.latch(NOW)])
    if kind == "halted":
        risk = msgspec.structs.replace(risk, state="HALTED", state_reason="ctrl+g twice, by ada on pts/3")
    if kind == "pending":
        changes = [
            tv.LimitChange(name="positions", title="positions", old="50", new="80", loosens=True),
            tv.LimitChange(name="daily-loss", title="daily loss", old="5 %", new="8 %", loosens=True),
        ]
        risk = msgspec.structs.replace(risk, pending=changes, pending_ms=NOW + 1_739_000)
    made.risk.now_is(risk, reason=risk.state_reason)
    made.risk.assessed = fr.refused() if kind == "refused" else fr.accepted()
    if kind == "nothing":
        made.risk.risk, made.risk.cards = None, []
        for command in (rc.GetLimits, rc.GetCorrelations, rc.GetRiskHistory, rc.GetRiskReport):
            made.fail[command] = UsageError("The ledger is not open.", next_step="polotui health says why.")
    if kind == "bare":
        bare = fr.calm(NOW)
        meter = msgspec.structs.replace(bare.meter, score=None, parts=[], biggest="")
        made.risk.risk = msgspec.structs.replace(
            bare, meter=meter, limits=[], exposure=[], cash_share=None, latches=[], locks=[], alerts=[], protection=[],
            stops_local=0, safety=None, ladder=[],
        )  # fmt: skip
        made.risk.trading = msgspec.structs.replace(made.risk.trading, risk=None)
    return made


QUANTITY = ("w", "j", "j", "j", "enter", *"0.1", "enter")
STATES: dict[str, tuple[str, tuple[str, ...]]] = {
    "calm": ("calm", ()),
    "overview": ("calm", ("o",)),
    "breach": ("breach", ()),
    "breach-overview": ("breach", ("o", "tab", "tab")),
    "latched": ("latched", ("o",)),
    "latches": ("latched", ("L",)),
    "override": ("latched", ("L", "a", *"OVERRIDE", "enter", "enter")),
    "halted": ("halted", ()),
    "resume": ("halted", ("R", "enter", *"RES")),
    "pending": ("pending", ()),
    "limits": ("calm", ("f", "j", "j", "enter", "ctrl+u", *"95")),
    "preset": ("calm", ("r", *"aggr", "enter")),
    "preset-diff": ("calm", ("r", *"aggr", "enter", "tab")),
    "preset-apply": ("calm", ("r", *"aggr", "enter", "G", "j", "enter", *"wider")),
    "correlation": ("calm", ("c", "l", "l")),
    "curve": ("calm", ("d",)),
    "curve-cross": ("calm", ("d", *["h"] * 18)),
    "size": ("calm", ("i", "tab")),
    "kelly": ("calm", ("i", "l", "j", "j", "enter", *"65")),
    "whatif": ("calm", (*QUANTITY, "tab")),
    "whatif-empty": ("calm", ("w",)),
    "refused": ("refused", (*QUANTITY, "tab")),
    "locks": ("calm", ("L", "tab")),
    "lock": ("calm", ("L", "tab", "a", "enter", "ctrl+u", "0", "enter", "enter")),
    "prevented": ("calm", ("b",)),
    "alerts-past": ("breach", ("o", "tab", "tab", "H")),
    "nothing": ("nothing", ("o",)),
    "bare": ("bare", ("o",)),
}


BOARDS: dict[str, tuple[str, ...]] = {
    "columns": (),
    "evidence": ("l", "l", "G"),
    "live": ("l", "l", "l"),
    "table": ("v",),
    "rule": ("l", "r", "enter", "enter", "ctrl+u", "0"),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", list(STATES))
def test_risk(snap_compare, state, size):
    kind, pressed = STATES[state]
    app = desk(engine(kind), screen="risk")
    assert snap_compare(app, terminal_size=size, run_before=steps(*pressed))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", list(BOARDS))
def test_board(snap_compare, state, size):
    app = desk(engine(), screen="board")
    assert snap_compare(app, terminal_size=size, run_before=steps(*BOARDS[state]))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_an_empty_board(snap_compare, size):
    assert snap_compare(desk(engine("nothing"), screen="board"), terminal_size=size, run_before=steps())


@pytest.mark.parametrize("theme", ["polotui-light", "high-contrast", "colour-blind", "terminal"])
def test_a_halted_desk_in_each_theme(snap_compare, theme):
    app = desk(engine("halted"), screen="risk", settings=FaceSettings(theme=theme))
    assert snap_compare(app, terminal_size=(120, 36), run_before=steps("c"))


@pytest.mark.parametrize("screen", ["market", "balance", "lab", "backtest"])
def test_a_halted_desk_on_the_other_screens(snap_compare, screen):
    assert snap_compare(desk(engine("halted"), screen=screen), terminal_size=(120, 36), run_before=steps())


def test_the_first_press_of_the_chord(snap_compare):
    assert snap_compare(desk(engine(), screen="risk"), terminal_size=(80, 24), run_before=steps("ctrl+g"))


@pytest.mark.parametrize("mode", ["PAPER", "LIVE"])
def test_a_desk_that_only_reduces(snap_compare, mode):
    made = engine()
    made.state["mode"] = mode
    made.risk.trading = msgspec.structs.replace(made.risk.trading, state="REDUCING", unknown_orders=1)
    assert snap_compare(desk(made, screen="risk"), terminal_size=(120, 36), run_before=steps())


def test_a_tall_terminal_has_room_for_the_curve(snap_compare):
    assert snap_compare(desk(engine("breach"), screen="risk"), terminal_size=(160, 48), run_before=steps("o"))
