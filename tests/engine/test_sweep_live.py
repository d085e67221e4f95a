"""A large sweep that somebody watches: the best and the map of scores, without going through all rows."""

from __future__ import annotations

import random
from typing import Any

from polotui.api.lab_values import RunSpec, SweepAxis, SweepSpec
from polotui.engine.sweeps import BEST, Live, blank, take

AXES = [SweepAxis(name="a", least=0, most=9, step=1), SweepAxis(name="b", least=0, most=9, step=1)]


class Unwalked(dict[int, Any]):
    """Rows that may be looked up but not gone through."""

    def __iter__(self) -> Any:
        raise AssertionError("all rows were gone through")

    values = items = keys = __iter__


def test_the_best_and_the_map_follow_the_rows_that_come() -> None:
    draw = random.Random(7)
    spec = SweepSpec(run=RunSpec(strategy="x"), axes=AXES)
    live = Live(blank(1, spec, 900, 0), {})
    live.rows = Unwalked()
    rows = [
        {
            "place": place,
            "params": {"a": place % 10, "b": place // 10 % 10, "c": place // 100},
            "figures": {"score": draw.choice([None, float(draw.randint(-50, 50))]), "trades": 3.0},
        }
        for place in draw.sample(range(900), 900)
    ]
    for start in range(0, 900, 70):
        take(live, rows[start : start + 70])
        so_far = rows[: start + 70]
        shown = live.shown()
        ranked = sorted(
            so_far, key=lambda row: (row["figures"]["score"] is None, -(row["figures"]["score"] or 0), row["place"])
        )
        assert [row.params for row in shown.best] == [row["params"] for row in ranked[:BEST]]
        scores: dict[tuple[float, float], list[float]] = {}
        for row in so_far:
            known = [row["figures"]["score"]] if row["figures"]["score"] is not None else []
            scores.setdefault((row["params"]["a"], row["params"]["b"]), []).extend(known)
        expected = [(x, y, max(found, default=None)) for (x, y), found in sorted(scores.items())]
        assert [(cell.x, cell.y, cell.value) for cell in shown.heat] == expected
        assert shown.done == len(so_far)
