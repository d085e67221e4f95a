"""A thousand damaged rows, each detected and named; and rows that fit their chains but not one another."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from pathlib import Path

import pytest

from polotui.core.hashchain import GENESIS, link
from polotui.model.orders import OrderState, OrderType, Side
from polotui.storage.chained import CHAINS, LATCHES
from polotui.storage.database import Connection
from polotui.trading import rows
from polotui.trading.ledger import add_entry
from polotui.trading.portfolio import Portfolio
from polotui.trading.trades import Least, book_trade
from polotui.trading.verify import verify
from tests.trading import cells
from tests.trading.makers import NOW, D, book, ledger_file, terms
from tests.trading.test_portfolio import memory

S = OrderState
FLIPS = 1_000


def trading(connection: Connection, orders: int = 45) -> None:
    """Some of everything that a ledger holds, all of it right."""
    add_entry(connection, id="d", account="paper", kind="deposit", currency="USDT", amount=D(90000), ts_ms=1, note="ä")
    for bot in (1, 2, 3):
        rows.move_capital(
            connection,
            id=f"bot-{bot}",
            from_account="paper",
            to_account=f"paper/bot-{bot}",
            currency="USDT",
            amount=D(10_000),
            kind="allocate",
            at_ms=NOW,
        )
    for place in range(orders):
        bot = place % 3 + 1
        side = Side.BUY if place // 3 % 2 == 0 else Side.SELL
        order = terms(f"pt-{place}", account=f"paper/bot-{bot}", bot=bot, side=side, price=D(100 + place))
        rows.add_intent(connection, order)
        rows.add_order_event(connection, order.id, S.SUBMITTING, at_ms=NOW + place)
        if place % 7 == 6:
            rows.add_order_event(connection, order.id, S.UNKNOWN, code="timeout", at_ms=NOW + place)
            continue
        for part, quantity in enumerate((D("0.4"), D("0.6"))):
            fee = {"fee": D("0.001"), "fee_currency": "BTC"} if place % 2 else {"fee": D(0)}
            fill = book(connection, order, f"t{place}.{part}", quantity=quantity, **fee)
            assert fill is not None
            book_trade(connection, fill, least=Least(D("0.01")), more=part == 0)
        rows.add_order_event(connection, order.id, S.FILLED, venue_id=f"v{place}", at_ms=NOW + place)
    for place in range(orders):
        detail = {"amount": D("1.5"), "place": place}
        rows.add_audit(
            connection, kind="refused", caller="bot-1", code="RISK", text="too much", detail=detail, at_ms=NOW
        )
        LATCHES.append(connection, (f"latch-{place}", "paper", "set", "because", 20_000, NOW))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed ledger file."""
    path = tmp_path_factory.mktemp("verify") / "ledger.db"

    async def write() -> None:
        async with ledger_file(path) as database:
            await database.transact(trading)

    asyncio.run(write())
    return path


def test_a_good_ledger_is_good(ledger: Path) -> None:
    connection = sqlite3.connect(ledger)
    report = verify(connection)
    assert report.ok, report.problems
    assert {found.chain for found in report.chains} == set(CHAINS)
    assert report.rows == sum(found.rows for found in report.chains) > FLIPS // 2
    assert report.digest == Portfolio.load(connection).digest()
    assert connection.execute("SELECT count(*) FROM trades").fetchone()[0] > 10
    connection.close()


