"""All keys in one table: what they do, in words, and where. Bindings, footer, help and the docs are read from it.

Decided here: every key has an id and can be moved by `[face.keymap]`; a keymap with a conflict is reported and the
conflicting entry left out. No plain key does anything that costs money, and no key needs a terminal that tells
ctrl+shift or ctrl+digit apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Key:
    """One binding. `footer` 0 keeps it out of the footer; else smaller comes first."""

    id: str
    keys: str
    action: str
    words: str
    scope: str = "global"
    footer: int = 0
    priority: bool = False
    changes: bool = False
    """It changes something in the engine: hidden and dead with --read-only."""


KEYS: tuple[Key, ...] = (
    Key("next-pane", "tab", "next_pane(1)", "next pane"),
    Key("previous-pane", "shift+tab", "next_pane(-1)", "previous pane"),
    Key("back", "escape", "go_back", "back"),
    Key("zoom", "z", "zoom", "zoom", footer=40),
    Key("pause", "p", "pause", "pause", footer=50),
    Key("copy", "y", "copy", "copy", footer=60),
    Key("export", "e", "export", "export", footer=70),
    Key("palette", "colon,ctrl+p", "palette", "command", footer=80),
    Key("help", "question_mark", "help", "help", footer=90),
    Key("guides", "f1", "guides", "guides"),
    Key("notices", "n", "notices", "notifications"),
    Key("faster", "plus,equals_sign", "rate(1)", "repaint faster"),
    Key("slower", "minus", "rate(-1)", "repaint slower"),
    Key("theme", "t", "theme", "next theme"),
    Key("mouse", "m", "mouse", "mouse on or off"),
    Key("start-engine", "ctrl+r", "start_engine", "start the engine, attach now"),
    Key("suspend", "ctrl+z", "suspend_process", "to the shell and back with fg"),
    Key("quit", "q", "leave", "leave", footer=95),
    Key("interrupt", "ctrl+c", "interrupt", "leave, pressed twice", priority=True),
    Key("halt", "ctrl+g", "halt", "halt all trading, pressed twice within 1.5 s", priority=True),
    Key("board", "B", "go('board')", "strategies board"),
    Key("market.timeframe-down", "left_square_bracket", "timeframe(-1)", "shorter candles", "market"),
    Key("market.timeframe-up", "right_square_bracket", "timeframe(1)", "longer candles", "market"),
    Key("market.overlays", "o", "overlays", "overlays", "market", 30),
    Key("table.down", "j,down", "cursor(1)", "down", "table"),
    Key("table.up", "k,up", "cursor(-1)", "up", "table"),
    Key("table.top", "g,home", "cursor_to(0)", "first", "table"),
    Key("table.bottom", "G,end", "cursor_to(-1)", "last", "table"),
    Key("table.page-down", "ctrl+d,pagedown", "cursor_page(1)", "half a page down", "table"),
    Key("table.page-up", "ctrl+u,pageup", "cursor_page(-1)", "half a page up", "table"),
    Key("table.left", "h,left", "column(-1)", "column to the left", "table"),
    Key("table.right", "l,right", "column(1)", "column to the right", "table"),
    Key("table.sort", "s", "sort", "sort by the column", "table", 20),
    Key("table.reverse", "S", "reverse", "turn the order round", "table"),
    Key("table.filter", "slash", "filter", "filter", "table", 10),
    Key("table.open", "enter", "open", "open", "table", 5),
    Key("watchlist.add", "a", "add", "add a symbol", "watchlist", 12, changes=True),
    Key("watchlist.remove", "x", "remove", "remove it", "watchlist", 13, changes=True),
    Key("chart.left", "h,left", "cross(-1)", "crosshair left", "chart"),
    Key("chart.right", "l,right", "cross(1)", "crosshair right", "chart"),
    Key("chart.up", "k,up", "cross(10)", "ten bars newer", "chart"),
    Key("chart.down", "j,down", "cross(-10)", "ten bars older", "chart"),
    Key("chart.older", "ctrl+u,pageup", "scroll_bars(-1)", "half a page older", "chart"),
    Key("chart.newer", "ctrl+d,pagedown", "scroll_bars(1)", "half a page newer", "chart"),
    Key("chart.oldest", "g,home", "oldest", "oldest loaded bar", "chart"),
    Key("chart.newest", "G,end", "newest", "newest bar", "chart"),
    Key("balance.dust", "d", "dust", "dust", "balance", 12),
    Key("balance.retry", "r", "retry", "try again", "balance", 13),
    Key("balance.account", "c", "account", "account", "balance", 14),
    # The lab. While one types in the editor only the scope «editor» and ctrl or function keys are alive.
    Key("lab.backtest", "b", "backtest", "backtest", "lab", 15),
    Key("lab.save", "ctrl+s", "save", "save", "lab", 16, changes=True),
    Key("lab.form", "f", "form", "parameters", "lab", 17),
    Key("lab.examine", "x", "examine", "examine", "lab", 18),
    Key("lab.external", "o,ctrl+o", "external", "$EDITOR", "lab", 19),
    Key("lab.versions", "v", "versions", "versions", "lab", 21),
    Key("lab.instrument", "i", "instrument", "preview symbol", "lab", 22),
    Key("lab.paper", "P", "paper", "start on paper", "lab", 23, changes=True),
    Key("lab.revert", "r", "revert", "throw unsaved text away", "lab"),
    Key("lab.next-problem", "f8", "problem(1)", "next problem", "lab"),
    Key("lab.previous-problem", "f9", "problem(-1)", "problem before", "lab"),
    Key("lab.timeframe-down", "left_square_bracket", "timeframe(-1)", "shorter candles", "lab"),
    Key("lab.timeframe-up", "right_square_bracket", "timeframe(1)", "longer candles", "lab"),
    Key("strategies.new", "a,ctrl+n", "new", "new", "strategies", 11, changes=True),
    Key("strategies.copy", "c", "copy_strategy", "copy it", "strategies", 12, changes=True),
    Key("strategies.remove", "delete", "remove", "put away", "strategies", 13, changes=True),
    Key("strategies.undo", "u", "undo_remove", "undo", "strategies", 14, changes=True),
    Key("document.type", "enter", "type", "type", "document", 5),
    Key("document.down", "j,down", "move('down')", "line down", "document"),
    Key("document.up", "k,up", "move('up')", "line up", "document"),
    Key("document.left", "h,left", "move('left')", "left", "document"),
    Key("document.right", "l,right", "move('right')", "right", "document"),
    Key("document.page-down", "ctrl+d,pagedown", "move('page-down')", "half a page down", "document"),
    Key("document.page-up", "ctrl+u,pageup", "move('page-up')", "half a page up", "document"),
    Key("document.top", "g,home", "move('top')", "first line", "document"),
    Key("document.bottom", "G,end", "move('bottom')", "last line", "document"),
    Key("editor.complete", "ctrl+@,ctrl+space", "complete", "complete", "editor", 5),
    Key("editor.undo", "ctrl+z", "undo", "undo", "editor", 6),
    Key("editor.redo", "ctrl+y", "redo", "redo", "editor", 20),
    Key("editor.cut", "ctrl+x", "cut", "cut; without a selection the line", "editor"),
    Key("editor.paste", "ctrl+v", "paste", "paste what was cut", "editor"),
    Key("editor.indent", "tab", "indent(1)", "indent, or take the completion", "editor"),
    Key("editor.outdent", "shift+tab", "indent(-1)", "indent less", "editor"),
    Key("preview.fit", "a", "fit", "all bars or each", "preview", 12),
    Key("checks.down", "j,down", "cursor(1)", "down", "checks"),
    Key("checks.up", "k,up", "cursor(-1)", "up", "checks"),
    Key("checks.open", "enter", "open", "go to the place", "checks", 5),
    Key("text.down", "j,down", "scroll_text(1)", "down", "text"),
    Key("text.up", "k,up", "scroll_text(-1)", "up", "text"),
    Key("text.page-down", "ctrl+d,pagedown,space", "scroll_text(10)", "page down", "text"),
    Key("text.page-up", "ctrl+u,pageup", "scroll_text(-10)", "page up", "text"),
    Key("text.top", "g,home", "scroll_text(-100000)", "first line", "text"),
    Key("text.bottom", "G,end", "scroll_text(100000)", "last line", "text"),
    # The backtest screen.
    Key("backtest.run", "r", "run", "run", "backtest", 30, changes=True),
    Key("backtest.again", "R", "run_again", "run even if it is stored", "backtest", changes=True),
    Key("backtest.sweep", "w", "sweep", "sweep", "backtest", 31),
    Key("backtest.form", "f", "form", "form", "backtest", 32),
    Key("backtest.result", "o", "result", "result", "backtest", 33),
    Key("backtest.history", "i", "history", "history", "backtest", 34),
    Key("form.down", "j,down", "cursor(1)", "next field", "form"),
    Key("form.up", "k,up", "cursor(-1)", "field before", "form"),
    Key("form.less", "h,left", "step(-1)", "choice before", "form"),
    Key("form.more", "l,right", "step(1)", "next choice", "form"),
    Key("form.top", "g,home", "cursor(-1000)", "first field", "form"),
    Key("form.bottom", "G,end", "cursor(1000)", "last field", "form"),
    Key("form.edit", "enter", "edit", "change", "form", 5),
    Key("form.reset", "delete,backspace", "reset", "as it was", "form", 6),
    Key("runs.mark", "space", "mark", "mark", "runs", 11),
    Key("runs.compare", "c", "compare", "compare", "runs", 12),
    Key("runs.remove", "delete", "remove", "remove", "runs", 13, changes=True),
    Key("runs.undo", "u", "undo_remove", "undo", "runs", 14, changes=True),
    Key("running.cancel", "x", "cancel", "cancel", "running", 11, changes=True),
    Key("joblist.down", "j,down", "cursor(1)", "down", "joblist"),
    Key("joblist.up", "k,up", "cursor(-1)", "up", "joblist"),
    Key("joblist.open", "enter", "open", "open its result", "joblist", 5),
    Key("result.view", "v", "view(1)", "next table", "result", 12),
    Key("result.view-back", "V", "view(-1)", "table before", "result"),
    Key("result.define", "d", "define", "definition", "result", 13),
    Key("result.analyse", "a", "analyse", "analyse", "result", 14, changes=True),
    Key("result.paper", "P", "paper", "start on paper", "result", 15, changes=True),
    Key("figures.left", "h,left", "move(-1, 0)", "figure to the left", "figures"),
    Key("figures.right", "l,right", "move(1, 0)", "figure to the right", "figures"),
    Key("figures.up", "k,up", "move(0, -1)", "figure above", "figures"),
    Key("figures.down", "j,down", "move(0, 1)", "figure below", "figures"),
    Key("curve.left", "h,left", "cross(-1)", "crosshair left", "curve"),
    Key("curve.right", "l,right", "cross(1)", "crosshair right", "curve"),
    Key("curve.older", "ctrl+u,pageup,k,up", "cross(-10)", "ten columns left", "curve"),
    Key("curve.newer", "ctrl+d,pagedown,j,down", "cross(10)", "ten columns right", "curve"),
    Key("curve.first", "g,home", "cross_to(0)", "first", "curve"),
    Key("curve.last", "G,end", "cross_to(-1)", "last", "curve"),
    Key("sweep.go-on", "c", "go_on", "go on", "sweeps", 12, changes=True),
    # The risk screen: one letter a view; the panes' own below.
    Key("risk.view", "v", "view(1)", "next view", "risk", 30),
    Key("risk.view-back", "V", "view(-1)", "view before", "risk"),
    Key("risk.overview", "o", "open_view('now')", "overview", "risk", 31),
    Key("risk.limits", "f", "open_view('limits')", "change limits", "risk", 32),
    Key("risk.preset", "r", "preset", "preset", "risk", 33),
    Key("risk.what-if", "w", "open_view('whatif')", "what if", "risk", 34),
    Key("risk.size", "i", "open_view('size')", "size", "risk", 35),
    Key("risk.correlation", "c", "open_view('correlation')", "correlation", "risk", 36),
    Key("risk.curve", "d", "open_view('curve')", "drawdown", "risk", 37),
    Key("risk.latches", "L", "open_view('locks')", "latches and locks", "risk", 38),
    Key("risk.prevented", "b", "open_view('prevented')", "prevented", "risk", 39),
    Key("risk.withdraw", "u", "withdraw", "take a loosening back", "risk", changes=True),
    Key("risk.resume", "R", "resume", "resume trading; asks for a word", "risk", changes=True),
    Key("risk.flatten", "F", "flatten", "sell everything; asks for a word", "risk", changes=True),
    Key("protects.latch", "a", "latch", "clear a latch", "protects", 11, changes=True),
    Key("alerts.acknowledge", "a", "acknowledge", "acknowledge", "alerts", 11, changes=True),
    Key("alerts.acknowledge-all", "A", "acknowledge_all", "acknowledge all", "alerts", 12, changes=True),
    Key("alerts.past", "H", "past", "past", "alerts", 13),
    Key("latches.clear", "a", "clear", "clear it", "latches", 11, changes=True),
    Key("locks.lock", "a", "lock", "lock a pair", "locks", 11, changes=True),
    Key("locks.lift", "x", "lift", "lift it", "locks", 12, changes=True),
    # The strategies board.
    Key("board.backtest", "b", "backtest", "backtest", "board", 11),
    Key("board.paper", "P", "paper", "start on paper", "board", 12, changes=True),
    Key("board.rule", "r", "rule", "promotion rule", "board", 13, changes=True),
    Key("board.table", "v", "table", "columns or table", "board", 14),
    Key("stage.open", "enter", "open_strategy", "open in the lab", "stage", 5),
    Key("stage.down", "j,down", "cursor(1)", "down", "stage"),
    Key("stage.up", "k,up", "cursor(-1)", "up", "stage"),
    Key("stage.top", "g,home", "cursor(-10000)", "first", "stage"),
    Key("stage.bottom", "G,end", "cursor(10000)", "last", "stage"),
    Key("stage.left", "h,left", "stage(-1)", "stage before", "stage"),
    Key("stage.right", "l,right", "stage(1)", "next stage", "stage"),
    # The paper screen. Nothing here sells, stops or sends on its own: each opens a dialog that asks.
    Key("paper.start", "a,ctrl+n", "start", "start a bot", "paper", 15, changes=True),
    Key("paper.order", "o", "order", "order", "paper", 16, changes=True),
    Key("paper.view", "v", "view(1)", "next table", "paper", 17),
    Key("paper.view-back", "V", "view(-1)", "table before", "paper"),
    Key("paper.bot", "b", "bot", "of one bot", "paper", 18),
    Key("paper.feed", "f", "show_table('feed')", "feed", "paper"),
    Key("paper.journal", "i", "show_table('journal')", "journal", "paper"),
    Key("bots.pause", "space", "pause_bot", "pause, resume", "bots", 11, changes=True),
    Key("bots.stop", "x", "stop", "stop", "bots", 12, changes=True),
    Key("bots.drift", "d", "drift", "drift", "bots", 13),
    Key("bots.chart", "w", "chart", "its chart", "bots"),
    Key("bots.ended", "u", "ended", "ended ones too", "bots"),
    Key("held.close", "c", "close_position", "sell it", "held", 11, changes=True),
    Key("held.chart", "w", "chart", "its chart", "held", 12),
    Key("profit.day", "d", "period('day')", "by day", "profit", 5),
    Key("profit.week", "w", "period('week')", "by week", "profit", 6),
    Key("profit.month", "M", "period('month')", "by month", "profit", 7),
    Key("profit.earlier", "comma", "page(1)", "earlier", "profit", 8),
    Key("profit.later", "full_stop", "page(-1)", "later", "profit", 9),
    Key("profit.left", "h,left", "cross(-1)", "bar to the left", "profit"),
    Key("profit.right", "l,right", "cross(1)", "bar to the right", "profit"),
    Key("feed.kinds", "c", "kinds", "kinds", "feed", 11),
    Key("orders.cancel", "x", "cancel", "cancel", "orders", 11, changes=True),
    Key("orders.cancel-all", "X", "cancel_all", "cancel all", "orders", changes=True),
    Key("orders.settle", "r", "settle_order", "settle an unknown one", "orders", changes=True),
    Key("journal.note", "w", "note", "write a note", "journal", 11, changes=True),
    Key("journal.own", "W", "own_note", "a note of its own", "journal", changes=True),
    Key("journal.tag", "c", "tag", "by tag", "journal", 12),
    Key("journal.rules", "r", "rules", "rules at entry", "journal", 13),
    Key("signals.state", "c", "state", "by state", "signals", 11),
)

#: Which scopes are alive at the same time; two ids in one of these sets must not share a key.
TOGETHER: tuple[frozenset[str], ...] = (
    frozenset({"global", "market", "table", "watchlist"}),
    frozenset({"global", "market", "chart"}),
    frozenset({"global", "balance", "table"}),
    frozenset({"global", "backtest", "form"}),
    frozenset({"global", "backtest", "running", "joblist"}),
    frozenset({"global", "backtest", "running", "sweeps", "table"}),
    frozenset({"global", "backtest", "runs", "table"}),
    frozenset({"global", "backtest", "result", "table"}),
    frozenset({"global", "backtest", "result", "figures"}),
    frozenset({"global", "backtest", "result", "curve"}),
    frozenset({"global", "backtest", "result", "chart"}),
    frozenset({"global", "backtest", "result", "text"}),
    frozenset({"text"}),
    frozenset({"global", "lab", "table", "strategies"}),
    frozenset({"global", "lab", "document"}),
    frozenset({"global", "lab", "chart", "preview"}),
    frozenset({"global", "lab", "checks"}),
    frozenset({"editor"}),
    frozenset({"global", "risk", "table"}),
    frozenset({"global", "risk", "alerts", "table"}),
    frozenset({"global", "risk", "protects", "text"}),
    frozenset({"global", "risk", "latches", "table"}),
    frozenset({"global", "risk", "locks", "table"}),
    frozenset({"global", "risk", "figures"}),
    frozenset({"global", "risk", "curve"}),
    frozenset({"global", "risk", "form"}),
    frozenset({"global", "board", "stage"}),
    frozenset({"global", "board", "text"}),
    frozenset({"global", "paper", "table", "bots"}),
    frozenset({"global", "paper", "table", "held"}),
    frozenset({"global", "paper", "profit"}),
    frozenset({"global", "paper", "table", "feed"}),
    frozenset({"global", "paper", "table", "orders"}),
    frozenset({"global", "paper", "table", "journal"}),
    frozenset({"global", "paper", "table", "signals"}),
)

#: How keys are written for people.
_SHOWN = {
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "escape": "Esc",
    "enter": "Enter",
    "tab": "Tab",
    "shift+tab": "shift+Tab",
    "comma": ",",
    "full_stop": ".",
    "space": "Space",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "home": "Home",
    "end": "End",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "f1": "F1",
    "f8": "F8",
    "f9": "F9",
    "delete": "Delete",
    "ctrl+@": "ctrl+Space",
    "backspace": "Backspace",
}
_WRITTEN = {shown: name for name, shown in _SHOWN.items() if len(shown) == 1 and shown.isascii()}


def normal(keys: str) -> str:
    """Keys as people write them («[», «f5, /») in Textual's names."""
    parts = [keys] if keys == "," else [part.strip() for part in keys.split(",")]
    return ",".join({",": "comma", **_WRITTEN}.get(part, part) for part in parts if part)


def shown(keys: str) -> str:
    """The first of `keys` for people; capitals stay capitals."""
    first = keys.split(",")[0]
    return _SHOWN.get(first, first)


def while_typing(keys: str) -> str:
    """Those of `keys` that are no text: the ones that still act while one types."""
    return ",".join(key for key in keys.split(",") if key.startswith("ctrl+") or (key[0] == "f" and key[1:].isdigit()))


def all_shown(keys: str) -> str:
    return " ".join(_SHOWN.get(key, key) for key in keys.split(","))


def bindings(*scopes: str) -> list[BindingType]:
    """Textual's bindings of these scopes."""
    return [
        Binding(key.keys, key.action, key.words, id=key.id, priority=key.priority, show=False)
        for key in KEYS
        if key.scope in scopes
    ]


def markdown() -> str:
    """All keys as tables, for docs/keys.md."""
    lines = ["# Keys", "", "`?` shows those of the focused pane. Any id can be moved under `[face.keymap]`.", ""]
    for scope in dict.fromkeys(key.scope for key in KEYS):
        lines += [f"## {scope.capitalize()}", "", "| keys | what | id |", "|---|---|---|"]
        lines += [f"| `{all_shown(key.keys)}` | {key.words} | `{key.id}` |" for key in KEYS if key.scope == scope]
        lines.append("")
    return "\n".join(lines)


def checked_keymap(wanted: dict[str, str], digits: Iterable[str] = "123456789") -> tuple[dict[str, str], list[str]]:
    """The part of `wanted` that can be used, and a sentence for each entry that cannot."""
    known = {key.id: key for key in KEYS}
    used = {key.id: key.keys for key in KEYS}
    accepted: dict[str, str] = {}
    faults: list[str] = []
    for name, keys in wanted.items():
        text = normal(keys)
        if name not in known:
            faults.append(f"face.keymap.{name}: there is no such key id; see ? for the ids.")
            continue
        if not text:
            faults.append(f"face.keymap.{name}: no key given.")
            continue
        clash = _clash(known[name], text, used, set(digits))
        if clash:
            faults.append(f"face.keymap.{name} = {keys}: {clash}. It stays on {all_shown(known[name].keys)}.")
            continue
        accepted[name] = used[name] = text
    return accepted, faults


def _clash(key: Key, keys: str, used: dict[str, str], digits: set[str]) -> str:
    mine = set(keys.split(","))
    if mine & digits:
        return "digits choose screens"
    if mine & {"escape"} and key.id != "back":
        return "Esc goes back"
    for other in KEYS:
        if other.id == key.id or not (mine & set(used[other.id].split(","))):
            continue
        if other.scope == key.scope or any({other.scope, key.scope} <= group for group in TOGETHER):
            return f"the key is taken by «{other.words}» ({other.id})"
    return ""
