"""`polotui strategy`: the library of strategies.

Decided here: `show` and `export` put the text alone on standard output and the words about it beside; `export` to a
pipe or a file is exact, to a terminal it is made safe to look at. `validate` and `examine` end with 1 when something
is wrong, so that a script can ask.
"""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from polotui.api.command import Command
from polotui.api.lab_commands import (
    CheckStrategy,
    DeleteStrategy,
    ExamineStrategy,
    GetStrategy,
    ListStrategies,
    NewStrategy,
    PreviewStrategy,
    SaveStrategy,
)
from polotui.api.lab_replies import CheckedStrategy, Examination, Strategies, StrategyDetail, StrategySaved
from polotui.api.lab_values import StrategyPreview, StrategyRow
from polotui.api.replies import Done
from polotui.api.socket_link import SocketLink
from polotui.cli.engine_link import ask, with_engine
from polotui.cli.options import AsJson, Demo, HomeDir, new_app
from polotui.cli.output import NONE, document, moment, note, number, percent, say, table
from polotui.cli.strategies import Text, asking, diagnosed, meant, read_text, text_of, turned, verdict
from polotui.cli.where import Where, symbol_of, timeframe_of, where
from polotui.core.errors import UsageError
from polotui.core.text import clean

app = new_app("Strategies: list, show, new, validate, import, export, examine.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="A stored strategy or a template.")]
Version = Annotated[int, typer.Option("--version", metavar="N", min=0, help="0 means the newest.")]
Source = Annotated[str, typer.Argument(metavar="NAME|FILE|-", help="A name, a YAML or JSON file, or standard input.")]
#: What a check's line begins with.
SIGNS = {"passed": "✓", "failed": "✗", "warning": "!", "skipped": NONE}


class Form(Enum):
    """How a strategy is written down."""

    YAML = "yaml"
    JSON = "json"


@app.command("list")
def list_(
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that were put away.")] = False,
    no_templates: Annotated[bool, typer.Option("--no-templates", help="Only your own.")] = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Stored strategies and templates."""
    reply = ask(where(home, demo=demo), ListStrategies(templates=not (no_templates or deleted), deleted=deleted))
    assert isinstance(reply, Strategies)
    kept = [row for row in reply.strategies if row.deleted == deleted]
    if as_json:
        say(document("strategy.list", Strategies(strategies=kept)))
    elif kept:
        heads = ["name", "stage", "version", "symbols", "frame", "runs", "last return", "changed (UTC)", "thesis"]
        say(table(heads, [_row(row) for row in kept], "llrllrrll"))
    elif deleted:
        say("Nothing was deleted.")
    else:
        say("Nothing is stored yet. polotui strategy new --template sma-cross makes the first.")


@app.command()
def show(name: Name, version: Version = 0, home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """A strategy's text; with --json all that is known of it."""
    reply = _get(where(home, demo=demo), name, version)
    if as_json:
        say(document("strategy.show", reply))
        return
    row = reply.row
    at = f"version {reply.version} of {row.version}" if row.version else "template"
    words = [
        clean(row.name, 60),
        at,
        row.stage if row.version else "",
        _market(row),
        verdict(reply.checked.diagnostics),
    ]
    note(" · ".join(word for word in words if word))
    say(_safe(reply.text))


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="None: the source's name, numbered if taken.")] = "",
    template: Annotated[str | None, typer.Option(metavar="NAME", help="Begin with this template.")] = None,
    source: Annotated[str | None, typer.Option("--from", metavar="NAME", help="Begin with a copy of this.")] = None,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """A new strategy from a template or as a copy."""
    begin = template if source is None else source
    if begin is None or (template is not None and source is not None):
        raise UsageError(
            "Say what to begin with: either --template or --from.",
            safe="Nothing was stored.",
            next_step="polotui strategy list shows the templates.",
        )
    saved: StrategySaved = _asked(where(home, demo=demo), begin, NewStrategy(source=begin, name=name))
    if as_json:
        say(document("strategy.new", saved))
        return
    shown = clean(saved.name, 60)
    say(f"{shown} version {saved.version} is stored, from {clean(begin, 60)}.")
    note(f"polotui strategy export {shown} --to {shown}.yaml takes it out to edit; import brings it back.")


