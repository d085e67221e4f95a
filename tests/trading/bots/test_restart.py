"""A bot that dies at any event and is started again orders and fills the same as one that never died."""

from __future__ import annotations

import pytest

from polotui.backtest.kernel import run as plain
from polotui.core.ids import Chance
from tests.trading.bots.crashing import run, story
from tests.trading.parity.cases import case_of
from tests.trading.parity.data import thin_gaps
from tests.trading.parity.documents import documents
from tests.trading.parity.runs import backtested, difference, told

DOCUMENTS = {written.name: written for written in documents()}
NAMES = ["stop entries", "limit entries with adds", "kelly of its own trades", "turtles in a hurry",
         "large orders over several bars", "more symbols than cash", "dca-dips", "exits by facts"]  # fmt: skip


@pytest.mark.parametrize("saves", [True, False], ids=["saved with each fill", "fills read back"])
@pytest.mark.parametrize("name", NAMES)
async def test_dying_changes_nothing(name: str, saves: bool) -> None:
    case = case_of(DOCUMENTS[name], thin_gaps(), most=460)
    whole = await run(case, [])
    assert difference(backtested(case, plain.simulate), [told(fill) for _, fill in whole.fills]) == ""
    assert len(whole.fills) >= 5
    random = Chance(f"deaths {name}").generator()
    deaths = sorted(random.sample(range(1, whole.events), min(120, whole.events // 3)))
    broken = await run(case, deaths, saves_on_fill=saves)
    assert broken.events > max(deaths)
    assert [fill for _, fill in map_fills(broken)] == [fill for _, fill in map_fills(whole)]
    assert story(broken) == story(whole)


def map_fills(desk):  # type: ignore[no-untyped-def]
    return [(terms.id, told(fill)) for terms, fill in desk.fills]
