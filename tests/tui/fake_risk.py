"""What the fake engine knows of risk: a desk of limits, alerts, latches and locks, and answers to every question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from polotui.api import replies as r
from polotui.api import risk_commands as rc
from polotui.api import trade_commands as tc
from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.api.events import AnyEvent, RiskState, TradingState
from polotui.api.values import EquityPoint
from polotui.core.ids import Chance

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

LIMITS = [
    ("daily-loss", "daily loss", "−0.4 %", "−5 %", 0.08, "4.6 % of equity"),
    ("drawdown", "drawdown", "−2.1 %", "−25 %", 0.084, "12.9 % to the warning"),
    ("positions", "positions", "3", "50", 0.06, "47 positions"),
    ("positions-strategy", "positions a strategy", "2", "20", 0.1, "18 positions"),
    ("position-size", "largest position", "31 %", "40 %", 0.775, "9 % of equity"),
    ("correlated", "correlated pairs", "2", "3", 0.667, "1 pair"),
    ("exposure", "invested", "43 %", "80 %", 0.5375, "37 % of equity"),
    ("risk-trade", "risk a trade", "0.9 %", "1 %", 0.9, "0.1 % of equity"),
    ("order-rate", "orders a minute", "4", "30", 0.133, "26 orders"),
    ("leverage", "leverage", "1.0", "2", 0.5, "1.0"),
]  # fmt: skip

FIELDS = [
    ("daily-loss", "daily loss", "%", "5", "0.1", "50", "block, then close all until the next UTC day", "losses"),
    ("drawdown-warn", "drawdown, warning", "%", "15", "0.1", "90", "an alert", "losses"),
    ("drawdown", "drawdown, pause", "%", "25", "0.1", "90", "bots pause until a person resumes them", "losses"),
    ("positions", "positions", "", "50", "1", "500", "open at the same time, all together", "positions"),
    ("positions-strategy", "positions a strategy", "", "20", "1", "500", "open at once, each strategy", "positions"),
    ("position-size", "largest position", "%", "20", "0.1", "100", "of the equity", "positions"),
    ("correlated", "correlated pairs", "", "3", "1", "50", "pairs above 0.70", "positions"),
    ("risk-trade", "risk a trade", "%", "1", "0.05", "20", "of the equity, from entry to stop", "trades"),
    ("stop", "stop", "%", "3", "0.1", "50", "below the entry when a strategy names none", "trades"),
    ("target", "target", "%", "6", "0.1", "500", "above the entry when a strategy names none", "trades"),
    ("reward", "reward to risk", "", "1.5", "0", "20", "least, or no entry", "trades"),
    ("leverage", "leverage", "", "2", "1", "20", "of futures", "trades"),
]  # fmt: skip

PRESETS = {
    "conservative": {"daily-loss": "2", "drawdown-warn": "8", "drawdown": "12", "positions": "10",
                     "positions-strategy": "5", "position-size": "10", "correlated": "2", "risk-trade": "0.5",
                     "stop": "2", "target": "4", "reward": "2", "leverage": "1"},
    "moderate": {},
    "aggressive": {"daily-loss": "8", "drawdown-warn": "20", "drawdown": "35", "positions": "80",
                   "positions-strategy": "30", "position-size": "30", "correlated": "4", "risk-trade": "2",
                   "stop": "5", "target": "10", "reward": "1.2", "leverage": "5"},
}  # fmt: skip

#: Limits of which less is more cautious the other way round.
LEAST = {"reward"}


def limit_row(name: str, title: str, value: str, limit: str, use: float | None, distance: str) -> tv.LimitRow:
    state = "unknown" if use is None else "breach" if use >= 1 else "near" if use >= 0.8 else "ok"
    return tv.LimitRow(
        name=name, title=title, value_text=value, limit_text=limit, use=use, state=state, distance_text=distance,
        warn_text="warn −15 %" if name == "drawdown" else "",
    )  # fmt: skip


def calm(now: int) -> tr.Risk:
    parts = [
        tv.MeterPart(name="exposure", points=11.0, of=40.0, text="exposure BTC 31 % of the equity"),
        tv.MeterPart(name="limits", points=6.5, of=25.0, text="the fullest limit: risk a trade at 90 %"),
        tv.MeterPart(name="correlation", points=4.0, of=20.0, text="2 of 3 correlated pairs"),
        tv.MeterPart(name="drawdown", points=1.5, of=15.0, text="2.1 % below the peak"),
    ]
    meter = tv.Meter(
        score=23, parts=parts, biggest="exposure BTC 11 of 23",
        formula="40 × exposure + 25 × fullest limit + 20 × correlated pairs + 15 × drawdown, each from 0 to 1",
    )  # fmt: skip
    return tr.Risk(
        state="ACTIVE", state_reason="", preset="moderate", meter=meter, limits=[limit_row(*row) for row in LIMITS],
        exposure=[
            tv.ExposureRow(kind="asset", name="BTC", value="3166.50", share=0.31),
            tv.ExposureRow(kind="asset", name="ETH", value="1225.74", share=0.12),
            tv.ExposureRow(kind="asset", name="DOGE", value="", share=None),
            tv.ExposureRow(kind="strategy", name="ema-pullback", value="2655.10", share=0.26),
            tv.ExposureRow(kind="strategy", name="rsi-reversion", value="1225.74", share=0.12),
            tv.ExposureRow(kind="strategy", name="by hand", value="511.40", share=0.05),
        ],
        cash_share=0.57, latches=[], locks=[lock(now)],
        alerts=[
            tv.AlertRow(id=7, level="near", code="RISK-PER-TRADE", text="risk a trade 0.9 % of 1 %: ETH_USDT",
                        at_ms=now - 42 * MINUTE),
        ],
        protection=[
            tv.ProtectionRow(account="paper/bot-1", bot=1, symbol="BTC_USDT", level="local", stop="60592.06",
                             target="62428.18", last_check_ms=now - 300, price_age_ms=400),
            tv.ProtectionRow(account="paper/bot-2", bot=2, symbol="ETH_USDT", level="local", stop="2601.10",
                             last_check_ms=now - 300, price_age_ms=700),
        ],
        stops_venue=0, stops_local=2, stops_none=0, safety=97,
        ladder=["daily loss: block, then flatten after 3 readings", "drawdown: warn at 15 %, pause at 25 %"],
    )  # fmt: skip


def lock(now: int, **more: Any) -> tv.LockRow:
    values: dict[str, Any] = {
        "id": 3, "symbol": "SOL_USDT", "code": "LOSS-STREAK", "reason": "4 losses in a row",
        "from_ms": now - 2 * HOUR, "until_ms": now + 22 * HOUR,
    }  # fmt: skip
    return tv.LockRow(**(values | more))


def latch(now: int, **more: Any) -> tv.LatchRow:
    values: dict[str, Any] = {
        "name": "daily-loss", "title": "daily loss", "reason": "−5.2 % of −5 %, confirmed by 3 readings",
        "since_ms": now - 61 * MINUTE, "override_words": "OVERRIDE DAILY LOSS",
        "how_to_clear": "acknowledge it from 00:00 UTC on, or type OVERRIDE DAILY LOSS with a reason",
    }  # fmt: skip
    return tv.LatchRow(**(values | more))


def stressed(now: int) -> tr.Risk:
    """One limit broken, two near, positions without a stop."""
    base = calm(now)
    rows = {
        "daily-loss": ("−5.2 %", 1.04, "0.2 % beyond"), "drawdown": ("−21.4 %", 0.856, "3.6 % of equity"),
        "correlated": ("3", 1.0, "none left"),
    }  # fmt: skip
    limits = []
    for name, title, value, limit, use, distance in LIMITS:
        value, use, distance = rows.get(name, (value, use, distance))
        limits.append(limit_row(name, title, value, limit, use, distance))
    limits[8] = limit_row("order-rate", "orders a minute", "–", "30", None, "unknown: no order log since 13:58")
    parts = [
        tv.MeterPart(name="exposure", points=22.0, of=40.0, text="exposure BTC 55 % of the equity"),
        tv.MeterPart(name="limits", points=25.0, of=25.0, text="the fullest limit: daily loss at 104 %"),
        tv.MeterPart(name="correlation", points=20.0, of=20.0, text="3 of 3 correlated pairs"),
        tv.MeterPart(name="drawdown", points=13.0, of=15.0, text="21.4 % below the peak"),
    ]
    meter = msgspec.structs.replace(base.meter, score=80, parts=parts, biggest="the fullest limit 25 of 80")
    alerts = [
        tv.AlertRow(id=9, level="breach", code="RISK-DAILY-LOSS", text="daily loss −5.2 % of −5 %: entries blocked",
                    at_ms=now - 61 * MINUTE),
        tv.AlertRow(id=8, level="near", code="RISK-DRAWDOWN", text="drawdown −21.4 % of −25 %",
                    at_ms=now - 70 * MINUTE),
        tv.AlertRow(id=6, level="unusual", code="UNUSUAL-SIZE", text="an order of 4.2 times the usual size",
                    at_ms=now - 5 * HOUR, acknowledged_ms=now - 4 * HOUR),
        *base.alerts,
    ]  # fmt: skip
    return msgspec.structs.replace(
        base, meter=meter, limits=limits, alerts=alerts, stops_local=1, stops_none=1, safety=88,
        protection=[msgspec.structs.replace(base.protection[0], level="none", stop="", target=""), base.protection[1]],
    )  # fmt: skip


class FakeRisk:
    """Kept by the fake engine. Tests change `risk`, `trading`, `board` and push `events()`."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.risk: tr.Risk | None = calm(now)
        self.trading = TradingState(risk=23)
        self.pending: list[tv.LimitChange] = []
        self.pending_ms = 0
        self.history: tr.RiskHistory = make_history(now)
        self.correlations = make_correlations()
        self.assessed: tr.Assessed | None = None
        """What the gate says to «what if» on the risk screen; None: the paper screen's fake answers."""
        self.prevented = make_prevented()
        self.cards = make_cards()
        self.positions: list[tv.PositionRow] = []

    def events(self, topics: Sequence[str]) -> list[AnyEvent]:
        events: list[AnyEvent] = []
        if "trading" in topics:
            events.append(self.trading)
        if "risk" in topics and self.risk is not None:
            events.append(RiskState(risk=self.risk))
        return events

    def now_is(self, risk: tr.Risk, **trading: Any) -> list[AnyEvent]:
        """The desk changed: the events that say so."""
        self.risk = risk
        values = {"risk": risk.meter.score, "state": risk.state, "open_alerts": len(risk.alerts),
                  "alerts": self.trading.alerts + 1,
                  "breaches": sum(1 for row in risk.limits if row.state == "breach")}  # fmt: skip
        self.trading = msgspec.structs.replace(self.trading, **(values | trading))
        return [self.trading, RiskState(risk=risk)]

    # answers

    def answer(self, command: Any) -> Any:
        name = f"_{type(command).__name__}"
        return getattr(self, name)(command) if hasattr(self, name) else None

    def _GetRisk(self, command: rc.GetRisk) -> tr.Risk | None:
        return self.risk

    def _GetLimits(self, command: rc.GetLimits) -> tr.Limits:
        names = ("name", "title", "unit", "value", "low", "high", "help", "group")
        fields = [tv.LimitField(**dict(zip(names, row, strict=True))) for row in FIELDS]
        preset = self.risk.preset if self.risk is not None else "moderate"
        return tr.Limits(
            preset=preset, fields=fields, presets=[*PRESETS, "custom"], pending=self.pending, pending_ms=self.pending_ms
        )

    def _PreviewLimits(self, command: rc.PreviewLimits) -> tr.LimitsPreview:
        wanted = {**PRESETS.get(command.preset, {}), **command.changes}
        changes, errors = [], {}
        for name, title, unit, value, low, high, *_ in FIELDS:
            if name not in wanted or wanted[name] == value:
                continue
            try:
                new = float(wanted[name])
            except ValueError:
                errors[name] = "a number is needed"
                continue
            if not float(low) <= new <= float(high):
                errors[name] = f"between {low} and {high}{' ' + unit if unit else ''}"
                continue
            loosens = (new < float(value)) if name in LEAST else (new > float(value))
            tail = f" {unit}" if unit else ""
            changes.append(
                tv.LimitChange(name=name, title=title, old=value + tail, new=wanted[name] + tail, loosens=loosens)
            )
        loosens = any(change.loosens for change in changes)
        return tr.LimitsPreview(changes=changes, errors=errors, loosens=loosens, delay_s=1800.0 if loosens else 0.0)

    def _SetLimits(self, command: rc.SetLimits) -> tr.LimitsSet:
        if command.withdraw:
            gone, self.pending, self.pending_ms = self.pending, [], 0
            return tr.LimitsSet(text=f"{len(gone)} loosening withdrawn.", changes=gone, from_ms=self.now)
        preview = self._PreviewLimits(rc.PreviewLimits(preset=command.preset, changes=command.changes))
        self.pending = [change for change in preview.changes if change.loosens]
        self.pending_ms = self.now + 1_800_000 if self.pending else 0
        text = f"{len(preview.changes) - len(self.pending)} tightened now, {len(self.pending)} loosened in 30 min."
        return tr.LimitsSet(text=text, changes=preview.changes, from_ms=self.pending_ms or self.now)

    def _GetSize(self, command: rc.GetSize) -> tv.SizeResult:
        if command.method == "kelly":
            return tv.SizeResult(
                uncapped="1158.00", capped="1158.00", quantity="0.018715", stop_distance=0.05, resulting_risk="57.90",
                resulting_risk_ratio=0.0058, reward_to_risk=1.875,
                words="Full Kelly is 46.3 % of the equity; a quarter of it is 11.6 %.",
            )  # fmt: skip
        return tv.SizeResult(
            uncapped="4000.00", capped="2000.00", quantity="0.032324", stop_distance=0.05, resulting_risk="100.00",
            resulting_risk_ratio=0.01, reward_to_risk=2.0,
            words="2 % of 10,000 at a stop of 5 % is 4,000; the cap of 20 % of the equity makes it 2,000.",
            warnings=["The cap halves the risk that was asked for: 1 % instead of 2 %."],
        )  # fmt: skip

    def _GetCorrelations(self, command: rc.GetCorrelations) -> tr.Correlations:
        return self.correlations

    def _GetRiskHistory(self, command: rc.GetRiskHistory) -> tr.RiskHistory:
        return self.history

    def _ListAlerts(self, command: rc.ListAlerts) -> tr.Alerts:
        risk = self.risk
        alerts = list(risk.alerts) if risk is not None else []
        if not command.open:
            alerts.append(
                tv.AlertRow(id=2, level="breach", code="RISK-CORRELATION", text="correlated pairs 4 of 3",
                            at_ms=self.now - 3 * DAY, acknowledged_ms=self.now - 3 * DAY + HOUR,
                            cured_ms=self.now - 3 * DAY + 2 * HOUR)
            )  # fmt: skip
        return tr.Alerts(alerts=alerts)

    def _AcknowledgeAlert(self, command: rc.AcknowledgeAlert) -> r.Done:
        return r.Done(text="All alerts acknowledged." if not command.alert else f"Alert {command.alert} acknowledged.")

    def _LockPair(self, command: rc.LockPair) -> r.Done:
        what = "is free again" if command.lift else f"is locked for {command.hours:g} h"
        return r.Done(text=f"{command.symbol} {what}.")

    def _ClearLatch(self, command: rc.ClearLatch) -> r.Done:
        return r.Done(text=f"The latch {command.name} is cleared.")

    def _Halt(self, command: rc.Halt) -> tr.Halted:
        return tr.Halted(state="HALTED", text="Halted. 2 resting orders cancelled.", cancelled=2)

    def _Resume(self, command: rc.Resume) -> tr.Halted:
        state = "REDUCING" if command.reducing else "ACTIVE"
        return tr.Halted(state=state, text="Trading goes on.")

    def _Flatten(self, command: rc.Flatten) -> tr.Halted:
        return tr.Halted(state="HALTED", text="2 orders cancelled, 2 positions sold.", cancelled=2)

    def _GetRiskReport(self, command: rc.GetRiskReport) -> tr.RiskReport:
        assert self.risk is not None
        text = f"Risk {self.risk.meter.score} of 100, {self.risk.preset}\nlargest part: {self.risk.meter.biggest}\n"
        return tr.RiskReport(text=text, risk=self.risk, prevented=self.prevented if command.prevented else [])

    def _GetBoard(self, command: rc.GetBoard) -> tr.Board:
        return tr.Board(cards=self.cards)

    def _SetPromotion(self, command: rc.SetPromotion) -> r.Done:
        return r.Done(text=f"{command.strategy} is promoted by rule." if command.least_trades else "Opted out.")

    def _GetPositions(self, command: tc.GetPositions) -> tr.Positions:
        return tr.Positions(positions=self.positions)