@app.command()
def validate(source: Source, home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """Checks a strategy and stores nothing. Exit code 1 when it has errors."""
    wanted = meant(source)

    async def work(link: SocketLink) -> tuple[Text, CheckedStrategy]:
        text = await text_of(link, wanted)
        checked: CheckedStrategy = await link.call(CheckStrategy(text=text.text, form=text.form))
        return text, checked

    text, checked = with_engine(where(home, demo=demo), work)
    if as_json:
        say(document("strategy.validate", checked))
    else:
        if checked.diagnostics:
            say(diagnosed(text, checked.diagnostics))
        warm = f"; {checked.warmup_bars:,} bars of warm-up" if checked.ok and checked.warmup_bars else ""
        say(f"{text.origin}: {verdict(checked.diagnostics)}{warm}.")
    if not checked.ok:
        raise typer.Exit(1)


@app.command("import")
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="YAML or JSON.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Store it as; else the name in the text.")] = "",
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Stores a file as the next version of the strategy it names. With errors it is a draft and is never run."""
    text = read_text(file)
    command = SaveStrategy(text=text.text, form=text.form, name=name, note=f"from {Path(text.origin).name}")
    saved = ask(where(home, demo=demo), command)
    assert isinstance(saved, StrategySaved)
    if as_json:
        say(document("strategy.import", saved))
        return
    if saved.diagnostics:
        note(diagnosed(text, saved.diagnostics))
    is_stored = "was stored already; no version was made" if saved.unchanged else "is stored"
    say(f"{clean(saved.name, 60)} version {saved.version} {is_stored}.")
    if any(found.severity == "error" for found in saved.diagnostics):
        note("It has errors: a draft, which cannot run until they are mended.")


@app.command()
def export(
    name: Name,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="None: standard output.")] = None,
    form: Annotated[Form | None, typer.Option(help="None: by the file's ending, else as it is stored.")] = None,
    version: Version = 0,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Writes a strategy's text to a file or to standard output."""
    path = to.expanduser().absolute() if to is not None else None
    if path is None and as_json:
        raise UsageError("With --json the text needs a file: add --to.", safe="Nothing was written.")
    if path is not None and path.exists() and not force:
        raise UsageError(
            f"{clean(path)} is there already.", safe="It was not touched.", next_step="Add --force, or choose another."
        )
    reply = _get(where(home, demo=demo), name, version)
    wanted = form.value if form is not None else _form_of(path) or reply.form
    text = reply.text if wanted == reply.form else turned(reply.text, wanted)
    if path is None:
        sys.stdout.write(f"{_safe(text)}\n" if sys.stdout.isatty() else text if text.endswith("\n") else f"{text}\n")
        return
    path.write_text(text, encoding="utf-8")
    told = {"name": reply.row.name, "version": reply.version, "form": wanted, "path": str(path)}
    if as_json:
        say(document("strategy.export", told))
    else:
        say(f"{clean(reply.row.name, 60)} version {reply.version} is written to {clean(path)}.")


