"""`polotui strategy` against a scripted engine: what it asks, what it prints, how it ends."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from polotui.api import lab_commands as lc
from polotui.api import lab_replies as lr
from polotui.api import replies as r
from polotui.api.command import Command
from polotui.api.lab_values import CheckLine, Mark, StrategyPreview
from polotui.cli.strategies import is_file
from polotui.core.errors import Locked, UsageError
from tests.api.fake_server import FakeEngine
from tests.cli import lab
from tests.cli.conftest import Shell

SAVED = lr.StrategySaved(name="my-sma", version=1, hash="ef" * 32)
EXAMINATION = lr.Examination(
    ok=False,
    checks=[
        CheckLine(name="look-ahead", state="failed", text="bar 812 changes when the end is cut off"),
        CheckLine(name="warm-up", state="passed", text="1,210 bars"),
        CheckLine(name="constant rules", state="skipped", text="too few bars"),
    ],
)
PREVIEW = StrategyPreview(
    symbol="BTC_USDT",
    timeframe="1h",
    marks=[Mark(at_ms=lab.NOON, kind="entry", side="long", price=61_204.1, text="long\x1b[2J")],
    entries=1,
    in_market=0.61,
    worst_bar=-0.074,
    note="The newest bar is 2 h old.",
)
NOT_THERE = UsageError("No such strategy.", code="unknown-strategy")

#: Command line, the command it must send, the answer, all that people get to see, the schema.
CASES: list[tuple[str, Command, Any, str, str]] = [
    (
        "strategy list",
        lc.ListStrategies(),
        lab.strategies,
        """\
