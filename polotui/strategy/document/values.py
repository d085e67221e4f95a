"""The numbers of a document: where each stands, which range holds for it, and what it is for given params."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from polotui.strategy.document.catalog import Kind, Parameter
from polotui.strategy.document.located import Path
from polotui.strategy.document.spec import Block, IndicatorSpec, ParamSpec, StrategyDocument, Value, Within, shown
from polotui.strategy.document.tree import PRICES

Placed = tuple[Path, Value, Within]


def numbers(document: StrategyDocument) -> Iterator[Placed]:
    """Every number outside of params and indicators, with its place and range."""
    return _numbers(document, ())


def _numbers(block: Block, path: Path) -> Iterator[Placed]:
    for name, info in type(block).model_fields.items():
        value = getattr(block, name)
        within = next((part for part in info.metadata if isinstance(part, Within)), None)
        if within is not None and value is not None:
            yield (*path, name), value, within
        elif isinstance(value, Block):
            yield from _numbers(value, (*path, name))


def settings(name: str, spec: IndicatorSpec, kind: Kind) -> Iterator[Placed]:
    """An indicator's settings that its kind knows; those left out have the kind's default."""
    for parameter in kind.parameters:
        if parameter.name in spec.settings:
            yield ("indicators", name, parameter.name), spec.settings[parameter.name], range_of(parameter)


def range_of(parameter: Parameter) -> Within:
    return Within(parameter.least, parameter.most, whole=parameter.whole)


def resolved(value: Value, values: Mapping[str, int | float]) -> int | float:
    return values[value] if isinstance(value, str) else value


def unfit(spec: ParamSpec, within: Within) -> str | None:
    """Why a param cannot stand where `within` holds, or None: its whole range has to fit."""
    if within.whole and spec.type != "int":
        return "whole numbers only, so the param needs type: int"
    for word, number in (("min", spec.min), ("max", spec.max), ("default", spec.default)):
        if within.wrong(number) is not None:
            return f"its {word} {shown(number)} does not fit: {within.words()}"
    return None


def defaults(document: StrategyDocument) -> dict[str, int | float]:
    return {name: _typed(spec, spec.default) for name, spec in document.params.items()}


def _typed(spec: ParamSpec, number: float) -> int | float:
    return int(number) if spec.type == "int" else float(number)


def series(text: str) -> tuple[str, str]:
    """«macd.hist» as its two parts; the output is empty for the first one."""
    name, _, output = text.partition(".")
    return name, output


def in_order(document: StrategyDocument) -> list[str]:
    """The indicators so that each follows its source. Those in a circle are left out."""
    done: dict[str, bool] = {}
    ordered: list[str] = []
    for first in document.indicators:
        chain: list[str] = []
        name = first
        while name in document.indicators and name not in done and name not in chain:
            chain.append(name)
            name = series(document.indicators[name].source)[0]
            if name in PRICES:
                break
        sound = name not in chain and done.get(name, True)
        for link in reversed(chain):
            done[link] = sound
            ordered += [link] if sound else []
    return ordered
