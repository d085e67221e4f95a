"""The table of commands and the one place where their errors end.

Decided here: a command's file is imported when the command is used, not before. Whatever goes wrong leaves as one
record: a sentence on standard error, or with --json one document on standard output, and an exit code of 0 to 5.
A new command is a file with an `app` and a line in `COMMANDS`.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from polotui import __version__
from polotui.cli.output import complain, say
from polotui.core.errors import ErrorRecord, PolotuiError

#: Name, module and what it is for, in the order of the help.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "The application on the built-in exchange: no keys, no network."),
    "simulate": ("simulate", "The built-in exchange alone: Poloniex REST and WebSocket on loopback."),
    "engine": ("engine", "Run, start, stop the engine; its status."),
    "doctor": ("doctor", "Is this machine fit? Exit code 4 when not."),
    "health": ("health", "How each part of the running engine is."),
    "events": ("events", "What happened, and what happens."),
    "logs": ("logs", "The logs: filter, search, follow."),
    "config": ("config", "Show, explain and set the configuration."),
    "market": ("market", "Symbols, prices, books, trades, candles."),
    "data": ("data", "Stored candles: download, import, list, verify."),
    "strategy": ("strategy", "Strategies: list, show, new, validate, import, export, examine."),
    "backtest": ("backtest", "Run strategies on stored candles; results, trades, comparisons."),
    "sweep": ("sweep", "Search a strategy's parameters on all cores."),
    "balance": ("balance", "What the accounts hold and what it is worth."),
    "paper": ("paper", "Paper trading: bots, positions, trades, results, the journal."),
    "order": ("order", "Orders by hand: list, place, cancel, resolve."),
    "signal": ("signal", "What rules asked for, and how each ended."),
    "protect": ("protect", "The monitor of stops and targets."),
    "risk": ("risk", "Limits, exposure, alerts, latches, sizing, what-if."),
    "halt": ("halt", "No order leaves any more. Works without an engine."),
    "resume": ("resume", "Trading goes on after a halt."),
    "flatten": ("flatten", "Cancels everything and sells every position."),
    "audit": ("audit", "The audit trail: verify, show."),
    "export": ("export", "Trades and the journal as CSV or JSON."),
}

# Typer carries its own copy of click from 0.2x on; its own classes lead to the base of both.
UsageMistake: type[Any] = typer.BadParameter.__mro__[1]
Mistake: type[Any] = typer.BadParameter.__mro__[2]


class LazyGroup(TyperGroup):
    """The root: knows all names, imports only what is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"polotui.cli.{COMMANDS[cmd_name][0]}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            # The stock message would import every command to suggest one.
            self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


app = typer.Typer(
    name="polotui",
    cls=LazyGroup,
    help="The trading desk for the Poloniex exchange that lives in a terminal.\n\n"
    "polotui alone opens the application; polotui demo opens it on the built-in exchange.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"polotui {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    pass


def run(arguments: list[str]) -> int:
    """Runs one command; returns its exit code."""
    as_json = "--json" in arguments
    try:
        code = typer.main.get_command(app).main(args=arguments, prog_name="polotui", standalone_mode=False)
        sys.stdout.flush()
        # Typer words ctrl+c as 130; the codes of polotui end at 5.
        return min(code, 1) if isinstance(code, int) and code > 5 else code if isinstance(code, int) else 0
    except PolotuiError as error:
        return complain(error.record(), as_json=as_json)
    except Mistake as error:
        return _misused(error, as_json=as_json)
    except (typer.Abort, KeyboardInterrupt):
        return 1
    except BrokenPipeError:
        # Whoever read the output has gone; what Python would flush at its end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return complain(_file_trouble(error), as_json=as_json)
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a person unasked
        if os.environ.get("POLOTUI_TRACEBACK"):
            traceback.print_exc()
        return complain(_bug(error), as_json=as_json)


def _misused(error: Any, *, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "polotui"
    cause = error.format_message().strip() or "No command was given."
    if not as_json and type(error).__name__ == "NoArgsIsHelpError":
        print(cause, file=sys.stderr)
        return 2
    cause = cause if cause[-1] in ".?!" else f"{cause}."
    next_step = f"{path} --help shows how it is used."
    record = ErrorRecord(code="usage", cause=cause, safe="Nothing was done.", next_step=next_step, exit_code=2)
    return complain(record, as_json=as_json)


def _file_trouble(error: OSError) -> ErrorRecord:
    what = f"{error.filename}: " if error.filename else ""
    return ErrorRecord(
        code="file", cause=f"{what}{error.strerror or error}.", next_step="polotui doctor checks folders and modes."
    )


def _bug(error: Exception) -> ErrorRecord:
    return ErrorRecord(
        code="internal",
        cause=f"A fault in polotui: {type(error).__name__}: {error}.",
        safe="The engine, if one runs, goes on.",
        next_step="POLOTUI_TRACEBACK=1 in front of the command shows where; please report it.",
    )