@app.command()
def delete(name: Name, home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """Puts a strategy away with all its versions. Its runs stay."""
    done: Done = _asked(where(home, demo=demo), name, DeleteStrategy(name=name))
    if as_json:
        say(document("strategy.delete", done))
        return
    say(clean(done.text))
    note(f"polotui strategy restore {clean(name, 60)} brings it back.")


@app.command()
def restore(name: Name, home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """Brings a deleted strategy back."""
    done: Done = _asked(where(home, demo=demo), name, DeleteStrategy(name=name, undo=True), deleted=True)
    say(document("strategy.restore", done) if as_json else clean(done.text))


@app.command()
def examine(
    source: Source,
    symbol: Annotated[str, typer.Option(metavar="SYMBOL", help="On this symbol's candles; else the text's.")] = "",
    version: Version = 0,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Checks a strategy on data: look-ahead, warm-up, rules that never change. Exit code 1 when one fails."""
    wanted, on = meant(source, version), symbol_of(symbol) if symbol else ""
    if wanted.text is not None:
        command = ExamineStrategy(text=wanted.text.text, symbol=on)
    else:
        command = ExamineStrategy(name=wanted.name, version=version, symbol=on)
    reply: Examination = _asked(where(home, demo=demo), wanted.name, command)
    if as_json:
        say(document("strategy.examine", reply))
    else:
        rows = [[SIGNS[check.state], clean(check.name, 40), clean(check.text, 300)] for check in reply.checks]
        say(table(["", "check", "finding"], rows, "lll"))
    if not reply.ok:
        raise typer.Exit(1)


@app.command()
def preview(
    source: Source,
    symbol: Annotated[str, typer.Option(metavar="SYMBOL", help="None: the text's first.")] = "",
    timeframe: Annotated[str, typer.Option("--timeframe", "-t", help="None: the text's.")] = "",
    bars: Annotated[int, typer.Option(min=10, max=5_000, help="How many of the newest bars.")] = 300,
    version: Version = 0,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Where a strategy would have entered and left on the newest bars."""
    wanted, on = meant(source, version), symbol_of(symbol) if symbol else ""
    frame = timeframe_of(timeframe) if timeframe else ""

    async def work(link: SocketLink) -> StrategyPreview:
        text = await text_of(link, wanted)
        command = PreviewStrategy(text=text.text, form=text.form, symbol=on, timeframe=frame, bars=bars)
        reply: StrategyPreview = await link.call(command)
        return reply

    reply = with_engine(where(home, demo=demo), work)
    if as_json:
        say(document("strategy.preview", reply))
        return
    rows = [
        [moment(mark.at_ms), mark.kind, mark.side, number(mark.price), clean(mark.text, 60)] for mark in reply.marks
    ]
    if rows:
        say(table(["bar (UTC)", "what", "side", "price", "why"], rows, "llldl"))
    in_market = f"{reply.in_market * 100:.0f} % in the market" if reply.in_market is not None else ""
    worst = f"worst bar {percent(reply.worst_bar)}" if reply.worst_bar is not None else ""
    words = [f"{clean(reply.symbol, 30)} {clean(reply.timeframe, 10)}", f"{len(reply.candles)} bars"]
    words.append(f"{reply.entries} {'entry' if reply.entries == 1 else 'entries'}")
    words += [f"{reply.exits} {'exit' if reply.exits == 1 else 'exits'}", in_market, worst]
    say(" · ".join(word for word in words if word))
    if reply.note:
        note(clean(reply.note, 300))


def _get(place: Where, name: str, version: int) -> StrategyDetail:
    reply: StrategyDetail = _asked(place, name, GetStrategy(name=name, version=version))
    return reply


def _asked(place: Where, name: str, command: Command, *, deleted: bool = False) -> Any:
    async def work(link: SocketLink) -> Any:
        return await asking(link, name, command, deleted=deleted)

    return with_engine(place, work)


def _row(row: StrategyRow) -> list[str]:
    own = row.version > 0
    return [
        clean(row.name, 40),
        row.stage,
        str(row.version) if own else NONE,
        clean(" ".join(row.symbols), 40),
        clean(row.timeframe, 10),
        str(row.runs),
        percent(row.last_return),
        moment(row.updated_ms),
        clean(row.thesis, 60),
    ]


def _market(row: StrategyRow) -> str:
    return clean(" ".join([*row.symbols, row.timeframe]).strip(), 80)


def _safe(text: str) -> str:
    return "\n".join(clean(line, 2_000) for line in text.splitlines())


def _form_of(path: Path | None) -> str:
    ending = path.suffix.lower() if path is not None else ""
    return "json" if ending == ".json" else "yaml" if ending in (".yaml", ".yml") else ""
