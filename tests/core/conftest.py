"""A home without settings of the machine it runs on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from polotui.core.paths import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in list(os.environ):
        if name.startswith("POLOTUI_") or name == "TRADING_SIMULATION_ONLY":
            monkeypatch.delenv(name)
    made = Home.at(tmp_path / "home")
    made.config.mkdir(parents=True)
    return made
