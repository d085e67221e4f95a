"""The sizing calculator: four ways to say how much, and what each of them really risks."""

from __future__ import annotations

from polotui.api.risk_commands import GetSize
from polotui.api.trade_values import SizeResult
from polotui.core.text import clean, is_plain_symbol
from polotui.tui.numbers import UNKNOWN, group, percent
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.backtest.form_fields import number
from polotui.tui.widgets.painted import Line, fit
from polotui.tui.widgets.pane import Exported
from polotui.tui.widgets.risk.base import RiskPane
from polotui.tui.widgets.risk.forms import Field, RiskForm, optional, plain, wrong_number

METHODS = {
    "fixed_fractional": ("risk", "stop"),
    "kelly": ("win", "avg_win", "avg_loss", "kelly", "trades", "stop"),
    "vol_target": ("target_vol", "vol", "stop"),
    "fixed_quote": ("amount", "stop"),
}
_TITLES = {
    "fixed_fractional": "fixed fraction",
    "kelly": "Kelly, a part of it",
    "vol_target": "volatility target",
    "fixed_quote": "fixed amount",
}
_FIELDS = {
    "risk": Field("risk", "risk a trade", unit="%"),
    "stop": Field("stop", "stop, from the entry", unit="%"),
    "win": Field("win", "win rate", unit="%"),
    "avg_win": Field("avg_win", "average win"),
    "avg_loss": Field("avg_loss", "average loss"),
    "kelly": Field("kelly", "part of full Kelly", unit="%"),
    "trades": Field("trades", "trades it rests on"),
    "target_vol": Field("target_vol", "volatility wanted", unit="% a year"),
    "vol": Field("vol", "volatility of it", unit="% a year"),
    "amount": Field("amount", "amount", unit="USDT"),
}
_DEFAULTS = {"method": "fixed fraction", "risk": "2", "stop": "5", "kelly": "25", "target_vol": "20", "equity": ""}


class SizeForm(RiskForm):
    """Asks GetSize at each change."""

    NAME = "Size"
    ABOUT = (
        "How large a position may be: by a fixed risk a trade, by a part of Kelly from win rate and average win and "
        "loss, by a volatility to hold, or by a fixed amount. Below: without the cap, with it, and what it then risks."
    )
    LABELS = 22
    BUTTON = "Ask again"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.result: SizeResult | None = None

    @property
    def method(self) -> str:
        wanted = self.value("method")
        return next((name for name, title in _TITLES.items() if title == wanted), "fixed_fractional")

    def fields(self) -> list[Field]:
        return [
            Field("method", "method", "choice", tuple(_TITLES.values())),
            Field("symbol", "symbol"),
            *(_FIELDS[name] for name in METHODS[self.method]),
            Field("equity", "equity", unit="USDT"),
            Field("reward", "target, from the entry", unit="%"),
            Field("price", "entry price"),
        ]

    def default(self, name: str) -> str:
        if name == "symbol":
            return self.desk.view.symbol
        return _DEFAULTS.get(name, "")

    def fault(self, name: str) -> str:
        text = self.value(name)
        if name == "method":
            return ""
        if name == "symbol":
            return "" if is_plain_symbol(text.strip().upper()) else "a symbol such as BTC_USDT"
        if name in ("equity", "price"):
            return optional(text, lambda one: wrong_number(one, above=0, most=1e12))
        if name in ("reward", "trades"):
            most = 1000 if name == "reward" else 1e6
            return optional(text, lambda one: wrong_number(one, above=0, most=most, whole=name == "trades"))
        if name == "stop" and not text.strip():
            return "" if self.method != "fixed_fractional" else "needed: the risk is what is lost at the stop"
        most = 1e12 if name in ("amount", "avg_win", "avg_loss") else 100 if name != "vol" else 1000
        return wrong_number(text, above=0, most=most) if text.strip() else "needed"

    def changed(self) -> None:
        if self.faults():
            self.work.void("size")
            self.result = None
        else:
            self.work.ask("size", self.command(), self._sized, quiet=True)
        self.work.changed()

    def command(self) -> GetSize:
        def ratio(name: str) -> float | None:
            text = self.value(name) if name in self._alive() else ""
            return round(number(text) / 100, 12) if text.strip() else None

        def value(name: str) -> float | None:
            text = self.value(name) if name in self._alive() else ""
            return number(text) if text.strip() else None

        trades = value("trades")
        kelly = ratio("kelly")
        risk = ratio("risk")
        return GetSize(
            method=self.method,  # type: ignore[arg-type]
            symbol=self.value("symbol").strip().upper(),
            equity=plain(self.value("equity")),
            price=plain(self.value("price")),
            risk=0.02 if risk is None else risk,
            stop_distance=ratio("stop"),
            target_distance=ratio("reward"),
            win_rate=ratio("win"),
            average_win=value("avg_win"),
            average_loss=value("avg_loss"),
            kelly_fraction=0.25 if kelly is None else kelly,
            trades=None if trades is None else int(trades),
            target_volatility=ratio("target_vol"),
            volatility=ratio("vol"),
            amount=plain(self.value("amount")) if self.method == "fixed_quote" else "",
        )

    def _alive(self) -> set[str]:
        """Fields of the chosen method: what was typed for another one is not sent."""
        return {item.name for item in self.fields()}

    def _sized(self, reply: SizeResult) -> None:
        self.result = reply

    def submit(self) -> None:
        if not self.go_to_fault():
            self.changed()

    def button(self) -> tuple[str, str]:
        return self.BUTTON, "empty equity: of the paper account now" if not self.value("equity").strip() else ""


