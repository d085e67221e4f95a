"""Every command with bad input: one record or one sentence, the right exit code, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from polotui.core import spawn
from tests.cli.conftest import Shell

pytestmark = pytest.mark.usefixtures("no_engine")

WRONG = [
    "nope",
    "engin",
    "engine nope",
    "engine run --speed 5",
    "engine run --demo --speed fast",
    "engine run --demo --data nowhere",
    "engine start --linger -1",
    "engine stop --bogus",
    "engine status extra",
    "simulate --port 99999",
    "simulate --speed 0",
    "simulate --data nowhere",
    "simulate --faults nowhere",
    "simulate --symbols 0",
    "doctor extra",
    "health one two",
    "events --limit -1",
    "events --follow --topics nope",
    "events --follow --topics ,",
    "logs nope",
    "logs search",
    "logs --level loud",
    "logs --lines 0",
    "config nope",
    "config explain",
    "config explain face.nope",
    "config set face.frame_rate",
    "config set face.nope 1",
    "config set frame_rate 1",
    "config set face.frame_rate fast",
    "config set face.frame_rate 1000",
    "config set market.symbols [BTC_USDT",
    "config set market.symbols btc",
    "config set market.top [1",
    "config set exchange.rest_url http://example.com",
    "market nope",
    "market markets --top -1",
    "market ticker BTC",
    "market ticker ＢTC_USDT",
    "market ticker BTC_USDT;rm",
    "market book",
    "market book BTC_USDT --depth 0",
    "market book BTC_USDT --depth many",
    "market trades BTC_USDT --limit 0",
    "market candles BTC_USDT -t 7m",
    "market candles BTC_USDT --limit 1000000",
    "data nope",
    "data download",
    "data download BTC_USDT",
    "data download BTC_USDT --from 2024-01-01 --days 3",
    "data download BTC_USDT --from yesterday",
    "data download BTC_USDT --from 2024-02-30",
    "data download BTC_USDT --from 2024-02-02 --to 2024-02-01",
    "data download BTC_USDT --days 0",
    "data download ../../etc --days 1",
    "data import",
    "data import nowhere.csv BTC_USDT",
    "data import . BTC_USDT",
    "data import . BTC_USDT --times middle",
    "data download BTC_USDT --days 1 -t 7m",
    "data export",
    "data export BTC_USDT",
    "data export BTC --to a.csv",
    "data export BTC_USDT --to a.csv -t 2h",
    "data export BTC_USDT --to a.csv --from yesterday",
    "data export BTC_USDT --to a.csv --from 2024-02-02 --until 2024-02-01",
    "data export BTC_USDT --to - --format parquet",
    "data export BTC_USDT --to - --format nope",
    "data verify",
    "data verify BTC_USDT -t 2h",
    "data list extra",
    "balance --account futures",
    "balance extra",
    "paper nope",
    "paper start",
    "paper start ./file.yaml",
    "paper start ema --param fast",
    "paper start ema --param fast=x",
    "paper start ema --param fast=1 --param fast=2",
    "paper start ema -s BTC",
    "paper start ema -t 7m",
    "paper start ema --version -1",
    "paper start ema --venue moon",
    "paper stop",
    "paper stop three",
    "paper pause 0",
    "paper status -1",
    "paper trades --from yesterday",
    "paper trades --from 2024-05-02 --to 2024-05-01",
    "paper trades -s BTC_USDT;rm",
    "paper trades -n 0",
    "paper pnl --period year",
    "paper close",
    "paper close ＢTC_USDT",
    "paper edit BTC_USDT",
    "paper feed --kind nope",
    "paper note",
    "paper note many text",
    "paper note 3",
    "paper drift",
    "order place",
    "order place BTC_USDT",
    "order place BTC_USDT hold --amount 5",
    "order place BTC_USDT buy",
    "order place BTC_USDT buy --amount 5 --quantity 1",
    "order place BTC buy --amount 5",
    "order place BTC_USDT buy --amount 5 --maker",
    "order place BTC_USDT sell --quantity 5 --trigger 4 --limit 3",
    "order place BTC_USDT sell --quantity 5 --trigger 4 --stop 3",
    "order place BTC_USDT buy --amount 5 --tif DAY",
    "order place BTC_USDT buy --amount 5 --expire -1",
    "order cancel",
    "order cancel pt-1 --all",
    "order resolve pt-1",
    "order resolve pt-1 --state filled --note whatever",
    "order list -n 0",
    "signal nope",
    "signal list --state open",
    "protect nope",
    "risk nope",
    "risk limits put",
    "risk limits set",
    "risk limits set daily_loss",
    "risk limits set daily_loss=",
    "risk limits set daily_loss=3 daily_loss=4",
    "risk limits withdraw daily_loss",
    "risk preset --apply",
    "risk ack",
    "risk ack none",
    "risk ack 0",
    "risk ack ²",
    "risk size",
    "risk size guess",
    "risk size kelly --risk much",
    "risk size kelly --risk 200%",
    "risk size kelly --trades -1",
    "risk assess BTC_USDT buy",
    "risk correlation BTC",
    "risk history --days 0",
    "risk latch --acknowledge",
    "risk latch daily-loss --acknowledge --override words",
    "risk lock BTC_USDT",
    "risk lock BTC_USDT --hours many --reason why",
    "risk unlock",
    "resume",
    "resume --yes please",
    "flatten",
    "flatten --yes please",
    "halt two words",
    "audit nope",
    "audit verify extra",
    "audit show -n 0",
    "export nope",
    "export trades --format xml",
    "export trades --delimiter no",
    "export trades --format json --bom",
]
NEEDS_ENGINE = [
    "engine start",
    "engine stop",
    "engine status",
    "health",
    "health stream",
    "events",
    "events --follow",
    "market markets",
    "market ticker",
    "market ticker btc/usdt eth-usdt",
    "market book BTC_USDT",
    "market trades BTC_USDT",
    "market candles BTC_USDT -t 5m",
    "data download BTC_USDT --days 2",
    "data download BTC_USDT --days 2 -t 1h",
    "data export BTC_USDT --to nowhere.csv",
    "data list",
    "data verify BTC_USDT",
    "balance",
    "balance --demo",
    "paper start ema",
    "paper start ema --plan",
    "paper stop 1",
    "paper pause 1",
    "paper resume 1",
    "paper status",
    "paper status 1",
    "paper positions",
    "paper trades",
    "paper pnl",
    "paper close BTC_USDT",
    "paper edit BTC_USDT --stop 1",
    "paper feed",
    "paper feed --follow",
    "paper drift 1",
    "paper journal",
    "paper note 1 text",
    "order list",
    "order fills",
    "order place BTC_USDT buy --amount 5",
    "order place BTC_USDT buy --amount 5 --what-if",
    "order cancel --all",
    "order resolve pt-1 --state cancelled --note whatever",
    "signal list",
    "protect status",
    "protect stop",
    "protect start",
    "risk status",
    "risk limits",
    "risk limits set daily_loss=3",
    "risk preset",
    "risk preset moderate",
    "risk alerts",
    "risk ack all",
    "risk exposure",
    "risk size kelly",
    "risk assess BTC_USDT buy --amount 5",
    "risk correlation",
    "risk history",
    "risk report",
    "risk latch",
    "risk lock BTC_USDT --reason news",
    "risk unlock BTC_USDT",
    "resume --yes RESUME",
    "flatten --yes FLATTEN",
    "audit verify",
    "audit show",
    "export trades",
    "export journal",
]


@pytest.mark.parametrize("words", WRONG)
def test_wrong_use_is_exit_code_2_and_a_sentence(shell: Shell, words: str) -> None:
    result = shell(*words.split())
    assert (result.code, result.out) == (2, "")
    assert result.err.strip().count("\n") == 0
    assert len(result.err) > 20
    assert not shell.home.settings_file.exists()


@pytest.mark.parametrize("words", [words for words in WRONG if not words.startswith("engine run")])
def test_wrong_use_with_json_is_one_record(shell: Shell, words: str) -> None:
    result = shell(*words.split(), "--json")
    assert (result.code, result.err) == (2, "")
    record = result.document
    assert set(record) == {"schema", "code", "cause", "safe", "next_step", "retry_after_ms", "request_id"}
    assert record["schema"] == "polotui.error/1"
    assert record["code"] in ("usage", "config")
    assert record["cause"]


@pytest.mark.parametrize("words", NEEDS_ENGINE)
def test_no_engine_is_exit_code_3(shell: Shell, words: str) -> None:
    result = shell(*words.split())
    assert (result.code, result.out) == (3, "")
    assert "engine" in result.err.lower()
    record = shell(*words.split(), "--json").document
    assert record["code"] == "engine-gone"
    assert record["next_step"]


def test_an_import_without_an_engine(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "candles.csv").write_text("time,open\n")
    assert shell("data", "import", str(tmp_path / "candles.csv"), "BTC_USDT").code == 3


@pytest.mark.parametrize("words", ["market", "engine", "config", "data", "paper", "order", "risk", "audit", "export"])
def test_a_group_alone_shows_its_commands(shell: Shell, words: str) -> None:
    result = shell(words)
    assert result.code == 2
    assert "help" in result.err.lower()


@pytest.mark.parametrize("words", ["config show", "config explain face.theme", "config set face.theme night", "doctor"])
def test_a_broken_configuration_is_told_by_whoever_reads_it(shell: Shell, words: str) -> None:
    shell.home.config.mkdir(parents=True, mode=0o700)
    shell.home.settings_file.write_text("[market\n")
    shell.home.settings_file.chmod(0o600)
    result = shell(*words.split())
    assert result.code == (4 if words == "doctor" else 2)
    assert "TOML" in result.out + result.err
    assert shell.home.settings_file.read_text() == "[market\n"


def test_a_home_that_is_a_file(shell: Shell) -> None:
    shell.root.write_text("in the way")
    for words in (["balance"], ["config", "set", "face.theme", "night"], ["engine", "start"]):
        result = shell(*words)
        assert result.code == (2 if words[0] == "config" else 1)
        assert "cannot be" in result.err
        assert shell(*words, "--json").document["schema"] == "polotui.error/1"


def test_a_fault_in_polotui_is_a_record_too(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("\x1b[2Jboom")

    monkeypatch.setattr(spawn, "replace_with", broken)
    result = shell("simulate")
    assert result.code == 1
    assert "\x1b" not in result.err
    assert "ZeroDivisionError" in result.err
    assert shell("simulate", "--json").document["code"] == "internal"
