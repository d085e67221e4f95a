"""What a document's names and numbers mean together: the errors that no single block can see."""

from __future__ import annotations

from polotui.core.text import clean
from polotui.strategy.document.catalog import Kind
from polotui.strategy.document.diagnostics import Notebook
from polotui.strategy.document.grammar import frames_of
from polotui.strategy.document.limits import FRAME_MS, MAX_FRAMES
from polotui.strategy.document.located import Path
from polotui.strategy.document.rules import Rules, kinds
from polotui.strategy.document.spec import Dca, Grid, IndicatorSpec, StrategyDocument, Value, shown
from polotui.strategy.document.tokens import did_you_mean
from polotui.strategy.document.tree import PRICES
from polotui.strategy.document.values import Placed, defaults, in_order, numbers, resolved, series, settings, unfit


def examine(document: StrategyDocument, rules: Rules, notebook: Notebook) -> None:
    """Notes every error of meaning. `rules` may lack those that could not be parsed."""
    for name, spec in document.indicators.items():
        _indicator(document, name, spec, notebook)
    _circles(document, notebook)
    for placed in numbers(document):
        _number(document, placed, notebook)
    for path, text in references(document):
        _reference(document, path, text, notebook)
    _frames(document, rules, notebook)
    if document.executor is None:
        _sides(document, notebook)
        _risk(document, notebook)
    else:
        _executor(document, document.executor, notebook)


def references(document: StrategyDocument) -> list[tuple[Path, str]]:
    """Where a declared indicator is named outside of rules and sources."""
    found = {
        ("stops", "loss", "indicator"): document.stops.loss.indicator,
        ("stops", "trail", "indicator"): document.stops.trail.indicator,
        ("limits", "add_indicator"): document.limits.add_indicator,
    }
    return [(path, text) for path, text in found.items() if text is not None]


def _indicator(document: StrategyDocument, name: str, spec: IndicatorSpec, notebook: Notebook) -> None:
    here: Path = ("indicators", name)
    kind = kinds().get(spec.kind)
    if kind is None:
        notebook.add("error", "unknown-kind", notebook.value((*here, "kind")), *unknown_kind(spec.kind))
        return
    _settings(document, name, spec, kind, notebook)
    if "source" in kind.inputs:
        _reference(document, (*here, "source"), spec.source, notebook)
    elif "source" in spec.model_fields_set:
        what = ", ".join(part for part in kind.inputs if part != "time")
        notebook.add("error", "unknown-key", notebook.key((*here, "source")), f"{kind.name} has no source",
                     f"it is computed from {what}")  # fmt: skip


def unknown_kind(kind: str) -> tuple[str, str]:
    """Message and suggestion."""
    hint = did_you_mean(kind, kinds()) or "sma, ema, rsi, macd, bb, atr and many more: see the list of indicators"
    return f"there is no indicator «{clean(kind, 40)}»", hint


def _settings(document: StrategyDocument, name: str, spec: IndicatorSpec, kind: Kind, notebook: Notebook) -> None:
    known = [parameter.name for parameter in kind.parameters]
    if notebook.root.at(("indicators", name, "settings")) is not None:
        notebook.add("error", "unknown-key", notebook.key(("indicators", name, "settings")),
                     "settings are written directly beside kind", f"write {', '.join(known)} there")  # fmt: skip
    for key in spec.settings:
        if key not in known:
            hint = did_you_mean(key, [*known, "source"]) or "its settings are " + (", ".join(known) or "none")
            at = notebook.key(("indicators", name, key))
            notebook.add("error", "unknown-key", at, f"{kind.name} has no setting «{clean(key, 40)}»", hint)
    for placed in settings(name, spec, kind):
        _number(document, placed, notebook)


def _number(document: StrategyDocument, placed: Placed, notebook: Notebook) -> None:
    path, value, within = placed
    if not isinstance(value, str):
        if (wrong := within.wrong(value)) is not None:
            notebook.add("error", "range", notebook.value(path), wrong)
    elif value not in document.params:
        hint = did_you_mean(value, document.params) or "declare it under params, or write a number"
        notebook.add("error", "unknown-param", notebook.value(path), f"there is no param «{value}»", hint)
    elif (why := unfit(document.params[value], within)) is not None:
        notebook.add("error", "param-range", notebook.value(path), f"the param {value} cannot stand here",
                     f"{path[-1]} takes {within.words()}; {why}")  # fmt: skip


def _reference(document: StrategyDocument, path: Path, text: str, notebook: Notebook) -> None:
    name, output = series(text)
    at = notebook.value(path)
    if name in PRICES and path[-1] == "source":
        if output:
            notebook.add("error", "unknown-output", at, f"{name} has no outputs", f"write {name}")
        return
    spec = document.indicators.get(name)
    if spec is None:
        known = [*document.indicators, *(PRICES if path[-1] == "source" else ())]
        hint = did_you_mean(name, known) or "declare it under indicators"
        notebook.add("error", "unknown-name", at, f"«{clean(name, 40)}» is not declared", hint)
        return
    kind = kinds().get(spec.kind)
    if kind is not None and "." in text and output not in kind.outputs:
        hint = did_you_mean(output, kind.outputs) or "its outputs are " + ", ".join(kind.outputs)
        notebook.add("error", "unknown-output", at, f"{name} has no output «{clean(output, 40)}»", hint)