def position(symbol: str = "BTC_USDT", **more: Any) -> tv.PositionRow:
    values: dict[str, Any] = {
        "account": "paper/bot-1", "bot": 1, "strategy": "ema-pullback", "symbol": symbol, "quantity": "0.0310",
        "entry_price": "61204.10", "mark": "61873.41", "value": "1918.07", "result": "20.75",
    }  # fmt: skip
    return tv.PositionRow(**(values | more))


def make_history(now: int, days: int = 30) -> tr.RiskHistory:
    rng = Chance("risk history").generator()
    equity, meter = [], []
    value = 9_400.0
    for index in range(days * 8):
        drift = -0.011 if 110 < index < 136 else 0.0016
        value *= 1 + rng.gauss(drift, 0.003)
        at_ms = now - (days * 8 - 1 - index) * 3 * HOUR
        equity.append(EquityPoint(at_ms, round(value, 2)))
        meter.append(EquityPoint(at_ms, min(100.0, max(0.0, 20 + rng.gauss(0, 3) + (55 if 120 < index < 150 else 0)))))
    peak, fall = float("-inf"), []
    for point in equity:
        peak = max(peak, point.value)
        fall.append(EquityPoint(point.at_ms, round(1 - point.value / peak, 5)))
    return tr.RiskHistory(equity=equity, drawdown=fall, meter=meter, warn=0.15, pause=0.25)


