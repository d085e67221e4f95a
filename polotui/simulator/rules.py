"""Is this order well-formed for its symbol?

Decided here: a value with too many decimals is rejected, never rounded; a MARKET buy is given as an amount of
quote money and nothing else; side, type and time in force are read without regard to case, because clients have
sent lower case for years. Checks run in the order type, numbers, scales, minima, maxima.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from polotui.simulator.config import SymbolSpec
from polotui.simulator.matching import BUY, SELL
from polotui.simulator.orders import Terms
from polotui.simulator.refusals import Refusal, invalid, missing
from polotui.simulator.units import parse, whole

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TYPES = frozenset({"MARKET", "LIMIT", "LIMIT_MAKER"})
_TIMES = frozenset({"GTC", "IOC", "FOK"})


def check_order(spec: SymbolSpec, given: Mapping[str, object]) -> Terms:
    """The order's terms in whole numbers, or a Refusal with the code for what is wrong."""
    side = _side(given.get("side"))
    kind = _word(given, "type", "MARKET")
    if kind not in _TYPES:
        raise Refusal(21320)
    time_in_force = _word(given, "timeInForce", "GTC")
    if time_in_force not in _TIMES:
        raise Refusal(21321)
    if _word(given, "accountType", "SPOT") != "SPOT":
        raise Refusal(21324)
    stp = _word(given, "stpMode", "EXPIRE_TAKER")
    if stp not in {"EXPIRE_TAKER", "NONE"}:
        raise invalid("stpMode")
    price = quantity = budget = 0
    if kind == "MARKET":
        time_in_force = "IOC" if time_in_force == "GTC" else time_in_force
        if side == BUY:
            budget = _amount(spec, given)
        else:
            quantity = _quantity(spec, given)
    else:
        price = _price(spec, given)
        quantity = _quantity(spec, given)
        _check_value(spec, price * quantity)
    return Terms(
        side=side,
        type=kind,
        time_in_force=time_in_force,
        price=price,
        quantity=quantity,
        budget=budget,
        client_id=check_client_id(given.get("clientOrderId")),
        prevent_self_trade=stp == "EXPIRE_TAKER",
        slippage=_slippage(given, kind),
    )


def check_client_id(value: object) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        raise invalid("clientOrderId")
    if len(value) > 64:
        raise Refusal(21315)
    if not _CLIENT_ID.fullmatch(value):
        raise invalid("clientOrderId")
    return value


def _side(value: object) -> int:
    word = value.upper() if isinstance(value, str) else value
    if value is None:
        raise missing("side")
    if word not in ("BUY", "SELL"):
        raise Refusal(21319)
    return BUY if word == "BUY" else SELL


def _word(given: Mapping[str, object], name: str, default: str) -> str:
    value = given.get(name)
    if value is None or value == "":
        return default
    return value.upper() if isinstance(value, str) else "?"


def _positive(given: Mapping[str, object], name: str, code: int) -> Decimal:
    value = parse(given.get(name))
    if value is None or value <= 0:
        raise Refusal(code)
    return value


def _price(spec: SymbolSpec, given: Mapping[str, object]) -> int:
    price = whole(_positive(given, "price", 21309), spec.price_scale)
    if price is None:
        raise Refusal(21335)
    return price


def _quantity(spec: SymbolSpec, given: Mapping[str, object]) -> int:
    value = _positive(given, "quantity", 21328)
    quantity = whole(value, spec.quantity_scale)
    if quantity is None:
        raise Refusal(21336)
    if value < Decimal(spec.min_quantity):
        raise Refusal(21330)
    if 0 < Decimal(spec.max_quantity) < value:
        raise Refusal(21360)
    return quantity


def _amount(spec: SymbolSpec, given: Mapping[str, object]) -> int:
    value = _positive(given, "amount", 21317)
    if whole(value, spec.amount_scale) is None:
        raise Refusal(21337)
    budget = int(value.scaleb(spec.amount_places))
    _check_value(spec, budget)
    return budget


def _check_value(spec: SymbolSpec, value: int) -> None:
    if value < Decimal(spec.min_amount).scaleb(spec.amount_places):
        raise Refusal(21322)
    if 0 < Decimal(spec.max_amount).scaleb(spec.amount_places) < value:
        raise Refusal(21349)


def _slippage(given: Mapping[str, object], kind: str) -> Decimal | None:
    value = given.get("slippageTolerance")
    if value is None or value == "" or kind != "MARKET":
        return None
    tolerance = parse(value)
    if tolerance is None or not 0 < tolerance < 1:
        raise invalid("slippageTolerance")
    return tolerance
