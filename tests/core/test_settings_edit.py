"""Writing one setting: the rest of the file stays as somebody wrote it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.core.errors import ConfigError
from polotui.core.settings.edit import set_value, toml_value

FILE = """# mine
[market]
# which ones
symbols = ["BTC_USDT"]   # the big one
top = 5

[face]
theme = "night"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config" / "polotui.toml"
    path.parent.mkdir()
    path.write_text(FILE)
    return path


def test_a_value_is_replaced_and_comments_stay(file: Path) -> None:
    set_value(file, "market.top", "7")
    assert file.read_text() == FILE.replace("top = 5", "top = 7")


def test_a_new_key_joins_its_section(file: Path) -> None:
    set_value(file, "market.history_days", "9")
    assert file.read_text() == FILE.replace("top = 5\n", "top = 5\nhistory_days = 9\n")


def test_a_new_section_comes_last(file: Path) -> None:
    set_value(file, "engine.linger_seconds", "0")
    assert file.read_text() == FILE + "\n[engine]\nlinger_seconds = 0\n"


def test_a_first_setting_makes_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "new" / "polotui.toml"
    set_value(file, "face.theme", '"night"')
    assert tomllib.loads(file.read_text()) == {"face": {"theme": "night"}}
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_key_without_a_section_is_refused(file: Path) -> None:
    with pytest.raises(ConfigError):
        set_value(file, "theme", '"x"')
    assert file.read_text() == FILE


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("5", 5),
        ("-2.5", -2.5),
        ("night", "night"),
        ('say "hi"', 'say "hi"'),
        ("a\\b", "a\\b"),
        ("", ""),
    ],
)
def test_words_from_a_shell_become_toml(text: str, value: object) -> None:
    assert tomllib.loads(f"x = {toml_value(text)}") == {"x": value}


@given(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters='[]{}"\x7f'), max_size=30))
def test_ordinary_text_is_kept_exactly(text: str) -> None:
    value = tomllib.loads(f"x = {toml_value(text)}")["x"]
    assert value == text or not isinstance(value, str)
