"""Every figure has a definition, is shown as traders expect, and the page of them is current."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from polotui.metrics import rules
from polotui.metrics.definitions import CHANCE, DEFINITIONS, as_markdown
from polotui.metrics.figure import Figure, unknown
from polotui.metrics.summary import CurveInput, headline, summarise
from polotui.metrics.trades import no_trades
from tests.metrics.samples import HOUR, hours, random_equity, random_returns

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_what_the_table_says() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == as_markdown()


def test_the_table_names_every_figure_in_their_order() -> None:
    curve = CurveInput(hours(4800), HOUR, random_equity(1), 10_000.0)
    figures = summarise(curve, no_trades()).figures
    assert list(figures) == [name for name, row in DEFINITIONS.items() if row.group != CHANCE]
    assert headline(random_returns(1), no_trades()).keys() <= figures.keys()


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("win_rate", 0.5534, "55.3 %"),
        ("profit_factor", 1.756, "1.76"),
        ("sharpe", -0.4049, "−0.40"),
        ("total_return", 0.12345, "+12.35 %"),
        ("total_return", -0.5, "−50.00 %"),
        ("total_return", -0.00001, "0.00 %"),
        ("max_drawdown", -0.1234, "−12.34 %"),
        ("max_drawdown", 0.0, "0.00 %"),
        ("expectancy", 1234.5, "+1,234.50"),
        ("average_loss", -56.789, "−56.79"),
        ("trades", 1204.0, "1,204"),
        ("streak", -3.0, "−3"),
        ("streak", 0.0, "0"),
        ("expectancy_r", 0.254, "+0.25 R"),
        ("max_drawdown_days", 12.34, "12.3 d"),
        ("average_hours", 4.0, "4.0 h"),
        ("average_bars", 4.0, "4.0"),
    ],
)
def test_formats(name: str, value: float, shown: str) -> None:
    assert DEFINITIONS[name].shown(Figure(value)) == shown


def test_a_figure_without_a_value_shows_its_reason() -> None:
    assert DEFINITIONS["profit_factor"].shown(unknown("no losses")) == "no losses"


def test_names_are_unique_and_texts_are_short() -> None:
    assert len({row.title for row in DEFINITIONS.values()}) == len(DEFINITIONS)
    for name, row in DEFINITIONS.items():
        assert row.name == name
        assert 10 < len(row.text) < 340, name
        assert row.text.endswith("."), name
        assert "|" not in row.text + row.title + row.origin, name


def test_the_thresholds_are_quoted_not_repeated() -> None:
    assert f"under {rules.LEAST_DAYS_RATIO} days" in DEFINITIONS["sharpe"].text
    assert f"under {rules.LEAST_DAYS_GROWTH} days" in DEFINITIONS["cagr"].text
    assert f"{rules.LEAST_DAYS_TAIL} days" in DEFINITIONS["var_95"].text
    assert f"under {rules.LEAST_TRADES_KELLY} trades" in DEFINITIONS["kelly"].text


def test_reading_the_definitions_loads_no_numpy() -> None:
    program = "import polotui.metrics.definitions, sys; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