def _circles(document: StrategyDocument, notebook: Notebook) -> None:
    sound = set(in_order(document))
    for name in document.indicators:
        if name not in sound:
            at = notebook.value(("indicators", name, "source"))
            notebook.add("error", "circle", at, f"{name} is computed from itself, in a circle",
                         "let one of them begin at a price field")  # fmt: skip


def _frames(document: StrategyDocument, rules: Rules, notebook: Notebook) -> None:
    base = FRAME_MS[document.timeframe]
    voting = document.confirm.frames if document.confirm is not None else ()
    for place, frame in enumerate(voting):
        if FRAME_MS[frame] < base:
            at = notebook.value(("confirm", "frames", place))
            notebook.add("error", "frame", at, f"{frame} is shorter than the document's {document.timeframe}",
                         f"use {document.timeframe} or longer")  # fmt: skip
    higher = {*frames_of(rules.all()), *(frame for frame in voting if FRAME_MS[frame] > base)}
    if len(higher) > MAX_FRAMES:
        at = notebook.key(("confirm",)) if voting else notebook.key(("entry",))
        used = ", ".join(sorted(higher, key=FRAME_MS.__getitem__))
        notebook.add("error", "too-many-frames", at, f"rules and confirm use {len(higher)} higher frames: {used}",
                     f"at most {MAX_FRAMES}")  # fmt: skip


def _sides(document: StrategyDocument, notebook: Notebook) -> None:
    direction = document.market.direction
    needed = ("long", "short") if direction == "both" else (direction,)
    given = [side for side in ("long", "short") if getattr(document.entry, side) is not None]
    if not set(given) & set(needed):
        at = notebook.key(("entry",)) if given or notebook.known(("entry",)) else notebook.key(("market", "direction"))
        notebook.add("error", "missing-rule", at, f"direction is {direction}, and there is no entry for it",
                     f"add entry: {needed[0]}: \"...\"")  # fmt: skip
        return
    for side in needed:
        if side not in given:
            notebook.add("warning", "missing-rule", notebook.key(("entry",)),
                         f"direction is {direction}, and there is no entry.{side}",
                         f"add it, or set direction: {given[0]}")  # fmt: skip
    for block in ("entry", "exit"):
        for side in ("long", "short"):
            if side not in needed and getattr(getattr(document, block), side) is not None:
                notebook.add("warning", "other-side", notebook.key((block, side)),
                             f"direction is {direction}, so {block}.{side} is never asked",
                             "delete it, or set direction: both")  # fmt: skip


def _risk(document: StrategyDocument, notebook: Notebook) -> None:
    if document.stops.loss.kind != "none":
        return
    if document.sizing is not None and document.sizing.kind == "fixed_fractional":
        notebook.add("error", "risk-without-stop", notebook.value(("sizing", "kind")),
                     "fixed_fractional sizes by the distance of stops.loss, and there is none",
                     "add stops: loss:, or size with percent_equity")  # fmt: skip
    if document.stops.target.kind == "rr":
        notebook.add("error", "risk-without-stop", notebook.value(("stops", "target", "kind")),
                     "rr is a multiple of the distance of stops.loss, and there is none",
                     "add stops: loss:, or give the target in percent")  # fmt: skip


def _executor(document: StrategyDocument, executor: Grid | Dca, notebook: Notebook) -> None:
    if any(one.severity == "error" for one in notebook.sorted()):
        return
    for key, message in disorder(executor, defaults(document)):
        notebook.add("error", "order", notebook.value(("executor", key)), message)


def disorder(executor: Grid | Dca, values: dict[str, int | float]) -> list[tuple[str, str]]:
    """Numbers of an executor that contradict each other: key and what is wrong."""

    def number(value: Value) -> str:
        return shown(resolved(value, values))

    def above(first: Value, second: Value) -> bool:
        return resolved(first, values) >= resolved(second, values)

    if isinstance(executor, Dca):
        if above(executor.amount, executor.max_total) and number(executor.amount) != number(executor.max_total):
            return [("max_total", f"max_total {number(executor.max_total)} is less than one purchase of "
                     f"{number(executor.amount)}")]  # fmt: skip
        return []
    found = []
    if above(executor.lower, executor.upper):
        found.append(("upper", f"upper {number(executor.upper)} is not above lower {number(executor.lower)}"))
    if executor.stop is not None and above(executor.stop, executor.lower):
        found.append(("stop", f"stop {number(executor.stop)} is not below lower {number(executor.lower)}"))
    return found
