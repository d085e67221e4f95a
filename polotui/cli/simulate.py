"""`polotui simulate`: the built-in exchange alone, in this terminal.

Decided here: the simulator takes this process's place, so signals and output are its own; it is never imported.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from polotui.cli.options import HomeDir
from polotui.cli.where import where
from polotui.core import spawn
from polotui.core.errors import UsageError

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def simulate(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Loopback port; 0 takes a free one and prints it.")] = 0,
    speed: Annotated[float | None, typer.Option(min=0.01, max=100_000, help="How fast its time passes.")] = None,
    seed: Annotated[str | None, typer.Option(help="The same seed gives the same market.")] = None,
    symbols: Annotated[int | None, typer.Option(min=1, max=200, help="How many markets.")] = None,
    data: Annotated[Path | None, typer.Option(help="Replay recorded candles: a CSV file or a folder of them.")] = None,
    faults: Annotated[str | None, typer.Option(help="Faults to play: a plan's name or file.")] = None,
    account: Annotated[Path | None, typer.Option(help="A JSON file with keys and balances of accounts.")] = None,
    home: HomeDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as one JSON document.")] = False,
) -> None:
    """The built-in exchange alone: Poloniex REST and WebSocket on loopback, until ctrl+c."""
    arguments = ["--port", str(port)]
    for name, value in (("speed", speed), ("seed", seed), ("symbols", symbols), ("faults", faults)):
        if value is not None:
            arguments += [f"--{name}", str(value)]
    for name, path in (("data", data), ("account", account)):
        if path is not None:
            arguments += [f"--{name}", str(existing(path, name))]
    if home is not None:
        arguments += ["--home", str(where(home).root)]
    if as_json:
        arguments.append("--json")
    spawn.replace_with("polotui.simulator", arguments)


def existing(path: Path, option: str) -> Path:
    """The absolute path. Raises UsageError when nothing is there."""
    absolute = path.expanduser().absolute()
    if not absolute.exists():
        raise UsageError(f"There is no {absolute}.", safe="Nothing was started.", next_step=f"Check --{option}.")
    return absolute
