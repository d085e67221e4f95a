"""`polotui sweep` against a scripted engine: what it asks, what it prints, how it ends."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from polotui.api import commands as c
from polotui.api import lab_commands as lc
from polotui.api import lab_replies as lr
from polotui.api import lab_values as v
from polotui.api import replies as r
from polotui.api.events import JobState
from polotui.cli import sweep
from polotui.core.errors import UsageError
from tests.api.fake_server import FakeEngine, until
from tests.cli import lab
from tests.cli.conftest import Shell

STARTED = lr.SweepStarted(job=9, sweep=7, total=6, title="sweep sma-cross")
JOB = JobState(id=9, title="sweep sma-cross", kind="sweep", done=0.5, speed="631 runs/s", left_s=1.0, result=7)
RESULT = """\
Sweep 7 · sma-cross · grid, 6 of 6 · seeks sharpe · 30 % kept out · completed

   fast  slow  sharpe  out of sample    return    max DD  trades
1    10    40    1.42           0.31  +21.40 %   -8.10 %      88
2     5    40    0.90              –  +11.00 %  -12.00 %     120

After 6 trials the best Sharpe is above zero with a probability of 83 %.
The best lies at no edge.

slow ↑  fast →
40 │▓▓◆ ██
20 │··░░
   └──────  5 … 15
· -0.3  █ 1.42  ◆ best
"""
WORDS = "sma-cross --axis fast=5:15:5 --axis slow=20:40:20"


class Searcher:
    """A sweep whose job ends at the second look, or runs until it is cancelled."""

    def __init__(self, *, end: str = "completed", endless: bool = False) -> None:
        self._end = end
        self._endless = endless
        self.looks = 0
        self.cancelled = 0

    def answers(self) -> dict[type, Any]:
        return {
            lc.StartSweep: STARTED,
            lc.ResumeSweep: STARTED,
            lc.GetSweep: lab.SWEEP,
            c.GetJobs: self.look,
            c.CancelJob: self.cancel,
        }

    def look(self, _: c.GetJobs) -> r.Jobs:
        self.looks += 1
        end = "cancelled" if self.cancelled else "" if self._endless or self.looks < 2 else self._end
        return r.Jobs(jobs=[msgspec.structs.replace(JOB, done=1.0 if end else 0.5, end=end)])

    def cancel(self, _: c.CancelJob) -> r.Done:
        self.cancelled += 1
        return r.Done(text="cancelled")


async def test_a_sweep_is_asked_for_as_it_was_typed_and_followed(shell: Shell) -> None:
    words = (
        f"{WORDS} --method optuna --trials 50 --objective calmar --holdout 25% --seed 4 --cluster tcp://10.0.0.2:8786"
    )
    async with FakeEngine(shell.home.socket, Searcher().answers()) as engine:
        run = await lab.process(
            shell, "sweep", "run", *words.split(), "--symbol", "btc/usdt", "--no-band", "--capital", "500"
        )
        out, err = await run.communicate()
    assert engine.heard[1] == lc.StartSweep(
        spec=v.SweepSpec(
            run=v.RunSpec(strategy="sma-cross", symbols=["BTC_USDT"], capital=500.0, band=False),
            axes=lab.AXES,
            method="optuna",
            trials=50,
            objective="calmar",
            holdout=0.25,
            seed=4,
            cluster="tcp://10.0.0.2:8786",
        )
    )
    assert (run.returncode, out.decode(), err) == (0, RESULT, b"")
    assert sum(isinstance(command, lc.GetSweep) for command in engine.heard) == 1


async def test_a_terminal_sees_the_best_so_far(shell: Shell) -> None:
    terminal, inside = os.openpty()
    async with FakeEngine(shell.home.socket, Searcher().answers()):
        run = await lab.process(
            shell, "sweep", "run", *WORDS.split(), stderr=inside, env={**os.environ, "COLUMNS": "140"}
        )
        out, _ = await run.communicate()
    os.close(inside)
    seen = os.read(terminal, 65_536).decode()
    os.close(terminal)
    assert out.decode() == RESULT
    assert "50.0 %  631 runs/s  0:01 left  best sharpe 1.42 (fast 10, slow 40)" in seen


async def test_the_document_of_a_sweep(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, Searcher().answers()) as engine:
        out, err = await (await lab.process(shell, "sweep", "resume", "7", "--json")).communicate()
    document = json.loads(out)
    assert engine.heard[1] == lc.ResumeSweep(number=7)
    assert err == b""
    assert (document["schema"], document["number"], document["state"]) == ("polotui.sweep.resume/1", 7, "completed")
    assert document["best"][0]["params"] == {"fast": 10.0, "slow": 40.0}
    assert document["best"][0]["total_return"] == 0.214
    assert document["heat"][2] == [15.0, 20.0, None]


async def test_a_cancelled_sweep_keeps_what_it_computed(shell: Shell) -> None:
    searcher = Searcher(endless=True)
    async with FakeEngine(shell.home.socket, searcher.answers()):
        run = await lab.process(shell, "sweep", "run", *WORDS.split())
        await until(lambda: searcher.looks > 0)
        run.send_signal(signal.SIGINT)
        out, err = await run.communicate()
    assert (run.returncode, out) == (1, b"")
    assert b"What was computed is kept. polotui sweep resume 7 goes on" in err


async def test_a_sweep_is_shown(shell: Shell) -> None:
    running = msgspec.structs.replace(lab.SWEEP, best=[], heat=[], state="cancelled", reason="stopped\x1b", done=0)
    async with FakeEngine(shell.home.socket, {lc.GetSweep: lab.SWEEP}) as engine:
        shown = await shell.beside("sweep", "show", "7")
        short = await shell.beside("sweep", "show", "7", "--top", "1")
        as_json = await shell.beside("sweep", "show", "7", "--json")
        engine.answers[lc.GetSweep] = running
        empty = await shell.beside("sweep", "show", "7")
    assert engine.heard[1] == lc.GetSweep(number=7)
    assert (shown.code, shown.out) == (0, RESULT)
    assert "+11.00 %" not in short.out
    assert as_json.document["schema"] == "polotui.sweep.show/1"
    assert empty.out == (
        "Sweep 7 · sma-cross · grid, 0 of 6 · seeks sharpe · 30 % kept out · cancelled\nstopped‹1b›\nNo result yet.\n"
    )
    assert empty.err == "polotui sweep resume 7 goes on.\n"


async def test_an_objective_that_is_a_fraction_is_shown_as_percent(shell: Shell) -> None:
    spec = msgspec.structs.replace(lab.SWEEP.spec, objective="max_drawdown")
    best = [msgspec.structs.replace(lab.SWEEP.best[0], score=-0.081, out_of_sample=-0.2)]
    detail = msgspec.structs.replace(lab.SWEEP, spec=spec, best=best, heat=[], x_name="fast", y_name="")
    async with FakeEngine(shell.home.socket, {lc.GetSweep: detail}):
        result = await shell.beside("sweep", "show", "7")
    assert "1    10    40       -8.10 %       -20.00 %" in result.out
    assert "◆" not in result.out


async def test_sweeps_are_listed(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {lc.ListSweeps: lr.Sweeps(sweeps=[lab.SWEEP])}) as engine:
        result = await shell.beside("sweep", "list", "--limit", "3")
        as_json = await shell.beside("sweep", "list", "--json")
        engine.answers[lc.ListSweeps] = lr.Sweeps(sweeps=[])
        none = await shell.beside("sweep", "list")
    assert engine.heard[1] == lc.ListSweeps(limit=3)
    assert (
        result.out
        == """\
