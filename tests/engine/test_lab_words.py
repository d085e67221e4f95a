"""Texts and curves that the lab hands out, without an engine."""

from __future__ import annotations

import numpy as np
import pytest

from polotui.engine.run_views import thinned
from polotui.engine.strategies import renamed
from polotui.strategy.document.check import check
from polotui.strategy.document.templates import templates


@pytest.mark.parametrize("name", ["2024", "1.5", "null", "true", "1e5", "mine", "a - b", "2024-01-01"])
def test_a_copy_bears_its_name_whatever_yaml_would_take_it_for(name: str) -> None:
    found = check(renamed(templates()["sma-cross"].text, "yaml", name))
    assert found.document is not None
    assert found.document.name == name


def test_the_drawdown_of_a_curve_begins_at_the_capital() -> None:
    """As the figure does: who loses from the first bar on is under water from the first bar on."""
    time = np.arange(3, dtype=np.int64)
    rows = [np.array(values).view(np.int64) for values in ([90.0, 95.0, 80.0], [100.0] * 3, [0.0] * 3)]
    curve = np.stack([time, *rows]).tobytes()
    assert [point.drawdown for point in thinned(curve, 10, 100.0)] == pytest.approx([-0.1, -0.05, -0.2])
