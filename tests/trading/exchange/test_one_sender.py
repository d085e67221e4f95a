"""Exactly one function of the package sends orders, and nothing on its way swallows the block on real trades."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.imports import PACKAGE, imports_of, modules

ORDERS = "poloniex/orders.py"
#: Who may hold the changing calls.
HOLDERS = {"trading/exchange/venue.py", "trading/exchange/halt.py"}
#: On the way of an order nothing wider than the exchange's own errors is caught.
NARROW = ("poloniex/orders.py", "poloniex/rest.py", "poloniex/calls.py", "trading/exchange/")
WIDE = {"Exception", "BaseException", "PolotuiError", "Refused"}


def inside(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def calls_of(source: str, *names: str) -> Iterator[tuple[str, ast.Call]]:
    """(function, call) for every call of an attribute or name in `names`."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                    if called in names:
                        yield function.name, node


def signed_senders(source: str) -> set[str]:
    """Functions that sign something other than a read."""
    return {
        name
        for name, call in calls_of(source, "_signed")
        if not (call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value == "GET")
    }


def caught(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            names |= {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)}
            names |= {part.attr for part in ast.walk(node.type) if isinstance(part, ast.Attribute)}
    return names


def test_one_function_signs_what_changes_something() -> None:
    found = {(inside(path), name) for path in modules() for name in signed_senders(path.read_text())}
    assert found == {(ORDERS, "_send")}


def test_nobody_else_reaches_the_wire_with_a_signature() -> None:
    """Signed headers are built in one place, and only the public client carries calls out."""
    builders = {inside(path) for path in modules() if any(calls_of(path.read_text(), "signed_headers"))}
    assert builders == {"poloniex/calls.py"}
    callers = {inside(path) for path in modules() if any(calls_of(path.read_text(), "Caller"))}
    assert callers == {"poloniex/rest.py"}


def test_one_function_posts_orders() -> None:
    holders = {
        inside(path)
        for path in modules()
        for entry in imports_of(path)
        if entry.target.startswith(("polotui.poloniex.orders.SpotOrders",)) or entry.target == "polotui.poloniex.orders"
    }
    assert holders == HOLDERS
    senders = {
        (holder, name)
        for holder in HOLDERS
        for name, call in calls_of((PACKAGE / holder).read_text(), "place", "place_batch")
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "self._calls"
    }
    assert senders == {("trading/exchange/venue.py", "_send_order")}


def test_nothing_on_the_way_of_an_order_swallows_the_block_on_real_trades() -> None:
    wide = {
        inside(path): names
        for path in modules()
        if inside(path).startswith(NARROW) and (names := caught(path.read_text()) & WIDE)
    }
    assert wide == {}


@pytest.mark.parametrize(
    "source",
    [
        "async def sneak(rest):\n    await rest._signed('POST', '/orders', body={}, form=dict)",
        "async def sneak(rest, method):\n    await rest._signed(method, '/orders', form=dict)",
    ],
)
def test_the_scan_bites(source: str) -> None:
    assert signed_senders(source) == {"sneak"}
    assert caught("try:\n    pass\nexcept (ValueError, errors.Refused):\n    pass") & WIDE
