"""Settings: four layers, each value with its source, each mistake with its key."""

from __future__ import annotations

import tomllib

import pytest

from polotui.core.errors import ConfigError
from polotui.core.paths import Home
from polotui.core.settings.layers import environment_name
from polotui.core.settings.schema import Settings, example_environment, example_file, known_keys, load
from polotui.model.symbols import PRESET


def test_without_anything_the_defaults_hold(home: Home) -> None:
    loaded = load(home)
    assert loaded.settings.market.symbols == PRESET
    assert loaded.source("market.symbols") == "default"


def test_real_money_is_locked_out_unless_somebody_says_otherwise(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(home).settings.safety.simulation_only is True
    monkeypatch.setenv("TRADING_SIMULATION_ONLY", "false")
    assert load(home).settings.safety.simulation_only is False


@pytest.mark.parametrize("text", ["", "maybe", "2", "flase"])
def test_an_unclear_word_never_unlocks_real_money(home: Home, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TRADING_SIMULATION_ONLY", text)
    with pytest.raises(ConfigError, match="simulation_only"):
        load(home)


def test_flag_beats_environment_beats_file_beats_default(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "market.history_days"
    home.settings_file.write_text("[market]\nhistory_days = 10\n")
    assert (load(home).settings.market.history_days, load(home).source(key)) == (10, f"file {home.settings_file}")
    monkeypatch.setenv("POLOTUI_MARKET_HISTORY_DAYS", "20")
    assert (load(home).settings.market.history_days, load(home).source(key)) == (
        20,
        "environment POLOTUI_MARKET_HISTORY_DAYS",
    )
    loaded = load(home, flags={key: 40})
    assert (loaded.settings.market.history_days, loaded.source(key)) == (40, "flag")


def test_a_flag_that_was_not_given_changes_nothing(home: Home) -> None:
    assert load(home, flags={"market.top": None}).source("market.top") == "default"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[market]\nhistory_days = 0\n", ["market.history_days", "0", "config explain market.history_days"]),
        ("[market]\nsymbols = ['ВTC_USDT']\n", ["market.symbols", "not a symbol"]),
        ("[exchange]\nrest_url = 'http://api.poloniex.com'\n", ["exchange.rest_url", "https"]),
        ("[exchange]\nrest_url = 'poloniex'\n", ["exchange.rest_url", "URL"]),
        ("[general]\nprofile = 'live'\n", ["general.profile", "live"]),
        ("[face]\nframe_rate = 100\n", ["face.frame_rate", "100"]),
        ("[face]\ncolors = 'many'\n", ["face.colors"]),
        ("[face]\ntheem = 'x'\n", ["face.theem", "face.theme"]),
        ("[marktet]\ntop = 1\n", ["marktet.top", "market.top"]),
        ("top = 1\n", ["top", "section"]),
        ("[market\n", ["TOML"]),
    ],
)
def test_a_mistake_names_key_value_and_help(home: Home, text: str, words: list[str]) -> None:
    home.settings_file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(home)
    assert caught.value.record().exit_code == 2
    for word in words:
        assert word in str(caught.value)


def test_a_file_that_is_not_text_is_told(home: Home) -> None:
    home.settings_file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(home)


def test_plain_http_is_for_this_machine_only(home: Home) -> None:
    assert load(home, flags={"exchange.rest_url": "http://127.0.0.1:8080/"}).settings.exchange.rest_url == (
        "http://127.0.0.1:8080"
    )


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://10.0.0.1"])
def test_other_plain_addresses_are_refused(home: Home, url: str) -> None:
    with pytest.raises(ConfigError):
        load(home, flags={"exchange.rest_url": url})


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1.evil.example", "http://localhost.evil.example", "http://127.0.0.1@evil.example"]
)
def test_hosts_that_only_look_like_this_machine_are_refused(home: Home, url: str) -> None:
    with pytest.raises(ConfigError):
        load(home, flags={"exchange.rest_url": url})


def test_symbols_from_the_environment_are_a_list(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLOTUI_MARKET_SYMBOLS", "BTC_USDT, TRX_USDT,")
    assert load(home).settings.market.symbols == ("BTC_USDT", "TRX_USDT")


def test_the_example_file_is_valid_and_complete(home: Home) -> None:
    text = example_file()
    for key in known_keys():
        assert f"# {key.partition('.')[2]} = " in text
    uncommented = "\n".join(
        line[2:] if line.startswith("# ") and " = " in line and line[2:].partition(" = ")[0].isidentifier() else line
        for line in text.splitlines()
    )
    home.settings_file.write_text(uncommented)
    assert len(tomllib.loads(uncommented)) == len({key.partition(".")[0] for key in known_keys()})
    assert load(home).settings == Settings()


def test_the_example_environment_names_every_setting_and_no_secret() -> None:
    text = example_environment()
    for key, (default, _) in known_keys().items():
        assert isinstance(default, dict) or f"{environment_name(key)}=" in text
    assert "API_KEY" not in text.upper()


def test_the_example_environment_is_valid(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in example_environment().splitlines():
        name, separator, value = line.removeprefix("# ").partition("=")
        if separator and name.isupper():
            monkeypatch.setenv(name, value)
    assert load(home).settings == Settings()


def test_every_key_has_a_meaning() -> None:
    for key, (_, meaning) in known_keys().items():
        assert meaning, key