@pytest.mark.parametrize("cell_size_check", ["ON", "OFF"])
def test_one_byte_of_a_thousand_rows(ledger: Path, cell_size_check: str) -> None:
    """Any byte of a row's cell in the file becomes any other: length, number, header, values, hashes. Left out is the
    one byte of a record that SQLite itself does not read."""
    draw = random.Random(1_000)
    good = ledger.read_bytes()
    places = {table: cells.rows(ledger, table) for table in CHAINS}
    assert all(len(found) >= 45 for found in places.values())
    flipped, exact = 0, 0
    every = [(table, number) for table, found in places.items() for number in found]
    targets = [*every, *draw.choices(every, k=max(0, FLIPS // 2 - len(every)))]
    draw.shuffle(targets)
    with ledger.open("r+b", buffering=0) as file:
        for table, number in targets[: FLIPS // 2]:
            cell = places[table][number]
            place = draw.choice([at for at in cell if at != cells.empty_place(good, cell)])
            changed = good[place] ^ draw.randint(1, 255)
            file.seek(place)
            file.write(bytes([changed]))
            connection = sqlite3.connect(ledger)
            connection.execute(f"PRAGMA cell_size_check={cell_size_check}")
            report = CHAINS[table].verify(connection)
            connection.close()
            file.seek(place)
            file.write(good[place : place + 1])
            assert not report.ok, (table, number, place - cell.start, good[place], changed)
            assert report.bad_row == number, (table, number, place - cell.start, good[place], changed, report)
            assert report.reason
            flipped += 1
            exact += report.bad_row == number
    assert flipped == exact == FLIPS // 2
    assert ledger.read_bytes() == good


def test_what_is_broken_is_named_by_its_chain(ledger: Path, tmp_path: Path) -> None:
    """All checks together, on the file that a person has."""
    good = ledger.read_bytes()
    copy = tmp_path / "copy.db"
    for table in CHAINS:
        cell = cells.rows(ledger, table)[7]
        place = cell.stop - 3
        copy.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        connection = sqlite3.connect(copy)
        report = verify(connection)
        connection.close()
        assert not report.ok
        assert [(problem.table, problem.row) for problem in report.problems] == [(table, 7)]
        assert report.digest == ""


# ── rows that fit their chains, but not one another ──────────────────────────────────────────────────────────────────


def rechained(connection: Connection, table: str, statement: str) -> None:
    """Changes rows and hashes the whole chain anew, as a mistake in the program would."""
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement)
    chain = CHAINS[table]
    previous, number = GENESIS, 0
    old = connection.execute(f"{chain.select} ORDER BY number").fetchall()
    connection.execute(f"DELETE FROM {table}")
    for number, row in enumerate(old, 1):
        fields = row[1:-2]
        hash_ = link(previous, (number, *fields))
        values = (number, *fields, previous, hash_)
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
        previous = hash_
    connection.execute("UPDATE chain_heads SET number = ?, hash = ? WHERE chain = ?", (number, previous, table))


MISTAKES = [
    ("fills", "UPDATE fills SET order_id = 'pt-none' WHERE number = 5", "fills", 5, "there is no order pt-none"),
    ("fills", "UPDATE fills SET side = 'SELL' WHERE number = 1", "fills", 1, "asked for something else"),
    ("fills", "UPDATE fills SET account = 'paper' WHERE number = 4", "fills", 4, "asked for something else"),
    ("fills", "UPDATE fills SET price = '1' WHERE number = 2", "fills", 2, "its quote entry"),
    ("fills", "UPDATE fills SET fee = '0.0011' WHERE number = 4", "fills", 4, "its fee entry"),
    ("entries", "UPDATE entries SET amount = '0.41' WHERE id = 'paper:t0.0:base'", "fills", 1, "its base entry"),
    ("entries", "UPDATE entries SET account = 'paper' WHERE id = 'paper:t0.0:quote'", "fills", 1, "its quote entry"),
    ("entries", "DELETE FROM entries WHERE id = 'paper:t0.1:base'", "fills", 2, "its base entry"),
    ("entries", "UPDATE entries SET id = 'paper:t9:base' WHERE id = 'paper:t0.1:base'", "fills", 2, "its base entry"),
    ("fills", "DELETE FROM fills WHERE id = 'paper:t0.1'", "entries", 10, "no fill for paper:t0.1:base"),
    ("intents", "DELETE FROM intents WHERE id = 'pt-6'", "order_events", 13, "there is no order pt-6"),
    ("intents", "UPDATE intents SET quantity = '0.9' WHERE id = 'pt-3'", "fills", 8, "asked for 0.9 and traded 1"),
    ("entries", "UPDATE entries SET amount = '9999' WHERE id = 'bot-2:in'", "entries", 4, "the other half"),
    ("entries", "DELETE FROM entries WHERE id = 'bot-3:out'", "entries", 6, "the other half"),
    ("latches", "DELETE FROM open_orders", "intents", 7, "not in the list of open ones"),
    ("latches", "UPDATE trades SET profit = profit + 1 WHERE id = 1", "trades", 0, "not the money that moved"),
    ("latches", "UPDATE trades SET account = 'spot' WHERE id = 1", "trades", 0, ""),
]


@pytest.mark.parametrize(("table", "statement", "named", "row", "words"), MISTAKES)
def test_rows_that_do_not_belong_together(table: str, statement: str, named: str, row: int, words: str) -> None:
    with memory() as connection:
        trading(connection, 9)
        assert verify(connection).ok
        rechained(connection, table, statement)
        report = verify(connection)
        assert all(found.ok for found in report.chains), "the chains themselves are right"
        assert not report.ok
        found = [problem for problem in report.problems if problem.table == named and words in problem.reason]
        assert found, report.problems
        assert row in (0, found[0].row), report.problems


def test_a_market_order_may_not_spend_more_than_it_said() -> None:
    with memory() as connection:
        order = terms(type=OrderType.MARKET, quantity=None, amount=D(50), price=None)
        rows.add_intent(connection, order)
        book(connection, order, "a", price=D(100), quantity=D("0.5"))
        assert verify(connection).ok
        book(connection, order, "b", price=D(100), quantity=D("0.0001"))
        (problem,) = verify(connection).problems
        assert (problem.table, problem.row) == ("fills", 2)
        assert "to spend 50 and spent 50.01" in problem.reason


def test_an_empty_ledger_is_good() -> None:
    with memory() as connection:
        assert verify(connection).ok
