"""`polotui demo` for the help and for completion; `polotui.cli.face` runs it before this is ever imported."""

from __future__ import annotations

import typer

from polotui.core.errors import UsageError

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
def demo() -> None:
    """The application on the built-in exchange: no keys, no network, virtual money."""
    raise UsageError("demo must be the first word: polotui demo.", safe="Nothing was started.")
