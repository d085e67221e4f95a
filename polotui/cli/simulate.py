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
    activity: Annotated[float | None, typer.Option(min=0, max=100, help="How busy its background is.")] = None,
    seed: Annotated[str | None, typer.Option(help="The same seed gives the same market.")] = None,
    symbols: Annotated[int | None, typer.Option(min=1, max=200, help="How many markets.")] = None,
    data: Annotated[list[Path] | None, typer.Option(help="Replay recorded market data; may be repeated.")] = None,
    faults: Annotated[Path | None, typer.Option(help="A plan of faults, .json or .toml.")] = None,
    account: Annotated[
        list[str] | None, typer.Option(metavar="KEY:SECRET:USDT=1000,BTC=0.1", help="One more account; repeatable.")
    ] = None,
    home: HomeDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as one JSON document.")] = False,
) -> None:
    """The built-in exchange alone: Poloniex REST and WebSocket on loopback, until ctrl+c. It keeps nothing."""
    where(home)  # taken as everywhere, though there is nothing to keep
    arguments = ["--port", str(port)]
    for name, value in (("speed", speed), ("activity", activity), ("seed", seed), ("symbols", symbols)):
        if value is not None:
            arguments += [f"--{name}", str(value)]
    if data:
        arguments += ["--data", *(str(existing(path, "data")) for path in data)]
    if faults is not None:
        arguments += ["--faults", str(existing(faults, "faults"))]
    for text in account or []:
        arguments += ["--account", text]
    if as_json:
        arguments.append("--json")
    spawn.replace_with("polotui.simulator", arguments)


def existing(path: Path, option: str) -> Path:
    """The absolute path. Raises UsageError when nothing is there."""
    absolute = path.expanduser().absolute()
    if not absolute.exists():
        raise UsageError(f"There is no {absolute}.", safe="Nothing was started.", next_step=f"Check --{option}.")
    return absolute
