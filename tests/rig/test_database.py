"""The inline database answers as the threaded one does."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import aiosqlite
import pytest

from polotui.core.clock import SystemClock
from polotui.core.ids import Chance
from polotui.storage.database import Database
from tests.rig import World, rig


async def exercise(path: Path) -> list[object]:
    seen: list[object] = []
    async with aiosqlite.connect(path) as database:
        await database.execute("create table t (id integer primary key, v text)")
        await database.executemany("insert into t (v) values (?)", [("a",), ("b",)])
        await database.commit()
        async with database.execute("select v from t order by id") as cursor:
            seen.append(await cursor.fetchall())
        try:
            await database.execute("select nothing from nowhere")
        except sqlite3.OperationalError as error:
            seen.append(str(error))
        await database.execute("insert into t (v) values ('c')")
        await database.rollback()
        seen.append(await (await database.execute("select count(*) from t")).fetchone())
    try:
        await database.execute("select 1")
    except ValueError as error:
        seen.append(str(error))
    return seen


def test_it_behaves_as_the_thread_does(tmp_path: Path) -> None:
    async def main(world: World) -> list[object]:
        return await exercise(tmp_path / "inline.db")

    assert rig(main) == asyncio.run(exercise(tmp_path / "threaded.db"))


def test_the_products_database_runs_on_it(tmp_path: Path) -> None:
    async def main(world: World) -> int:
        async with Database(tmp_path / "x.db", clock=world.clock, chance=world.chance) as database:
            await database.transact(lambda c: c.execute("create table t (n integer)"))

            async def add(number: int) -> None:
                await asyncio.sleep(world.chance.random())
                await database.transact(lambda c: c.execute("insert into t values (?)", (number,)))

            await asyncio.gather(*(add(number) for number in range(50)))
            rows = await database.read(lambda c: c.execute("select n from t").fetchall())
            world.note(rows)
            assert world.loop.now > 0
            return len(rows)

    assert rig(main, seed=1) == 50


def test_the_order_of_work_follows_the_seed(tmp_path: Path) -> None:
    def trace(seed: int, name: str) -> str:
        async def main(world: World) -> str:
            async with Database(tmp_path / name, clock=world.clock, chance=world.chance.child("db")) as database:
                await database.transact(lambda c: c.execute("create table t (n integer)"))

                async def add(number: int) -> None:
                    await asyncio.sleep(world.chance.random())
                    await database.transact(lambda c: c.execute("insert into t values (?)", (number,)))

                await asyncio.gather(*(add(number) for number in range(20)))
                world.note(await database.read(lambda c: c.execute("select n from t order by rowid").fetchall()))
            return world.trace

        return rig(main, seed=seed)

    assert trace(1, "a.db") == trace(1, "b.db")
    assert trace(2, "c.db") != trace(1, "d.db")


def test_a_failure_inside_is_the_callers(tmp_path: Path) -> None:
    async def main(world: World) -> None:
        async with Database(tmp_path / "x.db", clock=SystemClock(), chance=Chance("x")) as database:
            with pytest.raises(ZeroDivisionError):
                await database.transact(lambda c: 1 / 0)

    rig(main)
