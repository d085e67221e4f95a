"""What a figure means and how it is computed, in a dialog: the selected one first, then all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polotui.api.lab_commands import GetDefinitions
from polotui.api.lab_replies import Definitions
from polotui.api.lab_values import ResultFigure
from polotui.core.text import clean
from polotui.tui.shell.dialogs import wrapped
from polotui.tui.widgets.painted import Line

if TYPE_CHECKING:
    from polotui.tui.app import PolotuiApp
    from polotui.tui.widgets.backtest.bench import Bench


def definition_lines(reply: Definitions, figure: ResultFigure | None, width: int) -> list[Line]:
    """The selected figure with its value and its reason, and under it what all the words mean."""
    lines: list[Line] = []
    by_name = {item.name: item for item in reply.definitions}
    if figure is not None:
        found = by_name.get(figure.definition) or by_name.get(figure.name)
        text = found.text if found is not None else figure.definition or "The engine gives no definition of it."
        lines += [[(clean(figure.title, 60), "title"), (f"   {clean(figure.text, 40)}", "accent")]]
        if figure.hold:
            lines.append([(f"buy and hold {clean(figure.hold, 40)}", "muted")])
        if figure.reason:
            lines += [[(part, "stale")] for part in wrapped(clean(figure.reason, 400), width)]
        lines += [[(part, "")] for part in wrapped(clean(text, 3000), width)]
        lines += [[], [("All figures", "title")], []]
    for item in reply.definitions:
        lines.append([(clean(item.title, 80), "key")])
        lines += [[(part, "muted")] for part in wrapped(clean(item.text, 3000), width)]
        lines.append([])
    return lines


def show_definitions(desk: PolotuiApp, bench: Bench, figure: ResultFigure | None = None) -> None:
    """Opens the dialog; asks for the definitions when they are not there yet."""

    def show(reply: Definitions) -> None:
        bench.definitions = {item.name: item for item in reply.definitions}
        title = clean(figure.title, 60) if figure is not None else "Definitions"
        lines = definition_lines(reply, figure, desk.reading_width)
        desk.read(title, lines or [[("The engine gives no definitions.", "muted")]])

    if bench.definitions:
        show(Definitions(definitions=list(bench.definitions.values())))
    else:
        bench.ask("definitions", GetDefinitions(), show)