sweep  strategy   axes        method  objective  trials  state      begun (UTC)
    7  sma-cross  fast, slow  grid    sharpe     6 of 6  completed  2024-05-01 12:00
"""
    )
    assert as_json.document["sweeps"][0]["number"] == 7
    assert none.out == "No sweeps. polotui sweep run sma-cross --axis fast=5:50:5 makes one.\n"


async def test_an_unknown_strategy_is_answered_with_near_ones(shell: Shell) -> None:
    answers = {lc.StartSweep: UsageError("There is none."), lc.ListStrategies: lab.strategies}
    async with FakeEngine(shell.home.socket, answers):
        result = await shell.beside("sweep", "run", "sma-cros", "--axis", "fast=5:15:5")
    assert result.code == 2
    assert "Did you mean sma-cross?" in result.err


async def test_a_file_is_imported_and_then_searched(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(lab.TEXT)
    answers = Searcher().answers() | {
        lc.CheckStrategy: lab.SOUND,
        lc.SaveStrategy: lr.StrategySaved(name="ema-pullback", version=5, hash="", unchanged=True),
    }
    async with FakeEngine(shell.home.socket, answers) as engine:
        run = await lab.process(shell, "sweep", "run", str(tmp_path / "mine.yaml"), "--axis", "fast=5:15:5")
        _, err = await run.communicate()
    sent = engine.heard[3]
    assert isinstance(sent, lc.StartSweep)
    assert (sent.spec.run.strategy, sent.spec.run.version) == ("ema-pullback", 5)
    assert err.decode().endswith("is imported as ema-pullback version 5, as it was stored already.\n")


def test_the_choices_are_those_of_the_engine() -> None:
    assert {each.value for each in sweep.Method} == set(get_args(get_type_hints(v.SweepSpec)["method"]))


WRONG = [
    "nope",
    "run",
    "run a",
    "run nowhere.yaml --axis fast=5:15:5",
    "run a --axis fast",
    "run a --axis fast=",
    "run a --axis fast=5",
    "run a --axis fast=5:15",
    "run a --axis fast=5:15:5:1",
    "run a --axis fast=5:x:5",
    "run a --axis fast=15:5:5",
    "run a --axis fast=5:15:0",
    "run a --axis fast=5:15:-5",
    "run a --axis fast=0:1000000:0.001",
    "run a --axis fast=5:15:5 --axis fast=5:15:5",
    "run a --axis fast=5:15:5 --method guess",
    "run a --axis fast=5:15:5 --trials -1",
    "run a --axis fast=5:15:5 --objective sharp",
    "run a --axis fast=5:15:5 --holdout 1",
    "run a --axis fast=5:15:5 --holdout x",
    "run a --axis fast=5:15:5 --seed x",
    "run a --axis fast=5:15:5 --fee-taker 2",
    "show",
    "show 0",
    "show 7 --top 51",
    "resume",
    "resume x",
    "list --limit 0",
]


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("words", WRONG)
def test_wrong_use_is_exit_code_2_and_a_sentence(shell: Shell, words: str) -> None:
    result = shell("sweep", *words.split())
    assert (result.code, result.out) == (2, "")
    assert result.err.strip().count("\n") == 0
    record = shell("sweep", *words.split(), "--json").document
    assert (record["schema"], record["code"]) == ("polotui.error/1", "usage")


@pytest.mark.usefixtures("no_engine")
def test_a_near_objective_is_suggested(shell: Shell) -> None:
    result = shell("sweep", "run", "a", "--axis", "fast=5:15:5", "--objective", "sharp")
    assert "Did you mean sharpe?" in result.err


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("words", [f"run {WORDS}", "show 1", "resume 1", "list"])
def test_no_engine_is_exit_code_3(shell: Shell, words: str) -> None:
    result = shell("sweep", *words.split())
    assert (result.code, result.out) == (3, "")
