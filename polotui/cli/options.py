"""The options that all commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HomeDir = Annotated[
    Path | None, typer.Option("--home", metavar="DIR", help="Configuration, data and logs below this folder.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Demo = Annotated[bool, typer.Option("--demo", help="The demo's home and its built-in exchange.")]


def new_app(text: str) -> typer.Typer:
    """A Typer in the house's manner: plain help, no decorated tracebacks, completion only at the root."""
    return typer.Typer(
        help=text, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True
    )
