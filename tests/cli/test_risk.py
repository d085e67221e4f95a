"""`polotui risk` and `audit` against a scripted engine: what they ask, what they print, how they end."""
# ruff: noqa: E501 - tables as people see them

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from polotui.api import risk_commands as c
from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.api.command import Command
from polotui.api.replies import Done
from polotui.api.values import EquityPoint
from polotui.core.errors import Refused
from tests.api.fake_server import FakeEngine
from tests.cli import deskrows as d
from tests.cli.conftest import Shell
from tests.cli.lab import DAY, NOON

WHO = "ada on pts/3"
STATUS = """\
Trading is REDUCING: the account is down 26 % from its peak. Limits «moderate», safety 97.

risk   23 of 100  ▕███▋            ▏   biggest part: exposure BTC 11 of 23
30 x daily loss + …

limit               now  of   use                      distance
Daily loss        0.4 %  5 %  ▕█           ▏  ok       4.6 % of equity left
Correlated pairs      –  3    ▕            ▏  unknown  not known

exposure            USDT    share
asset     BTC   3,166.50  31.00 %  ▕███▊        ▏
strategy  –        12.00        –  ▕            ▏
          cash            57.00 %  ▕██████▉     ▏

stops   2 local, 0 at the venue, 0 without

latch daily-loss (loss of the day) since 2024-05-01 12:00:00 UTC
  -5.2 % since 00:00 UTC
  acknowledge it after 2024-05-02 00:00 UTC, or override it: polotui risk latch daily-loss --override 'OVERRIDE daily-loss' --reason …

locked    until (UTC)          by    why
SOL_USDT  2024-05-02 12:00:00  HAND  news

Count from 2024-05-01 12:01:00 UTC:
name          limit              now     then
max_position  Largest position  20 %  →  30 %  loosens

alert  at (UTC)             level  code       what                     seen  over
    2  2024-05-01 12:00:00  near   RISK-CORR  correlated pairs 2 of 3  no    no
"""
DIFF = """\
name          limit              now     then
daily_loss    Daily loss         5 %  →  3 %   tightens
max_position  Largest position  20 %  →  30 %  loosens
"""
SIZE = tv.SizeResult(
    uncapped="4000.00",
    capped="2000.00",
    quantity="",
    stop_distance=0.05,
    resulting_risk="100.00",
    resulting_risk_ratio=0.01,
    reward_to_risk=None,
    words="The rule asks for 4,000; the cap leaves 2,000.",
    warnings=["Capped at 20 % of the equity."],
)

