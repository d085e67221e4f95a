"""`polotui logs`: all processes in order, filtered, searched, followed through rotation."""

from __future__ import annotations

import json

import pytest

from polotui.cli.logs import Follower, worded
from tests.cli.conftest import Shell

NOON = 1_714_564_800_000


def line(number: int, level: str = "info", **more: object) -> str:
    fields = {"ts": NOON + number * 1000, "level": level, "logger": "polotui.x", "message": f"line {number}"}
    return json.dumps(fields | more) + "\n"


@pytest.fixture
def logged(shell: Shell) -> Shell:
    shell.home.logs.mkdir(parents=True)
    (shell.home.logs / "engine.log.1").write_text(line(1) + line(2, "debug"))
    (shell.home.logs / "engine.log").write_text(line(4, "error", traceback="Trace\n  here") + line(6, "warning"))
    (shell.home.logs / "face.log").write_text(line(3) + line(5, task="st\x1b[2Jream"))
    return shell


def numbers(shell: Shell, *words: str) -> list[int]:
    return [int(row["message"].split()[1]) for row in shell("logs", *words, "--json").document["lines"]]


def test_all_processes_in_the_order_of_time(logged: Shell) -> None:
    assert numbers(logged) == [1, 3, 4, 5, 6]


def test_the_last_so_many(logged: Shell) -> None:
    assert numbers(logged, "-n", "2") == [5, 6]


def test_levels(logged: Shell) -> None:
    assert numbers(logged, "--level", "debug") == [1, 2, 3, 4, 5, 6]
    assert numbers(logged, "--level", "warning") == [4, 6]


def test_search_looks_into_every_field(logged: Shell) -> None:
    assert numbers(logged, "search", "LINE", "3") == [3]
    assert numbers(logged, "search", "here") == [4]
    assert numbers(logged, "search", "nowhere") == []


def test_lines_are_clean_and_tracebacks_stay_readable(logged: Shell) -> None:
    out = logged("logs").out
    assert "\x1b" not in out
    assert "    Trace\n      here\n" in out
    assert "task=st‹1b›[2Jream" in out


def test_what_is_not_json_is_shown_all_the_same(logged: Shell) -> None:
    with (logged.home.logs / "engine.log").open("ab") as file:
        file.write(b'{"ts": 17\xff\n["list"]\n')
    assert '{"ts": 17' in logged("logs").out


@pytest.mark.parametrize("odd", ['{"ts": "x", "level": 5, "message": null}', "null", "7", "{}", '{"ts": 1e400}'])
def test_odd_lines_break_nothing(logged: Shell, odd: str) -> None:
    (logged.home.logs / "engine.log").write_text(odd + "\n")
    assert logged("logs").code == 0


def test_no_logs_yet(shell: Shell) -> None:
    result = shell("logs")
    assert result.code == 0
    assert str(shell.home.logs) in result.out


def test_following_reads_what_is_new_and_whole(logged: Shell) -> None:
    log = logged.home.logs / "engine.log"
    follower = Follower(logged.home.logs)
    assert follower.read() == []
    with log.open("a") as file:
        file.write(line(7) + line(8)[:10])
        file.flush()
        assert [row["message"] for row in follower.read()] == ["line 7"]
        file.write(line(8)[10:])
        file.flush()
        assert [row["message"] for row in follower.read()] == ["line 8"]


def test_following_survives_rotation_and_new_files(logged: Shell) -> None:
    log = logged.home.logs / "engine.log"
    follower = Follower(logged.home.logs)
    log.rename(logged.home.logs / "engine.log.1")
    log.write_text(line(9))
    (logged.home.logs / "simulator.log").write_text(line(8))
    rows = follower.read()
    assert [(row["process"], row["message"]) for row in rows] == [("simulator", "line 8"), ("engine", "line 9")]
    assert "line 9" in worded(rows[1])
