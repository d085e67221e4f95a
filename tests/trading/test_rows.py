"""The rows of trading: what is written together, what is written once, and what is read from them."""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polotui.core.errors import StorageError, UsageError
from polotui.model.orders import FINAL, OrderState, OrderTerms, OrderType, Purpose, Side
from polotui.storage.chained import FILLS, INTENTS, verify_all
from polotui.storage.database import Connection, Database
from polotui.trading import rows
from polotui.trading.ledger import balances_of
from tests.trading.makers import NOW, D, book, execution, terms

S = OrderState


def placed(connection: Connection, *states: OrderState, id: str = "pt-1", **changed: object) -> None:
    rows.add_intent(connection, terms(id, **changed))
    for place, state in enumerate(states):
        rows.add_order_event(connection, id, state, venue_id=f"v-{id}", at_ms=NOW + place)


async def test_terms_come_back_as_they_went(database: Database) -> None:
    asked = [
        terms("pt-1"),
        terms("pt-2", type=OrderType.MARKET, quantity=None, amount=D("25.5"), price=None, side=Side.BUY, bot=0),
        terms("pt-3", type=OrderType.OCO, side=Side.SELL, purpose=Purpose.STOP, stop=D("9E-8"), target=D("1E+3")),
        terms(
            "pt-4", time_in_force="IOC", expire_ms=NOW + 1, late_ms=NOW - 1, reason="«ünïcode» \x00 \x1b", parent="pt-1"
        ),
    ]
    for one in asked:
        await database.transact(lambda c, one=one: rows.add_intent(c, one))
    assert [await database.read(lambda c, one=one: rows.terms_of(c, one.id)) for one in asked] == asked
    assert await database.read(lambda c: rows.terms_of(c, "pt-9")) is None
    with pytest.raises(StorageError):
        await database.transact(lambda c: rows.add_intent(c, asked[0]))


def test_no_member_of_the_terms_is_forgotten() -> None:
    assert sorted(INTENTS.columns) == sorted(OrderTerms.__struct_fields__)
    assert [*rows.FillRow.__struct_fields__[:-1]] == ["number", *FILLS.columns, "previous", "hash"]


async def test_a_fill_moves_its_money_in_the_same_transaction(database: Database) -> None:
    buy = terms(price=D("30123.456789012345"), quantity=D("0.123456789012345678"))
    fill = await database.transact(lambda c: book(c, buy, fee=D("0.0001"), fee_currency="BTC"))
    assert fill is not None
    assert (fill.number, fill.id, fill.account, fill.bot, fill.purpose) == (1, "paper:t1", "paper/bot-3", 3, "entry")
    exact = Fraction("30123.456789012345") * Fraction("0.123456789012345678")
    assert Fraction(fill.amount) == exact
    assert Fraction(buy.price * buy.quantity) != exact  # type: ignore[operator]  # Decimal alone keeps 28 digits
    assert [(e.id, e.kind, e.currency, e.amount) for e in fill.entries] == [
        ("paper:t1:base", "fill", "BTC", D("0.123456789012345678")),
        ("paper:t1:quote", "fill", "USDT", fill.amount.copy_negate()),
        ("paper:t1:fee", "fee", "BTC", D("-0.0001")),
    ]
    balances = await database.read(lambda c: balances_of(c, "paper/bot-3"))
    assert balances == {"BTC": D("0.123356789012345678"), "USDT": fill.amount.copy_negate()}
    stored = (await database.read(lambda c: rows.fills_of(c, "pt-1")))[0]
    assert stored == rows.FillRow(*[getattr(fill, name) for name in fill.__struct_fields__[:-1]])
    assert all(report.ok for report in await database.read(verify_all))


async def test_a_fill_told_twice_is_booked_once(database: Database) -> None:
    buy = terms()
    assert await database.transact(lambda c: book(c, buy)) is not None
    assert await database.transact(lambda c: book(c, buy)) is None
    assert await database.transact(lambda c: book(c, buy, price=D(7))) is None
    assert await database.transact(lambda c: rows.add_fill(c, execution(buy), buy, venue="spot", booked_ms=1))
    assert await database.read(lambda c: c.execute("SELECT count(*) FROM entries").fetchone()) == (6,)


