"""Commands that become another process, and what the shell's completion gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from polotui import __version__
from polotui.__main__ import main
from polotui.core import spawn
from tests.cli.conftest import Shell


class Replaced(list[tuple[str, list[str]]]):
    """Takes the place of `replace_with` and keeps what it was told."""

    def __call__(self, module: str, arguments: list[str]) -> None:
        self.append((module, list(arguments)))


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> Replaced:
    spy = Replaced()
    monkeypatch.setattr(spawn, "replace_with", spy)
    return spy


def test_engine_run_becomes_the_engine(shell: Shell, replaced: Replaced) -> None:
    assert shell("engine", "run").code == 0
    assert replaced == [("polotui.engine", ["run", "--home", str(shell.root)])]


def test_engine_run_hands_on_the_demos_options(shell: Shell, replaced: Replaced, tmp_path: Path) -> None:
    words = f"--demo --linger 2.5 --speed 60 --seed a7 --symbols 9 --data {tmp_path}".split()
    assert shell("engine", "run", *words).code == 0
    [(module, arguments)] = replaced
    assert module == "polotui.engine"
    assert arguments == [
        *("run", "--home", str(shell.root), "--demo", "--speed", "60.0", "--seed", "a7", "--symbols", "9"),
        *("--data", str(tmp_path), "--linger", "2.5"),
    ]


def test_simulate_becomes_the_simulator(shell: Shell, replaced: Replaced, tmp_path: Path) -> None:
    for name in ("one.csv", "two.csv", "plan.toml"):
        (tmp_path / name).touch()
    words = ["--port", "8123", "--speed", "2", "--seed", "s", "--symbols", "5", "--account", "k:s:USDT=1", "--json"]
    words += ["--data", f"{tmp_path}/one.csv", "--data", f"{tmp_path}/two.csv", "--faults", f"{tmp_path}/plan.toml"]
    assert shell("simulate", *words).code == 0
    assert replaced == [
        (
            "polotui.simulator",
            [
                *("--port", "8123", "--speed", "2.0", "--seed", "s", "--symbols", "5"),
                *("--data", f"{tmp_path}/one.csv", f"{tmp_path}/two.csv", "--faults", f"{tmp_path}/plan.toml"),
                *("--account", "k:s:USDT=1", "--json"),
            ],
        )
    ]


def test_a_relative_home_reaches_the_engine_absolute(
    shell: Shell, replaced: Replaced, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = Shell(Path("here"), shell.capture)
    relative("engine", "run")
    assert replaced[0][1] == ["run", "--home", str(tmp_path / "here")]


def test_simulate_tells_its_address() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "polotui", "simulate", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        process.terminate()
    # The same process from the first to the last: the address is its own.
    assert told["pid"] == process.pid
    assert told["address"] == f"http://127.0.0.1:{told['port']}"


def test_the_version() -> None:
    done = subprocess.run([sys.executable, "-m", "polotui", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"polotui {__version__}\n"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("polotui ", {"demo", "market", "balance", "doctor", "config"}),
        ("polotui mark", {"market"}),
        ("polotui market ", {"ticker", "book", "candles"}),
        ("polotui balance --account ", {"spot", "paper"}),
        ("polotui data download --", {"--from", "--to", "--days", "--json"}),
    ],
)
def test_completion(words: str, offered: set[str]) -> None:
    environment = os.environ | {
        "_POLOTUI_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = subprocess.run(
        [sys.executable, "-m", "polotui"], env=environment, capture_output=True, text=True, check=False
    )
    assert offered <= set(done.stdout.split())
    assert done.stderr == ""


def test_a_reader_that_leaves_early_is_no_error() -> None:
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m polotui config example | true'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


@pytest.mark.parametrize(
    "words",
    ["", "engine", "engine run", "simulate", "doctor", "health", "events", "logs", "config set", "data download"],
)
def test_every_command_has_help(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words.split(), "--help"]) == 0
    assert "Usage: polotui" in capsys.readouterr().out
