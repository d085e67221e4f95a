"""The way to the application: what it is told, and what is not loaded on the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from polotui.cli import face
from polotui.core.face_settings import FaceSettings
from polotui.core.paths import Home
from polotui.core.settings.schema import known_keys


class Face:
    """Takes the place of `run_face`."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}

    def __call__(self, **told: Any) -> int:
        self.told = told
        return 0


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Face:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.delenv("POLOTUI_FACE_THEME", raising=False)
    return Face()


@pytest.mark.parametrize("words", ["", "demo", "demo --help", "--home /x", "--theme=night", "--read-only"])
def test_these_open_the_application(words: str) -> None:
    assert face.wants_face(words.split())


@pytest.mark.parametrize("words", ["--help", "-h", "--version", "--install-completion", "balance", "nope", "market -h"])
def test_these_are_commands(words: str) -> None:
    assert not face.wants_face(words.split())


def test_alone_it_uses_the_platforms_home(opened: Face) -> None:
    assert face.run([], opened) == 0
    assert opened.told == {
        "home": Home.default(),
        "root": None,
        "settings": FaceSettings(),
        "read_only": False,
        "screen": None,
        "symbol": None,
        "engine_arguments": ["--linger", "60"],
        "demo": False,
    }


def test_the_demo_has_its_own_home_and_tells_the_engine(opened: Face, tmp_path: Path) -> None:
    words = ["demo", "--seed", "7", "--speed", "60", "--symbols", "12", "--data", str(tmp_path)]
    assert face.run(words, opened) == 0
    assert opened.told["home"] == Home.default("polotui-demo")
    assert opened.told["demo"] is True
    assert opened.told["root"] is None
    assert opened.told["engine_arguments"] == [
        *("--demo", "--data", str(tmp_path), "--speed", "60.0", "--seed", "7", "--symbols", "12"),
        *("--linger", "60"),
    ]


def test_a_given_home_is_absolute_for_the_engine(opened: Face, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    face.run(["demo", "--home", "h"], opened)
    assert opened.told["root"] == str(tmp_path / "h")
    assert opened.told["home"] == Home.at(tmp_path / "h")


def test_options_become_settings(opened: Face, tmp_path: Path) -> None:
    words = ["--theme", "night", "--colors", "256", "--no-mouse"]
    words += ["--read-only", "--screen", "balance", "--symbol", "eth/usdt"]
    face.run(["--home", str(tmp_path), *words], opened)
    assert opened.told["settings"] == FaceSettings(theme="night", colors="256", mouse=False)
    assert opened.told["read_only"] is True
    assert (opened.told["screen"], opened.told["symbol"]) == ("balance", "ETH_USDT")


@pytest.mark.parametrize(
    "words",
    ["--colors many", "--bogus", "demo --speed 0", "demo --speed fast", "demo --symbols 0", "--seed 7", "--home"],
)
def test_wrong_options_are_exit_code_2(opened: Face, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        face.run(words.split(), opened)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err
    assert opened.told == {}


@pytest.mark.parametrize("words", ["--symbol ＢTC_USDT", "demo --data nowhere"])
def test_wrong_values_are_a_sentence(opened: Face, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert face.run(words.split(), opened) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert opened.told == {}


def test_the_engine_outlives_the_face_as_long_as_configured(
    opened: Face, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert known_keys()["engine.linger_seconds"][0] == face.LINGER
    home = Home.at(tmp_path)
    home.config.mkdir()
    for text, seconds in (("5", "5"), ("2.5", "2.5"), ('"soon"', "60")):
        home.settings_file.write_text(f"[engine]\nlinger_seconds = {text}\n")
        face.run(["--home", str(tmp_path)], opened)
        assert opened.told["engine_arguments"] == ["--linger", seconds]
    monkeypatch.setenv("POLOTUI_ENGINE_LINGER_SECONDS", "7")
    face.run(["--home", str(tmp_path)], opened)
    assert opened.told["engine_arguments"] == ["--linger", "7"]


def test_a_broken_face_section_is_told(opened: Face, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Home.at(tmp_path)
    home.config.mkdir()
    home.settings_file.write_text("[face]\nframe_rate = 99\n")
    assert face.run(["--home", str(tmp_path)], opened) == 2
    assert "face.frame_rate" in capsys.readouterr().err


def test_without_a_terminal_nothing_is_opened(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "polotui", "--home", str(tmp_path / "h")]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs a terminal" in done.stderr


def loaded_by(words: list[str]) -> set[str]:
    script = (
        "import sys\nfrom polotui.__main__ import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_way_to_the_application_loads_neither_typer_nor_pydantic(tmp_path: Path) -> None:
    loaded = loaded_by(["demo", "--home", str(tmp_path)])
    assert loaded.isdisjoint({"typer", "click", "pydantic", "numpy", "httpx", "rich", "textual", "sqlite3"})


def test_a_command_loads_only_what_it_uses(tmp_path: Path) -> None:
    loaded = loaded_by(["logs", "--home", str(tmp_path)])
    assert loaded.isdisjoint(
        {"polotui.core.settings.schema", "numpy", "httpx", "textual", "polotui.cli.market", "polotui.cli.doctor"}
    )
