"""`polotui demo` for the help and for completion; `polotui.cli.face` runs it before this is ever imported."""

from __future__ import annotations

import typer

from polotui.cli import face

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
def demo(context: typer.Context) -> None:
    """The application on the built-in exchange: no keys, no network, virtual money."""
    raise typer.Exit(face.run(["demo", *context.args]))