class SizePane(RiskPane):
    """The answer: three sums and why they differ."""

    NAME = "Size of the position"
    ABOUT = "Without the cap, with the cap of the limits, and what is lost at the stop with the capped one."
    TOPICS = frozenset({"riskwork", "link"})

    def _form(self) -> SizeForm:
        return self.risk_screen.query_one(SizeForm)

    def title_right(self) -> Line:
        return []

    def body(self, width: int, height: int) -> list[Line]:
        form = self._form()
        result = form.result
        if result is None:
            faults = form.faults()
            first = next((item for item in form.fields() if item.name in faults), None)
            words = f"Waits for {first.title}: {faults[first.name]}." if first is not None else "Asking …"
            words = self.work.waiting("size", words) if not faults else words
            return [[], *([(f" {part}", "muted")] for part in wrapped(words, width - 2))]
        capped = result.capped != result.uncapped
        stop = UNKNOWN if result.stop_distance is None else percent(-abs(result.stop_distance), 1)
        risk = UNKNOWN if result.resulting_risk_ratio is None else f"{result.resulting_risk_ratio * 100:.2f} %"
        reward = UNKNOWN if result.reward_to_risk is None else f"{result.reward_to_risk:.2f}"
        lines: list[Line] = [
            _row("by the rule", group(result.uncapped, 2), "USDT", "muted" if capped else ""),
            _row("with the cap", group(result.capped, 2), "USDT · capped" if capped else "USDT", "title"),
            _row("quantity", group(result.quantity), clean(form.value("symbol").partition("_")[0], 12), ""),
            _row("lost at the stop", group(result.resulting_risk, 2), f"USDT · stop {stop}", "warn"),
            _row("which is", risk, "of the equity", "warn"),
            _row("reward to risk", reward, "", ""),
        ]
        lines += [[]] if height > 10 else []
        lines += [[(f" {part}", "")] for part in wrapped(clean(result.words, 400), width - 2)]
        for warning in result.warnings:
            told = wrapped(clean(warning, 300), width - 4)
            lines += [[(f" {'!' if index == 0 else ' '} {part}", "warn")] for index, part in enumerate(told)]
        return lines

    def export(self) -> Exported | None:
        result = self._form().result
        if result is None:
            return None
        row = [result.uncapped, result.capped, result.quantity, result.resulting_risk, result.words]
        return Exported("size", ["uncapped", "capped", "quantity", "resulting_risk", "words"], [row])

    def copied(self) -> tuple[str, str] | None:
        result = self._form().result
        return ("quantity", result.quantity) if result is not None else None


def _row(name: str, figure: str, unit: str, tone: str) -> Line:
    return [(f" {fit(name, 18)}", "muted"), (fit(figure, 14, "right"), tone), (f"  {unit}", "muted")]