#: Command line, the command it must send, the answer, all that people get to see, the schema.
CASES: list[tuple[str, Command, Any, str, str]] = [
    ("risk status", c.GetRisk(), d.RISK, STATUS, "risk.status"),
    (
        "risk limits set daily_loss=3 max_position=30 --what-if",
        c.PreviewLimits(changes={"daily_loss": "3", "max_position": "30"}),
        d.PREVIEW,
        f"{DIFF}Loosens: counts after 60 s, and needs a reason.\n",
        "risk.limits.preview",
    ),
    (
        "risk preset conservative",
        c.PreviewLimits(preset="conservative"),
        tr.LimitsPreview(changes=[]),
        "That changes nothing.\n",
        "risk.preset",
    ),
    (
        "risk preset moderate",
        c.PreviewLimits(preset="moderate"),
        tr.LimitsPreview(changes=[d.CHANGE]),
        "name        limit       now     then\ndaily_loss  Daily loss  5 %  →  3 %   tightens\nCounts at once.\n",
        "risk.preset",
    ),
    (
        "risk alerts --all -n 5",
        c.ListAlerts(open=False, limit=5),
        tr.Alerts(alerts=[msgspec.structs.replace(d.ALERT, acknowledged_ms=NOON, cured_ms=NOON)]),
        "alert  at (UTC)             level  code       what                     seen  over\n"
        "    2  2024-05-01 12:00:00  near   RISK-CORR  correlated pairs 2 of 3  yes   2024-05-01 12:00:00\n",
        "risk.alerts",
    ),
    ("risk alerts", c.ListAlerts(open=True, limit=50), tr.Alerts(alerts=[]), "No alert is open.\n", "risk.alerts"),
    (
        "risk size fixed-fractional --equity 10000 --risk 2% --stop 5% --target 0.1 -s btc_usdt --price 61000",
        c.GetSize(
            method="fixed_fractional",
            equity="10000",
            symbol="BTC_USDT",
            price="61000",
            risk=0.02,
            stop_distance=0.05,
            target_distance=0.1,
        ),
        SIZE,
        "uncapped        4,000.00  quote units\n"
        "capped          2,000.00  quote units\n"
        "quantity               –  base units\n"
        "resulting risk    100.00  1.00 % of the equity\n"
        "reward to risk         –\n\n"
        "The rule asks for 4,000; the cap leaves 2,000.\n"
        "! Capped at 20 % of the equity.\n",
        "risk.size",
    ),
    (
        "risk correlation BTC_USDT eth/usdt BTC_USDT",
        c.GetCorrelations(symbols=["BTC_USDT", "ETH_USDT"]),
        tr.Correlations(
            symbols=["BTC_USDT", "ETH_USDT", "SOL_USDT"],
            matrix=[[1.0, 0.82, None], [0.82, 1.0, -0.1], [None, -0.1, 1.0]],
            held=[True, False, False],
            threshold=0.7,
            bars=[],
            text="1 of 3 pairs above 0.7.",
        ),
        "              BTC      ETH      SOL\n"
        "BTC held        ·  +0.82 !      – !\n"
        "ETH       +0.82 !        ·  -0.10\n"
        "SOL           – !  -0.10          ·\n"
        "1 of 3 pairs above 0.7.\n",
        "risk.correlation",
    ),
    (
        "risk history --days 7 --points 2",
        c.GetRiskHistory(days=7, points=2),
        tr.RiskHistory(
            equity=[EquityPoint(NOON, 10_000.0), EquityPoint(NOON + DAY, 8_200.0)],
            drawdown=[EquityPoint(NOON, 0.0), EquityPoint(NOON + DAY, 0.18)],
            meter=[EquityPoint(NOON + 1, 41.0)],
            warn=0.15,
            pause=0.25,
        ),
        "at (UTC)             equity  drawdown         risk\n"
        "2024-05-01 12:00  10,000.00    0.00 %            –\n"
        "2024-05-02 12:00   8,200.00  -18.00 %  warns    41\n\n"
        "warns at -15.00 %, pauses at -25.00 %\n",
        "risk.history",
    ),
    (
        "risk report --prevented",
        c.GetRiskReport(prevented=True),
        tr.RiskReport(text="Risk report\n  bad\x1b[2J\n", risk=d.RISK),
        "Risk report\n  bad‹1b›[2J\n",
        "risk.report",
    ),
    (
        "audit show --kind latch --caller ada -n 2 --before 9",
        c.ListAudit(kind="latch", caller="ada", limit=2, before=9),
        tr.Audit(
            rows=[
                tr.AuditRow(
                    number=8, kind="latch", caller="", account="paper", symbol="", code="LATCH-SET",
                    text="set\x1b", detail="{}", at_ms=NOON, hash="ab" * 32,
                )
            ]
        ),
        "row  at (UTC)             kind   caller  account  symbol  code       what\n"
        "  8  2024-05-01 12:00:00  latch  –       paper            LATCH-SET  set‹1b›\n",
        "audit.show",
    ),
    (
        "audit verify",
        c.VerifyAudit(),
        tr.Verified(ok=True, chains=[tr.ChainResult(chain="fills", ok=True, rows=1_204, head="ab" * 32)], text="Fits."),
        "   chain   rows  head\n✓  fills  1,204  abababababababab\nFits.\n",
        "audit.verify",
    ),
]  # fmt: skip


