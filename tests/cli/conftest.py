"""Running polotui in this process, with a home and a socket folder of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from polotui.__main__ import main
from polotui.core.paths import Home


@dataclass
class Result:
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output; fails when there is anything else."""
        assert self.out.endswith("\n")
        assert self.out.count("\n") == 1
        return json.loads(self.out)


@dataclass
class Shell:
    """Runs command lines with --home."""

    root: Path
    capture: pytest.CaptureFixture[str]

    @property
    def home(self) -> Home:
        return Home.at(self.root)

    def __call__(self, *words: str) -> Result:
        try:
            code = main([*words, "--home", str(self.root)])
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        out, err = self.capture.readouterr()
        assert "Traceback" not in out + err
        return Result(code, out, err)

    async def beside(self, *words: str) -> Result:
        """The same in a thread, so that a fake engine can answer on this loop."""
        return await asyncio.to_thread(self, *words)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    for name in list(os.environ):
        if name.startswith(("POLOTUI_", "POLONIEX_")) or name == "TRADING_SIMULATION_ONLY":
            monkeypatch.delenv(name)
    runtime = tempfile.mkdtemp(prefix="pt")
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    yield Shell(tmp_path / "home", capsys)
    shutil.rmtree(runtime)


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is asked for ends at once, as one does that cannot start."""
    monkeypatch.setattr("polotui.core.spawn.start_detached", lambda *_, **__: 2**22 + 777)
    monkeypatch.setattr("polotui.api.attach.START_SECONDS", 0.05)


Run = Callable[..., Result]