def make_correlations() -> tr.Correlations:
    symbols = ["BTC_USDT", "ETH_USDT", "SOL_USDT", "XRP_USDT", "DOGE_USDT"]
    known = {
        (0, 1): 0.84, (0, 2): 0.72, (0, 3): 0.41, (1, 2): 0.66, (1, 3): 0.38, (2, 3): -0.12,
    }  # fmt: skip
    matrix: list[list[float | None]] = []
    bars: list[list[int]] = []
    for i in range(5):
        matrix.append([1.0 if i == j else known.get((min(i, j), max(i, j))) for j in range(5)])
        bars.append([720 if i != 4 and j != 4 else 31 for j in range(5)])
    return tr.Correlations(
        symbols=symbols,
        matrix=matrix,
        held=[True, True, False, False, False],
        threshold=0.7,
        bars=bars,
        text="Pearson of hourly log returns, 30 days, at least 200 bars in common; unknown counts as correlated.",
    )


def finding(code: str, title: str, text: str, value: float, limit: float, *, refuses: bool = False) -> tv.FindingRow:
    return tv.FindingRow(
        code=code, title=title, refuses=refuses, text=text, value=value, limit=limit,
        use=value / limit if limit else None,
    )  # fmt: skip


def checks(*refusing: str) -> list[tv.FindingRow]:
    rows = [
        ("RISK-STATE", "state", "trading is active", 0.0, 0.0),
        ("RISK-DAILY-LOSS", "daily loss", "0.4 % of 5 %", 0.004, 0.05),
        ("RISK-DRAWDOWN", "drawdown", "2.1 % of 25 %", 0.021, 0.25),
        ("RISK-MAX-POSITIONS", "positions", "4 of 50", 4.0, 50.0),
        ("RISK-POSITION-SIZE", "position size", "31 % of 40 %", 0.31, 0.4),
        ("RISK-CORRELATION", "correlation", "2 of 3 pairs above 0.70", 2.0, 3.0),
        ("RISK-PAIR-LOCK", "pair lock", "not locked", 0.0, 0.0),
        ("RISK-REWARD", "reward to risk", "2.0, at least 1.5", 2.0, 1.5),
    ]
    made = []
    for code, title, text, value, limit in rows:
        refuses = code in refusing
        if refuses and code == "RISK-CORRELATION":
            text, value = "4th pair above 0.70 with ETH_USDT, SOL_USDT, AVAX_USDT", 4.0
        if refuses and code == "RISK-POSITION-SIZE":
            text, value = "62 % of 40 %", 0.62
        made.append(finding(code, title, text, value, limit, refuses=refuses))
    return made


