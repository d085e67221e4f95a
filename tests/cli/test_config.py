"""`polotui config`: shows sources, refuses what is wrong before it is written."""

from __future__ import annotations

import pytest

from polotui.cli.allowed import allowed
from polotui.core.settings.schema import example_file, known_keys
from tests.cli.conftest import Shell


def test_show_has_every_key_with_its_source(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLOTUI_FACE_THEME", "night\x1b[2J")
    result = shell("config", "show")
    assert "\x1b" not in result.out
    settings = {row["key"]: row for row in shell("config", "show", "--json").document["settings"]}
    assert set(settings) == set(known_keys())
    assert settings["face.theme"]["source"] == "environment POLOTUI_FACE_THEME"
    assert settings["market.top"]["source"] == "default"


@pytest.mark.parametrize("key", sorted(known_keys()))
def test_every_key_can_be_explained(shell: Shell, key: str) -> None:
    result = shell("config", "explain", key)
    assert result.code == 0
    for word in ("value", "default", "allowed", "environment"):
        assert word in result.out


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("face.frame_rate", "a number, at least 0.5, at most 20"),
        ("face.colors", "auto, truecolor, 256, 16 or none"),
        ("general.profile", "dev or production"),
        ("market.top", "a whole number, at least 0, at most 50"),
        ("cache.prices", "a number, more than 0"),
        ("market.symbols", "a list, with commas between"),
        ("safety.simulation_only", "true or false"),
    ],
)
def test_what_is_allowed_is_read_off_the_schema(key: str, words: str) -> None:
    assert allowed(key) == words


def test_set_writes_and_says_what_holds(shell: Shell) -> None:
    assert shell("config", "set", "market.symbols", "BTC_USDT,TRX_USDT").code == 0
    document = shell("config", "explain", "market.symbols", "--json").document
    assert document["value"] == ["BTC_USDT", "TRX_USDT"]
    assert document["source"] == f"file {shell.home.settings_file}"
    assert shell.home.settings_file.stat().st_mode & 0o777 == 0o600


def test_set_keeps_the_rest_of_the_file(shell: Shell) -> None:
    shell.home.config.mkdir(parents=True)
    shell.home.settings_file.write_text("# mine\n[face]\ntheme = 'night' # dark\n")
    assert shell("config", "set", "face.mouse", "false").code == 0
    assert shell.home.settings_file.read_text() == "# mine\n[face]\ntheme = 'night' # dark\nmouse = false\n"


def test_a_wrong_value_leaves_the_file_alone_and_names_it(shell: Shell) -> None:
    shell("config", "set", "face.frame_rate", "5")
    before = shell.home.settings_file.read_bytes()
    result = shell("config", "set", "face.frame_rate", "500")
    assert result.code == 2
    assert "flag" not in result.err
    assert shell.home.settings_file.read_bytes() == before


def test_the_environment_does_not_hide_a_wrong_value(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLOTUI_MARKET_TOP", "3")
    assert shell("config", "set", "market.top", "5000").code == 2


def test_set_says_when_it_has_no_effect(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLOTUI_MARKET_TOP", "3")
    result = shell("config", "set", "market.top", "5")
    assert result.code == 0
    assert "no effect while environment POLOTUI_MARKET_TOP" in result.err
    assert "market.top = 3" in result.out


def test_a_value_can_put_a_wrong_file_right(shell: Shell) -> None:
    shell.home.config.mkdir(parents=True)
    shell.home.settings_file.write_text("[market]\ntop = 5000\n")
    assert shell("config", "show").code == 2
    assert shell("config", "set", "market.top", "5").code == 0
    assert shell("config", "show").code == 0


def test_the_demo_has_settings_of_its_own(shell: Shell) -> None:
    assert shell("config", "show", "--demo", "--json").code == 0


def test_the_example_is_the_schemas(shell: Shell) -> None:
    assert shell("config", "example").out == example_file()
    assert shell("config", "example", "--json").document["text"] == example_file()