async def test_a_fill_is_a_fixed_number_of_statements(database: Database) -> None:
    """One look whether it is booked, three for its row, five for its three entries. An order event: four."""

    def counted(connection: Connection) -> tuple[int, int, int]:
        statements: list[str] = []
        connection.set_trace_callback(statements.append)
        book(connection, terms(), "t2")
        fill = len(statements)
        rows.add_order_event(connection, "pt-1", S.FILLED, at_ms=1)
        event = len(statements) - fill
        rows.add_intent(connection, terms("pt-2"))
        connection.set_trace_callback(None)
        return fill, event, len(statements) - fill - event

    await database.transact(lambda c: (placed(c, S.SUBMITTING), book(c, terms(), "t1")))
    assert await database.transact(counted) == (11, 4, 4)


async def test_without_a_fee_there_is_no_entry_for_it_and_a_rebate_adds(database: Database) -> None:
    sell = terms("pt-2", side=Side.SELL)
    first = await database.transact(lambda c: book(c, sell, "a", fee=D(0)))
    second = await database.transact(lambda c: book(c, sell, "b", fee=D("-0.25")))
    assert first is not None
    assert second is not None
    assert [(e.currency, e.amount) for e in first.entries] == [("BTC", D(-1)), ("USDT", D(100))]
    assert (second.entries[2].kind, second.entries[2].amount) == ("fee", D("0.25"))


@pytest.mark.parametrize(
    "changed",
    [
        {"side": Side.SELL},
        {"symbol": "ETH_USDT"},
        {"quantity": D(0)},
        {"quantity": D(-1)},
        {"price": D("NaN")},
        {"price": D(0)},
        {"fee": D("Infinity")},
    ],
)
async def test_an_execution_that_is_not_of_the_order_books_nothing(
    database: Database, changed: dict[str, object]
) -> None:
    with pytest.raises(StorageError) as caught:
        await database.transact(lambda c: book(c, terms(), **changed))
    assert caught.value.instance_code == "fill-differs"
    assert await database.read(lambda c: rows.fills(c)) == []


CASES = [
    ((), "0", S.DRAFT),
    ((S.SUBMITTING,), "0", S.SUBMITTING),
    ((S.SUBMITTING, S.ACCEPTED), "0", S.ACCEPTED),
    ((S.SUBMITTING, S.ACCEPTED, S.SUBMITTING), "0", S.ACCEPTED),
    ((S.SUBMITTING, S.ACCEPTED), "0.4", S.PARTIAL),
    ((S.SUBMITTING,), "1", S.FILLED),
    ((S.SUBMITTING, S.UNKNOWN), "0.4", S.UNKNOWN),
    ((S.SUBMITTING, S.UNKNOWN), "1", S.FILLED),
    ((S.SUBMITTING, S.REJECTED), "1", S.FILLED),
    ((S.SUBMITTING, S.REJECTED, S.PARTIAL), "0.1", S.PARTIAL),
    ((S.SUBMITTING, S.FILLED, S.ACCEPTED), "0", S.FILLED),
    ((S.SUBMITTING, S.FILLED, S.CANCELLED), "0", S.FILLED),
    ((S.SUBMITTING, S.ACCEPTED, S.CANCELLING, S.CANCELLED), "0.4", S.CANCELLED),
    ((S.SUBMITTING, S.ACCEPTED, S.CANCELLED, S.ACCEPTED), "0", S.CANCELLED),
    ((S.SUBMITTING, S.CANCELLED, S.FILLED), "0", S.FILLED),
    ((S.ACCEPTED,), "0", S.ACCEPTED),
    ((S.RISK_DENIED, S.SUBMITTING), "0", S.RISK_DENIED),
]


@pytest.mark.parametrize(("states", "filled", "expected"), CASES)
async def test_where_an_order_stands(database: Database, states: tuple[S, ...], filled: str, expected: S) -> None:
    def write(connection: Connection) -> None:
        placed(connection, *states)
        if filled != "0":
            book(connection, terms(), quantity=D(filled) / 2, id="half")
            book(connection, terms(), quantity=D(filled) / 2, id="rest")

    await database.transact(write)
    order = await database.read(lambda c: rows.order_of(c, "pt-1"))
    assert order is not None
    assert (order.state, order.filled) == (expected, D(filled))
    assert order.filled_amount == D(filled) * 100
    assert order.venue_id == ("v-pt-1" if states else "")
    live = await database.read(rows.orders_not_final)
    assert [found.terms.id for found in live] == ([] if expected in FINAL else ["pt-1"])