def accepted() -> tr.Assessed:
    return tr.Assessed(
        decision=tv.DecisionRow(approved=True, checks=checks(), recommendation=""),
        price="61891.20", quantity="0.0310", amount="1918.63", fee="3.84", exposure_after=0.49, cash_after="3914.10",
    )  # fmt: skip


def refused() -> tr.Assessed:
    codes = ("RISK-POSITION-SIZE", "RISK-CORRELATION")
    rows = checks(*codes)
    warning = tv.FindingRow(code="RISK-PER-TRADE", title="risk a trade", refuses=False, text="0.9 % of 1 %",
                            value=0.009, limit=0.01, use=0.9)  # fmt: skip
    return tr.Assessed(
        decision=tv.DecisionRow(
            approved=False, code=codes[0], findings=[row for row in rows if row.refuses], warnings=[warning],
            checks=[*rows, warning],
            recommendation="0.0200 BTC would pass the size; the correlation when ETH_USDT or SOL_USDT is closed.",
        ),
        price="61891.20", quantity="0.1000", amount="6189.12", fee="12.38", exposure_after=1.05, cash_after="-300.10",
    )  # fmt: skip


def make_prevented() -> list[tr.PreventedRow]:
    rows = [
        ("stop and target", "2026-11", 14, "312.40", "96.20", 0),
        ("pair locks", "2026-11", 5, "48.10", "51.00", 1),
        ("correlation", "2026-11", 9, "120.00", "22.75", 2),
        ("daily loss", "2026-10", 2, "210.55", "0.00", 0),
        ("positions", "2026-10", 1, "0.00", "18.40", 0),
    ]
    names = ("layer", "month", "count", "losses_avoided", "gains_missed", "open")
    return [tr.PreventedRow(**dict(zip(names, row, strict=True))) for row in rows]  # type: ignore[arg-type]


