"""The use cases, by command. A handler is an async function of (engine, command); `@handles(Command)` registers it.

A new use case is a function in one of these files (or a new file here: it is found by itself).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from polotui.api.command import Command

if TYPE_CHECKING:
    from polotui.engine.engine import Engine

C = TypeVar("C", bound=Command)
_handlers: dict[type[Command], Callable[[Any, Any], Awaitable[Any]]] = {}


def handles(
    command: type[C],
) -> Callable[[Callable[[Engine, C], Awaitable[Any]]], Callable[[Engine, C], Awaitable[Any]]]:
    """Registers the decorated function as the handler of `command`."""

    def register(function: Callable[[Engine, C], Awaitable[Any]]) -> Callable[[Engine, C], Awaitable[Any]]:
        _handlers[command] = function
        return function

    return register


def handler_of(command: type[Command]) -> Callable[[Any, Any], Awaitable[Any]] | None:
    if not _handlers:
        for entry in pkgutil.iter_modules(__path__):
            importlib.import_module(f"{__name__}.{entry.name}")
    return _handlers.get(command)