@given(st.lists(st.sampled_from(list(OrderState)), min_size=1, max_size=8))
def test_a_final_state_is_left_only_by_evidence(states: list[OrderState]) -> None:
    events = [rows.OrderEvent(n, "pt-1", state, "", "", "", n) for n, state in enumerate(states)]
    end = rows.state_of(events, D(0), D(1))
    assert end in states
    if S.FILLED in states[:1]:
        assert end is S.FILLED
    if end not in FINAL:
        assert rows.state_of(events, D(1), D(1)) is S.FILLED


async def test_only_what_is_not_final_is_read_at_a_start(database: Database) -> None:
    ends = [S.FILLED, S.CANCELLED, S.ACCEPTED, S.REJECTED, S.UNKNOWN, S.EXPIRED, S.PARTIAL, S.SUBMITTING]

    def write(connection: Connection) -> None:
        for place, end in enumerate(ends):
            placed(connection, *dict.fromkeys((S.SUBMITTING, end)), id=f"pt-{place}")

    await database.transact(write)
    live = await database.read(rows.orders_not_final)
    assert [(order.terms.id, order.state) for order in live] == [
        ("pt-2", S.ACCEPTED),
        ("pt-4", S.UNKNOWN),
        ("pt-6", S.PARTIAL),
        ("pt-7", S.SUBMITTING),
    ]
    assert await database.read(lambda c: c.execute("SELECT count(*) FROM open_orders").fetchone()) == (4,)
    await database.transact(lambda c: rows.add_order_event(c, "pt-3", S.ACCEPTED, at_ms=9))
    assert [o.terms.id for o in await database.read(rows.orders_not_final)] == ["pt-2", "pt-3", "pt-4", "pt-6", "pt-7"]


async def test_lists_by_account_bot_and_page(database: Database) -> None:
    accounts = [("paper", 0), ("paper/bot-3", 3), ("paper/bot-30", 30), ("spot", 0), ("spot/bot-3", 3), ("papers", 0)]

    def write(connection: Connection) -> None:
        for place, (account, bot) in enumerate(accounts):
            one = terms(f"pt-{place}", account=account, bot=bot)
            rows.add_intent(connection, one)
            book(connection, one, f"t{place}")

    await database.transact(write)

    async def ids(**asked: object) -> tuple[list[int], list[int]]:
        found = await database.read(lambda c: rows.orders(c, **asked))  # type: ignore[arg-type]
        booked = await database.read(lambda c: rows.fills(c, **asked))  # type: ignore[arg-type]
        return [order.number for order in found], [fill.number for fill in booked]

    for asked, expected in [
        ({}, [6, 5, 4, 3, 2, 1]),
        ({"account_prefix": "paper"}, [3, 2, 1]),
        ({"account_prefix": "paper/bot-3"}, [2]),
        ({"bot": 3}, [5, 2]),
        ({"bot": 0}, [6, 4, 1]),
        ({"account_prefix": "spot", "bot": 0}, [4]),
        ({"account_prefix": "spot/bot-3", "bot": 3}, [5]),
        ({"limit": 2}, [6, 5]),
        ({"limit": 2, "before": 5}, [4, 3]),
        ({"account_prefix": "paper", "before": 3, "limit": 1}, [2]),
    ]:
        assert await ids(**asked) == (expected, expected), asked
    after = await database.read(lambda c: rows.fills_after(c, 2))
    assert [fill.number for fill in after] == [3, 4, 5, 6]
    assert [f.number for f in await database.read(lambda c: rows.fills_after(c, 2, bot=3))] == [5]
    assert [f.number for f in await database.read(lambda c: rows.fills_after(c, 2, limit=1))] == [3]


