"""`polotui backtest` against a scripted engine: what it asks, what it prints, how it ends."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from polotui.api import commands as c
from polotui.api import lab_commands as lc
from polotui.api import lab_replies as lr
from polotui.api import lab_values as v
from polotui.api import replies as r
from polotui.api.command import Command
from polotui.api.events import JobState
from polotui.cli import charts, jobs, run_options
from polotui.core.errors import PolotuiError, UsageError
from tests.api.fake_server import FakeEngine, until
from tests.cli import lab
from tests.cli.conftest import Shell

CACHED = lr.BacktestStarted(job=0, run=41, title="backtest ema-pullback", cached=True)
STARTED = lr.BacktestStarted(job=9, run=41, title="backtest ema-pullback")
JOB = JobState(
    id=9,
    title="backtest ema-pullback",
    kind="backtest",
    done=0.41,
    speed="24 M bars/s",
    left_s=75.0,
    result=41,
    started_ms=lab.NOON,
)
RESULT = """\
#41 ema-pullback v4 · BTC_USDT 1h · 2023-05-02 → 2024-05-01 · pessimistic · 8,760 bars

figure             value      hold    figure     value  hold
Total return    +18.42 %  +31.07 %    Win rate  54.2 %
Sharpe        1.12 ±0.51      1.40    Kelly          –
Max drawdown     -9.80 %  -31.00 %
Kelly: withheld under 30 trades

band   +15.90 % … +21.00 %  (pessimistic +15.90 %, adaptive +18.42 %, optimistic +21.00 %)
hold   +31.07 % after the same fees
detail 91 % of the unclear bars were decided by lower frames

assumes
  · Market orders fill at the next open.
  · Fees 0.2 % on what is received.

