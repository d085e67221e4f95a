"""Homes: one option moves everything, two homes never meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from polotui.core.paths import Home


def test_all_state_is_below_a_given_home(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "h")
    for path in (home.settings_file, home.themes, home.ledger, home.market, home.lock, home.exports, home.logs):
        assert path.is_relative_to(tmp_path / "h")


def test_a_relative_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Home.at("h").data == tmp_path / "h" / "data"


def test_a_tilde_is_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Home.at("~/h").data == tmp_path / "h" / "data"


def test_homes_have_sockets_of_their_own(tmp_path: Path) -> None:
    sockets = {Home.at(tmp_path / str(number)).socket for number in range(50)}
    assert len(sockets) == 50


def test_the_demo_has_a_home_of_its_own() -> None:
    ours, demo = Home.default(), Home.default("polotui-demo")
    assert ours.ledger != demo.ledger
    assert ours.socket != demo.socket


@pytest.mark.parametrize("runtime", ["", "/nowhere", "/tmp/" + "x" * 200])
def test_a_sockets_path_is_short_enough_for_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    monkeypatch.setenv("TMPDIR", "/tmp")
    assert len(str(Home.at(tmp_path / ("deep/" * 40)).socket)) < 104


def test_making_a_home_makes_private_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polotui.core.paths._runtime", lambda: tmp_path / "run")
    home = Home.at(tmp_path / "h").make()
    for folder in (home.config, home.data, home.logs, home.runtime):
        assert folder.stat().st_mode & 0o777 == 0o700
