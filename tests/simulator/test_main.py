"""The program: its one line, its announcement, its endings."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import httpx
import pytest

from polotui.simulator.__main__ import configure, main, parser


async def _start(*options: str) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "polotui.simulator",
        *options,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().strip()


async def test_it_says_where_it_listens_announces_itself_and_ends_on_a_signal(tmp_path: Path) -> None:
    file = tmp_path / "simulator.json"
    process, line = await _start("--symbols", "2", "--announce", str(file), "--account", "k:s:USDT=5", "--json")
    said = json.loads(line)
    for _ in range(1000):
        if file.exists():
            break
        await asyncio.sleep(0.01)
    announced = json.loads(file.read_text())
    assert announced["pid"] == process.pid == said["pid"]
    assert announced["port"] == said["port"]
    async with httpx.AsyncClient(base_url=said["address"], trust_env=False) as http:
        state = (await http.get("/_simulator/state")).json()
    assert set(state["accounts"]) == {"demo-key", "k"}
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    assert not file.exists()


async def test_it_ends_by_itself_when_nobody_is_connected() -> None:
    process, line = await _start("--symbols", "1", "--idle-exit", "0.2")
    assert line.startswith("listening on http://127.0.0.1:")
    assert await process.wait() == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--symbols", "0"],
        ["--speed", "0"],
        ["--activity", "-1"],
        ["--account", "nonsense"],
        ["--account", "k:s:USDT=x"],
        ["--data", "/nowhere"],
        ["--faults", "/no"],
    ],
)
def test_a_wrong_call_ends_with_exit_code_2(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(options) == 2
    assert capsys.readouterr().err


def test_options_become_the_configuration() -> None:
    config = configure(parser().parse_args(["--speed", "60", "--seed", "x", "--account", "a:b:USDT=1,BTC=0.1"]))
    assert (config.speed, config.seed) == (60.0, "x")
    assert [account.key for account in config.accounts] == ["demo-key", "a"]
    assert str(config.accounts[1].funds["BTC"]) == "0.1"
