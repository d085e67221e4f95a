"""What a setting may be, in words, read from the schema itself so that the two cannot differ."""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from polotui.core.face_settings import FaceSettings

_WORDS = {bool: "true or false", str: "text", float: "a number", int: "a whole number", dict: 'a table {id = "key"}'}
_LIMITS = (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than"))


def allowed(key: str) -> str:
    """«a number, at least 0.5, at most 20», «dev or production»."""
    section, _, name = key.partition(".")
    if section == "face":
        hint: Any = get_type_hints(FaceSettings, include_extras=True)[name]
        return _words(hint)
    from polotui.core.settings.schema import Settings

    field = Settings.model_fields[section].annotation.model_fields[name]  # type: ignore[union-attr]
    return _with_limits(_words(field.annotation), field.metadata)


def _words(hint: Any) -> str:
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *metadata = get_args(hint)
        return _with_limits(_words(inner), metadata)
    if origin is Literal:
        *most, last = [str(choice) for choice in get_args(hint)]
        return f"{', '.join(most)} or {last}" if most else last
    if origin in (Union, types.UnionType):
        return " or ".join(_words(part) for part in get_args(hint) if part is not type(None))
    if origin in (tuple, list):
        return "a list, with commas between"
    return _WORDS.get(origin or hint, "text")


def _with_limits(words: str, metadata: list[Any]) -> str:
    found = {
        name: getattr(entry, name)
        for entry in metadata
        for name, _ in _LIMITS
        if getattr(entry, name, None) is not None
    }
    return ", ".join([words, *(f"{text} {found[name]:g}" for name, text in _LIMITS if name in found)])
