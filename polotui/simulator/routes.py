"""Which handler answers which path, in which rate class.

Decided here: a route is (method, path pattern) with `*` for one free segment; literal paths win over patterns.
A trailing slash is ignored. Handlers return plain data; refusals are exceptions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from polotui.simulator.http import Request
from polotui.simulator.refusals import Refusal
from polotui.simulator.units import parse

Handler = Callable[[Request], object]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes. `limit` is the name of a rate class in `Limits`, "" for none."""

    handler: Handler
    limit: str
    private: bool


class Routes:
    """The table."""

    def __init__(self) -> None:
        self._literal: dict[tuple[str, str], Route] = {}
        self._patterns: dict[tuple[str, int], list[tuple[tuple[str, ...], Route]]] = {}

    def add(self, method: str, path: str, handler: Handler, limit: str, *, private: bool = False) -> None:
        route = Route(handler, limit, private)
        if "*" not in path:
            self._literal[(method, path)] = route
            return
        segments = tuple(path.strip("/").split("/"))
        self._patterns.setdefault((method, len(segments)), []).append((segments, route))

    def find(self, method: str, path: str) -> tuple[Route, tuple[str, ...]]:
        """The route and its free segments, or 404."""
        route = self._literal.get((method, path))
        if route is not None:
            return route, ()
        segments = path.strip("/").split("/")
        for pattern, candidate in self._patterns.get((method, len(segments)), ()):
            if all(want in ("*", have) for want, have in zip(pattern, segments, strict=True)):
                free = [unquote(have) for want, have in zip(pattern, segments, strict=True) if want == "*"]
                return candidate, tuple(free)
        words = f'Resources do not exist [404 NOT_FOUND "No static resource {path.lstrip("/")}."]'
        raise Refusal(404, words, status=404)


def number(params: Mapping[str, object], name: str, default: int, *, code: int = 601, low: int = 0) -> int:
    """A whole number among the parameters; `code` says what is wrong when it is none."""
    value = params.get(name)
    if value is None or value == "":
        return default
    found = parse(value)
    if found is None or found != int(found) or found < low:
        raise Refusal(code)
    return int(found)


def words(value: object) -> list[str] | None:
    """A comma list or a JSON list as words; None when absent or empty."""
    if isinstance(value, str):
        items = [item.strip() for item in value.split(",") if item.strip()]
    elif isinstance(value, list):
        items = [str(item) for item in value]
    else:
        return None
    return items or None