! 3 gaps in the candles‹1b›[2J.

data cdcdcdcdcdcd   strategy abababababab
"""
WALKED = """\
Walk-forward, 6 windows
window       in     out
2024-01  +4.1 %  +1.0 %
2024-03  +3.9 %  -0.4 %
Less than half of the gain survives.
"""
OTHER = msgspec.structs.replace(
    lab.RUN,
    row=msgspec.structs.replace(lab.ROW, run=42, policy="optimistic", hold_return=None),
    figures=lab.FIGURES[:1],
)

#: Command line, the command it must send, the answer, all that people get to see, the schema.
CASES: list[tuple[str, Command, Any, str, str]] = [
    ("backtest show 41", lc.GetRun(run=41), lab.RUN, f"{RESULT}\n{WALKED}", "backtest.show"),
    (
        "backtest list --strategy ema-pullback --search btc --sort -total_return --limit 5",
        lc.ListRuns(strategy="ema-pullback", text="btc", sort="-total_return", limit=5),
        lr.Runs(runs=[lab.ROW], total=9),
        """\
run  strategy         symbols   frame  span (UTC)               policy         return      hold  trades  Sharpe   max DD
 41  ema-pullback v4  BTC_USDT  1h     2023-05-02 → 2024-05-01  pessimistic  +18.42 %  +31.07 %     212    1.12  -9.80 %
""",
        "backtest.list",
    ),
    (
        "backtest list --deleted",
        lc.ListRuns(deleted=True, limit=50),
        lr.Runs(runs=[lab.ROW]),
        "No run was deleted.\n",
        "backtest.list",
    ),
    (
        "backtest status",
        c.GetJobs(limit=100),
        r.Jobs(jobs=[JOB, JobState(id=3, title="download", done=0.5, kind="data-download")]),
        """\
job  kind      what                   state    done  left  since (UTC)  result
  9  backtest  backtest ema-pullback  running  41 %  1:15  12:00:00         41  24 M bars/s
""",
        "backtest.status",
    ),
    (
        "backtest status 3",
        c.GetJobs(limit=100),
        r.Jobs(jobs=[JobState(id=3, title="download", done=1.0, kind="data-download", end="failed", reason="no\x1b")]),
        """\
job  kind           what      state    done  left  since (UTC)  result
  3  data-download  download  failed  100 %     –  –                 –  no‹1b›
""",
        "backtest.status",
    ),
    (
        "backtest trades 41 --limit 1 --offset 3 --sort -profit",
        lc.GetRunTrades(run=41, limit=1, offset=3, sort="-profit"),
        lr.RunTrades(run=41, total=212, trades=[lab.TRADE]),
        """\
  #  symbol    side  entry (UTC)          price  exit (UTC)            price   result  profit      R  bars  reason
212  BTC_USDT  long  2024-05-01 12:00  61,204.1  2024-05-02 01:00  61,873.41  +1.09 %  +20.75  +0.80    13  stop‹1b›
""",
        "backtest.trades",
    ),
    (
        "backtest compare 41 42",
        lc.CompareRuns(runs=[41, 42]),
        lr.Comparison(runs=[lab.RUN, OTHER], same_data=False, differences=["policy: pessimistic, optimistic"]),
        """\
                          #41              #42
strategy      ema-pullback v4  ema-pullback v4
symbols              BTC_USDT         BTC_USDT
frame                      1h               1h
from (UTC)         2023-05-02       2023-05-02
to (UTC)           2024-05-01       2024-05-01
policy            pessimistic       optimistic
hold                 +31.07 %                –
Total return         +18.42 %         +18.42 %
Sharpe             1.12 ±0.51                –
Max drawdown          -9.80 %                –
Win rate               54.2 %                –
Kelly                       –                –

Not the same data: the figures do not compare like with like.
  · policy: pessimistic, optimistic
""",
        "backtest.compare",
    ),
    (
        "backtest delete 41",
        lc.DeleteRun(run=41),
        r.Done(text="Run 41 is put away."),
        "Run 41 is put away.\n",
        "backtest.delete",
    ),
    (
        "backtest restore 41",
        lc.DeleteRun(run=41, undo=True),
        r.Done(text="Run 41 is back."),
        "Run 41 is back.\n",
        "backtest.restore",
    ),
    (
        "backtest export 41 --what equity --to /tmp/e.csv --force",
        lc.ExportRun(run=41, what="equity", path="/tmp/e.csv", force=True),
        lr.Exported(path="/tmp/e.csv", rows=8_760),
        "8,760 rows are written to /tmp/e.csv.\n",
        "backtest.export",
    ),
    (
        "backtest export 41",
        lc.ExportRun(run=41),
        lr.Exported(path="/exports/trades.csv", rows=212),
        "212 rows are written to /exports/trades.csv.\n",
        "backtest.export",
    ),
    (
        "backtest definitions Sharpe",
        lc.GetDefinitions(),
        lr.Definitions(
            definitions=[
                lr.Definition(name="sharpe", title="Sharpe", text="Mean over deviation."),
                lr.Definition(name="cagr", title="CAGR", text="Growth a year."),
            ]
        ),
        "Sharpe (sharpe)\n  Mean over deviation.\n",
        "backtest.definitions",
    ),
]


@pytest.mark.parametrize(("words", "sent", "answer", "expected", "schema"), CASES, ids=[case[0] for case in CASES])
async def test_a_command_asks_and_prints(
    shell: Shell, words: str, sent: Command, answer: Any, expected: str, schema: str
) -> None:
    async with FakeEngine(shell.home.socket, {type(sent): answer}) as engine:
        result = await shell.beside(*words.split())
        assert engine.heard[1:] == [sent]
        as_json = await shell.beside(*words.split(), "--json")
    assert (result.code, as_json.code) == (0, 0)
    assert result.out == expected
    assert as_json.document["schema"] == f"polotui.{schema}/1"
    assert as_json.err == ""
    assert "\x1b" not in result.out + result.err + as_json.out


DEFAULT = v.RunSpec(strategy="ema-pullback")
ALL_OPTIONS = (
    "--symbol btc/usdt -s ETH_USDT -s BTC_USDT --timeframe 4h --from 2024-01-01 --to 2024-05-01 --capital 2500 "
    "--policy detail --fee-maker 0.1% --fee-taker 0.0015 --fee-in quote --slippage 0 --half-spread 0.02% "
    "--volume-share 25% --lot 0.001 --param fast=10 -p stop_pct=1.5% --no-band --version 3 --again"
)
SPELLED = v.RunSpec(
    strategy="ema-pullback",
    version=3,
    symbols=["BTC_USDT", "ETH_USDT"],
    timeframe="4h",
    from_ms=1_704_067_200_000,
    to_ms=1_714_521_600_000,
    capital=2_500.0,
    policy="detail",
    costs=v.Costs(
        maker_fee=0.001,
        taker_fee=0.0015,
        fee_in="quote",
        slippage=0.0,
        half_spread=0.0002,
        volume_share=0.25,
        lot=0.001,
    ),
    params={"fast": 10.0, "stop_pct": 0.015},
    band=False,
)


@pytest.mark.parametrize(
    ("words", "sent"),
    [("", lc.StartBacktest(spec=DEFAULT)), (ALL_OPTIONS, lc.StartBacktest(spec=SPELLED, again=True))],
)
async def test_a_run_is_asked_for_as_it_was_typed(shell: Shell, words: str, sent: lc.StartBacktest) -> None:
    async with FakeEngine(shell.home.socket, {lc.StartBacktest: CACHED, lc.GetRun: lab.RUN}) as engine:
        result = await shell.beside("backtest", "run", "ema-pullback", *words.split())
    assert engine.heard[1:] == [sent, lc.GetRun(run=41)]
    assert (result.code, result.out) == (0, RESULT)
    assert result.err == "Served from what is stored; --again computes it anew.\n"


async def test_days_are_counted_from_the_end(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {lc.StartBacktest: CACHED, lc.GetRun: lab.RUN}) as engine:
        await shell.beside("backtest", "run", "ema-pullback", "--days", "30", "--to", "2024-05-01")
        await shell.beside("backtest", "run", "ema-pullback", "--days", "30")
    first, second = (command.spec for command in engine.heard if isinstance(command, lc.StartBacktest))
    assert (first.from_ms, first.to_ms) == (1_714_521_600_000 - 30 * lab.DAY, 1_714_521_600_000)
    assert second.to_ms - second.from_ms == 30 * lab.DAY


def test_the_defaults_are_those_of_the_engine() -> None:
    spec = run_options.RunOptions().spec()
    assert msgspec.structs.replace(spec, strategy="ema-pullback") == DEFAULT
    assert {each.value for each in run_options.Policy} == set(v.Policy.__args__)


async def test_the_document_of_a_run(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {lc.StartBacktest: CACHED, lc.GetRun: lab.RUN}):
        result = await shell.beside("backtest", "run", "ema-pullback", "--json")
        shown = (await shell.beside("backtest", "show", "41", "--json")).document
    document = result.document
    assert (result.code, result.err) == (0, "")
    assert document["schema"] == "polotui.backtest.run/1"
    assert (document["run"], document["job"], document["cached"], document["trades"]) == (41, 0, True, 212)
    assert document["metrics"]["sharpe"] == {
        "title": "Sharpe",
        "value": 1.12,
        "text": "1.12 ±0.51",
        "reason": "",
        "hold": "1.40",
    }
    assert document["metrics"]["kelly"]["value"] is None
    assert document["metrics"]["kelly"]["reason"] == "withheld under 30 trades"
    assert document["band"] == {
        "low": 0.159,
        "high": 0.21,
        "by_policy": {"pessimistic": 0.159, "adaptive": 0.1842, "optimistic": 0.21},
    }
    assert (document["data_hash"], document["document_hash"]) == ("cd" * 32, "ab" * 32)
    assert document["versions"] == {"polotui": "0.2.0", "numpy": "2.4.6"}
    assert document["spec"]["costs"]["taker_fee"] == 0.002
    assert "curve" not in document
    assert shown["curve"][1] == [lab.CURVE[1].at_ms, 10_025.0, 10_045.0, -0.005]
    assert shown["analyses"][0]["kind"] == "walk-forward"


async def test_a_chart_has_utc_days_and_no_colours_in_a_pipe(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    async with FakeEngine(shell.home.socket, {lc.GetRun: lab.RUN}):
        result = await shell.beside("backtest", "show", "41", "--chart")
    assert result.code == 0
    assert "\x1b" not in result.out
    lines = result.out.splitlines()
    [top] = [at for at, line in enumerate(lines) if "buy and hold" in line]
    assert max(len(line) for line in lines[top:]) <= 80
    assert any(line.startswith("       2023-05-02") for line in lines[top:])
    assert sum("2023-05-02" in line for line in lines[top:]) == 2
    assert "drawdown, %" in result.out
    assert "-3.5┤" in result.out


async def test_a_chart_of_nothing_is_a_sentence(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {lc.GetRun: msgspec.structs.replace(lab.RUN, curve=[])}):
        result = await shell.beside("backtest", "show", "41", "--chart")
    assert "There is no curve to draw" in result.out


async def test_a_file_is_imported_and_then_run(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(lab.TEXT)
    saved = lr.StrategySaved(name="ema-pullback", version=5, hash="")
    answers = {lc.CheckStrategy: lab.SOUND, lc.SaveStrategy: saved, lc.StartBacktest: CACHED, lc.GetRun: lab.RUN}
    async with FakeEngine(shell.home.socket, answers) as engine:
        result = await shell.beside("backtest", "run", str(path), "--json")
    assert engine.heard[1:4] == [
        lc.CheckStrategy(text=lab.TEXT),
        lc.SaveStrategy(text=lab.TEXT, note="from mine.yaml"),
        lc.StartBacktest(spec=v.RunSpec(strategy="ema-pullback", version=5)),
    ]
    assert result.document["run"] == 41
    assert result.err == f"{path} is imported as ema-pullback version 5.\n"


async def test_a_file_with_errors_is_neither_stored_nor_run(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(lab.TEXT)
    async with FakeEngine(shell.home.socket, {lc.CheckStrategy: lab.BROKEN}) as engine:
        result = await shell.beside("backtest", "run", str(path))
        record = (await shell.beside("backtest", "run", str(path), "--json")).document
    assert all(isinstance(command, c.Hello | lc.CheckStrategy) for command in engine.heard)
    assert (result.code, result.out) == (2, "")
    assert f"{path}:4:24: error:" in result.err
    assert "Nothing was stored or run." in result.err
    assert record["code"] == "strategy-errors"


async def test_an_unknown_strategy_is_answered_with_near_ones(shell: Shell) -> None:
    answers = {lc.StartBacktest: UsageError("There is none."), lc.ListStrategies: lab.strategies}
    async with FakeEngine(shell.home.socket, answers):
        result = await shell.beside("backtest", "run", "ema-pulback")
    assert result.code == 2
    assert "Did you mean ema-pullback?" in result.err


async def test_missing_candles_are_told_in_the_engines_words(shell: Shell) -> None:
    missing = PolotuiError(
        "No candles of BTC_USDT.", next_step="polotui data download BTC_USDT --days 365", code="no-data"
    )
    async with FakeEngine(shell.home.socket, {lc.StartBacktest: missing, lc.ListStrategies: lab.strategies}):
        result = await shell.beside("backtest", "run", "ema-pullback", "--json")
    assert (result.code, result.document["code"]) == (1, "no-data")


class Runner:
    """A job that advances at each look, unless it is cancelled or told to fail."""

    def __init__(self, *, end: str = "completed", endless: bool = False) -> None:
        self._end = end
        self._endless = endless
        self.looks = 0
        self.cancelled = 0

    def answers(self) -> dict[type, Any]:
        return {
            lc.StartBacktest: STARTED,
            lc.AnalyseRun: r.JobStarted(id=9, title="walk-forward of run 41"),
            lc.GetRun: lab.RUN,
            c.GetJobs: self.look,
            c.CancelJob: self.cancel,
        }

    def look(self, _: c.GetJobs) -> r.Jobs:
        self.looks += 1
        end = "cancelled" if self.cancelled else "" if self._endless or self.looks < 2 else self._end
        job = msgspec.structs.replace(
            JOB, done=1.0 if end else 0.41, end=end, reason="out of memory" * (end == "failed")
        )
        return r.Jobs(jobs=[job])

    def cancel(self, command: c.CancelJob) -> r.Done:
        assert command.id == JOB.id
        self.cancelled += 1
        return r.Done(text="cancelled")


async def test_a_run_is_followed_to_its_result(shell: Shell) -> None:
    runner = Runner()
    async with FakeEngine(shell.home.socket, runner.answers()):
        out, err = await (await lab.process(shell, "backtest", "run", "ema-pullback", "--json")).communicate()
    document = json.loads(out)
    assert err == b""
    assert (document["run"], document["job"], document["cached"]) == (41, 9, False)
    assert runner.looks == 2


async def test_a_failed_run_says_why(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, Runner(end="failed").answers()):
        run = await lab.process(shell, "backtest", "run", "ema-pullback", "--json")
        out, _ = await run.communicate()
    record = json.loads(out)
    assert (run.returncode, record["code"]) == (1, "job-failed")
    assert record["cause"] == "backtest ema-pullback: failed, out of memory."


async def test_ctrl_c_cancels_the_run(shell: Shell) -> None:
    runner = Runner(endless=True)
    async with FakeEngine(shell.home.socket, runner.answers()):
        run = await lab.process(shell, "backtest", "run", "ema-pullback")
        await until(lambda: runner.looks > 0)
        run.send_signal(signal.SIGINT)
        out, err = await run.communicate()
    assert (run.returncode, runner.cancelled, out) == (1, 1, b"")
    assert b"cancelled" in err
    assert b"No result was stored." in err
    assert b"Traceback" not in err


async def test_a_terminal_sees_the_progress(shell: Shell) -> None:
    terminal, inside = os.openpty()
    async with FakeEngine(shell.home.socket, Runner().answers()):
        run = await lab.process(
            shell, "backtest", "run", "ema-pullback", stderr=inside, env={**os.environ, "COLUMNS": "120"}
        )
        out, _ = await run.communicate()
    os.close(inside)
    seen = os.read(terminal, 65_536).decode()
    os.close(terminal)
    assert out.decode() == RESULT
    assert "backtest ema-pullback  ▕██████▌         ▏   41.0 %  24 M bars/s  1:15 left" in seen


async def test_an_analysis_is_followed_to_its_table(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, Runner().answers()) as engine:
        out, err = await (await lab.process(shell, "backtest", "analyse", "41", "--kind", "walk-forward")).communicate()
    assert engine.heard[1] == lc.AnalyseRun(run=41, kind="walk-forward")
    assert (out.decode(), err) == (WALKED, b"")


def test_a_line_of_progress() -> None:
    done = msgspec.structs.replace(JOB, done=1.0, end="completed", detail="8,760 bars\x1b[2J")
    assert jobs.progress_line(JOB, "best 1") == (
        "backtest ema-pullback  ▕██████▌         ▏   41.0 %  24 M bars/s  1:15 left  best 1"
    )
    assert jobs.progress_line(done) == (
        "backtest ema-pullback  ▕████████████████▏  100.0 %  24 M bars/s  8,760 bars‹1b›[2J"
    )
    assert [jobs.bar(share, 2) for share in (0.0, 0.0625, 0.5, 1.0)] == ["▕  ▏", "▕▏ ▏", "▕█ ▏", "▕██▏"]
    assert [jobs.duration(seconds) for seconds in (-1, 7.4, 750, 3_900)] == ["0:00", "0:07", "12:30", "1:05:00"]


WRONG = [
    "nope",
    "run",
    "run a b",
    "run nowhere.yaml",
    "run a --symbol ../x",
    "run a -t 2h",
    "run a --from yesterday",
    "run a --from 2024-01-01 --days 3",
    "run a --from 2024-02-02 --to 2024-02-01",
    "run a --days 0",
    "run a --capital 0",
    "run a --capital -5",
    "run a --capital much",
    "run a --capital inf",
    "run a --policy hopeful",
    "run a --fee-maker 0.2",
    "run a --fee-taker -0.1%",
    "run a --fee-taker nan",
    "run a --slippage x",
    "run a --half-spread 50%",
    "run a --volume-share 2",
    "run a --lot -1",
    "run a --fee-in kind",
    "run a --param fast",
    "run a --param fast=",
    "run a --param =3",
    "run a --param fast=x",
    "run a --param fast=1 --param fast=2",
    "run a --version -1",
    "list --sort profits",
    "list --limit 0",
    "status x",
    "show",
    "show x",
    "show 0",
    "trades 41 --sort -proft",
    "trades 41 --limit 0",
    "compare 41",
    "compare 41 41",
    "compare 1 2 3 4 5 6",
    "delete",
    "restore x",
    "export 41 --what picture",
    "analyse 41",
    "analyse 41 --kind guess",
]


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("words", WRONG)
def test_wrong_use_is_exit_code_2_and_a_sentence(shell: Shell, words: str) -> None:
    result = shell("backtest", *words.split())
    assert (result.code, result.out) == (2, "")
    assert result.err.strip().count("\n") == 0
    record = shell("backtest", *words.split(), "--json").document
    assert (record["schema"], record["code"]) == ("polotui.error/1", "usage")


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("run a --fee-taker 0.2", "For 0.2 percent write 0.2%."),
        ("trades 41 --sort -proft", "Did you mean profit?"),
        ("list --sort total_retrun", "Did you mean total_return or hold_return?"),
        ("list --sort zzz", "There are run, strategy, version,"),
        ("show 41 --chart --json", "backtest show --json has the curve."),
    ],
)
def test_a_mistake_is_answered_with_what_to_do(shell: Shell, words: str, hint: str) -> None:
    result = shell("backtest", *words.split())
    assert result.code == 2
    assert hint in result.out + result.err


async def test_an_unknown_job_or_figure(shell: Shell) -> None:
    known = lr.Definitions(definitions=[lr.Definition(name="sharpe", title="Sharpe", text="x")])
    async with FakeEngine(shell.home.socket, {c.GetJobs: r.Jobs(jobs=[]), lc.GetDefinitions: known}):
        job = await shell.beside("backtest", "status", "5")
        none = await shell.beside("backtest", "status")
        figure = await shell.beside("backtest", "definitions", "sharp")
    assert (job.code, figure.code) == (2, 2)
    assert "There is no job 5." in job.err
    assert none.out == "No job runs or ran.\n"
    assert "Did you mean sharpe?" in figure.err


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("words", ["run a", "list", "status", "show 1", "trades 1", "compare 1 2", "definitions"])
def test_no_engine_is_exit_code_3(shell: Shell, words: str) -> None:
    result = shell("backtest", *words.split())
    assert (result.code, result.out) == (3, "")


def test_a_chart_in_colour_leaves_the_background_alone() -> None:
    drawn = charts.curves(lab.CURVE, 60, colour=True)
    assert "\x1b[38;5;" in drawn
    assert "\x1b[48" not in drawn
