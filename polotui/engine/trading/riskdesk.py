"""The desk of risk as faces see it: the whole picture, sizing, history, the report."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from polotui.api import risk_commands as c
from polotui.api import trade_replies as tr
from polotui.api import trade_values as tv
from polotui.api.values import EquityPoint
from polotui.core.errors import UsageError
from polotui.engine.trading import protecting, shapes
from polotui.model.candles import DAY_MS
from polotui.model.money import plain, step_of, typed_decimal
from polotui.risk import exposure
from polotui.risk.ladder import LADDERS
from polotui.risk.meter import FORMULA, Meter
from polotui.risk.size import SizeAsk, size
from polotui.trading.latches import DAY_MS as LATCH_DAY_MS
from polotui.trading.latches import override_words, utc_day

if TYPE_CHECKING:
    from polotui.engine.trading.service import Trading

ROOT = "paper"
_TITLES = {
    "daily-loss": "loss of the day",
    "drawdown": "drawdown of the account",
    "mirror-missing": "mirror of the latches missing",
    "mirror-damaged": "mirror of the latches damaged",
}


class RiskDesk:
    """Shapes what monitor, limits and locks know."""

    def __init__(self, trading: Trading) -> None:
        self._trading = trading

    def risk(self) -> tr.Risk:
        """The whole desk now."""
        trading = self._trading
        limits, view = trading.limits.limits(), trading.view.account(ROOT)
        found = trading.monitor.meter_now()
        pending, pending_ms = trading.limits.pending()
        cash = view.cash.get("USDT")
        equity = view.equity
        protection = protecting.protection(trading).positions
        unprotected = [p for p in view.positions if p.protection == "none"]
        score, _ = trading.view.safety()
        return tr.Risk(
            state=trading.halting.state(),
            state_reason=trading.halting.reason(),
            preset=trading.limits.preset,
            meter=_meter(found),
            limits=_limits(found, limits.drawdown_warn),
            exposure=[
                *(_exposure("asset", line) for line in exposure.by_asset(view)),
                *(_exposure("strategy", line) for line in exposure.by_strategy(view)),
            ],
            cash_share=float(trading.portfolio.total(ROOT).get("USDT", Decimal(0)) / equity)
            if equity and cash is not None
            else None,
            latches=self.latches(),
            locks=trading.locks.rows(),
            alerts=trading.alerts.rows(),
            protection=protection,
            stops_venue=sum(p.protection == "venue" for p in view.positions),
            stops_local=sum(p.protection == "local" for p in view.positions),
            stops_none=len(unprotected),
            pending=pending,
            pending_ms=pending_ms,
            safety=score,
            now_ms=trading.clock.wall_ms(),
            ladder=[_ladder(code, trading.titles.get(code, code)) for code in LADDERS],
        )

    def latches(self) -> list[tv.LatchRow]:
        now = self._trading.latches.time(self._trading.exchange.rest.exchange_ms())
        rows = []
        for latch in self._trading.latches.active():
            over = not latch.day or utc_day(now) > latch.day
            until = datetime.fromtimestamp((latch.day + 1) * LATCH_DAY_MS / 1000, UTC)
            how = "acknowledge it" if over else f"acknowledge it after {until:%Y-%m-%d} 00:00 UTC, or override it"
            rows.append(
                tv.LatchRow(
                    name=latch.name,
                    title=_TITLES.get(latch.name, latch.name),
                    reason=latch.reason,
                    since_ms=latch.since_ms,
                    how_to_clear=how,
                    clearable=over,
                    override_words=override_words(latch),
                )
            )
        return rows

    async def size(self, command: c.GetSize) -> tv.SizeResult:
        """How much, by which rule."""
        trading = self._trading
        equity = _given("equity", command.equity)
        if equity is None:
            equity = trading.view.equity(ROOT, whole=True)
        if equity is None:
            raise UsageError("The equity is not known now.", next_step="Give it, or wait for prices.")
        price = _given("price", command.price)
        step = least_quantity = least_amount = Decimal(0)
        if command.symbol:
            market = await trading.known(command.symbol)
            mark = trading.markets.mark(market.symbol)
            price = price if price is not None else (mark.price if mark is not None else None)
            step, least_quantity, least_amount = step_of(market.quantity_scale), market.min_quantity, market.min_amount
        made = size(
            SizeAsk(
                kind=command.method,
                equity=equity,
                price=price,
                stop=command.stop_distance,
                target=command.target_distance,
                risk=command.risk,
                win_rate=command.win_rate,
                average_win=command.average_win,
                average_loss=command.average_loss,
                trades=command.trades,
                kelly_fraction=command.kelly_fraction,
                target_volatility=command.target_volatility,
                volatility=command.volatility,
                amount=_given("amount", command.amount),
                quantity_step=step,
                min_quantity=least_quantity,
                min_amount=least_amount,
            ),
            trading.limits.limits(),
        )
        return tv.SizeResult(
            uncapped=shapes.money(made.uncapped),
            capped=shapes.money(made.capped),
            quantity=plain(made.quantity) if made.quantity is not None else "",
            stop_distance=command.stop_distance,
            resulting_risk=shapes.money(made.resulting_risk),
            resulting_risk_ratio=made.resulting_risk_fraction,
            reward_to_risk=made.reward_to_risk,
            words=made.words,
            warnings=[*made.reasons, *made.warnings],
        )

    async def history(self, days: int, points: int) -> tr.RiskHistory:
        """Equity, its drawdown from the highest point shown so far, and the meter."""
        trading, limits = self._trading, self._trading.limits.limits()
        # The curve is kept in the machine's time, also when the market runs ahead of it.
        now = trading.engine.clock.wall_ms()
        since, most = now - min(max(days, 1), 366) * DAY_MS, min(max(points, 2), 2_000)
        worth = await trading.records.worth(ROOT, since, now, points=most)
        scores = await trading.records.worth("risk", since, now, points=most)
        peak, falls = 0.0, []
        for point in worth:
            peak = max(peak, point.value)
            falls.append(EquityPoint(point.at_ms, 1 - point.value / peak if peak > 0 else 0.0))
        return tr.RiskHistory(
            equity=[EquityPoint(point.at_ms, point.value) for point in worth],
            drawdown=falls,
            meter=[EquityPoint(point.at_ms, point.value) for point in scores],
            warn=limits.drawdown_warn,
            pause=limits.drawdown_pause,
        )

    async def report(self, *, prevented: bool) -> tr.RiskReport:
        """The desk in words, for people and for files."""
        risk = self.risk()
        rows = await self._trading.prevented.rows() if prevented else []
        return tr.RiskReport(text=_words(risk, rows, self._trading.clock.wall_ms()), risk=risk, prevented=rows)


def _meter(found: Meter | None) -> tv.Meter:
    if found is None:
        return tv.Meter(score=None, formula=FORMULA, parts=[], biggest="")
    return tv.Meter(
        score=found.score,
        formula=found.formula,
        parts=[
            tv.MeterPart(name=part.title, points=part.points, of=float(part.of), text=part.about)
            for part in found.parts
        ],
        biggest=found.biggest,
    )


def _limits(found: Meter | None, warn: float) -> list[tv.LimitRow]:
    rows = []
    for line in found.distances if found is not None else ():
        value, _, limit = line.text.partition(" of ")
        known = line.value is not None
        state = "breach" if line.breached else "near" if line.use >= 0.8 else "ok"
        rows.append(
            tv.LimitRow(
                name=line.code.removeprefix("RISK-").lower(),
                title=line.title,
                value_text=value if known else "–",
                limit_text=limit if known else f"{line.limit:g}",
                warn_text=f"{warn * 100:g} %" if line.code == "RISK-DRAWDOWN" else "",
                use=line.use if known else None,
                state=state if known else "unknown",  # type: ignore[arg-type]
                distance_text=_distance(line.value, line.limit, line.code) if known else "not known",
            )
        )
    return rows


def _distance(value: float | None, limit: float, code: str) -> str:
    left = limit - (value or 0.0)
    if code.startswith("RISK-POSITIONS") or code == "RISK-CORR":
        return f"{left:g} left" if left >= 0 else f"{-left:g} too many"
    return f"{left * 100:.1f} % of equity left" if left >= 0 else f"{-left * 100:.1f} % over"


def _exposure(kind: str, line: exposure.Exposure) -> tv.ExposureRow:
    name = line.name.removesuffix("_USDT") if kind == "asset" else line.name
    return tv.ExposureRow(kind=kind, name=name, value=shapes.money(line.amount), share=line.share)  # type: ignore[arg-type]


def _ladder(code: str, title: str) -> str:
    steps = []
    for step in LADDERS[code]:
        hold = f" held {step.hold_ms // 1000} s" if step.hold_ms else ""
        steps.append(f"{step.rung.value} at {step.use * 100:g} %{hold}")
    return f"{title}: {', '.join(steps)}"


def _given(name: str, text: str) -> Decimal | None:
    if not text.strip():
        return None
    try:
        value = typed_decimal(text)
    except ValueError as error:
        raise UsageError(f"The {name} is {error}.") from error
    if value <= 0:
        raise UsageError(f"The {name} must be above zero.")
    return value


def _words(risk: tr.Risk, prevented: list[tr.PreventedRow], now_ms: int) -> str:
    at = datetime.fromtimestamp(now_ms / 1000, UTC)
    score = "unknown" if risk.meter.score is None else f"{risk.meter.score} of 100"
    lines = [
        f"Risk report, {at:%Y-%m-%d %H:%M} UTC",
        "",
        f"Trading is {risk.state}{f': {risk.state_reason}' if risk.state_reason else ''}.",
        f"Risk {score}, limits «{risk.preset}». Biggest part: {risk.meter.biggest or 'none'}.",
        f"Formula: {risk.meter.formula}",
        "",
        "Limits",
    ]
    lines += [
        f"  {row.title:<28} {row.value_text:>12} of {row.limit_text:<10} {row.state:<7} {row.distance_text}"
        for row in risk.limits
    ]
    lines += ["", "Exposure"]
    lines += [
        f"  {row.kind:<9} {row.name:<24} {row.value:>14} USDT"
        f" {'–' if row.share is None else f'{row.share * 100:.1f} %':>8}"
        for row in risk.exposure
    ] or ["  nothing is held"]
    lines += ["", f"Stops: {risk.stops_local} local, {risk.stops_venue} at the venue, {risk.stops_none} without."]
    lines += [f"Latch: {row.title}: {row.reason} ({row.how_to_clear})" for row in risk.latches]
    lines += [f"Locked: {row.symbol}: {row.reason}" for row in risk.locks]
    lines += [f"Alert: {row.text}" for row in risk.alerts]
    if prevented:
        lines += ["", "Prevented (estimates: these trades were never made)"]
        lines += [
            f"  {row.month} {row.layer:<24} {row.count:>5} times, losses avoided {row.losses_avoided},"
            f" gains missed {row.gains_missed}, {row.open} still open"
            for row in prevented
        ]
    return "\n".join(lines) + "\n"
