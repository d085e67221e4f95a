"""`polotui` and `polotui demo`: the application.

Decided here: argparse and msgspec only, so that the first frame does not wait for typer and pydantic. The face is
handed in by `polotui.__main__`, since commands do not know it. The demo has a home of its own, never the real ledger's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from polotui.core.errors import PolotuiError, UsageError
from polotui.core.paths import Home

#: Default of engine.linger_seconds, whose schema the face does not load.
LINGER = 60.0
#: Options of the root that belong to the commands' parser.
_NOT_FACE = ("--help", "-h", "--version", "--install-completion", "--show-completion")
_COLORS = ("auto", "truecolor", "256", "16", "none")


def wants_face(arguments: list[str]) -> bool:
    """True when this command line opens the application."""
    if not arguments or arguments[0] == "demo":
        return True
    return arguments[0].startswith("-") and arguments[0].partition("=")[0] not in _NOT_FACE


def run(arguments: list[str], run_face: Callable[..., int]) -> int:
    """Opens the application by calling `run_face`; returns its exit code."""
    demo = arguments[:1] == ["demo"]
    options = parser(demo=demo).parse_args(arguments[1:] if demo else arguments)
    try:
        return _open(options, run_face, demo=demo)
    except PolotuiError as error:
        from polotui.cli.output import complain

        return complain(error.record(), as_json=False)


def parser(*, demo: bool) -> argparse.ArgumentParser:
    """The options of `polotui` or of `polotui demo`."""
    what = (
        "The application on the built-in exchange: no keys, no network, virtual money."
        if demo
        else "The application: attaches to the engine, or starts it. polotui --help lists the commands."
    )
    made = argparse.ArgumentParser(
        prog="polotui demo" if demo else "polotui",
        description=what,
        allow_abbrev=False,
        epilog="Options of a command come after it: polotui balance --json.",
    )
    made.add_argument("--home", metavar="DIR", help="keep configuration, data and logs below this folder")
    made.add_argument("--screen", metavar="NAME", help="open this screen first")
    made.add_argument("--symbol", metavar="SYMBOL", help="open with this symbol, such as BTC_USDT")
    made.add_argument("--theme", metavar="NAME", help="colours by name; polotui config explain face.theme")
    made.add_argument("--colors", choices=_COLORS, help="how many colours the terminal shows (default: found out)")
    made.add_argument("--read-only", action="store_true", help="look, but change nothing")
    made.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    if demo:
        made.add_argument("--data", metavar="DIR", help="replay recorded real streams from this folder")
        made.add_argument(
            "--speed", type=_positive, metavar="X", help="how fast the exchange's time passes (default 1)"
        )
        made.add_argument("--seed", metavar="S", help="the same seed gives the same market (default: 1)")
        made.add_argument("--symbols", type=_count, metavar="N", help="how many markets the exchange has")
    return made


def _open(options: argparse.Namespace, run_face: Callable[..., int], *, demo: bool) -> int:
    from polotui.cli.where import symbol_of, where
    from polotui.core.settings.face import load_face_settings

    symbol = symbol_of(options.symbol) if options.symbol else None
    place = where(options.home, demo=demo)
    flags: dict[str, Any] = {
        "face.theme": options.theme,
        "face.colors": options.colors,
        "face.mouse": False if options.no_mouse else None,
    }
    settings = load_face_settings(place.home, flags=flags)
    _need_terminal()
    return run_face(
        home=place.home,
        root=place.root,
        settings=settings,
        read_only=options.read_only,
        screen=options.screen,
        symbol=symbol,
        engine_arguments=[*(_demo_arguments(options) if demo else []), "--linger", _linger(place.home)],
        demo=demo,
    )


def _linger(home: Home) -> str:
    """How long the engine outlives its last face. A value that is no number is the engine's to refuse."""
    from polotui.core.settings.layers import read_layers

    value = read_layers(home.settings_file, ["engine.linger_seconds"]).values.get("engine.linger_seconds", LINGER)
    try:
        return f"{float(value):g}"
    except (TypeError, ValueError):
        return f"{LINGER:g}"


def _demo_arguments(options: argparse.Namespace) -> list[str]:
    arguments = ["--demo"]
    if options.data is not None:
        # Absolute, because the engine works in the root folder.
        folder = Path(options.data).expanduser().absolute()
        if not folder.exists():
            raise UsageError(f"There is no {folder}.", safe="Nothing was started.", next_step="Check --data.")
        arguments += ["--data", str(folder)]
    for name in ("speed", "seed", "symbols"):
        value = getattr(options, name)
        if value is not None:
            arguments += [f"--{name}", str(value)]
    return arguments


def _need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "The application needs a terminal.",
            safe="Nothing was started.",
            next_step="polotui --help lists commands that print; --json makes them print for programs.",
        )


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 100_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 100000")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 200:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 200")
    return value