async def test_audit_rows(database: Database) -> None:
    def write(connection: Connection) -> None:
        rows.add_audit(
            connection,
            kind="refused",
            caller="bot-3",
            code="RISK-CAPITAL",
            text="too \x1b[31mmuch",
            account="paper/bot-3",
            symbol="BTC_USDT",
            detail={"amount": D("1.50"), "list": [1, None, "x"], "ratio": 0.5},
            at_ms=NOW,
        )
        rows.add_audit(connection, kind="halt", caller="you", at_ms=NOW + 1)
        rows.add_audit(connection, kind="refused", caller="you", at_ms=NOW + 2)

    await database.transact(write)
    found = await database.read(rows.audit_rows)
    assert [row.number for row in found] == [3, 2, 1]
    assert found[2] == rows.AuditRow(
        number=1,
        kind="refused",
        caller="bot-3",
        account="paper/bot-3",
        symbol="BTC_USDT",
        code="RISK-CAPITAL",
        text="too ‹1b›[31mmuch",
        detail={"amount": "1.50", "list": [1, None, "x"], "ratio": 0.5},
        at_ms=NOW,
    )
    numbers = lambda **asked: database.read(lambda c: [row.number for row in rows.audit_rows(c, **asked)])  # noqa: E731
    assert await numbers(kind="refused") == [3, 1]
    assert await numbers(caller="you") == [3, 2]
    assert await numbers(kind="refused", caller="you") == [3]
    assert await numbers(kind="refused", before=3, limit=5) == [1]


async def test_capital_moves_once_and_never_more_than_there_is(database: Database) -> None:
    from polotui.trading.ledger import add_entry

    await database.transact(
        lambda c: add_entry(
            c, id="d", account="paper", kind="deposit", currency="USDT", amount=D(100), ts_ms=1, note=""
        )
    )

    async def move(id: str, amount: str, source: str = "paper", target: str = "paper/bot-3") -> object:
        return await database.transact(
            lambda c: rows.move_capital(
                c,
                id=id,
                from_account=source,
                to_account=target,
                currency="USDT",
                amount=D(amount),
                kind="allocate",
                at_ms=NOW,
                note="start",
            )
        )

    assert await move("m1", "60.5") is not None
    assert await move("m1", "60.5") is None
    for amount in ("39.51", "0", "-5"):
        with pytest.raises(UsageError):
            await move("m2", amount)
    with pytest.raises(UsageError):
        await move("m3", "61", "paper/bot-3", "paper")
    assert await move("m4", "60.5", "paper/bot-3", "paper") is not None
    for account, total in (("paper", 100), ("paper/bot-3", 0)):
        assert await database.read(lambda c, a=account: balances_of(c, a)) == {"USDT": Decimal(total)}


async def test_every_query_goes_by_an_index(database: Database) -> None:
    """All that the readers and writers of rows ask, as SQLite plans it: no scan, no sorting."""
    statements: list[str] = []

    def write(connection: Connection) -> None:
        connection.set_trace_callback(statements.append)
        placed(connection, S.SUBMITTING, S.ACCEPTED)
        book(connection, terms())
        rows.add_audit(connection, kind="a", caller="b", at_ms=1)
        rows.move_capital(
            connection,
            id="m",
            from_account="paper/bot-3",
            to_account="paper",
            currency="BTC",
            amount=D(1),
            kind="release",
            at_ms=1,
        )
        rows.terms_of(connection, "pt-1")
        rows.orders_not_final(connection)
        rows.order_events(connection, "pt-1")
        rows.fills_of(connection, "pt-1")
        for bot, prefix, before in itertools.product((None, 0, 3), ("", "paper", "paper/bot-3"), (0, 7)):
            rows.orders(connection, account_prefix=prefix, bot=bot, before=before)
            rows.fills(connection, account_prefix=prefix, bot=bot, before=before)
            rows.fills_after(connection, before, bot=bot)
        for kind, caller in itertools.product(("", "a"), ("", "b")):
            rows.audit_rows(connection, kind=kind, caller=caller)
        connection.set_trace_callback(None)
        for statement in set(statements):
            if not statement.startswith(("SELECT", "DELETE")):
                continue
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
            # The list of orders that are not final is read whole: that is what it is for.
            steps = [step for step in plan if step not in ("SCAN open_orders", "SCAN CONSTANT ROW")]
            # A whole chain from its end backwards is its primary key, in order, cut off by the limit.
            words = " | ".join(steps)
            assert "TEMP B-TREE" not in words, (statement, words)
            assert "SCAN" not in words or "ORDER BY number DESC LIMIT 1" in statement, (statement, words)

    await database.transact(write)
    assert len({statement for statement in statements if statement.startswith("SELECT")}) > 30
