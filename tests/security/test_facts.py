"""Gathering sees what is there, follows no link, prints no value, and changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from polotui.core.paths import Home
from polotui.security import facts, pins, places
from polotui.security.checks import outcomes
from polotui.security.score import judge


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    return Home.at(tmp_path / "home").make()


def gathered(home: Home, **environment: str) -> facts.Facts:
    return facts.gather(
        home,
        mode="paper",
        demo=True,
        simulation=facts.Simulation(True),
        sqlite=(3, 51, 3),
        environment=environment,
        known_pins=pins.Pins(why="not here"),
    )


def put(path: Path, text: str = "", mode: int = 0o600) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def kinds(home: Home) -> dict[str, str]:
    return {place.path: place.kind for place in places.look(home).found}


def bad(home: Home, name: str, **environment: str) -> str:
    found = {outcome.name: outcome for outcome in outcomes(gathered(home, **environment))}[name]
    return found.text if found.state == "bad" else ""


def test_a_new_home_is_fit(home: Home) -> None:
    assert judge(outcomes(gathered(home)), "paper").may_paper


def test_a_home_that_is_not_made_is_no_fault_and_stays_unmade(tmp_path: Path) -> None:
    nowhere = Home.at(tmp_path / "nowhere")
    assert not bad(nowhere, "private-files")
    assert not (tmp_path / "nowhere").exists()


def test_folders_files_and_what_is_above(home: Home, tmp_path: Path) -> None:
    state = put(home.data / "deep" / "x.db")
    theme = put(home.themes / "mine.toml")
    export = put(home.exports / "trades.csv", mode=0o644)
    found = kinds(home)
    assert found[str(state)] == "state"
    assert found[str(state.parent)] == "folder"
    assert found[str(theme)] == found.get(str(home.settings_file), "settings") == "settings"
    assert str(export) not in found
    assert found[str(tmp_path)] == found["/"] == "above"
    assert found[str(home.runtime)] == "folder"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o620, 0o666])
def test_a_state_file_with_any_bit_for_others_is_found(home: Home, mode: int) -> None:
    put(home.data / "ledger.db", mode=mode)
    assert "ledger.db is open to others" in bad(home, "private-files")


def test_a_link_is_found_and_not_followed(home: Home, tmp_path: Path) -> None:
    elsewhere = put(tmp_path / "elsewhere" / "x.db", mode=0o666)
    (home.data / "there").symlink_to(elsewhere.parent)
    assert "there is a link" in bad(home, "private-files")
    assert str(elsewhere) not in kinds(home)


def test_a_home_that_is_itself_a_link_is_found(home: Home, tmp_path: Path) -> None:
    home.logs.rmdir()
    (tmp_path / "logs").mkdir()
    home.logs.symlink_to(tmp_path / "logs")
    assert "logs is a link" in bad(home, "private-files")


def test_a_shared_folder_above_is_found(home: Home, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert f"{tmp_path}, above it" in bad(home, "private-files")
    tmp_path.chmod(0o1777)
    assert not bad(home, "private-files")


def test_more_files_than_one_looks_at_are_said_to_be(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_ENTRIES", 12)
    for number in range(12):
        put(home.data / f"{number}.db")
    assert places.look(home).cut


def test_a_file_that_goes_meanwhile_is_no_fault(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = put(home.data / "ledger.db-wal", mode=0o666)
    real = Path.lstat

    def lstat(self: Path) -> os.stat_result:
        if self == gone:
            raise FileNotFoundError(str(self))
        return real(self)

    monkeypatch.setattr(Path, "lstat", lstat)
    assert not bad(home, "private-files")


def test_names_in_the_environment_and_in_dotenv_files(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path / ".env", "POLONIEX_API_KEY=abc\nPOLONIEX_API_SECRET=\nANTHROPIC_API_KEY=s3cr3t\n")
    put(home.config / ".env", "export MY_API_SECRET='s3cr3t'")
    named = gathered(home, POLONIEX_API_SECRET="s3cr3t", PATH="/bin").named
    assert [(secret.name, secret.where) for secret in named] == [
        ("ANTHROPIC_API_KEY", str(tmp_path / ".env")),
        ("POLONIEX_API_KEY", str(tmp_path / ".env")),
        ("MY_API_SECRET", str(home.config / ".env")),
        ("POLONIEX_API_SECRET", "the environment"),
    ]
    assert "s3cr3t" not in repr(named)


def test_a_working_folder_that_is_gone_is_no_fault(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert facts.env_files(home) == [home.config / ".env"]


def test_secrets_in_configuration_and_at_the_end_of_a_log(home: Home) -> None:
    put(home.settings_file, "[general]\nlog_level = 'INFO'\napi_secret = '9f8e7d6c5b4a39281706f5e4'\n")
    old, new = "-".join(["OLDOLD12"] * 4), "-".join(["NEWNEW34"] * 4)
    filler = "x y\n" * (facts.TAIL_BYTES // 4)
    put(home.logs / "engine.log", f"{old}\n{filler}{new}\n")
    put(home.logs / "notes.md", new)
    found = facts.written_secrets(home)
    assert [(Path(one.file).name, one.line, one.what) for one in found] == [
        ("polotui.toml", 3, "a value named api_secret"),
        ("engine.log", 0, "a Poloniex key"),
    ]
    text = bad(home, "written-secrets")
    assert f"{home.settings_file}, line 3" in text
    assert "9f8e7d6c" not in text


def test_the_pins_of_this_checkout_are_found_and_compared() -> None:
    found = pins.look()
    assert found.file.endswith("constraints.txt")
    assert found.checked > 10


def test_versions_are_compared_by_what_they_are() -> None:
    pinned = pins.read_pins("# c\nNumPy==2.4.0  # x\nruamel.yaml==0.18.6 ; python_version>'3'\nother==1\nloose>=2\n")
    assert pinned == {"numpy": "2.4.0", "ruamel-yaml": "0.18.6", "other": "1"}
    found = pins.compare("f", pinned, {"numpy": "2.4", "ruamel-yaml": "0.18.7", "unpinned": "9"})
    assert found.checked == 2
    assert found.different == (pins.Difference("ruamel-yaml", "0.18.6", "0.18.7"),)


def test_only_what_trading_stands_on_is_compared() -> None:
    names = pins.installed(pins.roots())
    assert {"httpx", "httpcore", "msgspec"} <= set(names)
    assert "pytest" not in names


def test_without_constraints_there_is_nothing_to_compare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pins, "_PACKAGE", tmp_path / "polotui")
    found = pins.look()
    assert (found.checked, "no constraints.txt" in found.why) == (0, True)
