"""Nothing that comes from outside may steer the terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polotui.core.text import clean, is_plain_symbol

HOSTILE = [
    "\x1b[2J\x1b[H",
    "\x1b]0;owned\x07",
    "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]52;c;cm0gLXJm\x07",
    "\x1bP+q544e\x1b\\",
    "\x1b_Gf=100;AAAA\x1b\\",
    "\x9b31m",
    "\u202egnp.exe",
    "\u2066abc\u2069",
    "a\u200bb\u200dc\ufeff",
    "\x00\x08\x7f",
    "\ue000\udfff",
    "e" + "\u0301" * 500,
    "\u2028line\u2029",
]


def is_safe(text: str) -> bool:
    return all(unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for sign in text)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_text_becomes_visible_and_harmless(text: str) -> None:
    assert is_safe(clean(text))


@settings(max_examples=500)
@given(st.text(st.characters(codec=None), max_size=300), st.integers(1, 250))
def test_any_text_is_safe_and_bounded(text: str, limit: int) -> None:
    cleaned = clean(text, limit)
    assert is_safe(cleaned)
    assert len(cleaned) <= limit + 1


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


def test_an_escape_is_shown_not_swallowed() -> None:
    assert clean("a\x1b[31mb") == "a‹1b›[31mb"


def test_line_breaks_become_spaces() -> None:
    assert clean("one\ntwo\tthree\r") == "one two three "


def test_stacks_of_marks_are_cut_but_accents_stay() -> None:
    assert clean("e\u0301") == "e\u0301"
    assert clean("e" + "\u0301" * 50) == "e\u0301\u0301"


def test_long_text_ends_with_an_ellipsis() -> None:
    assert clean("x" * 1_000_000, 10) == "x" * 10 + "…"


def test_anything_can_be_cleaned() -> None:
    assert clean(None) == "None"
    assert clean(ValueError("\x1b[2J")) == "‹1b›[2J"


@pytest.mark.parametrize("symbol", ["BTC_USDT", "1INCH_USDT", "BTC_USDT_PERP", "BTC3L_USDT"])
def test_plain_symbols(symbol: str) -> None:
    assert is_plain_symbol(symbol)


@pytest.mark.parametrize(
    "symbol",
    [
        "",
        "BTC",
        "btc_usdt",
        "ВTC_USDT",
        "BTC\u200b_USDT",
        "BTC_USDT\n",
        "BTC__USDT",
        "_USDT",
        "A" * 25 + "_USDT",
        "A_B_C_D",
    ],
    ids=ascii,
)
def test_look_alikes_and_tricks_are_no_symbols(symbol: str) -> None:
    assert not is_plain_symbol(symbol)