@pytest.fixture(autouse=True)
def ada(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polotui.cli.risk.who_asks", lambda: WHO)


@pytest.mark.parametrize(("words", "sent", "answer", "shown", "schema"), CASES, ids=[case[0] for case in CASES])
async def test_a_question_asks_and_prints(
    shell: Shell, words: str, sent: Command, answer: Any, shown: str, schema: str
) -> None:
    async with FakeEngine(shell.home.socket, {type(sent): answer}) as engine:
        result = await shell.beside(*words.split())
        assert engine.heard[1:] == [sent]
        as_json = await shell.beside(*words.split(), "--json")
    assert (result.code, as_json.code) == (0, 0)
    assert "\x1b" not in result.out + as_json.out
    assert result.out == shown
    assert as_json.err == ""
    assert as_json.document == {"schema": f"polotui.{schema}/1"} | d.json_of(answer)


async def test_limits_are_shown_by_group_or_by_name(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {c.GetLimits: d.LIMITS}):
        whole = await shell.beside("risk", "limits")
        one = await shell.beside("risk", "limits", "get", "daily_loss", "--json")
        unknown = await shell.beside("risk", "limits", "get", "daily_los")
    assert whole.out == (
        "limits «moderate»\n"
        "        limit          value      allowed  what it is\n"
        "Losses  daily_loss         5  %  0.1 … 50  loss since 00:00 UTC\n"
        "Trade   stop_required     on     off … on  refuse entries without a stop\n"
    )
    assert [field["name"] for field in one.document["fields"]] == ["daily_loss"]
    assert one.document["preset"] == "moderate"
    assert unknown.code == 2
    assert "Did you mean daily_loss?" in unknown.err


async def test_a_limit_that_waits_is_shown_beside_those_that_count(shell: Shell) -> None:
    waiting = msgspec.structs.replace(d.LIMITS, pending=[d.LOOSER], pending_ms=NOON)
    async with FakeEngine(shell.home.socket, {c.GetLimits: waiting}):
        result = await shell.beside("risk", "limits")
    assert "Count from 2024-05-01 12:00:00 UTC (limits withdraw takes them back):" in result.out


async def test_the_presets_there_are(shell: Shell) -> None:
    custom = msgspec.structs.replace(d.LIMITS, preset="custom")
    async with FakeEngine(shell.home.socket, {c.GetLimits: custom}):
        result = await shell.beside("risk", "preset")
        as_json = await shell.beside("risk", "preset", "--json")
    assert result.out == "  conservative\n  moderate\n  aggressive\n▸ custom\n"
    assert as_json.document == {
        "schema": "polotui.risk.presets/1",
        "preset": "custom",
        "presets": ["conservative", "moderate", "aggressive"],
    }


async def test_changes_that_cannot_be_are_exit_code_2(shell: Shell) -> None:
    wrong = tr.LimitsPreview(changes=[], errors={"daily_loss": "Daily loss: not a number: 'x'"})
    async with FakeEngine(shell.home.socket, {c.PreviewLimits: wrong}):
        words = ["risk", "limits", "set", "daily_loss=x", "--what-if"]
        result = await shell.beside(*words)
        as_json = await shell.beside(*words, "--json")
    assert (result.code, as_json.code) == (2, 2)
    assert "not a number" in result.err
    assert as_json.document["errors"] == {"daily_loss": "Daily loss: not a number: 'x'"}


#: Command line, the command it must send, its answer, the schema.
DOES: list[tuple[list[str], Command, Any, str]] = [
    (
        ["risk", "limits", "set", "daily_loss=3", "stop_required=off", "--reason", "a test"],
        c.SetLimits(changes={"daily_loss": "3", "stop_required": "off"}, reason="a test", caller=WHO),
        d.SET,
        "risk.limits.set",
    ),
    (["risk", "limits", "withdraw"], c.SetLimits(withdraw=True, caller=WHO), d.SET, "risk.limits.withdraw"),
    (
        ["risk", "preset", "aggressive", "--apply", "--reason", "a test"],
        c.SetLimits(preset="aggressive", reason="a test", caller=WHO),
        d.SET,
        "risk.preset.apply",
    ),
    (["risk", "ack", "2"], c.AcknowledgeAlert(alert=2, caller=WHO), Done(text="Acknowledged."), "risk.ack"),
    (["risk", "ack", "all"], c.AcknowledgeAlert(alert=0, caller=WHO), Done(text="3 alerts."), "risk.ack"),
    (
        ["risk", "latch", "daily-loss", "--acknowledge"],
        c.ClearLatch(name="daily-loss", caller=WHO),
        Done(text="Cleared."),
        "risk.latch.clear",
    ),
    (
        ["risk", "latch", "daily-loss", "--override", "OVERRIDE daily-loss", "--reason", "a test"],
        c.ClearLatch(name="daily-loss", words="OVERRIDE daily-loss", reason="a test", caller=WHO),
        Done(text="Cleared."),
        "risk.latch.clear",
    ),
    (
        ["risk", "lock", "btc/usdt", "--hours", "2.5", "--reason", "news"],
        c.LockPair(symbol="BTC_USDT", hours=2.5, reason="news", caller=WHO),
        Done(text="Locked."),
        "risk.lock",
    ),
    (
        ["risk", "unlock", "BTC_USDT"],
        c.LockPair(symbol="BTC_USDT", lift=True, caller=WHO),
        Done(text="May be entered."),
        "risk.unlock",
    ),
]


@pytest.mark.parametrize(("words", "sent", "answer", "schema"), DOES, ids=[" ".join(case[0]) for case in DOES])
async def test_what_changes_something_says_who_asked(
    shell: Shell, words: list[str], sent: Command, answer: Any, schema: str
) -> None:
    async with FakeEngine(shell.home.socket, {type(sent): answer}) as engine:
        result = await shell.beside(*words)
        assert engine.heard[1:] == [sent]
        as_json = await shell.beside(*words, "--json")
    assert (result.code, as_json.code) == (0, 0)
    assert result.out.endswith(f"{answer.text}\n")
    assert as_json.document == {"schema": f"polotui.{schema}/1"} | d.json_of(answer)


@pytest.mark.parametrize(
    "words", ["risk limits set daily_loss=9", "risk preset aggressive --apply", "risk latch daily-loss --acknowledge"]
)
async def test_what_a_rule_refuses_is_exit_code_4(shell: Shell, words: str) -> None:
    refused = Refused("That loosens Daily loss, which needs a reason.", code="reason-needed")
    async with FakeEngine(shell.home.socket, {c.SetLimits: refused, c.ClearLatch: refused}):
        result = await shell.beside(*words.split())
        as_json = await shell.beside(*words.split(), "--json")
    assert (result.code, as_json.code) == (4, 4)
    assert as_json.document["code"] == "reason-needed"


async def test_latches_and_exposure_are_parts_of_the_desk(shell: Shell) -> None:
    async with FakeEngine(shell.home.socket, {c.GetRisk: d.RISK}) as engine:
        latch = await shell.beside("risk", "latch", "--json")
        named = await shell.beside("risk", "latch", "daily-loss")
        other = await shell.beside("risk", "latch", "drawdown")
        exposure = await shell.beside("risk", "exposure", "--json")
        engine.answers[c.GetRisk] = msgspec.structs.replace(d.RISK, latches=[], exposure=[])
        none = await shell.beside("risk", "latch")
        cash = await shell.beside("risk", "exposure")
    assert [row["name"] for row in latch.document["latches"]] == ["daily-loss"]
    assert "-5.2 % since 00:00 UTC" in named.out
    assert other.code == 2
    assert exposure.document["cash_share"] == 0.57
    assert [row["name"] for row in exposure.document["exposure"]] == ["BTC", ""]
    assert none.out == "No latch is set.\n"
    assert cash.out == "exposure   nothing is held, cash 57.00 %\n"


async def test_a_latch_whose_time_has_come_says_how_it_goes(shell: Shell) -> None:
    over = msgspec.structs.replace(d.LATCH, clearable=True, how_to_clear="acknowledge it")
    async with FakeEngine(shell.home.socket, {c.GetRisk: msgspec.structs.replace(d.RISK, latches=[over])}):
        result = await shell.beside("risk", "latch")
    assert result.out.endswith("  acknowledge it: polotui risk latch daily-loss --acknowledge\n")


async def test_a_broken_chain_is_exit_code_1(shell: Shell) -> None:
    chain = tr.ChainResult(chain="fills", ok=False, rows=9, head="ab" * 32, bad_row=4, reason="its hash\x1b")
    answer = tr.Verified(ok=False, chains=[chain], problems=["fills row 4: no order"], text="Broken: fills.")
    async with FakeEngine(shell.home.socket, {c.VerifyAudit: answer}):
        result = await shell.beside("audit", "verify")
        as_json = await shell.beside("audit", "verify", "--json")
    assert (result.code, as_json.code) == (1, 1)
    assert "✗  fills     9  abababababababab  row 4: its hash‹1b›" in result.out
    assert "✗ fills row 4: no order" in result.out
    assert as_json.document["ok"] is False


async def test_more_rows_of_the_trail_are_one_option_away(shell: Shell) -> None:
    row = tr.AuditRow(
        number=8, kind="bot", caller="ada", account="", symbol="", code="", text="x", detail="", at_ms=NOON, hash=""
    )
    async with FakeEngine(shell.home.socket, {c.ListAudit: tr.Audit(rows=[row], more=True)}) as engine:
        result = await shell.beside("audit", "show")
        engine.answers[c.ListAudit] = tr.Audit(rows=[])
        none = await shell.beside("audit", "show", "--kind", "nope")
    assert result.err == "There are more; --before 8 goes on.\n"
    assert none.out == "No row of that kind.\n"
