"""`polotui config`: what is set, where it came from, what is allowed."""

from __future__ import annotations

import difflib
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from polotui.cli.options import AsJson, Demo, HomeDir, new_app
from polotui.cli.output import document, note, say, table
from polotui.cli.where import where
from polotui.core.errors import ConfigError
from polotui.core.paths import Home
from polotui.core.settings.layers import environment_name, read_layers
from polotui.core.text import clean

app = new_app("Show, explain and set the configuration.")
Key = Annotated[str, typer.Argument(metavar="KEY", help="A setting such as face.theme.")]


@app.command()
def show(home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """Every setting, its value and where the value came from."""
    from polotui.core.settings.schema import known_keys, load

    loaded = load(where(home, demo=demo).home)
    rows = [(key, effective(loaded.settings, key), loaded.source(key)) for key in known_keys()]
    if as_json:
        settings = [{"key": key, "value": value, "source": source} for key, value, source in rows]
        say(document("config.show", {"settings": settings}))
        return
    lines = [[key, clean(plain_value(value)), clean(source)] for key, value, source in rows]
    say(table(["setting", "value", "from"], lines, "lll"))


@app.command()
def explain(key: Key, home: HomeDir = None, demo: Demo = False, as_json: AsJson = False) -> None:
    """One setting: its meaning, value, source, default and environment variable."""
    from polotui.cli.allowed import allowed
    from polotui.core.settings.schema import known_keys, load

    _known(key)
    default, meaning = known_keys()[key]
    loaded = load(where(home, demo=demo).home)
    value, source = effective(loaded.settings, key), loaded.source(key)
    facts = {"key": key, "meaning": meaning, "value": value, "source": source, "default": default}
    facts |= {"environment": environment_name(key), "allowed": allowed(key)}
    if as_json:
        say(document("config.explain", facts))
        return
    say(f"{key}: {meaning}.")
    say(f"  value        {clean(plain_value(value))}  (from {clean(source)})")
    say(f"  default      {plain_value(default)}")
    say(f"  allowed      {allowed(key)}")
    say(f"  environment  {environment_name(key)}")


@app.command("set")
def set_(
    key: Key,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Lists with commas: BTC_USDT,ETH_USDT.")],
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """Writes one setting into the configuration file, if it is valid."""
    from polotui.core.settings.edit import set_value, toml_value
    from polotui.core.settings.schema import load

    _known(key)
    place = where(home, demo=demo).home
    text = toml_value(value)
    _try_out(place, key, text)
    set_value(place.settings_file, key, text)
    loaded = load(place)
    now, source = effective(loaded.settings, key), loaded.source(key)
    if as_json:
        facts = {"key": key, "value": now, "source": source, "file": str(place.settings_file)}
        say(document("config.set", facts))
    else:
        say(f"{key} = {clean(plain_value(now))}  (in {place.settings_file})")
    if not source.startswith("file"):
        note(f"It has no effect while {source} is set.")


@app.command()
def example(home: HomeDir = None, as_json: AsJson = False) -> None:
    """A commented configuration file with every setting at its default."""
    from polotui.core.settings.schema import example_file

    where(home)
    say(document("config.example", {"text": example_file()}) if as_json else example_file().rstrip())


def effective(settings: Any, key: str) -> Any:
    """The value in force of a dotted key."""
    section, _, name = key.partition(".")
    return getattr(getattr(settings, section), name)


def plain_value(value: Any) -> str:
    """A value as one would type it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ",".join(str(part) for part in value)
    if isinstance(value, dict):
        return "{" + ", ".join(f'{name} = "{part}"' for name, part in value.items()) + "}"
    return str(value)


def _known(key: str) -> None:
    from polotui.core.settings.schema import known_keys

    if key in known_keys():
        return
    close = difflib.get_close_matches(key, known_keys(), 1)
    raise ConfigError(
        f"There is no setting {clean(key, 60)!r}.",
        safe="Nothing was changed.",
        next_step=f"Did you mean {close[0]}?" if close else "polotui config show lists all settings.",
    )


def _try_out(home: Home, key: str, text: str) -> None:
    """Raises ConfigError when the file would not be valid with this value. Works on a copy."""
    import tomllib

    from polotui.core.settings.edit import set_value
    from polotui.core.settings.schema import load

    real = home.settings_file
    read_layers(real, [])  # a file that is broken already is told as such, not as a wrong value
    with tempfile.TemporaryDirectory(prefix="polotui-") as folder:
        copy = Home.at(folder)
        copy.config.mkdir(mode=0o700)
        if real.exists():
            copy.settings_file.write_bytes(real.read_bytes())
        try:
            set_value(copy.settings_file, key, text)
            written = tomllib.loads(copy.settings_file.read_text(encoding="utf-8"))
            section, _, name = key.partition(".")
            # As a flag too: a variable in the environment must not hide a wrong value in the file.
            load(copy, flags={key: written[section][name]})
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(
                f"{key} = {clean(text, 60)} is not a valid value: {error}.", safe="Nothing was changed."
            ) from error
        except ConfigError as error:
            cause = error.cause.replace(str(Path(copy.settings_file)), str(real)).replace(" (from flag)", "")
            raise ConfigError(cause, safe="Nothing was changed.", next_step=error.next_step) from error
