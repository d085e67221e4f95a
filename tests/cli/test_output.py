"""Tables on the decimal point, figures exact, errors as one record."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.api.replies import Done
from polotui.api.values import Shown
from polotui.cli import output
from polotui.core.errors import ErrorRecord


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (61043.27, "61,043.27"),
        (0.00000042, "0.00000042"),
        ("1234567.80", "1,234,567.80"),
        (-1234.5, "-1,234.5"),
        (Decimal("1E+3"), "1,000"),
        (0.0, "0"),
        ("-0.5", "-0.5"),
        (None, "–"),
        ("", "–"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_figures_keep_their_decimals(value: float | str | Decimal | None, text: str) -> None:
    assert output.number(value) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**12), max_value=10**12))
def test_a_printed_figure_is_the_exact_figure(value: Decimal) -> None:
    assert Decimal(output.number(str(value)).replace(",", "")) == value


def test_columns_line_up_on_the_decimal_point() -> None:
    rows = [["a", "61,043.27"], ["b", "0.00000042"], ["c", "7"], ["d", "unknown"], ["e", "6.5 (as of 12:00:00)"]]
    lines = output.table(["x", "price"], rows, "ld").splitlines()[1:]
    points = [line.index(".") for line in (lines[0], lines[1], lines[4])]
    assert len(set(points)) == 1
    assert lines[2].rstrip()[-1] == "7"
    assert len(lines[2].rstrip()) == points[0]


def test_wide_signs_take_two_cells() -> None:
    assert output.width("日本") == 4
    assert output.width("e\u0301") == 1
    lines = output.table(["name", "x"], [["日本", "1"], ["ab", "2"]], "ll").splitlines()
    assert [output.width(line) for line in lines[1:]] == [7, 7]


def test_a_table_without_rows_is_its_heads() -> None:
    assert output.table(["a", "b"], [], "ld") == "a  b"


def test_standing_is_shown() -> None:
    assert output.shown(Shown(standing="known", text="0")) == "0"
    assert output.shown(Shown(standing="unknown", reason="no-price")) == "unknown"
    assert output.shown(Shown(standing="stale", text="5", as_of_ms=1_714_564_800_000)) == "5 (as of 12:00:00)"
    assert output.why("price", Shown(standing="known", text="0")) == ""
    assert output.why("price", Shown(standing="unknown", reason="no-price")) == "price: unknown, no-price."


def test_a_document_is_ascii_and_has_its_schema_first() -> None:
    text = output.document("balance", Done(text="\x1b[2J \u202e naïve"))
    assert text.isascii()
    assert text.startswith('{"schema": "polotui.balance/1"')
    assert json.loads(text)["text"] == "\x1b[2J \u202e naïve"


def test_a_document_without_finite_numbers_is_still_json() -> None:
    assert json.loads(output.document("x", {"value": float("nan")}))["value"] is None


def test_complaints_are_clean(capsys: pytest.CaptureFixture[str]) -> None:
    record = ErrorRecord(code="x", cause="bad \x1b]0;title\x07", exit_code=4)
    assert output.complain(record, as_json=False) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "\x1b" not in captured.err
    assert output.complain(record, as_json=True) == 4
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out)["cause"] == record.cause