def make_cards() -> list[tv.BoardCard]:
    return [
        tv.BoardCard(strategy="momentum-breakout", version=1, stage="generated",
                     evidence=["✗ not backtested yet"]),
        tv.BoardCard(strategy="vol-squeeze", version=2, stage="generated", proposal="back to generated",
                     evidence=["✗ document changed after its backtest"]),
        tv.BoardCard(strategy="ema-pullback", version=4, stage="backtested", run=41, trades=212, total_return=0.1842,
                     sharpe=1.12, max_drawdown=0.098, win_rate=0.542, proposal="to paper",
                     rule="30 trades, return above 0 %, drawdown at most 25 %",
                     evidence=["✓ 212 trades, at least 30", "✓ hold-out +4.1 %", "✓ drawdown 9.8 % of at most 25 %"]),
        tv.BoardCard(strategy="donchian-20", version=1, stage="backtested", run=38, trades=41, total_return=-0.031,
                     sharpe=-0.2, max_drawdown=0.221, win_rate=0.39),
        tv.BoardCard(strategy="rsi-reversion", version=2, stage="paper", bot=2, run=33, trades=88, total_return=0.067,
                     sharpe=0.71, max_drawdown=0.121, win_rate=0.51, paper_return=0.0124, paper_trades=38, health="ok",
                     paper_sharpe=0.9, paper_drawdown=0.021, paper_win_rate=0.55,
                     proposal="to live (by hand)",
                     evidence=["✓ 38 trades on paper", "✓ result within the expected band", "✗ 12 of 30 days"]),
        tv.BoardCard(strategy="grid-range", version=1, stage="paper", bot=5, run=29, trades=120, total_return=0.09,
                     sharpe=1.4, max_drawdown=0.06, win_rate=0.61, paper_return=-0.041, paper_trades=22, health="below",
                     proposal="back to backtested", evidence=["✗ result below the expected band for 6 days"]),
    ]  # fmt: skip
