"""A Dask cluster gives the rows that this machine's threads give."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from polotui.backtest import cluster, sweeps
from polotui.backtest.machine import Cancelled
from polotui.backtest.work import Axis
from polotui.core.clock import SystemClock
from tests.backtest import searching as s

distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


@pytest.fixture
async def address(kernel_cache: Path) -> AsyncIterator[str]:
    async with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        asynchronous=True,
        host="127.0.0.1",
        protocol="tcp://",
    ) as found:
        yield found.scheduler_address


async def test_the_same_rows_bit_for_bit(tmp_path: Path, address: str) -> None:
    here, there = s.Heard([]), s.Heard([])
    shelf: Any = s.shelf()
    gauge = s.gauge(tmp_path)
    one = await sweeps.sweep(s.work(threads=2), shelf, gauge, here, SystemClock())
    other = await sweeps.sweep(s.work(cluster=address), shelf, gauge, there, SystemClock())
    assert other == one
    by_place = [sorted(heard.rows, key=lambda row: row["place"]) for heard in (here, there)]
    assert by_place[0] == by_place[1]
    assert len(there.rows) == 24

    refusing = s.work(cluster=address, axes=[Axis(name="fast_len", least=1, most=3, step=1)])
    assert (await sweeps.sweep(refusing, shelf, gauge, there, SystemClock())).value["refused_count"] == 1

    stopped = s.Heard([], lambda part: gauge.cancel())
    gauge.cancel()
    with pytest.raises(Cancelled):
        await sweeps.sweep(s.work(cluster=address), shelf, gauge, stopped, SystemClock())


async def test_other_versions_are_refused(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf: Any = s.shelf()
    monkeypatch.setattr(cluster.compiling, "sources_hash", stranger)
    with pytest.raises(cluster.ClusterError, match="another"):
        await sweeps.sweep(s.work(cluster=address), shelf, s.gauge(tmp_path), s.Heard([]), SystemClock())


_asked: list[int] = []


def stranger() -> str:
    """Another answer each time, wherever it runs."""
    _asked.append(1)
    return f"{id(_asked)} {len(_asked)}"


async def test_nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    shelf: Any = s.shelf()
    work = s.work(cluster=f"tcp://127.0.0.1:{port}")
    with pytest.raises(cluster.ClusterError, match="No Dask scheduler"):
        await sweeps.sweep(work, shelf, s.gauge(tmp_path), s.Heard([]), SystemClock())
