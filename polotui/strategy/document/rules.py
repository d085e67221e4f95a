"""The rules of one document, parsed: where they stand in it and what they may refer to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polotui.strategy.document import catalog
from polotui.strategy.document.grammar import Names, parse
from polotui.strategy.document.keys import RULES
from polotui.strategy.document.located import Path
from polotui.strategy.document.tokens import Fault
from polotui.strategy.document.tree import Node, Type

if TYPE_CHECKING:
    from polotui.strategy.document.spec import StrategyDocument


@dataclass(frozen=True)
class Rules:
    """The typed trees; None where the document has no such rule."""

    entry_long: Node | None = None
    entry_short: Node | None = None
    exit_long: Node | None = None
    exit_short: Node | None = None
    loss_price: Node | None = None
    target_price: Node | None = None
    dip: Node | None = None

    def placed(self) -> Iterator[tuple[Path, Node]]:
        """The rules there are, each with its path in the document."""
        for path, name in FIELDS.items():
            node: Node | None = getattr(self, name)
            if node is not None:
                yield path, node

    def all(self) -> tuple[Node, ...]:
        return tuple(node for _, node in self.placed())


FIELDS: dict[Path, str] = {
    ("entry", "long"): "entry_long",
    ("entry", "short"): "entry_short",
    ("exit", "long"): "exit_long",
    ("exit", "short"): "exit_short",
    ("stops", "loss", "price"): "loss_price",
    ("stops", "target", "price"): "target_price",
    ("executor", "dip_rule"): "dip",
}


def wanted(path: Path) -> Type:
    return "number" if RULES[path] == "number" else "bool"  # type: ignore[index]


def kinds() -> dict[str, catalog.Kind]:
    """The catalogue, read when asked."""
    found: dict[str, catalog.Kind] = getattr(catalog, "KINDS", {})
    return found


def names_of(document: StrategyDocument) -> Names:
    """What the document's rules may refer to; facts belong to exit rules only, see `parse_rules`."""
    known = kinds()
    return Names(
        {name: known[spec.kind].outputs if spec.kind in known else () for name, spec in document.indicators.items()},
        {name: spec.type for name, spec in document.params.items()},
        document.timeframe,
    )


def parse_rule(path: Path, text: str, names: Names) -> tuple[Node | None, tuple[Fault, ...]]:
    parsed = parse(text, Names(names.indicators, names.params, names.timeframe, path[0] == "exit"), wanted(path))
    return parsed.node, parsed.faults


def rule_texts(document: StrategyDocument) -> Iterator[tuple[Path, str]]:
    texts = {
        ("entry", "long"): document.entry.long,
        ("entry", "short"): document.entry.short,
        ("exit", "long"): document.exit.long,
        ("exit", "short"): document.exit.short,
        ("stops", "loss", "price"): document.stops.loss.price,
        ("stops", "target", "price"): document.stops.target.price,
        ("executor", "dip_rule"): getattr(document.executor, "dip_rule", None),
    }
    for path, text in texts.items():
        if text is not None:
            yield path, text


def parse_rules(document: StrategyDocument) -> tuple[Rules, list[tuple[Path, Fault]]]:
    """All rules of a document that is valid by its model."""
    names = names_of(document)
    nodes: dict[str, Node] = {}
    faults: list[tuple[Path, Fault]] = []
    for path, text in rule_texts(document):
        node, wrong = parse_rule(path, text, names)
        if node is not None:
            nodes[FIELDS[path]] = node
        faults += [(path, fault) for fault in wrong]
    return Rules(**nodes), faults