name          stage       version  symbols   frame  runs  last return  changed (UTC)     thesis
ema-pullback  backtested        4  BTC_USDT  1h        2     +18.42 %  2024-05-01 12:00  Trends pull back‹1b›[2J.
sma-cross     template          –  BTC_USDT  4h        0            –  –                 Trends last.
""",
        "strategy.list",
    ),
    (
        "strategy list --deleted",
        lc.ListStrategies(templates=False, deleted=True),
        lab.strategies,
        """\
name     stage  version  symbols  frame  runs  last return  changed (UTC)  thesis
old-one  draft        1                     0            –  –
""",
        "strategy.list",
    ),
    (
        "strategy list --no-templates",
        lc.ListStrategies(templates=False),
        lr.Strategies(strategies=[]),
        "Nothing is stored yet. polotui strategy new --template sma-cross makes the first.\n",
        "strategy.list",
    ),
    (
        "strategy show ema-pullback --version 4",
        lc.GetStrategy(name="ema-pullback", version=4),
        lab.DETAIL,
        lab.TEXT,
        "strategy.show",
    ),
    (
        "strategy new my-sma --template sma-cross",
        lc.NewStrategy(source="sma-cross", name="my-sma"),
        SAVED,
        "my-sma version 1 is stored, from sma-cross.\n",
        "strategy.new",
    ),
    (
        "strategy new --from ema-pullback",
        lc.NewStrategy(source="ema-pullback"),
        SAVED,
        "my-sma version 1 is stored, from ema-pullback.\n",
        "strategy.new",
    ),
    (
        "strategy delete ema-pullback",
        lc.DeleteStrategy(name="ema-pullback"),
        r.Done(text="ema-pullback is put away."),
        "ema-pullback is put away.\n",
        "strategy.delete",
    ),
    (
        "strategy restore ema-pullback",
        lc.DeleteStrategy(name="ema-pullback", undo=True),
        r.Done(text="ema-pullback is back."),
        "ema-pullback is back.\n",
        "strategy.restore",
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


async def test_words_about_a_text_stand_beside_it(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {lc.GetStrategy: lab.DETAIL}):
        result = await shell.beside("strategy", "show", "ema-pullback")
        document = (await shell.beside("strategy", "show", "ema-pullback", "--json")).document
    assert result.err == "ema-pullback · version 4 of 4 · backtested · BTC_USDT 1h · 1 warning\n"
    assert document["text"] == lab.TEXT
    assert document["row"]["last_return"] == 0.1842
    assert [version["version"] for version in document["versions"]] == [4]


async def test_a_deletion_says_how_to_undo_it(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {lc.DeleteStrategy: r.Done(text="Away.")}):
        result = await shell.beside("strategy", "delete", "ema-pullback")
    assert result.err == "polotui strategy restore ema-pullback brings it back.\n"


CARETS = """\
ema-pullback:4:24: error: `rsi` is not declared. [undeclared]
    4 |   long: "crosses_above(rsi, 30)"
      |                        ^^^
        Declare it under indicators, or did you mean `rsi14`?
ema-pullback:1:1: warning: There is no stop. [no-stop]
    1 | spec: 1
      | ^^^^
ema-pullback: 1 error, 1 warning.
"""


async def test_a_stored_strategy_is_validated_with_carets(shell: Shell) -> None:
    answers = {lc.GetStrategy: lab.DETAIL, lc.CheckStrategy: lab.BROKEN}
    async with FakeEngine(shell.home.socket, answers) as engine:
        result = await shell.beside("strategy", "validate", "ema-pullback")
        as_json = await shell.beside("strategy", "validate", "ema-pullback", "--json")
    assert (result.code, as_json.code) == (1, 1)
    assert result.out == CARETS
    assert engine.heard[2] == lc.CheckStrategy(text=lab.TEXT)
    found = as_json.document["diagnostics"][0]
    assert (as_json.document["ok"], found["line"], found["column"], found["end_column"]) == (False, 4, 24, 27)


async def test_a_sound_file_is_validated(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.json").write_text('{"spec": 1}\n')
    async with FakeEngine(
        shell.home.socket, {lc.CheckStrategy: lr.CheckedStrategy(ok=True, warmup_bars=1_210)}
    ) as engine:
        result = await shell.beside("strategy", "validate", "mine.json")
    assert engine.heard[1] == lc.CheckStrategy(text='{"spec": 1}\n', form="json")
    assert (result.code, result.out) == (0, "mine.json: no errors; 1,210 bars of warm-up.\n")


async def test_standard_input_is_validated(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lab.TEXT.encode())))
    async with FakeEngine(shell.home.socket, {lc.CheckStrategy: lab.BROKEN}) as engine:
        result = await shell.beside("strategy", "validate", "-")
    assert engine.heard[1] == lc.CheckStrategy(text=lab.TEXT)
    assert result.code == 1
    assert result.out.startswith("standard input:4:24: error:")


async def test_a_caret_stands_below_what_is_shown(shell: Shell, tmp_path: Path) -> None:
    """Wide signs take two cells and unsafe ones become longer; the caret follows both."""
    (tmp_path / "wide.yaml").write_text("\u65e5\u202e: bad\n")
    finding = lab.NO_STOP.__class__(severity="error", code="x", line=1, column=5, end_column=8, message="bad\x1b[2J")
    beyond = lab.NO_STOP.__class__(severity="info", code="y", line=99, column=1, end_column=1, message="beyond the end")
    answer = lr.CheckedStrategy(ok=False, diagnostics=[finding, beyond])
    async with FakeEngine(shell.home.socket, {lc.CheckStrategy: answer}):
        result = await shell.beside("strategy", "validate", str(tmp_path / "wide.yaml"))
    lines = result.out.splitlines()
    assert "\x1b" not in result.out
    assert "\u202e" not in result.out
    assert lines[1] == "    1 | \u65e5‹202e›: bad"
    assert lines[2] == "      | " + " " * 10 + "^^^"
    assert lines[3].endswith(":99:1: info: beyond the end [y]")
    assert lines[4].endswith(": 1 error.")


async def test_an_import_tells_what_was_stored(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("\ufeff" + lab.TEXT)
    saved = lr.StrategySaved(name="ema", version=5, hash="", diagnostics=[lab.UNDECLARED])
    async with FakeEngine(shell.home.socket, {lc.SaveStrategy: saved}) as engine:
        result = await shell.beside("strategy", "import", str(tmp_path / "mine.yaml"), "--name", "ema")
        engine.answers[lc.SaveStrategy] = lr.StrategySaved(name="ema", version=5, hash="", unchanged=True)
        again = await shell.beside("strategy", "import", str(tmp_path / "mine.yaml"))
        as_json = await shell.beside("strategy", "import", str(tmp_path / "mine.yaml"), "--json")
    assert engine.heard[1] == lc.SaveStrategy(text=lab.TEXT, form="yaml", note="from mine.yaml", name="ema")
    assert (result.code, result.out) == (0, "ema version 5 is stored.\n")
    assert "error: `rsi` is not declared." in result.err
    assert "a draft, which cannot run until they are mended." in result.err
    assert again.out == "ema version 5 was stored already; no version was made.\n"
    assert as_json.document["unchanged"] is True


async def test_an_export_is_exact_and_writes_over_nothing(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "out.yaml"
    async with FakeEngine(shell.home.socket, {lc.GetStrategy: lab.DETAIL}) as engine:
        printed = await shell.beside("strategy", "export", "ema-pullback")
        written = await shell.beside("strategy", "export", "ema-pullback", "--to", str(path))
        heard = len(engine.heard)
        again = await shell.beside("strategy", "export", "ema-pullback", "--to", str(path))
        assert len(engine.heard) == heard
        path.write_text("other")
        forced = await shell.beside("strategy", "export", "ema-pullback", "--to", str(path), "--force", "--json")
    assert printed.out == lab.TEXT
    assert written.out == f"ema-pullback version 4 is written to {path}.\n"
    assert (again.code, again.out) == (2, "")
    assert "--force" in again.err
    assert forced.document == {
        "schema": "polotui.strategy.export/1",
        "name": "ema-pullback",
        "version": 4,
        "form": "yaml",
        "path": str(path),
    }
    assert path.read_text() == lab.TEXT


async def test_an_export_as_json_keeps_the_meaning(shell: Shell, tmp_path: Path) -> None:
    async with FakeEngine(shell.home.socket, {lc.GetStrategy: lab.DETAIL}) as engine:
        printed = await shell.beside("strategy", "export", "ema-pullback", "--form", "json")
        await shell.beside("strategy", "export", "ema-pullback", "--to", str(tmp_path / "x.json"))
        engine.answers[lc.GetStrategy] = lr.StrategyDetail(
            row=lab.OWN, text=printed.out, form="json", version=4, versions=[], checked=lab.SOUND
        )
        back = await shell.beside("strategy", "export", "ema-pullback", "--form", "yaml")
    whole = {"spec": 1, "name": "ema-pullback", "entry": {"long": "crosses_above(rsi, 30)"}}
    assert json.loads(printed.out) == whole
    assert json.loads((tmp_path / "x.json").read_text()) == whole
    assert back.out == "spec: 1\nname: ema-pullback\nentry:\n  long: crosses_above(rsi, 30)\n"


async def test_an_export_of_what_cannot_be_read(shell: Shell) -> None:
    broken = lr.StrategyDetail(row=lab.OWN, text="a: [1\n", form="yaml", version=4, versions=[], checked=lab.BROKEN)
    async with FakeEngine(shell.home.socket, {lc.GetStrategy: broken}):
        result = await shell.beside("strategy", "export", "ema-pullback", "--form", "json")
    assert (result.code, result.out) == (2, "")
    assert "Leave --form out" in result.err


async def test_an_examination_fails_with_1(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(lab.TEXT)
    async with FakeEngine(shell.home.socket, {lc.ExamineStrategy: EXAMINATION}) as engine:
        result = await shell.beside("strategy", "examine", "ema-pullback", "--symbol", "eth/usdt")
        as_json = await shell.beside("strategy", "examine", str(tmp_path / "x.yaml"), "--json")
        commands = [command for command in engine.heard if isinstance(command, lc.ExamineStrategy)]
    assert commands == [
        lc.ExamineStrategy(name="ema-pullback", symbol="ETH_USDT"),
        lc.ExamineStrategy(text=lab.TEXT),
    ]
    assert (result.code, as_json.code) == (1, 1)
    assert as_json.document["checks"][0]["state"] == "failed"
    assert (
        result.out
        == """\
   check           finding
✗  look-ahead      bar 812 changes when the end is cut off
✓  warm-up         1,210 bars
–  constant rules  too few bars
"""
    )


async def test_a_preview_lists_its_marks(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {lc.GetStrategy: lab.DETAIL, lc.PreviewStrategy: PREVIEW}) as engine:
        result = await shell.beside("strategy", "preview", "ema-pullback", "--symbol", "btc_usdt", "--bars", "50")
        document = (await shell.beside("strategy", "preview", "ema-pullback", "--json")).document
    assert engine.heard[2] == lc.PreviewStrategy(text=lab.TEXT, symbol="BTC_USDT", bars=50)
    assert (
        result.out
        == """\
bar (UTC)         what   side     price  why
2024-05-01 12:00  entry  long  61,204.1  long‹1b›[2J
BTC_USDT 1h · 0 bars · 1 entry · 0 exits · 61 % in the market · worst bar -7.40 %
"""
    )
    assert result.err == "The newest bar is 2 h old.\n"
    assert document["marks"][0]["price"] == 61_204.1


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("strategy show ema-pulback", "Did you mean ema-pullback?"),
        ("strategy show EMA-PULLBACK", "Did you mean ema-pullback?"),
        ("strategy delete zzz", "polotui strategy list shows what there is."),
        ("strategy new --template sma-cros", "Did you mean sma-cross?"),
        ("strategy restore old-on", "Did you mean old-one?"),
        ("strategy examine sma_cross", "Did you mean sma-cross?"),
    ],
)
async def test_an_unknown_name_is_answered_with_near_ones(shell: Shell, words: str, hint: str) -> None:
    answers: dict[type, Any] = {lc.ListStrategies: lab.strategies}
    answers |= dict.fromkeys((lc.GetStrategy, lc.DeleteStrategy, lc.NewStrategy, lc.ExamineStrategy), NOT_THERE)
    async with FakeEngine(shell.home.socket, answers):
        result = await shell.beside(*words.split())
        record = (await shell.beside(*words.split(), "--json")).document
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("There is no strategy ")
    assert hint in result.err
    assert (record["code"], record["next_step"]) == ("unknown-strategy", hint)


async def test_a_file_without_an_ending_is_pointed_at(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_text(lab.TEXT)
    async with FakeEngine(shell.home.socket, {lc.GetStrategy: NOT_THERE, lc.ListStrategies: lab.strategies}):
        result = await shell.beside("strategy", "validate", "mine")
    assert result.err.endswith("For the file of that name write ./mine.\n")


async def test_other_errors_of_the_engine_stay_what_they_are(shell: Shell) -> None:
    answers = {lc.GetStrategy: UsageError("There is no version 9.", code="unknown-version")}
    async with FakeEngine(shell.home.socket, {**answers, lc.ListStrategies: lab.strategies}) as engine:
        known = await shell.beside("strategy", "show", "ema-pullback", "--version", "9", "--json")
        engine.answers[lc.DeleteStrategy] = Locked("Not allowed.")
        locked = await shell.beside("strategy", "delete", "nobody")
    assert known.document["code"] == "unknown-version"
    assert locked.code == 5


WRONG = [
    "strategy nope",
    "strategy list extra",
    "strategy list --deletd",
    "strategy show",
    "strategy show a b",
    "strategy show a --version x",
    "strategy show a --version -1",
    "strategy new",
    "strategy new x",
    "strategy new --template a --from b",
    "strategy validate",
    "strategy validate nowhere.yaml",
    "strategy validate ./nowhere",
    "strategy import",
    "strategy import nowhere.json",
    "strategy import .",
    "strategy export",
    "strategy export a --form toml",
    "strategy delete",
    "strategy restore",
    "strategy examine",
    "strategy examine a --symbol ../x",
    "strategy preview a --symbol nope",
    "strategy preview a -t 2h",
    "strategy preview a --bars 0",
]


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("words", [*WRONG, "strategy export a --json"])
def test_wrong_use_is_exit_code_2_and_a_sentence(shell: Shell, words: str) -> None:
    result = shell(*words.split())
    if "--json" in words:
        assert (result.code, result.err) == (2, "")
        assert result.document["code"] == "usage"
        return
    assert (result.code, result.out) == (2, "")
    assert result.err.strip().count("\n") == 0
    record = shell(*words.split(), "--json").document
    assert (record["schema"], record["code"]) == ("polotui.error/1", "usage")


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("words", ["list", "show a", "new --template a", "validate a", "export a", "examine a"])
def test_no_engine_is_exit_code_3(shell: Shell, words: str) -> None:
    result = shell("strategy", *words.split())
    assert (result.code, result.out) == (3, "")


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"x" * 1_000_001])
def test_a_file_that_is_no_strategy(shell: Shell, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.yaml").write_bytes(data)
    result = shell("strategy", "import", str(tmp_path / "x.yaml"))
    assert (result.code, result.out) == (2, "")
    assert "Nothing was stored." in result.err


@pytest.mark.parametrize(
    ("word", "file"),
    [("a", False), ("a-b.2", False), ("-", True), ("a.yaml", True), ("A.JSON", True), ("./a", True), ("a.yml", True)],
)
def test_what_means_a_file(word: str, file: bool) -> None:
    assert is_file(word) is file


async def test_an_error_about_a_file_is_not_taken_for_an_unknown_name(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("spec: 1\n")
    no_candles = UsageError("No candles of BTC_USDT are stored.", code="no-data")
    async with FakeEngine(shell.home.socket, {lc.ExamineStrategy: no_candles}):
        result = await shell.beside("strategy", "examine", str(tmp_path / "x.yaml"), "--json")
    assert result.document["code"] == "no-data"
